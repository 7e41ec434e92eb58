//! ISO 20022 messages read and validated on one thread.

use super::Settings;
use super::results::Results;
use crate::messages;

pub(super) fn reading(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let report = messages::run(settings.count(200_000, 2_000))?;
    let what = "pacs.008 read and validated, one file with many, one core";
    results.note("messages_per_second", what, "transactions/s", report.per_second);
    results.note("messages_single_us", "… a message with one", "µs", report.single_us);
    Ok(())
}
