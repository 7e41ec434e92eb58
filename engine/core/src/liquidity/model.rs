//! The rules once more, written naively: what tests compare the resolution with. Shares only the values with it.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers; an overflow fails the test")]

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::gridlock::Funds;
use super::resolve::{Liquidity, Priority, Waiting};
use crate::account::{AccountHandle, SlotHandle};

/// Net effects on accounts and slots, minor units.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Nets {
    accounts: BTreeMap<AccountHandle, i128>,
    slots: BTreeMap<SlotHandle, i128>,
}

impl Nets {
    pub(super) fn of<'a>(payments: impl IntoIterator<Item = &'a Waiting>) -> Self {
        let mut nets = Self::default();
        payments.into_iter().for_each(|payment| nets.add(payment));
        nets
    }

    pub(super) fn add(&mut self, payment: &Waiting) {
        let amount = i128::from(payment.amount);
        *self.accounts.entry(payment.debtor).or_default() -= amount;
        *self.accounts.entry(payment.creditor).or_default() += amount;
        if payment.debtor_slot != payment.creditor_slot {
            *self.slots.entry(payment.debtor_slot).or_default() -= amount;
            *self.slots.entry(payment.creditor_slot).or_default() += amount;
        }
    }

    /// Whether `set` on top of these leaves no cell that it debits below zero.
    pub(super) fn bear(&self, funds: &Funds, set: &Self) -> bool {
        let bears =
            |has: i128, before: i128, net: i128| has == i128::MAX || net >= 0 || has + before + net >= 0;
        let net = |nets: Option<&i128>| nets.copied().unwrap_or(0);
        set.accounts
            .iter()
            .all(|(at, change)| bears(funds.available(*at), net(self.accounts.get(at)), *change))
            && set
                .slots
                .iter()
                .all(|(at, change)| bears(funds.headroom(*at), net(self.slots.get(at)), *change))
    }
}

/// What must be released before `payment`, or with it.
fn earlier<'a>(waiting: &'a [Waiting], payment: &'a Waiting, now: u64) -> impl Iterator<Item = &'a Waiting> {
    let key = |waiting: &Waiting| (waiting.priority, waiting.order, waiting.id);
    waiting.iter().filter(move |other| {
        other.debtor == payment.debtor
            && other.earliest <= now
            && other.priority != Priority::Normal
            && key(other) < key(payment)
    })
}

/// Whether a set may be released as far as order goes, after `released`.
pub(super) fn is_in_order(
    waiting: &[Waiting],
    released: &BTreeSet<u128>,
    set: &[&Waiting],
    now: u64,
) -> bool {
    let ids: BTreeSet<_> = set.iter().map(|payment| payment.id).collect();
    set.iter().all(|payment| {
        earlier(waiting, payment, now).all(|other| released.contains(&other.id) || ids.contains(&other.id))
    })
}

/// Replays sets: each must name payments that wait, once, in order, and fit. Gives what was released.
pub(super) fn replay(waiting: &[Waiting], now: u64, funds: &Funds, sets: &[Vec<u128>]) -> BTreeSet<u128> {
    let by_id: BTreeMap<_, _> = waiting.iter().map(|payment| (payment.id, payment)).collect();
    let (mut released, mut nets) = (BTreeSet::new(), Nets::default());
    for set in sets {
        assert!(!set.is_empty(), "an empty set");
        let payments: Vec<_> = set.iter().map(|id| by_id[id]).collect();
        assert!(payments.iter().all(|payment| payment.earliest <= now), "too early: {set:?}");
        assert!(is_in_order(waiting, &released, &payments, now), "out of order: {set:?} after {released:?}");
        let net = Nets::of(payments.iter().copied());
        assert!(nets.bear(funds, &net), "does not fit: {set:?} after {released:?}");
        payments.iter().for_each(|payment| nets.add(payment));
        assert!(set.iter().all(|id| released.insert(*id)), "twice: {set:?}");
    }
    released
}

/// The payments that could still be released alone.
pub(super) fn releasable(
    waiting: &[Waiting],
    now: u64,
    funds: &Funds,
    released: &BTreeSet<u128>,
) -> Vec<u128> {
    let nets = Nets::of(waiting.iter().filter(|payment| released.contains(&payment.id)));
    let left = waiting.iter().filter(|payment| payment.earliest <= now && !released.contains(&payment.id));
    let can = left.filter(|payment| {
        nets.bear(funds, &Nets::of([*payment])) && is_in_order(waiting, released, &[payment], now)
    });
    can.map(|payment| payment.id).collect()
}

/// The best that any set released at once could do, found by trying all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Best {
    /// The largest number of payments.
    pub(super) count: usize,
    /// The largest value.
    pub(super) value: u128,
    /// The largest set by number; the first of equals.
    pub(super) set: BTreeSet<u128>,
}

/// Tries all subsets: 2^n.
pub(super) fn best(waiting: &[Waiting], now: u64, funds: &Funds) -> Best {
    let mut best = Best::default();
    for chosen in 0_u32..1 << waiting.len() {
        let is_chosen = |at: &usize| chosen >> at & 1 == 1;
        let set: Vec<_> = (0..waiting.len()).filter(is_chosen).map(|at| &waiting[at]).collect();
        if set.iter().any(|payment| payment.earliest > now)
            || !Nets::default().bear(funds, &Nets::of(set.iter().copied()))
            || !is_in_order(waiting, &BTreeSet::new(), &set, now)
        {
            continue;
        }
        best.value = best.value.max(set.iter().map(|payment| u128::from(payment.amount)).sum());
        if set.len() > best.count {
            best.count = set.len();
            best.set = set.iter().map(|payment| payment.id).collect();
        }
    }
    best
}

/// What `released` is worth.
pub(super) fn value(waiting: &[Waiting], released: &BTreeSet<u128>) -> u128 {
    let released = waiting.iter().filter(|payment| released.contains(&payment.id));
    released.map(|payment| u128::from(payment.amount)).sum()
}
