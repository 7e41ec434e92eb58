//! The derived stores: outcome rows, blocks, snapshots and the log of blocks. All of it follows from the journal.
//!
//! Owns their files (`FORMAT.md` gives every byte) and what can be told from them after a crash. A store
//! never decides anything: what it lost, replaying the journal gives again, and where it contradicts the
//! journal, the journal is right. What a store says is durable vouches for the frames that it was made of.

mod blocks;
mod groups;
mod id_run;
mod id_runs;
mod log;
mod log_check;
mod outcomes;
mod rows;
mod snapshots;

use std::fmt;

use crate::storage::StorageFault;

pub use blocks::{BLOCKS_DIRECTORY, BlockStore, BlocksFound, StoredBlock};
pub use groups::{GROUPS_DIRECTORY, GroupStore};
pub use id_run::IDS_DIRECTORY;
pub use id_runs::{FoundRun, IdRuns, found_run, ranges_in};
pub use log::{
    CHECKPOINT_FILE, LOG_DIRECTORY, LOG_KEY_FILE, LogProver, LogStore, OFFER_BLOCKS, TakeFault,
    WITNESSED_FILE,
};
pub use log_check::check_log;
pub use outcomes::{OUTCOME_ROW_BYTES, OUTCOMES_DIRECTORY, OutcomeStore};
pub use snapshots::{
    BadSnapshot, SNAPSHOTS_DIRECTORY, Snapshot, SnapshotFlaw, SnapshotOf, SnapshotStore, Snapshots,
    decode_snapshot,
};

/// Why a store can't do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreFault {
    /// The row, block or snapshot of this number isn't there.
    Absent(u64),
    /// The block isn't the one after the last.
    NotNext {
        /// The height that is next.
        next: u64,
        /// The height offered.
        height: u64,
    },
    /// A file is damaged where nothing can have been torn.
    Damaged {
        /// The file, relative to the data directory.
        file: String,
        /// The byte in it.
        offset: u64,
        /// The row's, block's or snapshot's number.
        number: u64,
    },
    /// The log's checkpoint is signed over more blocks than the journal makes.
    LogAhead {
        /// Blocks in the checkpoint.
        size: u64,
        /// Blocks that there are.
        blocks: u64,
    },
    /// The log's checkpoint is signed over other blocks than the journal makes.
    LogDiffers {
        /// Blocks in the checkpoint.
        size: u64,
    },
    /// A file of the log is not what the blocks make.
    Log(String),
    /// The storage failed.
    Storage(StorageFault),
    /// An earlier sync failed, so nothing that was written since is known to be durable.
    Poisoned,
}

impl From<StorageFault> for StoreFault {
    fn from(fault: StorageFault) -> Self {
        Self::Storage(fault)
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(number) => write!(f, "number {number} is not stored"),
            Self::NotNext { next, height } => write!(f, "block {height} can't follow, {next} is the next"),
            Self::Damaged { file, offset, number } => write!(
                f,
                "{file} is damaged at offset {offset}, number {number}: remove the file, and replaying the \
                 journal makes it again"
            ),
            Self::LogAhead { size, blocks } => write!(
                f,
                "{CHECKPOINT_FILE} is signed over {size} blocks and the journal makes {blocks}: the journal is an old or a \
                 cut one; going on would sign a second log"
            ),
            Self::LogDiffers { size } => write!(
                f,
                "{CHECKPOINT_FILE} is signed over {size} blocks that are not those of the journal: going on would sign a \
                 second log"
            ),
            Self::Log(file) => write!(
                f,
                "{file} differs from the blocks: remove {LOG_DIRECTORY}/tile, and the next start makes the log again"
            ),
            Self::Storage(fault) => fault.fmt(f),
            Self::Poisoned => f.write_str("a sync of this store failed before: restart"),
        }
    }
}

impl std::error::Error for StoreFault {}
