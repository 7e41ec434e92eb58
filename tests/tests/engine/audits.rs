//! The audit compares on several threads, and tells the earliest difference, as one thread would.

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::fraud::{FraudCommand, Traced};
use feiqian_core::limits::TRACED_POSTINGS_MAX;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_runtime::audit::{AuditFault, audit};
use feiqian_runtime::book::BookFault;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::stores::BlockStore;
use feiqian_tests::world::{Eyes, bic, entry};

use super::EUR;

use super::house::{House, command, in_time};

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

#[test]
fn an_audit_says_how_many_bytes_of_files_it_has_compared() {
    in_time(|| {
        let house = filled();
        let report = audit(FileStorage::open(&house.options.data).expect("free")).expect("nothing is wrong");
        let bytes_below = |directory: &str| -> u64 {
            let files = std::fs::read_dir(house.options.data.join(directory)).expect("there");
            // A spare segment is no part of the journal yet.
            let files = files
                .map(|file| file.expect("there"))
                .filter(|file| file.path().extension() != Some("new".as_ref()));
            files.map(|file| file.metadata().expect("there").len()).sum()
        };
        let stores = ["journal", "outcomes", "blocks", "groups", "ids", "snapshots"];
        assert_eq!(report.file_bytes, stores.into_iter().map(bytes_below).sum::<u64>());
        assert!(report.file_bytes > report.journal_bytes + report.rows * ROW_BYTES);
    });
}

/// a1 has paid b1, and b1 half of it to a2; what a trace says of that, changed by `change`, is held, after b1 has been
/// paid `later` times more.
fn robbed(change: impl Fn(&mut Vec<Traced>), later: u32) -> House {
    let house = House::new(3);
    let (engine, world) = house.furnished();
    let pay = |id: u128, from: &str, to: &str, amount| {
        let record = Record::new(id, world.account(from), world.account(to), amount, EUR);
        let bank = world.bank(&from[..1].to_uppercase());
        let outcome = engine.submit(Batch::new(bank, vec![record])).expect("room").wait().expect("it runs");
        assert_eq!(outcome.rows[0].outcome(), Some(Outcome::Cleared));
        outcome.first_sequence
    };
    pay(1, "A", "a1", 100);
    let sequence = pay(2, "a1", "b1", 100);
    pay(3, "b1", "a2", 50);
    let report = FraudCommand::Report {
        reporter: bic("A"),
        transfer: 2,
        sequence,
        debtor: world.account("a1"),
        creditor: world.account("b1"),
        paid: 100,
        amount: 100,
        hops: 5,
        seconds: 60,
    };
    let say = |id, fraud| command(&engine, &entry(id, Command::Fraud(fraud), Eyes::Of(1)));
    assert_eq!(say(4, report).reason(), None);
    engine.seal().expect("room");
    let (_, as_of, found) = engine.trace(4).expect("readable").expect("it runs");
    let mut traced = found.traced;
    assert_eq!(traced.len(), 2);
    change(&mut traced);
    let more: Vec<_> = (0..later)
        .map(|at| Record::new(1_000 + u128::from(at), world.account("B"), world.account("b1"), 1, EUR))
        .collect();
    for records in more.chunks(8_000) {
        let batch = Batch::new(world.bank("B"), records.to_vec());
        let outcome = engine.submit(batch).expect("room").wait().expect("it runs");
        assert!(outcome.rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)));
    }
    assert_eq!(say(5, FraudCommand::Hold { case: 4, as_of, traced }).reason(), None);
    let sequence = engine.find(5).expect("journaled");
    engine.seal().expect("room");
    engine.shutdown();
    assert_eq!(sequence, as_of + 1 + u64::from(later));
    house
}

#[test]
fn an_audit_traces_again_and_finds_a_trace_that_is_not_true() {
    in_time(|| {
        let report = audit(FileStorage::open(&robbed(|_| (), 0).options.data).expect("free"));
        assert_eq!(report.map(|report| (report.traces, report.traces_unchecked)), Ok((1, 0)));
        let wrong: [fn(&mut Vec<Traced>); 4] = [
            |traced| traced[0].amount -= 1,
            |traced| traced[1].hop += 1,
            |traced| drop(traced.remove(0)),
            |traced| traced[0].account += 1,
        ];
        for change in wrong {
            let house = robbed(change, 0);
            let found = audited(&house);
            assert!(matches!(found, Err(AuditFault::Trace(..))), "{found:?}");
        }
    });
}

#[test]
fn an_audit_does_not_accuse_a_true_trace_of_what_was_posted_after_it() {
    in_time(|| {
        // More than are looked at of one account, all behind the last sequence of the trace.
        let house = robbed(|_| (), u32::try_from(TRACED_POSTINGS_MAX).expect("few") + 1);
        let report = audit(FileStorage::open(&house.options.data).expect("free"));
        assert_eq!(report.map(|report| (report.traces, report.traces_unchecked)), Ok((1, 0)));
    });
}
