//! Proofs made by replay: of blocks in whose midst the terms change, and the same from a snapshot as from the
//! journal's beginning.

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use feiqian_proof::kinds::{BalanceProof, CompletenessProof, PositionProof};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::prover::Prover;
use feiqian_runtime::storage::Storage;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::stores::SnapshotStore;
use feiqian_tests::story::Story;
use feiqian_tests::world::{Eyes, World, bic, currency, entry};

use super::EUR;
use super::house::{House, command, in_time, picture, tell};

fn pay(engine: &Engine, by: u32, record: Record) -> (Option<Outcome>, Option<RejectReason>) {
    let ticket = engine.submit(Batch::new(by, vec![record])).expect("room");
    let row = ticket.wait().expect("it runs").rows[0];
    (row.outcome(), row.reason())
}

/// Of each position, its transfers in the prover's block; verified, the sums too.
fn completeness(engine: &Engine, prover: &Prover<impl Storage>) -> Vec<CompletenessProof> {
    let genesis = engine.archive().genesis().expect("readable");
    let registry = &prover.sealer().mirror().registry;
    let prove = |slot: u32| {
        let proof = prover.completeness(slot).expect("a position");
        let verified = proof.verify(&genesis.operator_key, Some(&genesis.chain_id));
        verified.unwrap_or_else(|refusal| panic!("position {slot}: {refusal}"));
        let is_own = |handle| registry.account(handle).is_some_and(|terms| terms.slot == slot);
        proof.check_sums(is_own).unwrap_or_else(|refusal| panic!("position {slot}: {refusal}"));
        proof
    };
    (0..).zip(registry.slots()).map(|(slot, _)| prove(slot)).collect()
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
        // A, B and C in EUR, A and B in USD.
        assert_eq!(lists, [vec![0x70, 0x73], vec![0x71], vec![0x73], vec![], vec![]]);
        engine.shutdown();
    });
}

#[test]
fn i8_every_list_of_the_story_is_complete_and_adds_up() {
    in_time(|| {
        let house = House::new(2);
        let engine = house.create();
        tell(&engine, &Story::told());
        engine.seal().expect("room");
        let (mut listed, mut empty) = (0, 0);
        for height in 1..=engine.archive().blocks.last() {
            let prover = Prover::at(engine.archive().clone(), height).expect("sealed");
            let lists = completeness(&engine, &prover);
            listed += lists.iter().map(|proof| proof.transfers.len()).sum::<usize>();
            empty += lists.iter().filter(|proof| proof.transfers.is_empty()).count();
        }
        assert!(listed > 100 && empty > 0, "{listed} in lists, {empty} empty ones");
        engine.shutdown();
    });
}

/// All that a block is asked for here.
type Answers = (Vec<CompletenessProof>, Vec<PositionProof>, Vec<BalanceProof>);

/// Of a block, and the block of the snapshot that it was made from.
fn answers(engine: &Engine, height: u64) -> (Answers, Option<u64>) {
    let mut prover = Prover::at(engine.archive().clone(), height).expect("sealed");
    let key = engine.archive().genesis().expect("readable").operator_key;
    let positions: Vec<_> = (0..5).map(|slot| prover.position(slot).expect("a position")).collect();
    let balances: Vec<_> = (0..9).map(|account| prover.balance(account).expect("an account")).collect();
    assert!(positions.iter().all(|proof| proof.verify(&key, None).is_ok()));
    assert!(balances.iter().all(|proof| proof.verify(&key, None).is_ok()));
    ((completeness(engine, &prover), positions, balances), prover.snapshot())
}

/// Two blocks: new ids, ids of this life's first block again, and an id of the first life.
fn live(engine: &Engine, world: &World, life: u128) {
    for block in 0..2 {
        for id in 0..40 {
            let id = life << 64 | id;
            let record = Record::new(id, world.account("B"), world.account("C"), 1, EUR);
            let known = if block == 0 { Outcome::Cleared } else { Outcome::Duplicate };
            assert_eq!(pay(engine, world.bank("B"), record).0, Some(known));
        }
        let first = Record::new(1 << 64, world.account("B"), world.account("C"), 1, EUR);
        assert_eq!(pay(engine, world.bank("B"), first).0, Some(Outcome::Duplicate));
        let reused = Record::new(1 << 64 | 1, world.account("B"), world.account("C"), 2, EUR);
        assert_eq!(pay(engine, world.bank("B"), reused).1, Some(RejectReason::IdReused));
        engine.seal().expect("room");
    }
}

#[test]
fn i3_i8_proofs_are_the_same_from_the_nearest_snapshot_and_from_the_journals_beginning() {
    in_time(|| {
        let mut house = House::new(1);
        // So that ids from before a snapshot lie in runs, and some in none.
        house.options.id_run_entries = 24;
        let (engine, world) = house.furnished();
        live(&engine, &world, 1);
        engine.shutdown();
        drop(engine);
        let runs = std::fs::read_dir(house.options.data.join("ids")).expect("there");
        assert!(runs.count() > 1);
        for life in 2..=3 {
            let engine = house.open();
            live(&engine, &world, life);
            engine.shutdown();
            drop(engine);
        }
        let engine = house.open();
        live(&engine, &world, 4);
        let storage = engine.archive().journal.storage().clone();
        let kept = SnapshotStore::reading(storage).heights().expect("readable");
        let last = engine.archive().blocks.last();
        assert!(kept.len() == 2 && kept[0] < last, "{kept:?} of {last}");
        let all: Vec<_> = (1..=last).map(|height| answers(&engine, height)).collect();
        for ((_, from), height) in all.iter().zip(1..) {
            assert_eq!(*from, kept.iter().copied().find(|snapshot| *snapshot < height), "block {height}");
        }
        engine.shutdown();
        drop(engine);

        // The shutdown has written a newer one, which the start takes.
        falsify(&house, kept[0]);
        let engine = house.open();
        assert_eq!(engine.recovered().snapshot, Some(last));
        for height in kept[0] + 1..=last {
            let (wanted, from) = &all[usize::try_from(height - 1).expect("few")];
            assert_eq!(*from, Some(kept[0]));
            assert!(answers(&engine, height) == (wanted.clone(), None), "block {height} behind a false one");
        }
        engine.shutdown();
        drop(engine);

        house.lose("snapshots");
        let engine = house.open();
        for ((wanted, _), height) in all.iter().zip(1..) {
            assert!(answers(&engine, height) == (wanted.clone(), None), "block {height} from the beginning");
        }
        engine.shutdown();
    });
}

/// Moves 5 of a position from the open cycle into a closed one in a snapshot: neither the roots that it is checked by nor
/// I2 see that.
fn falsify(house: &House, height: u64) {
    let store = SnapshotStore::open(FileStorage::open(&house.options.data).expect("free")).expect("there");
    let snapshot = store.read(height).expect("good");
    let mut mirror = Mirror::decode(&snapshot.state).expect("as encoded");
    mirror.slots[1].position += 5;
    mirror.slots[1].closed.push((0, -5));
    store.write(&snapshot.of, &mirror.encode()).expect("written");
}
