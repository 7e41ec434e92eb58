//! Compares the stored runs of ids with the ids that the replay of the journal has taken, each as soon as the replay is
//! behind its range.
//!
//! A run holds exactly the ids that entries of its range have taken first. Its entries ascend strictly, each of them has
//! been taken, and they are as many as the range has taken: so they are the same, without sorting what was taken. Runs and
//! tables are both in the order of hashes, so each table is walked once, whatever its length.

use std::collections::VecDeque;
use std::ops::Range;

use feiqian_core::ids::{FullIds, IdIndex, IdTable, SequenceRange};

use super::AuditFault;
use crate::storage::Storage;
use crate::stores::{FoundRun, StoreFault, found_run, ranges_in};

/// The stored runs of a directory.
pub(super) struct Runs<S: Storage> {
    storage: S,
    chain_id: [u8; 16],
    /// Those that are not compared yet, in the order of their ranges.
    waiting: VecDeque<SequenceRange>,
    /// Ids taken so far.
    taken: Vec<FullIds>,
    equal: u64,
    /// The first in that order that differs.
    wrong: Option<(SequenceRange, String)>,
}

impl<S: Storage> Runs<S> {
    pub(super) fn new(storage: S, chain_id: [u8; 16]) -> Result<Self, StoreFault> {
        let waiting = ranges_in(&storage)?.into();
        Ok(Self { storage, chain_id, waiting, taken: Vec::new(), equal: 0, wrong: None })
    }

    /// Takes the ids of the next entries, and compares all runs that end with them.
    pub(super) fn take(&mut self, ids: FullIds) -> Result<(), AuditFault> {
        let end = ids.range.1;
        self.taken.push(ids);
        let taken = std::mem::take(&mut self.taken);
        let tables: Vec<_> = taken.iter().map(|full| (full.range, &*full.table)).collect();
        let compared = self.compare(&tables, end);
        self.taken = taken;
        compared
    }

    /// Compares what is left with all ids that were taken. Gives how many runs there are.
    ///
    /// # Errors
    /// [`AuditFault::Ids`] with the first run, in the order of their ranges, that differs or is damaged.
    pub(super) fn finish(mut self, taken: &IdIndex) -> Result<u64, AuditFault> {
        let tables: Vec<_> = taken.tables().collect();
        self.compare(&tables, u64::MAX)?;
        self.wrong.map_or(Ok(self.equal), |(_, path)| Err(AuditFault::Ids(path)))
    }

    fn compare(&mut self, tables: &[Table<'_>], end: u64) -> Result<(), AuditFault> {
        for range in std::mem::take(&mut self.waiting) {
            if range.1 > end {
                self.waiting.push_back(range);
                continue;
            }
            let run = found_run(&self.storage, &self.chain_id, range)?;
            if is_equal(&run, tables) {
                self.equal += 1;
            } else if self.wrong.as_ref().is_none_or(|(first, _)| is_before(range, *first)) {
                self.wrong = Some((range, run.path));
            }
        }
        Ok(())
    }
}

/// By their beginning and the longer first, as they are listed.
fn is_before(one: SequenceRange, other: SequenceRange) -> bool {
    (one.0, u64::MAX - one.1) < (other.0, u64::MAX - other.1)
}

/// The ids that the entries of a range have taken.
type Table<'a> = (SequenceRange, &'a IdTable);

/// Whether a run has exactly the ids of its range. Tables cover it, ascending without a gap.
fn is_equal(run: &FoundRun, tables: &[Table<'_>]) -> bool {
    let Some(entries) = &run.entries else { return false };
    let (first, end) = run.range;
    let of_run = tables.partition_point(|(range, _)| range.1 <= first);
    let of_run = &tables[of_run..tables.partition_point(|(range, _)| range.0 < end).max(of_run)];
    let places = Places::of(first..end, of_run);
    let has_taken = |hash, sequence| places.table_of(sequence).is_some_and(|at| at.holds(hash, sequence));
    entries.len() == of_run.iter().map(|table| taken_in(first..end, table)).sum::<usize>()
        && entries.is_sorted_by(|one, other| one < other)
        && entries
            .iter()
            .all(|(hash, sequence)| (first..end).contains(sequence) && has_taken(*hash, *sequence))
}

/// How many ids of a table entries of `range` have taken.
fn taken_in(range: Range<u64>, ((first, end), table): &Table<'_>) -> usize {
    if range.start <= *first && *end <= range.end {
        return table.len();
    }
    table.entries().filter(|(_, sequence)| range.contains(sequence)).count()
}

/// Entries that one place stands for.
const PLACE_ENTRIES: usize = 1 << 12;

/// Which table has a sequence: a run of many tables has them in no order, and halving would guess wrong at each.
struct Places<'a> {
    tables: &'a [Table<'a>],
    first: u64,
    /// The first table that has any of so many sequences; none are needed where the run begins in its last table.
    places: Vec<u16>,
}

impl<'a> Places<'a> {
    fn of(run: Range<u64>, tables: &'a [Table<'a>]) -> Self {
        let last = tables.last().map_or(run.start, |(range, _)| range.0);
        let starts = (run.start..=last).step_by(PLACE_ENTRIES);
        let place = |sequence: u64| tables.partition_point(|(range, _)| range.1 <= sequence);
        let places = starts.map(|sequence| u16::try_from(place(sequence)).unwrap_or(u16::MAX)).collect();
        Self { tables, first: run.start, places }
    }

    #[inline]
    fn table_of(&self, sequence: u64) -> Option<&'a IdTable> {
        let place = usize::try_from(sequence.checked_sub(self.first)?).ok()? / PLACE_ENTRIES;
        let from = self.places.get(place).or(self.places.last()).map_or(0, |place| usize::from(*place));
        let mut behind = self.tables.get(from..)?.iter();
        behind.find(|(range, _)| sequence < range.1).map(|(_, table)| *table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::files::FileStorage;
    use crate::stores::IdRuns;
    use feiqian_core::ids::Earlier;

    /// Every other entry of `1..=100` has taken an id; tables of ten entries or more.
    fn index(run_entries: u64) -> (IdIndex, Vec<(u64, u64)>) {
        let mut ids = IdIndex::new(7).with_runs_of(run_entries);
        let mut entries = Vec::new();
        for sequence in 1..=100 {
            if sequence % 2 == 1 {
                entries.push((ids.hash(u128::from(sequence)), sequence));
                assert!(ids.take_unseen(ids.hash(u128::from(sequence)), sequence));
            }
            ids.take_full(sequence + 1);
        }
        (ids, entries)
    }

    fn run(range: (u64, u64), entries: &[(u64, u64)]) -> FoundRun {
        let mut own: Vec<_> =
            entries.iter().copied().filter(|(_, sequence)| (range.0..range.1).contains(sequence)).collect();
        own.sort_unstable();
        FoundRun { path: format!("{range:?}"), range, entries: Some(own) }
    }

    #[test]
    fn runs_of_what_was_taken_are_equal_however_they_lie_over_the_tables() {
        for run_entries in [1, 10, 33, 100, 101] {
            let (ids, entries) = index(run_entries);
            let tables: Vec<_> = ids.tables().collect();
            assert_eq!(tables.len() as u64, 100 / run_entries + 1);
            for first in 1..=101 {
                for end in (first + 1..=102).chain([200, u64::MAX]) {
                    assert!(
                        is_equal(&run((first, end), &entries), &tables),
                        "{first} to {end} by {run_entries}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_run_of_more_entries_than_a_place_stands_for_is_looked_up_in_its_tables() {
        let mut ids = IdIndex::new(7).with_runs_of(3_000);
        let mut entries = Vec::new();
        for sequence in 1..=20_000 {
            entries.push((ids.hash(u128::from(sequence)), sequence));
            assert_eq!(ids.take::<Nothing>(entries[entries.len() - 1].0, sequence, &mut Nothing), Ok(None));
            ids.take_full(sequence + 1);
        }
        let tables: Vec<_> = ids.tables().collect();
        for range in [(1, 20_001), (2_999, 9_001), (3_001, 15_001), (12_000, 19_000)] {
            let good = run(range, &entries);
            assert!(is_equal(&good, &tables), "{range:?}");
            let mut bad = good;
            bad.entries.as_mut().expect("a good run")[500].0 ^= 1;
            assert!(!is_equal(&bad, &tables), "{range:?}");
        }
    }

    struct Nothing;

    impl Earlier for Nothing {
        type Fault = std::convert::Infallible;

        fn is_same(&mut self, _sequence: u64) -> Result<bool, Self::Fault> {
            Ok(false)
        }

        fn stored(&mut self, _hash: u64, _range: SequenceRange) -> Result<Vec<u64>, Self::Fault> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn a_run_that_differs_is_found_in_one_table_and_in_many() {
        type Change = fn(&mut Vec<(u64, u64)>);
        let changes: [(&str, Change); 7] = [
            ("one is missing", |entries| entries.truncate(4)),
            ("one is there twice", |entries| entries[4] = entries[3]),
            ("two have changed places", |entries| entries.swap(2, 3)),
            ("a sequence that took no id", |entries| entries[3].1 += 1),
            ("one of another range", |entries| {
                entries[0] = (IdIndex::new(7).hash(1), 1);
                entries.sort_unstable();
            }),
            ("another hash", |entries| entries[3].0 += 1),
            ("one more", |entries| entries.push((u64::MAX, 51))),
        ];
        for run_entries in [4, 10, 100, 1_000] {
            let (ids, entries) = index(run_entries);
            let tables: Vec<_> = ids.tables().collect();
            for (what, change) in changes {
                // The short one has five entries.
                for range in [(50, 60), (60, 101)] {
                    let mut changed = run(range, &entries);
                    change(changed.entries.as_mut().expect("a good run"));
                    assert!(!is_equal(&changed, &tables), "{what} by {run_entries}");
                }
            }
            assert!(!is_equal(&FoundRun { entries: None, ..run((1, 50), &entries) }, &tables));
        }
    }

    /// Ids of the entries `1..=100`, ten a table, those at `others` of other transfers.
    fn tables_of_ten(others: &[u64]) -> (IdIndex, Vec<FullIds>) {
        let mut ids = IdIndex::new(7).with_runs_of(10);
        let mut full = Vec::new();
        for sequence in 1..=100 {
            let id = u128::from(sequence) + if others.contains(&sequence) { 1_000 } else { 0 };
            assert!(ids.take_unseen(ids.hash(id), sequence));
            full.extend(ids.take_full(sequence + 1));
        }
        (ids, full)
    }

    #[test]
    fn the_first_run_that_differs_is_named_whatever_its_checksum_says() {
        const CHAIN_ID: [u8; 16] = [7; 16];
        let first_wrong = |others: &[u64]| {
            let path =
                std::env::temp_dir().join(format!("feiqian-runs-{}-{}", std::process::id(), others.len()));
            std::fs::create_dir_all(&path).expect("a fresh directory");
            let storage = FileStorage::open(&path).expect("nobody else's");
            let (store, _) = IdRuns::open(storage.clone(), CHAIN_ID, u64::MAX).expect("an empty disk");
            for full in tables_of_ten(others).1 {
                store.store(vec![full]).expect("an empty disk");
            }
            let (ids, taken) = tables_of_ten(&[]);
            let mut runs = Runs::new(storage.clone(), CHAIN_ID).expect("a good disk");
            taken.into_iter().for_each(|full| runs.take(full).expect("a good disk"));
            let found = runs.finish(&ids);
            let name = |range| found_run(&storage, &CHAIN_ID, range).expect("a good disk").path;
            let names = [(51, 61), (71, 81)].map(name);
            std::fs::remove_dir_all(&path).expect("no longer needed");
            (found, names)
        };
        assert_eq!(first_wrong(&[]).0, Ok(10));
        for others in [&[55, 75][..], &[51], &[60, 71, 72], &[75]] {
            let (found, [first, second]) = first_wrong(others);
            let wrong = if others[0] < 61 { first } else { second };
            assert_eq!(found, Err(AuditFault::Ids(wrong)), "{others:?}");
        }
    }

    #[test]
    fn the_first_is_told_of_two_that_begin_together_the_longer() {
        assert!(is_before((1, 50), (1, 30)) && !is_before((1, 30), (1, 50)));
        assert!(is_before((1, 30), (2, 90)));
    }
}
