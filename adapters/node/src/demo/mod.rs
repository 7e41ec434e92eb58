//! `feiqian demo`: the whole job once, in ten steps, each with its checks. The steps are those of any
//! clearing day; only the load, the test keys and the checks are the demo's own.

mod checks;
mod day;
mod default;
mod load;
mod summary;

use std::path::{Path, PathBuf};
use std::time::Instant;

use feiqian_core::command::Command;
use feiqian_files::agents::{AgentLine, agents_of};
use feiqian_files::settlement::{SettlementReport, write_cycle};
use feiqian_files::{IntakeOptions, IntakeReport, intake};
use feiqian_runtime::storage::files::FileStorage;

use crate::cli::DemoArgs;
use crate::commands::cycle::Settlement;
use crate::commands::import::Intake;
use crate::commands::replay::{self, ReplayLine};
use crate::commands::{receipt, verify};
use crate::config::Config;
use crate::fault::Fault;
use crate::founding::{found, register_agents};
use crate::names::parse_uetr;
use crate::output::{Output, grouped};
use crate::participants::{House, locate};
use crate::session::{Session, Start};
use checks::Checks;
use day::Day;
use default::Unpaid;
use load::{Load, LoadResult};
use summary::{ReceiptLine, Summary};

/// Who takes part, unless another file is named.
pub const PARTICIPANTS: &str = "config/demo/participants.toml";
const INBOX: &str = "config/demo/inbox";
/// Where data directories of demos lie that were not given one.
const DATA: &str = "target/feiqian-demo";
/// Runs before this one that are kept there.
const RUNS_KEPT: usize = 2;
/// Shard counts at which the journal is replayed.
const SHARDS: [u64; 4] = [1, 2, 3, 8];

/// Runs the demo.
///
/// # Errors
/// [`Fault::Check`] naming the checks that do not hold; any fault that stops a step.
pub fn run(
    config: &Config,
    data: Option<PathBuf>,
    arguments: &DemoArgs,
    output: Output,
) -> Result<(), Fault> {
    let begun = Instant::now();
    let file = given_or_shipped(arguments.participants.as_ref(), PARTICIPANTS)?;
    let inbox = given_or_shipped(arguments.inbox.as_ref(), INBOX)?;
    let house = House::read(&file)?;
    let data = data.map_or_else(fresh_directory, Ok)?;
    let session = open(&data, config, &house)?;
    let demo = Demo { config, arguments, session, output };
    let result = demo.steps(&house, &inbox);
    demo.session.close();
    // With the last handle goes the directory's lock.
    drop(demo);
    let mut summary = result?;
    summary.audit(&data, output);
    summary.elapsed_seconds = begun.elapsed().as_secs_f64();
    output.report(&summary);
    let failed = summary.checks.failed();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Fault::Check(format!("checks that do not hold: {}", failed.join(", ")))),
    }
}

fn given_or_shipped(given: Option<&PathBuf>, shipped: &str) -> Result<PathBuf, Fault> {
    given.cloned().or_else(|| locate(shipped)).ok_or_else(|| {
        let way = "run it inside the repository, or name --participants FILE and --inbox DIR";
        Fault::Usage(format!("{shipped}: not found from here upwards; {way}"))
    })
}

/// A directory of its own for each run, by time and process. Takes a quarter of a gigabyte, so of the runs
/// before it only the last few are kept.
fn fresh_directory() -> Result<PathBuf, Fault> {
    let all = Path::new(DATA);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let path = all.join(format!("{}-{}", since.as_secs(), std::process::id()));
    std::fs::create_dir_all(&path).map_err(|error| Fault::file(&path, "make the folder", &error))?;
    let mut runs: Vec<PathBuf> = std::fs::read_dir(all)
        .map_err(|error| Fault::file(all, "list the runs", &error))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|run| *run != path && is_ended_run(run))
        .collect();
    runs.sort();
    for old in runs.iter().rev().skip(RUNS_KEPT) {
        std::fs::remove_dir_all(old).map_err(|error| Fault::file(old, "remove an old run", &error))?;
    }
    Ok(path)
}

/// Whether a folder is what an earlier demo left, by its name and content, and nobody has it open.
fn is_ended_run(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_named = name
        .split_once('-')
        .is_some_and(|(time, process)| [time, process].iter().all(|part| part.parse::<u64>().is_ok()));
    is_named && crate::session::check_is_there(path).is_ok() && FileStorage::open(path).is_ok()
}

/// A directory that holds a chain is gone on with, under its own keys.
fn open(data: &Path, config: &Config, house: &House) -> Result<Session, Fault> {
    if crate::session::check_is_there(data).is_ok() {
        return Session::open(data, config, &[]);
    }
    Session::create(data, config, house.operator, &Start::test())
}

struct Demo<'a> {
    config: &'a Config,
    arguments: &'a DemoArgs,
    session: Session,
    output: Output,
}

impl Demo<'_> {
    fn steps(&self, house: &House, inbox: &Path) -> Result<Summary, Fault> {
        let mut checks = Checks::default();
        let options = self.session.intake_options(self.config)?.reading(inbox.to_owned());
        self.step(1, format_args!("open {}", self.session.data.display()));
        let founded = found(&self.session, house)?;
        let agents = self.register(&options)?;
        let accounts = self.session.engine.directory().registry(|registry| registry.accounts().len() as u64);
        self.say(format_args!("{} participants, {} accounts", house.participants.len(), grouped(accounts)));
        self.step(2, format_args!("read {}, and 3 clear and answer each file", inbox.display()));
        let intake = self.take_in(&options, &mut checks)?;
        let load = self.load(&mut checks)?;
        let day = self.day(&mut checks)?;
        let (settlement, unpaid) = self.settle(&options, &mut checks)?;
        let receipt = self.prove(&options, &intake, &mut checks)?;
        let replays = self.replay(&mut checks)?;
        let blocks = checks.blocks(&self.session)?;
        Ok(Summary {
            data: self.session.data.display().to_string(),
            work: options.work.root().display().to_string(),
            founded,
            agents,
            intake,
            load,
            day,
            settlement,
            unpaid,
            receipt,
            replays,
            blocks,
            checks,
            elapsed_seconds: 0.0,
        })
    }

    fn step(&self, number: u32, what: impl std::fmt::Display) {
        self.output.say(format_args!("\n{number}  {what}"));
    }

    fn say(&self, what: impl std::fmt::Display) {
        self.output.say(format_args!("   {what}"));
    }

    fn register(&self, options: &IntakeOptions) -> Result<Vec<AgentLine>, Fault> {
        if !self.arguments.register_agents {
            return Ok(Vec::new());
        }
        let agents = agents_of(&options.inbox, options.limits)?;
        register_agents(&self.session, &agents)?;
        self.say(format_args!("{} banks registered that the inbox names", agents.len()));
        Ok(agents.iter().map(|agent| agent.line()).collect())
    }

    fn take_in(&self, options: &IntakeOptions, checks: &mut Checks) -> Result<IntakeReport, Fault> {
        let report = intake(&self.session.engine, options)?;
        self.output.say(Intake(&report).to_string().trim_end());
        checks.intake(&report);
        checks.answers(&options.work, options.limits);
        Ok(report)
    }

    fn load(&self, checks: &mut Checks) -> Result<LoadResult, Fault> {
        let transfers = self.arguments.transfers.unwrap_or(self.config.demo.transfers);
        let mut load = Load::new(&self.session, &self.config.demo)?;
        let accounts = grouped(load.accounts());
        self.step(4, format_args!("clear {} transfers over {accounts} accounts", grouped(transfers)));
        let before = written_bytes(&self.session.data)?;
        let mut result = load.run(transfers, !self.output.is_json)?;
        result.disk_bytes = written_bytes(&self.session.data)?.saturating_sub(before);
        checks.load(&result, &mut load)?;
        let (rate, p99) = (grouped(result.transfers_per_second()), result.latency_ms(99));
        self.say(format_args!("{rate} transfers/s, 99 % of batches answered within {p99:.1} ms"));
        Ok(result)
    }

    fn day(&self, checks: &mut Checks) -> Result<Day, Fault> {
        self.step(5, "a day's business between two banks");
        let day = Day::run(&self.session, checks)?;
        day.0.iter().for_each(|line| self.say(line));
        Ok(day)
    }

    /// Closes and instructs the cycle; one of its participants does not pay, so it is instructed again.
    fn settle(
        &self,
        options: &IntakeOptions,
        checks: &mut Checks,
    ) -> Result<(SettlementReport, Option<Unpaid>), Fault> {
        let cycle = self.session.engine.directory().registry(|registry| registry.open_cycle());
        self.step(6, format_args!("close cycle {cycle}, net, instruct"));
        self.session.command(Command::CloseCycle { cycle })?;
        let mut report = write_cycle(&self.session.engine, &options.work, options.operator, cycle)?;
        self.session.command(Command::InstructCycle { cycle })?;
        self.output.say(Settlement(&report).to_string().trim_end());
        self.step(7, "one of them can't pay: the waterfall covers what it owes");
        let unpaid = Unpaid::run(&self.session, cycle, checks)?;
        match &unpaid {
            Some(unpaid) => {
                report = write_cycle(&self.session.engine, &options.work, options.operator, cycle)?;
                unpaid.check_nets(&report, checks);
                unpaid.to_string().lines().for_each(|line| self.say(line));
            }
            None => self.say("nobody owes enough to others for it"),
        }
        checks.settlement(&report, &options.work);
        self.session.command(Command::InstructCycle { cycle })?;
        self.session.command(Command::SettleCycle { cycle })?;
        self.say(format_args!("cycle {cycle}: instructed again with these nets, settled"));
        Ok((report, unpaid))
    }

    /// Without a cleared payment there is nothing to prove; the check then fails.
    fn prove(
        &self,
        options: &IntakeOptions,
        intake: &IntakeReport,
        checks: &mut Checks,
    ) -> Result<Option<ReceiptLine>, Fault> {
        self.step(8, "export a receipt, verify it offline, flip one byte");
        let Some(uetr) = intake.first_cleared() else {
            checks.add("receipt_verifies_offline", false);
            return Ok(None);
        };
        let (bytes, made) = receipt::make(&self.session, parse_uetr(uetr)?.bits())?;
        let path = options.work.receipts().join(format!("{uetr}.receipt"));
        receipt::write(&path, &bytes)?;
        let read = std::fs::read(&path).map_err(|error| Fault::file(&path, "read the receipt", &error))?;
        let key = self.session.genesis.operator_key;
        let verified = verify::check(&read, &key);
        self.say(path.display());
        match &verified {
            Ok(transfer) => transfer.to_string().lines().for_each(|line| self.say(line)),
            Err(error) => self.say(format_args!("not valid: {error}")),
        }
        checks.add("receipt_verifies_offline", verified.is_ok_and(|transfer| transfer.uetr == uetr));
        let flipped = checks.flips(&read, &key);
        self.say(format_args!("byte {} flipped: {}", flipped.at, flipped.answer));
        self.say(format_args!("each of its {} bytes flipped: {} accepted", read.len(), flipped.accepted));
        let file = path.display().to_string();
        Ok(Some(ReceiptLine {
            uetr: uetr.to_owned(),
            file,
            bytes: read.len() as u64,
            block: made.header.height,
        }))
    }

    fn replay(&self, checks: &mut Checks) -> Result<Vec<ReplayLine>, Fault> {
        let shards = SHARDS.map(|count| count.to_string()).join(", ");
        self.step(9, format_args!("replay the journal from nothing at {shards} shards"));
        // Whatever is open is sealed first, so that every entry is in a block.
        self.session.engine.seal()?;
        let archive = self.session.engine.archive();
        let stored = replay::stored_blocks(&archive.blocks)?;
        let mut replays = Vec::new();
        for count in SHARDS {
            let line = ReplayLine::run(&archive.journal, &stored, count)?;
            // All that are stored; a seal that was on its way twice may have made one more by now.
            checks.add(&format!("replay_at_{count}_shards_gives_the_same_blocks"), line.is_same);
            replays.push(line);
        }
        self.output.say(replay::table(&replays).to_string().trim_end());
        Ok(replays)
    }
}

/// Bytes written to journal, outcome rows and blocks.
fn written_bytes(data: &Path) -> Result<u64, Fault> {
    benches::run::disk::written_bytes(data).map_err(|error| Fault::file(data, "measure", &error))
}
