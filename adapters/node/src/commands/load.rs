//! `feiqian load`: the load generator's command line. The work is done by the library of `benches`; here are its
//! options, the progress bar and the verdict.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use benches::run::server::{self, ServerProgram};
use benches::run::{Keys, LoadFault, LoadOptions, Place, Target, run};
use benches::workload::{Distribution, Door, UetrOrder, Workload};
use feiqian_wire::client::Credentials;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::LoadArgs;
use crate::fault::Fault;
use crate::keys::{participant_test_key, random};
use crate::output::Output;
use crate::participants::{House, locate};

/// What starts this program as a load's own server.
pub const SERVER_COMMAND: &str = "load-server";

impl From<LoadFault> for Fault {
    fn from(fault: LoadFault) -> Self {
        match fault {
            LoadFault::Usage(text) => Self::Usage(text),
            LoadFault::Server(text) => Self::Data(text),
            LoadFault::File(text) => Self::File(text),
        }
    }
}

pub(super) fn load(data: Option<PathBuf>, arguments: &LoadArgs, output: Output) -> Result<(), Fault> {
    let options = options(data, arguments)?;
    let file = std::env::current_exe().map_err(|error| Fault::File(format!("this program: {error}")))?;
    let program = ServerProgram { file, arguments: vec![SERVER_COMMAND.to_owned()] };
    let bar = progress(options.transfers, !output.is_json);
    let report = run(&options, &program, &mut |answered| bar.set_position(answered));
    bar.finish_and_clear();
    let report = report?;
    output.report(&report);
    match report.checked {
        true => Ok(()),
        false => {
            let failed = report.checks.iter().filter(|(_, holds)| !**holds).map(|(name, _)| *name);
            Err(Fault::Check(format!("checks that do not hold: {}", failed.collect::<Vec<_>>().join(", "))))
        }
    }
}

/// The server's own process.
pub(super) fn serve(spec: &str) -> Result<(), Fault> {
    server::serve(spec).map_err(Fault::Data)
}

fn options(data: Option<PathBuf>, arguments: &LoadArgs) -> Result<LoadOptions, Fault> {
    let target = match (&arguments.connect, data) {
        (Some(_), Some(_)) => return Err(Fault::Usage("--connect and --data exclude each other".to_owned())),
        (Some(address), None) => {
            let place: Place =
                address.parse().map_err(|fault| Fault::Usage(format!("--connect: {fault}")))?;
            if arguments.http && place.door() != Door::Http {
                return Err(Fault::Usage("--http: write the address as http://HOST:PORT".to_owned()));
            }
            let keys = arguments.keys.clone().map_or_else(|| Keys::Known(demo_banks()), Keys::Folder);
            Target::Connect(place, keys)
        }
        (None, data) => Target::Own(data),
    };
    // Ids of an earlier load on the same server must not come again.
    let seed = match (arguments.seed, &target) {
        (Some(seed), _) => seed,
        (None, Target::Own(_)) => 1,
        (None, Target::Connect(..)) => u64::from_le_bytes(random()?),
    };
    let door = match &target {
        Target::Connect(place, _) => place.door(),
        Target::Own(_) if arguments.http => Door::Http,
        Target::Own(_) => Door::Wire,
    };
    let workload = Workload {
        door,
        accounts: arguments.accounts,
        participants: arguments.participants,
        currencies: arguments.currencies,
        distribution: arguments.distribution,
        cross_share: arguments.cross,
        two_phase_share: arguments.two_phase,
        chain_share: arguments.chains,
        reject_share: arguments.rejections,
        uetr: if arguments.ordered { UetrOrder::Ordered } else { UetrOrder::Random },
        seed,
    };
    Ok(LoadOptions {
        target,
        workload,
        transfers: arguments.transfers,
        batch: arguments.batch,
        sessions: arguments.sessions,
        rate: arguments.rate,
        window: arguments.window,
        threads: arguments.threads,
        shards: arguments.shards,
        is_sealing: true,
        snapshot_blocks: None,
        folder: arguments.out.clone(),
    })
}

/// The demo's banks with their TEST KEYS, where the shipped file is found from here upwards; else none.
fn demo_banks() -> Vec<Credentials> {
    let house = locate(crate::demo::PARTICIPANTS).and_then(|file| House::read(&file).ok());
    let banks = house.map(|house| house.participants).unwrap_or_default();
    banks.iter().map(|bank| Credentials { bic: bank.bic, key: participant_test_key(bank.bic) }).collect()
}

/// Reads `uniform`, `zipf`, `zipf:1.2`, `hot`, `hot:8`, `clearing`.
///
/// # Errors
/// For any other text.
pub fn parse_distribution(text: &str) -> Result<Distribution, String> {
    let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
    let wrong = || format!("{text:?} is none of uniform, zipf, zipf:EXPONENT, hot, hot:ACCOUNTS, clearing");
    match (name, value) {
        ("uniform", None) => Ok(Distribution::Uniform),
        ("clearing", None) => Ok(Distribution::ClearingOnly),
        ("zipf", value) => value.unwrap_or("0.99").parse().map(Distribution::Zipf).map_err(|_| wrong()),
        ("hot", value) => value.unwrap_or("1").parse().map(Distribution::Hot).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// On a terminal alone, and only for people.
fn progress(transfers: u64, is_for_people: bool) -> ProgressBar {
    if !is_for_people || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(transfers);
    match ProgressStyle::with_template("   {bar:40} {human_pos}/{human_len}  {per_sec}  {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_read_and_nothing_else_is() {
        let rows = [
            ("uniform", Distribution::Uniform),
            ("zipf", Distribution::Zipf(0.99)),
            ("zipf:1.2", Distribution::Zipf(1.2)),
            ("hot", Distribution::Hot(1)),
            ("hot:8", Distribution::Hot(8)),
            ("clearing", Distribution::ClearingOnly),
        ];
        for (text, distribution) in rows {
            assert_eq!(parse_distribution(text), Ok(distribution));
        }
        for text in ["", "uniform:1", "zipf:x", "hot:-1", "clearing:8", "Uniform"] {
            assert!(parse_distribution(text).is_err(), "{text}");
        }
    }
}
