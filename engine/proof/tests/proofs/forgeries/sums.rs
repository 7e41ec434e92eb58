//! Forgeries of counts, sums and settlements.

use crate::forgeries::{Named, add, alone, busiest, market, market_with, market_with_leaf, signed};
use crate::market::{cycle, participant};
use feiqian_proof::hash::{Domain, keyed};
use feiqian_proof::kinds::{CompletenessProof, Proof, Refusal, SettlementProof};
use feiqian_proof::leaf::PositionLeaf;
use feiqian_proof::tree::{empty_root, root_of};

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
