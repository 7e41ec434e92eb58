//! Pending holds, and which of them a frame's time has ended. Finished holds leave no trace here.
//!
//! A hold costs one cache line in a flat table ([`table`]), one entry on a timing wheel where it has a
//! deadline ([`wheel`]), and one in the log of what changed since the last block.

mod table;
mod wheel;

#[cfg(test)]
mod model;

use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::number::number32;
use crate::transfer::{Record, flags};

pub use table::HoldTable;
use table::Marks;
use wheel::Wheel;

/// Nanoseconds in a second: timeouts come in seconds, frame times in nanoseconds.
const NANOSECONDS: u64 = 1_000_000_000;

/// A pending hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hold {
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// Reserved, minor units.
    pub amount: u64,
    /// Sequence of its transfer.
    pub sequence: u64,
    /// Frame time from which it is expired, nanoseconds since 1970; [`u64::MAX`] for never.
    pub deadline: u64,
    /// What it is for: an ISO 20022 external purpose code, or zeros; kept where there are tariffs, which may name it.
    pub purpose: [u8; 4],
}

/// What a transfer frees of a hold's reserve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Freed {
    /// Minor units.
    pub amount: u64,
    /// Whether the hold ends with it.
    pub is_end: bool,
}

/// The frame time from which a hold of `timeout` seconds is expired.
#[must_use]
pub fn deadline(timestamp: u64, timeout: u32) -> u64 {
    match timeout {
        0 => u64::MAX,
        seconds => timestamp.saturating_add(u64::from(seconds).saturating_mul(NANOSECONDS)),
    }
}

impl Hold {
    /// What posting `amount` of it frees, or with zero its end: all of it, or, where the rest stays held, only that.
    #[must_use]
    pub fn freed(&self, amount: u64, keeps: bool) -> Freed {
        if keeps && amount < self.amount {
            Freed { amount, is_end: false }
        } else {
            Freed { amount: self.amount, is_end: true }
        }
    }

    /// What is freed where an amount stays held, no more than there is.
    #[must_use]
    pub fn freed_down_to(&self, amount: u64) -> Freed {
        Freed { amount: self.amount.saturating_sub(amount), is_end: false }
    }

    /// What stays held of it, if anything.
    #[must_use]
    pub fn rest(&self, freed: Freed) -> Option<Self> {
        (!freed.is_end).then(|| Self { amount: self.amount.saturating_sub(freed.amount), ..*self })
    }
}

/// All pending holds by id and by deadline, and what changed since the last block.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    table: HoldTable,
    wheel: Wheel,
    /// In the order of the changes: the last one of an id says how it is.
    changed: Vec<(u128, Option<Hold>)>,
}

impl Holds {
    /// None pending, with a table keyed by a number that submitters do not know.
    #[must_use]
    pub fn new(key: u128) -> Self {
        Self { table: HoldTable::new(key), ..Self::default() }
    }

    /// Those of a mirror; nothing has changed yet.
    #[must_use]
    pub fn restored(pending: &HoldTable) -> Self {
        let mut holds = Self { table: pending.empty_copy(), ..Self::default() };
        pending.iter().for_each(|(id, hold)| holds.begin(id, hold, Marks::UNNOTED));
        holds
    }

    /// A pending hold.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u128) -> Option<Hold> {
        self.table.get(id)
    }

    /// Number of pending holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether none is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All pending holds, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, Hold)> {
        self.table.iter()
    }

    /// Where the hold that `record` makes or ends lies in memory; null for one that does neither.
    #[inline]
    pub(crate) fn address(&self, record: &Record) -> *const u8 {
        match record.flags.get() & flags::TWO_PHASE {
            0 => core::ptr::null(),
            flags::HOLD => self.table.address(record.uetr.get()),
            _ => self.table.address(record.related.get()),
        }
    }

    /// [`HoldTable::touch`], where memory can't be asked ahead.
    pub fn touch(&self, ids: impl Iterator<Item = u128>) {
        self.table.touch(ids);
    }

    /// Makes a hold pending.
    pub fn insert(&mut self, id: u128, hold: Hold) {
        self.begin(id, hold, number32(self.changed.len()));
        self.changed.push((id, Some(hold)));
    }

    #[inline]
    fn begin(&mut self, id: u128, hold: Hold, note: u32) {
        let marks = Marks { place: self.wheel.push(hold.deadline, id), note };
        if let Some((replaced, marks)) = self.table.put(id, hold, marks) {
            self.forget_deadline(&replaced, marks);
        }
    }

    /// Ends a hold: posted, voided or expired.
    pub fn remove(&mut self, id: u128) -> Option<Hold> {
        let (hold, marks) = self.table.take(id)?;
        self.forget_deadline(&hold, marks);
        // Where it began in this block too, one word says all of it. A note of an earlier block points at
        // another's entry, or behind the end.
        match usize::try_from(marks.note).ok().and_then(|at| self.changed.get_mut(at)) {
            Some((noted, change)) if *noted == id => *change = None,
            _ => self.changed.push((id, None)),
        }
        Some(hold)
    }

    /// Takes from a hold what a post or void frees of it.
    pub fn free(&mut self, id: u128, freed: Freed) {
        match self.get(id).and_then(|hold| hold.rest(freed)) {
            // One word of it, no end between: who knows the hold beside its debtor account's owner reports none.
            Some(rest) => self.insert(id, rest),
            None => drop(self.remove(id)),
        }
    }

    fn forget_deadline(&mut self, hold: &Hold, marks: Marks) {
        let Self { table, wheel, .. } = self;
        wheel.end(hold.deadline, marks.place, |id, place| table.set_place(id, place));
    }

    /// Ends the next hold whose deadline `timestamp` has reached, in order of deadline and id.
    pub fn expire_next(&mut self, timestamp: u64) -> Option<Hold> {
        let Self { table, wheel, .. } = self;
        wheel.advance(timestamp, |id, place| table.set_place(id, place));
        while let Some((deadline, id)) = self.wheel.next_due(timestamp) {
            // The wheel does not forget what ends shortly before its time.
            if self.table.get(id).is_some_and(|hold| hold.deadline == deadline) {
                return self.remove(id);
            }
        }
        None
    }

    /// Those that `concerns` says, with all that has changed since the last block: more than one shard may
    /// report the end of a hold.
    #[must_use]
    pub(crate) fn part(&self, concerns: impl Fn(&Hold) -> bool) -> Self {
        let mut part = Self { table: self.table.empty_copy(), ..Self::default() };
        self.iter().filter(|(_, hold)| concerns(hold)).for_each(|(id, hold)| {
            part.begin(id, hold, Marks::UNNOTED);
        });
        let is_here = |hold: &Option<Hold>| hold.as_ref().is_none_or(&concerns);
        part.changed = self.changed.iter().filter(|(_, hold)| is_here(hold)).copied().collect();
        part
    }

    /// What has changed since the last call, in order: a hold that began to be pending, or none for one that
    /// ended.
    pub fn take_changed(&mut self) -> Vec<(u128, Option<Hold>)> {
        let next = Vec::with_capacity(self.changed.len());
        core::mem::replace(&mut self.changed, next)
    }
}
