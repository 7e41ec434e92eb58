//! A participant's position in one currency at the end of a block, and of a cycle where the block ends one.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::{Domain, Hash};
use crate::kinds::Proven;
use crate::kinds::config::ConfigProof;
use crate::kinds::parts::{
    SignedHeader, check_bic, check_inclusion, read_count, read_file, read_path, read_position, write_count,
    write_path,
};
use crate::kinds::refusal::Refusal;
use crate::leaf::PositionLeaf;
use crate::signature::PublicKey;

/// A position's leaf with its path. Its index in the tree is the leaf's slot, so it has no other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PositionProof {
    /// The block.
    pub block: SignedHeader,
    /// The position.
    pub leaf: PositionLeaf,
    /// The siblings from the leaf to the root, lowest first.
    pub path: Vec<Hash>,
    /// The configuration's entry of the cycle, which says that this block ended it: then the position is the
    /// cycle's final one. Without it, it is that of a block on the way. Where the cycle counts this currency alone, its
    /// entry is always here; it says itself whether the cycle is open.
    pub closing: Option<ConfigProof>,
}

impl PositionProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQPOSN01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, Self::read)
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>) -> Result<(), Refusal> {
        check_bic(&self.leaf.bic)?;
        self.block.write(to);
        to.extend_from_slice(&self.leaf.encode());
        write_path(&self.path, to)?;
        write_count(usize::from(self.closing.is_some()), (0, 1), to)?;
        self.closing.as_ref().map_or(Ok(()), |entry| entry.write(to))
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let block = SignedHeader::read(from)?;
        let leaf = read_position(&from.array().ok_or(Refusal::Truncated)?)?;
        let path = read_path(from)?;
        let closing = match read_count(from, (0, 1))? {
            0 => None,
            _ => Some(ConfigProof::read(from)?),
        };
        Ok(Self { block, leaf, path, closing })
    }

    /// Checks chain, cycle, inclusion, the cycle's end and the signature, in this order: the cheap ones first.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        self.check(chain_id)?;
        self.block.check_signature(key)?;
        Ok(Proven(self))
    }

    /// All but the signature.
    pub(crate) fn check(&self, chain_id: Option<&[u8; 16]>) -> Result<(), Refusal> {
        let header = &self.block.header;
        self.block.check_chain(chain_id)?;
        check_bic(&self.leaf.bic)?;
        self.check_cycle()?;
        let slot = u64::from(self.leaf.slot);
        check_inclusion(Domain::PositionNode, self.leaf.hash(), slot, &header.positions, &self.path)?;
        match &self.closing {
            Some(entry) => {
                if self.is_final() && entry.check_closes(header, self.leaf.currency)? != self.leaf.cycle {
                    return Err(Refusal::NotClosed);
                }
                entry.check(header)
            }
            None => Ok(()),
        }
    }

    /// Whether it claims to be the cycle's final position: all but that of a block on the way.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let is_own = self.leaf.cycle != self.block.header.cycle;
        self.closing
            .as_ref()
            .is_some_and(|entry| !(is_own && entry.cycle().is_ok_and(|cycle| cycle.is_open())))
    }

    /// The header's cycle, or one of the position's currency alone, by an entry of it.
    fn check_cycle(&self) -> Result<(), Refusal> {
        if self.leaf.cycle == self.block.header.cycle {
            return Ok(());
        }
        let entry = self.closing.as_ref().ok_or(Refusal::Cycle)?.cycle()?;
        let is_own = entry.number == self.leaf.cycle && entry.scope == Some(self.leaf.currency);
        if is_own { Ok(()) } else { Err(Refusal::Cycle) }
    }
}
