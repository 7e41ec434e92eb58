//! Sealed blocks: header and signature by height, 512 bytes each.
//!
//! Owns the entries and what a bad one means after a crash. An entry says which height was durable when it
//! was written, so entries that a crash tore (derivable, dropped) differ from damage (refused). It never
//! looks into a header: comparing it with the replayed one is the replay's matter.

use std::sync::Arc;

use feiqian_proof::hash::{Domain, Hasher};
use parking_lot::Mutex;

use super::StoreFault;
use super::rows::{RowFiles, Shape};
use crate::storage::Storage;

/// The directory of the blocks in the data directory.
pub const BLOCKS_DIRECTORY: &str = "blocks";

const HEADER_BYTES: usize = 320;
const SIGNATURE_BYTES: usize = 64;
const ENTRY_BYTES: usize = 512;
const SIGNATURE_AT: usize = HEADER_BYTES;
const CHECKSUM_AT: usize = SIGNATURE_AT + SIGNATURE_BYTES;
const DURABLE_AT: usize = CHECKSUM_AT + 32;
const ZEROS_AT: usize = DURABLE_AT + 8;

const _: () = assert!(HEADER_BYTES == feiqian_proof::header::HEADER_BYTES);

/// 32 MiB a file; four blocks a second fill one in four and a half hours.
const SHAPE: Shape =
    Shape { directory: BLOCKS_DIRECTORY, suffix: ".fqb", row_bytes: ENTRY_BYTES, rows_per_file: 1 << 16 };

/// A block as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredBlock {
    /// The header's bytes (feiqian-proof, `header.rs`).
    pub header: [u8; HEADER_BYTES],
    /// The operator's signature over its hash.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// What was found at the opening.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlocksFound {
    /// The last height, 0 if there is none.
    pub last: u64,
    /// Torn entries that were dropped behind it.
    pub dropped: u64,
}

#[derive(Debug)]
struct Heights {
    last: u64,
    durable: u64,
}

/// The blocks; clones are the same store. One thread appends, any may read.
#[derive(Clone, Debug)]
pub struct BlockStore<S: Storage> {
    rows: Arc<RowFiles<S>>,
    heights: Arc<Mutex<Heights>>,
}

impl<S: Storage> BlockStore<S> {
    /// Opens the store and drops a torn end.
    ///
    /// # Errors
    /// [`StoreFault::Damaged`] where an entry is bad that was durable, naming file and offset.
    pub fn open(storage: S) -> Result<(Self, BlocksFound), StoreFault> {
        let rows = RowFiles::open(storage, SHAPE)?;
        let found = find_end(&rows)?;
        let heights = Heights { last: found.last, durable: found.last };
        Ok((Self { rows: Arc::new(rows), heights: Arc::new(Mutex::new(heights)) }, found))
    }

    /// The last height, 0 if there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.heights.lock().last
    }

    /// Writes the next block. Durable after [`BlockStore::sync`].
    ///
    /// # Errors
    /// [`StoreFault::NotNext`], [`StoreFault::Storage`] or [`StoreFault::Poisoned`].
    pub fn append(&self, height: u64, block: &StoredBlock) -> Result<(), StoreFault> {
        let Heights { last, durable } = *self.heights.lock();
        if height != last + 1 {
            return Err(StoreFault::NotNext { next: last + 1, height });
        }
        if last.is_multiple_of(SHAPE.rows_per_file) && durable < last {
            // So that a new file's existence proves the one before it whole.
            self.sync()?;
        }
        self.rows.write(height - 1, &encode(height, durable, block))?;
        self.heights.lock().last = height;
        Ok(())
    }

    /// Makes durable what was appended before the call.
    ///
    /// # Errors
    /// [`StoreFault::Storage`], after which everything is [`StoreFault::Poisoned`].
    pub fn sync(&self) -> Result<(), StoreFault> {
        let last = self.last();
        self.rows.sync()?;
        self.heights.lock().durable = last;
        Ok(())
    }

    /// The block at `height`, from 1.
    ///
    /// # Errors
    /// [`StoreFault::Absent`] where there is none; [`StoreFault::Damaged`].
    pub fn read(&self, height: u64) -> Result<StoredBlock, StoreFault> {
        if height == 0 || height > self.last() {
            return Err(StoreFault::Absent(height));
        }
        let mut entry = [0; ENTRY_BYTES];
        self.rows.read(height - 1, &mut entry)?;
        decode(height, &entry).map(|(block, _)| block).ok_or_else(|| damaged(&self.rows, height))
    }
}

/// The last good entry; what is torn behind it is zeroed, since it must not come to life again behind other
/// blocks of the same heights.
fn find_end<S: Storage>(rows: &RowFiles<S>) -> Result<BlocksFound, StoreFault> {
    let numbers = rows.numbers()?;
    for (number, expected) in numbers.iter().zip(1..) {
        if *number != expected {
            return Err(damaged(rows, (expected - 1) * SHAPE.rows_per_file + 1));
        }
    }
    let Some(number) = numbers.last() else { return Ok(BlocksFound { last: 0, dropped: 0 }) };
    let before = (number - 1) * SHAPE.rows_per_file;
    check_full(rows, before)?;
    // Before anything is called durable.
    rows.sync_file(*number)?;
    let count = rows.length(*number)?.div_ceil(ENTRY_BYTES as u64).min(SHAPE.rows_per_file);
    let entries = read_entries(rows, *number, before, count)?;
    let is_good = |(at, entry): (usize, &[u8; ENTRY_BYTES])| decode(before + at as u64 + 1, entry).is_some();
    let good = entries.iter().enumerate().take_while(|entry| is_good(*entry)).count();
    let last = before + good as u64;
    let vouches = |(at, entry): (usize, &[u8; ENTRY_BYTES])| {
        decode(before + at as u64 + 1, entry).is_some_and(|(_, durable)| durable > last)
    };
    if entries.iter().enumerate().skip(good).any(vouches) {
        return Err(damaged(rows, last + 1));
    }
    let torn = &entries[good..];
    let dropped = torn.iter().filter(|entry| entry.iter().any(|byte| *byte != 0)).count() as u64;
    if dropped > 0 {
        rows.write(last, &vec![0; torn.len() * ENTRY_BYTES])?;
        rows.sync()?;
    }
    Ok(BlocksFound { last, dropped })
}

/// A file is begun only when the one before is full; its last entry must still be good.
fn check_full<S: Storage>(rows: &RowFiles<S>, last: u64) -> Result<(), StoreFault> {
    if last == 0 {
        return Ok(());
    }
    let mut entry = [0; ENTRY_BYTES];
    let read = rows.read(last - 1, &mut entry);
    match read {
        Ok(()) if decode(last, &entry).is_some() => Ok(()),
        Ok(()) | Err(StoreFault::Absent(_)) => Err(damaged(rows, last)),
        Err(fault) => Err(fault),
    }
}

/// The entries of a file; one that the file ends within reads as zeros.
fn read_entries<S: Storage>(
    rows: &RowFiles<S>,
    number: u64,
    before: u64,
    count: u64,
) -> Result<Vec<[u8; ENTRY_BYTES]>, StoreFault> {
    let whole = rows.length(number)? / ENTRY_BYTES as u64;
    let mut entries = vec![[0; ENTRY_BYTES]; usize::try_from(count).expect("a file holds 2^16 entries")];
    let whole = usize::try_from(whole.min(count)).expect("a file holds 2^16 entries");
    rows.read(before, entries[..whole].as_flattened_mut())?;
    if entries.len() > whole {
        entries[whole] = [0xFF; ENTRY_BYTES];
    }
    Ok(entries)
}

fn damaged<S: Storage>(rows: &RowFiles<S>, height: u64) -> StoreFault {
    let (file, row) = ((height - 1) / SHAPE.rows_per_file + 1, (height - 1) % SHAPE.rows_per_file);
    StoreFault::Damaged { file: rows.path_of(file), offset: row * ENTRY_BYTES as u64, number: height }
}

fn encode(height: u64, durable: u64, block: &StoredBlock) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    entry[..SIGNATURE_AT].copy_from_slice(&block.header);
    entry[SIGNATURE_AT..CHECKSUM_AT].copy_from_slice(&block.signature);
    entry[DURABLE_AT..ZEROS_AT].copy_from_slice(&durable.to_le_bytes());
    let checksum = checksum(height, &entry);
    entry[CHECKSUM_AT..DURABLE_AT].copy_from_slice(&checksum);
    entry
}

/// The block, and the height that was durable when it was written; none if the entry is torn or damaged.
fn decode(height: u64, entry: &[u8; ENTRY_BYTES]) -> Option<(StoredBlock, u64)> {
    let is_sound = entry[CHECKSUM_AT..DURABLE_AT] == checksum(height, entry)
        && entry[ZEROS_AT..].iter().all(|byte| *byte == 0);
    let header = entry.first_chunk().copied().filter(|_| is_sound)?;
    let signature = entry[SIGNATURE_AT..].first_chunk().copied()?;
    let durable = entry[DURABLE_AT..].first_chunk().copied().map(u64::from_le_bytes)?;
    Some((StoredBlock { header, signature }, durable))
}

/// Over the height too, so that an entry in another's place is found.
fn checksum(height: u64, entry: &[u8; ENTRY_BYTES]) -> [u8; 32] {
    let mut hasher = Hasher::new(Domain::Payload);
    hasher.update(&height.to_le_bytes()).update(&entry[..CHECKSUM_AT]).update(&entry[DURABLE_AT..ZEROS_AT]);
    hasher.finish().0
}
