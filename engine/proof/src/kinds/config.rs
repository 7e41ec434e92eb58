//! An entry of the configuration in force after a block, with its path; and the two entries that proofs read.
//!
//! The core writes the entries. What the config tree holds is what the rules decided by, so an entry under a
//! signed header is the operator's own word.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::{Domain, Hash};
use crate::header::BlockHeader;
use crate::kinds::parts::{check_bic, check_inclusion, read_count, read_path, write_count, write_path};
use crate::kinds::refusal::Refusal;
use crate::leaf::{SALT_BYTES, config_leaf};
use crate::signature::PublicKey;

/// Bytes of the longest entry that a proof carries.
pub const ENTRY_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 140;

const PARTICIPANT: u8 = 2;
const CYCLE: u8 = 4;
const OPEN: u8 = 1;
const CLOSED: u8 = 2;

/// An entry of the configuration, with its path to a header's root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigProof {
    /// Its index in the tree of the configuration.
    pub index: u64,
    /// Its salt.
    pub salt: [u8; SALT_BYTES],
    /// Its bytes, 1 to [`ENTRY_BYTES_MAX`].
    pub entry: Vec<u8>,
    /// The siblings from the leaf to the root, lowest first.
    pub path: Vec<Hash>,
}

/// A participant as the configuration has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParticipantEntry<'a> {
    /// BIC, 11 characters.
    pub bic: [u8; 11],
    /// The core's number of its state.
    pub state: u8,
    /// Its name, UTF-8.
    pub name: &'a [u8],
    /// The key that its batches are signed with, if it has one.
    pub key: Option<[u8; 32]>,
}

/// A settlement cycle as the configuration has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleEntry {
    /// 1, 2, 3 …
    pub number: u64,
    /// The core's number of its state; 2 is closed.
    pub state: u8,
    /// Height of its first block.
    pub first_block: u64,
    /// Height of the first block that is not in it; zero while open.
    pub end_block: u64,
    /// The currency that it counts alone, ISO 4217 numeric; none: all that are not split off.
    pub scope: Option<u16>,
}

impl ConfigProof {
    pub(crate) fn write(&self, to: &mut Vec<u8>) -> Result<(), Refusal> {
        to.extend_from_slice(&self.index.to_le_bytes());
        to.extend_from_slice(&self.salt);
        write_count(self.entry.len(), (1, ENTRY_BYTES_MAX), to)?;
        to.extend_from_slice(&self.entry);
        write_path(&self.path, to)
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let index = from.u64().ok_or(Refusal::Truncated)?;
        let salt = from.array().ok_or(Refusal::Truncated)?;
        let length = read_count(from, (1, ENTRY_BYTES_MAX))?;
        let entry = from.slice(length).ok_or(Refusal::Truncated)?.to_vec();
        Ok(Self { index, salt, entry, path: read_path(from)? })
    }

    pub(crate) fn check(&self, header: &BlockHeader) -> Result<(), Refusal> {
        let leaf = config_leaf(&self.salt, &self.entry);
        check_inclusion(Domain::ConfigNode, leaf, self.index, &header.config, &self.path)
    }

    /// The entry as a participant's.
    ///
    /// # Errors
    /// [`Refusal::Entry`] if it is another kind of entry or not of its exact length.
    pub fn participant(&self) -> Result<ParticipantEntry<'_>, Refusal> {
        read_participant(&self.entry).ok_or(Refusal::Entry)
    }

    /// The entry as a cycle's.
    ///
    /// # Errors
    /// [`Refusal::Entry`] if it is another kind of entry or not of its exact length.
    pub fn cycle(&self) -> Result<CycleEntry, Refusal> {
        read_cycle(&self.entry).ok_or(Refusal::Entry)
    }

    /// Refuses an entry that does not say that a cycle of the currency ended with the header's block: its own one, or
    /// the header's. Gives the cycle's number.
    pub(crate) fn check_closes(&self, header: &BlockHeader, currency: u16) -> Result<u64, Refusal> {
        let CycleEntry { number, state, first_block, end_block, scope } = self.cycle()?;
        let ends_here = scope.map_or(number == header.cycle, |scope| scope == currency)
            && state == CLOSED
            && first_block <= header.height
            && header.height.checked_add(1) == Some(end_block);
        if ends_here { Ok(number) } else { Err(Refusal::NotClosed) }
    }
}

impl CycleEntry {
    /// Whether it still counts.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.state == OPEN
    }
}

impl ParticipantEntry<'_> {
    /// The participant's key, checked.
    ///
    /// # Errors
    /// [`Refusal::ParticipantKey`] if there is none, or it is weak or not canonical.
    pub fn public_key(&self) -> Result<PublicKey, Refusal> {
        let key = self.key.ok_or(Refusal::ParticipantKey)?;
        PublicKey::from_bytes(&key).map_err(|_| Refusal::ParticipantKey)
    }
}

fn read_participant(entry: &[u8]) -> Option<ParticipantEntry<'_>> {
    let mut from = Reader::new(entry);
    if from.array()? != [PARTICIPANT] {
        return None;
    }
    let bic = from.array()?;
    check_bic(&bic).ok()?;
    let [state] = from.array()?;
    let length = read_count(&mut from, (0, NAME_BYTES_MAX)).ok()?;
    let name = from.slice(length)?;
    let key = match read_count(&mut from, (0, 32)).ok()? {
        0 => None,
        32 => Some(from.array()?),
        _ => return None,
    };
    from.is_at_end().then_some(ParticipantEntry { bic, state, name, key })
}

fn read_cycle(entry: &[u8]) -> Option<CycleEntry> {
    let mut from = Reader::new(entry);
    if from.array()? != [CYCLE] {
        return None;
    }
    let number = from.u64()?;
    let [state] = from.array()?;
    let (first_block, end_block) = (from.u64()?, from.u64()?);
    // Entries of cycles that count one currency alone are longer by it.
    let scope = if from.is_at_end() { None } else { Some(u16::from_le_bytes(from.array()?)) };
    from.is_at_end().then_some(CycleEntry { number, state, first_block, end_block, scope })
}
