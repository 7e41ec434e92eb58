//! What a proof of any kind states, once it has been verified under the public key.

use std::collections::BTreeMap;
use std::fmt;

use feiqian_core::currency::Currency;
use feiqian_core::money::signed_decimal;
use feiqian_proof::kinds::{PositionProof, Proof, Proven, SettlementProof, SignedHeader};
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
}

impl fmt::Display for VerifiedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "valid: {} of block {}", self.kind, self.block)?;
        for (name, value) in &self.states {
            writeln!(f, "  {name:<18} {value}")?;
        }
        Ok(())
    }
}

impl VerifiedProof {
    /// What a proof states that holds.
    pub(super) fn of(proof: &Proven<'_, Proof>) -> Self {
        let mut states = BTreeMap::new();
        let block = say(proof.get(), &mut states);
        Self { is_valid: true, kind: proof.get().kind().name(), block, states }
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
        Proof::SignedBatch(proof) => {
            let id = proof.receipt.record.first_chunk().copied().unwrap_or_default();
            states.insert("transfer", uetr_text(u128::from_le_bytes(id)));
            if let Ok(participant) = proof.participant.participant() {
                states.insert("signed by", bic(&participant.bic));
            }
            states.insert("batch", format!("{:032x}, {} transfers", proof.batch_id, proof.records.len()));
            let receipt = &proof.receipt;
            say_block(&SignedHeader { header: receipt.header, signature: receipt.signature }, states)
        }
    }
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
