//! How a run went over time: transfers answered and bytes on disk, at moments.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::disk::estimated_bytes;

/// Between two moments at first; doubled whenever there are too many.
const STEP: Duration = Duration::from_millis(50);
/// Moments kept at the most.
const MOMENTS_MAX: usize = 400;

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Moment {
    /// Since the run began, milliseconds.
    pub elapsed_ms: u64,
    /// Transfers answered by then.
    pub transfers: u64,
    /// Bytes on disk by then, less those at the begin; none where the disk is not ours.
    pub disk_bytes: Option<u64>,
}

/// Collects moments.
#[derive(Debug)]
pub(super) struct Series {
    moments: Vec<Moment>,
    step: Duration,
    data: Option<PathBuf>,
    disk_before: u64,
}

impl Series {
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        let disk_before = data.as_ref().and_then(|data| estimated_bytes(data).ok()).unwrap_or(0);
        Self { moments: vec![Moment::default()], step: STEP, data, disk_before }
    }

    /// Notes a moment, if it is time for one.
    pub(super) fn look(&mut self, begin: Instant, transfers: u64) {
        let elapsed = begin.elapsed();
        let last = self.moments.last().map_or(0, |moment| moment.elapsed_ms);
        if elapsed >= self.step + Duration::from_millis(last) {
            self.note(elapsed, transfers);
        }
        if self.moments.len() > MOMENTS_MAX {
            let mut at = 0;
            self.moments.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.step *= 2;
        }
    }

    fn note(&mut self, elapsed: Duration, transfers: u64) {
        let disk = self.data.as_ref().and_then(|data| estimated_bytes(data).ok());
        self.moments.push(Moment {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            transfers,
            disk_bytes: disk.map(|bytes| bytes.saturating_sub(self.disk_before)),
        });
    }

    /// All moments, the last one when the last answer came.
    pub(super) fn finish(mut self, elapsed: Duration, transfers: u64) -> Vec<Moment> {
        let end = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.moments.retain(|moment| moment.elapsed_ms < end || moment.elapsed_ms == 0);
        self.note(elapsed, transfers);
        self.moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_a_bounded_number_of_moments_in_order() {
        let mut series = Series::new(None);
        let now = Instant::now();
        for at in 1..=50_000_u64 {
            // Each look is at a later time: the begin is moved back.
            let Some(begin) = now.checked_sub(Duration::from_millis(at * 10)) else { return };
            series.look(begin, at);
        }
        let moments = series.finish(Duration::from_millis(500_010), 50_000);
        assert!((100..=MOMENTS_MAX + 1).contains(&moments.len()), "{}", moments.len());
        assert!(moments.windows(2).all(|pair| pair[0].elapsed_ms < pair[1].elapsed_ms));
        assert_eq!(moments.last().map(|moment| moment.transfers), Some(50_000));
    }
}
