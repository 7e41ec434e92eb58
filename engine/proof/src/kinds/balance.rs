//! An account's balance, holds, credit line and state after a block.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::{Domain, Hash};
use crate::kinds::Proven;
use crate::kinds::parts::{SignedHeader, check_inclusion, read_file, read_path, write_path};
use crate::kinds::refusal::Refusal;
use crate::leaf::AccountLeaf;
use crate::signature::PublicKey;

/// An account's leaf with its path. Its index in the tree is the account's handle, so it has no other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalanceProof {
    /// The block.
    pub block: SignedHeader,
    /// The account.
    pub leaf: AccountLeaf,
    /// The siblings from the leaf to the root, lowest first.
    pub path: Vec<Hash>,
}

impl BalanceProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQBALN01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal::Length`] for a path that can't be read.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        self.block.write(&mut bytes);
        bytes.extend_from_slice(&self.leaf.encode());
        write_path(&self.path, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, Self::read)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let block = SignedHeader::read(from)?;
        let leaf = AccountLeaf::decode(&from.array().ok_or(Refusal::Truncated)?);
        Ok(Self { block, leaf: leaf.map_err(|_| Refusal::Leaf)?, path: read_path(from)? })
    }

    /// Checks chain, inclusion and signature, in this order.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        self.block.check_chain(chain_id)?;
        let tree = &self.block.header.accounts;
        check_inclusion(Domain::AccountNode, self.leaf.hash(), self.leaf.handle, tree, &self.path)?;
        self.block.check_signature(key)?;
        Ok(Proven(self))
    }
}
