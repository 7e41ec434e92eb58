//! What a proof of any kind states, once it has been verified under the public key.

use std::collections::BTreeMap;
use std::fmt;

use feiqian_core::currency::Currency;
use feiqian_core::money::signed_decimal;
use feiqian_proof::kinds::{
    LogInclusionProof, PositionProof, Proof, Proven, SettlementProof, SignedBatchProof, SignedHeader,
};
use feiqian_proof::policy::WitnessPolicy;
use serde::Serialize;

use crate::names::uetr_text;

/// A proof that holds, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct VerifiedProof {
    /// Always true: nothing else is made from a proof that does not verify.
    pub(super) is_valid: bool,
    /// Its kind.
    pub(super) kind: &'static str,
    /// The block that it is about; of a consistency proof the newer one.
    pub(super) block: u64,
    /// What it states, by name.
    pub(super) states: BTreeMap<&'static str, String>,
    /// The log that holds the block, where the file shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logged: Option<LoggedBlock>,
}

/// A checkpoint of the log that holds the block, and who has cosigned it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedBlock {
    /// Blocks in the log.
    pub size: u64,
    /// The root over them.
    pub root: String,
    /// Cosignatures in the file, each by the key beside it.
    pub cosignatures: u64,
    /// The reader's policy, if one was given.
    pub policy: Option<String>,
    /// Names of its keys that have cosigned.
    pub cosigners: Vec<String>,
    /// How many keys it has.
    pub keys: u64,
    /// Whether it is met.
    pub is_witnessed: bool,
}

impl LoggedBlock {
    pub(super) fn of(logged: &LogInclusionProof, policy: Option<&WitnessPolicy>) -> Self {
        let cosigners = policy.map_or_else(Vec::new, |policy| logged.cosigners(policy));
        Self {
            size: logged.checkpoint.head.size,
            root: logged.checkpoint.head.root.to_string(),
            cosignatures: logged.cosignatures.len() as u64,
            policy: policy.map(ToString::to_string),
            cosigners: cosigners.iter().map(|key| key.name().to_owned()).collect(),
            keys: policy.map_or(0, |policy| policy.keys().len() as u64),
            is_witnessed: policy.is_some_and(|policy| policy.is_met(&cosigners)),
        }
    }
}

impl fmt::Display for LoggedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  in the log of {} blocks, root {}", self.size, self.root)?;
        let Some(policy) = &self.policy else {
            let count = self.cosignatures;
            return writeln!(f, "  {count} cosignatures; whether of keys that count, --policy FILE tells");
        };
        let state = if self.is_witnessed { "WITNESSED" } else { "SEALED, not WITNESSED" };
        writeln!(f, "  {state}: {} of {} keys, {policy}", self.cosigners.len(), self.keys)?;
        self.cosigners.iter().try_for_each(|name| writeln!(f, "  cosigned by {name}"))
    }
}

impl fmt::Display for VerifiedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "valid: {} of block {}", self.kind, self.block)?;
        for (name, value) in &self.states {
            writeln!(f, "  {name:<18} {value}")?;
        }
        self.logged.as_ref().map_or(Ok(()), |logged| logged.fmt(f))
    }
}

impl VerifiedProof {
    /// What a proof states that holds.
    pub(super) fn of(proof: &Proven<'_, Proof>, logged: Option<LoggedBlock>) -> Self {
        let mut states = BTreeMap::new();
        let block = say(proof.get(), &mut states);
        let kind = match proof.get() {
            Proof::LogInclusion(logged) => logged.proof.kind(),
            proof => proof.kind(),
        };
        Self { is_valid: true, kind: kind.name(), block, states, logged }
    }
}

type States = BTreeMap<&'static str, String>;

/// Fills in what the proof states; gives its block.
fn say(proof: &Proof, states: &mut States) -> u64 {
    match proof {
        Proof::Receipt(receipt) => receipt.header.height,
        Proof::Position(proof) => say_position(proof, states),
        Proof::Completeness(proof) => {
            states.insert("all transfers", proof.transfers.len().to_string());
            let ids = proof.transfers.iter().map(|own| own.record.first_chunk().copied().unwrap_or_default());
            let ids: Vec<_> = ids.map(|bytes| uetr_text(u128::from_le_bytes(bytes))).collect();
            states.insert("transfers", ids.join(" "));
            say_position(&proof.position, states)
        }
        Proof::Balance(proof) => {
            let leaf = &proof.leaf;
            states.insert("account", leaf.handle.to_string());
            states.insert("balance", money(leaf.balance, leaf.currency));
            states.insert("reserved", money(leaf.reserved.into(), leaf.currency));
            say_block(&proof.block, states)
        }
        Proof::Consistency(proof) => {
            let (Some(old), Some(new)) = (proof.headers.first(), proof.headers.last()) else { return 0 };
            states.insert("chain", feiqian_identity::hex::encode(&new.chain_id));
            states.insert("ancestor", format!("block {}, {}", old.height, old.hash()));
            states.insert("descendant", format!("block {}, {}", new.height, new.hash()));
            new.height
        }
        Proof::LogConsistency(proof) => {
            states.insert("log", format!("{} blocks, {}", proof.new.head.size, proof.new.head.root));
            states.insert("begins with", format!("{} blocks, {}", proof.old.head.size, proof.old.head.root));
            proof.new.head.size
        }
        Proof::Settlement(proof) => say_settlement(proof, states),
        Proof::LogInclusion(proof) => say(&proof.proof, states),
        Proof::FormerKey(proof) => {
            states.insert("key", format!("of block {}, replaced in the next", proof.before.height));
            say_batch(&proof.batch, states)
        }
        Proof::SignedBatch(proof) => say_batch(proof, states),
    }
}

fn say_batch(proof: &SignedBatchProof, states: &mut States) -> u64 {
    let id = proof.receipt.record.first_chunk().copied().unwrap_or_default();
    states.insert("transfer", uetr_text(u128::from_le_bytes(id)));
    if let Ok(participant) = proof.participant.participant() {
        states.insert("signed by", bic(&participant.bic));
    }
    states.insert("batch", format!("{:032x}, {} transfers", proof.batch_id, proof.records.len()));
    let receipt = &proof.receipt;
    say_block(&SignedHeader { header: receipt.header, signature: receipt.signature }, states)
}

fn say_block(block: &SignedHeader, states: &mut States) -> u64 {
    states.insert("chain", feiqian_identity::hex::encode(&block.header.chain_id));
    states.insert("cycle", block.header.cycle.to_string());
    block.header.height
}

fn say_position(proof: &PositionProof, states: &mut States) -> u64 {
    let leaf = &proof.leaf;
    states.insert("participant", bic(&leaf.bic));
    states.insert("position", money(leaf.position, leaf.currency));
    states.insert("debits", money(i128::try_from(leaf.debits).unwrap_or(i128::MAX), leaf.currency));
    states.insert("credits", money(i128::try_from(leaf.credits).unwrap_or(i128::MAX), leaf.currency));
    states.insert("transfers counted", leaf.count.to_string());
    states.insert("is final of cycle", if proof.is_final() { "yes" } else { "no" }.to_owned());
    say_block(&proof.block, states)
}

fn say_settlement(proof: &SettlementProof, states: &mut States) -> u64 {
    let of = |slot: u32| proof.positions.get(slot as usize).map(|leaf| bic(&leaf.bic)).unwrap_or_default();
    let obligation = &proof.obligation;
    states.insert("debtor", of(obligation.debtor));
    states.insert("creditor", of(obligation.creditor));
    let amount = i128::try_from(obligation.amount).unwrap_or(i128::MAX);
    states.insert("amount", money(amount, obligation.currency));
    say_block(&proof.block, states)
}

fn bic(bytes: &[u8; 11]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn money(minor: i128, currency: u16) -> String {
    match Currency::from_numeric(currency) {
        Some(known) => format!("{} {}", signed_decimal(minor, known), known.code()),
        None => format!("{minor} of currency {currency}"),
    }
}
