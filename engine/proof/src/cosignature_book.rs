//! The operator's book of cosignatures: takes what witnesses hand in, and tells which size is WITNESSED.
//!
//! Counts only what verifies, for sizes and roots that the log really had; a witness that signed another root at one of
//! them has seen a fork, which is told and never counted. Bounded: only the newest sizes are kept.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::time_of;
use crate::hash::Hash;
use crate::log::LogHead;
use crate::note::{Note, NoteError, NoteSignature};
use crate::policy::WitnessPolicy;

/// Sizes whose cosignatures are kept while the policy is not met: four blocks a second fill it in 17 minutes.
pub const OPEN_SIZES_MAX: usize = 4_096;

/// Why a cosigned checkpoint is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CosignatureRefusal {
    /// No signed note.
    Note(NoteError),
    /// No checkpoint.
    Checkpoint(CheckpointError),
    /// Another log's.
    Origin(String),
    /// The log has not come to this size.
    Ahead(u64),
    /// No line by a witness that the policy names.
    Unknown,
    /// A line that bears a witness's name and id is not its.
    Forged(String),
    /// A witness signed another root at this size: someone was shown another log.
    Fork {
        /// The size.
        size: u64,
        /// The witness.
        witness: String,
    },
    /// The size is older than those that are kept.
    Old(u64),
}

/// Cosignatures by the size that they are for.
#[derive(Clone, Debug)]
pub struct CosignatureBook {
    origin: String,
    policy: WitnessPolicy,
    open: BTreeMap<u64, Cosigned>,
    witnessed: Option<LogHead>,
}

#[derive(Clone, Debug)]
struct Cosigned {
    head: LogHead,
    /// By the key's place in the policy.
    lines: BTreeMap<usize, NoteSignature>,
}

impl CosignatureBook {
    /// An empty book for the log of an origin.
    #[must_use]
    pub fn new(origin: &str, policy: WitnessPolicy) -> Self {
        Self { origin: origin.to_string(), policy, open: BTreeMap::new(), witnessed: None }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &WitnessPolicy {
        &self.policy
    }

    /// The largest size whose cosignatures meet the policy, 0 if there is none.
    #[must_use]
    pub fn witnessed(&self) -> u64 {
        self.witnessed.map_or(0, |head| head.size)
    }

    /// The largest head whose cosignatures meet the policy.
    #[must_use]
    pub const fn witnessed_head(&self) -> Option<LogHead> {
        self.witnessed
    }

    /// The lines of all witnesses for a size, in the policy's order.
    #[must_use]
    pub fn lines(&self, size: u64) -> Vec<NoteSignature> {
        self.open.get(&size).map_or_else(Vec::new, |cosigned| cosigned.lines.values().cloned().collect())
    }

    /// Takes a cosigned checkpoint, with the operator's line or without, and gives its size. `root_at` gives the root
    /// that the log had at a size, none for a size that it has not come to; it is asked only for what a witness signed.
    ///
    /// # Errors
    /// [`CosignatureRefusal`]; the book is then as it was.
    pub fn take(
        &mut self,
        note: &[u8],
        root_at: impl FnOnce(u64) -> Option<Hash>,
    ) -> Result<u64, CosignatureRefusal> {
        let note = Note::parse(note).map_err(CosignatureRefusal::Note)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(CosignatureRefusal::Checkpoint)?;
        if checkpoint.origin != self.origin {
            return Err(CosignatureRefusal::Origin(checkpoint.origin));
        }
        let head = checkpoint.head;
        let lines = self.verified(&note)?;
        let root = root_at(head.size).ok_or(CosignatureRefusal::Ahead(head.size))?;
        if !checkpoint.extensions.is_empty() {
            // The log signs none.
            return Err(CosignatureRefusal::Checkpoint(CheckpointError::Line(4)));
        }
        if root != head.root {
            let witness = lines.keys().next().map(|key| self.policy.keys()[*key].name().to_string());
            return Err(CosignatureRefusal::Fork { size: head.size, witness: witness.unwrap_or_default() });
        }
        let is_old = head.size <= self.witnessed() && !self.open.contains_key(&head.size);
        if is_old || (self.open.len() >= OPEN_SIZES_MAX && self.open.keys().next() > Some(&head.size)) {
            return Err(CosignatureRefusal::Old(head.size));
        }
        self.open
            .entry(head.size)
            .or_insert_with(|| Cosigned { head, lines: BTreeMap::new() })
            .lines
            .extend(lines);
        self.settle(head.size);
        Ok(head.size)
    }

    /// The lines of known witnesses, all of which must verify.
    fn verified(&self, note: &Note) -> Result<BTreeMap<usize, NoteSignature>, CosignatureRefusal> {
        let mut lines = BTreeMap::new();
        for line in &note.signatures {
            let known = self.policy.keys().iter().position(|key| key.is_named_by(line));
            let Some(at) = known else { continue };
            let key = &self.policy.keys()[at];
            if time_of(key, note.text(), line).is_none() {
                return Err(CosignatureRefusal::Forged(key.name().to_string()));
            }
            lines.insert(at, line.clone());
        }
        if lines.is_empty() { Err(CosignatureRefusal::Unknown) } else { Ok(lines) }
    }

    /// Moves what is witnessed on if the policy is met at a size, and forgets what is not needed any more.
    fn settle(&mut self, size: u64) {
        let Some(cosigned) = self.open.get(&size) else { return };
        let signers: Vec<_> = cosigned.lines.keys().map(|key| &self.policy.keys()[*key]).collect();
        if size > self.witnessed() && self.policy.is_met(&signers) {
            self.witnessed = Some(cosigned.head);
            self.open = self.open.split_off(&size);
        }
        while self.open.len() > OPEN_SIZES_MAX {
            self.open.pop_first();
        }
    }
}

impl fmt::Display for CosignatureRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Origin(origin) => write!(f, "the checkpoint is of another log: {origin}"),
            Self::Ahead(size) => write!(f, "the log has not come to size {size}"),
            Self::Unknown => f.write_str("no line is by a witness of the policy"),
            Self::Forged(name) => write!(f, "the line that names {name} is not its"),
            Self::Fork { size, witness } => {
                write!(
                    f,
                    "{witness} cosigned another root than the log's at size {size}: it was shown another log"
                )
            }
            Self::Old(size) => write!(f, "size {size} is older than those that are kept"),
        }
    }
}

impl core::error::Error for CosignatureRefusal {}
