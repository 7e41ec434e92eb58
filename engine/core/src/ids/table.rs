//! The recent ids: an open-addressing table of 16-byte entries in the order of their hashes, so that sealing it as a
//! sorted run is one walk. Filled to two thirds it takes 24 bytes an id.

use alloc::vec::Vec;

use super::hash::scale;

/// Slots behind the last home: a cluster at the end runs into them instead of wrapping around, which would break the
/// order. A table whose end overflows grows.
const TAIL: usize = 1_024;
const FIRST_SLOTS: usize = 64;
const SLOTS_A_PAGE: usize = 4_096 / size_of::<Slot>();

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u64,
    /// Zero: the slot is free.
    sequence: u64,
}

/// Hashes of ids and the sequences that took them. Equal hashes of different ids stand side by side.
#[derive(Clone, Debug)]
pub struct IdTable {
    slots: Vec<Slot>,
    homes: usize,
    taken: usize,
}

impl IdTable {
    /// Room for `ids` without growing.
    pub(super) fn with_room(ids: usize) -> Self {
        Self::with_homes(ids.saturating_add(ids / 2).saturating_add(FIRST_SLOTS))
    }

    fn with_homes(homes: usize) -> Self {
        let mut slots = alloc::vec![Slot::default(); homes.saturating_add(TAIL)];
        // Zeroed memory comes untouched from the system: the first use of each page would wait for it.
        slots.iter_mut().step_by(SLOTS_A_PAGE).for_each(|slot| slot.sequence = core::hint::black_box(0));
        Self { slots, homes, taken: 0 }
    }

    /// The same memory without entries.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.slots.fill(Slot::default());
        self.taken = 0;
        self
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    #[inline]
    pub(super) fn address(&self, hash: u64) -> *const u8 {
        self.slots
            .get(scale(hash, self.homes))
            .map_or(core::ptr::null(), |slot| core::ptr::from_ref(slot).cast())
    }

    /// The next entry of that hash at or behind the slot `at` (none: from its home), and the slot behind it; or the
    /// free slot where one would go.
    #[inline]
    pub(super) fn next(&self, hash: u64, at: Option<usize>) -> Next {
        let mut at = at.unwrap_or_else(|| scale(hash, self.homes));
        loop {
            match self.slots.get(at) {
                None => return Next::Free(at),
                Some(slot) if slot.sequence == 0 => return Next::Free(at),
                Some(slot) if slot.hash == hash => return Next::Entry(slot.sequence, at.saturating_add(1)),
                Some(_) => at = at.saturating_add(1),
            }
        }
    }

    /// Whether an id of that hash was taken by the entry at `sequence`.
    #[inline]
    #[must_use]
    pub fn holds(&self, hash: u64, sequence: u64) -> bool {
        let mut at = None;
        while let Next::Entry(first, behind) = self.next(hash, at) {
            if first == sequence {
                return true;
            }
            at = Some(behind);
        }
        false
    }

    /// Puts an entry in a slot that [`IdTable::next`] said was free.
    #[inline]
    pub(super) fn put(&mut self, at: usize, hash: u64, sequence: u64) {
        let is_full = self.taken.saturating_mul(3) >= self.homes.saturating_mul(2);
        match self.slots.get_mut(at) {
            Some(slot) if !is_full => *slot = Slot { hash, sequence },
            _ => return self.grow_and_put(hash, sequence),
        }
        self.taken = self.taken.saturating_add(1);
    }

    #[cold]
    fn grow_and_put(&mut self, hash: u64, sequence: u64) {
        let mut larger = Self::with_homes(self.homes.saturating_mul(2));
        for (hash, sequence) in self.entries().chain([(hash, sequence)]) {
            let mut at = None;
            loop {
                match larger.next(hash, at) {
                    Next::Entry(_, behind) => at = Some(behind),
                    Next::Free(free) => break larger.put(free, hash, sequence),
                }
            }
        }
        *self = larger;
    }

    /// All entries, hash and sequence, nearly in the order of their hashes.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.slots.iter().filter(|slot| slot.sequence != 0).map(|slot| (slot.hash, slot.sequence))
    }

    /// The hashes of all entries from `first` to `last`.
    pub(super) fn hashes_in(&self, (first, last): (u64, u64)) -> impl Iterator<Item = u64> {
        let (home, last_home) = (scale(first, self.homes), scale(last, self.homes));
        // An entry stands at its home or behind it, with no free slot between.
        let slots = self.slots.iter().enumerate().skip(home);
        let near = slots.take_while(move |(at, slot)| *at <= last_home || slot.sequence != 0);
        near.filter(move |(_, slot)| slot.sequence != 0 && (first..=last).contains(&slot.hash))
            .map(|(_, slot)| slot.hash)
    }

    /// All entries, ascending by hash, then by sequence: a sealed run.
    #[must_use]
    pub fn sorted(&self) -> Vec<(u64, u64)> {
        let mut entries: Vec<(u64, u64)> = Vec::with_capacity(self.taken);
        for entry in self.entries() {
            // No entry is further from its place than the cluster it stands in is long.
            let place =
                entries.iter().rposition(|other| *other <= entry).map_or(0, |at| at.saturating_add(1));
            entries.insert(place, entry);
        }
        entries
    }
}

/// What a walk over the entries of one hash meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// A sequence, and the slot to go on from.
    Entry(u64, usize),
    /// The end, at this slot.
    Free(usize),
}
