//! A made gridlock, for tests and benchmarks: banks whose urgent payments wait for each other in a ring, and
//! behind these a day's queue. Nothing in it can be released alone.

use alloc::vec::Vec;

use super::resolve::{Liquidity, Priority, Waiting};
use crate::account::{AccountHandle, SlotHandle};
use crate::number::{index, number32};

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

/// A queue of `payments` between `banks` (account and slot of the same number each), the same for the same
/// seed. Amounts spread over four decades; of a hundred payments 2 are urgent and 18 high. Each bank has about
/// `permille` thousandths of what it wants to pay, and as much headroom again.
#[must_use]
pub fn gridlock(seed: u64, banks: u32, payments: u32, permille: u32) -> (Vec<Waiting>, Funds) {
    let mut numbers = Numbers(seed);
    let mut waiting: Vec<_> = (0..payments).map(|at| payment(&mut numbers, at, banks)).collect();
    let mut outflow = alloc::vec![0_i128; index(banks.into())];
    for payment in &waiting {
        if let Some(sum) = outflow.get_mut(index(payment.debtor)) {
            *sum = sum.saturating_add(payment.amount.into());
        }
    }
    let share = |sum: &i128| sum.saturating_mul(permille.into()).checked_div(1_000).unwrap_or(0);
    let available: Vec<_> = outflow.iter().map(share).collect();
    let headroom = available.iter().map(|funds| funds.saturating_mul(2)).collect();
    // The ring: each bank first owes the next a little more than any bank has.
    let most = available.iter().max().copied().unwrap_or(0);
    for first in waiting.iter_mut().take(index(banks.into())) {
        first.priority = Priority::Urgent;
        first.amount = u64::try_from(most).unwrap_or(0).saturating_add(1);
    }
    (waiting, Funds { available, headroom })
}

fn payment(numbers: &mut Numbers, at: u32, banks: u32) -> Waiting {
    let next = |bank: u32| bank.saturating_add(1).checked_rem(banks).unwrap_or(0);
    let (debtor, creditor) = if at < banks {
        (at, next(at))
    } else {
        let bank = number32(index(numbers.below(banks.into())));
        let other = number32(index(numbers.below(banks.into())));
        (bank, if other == bank { next(bank) } else { other })
    };
    let scale = [100, 1_000, 10_000, 100_000].get(index(numbers.below(4))).copied().unwrap_or(1);
    Waiting {
        id: u128::from(at).saturating_add(1),
        debtor: debtor.into(),
        creditor: creditor.into(),
        debtor_slot: debtor,
        creditor_slot: creditor,
        amount: numbers.below(9 * scale).saturating_add(scale),
        priority: match numbers.below(100) {
            0..2 => Priority::Urgent,
            2..20 => Priority::High,
            _ => Priority::Normal,
        },
        order: at.into(),
        earliest: 0,
    }
}
