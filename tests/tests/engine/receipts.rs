//! Receipts of blocks that span several groups of leaves: the same from the stored groups, and where those are lost or
//! wrong. The groups decide how long a receipt takes, and nothing else.

use std::path::PathBuf;

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::secrets::SaltSecret;
use feiqian_core::transfer::Record;
use feiqian_proof::groups::GROUP_LEAVES;
use feiqian_proof::leaf::{SaltKind, SaltSeed, salt};
use feiqian_proof::receipt::Receipt;
use feiqian_runtime::audit::{AuditFault, audit};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::prover::Prover;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::world::{Eyes, World, entry};

use super::EUR;
use super::house::{House, command, in_time};

/// Transfers of each block behind the founding: within a group, exactly one, one more, several.
const SIZES: [u64; 5] = [3, 255, 256, 257, 1_900];
/// Transfers of a batch: no divisor of a group, so that groups begin in the midst of frames.
const BATCH: u64 = 190;

fn fill(engine: &Engine, world: &World) {
    engine.seal().expect("room");
    for size in SIZES {
        let mut left = size;
        while left > 0 {
            let count = left.min(BATCH);
            let id = u128::from(engine.archive().journal.durable()) << 20;
            let record = |at| Record::new(id + at, world.account("A"), world.account("C"), 1, EUR);
            let batch = Batch::new(world.bank("A"), (0..u128::from(count)).map(record).collect());
            engine.submit(batch).expect("room").wait().expect("it runs");
            left -= count;
        }
        engine.seal().expect("room");
    }
}

/// The receipts of entries at the groups' edges in each block, all verified.
fn receipts(engine: &Engine) -> Vec<Receipt> {
    let archive = engine.archive();
    let key = archive.genesis().expect("readable").operator_key;
    let mut all = Vec::new();
    for height in 1..=archive.blocks.last() {
        let header = archive.block(height).expect("readable").expect("stored").header;
        for index in
            (0..header.count).filter(|at| [0, 1, 100, 255].contains(&(at % 256)) || at + 1 == header.count)
        {
            let receipt = archive.receipt(header.first_sequence + index).expect("sealed");
            assert!(receipt.verify(&key).is_ok(), "entry {index} of block {height}");
            all.push(receipt);
        }
    }
    all
}

/// Of each block, how many groups are stored; none where they do not lead to its root.
fn stored_groups(engine: &Engine) -> Vec<Option<usize>> {
    let archive = engine.archive();
    let of = |height| {
        let header = archive.block(height).expect("readable").expect("stored").header;
        archive.groups.read(&header).expect("readable").map(|groups| groups.len())
    };
    (1..=archive.blocks.last()).map(of).collect()
}

#[test]
fn i8_receipts_are_the_same_from_stored_groups_and_where_those_are_lost_or_wrong() {
    in_time(|| {
        let house = House::new(2);
        let (engine, world) = house.furnished();
        fill(&engine, &world);
        let wanted: Vec<_> = (1..=engine.archive().blocks.last())
            .map(|height| engine.archive().block(height).expect("readable").expect("stored").header.count)
            .map(|count| Some(usize::try_from(count.div_ceil(GROUP_LEAVES as u64)).expect("few")))
            .collect();
        assert_eq!(wanted.last(), Some(&Some(8)), "1,900 transfers and what seals them");
        assert_eq!(stored_groups(&engine), wanted);
        let all = receipts(&engine);
        engine.shutdown();
        drop(engine);

        let report = audit(FileStorage::open(&house.options.data).expect("free")).expect("nothing is wrong");
        assert_eq!(report.groups, wanted.len() as u64);

        let file: PathBuf = house.options.data.join("groups/0000000001.fqg");
        let good = std::fs::read(&file).expect("there");
        for at in (0..good.len()).step_by(97) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(&file, &bad).expect("written");
            let found = audit(FileStorage::open(&house.options.data).expect("free"));
            assert!(matches!(found, Err(AuditFault::Groups(_))), "byte {at}: {found:?}");
        }
        let flipped: Vec<u8> = good.iter().map(|byte| byte ^ 1).collect();
        std::fs::write(&file, &flipped).expect("written");
        let engine = house.open();
        assert!(stored_groups(&engine).iter().all(Option::is_none));
        assert!(receipts(&engine) == all, "with wrong groups");
        engine.shutdown();
        drop(engine);

        house.lose("groups");
        let engine = house.open();
        assert!(receipts(&engine) == all, "without groups");
        engine.shutdown();
        drop(engine);

        // Whatever is replayed is written again.
        house.lose("snapshots");
        let engine = house.open();
        assert_eq!(stored_groups(&engine), wanted);
        assert!(receipts(&engine) == all, "with groups made again");
        engine.shutdown();
    });
}

/// The salts of the receipts of a block are those of a seed.
fn is_seed_of(engine: &Engine, height: u64, seed: &SaltSeed) -> bool {
    let header = engine.archive().block(height).expect("readable").expect("stored").header;
    (header.first_sequence..header.first_sequence + header.count).all(|sequence| {
        let receipt = engine.archive().receipt(sequence).expect("sealed");
        receipt.salt == salt(seed, SaltKind::Transfer, sequence)
    })
}

#[test]
fn i8_a_rotated_secret_opens_the_blocks_of_its_own_cycles_and_no_others() {
    in_time(|| {
        let mut house = House::new(2);
        house.options.snapshot_blocks = 1;
        let (engine, world) = house.furnished();
        engine.seal().expect("room");
        let rotate = |number, id| {
            let row = command(
                &engine,
                &entry(id, Command::RotateSalts { secret: SaltSecret([number; 32]) }, Eyes::Four),
            );
            assert_eq!(row.reason(), None);
        };
        // A block in the cycle that is open, in which the rotation is ordered; its closing; one behind it.
        let mut ends = Vec::new();
        for cycle in 1..=2_u8 {
            rotate(cycle, 7_000 + u128::from(cycle));
            let record =
                Record::new(9_000 + u128::from(cycle), world.account("A"), world.account("C"), 1, EUR);
            let batch = Batch::new(world.bank("A"), vec![record]);
            engine.submit(batch).expect("room").wait().expect("it runs");
            engine.seal().expect("room");
            let close = Command::CloseCycle { cycle: cycle.into() };
            assert_eq!(command(&engine, &entry(8_000 + u128::from(cycle), close, Eyes::Four)).reason(), None);
            engine.ask(|_| ());
            ends.push(engine.archive().blocks.last());
        }
        let record = Record::new(9_100, world.account("A"), world.account("C"), 1, EUR);
        engine.submit(Batch::new(world.bank("A"), vec![record])).expect("room").wait().expect("it runs");
        engine.seal().expect("room");

        let last = engine.archive().blocks.last();
        assert!(last > ends[1] && ends[1] > ends[0]);
        let genesis = engine.archive().genesis().expect("readable");
        let chains = [genesis.salt_secret, [1; 32], [2; 32]]
            .map(|secret| SaltSeed::of_chain(&secret, &genesis.chain_id));
        let check = |engine: &Engine| {
            for height in 1..=last {
                let own = ends.iter().filter(|end| height > **end).count();
                for (at, chain) in chains.iter().enumerate() {
                    let opens = is_seed_of(engine, height, &chain.of_block(height));
                    assert_eq!(opens, at == own, "block {height}, secret {at}");
                }
                assert!(!is_seed_of(engine, height, &chains[own].of_block(height + 1)), "block {height}");
            }
            let all = receipts(engine);
            // Proofs by replay have the same salts.
            let mut prover = Prover::at(engine.archive().clone(), last).expect("there");
            let proof = prover.completeness(0).expect("a position");
            assert!(proof.verify(&genesis.operator_key, Some(&genesis.chain_id)).is_ok());
            assert!(proof.transfers.iter().all(|own| all.iter().any(|receipt| receipt.salt == own.salt)));
            assert!(!proof.transfers.is_empty());
            assert!(prover.balance(0).expect("there").verify(&genesis.operator_key, None).is_ok());
            all
        };
        let all = check(&engine);
        engine.shutdown();
        drop(engine);
        audit(FileStorage::open(&house.options.data).expect("free")).expect("replayed with the same salts");
        for lost in ["", "snapshots", "groups"] {
            if !lost.is_empty() {
                house.lose(lost);
            }
            let engine = house.open();
            assert_eq!(engine.recovered().snapshot.is_some(), lost != "snapshots", "{lost}");
            assert!(check(&engine) == all, "{lost}");
            engine.shutdown();
        }
    });
}
