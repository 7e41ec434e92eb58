//! A thread beside the one that executes: takes what it is handed, in order, until nothing more comes or something is
//! wrong. Whoever hands over learns with a later item that it has ended, and why when it finishes the stage.

use std::thread::{Scope, ScopedJoinHandle};

use crossbeam::channel::{Sender, bounded};

/// A worker of type `W` on a thread of its own, for items `T`; ends with the worker, or with its fault.
#[derive(Debug)]
pub(crate) struct Stage<'scope, T, W, F> {
    lane: Sender<T>,
    thread: ScopedJoinHandle<'scope, Result<W, F>>,
}

impl<'scope, T, W, F> Stage<'scope, T, W, F>
where
    T: Send + 'scope,
    W: Send + 'scope,
    F: Send + 'scope,
{
    /// At most `ahead` items wait for the worker.
    pub(crate) fn start(
        scope: &'scope Scope<'scope, '_>,
        ahead: usize,
        mut worker: W,
        mut take: impl FnMut(&mut W, T) -> Result<(), F> + Send + 'scope,
    ) -> Self {
        let (lane, items) = bounded(ahead);
        let thread = scope.spawn(move || {
            for item in items {
                take(&mut worker, item)?;
            }
            Ok(worker)
        });
        Self { lane, thread }
    }

    /// Hands an item over; waits for room. False: the worker has failed, and takes no more.
    pub(crate) fn hand(&self, item: T) -> bool {
        self.lane.send(item).is_ok()
    }

    /// Waits until all that was handed over is done.
    pub(crate) fn finish(self) -> Result<W, F> {
        drop(self.lane);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
