//! The known attacks on proof systems, each by its name: refused by the check that is there for it, even where the
//! operator's own key signed.

use feiqian_proof::kinds::{Proof, ProofKind, Refusal};

use crate::forgeries::{self, Forgery};
use crate::kinds::encode;
use crate::market::{CHAIN, Market, operator_key};

fn check(forgeries: Vec<Forgery>) {
    assert!(!forgeries.is_empty());
    for Forgery { name, proof, refusal } in forgeries {
        let result = proof.verify(&operator_key(), Some(&CHAIN)).map(|_| ());
        assert_eq!(result, Err(refusal), "{name}, {:?}", proof.kind());
        let read = Proof::decode(&encode(&proof))
            .and_then(|read| read.verify(&operator_key(), Some(&CHAIN)).map(|_| ()));
        assert!(read.is_err(), "{name}, {:?}: accepted from its file", proof.kind());
    }
}

#[test]
fn a_node_does_not_pass_for_a_leaf_by_a_second_preimage() {
    check(forgeries::second_preimages());
}

#[test]
fn an_odd_last_leaf_is_never_doubled() {
    check(forgeries::doubled_leaves());
}

#[test]
fn no_tail_is_left_unchecked() {
    check(forgeries::tails());
}

#[test]
fn understated_sums_and_counts_are_refused() {
    check(forgeries::understatements());
}

#[test]
fn a_settlement_follows_from_all_positions_of_the_closing_block_alone() {
    check(forgeries::false_settlements());
}

#[test]
fn a_proof_of_one_chain_serves_no_other() {
    check(forgeries::replays());
}

#[test]
fn what_was_signed_or_hashed_for_one_purpose_serves_no_other() {
    check(forgeries::cross_domains());
}

#[test]
fn non_canonical_and_small_order_signatures_and_keys_are_refused() {
    check(forgeries::weak_signatures());
}

/// The forged signatures are no garbage: the cofactorless equation holds for what a lenient verifier accepts.
#[test]
fn a_lenient_verifier_would_accept_a_small_order_signature() {
    let forgeries = forgeries::weak_signatures();
    let is_accepted = |forgery: &Forgery| {
        let Proof::Balance(proof) = &forgery.proof else { return false };
        let message = [b"feiqian block header v1\n", &proof.block.header.hash().0[..]].concat();
        let key = ed25519_dalek::VerifyingKey::from_bytes(operator_key().as_bytes()).expect("a key");
        let signature = ed25519_dalek::Signature::from_bytes(&proof.block.signature.0);
        ed25519_dalek::Verifier::verify(&key, &message, &signature).is_ok()
    };
    let names: Vec<_> =
        forgeries.iter().filter(|forgery| is_accepted(forgery)).map(|forgery| forgery.name).collect();
    assert_eq!(names, ["small-order signature: R is the neutral point"]);
}

#[test]
fn an_index_or_size_that_is_one_off_is_refused() {
    check(forgeries::off_by_one());
}

#[test]
fn headers_that_do_not_follow_each_other_are_refused() {
    check(forgeries::broken_chains());
}

#[test]
fn a_log_that_does_not_begin_with_the_older_one_is_refused() {
    check(forgeries::forked_logs());
}

#[test]
fn a_batch_that_the_participant_did_not_sign_is_refused() {
    check(forgeries::false_batches());
}

#[test]
fn understated_debits_are_found_by_the_participant_that_knows_its_accounts() {
    let market = Market::new(9, 4, 40);
    let mut proof = market.completeness(0);
    assert!(proof.position.leaf.debits > 0 && proof.position.leaf.credits > 0);
    let is_own = |handle| Market::is_account_of(0, handle);
    assert!(proof.check_sums(is_own).is_ok());
    proof.position.leaf.debits -= 1;
    assert_eq!(proof.check_sums(is_own), Err(Refusal::Sums));
    proof.position.leaf.debits += 1;
    proof.position.leaf.credits -= 1;
    assert_eq!(proof.check_sums(is_own), Err(Refusal::Sums));
}

#[test]
fn a_file_of_one_kind_serves_as_no_other() {
    for proof in Market::new(3, 3, 7).proofs() {
        let mut file = encode(&proof);
        for kind in ProofKind::ALL.into_iter().filter(|kind| *kind != proof.kind()) {
            file[..8].copy_from_slice(kind.magic());
            let read = Proof::decode(&file).and_then(|read| read.verify(&operator_key(), None).map(|_| ()));
            assert!(read.is_err(), "{:?} as {kind:?}", proof.kind());
        }
    }
}

#[test]
fn a_block_that_the_log_does_not_have_and_a_cosignature_that_nobody_made_are_refused() {
    check(forgeries::false_logs());
}

#[test]
fn a_replaced_key_counts_from_the_block_before_alone() {
    check(forgeries::former_keys());
}
