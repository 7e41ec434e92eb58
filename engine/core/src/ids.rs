//! The id index: which sequence a UETR or command id was first journaled at. Exact, for every entry ever
//! journaled (I3). Its internal order decides nothing, so its hash is keyed against chosen ids.
//!
//! 256 open-addressing tables of 24-byte entries; each grows alone, so no growth stops traffic for long.

use alloc::vec::Vec;

use crate::number::index;

const PARTS: usize = 256;
const FIRST_ENTRIES: usize = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    id_low: u64,
    id_high: u64,
    /// Zero: the slot is free.
    sequence: u64,
}

#[derive(Clone, Debug)]
struct Part {
    slots: Vec<Slot>,
    taken: usize,
}

impl Default for IdIndex {
    fn default() -> Self {
        Self::new(0)
    }
}

/// Ids and the sequences that took them.
#[derive(Clone, Debug)]
pub struct IdIndex {
    key_low: u64,
    key_high: u64,
    parts: Vec<Part>,
}

impl IdIndex {
    /// An empty index, keyed with a number that submitters do not know.
    #[must_use]
    pub fn new(key: u128) -> Self {
        Self::with_capacity(key, 0)
    }

    /// An index with room for `ids`, its memory touched now and not by the first transfers.
    #[must_use]
    pub fn with_capacity(key: u128, ids: usize) -> Self {
        let slots = (ids.saturating_mul(2) / PARTS).next_power_of_two().max(FIRST_ENTRIES);
        let part = Part { slots: alloc::vec![Slot::default(); slots], taken: 0 };
        let mut parts = Vec::with_capacity(PARTS);
        for _ in 0..PARTS {
            parts.push(part.clone());
        }
        let [low, high] = halves(key);
        Self { key_low: low, key_high: high, parts }
    }

    /// Takes `id` for `sequence`, or tells which sequence has taken it before.
    #[inline]
    pub fn take(&mut self, id: u128, sequence: u64) -> Option<u64> {
        let hash = self.hash(id);
        let [id_low, id_high] = halves(id);
        let part = self.parts.get_mut(part_of(hash))?;
        if part.taken.saturating_mul(3) >= part.slots.len().saturating_mul(2) {
            part.grow(self.key_low, self.key_high);
        }
        let mask = part.slots.len().wrapping_sub(1);
        let mut at = index(hash) & mask;
        loop {
            let slot = part.slots.get_mut(at)?;
            if slot.sequence == 0 {
                *slot = Slot { id_low, id_high, sequence };
                part.taken = part.taken.saturating_add(1);
                return None;
            }
            if slot.id_low == id_low && slot.id_high == id_high {
                return Some(slot.sequence);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// The sequence that has taken `id`.
    #[must_use]
    pub fn find(&self, id: u128) -> Option<u64> {
        let hash = self.hash(id);
        let [id_low, id_high] = halves(id);
        let part = self.parts.get(part_of(hash))?;
        let mask = part.slots.len().wrapping_sub(1);
        let mut at = index(hash) & mask;
        loop {
            let slot = part.slots.get(at)?;
            if slot.sequence == 0 {
                return None;
            }
            if slot.id_low == id_low && slot.id_high == id_high {
                return Some(slot.sequence);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// Where the slot that `id` will need lies in memory.
    #[inline]
    pub(crate) fn address(&self, id: u128) -> *const u8 {
        let hash = self.hash(id);
        let slot = self
            .parts
            .get(part_of(hash))
            .and_then(|part| part.slots.get(index(hash) & part.slots.len().wrapping_sub(1)));
        slot.map_or(core::ptr::null(), |slot| core::ptr::from_ref(slot).cast())
    }

    /// An index with the same key and no ids: it tells which shard owns an id.
    #[must_use]
    pub fn empty_copy(&self) -> Self {
        let mut copy = Self::new(0);
        (copy.key_low, copy.key_high) = (self.key_low, self.key_high);
        copy
    }

    /// The ids of one shard out of a whole index.
    #[must_use]
    pub(crate) fn part(&self, shard: u64, shards: u64) -> Self {
        let mut part = self.empty_copy();
        for slot in self.parts.iter().flat_map(|part| &part.slots).filter(|slot| slot.sequence != 0) {
            let id = u128::from(slot.id_low) | u128::from(slot.id_high) << 64;
            if self.shard_of(id, shards) == shard {
                part.take(id, slot.sequence);
            }
        }
        part
    }

    /// Number of ids taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.taken).sum()
    }

    /// Whether no id is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shard out of `shards` that owns an id.
    #[inline]
    #[must_use]
    pub fn shard_of(&self, id: u128, shards: u64) -> u64 {
        // Bits that choose neither the part nor, in tables of any size that fits memory, the slot alone.
        if shards == 1 { 0 } else { (self.hash(id) >> 32).checked_rem(shards).unwrap_or(0) }
    }

    #[inline]
    fn hash(&self, id: u128) -> u64 {
        let [low, high] = halves(id);
        hash_halves(low, high, self.key_low, self.key_high)
    }
}

impl Part {
    #[cold]
    fn grow(&mut self, key_low: u64, key_high: u64) {
        let length = self.slots.len().saturating_mul(2);
        let old = core::mem::replace(&mut self.slots, alloc::vec![Slot::default(); length]);
        let mask = length.wrapping_sub(1);
        for slot in old.into_iter().filter(|slot| slot.sequence != 0) {
            let mut at = index(hash_halves(slot.id_low, slot.id_high, key_low, key_high)) & mask;
            while self.slots.get(at).is_some_and(|taken| taken.sequence != 0) {
                at = at.wrapping_add(1) & mask;
            }
            if let Some(free) = self.slots.get_mut(at) {
                *free = slot;
            }
        }
    }
}

#[inline]
fn part_of(hash: u64) -> usize {
    index(hash >> 56)
}

#[inline]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "splits 128 bits in two")]
fn halves(id: u128) -> [u64; 2] {
    [id as u64, (id >> 64) as u64]
}

/// A keyed multiplication, folded, and one more to spread it: the upper bits choose the part, the lower ones the
/// slot.
#[inline]
fn hash_halves(low: u64, high: u64, key_low: u64, key_high: u64) -> u64 {
    let folded = fold(low ^ key_low, high ^ key_high ^ 0x9E37_79B9_7F4A_7C15);
    folded ^ folded.wrapping_mul(0xD1B5_4A32_D192_ED03).rotate_left(29)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let [low, high] = halves(u128::from(a).wrapping_mul(u128::from(b)));
    low ^ high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_every_id_is_found_at_its_first_sequence_after_any_growth() {
        let mut ids = IdIndex::new(0x1234_5678_9ABC_DEF0);
        for sequence in 1..=100_000_u64 {
            let id = u128::from(sequence).wrapping_mul(0x0000_0001_0000_0000_0000_01B3_u128) | 1 << 127;
            assert_eq!(ids.take(id, sequence), None);
        }
        for sequence in 1..=100_000_u64 {
            let id = u128::from(sequence).wrapping_mul(0x0000_0001_0000_0000_0000_01B3_u128) | 1 << 127;
            assert_eq!(ids.take(id, 1), Some(sequence));
            assert_eq!(ids.find(id), Some(sequence));
        }
        assert_eq!(ids.len(), 100_000);
        assert_eq!(ids.find(5), None);
    }

    #[test]
    fn consecutive_ids_spread_over_parts_and_slots() {
        let ids = IdIndex::new(42);
        let mut counts = [0_u32; PARTS];
        for id in 0..25_600_u128 {
            counts[part_of(ids.hash(id))] += 1;
        }
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }
}
