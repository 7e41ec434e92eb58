//! Four validators that follow a load, replay every frame of it and cosign: whether the load keeps its rate beside them, how
//! far they fall behind, and how long they then take.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Settings;
use super::cases::{options, plain};
use super::results::Results;
use crate::followed::{Followed, Sizes, VALIDATORS};
use crate::run::report::LoadReport;
use crate::run::{Keys, LoadOptions, Target, run, scratch};

/// Transfers a second.
const RATE: u64 = 500_000;
/// Between two looks at everybody.
const PAUSE: Duration = Duration::from_millis(50);
/// After a load's last answer, by when its last block is sealed and published.
const SEALED_AFTER: Duration = Duration::from_millis(500);
/// How long validators may take in the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// When who was how far.
type Looks = Vec<(Instant, Sizes)>;

pub(super) fn following(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let folder = scratch::folder(&settings.folder).map_err(|fault| fault.to_string())?;
    let folder = folder.canonicalize().map_err(|fault| fault.to_string())?;
    let house = Followed::start(&settings.feiqian, &folder)?;
    let (report, ended, looks) = loaded(settings, &house)?;
    let (last, cosigned) = (looks.last().map_or(0, |(_, sizes)| sizes.witnessed), house.cosigned()?);
    house.stop_and_compare(last)?;
    let behind = |of: fn(&Sizes) -> u64| {
        let during = looks.iter().filter(|(at, _)| *at <= ended);
        during.map(|(_, sizes)| sizes.sealed.saturating_sub(of(sizes))).max().unwrap_or(0) as f64
    };
    let what = "transfers followed by four validators, 500,000 asked for (batches of 1,000, six processes)";
    results.note("validators_per_second", what, "transfers/s", report.transfers_per_second as f64);
    results.note("validators_p99_ms", "… p99 of a batch, open loop", "ms", report.latency_ms.p99);
    let what = "… the slowest validator at the most behind the log";
    results.note("validators_behind", what, "blocks", behind(|sizes| sizes.slowest));
    let what = "… blocks that were sealed and not yet WITNESSED by all four, at the most";
    results.note("validators_unwitnessed", what, "blocks", behind(|sizes| sizes.witnessed));
    let after = caught_up(&looks, ended)?.as_secs_f64();
    let what = "… from the last answer until all had cosigned the last block, while all was sent again";
    results.note("validators_after_s", what, "s", after);
    let what = format!(
        "… who have cosigned the last block, of {VALIDATORS}, every block's roots equal to the operator's"
    );
    results.note("validators_cosigned", &what, "validators", cosigned as f64);
    if cosigned < VALIDATORS {
        return Err(format!("{cosigned} of {VALIDATORS} validators have cosigned"));
    }
    std::fs::remove_dir_all(&folder).map_err(|fault| fault.to_string())
}

/// Runs the load, which must hold, and waits for the validators; gives when the load's last answer came.
fn loaded(settings: &Settings, house: &Followed) -> Result<(LoadReport, Instant, Looks), String> {
    let transfers = settings.count(3_000_000, 20_000);
    let load = LoadOptions {
        target: Target::Connect(house.place()?, Keys::Known(Followed::banks())),
        transfers,
        batch: 1_000,
        rate: Some(settings.count(RATE, 20_000)),
        ..options(settings, plain(settings, 10_000))
    };
    let (is_over, looks, mut ended) = (AtomicBool::new(false), Mutex::new(Looks::new()), None);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| watch(house, &is_over, &looks));
        let report = run(&load, &settings.program, &mut |answered| {
            if answered == transfers {
                ended.get_or_insert_with(Instant::now);
            }
        });
        is_over.store(true, Ordering::Relaxed);
        report
    });
    let report = report.map_err(|fault| fault.to_string())?;
    let mut looks = looks.into_inner().map_err(|_| "the look at the validators has failed")?;
    let ended =
        ended.filter(|_| report.checked).ok_or_else(|| format!("{:?} {:?}", report.checks, report.faults))?;
    let begun = Instant::now();
    while looks.last().is_none_or(|(_, sizes)| sizes.witnessed < sizes.sealed) {
        if begun.elapsed() > PATIENCE {
            return Err(format!("the validators do not come to the end: {:?}", looks.last()));
        }
        looks.push((Instant::now(), house.sizes()?));
        std::thread::sleep(PAUSE);
    }
    Ok((report, ended, looks))
}

fn watch(house: &Followed, is_over: &AtomicBool, looks: &Mutex<Looks>) {
    while !is_over.load(Ordering::Relaxed) {
        // One who does not answer now is asked again, and in the end must.
        if let (Ok(sizes), Ok(mut looks)) = (house.sizes(), looks.lock()) {
            looks.push((Instant::now(), sizes));
        }
        std::thread::sleep(PAUSE);
    }
}

/// From the load's last answer until what was sealed with it was WITNESSED.
fn caught_up(looks: &Looks, ended: Instant) -> Result<Duration, String> {
    let sealed = looks.iter().find(|(at, _)| *at >= ended + SEALED_AFTER).or(looks.last());
    let sealed = sealed.map_or(0, |(_, sizes)| sizes.sealed);
    let witnessed = looks.iter().find(|(_, sizes)| sizes.witnessed >= sealed);
    witnessed.map(|(at, _)| at.saturating_duration_since(ended)).ok_or_else(|| "never WITNESSED".to_owned())
}
