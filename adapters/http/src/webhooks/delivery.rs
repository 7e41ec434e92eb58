//! Tells one target, on a thread of its own, one request after the other: the next is sent when the one before was taken. It
//! reads the journal behind what is sealed and holds up nobody: neither a slow receiver nor one that is down costs anyone
//! else more than a thread that waits.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use feiqian_runtime::background::give_way;
use feiqian_runtime::pipeline::Engine;

use super::batch::{Ahead, Batch, next_last};
use super::meter::Meter;
use super::place::{Keeper, PlaceFault};
use super::post::{Attempt, Poster};
use super::target::Target;
use super::{Gone, Retry, Tell, Told, What};
use crate::caller::Asker;
use crate::feed;
use crate::limits::{WEBHOOK_AHEAD_MAX, WEBHOOK_BYTES_MAX, WEBHOOK_PLACE_ENTRIES};
use crate::problem::Problem;

/// Between two looks for a new block.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at what an operator may have asked, while there is nothing else to do.
const LOOK: Duration = Duration::from_millis(500);

/// Why nothing can be told for now.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the journal can't be read: run `feiqian audit`")]
    Journal,
    #[error(transparent)]
    Place(#[from] PlaceFault),
}

impl From<Problem> for Fault {
    fn from(_: Problem) -> Self {
        Self::Journal
    }
}

/// Tells one target.
pub(super) struct Delivery {
    engine: Engine,
    asker: Asker,
    target: Target,
    poster: Poster,
    keeper: Keeper,
    ahead: Ahead,
    /// All up to this sequence was read: it is done, or stands in `ahead`.
    read: u64,
    retry: Retry,
    /// Requests that failed since one was taken.
    failures: u32,
    not_before: Instant,
    /// What was told last of what is wrong, so that it is told once.
    wrong: Option<String>,
    meter: Meter,
    tell: Tell,
}

impl Delivery {
    pub(super) fn new(
        (engine, asker): (Engine, Asker),
        (target, poster, keeper): (Target, Poster, Keeper),
        (retry, tell): (Retry, Tell),
    ) -> Self {
        let (read, meter) = (keeper.place().done, Meter::new(&target.label()));
        meter.stopped(keeper.place().is_stopped);
        let not_before = Instant::now();
        Self {
            engine,
            asker,
            target,
            poster,
            keeper,
            ahead: Ahead::new(),
            read,
            retry,
            failures: 0,
            not_before,
            wrong: None,
            meter,
            tell,
        }
    }

    /// Goes on until whoever holds the other end lets go of it, or says that the target is gone for good.
    pub(super) fn run(mut self, stopped: &Receiver<Gone>) {
        give_way();
        loop {
            let wait = self.step().unwrap_or_else(|fault| {
                self.complain(What::Fault(fault.to_string()));
                LOOK
            });
            match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                // What is lost with this is read again.
                Err(RecvTimeoutError::Disconnected) => return drop(self.keeper.save()),
                Ok(Gone) => return self.leave(),
            }
        }
    }

    /// Its files go with it; one that stays goes at the next start.
    fn leave(self) {
        self.meter.lag(0);
        self.meter.stopped(false);
        let _ = self.keeper.remove();
    }

    /// Does the next thing, and says how long to wait then.
    fn step(&mut self) -> Result<Duration, Fault> {
        if let Some(from) = self.keeper.take_replay()? {
            self.begin_again(from);
        }
        let left = self.not_before.saturating_duration_since(Instant::now());
        if self.keeper.place().is_stopped || !left.is_zero() {
            let sealed = feed::sealed(&self.engine)?;
            self.meter.lag(sealed.saturating_sub(self.keeper.place().done));
            return Ok(if self.keeper.place().is_stopped { LOOK } else { left.min(LOOK) });
        }
        let has_moved = self.read_on()?;
        let Some(batch) = self.next() else {
            return Ok(if has_moved { Duration::ZERO } else { PAUSE });
        };
        // Before it is sent: should it be taken and the answer lost, the same request is sent again.
        self.keeper.place_mut().sending = Some(batch.last);
        self.keeper.save()?;
        let attempt = self.poster.post(&batch);
        self.conclude(attempt, &batch)?;
        Ok(Duration::ZERO)
    }

    /// The next request: one that was sent before as it was, once all of it is read.
    fn next(&self) -> Option<Batch> {
        let place = self.keeper.place();
        let is_read = place.sending.is_none_or(|last| last <= self.read);
        is_read.then(|| Batch::of(&self.target, &self.ahead, place.delivered, place.sending)).flatten()
    }

    fn begin_again(&mut self, from: u64) {
        self.ahead.clear();
        self.read = self.keeper.place().done;
        (self.failures, self.not_before, self.wrong) = (0, Instant::now(), None);
        self.meter.stopped(false);
        self.say(What::Replay(from));
    }

    /// Reads a round where nothing was read ahead, or not all of the request that is to be sent again.
    fn read_on(&mut self) -> Result<bool, Fault> {
        let sending = self.keeper.place().sending;
        if !self.ahead.is_empty() && sending.is_none_or(|last| last <= self.read) {
            return Ok(false);
        }
        let (ahead, target, before) = (&mut self.ahead, &self.target, self.read);
        let mut bytes = 0;
        let read = feed::read(&self.engine, self.asker, self.read, &mut |sequence, event| {
            if target.wants(event.transfer.outcome) {
                let json = serde_json::to_string(event).map_err(|_| Problem::fault())?;
                bytes += json.len();
                ahead.push_back((sequence, json));
            }
            let is_full = ahead.len() >= WEBHOOK_AHEAD_MAX || bytes >= WEBHOOK_BYTES_MAX;
            Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        let read = read.inspect_err(|_| {
            // A round that was cut off is read again as a whole.
            while ahead.back().is_some_and(|(sequence, _)| *sequence > before) {
                ahead.pop_back();
            }
        })?;
        self.read = read.reached;
        self.pass()?;
        self.meter.lag(read.sealed.saturating_sub(self.keeper.place().done));
        Ok(read.reached > before)
    }

    /// Notes what was read and is none of the target's.
    fn pass(&mut self) -> Result<(), Fault> {
        let (read, first) = (self.read, self.ahead.front().map(|(sequence, _)| *sequence));
        let place = self.keeper.place_mut();
        if place.sending.is_some_and(|last| last <= read && first.is_none_or(|first| first > last)) {
            // It wants other events than when that request was sent.
            place.sending = None;
        }
        if place.sending.is_none() {
            place.done = first.map_or(read, |first| first - 1);
        }
        if self.keeper.passed() >= WEBHOOK_PLACE_ENTRIES {
            self.keeper.save()?;
        }
        Ok(())
    }

    fn conclude(&mut self, attempt: Attempt, batch: &Batch) -> Result<(), Fault> {
        match attempt {
            Attempt::Taken => return self.go_on(batch),
            Attempt::Gone => {
                self.meter.failed.increment(1);
                self.meter.stopped(true);
                self.say(What::Gone);
                self.keeper.place_mut().is_stopped = true;
                self.keeper.save()?;
            }
            Attempt::Failed(failure) => {
                self.meter.failed.increment(1);
                self.failures = self.failures.saturating_add(1);
                self.not_before = Instant::now() + self.retry.pause(self.failures);
                self.complain(What::Failing(failure));
            }
        }
        Ok(())
    }

    /// Writes down that a request was taken, and with the same stroke which is the next.
    fn go_on(&mut self, batch: &Batch) -> Result<(), Fault> {
        self.meter.delivered.increment(batch.count as u64);
        if self.wrong.take().is_some() {
            self.say(What::Recovered);
        }
        self.failures = 0;
        self.ahead.drain(..batch.count);
        let next = next_last(&self.ahead, None);
        let place = self.keeper.place_mut();
        (place.delivered, place.sending) = (batch.last, next);
        place.done = self.ahead.front().map_or(self.read, |(first, _)| first - 1);
        self.keeper.save()?;
        Ok(())
    }

    /// Tells what is wrong once while it lasts.
    fn complain(&mut self, what: What) {
        let words = what.to_string();
        if self.wrong.as_ref() != Some(&words) {
            self.wrong = Some(words);
            self.say(what);
        }
    }

    fn say(&self, what: What) {
        (self.tell)(&Told { target: self.target.shown(), what });
    }
}
