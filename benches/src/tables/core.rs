//! The plain core loop on one core, in this process: what all end-to-end figures are held against.

use feiqian_runtime::history::prefetch;

use super::Settings;
use super::results::Results;
use crate::chain::NoRepetition;
use crate::core_loop::{FRAME, run};

/// Over ten thousand and over a million accounts.
pub(super) fn core_loop(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let frames = settings.count(244, 10) as usize;
    let cases = [
        ("core_loop_per_second", "plain core loop, one core, 10,000 accounts", 10_000),
        ("core_loop_million_per_second", "plain core loop, one core, 1,000,000 accounts", 1_000_000),
    ];
    for (key, what, accounts) in cases {
        let accounts = settings.count(accounts, accounts.min(10_000)) as u32;
        let rate = (frames * FRAME) as f64 / run(accounts, frames, NoRepetition(prefetch)).as_secs_f64();
        results.note(key, what, "transfers/s", rate);
    }
    Ok(())
}
