//! A file of the storage as the Parquet writer wants it: bytes one behind the other, gathered into large writes.

use std::io;

use feiqian_runtime::storage::{Access, Storage, StorageFault, StorageFile};

use crate::limits::WRITE_BYTES;

/// Writes a new file from its beginning.
#[derive(Debug)]
pub(crate) struct Sink<F> {
    file: F,
    offset: u64,
    waiting: Vec<u8>,
}

impl<F: StorageFile> Sink<F> {
    pub(crate) fn create<S: Storage<File = F>>(storage: &S, path: &str) -> Result<Self, StorageFault> {
        let file = storage.create(path, Access::Buffered)?;
        Ok(Self { file, offset: 0, waiting: Vec::with_capacity(WRITE_BYTES) })
    }

    /// Writes the rest and makes all of it durable; gives the file's length.
    pub(crate) fn finish(mut self) -> Result<u64, StorageFault> {
        self.write_waiting()?;
        self.file.sync_data()?;
        Ok(self.offset)
    }

    fn write_waiting(&mut self) -> Result<(), StorageFault> {
        if !self.waiting.is_empty() {
            self.file.write_at(self.offset, &self.waiting)?;
            self.offset += self.waiting.len() as u64;
            self.waiting.clear();
        }
        Ok(())
    }
}

impl<F: StorageFile> io::Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= WRITE_BYTES {
            self.write_waiting().map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    /// Nothing is written early for a flush: durable is what [`Sink::finish`] has synced.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
