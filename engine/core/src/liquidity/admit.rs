//! Which payments that wait are borne by limits beyond cap and credit line without anything coming in: the first in queue
//! order, as many as each limit has room for. So what a limit would refuse fails no set that others settle in.

use alloc::collections::BTreeMap;

use super::plan::Standing;
use super::resolve::{Priority, Waiting};
use crate::account::{AccountHandle, SlotHandle, UNLIMITED};
use crate::controls::Spender;
use crate::controls::usage::PairKey;
use crate::ledger::add;
use crate::number::index;

/// What a limit says to a payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fate {
    /// Borne.
    Admitted,
    /// Borne only if something comes in with it.
    Beyond,
    /// Not in this period.
    Barred,
}

/// What limits have room for, minor units; filled as they are asked for, less what was admitted.
#[derive(Debug)]
pub(super) struct Room<'a, S> {
    standing: &'a S,
    now: u64,
    bilateral: BTreeMap<PairKey, i128>,
    multilateral: BTreeMap<SlotHandle, i128>,
    /// Of positions that keep some for classes, what is left for all.
    headroom: BTreeMap<SlotHandle, i128>,
    spent: BTreeMap<Spender, (u128, u32)>,
    /// Accounts whose next ones wait behind one that goes out in order and stays.
    stopped: BTreeMap<AccountHandle, Fate>,
}

impl<'a, S: Standing> Room<'a, S> {
    /// As a block left it, at frame time `now`.
    pub(super) fn of(standing: &'a S, now: u64) -> Self {
        Self {
            standing,
            now,
            bilateral: BTreeMap::new(),
            multilateral: BTreeMap::new(),
            headroom: BTreeMap::new(),
            spent: BTreeMap::new(),
            stopped: BTreeMap::new(),
        }
    }

    /// The next payment in queue order; takes the room that it needs where there is enough.
    pub(super) fn admit(&mut self, payment: &Waiting) -> Fate {
        let stopped = self.stopped.get(&payment.debtor).copied().unwrap_or(Fate::Admitted);
        let fate = stopped.max(self.velocity(payment)).max(self.senders(payment)).max(self.kept(payment));
        if fate == Fate::Admitted {
            self.take(payment);
        } else if payment.priority != Priority::Normal {
            self.stopped.insert(payment.debtor, fate);
        }
        fate
    }

    fn velocity(&mut self, payment: &Waiting) -> Fate {
        let controls = self.standing.registry().controls();
        for spender in spenders(payment) {
            let Some(velocity) = controls.velocity().get(&spender) else { continue };
            let now = self.standing.usage().spent(spender, velocity.period_of(self.now));
            let (amount, count) = *self.spent.entry(spender).or_insert((now.amount, now.count));
            let is_over = velocity.amount != UNLIMITED
                && amount.saturating_add(payment.amount.into()) > velocity.amount.into();
            if is_over || (velocity.count != u32::MAX && count >= velocity.count) {
                return Fate::Barred;
            }
        }
        Fate::Admitted
    }

    fn senders(&mut self, payment: &Waiting) -> Fate {
        let (controls, usage) = (self.standing.registry().controls(), self.standing.usage());
        let pair = (payment.debtor_slot, payment.creditor_slot);
        let room = if pair.0 == pair.1 {
            None
        } else if let Some(limit) = controls.bilateral().get(&pair) {
            let left = || add((*limit).into(), usage.exposure(pair).wrapping_neg());
            Some(*self.bilateral.entry(pair).or_insert_with(left))
        } else if let Some(limit) = controls.multilateral().get(&pair.0) {
            let others = usage.pairs.range((pair.0, 0)..=(pair.0, SlotHandle::MAX));
            let others = others.filter(|(pair, _)| !controls.bilateral().contains_key(pair));
            let used = || others.fold(0, |all, (_, pair)| add(all, pair.exposure()));
            let left = || add((*limit).into(), used().wrapping_neg());
            Some(*self.multilateral.entry(pair.0).or_insert_with(left))
        } else {
            None
        };
        beyond(room, payment)
    }

    fn kept(&mut self, payment: &Waiting) -> Fate {
        let controls = self.standing.registry().controls();
        let (slot, class) = (payment.debtor_slot, payment.priority);
        if slot == payment.creditor_slot || !controls.reservations().contains_key(&slot) {
            return Fate::Admitted;
        }
        let terms = self.standing.registry().slots().get(index(slot.into()));
        let headroom = self.standing.slot(slot).zip(terms);
        let headroom = headroom.map_or(0, |(cell, terms)| cell.headroom(terms.cap));
        let left = *self.headroom.entry(slot).or_insert(headroom);
        // What its headroom itself bears, the resolution sees.
        match controls.withheld(slot, class) {
            0 => Fate::Admitted,
            withheld => beyond(Some(left.saturating_sub(withheld)), payment),
        }
    }

    fn take(&mut self, payment: &Waiting) {
        let change = i128::from(payment.amount).wrapping_neg();
        let slot = payment.debtor_slot;
        let pair = (slot, payment.creditor_slot);
        let rooms = [
            self.bilateral.get_mut(&pair),
            self.multilateral.get_mut(&slot).filter(|_| {
                pair.0 != pair.1 && !self.standing.registry().controls().bilateral().contains_key(&pair)
            }),
            self.headroom.get_mut(&slot).filter(|_| pair.0 != pair.1),
        ];
        for room in rooms.into_iter().flatten() {
            *room = room.saturating_add(change);
        }
        for spender in spenders(payment) {
            if let Some((amount, count)) = self.spent.get_mut(&spender) {
                (*amount, *count) = (amount.saturating_add(payment.amount.into()), count.saturating_add(1));
            }
        }
    }
}

fn beyond(room: Option<i128>, payment: &Waiting) -> Fate {
    if room.is_some_and(|room| room < payment.amount.into()) { Fate::Beyond } else { Fate::Admitted }
}

fn spenders(payment: &Waiting) -> impl Iterator<Item = Spender> {
    let crosses = payment.debtor_slot != payment.creditor_slot;
    let position = crosses.then_some(Spender::Position(payment.debtor_slot));
    [Spender::Account(payment.debtor)].into_iter().chain(position)
}
