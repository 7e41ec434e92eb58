//! The id index: which sequence a UETR or command id was first journaled at. Exact, for every entry ever journaled
//! (I3), since a hash only proposes and the journal's record confirms.
//!
//! ```text
//! recent table ──(every run's length of entries)──▶ tables being stored ──▶ sorted runs on disk
//! 24 bytes an id                                    as long as that takes    fences: a sixteenth of a byte an id
//! ├─────────────── a filter over all of them: at most 1.91 bytes for each id in the runs ───────────────┤
//! ```
//! An id that the filter does not know is new: nothing but its place in the recent table is looked at.
//! The core keeps the tables and the filter; what lies on disk it asks its machine for. The order inside decides
//! nothing: any index that is complete gives the same answers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::limits::FRAME_TRANSFERS_MAX;
use crate::number::index;

mod filter;
mod growth;
mod hash;
mod table;

pub use filter::{FilterPart, IdFilter};
pub use growth::{DueParts, Growth, NewParts};
pub use hash::IdKey;
pub use table::IdTable;
use table::Next;

/// Entries of the journal whose ids make one run in an engine: a table of 6 MiB, which
/// the caches and their page tables can hold.
pub const RUN_ENTRIES: u64 = 1 << 18;

/// Runs that a fresh filter has room for: a million ids of an engine.
const RUNS_A_FILTER: usize = 4;

/// The longest run.
pub const RUN_ENTRIES_MAX: u64 = 1 << 24;

/// A first sequence, and the one behind the last.
pub type SequenceRange = (u64, u64);

/// What the index asks of the journal behind it.
pub trait Earlier {
    /// Why an answer can't be had.
    type Fault;

    /// Whether the entry at `sequence` has the id in question.
    ///
    /// # Errors
    /// Where the journal does not give an entry that it must hold.
    fn is_same(&mut self, sequence: u64) -> Result<bool, Self::Fault>;

    /// The sequences of a range that stored runs have for a hash, in any order; others may be among them.
    ///
    /// # Errors
    /// Where a run can't be read.
    fn stored(&mut self, hash: u64, range: SequenceRange) -> Result<Vec<u64>, Self::Fault>;
}

/// The ids of so many entries, handed over to be stored.
#[derive(Clone, Debug)]
pub struct FullIds {
    /// The first sequence whose id may be in it, and the one behind the last.
    pub range: SequenceRange,
    /// The ids.
    pub table: Arc<IdTable>,
}

/// Ids and the sequences that took them.
#[derive(Clone, Debug)]
pub struct IdIndex {
    key: IdKey,
    run_entries: u64,
    /// Sequence from which on ids are in the recent table.
    first: u64,
    recent: IdTable,
    storing: Vec<FullIds>,
    /// Over all ids; none where all of them stay in the recent table.
    filter: Option<IdFilter>,
    /// An empty table, its memory touched, for the next run.
    spare: Option<IdTable>,
}

impl Default for IdIndex {
    fn default() -> Self {
        Self::new(0)
    }
}

impl IdIndex {
    /// An empty index, keyed with a number that submitters do not know. All ids stay in memory.
    #[must_use]
    pub fn new(key: u128) -> Self {
        Self {
            key: IdKey::new(key),
            run_entries: u64::MAX,
            first: 1,
            recent: IdTable::with_room(0),
            storing: Vec::new(),
            filter: None,
            spare: None,
        }
    }

    /// The same index, as long as it is empty, made for runs: it gives the ids of every so many entries away to be
    /// stored, see [`IdIndex::take_full`]. The memory of its tables is touched now, not by the first transfers.
    #[must_use]
    pub fn with_runs_of(mut self, entries: u64) -> Self {
        // A run ends with the frame that fills it.
        let room = index(entries.min(RUN_ENTRIES_MAX)).saturating_add(FRAME_TRANSFERS_MAX);
        if self.recent.is_empty() {
            self.recent = IdTable::with_room(room);
            self.spare = Some(IdTable::with_room(room));
        }
        self.run_entries = entries.clamp(1, RUN_ENTRIES_MAX);
        let mut filter = self.filter.take().unwrap_or_else(|| IdFilter::for_ids(self.room()));
        self.recent.entries().for_each(|(hash, _)| filter.insert(hash));
        self.filter = Some(filter);
        self
    }

    /// The same index, as long as it is empty, with a filter that need not grow until it has so many ids.
    #[must_use]
    pub fn with_room_for(mut self, ids: usize) -> Self {
        if self.is_empty() && self.filter.is_some() {
            self.filter = Some(IdFilter::for_ids(ids.max(self.room())));
        }
        self
    }

    /// So many entries' ids go into one run.
    #[must_use]
    pub fn run_entries(&self) -> u64 {
        self.run_entries
    }

    /// The same index under the key that the journal's first entry gives it. It must hold no id yet but those in
    /// stored runs, which are under that key.
    #[must_use]
    pub fn rekeyed(self, key: u128) -> Self {
        let recent = if self.recent.is_empty() { self.recent } else { IdTable::with_room(0) };
        Self { key: IdKey::new(key), recent, ..self }
    }

    /// An index behind runs that hold all ids below `first`, with a filter over those.
    #[must_use]
    pub fn behind(mut self, first: u64, filter: IdFilter) -> Self {
        self.first = first;
        self.filter = Some(filter);
        self
    }

    /// Ids that a filter has room for from the beginning.
    #[must_use]
    pub fn room(&self) -> usize {
        index(self.run_entries.min(RUN_ENTRIES)).saturating_mul(RUNS_A_FILTER)
    }

    /// How far the filter has grown: what is to be made anew follows from that. None where there is no filter.
    #[must_use]
    pub fn growth(&self) -> Option<Growth> {
        self.filter.as_ref().map(IdFilter::growth)
    }

    /// The memory that the filter holds, in bytes.
    #[must_use]
    pub fn filter_bytes(&self) -> usize {
        self.filter.as_ref().map_or(0, IdFilter::bytes)
    }

    /// Takes a part of the filter that was made anew over stored runs, and adds what those do not have yet: the ids in memory.
    /// Gives back the part that it replaces, or the same one where ids between would be missing.
    #[must_use]
    pub fn take_part(&mut self, mut part: FilterPart) -> FilterPart {
        let oldest = self.storing.first().map_or(self.first, |full| full.range.0);
        let Some(filter) = self.filter.as_mut().filter(|_| part.end() >= oldest) else { return part };
        let storing = self.storing.iter().map(|full| &*full.table);
        for table in storing.chain([&self.recent]) {
            table.hashes_in(part.hashes()).for_each(|hash| part.insert_own(hash));
        }
        filter.replace(part)
    }

    /// The hash of an id, under this index's key.
    #[inline]
    #[must_use]
    pub fn hash(&self, id: u128) -> u64 {
        self.key.hash(id)
    }

    /// Takes an id of that hash for `sequence` if the hash alone shows that no entry has taken it. False: nothing is
    /// taken, and [`IdIndex::take`] must tell.
    #[inline(always)]
    pub fn take_unseen(&mut self, hash: u64, sequence: u64) -> bool {
        match self.recent.next(hash, None) {
            Next::Free(at) => {
                let is_new = self.filter.as_mut().is_none_or(|filter| filter.insert_new(hash));
                if is_new {
                    self.recent.put(at, hash, sequence);
                }
                is_new
            }
            Next::Entry(..) => false,
        }
    }

    fn is_perhaps_known(&self, hash: u64) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.may_hold(hash))
    }

    fn put(&mut self, at: usize, hash: u64, sequence: u64) {
        self.recent.put(at, hash, sequence);
        if let Some(filter) = &mut self.filter {
            filter.insert(hash);
        }
    }

    /// Takes an id of that hash for `sequence`, or tells which sequence has taken it before.
    ///
    /// # Errors
    /// Those of `earlier`.
    pub fn take<E: Earlier>(
        &mut self,
        hash: u64,
        sequence: u64,
        earlier: &mut E,
    ) -> Result<Option<u64>, E::Fault> {
        let mut from = None;
        let free = loop {
            match self.recent.next(hash, from) {
                Next::Free(at) => break at,
                Next::Entry(first, behind) => {
                    if earlier.is_same(first)? {
                        return Ok(Some(first));
                    }
                    from = Some(behind);
                }
            }
        };
        if self.is_perhaps_known(hash)
            && let Some(first) = self.find_older(hash, sequence, earlier)?
        {
            return Ok(Some(first));
        }
        // An entry that is applied again may lie in a run already.
        if sequence >= self.first {
            self.put(free, hash, sequence);
        }
        Ok(None)
    }

    #[cold]
    fn find_older<E: Earlier>(&self, hash: u64, end: u64, earlier: &mut E) -> Result<Option<u64>, E::Fault> {
        for full in self.storing.iter().rev() {
            let mut from = None;
            while let Next::Entry(first, behind) = full.table.next(hash, from) {
                if earlier.is_same(first)? {
                    return Ok(Some(first));
                }
                from = Some(behind);
            }
        }
        find_stored(hash, end, earlier)
    }

    /// The sequence that has taken an id.
    ///
    /// # Errors
    /// Those of `earlier`.
    pub fn find<E: Earlier>(&self, id: u128, earlier: &mut E) -> Result<Option<u64>, E::Fault> {
        let hash = self.hash(id);
        let mut from = None;
        while let Next::Entry(first, behind) = self.recent.next(hash, from) {
            if earlier.is_same(first)? {
                return Ok(Some(first));
            }
            from = Some(behind);
        }
        if self.is_perhaps_known(hash) { self.find_older(hash, u64::MAX, earlier) } else { Ok(None) }
    }

    /// Gives the recent ids away to be stored, where they are a run's length of entries or more before `next`, the
    /// sequence to come. Until [`IdIndex::stored`] they stay in memory.
    pub fn take_full(&mut self, next: u64) -> Option<FullIds> {
        if next.saturating_sub(self.first) < self.run_entries {
            return None;
        }
        // The next run may have a frame more than this one.
        let room = self.recent.len().saturating_add(FRAME_TRANSFERS_MAX);
        let empty = self.spare.take().unwrap_or_else(|| IdTable::with_room(room));
        let table = Arc::new(core::mem::replace(&mut self.recent, empty));
        let full = FullIds { range: (self.first, next), table };
        self.first = next;
        self.storing.push(full.clone());
        Some(full)
    }

    /// All ids below `end` are in stored runs now. Gives back the tables that held them: emptied, one may come again by
    /// [`IdIndex::offer_spare`].
    pub fn stored(&mut self, end: u64) -> Vec<Arc<IdTable>> {
        let stored = self.storing.extract_if(.., |full| full.range.1 <= end);
        stored.map(|full| full.table).collect()
    }

    /// Takes an empty table for the next run.
    pub fn offer_spare(&mut self, spare: IdTable) {
        self.spare = Some(spare).filter(IdTable::is_empty);
    }

    /// Tells `ask` each place in memory that the question for a hash will touch.
    #[inline]
    pub(crate) fn addresses(&self, hash: u64, ask: impl Fn(*const u8)) {
        ask(self.recent.address(hash));
        if let Some(filter) = &self.filter {
            ask(filter.address(hash));
        }
    }

    /// An index with the same key and no ids: it tells which shard owns an id.
    #[must_use]
    pub fn empty_copy(&self) -> Self {
        Self { key: self.key, run_entries: self.run_entries, ..Self::new(0) }
    }

    /// The ids of one shard out of a whole index, with a copy of its filter: of those of the other shards it says "perhaps".
    #[must_use]
    pub(crate) fn part(&self, shard: u64, shards: u64) -> Self {
        self.part_with((shard, shards), self.filter.clone())
    }

    /// The ids of one shard out of a whole index, with a filter over those of its own that are in runs: of all entries
    /// below `end`.
    ///
    /// # Panics
    /// If runs and memory leave entries out.
    #[must_use]
    pub fn part_behind(&self, share: (u64, u64), (end, mut filter): (u64, IdFilter)) -> Self {
        let oldest = self.storing.first().map_or(self.first, |full| full.range.0);
        assert!(end >= oldest, "entries from {end} to {oldest} are neither in runs nor in memory");
        let in_memory = self.entries().filter(|(hash, _)| shard_of(*hash, share.1) == share.0);
        in_memory.for_each(|(hash, _)| filter.insert(hash));
        self.part_with(share, Some(filter))
    }

    fn part_with(&self, (shard, shards): (u64, u64), filter: Option<IdFilter>) -> Self {
        let mut part = Self { first: self.first, filter, ..self.empty_copy() };
        let share = |table: &IdTable| {
            let mut own = IdTable::with_room(table.len().checked_div(index(shards)).unwrap_or(0));
            for (hash, sequence) in table.entries().filter(|(hash, _)| shard_of(*hash, shards) == shard) {
                let mut from = None;
                while let Next::Entry(_, behind) = own.next(hash, from) {
                    from = Some(behind);
                }
                if let Next::Free(free) = own.next(hash, from) {
                    own.put(free, hash, sequence);
                }
            }
            own
        };
        part.recent = share(&self.recent);
        part.storing = self
            .storing
            .iter()
            .map(|full| FullIds { range: full.range, table: Arc::new(share(&full.table)) })
            .collect();
        part
    }

    /// The ids in memory as they lie there: tables of entries, ascending without a gap. The last one is open.
    pub fn tables(&self) -> impl Iterator<Item = (SequenceRange, &IdTable)> {
        let full = self.storing.iter().map(|full| (full.range, &*full.table));
        full.chain([((self.first, u64::MAX), &self.recent)])
    }

    /// All ids in memory, their hashes and sequences, in no order that means anything.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.storing.iter().flat_map(|full| full.table.entries()).chain(self.recent.entries())
    }

    /// Ids in memory: those of the recent table and of tables being stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.storing.iter().fold(self.recent.len(), |sum, full| sum.saturating_add(full.table.len()))
    }

    /// Whether no id is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shard out of `shards` that owns an id.
    #[inline]
    #[must_use]
    pub fn shard_of(&self, id: u128, shards: u64) -> u64 {
        if shards == 1 { 0 } else { shard_of(self.hash(id), shards) }
    }
}

/// The shard out of `shards` that owns an id of that hash. Not by the bits by which tables are ordered: the ids of one shard
/// must spread over its table.
#[inline]
#[must_use]
pub fn shard_of(hash: u64, shards: u64) -> u64 {
    // A division takes longer than all else that is done with a hash.
    if shards == 1 { 0 } else { (hash & 0xFFFF_FFFF).checked_rem(shards).unwrap_or(0) }
}

fn find_stored<E: Earlier>(hash: u64, end: u64, earlier: &mut E) -> Result<Option<u64>, E::Fault> {
    let mut sequences = earlier.stored(hash, (1, end))?;
    // Runs may reach beyond the entry that asks: then its own sequence is among them, and is no earlier one.
    sequences.retain(|sequence| *sequence < end);
    sequences.sort_unstable();
    for sequence in sequences {
        if earlier.is_same(sequence)? {
            return Ok(Some(sequence));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
