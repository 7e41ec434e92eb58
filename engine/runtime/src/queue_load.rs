//! How much a queue holds, where its items differ so much in size that their number bounds nothing: who puts in waits
//! for room, who takes out gives it back.

use parking_lot::{Condvar, Mutex};

/// What is in a queue, in the unit of whoever uses it.
#[derive(Debug)]
pub(crate) struct QueueLoad {
    /// None once nobody takes out any more.
    held: Mutex<Option<u64>>,
    has_fallen: Condvar,
}

impl Default for QueueLoad {
    fn default() -> Self {
        Self { held: Mutex::new(Some(0)), has_fallen: Condvar::new() }
    }
}

impl QueueLoad {
    /// Waits until so much more is no more than `most`; an item larger than that goes alone. Waits for nothing in a queue
    /// that is closed.
    pub(crate) fn take(&self, size: u64, most: u64) {
        let mut held = self.held.lock();
        while held.is_some_and(|held| held > 0 && held + size > most) {
            self.has_fallen.wait(&mut held);
        }
        *held = held.map(|held| held + size);
    }

    /// So much has been taken out.
    pub(crate) fn give_back(&self, size: u64) {
        let mut held = self.held.lock();
        *held = held.map(|held| held - size);
        self.has_fallen.notify_all();
    }

    /// Nobody will take out any more.
    pub(crate) fn close(&self) {
        *self.held.lock() = None;
        self.has_fallen.notify_all();
    }

    /// Closes when it is dropped: also where whoever takes out panics, who puts in must not wait for ever.
    pub(crate) const fn closing(&self) -> Closing<'_> {
        Closing(self)
    }
}

/// See [`QueueLoad::closing`].
#[derive(Debug)]
pub(crate) struct Closing<'a>(&'a QueueLoad);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[test]
    fn it_holds_no_more_than_it_may_but_for_what_is_larger_alone() {
        let (load, inside, most_seen) = (QueueLoad::default(), AtomicU64::new(0), AtomicU64::new(0));
        let (put, taken) = crossbeam::channel::unbounded();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for size in [4, 4, 3, 25, 1, 9] {
                    load.take(size, 10);
                    most_seen.fetch_max(inside.fetch_add(size, Ordering::SeqCst) + size, Ordering::SeqCst);
                    put.send(size).expect("it is taken below");
                }
                drop(put);
            });
            for size in taken.clone() {
                std::thread::sleep(Duration::from_millis(2));
                inside.fetch_sub(size, Ordering::SeqCst);
                load.give_back(size);
                assert!(inside.load(Ordering::SeqCst) <= 25);
            }
        });
        assert_eq!(most_seen.into_inner(), 25, "more than 10 only alone");
        assert_eq!(inside.into_inner(), 0);
    }

    #[test]
    fn nobody_waits_for_one_who_takes_no_more() {
        let load = QueueLoad::default();
        load.take(10, 10);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| load.take(1, 10));
            std::thread::sleep(Duration::from_millis(5));
            assert!(!waiting.is_finished());
            drop(load.closing());
        });
        load.take(11, 10);
    }
}
