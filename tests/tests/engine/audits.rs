//! The audit compares on several threads, and tells the earliest difference, as one thread would.

use feiqian_core::batch::Batch;
use feiqian_core::transfer::Record;
use feiqian_runtime::audit::{AuditFault, audit};
use feiqian_runtime::book::BookFault;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::stores::BlockStore;

use super::EUR;
use super::house::{House, in_time};

/// Blocks of one transfer each, behind the founding's: more than wait for a thread at once.
const BLOCKS: u64 = 60;
const ROW_BYTES: u64 = 32;

fn filled() -> House {
    let house = House::new(1);
    let (engine, world) = house.furnished();
    for id in 1..=BLOCKS {
        engine.seal().expect("room");
        let record = Record::new(id.into(), world.account("B"), world.account("C"), 1, EUR);
        engine.submit(Batch::new(world.bank("B"), vec![record])).expect("room").wait().expect("it runs");
    }
    engine.shutdown();
    house
}

/// What an audit finds, and how many blocks and entries there are.
fn audited(house: &House) -> Result<(u64, u64), AuditFault> {
    let report = audit(FileStorage::open(&house.options.data).expect("free"))?;
    Ok((report.blocks, report.entries))
}

/// Turns a bit in the row of a sequence; again, to turn it back.
fn turn_row(house: &House, sequence: u64) {
    let path = house.options.data.join("outcomes/0000000001.fqo");
    let mut bytes = std::fs::read(&path).expect("there");
    let at = usize::try_from((sequence - 1) * ROW_BYTES).expect("few");
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).expect("written");
}

/// Turns a bit in the signature of a block, and stores all blocks again; again, to turn it back.
fn turn_signature(house: &House, height: u64) {
    let storage = FileStorage::open(&house.options.data).expect("free");
    let (blocks, _) = BlockStore::open(storage.clone()).expect("readable");
    let mut all: Vec<_> = (1..=blocks.last()).map(|height| blocks.read(height).expect("stored")).collect();
    all[usize::try_from(height - 1).expect("few")].signature[0] ^= 1;
    drop(blocks);
    house.lose("blocks");
    let (blocks, _) = BlockStore::open(storage).expect("empty");
    (1..).zip(&all).for_each(|(height, block)| blocks.append(height, block).expect("the next"));
    blocks.sync().expect("a good disk");
}

#[test]
fn i9_an_audit_tells_the_earliest_difference_whichever_thread_finds_it() {
    in_time(|| {
        let house = filled();
        let (blocks, entries) = audited(&house).expect("nothing is wrong");
        assert!(blocks > BLOCKS && entries > 2 * BLOCKS);
        let unsigned = |height| Err(AuditFault::Block(BookFault::Signature { height }));
        let cases = [
            (1, blocks, Err(AuditFault::Row(1))),
            (entries, 1, unsigned(1)),
            (entries, blocks - 1, unsigned(blocks - 1)),
            (entries / 2, blocks, Err(AuditFault::Row(entries / 2))),
        ];
        for (row, block, wanted) in cases {
            turn_row(&house, row);
            turn_signature(&house, block);
            for _ in 0..5 {
                assert_eq!(audited(&house), wanted, "row {row}, block {block}");
            }
            turn_row(&house, row);
            turn_signature(&house, block);
        }
        assert_eq!(audited(&house), Ok((blocks, entries)));
    });
}
