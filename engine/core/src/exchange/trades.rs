//! Which quotes have been traded on, and what positions that has made: asked where the account is that pays the target
//! amount, and noted in every shard, so that a quote serves once whatever runs beside it. A quote that expires is
//! forgotten here too.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::exchange::book::Quote;
use crate::exchange::positions::{FxKey, FxPositions, changes};
use crate::outcome::RejectReason;
use crate::participant::CycleNumber;
use crate::registry::Registry;
use crate::transfer::{Record, flags};

/// Traded quotes with the time at which they would have expired.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trades {
    traded: BTreeMap<u128, u64>,
    changed: BTreeMap<u128, u64>,
    positions: FxPositions,
    moved: BTreeSet<FxKey>,
}

impl Trades {
    /// That of a mirror; nothing has changed yet.
    #[must_use]
    pub fn restored(traded: &BTreeMap<u128, u64>, positions: &FxPositions) -> Self {
        Self { traded: traded.clone(), positions: positions.clone(), ..Self::default() }
    }

    /// A shard's: all that is so far; what has changed, one of them reports.
    pub(crate) fn part(&self, reports: bool) -> Self {
        let whole = self.clone();
        if reports { whole } else { Self { changed: BTreeMap::new(), moved: BTreeSet::new(), ..whole } }
    }

    /// What has been bought and sold.
    #[must_use]
    pub fn positions(&self) -> &FxPositions {
        &self.positions
    }

    /// All that have been traded on, ascending by id, and not forgotten.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u64)> {
        self.traded.iter().map(|(id, expires)| (*id, *expires))
    }

    /// Whether a quote may be traded on at a frame's time.
    ///
    /// # Errors
    /// [`RejectReason::QuoteExpired`].
    pub(crate) fn check(&self, id: u128, quote: &Quote, timestamp: u64) -> Result<(), RejectReason> {
        let is_over = quote.expires <= timestamp || self.traded.contains_key(&id);
        if is_over { Err(RejectReason::QuoteExpired) } else { Ok(()) }
    }

    /// Notes a trade; `reports` where the block is told of it from here.
    pub(crate) fn add(&mut self, id: u128, quote: &Quote, reports: bool) {
        self.traded.insert(id, quote.expires);
        self.positions.trade(quote);
        if reports {
            self.changed.insert(id, quote.expires);
            self.moved.extend(changes(quote).map(|(key, _)| key));
        }
    }

    /// Forgets those that a block's time has outlived: their quotes have expired.
    pub(crate) fn forget(&mut self, timestamp: u64) {
        self.traded.retain(|_, expires| *expires > timestamp);
    }

    /// What has changed since the last call, ascending by id.
    pub(crate) fn take_changed(&mut self) -> Vec<(u128, u64)> {
        core::mem::take(&mut self.changed).into_iter().collect()
    }

    /// Positions that have changed since the last call, as they are now; where a cycle ends, those that it counts then
    /// begin at zero.
    pub(crate) fn take_moved(
        &mut self,
        registry: &Registry,
        closes: Option<CycleNumber>,
    ) -> Vec<(FxKey, i128)> {
        let moved = core::mem::take(&mut self.moved).into_iter();
        let moved = moved.map(|key| (key, self.positions.get(key))).collect();
        if let Some(cycle) = closes {
            self.positions.close(registry, cycle);
        }
        moved
    }
}

/// Whether a chain holds exactly the two legs of the quote that a record names.
#[must_use]
pub(crate) fn has_both_legs(record: &Record, chain: &[Record]) -> bool {
    let is_leg = |other: &&Record| other.flags.get() & flags::QUOTE != 0 && other.related == record.related;
    let mut legs = chain.iter().filter(is_leg);
    match (legs.next(), legs.next(), legs.next()) {
        (Some(one), Some(other), None) => one.currency != other.currency,
        _ => false,
    }
}
