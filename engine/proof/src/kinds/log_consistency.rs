//! That the log of blocks at one checkpoint begins with the log at an older one: nothing was taken back or changed.
//!
//! A checkpoint's text follows from chain id, size and root, so only its signature is carried. Sizes are heights of
//! blocks, and the path is logarithmic: two blocks may lie any distance apart.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::kinds::Proven;
use crate::kinds::parts::{read_file, read_path, write_path};
use crate::kinds::refusal::Refusal;
use crate::log::{LogHead, origin_of, verify_consistency};
use crate::signature::{PublicKey, Signature};

/// A head of the log with the operator's signature over its checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedHead {
    /// Size and root.
    pub head: LogHead,
    /// The operator's signature over the checkpoint's text.
    pub signature: Signature,
}

/// Two checkpoints of one log, and the path that leads to both roots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConsistencyProof {
    /// The chain whose log it is.
    pub chain_id: [u8; 16],
    /// The older checkpoint, of one entry or more.
    pub old: SignedHead,
    /// The later one; of the same size, it is the same.
    pub new: SignedHead,
    /// The consistency path of RFC 9162 §2.1.4.1.
    pub path: Vec<Hash>,
}

impl LogConsistencyProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQLOGC01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal::Length`] for a path that can't be read.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        bytes.extend_from_slice(&self.chain_id);
        for head in [&self.old, &self.new] {
            write_head(head, &mut bytes);
        }
        write_path(&self.path, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, |from| {
            let chain_id = from.array().ok_or(Refusal::Truncated)?;
            let old = read_head(from).ok_or(Refusal::Truncated)?;
            let new = read_head(from).ok_or(Refusal::Truncated)?;
            Ok(Self { chain_id, old, new, path: read_path(from)? })
        })
    }

    /// Checks chain, path and both signatures.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        if chain_id.is_some_and(|expected| *expected != self.chain_id) {
            return Err(Refusal::Chain);
        }
        if !verify_consistency(&self.old.head, &self.new.head, &self.path) {
            return Err(Refusal::Inconsistent);
        }
        for SignedHead { head, signature } in [&self.old, &self.new] {
            let text = Checkpoint::new(&origin_of(&self.chain_id), *head).to_string();
            if !key.verifies(text.as_bytes(), signature) {
                return Err(Refusal::Signature);
            }
        }
        Ok(Proven(self))
    }
}

pub(crate) fn write_head(SignedHead { head, signature }: &SignedHead, to: &mut Vec<u8>) {
    to.extend_from_slice(&head.size.to_le_bytes());
    to.extend_from_slice(&head.root.0);
    to.extend_from_slice(&signature.0);
}

pub(crate) fn read_head(from: &mut Reader<'_>) -> Option<SignedHead> {
    let head = LogHead { size: from.u64()?, root: Hash(from.array()?) };
    Some(SignedHead { head, signature: Signature(from.array()?) })
}
