//! Requests of few transfers: throughput from 64 sessions, latency at half of it, and one session that sends one
//! transfer at a time, against what a durable write of a block costs.

use super::Settings;
use super::cases::{checked, options, plain};
use super::durable_write;
use super::results::Results;
use crate::run::LoadOptions;

/// Sessions of all but the last case.
const SESSIONS: u64 = 64;
/// Half of the least that is to be reached, transfers/s.
const EVEN_RATE: u64 = 75_000;

pub(super) fn request_sizes(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let rows = [
        ("requests_1_per_second", "requests of 1 transfer, 64 sessions", 1, 500_000),
        ("requests_10_per_second", "… of 10", 10, 2_000_000),
        ("requests_100_per_second", "… of 100", 100, 5_000_000),
        ("requests_1000_per_second", "… of 1,000", 1_000, 10_000_000),
    ];
    for (key, what, batch, transfers) in rows {
        let options = of_size(settings, batch, settings.count(transfers, 200 * batch as u64));
        let report = checked(settings, &options)?;
        results.note(key, what, "transfers/s", report.transfers_per_second as f64);
        if batch == 1 {
            let bytes = report.bytes_per_transfer.unwrap_or(0.0);
            let what = "… disk of requests of 1 at full speed";
            results.note("requests_1_bytes_per_transfer", what, "bytes a transfer", bytes);
        }
    }
    let full = results.last("requests_1_per_second").unwrap_or(2.0);
    #[expect(clippy::cast_sign_loss, reason = "a rate is not below zero")]
    let half = ((full / 2.0) as u64).max(1);
    let rows = [
        (["requests_1_p50_ms", "requests_1_p99_ms"], "requests of 1 at half of that, open loop", half),
        (
            ["requests_1_even_p50_ms", "requests_1_even_p99_ms"],
            "requests of 1 at 75,000/s, open loop",
            EVEN_RATE,
        ),
    ];
    for ([p50, p99], what, rate) in rows {
        let options =
            LoadOptions { rate: Some(rate.min(half)), ..of_size(settings, 1, settings.count(500_000, 200)) };
        let latency = checked(settings, &options)?.latency_ms;
        results.note(p50, &format!("{what}, p50"), "ms", latency.p50);
        results.note(p99, "… p99", "ms", latency.p99);
    }
    Ok(())
}

fn of_size(settings: &Settings, batch: usize, transfers: u64) -> LoadOptions {
    LoadOptions { batch, transfers, sessions: SESSIONS, ..options(settings, plain(settings, 10_000)) }
}

pub(super) fn single_session(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let transfers = settings.count(5_000, 200);
    let load = LoadOptions { sessions: 1, window: Some(1), ..of_size(settings, 1, transfers) };
    let report = checked(settings, &load)?;
    let write = durable_write::median(&settings.folder.join("durable-write"), transfers as usize)?;
    let write_ms = write.as_secs_f64() * 1e3;
    results.note("single_p50_ms", "one session, one transfer at a time, p50", "ms", report.latency_ms.p50);
    results.note("single_p99_ms", "… p99", "ms", report.latency_ms.p99);
    results.note("durable_write_ms", "… a durable write of 4 KiB, p50", "ms", write_ms);
    results.note("single_to_write", "… one in terms of the other", "times", report.latency_ms.p50 / write_ms);
    Ok(())
}
