//! A made gridlock, for tests and benchmarks: banks whose urgent payments wait for each other in a ring, and
//! behind these a day's queue. Nothing in it can be released alone.

use alloc::vec::Vec;

use super::resolve::{Liquidity, Priority, Waiting};
use crate::account::{AccountHandle, SlotHandle};
use crate::number::{index, number, number32};

/// What accounts and slots have, by their handles; beyond these nothing binds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Funds {
    /// Available on each account, minor units.
    pub available: Vec<i128>,
    /// Headroom of each slot, minor units.
    pub headroom: Vec<i128>,
}

impl Liquidity for Funds {
    fn available(&self, account: AccountHandle) -> i128 {
        self.available.get(index(account)).copied().unwrap_or(i128::MAX)
    }

    fn headroom(&self, slot: SlotHandle) -> i128 {
        self.headroom.get(index(slot.into())).copied().unwrap_or(i128::MAX)
    }
}

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).checked_rem(end).unwrap_or(0)
    }
}

/// A queue of `payments` between `banks`, of which there are at least two (account and slot of a bank have one
/// number); the same for the same seed. Payments go round in circles of 3 to 7 banks whose amounts differ by up
/// to a tenth, as obligations of a day do, and stand in the queue in any order: 2 of a hundred are urgent, 18
/// high. Amounts spread over four decades. Each bank has `permille` thousandths of what it wants to pay, and
/// twice as much headroom.
#[must_use]
pub fn gridlock(seed: u64, banks: u32, payments: u32, permille: u32) -> (Vec<Waiting>, Funds) {
    let mut numbers = Numbers(seed);
    let mut waiting = Vec::new();
    let behind = index(payments.saturating_sub(banks).into());
    while waiting.len() < behind {
        circle(&mut numbers, banks, &mut waiting);
    }
    waiting.truncate(behind);
    let mut outflow = alloc::vec![0_i128; index(banks.into())];
    for payment in &waiting {
        if let Some(sum) = outflow.get_mut(index(payment.debtor)) {
            *sum = sum.saturating_add(payment.amount.into());
        }
    }
    let share = |sum: &i128| sum.saturating_mul(permille.into()).checked_div(1_000).unwrap_or(0);
    let available: Vec<_> = outflow.iter().map(share).collect();
    // Before all else, each bank owes the next one more than any bank has.
    let most = available.iter().max().and_then(|most| u64::try_from(*most).ok()).unwrap_or(0);
    for bank in 0..banks {
        let next = bank.saturating_add(1).checked_rem(banks).unwrap_or(0);
        let (order, amount) = (0, most.saturating_add(1));
        waiting.push(Waiting { order, amount, priority: Priority::Urgent, ..payment(&waiting, bank, next) });
    }
    let headroom = available.iter().map(|funds| funds.saturating_mul(2)).collect();
    (waiting, Funds { available, headroom })
}

/// Adds payments from a bank to a second, from that to a third, and so on, and back to the first.
fn circle(numbers: &mut Numbers, banks: u32, waiting: &mut Vec<Waiting>) {
    let scale = [100_u64, 1_000, 10_000, 100_000].get(index(numbers.below(4))).copied().unwrap_or(1);
    let amount = numbers.below(scale.saturating_mul(9)).saturating_add(scale);
    let bank = |numbers: &mut Numbers| number32(index(numbers.below(banks.into())));
    let first = bank(numbers);
    let mut debtor = first;
    for left in (0..numbers.below(5).saturating_add(3)).rev() {
        let creditor = if left == 0 { first } else { bank(numbers) };
        if creditor == debtor {
            continue;
        }
        let more = numbers.below(amount.checked_div(10).unwrap_or(0).max(1));
        waiting.push(Waiting {
            amount: amount.saturating_add(more),
            priority: match numbers.below(100) {
                0..2 => Priority::Urgent,
                2..20 => Priority::High,
                _ => Priority::Normal,
            },
            order: numbers.below(1 << 32).saturating_add(1),
            ..payment(waiting, debtor, creditor)
        });
        debtor = creditor;
    }
}

/// The next payment, of nothing yet.
fn payment(waiting: &[Waiting], debtor: SlotHandle, creditor: SlotHandle) -> Waiting {
    Waiting {
        id: u128::from(number(waiting.len())).saturating_add(1),
        debtor: debtor.into(),
        creditor: creditor.into(),
        debtor_slot: debtor,
        creditor_slot: creditor,
        amount: 0,
        priority: Priority::Normal,
        order: 0,
        earliest: 0,
    }
}
