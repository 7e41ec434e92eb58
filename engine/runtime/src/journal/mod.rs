//! The journal: the only source of truth. Appends groups of frames with one sync each, and recovers them.
//!
//! Owns segments, groups, marks, the chain of hashes and the decision what a damaged tail means (below).
//! It never executes a frame, never interprets a payload, reads no clock and has no thread: the pipeline
//! drives it from one. `FORMAT.md` gives every byte.
//!
//! # The shape of a segment
//!
//! ```text
//! 0        4096                                                                        length
//! ┌────────┬───────────────────────┬──────────────┬────────┬───────────────┬──────┬───────┐
//! │ start  │ frame frame frame 000 │ frame 000000 │ mark   │ frame 0000000 │ mark │ zeros │
//! └────────┴───────────────────────┴──────────────┴────────┴───────────────┴──────┴───────┘
//!            group: one sync         group                   group
//! ```
//!
//! A group starts at a multiple of 4096 and is padded with zeros to the next one, so that no write ever
//! touches a block that holds acknowledged bytes. A frame says how many frames of its group follow it
//! (`group_behind`): after the last of a group come zeros to the boundary and nothing else, and between two
//! frames of a group comes nothing, so a reader never guesses what zeros mean. At a boundary there is a
//! group, a mark, or zeros to the segment's end.
//!
//! # Which damage may be cut
//!
//! The writer writes a group only after the sync of the group before it has returned, and acknowledges a
//! frame only after the sync of its own group. Hence of all that was ever written **only the last group, and
//! what was written after the last sync, can be torn**; all else that can't be read has been damaged later.
//! So a bad place can be cut if and only if nothing shows that its group was synced. What could show it:
//!
//! 1. The next segment's file exists. It is given its name only when a group comes that has no room in the
//!    segment before, thus after that one's last sync. A bad place before the last segment is never cut.
//! 2. A *durable mark* at or above the first sequence that the bad place's group holds: in the header of any
//!    valid frame behind it, since a later group was written only after this one's sync, or in a mark block.
//!    A valid frame behind the bad place is **no** proof by itself: a group's frames go out in one write,
//!    and the disk may keep the second and lose the first. Its durable mark tells the two cases apart, since
//!    a frame of the same group carries a mark that ends before the group.
//! 3. `acknowledged`, for which blocks, snapshots and outcome rows vouch, at or above that first sequence.
//!
//! Which group is it? Where frames of a group were still to come, or between a group's end and its boundary,
//! the bad place belongs to the group of the last good frame; else to the next one, which begins with the
//! next sequence. (Padding holds no frame: what vouches for the frames before it doesn't condemn it, unless
//! something valid lies behind.)
//!
//! What is left undecided: the last group, damaged after its sync and before anything else was written, looks
//! exactly like one that was torn. To close that gap, a **mark** is written when the journal falls idle, when
//! it is closed and when it has been recovered. It need not be synced: torn or lost, it proves nothing, and
//! the group that overtakes it carries the same mark.
//!
//! Frames before the bad place are kept although their group was torn: an append ends as durable or as
//! *unknown*, so they may take effect, and in doubt keeping loses nothing. The recovery syncs the segment
//! before it hands out any frame, since what a killed process wrote may so far exist only in the page cache.
//! The tail is zeroed, marked and synced before any of its frames is delivered: what is derived from them
//! (blocks, rows) could otherwise vouch for frames that the cutting itself may still tear.
//!
//! A participant could put the bytes of a well-formed header into a payload of his; if that very frame is
//! torn before them, the start is refused. Damage that is only pretended ends in a refusal, never in a loss.

mod copy;
mod index;
mod milestone;
mod packing;
mod parted;
mod reader;
mod recovery;
mod repair;
mod scan;
mod segment;
mod writer;

use std::fmt;
use std::ops::Deref;

use feiqian_core::frame::parts::Parts;
use feiqian_core::frame::{CHAIN_ID_BYTES, FRAME_HEADER_BYTES, FrameError, FrameHeader, FrameKind, NotNext};
use feiqian_proof::Hash;

use crate::storage::{BLOCK_BYTES, StorageFault};

pub use copy::{BadFrame, StoredFrame, forget_torn_group};
pub use parted::PartedFrame;
pub use reader::{Frames, JournalReader, ReadFault};
pub use recovery::{Recovered, RecoveryFault, RecoveryRefusal, Refusal, Tail};
pub use repair::{DAMAGED_DIRECTORY, RepairFault, Repaired, repair};
pub use scan::Flaw;
pub use segment::{Spare, SparePreparer, SpareSegment};
pub use writer::Journal;

/// The directory of the segments in the data directory.
pub const JOURNAL_DIRECTORY: &str = "journal";
/// Bytes of a segment unless configured: at 250 MB/s one segment in a quarter of a second.
pub const SEGMENT_BYTES_DEFAULT: u32 = 64 << 20;
/// The smallest segment: its start, one block of frames, and a mark.
pub const SEGMENT_BYTES_MIN: u32 = 12_288;
/// The largest: recovery reads a segment as a whole.
pub const SEGMENT_BYTES_MAX: u32 = 1 << 30;
/// One write to the storage; a longer group takes several before its one sync.
pub const WRITE_BYTES_MAX: usize = 8 << 20;

/// [`BLOCK_BYTES`] where offsets in a segment are counted, which take 32 bits.
const BLOCK: u32 = 4096;
const _: () = assert!(BLOCK as usize == BLOCK_BYTES && SEGMENT_BYTES_MIN == 3 * BLOCK);

/// What a journal is opened with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// The chain; frames of any other are refused.
    pub chain_id: [u8; CHAIN_ID_BYTES],
    /// Length of segments made from now on: a multiple of 4096 between [`SEGMENT_BYTES_MIN`] and
    /// [`SEGMENT_BYTES_MAX`]. Those that exist keep theirs.
    pub segment_bytes: u32,
}

impl JournalOptions {
    /// The options with segments of [`SEGMENT_BYTES_DEFAULT`].
    #[must_use]
    pub const fn new(chain_id: [u8; CHAIN_ID_BYTES]) -> Self {
        Self { chain_id, segment_bytes: SEGMENT_BYTES_DEFAULT }
    }
}

/// A frame with its place in the order, not yet written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SequencedFrame {
    /// What the payload is.
    pub kind: FrameKind,
    /// The leader's epoch.
    pub epoch: u32,
    /// The first sequence that it takes: the one after the frame before it.
    pub first_sequence: u64,
    /// How many it takes, at least 1.
    pub count: u32,
    /// Nanoseconds since 1970, not before the frame before it.
    pub timestamp: u64,
    /// A multiple of 128 bytes, at most 2 MiB.
    pub payload: Vec<u8>,
}

/// A sequenced frame with its payload in the form that is stored, and that one's hashes: what a journal can append
/// without looking at the payload again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreparedFrame {
    pub(super) frame: SequencedFrame,
    /// None: as it is.
    packed: Option<Vec<u8>>,
    pub(super) payload_hash: Hash,
    /// None: copied from a journal that was written before parts were.
    pub(super) parts: Option<Parts>,
}

impl From<SequencedFrame> for PreparedFrame {
    fn from(frame: SequencedFrame) -> Self {
        let packing::Packed { bytes: packed, ends } = packing::pack(&frame.payload);
        let (parts, payload_hash) = Parts::seal(packed.as_ref().unwrap_or(&frame.payload), ends.as_slice());
        Self { frame, packed, payload_hash, parts: Some(parts) }
    }
}

impl PreparedFrame {
    /// The payload as it is stored.
    pub(super) fn stored(&self) -> &[u8] {
        self.packed.as_ref().unwrap_or(&self.frame.payload)
    }

    /// Bytes of the payload before it was packed; zero where it is not.
    pub(super) fn plain_bytes(&self) -> usize {
        if self.packed.is_some() { self.frame.payload.len() } else { 0 }
    }

    /// Bytes that it takes in a segment.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.stored().len()
    }
}

/// A frame of the chain: header, own hash, payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Everything besides the payload.
    pub header: FrameHeader,
    /// The frame's hash, to which the next one chains.
    pub hash: Hash,
    /// As it was sequenced, whatever form it is stored in.
    pub payload: Vec<u8>,
}

/// Something that is on disk: only the journal makes it, so nothing undurable can be executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// The value, without the proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The same proof for a part or a form of the value.
    #[must_use]
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Durable<U> {
        Durable(form(self.0))
    }
}

impl<T> Deref for Durable<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why a group was not appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JournalFault {
    /// A frame doesn't continue the head. Nothing was written.
    NotNext(NotNext),
    /// A frame can't be encoded. Nothing was written.
    Malformed(FrameError),
    /// Frames of another journal can't be had here with their hashes: their segments or groups are others. Nothing
    /// was written.
    OtherCopy,
    /// The group is longer than a segment takes. Nothing was written.
    TooLarge { bytes: u64, bytes_max: u64 },
    /// No new segment could be made, for want of space or otherwise. Nothing was written; the same group may
    /// be offered again.
    NoRoom(StorageFault),
    /// A write or a sync failed: the group's fate is unknown until recovery, and the journal is poisoned.
    Failed(StorageFault),
    /// An earlier append failed; see there.
    Poisoned,
}

impl JournalFault {
    /// Whether the process must stop: nothing more can be acknowledged.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Poisoned)
    }
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNext(reason) => write!(f, "the group is not the journal's next: {reason}"),
            Self::Malformed(reason) => write!(f, "the group can't be journaled: {reason}"),
            Self::OtherCopy => f.write_str("the group can't be copied into this journal to the same hashes"),
            Self::TooLarge { bytes, bytes_max } => {
                write!(f, "a group of {bytes} bytes is over the {bytes_max} that a segment takes")
            }
            Self::NoRoom(fault) => write!(f, "no room for another journal segment: {fault}"),
            Self::Failed(fault) => write!(f, "the journal can't be trusted any more, restart: {fault}"),
            Self::Poisoned => f.write_str("the journal failed before and takes nothing more: restart"),
        }
    }
}

impl std::error::Error for JournalFault {}
