//! What a block changed: how shards tell the batcher, which hashes it and keeps its mirror by it alone.

use alloc::vec::Vec;

use crate::account::{AccountCell, AccountHandle, SlotHandle};
use crate::controls::usage::Changes;
use crate::default::Adjustment;
use crate::exchange::positions::FxKey;
use crate::fraud::{Held, HeldKey};
use crate::hold::Hold;
use crate::liquidity::queue::Queued;
use crate::participant::{CycleNumber, SlotCell};
use crate::postings::{CarriedBy, OrderNumber};

/// What changed in the cells during one block, as the batcher needs it to hash and to mirror them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delta {
    /// The block.
    pub height: u64,
    /// The cycle that ends with it.
    pub closes: Option<CycleNumber>,
    /// Cells that changed, each once.
    pub accounts: Vec<(AccountHandle, AccountCell)>,
    /// All positions; where a cycle ends, as they stood at its end.
    pub slots: Vec<(SlotHandle, SlotCell)>,
    /// Holds that began to be pending (or are again as they were), and those that ended.
    pub holds: Vec<(u128, Option<Hold>)>,
    /// Payments that wait as they do now, and (none) those that wait no longer.
    pub queue: Vec<(u128, Option<Queued>)>,
    /// What has come back of transfers of which more has than before.
    pub returned: Vec<(u128, u64)>,
    /// Quotes that have been traded on, with the time at which they would have expired.
    pub traded: Vec<(u128, u64)>,
    /// Foreign exchange positions that changed; where a cycle ends, as they stood at its end.
    pub fx: Vec<(FxKey, i128)>,
    /// Orders that have been carried out, by which entry.
    pub carried: Vec<(OrderNumber, CarriedBy)>,
    /// What is held for fraud cases, as it is now; none where it is no more.
    pub held: Vec<(HeldKey, Option<Held>)>,
    /// What is counted for limits; where a cycle ends, as it stood at its end.
    pub usage: Changes,
    /// Bookings of cycles that settled.
    pub settlements: Vec<Settlement>,
    /// Bookings of recasts and waterfalls.
    pub adjustments: Vec<Adjustment>,
}

impl Delta {
    /// The parts of all shares as one.
    #[must_use]
    pub fn merge(parts: Vec<Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next()?;
        for part in parts {
            whole.accounts.extend(part.accounts);
            whole.slots.extend(part.slots);
            whole.settlements.extend(part.settlements);
            whole.adjustments.extend(part.adjustments);
            whole.holds.extend(part.holds);
            whole.queue.extend(part.queue);
            whole.returned.extend(part.returned);
            whole.traded.extend(part.traded);
            whole.fx.extend(part.fx);
            whole.carried.extend(part.carried);
            whole.held.extend(part.held);
            whole.usage.extend(part.usage);
        }
        whole.slots.sort_unstable_by_key(|(slot, _)| *slot);
        whole.settlements.sort_unstable_by_key(|settlement| settlement.account);
        whole.adjustments.sort_unstable_by_key(|at| (at.sequence, at.account));
        Some(whole)
    }
}

/// What the settlement of a cycle booked on one clearing account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// The cycle.
    pub cycle: CycleNumber,
    /// The clearing account.
    pub account: AccountHandle,
    /// The net position that was paid, minor units: positive was a claim.
    pub net: i128,
    /// The account's previous posting: its history goes on there.
    pub previous: u64,
}
