//! Receipts of blocks that span several groups of leaves: the same from the stored groups, and where those are lost or
//! wrong. The groups decide how long a receipt takes, and nothing else.

use std::path::PathBuf;

use feiqian_core::batch::Batch;
use feiqian_core::transfer::Record;
use feiqian_proof::groups::GROUP_LEAVES;
use feiqian_proof::receipt::Receipt;
use feiqian_runtime::audit::{AuditFault, audit};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::world::World;

use super::EUR;
use super::house::{House, in_time};

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
