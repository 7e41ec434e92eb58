//! The tables of RESULTS.md: cases that are run several times, one after the other in each round, so that a machine
//! whose speed drifts treats all alike. Every case checks its result; one that does not hold fails the whole.

mod cards;
mod cases;
mod core;
mod cycles;
mod durable_ways;
mod durable_write;
mod history;
mod http;
mod machine;
mod messages;
mod questions;
mod requests;
mod restart;
mod results;
mod validators;

use std::path::PathBuf;
use std::time::Instant;

use crate::run::server::ServerProgram;
use results::Results;
pub use results::Tables;

/// Where tables, reports and data directories of a run lie.
const FOLDER: &str = "target/benches";

const HELP: &str = "cargo run --release -p benches [-- --quick] [--only NAME] [--runs N] [--out DIR]
    [--feiqian FILE] [--history N] [--list]
  --quick    small counts: whether all works and every check holds, in a minute; its figures mean nothing
  --only     this case alone, of those that --list names; may be given several times
  --runs     rounds [default: 3]
  --out      folder of data directories, reports and JSON [default: target/benches]
  --feiqian  the program, for the case that needs its validators, which is left out where there is none [default: the one
             beside this, which `cargo build --release` makes]
  --history  transfers of the case `long` [default: 30000000]; refused where they would take more than half of the free disk";

/// What to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Small counts.
    pub is_quick: bool,
    /// Names of cases; all where there are none.
    pub only: Vec<String>,
    /// Rounds.
    pub runs: usize,
    /// Where files go.
    pub folder: PathBuf,
    /// How a server is started.
    pub program: ServerProgram,
    /// The program `feiqian`, of which validators are processes.
    pub feiqian: PathBuf,
    /// Transfers of the long run, in a full run.
    pub history: u64,
}

/// Transfers of the long run, unless others are asked for.
const HISTORY: u64 = 30_000_000;

impl Settings {
    /// Of a command line without the program's name.
    ///
    /// # Errors
    /// What can't be meant, or the help that was asked for.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let file = std::env::current_exe().map_err(|fault| fault.to_string())?;
        let feiqian = file.with_file_name("feiqian");
        let program = ServerProgram { file, arguments: vec!["load-server".to_owned()] };
        let mut settings = Self {
            is_quick: false,
            only: Vec::new(),
            runs: 3,
            folder: FOLDER.into(),
            program,
            feiqian,
            history: HISTORY,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value\n{HELP}"));
            match argument.as_str() {
                "--quick" => settings.is_quick = true,
                "--only" => settings.only.push(value()?.clone()),
                "--out" => settings.folder = value()?.into(),
                // Its processes have folders of their own to work in.
                "--feiqian" => {
                    settings.feiqian = std::path::absolute(value()?).map_err(|fault| fault.to_string())?;
                }
                "--history" => {
                    let count = value()?.parse().ok().filter(|count| (1..=1_000_000_000).contains(count));
                    settings.history = count.ok_or("--history: 1 to 1,000,000,000")?;
                }
                "--runs" => {
                    let runs = value()?.parse().ok().filter(|runs| (1..=100).contains(runs));
                    settings.runs = runs.ok_or("--runs: 1 to 100")?;
                }
                "--list" => return Err(format!("cases: {}", names().join(", "))),
                _ => return Err(HELP.to_owned()),
            }
        }
        match settings.only.iter().find(|name| !names().contains(&name.as_str())) {
            Some(name) => Err(format!("{name} is no case; they are: {}", names().join(", "))),
            None => Ok(settings),
        }
    }

    /// A count: the full one, or the small one of a quick run.
    const fn count(&self, full: u64, quick: u64) -> u64 {
        if self.is_quick { quick } else { full }
    }
}

/// A case: its name, and what runs it once and notes its figures.
type Case = (&'static str, fn(&Settings, &mut Results) -> Result<(), String>);

/// The case whose processes are `feiqian`'s.
const FOLLOWED: &str = "validators";

const CASES: [Case; 21] = [
    ("core", core::core_loop),
    ("million", cases::million_accounts),
    ("ten_thousand", cases::ten_thousand_accounts),
    ("hot", cases::hot_account),
    ("clearing", cases::clearing_accounts),
    ("two_phase", cases::two_phase),
    ("half", cases::half_load),
    ("requests", requests::request_sizes),
    ("single", requests::single_session),
    ("cards", cards::authorisations),
    ("messages", messages::reading),
    ("http", http::single_transfers),
    ("durable", durable_ways::durable_ways),
    ("accounts", cases::accounts),
    ("long", cases::long_history),
    ("sealing", cases::sealing),
    ("snapshots", cases::snapshots),
    ("cycle", cycles::closing),
    ("restart", restart::restart),
    ("history", history::last_postings),
    (FOLLOWED, validators::following),
];

fn names() -> Vec<&'static str> {
    CASES.iter().map(|(name, _)| *name).collect()
}

/// Runs all cases in every round; `say` is told what is being done.
///
/// # Errors
/// The first case that can't be run, or whose result does not hold.
pub fn make(settings: &Settings, say: &mut dyn FnMut(&str)) -> Result<Tables, String> {
    std::fs::create_dir_all(&settings.folder)
        .map_err(|fault| format!("{}: {fault}", settings.folder.display()))?;
    let is_there = settings.feiqian.is_file();
    if !is_there && settings.only.iter().any(|only| only == FOLLOWED) {
        let way = "build it with `cargo build --release`, or name it with --feiqian";
        return Err(format!("{FOLLOWED}: {} is not there: {way}", settings.feiqian.display()));
    }
    let mut results = Results::default();
    for round in 1..=settings.runs {
        for (name, run) in CASES {
            if !settings.only.is_empty() && !settings.only.iter().any(|only| only == name) {
                continue;
            }
            if name == FOLLOWED && !is_there {
                say(&format!("{name} is left out: {} is not there", settings.feiqian.display()));
                continue;
            }
            let begun = Instant::now();
            run(settings, &mut results).map_err(|fault| format!("{name}, round {round}: {fault}"))?;
            say(&format!(
                "round {round} of {}: {name}, {:.1} s",
                settings.runs,
                begun.elapsed().as_secs_f64()
            ));
        }
    }
    Ok(Tables { machine: machine::Machine::here(&settings.folder), settings: settings.clone(), results })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_from_any_folder() {
        let arguments = ["--feiqian", "target/debug/feiqian"].map(str::to_owned);
        let settings = Settings::parse(&arguments).expect("right arguments");
        assert!(settings.feiqian.is_absolute() && settings.feiqian.ends_with(&arguments[1]));
    }
}
