//! Authorisations by card over 64 connections.

use super::Settings;
use super::results::Results;
use crate::cards;

pub(super) fn authorisations(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let report = cards::run(&settings.folder, settings.count(500_000, 2_000))?;
    let what = "card authorisations (ISO 8583, 64 connections, 16 in flight each)";
    results.note("cards_per_second", what, "authorisations/s", report.per_second);
    results.note("cards_p50_ms", "… p50 at full speed", "ms", report.p50_ms);
    results.note("cards_p99_ms", "… p99", "ms", report.p99_ms);
    Ok(())
}
