//! Storage in a directory of the file system, one process at a time.
//!
//! Owns the lock on the data directory and how the trait's words map to system calls. Direct files go past
//! the page cache where the file system takes `O_DIRECT`, else through it. It never creates a directory
//! without syncing its parent, and never retries.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;

use super::aligned::{AlignedBuffer, is_aligned};
use super::{Access, BLOCK_BYTES, Cause, Operation, Storage, StorageFault, StorageFile};

/// The file in the data directory that the running process holds locked; its content is the process id.
pub const LOCK_FILE: &str = "LOCK";

/// A data directory that can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenFault {
    /// Another process has it open.
    #[error("{directory} is in use by {}: stop that first", holder.as_deref().map_or_else(
        || "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The data directory.
        directory: String,
        /// The process id, if the lock file tells it.
        holder: Option<String>,
    },
    /// It can't be made, opened or locked.
    #[error("data directory {directory}: {fault}")]
    Storage {
        /// The data directory.
        directory: String,
        /// What failed.
        fault: StorageFault,
    },
}

/// A locked data directory. Clones share the lock; it ends with the last of them, or with the process.
#[derive(Clone, Debug)]
pub struct FileStorage {
    root: Arc<PathBuf>,
    _lock: Arc<File>,
}

/// An open file of a [`FileStorage`].
#[derive(Debug)]
pub struct DiskFile {
    file: File,
    path: String,
    is_direct: bool,
}

impl FileStorage {
    /// Opens the data directory, making it if there is none, and locks it.
    ///
    /// # Errors
    /// [`OpenFault::InUse`] if another process has it; [`OpenFault::Storage`] for anything else.
    pub fn open(directory: &Path) -> Result<Self, OpenFault> {
        let name = directory.display().to_string();
        let failed = |operation, path: &str, error: &io::Error| OpenFault::Storage {
            directory: name.clone(),
            fault: fault(operation, path, 0, error),
        };
        create_durably(directory).map_err(|error| failed(Operation::CreateDirectory, "", &error))?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(LOCK_FILE))
            .map_err(|error| failed(Operation::Open, LOCK_FILE, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenFault::InUse { directory: name, holder: holder_of(&mut lock) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(Operation::Lock, LOCK_FILE, &error)),
        }
        write_holder(&mut lock).map_err(|error| failed(Operation::Write, LOCK_FILE, &error))?;
        Ok(Self { root: Arc::new(directory.to_owned()), _lock: Arc::new(lock) })
    }

    /// The data directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn options(access: Access) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if access == Access::Direct {
            options.custom_flags(OFlags::DIRECT.bits().cast_signed());
        }
        options
    }

    /// Opens with `access`, and through the page cache where the file system has no direct I/O.
    fn open_with(
        &self,
        path: &str,
        access: Access,
        change: fn(&mut OpenOptions) -> &mut OpenOptions,
    ) -> io::Result<DiskFile> {
        let full = self.root.join(path);
        let opened = change(&mut Self::options(access)).open(&full);
        let (file, is_direct) = match opened {
            Err(error) if access == Access::Direct && is_unsupported(&error) => {
                (change(&mut Self::options(Access::Buffered)).open(&full)?, false)
            }
            other => (other?, access == Access::Direct),
        };
        Ok(DiskFile { file, path: path.to_owned(), is_direct })
    }
}

impl Storage for FileStorage {
    type File = DiskFile;

    fn create(&self, path: &str, access: Access) -> Result<DiskFile, StorageFault> {
        self.open_with(path, access, |options| options.create(true).truncate(true))
            .map_err(|error| fault(Operation::Create, path, 0, &error))
    }

    fn open(&self, path: &str, access: Access) -> Result<DiskFile, StorageFault> {
        self.open_with(path, access, |options| options)
            .map_err(|error| fault(Operation::Open, path, 0, &error))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageFault> {
        let failed = |error: io::Error| fault(Operation::List, directory, 0, &error);
        let entries = match std::fs::read_dir(self.root.join(directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageFault> {
        std::fs::rename(self.root.join(from), self.root.join(to))
            .map_err(|error| fault(Operation::Rename, from, 0, &error))
    }

    fn remove(&self, path: &str) -> Result<(), StorageFault> {
        std::fs::remove_file(self.root.join(path)).map_err(|error| fault(Operation::Remove, path, 0, &error))
    }

    fn remove_directory(&self, directory: &str) -> Result<(), StorageFault> {
        std::fs::remove_dir(self.root.join(directory))
            .map_err(|error| fault(Operation::Remove, directory, 0, &error))
    }

    fn create_directory(&self, directory: &str) -> Result<(), StorageFault> {
        create_durably(&self.root.join(directory))
            .map_err(|error| fault(Operation::CreateDirectory, directory, 0, &error))
    }

    fn sync_directory(&self, directory: &str) -> Result<(), StorageFault> {
        sync_directory_at(&self.root.join(directory))
            .map_err(|error| fault(Operation::SyncDirectory, directory, 0, &error))
    }
}

impl DiskFile {
    /// Whether reads and writes really go past the page cache.
    #[must_use]
    pub const fn is_direct(&self) -> bool {
        self.is_direct
    }

    fn fault(&self, operation: Operation, offset: u64, error: &io::Error) -> StorageFault {
        fault(operation, &self.path, offset, error)
    }

    /// Reads whole blocks around the bytes wanted: direct I/O gives nothing smaller.
    fn read_around(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let lead = usize::try_from(offset % BLOCK_BYTES as u64).unwrap_or(0);
        let mut around = AlignedBuffer::zeroed((lead + into.len()).next_multiple_of(BLOCK_BYTES));
        let wanted = lead + into.len();
        let mut have = 0;
        while have < wanted {
            let part = self.file.read_at(&mut around[have..], offset - lead as u64 + have as u64)?;
            have += part;
            // A direct read that ends off a block boundary has met the end of the file.
            if part == 0 || !part.is_multiple_of(BLOCK_BYTES) {
                break;
            }
        }
        if have < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        into.copy_from_slice(&around[lead..wanted]);
        Ok(())
    }
}

impl StorageFile for DiskFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), StorageFault> {
        let fits = offset.is_multiple_of(BLOCK_BYTES as u64) && into.len().is_multiple_of(BLOCK_BYTES);
        let read = if self.is_direct && !(fits && is_aligned(into)) {
            self.read_around(offset, into)
        } else {
            self.file.read_exact_at(into, offset)
        };
        read.map_err(|error| self.fault(Operation::Read, offset, &error))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageFault> {
        let fits = offset.is_multiple_of(BLOCK_BYTES as u64) && bytes.len().is_multiple_of(BLOCK_BYTES);
        if self.is_direct && !(fits && is_aligned(bytes)) {
            let (operation, path) = (Operation::Write, self.path.clone());
            return Err(StorageFault { operation, path, offset, cause: Cause::Misaligned });
        }
        self.file.write_all_at(bytes, offset).map_err(|error| self.fault(Operation::Write, offset, &error))
    }

    fn sync_data(&self) -> Result<(), StorageFault> {
        self.file.sync_data().map_err(|error| self.fault(Operation::Sync, 0, &error))
    }

    fn length(&self) -> Result<u64, StorageFault> {
        let metadata = self.file.metadata().map_err(|error| self.fault(Operation::Length, 0, &error))?;
        Ok(metadata.len())
    }

    fn allocate(&self, length: u64) -> Result<(), StorageFault> {
        match fallocate(&self.file, FallocateFlags::empty(), 0, length) {
            // Without reservation the file still lengthens; the caller's own zeros take the room.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self
                .file
                .metadata()
                .and_then(|metadata| self.file.set_len(length.max(metadata.len())))
                .map_err(|error| self.fault(Operation::Allocate, length, &error)),
            other => other.map_err(|error| self.fault(Operation::Allocate, length, &error.into())),
        }
    }
}

fn fault(operation: Operation, path: &str, offset: u64, error: &io::Error) -> StorageFault {
    let cause = error.raw_os_error().map_or(Cause::EndsEarly, Cause::Errno);
    StorageFault { operation, path: path.to_owned(), offset, cause }
}

fn is_unsupported(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    number == Some(Errno::INVAL.raw_os_error()) || number == Some(Errno::OPNOTSUPP.raw_os_error())
}

/// Makes a directory and those above it, each name synced. Only the owner may look inside.
fn create_durably(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = match directory.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    create_durably(above)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory_at(above),
    }
}

fn sync_directory_at(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn holder_of(lock: &mut File) -> Option<String> {
    let mut text = String::new();
    lock.take(20).read_to_string(&mut text).ok()?;
    let pid = text.trim();
    (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())).then(|| pid.to_owned())
}

/// The process id is a courtesy to whoever is refused; nothing depends on its being durable.
fn write_holder(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for each test, removed at its end.
    struct Scratch(PathBuf);
    impl Scratch {
        fn new(name: &str) -> Self {
            let unique = format!("feiqian-storage-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(unique);
            let _ = std::fs::remove_dir_all(&path);
            Self(path)
        }
    }
    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_second_opening_is_refused_and_names_the_holder() {
        let scratch = Scratch::new("lock");
        let first = FileStorage::open(&scratch.0).expect("fresh directory");
        let refused = FileStorage::open(&scratch.0).expect_err("locked").to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        assert!(FileStorage::open(&scratch.0).is_ok());
    }

    #[test]
    fn direct_and_buffered_files_hold_the_same_bytes() {
        let scratch = Scratch::new("direct");
        let storage = FileStorage::open(&scratch.0).expect("fresh directory");
        storage.create_directory("journal").expect("made");
        let file = storage.create("journal/a", Access::Direct).expect("created");
        file.allocate(16_384).expect("allocated");
        assert_eq!(file.length(), Ok(16_384));
        let mut block = AlignedBuffer::zeroed(BLOCK_BYTES);
        block.fill(7);
        file.write_at(4096, &block).and_then(|()| file.sync_data()).expect("written");
        let mut odd = [0; 10];
        file.read_at(8187, &mut odd).expect("read");
        assert_eq!(odd, [7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
        let buffered = storage.open("journal/a", Access::Buffered).expect("opened");
        buffered.read_at(4091, &mut odd).expect("read");
        assert_eq!(odd, [0, 0, 0, 0, 0, 7, 7, 7, 7, 7]);
        let past = file.read_at(16_380, &mut odd).expect_err("past the end");
        assert_eq!((past.operation, past.cause), (Operation::Read, Cause::EndsEarly));
        if file.is_direct() {
            let refused = file.write_at(1, &block[..7]).expect_err("misaligned");
            assert_eq!(refused.cause, Cause::Misaligned);
        }
        assert_eq!(storage.list("journal"), Ok(vec!["a".to_owned()]));
        assert_eq!(storage.list("nowhere"), Ok(Vec::new()));
    }

    #[test]
    fn atomic_writes_replace_the_whole_file_and_leave_nothing_aside() {
        let scratch = Scratch::new("atomic");
        let storage = FileStorage::open(&scratch.0).expect("fresh directory");
        storage.create_directory("a/b").expect("made");
        storage.write_atomically("a/b/c", b"first, longer").expect("written");
        storage.write_atomically("a/b/c", b"second").expect("written");
        assert_eq!(super::super::read_whole(&storage, "a/b/c", 6), Ok(b"second".to_vec()));
        assert!(super::super::read_whole(&storage, "a/b/c", 5).is_err());
        assert_eq!(storage.list("a/b"), Ok(vec!["c".to_owned()]));
        assert!(storage.open("a/b/d", Access::Buffered).is_err_and(|fault| fault.is_absent()));
        assert_eq!(super::super::parent("a/b/c"), "a/b");
    }
}
