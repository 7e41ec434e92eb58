//! Faults of the archive. None of them touches the engine: what was not written is written by the next attempt.

use feiqian_runtime::query::QueryFault;
use feiqian_runtime::storage::{Operation, StorageFault};

/// Why blocks could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive's disk.
    #[error("archive: {0}")]
    Storage(#[from] StorageFault),
    /// A file could not be written; a full disk says so here.
    #[error("archive: {path} can't be written: {reason}")]
    Parquet {
        /// Where it is written aside.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The journal, the rows or the blocks can't be read.
    #[error(transparent)]
    Engine(#[from] QueryFault),
    /// `archive.json` is not what this program writes.
    #[error("archive.json: {0}; restore it, or begin an archive in another directory")]
    State(String),
    /// There are files of an archive, and no `archive.json`.
    #[error("there is {0}/ and no archive.json; restore it, or begin an archive in another directory")]
    NoState(&'static str),
    /// A file of the newest part is neither where it was written nor where it belongs.
    #[error("{0} of the newest part is gone; restore it, or begin an archive in another directory")]
    Gone(String),
    /// It is the archive of another house.
    #[error("this is the archive of the chain {found}, not of {expected}; name another directory")]
    OtherChain {
        /// Whose blocks it has.
        found: String,
        /// Whose blocks were to be exported.
        expected: String,
    },
    /// Its last block is not the engine's block of that height.
    #[error("block {0} in this archive is not the engine's; name another directory")]
    OtherBlock(u64),
    /// It begins elsewhere.
    #[error("this archive begins with block {begins}; leave --from-block out, or name another directory")]
    OtherBegin {
        /// Its first block.
        begins: u64,
    },
}

impl ArchiveError {
    /// Whether a sync failed: the system may have dropped what it could not write, so this process must not go on there.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Storage(StorageFault { operation: Operation::Sync | Operation::SyncDirectory, .. })
        )
    }
}
