//! How the filter grows: one part after the other, round and round, each made anew with half as many blocks again from the
//! ids of stored runs. So memory follows the number of stored ids, and what is there twice at a time is a few parts.
//!
//! Says which parts are due, and makes them empty; who has the runs fills them. Never a question of whether an id is known.

use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

use super::filter::{FilterPart, blocks_for, bytes_of, first_hash, last_hash, table_bytes};
use super::hash::part;
use super::shard_of;

/// Parts that are made at once: a sixteenth of them at most …
const SHARE_AT_ONCE: usize = 16;
/// … and of more than one part at most so many bytes.
const BYTES_AT_ONCE: usize = 1 << 20;
/// Fewer than so many wait until more are due: each time a message and, of a shard, a look at its tables.
const FEWEST_AT_ONCE: usize = 8;

/// How far a filter has grown. Of several shards all filters are alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Growth {
    parts: usize,
    /// Blocks of each part that has not grown in this round.
    blocks: usize,
    /// Parts that have grown in this round: the first ones.
    grown: usize,
}

/// Parts to make anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueParts {
    numbers: Range<usize>,
    of: usize,
    blocks: usize,
}

impl Growth {
    pub(super) fn new(parts: usize, blocks: usize, grown: usize) -> Self {
        Self { parts, blocks, grown }
    }

    /// Blocks of a part that has grown in this round.
    fn next_blocks(&self) -> usize {
        self.blocks.saturating_add((self.blocks / 2).max(1))
    }

    /// Blocks of all parts.
    fn blocks(&self) -> usize {
        let added = self.next_blocks().saturating_sub(self.blocks).saturating_mul(self.grown);
        self.blocks.saturating_mul(self.parts).saturating_add(added)
    }

    /// The memory of such a filter, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        bytes_of(self.blocks()).saturating_add(table_bytes(self.parts))
    }

    /// The next parts to make anew, if so many stored ids are too many for the filter as it is: as many as may be there
    /// beside those that they replace. From here on they count as there.
    pub fn take_due(&mut self, ids: usize) -> Option<DueParts> {
        let blocks = self.next_blocks();
        let spare = blocks_for(ids).saturating_sub(self.blocks());
        let left = self.parts.saturating_sub(self.grown);
        let share = (self.parts / SHARE_AT_ONCE).max(1).min(left);
        let fitting = BYTES_AT_ONCE.checked_div(bytes_of(blocks)).unwrap_or(0).max(1);
        let count = share.min(fitting).min(spare.checked_div(blocks).unwrap_or(0));
        if count < share.min(fitting).min(FEWEST_AT_ONCE) || count == 0 {
            return None;
        }
        let end = self.grown.saturating_add(count);
        let due = DueParts { numbers: self.grown..end, of: self.parts, blocks };
        (self.blocks, self.grown) = if end < self.parts { (self.blocks, end) } else { (blocks, 0) };
        Some(due)
    }
}

impl DueParts {
    /// The hashes that lie in them.
    #[must_use]
    pub fn hashes(&self) -> RangeInclusive<u64> {
        let last = self.numbers.end.saturating_sub(1);
        first_hash(self.numbers.start, self.of)..=last_hash(last, self.of)
    }

    /// The parts of each of so many shards, empty, for all ids of entries below `end`.
    #[must_use]
    pub fn empty(&self, end: u64, shards: u64) -> NewParts {
        let empty = |number| FilterPart::empty((number, self.of), self.blocks, end);
        let parts = (0..shards).map(|_| self.numbers.clone().map(empty).collect()).collect();
        NewParts { due: self.clone(), shards, parts }
    }
}

/// Parts that are being filled.
#[derive(Debug)]
pub struct NewParts {
    due: DueParts,
    shards: u64,
    parts: Vec<Vec<FilterPart>>,
}

impl NewParts {
    /// Adds the hash of an id, one of [`DueParts::hashes`].
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        let (number, place) = part(hash, self.due.of);
        let number = number.wrapping_sub(self.due.numbers.start);
        let parts = self.parts.get_mut(crate::number::index(shard_of(hash, self.shards)));
        if let Some(part) = parts.and_then(|parts| parts.get_mut(number)) {
            part.insert(place, hash);
        }
    }

    /// One shard's after the other's.
    #[must_use]
    pub fn filled(self) -> Vec<Vec<FilterPart>> {
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::IdFilter;
    use super::*;

    #[test]
    fn a_filter_follows_the_number_of_stored_ids_and_what_is_made_beside_it_has_room_too() {
        for (shards, first, step) in [(1, 1_000_000, 262_144), (4, 250_000, 65_536), (1, 40_000_000, 262_144)]
        {
            let mut growth = IdFilter::for_ids(first).growth();
            let table = table_bytes(growth.parts);
            let mut due_before = None;
            for ids in (first..first * 4).step_by(step) {
                let mut before = growth;
                while let Some(due) = growth.take_due(ids) {
                    let made = bytes_of(due.blocks * due.numbers.len());
                    assert!(before.bytes() + made - table <= ids * 61 / 32, "{ids} ids, {due:?}");
                    assert!(made <= BYTES_AT_ONCE || due.numbers.len() == 1);
                    let next = due_before.replace(due.numbers.end % due.of).unwrap_or(0);
                    assert_eq!(due.numbers.start, next, "one after the other, round and round");
                    before = growth;
                }
                let bits = (growth.bytes() - table) * 8 / ids;
                assert!(bits >= 13 || ids == first, "{bits} bits for each of {ids} ids of {shards} shards");
            }
        }
    }

    #[test]
    fn a_filter_that_takes_all_due_parts_has_grown_as_was_foreseen() {
        let mut filter = IdFilter::for_ids(100_000);
        let mut growth = filter.growth();
        for ids in (100_000..400_000).step_by(7_000) {
            while let Some(due) = growth.take_due(ids) {
                for part in due.empty(1, 1).filled().into_iter().flatten() {
                    assert_eq!(
                        part.hashes().0 >= *due.hashes().start(),
                        part.hashes().1 <= *due.hashes().end()
                    );
                    let replaced = filter.replace(part);
                    assert!(replaced.bytes() > 0);
                }
            }
            assert_eq!((filter.growth(), filter.bytes()), (growth, growth.bytes()), "{ids}");
        }
    }
}
