//! That a participant signed the batch that holds a receipt's transfer, with a key that was replaced in the same block.
//!
//! The configuration of the transfer's block has the new key alone; that of the block before has the one that was in
//! force when the batch was taken in. The signed header of the transfer's block names the one before, so that needs no
//! signature of its own.

use alloc::vec::Vec;

use crate::header::BlockHeader;
use crate::kinds::consistency::check_link;
use crate::kinds::parts::{read_file, read_header};
use crate::kinds::refusal::Refusal;
use crate::kinds::{Proven, SignedBatchProof};
use crate::signature::PublicKey;

/// A signed batch, its participant's entry in the configuration of the block before the transfer's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormerKeyProof {
    /// The block before the receipt's.
    pub before: BlockHeader,
    /// Its participant's entry is one of `before`.
    pub batch: SignedBatchProof,
}

impl FormerKeyProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQSIGN02";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        bytes.extend_from_slice(&self.before.encode());
        self.batch.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, |from| {
            Ok(Self { before: read_header(from)?, batch: SignedBatchProof::read(from)? })
        })
    }

    /// Checks that the one block is behind the other, then all of the signed batch.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        check_link(&self.before, &self.batch.receipt.header)?;
        self.batch.check(key, chain_id, &self.before)?;
        Ok(Proven(self))
    }
}
