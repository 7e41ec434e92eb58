//! The sealed runs of ids that are older than memory: how an id is known for ever (I3).
//!
//! Runs cover the journal without a gap from sequence 1 on. Sixteen short ones become one long one, so that a question
//! that the filters let through asks few files. One thread writes; any may ask.

use std::sync::Arc;

use feiqian_core::ids::{DueParts, FilterPart, FullIds, IdFilter, SequenceRange, shard_of};
use parking_lot::{Mutex, RwLock};

use super::StoreFault;
use super::id_run::{IDS_DIRECTORY, IdEntry, IdRun, RUN_ENTRIES_MAX, SUFFIX, path_of, range_of};
use crate::storage::{ASIDE_SUFFIX, Storage};

/// Runs that are merged to one: questions ask fewer, and each id is written once more for each 16-fold of history. A
/// question that the filters let through, one in some hundreds, takes most of a microsecond a run.
const MERGED: usize = 16;
/// Parts of the hashes that a merging works on one after the other: what it holds in memory. A slice of the shortest
/// runs, 16,384 entries, lies in a core's own cache.
const SLICES: u64 = 256;
/// Hashes of one slice, a power of two.
const SLICE_WIDTH: u64 = u64::MAX / SLICES + 1;
/// The runs of a data directory; clones are the same store.
#[derive(Debug)]
pub struct IdRuns<S: Storage>(Arc<Parts<S>>);

impl<S: Storage> Clone for IdRuns<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Parts<S: Storage> {
    storage: S,
    chain_id: [u8; 16],
    runs: RwLock<Arc<[IdRun<S::File>]>>,
    unsynced: Mutex<Vec<IdRun<S::File>>>,
}

impl<S: Storage> IdRuns<S> {
    /// Opens the store, making its directory if there is none. What is damaged, left over or behind a gap is removed:
    /// the journal gives it again. So is what reaches beyond `last`, the sequence behind which frames are executed
    /// again: each of their ids would be looked for on disk. Tells how many runs were damaged, too.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn open(storage: S, chain_id: [u8; 16], last: u64) -> Result<(Self, usize), StoreFault> {
        storage.create_directory(IDS_DIRECTORY)?;
        let Gathered { runs, damaged, useless } = gather(&storage, &chain_id, last)?;
        for path in &useless {
            storage.remove(path)?;
        }
        storage.sync_directory(IDS_DIRECTORY)?;
        let parts = Parts { storage, chain_id, runs: RwLock::new(runs.into()), unsynced: Mutex::default() };
        Ok((Self(Arc::new(parts)), damaged))
    }

    /// For reading, beside the store of the process that writes: makes and removes nothing. Holds what is there by now of
    /// the ids of entries up to `last`, without a gap.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn reading(storage: S, chain_id: [u8; 16], last: u64) -> Result<Self, StoreFault> {
        let Gathered { runs, .. } = gather(&storage, &chain_id, last)?;
        let parts = Parts { storage, chain_id, runs: RwLock::new(runs.into()), unsynced: Mutex::default() };
        Ok(Self(Arc::new(parts)))
    }

    /// The sequence below which the ids of all entries are stored.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.runs.read().last().map_or(1, |run| run.range.1)
    }

    /// How many ids are stored.
    #[must_use]
    pub fn ids(&self) -> usize {
        self.0.runs.read().iter().map(|run| run.count).sum()
    }

    /// The memory that is kept of the runs, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.runs.read().iter().map(IdRun::memory_bytes).sum()
    }

    /// The sequence below which all ids are in it, and for each of so many shards a filter over its stored ids, with room
    /// for as many as there are and at least for `room` of all shards.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn filters(&self, shards: u64, room: usize) -> Result<(u64, Vec<IdFilter>), StoreFault> {
        let runs = Arc::clone(&self.0.runs.read());
        let ids: usize = runs.iter().map(|run| run.count).sum();
        let ids_a_shard = ids.max(room).div_ceil(usize::try_from(shards).unwrap_or(usize::MAX));
        let mut filters: Vec<_> = (0..shards).map(|_| IdFilter::for_ids(ids_a_shard)).collect();
        let mut bytes = Vec::new();
        for first in (0..SLICES).map(|slice| slice * SLICE_WIDTH) {
            for run in runs.iter() {
                run.each_hash(&(first..=first + (SLICE_WIDTH - 1)), &mut bytes, |hash| {
                    let shard =
                        usize::try_from(shard_of(hash, shards)).expect("fewer than there are filters");
                    filters[shard].insert(hash);
                })?;
            }
        }
        Ok((runs.last().map_or(1, |run| run.range.1), filters))
    }

    /// A filter over all stored ids, see [`IdRuns::filters`].
    ///
    /// # Errors
    /// The storage's faults.
    pub fn filter(&self, room: usize) -> Result<(u64, IdFilter), StoreFault> {
        let (end, filters) = self.filters(1, room)?;
        let filter = filters.into_iter().next().unwrap_or_else(|| IdFilter::for_ids(room));
        Ok((end, filter))
    }

    /// Parts of filters, one after the other of each of so many shards, made of what is stored.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn parts(&self, due: &DueParts, shards: u64) -> Result<Vec<Vec<FilterPart>>, StoreFault> {
        let runs = Arc::clone(&self.0.runs.read());
        let mut parts = due.empty(runs.last().map_or(1, |run| run.range.1), shards);
        let (hashes, mut bytes) = (due.hashes(), Vec::new());
        for run in runs.iter() {
            run.each_hash(&hashes, &mut bytes, |hash| parts.insert(hash))?;
        }
        Ok(parts.filled())
    }

    /// Stores the ids of a range, which all shards have given their tables for; gives the new [`IdRuns::end`].
    ///
    /// # Errors
    /// The storage's faults.
    ///
    /// # Panics
    /// If the range does not follow the last run.
    pub fn store(&self, full: Vec<FullIds>) -> Result<u64, StoreFault> {
        let Some(range) = full.first().map(|full| full.range) else { return Ok(self.end()) };
        assert_eq!(range.0, self.end(), "runs cover the journal without a gap");
        let mut entries: Vec<IdEntry> = full.iter().flat_map(|full| full.table.sorted()).collect();
        if full.len() > 1 {
            entries.sort();
        }
        let slices = std::iter::once(Ok(entries));
        let run = IdRun::write(&self.0.storage, &self.0.chain_id, range, slices)?;
        // Whoever is told that they are stored may take the tables back.
        drop(full);
        self.0.unsynced.lock().push(run.clone());
        let mut runs = self.0.runs.write();
        *runs = runs.iter().cloned().chain([run]).collect();
        Ok(range.1)
    }

    /// Makes durable what has been stored. Nothing waits for that: a start that finds less reads more of the journal.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn sync(&self) -> Result<(), StoreFault> {
        let unsynced = std::mem::take(&mut *self.0.unsynced.lock());
        unsynced.iter().try_for_each(IdRun::sync)?;
        if !unsynced.is_empty() {
            self.0.storage.sync_directory(IDS_DIRECTORY)?;
        }
        Ok(())
    }

    /// Makes one run of the last short ones, if there are so many: after the shards have been told of the newest, since
    /// they do not wait for this.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn merge(&self) -> Result<(), StoreFault> {
        // Sixteen long ones may be there now, too.
        while self.merge_last()? {}
        Ok(())
    }

    /// Merges the last runs if they are of one length. False: nothing was merged.
    fn merge_last(&self) -> Result<bool, StoreFault> {
        let runs = Arc::clone(&self.0.runs.read());
        let (kept, short) = runs.split_at(runs.len().saturating_sub(MERGED));
        let length = |run: &IdRun<S::File>| run.range.1 - run.range.0;
        let shortest = short.iter().map(length).min().unwrap_or(0);
        if short.len() < MERGED
            || short.iter().any(|run| length(run) >= shortest.saturating_mul(MERGED as u64) / 2)
        {
            return Ok(false);
        }
        let (Some(first), Some(last)) = (short.first(), short.last()) else { return Ok(false) };
        let range = (first.range.0, last.range.1);
        if range.1 - range.0 > RUN_ENTRIES_MAX {
            return Ok(false);
        }
        let slices = (0..SLICES).map(|slice| {
            let first = slice * SLICE_WIDTH;
            let mut entries = Vec::new();
            for run in short {
                entries.extend(run.slice(first..=first + (SLICE_WIDTH - 1))?);
            }
            Ok(sorted_slice(&entries))
        });
        let merged = IdRun::write(&self.0.storage, &self.0.chain_id, range, slices)?;
        merged.sync()?;
        self.0.storage.sync_directory(IDS_DIRECTORY)?;
        *self.0.runs.write() = kept.iter().cloned().chain([merged]).collect();
        for run in short {
            self.0.storage.remove(&path_of(run.range))?;
        }
        Ok(true)
    }

    /// The sequences that the stored runs of a range have for the hash of an id, newest run first; such as lie outside
    /// the range may be among them.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn sequences_of(&self, hash: u64, (first, end): SequenceRange) -> Result<Vec<u64>, StoreFault> {
        let runs = Arc::clone(&self.0.runs.read());
        let mut found = Vec::new();
        for run in runs.iter().rev().filter(|run| run.range.0 < end && first < run.range.1) {
            run.find(hash, &mut found)?;
        }
        Ok(found)
    }
}

/// The entries of one slice, ascending. Hashes are spread evenly: each entry is put into a bucket of some four by its
/// hash, and those are sorted, which costs less than half of merging the runs.
fn sorted_slice(entries: &[IdEntry]) -> Vec<IdEntry> {
    let buckets = (entries.len() / 4).next_power_of_two().min(1 << 20);
    let shift = SLICE_WIDTH.ilog2() - buckets.ilog2();
    let bucket_of = |(hash, _): &IdEntry| ((hash % SLICE_WIDTH) >> shift) as usize;
    let mut ends = vec![0_u32; buckets];
    entries.iter().for_each(|entry| ends[bucket_of(entry)] += 1);
    let mut end = 0;
    for count in &mut ends {
        end += *count;
        *count = end - *count;
    }
    let mut sorted = vec![IdEntry::default(); entries.len()];
    for entry in entries {
        let at = &mut ends[bucket_of(entry)];
        sorted[*at as usize] = *entry;
        *at += 1;
    }
    let mut begin = 0;
    for end in ends {
        sorted[begin..end as usize].sort_unstable();
        begin = end as usize;
    }
    sorted
}

/// What a directory has of the ids up to some entry.
struct Gathered<F> {
    /// From the first entry on, without a gap.
    runs: Vec<IdRun<F>>,
    /// How many were damaged.
    damaged: usize,
    /// All other files.
    useless: Vec<String>,
}

fn gather<S: Storage>(storage: &S, chain_id: &[u8; 16], last: u64) -> Result<Gathered<S::File>, StoreFault> {
    let (mut runs, mut damaged) = (Vec::new(), 0);
    let mut end = 1;
    let (kept, mut useless) = sorted_names(storage)?;
    for range in kept {
        let is_next = range.0 == end && range.1 - 1 <= last;
        match if is_next { open_run(storage, chain_id, range)? } else { None } {
            Some(run) => {
                end = range.1;
                runs.push(run);
            }
            None => {
                // A run within the one before is left from its merging; one behind a gap is of no use. Where a merging
                // was torn, the short runs that it was made of come next.
                damaged += usize::from(is_next);
                useless.push(path_of(range));
            }
        }
    }
    Ok(Gathered { runs, damaged, useless })
}

/// None where it is damaged, or has been merged into another by the process that writes.
fn open_run<S: Storage>(
    storage: &S,
    chain_id: &[u8; 16],
    range: SequenceRange,
) -> Result<Option<IdRun<S::File>>, StoreFault> {
    match IdRun::open(storage, chain_id, range) {
        Err(fault) if fault.is_absent() => Ok(None),
        opened => Ok(opened?.map(|(run, _)| run)),
    }
}

/// Each a first sequence, and the one behind the last.
type Ranges = Vec<(u64, u64)>;

/// The ranges that runs are there for, by their beginning and the longer first; and the files that are left over.
fn sorted_names<S: Storage>(storage: &S) -> Result<(Ranges, Vec<String>), StoreFault> {
    let names = storage.list(IDS_DIRECTORY)?;
    let mut ranges: Vec<_> = names.iter().filter_map(|name| range_of(name)).collect();
    ranges.sort_unstable_by_key(|(first, end)| (*first, std::cmp::Reverse(*end)));
    let aside = names.iter().filter(|name| name.ends_with(ASIDE_SUFFIX) || range_of(name).is_none());
    let aside = aside.filter(|name| name.contains(SUFFIX)).map(|name| format!("{IDS_DIRECTORY}/{name}"));
    Ok((ranges, aside.collect()))
}

/// A run as it stands in a file.
#[derive(Clone, Debug)]
pub struct FoundRun {
    /// The file, relative to the data directory.
    pub path: String,
    /// The first sequence whose id may be in it, and the one behind the last.
    pub range: (u64, u64),
    /// Hashes and sequences, ascending; none where the file is damaged.
    pub entries: Option<Vec<(u64, u64)>>,
}

/// The ranges of all runs of a directory, by their beginning and the longer first.
///
/// # Errors
/// The storage's faults.
pub fn ranges_in<S: Storage>(storage: &S) -> Result<Vec<SequenceRange>, StoreFault> {
    Ok(sorted_names(storage)?.0)
}

/// A run of a directory, for an audit.
///
/// # Errors
/// The storage's faults.
pub fn found_run<S: Storage>(
    storage: &S,
    chain_id: &[u8; 16],
    range: SequenceRange,
) -> Result<FoundRun, StoreFault> {
    let entries = IdRun::open(storage, chain_id, range)?.map(|(_, entries)| entries);
    Ok(FoundRun { path: path_of(range), range, entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_sorted_however_its_hashes_lie() {
        let first = 3 * SLICE_WIDTH;
        let even = |at: u64| first + at.wrapping_mul(0x9E37_79B9_7F4A_7C15) % SLICE_WIDTH;
        let crowded = |at: u64| first + SLICE_WIDTH - 1 - at % 7;
        for count in [0, 1, 2, 5, 20_000] {
            for hash in [&even as &dyn Fn(u64) -> u64, &crowded, &|_| first] {
                let entries: Vec<IdEntry> = (0..count).rev().map(|at| (hash(at), at + 1)).collect();
                let mut expected = entries.clone();
                expected.sort();
                assert_eq!(sorted_slice(&entries), expected);
            }
        }
    }
}
