//! Whether a step of a default may pass, and what it does to the registry. What a participant owes stands in its cell:
//! the shard that owns it is asked.

use alloc::collections::BTreeMap;

use super::command::DefaultCommand;
use super::{Booked, Step, at_slot};
use crate::account::SlotHandle;
use crate::currency::Currency;
use crate::outcome::RejectReason;
use crate::participant::{CycleNumber, CycleState, ParticipantHandle, SlotTerms};
use crate::registry::{Asked, Decision, Effect, Registry, refuse};

/// Nets of a cycle stay below: 2^90 minor units, so that no sum of them leaves 128 bits.
const NET_BITS: u32 = 90;
/// States in which a cycle has net positions that are not paid.
const UNSETTLED: [CycleState; 3] = [CycleState::Closed, CycleState::Instructed, CycleState::Failed];

impl Registry {
    pub(crate) fn check_default(&self, command: &DefaultCommand) -> Decision<()> {
        match command {
            DefaultCommand::Recast { cycle, without, nets } => {
                let failing = self.participant(*without)?;
                self.check_cycle(*cycle, &UNSETTLED)?;
                refuse(!self.are_nets(failing, nets), RejectReason::BadNets)?;
                let is_repeated = self.steps_of(*cycle, failing).next().is_some();
                refuse(is_repeated, RejectReason::AlreadyRecast)
            }
            DefaultCommand::SetCollateral { bic, currency, .. } => self.slot(*bic, *currency).map(drop),
            DefaultCommand::SetDefaultFund { .. } => Ok(()),
            DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors } => {
                let (failing, slot) = (self.participant(*bic)?, self.slot(*bic, *currency)?);
                self.check_cycle(*cycle, &UNSETTLED)?;
                refuse(!self.are_shares(slot, survivors), RejectReason::BadNets)?;
                let is_repeated = self.steps_of(*cycle, failing).any(|step| match &step.booked {
                    Booked::Recast(_) => true,
                    Booked::Covered { slot: covered, .. } => *covered == slot,
                });
                refuse(is_repeated, RejectReason::AlreadyRecast)?;
                let (collateral, pot) =
                    (self.defaults.collateral(failing, *currency), self.defaults.fund(*currency));
                let is_over = *own > collateral || *fund > pot;
                let is_early = (*fund > 0 && *own < collateral)
                    || (!survivors.is_empty() && (*own, *fund) != (collateral, pot));
                refuse(is_over || is_early, RejectReason::WaterfallOrder)
            }
        }
    }

    fn steps_of(&self, cycle: CycleNumber, failing: ParticipantHandle) -> impl Iterator<Item = &Step> {
        self.defaults.steps.iter().filter(move |step| step.cycle == cycle && step.without == failing)
    }

    /// Whether nets are listed once each, ascending, none of them zero, of others and of what defers; in sum zero.
    fn are_nets(&self, failing: ParticipantHandle, nets: &[(SlotHandle, i128)]) -> bool {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        let is_each = nets.iter().all(|(slot, net)| {
            let Some(terms) = self.deferred(*slot) else { return false };
            let sum = sums.entry(terms.currency).or_default();
            *sum = sum.saturating_add(*net);
            terms.participant != failing && *net != 0 && net.unsigned_abs() < 1 << NET_BITS
        });
        is_each && is_ascending(nets) && sums.values().all(|sum| *sum == 0)
    }

    /// Whether shares are listed once each, ascending, none of them zero, of others in the currency of `failing`.
    fn are_shares(&self, failing: SlotHandle, shares: &[(SlotHandle, u64)]) -> bool {
        let Some(own) = self.deferred(failing) else { return false };
        let is_each = shares.iter().all(|(slot, share)| {
            let terms = self.deferred(*slot);
            *share > 0 && *slot != failing && terms.is_some_and(|terms| terms.currency == own.currency)
        });
        is_each && is_ascending(shares)
    }

    fn deferred(&self, slot: SlotHandle) -> Option<&SlotTerms> {
        at_slot(&self.slots, slot).filter(|terms| terms.model.is_deferred())
    }

    /// What remains to be asked of the failing participant's cell.
    pub(crate) fn asks_of_default(&self, command: &DefaultCommand) -> Option<Asked> {
        let DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors } = command else {
            return None;
        };
        let slot = self.slot(*bic, *currency).ok()?;
        let terms = at_slot(&self.slots, slot)?;
        let parts = survivors.iter().map(|(_, share)| *share).chain([*own, *fund]);
        let amount = parts.fold(0_u128, |sum, part| sum.saturating_add(part.into()));
        Some(Asked::Owes { account: terms.clearing_account, slot, cycle: *cycle, amount })
    }

    pub(crate) fn commit_default(&mut self, command: &DefaultCommand) -> Effect {
        let step = match command {
            DefaultCommand::Recast { cycle, without, nets } => {
                let Ok(without) = self.participant(*without) else { return Effect::Registered };
                // It owes nothing of the cycle any more.
                self.paid.remove(&(*cycle, without));
                Step { cycle: *cycle, without, booked: Booked::Recast(nets.clone()) }
            }
            DefaultCommand::SetCollateral { bic, currency, amount } => {
                if let Ok(participant) = self.participant(*bic) {
                    self.defaults.set_collateral((participant, *currency), *amount);
                }
                return Effect::Registered;
            }
            DefaultCommand::SetDefaultFund { currency, amount } => {
                self.defaults.set_fund(*currency, *amount);
                return Effect::Registered;
            }
            DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors } => {
                let (Ok(without), Ok(slot)) = (self.participant(*bic), self.slot(*bic, *currency)) else {
                    return Effect::Registered;
                };
                let left = self.defaults.collateral(without, *currency).saturating_sub(*own);
                self.defaults.set_collateral((without, *currency), left);
                let left = self.defaults.fund(*currency).saturating_sub(*fund);
                self.defaults.set_fund(*currency, left);
                Step {
                    cycle: *cycle,
                    without,
                    booked: Booked::Covered { slot, survivors: survivors.clone() },
                }
            }
        };
        self.defaults.steps.push(step);
        Effect::Recast
    }
}

fn is_ascending<T>(list: &[(SlotHandle, T)]) -> bool {
    list.is_sorted_by(|(before, _), (after, _)| before < after)
}
