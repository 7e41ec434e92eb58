//! The oracle's defaults: recasts and waterfalls, by maps of nets that are counted anew.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_core::currency::Currency;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::default::{Booked, Step};
use feiqian_core::outcome::RejectReason;
use feiqian_core::participant::CycleState;

use super::{Books, Planted, Reasons, note};

const UNSETTLED: [CycleState; 3] = [CycleState::Closed, CycleState::Instructed, CycleState::Failed];

impl Books {
    pub(super) fn note_default(&self, reasons: &mut Reasons, command: &DefaultCommand) {
        use RejectReason::{AlreadyRecast, BadNets, ShortfallMismatch, WaterfallOrder};
        match command {
            DefaultCommand::Recast { cycle, without, nets } => {
                self.note_participant(reasons, *without);
                self.note_cycle(reasons, *cycle, &UNSETTLED);
                let Some(failing) = self.participant(*without) else { return };
                let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
                let is_bad = nets.iter().any(|(slot, net)| {
                    let Some(currency) = self.deferring(*slot) else { return true };
                    let is_huge = net.unsigned_abs() >= 1 << 90;
                    if !is_huge {
                        *sums.entry(currency).or_default() += net;
                    }
                    is_huge || *net == 0 || self.positions[*slot as usize].participant == failing
                });
                let is_uneven = sums.values().any(|sum| *sum != 0) && !self.is_planted(Planted::UnevenRecast);
                note(reasons, is_bad || is_uneven || !is_listed(nets), BadNets);
                let is_again = self.steps.iter().any(|at| (at.cycle, at.without) == (*cycle, failing));
                note(reasons, is_again, AlreadyRecast);
            }
            DefaultCommand::SetCollateral { bic, currency, .. } => {
                self.note_position(reasons, *bic, *currency);
            }
            DefaultCommand::SetDefaultFund { .. } => {}
            DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors } => {
                self.note_position(reasons, *bic, *currency);
                self.note_cycle(reasons, *cycle, &UNSETTLED);
                let Some(at) = self.position(*bic, *currency) else { return };
                let failing = self.positions[at].participant;
                let is_bad = survivors.iter().any(|(slot, share)| {
                    *share == 0 || *slot as usize == at || self.deferring(*slot) != Some(*currency)
                });
                let defers = self.is_deferred(*currency);
                note(reasons, is_bad || !defers || !is_listed(survivors), BadNets);
                let is_again = self.steps.iter().any(|step| {
                    (step.cycle, step.without) == (*cycle, failing)
                        && match &step.booked {
                            Booked::Recast(_) => true,
                            Booked::Covered { slot, .. } => *slot as usize == at,
                        }
                });
                note(reasons, is_again, AlreadyRecast);
                let there = self.collateral.get(&(failing, *currency)).copied().unwrap_or(0);
                let pot = self.fund.get(currency).copied().unwrap_or(0);
                // What comes first is used up before what comes next is touched.
                let own_is_short = *own < there && (*fund > 0 || !survivors.is_empty());
                let fund_is_short = *fund < pot && !survivors.is_empty();
                let is_early =
                    (own_is_short || fund_is_short) && !self.is_planted(Planted::FundBeforeCollateral);
                note(reasons, is_early || *own > there || *fund > pot, WaterfallOrder);
                let carried: i128 = survivors.iter().map(|(_, share)| i128::from(*share)).sum();
                let covered = i128::from(*own) + i128::from(*fund) + carried;
                let owed = -self.positions[at].nets.get(cycle).copied().unwrap_or(0);
                note(reasons, owed <= 0 || covered != owed, ShortfallMismatch);
            }
        }
    }

    fn deferring(&self, slot: u32) -> Option<Currency> {
        let currency = self.positions.get(slot as usize)?.currency;
        self.is_deferred(currency).then_some(currency)
    }

    pub(super) fn execute_default(&mut self, sequence: u64, command: &DefaultCommand) {
        match command {
            DefaultCommand::Recast { cycle, without, nets } => {
                let wanted: BTreeMap<u32, i128> = nets.iter().copied().collect();
                for slot in 0..self.positions.len() {
                    let net = wanted.get(&u32::try_from(slot).expect("few")).copied().unwrap_or(0);
                    let now = self.positions[slot].nets.get(cycle).copied().unwrap_or(0);
                    self.shift_net(slot, *cycle, net - now, sequence);
                }
                let without = self.participant(*without).expect("checked");
                self.paid_in.remove(&(*cycle, without));
                self.steps.push(Step { cycle: *cycle, without, booked: Booked::Recast(nets.clone()) });
            }
            DefaultCommand::SetCollateral { bic, currency, amount } => {
                let participant = self.participant(*bic).expect("checked");
                self.collateral.insert((participant, *currency), *amount);
            }
            DefaultCommand::SetDefaultFund { currency, amount } => {
                self.fund.insert(*currency, *amount);
            }
            DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors } => {
                let at = self.position(*bic, *currency).expect("checked");
                let without = self.positions[at].participant;
                if *own > 0 {
                    *self.collateral.get_mut(&(without, *currency)).expect("checked") -= own;
                }
                if *fund > 0 {
                    *self.fund.get_mut(currency).expect("checked") -= fund;
                }
                for (slot, share) in survivors {
                    self.shift_net(*slot as usize, *cycle, -i128::from(*share), sequence);
                    self.shift_net(at, *cycle, i128::from(*share), sequence);
                }
                let (slot, survivors) = (u32::try_from(at).expect("few"), survivors.clone());
                self.steps.push(Step { cycle: *cycle, without, booked: Booked::Covered { slot, survivors } });
            }
        }
    }

    fn shift_net(&mut self, slot: usize, cycle: u64, change: i128, sequence: u64) {
        // A position that carries over has nothing in a cycle that is over.
        if change == 0 {
            return;
        }
        *self.positions[slot].nets.entry(cycle).or_default() += change;
        let account = self.changed(self.positions[slot].clearing);
        account.balance += change;
        account.last_posting = sequence;
    }
}

fn is_listed<T>(list: &[(u32, T)]) -> bool {
    let slots: BTreeSet<u32> = list.iter().map(|(slot, _)| *slot).collect();
    slots.into_iter().eq(list.iter().map(|(slot, _)| *slot))
}
