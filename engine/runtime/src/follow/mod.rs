//! Following another house's journal: copy it, replay it, compare every block, cosign what it signed. What a
//! validator is, without its transport and its clock.
//!
//! ```text
//!  source ── frames ──▶ copy of the journal ──▶ replay ──▶ own header ─┐
//!         ── signed blocks ─────────────────────────────────────────── compare ──▶ blocks, rows, snapshots
//!         ── checkpoint ───────────────────────────── own root of the log ── compare ──▶ kept, cosigned, handed in
//! ```
//!
//! It trusts one thing, the operator's public key, and nothing that the source says. It never executes past a block
//! that was not compared, never skips a frame, and never goes on after a difference: that ends in a [`Finding`] with
//! [`Evidence`]. What nobody has signed is no difference yet: the source is asked again, and only one that says so again and
//! again is one.

mod alarm;
mod evidence;
mod findings;
mod follower;
mod judge;
mod narrow;
mod replica;
mod replay;
mod start;
mod statement;
mod twice;
mod unsigned;
mod witness;

use std::fmt;

use feiqian_proof::Hash;
use feiqian_proof::signature::Signature;

use crate::journal::JournalFault;
use crate::machine::{MachineFault, OpenError};
use crate::storage::StorageFault;
use crate::stores::{StoreFault, StoredBlock};

pub use alarm::Alarm;
pub use evidence::{Evidence, EvidenceError, ServedChain};
pub use follower::{Follower, SUSPICION_ANSWERS, SUSPICION_SECONDS, Turn};
pub use judge::{Verdict, judge};
pub use replica::Replica;
pub use start::{StartFault, Trust, begun_behind, copy_journal, forget_beginning, start_from_snapshot};
pub use statement::{Statement, sign_served};
pub use unsigned::{accept_unsigned, unsigned_behind};
pub use witness::{VALIDATOR_CHECKPOINT_FILE, Witness};

/// What an operator, or another validator, gives. Every answer is checked by whoever asks.
pub trait Source {
    /// Frames as they are stored, one behind the other, from the one that begins at `sequence` on; empty if there are
    /// none yet.
    ///
    /// # Errors
    /// [`SourceFault`].
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault>;

    /// Signed blocks from `height` on, ascending, as many as the source likes; empty if there are none yet.
    ///
    /// # Errors
    /// [`SourceFault`].
    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault>;

    /// The roots of the groups of 256 transfers of a block, in order: to say where in a false block the first difference is.
    /// Empty where it has none to give.
    ///
    /// # Errors
    /// [`SourceFault`].
    fn groups(&mut self, _height: u64) -> Result<Vec<Hash>, SourceFault> {
        Ok(Vec::new())
    }

    /// The outcome rows of a sequence and those behind it, 32 bytes each, at most 256: for the same. Empty where it has none to
    /// give.
    ///
    /// # Errors
    /// [`SourceFault`].
    fn rows(&mut self, _sequence: u64, _count: usize) -> Result<Vec<u8>, SourceFault> {
        Ok(Vec::new())
    }

    /// The checkpoint of the log that is offered to be cosigned, a signed note; none if there is none yet.
    ///
    /// # Errors
    /// [`SourceFault`].
    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault>;

    /// Hands a cosigned checkpoint in.
    ///
    /// # Errors
    /// [`SourceFault`].
    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault>;
}

/// An answer with frames.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServedFrames {
    /// As they are stored, one behind the other.
    pub bytes: Vec<u8>,
    /// The operator's under the last of them ([`Statement`]); a copy has none to give.
    pub signature: Option<Signature>,
}

/// Why a source gives nothing, or nothing that can be used. Says nothing about the operator: to be asked again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SourceFault {
    /// It can't be reached, refuses, or breaks off.
    Unreachable(String),
    /// It answers what no source does.
    Malformed(String),
    /// It has less than was asked behind: it ends before this sequence.
    EndsBefore(u64),
    /// It contradicts what the operator has signed, with nothing that is signed: any source could say that of any operator.
    Unproven(String),
}

impl fmt::Display for SourceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the source can't be asked: {why}"),
            Self::Malformed(why) => write!(f, "the source answers nonsense: {why}"),
            Self::EndsBefore(sequence) => write!(f, "the source's journal ends before sequence {sequence}"),
            Self::Unproven(what) => {
                write!(f, "the source is asked again, for nobody has signed what it says: {what}")
            }
        }
    }
}

impl std::error::Error for SourceFault {}

/// A difference: where, what, and what can be shown of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The first sequence that can differ.
    pub sequence: u64,
    /// The block that holds it, or the size of the log.
    pub height: u64,
    /// What differs, for people.
    pub what: String,
    /// For whoever judges.
    pub evidence: Evidence,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sequence {} (block {}): {}", self.sequence, self.height, self.what)
    }
}

/// Why following stops or pauses.
#[derive(Debug, thiserror::Error)]
pub enum FollowFault {
    /// The source: to be asked again later.
    #[error(transparent)]
    Source(#[from] SourceFault),
    /// A difference: the end.
    #[error("{0}")]
    Found(Box<Finding>),
    /// A difference, unless the source is wrong: nobody has signed for it. [`Follower::turn`] makes one of the others of it.
    #[error("{0}")]
    Suspected(Box<Finding>),
    /// Own journal, state or stores: the process must stop.
    #[error(transparent)]
    Own(#[from] MachineFault),
    /// Own storage.
    #[error(transparent)]
    Storage(#[from] StorageFault),
    /// The directory can't be opened.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The directory has cosigned more, or something else, than it holds: set back, or not its own.
    #[error(
        "a checkpoint of size {size} was cosigned from here, and the blocks that are here are not those: nothing \
         is signed from a directory that was set back"
    )]
    SetBack {
        /// The size.
        size: u64,
    },
    /// The memory of what was cosigned can't be read.
    #[error("{0} is damaged: restore it, for without it nothing may be signed from here")]
    Memory(&'static str),
}

impl From<StoreFault> for FollowFault {
    fn from(fault: StoreFault) -> Self {
        Self::Own(MachineFault::Book(fault.into()))
    }
}

impl From<JournalFault> for FollowFault {
    fn from(fault: JournalFault) -> Self {
        Self::Own(fault.into())
    }
}

impl From<OpenError> for FollowFault {
    fn from(fault: OpenError) -> Self {
        Self::Open(Box::new(fault))
    }
}

impl From<Finding> for FollowFault {
    fn from(finding: Finding) -> Self {
        Self::Found(Box::new(finding))
    }
}
