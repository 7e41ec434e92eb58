//! Checkpoints: the log's origin, size and root as the text of a signed note. Source: c2sp.org/tlog-checkpoint.
//!
//! Signs only for origins that are key names, whose first line has no space: so a checkpoint can't be one of the
//! texts that [`signature`](crate::signature) signs with the same key, since the first lines of those have one.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::hash::Hash;
use crate::log::LogHead;
use crate::note::{
    KeyKind, Note, NoteError, NoteSignature, Untrusted, VerifierKey, VerifierKeyError, base64_of,
    from_base64, sign_text,
};
use crate::signature::{PublicKey, SigningKey};

/// A log's state as its operator states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log. Not empty.
    pub origin: String,
    /// Entries and the root over them.
    pub head: LogHead,
    /// Further lines, none of them empty. The log of blocks has none, and they prove nothing.
    pub extensions: Vec<String>,
}

/// Why a text is no checkpoint, or not the log's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckpointError {
    /// No signed note.
    Note(NoteError),
    /// The line of this number, from 1, is not what stands there in a checkpoint.
    Line(usize),
    /// Another log's; this is its origin.
    Origin(String),
    /// Not signed by the log, or not rightly.
    Untrusted(Untrusted),
}

/// The key that the operator of a log signs its checkpoints with: its name is the origin.
///
/// # Errors
/// [`VerifierKeyError::Name`] for an origin that can't name a key.
pub fn log_key(origin: &str, operator: PublicKey) -> Result<VerifierKey, VerifierKeyError> {
    VerifierKey::new(origin, KeyKind::Note, operator)
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub fn new(origin: &str, head: LogHead) -> Self {
        Self { origin: origin.to_string(), head, extensions: Vec::new() }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`CheckpointError::Line`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let Some(([origin, size, root], [extensions @ .., ""])) = lines.split_first_chunk::<3>() else {
            return Err(CheckpointError::Line(lines.len()));
        };
        if origin.is_empty() {
            return Err(CheckpointError::Line(1));
        }
        let size = decimal(size).ok_or(CheckpointError::Line(2))?;
        let root = hash_of_base64(root).ok_or(CheckpointError::Line(3))?;
        if let Some(at) = extensions.iter().position(|line| line.is_empty()) {
            return Err(CheckpointError::Line(4 + at));
        }
        let extensions = extensions.iter().map(|line| String::from(*line)).collect();
        Ok(Self { origin: origin.to_string(), head: LogHead { size, root }, extensions })
    }

    /// Signs with the operator's key.
    ///
    /// # Errors
    /// [`VerifierKeyError::Name`] for an origin that can't name a key.
    pub fn sign(&self, key: &SigningKey) -> Result<NoteSignature, VerifierKeyError> {
        let verifier = log_key(&self.origin, PublicKey::of(key))?;
        Ok(sign_text(key, &verifier, &self.to_string()))
    }

    /// Reads a note and checks that it is a checkpoint of the log with this key, signed by it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(bytes: &[u8], log: &VerifierKey) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(bytes).map_err(CheckpointError::Note)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != log.name() {
            return Err(CheckpointError::Origin(checkpoint.origin));
        }
        note.open(core::slice::from_ref(log)).map_err(CheckpointError::Untrusted)?;
        Ok((checkpoint, note))
    }
}

/// The note's text, with its last newline.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogHead { size, root } = &self.head;
        writeln!(f, "{}\n{size}\n{}", self.origin, base64_of(&root.0))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A number in ASCII digits without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

pub(crate) fn hash_of_base64(text: &str) -> Option<Hash> {
    from_base64(text)?.try_into().ok().map(Hash)
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => write!(f, "the checkpoint is no signed note: {error}"),
            Self::Line(line) => write!(f, "line {line} is none of a checkpoint"),
            Self::Origin(origin) => write!(f, "the checkpoint is of another log: {origin}"),
            Self::Untrusted(why) => write!(f, "the checkpoint is not the log's: {why}"),
        }
    }
}

impl core::error::Error for CheckpointError {}
