//! Full batches end to end: accounts, distributions, kinds of transfers, load, sealing.

use super::Settings;
use super::machine;
use super::results::Results;
use crate::run::report::{LoadReport, grouped};
use crate::run::{LoadOptions, Target, run};
use crate::workload::{Distribution, Workload};

/// Transfers of a full run, and of a quick one.
const TRANSFERS: (u64, u64) = (10_000_000, 60_000);

/// On disk, with room: a transfer of a full batch takes 76 bytes, snapshots and preallocated segments the rest.
const BYTES_A_TRANSFER: u64 = 100;

/// Full batches from eight sessions at full speed.
pub(super) fn options(settings: &Settings, workload: Workload) -> LoadOptions {
    LoadOptions {
        target: Target::Own(None),
        workload,
        transfers: settings.count(TRANSFERS.0, TRANSFERS.1),
        batch: 8_190,
        sessions: 8,
        rate: None,
        window: None,
        threads: 1,
        shards: None,
        is_sealing: true,
        snapshot_blocks: None,
        folder: settings.folder.clone(),
    }
}

/// Runs a load that must hold.
pub(super) fn checked(settings: &Settings, options: &LoadOptions) -> Result<LoadReport, String> {
    let report = run(options, &settings.program, &mut |_| {}).map_err(|fault| fault.to_string())?;
    match report.checked {
        true => Ok(report),
        false => Err(format!("a check does not hold: {:?} {:?}", report.checks, report.faults)),
    }
}

/// The workload of most cases: plain transfers, `accounts` of them in a full run.
pub(super) fn plain(settings: &Settings, accounts: u64) -> Workload {
    Workload::plain(settings.count(accounts, accounts.min(10_000)))
}

fn rate(report: &LoadReport) -> f64 {
    report.transfers_per_second as f64
}

pub(super) fn million_accounts(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let report = checked(settings, &options(settings, plain(settings, 1_000_000)))?;
    let what = "10 million transfers, 1 million accounts, full batches";
    results.note("million_per_second", what, "transfers/s", rate(&report));
    results.note("million_p99_ms", "… p99 of a batch at full speed", "ms", report.latency_ms.p99);
    let disk = report.bytes_per_transfer.unwrap_or(0.0);
    results.note(
        "million_bytes_per_transfer",
        "… disk: journal, rows, blocks, ids",
        "bytes a transfer",
        disk,
    );
    if let Some(usage) = report.server {
        let (memory, cpu) = (usage.memory_peak_bytes as f64 / 1e6, usage.cpu_ms as f64);
        results.note("million_memory_mb", "… memory of the server at the most (VmHWM)", "MB", memory);
        let each = cpu * 1e6 / report.transfers as f64;
        results.note("million_cpu_ns", "… processor time of the server", "ns a transfer", each);
    }
    Ok(())
}

pub(super) fn ten_thousand_accounts(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let report = checked(settings, &options(settings, plain(settings, 10_000)))?;
    results.note("ten_thousand_per_second", "the same, 10,000 accounts", "transfers/s", rate(&report));
    Ok(())
}

pub(super) fn hot_account(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = Workload { distribution: Distribution::Hot(1), ..plain(settings, 1_000_000) };
    let report = checked(settings, &options(settings, workload))?;
    results.note("hot_per_second", "every transfer on one hot account", "transfers/s", rate(&report));
    Ok(())
}

pub(super) fn clearing_accounts(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = Workload { distribution: Distribution::ClearingOnly, ..plain(settings, 10_000) };
    let report = checked(settings, &options(settings, workload))?;
    results.note("clearing_per_second", "8 clearing accounts take all", "transfers/s", rate(&report));
    Ok(())
}

pub(super) fn two_phase(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = Workload { two_phase_share: 0.3, ..plain(settings, 1_000_000) };
    let report = checked(settings, &options(settings, workload))?;
    let what = "30 % two-phase: held, then posted, voided or expired";
    results.note("two_phase_per_second", what, "transfers/s", rate(&report));
    Ok(())
}

/// At half of what the round has measured at full speed.
pub(super) fn half_load(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = plain(settings, 1_000_000);
    let full = match results.last("million_per_second") {
        Some(rate) => rate,
        None => rate(&checked(settings, &options(settings, workload.clone()))?),
    };
    #[expect(clippy::cast_sign_loss, reason = "a rate is not below zero")]
    let half = ((full / 2.0) as u64).max(1);
    let report = checked(settings, &LoadOptions { rate: Some(half), ..options(settings, workload) })?;
    let latency = report.latency_ms;
    let rows = [
        ("half_p50_ms", "p50", latency.p50),
        ("half_p99_ms", "p99", latency.p99),
        ("half_max_ms", "p100", latency.max),
    ];
    for (key, name, value) in rows {
        results.note(key, &format!("latency of a full batch at half load, open loop, {name}"), "ms", value);
    }
    Ok(())
}

/// What accounts cost.
pub(super) fn accounts(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let rows = [
        ("accounts_10k_per_second", "3 million transfers, 10 thousand accounts", 10_000),
        ("accounts_100k_per_second", "… 100 thousand accounts", 100_000),
        ("accounts_1m_per_second", "… 1 million accounts", 1_000_000),
        ("accounts_10m_per_second", "… 10 million accounts", 10_000_000),
    ];
    for (key, what, accounts) in rows {
        let transfers = settings.count(3_000_000, 30_000);
        let options = LoadOptions { transfers, ..options(settings, plain(settings, accounts)) };
        results.note(key, what, "transfers/s", rate(&checked(settings, &options)?));
    }
    Ok(())
}

/// What history costs: the rate in the first and the last third of one long run.
pub(super) fn long_history(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let transfers = settings.count(settings.history, 90_000);
    let (needed, free) = (transfers * BYTES_A_TRANSFER, machine::free_bytes(&settings.folder)?);
    if needed > free / 2 {
        let [needed, free] = [needed, free].map(|bytes| bytes / 1_000_000);
        return Err(format!(
            "{transfers} transfers take {needed} MB, of {free} MB that are free: half of them at the most"
        ));
    }
    let report =
        checked(settings, &LoadOptions { transfers, ..options(settings, plain(settings, 1_000_000)) })?;
    let thirds = [transfers / 3, 2 * transfers / 3].map(|transfers| elapsed_at(&report, transfers));
    let third = transfers as f64 / 3.0;
    let (first, last) = (third / thirds[0] * 1e3, third / (report.elapsed_ms - thirds[1]) * 1e3);
    let what = format!("{} transfers, 1 million accounts: the first third", grouped(transfers));
    results.note("history_first_per_second", &what, "transfers/s", first);
    results.note("history_last_per_second", "… the last third", "transfers/s", last);
    Ok(())
}

/// When so many transfers had been answered, milliseconds, between the moments around.
fn elapsed_at(report: &LoadReport, transfers: u64) -> f64 {
    let pair = report.series.windows(2).find(|pair| pair[1].transfers >= transfers);
    let Some([before, after]) = pair else { return report.elapsed_ms };
    let part = (transfers - before.transfers) as f64 / (after.transfers - before.transfers).max(1) as f64;
    before.elapsed_ms as f64 + part * (after.elapsed_ms - before.elapsed_ms) as f64
}

/// With proofs as by default, and without: no leaf hashed, no tree, no block.
pub(super) fn sealing(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let rows = [
        ("sealed_per_second", "6 million transfers, proofs as by default", true),
        ("unsealed_per_second", "… without: no leaves, no trees, no blocks", false),
    ];
    for (key, what, is_sealing) in rows {
        let transfers = settings.count(6_000_000, 60_000);
        let options = LoadOptions { is_sealing, transfers, ..options(settings, plain(settings, 1_000_000)) };
        results.note(key, what, "transfers/s", rate(&checked(settings, &options)?));
    }
    Ok(())
}

/// Live batches at half a million transfers/s, while snapshots of a million accounts are written and while none is.
pub(super) fn snapshots(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let rows = [
        ("snapshots_none_p99_ms", "batches of 1,000 at 500,000/s without a snapshot, p99", None),
        ("snapshots_p99_ms", "… with a snapshot every eighth block", Some(8)),
    ];
    for (key, what, snapshot_blocks) in rows {
        let transfers = settings.count(4_000_000, 60_000);
        let plan = LoadOptions {
            rate: Some(500_000),
            batch: 1_000,
            transfers,
            snapshot_blocks,
            ..options(settings, plain(settings, 1_000_000))
        };
        results.note(key, what, "ms", checked(settings, &plan)?.latency_ms.p99);
    }
    Ok(())
}
