//! False proofs of every kind, most of them signed by the operator's own key: what each check is there for.
//!
//! A verifier that trusts the signature alone accepts nearly all of these.

mod logs;
mod signatures;
mod sums;
mod trees;

use crate::market::{Market, operator};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::kinds::{CompletenessProof, PositionProof, Proof, Refusal, SignedHeader};
use feiqian_proof::leaf::PositionLeaf;
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::sign_header;

pub(crate) use logs::{false_logs, former_keys};
pub(crate) use signatures::{
    broken_chains, cross_domains, false_batches, forked_logs, replays, weak_signatures,
};
pub(crate) use sums::{false_settlements, understatements};
pub(crate) use trees::{doubled_leaves, off_by_one, second_preimages, tails};

/// A false proof, and the check that refuses it.
pub(crate) struct Forgery {
    pub(crate) name: &'static str,
    pub(crate) proof: Proof,
    pub(crate) refusal: Refusal,
}

pub(super) type Named = Vec<Forgery>;

pub(super) fn add(to: &mut Named, name: &'static str, proof: Proof, refusal: Refusal) {
    to.push(Forgery { name, proof, refusal });
}

pub(crate) fn market() -> Market {
    Market::new(3, 3, 7)
}

pub(super) fn signed(header: BlockHeader) -> SignedHeader {
    SignedHeader { header, signature: sign_header(&operator(), &header.hash()) }
}

/// The receipt under a header that the operator signed after `change`.
pub(super) fn receipt_under(receipt: &Receipt, change: impl FnOnce(&mut BlockHeader)) -> Proof {
    let mut forged = receipt.clone();
    change(&mut forged.header);
    forged.signature = signed(forged.header).signature;
    Proof::Receipt(forged)
}

pub(super) fn position_under(right: &PositionProof, change: impl FnOnce(&mut BlockHeader)) -> PositionProof {
    let mut header = right.block.header;
    change(&mut header);
    PositionProof { block: signed(header), ..right.clone() }
}

/// The position with its leaf changed, the tree of it alone, and the operator's signature over that.
pub(super) fn position_alone(change: impl FnOnce(&mut PositionLeaf)) -> PositionProof {
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
pub(super) fn market_with(change: impl FnOnce(&mut Market)) -> Market {
    let mut market = market();
    change(&mut market);
    market.seal();
    market
}

/// The first position's leaf in a block that was sealed with it changed.
pub(super) fn market_with_leaf(slot: usize, change: impl FnOnce(&mut PositionLeaf)) -> Market {
    market_with(|market| change(&mut market.positions[slot]))
}

/// The position with its leaf changed, in a block of it alone.
pub(super) fn alone(right: &PositionProof, change: impl FnOnce(&mut PositionLeaf)) -> PositionProof {
    let mut leaf = PositionLeaf { slot: 0, ..right.leaf };
    change(&mut leaf);
    let proof = PositionProof { leaf, path: Vec::new(), ..right.clone() };
    position_under(&proof, |header| {
        header.positions.hash = leaf.hash();
        header.positions.size = 1;
    })
}

/// The completeness proof with the most transfers.
pub(super) fn busiest() -> CompletenessProof {
    let market = market();
    let proofs = (0..market.positions.len()).map(|slot| market.completeness(slot));
    proofs.max_by_key(|proof| proof.transfers.len()).expect("positions")
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
        forked_logs(),
        false_batches(),
        former_keys(),
        false_logs(),
    ];
    parts.into_iter().flatten().collect()
}
