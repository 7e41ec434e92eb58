//! Any proof: read by its magic, verified by its kind.

use alloc::vec::Vec;

use crate::kinds::parts::SignedHeader;
use crate::kinds::refusal::Refusal;
use crate::kinds::{
    BalanceProof, CompletenessProof, ConsistencyProof, FormerKeyProof, LogConsistencyProof,
    LogInclusionProof, PositionProof, Proven, SettlementProof, SignedBatchProof,
};
use crate::receipt::{self, Receipt};
use crate::signature::PublicKey;

/// What a proof is about. The names are those of the JSON form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofKind {
    /// A transfer stands in a block.
    Receipt,
    /// A position at the end of a block.
    Position,
    /// All of a participant's transfers in a block.
    Completeness,
    /// An account after a block.
    Balance,
    /// A block is an ancestor of another.
    Consistency,
    /// The log of blocks at one size begins with the log at another.
    LogConsistency,
    /// An obligation follows from the positions at the end of a cycle.
    Settlement,
    /// The participant signed the transfer's batch.
    SignedBatch,
    /// The same, with a key that was replaced in the transfer's block.
    FormerKey,
    /// The block of another proof is in the log of a checkpoint.
    LogInclusion,
}

impl ProofKind {
    /// All kinds, in the order of `FORMAT.md`.
    pub const ALL: [Self; 10] = [
        Self::Receipt,
        Self::Position,
        Self::Completeness,
        Self::Balance,
        Self::Consistency,
        Self::LogConsistency,
        Self::Settlement,
        Self::SignedBatch,
        Self::FormerKey,
        Self::LogInclusion,
    ];

    /// The first eight bytes of a file of this kind.
    #[must_use]
    pub const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Receipt => receipt::MAGIC,
            Self::Position => PositionProof::MAGIC,
            Self::Completeness => CompletenessProof::MAGIC,
            Self::Balance => BalanceProof::MAGIC,
            Self::Consistency => ConsistencyProof::MAGIC,
            Self::LogConsistency => LogConsistencyProof::MAGIC,
            Self::Settlement => SettlementProof::MAGIC,
            Self::SignedBatch => SignedBatchProof::MAGIC,
            Self::FormerKey => FormerKeyProof::MAGIC,
            Self::LogInclusion => LogInclusionProof::MAGIC,
        }
    }

    /// The name in the JSON form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Position => "position",
            Self::Completeness => "completeness",
            Self::Balance => "balance",
            Self::Consistency => "consistency",
            Self::LogConsistency => "log_consistency",
            Self::Settlement => "settlement",
            Self::SignedBatch => "signed_batch",
            Self::FormerKey => "signed_batch_former_key",
            Self::LogInclusion => "log_inclusion",
        }
    }

    /// The kind of a file by its first bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| bytes.starts_with(kind.magic()))
    }
}

/// A proof of any kind, not yet verified.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the kinds say it")]
#[expect(clippy::large_enum_variant, reason = "proofs are held one at a time")]
pub enum Proof {
    Receipt(Receipt),
    Position(PositionProof),
    Completeness(CompletenessProof),
    Balance(BalanceProof),
    Consistency(ConsistencyProof),
    LogConsistency(LogConsistencyProof),
    Settlement(SettlementProof),
    SignedBatch(SignedBatchProof),
    FormerKey(FormerKeyProof),
    LogInclusion(LogInclusionProof),
}

impl Proof {
    /// Reads a file's bytes, all of them, as the kind that its magic says; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        Ok(match ProofKind::of(bytes).ok_or(Refusal::Magic)? {
            ProofKind::Receipt => Self::Receipt(Receipt::decode(bytes)?),
            ProofKind::Position => Self::Position(PositionProof::decode(bytes)?),
            ProofKind::Completeness => Self::Completeness(CompletenessProof::decode(bytes)?),
            ProofKind::Balance => Self::Balance(BalanceProof::decode(bytes)?),
            ProofKind::Consistency => Self::Consistency(ConsistencyProof::decode(bytes)?),
            ProofKind::LogConsistency => Self::LogConsistency(LogConsistencyProof::decode(bytes)?),
            ProofKind::Settlement => Self::Settlement(SettlementProof::decode(bytes)?),
            ProofKind::SignedBatch => Self::SignedBatch(SignedBatchProof::decode(bytes)?),
            ProofKind::FormerKey => Self::FormerKey(FormerKeyProof::decode(bytes)?),
            ProofKind::LogInclusion => Self::LogInclusion(LogInclusionProof::decode(bytes)?),
        })
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Receipt(receipt) => Ok(receipt.encode()?),
            Self::Position(proof) => proof.encode(),
            Self::Completeness(proof) => proof.encode(),
            Self::Balance(proof) => proof.encode(),
            Self::Consistency(proof) => proof.encode(),
            Self::LogConsistency(proof) => proof.encode(),
            Self::Settlement(proof) => proof.encode(),
            Self::SignedBatch(proof) => proof.encode(),
            Self::FormerKey(proof) => proof.encode(),
            Self::LogInclusion(proof) => proof.encode(),
        }
    }

    /// Verifies whatever kind it is. `chain_id` is the chain that the reader expects; without one the proof's own
    /// word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        match self {
            Self::Receipt(receipt) => {
                let Receipt { header, signature, .. } = *receipt;
                SignedHeader { header, signature }.check_chain(chain_id)?;
                receipt.verify(key).map(|_| ())?;
            }
            Self::Position(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::Completeness(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::Balance(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::Consistency(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::LogConsistency(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::Settlement(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::SignedBatch(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::FormerKey(proof) => proof.verify(key, chain_id).map(|_| ())?,
            Self::LogInclusion(proof) => proof.verify(key, chain_id).map(|_| ())?,
        }
        Ok(Proven(self))
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ProofKind {
        match self {
            Self::Receipt(_) => ProofKind::Receipt,
            Self::Position(_) => ProofKind::Position,
            Self::Completeness(_) => ProofKind::Completeness,
            Self::Balance(_) => ProofKind::Balance,
            Self::Consistency(_) => ProofKind::Consistency,
            Self::LogConsistency(_) => ProofKind::LogConsistency,
            Self::Settlement(_) => ProofKind::Settlement,
            Self::SignedBatch(_) => ProofKind::SignedBatch,
            Self::FormerKey(_) => ProofKind::FormerKey,
            Self::LogInclusion(_) => ProofKind::LogInclusion,
        }
    }

    /// The block that it is about, as the operator signed it: of a consistency the later one. None for a proof about
    /// the log alone.
    #[must_use]
    pub fn block(&self) -> Option<SignedHeader> {
        let of_receipt =
            |receipt: &Receipt| SignedHeader { header: receipt.header, signature: receipt.signature };
        Some(match self {
            Self::Receipt(receipt) => of_receipt(receipt),
            Self::Position(proof) => proof.block,
            Self::Completeness(proof) => proof.position.block,
            Self::Balance(proof) => proof.block,
            Self::Consistency(proof) => {
                SignedHeader { header: *proof.headers.last()?, signature: proof.signature }
            }
            Self::LogConsistency(_) => return None,
            Self::Settlement(proof) => proof.block,
            Self::SignedBatch(proof) => of_receipt(&proof.receipt),
            Self::FormerKey(proof) => of_receipt(&proof.batch.receipt),
            Self::LogInclusion(proof) => return proof.block().ok(),
        })
    }
}
