//! The follower's thread: one turn after the other, at once while there is something to do, and more and more slowly
//! while the source does not answer.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feiqian_runtime::follow::{Alarm, Finding, FollowFault, Follower};
use feiqian_runtime::storage::files::FileStorage;
use serde::Serialize;

use super::standing::Standing;
use crate::fault::Fault;
use crate::follow::{Client, WAIT_MS_MAX};
use crate::output::Output;

/// Between turns where there was nothing: the source itself waits for frames, but not for blocks.
const NAP: Duration = Duration::from_millis(5);
/// For frames while a checkpoint is due, milliseconds: doubled with each turn that finds nothing, for others may be slow to
/// cosign the one before.
const SOON_MS: u64 = 10;
/// Between two looks whether to end.
const STEP: Duration = Duration::from_millis(50);

/// How long to wait after so many failures: a tenth of a second, doubled up to five seconds.
pub(super) fn backoff(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(6)).min(Duration::from_secs(5))
}

/// How long to wait for frames after so many turns that found nothing, milliseconds.
fn soon(idle: u32) -> u64 {
    (SOON_MS << idle.min(7)).min(WAIT_MS_MAX)
}

/// What is driven, and whom it tells.
pub(super) struct Driver {
    follower: Follower<FileStorage>,
    client: Client,
    standing: Arc<Standing>,
    is_ending: Arc<AtomicBool>,
    storage: FileStorage,
    data: PathBuf,
}

/// An alarm as it is told.
#[derive(Serialize)]
pub(super) struct Told {
    is_alarm: bool,
    sequence: u64,
    height: u64,
    what: String,
    evidence: String,
    /// Where a validator is asked that was started with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<String>,
}

/// What is told of an alarm.
pub(super) fn told(alarm: &Alarm, data: &Path, listening: Option<SocketAddr>) -> Told {
    let Alarm { sequence, height, evidence, what } = alarm.clone();
    Told {
        is_alarm: true,
        sequence,
        height,
        what,
        evidence: data.join(evidence).display().to_string(),
        metrics: listening.map(|address| format!("http://{address}/metrics")),
        health: listening.map(|address| format!("http://{address}/health")),
    }
}

/// What a validator with an alarm ends with.
pub(super) fn first_difference(alarm: &Alarm, data: &Path) -> Fault {
    let Alarm { sequence, height, evidence, what } = alarm;
    let evidence = data.join(evidence);
    let evidence = evidence.display();
    Fault::Check(format!(
        "first difference: sequence {sequence} (block {height}): {what}; evidence in {evidence}; once somebody has looked, \
         start it with --alarm-seen"
    ))
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sequence, height, what, evidence, .. } = self;
        writeln!(f, "ALARM: first difference at sequence {sequence}, block {height}: {what}")?;
        writeln!(f, "  nothing more is followed or signed; evidence in {evidence} (feiqian verify-evidence)")
    }
}

impl Driver {
    pub(super) fn new(
        follower: Follower<FileStorage>,
        client: Client,
        (standing, is_ending): (Arc<Standing>, Arc<AtomicBool>),
        (storage, data): (FileStorage, PathBuf),
    ) -> Self {
        Self { follower, client, standing, is_ending, storage, data }
    }

    /// Runs until it is to end, or its own disk fails. Where a difference is found, it waits for the end.
    pub(super) fn run(mut self, output: Output) -> Result<(), Fault> {
        self.standing.tell(&self.follower, &self.client);
        let (mut failures, mut idle) = (0, 0);
        while !self.is_ending.load(Ordering::Acquire) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let wait_ms = if self.follower.is_behind() { soon(idle) } else { WAIT_MS_MAX };
            self.client.wait_for_frames(wait_ms);
            let turn = self.follower.turn(&mut self.client, now);
            self.standing.tell(&self.follower, &self.client);
            match turn {
                Ok(turn) => {
                    failures = 0;
                    self.standing.set_connected(true);
                    idle = if turn.is_idle() { idle.saturating_add(1) } else { 0 };
                    if idle > 0 {
                        std::thread::sleep(NAP);
                    }
                }
                Err(FollowFault::Source(fault)) => {
                    if failures == 0 {
                        output.fault(&fault);
                    }
                    self.standing.count(&fault);
                    self.standing.set_connected(false);
                    self.wait(backoff(failures));
                    failures = failures.saturating_add(1);
                }
                Err(FollowFault::Found(finding)) => return self.alarm(&finding, output),
                Err(fault) => {
                    return Err(Fault::Data(format!("{}: {fault}", self.data.display())));
                }
            }
        }
        let closed = self.follower.close();
        closed.map_err(|fault| Fault::Data(format!("{}: {fault}", self.data.display())))
    }

    fn wait(&self, time: Duration) {
        let mut waited = Duration::ZERO;
        while waited < time && !self.is_ending.load(Ordering::Acquire) {
            std::thread::sleep(STEP);
            waited += STEP;
        }
    }

    /// The metric stays up until somebody ends the process, and is up again after each start; the exit code says it once more.
    fn alarm(self, finding: &Finding, output: Output) -> Result<(), Fault> {
        self.standing.set_alarm();
        let alarm = Alarm::raise(&self.storage, finding)
            .map_err(|error| Fault::File(format!("{finding}; its evidence can't be kept: {error}")))?;
        output.report(&told(&alarm, &self.data, None));
        self.wait(Duration::MAX);
        Err(first_difference(&alarm, &self.data))
    }
}
