//! Forgeries by the shape of trees: leaves, nodes, tails, indices, sizes.

use crate::forgeries::{
    Named, add, alone, busiest, market, market_with, position_under, receipt_under, signed,
};
use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::kinds::{Proof, Refusal};
use feiqian_proof::leaf::{PositionLeaf, transfer_leaf, transfer_leaf_hash};
use feiqian_proof::receipt::{Receipt, ReceiptError};
use feiqian_proof::tree::{node_of, root_of};

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
