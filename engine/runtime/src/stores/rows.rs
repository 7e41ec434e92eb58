//! Rows of one size, by number, in files of a fixed count of rows.
//!
//! Owns the arithmetic from a row to its file and offset, the open files, and which of them want a sync.
//! It knows nothing of what a row holds. No lock is held across a read, a write or a sync.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::StoreFault;
use crate::storage::{Access, Cause, Storage, StorageFault, StorageFile};

/// Files that stay open; reopening one costs microseconds.
const OPEN_FILES_MAX: usize = 64;

/// How a store's rows are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) directory: &'static str,
    pub(super) suffix: &'static str,
    pub(super) row_bytes: usize,
    pub(super) rows_per_file: u64,
}

/// Where some rows lie that one file holds.
#[derive(Clone, Copy, Debug)]
struct Span {
    file: u64,
    offset: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Open<F> {
    files: BTreeMap<u64, Arc<F>>,
    /// Written since the last sync.
    unsynced: BTreeMap<u64, Arc<F>>,
    has_new_names: bool,
}

/// The rows; shared by whoever writes, syncs and reads them.
#[derive(Debug)]
pub(super) struct RowFiles<S: Storage> {
    storage: S,
    shape: Shape,
    open: Mutex<Open<S::File>>,
    is_poisoned: AtomicBool,
}

impl<S: Storage> RowFiles<S> {
    pub(super) fn open(storage: S, shape: Shape) -> Result<Self, StoreFault> {
        storage.create_directory(shape.directory)?;
        // Names that a killed process left unsynced become durable before anything relies on them.
        storage.sync_directory(shape.directory)?;
        let open = Open { files: BTreeMap::new(), unsynced: BTreeMap::new(), has_new_names: false };
        Ok(Self { storage, shape, open: Mutex::new(open), is_poisoned: AtomicBool::new(false) })
    }

    /// Writes whole rows from row `first` (counting from 0) on. Durable after [`RowFiles::sync`].
    pub(super) fn write(&self, first: u64, rows: &[u8]) -> Result<(), StoreFault> {
        assert!(rows.len().is_multiple_of(self.shape.row_bytes), "rows are written whole");
        self.check_poison()?;
        let mut rest = rows;
        for span in self.spans(first, rows.len()) {
            let (part, behind) = rest.split_at(span.bytes);
            let file = self.file_for_writing(span.file)?;
            file.write_at(span.offset, part)?;
            // Only now: marked before, a sync could come between and forget it.
            self.open.lock().unsynced.insert(span.file, file);
            rest = behind;
        }
        Ok(())
    }

    /// Makes durable what was written before the call.
    pub(super) fn sync(&self) -> Result<(), StoreFault> {
        self.check_poison()?;
        let (unsynced, has_new_names) = {
            let mut open = self.open.lock();
            (std::mem::take(&mut open.unsynced), std::mem::take(&mut open.has_new_names))
        };
        let synced = unsynced.values().try_for_each(|file| file.sync_data()).and_then(|()| {
            if has_new_names { self.storage.sync_directory(self.shape.directory) } else { Ok(()) }
        });
        if synced.is_err() {
            // As in the journal: a later sync that succeeds would prove nothing.
            self.is_poisoned.store(true, Ordering::Release);
        }
        Ok(synced?)
    }

    /// Fills `into` with whole rows from row `first` on.
    pub(super) fn read(&self, first: u64, into: &mut [u8]) -> Result<(), StoreFault> {
        let mut rest = into;
        let mut row = first;
        for span in self.spans(first, rest.len()) {
            let (part, behind) = rest.split_at_mut(span.bytes);
            let read = self.file(span.file).and_then(|file| file.read_at(span.offset, part));
            read.map_err(|fault| {
                let is_missing = fault.is_absent() || fault.cause == Cause::EndsEarly;
                if is_missing { StoreFault::Absent(row + 1) } else { StoreFault::Storage(fault) }
            })?;
            row += (span.bytes / self.shape.row_bytes) as u64;
            rest = behind;
        }
        Ok(())
    }

    /// The numbers of the files that are there, ascending, counting from 1.
    pub(super) fn numbers(&self) -> Result<BTreeSet<u64>, StoreFault> {
        let names = self.storage.list(self.shape.directory)?;
        let number = |name: &String| name.strip_suffix(self.shape.suffix)?.parse().ok();
        Ok(names.iter().filter_map(number).collect())
    }

    /// Bytes in file `number`.
    pub(super) fn length(&self, number: u64) -> Result<u64, StoreFault> {
        Ok(self.file(number)?.length()?)
    }

    /// Makes file `number` durable, whoever wrote it: what a killed process left is in the page cache only.
    pub(super) fn sync_file(&self, number: u64) -> Result<(), StoreFault> {
        Ok(self.file(number)?.sync_data()?)
    }

    pub(super) fn path_of(&self, number: u64) -> String {
        format!("{}/{number:010}{}", self.shape.directory, self.shape.suffix)
    }

    fn check_poison(&self) -> Result<(), StoreFault> {
        if self.is_poisoned.load(Ordering::Acquire) { Err(StoreFault::Poisoned) } else { Ok(()) }
    }

    /// The parts of `bytes` bytes of rows from `first` on, each within one file.
    fn spans(&self, first: u64, bytes: usize) -> impl Iterator<Item = Span> + use<S> {
        let Shape { row_bytes, rows_per_file, .. } = self.shape;
        let (mut row, mut left) = (first, bytes);
        std::iter::from_fn(move || {
            let room = rows_per_file - row % rows_per_file;
            let room_bytes = usize::try_from(room).unwrap_or(usize::MAX).saturating_mul(row_bytes);
            let span = Span {
                file: row / rows_per_file + 1,
                offset: row % rows_per_file * row_bytes as u64,
                bytes: left.min(room_bytes),
            };
            row += (span.bytes / row_bytes) as u64;
            left -= span.bytes;
            (span.bytes > 0).then_some(span)
        })
    }

    fn file(&self, number: u64) -> Result<Arc<S::File>, StorageFault> {
        if let Some(file) = self.open.lock().files.get(&number) {
            return Ok(file.clone());
        }
        let file = Arc::new(self.storage.open(&self.path_of(number), Access::Buffered)?);
        Ok(self.keep(number, file))
    }

    fn file_for_writing(&self, number: u64) -> Result<Arc<S::File>, StorageFault> {
        match self.file(number) {
            Err(fault) if fault.is_absent() => {
                let file = Arc::new(self.storage.create(&self.path_of(number), Access::Buffered)?);
                self.open.lock().has_new_names = true;
                Ok(self.keep(number, file))
            }
            other => other,
        }
    }

    /// Keeps the file open, in place of the lowest one where there are too many: old rows are read least.
    fn keep(&self, number: u64, file: Arc<S::File>) -> Arc<S::File> {
        let mut open = self.open.lock();
        if open.files.len() >= OPEN_FILES_MAX {
            open.files.pop_first();
        }
        open.files.entry(number).or_insert(file).clone()
    }
}
