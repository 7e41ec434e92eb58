//! The archive of a running engine, cut off and failed at every step of its disk: no row is ever lost, doubled or seen
//! half, and what it says is what the engine says.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_archive::schema::Table;
use feiqian_archive::{ArchiveError, ExportOptions, Exported, export};
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::flags;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::sim_storage::{Failure, Plan, SimStorage};
use feiqian_tests::story::Story;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Row, RowAccessor as _};

use crate::house::{House, in_time, tell};

/// Small parts of small row groups, so that a short story has several of both.
const SMALL: ExportOptions = ExportOptions { first_block: None, part_entries: 30, rows_buffered: 8 };

/// The rows of each table, as texts, in order.
type Rows = BTreeMap<Table, Vec<String>>;

fn table_of(path: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|table| path.starts_with(&format!("{}/", table.name())))
}

fn rows_in(path: &str, bytes: Vec<u8>) -> Vec<Row> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes))
        .unwrap_or_else(|fault| panic!("{path}: {fault}"));
    reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect()
}

/// All that a reader of the directory sees.
fn seen(disk: &SimStorage) -> Rows {
    let mut all = Rows::new();
    for path in disk.files() {
        let Some(table) = table_of(&path) else { continue };
        let partition = path.rsplit_once('/').expect("a partition").0.to_owned();
        let rows = rows_in(&path, disk.content(&path).expect("there"));
        all.entry(table).or_default().extend(rows.iter().map(|row| format!("{partition} {row}")));
    }
    all.values_mut().for_each(|rows| rows.sort());
    all
}

/// The blocks that rows of a table are of.
fn blocks_of(disk: &SimStorage, table: Table) -> Vec<u64> {
    let column = if table == Table::Blocks { 0 } else { 1 };
    let paths = disk.files().into_iter().filter(|path| table_of(path) == Some(table));
    let rows = paths.flat_map(|path| rows_in(&path, disk.content(&path).expect("there")));
    rows.map(|row| row.get_ulong(column).expect("a number")).collect()
}

fn told(house: &House) -> Engine {
    let engine = house.create();
    tell(&engine, &Story::told());
    engine.seal().expect("room");
    engine
}

/// Nobody sees a row twice, or a row that is not of this journal; of a block in `blocks` all rows are there.
fn check_half(disk: &SimStorage, whole: &Rows, place: &str) {
    let seen = seen(disk);
    for (table, rows) in &seen {
        let distinct: BTreeSet<&String> = rows.iter().collect();
        assert_eq!(distinct.len(), rows.len(), "{place}: {table:?} has a row twice");
        assert!(rows.iter().all(|row| whole[table].binary_search(row).is_ok()), "{place}: {table:?}");
    }
    let none = Vec::new();
    for height in blocks_of(disk, Table::Blocks) {
        let of = |rows: &Rows, table| {
            let rows = rows.get(table).unwrap_or(&none).iter();
            rows.filter(|row| row.contains(&format!("block: {height},"))).cloned().collect::<Vec<_>>()
        };
        for table in &Table::ALL {
            assert_eq!(of(&seen, table), of(whole, table), "{place}: block {height} in {table:?}");
        }
    }
}

#[test]
fn i9_an_export_cut_off_anywhere_goes_on_and_has_every_row_once() {
    in_time(|| {
        let house = House::new(2);
        let engine = told(&house);
        let disk = SimStorage::new(1, Plan::default());
        let exported = export(&engine, disk.clone(), &SMALL).expect("a sound disk");
        assert!(exported.parts > 2 && exported.blocks > 4, "{exported:?}");
        let (whole, operations) = (seen(&disk), disk.operations());
        for cut_at in 1..=operations {
            let disk = SimStorage::new(cut_at, Plan { cut_at: Some(cut_at), ..Plan::default() });
            export(&engine, disk.clone(), &SMALL).expect_err("the power went");
            // Once more in the midst of going on.
            let again = Plan { cut_at: Some(1 + cut_at % 23), ..Plan::default() };
            for (how, next) in [("power cut", disk.copy().power_cut(again)), ("kill", disk.kill(again))] {
                let place = format!("{how} at {cut_at} of {operations}");
                check_half(&next, &whole, &place);
                let _ = export(&engine, next.clone(), &SMALL);
                let last = next.power_cut(Plan::default());
                check_half(&last, &whole, &place);
                let exported =
                    export(&engine, last.clone(), &SMALL).unwrap_or_else(|fault| panic!("{place}: {fault}"));
                assert_eq!(exported.last_block, engine.archive().blocks.last());
                assert_eq!(seen(&last), whole, "{place}");
                assert!(!last.files().iter().any(|path| path.starts_with("staging/")), "{place}");
            }
        }
        engine.shutdown();
    });
}

#[test]
fn i9_an_export_whose_disk_fails_anywhere_says_so_and_the_next_one_ends_it() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let sound = SimStorage::new(1, Plan::default());
        export(&engine, sound.clone(), &SMALL).expect("a sound disk");
        let whole = seen(&sound);
        for at in 1..=sound.operations() {
            let failure = [Failure::Device, Failure::NoSpace, Failure::ShortWrite]
                [usize::try_from(at % 3).expect("small")];
            let disk = SimStorage::new(at, Plan { fail_at: Some((at, failure)), ..Plan::default() });
            export(&engine, disk.clone(), &SMALL).expect_err("it failed");
            let next = disk.kill(Plan::default());
            check_half(&next, &whole, &format!("{failure:?} at {at}"));
            export(&engine, next.clone(), &SMALL).expect("a sound disk");
            assert_eq!(seen(&next.power_cut(Plan::default())), whole, "{failure:?} at {at}");
        }
        engine.shutdown();
    });
}

#[test]
fn a_disk_that_only_says_that_it_has_synced_is_found_out() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let bytes = |disk: &SimStorage| -> Vec<_> {
            let paths = disk.files().into_iter().filter(|path| table_of(path).is_some());
            paths.map(|path| (disk.content(&path), path)).collect()
        };
        let differs = |seed| {
            let disk = SimStorage::new(seed, Plan { lies: true, ..Plan::default() });
            export(&engine, disk.clone(), &SMALL).expect("it says so");
            let before = bytes(&disk);
            bytes(&disk.power_cut(Plan::default())) != before
        };
        assert!((1..20).any(differs), "the harness sees what a lost sync costs");
        engine.shutdown();
    });
}

#[test]
fn an_archive_says_what_the_engine_says_and_goes_on_where_it_ended() {
    in_time(|| {
        let house = House::new(2);
        let engine = told(&house);
        let disk = SimStorage::new(1, Plan::default());
        let first = export(&engine, disk.clone(), &SMALL).expect("a sound disk");
        check_against(&engine, &disk);
        let again = export(&engine, disk.clone(), &SMALL).expect("nothing to do");
        assert_eq!(again, Exported { last_block: first.last_block, ..Exported::default() });
        // One part or many, the rows are the same.
        let other = SimStorage::new(2, Plan::default());
        let whole = export(&engine, other.clone(), &ExportOptions::default()).expect("a sound disk");
        assert_eq!((whole.parts, whole.transfers), (1, first.transfers));
        assert_eq!(seen(&other), seen(&disk));
        check_refusals(&engine, &disk);
        engine.shutdown();
    });
}

/// Each entry that is no command has a row with its outcome, and the sums of positions are zero.
fn check_against(engine: &Engine, disk: &SimStorage) {
    let mut outcomes = BTreeMap::new();
    for path in disk.files().into_iter().filter(|path| table_of(path) == Some(Table::Outcomes)) {
        for row in rows_in(&path, disk.content(&path).expect("there")) {
            outcomes.insert(
                row.get_ulong(0).expect("a sequence"),
                row.get_string(4).expect("an outcome").clone(),
            );
        }
    }
    let last =
        engine.archive().block(engine.archive().blocks.last()).expect("readable").expect("stored").header;
    let mut commands = 0;
    for sequence in 1..last.first_sequence + last.count {
        let (entry, row) = engine.entry(sequence).expect("readable").expect("there");
        match entry.record.flags.get() & flags::COMMAND != 0 {
            true => commands += 1,
            false => assert_eq!(Some(outcomes[&sequence].as_str()), row.outcome().map(Outcome::name)),
        }
    }
    assert_eq!(outcomes.len() as u64 + commands, last.first_sequence + last.count - 1);
    assert!(outcomes.len() > 40, "{}", outcomes.len());
    assert!(
        seen(disk)[&Table::Transfers]
            .iter()
            .any(|row| row.starts_with("transfers/day=") && row.contains("currency=USD"))
    );
}

fn check_refusals(engine: &Engine, disk: &SimStorage) {
    let begin = |first| export(engine, disk.copy(), &ExportOptions { first_block: Some(first), ..SMALL });
    assert!(matches!(begin(3), Err(ArchiveError::OtherBegin { begins: 1 })));
    assert!(begin(1).is_ok());
    let changed = |from: &str, to: &str| {
        let disk = disk.copy();
        disk.damage("archive.json", |bytes| {
            let text = String::from_utf8(bytes.clone()).expect("JSON");
            assert!(text.contains(from));
            *bytes = text.replace(from, to).into_bytes();
        });
        export(engine, disk, &SMALL)
    };
    assert!(matches!(changed("\"version\": 1", "\"version\": 2"), Err(ArchiveError::State(_))));
    assert!(matches!(changed("\"chain\": \"", "\"chain\": \"00"), Err(ArchiveError::OtherChain { .. })));
    assert!(matches!(changed("\"last_hash\": \"", "\"last_hash\": \"00"), Err(ArchiveError::OtherBlock(_))));
    assert!(matches!(changed("}", "]"), Err(ArchiveError::State(_))));
    let gone = disk.copy();
    let newest = gone.files().into_iter().rfind(|path| path.starts_with("blocks/")).expect("one");
    gone.lose(&newest);
    assert!(matches!(export(engine, gone, &SMALL), Err(ArchiveError::Gone(path)) if path == newest));
}

#[test]
fn two_do_not_export_to_one_directory() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let directory = house.options.data.join("archive");
        let held = FileStorage::open(&directory).expect("a fresh directory");
        let interval = std::time::Duration::from_secs(3_600);
        let follower = |tell: std::sync::mpsc::Sender<_>| {
            feiqian_archive::Follower::start(engine.clone(), &directory, interval, move |told| {
                drop(tell.send(told));
            })
        };
        let (tell, told) = std::sync::mpsc::channel();
        assert!(follower(tell.clone()).is_err(), "in use");
        drop(held);
        follower(tell).expect("free again").stop();
        let exported = told.recv().expect("it was told").expect("exported at the end");
        assert_eq!(exported.last_block, engine.archive().blocks.last());
        engine.shutdown();
    });
}
