//! Which quotes have been traded on: asked and noted where the account is that pays the target amount, so that a quote
//! serves once whatever runs beside it. A quote that expires is forgotten here too.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::exchange::book::Quote;
use crate::outcome::RejectReason;
use crate::transfer::{Record, flags};

/// Traded quotes with the time at which they would have expired.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trades {
    traded: BTreeMap<u128, u64>,
    changed: BTreeMap<u128, u64>,
}

impl Trades {
    /// That of a mirror; nothing has changed yet.
    #[must_use]
    pub fn restored(traded: &BTreeMap<u128, u64>) -> Self {
        Self { traded: traded.clone(), changed: BTreeMap::new() }
    }

    /// A shard's: all that is so far; what has changed, one of them reports.
    pub(crate) fn part(&self, reports: bool) -> Self {
        let changed = if reports { self.changed.clone() } else { BTreeMap::new() };
        Self { changed, traded: self.traded.clone() }
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

    /// Notes a trade.
    pub(crate) fn add(&mut self, id: u128, quote: &Quote) {
        self.traded.insert(id, quote.expires);
        self.changed.insert(id, quote.expires);
    }

    /// Forgets those that a block's time has outlived: their quotes have expired.
    pub(crate) fn forget(&mut self, timestamp: u64) {
        self.traded.retain(|_, expires| *expires > timestamp);
    }

    /// What has changed since the last call, ascending by id.
    pub(crate) fn take_changed(&mut self) -> Vec<(u128, u64)> {
        core::mem::take(&mut self.changed).into_iter().collect()
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
