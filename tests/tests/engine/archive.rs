//! The archive of a running engine, cut off and failed at every step of its disk: no row is ever lost, doubled or seen
//! half, and what it says is what the engine says.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_archive::schema::Table;
use feiqian_archive::{ArchiveError, ExportOptions, Exported, export, export_until};
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::flags;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::sim_storage::{Failure, Plan, SimStorage};
use feiqian_tests::story::Story;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Row, RowAccessor as _};

use crate::archive_sums::{archived, engines};
use crate::house::{House, in_time, tell};

/// Small parts of small row groups, so that a short story has several of both.
const SMALL: ExportOptions = ExportOptions { first_block: None, part_entries: 30, rows_buffered: 8 };

/// The rows of each table, as texts, in order.
type Rows = BTreeMap<Table, Vec<String>>;

pub(crate) fn table_of(path: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|table| path.starts_with(&format!("{}/", table.name())))
}

pub(crate) fn rows_in(path: &str, bytes: Vec<u8>) -> Vec<Row> {
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

/// Each entry that is no command has a row with its outcome, and in each cycle every position adds up to the engine's.
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
    let nets = archived(disk);
    assert_eq!(nets, engines(engine));
    assert!(nets.keys().map(|(cycle, ..)| cycle).collect::<BTreeSet<_>>().len() > 2, "{nets:?}");
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
    // What was in its place may be moved away, and is not looked for again.
    let moved = disk.copy();
    for newest in moved.files().into_iter().filter(|path| table_of(path).is_some()) {
        moved.lose(&newest);
    }
    let before = moved.operations();
    assert_eq!(export(engine, moved.clone(), &SMALL).expect("nothing to do").blocks, 0);
    assert!(moved.operations() - before <= 1, "nothing is placed again");
}

/// The power goes after a part is in and before its files are in their places, and one of them is lost.
#[test]
fn a_part_whose_file_is_gone_before_it_was_placed_is_no_archive() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let is_between = |disk: &SimStorage| {
            let state = disk.content("archive.json").and_then(|bytes| String::from_utf8(bytes).ok());
            let first = disk.files().into_iter().find(|path| path.starts_with("staging/"));
            first.filter(|path| state.is_some_and(|state| state.contains(path)))
        };
        let cut = |cut_at| {
            let disk = SimStorage::new(1, Plan { cut_at: Some(cut_at), ..Plan::default() });
            export(&engine, disk.clone(), &SMALL).expect_err("the power went");
            disk.power_cut(Plan::default())
        };
        let (disk, staged) =
            (1..).map(cut).find_map(|disk| is_between(&disk).map(|path| (disk, path))).expect("there is one");
        disk.lose(&staged);
        assert!(matches!(export(&engine, disk, &SMALL), Err(ArchiveError::Gone(_))));
        engine.shutdown();
    });
}

#[test]
fn rows_of_blocks_wait_within_the_bound_too() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let disk = SimStorage::new(1, Plan::default());
        let options = ExportOptions { part_entries: u64::MAX, rows_buffered: 3, ..SMALL };
        assert_eq!(export(&engine, disk.clone(), &options).expect("a sound disk").parts, 1);
        let path = disk.files().into_iter().find(|path| table_of(path) == Some(Table::Blocks)).expect("one");
        let bytes = bytes::Bytes::from(disk.content(&path).expect("there"));
        let reader = SerializedFileReader::new(bytes).expect("Parquet");
        let groups = reader.metadata().row_groups();
        assert!(groups.len() > 1 && groups.iter().all(|group| group.num_rows() <= 4), "{}", groups.len());
        engine.shutdown();
    });
}

#[test]
fn an_export_that_is_to_stop_ends_behind_a_block_and_the_next_one_goes_on() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let (disk, other) = (SimStorage::new(1, Plan::default()), SimStorage::new(2, Plan::default()));
        let whole = export(&engine, other.clone(), &ExportOptions::default()).expect("a sound disk");
        let asked = std::cell::Cell::new(0);
        let should_stop = || {
            asked.set(asked.get() + 1);
            asked.get() > 1
        };
        let options = ExportOptions::default();
        let some = export_until(&engine, disk.clone(), &options, &should_stop).expect("a sound disk");
        assert_eq!((some.blocks, some.last_block, some.parts), (1, 1, 1));
        let none = export_until(&engine, disk.clone(), &options, &|| true).expect("nothing was asked");
        assert_eq!((none.blocks, none.last_block), (0, 1));
        let rest = export(&engine, disk.clone(), &options).expect("a sound disk");
        assert_eq!(rest.blocks + 1, whole.blocks);
        assert_eq!(seen(&disk), seen(&other));
        engine.shutdown();
    });
}

#[test]
fn files_without_their_state_are_not_begun_anew() {
    in_time(|| {
        let house = House::new(1);
        let engine = told(&house);
        let directory = house.options.data.join("archive");
        let storage = || FileStorage::open(&directory).expect("free");
        export(&engine, storage(), &SMALL).expect("a sound disk");
        std::fs::remove_file(directory.join("archive.json")).expect("it was there");
        for table in ["transfers", "outcomes", "positions", "blocks"] {
            let found = export(&engine, storage(), &SMALL);
            assert!(matches!(found, Err(ArchiveError::NoState(at)) if at == table), "{table}: {found:?}");
            assert!(!directory.join("archive.json").exists(), "nothing was begun");
            std::fs::remove_dir_all(directory.join(table)).expect("it was there");
        }
        assert!(export(&engine, storage(), &SMALL).is_ok(), "a bare directory is one to begin in");
        engine.shutdown();
    });
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
