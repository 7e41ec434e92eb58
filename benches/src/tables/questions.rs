//! Questions to an engine behind a long history, from the page cache: who took an id, and proofs.

use std::path::Path;
use std::time::{Duration, Instant};

use feiqian_proof::kinds::Proof;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::prover::Prover;

use super::Settings;
use super::results::Results;
use crate::chain::test_operator_key;

/// Asks an engine on a directory whose load has been checked.
pub(super) fn ask(settings: &Settings, data: &Path, results: &mut Results) -> Result<(), String> {
    let options = EngineOptions::new(data.to_owned());
    let engine = Engine::open(&options, test_operator_key()).map_err(|fault| fault.to_string())?;
    let asked = note(settings, &engine, results).and_then(|()| proofs(&engine, results));
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
    Ok(())
}

/// What proofs of the fullest block weigh, and how long they take to make and to verify.
fn proofs(engine: &Engine, results: &mut Results) -> Result<(), String> {
    let archive = engine.archive();
    let text = |fault: &dyn std::fmt::Display| fault.to_string();
    let mut block = None;
    for height in 1..=archive.blocks.last() {
        let found = archive.block(height).map_err(|fault| text(&fault))?;
        block = block.max(found.map(|block| (block.header.count, height, block.header.first_sequence)));
    }
    let (count, height, first) = block.ok_or("no block")?;
    results.note("proofs_block", "the fullest block", "entries", count as f64);
    let key = archive.genesis().map_err(|fault| text(&fault))?.operator_key;
    let mut made = Vec::new();
    for at in [0, 1, count / 2, count - 1] {
        let begun = Instant::now();
        let receipt = archive.receipt(first + at).map_err(|fault| text(&fault))?;
        made.push((Proof::Receipt(receipt), begun.elapsed()));
    }
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    results.note("receipt_first_ms", "its first receipt, made", "ms", milliseconds(made[0].1));
    results.note("receipt_next_ms", "… another one, made", "ms", milliseconds(made[3].1));
    let mut prover = Prover::at(archive.clone(), height).map_err(|fault| text(&fault))?;
    let proofs = [
        (["receipt_bytes", "receipt_verify_ms"], "receipt", made.swap_remove(2).0),
        (
            ["position_bytes", "position_verify_ms"],
            "position",
            Proof::Position(prover.position(0).map_err(|f| text(&f))?),
        ),
        (
            ["balance_bytes", "balance_verify_ms"],
            "balance",
            Proof::Balance(prover.balance(77).map_err(|f| text(&f))?),
        ),
        (
            ["completeness_bytes", "completeness_verify_ms"],
            "completeness of one of 8 participants",
            Proof::Completeness(prover.completeness(0).map_err(|f| text(&f))?),
        ),
    ];
    for ([bytes, verified], what, proof) in proofs {
        let file = proof.encode().map_err(|refusal| text(&refusal))?;
        let begun = Instant::now();
        let read = Proof::decode(&file).map_err(|refusal| text(&refusal))?;
        read.verify(&key, None).map_err(|refusal| text(&refusal))?;
        let elapsed = begun.elapsed();
        results.note(bytes, what, "bytes", file.len() as f64);
        results.note(verified, "… verified", "ms", milliseconds(elapsed));
    }
    Ok(())
}

/// Notes the median and the 99th of a hundred.
pub(super) fn note_times(
    results: &mut Results,
    (keys, what): ([&'static str; 2], &str),
    mut times: Vec<Duration>,
) {
    times.sort_unstable();
    for (key, (percent, name)) in keys.into_iter().zip([(50, "p50"), (99, "p99")]) {
        let time = times.get(times.len() * percent / 100).copied().unwrap_or_default();
        results.note(key, &format!("{what}, {name}"), "ms", time.as_secs_f64() * 1e3);
    }
}
