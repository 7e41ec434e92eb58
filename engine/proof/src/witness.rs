//! What a witness is asked and how it must judge: the `add-checkpoint` call of c2sp.org/tlog-witness, without its
//! transport and its memory.
//!
//! [`judge`] says yes or why not. The caller keeps the head that it said yes to, durably, **before** it signs, and
//! never runs two judgements at once for one log; then no smaller and no inconsistent checkpoint is ever cosigned.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::checkpoint::{Checkpoint, CheckpointError, decimal, hash_of_base64};
use crate::hash::Hash;
use crate::log::{LogHead, empty_root, verify_consistency};
use crate::note::{NOTE_BYTES_MAX, Note, VerifierKey, base64_of};

/// Hashes of a consistency path at the most.
pub const PROOF_LINES_MAX: usize = 63;
/// Bytes of a request at the most.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 64 * PROOF_LINES_MAX;

/// The body of an `add-checkpoint` call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last, 0 for none.
    pub old_size: u64,
    /// That the new one extends it.
    pub path: Vec<Hash>,
    /// The signed checkpoint's bytes.
    pub checkpoint: Vec<u8>,
}

/// Why a witness does not cosign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WitnessRefusal {
    /// The body is not what the specification says.
    Malformed,
    /// The log is none that the witness knows.
    UnknownOrigin,
    /// The log did not sign it.
    NotSigned,
    /// The witness cosigned this size last, and not the one that the request names; or another root at this size.
    Conflict(u64),
    /// The log doesn't extend the one that was cosigned last.
    Inconsistent,
}

impl WitnessRefusal {
    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::NotSigned => 403,
            Self::UnknownOrigin => 404,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
        }
    }
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// [`WitnessRefusal::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, WitnessRefusal> {
        Self::read(body).ok_or(WitnessRefusal::Malformed)
    }

    fn read(body: &[u8]) -> Option<Self> {
        let body = core::str::from_utf8(body).ok().filter(|body| body.len() <= REQUEST_BYTES_MAX)?;
        let (head, checkpoint) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old_size = decimal(lines.next()?.strip_prefix("old ")?)?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == PROOF_LINES_MAX {
                return None;
            }
            path.push(hash_of_base64(line)?);
        }
        Some(Self { old_size, path, checkpoint: Vec::from(checkpoint.as_bytes()) })
    }

    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let path: String = self.path.iter().map(|hash| format!("{}\n", base64_of(&hash.0))).collect();
        [format!("old {}\n{path}\n", self.old_size).as_bytes(), &self.checkpoint].concat()
    }
}

/// Whether to cosign: `logs` are the keys of the logs that are known, one each, and `last` gives the head that was
/// cosigned last for an origin. Gives the checkpoint, whose head is to be kept before its text is cosigned.
///
/// # Errors
/// [`WitnessRefusal`].
pub fn judge(
    request: &AddCheckpoint,
    logs: &[VerifierKey],
    last: impl FnOnce(&str) -> Option<LogHead>,
) -> Result<(Checkpoint, Note), WitnessRefusal> {
    let note = Note::parse(&request.checkpoint).map_err(|_| WitnessRefusal::Malformed)?;
    let stated = Checkpoint::parse(note.text()).map_err(|_| WitnessRefusal::Malformed)?;
    let log = logs.iter().find(|log| log.name() == stated.origin).ok_or(WitnessRefusal::UnknownOrigin)?;
    let (checkpoint, note) = Checkpoint::open(&request.checkpoint, log).map_err(|error| match error {
        CheckpointError::Untrusted(_) => WitnessRefusal::NotSigned,
        _ => WitnessRefusal::Malformed,
    })?;
    let old = last(&checkpoint.origin).unwrap_or(LogHead { size: 0, root: empty_root() });
    judge_heads(request, &old, &checkpoint.head)?;
    Ok((checkpoint, note))
}

/// Whether `new` may be cosigned by whoever cosigned `old` last, whose size is 0 if there was none.
fn judge_heads(request: &AddCheckpoint, old: &LogHead, new: &LogHead) -> Result<(), WitnessRefusal> {
    if request.old_size > new.size {
        return Err(WitnessRefusal::Malformed);
    }
    if request.old_size != old.size || (old.size == new.size && old.root != new.root) {
        return Err(WitnessRefusal::Conflict(old.size));
    }
    let is_consistent = match old.size {
        0 => request.path.is_empty(),
        _ => verify_consistency(old, new, &request.path),
    };
    if is_consistent { Ok(()) } else { Err(WitnessRefusal::Inconsistent) }
}

impl fmt::Display for WitnessRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the request is not that of an add-checkpoint call"),
            Self::UnknownOrigin => f.write_str("the log is not known here"),
            Self::NotSigned => f.write_str("the checkpoint is not signed by its log"),
            Self::Conflict(size) => write!(f, "the checkpoint cosigned last has size {size}"),
            Self::Inconsistent => f.write_str("the log does not extend the one that was cosigned last"),
        }
    }
}

impl core::error::Error for WitnessRefusal {}
