//! Forgeries by signatures: carried over, weak, of other purposes; and of chains and batches.

use crate::forgeries::{
    Named, add, alone, busiest, market, market_with, position_alone, position_under, signed,
};
use crate::market::{bank, cycle, operator, participant, sign_batch};
use curve25519_dalek::Scalar;
use feiqian_proof::hash::{Domain, keyed};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::kinds::{
    BalanceProof, ConsistencyProof, PositionProof, Proof, Refusal, SignedBatchProof, SignedHeader,
};
use feiqian_proof::leaf::transfer_leaf_hash;
use feiqian_proof::receipt::ReceiptError;
use feiqian_proof::signature::{Signature, SigningKey, sign_header, sign_message};
use feiqian_proof::tree::{node_of, root_of};
use sha2::{Digest as _, Sha512};

/// Right proofs of another chain under the same key, and signatures carried over.
pub(crate) fn replays() -> Named {
    let mut all = Vec::new();
    let other = market_with(|market| market.header.chain_id = *b"feiqian-test-one");
    for proof in other.proofs() {
        // The batch is signed for its chain too, so all of these are right there.
        add(&mut all, "cross-chain replay of a right proof", proof, Refusal::Chain);
    }
    let mut batch = market().signed_batch(2, 3, 1);
    batch.signature = sign_batch(&bank(0), b"feiqian-test-one", batch.batch_id, &batch.records);
    let name = "cross-chain replay of a batch's signature";
    add(&mut all, name, Proof::SignedBatch(batch), Refusal::BatchSignature);
    let mut chain = market().consistency(2);
    chain.headers[0].chain_id = *b"feiqian-test-one";
    relink(&mut chain, 0);
    add(&mut all, "a chain that begins on another", Proof::Consistency(chain), Refusal::Link);
    all
}

/// What one purpose or tree was signed or hashed for, given out as another's.
pub(crate) fn cross_domains() -> Named {
    let mut all = Vec::new();
    let market = market();
    let hash = market.header.hash();
    let mut proof = market.balance(3);
    proof.block.signature = sign_message(&operator(), "feiqian block header v1\n", &hash.0);
    let name = "cross-domain: a message's signature for a header's";
    add(&mut all, name, Proof::Balance(proof), Refusal::Signature);
    let mut batch = market.signed_batch(2, 3, 1);
    let digest = keyed(Domain::Batch, batch.records.as_flattened());
    batch.signature = sign_header(&bank(0), &digest);
    let name = "cross-domain: a header's signature for a batch's";
    add(&mut all, name, Proof::SignedBatch(batch.clone()), Refusal::BatchSignature);
    let bytes = [&market.header.chain_id[..], &batch.batch_id.to_le_bytes(), &digest.0].concat();
    batch.signature = sign_message(&bank(0), "feiqian command v1", &bytes);
    let name = "cross-domain: a command's signature for a batch's";
    add(&mut all, name, Proof::SignedBatch(batch), Refusal::BatchSignature);
    for domain in Domain::ALL.into_iter().filter(|domain| *domain != Domain::AccountNode) {
        let right = market.balance(0);
        let mut header = market.header;
        let leaf = right.leaf.hash();
        let sibling = right.path[0];
        header.accounts.size = 2;
        header.accounts.hash = node_of(domain, &leaf, &sibling);
        let proof = BalanceProof { block: signed(header), path: vec![sibling], ..right };
        add(&mut all, "cross-domain: nodes of another tree", Proof::Balance(proof), Refusal::NotIncluded);
    }
    for domain in Domain::ALL.into_iter().filter(|domain| *domain != Domain::PositionLeaf) {
        let mut proof = position_alone(|_| ());
        let root = keyed(domain, &proof.leaf.encode());
        proof = position_under(&proof, |header| header.positions.hash = root);
        add(&mut all, "cross-domain: a leaf of another tree", Proof::Position(proof), Refusal::NotIncluded);
    }
    let mut own = busiest();
    let leaves: Vec<_> = own.transfers.iter().map(|own| transfer_leaf_hash(&own.salt, &own.record)).collect();
    own.position = alone(&own.position, |leaf| leaf.transfers_root = root_of(Domain::TransferNode, &leaves));
    let name = "cross-domain: the participant's tree in nodes of the block's";
    add(&mut all, name, Proof::Completeness(own), Refusal::TransfersRoot);
    let mut header = market.header;
    core::mem::swap(&mut header.positions, &mut header.accounts);
    let proof = PositionProof { block: signed(header), ..market.position(0, false) };
    add(&mut all, "cross-domain: trees swapped in the header", Proof::Position(proof), Refusal::NotIncluded);
    all
}

/// Signatures and keys that a lenient Ed25519 accepts.
pub(crate) fn weak_signatures() -> Named {
    let mut all = Vec::new();
    let right = market().balance(2);
    let refusal = Refusal::Signature;
    let with = |signature| {
        let block = SignedHeader { signature, ..right.block };
        Proof::Balance(BalanceProof { block, ..right.clone() })
    };
    let name = "non-canonical signature: S plus the group's order";
    add(&mut all, name, with(plus_order(&right.block.signature)), refusal);
    for (name, point) in [
        ("small-order signature: R is the neutral point", canonical_identity()),
        ("small-order signature: R is the neutral point, not canonical", other_identity()),
    ] {
        let message = [b"feiqian block header v1\n", &right.block.header.hash().0[..]].concat();
        add(&mut all, name, with(sign_with_r(&operator(), point, &message)), refusal);
    }
    add(&mut all, "a signature of zeros", with(Signature([0; 64])), refusal);
    let mut batch = market().signed_batch(1, 4, 2);
    batch.signature = plus_order(&batch.signature);
    let name = "non-canonical signature of a batch";
    add(&mut all, name, Proof::SignedBatch(batch), Refusal::BatchSignature);
    // A participant's key of small order: R the neutral point and S zero pass for any message, if leniently read.
    let mut signed_zero = canonical_identity();
    signed_zero[31] = 0x80;
    for (name, key) in [
        ("small-order key of a participant", canonical_identity()),
        ("non-canonical key of a participant: x is zero and signed", signed_zero),
        ("non-canonical key of a participant: y beyond the field", other_identity()),
    ] {
        let forged = market_with(|market| {
            let entry = &mut market.config[1];
            let at = entry.len() - 32;
            entry[at..].copy_from_slice(&key);
        });
        let mut batch = forged.signed_batch(1, 4, 2);
        batch.signature = Signature(core::array::from_fn(|at| u8::from(at == 0)));
        add(&mut all, name, Proof::SignedBatch(batch), Refusal::ParticipantKey);
    }
    all
}

fn canonical_identity() -> [u8; 32] {
    core::array::from_fn(|at| u8::from(at == 0))
}

/// The neutral point with its y written as 2^255 - 19 + 1.
fn other_identity() -> [u8; 32] {
    core::array::from_fn(|at| match at {
        0 => 0xEE,
        31 => 0x7F,
        _ => 0xFF,
    })
}

/// The same signature with S + L for S.
fn plus_order(signature: &Signature) -> Signature {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = signature.0;
    let mut carry = 0_u16;
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    Signature(bytes)
}

/// A signature with a chosen R of small order: `S = k a`, so that `[8][S]B = [8]R + [8][k]A`.
fn sign_with_r(key: &SigningKey, r: [u8; 32], message: &[u8]) -> Signature {
    let digest = Sha512::new().chain_update(r).chain_update(key.verifying_key()).chain_update(message);
    let k = Scalar::from_bytes_mod_order_wide(&digest.finalize().into());
    let s = k * key.to_scalar();
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&r);
    bytes[32..].copy_from_slice(&s.to_bytes());
    Signature(bytes)
}

/// Sets each `previous` behind `at` anew and signs the last header.
fn relink(chain: &mut ConsistencyProof, at: usize) {
    for next in at + 1..chain.headers.len() {
        chain.headers[next].previous = chain.headers[next - 1].hash();
    }
    let last = chain.headers[chain.headers.len() - 1];
    chain.signature = signed(last).signature;
}

/// Headers that don't follow each other, each signed at its end.
pub(crate) fn broken_chains() -> Named {
    let mut all = Vec::new();
    let right = market().consistency(3);
    type Change = fn(&mut BlockHeader);
    let changes: [(&str, Change); 6] = [
        ("a height is left out", |header| header.height += 1),
        ("a height stands twice", |header| header.height -= 1),
        ("sequences are left out", |header| header.first_sequence += 1),
        ("sequences stand twice", |header| header.first_sequence -= 1),
        ("the cycle goes back", |header| header.cycle = 3),
        ("the chain changes", |header| header.chain_id = *b"feiqian-test-one"),
    ];
    for (name, change) in changes {
        let mut chain = right.clone();
        change(&mut chain.headers[2]);
        relink(&mut chain, 2);
        add(&mut all, name, Proof::Consistency(chain), Refusal::Link);
    }
    let mut fork = right.clone();
    fork.headers[1].timestamp += 1;
    add(&mut all, "a header of a fork", Proof::Consistency(fork), Refusal::Link);
    let mut gap = right.clone();
    gap.headers.remove(1);
    add(&mut all, "a header is left out", Proof::Consistency(gap), Refusal::Link);
    let mut swapped = right.clone();
    swapped.headers.swap(1, 2);
    add(&mut all, "two headers swapped", Proof::Consistency(swapped), Refusal::Link);
    let mut unsigned = right.clone();
    unsigned.headers.pop();
    add(&mut all, "the last header is left out", Proof::Consistency(unsigned), Refusal::Signature);
    all
}

/// Batches that are not the transfer's, or not the participant's.
pub(crate) fn false_batches() -> Named {
    let mut all = Vec::new();
    let market = market();
    let right = market.signed_batch(1, 4, 2);
    let resigned = |mut proof: SignedBatchProof, key: &SigningKey| {
        proof.signature = sign_batch(key, &market.header.chain_id, proof.batch_id, &proof.records);
        Proof::SignedBatch(proof)
    };
    let refusal = Refusal::BatchSignature;
    add(&mut all, "another bank signed the batch", resigned(right.clone(), &bank(1)), refusal);
    add(&mut all, "the operator signed the batch", resigned(right.clone(), &operator()), refusal);
    for (name, at) in [("another amount was signed", 32), ("other zeros were signed", 122)] {
        let mut proof = right.clone();
        proof.records[2][at] ^= 1;
        add(&mut all, name, resigned(proof, &bank(0)), Refusal::NotInBatch);
    }
    let mut proof = right.clone();
    proof.records[0][32] ^= 1;
    let name = "another record of the batch was changed";
    add(&mut all, name, Proof::SignedBatch(proof), refusal);
    let mut proof = right.clone();
    proof.records.pop();
    add(&mut all, "a record of the batch is left out", Proof::SignedBatch(proof), refusal);
    let mut proof = right.clone();
    proof.batch_id += 1;
    add(&mut all, "another number of the batch", Proof::SignedBatch(proof), refusal);
    let keyless = market_with(|market| {
        let entry = &mut market.config[1];
        let at = entry.len() - 36;
        entry.truncate(at);
        entry.extend([0; 4]);
    });
    let proof = keyless.signed_batch(1, 4, 2);
    add(&mut all, "the participant has no key", Proof::SignedBatch(proof), Refusal::ParticipantKey);
    let entries = [
        ("a cycle's entry for a participant's", cycle(4, 2, 1, 4)),
        ("a byte behind the participant's entry", [participant(0), vec![0]].concat()),
        ("a key of 31 bytes", {
            let mut entry = participant(0);
            let at = entry.len() - 36;
            entry[at] = 31;
            entry.pop();
            entry
        }),
    ];
    for (name, entry) in entries {
        let forged = market_with(|market| market.config[1] = entry);
        add(&mut all, name, Proof::SignedBatch(forged.signed_batch(1, 4, 2)), Refusal::Entry);
    }
    let mut proof = right.clone();
    proof.participant.entry = participant(1);
    add(&mut all, "an entry that the tree doesn't have", Proof::SignedBatch(proof), Refusal::NotIncluded);
    let mut proof = right;
    proof.receipt.details = b"another invoice".to_vec();
    let differ = Refusal::Receipt(ReceiptError::DetailsDiffer);
    add(&mut all, "other details", Proof::SignedBatch(proof), differ);
    all
}
