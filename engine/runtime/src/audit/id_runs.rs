//! Compares the stored runs of ids with the ids that the replay of the journal has taken.
//!
//! A run holds exactly the ids that entries of its range have taken first. Its entries ascend strictly, each of them has
//! been taken, and they are as many as the range has taken: so they are the same, without sorting what was taken.

use std::sync::atomic::{AtomicUsize, Ordering};

use feiqian_core::ids::IdIndex;

use super::{AuditFault, joined};
use crate::stores::FoundRun;

/// Threads that compare, each one run at a time.
const THREADS: usize = 2;

/// Compares all runs. Gives how many there are.
///
/// # Errors
/// [`AuditFault::Ids`] with the first run, in the order of their ranges, that differs or is damaged.
pub(super) fn check(runs: &[FoundRun], taken: &IdIndex) -> Result<u64, AuditFault> {
    let counts = Counts::of(runs, taken);
    let next = AtomicUsize::new(0);
    let find = || {
        // Runs are taken in order: the first difference of a thread is before all that it has not looked at.
        std::iter::from_fn(|| runs.get(next.fetch_add(1, Ordering::Relaxed)))
            .find(|run| !is_equal(run, taken, counts.below(run.range.1) - counts.below(run.range.0)))
    };
    let found = std::thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| scope.spawn(find));
        threads.into_iter().filter_map(joined).min_by_key(|run| run.range)
    });
    found.map_or(Ok(runs.len() as u64), |run| Err(AuditFault::Ids(run.path.clone())))
}

fn is_equal(run: &FoundRun, taken: &IdIndex, count: usize) -> bool {
    let Some(entries) = &run.entries else { return false };
    let (first, end) = run.range;
    entries.len() == count
        && entries.is_sorted_by(|one, other| one < other)
        && entries
            .iter()
            .all(|(hash, sequence)| (first..end).contains(sequence) && taken.has_taken(*hash, *sequence))
}

/// How many ids the entries below each end of a run have taken.
struct Counts {
    ends: Vec<u64>,
    /// One more than ends: of those below the first, up to the second, and so on.
    below: Vec<usize>,
}

impl Counts {
    fn of(runs: &[FoundRun], taken: &IdIndex) -> Self {
        let mut ends: Vec<u64> = runs.iter().flat_map(|run| [run.range.0, run.range.1]).collect();
        ends.sort_unstable();
        ends.dedup();
        let mut below = vec![0; ends.len() + 1];
        for (_, sequence) in taken.entries() {
            below[ends.partition_point(|end| *end <= sequence)] += 1;
        }
        let mut sum = 0;
        for count in &mut below {
            sum += *count;
            *count = sum;
        }
        Self { ends, below }
    }

    /// Of an end of a run.
    fn below(&self, end: u64) -> usize {
        self.below[self.ends.partition_point(|other| *other < end)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every other entry of `1..=100` has taken an id.
    fn index() -> (IdIndex, Vec<(u64, u64)>) {
        let mut ids = IdIndex::new(7);
        let entries = (1..=100).step_by(2).map(|sequence| (ids.hash(u128::from(sequence)), sequence));
        let entries: Vec<_> = entries.collect();
        for (hash, sequence) in &entries {
            assert!(ids.take_unseen(*hash, *sequence));
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
    fn runs_of_what_was_taken_are_equal_also_where_they_overlap() {
        let (ids, entries) = index();
        let runs = [(1, 30), (1, 50), (30, 50), (50, 101), (101, 200)].map(|range| run(range, &entries));
        assert_eq!(check(&runs, &ids), Ok(5));
        assert_eq!(check(&[], &ids), Ok(0));
    }

    #[test]
    fn the_first_run_that_differs_is_named() {
        let (ids, entries) = index();
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
        for (what, change) in changes {
            let mut runs = [(1, 50), (50, 60), (60, 101)].map(|range| run(range, &entries));
            for changed in &mut runs[1..] {
                // The short one has five entries.
                change(changed.entries.as_mut().expect("a good run"));
            }
            assert_eq!(check(&runs, &ids), Err(AuditFault::Ids("(50, 60)".to_owned())), "{what}");
        }
        let mut runs = [run((1, 50), &entries), run((50, 101), &entries)];
        runs[0].entries = None;
        assert_eq!(check(&runs, &ids), Err(AuditFault::Ids("(1, 50)".to_owned())));
    }
}
