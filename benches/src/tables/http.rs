//! Single transfers over HTTP connections that stay.

use super::Settings;
use super::cases::{checked, options, plain};
use super::results::Results;
use crate::run::LoadOptions;
use crate::workload::{Door, Workload};

/// Connections of the load, each with one request at a time.
const CONNECTIONS: u64 = 256;

pub(super) fn single_transfers(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = Workload { door: Door::Http, ..plain(settings, 10_000) };
    let transfers = settings.count(500_000, 2_000);
    let load = LoadOptions { batch: 1, sessions: CONNECTIONS, transfers, ..options(settings, workload) };
    let report = checked(settings, &load)?;
    let what = "single transfers as JSON (HTTP/1.1, 256 keep-alive connections, one in flight each)";
    results.note("http_per_second", what, "transfers/s", report.transfers_per_second as f64);
    results.note("http_p50_ms", "… p50 at full speed", "ms", report.latency_ms.p50);
    results.note("http_p99_ms", "… p99", "ms", report.latency_ms.p99);
    Ok(())
}
