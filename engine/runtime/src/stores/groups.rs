//! The roots of the groups of 256 transfers of each block, so that a receipt of any block hashes one group again.
//!
//! Owns their files. A block's place follows from its header alone, and its signed root tells whether they are right, so
//! they have no checksum: where they are missing, torn or damaged, whoever asks goes without them.

use std::sync::Arc;

use feiqian_proof::groups::GROUP_LEAVES;
use feiqian_proof::hash::{Domain, HASH_BYTES, Hash};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::tree::root_of;

use super::StoreFault;
use super::rows::{RowFiles, Shape};
use crate::storage::Storage;

/// The directory of the groups in the data directory.
pub const GROUPS_DIRECTORY: &str = "groups";

const SHAPE: Shape =
    Shape { directory: GROUPS_DIRECTORY, suffix: ".fqg", row_bytes: HASH_BYTES, rows_per_file: 1 << 20 };

/// The groups; clones are the same store. One thread writes, any may read.
#[derive(Clone, Debug)]
pub struct GroupStore<S: Storage>(Arc<RowFiles<S>>);

impl<S: Storage> GroupStore<S> {
    /// Opens the store, making its directory if there is none.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn open(storage: S) -> Result<Self, StoreFault> {
        Ok(Self(Arc::new(RowFiles::open(storage, SHAPE)?)))
    }

    /// Writes the groups of a block. Durable after [`GroupStore::sync`].
    ///
    /// # Errors
    /// [`StoreFault::Storage`] or [`StoreFault::Poisoned`].
    pub fn write(&self, header: &BlockHeader, groups: &[Hash]) -> Result<(), StoreFault> {
        let bytes: Vec<u8> = groups.iter().flat_map(|group| group.0).collect();
        self.0.write(first_row(header.first_sequence, header.height), &bytes)
    }

    /// Makes durable what was written before the call.
    ///
    /// # Errors
    /// [`StoreFault::Storage`], after which every write and sync is [`StoreFault::Poisoned`].
    pub fn sync(&self) -> Result<(), StoreFault> {
        self.0.sync()
    }

    /// The groups of a block; none where what is stored does not lead to the block's root.
    ///
    /// # Errors
    /// [`StoreFault::Storage`].
    pub fn read(&self, header: &BlockHeader) -> Result<Option<Vec<Hash>>, StoreFault> {
        let count = header.count.div_ceil(GROUP_LEAVES as u64);
        let groups = self.read_rows(first_row(header.first_sequence, header.height), count)?;
        Ok(groups.filter(|groups| root_of(Domain::TransferNode, groups) == header.transfers.hash))
    }

    /// Whether the stored rows of a block, and those that it leaves unused, are the ones that `groups` makes; none where
    /// some were not written and no other one is wrong.
    ///
    /// # Errors
    /// [`StoreFault::Storage`].
    pub fn compare(&self, header: &BlockHeader, groups: &[Hash]) -> Result<Option<bool>, StoreFault> {
        let first = first_row(header.first_sequence, header.height);
        let end = first_row(header.first_sequence + header.count, header.height + 1);
        let mut is_whole = true;
        for (row, at) in (first..end).zip(0..) {
            let stored = self.read_rows(row, 1)?.and_then(|row| row.first().copied()).unwrap_or_default();
            match groups.get(at) {
                Some(group) if stored == *group => {}
                Some(_) if stored == Hash::default() => is_whole = false,
                None if stored == Hash::default() => {}
                _ => return Ok(Some(false)),
            }
        }
        Ok(is_whole.then_some(true))
    }

    fn read_rows(&self, first: u64, count: u64) -> Result<Option<Vec<Hash>>, StoreFault> {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * HASH_BYTES];
        match self.0.read(first, &mut bytes) {
            Ok(()) => Ok(Some(bytes.as_chunks().0.iter().copied().map(Hash).collect())),
            Err(StoreFault::Absent(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// The row, from 0, of the first group of a block. A block of n entries takes ⌈n / 256⌉ rows, and the next one begins at
/// least as many further on: one for its height, and ⌊n / 256⌋ for its entries.
fn first_row(first_sequence: u64, height: u64) -> u64 {
    (first_sequence - 1) / GROUP_LEAVES as u64 + (height - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_sizes_have_rows_of_their_own() {
        let mut first = 1;
        let sizes = (1..1_030_u64).chain([255, 256, 257, 1, 1, 262_144, 7, 990_991, 1]);
        for (size, height) in sizes.zip(1..) {
            let taken = size.div_ceil(GROUP_LEAVES as u64);
            let (own, next) = (first_row(first, height), first_row(first + size, height + 1));
            assert!(next - own >= taken && next - own <= taken + 1, "{size} entries at {height}");
            first += size;
        }
    }
}
