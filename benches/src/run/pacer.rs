//! Open loop: says when each batch is due, whatever has become of those before it. Sleeps on a thread of its own,
//! since a runtime's timers count in whole milliseconds, and rings one bell a thread of sessions: to ring for each batch
//! would be a system call for each.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How many of a session's batches are due, and the bell that tells it.
#[derive(Debug, Default)]
pub struct Due {
    /// Batches of the session that are due so far.
    pub batches: Cell<u64>,
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

    /// How many of the first `batches` are due by now.
    fn due_now(&self, batches: u64) -> u64 {
        let since = Instant::now().saturating_duration_since(self.begin).as_secs_f64();
        #[expect(clippy::cast_sign_loss, reason = "no time since is below zero")]
        let due = (since * self.batches_per_second) as u64 + 1;
        // The first is due at the begin, and rounding must not make one early.
        let due = if self.due(due - 1) > Instant::now() { due - 1 } else { due };
        due.min(batches)
    }

    /// Rings all bells whenever some of `batches` batches have fallen due, until all have.
    pub fn keep(&self, batches: u64, bells: &[Notify], is_over: &AtomicBool) {
        let mut next = 0;
        while next < batches && !is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            let due = self.due(next);
            if due > now {
                // Short naps, so that a run that failed ends.
                std::thread::sleep((due - now).min(Duration::from_millis(50)));
                continue;
            }
            next = self.due_now(batches);
            bells.iter().for_each(Notify::notify_one);
        }
    }

    /// Tells the sessions of a thread about their batches as they fall due, each time that the thread's bell is rung.
    /// Of all batches, counted over all sessions, one is a session's if `own` says whose it is.
    pub async fn tell(&self, batches: u64, bell: &Notify, own: impl Fn(u64) -> Option<Rc<Due>>) {
        let mut next = 0;
        while next < batches {
            bell.notified().await;
            let due = self.due_now(batches);
            for session in (next..due).filter_map(&own) {
                session.batches.set(session.batches.get() + 1);
                session.bell.notify_one();
            }
            next = due;
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
        let sessions: Vec<Rc<Due>> = (0..3).map(|_| Rc::default()).collect();
        let bells = [Notify::new()];
        std::thread::scope(|scope| {
            let told = || sessions.iter().map(|due| due.batches.get()).sum::<u64>();
            scope.spawn(|| schedule.keep(100, &bells, &AtomicBool::new(false)));
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(schedule.tell(100, &bells[0], |batch| {
                assert!(told() <= batch && Instant::now() >= schedule.due(batch), "batch {batch}");
                Some(Rc::clone(&sessions[(batch % 3) as usize]))
            }));
        });
        assert!(begin.elapsed() >= Duration::from_micros(49_500));
        let due: Vec<_> = sessions.iter().map(|due| due.batches.get()).collect();
        assert_eq!(due, [34, 33, 33]);
    }
}
