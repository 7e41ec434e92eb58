//! That the block of another proof stands in the log of blocks under a checkpoint, and who has cosigned that.
//!
//! A proof about a block that was shown to its reader alone is right under the operator's key; its block is in no log
//! that anyone else has seen. This file holds such a proof, the path from its block to a checkpoint of the log, and
//! witnesses' cosignatures of that checkpoint. Every cosignature in it verifies under the key beside it; whether those
//! are keys that the reader trusts, and enough of them, [`cosigners`](LogInclusionProof::cosigners) and the reader's
//! policy say.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::checkpoint::Checkpoint;
use crate::cosignature::{TIME_MAX, signed_by};
use crate::kinds::log_consistency::{SignedHead, read_head, write_head};
use crate::kinds::parts::{SignedHeader, read_count, read_file, read_path, write_count, write_path};
use crate::kinds::refusal::Refusal;
use crate::kinds::{Proof, ProofKind, Proven};
use crate::log::{origin_of, verify_inclusion};
use crate::note::{KeyKind, NoteSignature, VerifierKey};
use crate::policy::{POLICY_KEYS_MAX, WitnessPolicy};
use crate::signature::{PublicKey, Signature};

/// Cosignatures in one file: those of all keys that a policy can have.
pub const COSIGNATURES_MAX: usize = POLICY_KEYS_MAX;
const COSIGNATURES: (usize, usize) = (0, COSIGNATURES_MAX);
/// Bytes of the proof within: at least its magic.
const WITHIN: (usize, usize) = (8, u32::MAX as usize);

/// A witness's word for a checkpoint, by its key. The name that it goes by is the reader's affair: it is not signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cosignature {
    /// The witness's key.
    pub key: PublicKey,
    /// Seconds since 1970-01-01 UTC, at most [`TIME_MAX`].
    pub time: u64,
    /// Over the time and the checkpoint's text, as c2sp.org/tlog-cosignature says.
    pub signature: Signature,
}

impl Cosignature {
    /// What stands in a line that bears the name and id of a witness's key; it is not verified. None for another line.
    #[must_use]
    pub fn of(key: &VerifierKey, line: &NoteSignature) -> Option<Self> {
        let (time, signature) = line.bytes.split_first_chunk::<8>()?;
        let signature = Signature(signature.try_into().ok()?);
        let is_its = key.kind() == KeyKind::Cosignature && key.is_named_by(line);
        is_its.then(|| Self { key: *key.public(), time: u64::from_be_bytes(*time), signature })
    }
}

/// A proof about a block, and that the block is in the log of a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogInclusionProof {
    /// The checkpoint, as the operator signed it.
    pub checkpoint: SignedHead,
    /// The inclusion path of RFC 9162 §2.1.3.1, from the block's header to the checkpoint's root.
    pub path: Vec<crate::Hash>,
    /// Ascending by key, each key once; at most [`COSIGNATURES_MAX`].
    pub cosignatures: Vec<Cosignature>,
    /// Of any kind that is about a block.
    pub proof: Box<Proof>,
}

impl LogInclusionProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQLOGI01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        self.block()?;
        let mut bytes = Self::MAGIC.to_vec();
        write_head(&self.checkpoint, &mut bytes);
        write_path(&self.path, &mut bytes)?;
        write_count(self.cosignatures.len(), COSIGNATURES, &mut bytes)?;
        for Cosignature { key, time, signature } in &self.cosignatures {
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(&time.to_le_bytes());
            bytes.extend_from_slice(&signature.0);
        }
        let within = self.proof.encode()?;
        write_count(within.len(), WITHIN, &mut bytes)?;
        bytes.extend_from_slice(&within);
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
        let checkpoint = read_head(from).ok_or(Refusal::Truncated)?;
        let path = read_path(from)?;
        let count = read_count(from, COSIGNATURES)?;
        let cosignatures = (0..count).map(|_| read_cosignature(from)).collect::<Result<_, _>>()?;
        let length = read_count(from, WITHIN)?;
        let within = from.slice(length).ok_or(Refusal::Truncated)?;
        // Before it is read: so a file within a file within a file is no depth to fall into.
        if matches!(ProofKind::of(within), Some(ProofKind::LogInclusion | ProofKind::LogConsistency)) {
            return Err(Refusal::NoBlock);
        }
        let proof = Box::new(Proof::decode(within)?);
        Ok(Self { checkpoint, path, cosignatures, proof })
    }

    /// The block that the proof within is about, as the operator signed it.
    ///
    /// # Errors
    /// [`Refusal::NoBlock`] for a kind that is about none.
    pub fn block(&self) -> Result<SignedHeader, Refusal> {
        let is_nested = self.proof.kind() == ProofKind::LogInclusion;
        self.proof.block().filter(|_| !is_nested).ok_or(Refusal::NoBlock)
    }

    /// Checks the proof within, the path from its block to the checkpoint, and every signature under that.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        let SignedHeader { header, .. } = self.block()?;
        let is_ascending = self.cosignatures.windows(2).all(|pair| pair[0].key < pair[1].key);
        if self.cosignatures.len() > COSIGNATURES_MAX || !is_ascending {
            return Err(Refusal::Cosignatures);
        }
        let head = &self.checkpoint.head;
        let index = header.height.checked_sub(1).ok_or(Refusal::NotLogged)?;
        if !verify_inclusion(&header.encode(), index, head, &self.path) {
            return Err(Refusal::NotLogged);
        }
        self.proof.verify(key, chain_id)?;
        let text = self.text()?;
        if !key.verifies(text.as_bytes(), &self.checkpoint.signature) {
            return Err(Refusal::Checkpoint);
        }
        let holds = |line: &Cosignature| signed_by(&line.key, line.time, &text, &line.signature);
        if self.cosignatures.iter().all(holds) { Ok(Proven(self)) } else { Err(Refusal::Cosignatures) }
    }

    /// The text that the operator and the witnesses have signed.
    ///
    /// # Errors
    /// [`Refusal::NoBlock`]: the proof within tells the chain.
    pub fn text(&self) -> Result<String, Refusal> {
        let chain_id = self.block()?.header.chain_id;
        Ok(Checkpoint::new(&origin_of(&chain_id), self.checkpoint.head).to_string())
    }

    /// Those of a policy's keys that have cosigned, in the policy's order. True of a proof that was verified alone.
    #[must_use]
    pub fn cosigners<'a>(&self, policy: &'a WitnessPolicy) -> Vec<&'a VerifierKey> {
        let has_signed = |key: &&VerifierKey| self.cosignatures.iter().any(|line| line.key == *key.public());
        policy.keys().iter().filter(has_signed).collect()
    }
}

fn read_cosignature(from: &mut Reader<'_>) -> Result<Cosignature, Refusal> {
    let key = from.array().ok_or(Refusal::Truncated)?;
    let time = from.u64().ok_or(Refusal::Truncated)?;
    let signature = Signature(from.array().ok_or(Refusal::Truncated)?);
    let key = PublicKey::from_bytes(&key).map_err(|_| Refusal::Cosignatures)?;
    if time <= TIME_MAX { Ok(Cosignature { key, time, signature }) } else { Err(Refusal::Cosignatures) }
}
