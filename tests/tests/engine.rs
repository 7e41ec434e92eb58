//! The running engine, with its threads, actors and files: I1 to I7 from outside.
//!
//! Its clock is the machine's, so two runs differ in times and therefore in roots; what must be equal is said
//! in each test. Any hang fails.

#[path = "engine/archive.rs"]
mod archive;
#[path = "engine/archive_sums.rs"]
mod archive_sums;
#[path = "engine/audits.rs"]
mod audits;
#[path = "engine/clients.rs"]
mod clients;
#[path = "engine/cut_offs.rs"]
mod cut_offs;
#[path = "engine/eyes.rs"]
mod eyes;
#[path = "engine/followers.rs"]
mod followers;
#[path = "engine/house.rs"]
mod house;
#[path = "engine/proofs.rs"]
mod proofs;
#[path = "engine/receipts.rs"]
mod receipts;
#[path = "engine/waiting.rs"]
mod waiting;

use feiqian_core::batch::Batch;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::log::{origin_of, verify_inclusion};
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::admission::Busy;
use feiqian_runtime::audit::audit;
use feiqian_runtime::machine::OpenError;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::QueryFault;
use feiqian_runtime::replay::replay;
use feiqian_runtime::storage::files::{FileStorage, OpenFault};
use feiqian_tests::story::Story;
use feiqian_tests::world::operator_key;

use house::{House, in_time, picture, send, tell};

const EUR: u16 = 978;

/// Hashes of all stored blocks.
fn blocks(engine: &Engine) -> Vec<feiqian_proof::Hash> {
    // The batcher writes what has been answered before it answers this.
    engine.ask(|_| ());
    let heights = 1..=engine.archive().blocks.last();
    heights
        .map(|height| engine.archive().block(height).expect("readable").expect("stored").header.hash())
        .collect()
}

#[test]
fn i4_i5_the_same_submissions_have_the_same_rows_at_any_number_of_shards() {
    in_time(|| {
        let story = Story::told();
        let mut first = None;
        for shards in [1, 2, 3, 8] {
            let house = House::new(shards);
            let engine = house.create();
            let rows = tell(&engine, &story);
            assert_eq!(*first.get_or_insert_with(|| rows.clone()), rows, "{shards} shards");
            // As of the last block, whose seal ends the story.
            let stored = blocks(&engine);
            assert_eq!(stored.len(), 8);
            for shards in [1, 2, 3, 8] {
                let replayed = replay(&engine.archive().journal, shards).expect("readable");
                assert_eq!(replayed.blocks, stored, "replayed at {shards} shards");
            }
            engine.shutdown();
            drop(engine);
            let storage = FileStorage::open(&house.options.data).expect("free again");
            let report = audit(storage).expect("nothing is wrong");
            assert_eq!((report.rows, report.rows_missing, report.blocks), (rows.len() as u64, 0, 8));
        }
    });
}

#[test]
fn i7_a_participant_debits_nobody_else() {
    in_time(|| {
        let house = House::new(2);
        let (engine, world) = house.furnished();
        engine.seal().expect("room");
        let before = picture(&engine);
        for (by, debtor) in [("B", "A"), ("B", "a1"), ("C", "b1"), ("A", "B"), ("C", "A/USD")] {
            let currency = if debtor.ends_with("USD") { 840 } else { EUR };
            let id = u128::from(engine.archive().journal.durable()) + 5;
            let creditor = if currency == EUR { world.account("C") } else { world.account("B/USD") };
            let record = Record::new(id, world.account(debtor), creditor, 1, currency);
            let ticket = engine.submit(Batch::new(world.bank(by), vec![record])).expect("room");
            let rows = ticket.wait().expect("it runs").rows;
            assert_eq!(rows[0].reason(), Some(RejectReason::NotOwner), "{by} debits {debtor}");
        }
        engine.seal().expect("room");
        assert_eq!(picture(&engine).accounts, before.accounts);
        assert_eq!(picture(&engine).slots, before.slots);
        engine.shutdown();
    });
}

#[test]
fn i6_what_is_over_a_bound_is_busy_at_once_and_there_is_room_again() {
    in_time(|| {
        let mut house = House::new(1);
        (house.options.participant_in_flight_transfers_max, house.options.in_flight_transfers_max) = (16, 24);
        let (engine, world) = house.furnished();
        let batch = |by: &str, first: u128, count: u128| {
            let record = |id| Record::new(id, world.account(by), world.account("C"), 1, EUR);
            Batch::new(world.bank(by), (first..first + count).map(record).collect())
        };
        assert_eq!(engine.submit(batch("A", 1, 17)).err(), Some(Busy::Participant));
        assert_eq!(engine.submit(Batch::new(0, Vec::new())).err(), Some(Busy::Batch));
        let (mut own, mut all, mut tickets) = (false, false, Vec::new());
        // Answers come as fast as the disk syncs; submissions are faster, sooner or later by more than a bound.
        for round in 0..100_000 {
            for bank in ["A", "B"] {
                match engine.submit(batch(bank, (1 << 64) + tickets.len() as u128 * 8, 8)) {
                    Ok(ticket) => tickets.push(ticket),
                    Err(Busy::Participant) => own = true,
                    Err(Busy::Engine) => all = true,
                    Err(fault) => panic!("{fault}"),
                }
            }
            if own && all && round > 10 {
                break;
            }
        }
        assert!(own && all, "no bound was met by {} batches", tickets.len());
        let answered = tickets.into_iter().map(|ticket| ticket.wait().expect("admitted, so answered"));
        assert!(answered.map(|outcome| outcome.rows.len()).all(|rows| rows == 8));
        for (bank, first) in [("A", 1 << 80), ("B", 1 << 81)] {
            assert!(engine.submit(batch(bank, first, 8)).expect("there is room again").wait().is_some());
        }
        engine.shutdown();
        assert_eq!(engine.submit(batch("A", 1 << 82, 1)).err(), Some(Busy::Closing));
    });
}

#[test]
fn i8_receipts_verify_offline_and_no_other_bytes_do() {
    in_time(|| {
        let house = House::new(3);
        let engine = house.create();
        let rows = tell(&engine, &Story::told());
        let key = PublicKey::of(&operator_key());
        for sequence in 1..=rows.len() as u64 {
            let receipt = engine.receipt(sequence).expect("sealed").encode().expect("within bounds");
            let read = Receipt::decode(&receipt).expect("as encoded");
            let verified = read.verify(&key).unwrap_or_else(|fault| panic!("sequence {sequence}: {fault}"));
            let outcome = verified.record()[120];
            assert_eq!(outcome, rows[usize::try_from(sequence - 1).expect("small")].outcome);
            let at = usize::try_from(sequence).expect("small") * 7 % receipt.len();
            let mut other = receipt.clone();
            other[at] ^= 1 << (sequence % 8);
            assert!(
                Receipt::decode(&other).is_err() || {
                    let other = Receipt::decode(&other).expect("just read");
                    other.verify(&key).is_err()
                }
            );
        }
        let open = send(&engine, Story::told().frames().nth(1).expect("told"));
        assert_eq!(open[0].outcome(), Some(Outcome::Duplicate));
        let next = rows.len() as u64 + 1;
        assert_eq!(engine.receipt(next).err(), Some(QueryFault::NotSealed(next)));
        engine.shutdown();
    });
}

#[test]
fn an_accounts_history_walks_back_over_settlements_to_its_beginning() {
    in_time(|| {
        let house = House::new(2);
        let engine = house.create();
        tell(&engine, &Story::told());
        check_histories(&engine);
        engine.shutdown();
        drop(engine);
        let engine = house.open();
        check_histories(&engine);
        engine.shutdown();
    });
}

/// The postings of each account sum up to its balance, and some are settlements.
fn check_histories(engine: &Engine) {
    let accounts = picture(engine).accounts;
    let mut settlements = 0;
    for ((_, cell), handle) in accounts.iter().zip(0..) {
        let postings = engine.history(handle, usize::MAX).expect("readable").expect("there is one");
        let signed = |amount| i128::try_from(amount).expect("small");
        let sum: i128 = postings
            .iter()
            .map(|posting| if posting.is_debit { -signed(posting.amount) } else { signed(posting.amount) })
            .sum();
        assert_eq!(sum, cell.balance, "account {handle}: {postings:?}");
        assert!(postings.is_sorted_by(|a, b| a.sequence > b.sequence), "newest first");
        settlements += postings.iter().filter(|posting| posting.settles.is_some()).count();
        let newest = engine.history(handle, 1).expect("readable").expect("there is one");
        assert_eq!(newest[..], postings[..postings.len().min(1)]);
    }
    assert!(settlements >= 3, "{settlements}");
    assert_eq!(engine.history(accounts.len() as u64, 1), Ok(None));
}

#[test]
fn i9_a_restart_is_the_same_from_a_snapshot_and_from_the_journal_alone() {
    in_time(|| {
        let house = House::new(2);
        let engine = house.create();
        let rows = tell(&engine, &Story::told());
        let (state, stored) = (picture(&engine), blocks(&engine));
        engine.shutdown();
        drop(engine);
        for lost in
            [&[][..], &["snapshots"], &["snapshots", "outcomes"], &["snapshots", "outcomes", "blocks"]]
        {
            lost.iter().for_each(|directory| house.lose(directory));
            let engine = house.open();
            let report = engine.recovered();
            let wanted = if lost.is_empty() { Some(8) } else { None };
            assert_eq!((report.snapshot, report.entries), (wanted, rows.len() as u64), "{lost:?}");
            assert_eq!(report.frames == 0, lost.is_empty(), "{lost:?}");
            assert!(report.torn.is_none() && report.bad_snapshots.is_empty());
            assert_eq!((picture(&engine), blocks(&engine)), (state.clone(), stored.clone()), "{lost:?}");
            for (row, sequence) in rows.iter().zip(1..) {
                assert_eq!(engine.entry(sequence).expect("readable").map(|entry| entry.1), Some(*row));
            }
            engine.shutdown();
        }
    });
}

#[test]
fn a_second_engine_on_one_directory_is_refused_and_so_is_a_second_beginning() {
    in_time(|| {
        let house = House::new(1);
        let engine = house.create();
        let second = Engine::open(&house.options, operator_key());
        assert!(matches!(second, Err(OpenError::Directory(OpenFault::InUse { .. }))), "{second:?}");
        engine.shutdown();
        drop(engine);
        let again = Engine::create(&house.options, operator_key(), &Story::genesis().0);
        assert!(matches!(again, Err(OpenError::Identity(_))), "{again:?}");
        house.open().shutdown();
    });
}

#[test]
fn i8_the_log_follows_the_blocks_and_proves_each_header() {
    in_time(|| {
        let house = House::new(1);
        let engine = house.create();
        tell(&engine, &Story::told());
        engine.seal().expect("room").expect("a block");
        let chain = engine.archive().genesis().expect("readable").chain_id;
        engine.shutdown();
        drop(engine);

        let engine = house.open();
        let last = engine.archive().blocks.last();
        let head = engine.log().head();
        assert_eq!(head.size, last, "the log of a closed directory has all blocks");
        let bytes = std::fs::read(house.options.data.join("log/checkpoint")).expect("published");
        let operator = PublicKey::of(&operator_key());
        let log_key = log_key(&origin_of(&chain), operator).expect("a name");
        let (checkpoint, _) = Checkpoint::open(&bytes, &log_key).expect("the operator's");
        assert_eq!(checkpoint.head, head);
        for height in 1..=last {
            let header = engine.archive().blocks.read(height).expect("stored").header;
            let path = engine.log().prover(last).expect("the newest").inclusion(height - 1).expect("tiles");
            assert!(verify_inclusion(&header, height - 1, &head, &path), "block {height}");
        }
        engine.shutdown();
        drop(engine);

        house.lose("log");
        house.open().shutdown();
        assert_eq!(std::fs::read(house.options.data.join("log/checkpoint")).ok(), Some(bytes), "made again");
    });
}
