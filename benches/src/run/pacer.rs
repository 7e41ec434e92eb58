//! Open loop: says when each batch is due, whatever has become of those before it. Sleeps on a thread of its own,
//! since a runtime's timers count in whole milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How many of a session's batches are due, and the bell that tells it.
#[derive(Debug, Default)]
pub struct Due {
    /// Batches of the session that are due so far.
    pub batches: AtomicU64,
    /// Rung when there are more, or when the session has something else to look at.
    pub bell: Notify,
}

/// When batches are due: one after the other at even distances, sessions in turn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Schedule {
    /// When the first is.
    pub begin: Instant,
    /// Batches in a second, over all sessions.
    pub batches_per_second: f64,
}

impl Schedule {
    /// When the batch of this number is due, counted over all sessions.
    #[must_use]
    pub fn due(&self, batch: u64) -> Instant {
        self.begin + Duration::from_secs_f64(batch as f64 / self.batches_per_second)
    }

    /// Tells the sessions about `batches` batches as they fall due; session `n` has those with this remainder.
    pub fn keep(&self, batches: u64, sessions: &[Arc<Due>], is_over: &AtomicBool) {
        let mut next = 0;
        while next < batches && !is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            let due = self.due(next);
            if due > now {
                // Short naps, so that a run that failed ends.
                std::thread::sleep((due - now).min(Duration::from_millis(50)));
                continue;
            }
            let session = &sessions[(next % sessions.len() as u64) as usize];
            session.batches.fetch_add(1, Ordering::Release);
            session.bell.notify_one();
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_fall_due_in_turn_and_no_earlier_than_planned() {
        let begin = Instant::now();
        let schedule = Schedule { begin, batches_per_second: 2_000.0 };
        let sessions: Vec<Arc<Due>> = (0..3).map(|_| Arc::default()).collect();
        schedule.keep(100, &sessions, &AtomicBool::new(false));
        assert!(begin.elapsed() >= Duration::from_micros(49_500));
        let due: Vec<_> = sessions.iter().map(|due| due.batches.load(Ordering::Acquire)).collect();
        assert_eq!(due, [34, 33, 33]);
    }
}
