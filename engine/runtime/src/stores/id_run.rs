//! One sealed run of ids: the ids of a range of sequences, sorted by hash, in a file that is never changed.
//!
//! Owns the file's bytes (`FORMAT.md`) and the question which sequences a hash has. A run is derived: one that is
//! damaged is thrown away, and the journal gives its ids again.

use std::sync::Arc;

use feiqian_proof::hash::{Domain, HASH_BYTES, Hash, keyed};

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
/// Entries behind one hash that is kept in memory: what one question reads.
const ENTRIES_A_FENCE: usize = 256;
/// The longest run: 2^26 entries.
const RUN_BYTES_MAX: u64 = 1 << 30;

/// An open run.
#[derive(Debug)]
pub(super) struct IdRun<F> {
    /// The first sequence whose id may be in it, and the one behind the last.
    pub(super) range: (u64, u64),
    pub(super) count: usize,
    file: Arc<F>,
    /// The hash of every 256th entry, from the first on.
    fences: Vec<u64>,
}

impl<F> Clone for IdRun<F> {
    fn clone(&self) -> Self {
        let Self { range, count, file, fences } = self;
        Self { range: *range, count: *count, file: Arc::clone(file), fences: fences.clone() }
    }
}

/// A hash and the sequence that took it.
pub(super) type IdEntry = (u64, u64);

impl<F: StorageFile> IdRun<F> {
    /// Writes a run of `entries`, which are ascending, durably.
    pub(super) fn write<S: Storage<File = F>>(
        storage: &S,
        chain_id: &[u8; 16],
        range: (u64, u64),
        entries: &[IdEntry],
    ) -> Result<Self, StorageFault> {
        let bytes = encode(chain_id, range, entries);
        let path = path_of(range);
        storage.write_atomically(&path, &bytes)?;
        let file = Arc::new(storage.open(&path, Access::Buffered)?);
        Ok(Self { range, count: entries.len(), file, fences: fences_of(entries) })
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
        Ok(Some((Self { range, count: entries.len(), file, fences: fences_of(&entries) }, entries)))
    }

    /// All entries, ascending.
    pub(super) fn entries(&self) -> Result<Vec<IdEntry>, StorageFault> {
        let mut bytes = vec![0; self.count * ENTRY_BYTES];
        self.file.read_at(HEADER_BYTES as u64, &mut bytes)?;
        Ok(entries_in(&bytes, self.range.0).collect())
    }

    /// Adds the sequences of a hash to `found`.
    pub(super) fn find(&self, hash: u64, found: &mut Vec<u64>) -> Result<(), StoreFault> {
        // Equal hashes may begin before the first fence that has them.
        let mut fence = self.fences.partition_point(|fence| *fence < hash).saturating_sub(1);
        while self.fences.get(fence).is_some_and(|first| *first <= hash) {
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

fn fences_of(entries: &[IdEntry]) -> Vec<u64> {
    entries.iter().step_by(ENTRIES_A_FENCE).map(|(hash, _)| *hash).collect()
}

pub(super) fn path_of((first, end): (u64, u64)) -> String {
    format!("{IDS_DIRECTORY}/{first:016}-{end:016}{SUFFIX}")
}

/// The range in a file's name.
pub(super) fn range_of(name: &str) -> Option<(u64, u64)> {
    let (first, end) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((first.parse().ok()?, end.parse().ok()?))
}

fn encode(chain_id: &[u8; 16], range: (u64, u64), entries: &[IdEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + entries.len() * ENTRY_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(chain_id);
    for number in [range.0, range.1, entries.len() as u64] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.resize(HEADER_BYTES, 0);
    for (hash, sequence) in entries {
        let offset = u32::try_from(sequence - range.0).expect("a run's range is below 2^32 entries");
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    let checksum = checksum_of(&bytes);
    bytes[CHECKSUM_AT..CHECKSUM_AT + HASH_BYTES].copy_from_slice(&checksum.0);
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
        && header[CHECKSUM_AT..] == checksum_of(bytes).0;
    is_whole.then(|| entries_in(body, range.0).collect())
}

/// Of all bytes but the checksum itself.
fn checksum_of(bytes: &[u8]) -> Hash {
    let parts = [keyed(Domain::IdRun, &bytes[..CHECKSUM_AT]), keyed(Domain::IdRun, &bytes[HEADER_BYTES..])];
    keyed(Domain::IdRun, parts.map(|part| part.0).as_flattened())
}

fn entries_in(bytes: &[u8], first: u64) -> impl Iterator<Item = IdEntry> {
    bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(move |entry| {
        let (hash, offset) = entry.split_at(8);
        let hash = hash.first_chunk().map_or(0, |hash| u64::from_le_bytes(*hash));
        let offset = offset.first_chunk().map_or(0, |offset| u32::from_le_bytes(*offset));
        (hash, first + u64::from(offset))
    })
}
