//! Single transfers over HTTP connections that stay.

use super::Settings;
use super::results::Results;
use crate::http;

pub(super) fn single_transfers(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let report = http::run(&settings.folder, settings.count(500_000, 2_000))?;
    let what = "single transfers as JSON (HTTP/1.1, 256 keep-alive connections, one in flight each)";
    results.note("http_per_second", what, "transfers/s", report.per_second);
    results.note("http_p50_ms", "… p50 at full speed", "ms", report.p50_ms);
    results.note("http_p99_ms", "… p99", "ms", report.p99_ms);
    Ok(())
}
