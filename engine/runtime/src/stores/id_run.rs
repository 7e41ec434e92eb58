//! One sealed run of ids: the ids of a range of sequences, sorted by hash, in a file that is never changed.
//!
//! Owns the file's bytes (`FORMAT.md`) and the question which sequences a hash has. A run is derived: one that is
//! damaged is thrown away, and the journal gives its ids again.

use std::ops::RangeInclusive;
use std::sync::Arc;

use feiqian_proof::hash::{Domain, Hash, Hasher, keyed};

use super::StoreFault;
use crate::storage::{Access, Storage, StorageFault, StorageFile, read_whole};

/// The directory of the runs in the data directory.
pub const IDS_DIRECTORY: &str = "ids";
pub(super) const SUFFIX: &str = ".fqi";

const MAGIC: [u8; 8] = *b"FQIDRUN1";
const HEADER_BYTES: usize = 128;
const CHAIN_AT: usize = 8;
const FIRST_AT: usize = 24;
const END_AT: usize = 32;
const COUNT_AT: usize = 40;
const RESERVED_AT: usize = 48;
const CHECKSUM_AT: usize = 96;
/// Hash, and sequence less the range's first.
const ENTRY_BYTES: usize = 12;
/// Entries behind one fence: what one question reads, 768 bytes. In memory a sixteenth of a byte an id.
const ENTRIES_A_FENCE: usize = 64;
/// Fences at either side of the expected one that a question looks at first.
const FENCES_NEAR: usize = 4;
/// Bytes written between two syncs: a long run written at once would keep the journal's writes waiting behind it.
const SYNCED_BYTES: usize = 1 << 20;
/// The longest run that a merging makes.
pub(super) const RUN_ENTRIES_MAX: u64 = 80 << 20;
/// The longest run's file.
const RUN_BYTES_MAX: u64 = RUN_ENTRIES_MAX * ENTRY_BYTES as u64 + HEADER_BYTES as u64;

/// An open run.
#[derive(Debug)]
pub(super) struct IdRun<F> {
    /// The first sequence whose id may be in it, and the one behind the last.
    pub(super) range: (u64, u64),
    pub(super) count: usize,
    file: Arc<F>,
    /// The upper half of the hash of every 64th entry, from the first on.
    fences: Arc<[u32]>,
}

impl<F> Clone for IdRun<F> {
    fn clone(&self) -> Self {
        let Self { range, count, file, fences } = self;
        Self { range: *range, count: *count, file: Arc::clone(file), fences: Arc::clone(fences) }
    }
}

/// A hash and the sequence that took it.
pub(super) type IdEntry = (u64, u64);

impl<F: StorageFile> IdRun<F> {
    /// Writes a run of ascending entries, that come in slices. Its end is not synced: what a crash tears is seen by its
    /// checksum, and thrown away.
    pub(super) fn write<S: Storage<File = F>>(
        storage: &S,
        chain_id: &[u8; 16],
        range: (u64, u64),
        slices: impl Iterator<Item = Result<Vec<IdEntry>, StorageFault>>,
    ) -> Result<Self, StorageFault> {
        let file = storage.create(&path_of(range), Access::Buffered)?;
        let (mut count, mut fences) = (0, Vec::new());
        let mut hasher = Hasher::new(Domain::IdRun);
        let mut unsynced = 0;
        for slice in slices {
            let slice = slice?;
            let bytes = encode(&slice, range.0);
            hasher.update(&bytes);
            file.write_at((HEADER_BYTES + count * ENTRY_BYTES) as u64, &bytes)?;
            let first = count.next_multiple_of(ENTRIES_A_FENCE) - count;
            fences.extend(slice.iter().skip(first).step_by(ENTRIES_A_FENCE).map(fence_of));
            count += slice.len();
            unsynced += bytes.len();
            if unsynced >= SYNCED_BYTES {
                file.sync_data()?;
                unsynced = 0;
            }
        }
        file.write_at(0, &header(chain_id, range, count, &hasher.finish()))?;
        Ok(Self { range, count, file: Arc::new(file), fences: fences.into() })
    }

    /// The memory that it holds, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val::<[u32]>(&self.fences)
    }

    /// Makes it durable.
    pub(super) fn sync(&self) -> Result<(), StorageFault> {
        self.file.sync_data()
    }

    /// Opens a run and gives its entries. None: it is damaged, or of another chain.
    pub(super) fn open<S: Storage<File = F>>(
        storage: &S,
        chain_id: &[u8; 16],
        range: (u64, u64),
    ) -> Result<Option<(Self, Vec<IdEntry>)>, StorageFault> {
        let path = path_of(range);
        let bytes = read_whole(storage, &path, RUN_BYTES_MAX)?;
        let Some(entries) = decode(chain_id, range, &bytes) else { return Ok(None) };
        let file = Arc::new(storage.open(&path, Access::Buffered)?);
        let fences = entries.iter().step_by(ENTRIES_A_FENCE).map(fence_of).collect();
        Ok(Some((Self { range, count: entries.len(), file, fences }, entries)))
    }

    /// The entries whose hashes lie in `hashes`, ascending.
    pub(super) fn slice(&self, hashes: RangeInclusive<u64>) -> Result<Vec<IdEntry>, StorageFault> {
        let mut bytes = Vec::new();
        self.read_around(&hashes, &mut bytes)?;
        Ok(entries_in(&bytes, self.range.0).filter(|(hash, _)| hashes.contains(hash)).collect())
    }

    /// Gives each of the hashes that lie in `hashes`, ascending, to `take`. `bytes` is room for what is read.
    pub(super) fn each_hash(
        &self,
        hashes: &RangeInclusive<u64>,
        bytes: &mut Vec<u8>,
        mut take: impl FnMut(u64),
    ) -> Result<(), StorageFault> {
        self.read_around(hashes, bytes)?;
        let all = entries_in(bytes, self.range.0).map(|(hash, _)| hash);
        all.filter(|hash| hashes.contains(hash)).for_each(&mut take);
        Ok(())
    }

    /// Reads the entries between the fences around `hashes`.
    fn read_around(&self, hashes: &RangeInclusive<u64>, bytes: &mut Vec<u8>) -> Result<(), StorageFault> {
        let first = fences_below(&self.fences, upper(*hashes.start())).saturating_sub(1);
        let end = match upper(*hashes.end()).checked_add(1) {
            Some(behind) => fences_below(&self.fences, behind),
            None => self.fences.len(),
        };
        let (from, to) = (first * ENTRIES_A_FENCE, (end * ENTRIES_A_FENCE).min(self.count));
        bytes.resize(to.saturating_sub(from) * ENTRY_BYTES, 0);
        self.file.read_at((HEADER_BYTES + from * ENTRY_BYTES) as u64, bytes)
    }

    /// Adds the sequences of a hash to `found`.
    pub(super) fn find(&self, hash: u64, found: &mut Vec<u64>) -> Result<(), StoreFault> {
        // Equal hashes may begin before the first fence that has them.
        let mut fence = fences_below(&self.fences, upper(hash)).saturating_sub(1);
        while self.fences.get(fence).is_some_and(|first| *first <= upper(hash)) {
            let from = fence * ENTRIES_A_FENCE;
            let mut bytes = vec![0; (self.count - from).min(ENTRIES_A_FENCE) * ENTRY_BYTES];
            self.file.read_at((HEADER_BYTES + from * ENTRY_BYTES) as u64, &mut bytes)?;
            found.extend(
                entries_in(&bytes, self.range.0).filter(|(at, _)| *at == hash).map(|(_, sequence)| sequence),
            );
            fence += 1;
        }
        Ok(())
    }
}

/// How many of ascending fences are below `bound`. Hashes are spread evenly, so its place is nearly known: a long run's
/// fences lie in no cache, and halving them would wait for memory at each step.
fn fences_below(fences: &[u32], bound: u32) -> usize {
    let place = ((u64::from(bound) * fences.len() as u64) >> 32) as usize;
    let mut near = FENCES_NEAR;
    loop {
        let first = place.saturating_sub(near);
        let end = place.saturating_add(near).min(fences.len());
        let is_behind_first = first == 0 || fences[first - 1] < bound;
        if is_behind_first && fences.get(end).is_none_or(|fence| *fence >= bound) {
            return first + fences[first..end].partition_point(|fence| *fence < bound);
        }
        near = near.saturating_mul(4);
    }
}

fn fence_of((hash, _): &IdEntry) -> u32 {
    upper(*hash)
}

fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}

pub(super) fn path_of((first, end): (u64, u64)) -> String {
    format!("{IDS_DIRECTORY}/{first:016}-{end:016}{SUFFIX}")
}

/// The range in a file's name.
pub(super) fn range_of(name: &str) -> Option<(u64, u64)> {
    let (first, end) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((first.parse().ok()?, end.parse().ok()?))
}

fn encode(entries: &[IdEntry], first: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for (hash, sequence) in entries {
        let offset = u32::try_from(sequence - first).expect("a run's range is below 2^32 entries");
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    bytes
}

fn header(chain_id: &[u8; 16], range: (u64, u64), count: usize, body: &Hash) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..CHAIN_AT].copy_from_slice(&MAGIC);
    bytes[CHAIN_AT..FIRST_AT].copy_from_slice(chain_id);
    for (at, number) in [(FIRST_AT, range.0), (END_AT, range.1), (COUNT_AT, count as u64)] {
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    let checksum = checksum_of(&bytes[..CHECKSUM_AT], body);
    bytes[CHECKSUM_AT..].copy_from_slice(&checksum.0);
    bytes
}

fn decode(chain_id: &[u8; 16], range: (u64, u64), bytes: &[u8]) -> Option<Vec<IdEntry>> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| header[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let is_whole = header.starts_with(&MAGIC)
        && header[CHAIN_AT..FIRST_AT] == *chain_id
        && (number(FIRST_AT), number(END_AT)) == (Some(range.0), Some(range.1))
        && number(COUNT_AT) == Some((body.len() / ENTRY_BYTES) as u64)
        && body.len().is_multiple_of(ENTRY_BYTES)
        && header[RESERVED_AT..CHECKSUM_AT].iter().all(|byte| *byte == 0)
        && header[CHECKSUM_AT..] == checksum_of(&header[..CHECKSUM_AT], &keyed(Domain::IdRun, body)).0;
    is_whole.then(|| entries_in(body, range.0).collect())
}

/// Of the header before it and of the body's hash.
fn checksum_of(header: &[u8], body: &Hash) -> Hash {
    Hasher::new(Domain::IdRun).update(header).update(&body.0).finish()
}

fn entries_in(bytes: &[u8], first: u64) -> impl Iterator<Item = IdEntry> {
    bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(move |entry| {
        let (hash, offset) = entry.split_at(8);
        let hash = hash.first_chunk().map_or(0, |hash| u64::from_le_bytes(*hash));
        let offset = offset.first_chunk().map_or(0, |offset| u32::from_le_bytes(*offset));
        (hash, first + u64::from(offset))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_fences_are_below_a_bound_as_halving_finds_however_they_lie() {
        let even = |at: u32| at.wrapping_mul(0x9E37_79B9);
        let crowded = |at: u32| u32::MAX - at % 7;
        for count in [0, 1, 2, 5, 63, 4_096] {
            for fence in [&even as &dyn Fn(u32) -> u32, &crowded, &|_| 0, &|at| at] {
                let mut fences: Vec<u32> = (0..count).map(fence).collect();
                fences.sort_unstable();
                let around = fences
                    .iter()
                    .flat_map(|fence| [fence.saturating_sub(1), *fence, fence.saturating_add(1)]);
                for bound in around.chain([0, 1 << 31, u32::MAX]) {
                    let expected = fences.partition_point(|fence| *fence < bound);
                    assert_eq!(fences_below(&fences, bound), expected, "{bound} in {count}");
                }
            }
        }
    }
}
