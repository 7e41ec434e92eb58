//! Drives a load: connects all sessions, lets them go at once, and gives what they measured. Sessions share one or
//! a few threads, each with a runtime of its own, so that the load takes no more cores than it must.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use super::pacer::{Due, Schedule};
use super::place::Server;
use super::session::{self, Session, Surroundings};
use crate::workload::maker::{Maker, Shape};

/// The longest latency that is told apart, nanoseconds: ten minutes.
const LATENCY_MAX: u64 = 600_000_000_000;
/// Between the last connection and the first batch.
const RUN_UP: Duration = Duration::from_millis(10);

/// How a load is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plan {
    /// Transfers in all.
    pub transfers: u64,
    /// Transfers in a batch; the last one has the rest.
    pub batch: usize,
    /// Sessions; session `n` speaks for participant `n`, counted round.
    pub sessions: u64,
    /// Batches of a session that are unanswered at the most.
    pub window: u64,
    /// Transfers in a second, over all sessions; none for full speed.
    pub rate: Option<u64>,
    /// Threads that the sessions share.
    pub threads: usize,
}

impl Plan {
    /// Batches in all.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.transfers.div_ceil(self.batch as u64)
    }

    /// Batches of a session.
    #[must_use]
    pub fn batches_of(&self, session: u64) -> u64 {
        self.batches().saturating_sub(session).div_ceil(self.sessions)
    }

    /// The number among all of a session's batch.
    #[must_use]
    pub const fn place_of(&self, session: u64, number: u64) -> u64 {
        number * self.sessions + session
    }

    /// Transfers of a batch by its number among all.
    #[must_use]
    pub fn size_of(&self, place: u64) -> usize {
        let rest = self.transfers.saturating_sub(place * self.batch as u64);
        rest.min(self.batch as u64) as usize
    }
}

/// Where a batch was acknowledged to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Acknowledged {
    /// Sequence of its first transfer.
    pub first_sequence: u64,
    /// Its session.
    pub session: u32,
    /// Its number in the session.
    pub number: u32,
}

/// What sessions measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Nanoseconds from when a batch was due to its answer.
    pub latency: Histogram<u64>,
    /// Batches that were answered.
    pub acknowledged: Vec<Acknowledged>,
    /// How often a batch was not taken and sent again.
    pub busy: u64,
    /// Batches whose outcomes are not those that they must have, and what the first of them was.
    pub different: u64,
    /// Why sessions ended early, and the first different batch.
    pub faults: Vec<String>,
    /// When the last answer came.
    pub end: Option<Instant>,
}

impl Measured {
    fn new() -> Self {
        let latency =
            Histogram::new_with_bounds(1, LATENCY_MAX, 3).expect("bounds that a histogram can have");
        Self { latency, acknowledged: Vec::new(), busy: 0, different: 0, faults: Vec::new(), end: None }
    }

    pub(super) fn record(&mut self, latency: Duration, now: Instant) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency.saturating_record(nanoseconds);
        self.end = Some(now);
    }

    pub(super) fn differ(&mut self, what: String) {
        self.different += 1;
        if self.different == 1 {
            self.fail(what);
        }
    }

    pub(super) fn fail(&mut self, what: String) {
        self.faults.push(what);
    }

    fn merge(&mut self, other: Self) {
        // Both have the same bounds.
        let _ = self.latency.add(&other.latency);
        self.acknowledged.extend(other.acknowledged);
        self.busy += other.busy;
        self.different += other.different;
        self.faults.extend(other.faults);
        self.end = self.end.max(other.end);
    }
}

/// Runs a load. `watch` is called every so often with the begin of the run and the transfers answered so far.
#[must_use]
pub fn drive(
    plan: Plan,
    shape: &Arc<Shape>,
    server: &Server,
    mut watch: impl FnMut(Instant, u64),
) -> (Instant, Measured) {
    let threads = plan.threads.clamp(1, 64).min(plan.sessions as usize);
    let answered = Arc::new(AtomicU64::new(0));
    let bells: Vec<Notify> = (0..threads).map(|_| Notify::new()).collect();
    let start =
        Start { barrier: Barrier::new(threads + 1), begin: OnceLock::new(), failed: AtomicBool::new(false) };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let drivers: Vec<_> = bells
            .iter()
            .enumerate()
            .map(|(thread, bell)| {
                let (start, answered) = (&start, Arc::clone(&answered));
                scope.spawn(move || {
                    let part = Part { thread, threads, plan, shape, server, bell };
                    part.run(start, answered)
                })
            })
            .collect();
        start.barrier.wait();
        let begin = Instant::now() + RUN_UP;
        let _ = start.begin.set(begin);
        start.barrier.wait();
        if let Some(schedule) = schedule(plan, begin) {
            let (bells, is_over) = (&bells, &is_over);
            scope.spawn(move || schedule.keep(plan.batches(), bells, is_over));
        }
        while drivers.iter().any(|driver| !driver.is_finished()) {
            watch(begin, answered.load(Ordering::Relaxed));
            std::thread::sleep(Duration::from_millis(10));
        }
        is_over.store(true, Ordering::Relaxed);
        watch(begin, answered.load(Ordering::Relaxed));
        let mut all = Measured::new();
        for driver in drivers {
            match driver.join() {
                Ok(measured) => all.merge(measured),
                Err(_) => all.fail("a thread of the load has panicked".to_owned()),
            }
        }
        (begin, all)
    })
}

fn schedule(plan: Plan, begin: Instant) -> Option<Schedule> {
    let rate = plan.rate?;
    Some(Schedule { begin, batches_per_second: rate as f64 / plan.batch as f64 })
}

/// All threads connect, then all begin.
struct Start {
    barrier: Barrier,
    begin: OnceLock<Instant>,
    failed: AtomicBool,
}

/// One thread's part of the sessions.
struct Part<'a> {
    thread: usize,
    threads: usize,
    plan: Plan,
    shape: &'a Arc<Shape>,
    server: &'a Server,
    bell: &'a Notify,
}

impl Part<'_> {
    fn run(&self, start: &Start, answered: Arc<AtomicU64>) -> Measured {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime for the load's sessions");
        let connected = runtime.block_on(self.connect());
        start.failed.fetch_or(connected.is_err(), Ordering::SeqCst);
        start.barrier.wait();
        start.barrier.wait();
        let measured = Rc::new(RefCell::new(Measured::new()));
        match connected {
            Err(fault) => measured.borrow_mut().fail(fault),
            Ok(_) if start.failed.load(Ordering::SeqCst) => {}
            Ok(sessions) => {
                let begin = start.begin.get().copied().unwrap_or_else(Instant::now);
                let around = Surroundings {
                    plan: self.plan,
                    schedule: schedule(self.plan, begin),
                    measured: Rc::clone(&measured),
                    answered,
                };
                runtime.block_on(self.run_all(sessions, around, begin));
            }
        }
        measured.take()
    }

    async fn connect(&self) -> Result<Vec<Session>, String> {
        let mut sessions = Vec::new();
        for number in (self.thread as u64..self.plan.sessions).step_by(self.threads) {
            let maker = Maker::new(self.shape, number, self.plan.window);
            let line = self.server.connect(maker.participant() as usize).await;
            let line = line.map_err(|fault| format!("session {number} can't connect: {fault}"))?;
            sessions.push(Session { number, line, maker, due: Rc::default() });
        }
        Ok(sessions)
    }

    async fn run_all(&self, sessions: Vec<Session>, around: Surroundings, begin: Instant) {
        let mut local = tokio::task::LocalSet::new();
        let dues: Vec<Rc<Due>> = sessions.iter().map(|session| Rc::clone(&session.due)).collect();
        for session in sessions {
            let around = around.clone();
            local.spawn_local(async move {
                tokio::time::sleep_until(begin.into()).await;
                session::run(session, around).await;
            });
        }
        let pace = async {
            let Some(schedule) = around.schedule else { return };
            let (thread, threads) = (self.thread as u64, self.threads as u64);
            let own = |batch: u64| {
                let session = batch % self.plan.sessions;
                (session % threads == thread).then(|| Rc::clone(&dues[(session / threads) as usize]))
            };
            schedule.tell(self.plan.batches(), self.bell, own).await;
        };
        tokio::select! {
            () = &mut local => {}
            () = pace => local.await,
        }
    }
}

impl Default for Measured {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_all_transfers_among_them() {
        for (transfers, batch, sessions) in [(20_000, 8_190, 8), (1_000, 1, 64), (17, 5, 3), (10, 10, 4)] {
            let plan = Plan { transfers, batch, sessions, window: 1, rate: None, threads: 1 };
            let sizes = (0..sessions).flat_map(|session| {
                (0..plan.batches_of(session)).map(move |number| plan.size_of(plan.place_of(session, number)))
            });
            let sizes: Vec<_> = sizes.collect();
            assert_eq!(sizes.iter().sum::<usize>() as u64, transfers);
            assert_eq!(sizes.len() as u64, plan.batches());
            assert!(sizes.iter().all(|size| *size > 0));
        }
    }
}
