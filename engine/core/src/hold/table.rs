//! The flat table of pending holds by id. Its internal order decides nothing (what iterates, iterates by id),
//! so its hash is keyed against chosen ids.
//!
//! ```text
//! part of 256 ── index: open addressing, 8 bytes (place in cells 32 | hash 32), 0 is free
//!             └─ cells: 64 bytes a hold; those of ended holds are reused first, while they are in the caches
//! ```
//! A search looks at one line of the index and at one cell. Each part grows alone, so that no growth stops
//! traffic for long. An ended hold's index entry is closed by moving its followers back: no tombstones.

use alloc::vec::Vec;
use core::fmt;

use super::Hold;
use crate::account::AccountHandle;
use crate::limits::ACCOUNTS_MAX;
use crate::number::{index, number, number32};

const PARTS: usize = 256;
const FIRST_ENTRIES: usize = 8;
const HASH_BITS: u32 = 32;
const HASH_MASK: u64 = 0xFFFF_FFFF;

/// A pending hold with what finds its traces elsewhere, or a cell without one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Cell {
    id: u128,
    hold: Packed,
    marks: Marks,
}

const _: () = assert!(size_of::<Cell>() == 64, "one cache line");

/// A [`Hold`] whose accounts take 32 bits each, so that the cell is one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Packed {
    amount: u64,
    sequence: u64,
    deadline: u64,
    debtor: u32,
    creditor: u32,
    purpose: [u8; 4],
}

const _: () = assert!(ACCOUNTS_MAX <= 0xFFFF_FFFF, "handles fit 32 bits");

impl Packed {
    #[inline]
    fn of(hold: Hold) -> Self {
        let Hold { debtor, creditor, amount, sequence, deadline, purpose } = hold;
        let narrow = |account: AccountHandle| number32(index(account));
        Self { amount, sequence, deadline, debtor: narrow(debtor), creditor: narrow(creditor), purpose }
    }

    #[inline]
    fn hold(&self) -> Hold {
        let Self { debtor, creditor, amount, sequence, deadline, purpose } = *self;
        Hold { debtor: debtor.into(), creditor: creditor.into(), amount, sequence, deadline, purpose }
    }
}

/// Where a hold's traces are: its entry on the wheel, and its beginning in the log of changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Marks {
    pub(super) place: u32,
    pub(super) note: u32,
}

impl Marks {
    /// The note of a hold that has no entry in the log.
    pub(super) const UNNOTED: u32 = u32::MAX;
}

#[derive(Clone, Debug, Default)]
struct Part {
    /// None, or a power of two.
    index: Vec<u64>,
    cells: Vec<Cell>,
    /// Cells without a hold, the latest last.
    free: Vec<u32>,
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
    pub fn get(&self, id: u128) -> Option<Hold> {
        let (part, hash) = self.part_of(id)?;
        part.find(id, hash).map(|(_, cell)| cell.hold.hold())
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
    pub fn iter(&self) -> impl Iterator<Item = (u128, Hold)> {
        let mut all: Vec<_> = self.cells().collect();
        all.sort_unstable_by_key(|cell| cell.id);
        all.into_iter().map(|cell| (cell.id, cell.hold.hold()))
    }

    /// The deadline that ends first; none where none has one. Looks at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.cells().map(|cell| cell.hold.deadline).filter(|deadline| *deadline != u64::MAX).min()
    }

    /// Makes a hold pending; gives the one that had the id.
    pub fn insert(&mut self, id: u128, hold: Hold) -> Option<Hold> {
        self.put(id, hold, Marks::default()).map(|(replaced, _)| replaced)
    }

    /// Ends a hold.
    pub fn remove(&mut self, id: u128) -> Option<Hold> {
        self.take(id).map(|(hold, _)| hold)
    }

    /// Brings the cells that `ids` will need near, some dozen at a time: loads that do not wait for each other
    /// take little longer than one, and in tables beyond the caches a hold costs little else.
    #[inline]
    pub fn touch(&self, ids: impl Iterator<Item = u128>) {
        let near = ids.fold(0, |sum, id| sum ^ self.cell_near(id).map_or(0, |cell| cell.marks.note));
        core::hint::black_box(near);
    }

    /// Where the cell of `id` lies in memory, or the one that it will get.
    #[inline]
    pub(super) fn address(&self, id: u128) -> *const u8 {
        self.cell_near(id).map_or(core::ptr::null(), |cell| core::ptr::from_ref(cell).cast())
    }

    #[inline]
    fn cell_near(&self, id: u128) -> Option<&Cell> {
        let (part, hash) = self.part_of(id)?;
        let place = match part.entry(part.seek(hash, |_| true)) {
            0 => part.free.last().map_or(usize::MAX, |free| index(u64::from(*free))),
            entry => place_of(entry),
        };
        part.cells.get(place)
    }

    pub(super) fn put(&mut self, id: u128, hold: Hold, marks: Marks) -> Option<(Hold, Marks)> {
        let (at, hash) = home(id, self.key);
        let part = self.parts.get_mut(at)?;
        let cell = Cell { id, hold: Packed::of(hold), marks };
        if let Some((place, before)) = part.find(id, hash).map(|(at, cell)| (place_of(part.entry(at)), *cell))
        {
            if let Some(at) = part.cells.get_mut(place) {
                *at = cell;
            }
            return Some((before.hold.hold(), before.marks));
        }
        part.add(cell, hash);
        self.len = self.len.saturating_add(1);
        None
    }

    pub(super) fn take(&mut self, id: u128) -> Option<(Hold, Marks)> {
        let (at, hash) = home(id, self.key);
        let part = self.parts.get_mut(at)?;
        let (at, cell) = part.find(id, hash)?;
        let found = (cell.hold.hold(), cell.marks);
        part.close(at);
        self.len = self.len.saturating_sub(1);
        Some(found)
    }

    pub(super) fn set_place(&mut self, id: u128, place: u32) {
        let (at, hash) = home(id, self.key);
        let Some(part) = self.parts.get_mut(at) else { return };
        let found = part.find(id, hash).map(|(at, _)| place_of(part.entry(at)));
        if let Some(cell) = found.and_then(|at| part.cells.get_mut(at)) {
            cell.marks.place = place;
        }
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.parts.iter().flat_map(Part::pending)
    }

    #[inline]
    fn part_of(&self, id: u128) -> Option<(&Part, u64)> {
        let (at, hash) = home(id, self.key);
        self.parts.get(at).map(|part| (part, hash))
    }
}

impl Part {
    fn pending(&self) -> impl Iterator<Item = &Cell> {
        self.index.iter().filter(|entry| **entry != 0).filter_map(|entry| self.cells.get(place_of(*entry)))
    }

    #[inline]
    fn mask(&self) -> usize {
        self.index.len().wrapping_sub(1)
    }

    /// The index entry at `at`; zero where there is none.
    #[inline]
    fn entry(&self, at: usize) -> u64 {
        self.index.get(at).copied().unwrap_or(0)
    }

    /// The first entry of `hash` that `is_it`, or the free one where it belongs. Ends, since at least three
    /// eighths are free.
    #[inline]
    fn seek(&self, hash: u64, is_it: impl Fn(u64) -> bool) -> usize {
        let mask = self.mask();
        let mut at = index(hash) & mask;
        loop {
            let entry = self.entry(at);
            if entry == 0 || (entry & HASH_MASK == hash && is_it(entry)) {
                return at;
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    #[inline]
    fn find(&self, id: u128, hash: u64) -> Option<(usize, &Cell)> {
        let at = self.seek(hash, |entry| self.cells.get(place_of(entry)).is_some_and(|cell| cell.id == id));
        match self.entry(at) {
            0 => None,
            entry => self.cells.get(place_of(entry)).map(|cell| (at, cell)),
        }
    }

    #[inline]
    fn add(&mut self, cell: Cell, hash: u64) {
        let taken = self.cells.len().saturating_sub(self.free.len());
        // Grown at five eighths: a search that fails looks at four entries then, and at two or three mostly.
        if taken.saturating_mul(8) >= self.index.len().saturating_mul(5) {
            self.grow();
        }
        let place = match self.free.pop() {
            Some(place) => {
                if let Some(at) = self.cells.get_mut(index(place.into())) {
                    *at = cell;
                }
                u64::from(place)
            }
            None => {
                self.cells.push(cell);
                number(self.cells.len()).saturating_sub(1)
            }
        };
        let at = self.seek(hash, |_| false);
        if let Some(entry) = self.index.get_mut(at) {
            *entry = place.saturating_add(1) << HASH_BITS | hash;
        }
    }

    /// Frees an entry with its cell, and moves those behind it back that have their home at or before it.
    #[inline]
    fn close(&mut self, freed: usize) {
        self.free.push(number32(place_of(self.entry(freed))));
        let mask = self.mask();
        let (mut hole, mut at) = (freed, freed.wrapping_add(1) & mask);
        loop {
            let entry = self.entry(at);
            if entry == 0 {
                break;
            }
            let from_home = at.wrapping_sub(index(entry & HASH_MASK)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                if let Some(free) = self.index.get_mut(hole) {
                    *free = entry;
                }
                hole = at;
            }
            at = at.wrapping_add(1) & mask;
        }
        if let Some(last) = self.index.get_mut(hole) {
            *last = 0;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let length = self.index.len().saturating_mul(2).max(FIRST_ENTRIES);
        let old = core::mem::replace(&mut self.index, alloc::vec![0; length]);
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            let at = self.seek(entry & HASH_MASK, |_| false);
            if let Some(free) = self.index.get_mut(at) {
                *free = entry;
            }
        }
    }
}

#[inline]
fn place_of(entry: u64) -> usize {
    index((entry >> HASH_BITS).wrapping_sub(1))
}

impl PartialEq for HoldTable {
    /// The same holds; neither key nor inner order matters.
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.cells().all(|cell| other.get(cell.id) == Some(cell.hold.hold()))
    }
}

impl Eq for HoldTable {}

impl fmt::Debug for HoldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The part of an id, and the 32 bits of its hash that choose the index entry.
#[inline]
fn home(id: u128, key: [u64; 2]) -> (usize, u64) {
    let hash = hash(id, key);
    (index(hash >> 56), hash & HASH_MASK)
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
