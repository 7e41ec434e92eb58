//! The last postings of accounts that have as many as are asked for, each in another frame or nearly: what a question walks
//! over in the worst usual case.

use std::collections::BTreeSet;
use std::time::Instant;

use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;

use super::Settings;
use super::questions::note_times;
use super::restart::killed_after;
use super::results::Results;
use crate::chain::test_operator_key;
use crate::workload::Workload;

/// Postings that an account's history is asked for.
const POSTINGS: usize = 100;
/// Accounts that are asked.
const ASKED: u64 = 100;

/// Ten million transfers over a hundred thousand accounts, so that each has some two hundred postings, one in every sixth
/// frame; then an engine on that directory is asked.
pub(super) fn last_postings(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = Workload::plain(settings.count(100_000, 300));
    let (data, _) = killed_after(settings, &workload)?;
    let opened = EngineOptions::new(data.clone());
    let engine = Engine::open(&opened, test_operator_key()).map_err(|fault| fault.to_string())?;
    let asked = ask(&engine, results);
    engine.shutdown();
    asked?;
    std::fs::remove_dir_all(&data).map_err(|fault| fault.to_string())
}

fn ask(engine: &Engine, results: &mut Results) -> Result<(), String> {
    let accounts = engine.ask(|sealer| sealer.mirror().accounts.len() as u64);
    let (mut times, mut postings, mut frames) = (Vec::new(), 0, 0);
    let mut asked = 0;
    // Clearing accounts and frozen ones have no postings of the load.
    for account in (0..accounts).step_by(usize::try_from(accounts / (2 * ASKED)).unwrap_or(1).max(1)) {
        let history = engine.history(account, POSTINGS).map_err(|fault| fault.to_string())?;
        let history = history.unwrap_or_default();
        if history.len() < POSTINGS || asked == ASKED {
            continue;
        }
        // Once before, for the page cache.
        let begun = Instant::now();
        let again = engine.history(account, POSTINGS).map_err(|fault| fault.to_string())?;
        times.push(begun.elapsed());
        if again.as_ref() != Some(&history) || !history.is_sorted_by(|a, b| a.sequence > b.sequence) {
            return Err(format!("account {account} has told two histories"));
        }
        asked += 1;
        postings += history.len();
        let journal = &engine.archive().journal;
        let frame = |sequence| journal.parted_at(sequence).map(|frame| frame.header.first_sequence);
        let found: Result<BTreeSet<u64>, _> = history.iter().map(|posting| frame(posting.sequence)).collect();
        frames += found.map_err(|fault| fault.to_string())?.len();
    }
    if asked == 0 {
        return Err("no account has so many postings".to_owned());
    }
    let each = |sum: usize| sum as f64 / asked as f64;
    let what = format!("the last postings of {asked} accounts, each");
    results.note("history_postings", &what, "postings", each(postings));
    results.note("history_frames", "… in so many frames", "frames", each(frames));
    note_times(results, (["history_p50_ms", "history_p99_ms"], "… how long they take"), times);
    Ok(())
}
