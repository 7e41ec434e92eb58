//! Questions to an engine behind a long history, from the page cache: who took an id, and an account's last postings.

use std::path::Path;
use std::time::{Duration, Instant};

use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;

use super::Settings;
use super::results::Results;
use crate::chain::test_operator_key;

/// Postings that an account's history is asked for.
const POSTINGS: usize = 100;

/// Asks an engine on a directory whose load has been checked.
pub(super) fn ask(settings: &Settings, data: &Path, results: &mut Results) -> Result<(), String> {
    let options = EngineOptions::new(data.to_owned());
    let engine = Engine::open(&options, test_operator_key()).map_err(|fault| fault.to_string())?;
    let asked = note(settings, &engine, results);
    engine.shutdown();
    asked
}

fn note(settings: &Settings, engine: &Engine, results: &mut Results) -> Result<(), String> {
    let last = engine.archive().journal.durable();
    let lookups = settings.count(2_000, 20);
    let mut times = Vec::new();
    for number in 1..=lookups {
        let sequence = (last / (lookups + 1) * number).max(1);
        let (entry, _) = engine
            .entry(sequence)
            .map_err(|fault| fault.to_string())?
            .ok_or_else(|| format!("sequence {sequence} is not there"))?;
        let begun = Instant::now();
        let found = engine.find(entry.record.uetr.get());
        times.push(begun.elapsed());
        if found != Some(sequence) {
            return Err(format!("the id of sequence {sequence} was found at {found:?}"));
        }
    }
    note_times(results, (["lookup_p50_ms", "lookup_p99_ms"], "who took an id, of any age"), times);
    let accounts = engine.ask(|sealer| sealer.mirror().accounts.len() as u64);
    let mut times = Vec::new();
    let mut postings = 0;
    for number in 0..100 {
        let account = accounts / 101 * number;
        // Once for the page cache.
        for is_measured in [false, true] {
            let begun = Instant::now();
            let history = engine.history(account, POSTINGS).map_err(|fault| fault.to_string())?;
            if is_measured {
                times.push(begun.elapsed());
                postings += history.map_or(0, |history| history.len());
            }
        }
    }
    results.note(
        "history_postings",
        "an account's postings, of at most 100",
        "postings",
        postings as f64 / 100.0,
    );
    note_times(results, (["history_p50_ms", "history_p99_ms"], "… how long they take"), times);
    Ok(())
}

fn note_times(results: &mut Results, (keys, what): ([&'static str; 2], &str), mut times: Vec<Duration>) {
    times.sort_unstable();
    for (key, (percent, name)) in keys.into_iter().zip([(50, "p50"), (99, "p99")]) {
        let time = times.get(times.len() * percent / 100).copied().unwrap_or_default();
        results.note(key, &format!("{what}, {name}"), "ms", time.as_secs_f64() * 1e3);
    }
}
