//! One run of the load generator from its options to its report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asked::Asked;
use super::disk::written_bytes;
use super::driver::{Measured, Plan, drive};
use super::place::{Keys, Place, Server};
use super::plot;
use super::report::LoadReport;
use super::scratch;
use super::series::{Moment, Series};
use super::server::{OwnServer, ServerProgram, ServerSpec};
use super::usage::Usage;
use super::verify::{Expectation, Sent, check_directory};
use crate::workload::layout::Layout;
use crate::workload::maker::Shape;
use crate::workload::{Door, Workload};

/// Where a load goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A server of its own, in this fresh data directory, or in one that is removed once all checks have passed.
    Own(Option<PathBuf>),
    /// A server that runs.
    Connect(Place, Keys),
}

/// What to do.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where.
    pub target: Target,
    /// What is sent. On a server that runs, accounts, participants and currencies are those that it has.
    pub workload: Workload,
    /// Transfers.
    pub transfers: u64,
    /// Transfers in a batch.
    pub batch: usize,
    /// Sessions.
    pub sessions: u64,
    /// Transfers in a second; none for full speed.
    pub rate: Option<u64>,
    /// Batches of a session that are unanswered at the most; none for as many as the engine takes by default.
    pub window: Option<u64>,
    /// Threads of the load generator.
    pub threads: usize,
    /// Shards of an own server; none for the default.
    pub shards: Option<usize>,
    /// Whether an own server hashes leaves and seals blocks; the check at the end makes what is missing.
    pub is_sealing: bool,
    /// Blocks between two snapshots of an own server; none for the default.
    pub snapshot_blocks: Option<u64>,
    /// Where the run's folder is made, for its report, its plot, and its data where no other place is named.
    pub folder: PathBuf,
}

/// Why there is no report.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoadFault {
    /// The options can't be meant.
    #[error("{0}")]
    Usage(String),
    /// The server can't be started, reached, or used.
    #[error("{0}")]
    Server(String),
    /// A file can't be written.
    #[error("{0}")]
    File(String),
}

impl LoadOptions {
    /// How it is sent.
    ///
    /// # Errors
    /// [`LoadFault::Usage`] for numbers that can't be meant.
    pub fn plan(&self) -> Result<Plan, LoadFault> {
        let most = feiqian_core::limits::BATCH_TRANSFERS_MAX;
        let fault = |text: String| Err(LoadFault::Usage(text));
        if !(1..=most).contains(&self.batch) {
            return fault(format!("--batch: 1 to {most}"));
        }
        if !(1..=1_000).contains(&self.sessions) || self.threads == 0 || self.rate == Some(0) {
            return fault("--sessions: 1 to 1,000; threads and rate are not zero".to_owned());
        }
        if self.transfers == 0 || self.transfers.div_ceil(self.batch as u64) > u64::from(u32::MAX) {
            return fault("--transfers: 1 to 4 thousand million batches".to_owned());
        }
        let Self { transfers, batch, rate, threads, .. } = *self;
        let sessions = self.sessions.min(transfers.div_ceil(batch as u64));
        let window = match self.workload.door {
            Door::Http => self.http_window()?,
            Door::Wire => self.window.unwrap_or_else(|| usual_window(batch, sessions)).max(1),
        };
        Ok(Plan { transfers, batch, sessions, window, rate, threads })
    }

    /// One request at a time; what a load can't ask of the JSON API is refused.
    fn http_window(&self) -> Result<u64, LoadFault> {
        let fault = |text: &str| Err(LoadFault::Usage(text.to_owned()));
        if self.window.is_some_and(|window| window > 1) {
            return fault(
                "--window: over HTTP a connection carries one request at a time; take more --sessions",
            );
        }
        if self.workload.chain_share > 0.0 {
            return fault(
                "--chains: in a bulk over HTTP each transfer stands on its own; leave them to the bulk protocol",
            );
        }
        if self.workload.two_phase_share > 0.0 && self.batch > 1 {
            return fault("--two-phase: over HTTP a hold is a request of its own; take --batch 1");
        }
        Ok(1)
    }
}

/// Batches of a session in flight, so that all sessions together keep every stage of the pipeline busy and stay
/// within what admission takes by default: 32 full batches in all, 8 of a participant.
fn usual_window(batch: usize, sessions: u64) -> u64 {
    const IN_FLIGHT: u64 = 16 * 8_190;
    (IN_FLIGHT / (batch as u64 * sessions)).clamp(1, 7)
}

/// Runs a load. `progress` is called with the transfers answered so far.
///
/// # Errors
/// [`LoadFault`]; that a check does not hold is none, the report says so.
pub fn run(
    options: &LoadOptions,
    program: &ServerProgram,
    progress: &mut dyn FnMut(u64),
) -> Result<LoadReport, LoadFault> {
    let plan = options.plan()?;
    let folder = scratch::folder(&options.folder)
        .map_err(|fault| LoadFault::File(format!("{}: {fault}", options.folder.display())))?;
    let mut report = match &options.target {
        Target::Own(data) => {
            options.workload.check().map_err(LoadFault::Usage)?;
            let path = data.clone().unwrap_or_else(|| folder.join("data"));
            let report = on_own(options, plan, program, (&path, progress))?;
            if data.is_none() && report.checked {
                std::fs::remove_dir_all(&path).map_err(|fault| LoadFault::File(fault.to_string()))?;
            }
            report
        }
        Target::Connect(place, keys) => on_other(options, plan, (place, keys), progress)?,
    };
    write(&folder, &mut report)?;
    Ok(report)
}

fn write(folder: &Path, report: &mut LoadReport) -> Result<(), LoadFault> {
    let [json, page] = ["report.json", "plot.html"].map(|name| folder.join(name));
    report.files = [&json, &page].map(|path| path.display().to_string()).to_vec();
    let text = serde_json::to_string_pretty(&report).unwrap_or_default();
    std::fs::write(&json, text)
        .and_then(|()| std::fs::write(&page, plot::page(report)))
        .map_err(|fault| LoadFault::File(format!("{}: {fault}", folder.display())))
}

/// What one drive gave.
#[derive(Debug)]
pub struct Driven {
    /// What sessions measured.
    pub measured: Measured,
    /// From the first batch to the last answer.
    pub elapsed: Duration,
    /// How it went.
    pub series: Vec<Moment>,
}

/// Drives a load against a server and notes how it went; `data` is the server's directory, if it is at hand.
pub fn drive_noting(
    plan: Plan,
    shape: &Arc<Shape>,
    server: &Server,
    data: Option<PathBuf>,
    progress: &mut dyn FnMut(u64),
) -> Driven {
    let mut series = Series::new(data);
    let mut answered = 0;
    let (begin, mut measured) = drive(plan, shape, server, |begin: Instant, transfers| {
        series.look(begin, transfers);
        progress(transfers);
        answered = transfers;
    });
    measured.acknowledged.sort_unstable();
    let end = measured.end.unwrap_or(begin);
    let elapsed = end.saturating_duration_since(begin);
    Driven { series: series.finish(elapsed, answered), measured, elapsed }
}

/// The participants of a load's own server, at an address.
///
/// # Errors
/// If the text is no address.
pub fn own_credentials(address: &str, participants: u32) -> Result<Server, LoadFault> {
    let place = address.parse().map_err(LoadFault::Server)?;
    Ok(Server::own(&place, participants))
}

fn on_own(
    options: &LoadOptions,
    plan: Plan,
    program: &ServerProgram,
    (data, progress): (&Path, &mut dyn FnMut(u64)),
) -> Result<LoadReport, LoadFault> {
    let disk =
        || written_bytes(data).map_err(|fault| LoadFault::File(format!("{}: {fault}", data.display())));
    let mut spec = ServerSpec::new(data.to_owned(), options.workload.clone());
    spec.shards = options.shards;
    (spec.is_sealing, spec.snapshot_blocks) = (options.is_sealing, options.snapshot_blocks);
    let own = OwnServer::start(program, &spec).map_err(LoadFault::Server)?;
    let server = own_credentials(&own.ready.address, options.workload.participants)?;
    let layout = Layout::fresh(&options.workload);
    let shape = Shape::new(options.workload.clone(), layout.clone());
    let (before, used) = (disk()?, own.usage());
    let driven = drive_noting(plan, &shape, &server, Some(data.to_owned()), progress);
    let usage = own.usage().since(used);
    let begin = own.ready.next_sequence;
    own.stop().map_err(LoadFault::Server)?;
    let disk_bytes = disk()?.saturating_sub(before);
    let acknowledged = driven.measured.acknowledged.clone();
    let sent = Sent { shape: Arc::clone(&shape), plan, acknowledged };
    let findings = check_directory(data, &Expectation { layout, begin, loads: vec![sent], is_all: true });
    let server = (Some(disk_bytes), Some(usage));
    Ok(LoadReport::new((&shape, plan), driven, server, findings))
}

fn on_other(
    options: &LoadOptions,
    plan: Plan,
    (place, keys): (&Place, &Keys),
    progress: &mut dyn FnMut(u64),
) -> Result<LoadReport, LoadFault> {
    let asked = Asked::before(Server::groups(place, keys)?, &options.workload).map_err(LoadFault::Server)?;
    let shape = asked.shape();
    let driven = drive_noting(plan, &shape, asked.server(), None, progress);
    let findings = asked.check(&shape, plan, &driven.measured.acknowledged);
    let no_server: (Option<u64>, Option<Usage>) = (None, None);
    Ok(LoadReport::new((&shape, plan), driven, no_server, findings))
}
