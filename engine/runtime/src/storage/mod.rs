//! The only door to durable bytes: a trait that files, the simulator of the tests and later a replicated
//! log implement.
//!
//! Owns the words (file, directory, sync, atomic write), the faults they end in and their durability:
//! nothing survives a power cut before `sync_data` (bytes) or `sync_directory` (names) has returned. It
//! knows no format, never retries, and never turns a fault into a log line.

pub mod aligned;
pub mod files;
pub mod frozen;

use std::fmt;

/// What direct I/O, the journal's groups and the buffers for them are aligned to, in bytes.
pub const BLOCK_BYTES: usize = 4096;

/// How a file is read and written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Through the page cache.
    Buffered,
    /// Past the page cache where the file system can. Writes must be multiples of [`BLOCK_BYTES`] at such
    /// offsets, from memory aligned to it; reads may be anything.
    Direct,
}

/// Bytes and names that outlive the process. Paths are relative to the data directory, with `/` between.
pub trait Storage: Clone + fmt::Debug + Send + Sync + 'static {
    /// An open file.
    type File: StorageFile + fmt::Debug;

    /// Makes an empty file; one that is there already is emptied. The name is durable only after
    /// [`Storage::sync_directory`].
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn create(&self, path: &str, access: Access) -> Result<Self::File, StorageFault>;

    /// Opens a file that is there, for reading and writing.
    ///
    /// # Errors
    /// Whatever the storage answers; [`StorageFault::is_absent`] if there is none.
    fn open(&self, path: &str, access: Access) -> Result<Self::File, StorageFault>;

    /// The names in a directory, ascending; none if it isn't there.
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn list(&self, directory: &str) -> Result<Vec<String>, StorageFault>;

    /// Gives a file another name, replacing the file of that name. Durable only after
    /// [`Storage::sync_directory`].
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn rename(&self, from: &str, to: &str) -> Result<(), StorageFault>;

    /// Removes a file. Durable only after [`Storage::sync_directory`].
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn remove(&self, path: &str) -> Result<(), StorageFault>;

    /// Removes an empty directory, where the storage has directories of their own. Durable only after
    /// [`Storage::sync_directory`] of the one above.
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn remove_directory(&self, directory: &str) -> Result<(), StorageFault> {
        let _ = directory;
        Ok(())
    }

    /// Makes a directory, durably, if it isn't there.
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn create_directory(&self, directory: &str) -> Result<(), StorageFault>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Whatever the storage answers. As with [`StorageFile::sync_data`] never to be retried.
    fn sync_directory(&self, directory: &str) -> Result<(), StorageFault>;

    /// Puts `bytes` under `path` as a whole or not at all, durably: written aside (`path` + `.new`), synced,
    /// renamed, directory synced.
    ///
    /// # Errors
    /// Whatever the storage answers; then `path` holds its old content or the new.
    fn write_atomically(&self, path: &str, bytes: &[u8]) -> Result<(), StorageFault> {
        self.write_parts_atomically(path, &[bytes])
    }

    /// [`Storage::write_atomically`] for content in pieces, so that a large one need not be copied together.
    ///
    /// # Errors
    /// As there.
    fn write_parts_atomically(&self, path: &str, parts: &[&[u8]]) -> Result<(), StorageFault> {
        let aside = format!("{path}{ASIDE_SUFFIX}");
        let file = self.create(&aside, Access::Buffered)?;
        let mut at = 0;
        for part in parts {
            file.write_at(at, part)?;
            at += part.len() as u64;
        }
        file.sync_data()?;
        self.rename(&aside, path)?;
        self.sync_directory(parent(path))
    }
}

/// Ends the name of a file that is not complete yet; what has it at start is rubbish.
pub const ASIDE_SUFFIX: &str = ".new";

/// An open file: reads and writes at offsets, no position of its own.
pub trait StorageFile: Send + Sync + 'static {
    /// Fills `into` from `offset` on.
    ///
    /// # Errors
    /// [`Cause::EndsEarly`] if the file ends before; else whatever the storage answers.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), StorageFault>;

    /// Writes all of `bytes` at `offset`, lengthening the file if needed. Durable only after
    /// [`StorageFile::sync_data`].
    ///
    /// # Errors
    /// Whatever the storage answers; any part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageFault>;

    /// Makes everything written to this file, and its length, durable (`fdatasync`).
    ///
    /// # Errors
    /// Whatever the storage answers. **Final**: the kernel may have dropped the pages it could not write and
    /// marked them clean, so a second call that succeeds proves nothing.
    fn sync_data(&self) -> Result<(), StorageFault>;

    /// Bytes in the file.
    ///
    /// # Errors
    /// Whatever the storage answers.
    fn length(&self) -> Result<u64, StorageFault>;

    /// Reserves room up to `length` bytes, reading as zeros, so that writing there can't run out of space.
    ///
    /// # Errors
    /// Whatever the storage answers; [`StorageFault::is_no_space`] where there is too little.
    fn allocate(&self, length: u64) -> Result<(), StorageFault>;
}

/// What was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Create,
    Open,
    List,
    Rename,
    Remove,
    CreateDirectory,
    SyncDirectory,
    Read,
    Write,
    Sync,
    Length,
    Allocate,
    Lock,
}

/// Why it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The operating system's error number.
    Errno(i32),
    /// The file ends before the bytes asked for.
    EndsEarly,
    /// A direct write that is not aligned to [`BLOCK_BYTES`].
    Misaligned,
}

/// An operation that failed, on what, where and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageFault {
    /// What was tried.
    pub operation: Operation,
    /// On which file or directory, relative to the data directory.
    pub path: String,
    /// At which byte; 0 where an operation has none.
    pub offset: u64,
    /// Why it failed.
    pub cause: Cause,
}

const ENOENT: i32 = 2;
const ENOSPC: i32 = 28;
const EDQUOT: i32 = 122;

impl StorageFault {
    /// No such file or directory.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.cause == Cause::Errno(ENOENT)
    }

    /// The device or the quota is full.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        matches!(self.cause, Cause::Errno(ENOSPC | EDQUOT))
    }
}

impl fmt::Display for StorageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.operation.name(), self.path)?;
        if self.offset > 0 {
            write!(f, " at offset {}", self.offset)?;
        }
        match self.cause {
            Cause::Errno(number) => write!(f, " failed: {}", std::io::Error::from_raw_os_error(number)),
            Cause::EndsEarly => f.write_str(" failed: the file ends before"),
            Cause::Misaligned => f.write_str(" failed: a direct write must be aligned to 4096 bytes"),
        }
    }
}

impl std::error::Error for StorageFault {}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::List => "list",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::CreateDirectory => "create directory",
            Self::SyncDirectory => "directory sync",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Length => "length",
            Self::Allocate => "allocation",
            Self::Lock => "lock",
        }
    }
}

/// The directory of a path, empty for the data directory itself.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Reads a file as a whole, if it is there and no longer than `bytes_max`.
///
/// # Errors
/// The storage's faults; [`Cause::EndsEarly`] stands for a file over the bound too.
pub fn read_whole<S: Storage>(storage: &S, path: &str, bytes_max: u64) -> Result<Vec<u8>, StorageFault> {
    let file = storage.open(path, Access::Buffered)?;
    let length = file.length()?;
    let too_long = || StorageFault {
        operation: Operation::Read,
        path: path.to_owned(),
        offset: bytes_max,
        cause: Cause::EndsEarly,
    };
    let bytes = usize::try_from(length).ok().filter(|_| length <= bytes_max).ok_or_else(too_long)?;
    let mut content = vec![0; bytes];
    file.read_at(0, &mut content)?;
    Ok(content)
}
