//! One bit flipped at every byte of a small closed data directory: the audit finds each, and a start refuses,
//! raises an alert, or heals what follows from the journal. None gives other content. There is no byte whose
//! damage does not matter.
//!
//! In long runs of zeros one byte in 32 is flipped, unless `FEIQIAN_FLIPS=all`.

use std::collections::BTreeMap;

use feiqian_runtime::audit::audit;
use feiqian_runtime::machine::Machine;
use feiqian_tests::picture::Picture;
use feiqian_tests::sim_storage::{Plan, SimStorage};
use feiqian_tests::story::{Chapter, Story};
use feiqian_tests::world::operator_key;

use crate::life::{Reference, Sim, lengths, reference, stored_blocks, stored_rows};

/// Small, so that most of its bytes hold something; large enough for the longest group.
const SEGMENT_BYTES: u32 = 20_480;

/// The short story's directory after an orderly end.
fn closed_directory(story: &Story) -> SimStorage {
    let storage = SimStorage::new(3, Plan::default());
    let (genesis, timestamp) = Story::genesis();
    let created =
        Machine::create(storage.clone(), lengths(SEGMENT_BYTES), operator_key(), (&genesis, timestamp));
    let mut machine = created.expect("an empty disk");
    for chapter in story.chapters.iter().skip(1) {
        match chapter {
            Chapter::Group(group) => drop(machine.run(group.frames.clone()).expect("a good disk")),
            Chapter::Snapshot => drop(machine.snapshot().expect("a good disk")),
        }
    }
    drop(machine);
    // The start marks the journal's end, as closing it does.
    recover(&storage).expect("nothing is wrong");
    let report = audit(storage.clone()).expect("nothing is wrong");
    let stored = (report.blocks, report.rows, report.rows_missing, report.snapshots, report.torn_bytes);
    assert_eq!(stored, (3, story.expected().len() as u64, 0, 2, 0));
    storage
}

/// The machine, and whether its start raised an alert.
fn recover(storage: &SimStorage) -> Result<(Sim, bool), String> {
    let recovered = Machine::recover(storage.clone(), lengths(SEGMENT_BYTES), operator_key());
    let (machine, report) = recovered.map_err(|fault| fault.to_string())?;
    Ok((machine, report.torn.is_some() || !report.bad_snapshots.is_empty() || report.bad_id_runs > 0))
}

/// Who notices a flip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    /// The audit fails, or reports a torn tail.
    by_audit: bool,
    /// The start is refused, or raises an alert.
    by_start: bool,
}

fn flip(storage: &SimStorage, file: &str, at: usize, reference: &Reference) -> Seen {
    let place = format!("{file} byte {at}");
    let damaged = storage.copy();
    damaged.damage(file, |bytes| bytes[at] ^= 1 << (at % 8));
    let by_audit = audit(damaged.clone()).map_or(true, |report| report.torn_bytes > 0);
    let by_start = match recover(&damaged) {
        Err(_) => true,
        Ok((machine, is_alert)) => {
            check_content(&machine, &damaged, reference, file, &place);
            is_alert
        }
    };
    Seen { by_audit, by_start }
}

/// A start that goes through has the whole story, whatever it had to make again. Rows below a snapshot are not
/// made again: what is damaged in them is the audit's to find.
fn check_content(machine: &Sim, storage: &SimStorage, reference: &Reference, file: &str, place: &str) {
    assert_eq!(machine.journal().head().sequence, reference.rows.len() as u64, "{place}");
    assert!(Picture::of_state(machine.state()) == reference.state, "{place}");
    assert!(stored_blocks(storage).as_ref() == Ok(&reference.blocks), "{place}");
    if !file.starts_with("outcomes/") {
        assert!(stored_rows(storage, reference.rows.len() as u64).as_ref() == Ok(&reference.rows), "{place}");
    }
}

/// Bytes of a file that are worth a flip: all, but of long runs of zeros one in 32.
fn places(content: &[u8]) -> Vec<usize> {
    let is_all = std::env::var("FEIQIAN_FLIPS").is_ok_and(|text| text == "all");
    let is_dull = |at: usize| {
        let around = at.saturating_sub(64)..(at + 64).min(content.len());
        content[around].iter().all(|byte| *byte == 0)
    };
    (0..content.len()).filter(|at| is_all || at % 32 == 5 || !is_dull(*at)).collect()
}

#[test]
fn i9_a_bit_flipped_anywhere_in_a_closed_directory_is_found() {
    let reference = reference(Story::short(), SEGMENT_BYTES);
    let storage = closed_directory(&reference.story);
    let files = storage.files();
    let (mut flips, mut wrong) = (0, BTreeMap::new());
    for file in &files {
        // Rows are compared by the audit alone, since a start that has a snapshot does not need those below
        // it; nor does it read the older snapshot. The groups of blocks are only read for receipts.
        let by_start = !file.starts_with("outcomes/")
            && !file.starts_with("groups/")
            && *file != oldest_snapshot(&files);
        for at in places(&storage.content(file).expect("listed")) {
            flips += 1;
            let seen = flip(&storage, file, at, &reference);
            if seen != (Seen { by_audit: true, by_start }) {
                wrong.entry((file, seen.by_audit, seen.by_start)).or_insert_with(Vec::new).push(at);
            }
        }
    }
    assert!(wrong.is_empty(), "noticed otherwise (file, by the audit, by the start): {wrong:?}");
    let kinds = ["IDENTITY", "blocks/", "groups/", "ids/", "journal/", "outcomes/", "snapshots/"];
    assert!(kinds.iter().all(|kind| files.iter().any(|file| file.starts_with(kind))), "{files:?}");
    assert!(flips > 10_000, "{flips}");
}

fn oldest_snapshot(files: &[String]) -> &str {
    files.iter().find(|file| file.starts_with("snapshots/")).expect("the story takes two")
}
