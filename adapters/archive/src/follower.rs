//! Follows a running engine: a thread that exports what has been sealed, again and again. It gives way to every other
//! thread, and what it can't write for lack of room it writes when it can. Where a sync fails it ends: only the next start
//! knows what is there.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use feiqian_runtime::background::give_way;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::{FileStorage, OpenFault};

use crate::error::ArchiveError;
use crate::export::{ExportOptions, Exported, export_until};
use crate::limits::STOP_WAIT;

/// A running follower; dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Follower {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// What a follower tells.
pub type Told = Result<Exported, ArchiveError>;

impl Follower {
    /// Exports to `directory` each `interval`, and once more at the end. `tell` gets what was exported, and each fault once
    /// while it lasts; it runs on the follower's thread.
    ///
    /// # Errors
    /// [`OpenFault`] where the directory can't be used: another process exports to it.
    pub fn start(
        engine: Engine,
        directory: &Path,
        interval: Duration,
        tell: impl FnMut(Told) + Send + 'static,
    ) -> Result<Self, OpenFault> {
        let storage = FileStorage::open(directory)?;
        let (stop, stopped) = channel();
        let run = move || run(&engine, &storage, (interval, &stopped), tell);
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(run);
        let thread = thread.map_err(|error| no_thread(directory, &error))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stops after a last round: what is sealed by now is exported, as far as that gets in [`STOP_WAIT`]. The rest is for the
    /// next start.
    pub fn stop(mut self) {
        // The thread may have ended by itself.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Whether the follower is to stop, and since when.
struct Stop<'a> {
    stopped: &'a Receiver<()>,
    since: Cell<Option<Instant>>,
    /// How long it may then go on.
    most: Duration,
}

impl<'a> Stop<'a> {
    fn new(stopped: &'a Receiver<()>, most: Duration) -> Self {
        Self { stopped, since: Cell::new(None), most }
    }

    /// Waits so long, or until it is to stop.
    fn wait(&self, interval: Duration) {
        // A follower that was dropped ends as one that was stopped.
        if !self.is_told() && self.stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
            self.since.set(Some(Instant::now()));
        }
    }

    fn is_told(&self) -> bool {
        if self.since.get().is_none() && self.stopped.try_recv() != Err(TryRecvError::Empty) {
            self.since.set(Some(Instant::now()));
        }
        self.since.get().is_some()
    }

    /// Whether its time to end by itself is over.
    fn is_over(&self) -> bool {
        self.is_told() && self.since.get().is_some_and(|since| since.elapsed() >= self.most)
    }
}

fn run(
    engine: &Engine,
    storage: &FileStorage,
    (interval, stopped): (Duration, &Receiver<()>),
    mut tell: impl FnMut(Told),
) {
    give_way();
    let mut fault: Option<String> = None;
    let stop = Stop::new(stopped, STOP_WAIT);
    loop {
        stop.wait(interval);
        let is_last = stop.is_told();
        let exported = export_until(engine, storage.clone(), &ExportOptions::default(), &|| stop.is_over());
        let text = exported.as_ref().err().map(ToString::to_string);
        let is_news = match &exported {
            Ok(exported) => exported.blocks > 0,
            Err(_) => text != fault,
        };
        let is_final = exported.as_ref().is_err_and(ArchiveError::is_final);
        fault = text;
        if is_news {
            tell(exported);
        }
        if is_final || is_last {
            return;
        }
    }
}

fn no_thread(directory: &Path, error: &std::io::Error) -> OpenFault {
    use feiqian_runtime::storage::{Cause, Operation, StorageFault};
    let directory: PathBuf = directory.to_owned();
    let cause = error.raw_os_error().map_or(Cause::EndsEarly, Cause::Errno);
    let fault = StorageFault { operation: Operation::Open, path: "a thread".to_owned(), offset: 0, cause };
    OpenFault::Storage { directory: directory.display().to_string(), fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_to_stop_stays_told_and_may_go_on_for_its_time() {
        const LONG: Duration = Duration::from_secs(3_600);
        let (sender, receiver) = channel();
        let (patient, hasty) = (Stop::new(&receiver, LONG), Stop::new(&receiver, Duration::ZERO));
        hasty.wait(Duration::from_millis(1));
        assert!(!hasty.is_told() && !hasty.is_over(), "nobody has told it");
        sender.send(()).expect("there");
        assert!(hasty.is_over() && hasty.is_told() && hasty.is_over(), "once is enough");
        sender.send(()).expect("there");
        // Told in the midst of a round: the next wait is none.
        assert!(patient.is_told());
        patient.wait(LONG);
        assert!(patient.is_told() && !patient.is_over(), "a last round");
        drop(sender);
        let dropped = Stop::new(&receiver, LONG);
        dropped.wait(LONG);
        assert!(dropped.is_told(), "dropped is told");
    }
}
