//! The flat table of pending holds by id: open addressing, one cache line a hold. Its internal order decides
//! nothing (what iterates, iterates by id), so its hash is keyed against chosen ids.
//!
//! 256 parts, each growing alone, so that no growth stops traffic for long. An ended hold's line is closed by
//! moving its followers back: no tombstones, so tables do not fill up with the dead.

use alloc::vec::Vec;
use core::fmt;

use super::Hold;
use crate::number::index;

const PARTS: usize = 256;
const FIRST_SLOTS: usize = 8;

/// A pending hold with what finds its traces elsewhere. A free slot has `is_taken` zero.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Slot {
    id: u128,
    hold: Hold,
    place: u32,
    /// Position in the log of changes and, in the lowest bit, whether the slot is taken.
    note: u32,
}

const _: () = assert!(size_of::<Slot>() == 64, "one cache line");

/// Where a hold's traces are: its entry on the wheel, and its beginning in the log of changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Marks {
    pub(super) place: u32,
    /// Up to 2^31: a block's entries are far fewer.
    pub(super) note: u32,
}

impl Marks {
    /// The note of a hold that has no entry in the log.
    pub(super) const UNNOTED: u32 = u32::MAX >> 1;
}

impl Slot {
    fn new(id: u128, hold: Hold, marks: Marks) -> Self {
        Self { id, hold, place: marks.place, note: marks.note.wrapping_shl(1) | 1 }
    }

    #[inline]
    fn is_free(&self) -> bool {
        self.note == 0
    }

    fn marks(&self) -> Marks {
        Marks { place: self.place, note: self.note >> 1 }
    }
}

#[derive(Clone, Debug, Default)]
struct Part {
    /// None, or a power of two.
    slots: Vec<Slot>,
    taken: usize,
}

/// Pending holds by id.
#[derive(Clone)]
pub struct HoldTable {
    key: [u64; 2],
    parts: Vec<Part>,
    len: usize,
}

impl Default for HoldTable {
    fn default() -> Self {
        Self::new(0)
    }
}

impl HoldTable {
    /// An empty table, keyed with a number that submitters do not know.
    #[must_use]
    pub fn new(key: u128) -> Self {
        Self { key: halves(key), parts: alloc::vec![Part::default(); PARTS], len: 0 }
    }

    /// An empty table with the same key.
    #[must_use]
    pub(super) fn empty_copy(&self) -> Self {
        Self { key: self.key, ..Self::default() }
    }

    /// Keys a table that has no holds yet; one that has some keeps its key.
    pub(crate) fn key_with(&mut self, key: u128) {
        if self.len == 0 {
            self.key = halves(key);
        }
    }

    /// A pending hold.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u128) -> Option<&Hold> {
        let (part, home) = self.home(id);
        let part = self.parts.get(part)?;
        part.slots.get(part.find(id, home)?).map(|slot| &slot.hold)
    }

    /// Number of pending holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All pending holds, ascending by id. Sorts them: for snapshots and reports.
    pub fn iter(&self) -> impl Iterator<Item = (&u128, &Hold)> {
        let mut all: Vec<_> = self.slots().map(|slot| (&slot.id, &slot.hold)).collect();
        all.sort_unstable_by_key(|(id, _)| **id);
        all.into_iter()
    }

    /// The deadline that ends first; none where none has one. Looks at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.slots().map(|slot| slot.hold.deadline).filter(|deadline| *deadline != u64::MAX).min()
    }

    /// Makes a hold pending; gives the one that had the id.
    pub fn insert(&mut self, id: u128, hold: Hold) -> Option<Hold> {
        self.put(id, hold, Marks::default()).map(|(replaced, _)| replaced)
    }

    /// Ends a hold.
    pub fn remove(&mut self, id: u128) -> Option<Hold> {
        self.take(id).map(|(hold, _)| hold)
    }

    /// Brings the slots that `ids` will need near, some dozen at a time: loads that do not wait for each other
    /// take little longer than one, and in tables beyond the caches a hold costs little else.
    #[inline]
    pub fn touch(&self, ids: impl Iterator<Item = u128>) {
        let near = ids.fold(0, |sum, id| {
            let (part, home) = self.home(id);
            let slot = self.parts.get(part).and_then(|part| part.slots.get(home & part.mask()));
            sum | slot.map_or(0, |slot| slot.note)
        });
        core::hint::black_box(near);
    }

    /// Where the slot that `id` will need lies in memory.
    #[inline]
    pub(super) fn address(&self, id: u128) -> *const u8 {
        let (part, home) = self.home(id);
        let slot = self.parts.get(part).and_then(|part| part.slots.get(home & part.mask()));
        slot.map_or(core::ptr::null(), |slot| core::ptr::from_ref(slot).cast())
    }

    pub(super) fn put(&mut self, id: u128, hold: Hold, marks: Marks) -> Option<(Hold, Marks)> {
        let (part, home) = self.home(id);
        let key = self.key;
        let part = self.parts.get_mut(part)?;
        // Grown at five eighths: a search that fails looks at four slots then, and at two or three mostly.
        if part.taken.saturating_mul(8) >= part.slots.len().saturating_mul(5) {
            part.grow(key);
        }
        let at = part.find_or_free(id, home);
        let slot = part.slots.get_mut(at)?;
        let before = core::mem::replace(slot, Slot::new(id, hold, marks));
        if before.is_free() {
            part.taken = part.taken.saturating_add(1);
            self.len = self.len.saturating_add(1);
            None
        } else {
            Some((before.hold, before.marks()))
        }
    }

    pub(super) fn take(&mut self, id: u128) -> Option<(Hold, Marks)> {
        let (part, home) = self.home(id);
        let key = self.key;
        let part = self.parts.get_mut(part)?;
        let at = part.find(id, home)?;
        let found = *part.slots.get(at)?;
        part.close(at, key);
        self.len = self.len.saturating_sub(1);
        Some((found.hold, found.marks()))
    }

    pub(super) fn set_place(&mut self, id: u128, place: u32) {
        let (part, home) = self.home(id);
        let Some(part) = self.parts.get_mut(part) else { return };
        if let Some(slot) = part.find(id, home).and_then(|at| part.slots.get_mut(at)) {
            slot.place = place;
        }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.parts.iter().flat_map(|part| &part.slots).filter(|slot| !slot.is_free())
    }

    #[inline]
    fn home(&self, id: u128) -> (usize, usize) {
        let hash = hash(id, self.key);
        (index(hash >> 56), index(hash))
    }
}

impl Part {
    #[inline]
    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    #[inline]
    fn find(&self, id: u128, home: usize) -> Option<usize> {
        let at = self.find_or_free(id, home);
        self.slots.get(at).filter(|slot| !slot.is_free()).map(|_| at)
    }

    /// The slot of `id`, or the free one where it belongs. Ends, since at least three eighths are free.
    #[inline]
    fn find_or_free(&self, id: u128, home: usize) -> usize {
        let mask = self.mask();
        let mut at = home & mask;
        while self.slots.get(at).is_some_and(|slot| !slot.is_free() && slot.id != id) {
            at = at.wrapping_add(1) & mask;
        }
        at
    }

    /// Frees a slot and moves those behind it back that have their home at or before it.
    #[inline]
    fn close(&mut self, freed: usize, key: [u64; 2]) {
        let mask = self.mask();
        let (mut hole, mut at) = (freed, freed.wrapping_add(1) & mask);
        while let Some(slot) = self.slots.get(at).copied().filter(|slot| !slot.is_free()) {
            let from_home = at.wrapping_sub(index(hash(slot.id, key))) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                if let Some(free) = self.slots.get_mut(hole) {
                    *free = slot;
                }
                hole = at;
            }
            at = at.wrapping_add(1) & mask;
        }
        if let Some(last) = self.slots.get_mut(hole) {
            *last = Slot::default();
        }
        self.taken = self.taken.saturating_sub(1);
    }

    #[cold]
    fn grow(&mut self, key: [u64; 2]) {
        let length = self.slots.len().saturating_mul(2).max(FIRST_SLOTS);
        let old = core::mem::replace(&mut self.slots, alloc::vec![Slot::default(); length]);
        for slot in old.into_iter().filter(|slot| !slot.is_free()) {
            let at = self.find_or_free(slot.id, index(hash(slot.id, key)));
            if let Some(free) = self.slots.get_mut(at) {
                *free = slot;
            }
        }
    }
}

impl PartialEq for HoldTable {
    /// The same holds; neither key nor inner order matters.
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.slots().all(|slot| other.get(slot.id) == Some(&slot.hold))
    }
}

impl Eq for HoldTable {}

impl fmt::Debug for HoldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A keyed multiplication, folded, and one more to spread it: the upper bits choose the part, the lower ones
/// the slot. Pinned here, though no result depends on it.
#[inline]
fn hash(id: u128, [key_low, key_high]: [u64; 2]) -> u64 {
    let [low, high] = halves(id);
    let product = u128::from(low ^ key_low).wrapping_mul(u128::from(high ^ key_high ^ 0x9E37_79B9_7F4A_7C15));
    let [low, high] = halves(product);
    let folded = low ^ high;
    folded ^ folded.wrapping_mul(0xD1B5_4A32_D192_ED03).rotate_left(29)
}

#[inline]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "splits 128 bits in two")]
fn halves(id: u128) -> [u64; 2] {
    [id as u64, (id >> 64) as u64]
}
