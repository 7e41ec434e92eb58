//! Whose cosignatures make a block WITNESSED: `banks 2 of 3 and network 1 of 1`, each part a number of keys of a named
//! group. A pure function of a checkpoint's lines; who has signed what is the [`cosignature_book`](crate::cosignature_book)'s.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::note::{KeyKind, Note, VerifierKey};

/// Groups of a policy at the most.
pub const POLICY_GROUPS_MAX: usize = 16;
/// Keys of all its groups at the most: so a checkpoint with all their lines is still a note.
pub const POLICY_KEYS_MAX: usize = 64;
const _: () = assert!(POLICY_KEYS_MAX < crate::note::NOTE_SIGNATURES_MAX);

/// The keys of witnesses, by the name of their group.
pub type WitnessGroups = BTreeMap<String, Vec<VerifierKey>>;

/// A policy with the keys that it counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessPolicy {
    quorums: Vec<Quorum>,
    /// Of all groups, those first that stand first.
    keys: Vec<VerifierKey>,
}

/// `group needed of n`: the keys are `first .. first + of`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Quorum {
    group: String,
    needed: usize,
    first: usize,
    of: usize,
}

/// Why a policy can't be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyError {
    /// The part of this number, from 1, is not `group k of n` with 1 ≤ k ≤ n.
    Form(usize),
    /// The group stands twice in it.
    Twice(String),
    /// No keys are given for the group.
    Unknown(String),
    /// The group has so many keys, and not as many as the policy says.
    Keys(String, usize),
    /// The key stands in two places: it would count twice.
    Key(String),
    /// The key is not one that cosigns.
    Kind(String),
    /// Over [`POLICY_GROUPS_MAX`] groups or [`POLICY_KEYS_MAX`] keys.
    Long,
    /// Keys are given for a group that the policy doesn't name.
    Unused(String),
}

impl WitnessPolicy {
    /// Reads a policy and finds its keys.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn parse(text: &str, groups: &WitnessGroups) -> Result<Self, PolicyError> {
        let mut policy = Self { quorums: Vec::new(), keys: Vec::new() };
        for (part, number) in text.split(" and ").zip(1..) {
            let (group, needed, of) = parse_part(part).ok_or(PolicyError::Form(number))?;
            let keys = groups.get(group).ok_or_else(|| PolicyError::Unknown(group.to_string()))?;
            policy.add(group, (needed, of), keys)?;
        }
        let is_unused = |group: &&String| policy.quorums.iter().all(|quorum| quorum.group != **group);
        match groups.keys().find(is_unused) {
            Some(group) => Err(PolicyError::Unused(group.clone())),
            None => Ok(policy),
        }
    }

    fn add(
        &mut self,
        group: &str,
        (needed, of): (usize, usize),
        keys: &[VerifierKey],
    ) -> Result<(), PolicyError> {
        if self.quorums.iter().any(|quorum| quorum.group == group) {
            return Err(PolicyError::Twice(group.to_string()));
        }
        if keys.len() != of {
            return Err(PolicyError::Keys(group.to_string(), keys.len()));
        }
        if self.quorums.len() == POLICY_GROUPS_MAX || self.keys.len() + of > POLICY_KEYS_MAX {
            return Err(PolicyError::Long);
        }
        self.quorums.push(Quorum { group: group.to_string(), needed, first: self.keys.len(), of });
        for key in keys {
            if key.kind() != KeyKind::Cosignature {
                return Err(PolicyError::Kind(key.to_string()));
            }
            let is_it = |other: &VerifierKey| other.public() == key.public() || other.name() == key.name();
            if self.keys.iter().any(is_it) {
                return Err(PolicyError::Key(key.to_string()));
            }
            self.keys.push(key.clone());
        }
        Ok(())
    }

    /// The keys of all groups.
    #[must_use]
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Whether enough of each group are among the signers, each counted once.
    #[must_use]
    pub fn is_met(&self, signers: &[&VerifierKey]) -> bool {
        self.quorums.iter().all(|quorum| {
            let group = &self.keys[quorum.first..quorum.first + quorum.of];
            group.iter().filter(|key| signers.contains(key)).count() >= quorum.needed
        })
    }

    /// Whether the lines under a checkpoint that verify meet the policy; a forged line counts for nothing.
    #[must_use]
    pub fn is_met_by(&self, note: &Note) -> bool {
        let signed = |key: &&VerifierKey| note.signatures.iter().any(|line| key.verifies(note.text(), line));
        self.is_met(&self.keys.iter().filter(signed).collect::<Vec<_>>())
    }
}

/// `group k of n`.
fn parse_part(part: &str) -> Option<(&str, usize, usize)> {
    let [group, needed, "of", of] = part.split(' ').collect::<Vec<_>>()[..] else { return None };
    let is_name = group.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    let number = |text: &str| usize::try_from(crate::checkpoint::decimal(text)?).ok();
    let (needed, of) = (number(needed)?, number(of)?);
    (is_name && !group.is_empty() && needed >= 1 && needed <= of).then_some((group, needed, of))
}

impl fmt::Display for WitnessPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (quorum, at) in self.quorums.iter().zip(0..) {
            let and = if at == 0 { "" } else { " and " };
            write!(f, "{and}{} {} of {}", quorum.group, quorum.needed, quorum.of)?;
        }
        Ok(())
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(part) => {
                write!(f, "part {part} of the policy is not `group k of n`, joined by ` and `")
            }
            Self::Twice(group) => write!(f, "the policy names {group} twice"),
            Self::Unknown(group) => write!(f, "no keys are given for the group {group}"),
            Self::Keys(group, keys) => write!(f, "{group} has {keys} keys, and the policy says otherwise"),
            Self::Key(key) => write!(f, "{key} would count twice: its name or key is another's"),
            Self::Kind(key) => write!(f, "{key} is not a key for cosignatures"),
            Self::Long => {
                write!(f, "a policy has at most {POLICY_GROUPS_MAX} groups and {POLICY_KEYS_MAX} keys")
            }
            Self::Unused(group) => write!(f, "the policy does not name the group {group}"),
        }
    }
}

impl core::error::Error for PolicyError {}
