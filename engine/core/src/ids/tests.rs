//! The index against what it must remember, with stored runs, equal hashes and any growth.

use super::*;
use alloc::collections::BTreeMap;
use core::convert::Infallible;

/// A journal of ids, and the runs that were stored.
#[derive(Default)]
struct Journal {
    ids: BTreeMap<u64, u128>,
    runs: Vec<Vec<(u64, u64)>>,
    asked: u128,
    questions: usize,
}

impl Earlier for Journal {
    type Fault = Infallible;

    fn is_same(&mut self, sequence: u64) -> Result<bool, Infallible> {
        Ok(self.ids[&sequence] == self.asked)
    }

    fn stored(&mut self, hash: u64, (first, end): SequenceRange) -> Result<Vec<u64>, Infallible> {
        self.questions = self.questions.saturating_add(1);
        let found = self.runs.iter().flatten();
        let found = found.filter(|(at, sequence)| *at == hash && (first..end).contains(sequence));
        Ok(found.map(|(_, sequence)| *sequence).collect())
    }
}

fn take(ids: &mut IdIndex, journal: &mut Journal, id: u128, sequence: u64) -> Option<u64> {
    journal.asked = id;
    journal.ids.insert(sequence, id);
    let hash = ids.hash(id);
    // As the plain loop does: the hash alone first.
    if ids.take_unseen(hash, sequence) {
        return None;
    }
    let Ok(found) = ids.take(hash, sequence, journal);
    found
}

fn id(number: u64) -> u128 {
    u128::from(number).wrapping_mul(0x0000_0001_0000_0000_0000_01B3_u128) | 1 << 127
}

#[test]
fn i3_every_id_is_found_at_its_first_sequence_after_any_growth_and_storing() {
    let mut ids = IdIndex::new(0x1234_5678_9ABC_DEF0).with_runs_of(7_000);
    let mut journal = Journal::default();
    let mut waiting = None;
    let mut late = Vec::new();
    let bytes = ids.filter_bytes();
    for sequence in 1..=60_000 {
        assert_eq!(take(&mut ids, &mut journal, id(sequence), sequence), None);
        if sequence % 1_999 == 0 {
            late.drain(..).for_each(|part| drop(ids.take_part(part)));
        }
        if let Some(full) = ids.take_full(sequence + 1) {
            // The one before is stored only now: between, its ids are in the table that is being stored.
            if let Some(FullIds { range, table }) = waiting.replace(full) {
                journal.runs.push(table.sorted());
                // Parts that are on their way come before what is told later.
                late.drain(..).for_each(|part| drop(ids.take_part(part)));
                assert_eq!(ids.stored(range.1).len(), 1);
                late = due_parts(&ids, &journal, range.1);
            }
        }
    }
    assert!(ids.filter_bytes() > bytes + bytes / 4, "it has grown");
    assert_eq!(journal.runs.len(), 7);
    assert!(journal.runs.iter().all(|run| run.is_sorted() && run.len() == 7_000));
    assert!(journal.questions < 600, "the filter keeps nearly all new ids from the runs");
    for sequence in 1..=60_000 {
        assert_eq!(take(&mut ids, &mut journal, id(sequence), 100_000), Some(sequence));
        let Ok(found) = ids.find(id(sequence), &mut journal);
        assert_eq!(found, Some(sequence));
    }
    journal.asked = 5;
    assert_eq!(ids.find(5, &mut journal), Ok(None));
}

/// The parts that are due, made of the runs.
fn due_parts(ids: &IdIndex, journal: &Journal, end: u64) -> Vec<FilterPart> {
    let mut growth = ids.growth();
    let stored = journal.runs.iter().map(Vec::len).sum();
    let mut made = Vec::new();
    while let Some(due) = growth.as_mut().and_then(|growth| growth.take_due(stored)) {
        let mut parts = due.empty(end, 1);
        let hashes = journal.runs.iter().flatten().map(|(hash, _)| *hash);
        hashes.filter(|hash| due.hashes().contains(hash)).for_each(|hash| parts.insert(hash));
        made.extend(parts.filled().into_iter().flatten());
    }
    made
}

#[test]
fn a_part_that_lacks_ids_between_runs_and_memory_is_not_taken() {
    let mut ids = IdIndex::new(5).with_runs_of(100);
    let mut journal = Journal::default();
    for sequence in 1..=900 {
        take(&mut ids, &mut journal, id(sequence), sequence);
        if let Some(FullIds { range, table }) = ids.take_full(sequence + 1) {
            journal.runs.push(table.sorted());
            ids.stored(range.1);
        }
    }
    let bytes = ids.filter_bytes();
    // As if the last run had come after they were made.
    let late = due_parts(&ids, &journal, 801);
    assert!(!late.is_empty());
    late.into_iter().for_each(|part| drop(ids.take_part(part)));
    assert_eq!(ids.filter_bytes(), bytes, "they come back");
    due_parts(&ids, &journal, 901).into_iter().for_each(|part| drop(ids.take_part(part)));
    assert!(ids.filter_bytes() > bytes);
    for sequence in 1..=900 {
        assert_eq!(take(&mut ids, &mut journal, id(sequence), 10_000), Some(sequence));
    }
}

#[test]
fn ids_of_equal_hash_are_told_apart_by_the_journal() {
    let mut ids = IdIndex::new(1);
    let mut journal = Journal::default();
    let hash = ids.hash(77);
    for (sequence, other) in [(1, 77_u128), (2, 1_000), (3, 2_000)] {
        journal.asked = other;
        journal.ids.insert(sequence, other);
        assert_eq!(ids.take(hash, sequence, &mut journal), Ok(None), "{other}");
    }
    for (sequence, other) in [(1, 77_u128), (2, 1_000), (3, 2_000)] {
        journal.asked = other;
        assert_eq!(ids.take(hash, 9, &mut journal), Ok(Some(sequence)), "{other}");
    }
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_run_that_reaches_beyond_the_entry_that_asks_answers_nothing_later() {
    let mut ids = IdIndex::new(1);
    let mut journal = Journal::default();
    let (hash, mut filter) = (ids.hash(77), IdFilter::for_ids(16));
    filter.insert(hash);
    journal.runs.push(alloc::vec![(hash, 50)]);
    journal.ids.insert(50, 77);
    ids = ids.behind(1, filter.clone());
    assert_eq!(take(&mut ids, &mut journal, 77, 50), None);
    assert_eq!(take(&mut ids, &mut journal, 77, 51), Some(50));
    let mut ids = IdIndex::new(1).behind(51, filter);
    assert_eq!(take(&mut ids, &mut journal, 77, 50), None);
    assert!(ids.is_empty(), "it is in a run");
}

#[test]
fn consecutive_ids_spread_over_table_and_shards() {
    let ids = IdIndex::new(42);
    let mut homes = [0_u32; 256];
    let mut shards = [0_u32; 8];
    for id in 0..25_600_u128 {
        homes[usize::try_from(ids.hash(id) >> 56).unwrap_or(0)] += 1;
        shards[usize::try_from(ids.shard_of(id, 8)).unwrap_or(0)] += 1;
    }
    assert!(homes.iter().all(|count| (50..200).contains(count)), "{homes:?}");
    assert!(shards.iter().all(|count| (3_000..3_400).contains(count)), "{shards:?}");
}

#[test]
fn the_part_of_a_shard_holds_its_ids_and_no_other() {
    let mut ids = IdIndex::new(3).with_runs_of(500);
    let mut journal = Journal::default();
    for sequence in 1..=900 {
        take(&mut ids, &mut journal, id(sequence), sequence);
        ids.take_full(sequence + 1);
    }
    let parts: Vec<_> = (0..3).map(|shard| ids.part(shard, 3)).collect();
    assert_eq!(parts.iter().map(IdIndex::len).sum::<usize>(), 900);
    for sequence in 1..=900 {
        let owner = index(ids.shard_of(id(sequence), 3));
        journal.asked = id(sequence);
        assert_eq!(parts[owner].find(id(sequence), &mut journal), Ok(Some(sequence)));
    }
}

#[test]
fn a_shard_goes_on_with_a_filter_over_its_own_stored_ids_and_those_in_memory() {
    let mut ids = IdIndex::new(3).with_runs_of(500);
    let mut journal = Journal::default();
    let mut filters = alloc::vec![IdFilter::for_ids(500); 3];
    for sequence in 1..=1_300 {
        take(&mut ids, &mut journal, id(sequence), sequence);
        // The second run is being stored.
        if let Some(FullIds { range: (1, end), table }) = ids.take_full(sequence + 1) {
            let sorted = table.sorted();
            sorted.iter().for_each(|(hash, _)| filters[index(shard_of(*hash, 3))].insert(*hash));
            journal.runs.push(sorted);
            drop(table);
            ids.stored(end);
        }
    }
    assert_eq!(journal.runs.len(), 1);
    let parts: Vec<_> =
        (0..).zip(filters).map(|(shard, filter)| ids.part_behind((shard, 3), (501, filter))).collect();
    assert_eq!(parts.iter().map(IdIndex::len).sum::<usize>(), 800);
    for sequence in 1..=1_300 {
        let owner = index(ids.shard_of(id(sequence), 3));
        journal.asked = id(sequence);
        assert_eq!(parts[owner].find(id(sequence), &mut journal), Ok(Some(sequence)), "{sequence}");
    }
}
