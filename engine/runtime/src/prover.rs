//! Proofs of any sealed block, made from the stored files: goes back to the block (`retrace.rs`), which gives every leaf
//! and path again, and then answers. Reads only.

use feiqian_core::account::{AccountHandle, SlotHandle};
use feiqian_core::batch::Payload;
use feiqian_core::batch_signature::verify_batch;
use feiqian_core::block::Sealer;
use feiqian_core::participant::CycleState;
use feiqian_core::state::Fault;
use feiqian_proof::hash::{Domain, Hash};
use feiqian_proof::kinds::{
    BalanceProof, CompletenessProof, ConfigProof, ConsistencyProof, FormerKeyProof, Obligation, OwnTransfer,
    PositionProof, Proof, SettlementProof, SignedBatchProof, SignedHeader,
};
use feiqian_proof::leaf::{PositionLeaf, SaltKind, config_leaf, salt};
use feiqian_proof::signature::{PublicKey, Signature};
use feiqian_proof::tree::path_of;

use crate::journal::{Durable, Frame, ReadFault};
use crate::query::{Archive, QueryFault};
use crate::retrace::{Decided, Retraced, retrace};
use crate::storage::Storage;

/// Why a proof can't be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProverFault {
    /// A frame can't be executed.
    #[error(transparent)]
    Frame(#[from] Fault),
    /// The files can't be read.
    #[error(transparent)]
    Query(#[from] QueryFault),
    /// The journal can't be read.
    #[error(transparent)]
    Journal(#[from] ReadFault),
    /// There is no such block.
    #[error("there is no block {0}")]
    NoBlock(u64),
    /// The replay makes another block than the stored one.
    #[error("block {0} differs from its replay: run `feiqian audit`")]
    Differs(u64),
    /// What is asked for is not in the block.
    #[error("{0}")]
    Absent(&'static str),
}

/// The state at the end of a block, and what the block holds.
#[derive(Debug)]
pub struct Prover<S: Storage> {
    archive: Archive<S>,
    sealer: Sealer,
    block: SignedHeader,
    /// The block's transfers, commands left out.
    transfers: Vec<Decided>,
    snapshot: Option<u64>,
}

impl<S: Storage> Prover<S> {
    /// Replays up to the block at `height`, from the nearest snapshot before it that can be used.
    ///
    /// # Errors
    /// [`ProverFault`].
    pub fn at(archive: Archive<S>, height: u64) -> Result<Self, ProverFault> {
        let stored = archive.block(height)?.ok_or(ProverFault::NoBlock(height))?;
        let Retraced { sealer, transfers, snapshot } = retrace(&archive, &stored.header)?;
        let block = SignedHeader { header: stored.header, signature: stored.signature };
        Ok(Self { archive, sealer, block, transfers, snapshot })
    }

    /// The block of the snapshot that the replay went on from; none where it began with the journal.
    #[must_use]
    pub fn snapshot(&self) -> Option<u64> {
        self.snapshot
    }

    /// The state at the end of the block, for names.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// A position; where a cycle ended with the block, its final one.
    ///
    /// # Errors
    /// [`ProverFault::Absent`].
    pub fn position(&self, slot: SlotHandle) -> Result<PositionProof, ProverFault> {
        let leaves = self.sealer.positions();
        let leaf = *leaves.get(slot as usize).ok_or(ProverFault::Absent("there is no such position"))?;
        let hashes: Vec<Hash> = leaves.iter().map(PositionLeaf::hash).collect();
        let path = path_of(Domain::PositionNode, &hashes, slot as usize);
        Ok(PositionProof { block: self.block, leaf, path, closing: self.closing(&leaf) })
    }

    /// All transfers of a participant in one currency in the block.
    ///
    /// # Errors
    /// [`ProverFault::Absent`].
    pub fn completeness(&self, slot: SlotHandle) -> Result<CompletenessProof, ProverFault> {
        let position = self.position(slot)?;
        let seed = self.sealer.mirror().registry.block_seed(self.block.header.height);
        let own = self.transfers.iter().filter(|transfer| transfer.slots.contains(&Some(slot)));
        let transfers = own.map(|Decided { record, .. }| OwnTransfer {
            salt: salt(&seed, SaltKind::Transfer, record.sequence.get()),
            record: *record.bytes(),
        });
        Ok(CompletenessProof { position, transfers: transfers.collect() })
    }

    /// An account after the block.
    ///
    /// # Errors
    /// [`ProverFault::Absent`].
    pub fn balance(&mut self, account: AccountHandle) -> Result<BalanceProof, ProverFault> {
        let leaf =
            self.sealer.account_leaf(account).ok_or(ProverFault::Absent("there is no such account"))?;
        Ok(BalanceProof { block: self.block, leaf, path: self.sealer.account_path(account) })
    }

    /// An obligation of the cycle that the block ends.
    ///
    /// # Errors
    /// [`ProverFault::Absent`] where it ends none.
    pub fn settlement(&self, obligation: Obligation) -> Result<SettlementProof, ProverFault> {
        let slot = obligation.debtor as usize;
        let leaf =
            self.sealer.positions().get(slot).ok_or(ProverFault::Absent("there is no such position"))?;
        let closing = self.closing(leaf).filter(|entry| entry.cycle().is_ok_and(|cycle| !cycle.is_open()));
        let closing = closing.ok_or(ProverFault::Absent("no cycle ends with this block"))?;
        Ok(SettlementProof {
            block: self.block,
            closing,
            obligation,
            positions: self.sealer.positions().to_vec(),
        })
    }

    /// That the submitter of a transfer in the block signed its batch: with the key in force after the block, or with the
    /// one of the block before, where that was replaced in this one.
    ///
    /// # Errors
    /// [`ProverFault::Absent`] where the batch came without a signature, or its key came and went within the block.
    pub fn signed_batch(&self, sequence: u64) -> Result<Proof, ProverFault> {
        let receipt = self.archive.receipt(sequence)?;
        let frame: Durable<Frame> = self.archive.journal.frame_at(sequence)?;
        let malformed = Fault::Malformed { sequence };
        let payload = Payload::parse(&frame.payload, frame.header.count).map_err(|_| malformed)?;
        let at = usize::try_from(sequence - frame.header.first_sequence).unwrap_or(usize::MAX);
        let batch = payload.by_batch().filter(|(first, ..)| *first <= at).last();
        let unsigned = ProverFault::Absent("its batch was not signed");
        let (first, entry, records) =
            batch.filter(|(_, entry, _)| entry.is_signed.get() == 1).ok_or(unsigned)?;
        let (named, signature) =
            ((&receipt.header.chain_id, entry.batch_id.get()), Signature(entry.signature));
        let signer = entry.participant.get() as usize;
        let has_signed = |prover: &Self| {
            prover.key_of(signer).is_some_and(|key| verify_batch(&key, named, records, &signature))
        };
        let proof = |participant| SignedBatchProof {
            participant,
            batch_id: entry.batch_id.get(),
            place: u32::try_from(at - first).unwrap_or(u32::MAX),
            signature,
            records: records.iter().map(|record| *record.bytes()).collect(),
            receipt: receipt.clone(),
        };
        if has_signed(self) {
            return Ok(Proof::SignedBatch(proof(self.participant_proof(signer)?)));
        }
        let gone = ProverFault::Absent("the key that signed its batch came and went within the block");
        let before =
            self.block.header.height.checked_sub(1).filter(|height| *height > 0).ok_or(gone.clone())?;
        let before = Self::at(self.archive.clone(), before)?;
        if !has_signed(&before) {
            return Err(gone);
        }
        let batch = proof(before.participant_proof(signer)?);
        Ok(Proof::FormerKey(FormerKeyProof { before: before.block.header, batch }))
    }

    /// A participant's key in force after the block.
    fn key_of(&self, participant: usize) -> Option<PublicKey> {
        self.sealer.mirror().registry.participants().get(participant)?.key
    }

    /// A participant's entry: behind the one of the rules and the operator.
    fn participant_proof(&self, participant: usize) -> Result<ConfigProof, ProverFault> {
        self.config_proof(1 + participant).ok_or(ProverFault::Absent("there is no such participant"))
    }

    /// The entry of a position's cycle, if that ended with the block or counts one currency alone.
    fn closing(&self, leaf: &PositionLeaf) -> Option<ConfigProof> {
        let registry = &self.sealer.mirror().registry;
        let at = registry.cycles().iter().position(|cycle| cycle.number == leaf.cycle)?;
        let cycle = registry.cycles().get(at)?;
        if cycle.state == CycleState::Open && cycle.scope.is_none() {
            return None;
        }
        self.config_proof(1 + registry.participants().len() + registry.slots().len() + at)
    }

    fn config_proof(&self, index: usize) -> Option<ConfigProof> {
        let entries = self.sealer.config_entries();
        let leaves: Vec<_> = entries.iter().map(|(salt, entry)| config_leaf(salt, entry)).collect();
        let (salt, entry) = entries.get(index)?.clone();
        let path = path_of(Domain::ConfigNode, &leaves, index);
        Some(ConfigProof { index: index as u64, salt, entry, path })
    }
}

/// That the block at `new` has the one at `old` among its ancestors.
///
/// # Errors
/// [`ProverFault::NoBlock`] where one of them is not there.
pub fn consistency<S: Storage>(
    archive: &Archive<S>,
    old: u64,
    new: u64,
) -> Result<ConsistencyProof, ProverFault> {
    let block = |height| archive.block(height)?.ok_or(ProverFault::NoBlock(height));
    let headers: Result<Vec<_>, ProverFault> =
        (old.max(1)..=new).map(|height| Ok(block(height)?.header)).collect();
    Ok(ConsistencyProof { headers: headers?, signature: block(new)?.signature })
}
