//! The checks of a load, with planted faults that they must find: a good directory passes, and nothing else does.

#![expect(clippy::cast_possible_truncation, reason = "small numbers, on 64-bit machines")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use benches::chain::test_operator_key;
use benches::founding::found;
use benches::run::driver::{Acknowledged, Plan};
use benches::run::verify::{Expectation, Findings, Sent, check_directory, same_balances};
use benches::workload::Workload;
use benches::workload::layout::Layout;
use benches::workload::maker::{MadeBatch, Maker, Shape};
use benches::workload::model::Balances;
use feiqian_core::batch::Batch;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;

const PLAN: Plan = Plan { transfers: 3_000, batch: 100, sessions: 5, window: 1, rate: None, threads: 1 };

fn workload() -> Workload {
    Workload { two_phase_share: 0.2, reject_share: 0.2, chain_share: 0.2, ..Workload::plain(160) }
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

/// Runs a load in this process and ends the engine in order.
fn run(data: &Path) -> Expectation {
    let (layout, options) = (Layout::fresh(&workload()), EngineOptions::new(data.to_owned()));
    let engine =
        Engine::create(&options, test_operator_key(), &Layout::genesis()).expect("a fresh directory");
    found(&engine, &layout).expect("founded");
    let begin = engine.archive().journal.durable() + 1;
    let shape = Shape::new(workload(), layout.clone());
    let mut makers: Vec<_> = (0..PLAN.sessions).map(|at| Maker::new(&shape, at, PLAN.window)).collect();
    let mut made = MadeBatch::default();
    let mut acknowledged = Vec::new();
    for place in 0..PLAN.batches() {
        let (session, number) = (place % PLAN.sessions, place / PLAN.sessions);
        let maker = &mut makers[session as usize];
        maker.fill(PLAN.size_of(place), &mut made);
        let ticket = engine.submit(Batch::new(maker.participant(), made.records.clone())).expect("room");
        let first_sequence = ticket.wait().expect("running").first_sequence;
        acknowledged.push(Acknowledged { first_sequence, session: session as u32, number: number as u32 });
    }
    engine.shutdown();
    let loads = vec![Sent { shape: Arc::clone(&shape), plan: PLAN, acknowledged }];
    Expectation { layout, begin, loads, is_all: true }
}

fn failed(findings: &Findings) -> Vec<&'static str> {
    findings.checks.iter().filter(|(_, holds)| !holds).map(|(name, _)| *name).collect()
}

const OUTCOMES: &str = "acknowledged_transfers_are_there_with_their_outcomes";

#[test]
fn a_good_directory_holds_and_each_planted_fault_is_found() {
    let data = folder("verify");
    let good = run(&data);
    let findings = check_directory(&data, &good);
    assert!(findings.all_hold(), "{:?}", findings.faults);
    assert_eq!(findings.outcomes.values().sum::<u64>(), PLAN.transfers);

    // Acknowledged where it is not.
    let mut moved = good.clone();
    moved.loads[0].acknowledged[7].first_sequence += 1;
    assert!(!check_directory(&data, &moved).all_hold());

    // Acknowledged, and nowhere.
    let mut lost = good.clone();
    let last = Acknowledged { first_sequence: 1_000_000, session: 4, number: 6 };
    lost.loads[0].acknowledged.push(last);
    assert_eq!(failed(&check_directory(&data, &lost)), ["no_acknowledged_batch_is_missing"]);

    // Journaled, and never acknowledged.
    let mut forgotten = good.clone();
    forgotten.loads[0].acknowledged.pop();
    let found = failed(&check_directory(&data, &forgotten));
    assert!(
        found.contains(&"nothing_else_is_there") && found.contains(&"balances_equal_the_model"),
        "{found:?}"
    );

    // Two sessions' batches, swapped.
    let mut swapped = good.clone();
    let batches = &mut swapped.loads[0].acknowledged;
    (batches[3].session, batches[4].session) = (batches[4].session, batches[3].session);
    assert!(failed(&check_directory(&data, &swapped)).contains(&OUTCOMES));

    // One stored outcome, altered.
    let sequence = good.loads[0].acknowledged[9].first_sequence;
    alter_row(&data, sequence);
    assert!(failed(&check_directory(&data, &good)).contains(&OUTCOMES));
    std::fs::remove_dir_all(data).expect("removed");
}

/// Turns a bit of a stored outcome row.
fn alter_row(data: &Path, sequence: u64) {
    let mut files: Vec<_> = std::fs::read_dir(data.join("outcomes"))
        .expect("a folder")
        .map(|entry| entry.expect("read").path())
        .collect();
    files.sort();
    let mut bytes = std::fs::read(&files[0]).expect("read");
    let at = (sequence as usize - 1) * 32;
    bytes[at] ^= 1;
    std::fs::write(&files[0], bytes).expect("written");
}

#[test]
fn one_altered_balance_is_found() {
    let mut balances = Balances::new(3);
    balances.alter(1, 500);
    assert_eq!(same_balances(&balances, &[0, 500, 0]), Ok(()));
    assert!(same_balances(&balances, &[0, 501, 0]).is_err());
    assert!(same_balances(&balances, &[0, 500]).is_err());
}
