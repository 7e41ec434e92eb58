//! The id index: which sequence a UETR or command id was first journaled at. Exact, for every entry ever journaled
//! (I3), since a hash only proposes and the journal's record confirms.
//!
//! ```text
//! recent table ──(every run's length of entries)──▶ tables being stored ──▶ sorted runs on disk
//! 24 bytes an id                                    as long as that takes    fences: a quarter of a byte an id
//! ├───────────────────────── filters over all of them: 2 to 4 bytes an id ────────────────────────────┤
//! ```
//! An id that the filters do not know is new: nothing but its place in the recent table is looked at.
//! The core keeps the tables and the filter; what lies on disk it asks its machine for. The order inside decides
//! nothing: any index that is complete gives the same answers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::limits::FRAME_TRANSFERS_MAX;
use crate::number::index;

mod filter;
mod hash;
mod table;

pub use filter::IdFilter;
use filter::IdFilters;
pub use hash::IdKey;
pub use table::IdTable;
use table::Next;

/// Entries of the journal whose ids make one run in an engine: a table of 6 MiB, which
/// the caches and their page tables can hold.
pub const RUN_ENTRIES: u64 = 1 << 18;

/// Runs that the first filter has room for: so many that the next ones, twice as large each, are few.
const RUNS_A_FILTER: usize = 16;

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
    filters: Option<IdFilters>,
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
            filters: None,
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
        let room = self.first_filter();
        let filters = self.filters.as_ref().map(|filters| filters.shared(room));
        let mut filters = filters.unwrap_or_else(|| IdFilters::with_room(room));
        self.recent.entries().for_each(|(hash, _)| filters.insert(hash, self.first));
        self.filters = Some(filters);
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
        self.filters = Some(IdFilters::behind(first, filter, self.first_filter()));
        self
    }

    /// Ids that the first filter has room for.
    fn first_filter(&self) -> usize {
        index(self.run_entries.min(RUN_ENTRIES)).saturating_mul(RUNS_A_FILTER)
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
                let is_new = self.filters.as_mut().is_none_or(|filters| filters.insert_new(hash, sequence));
                if is_new {
                    self.recent.put(at, hash, sequence);
                }
                is_new
            }
            Next::Entry(..) => false,
        }
    }

    fn is_perhaps_known(&self, hash: u64) -> bool {
        self.filters.as_ref().is_some_and(|filters| filters.may_hold(hash))
    }

    fn put(&mut self, at: usize, hash: u64, sequence: u64) {
        self.recent.put(at, hash, sequence);
        if let Some(filters) = &mut self.filters {
            filters.insert(hash, sequence);
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
        for range in self.filters.iter().flat_map(|filters| filters.ranges(hash)) {
            if let Some(first) = find_stored((hash, range), end, earlier)? {
                return Ok(Some(first));
            }
        }
        Ok(None)
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
        let empty = self.spare.take().unwrap_or_else(|| IdTable::with_room(self.recent.len()));
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
        if let Some(filters) = &self.filters {
            filters.addresses(hash, ask);
        }
    }

    /// An index with the same key and no ids: it tells which shard owns an id.
    #[must_use]
    pub fn empty_copy(&self) -> Self {
        Self { key: self.key, run_entries: self.run_entries, ..Self::new(0) }
    }

    /// The ids of one shard out of a whole index.
    #[must_use]
    pub(crate) fn part(&self, shard: u64, shards: u64) -> Self {
        let mut part = Self { first: self.first, ..self.empty_copy() };
        let room = part.first_filter();
        part.filters = self.filters.as_ref().map(|filters| filters.shared(room));
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

    /// Whether the index has in memory that an id of that hash was taken by the entry at `sequence`.
    #[must_use]
    pub fn has_taken(&self, hash: u64, sequence: u64) -> bool {
        let tables = self.storing.iter().map(|full| &*full.table).chain([&self.recent]);
        tables.into_iter().any(|table| table.holds(hash, sequence))
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

/// Not the bits by which tables are ordered: the ids of one shard must spread over its table.
#[inline]
fn shard_of(hash: u64, shards: u64) -> u64 {
    (hash & 0xFFFF_FFFF).checked_rem(shards).unwrap_or(0)
}

fn find_stored<E: Earlier>(
    (hash, range): (u64, SequenceRange),
    end: u64,
    earlier: &mut E,
) -> Result<Option<u64>, E::Fault> {
    let mut sequences = earlier.stored(hash, range)?;
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
