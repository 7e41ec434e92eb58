//! Outcome rows: 32 bytes for each sequence number, at a place that follows from the number.
//!
//! Owns their files. What a row says is the core's. Rows carry no checksum: they are compared by audit and
//! replay, and everything behind the last snapshot is written again at start, so a torn row is never read.
//! Before a snapshot is written, the rows up to its sequence must have been synced.

use std::sync::Arc;

use super::StoreFault;
use super::rows::{RowFiles, Shape};
use crate::storage::Storage;

/// The directory of the rows in the data directory.
pub const OUTCOMES_DIRECTORY: &str = "outcomes";
/// Bytes of a row.
pub const OUTCOME_ROW_BYTES: usize = 32;
/// Rows that one call reads at most.
const ROWS_READ_MAX: usize = 1 << 20;

const SHAPE: Shape = Shape {
    directory: OUTCOMES_DIRECTORY,
    suffix: ".fqo",
    row_bytes: OUTCOME_ROW_BYTES,
    rows_per_file: 1 << 20,
};

/// The rows; clones are the same store. One thread writes, any may read.
#[derive(Clone, Debug)]
pub struct OutcomeStore<S: Storage>(Arc<RowFiles<S>>);

impl<S: Storage> OutcomeStore<S> {
    /// Opens the store, making its directory if there is none.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn open(storage: S) -> Result<Self, StoreFault> {
        Ok(Self(Arc::new(RowFiles::open(storage, SHAPE)?)))
    }

    /// Writes the rows of `first_sequence` and those after it. Durable after [`OutcomeStore::sync`].
    ///
    /// # Errors
    /// [`StoreFault::Storage`] or [`StoreFault::Poisoned`].
    ///
    /// # Panics
    /// If `rows` isn't whole rows, or the sequence is 0.
    pub fn write_rows(&self, first_sequence: u64, rows: &[u8]) -> Result<(), StoreFault> {
        assert!(first_sequence > 0, "sequences count from 1");
        self.0.write(first_sequence - 1, rows)
    }

    /// Makes durable what was written before the call.
    ///
    /// # Errors
    /// [`StoreFault::Storage`], after which every write and sync is [`StoreFault::Poisoned`].
    pub fn sync(&self) -> Result<(), StoreFault> {
        self.0.sync()
    }

    /// The rows of `sequence` and those after it, `count` in all, at most 2^20.
    ///
    /// # Errors
    /// [`StoreFault::Absent`] where a row was never written, or for too many.
    pub fn read(&self, sequence: u64, count: usize) -> Result<Vec<u8>, StoreFault> {
        let mut rows = Vec::new();
        self.read_into(sequence, count, &mut rows)?;
        Ok(rows)
    }

    /// As [`OutcomeStore::read`], in the place of what `rows` held before.
    ///
    /// # Errors
    /// See [`OutcomeStore::read`]; `rows` then hold anything.
    pub fn read_into(&self, sequence: u64, count: usize, rows: &mut Vec<u8>) -> Result<(), StoreFault> {
        if sequence == 0 || count > ROWS_READ_MAX {
            return Err(StoreFault::Absent(sequence));
        }
        rows.resize(count * OUTCOME_ROW_BYTES, 0);
        self.0.read(sequence - 1, rows)
    }

    /// One row.
    ///
    /// # Errors
    /// [`StoreFault::Absent`] where it was never written.
    pub fn read_row(&self, sequence: u64) -> Result<[u8; OUTCOME_ROW_BYTES], StoreFault> {
        if sequence == 0 {
            return Err(StoreFault::Absent(sequence));
        }
        let mut row = [0; OUTCOME_ROW_BYTES];
        self.0.read(sequence - 1, &mut row)?;
        Ok(row)
    }
}
