//! What transfers use of limits: nets between two positions in the open cycle, and what was paid in a period. Only for who
//! has such a limit, and from the moment on in which it was set; what is reserved by holds is counted from their own.
//!
//! A net is kept at the owner of the position that has the limit, what was paid at the owner of the account or position.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Controls, SlotControls, Spender, append};
use crate::account::{AccountHandle, SlotHandle, UNLIMITED};
use crate::claim::Claim;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::hold::{Freed, Hold, Holds};
use crate::ledger::{Share, add, shifted};
use crate::number::index;
use crate::outcome::RejectReason;
use crate::overlay::{Overlay, shifts, slot_shift};
use crate::participant::CycleNumber;
use crate::registry::{Effect, Metering, Registry};

/// Who has the limit, and towards whom.
pub type PairKey = (SlotHandle, SlotHandle);

/// One position's net with another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pair {
    /// Paid to the other less got from it, in the open cycle, minor units.
    pub net: i128,
    /// Reserved by pending holds towards the other, minor units.
    pub reserved: u64,
}

impl Pair {
    /// What counts against a limit.
    #[must_use]
    pub fn exposure(&self) -> i128 {
        add(self.net, self.reserved.into())
    }
}

/// What was paid in a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spent {
    /// The period's number: frame time by its length.
    pub period: u64,
    /// Cleared and held, minor units.
    pub amount: u128,
    /// Transfers that cleared or were held.
    pub count: u32,
}

/// All that is counted, as of some moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meters {
    /// Nets that are not zero.
    pub pairs: BTreeMap<PairKey, Pair>,
    /// What was paid, of each the last period in which anything was.
    pub spent: BTreeMap<Spender, Spent>,
}

impl Meters {
    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.spent.is_empty()
    }

    /// What counts against a limit of one towards another.
    #[must_use]
    pub fn exposure(&self, pair: PairKey) -> i128 {
        self.pairs.get(&pair).map_or(0, Pair::exposure)
    }

    /// What was paid in a period.
    #[must_use]
    pub fn spent(&self, spender: Spender, period: u64) -> Spent {
        let spent = self.spent.get(&spender).copied().filter(|spent| spent.period == period);
        spent.unwrap_or(Spent { period, ..Spent::default() })
    }

    /// A cycle ends: nets of the positions that it counts begin at zero. What holds reserve stays reserved.
    pub(crate) fn close(&mut self, registry: &Registry, cycle: CycleNumber) {
        self.pairs.retain(|(slot, _), pair| {
            let terms = registry.slots().get(index((*slot).into()));
            if terms.is_some_and(|terms| registry.is_counted(cycle, terms.currency)) {
                pair.net = 0;
                pair.reserved > 0
            } else {
                true
            }
        });
    }

    /// Takes over what a block has changed.
    pub(crate) fn absorb(&mut self, changes: &Changes) {
        changes.pairs.iter().for_each(|(key, pair)| put(&mut self.pairs, *key, *pair));
        changes.spent.iter().for_each(|(key, spent)| put(&mut self.spent, *key, *spent));
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.pairs.len());
        for ((slot, towards), pair) in &self.pairs {
            to.u32(*slot);
            to.u32(*towards);
            to.i128(pair.net);
            to.u64(pair.reserved);
        }
        to.count(self.spent.len());
        for (spender, spent) in &self.spent {
            spender.encode(to);
            to.u64(spent.period);
            to.u128(spent.amount);
            to.u32(spent.count);
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let mut meters = Self::default();
        for _ in 0..from.count(count_max)? {
            let key = (from.u32()?, from.u32()?);
            let pair = Pair { net: from.i128()?, reserved: from.u64()? };
            append(&mut meters.pairs, key, pair, pair != Pair::default())?;
        }
        for _ in 0..from.count(count_max)? {
            let spender = Spender::decode(from)?;
            let spent = Spent { period: from.u64()?, amount: from.u128()?, count: from.u32()? };
            append(&mut meters.spent, spender, spent, true)?;
        }
        Ok(meters)
    }
}

/// What a block has changed, each once: as it is now, or none for what is counted no longer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Nets.
    pub pairs: Vec<(PairKey, Option<Pair>)>,
    /// What was paid.
    pub spent: Vec<(Spender, Option<Spent>)>,
}

impl Changes {
    pub(crate) fn extend(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.spent.extend(other.spent);
    }
}

/// What is counted in one share.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    share: Share,
    meters: Meters,
    changed_pairs: BTreeSet<PairKey>,
    changed_spent: BTreeSet<Spender>,
}

impl Default for Usage {
    fn default() -> Self {
        Self::new(Share::WHOLE, Meters::default())
    }
}

impl Usage {
    fn new(share: Share, meters: Meters) -> Self {
        Self { share, meters, changed_pairs: BTreeSet::new(), changed_spent: BTreeSet::new() }
    }

    /// That of a mirror; nothing has changed yet.
    pub(crate) fn restored(meters: &Meters) -> Self {
        Self::new(Share::WHOLE, meters.clone())
    }

    /// One share's part of a whole, in the midst of a block too.
    pub(crate) fn part(&self, share: Share, registry: &Registry) -> Self {
        let mut part = Self::new(share, self.meters.clone());
        let owns = |spender: &Spender| match spender {
            Spender::Account(account) => share.holds(*account),
            Spender::Position(slot) => owns_slot(share, registry, *slot),
        };
        part.meters.pairs.retain(|(slot, _), _| owns_slot(share, registry, *slot));
        part.meters.spent.retain(|spender, _| owns(spender));
        let pairs = self.changed_pairs.iter().copied();
        part.changed_pairs = pairs.filter(|(slot, _)| owns_slot(share, registry, *slot)).collect();
        part.changed_spent = self.changed_spent.iter().copied().filter(owns).collect();
        part
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Whether limits whose cells are here bear claims: one on top of what `overlay` says, or a group at once.
    ///
    /// # Errors
    /// [`RejectReason::BilateralLimitExceeded`], [`RejectReason::MultilateralLimitExceeded`],
    /// [`RejectReason::VelocityExceeded`].
    pub(crate) fn check(
        &self,
        claims: &[Claim],
        overlay: &Overlay,
        (registry, timestamp): (&Registry, u64),
    ) -> Result<(), RejectReason> {
        let asked = self.asked(claims, registry);
        let exceeds = |pair: &PairKey, limit: u64| {
            let sum = asked.get(pair).copied().unwrap_or(0);
            sum > 0 && add(self.exposure(*pair, overlay), sum) > limit.into()
        };
        let controls = registry.controls();
        let over_bilateral = asked
            .keys()
            .any(|pair| controls.bilateral().get(pair).is_some_and(|limit| exceeds(pair, *limit)));
        if over_bilateral {
            return Err(RejectReason::BilateralLimitExceeded);
        }
        self.check_multilateral(&asked, overlay, controls)?;
        self.check_velocity(claims, overlay, (registry, timestamp))
    }

    /// What claims add, at once, to nets that are kept here.
    fn asked(&self, claims: &[Claim], registry: &Registry) -> BTreeMap<PairKey, i128> {
        let mut asked = BTreeMap::new();
        let mut shift = |pair: PairKey, change| {
            if owns_slot(self.share, registry, pair.0) {
                let sum: &mut i128 = asked.entry(pair).or_default();
                *sum = add(*sum, change);
            }
        };
        for claim in claims {
            let amount = i128::from(claim.amount);
            if claim.controls.has(SlotControls::SENDER) {
                shift((claim.debtor_slot, claim.creditor_slot), amount);
            }
            if claim.controls.has(SlotControls::CREDITOR) && claim.moves() {
                shift((claim.creditor_slot, claim.debtor_slot), amount.wrapping_neg());
            }
        }
        asked
    }

    fn check_multilateral(
        &self,
        asked: &BTreeMap<PairKey, i128>,
        overlay: &Overlay,
        controls: &Controls,
    ) -> Result<(), RejectReason> {
        let is_free = |pair: &PairKey| !controls.bilateral().contains_key(pair);
        let mut sums: BTreeMap<SlotHandle, i128> = BTreeMap::new();
        for (pair, sum) in asked.iter().filter(|(pair, _)| is_free(pair)) {
            let all = sums.entry(pair.0).or_default();
            *all = add(*all, *sum);
        }
        for (slot, sum) in sums.into_iter().filter(|(_, sum)| *sum > 0) {
            let Some(limit) = controls.multilateral().get(&slot) else { continue };
            let others = (slot, 0)..=(slot, SlotHandle::MAX);
            let mut towards: BTreeSet<PairKey> =
                self.meters.pairs.range(others).map(|(pair, _)| *pair).collect();
            towards.extend(overlay.watched().iter().flat_map(|(claim, _)| {
                let pair = (claim.debtor_slot, claim.creditor_slot);
                [pair, (pair.1, pair.0)].into_iter().filter(|pair| pair.0 == slot && pair.1 != slot)
            }));
            let exposures = towards.iter().filter(|pair| is_free(pair));
            let exposure = exposures.fold(0, |all, pair| add(all, self.exposure(*pair, overlay)));
            if add(exposure, sum) > i128::from(*limit) {
                return Err(RejectReason::MultilateralLimitExceeded);
            }
        }
        Ok(())
    }

    /// What counts against a limit, with what earlier members of a chain do.
    fn exposure(&self, pair: PairKey, overlay: &Overlay) -> i128 {
        let mut exposure = self.meters.exposure(pair);
        for (claim, freed) in overlay.watched().iter().filter(|(claim, _)| claim.crosses()) {
            let (debtor, creditor) = shifts(claim, *freed);
            if (claim.debtor_slot, claim.creditor_slot) == pair {
                exposure = add(exposure, debtor.available.wrapping_neg());
            } else if (claim.creditor_slot, claim.debtor_slot) == pair {
                exposure = add(exposure, creditor.available.wrapping_neg());
            }
        }
        exposure
    }

    fn check_velocity(
        &self,
        claims: &[Claim],
        overlay: &Overlay,
        (registry, timestamp): (&Registry, u64),
    ) -> Result<(), RejectReason> {
        let mut asked: BTreeMap<Spender, (u128, u32)> = BTreeMap::new();
        for claim in claims {
            for spender in spenders(claim).filter(|at| self.owns(registry, *at)) {
                let sum = asked.entry(spender).or_default();
                *sum = (sum.0.saturating_add(claim.amount.into()), sum.1.saturating_add(1));
            }
        }
        for (spender, sum) in &mut asked {
            let earlier = overlay.watched().iter().map(|(claim, _)| claim);
            for claim in earlier.filter(|claim| spenders(claim).any(|at| at == *spender)) {
                *sum = (sum.0.saturating_add(claim.amount.into()), sum.1.saturating_add(1));
            }
        }
        for (spender, (amount, count)) in asked {
            let Some(velocity) = registry.controls().velocity().get(&spender) else { continue };
            let spent = self.meters.spent(spender, velocity.period_of(timestamp));
            let is_over =
                velocity.amount != UNLIMITED && spent.amount.saturating_add(amount) > velocity.amount.into();
            let is_often = velocity.count != u32::MAX && spent.count.saturating_add(count) > velocity.count;
            if is_over || is_often {
                return Err(RejectReason::VelocityExceeded);
            }
        }
        Ok(())
    }

    /// Counts an accepted claim where its cells are here.
    pub(crate) fn commit(&mut self, claim: &Claim, freed: Freed, (registry, timestamp): (&Registry, u64)) {
        let paid = if claim.moves() { i128::from(claim.amount) } else { 0 };
        if claim.controls.has(SlotControls::SENDER) {
            let (debtor, _) = shifts(claim, freed);
            let reserved = slot_shift(claim, debtor).reserved;
            self.shift_pair((claim.debtor_slot, claim.creditor_slot), (paid, reserved), registry);
        }
        if claim.controls.has(SlotControls::CREDITOR) {
            self.shift_pair((claim.creditor_slot, claim.debtor_slot), (paid.wrapping_neg(), 0), registry);
        }
        for spender in spenders(claim) {
            let Some(velocity) = registry.controls().velocity().get(&spender) else { continue };
            if self.owns(registry, spender) {
                let mut spent = self.meters.spent(spender, velocity.period_of(timestamp));
                spent.amount = spent.amount.saturating_add(claim.amount.into());
                spent.count = spent.count.saturating_add(1);
                self.meters.spent.insert(spender, spent);
                self.changed_spent.insert(spender);
            }
        }
    }

    /// Gives back what an expired hold reserved.
    pub(crate) fn release(&mut self, hold: &Hold, registry: &Registry) {
        if let Some(pair) = pair_of(hold, registry).filter(|pair| is_counted(registry, pair.0)) {
            self.shift_pair(pair, (0, i128::from(hold.amount).wrapping_neg()), registry);
        }
    }

    fn shift_pair(&mut self, key: PairKey, (net, reserved): (i128, i128), registry: &Registry) {
        if (net, reserved) == (0, 0) || !owns_slot(self.share, registry, key.0) {
            return;
        }
        let mut pair = self.meters.pairs.get(&key).copied().unwrap_or_default();
        pair.net = add(pair.net, net);
        pair.reserved = shifted(pair.reserved, reserved);
        put(&mut self.meters.pairs, key, (pair != Pair::default()).then_some(pair));
        self.changed_pairs.insert(key);
    }

    /// What an accepted command does to what is counted. Holds are those that this share knows.
    pub(crate) fn take_effect(&mut self, effect: Effect, registry: &Registry, holds: &Holds) {
        match effect {
            Effect::Limited(Metering::Begun(slot)) if owns_slot(self.share, registry, slot) => {
                let pairs = holds.iter().filter_map(|(_, hold)| Some((pair_of(&hold, registry)?, hold)));
                for (pair, hold) in pairs.filter(|(pair, _)| pair.0 == slot) {
                    self.shift_pair(pair, (0, hold.amount.into()), registry);
                }
            }
            Effect::Limited(Metering::Ended(slot)) => {
                let pairs = self.meters.pairs.range((slot, 0)..=(slot, SlotHandle::MAX));
                let ended: Vec<_> = pairs.map(|(key, _)| *key).collect();
                for key in ended {
                    self.meters.pairs.remove(&key);
                    self.changed_pairs.insert(key);
                }
            }
            Effect::Limited(Metering::Anew(spender)) if self.meters.spent.remove(&spender).is_some() => {
                self.changed_spent.insert(spender);
            }
            _ => {}
        }
    }

    /// Ends the block: what changed in it. Where a cycle ends, nets then begin at zero.
    pub(crate) fn take_changed(&mut self, registry: &Registry, closes: Option<CycleNumber>) -> Changes {
        let pairs = core::mem::take(&mut self.changed_pairs).into_iter();
        let spent = core::mem::take(&mut self.changed_spent).into_iter();
        let changes = Changes {
            pairs: pairs.map(|key| (key, self.meters.pairs.get(&key).copied())).collect(),
            spent: spent.map(|key| (key, self.meters.spent.get(&key).copied())).collect(),
        };
        if let Some(cycle) = closes {
            self.meters.close(registry, cycle);
        }
        changes
    }

    fn owns(&self, registry: &Registry, spender: Spender) -> bool {
        match spender {
            Spender::Account(account) => self.share.holds(account),
            Spender::Position(slot) => owns_slot(self.share, registry, slot),
        }
    }
}

/// Whose velocity limits a claim counts against: a hold does when it is made, and its post then no more.
fn spenders(claim: &Claim) -> impl Iterator<Item = Spender> + use<> {
    let spends = claim.takes();
    let has = |controls| spends && claim.controls.has(controls);
    let account = has(SlotControls::ACCOUNT).then_some(Spender::Account(claim.debtor));
    let position = has(SlotControls::VELOCITY).then_some(Spender::Position(claim.debtor_slot));
    account.into_iter().chain(position)
}

fn owns_slot(share: Share, registry: &Registry, slot: SlotHandle) -> bool {
    registry.slots().get(index(slot.into())).is_some_and(|terms| share.holds(terms.clearing_account))
}

fn is_counted(registry: &Registry, slot: SlotHandle) -> bool {
    let terms = registry.slots().get(index(slot.into()));
    terms.is_some_and(|terms| terms.controls.has(SlotControls::SENDER))
}

/// The positions that a hold is between, if they are two.
fn pair_of(hold: &Hold, registry: &Registry) -> Option<PairKey> {
    let slot_of = |account: AccountHandle| registry.account(account).map(|terms| terms.slot);
    let pair = (slot_of(hold.debtor)?, slot_of(hold.creditor)?);
    (pair.0 != pair.1).then_some(pair)
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
