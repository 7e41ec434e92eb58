//! Watches an inbox for `serve`: a thread that lists it again and again and takes in files that are complete.
//!
//! A file is complete when its length and time of change have not moved between two looks; who renames files into
//! the inbox needs no such luck. Names with a leading dot or ending in `.part` are never looked at.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use feiqian_runtime::pipeline::Engine;

use crate::after::waiting;
use crate::error::FilesError;
use crate::inbox::{InboxFile, list};
use crate::intake::{Disposal, IntakeOptions, take, tell_expired, tell_overdue};
use crate::report::{Disposition, IntakeReport};

/// A running watch; dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts watching `options.inbox`, looking each `interval`. `tell` gets the report of each round that took
    /// something in, and each fault that concerns the inbox as a whole; it runs on the watch's thread.
    ///
    /// Files are moved, whatever `options.disposal` says: a watch that leaves them would take them in for ever.
    ///
    /// # Errors
    /// [`FilesError::Io`] if no thread can be started.
    pub fn start(
        engine: Engine,
        options: IntakeOptions,
        interval: Duration,
        tell: impl FnMut(Result<IntakeReport, FilesError>) + Send + 'static,
    ) -> Result<Self, FilesError> {
        let (stop, stopped) = channel();
        let inbox = options.inbox.clone();
        let options = IntakeOptions { disposal: Disposal::Move, ..options };
        let run = move || run(&engine, &options, interval, &stopped, tell);
        let thread = std::thread::Builder::new().name("inbox".to_owned()).spawn(run);
        let thread = thread.map_err(FilesError::io(&inbox, "start a thread for"))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stops after the round that is being worked on.
    pub fn stop(mut self) {
        // The thread may have ended by itself, when the engine closed.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What a file looked like; the same twice means that nobody writes to it.
type Look = (u64, Option<SystemTime>);

/// What the last round saw and told.
#[derive(Default)]
struct Memory {
    looks: BTreeMap<String, Look>,
    /// Why files were left, so that a fault that lasts is told once.
    left: BTreeMap<String, Option<String>>,
    fault: Option<String>,
    /// When recalls were looked at.
    hour: u64,
    /// Whether requests to pay have been looked at, and when the next of them expires.
    expiries: Option<Option<u64>>,
}

/// Nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

fn run(
    engine: &Engine,
    options: &IntakeOptions,
    interval: Duration,
    stopped: &Receiver<()>,
    mut tell: impl FnMut(Result<IntakeReport, FilesError>),
) {
    let mut memory = Memory::default();
    // A watch that was dropped ends as one that was stopped.
    while matches!(stopped.recv_timeout(interval), Err(RecvTimeoutError::Timeout)) {
        match memory.round(engine, options) {
            Err(FilesError::Closing) => return,
            Err(fault) => {
                let text = Some(fault.to_string());
                if text != std::mem::replace(&mut memory.fault, text.clone()) {
                    tell(Err(fault));
                }
            }
            Ok(report) => {
                memory.fault = None;
                if !report.files.is_empty() || report.decided + report.overdue + report.expired > 0 {
                    tell(Ok(report));
                }
            }
        }
    }
}

impl Memory {
    fn round(&mut self, engine: &Engine, options: &IntakeOptions) -> Result<IntakeReport, FilesError> {
        let listing = list(&options.inbox)?;
        let before = std::mem::take(&mut self.looks);
        let mut complete: Vec<InboxFile> = Vec::new();
        for file in listing.files {
            let changed = std::fs::metadata(&file.path).and_then(|metadata| metadata.modified()).ok();
            let look = (file.bytes, changed);
            if before.get(&file.name) == Some(&look) {
                complete.push(file.clone());
            }
            self.looks.insert(file.name, look);
        }
        self.left.retain(|name, _| self.looks.contains_key(name));
        let mut files = take(engine, options, &complete)?;
        files.retain(|file| {
            file.disposition != Disposition::Left
                || self.left.insert(file.name.clone(), file.reason.clone()) != Some(file.reason.clone())
        });
        let decided = waiting::tell(engine, options)?;
        // Recalls are counted in days, and there may be many.
        let hour = (options.clock)() / HOUR;
        let overdue = if hour == self.hour { 0 } else { tell_overdue(engine, options)? };
        self.hour = hour;
        let expired = self.expire(engine, options, !files.is_empty())?;
        Ok(IntakeReport { files, skipped: listing.skipped, left: listing.left, decided, overdue, expired })
    }

    /// Looks at the requests to pay where one has expired, or there may be new ones.
    fn expire(&mut self, engine: &Engine, options: &IntakeOptions, is_new: bool) -> Result<u64, FilesError> {
        let now = (options.clock)();
        let is_due = self.expiries.is_none_or(|next| next.is_some_and(|next| next <= now));
        if !is_due && !is_new {
            return Ok(0);
        }
        let (expired, next) = tell_expired(engine, options)?;
        self.expiries = Some(next);
        Ok(expired)
    }
}
