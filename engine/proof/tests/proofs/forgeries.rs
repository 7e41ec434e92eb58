//! False proofs of every kind, most of them signed by the operator's own key: what each check is there for.
//!
//! A verifier that trusts the signature alone accepts nearly all of these.

use curve25519_dalek::Scalar;

use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::kinds::{
    BalanceProof, CompletenessProof, ConsistencyProof, PositionProof, Proof, Refusal, SettlementProof,
    SignedBatchProof, SignedHeader,
};
use feiqian_proof::leaf::{PositionLeaf, transfer_leaf, transfer_leaf_hash};
use feiqian_proof::receipt::{Receipt, ReceiptError};
use feiqian_proof::signature::{Signature, SigningKey, sign_header, sign_message};
use feiqian_proof::tree::{empty_root, node_of, root_of};
use sha2::{Digest as _, Sha512};

use crate::market::{Market, bank, cycle, operator, participant, sign_batch};

/// A false proof, and the check that refuses it.
pub(crate) struct Forgery {
    pub(crate) name: &'static str,
    pub(crate) proof: Proof,
    pub(crate) refusal: Refusal,
}

type Named = Vec<Forgery>;

fn add(to: &mut Named, name: &'static str, proof: Proof, refusal: Refusal) {
    to.push(Forgery { name, proof, refusal });
}

pub(crate) fn market() -> Market {
    Market::new(3, 3, 7)
}

fn signed(header: BlockHeader) -> SignedHeader {
    SignedHeader { header, signature: sign_header(&operator(), &header.hash()) }
}

/// The receipt under a header that the operator signed after `change`.
fn receipt_under(receipt: &Receipt, change: impl FnOnce(&mut BlockHeader)) -> Proof {
    let mut forged = receipt.clone();
    change(&mut forged.header);
    forged.signature = signed(forged.header).signature;
    Proof::Receipt(forged)
}

fn position_under(right: &PositionProof, change: impl FnOnce(&mut BlockHeader)) -> PositionProof {
    let mut header = right.block.header;
    change(&mut header);
    PositionProof { block: signed(header), ..right.clone() }
}

/// The position with its leaf changed, the tree of it alone, and the operator's signature over that.
fn position_alone(change: impl FnOnce(&mut PositionLeaf)) -> PositionProof {
    let right = market().position(0, false);
    let mut leaf = right.leaf;
    change(&mut leaf);
    let proof = PositionProof { leaf, path: Vec::new(), ..right };
    position_under(&proof, |header| {
        header.positions.hash = leaf.hash();
        header.positions.size = 1;
    })
}

/// A market whose block was made from other contents.
fn market_with(change: impl FnOnce(&mut Market)) -> Market {
    let mut market = market();
    change(&mut market);
    market.seal();
    market
}

/// The first position's leaf in a block that was sealed with it changed.
fn market_with_leaf(slot: usize, change: impl FnOnce(&mut PositionLeaf)) -> Market {
    market_with(|market| change(&mut market.positions[slot]))
}

/// Nodes given out as leaves, and leaves as nodes: the second pre-image of a tree without domains.
pub(crate) fn second_preimages() -> Named {
    let mut all = Vec::new();
    let right = market().receipt(0, false);
    // A record whose leaf begins with the two children of the root.
    let mut record = right.record;
    let children = [keyed(Domain::TransferLeaf, b"left"), keyed(Domain::TransferLeaf, b"right")];
    let bytes = [children[0].0, children[1].0].concat();
    record[..48].copy_from_slice(&bytes[16..]);
    let salt = bytes[..16].try_into().expect("16 bytes");
    let forged = Receipt { salt, record, path: Vec::new(), ..right.clone() };
    let root = node_of(Domain::TransferNode, &children[0], &children[1]);
    let alone = |root| {
        receipt_under(&forged, |header| {
            (header.count, header.transfers.size, header.transfers.hash) = (1, 1, root);
        })
    };
    let refusal = Refusal::Receipt(ReceiptError::NotIncluded);
    add(&mut all, "second preimage: a node given out as a transfer's leaf", alone(root), refusal);
    let leaf = keyed(Domain::TransferNode, &transfer_leaf(&salt, &record));
    add(&mut all, "second preimage: a transfer's leaf hashed as a node", alone(leaf), refusal);
    // A configuration entry has any length: here just that of a node's second child and a half.
    let mut proof = market().position(0, true);
    let closing = proof.closing.as_mut().expect("the cycle's entry");
    let input = [&closing.salt[..], &closing.entry].concat();
    closing.path.clear();
    closing.index = 0;
    let forged = position_under(&proof, |header| {
        header.config.hash = keyed(Domain::ConfigNode, &input);
        header.config.size = 1;
    });
    let name = "second preimage: a configuration entry hashed as a node";
    add(&mut all, name, Proof::Position(forged), Refusal::NotIncluded);
    all
}

/// Trees that double an odd last leaf, as in CVE-2012-2459.
pub(crate) fn doubled_leaves() -> Named {
    let mut all = Vec::new();
    let market = market_with(|market| market.records.truncate(3));
    let right = market.receipt(2, false);
    let leaf = transfer_leaf_hash(&right.salt, &right.record);
    let pair = right.path[0];
    let doubled = node_of(Domain::TransferNode, &pair, &node_of(Domain::TransferNode, &leaf, &leaf));
    let forged = Receipt { path: vec![leaf, pair], ..right.clone() };
    let refusal = Refusal::Receipt(ReceiptError::NotIncluded);
    let proof = receipt_under(&forged, |header| header.transfers.hash = doubled);
    add(&mut all, "doubled odd leaf: the path has the leaf itself", proof, refusal);
    let proof = receipt_under(&right, |header| header.transfers.hash = doubled);
    add(&mut all, "doubled odd leaf: the root has it twice", proof, refusal);

    let mut own = busiest();
    let mut leaves: Vec<_> =
        own.transfers.iter().map(|own| transfer_leaf_hash(&own.salt, &own.record)).collect();
    leaves.extend(leaves.last().copied());
    own.position = alone(&own.position, |leaf| {
        leaf.count += 1;
        leaf.transfers_root = root_of(Domain::ParticipantNode, &leaves);
    });
    own.transfers.extend(own.transfers.last().copied());
    let name = "doubled odd leaf: the last transfer stands twice";
    add(&mut all, name, Proof::Completeness(own), Refusal::Sequence);
    all
}

/// The position with its leaf changed, in a block of it alone.
fn alone(right: &PositionProof, change: impl FnOnce(&mut PositionLeaf)) -> PositionProof {
    let mut leaf = PositionLeaf { slot: 0, ..right.leaf };
    change(&mut leaf);
    let proof = PositionProof { leaf, path: Vec::new(), ..right.clone() };
    position_under(&proof, |header| {
        header.positions.hash = leaf.hash();
        header.positions.size = 1;
    })
}

/// The completeness proof with the most transfers.
fn busiest() -> CompletenessProof {
    let market = market();
    let proofs = (0..market.positions.len()).map(|slot| market.completeness(slot));
    proofs.max_by_key(|proof| proof.transfers.len()).expect("positions")
}

/// Items and nodes behind what index, size and count allow: what a verifier never looks at proves nothing.
pub(crate) fn tails() -> Named {
    let mut all = Vec::new();
    let right = market().receipt(6, false);
    let mut longer = right.clone();
    longer.path.push(Hash([7; 32]));
    let refusal = Refusal::Receipt(ReceiptError::NotIncluded);
    add(&mut all, "unchecked tail: a node behind the path's end", Proof::Receipt(longer), refusal);
    let mut shorter = right.clone();
    let last = shorter.path.pop().expect("a path");
    let proof = receipt_under(&shorter, |header| header.transfers.hash = last);
    add(&mut all, "unchecked tail: the path ends a row too low", proof, refusal);
    // All the others as one linear chain of hashes, as trees with an unbalanced tail have it.
    let leaf = transfer_leaf_hash(&right.salt, &right.record);
    let chain: Vec<_> = (0..6).map(|node| Hash([node; 32])).collect();
    let root = chain.iter().fold(leaf, |hash, node| node_of(Domain::TransferNode, node, &hash));
    let linear = Receipt { path: chain, ..right };
    let proof = receipt_under(&linear, |header| header.transfers.hash = root);
    add(&mut all, "unchecked tail: a linear chain instead of a tree", proof, refusal);

    let mut own = busiest();
    let mut extra = own.transfers[own.transfers.len() - 1];
    extra.record[104..112].copy_from_slice(&(own.position.block.header.first_sequence + 6).to_le_bytes());
    own.transfers.push(extra);
    add(&mut all, "unchecked tail: a transfer behind the last", Proof::Completeness(own), Refusal::Count);
    let mut own = market().completeness(5);
    assert!(own.transfers.is_empty());
    own.transfers.push(extra);
    let name = "unchecked tail: a transfer where there was none";
    add(&mut all, name, Proof::Completeness(own), Refusal::Count);
    let mut proof = market().settlement(978);
    let last = *proof.positions.last().expect("positions");
    proof.positions.push(PositionLeaf { slot: last.slot + 1, position: 0, debits: 0, credits: 0, ..last });
    let name = "unchecked tail: a position behind the last";
    add(&mut all, name, Proof::Settlement(proof), Refusal::Count);
    all
}

/// Sums and counts that are less, or more, than what happened; signed by the operator.
pub(crate) fn understatements() -> Named {
    let mut all = Vec::new();
    let right = busiest();
    let cleared: u128 = right.position.leaf.debits + right.position.leaf.credits;
    assert!(cleared > 0, "the busiest position moved");
    let mut dropped = right.clone();
    dropped.transfers.pop();
    let name = "understated count: a transfer is left out";
    add(&mut all, name, Proof::Completeness(dropped.clone()), Refusal::Count);
    dropped.position = alone(&right.position, |leaf| {
        leaf.count -= 1;
        (leaf.debits, leaf.credits) = (0, 0);
    });
    let name = "understated count: a transfer and its count are left out";
    add(&mut all, name, Proof::Completeness(dropped), Refusal::TransfersRoot);
    let mut nothing = right.clone();
    nothing.transfers.clear();
    nothing.position = alone(&right.position, |leaf| {
        (leaf.count, leaf.debits, leaf.credits) = (0, 0, 0);
    });
    let name = "understated count: nothing happened, it says";
    add(&mut all, name, Proof::Completeness(nothing.clone()), Refusal::TransfersRoot);
    nothing.position = alone(&right.position, |leaf| {
        (leaf.count, leaf.debits, leaf.credits) = (0, 0, 0);
        leaf.transfers_root = empty_root(Domain::TransferNode);
    });
    let name = "understated count: the empty root of another tree";
    add(&mut all, name, Proof::Completeness(nothing), Refusal::TransfersRoot);
    let sums = |change: fn(&mut PositionLeaf)| {
        let position = alone(&right.position, change);
        Proof::Completeness(CompletenessProof { position, ..right.clone() })
    };
    let name = "false sums: more than was cleared";
    add(&mut all, name, sums(|leaf| leaf.debits += 1 << 60), Refusal::Sums);
    let name = "false sums: more than 128 bits hold";
    add(&mut all, name, sums(|leaf| (leaf.debits, leaf.credits) = (u128::MAX, u128::MAX)), Refusal::Sums);
    add(&mut all, "false sums: of another currency", sums(|leaf| leaf.currency = 840), Refusal::Sums);

    let settlement = |change: fn(&mut PositionLeaf)| {
        let forged = market_with_leaf(1, change);
        Proof::Settlement(SettlementProof {
            block: forged.signed(),
            positions: forged.positions,
            ..market().settlement(978)
        })
    };
    let name = "understated sums: debits of a position";
    add(&mut all, name, settlement(|leaf| leaf.debits += 1), Refusal::Unbalanced);
    let name = "understated sums: a position, so they don't sum to zero";
    add(&mut all, name, settlement(|leaf| leaf.position += 1), Refusal::Unbalanced);
    let name = "false sums: credits beyond 128 bits";
    let huge = market();
    let mut positions = huge.positions.clone();
    (positions[1].credits, positions[3].credits) = (u128::MAX, 1);
    let leaves: Vec<_> = positions.iter().map(PositionLeaf::hash).collect();
    let mut header = huge.header;
    header.positions.hash = root_of(Domain::PositionNode, &leaves);
    let proof = SettlementProof { block: signed(header), positions, ..huge.settlement(978) };
    add(&mut all, name, Proof::Settlement(proof), Refusal::Sums);
    let mut header = huge.header;
    header.totals = keyed(Domain::Totals, b"");
    let proof = SettlementProof { block: signed(header), ..huge.settlement(978) };
    add(&mut all, "false totals in the header", Proof::Settlement(proof), Refusal::Sums);
    all
}

/// Settlements that leave out, reorder or misread.
pub(crate) fn false_settlements() -> Named {
    let mut all = Vec::new();
    let market = market();
    let right = market.settlement(978);
    let mut proof = right.clone();
    proof.positions.pop();
    add(&mut all, "a position is left out", Proof::Settlement(proof.clone()), Refusal::Count);
    let leaves: Vec<_> = proof.positions.iter().map(PositionLeaf::hash).collect();
    let mut header = market.header;
    header.positions.size -= 1;
    proof.block = signed(header);
    let name = "a position is left out, and the size says so";
    // The last position is zero, so the sums still balance.
    add(&mut all, name, Proof::Settlement(proof.clone()), Refusal::NotIncluded);
    header.positions.hash = root_of(Domain::TransferNode, &leaves);
    proof.block = signed(header);
    add(&mut all, "positions in another tree's nodes", Proof::Settlement(proof), Refusal::NotIncluded);
    let mut proof = right.clone();
    proof.positions.swap(0, 2);
    add(&mut all, "two positions swapped", Proof::Settlement(proof), Refusal::NotIncluded);
    let forged = market_with_leaf(2, |leaf| leaf.cycle += 1);
    let proof = SettlementProof { block: forged.signed(), positions: forged.positions, ..right.clone() };
    add(&mut all, "a position of another cycle", Proof::Settlement(proof), Refusal::Cycle);
    let mut proof = right.clone();
    proof.obligation.amount -= 1;
    add(&mut all, "an obligation for less", Proof::Settlement(proof.clone()), Refusal::Obligation);
    proof.obligation = right.obligation;
    core::mem::swap(&mut proof.obligation.debtor, &mut proof.obligation.creditor);
    add(&mut all, "an obligation the other way round", Proof::Settlement(proof.clone()), Refusal::Obligation);
    proof.obligation = right.obligation;
    proof.obligation.currency = 840;
    add(&mut all, "an obligation in a currency of nobody", Proof::Settlement(proof), Refusal::Obligation);
    let closings: [(&str, Vec<u8>, Refusal); 6] = [
        ("the cycle is open", cycle(4, 1, 1, 4), Refusal::NotClosed),
        ("the cycle ended before", cycle(4, 2, 1, 3), Refusal::NotClosed),
        ("the cycle ends later", cycle(4, 2, 1, 5), Refusal::NotClosed),
        ("another cycle ended", cycle(5, 2, 1, 4), Refusal::NotClosed),
        ("a participant's entry for a cycle's", participant(0), Refusal::Entry),
        ("a byte behind the cycle's entry", [cycle(4, 2, 1, 4), vec![0]].concat(), Refusal::Entry),
    ];
    for (name, entry, refusal) in closings {
        let forged = market_with(|market| {
            let at = market.config.len() - 2;
            market.config[at] = entry;
        });
        add(&mut all, name, Proof::Settlement(forged.settlement(978)), refusal);
        let position = forged.position(1, true);
        add(&mut all, name, Proof::Position(position), refusal);
    }
    all
}

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

/// Indices and sizes that are one off, signed where they stand in the header.
pub(crate) fn off_by_one() -> Named {
    let mut all = Vec::new();
    let market = market();
    let receipt = market.receipt(3, false);
    for (name, index) in [("index less one", 2), ("index and one", 4)] {
        let proof = Proof::Receipt(Receipt { index, ..receipt.clone() });
        add(&mut all, name, proof, Refusal::Receipt(ReceiptError::Sequence));
        let moved = Receipt { index, ..receipt.clone() };
        let proof = receipt_under(&moved, |header| header.first_sequence = header.first_sequence + 3 - index);
        let name = "index and first sequence moved apart";
        add(&mut all, name, proof, Refusal::Receipt(ReceiptError::NotIncluded));
    }
    let last = market.receipt(6, false);
    for (size, error) in [(6, ReceiptError::Index), (8, ReceiptError::NotIncluded)] {
        let proof = receipt_under(&last, |header| (header.count, header.transfers.size) = (size, size));
        add(&mut all, "size of transfers one off", proof, Refusal::Receipt(error));
    }
    for slot in [1, 3] {
        let mut proof = market.position(2, false);
        proof.leaf.slot = slot;
        add(&mut all, "slot one off", Proof::Position(proof), Refusal::NotIncluded);
    }
    let last = market.position(5, true);
    for size in [5, 7] {
        let proof = position_under(&last, |header| header.positions.size = size);
        add(&mut all, "size of positions one off", Proof::Position(proof), Refusal::NotIncluded);
    }
    for handle in [3, 5] {
        let mut proof = market.balance(4);
        proof.leaf.handle = handle;
        add(&mut all, "handle one off", Proof::Balance(proof), Refusal::NotIncluded);
    }
    let mut proof = market.balance(11);
    proof.block.header.accounts.size = 11;
    proof.block = signed(proof.block.header);
    add(&mut all, "size of accounts one off", Proof::Balance(proof), Refusal::NotIncluded);
    let mut proof = market.signed_batch(1, 4, 2);
    proof.place = 3;
    add(&mut all, "place in the batch one off", Proof::SignedBatch(proof.clone()), Refusal::NotInBatch);
    proof.place = 4;
    add(&mut all, "place behind the batch", Proof::SignedBatch(proof.clone()), Refusal::NotInBatch);
    proof.place = 2;
    proof.participant.index = 2;
    add(&mut all, "index of the entry one off", Proof::SignedBatch(proof), Refusal::NotIncluded);
    let mut own = busiest();
    own.position = alone(&own.position, |leaf| leaf.cycle += 1);
    add(&mut all, "cycle one off", Proof::Completeness(own), Refusal::Cycle);
    let mut own = busiest();
    own.position = position_under(&own.position, |header| header.first_sequence += 7);
    add(&mut all, "transfers before the block", Proof::Completeness(own), Refusal::Sequence);
    let mut own = busiest();
    own.position = position_under(&own.position, |header| {
        (header.count, header.transfers.size) = (1, 1);
    });
    add(&mut all, "transfers behind the block", Proof::Completeness(own), Refusal::Sequence);
    let mut own = busiest();
    own.transfers.swap(0, 1);
    add(&mut all, "transfers swapped", Proof::Completeness(own), Refusal::Sequence);
    all
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
    let changes: [(&str, fn(&mut BlockHeader)); 6] = [
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

/// All of them.
pub(crate) fn all() -> Named {
    let parts = [
        second_preimages(),
        doubled_leaves(),
        tails(),
        understatements(),
        false_settlements(),
        replays(),
        cross_domains(),
        weak_signatures(),
        off_by_one(),
        broken_chains(),
        false_batches(),
    ];
    parts.into_iter().flatten().collect()
}
