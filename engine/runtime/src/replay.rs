//! Replay of a whole journal from nothing, at any number of shards: the audit of a directory, and the proof
//! that blocks follow from the journal alone (I4, I5). Writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use feiqian_core::block::Sealer;
use feiqian_core::frame::Head;
use feiqian_core::ledger::{Delta, Share, assert_zero};
use feiqian_core::outcome::{OutcomeRow, ROW_BYTES};
use feiqian_core::shard::{Advance, Shard, ShardApplied};
use feiqian_core::state::{Fault, State};
use feiqian_proof::Hash;
use feiqian_proof::signature::PublicKey;
use zerocopy::IntoBytes as _;

use crate::board::Board;
use crate::book::{BookFault, check_block};
use crate::execution::{sums_of, view_of};
use crate::history::JournalHistory;
use crate::identity::{Identity, IdentityFault};
use crate::journal::{Durable, Frame, Journal, JournalOptions, JournalReader, ReadFault, RecoveryFault};
use crate::storage::Storage;
use crate::stores::{BlockStore, OutcomeStore, SnapshotStore, StoreFault};

/// Frames on their way between reader and shards.
const AHEAD: usize = 16;
/// Units between two looks at the other shards.
const UNITS_A_STEP: usize = 1_024;

/// What a replay made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplayReport {
    /// Hash of every block's header, by height from 1.
    pub blocks: Vec<Hash>,
    /// Entries executed.
    pub entries: u64,
    /// Frames executed.
    pub frames: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why a replay ended, or what an audit found first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayFault {
    /// The directory is none.
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    /// The journal is damaged.
    #[error("{0}")]
    Journal(String),
    /// A frame can't be executed.
    #[error(transparent)]
    Frame(#[from] Fault),
    /// A block differs, or its signature is wrong.
    #[error(transparent)]
    Block(#[from] BookFault),
    /// A store is damaged.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// An outcome row differs from its replay.
    #[error("the outcome row of sequence {0} differs from its replay")]
    Row(u64),
    /// A snapshot differs from its replay or can't be read.
    #[error("the snapshot of block {height} {what}")]
    Snapshot {
        /// The block.
        height: u64,
        /// How.
        what: String,
    },
}

impl From<ReadFault> for ReplayFault {
    fn from(fault: ReadFault) -> Self {
        Self::Journal(fault.to_string())
    }
}
