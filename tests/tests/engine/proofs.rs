//! Proofs made by replay: of blocks in whose midst the terms change, and the same from a snapshot as from the
//! journal's beginning.

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use feiqian_proof::kinds::CompletenessProof;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::prover::Prover;
use feiqian_tests::world::{Eyes, bic, currency, entry};

use super::EUR;
use super::house::{House, command, in_time, picture};

/// The positions in EUR of the standard world, as they were opened.
const SLOTS: [(&str, u32); 3] = [("A", 0), ("B", 1), ("C", 2)];

fn pay(engine: &Engine, by: u32, record: Record) -> (Option<Outcome>, Option<RejectReason>) {
    let ticket = engine.submit(Batch::new(by, vec![record])).expect("room");
    let row = ticket.wait().expect("it runs").rows[0];
    (row.outcome(), row.reason())
}

/// Of each bank in EUR, its transfers in the last block; verified, the sums too.
fn completeness(
    engine: &Engine,
    prover: &Prover<impl feiqian_runtime::storage::Storage>,
) -> Vec<CompletenessProof> {
    let genesis = engine.archive().genesis().expect("readable");
    let prove = |(bank, slot): (&str, u32)| {
        let proof = prover.completeness(slot).expect("a position");
        let verified = proof.verify(&genesis.operator_key, Some(&genesis.chain_id));
        verified.unwrap_or_else(|refusal| panic!("{bank}: {refusal}"));
        let registry = &prover.sealer().mirror().registry;
        let is_own = |handle| registry.account(handle).is_some_and(|terms| terms.slot == slot);
        proof.check_sums(is_own).unwrap_or_else(|refusal| panic!("{bank}: {refusal}"));
        proof
    };
    SLOTS.into_iter().map(prove).collect()
}

/// The ids of a proof's transfers.
fn ids(proof: &CompletenessProof) -> Vec<u128> {
    let id = |record: &[u8; 128]| record.first_chunk().map(|bytes| u128::from_le_bytes(*bytes));
    proof.transfers.iter().filter_map(|own| id(&own.record)).collect()
}

#[test]
fn i8_a_transfer_rejected_before_its_block_opens_the_account_is_in_no_list_of_the_accounts_owner() {
    in_time(|| {
        let house = House::new(2);
        let (engine, world) = house.furnished();
        engine.seal().expect("room");
        let later = picture(&engine).accounts.len() as u64;
        let unknown = (Some(Outcome::Rejected), Some(RejectReason::UnknownCreditor));
        let to_later = |id| Record::new(id, world.account("A"), later, 5, EUR);
        assert_eq!(pay(&engine, world.bank("A"), to_later(0x70)), unknown);
        let from_later = Record::new(0x71, later, world.account("B"), 5, EUR);
        assert_eq!(pay(&engine, world.bank("C"), from_later).1, Some(RejectReason::UnknownDebtor));
        let open =
            Command::OpenAccounts { bic: bic("C"), currency: currency("EUR"), count: 1, credit_line: 0 };
        assert_eq!(command(&engine, &entry(0x72, open, Eyes::None)).reason(), None);
        assert_eq!(pay(&engine, world.bank("A"), to_later(0x73)), (Some(Outcome::Cleared), None));
        engine.seal().expect("room");

        let last = engine.archive().blocks.last();
        let prover = Prover::at(engine.archive().clone(), last).expect("sealed");
        assert!(prover.sealer().mirror().registry.account(later).is_some(), "opened in this block");
        let proofs = completeness(&engine, &prover);
        let lists: Vec<_> = proofs.iter().map(ids).collect();
        assert_eq!(lists, [vec![0x70, 0x73], vec![0x71], vec![0x73]]);
        engine.shutdown();
    });
}
