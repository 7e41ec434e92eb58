//! The state as of the last sealed block: what proofs, questions, reports and snapshots are made from,
//! beside the hot path and never ahead of a block. Follows the shards through [`Delta`]s alone.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::account::{AccountCell, AccountHandle, SlotHandle};
use crate::controls::usage::Meters;
use crate::default::Adjustment;
use crate::delta::{Delta, Settlement};
use crate::exchange::positions::FxPositions;
use crate::fraud::{Held, HeldKey};
use crate::hold::HoldTable;
use crate::ledger::add;
use crate::limits::CLOSED_CYCLES_KEPT;
use crate::liquidity::queue::Queued;
use crate::number::index;
use crate::participant::{CycleNumber, SlotCell};
use crate::postings::{CarriedBy, OrderNumber};
use crate::registry::Registry;
use crate::returns::Returns;

/// Holds whose places in memory are asked for at once.
const TOUCHED_AHEAD: usize = 32;

/// A closed cycle's net positions, and how the clearing accounts' histories go on before its settlement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// Which cycle.
    pub cycle: CycleNumber,
    /// Every position that is not zero, after recasts; per currency they sum to zero.
    pub nets: Vec<(SlotHandle, i128)>,
    /// Filled when it settles.
    pub settlements: Vec<Settlement>,
}

/// All cells and terms at the end of a block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mirror {
    /// Terms. Ahead of the cells by the commands since the last block.
    pub registry: Registry,
    /// Accounts by handle.
    pub accounts: Vec<AccountCell>,
    /// Positions by slot.
    pub slots: Vec<SlotCell>,
    /// Pending holds by id.
    pub holds: HoldTable,
    /// Payments that wait, by id.
    pub queue: BTreeMap<u128, Queued>,
    /// Which transfers have cleared, and how much of them has come back.
    pub returns: Returns,
    /// Quotes that have been traded on and have not expired, with the time at which they will.
    pub trades: BTreeMap<u128, u64>,
    /// Foreign exchange positions.
    pub fx: FxPositions,
    /// Orders that have been carried out and have not expired, by which entry.
    pub carried: BTreeMap<OrderNumber, CarriedBy>,
    /// What is held for fraud cases.
    pub held: BTreeMap<HeldKey, Held>,
    /// What is counted for limits.
    pub usage: Meters,
    /// The newest closed cycles, oldest first.
    pub closings: VecDeque<Closing>,
    /// What recasts and waterfalls have booked in those cycles, oldest first.
    pub adjustments: Vec<Adjustment>,
}

impl Mirror {
    /// An account's cell.
    #[must_use]
    pub fn account(&self, handle: AccountHandle) -> Option<&AccountCell> {
        self.accounts.get(index(handle))
    }

    /// A closed cycle, if it is among the newest.
    #[must_use]
    pub fn closing(&self, cycle: CycleNumber) -> Option<&Closing> {
        self.closings.iter().find(|closing| closing.cycle == cycle)
    }

    /// Takes over what changed in a block; positions as they stood at its end.
    pub(crate) fn absorb(&mut self, delta: &Delta) {
        self.accounts.resize(self.registry.accounts().len(), AccountCell::default());
        for (handle, cell) in &delta.accounts {
            if let Some(at) = self.accounts.get_mut(index(*handle)) {
                *at = *cell;
            }
        }
        self.slots.resize(self.registry.slots().len(), SlotCell::default());
        for (slot, cell) in &delta.slots {
            if let Some(at) = self.slots.get_mut(index((*slot).into())) {
                at.clone_from(cell);
            }
        }
        self.holds.key_with(self.registry.genesis().map_or(0, |genesis| genesis.id_key));
        for changes in delta.holds.chunks(TOUCHED_AHEAD) {
            self.holds.touch(changes.iter().map(|(id, _)| *id));
            for (id, hold) in changes {
                match hold {
                    Some(hold) => self.holds.insert(*id, *hold),
                    None => self.holds.remove(*id),
                };
            }
        }
        for (id, queued) in &delta.queue {
            match queued {
                Some(queued) => self.queue.insert(*id, *queued),
                None => self.queue.remove(id),
            };
        }
        self.returns.absorb(&delta.returned);
        self.trades.extend(delta.traded.iter().copied());
        delta.fx.iter().for_each(|(key, net)| self.fx.set(*key, *net));
        self.carried.extend(delta.carried.iter().copied());
        for (key, held) in &delta.held {
            match held {
                Some(held) => self.held.insert(*key, *held),
                None => self.held.remove(key),
            };
        }
        self.usage.absorb(&delta.usage);
        for settlement in &delta.settlements {
            if let Some(closing) = self.closings.iter_mut().find(|at| at.cycle == settlement.cycle) {
                closing.settlements.push(*settlement);
            }
        }
        delta.adjustments.iter().for_each(|adjustment| self.adjust(*adjustment));
    }

    fn adjust(&mut self, adjustment: Adjustment) {
        self.adjustments.push(adjustment);
        let slot = self.registry.account(adjustment.account).map(|terms| terms.slot);
        let closing = self.closings.iter_mut().find(|at| at.cycle == adjustment.cycle);
        let (Some(slot), Some(closing)) = (slot, closing) else { return };
        match closing.nets.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => {
                if let Some((_, net)) = closing.nets.get_mut(at) {
                    *net = add(*net, adjustment.change);
                }
            }
            Err(at) => closing.nets.insert(at, (slot, adjustment.change)),
        }
        closing.nets.retain(|(_, net)| *net != 0);
    }

    /// A closed cycle's net positions as they were when it closed, before recasts and waterfalls.
    #[must_use]
    pub fn nets_at_close(&self, cycle: CycleNumber) -> Option<Vec<(SlotHandle, i128)>> {
        let mut nets: BTreeMap<SlotHandle, i128> = self.closing(cycle)?.nets.iter().copied().collect();
        for adjustment in self.adjustments.iter().filter(|at| at.cycle == cycle) {
            if let Some(terms) = self.registry.account(adjustment.account) {
                let net = nets.entry(terms.slot).or_default();
                *net = add(*net, adjustment.change.wrapping_neg());
            }
        }
        Some(nets.into_iter().filter(|(_, net)| *net != 0).collect())
    }

    /// Sets the positions of the cycle that ended aside, as every shard has done.
    pub(crate) fn close(&mut self, cycle: CycleNumber) {
        let deferred = self.slots.iter_mut().zip(self.registry.slots()).zip(0..);
        let registry = &self.registry;
        let deferred = deferred.filter(|((_, terms), _)| {
            terms.model.is_deferred() && registry.is_counted(cycle, terms.currency)
        });
        let mut nets = Vec::new();
        for ((cell, _), slot) in deferred {
            if cell.position != 0 {
                nets.push((slot, cell.position));
            }
            cell.close(cycle);
        }
        self.usage.close(&self.registry, cycle);
        self.fx.close(&self.registry, cycle);
        self.closings.push_back(Closing { cycle, nets, settlements: Vec::new() });
        if self.closings.len() > CLOSED_CYCLES_KEPT {
            self.closings.pop_front();
            let oldest = self.closings.front().map_or(0, |closing| closing.cycle);
            self.adjustments.retain(|at| at.cycle >= oldest);
        }
    }
}
