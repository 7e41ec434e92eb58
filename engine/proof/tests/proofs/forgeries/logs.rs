//! Blocks that no log holds, cosignatures that nobody made, and keys that were never the participant's.

use feiqian_proof::cosignature::TIME_MAX;
use feiqian_proof::hash::Hash;
use feiqian_proof::kinds::{Cosignature, FormerKeyProof, LogInclusionProof, Proof, Refusal};
use feiqian_proof::log::LogHead;
use feiqian_proof::signature::{SigningKey, sign_header};

use super::{Named, add, market};
use crate::market::{cosignature, operator, witness};

fn right() -> LogInclusionProof {
    let market = market();
    market.log_inclusion(Proof::Receipt(market.receipt(2, true)), 4, 3)
}

fn with(change: impl FnOnce(&mut LogInclusionProof)) -> Proof {
    let mut proof = right();
    change(&mut proof);
    Proof::LogInclusion(proof)
}

/// The cosignature of a witness that `change` made something else of, among the right ones.
fn cosigned(change: impl FnOnce(&mut Cosignature)) -> Proof {
    with(|proof| {
        change(&mut proof.cosignatures[1]);
        proof.cosignatures.sort_by_key(|line| line.key);
    })
}

/// Proofs of inclusion in the log that must be refused.
pub(crate) fn false_logs() -> Named {
    let mut all = Vec::new();
    let refusal = Refusal::NotLogged;
    let forked = with(|proof| {
        let Proof::Receipt(receipt) = &mut *proof.proof else { unreachable!("made so") };
        receipt.header.timestamp += 1;
        receipt.signature = sign_header(&operator(), &receipt.header.hash());
    });
    add(&mut all, "a signed block that the log does not have", forked, refusal);
    let resigned = |size: u64, root: Hash| {
        with(|proof| {
            proof.checkpoint = market().signed_head(size, root);
            let text = proof.text().expect("of a block");
            proof.cosignatures = vec![cosignature(&witness(0), &text)];
        })
    };
    let LogHead { size, root } = right().checkpoint.head;
    add(&mut all, "a signed and cosigned log of another size", resigned(2 * size, root), refusal);
    add(&mut all, "a signed and cosigned log of another root", resigned(size, Hash([7; 32])), refusal);
    add(&mut all, "a node of the path doubled", with(|proof| proof.path.push(proof.path[0])), refusal);
    add(&mut all, "a node of the path left out", with(|proof| proof.path.truncate(1)), refusal);
    let refusal = Refusal::Checkpoint;
    let stranger = with(|proof| {
        let text = proof.text().expect("of a block");
        proof.checkpoint.signature = cosignature(&witness(0), &text).signature;
    });
    add(&mut all, "a checkpoint that a witness signed", stranger, refusal);
    let of_block = with(|proof| proof.checkpoint.signature = proof.block().expect("a block").signature);
    add(&mut all, "the block's signature for the checkpoint's", of_block, refusal);
    let refusal = Refusal::Cosignatures;
    let twice = with(|proof| proof.cosignatures[1] = proof.cosignatures[0]);
    add(&mut all, "a cosignature twice", twice, refusal);
    add(&mut all, "cosignatures out of order", with(|proof| proof.cosignatures.reverse()), refusal);
    add(&mut all, "a cosignature of another time", cosigned(|line| line.time += 1), refusal);
    let beyond = cosigned(|line| line.time = TIME_MAX + 1);
    add(&mut all, "a cosignature of a time that there is not", beyond, refusal);
    let other = |line: &mut Cosignature| *line = cosignature(&witness(1), "feiqian/other\n1\n\n");
    add(&mut all, "a cosignature of another checkpoint", cosigned(other), refusal);
    let borrowed = |line: &mut Cosignature| {
        line.key = feiqian_proof::signature::PublicKey::of(&SigningKey::from_bytes(&[0xF0; 32]));
    };
    add(&mut all, "a cosignature under another key", cosigned(borrowed), refusal);
    all
}

/// Proofs of signed batches whose key was replaced that must be refused.
pub(crate) fn former_keys() -> Named {
    let mut all = Vec::new();
    let right = market().former_key(1, 4, 2);
    let with = |change: &dyn Fn(&mut FormerKeyProof)| {
        let mut proof = right.clone();
        change(&mut proof);
        Proof::FormerKey(proof)
    };
    let other_config = with(&|proof| proof.before.config = proof.batch.receipt.header.config);
    add(&mut all, "a block before that the block does not name", other_config, Refusal::Link);
    let relinked = with(&|proof| {
        let receipt = &mut proof.batch.receipt;
        proof.before.height -= 1;
        receipt.header.previous = proof.before.hash();
        receipt.signature = sign_header(&operator(), &receipt.header.hash());
    });
    add(&mut all, "a block before that is two before", relinked, Refusal::Link);
    let batch = right.batch.clone();
    let after = Proof::SignedBatch(batch);
    add(&mut all, "the entry of the block before as the block's", after, Refusal::NotIncluded);
    all
}
