//! What the numbers of a default's next step must be: a pure function of who has paid whom in the cycle and of the steps
//! before it, so that whoever has the journal comes to the same. The engine checks form, sum and order of what is
//! ordered, for it keeps no nets of pairs; the operator's command line orders what is computed here, and audits and
//! validators hold what was ordered against it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::share::{Cover, cover};
use super::{Booked, Defaults, Step, at_slot};
use crate::account::SlotHandle;
use crate::currency::Currency;
use crate::participant::{ParticipantHandle, SlotTerms};

/// What each two positions have gained from each other in a cycle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PairNets(BTreeMap<(SlotHandle, SlotHandle), i128>);

impl PairNets {
    /// A cleared transfer of minor units between two positions. Within one position none is moved.
    pub fn add(&mut self, debtor: SlotHandle, creditor: SlotHandle, amount: u64) {
        if debtor == creditor {
            return;
        }
        let (key, gain) = match debtor < creditor {
            true => ((debtor, creditor), i128::from(amount).saturating_neg()),
            false => ((creditor, debtor), i128::from(amount)),
        };
        let net = self.0.entry(key).or_default();
        *net = net.saturating_add(gain);
    }

    /// What a position has gained from another; below zero: lost to it.
    #[must_use]
    pub fn net_with(&self, slot: SlotHandle, other: SlotHandle) -> i128 {
        let net = |first, second| self.0.get(&(first, second)).copied().unwrap_or(0);
        if slot < other { net(slot, other) } else { net(other, slot).saturating_neg() }
    }

    /// What each position has gained from all others.
    fn sums(&self) -> BTreeMap<SlotHandle, i128> {
        let mut sums = BTreeMap::<SlotHandle, i128>::new();
        for ((first, second), net) in &self.0 {
            for (slot, gain) in [(first, *net), (second, net.saturating_neg())] {
                let sum = sums.entry(*slot).or_default();
                *sum = sum.saturating_add(gain);
            }
        }
        sums
    }
}

/// Of pairs with what the first has gained from the second.
impl FromIterator<(SlotHandle, SlotHandle, i128)> for PairNets {
    fn from_iter<T: IntoIterator<Item = (SlotHandle, SlotHandle, i128)>>(pairs: T) -> Self {
        let ordered = pairs.into_iter().map(|(slot, other, net)| match slot < other {
            true => ((slot, other), net),
            false => ((other, slot), net.saturating_neg()),
        });
        Self(ordered.collect())
    }
}

/// A cycle as it stands before its next step.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    slots: &'a [SlotTerms],
    pairs: &'a PairNets,
    /// Those of this cycle, oldest first.
    steps: Vec<&'a Step>,
    /// Net positions before the next step; those that are not here are zero.
    nets: BTreeMap<SlotHandle, i128>,
}

impl<'a> Plan<'a> {
    /// Of a closed cycle's pairs and its steps so far.
    #[must_use]
    pub fn new(slots: &'a [SlotTerms], steps: Vec<&'a Step>, pairs: &'a PairNets) -> Self {
        let mut nets = pairs.sums();
        nets.retain(|slot, _| at_slot(slots, *slot).is_some_and(|terms| terms.model.is_deferred()));
        for step in &steps {
            for (slot, net) in &mut nets {
                *net = step.net_of(*slot, *net);
            }
        }
        Self { slots, pairs, steps, nets }
    }

    /// A position's net before the next step, minor units.
    #[must_use]
    pub fn net(&self, slot: SlotHandle) -> i128 {
        self.nets.get(&slot).copied().unwrap_or(0)
    }

    /// What a position has gained from another in the cycle, minor units; zero where it has not.
    #[must_use]
    pub fn exposure(&self, slot: SlotHandle, to: SlotHandle) -> u64 {
        u64::try_from(self.pairs.net_with(slot, to).max(0)).unwrap_or(u64::MAX)
    }

    /// All nets that are not zero once a participant is out of the cycle, ascending by slot. None behind a waterfall:
    /// what it has laid on the survivors is in the nets and can't be told from what they owe.
    #[must_use]
    pub fn recast(&self, failing: ParticipantHandle) -> Option<Vec<(SlotHandle, i128)>> {
        if self.steps.iter().any(|step| matches!(step.booked, Booked::Covered { .. })) {
            return None;
        }
        let others = self.nets.iter().filter_map(|(slot, net)| {
            let terms = at_slot(self.slots, *slot)?;
            let is_out = terms.participant == failing || self.is_gone(terms.participant);
            let own = self.slot_of(failing, terms.currency);
            let gained = own.map_or(0, |own| self.pairs.net_with(*slot, own));
            let left = if is_out { 0 } else { net.saturating_sub(gained) };
            (left != 0).then_some((*slot, left))
        });
        Some(others.collect())
    }

    /// Who covers what a position owes, with so much of its own collateral and in the fund: the survivors in proportion to
    /// their exposures, except those that have failed themselves. None where it owes nothing, or nobody is exposed to it.
    #[must_use]
    pub fn waterfall(&self, slot: SlotHandle, (collateral, pot): (u64, u64)) -> Option<Cover> {
        let own = at_slot(self.slots, slot)?;
        let owed = u64::try_from(self.net(slot).saturating_neg()).ok().filter(|owed| *owed > 0)?;
        let others = (0..)
            .zip(self.slots)
            .filter(|(at, terms)| *at != slot && terms.currency == own.currency && terms.model.is_deferred());
        let others = others.filter(|(_, terms)| !self.is_gone(terms.participant));
        let exposures: Vec<_> = others.map(|(at, _)| (at, self.exposure(at, slot))).collect();
        cover(owed, (collateral, pot), &exposures)
    }

    /// Whether a step has the numbers that it must have; `before` and `after` it, what there was against a default.
    #[must_use]
    pub fn is_right(&self, step: &Step, (before, after): (&Defaults, &Defaults)) -> bool {
        match &step.booked {
            Booked::Recast(nets) => self.recast(step.without).is_some_and(|right| right == *nets),
            Booked::Covered { slot, survivors } => {
                let Some(currency) = at_slot(self.slots, *slot).map(|terms| terms.currency) else {
                    return false;
                };
                let own = |defaults: &Defaults| defaults.collateral(step.without, currency);
                let pot = |defaults: &Defaults| defaults.fund(currency);
                let booked = Cover {
                    own: own(before).saturating_sub(own(after)),
                    fund: pot(before).saturating_sub(pot(after)),
                    survivors: survivors.clone(),
                };
                self.waterfall(*slot, (own(before), pot(before))).is_some_and(|right| right == booked)
            }
        }
    }

    fn is_gone(&self, participant: ParticipantHandle) -> bool {
        self.steps.iter().any(|step| step.without == participant)
    }

    fn slot_of(&self, participant: ParticipantHandle, currency: Currency) -> Option<SlotHandle> {
        let mut own = (0..).zip(self.slots);
        let found = own.find(|(_, terms)| terms.participant == participant && terms.currency == currency);
        found.map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::SlotControls;
    use crate::model::Model;
    use std::vec;

    /// Four participants with one currency, slots by their numbers.
    fn terms() -> Vec<SlotTerms> {
        let currency = Currency::from_code("EUR").expect("a currency");
        let of = |participant: u32| SlotTerms {
            participant,
            currency,
            cap: 0,
            clearing_account: participant.into(),
            model: Model::default(),
            controls: SlotControls::default(),
        };
        (0..4).map(of).collect()
    }

    /// 0 owes 1 100 and 2 50; 1 owes 2 30, and 3 has paid 0 10.
    fn pairs() -> PairNets {
        let mut pairs = PairNets::default();
        [(0, 1, 60), (0, 1, 40), (0, 2, 50), (1, 2, 45), (2, 1, 15), (3, 0, 10), (2, 2, 7)]
            .into_iter()
            .for_each(|(debtor, creditor, amount)| pairs.add(debtor, creditor, amount));
        pairs
    }

    fn step(without: u32, booked: Booked) -> Step {
        Step { cycle: 1, without, booked }
    }

    #[test]
    fn a_recast_leaves_what_the_others_owe_each_other() {
        let (slots, pairs) = (terms(), pairs());
        let plan = Plan::new(&slots, Vec::new(), &pairs);
        assert_eq!([0, 1, 2, 3].map(|slot| plan.net(slot)), [-140, 70, 80, -10]);
        let first = plan.recast(0).expect("the first step");
        assert_eq!(first, [(1, -30), (2, 30)]);
        let before = step(0, Booked::Recast(first));
        let plan = Plan::new(&slots, vec![&before], &pairs);
        assert_eq!(plan.recast(1), Some(vec![]), "who is out before stays out");
    }

    #[test]
    fn survivors_carry_by_what_they_have_gained_and_who_has_failed_carries_nothing() {
        let (slots, pairs) = (terms(), pairs());
        let plan = Plan::new(&slots, Vec::new(), &pairs);
        let cover = plan.waterfall(0, (60, 20)).expect("two are exposed");
        assert_eq!(cover, Cover { own: 60, fund: 20, survivors: vec![(1, 40), (2, 20)] });
        assert_eq!(plan.waterfall(1, (60, 20)), None, "it owes nothing");
        let covered = step(0, Booked::Covered { slot: 0, survivors: cover.survivors });
        let plan = Plan::new(&slots, vec![&covered], &pairs);
        assert_eq!([0, 1, 2, 3].map(|slot| plan.net(slot)), [-80, 30, 60, -10]);
        assert_eq!(plan.waterfall(3, (0, 0)), None, "only who has failed is exposed to it");
        assert_eq!(plan.waterfall(3, (10, 0)).expect("nobody is asked").own, 10);
        assert_eq!(plan.recast(3), None, "behind a waterfall");
    }

    #[test]
    fn a_step_is_right_only_with_just_these_numbers() {
        let (slots, pairs) = (terms(), pairs());
        let plan = Plan::new(&slots, Vec::new(), &pairs);
        let with = |own: u64, fund: u64| {
            let mut defaults = Defaults::default();
            defaults.set_collateral((0, slots[0].currency), own);
            defaults.set_fund(slots[0].currency, fund);
            defaults
        };
        let covered = |survivors| step(0, Booked::Covered { slot: 0, survivors });
        let right = covered(vec![(1, 40), (2, 20)]);
        assert!(plan.is_right(&right, (&with(60, 20), &with(0, 0))));
        assert!(!plan.is_right(&covered(vec![(1, 41), (2, 19)]), (&with(60, 20), &with(0, 0))));
        assert!(!plan.is_right(&covered(vec![(1, 20), (3, 40)]), (&with(60, 20), &with(0, 0))));
        assert!(!plan.is_right(&right, (&with(80, 0), &with(20, 0))));
        assert!(plan.is_right(&step(0, Booked::Recast(vec![(1, -30), (2, 30)])), (&with(0, 0), &with(0, 0))));
        assert!(
            !plan.is_right(&step(0, Booked::Recast(vec![(1, 30), (2, -30)])), (&with(0, 0), &with(0, 0)))
        );
    }
}
