//! Checks a run against the journal that it left: every acknowledged transfer is there, where it was acknowledged
//! to be, with the outcome that it must have; balances are those of the model. Makes every batch once more from its
//! seed, so nothing of a load has to be kept in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use feiqian_core::batch::{BatchEntry, Payload};
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::{OutcomeRow, ROW_BYTES};
use feiqian_core::transfer::Record;
use feiqian_runtime::machine::RecoveryReport;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::Archive;
use feiqian_runtime::storage::files::FileStorage;
use zerocopy::FromBytes as _;

use super::driver::{Acknowledged, Plan};
use crate::chain::test_operator_key;
use crate::workload::layout::Layout;
use crate::workload::maker::{MadeBatch, Maker, Shape};
use crate::workload::model::{Balances, Expected};

/// What checks found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Names and whether they hold, in the order in which they were checked.
    pub checks: Vec<(&'static str, bool)>,
    /// Of the first that do not hold, why.
    pub faults: Vec<String>,
    /// Acknowledged transfers by outcome, for rejected ones by reason.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Transfers that were found in the journal and had not been acknowledged.
    pub unacknowledged: u64,
    /// Transfers that a server which was running before was sent again, all answered as at first.
    pub sent_again: u64,
    /// Accounts whose balances were asked of such a server and compared.
    pub balances: u64,
    /// What opening the directory found.
    pub recovered: Option<RecoveryReport>,
}

impl Findings {
    pub(super) fn add(&mut self, name: &'static str, result: Result<(), String>) {
        self.checks.push((name, result.is_ok()));
        self.faults.extend(result.err().map(|fault| format!("{name}: {fault}")));
    }

    /// Whether something was checked, and all of it holds.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|(_, holds)| *holds)
    }
}

/// Makes acknowledged batches once more, in the order of the journal.
pub(super) struct Again<'a> {
    shape: &'a Arc<Shape>,
    plan: Plan,
    makers: BTreeMap<u32, (Maker, u32)>,
    /// Made ahead of their place: batches of a session may change order when one was not taken at first.
    ahead: BTreeMap<(u32, u32), MadeBatch>,
}

impl<'a> Again<'a> {
    pub(super) fn new(shape: &'a Arc<Shape>, plan: Plan) -> Self {
        Self { shape, plan, makers: BTreeMap::new(), ahead: BTreeMap::new() }
    }

    /// The batch, and the participant that submitted it. Each can be had once.
    pub(super) fn batch(&mut self, at: &Acknowledged) -> (u32, MadeBatch) {
        let (shape, plan) = (self.shape, self.plan);
        let new = || (Maker::new(shape, at.session.into(), plan.window), 0);
        let (maker, next) = self.makers.entry(at.session).or_insert_with(new);
        while *next <= at.number {
            let mut made = MadeBatch::default();
            maker.fill(plan.size_of(plan.place_of(at.session.into(), (*next).into())), &mut made);
            self.ahead.insert((at.session, *next), made);
            *next += 1;
        }
        (maker.participant(), self.ahead.remove(&(at.session, at.number)).unwrap_or_default())
    }
}

/// A load that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The load.
    pub shape: Arc<Shape>,
    /// How it was sent.
    pub plan: Plan,
    /// What was acknowledged.
    pub acknowledged: Vec<Acknowledged>,
}

/// What a directory is checked against.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Accounts and funding.
    pub layout: Layout,
    /// The first sequence behind the founding.
    pub begin: u64,
    /// All loads that the server was sent.
    pub loads: Vec<Sent>,
    /// Whether nothing else may be in the journal behind the founding.
    pub is_all: bool,
}

impl Expectation {
    /// Acknowledged batches in the order of the journal, each with the number of its load.
    fn acknowledged(&self) -> Vec<(Acknowledged, usize)> {
        let of =
            |(number, load): (usize, &Sent)| load.acknowledged.iter().map(move |at| (*at, number)).collect();
        let mut all: Vec<_> = self.loads.iter().enumerate().flat_map::<Vec<_>, _>(of).collect();
        all.sort_unstable();
        all
    }
}

/// Opens the data directory that a server has left and checks it. Opening replays what is behind the last snapshot
/// and compares every block's roots.
#[must_use]
pub fn check_directory(data: &Path, expectation: &Expectation) -> Findings {
    let mut findings = Findings::default();
    let options = EngineOptions::new(data.to_owned());
    let engine = match Engine::open(&options, test_operator_key()) {
        Ok(engine) => engine,
        Err(fault) => {
            findings.add("the_directory_opens", Err(fault.to_string()));
            return findings;
        }
    };
    findings.recovered = Some(engine.recovered().clone());
    let sealed = engine.seal().map(drop).map_err(|busy| busy.to_string());
    findings.add("the_directory_opens", sealed);
    let balances = check_journal(engine.archive(), expectation, &mut findings);
    let real =
        engine.ask(|sealer| sealer.mirror().accounts.iter().map(|cell| cell.balance).collect::<Vec<_>>());
    findings.add("balances_equal_the_model", same_balances(&balances, &real));
    engine.shutdown();
    findings
}

/// Compares balances by handle.
///
/// # Errors
/// The first that differs.
pub fn same_balances(expected: &Balances, real: &[i128]) -> Result<(), String> {
    if expected.all().len() != real.len() {
        return Err(format!("{} accounts, not {}", real.len(), expected.all().len()));
    }
    let differ = |(_, (expected, real)): &(usize, (&i128, &i128))| expected != real;
    match expected.all().iter().zip(real).enumerate().find(differ) {
        None => Ok(()),
        Some((account, (expected, real))) => Err(format!("account {account} has {real}, not {expected}")),
    }
}

/// Checks journal and rows; gives the balances that the loads must have left.
fn check_journal(
    archive: &Archive<FileStorage>,
    expectation: &Expectation,
    findings: &mut Findings,
) -> Balances {
    let layout = &expectation.layout;
    let mut balances = Balances::new(layout.end());
    layout.funding().for_each(|batch| apply_all(&mut balances, &batch.records));
    let acknowledged = expectation.acknowledged();
    let again = expectation.loads.iter().map(|load| Again::new(&load.shape, load.plan)).collect();
    let mut walk = Walk { acknowledged: &acknowledged, next: 0, again, balances, unacknowledged: 0 };
    let result = walk.walk(archive, expectation.begin, &mut findings.outcomes);
    findings.add("acknowledged_transfers_are_there_with_their_outcomes", result);
    findings
        .add("no_acknowledged_batch_is_missing", none(acknowledged.len() - walk.next, "batches are missing"));
    findings.unacknowledged = walk.unacknowledged;
    if expectation.is_all {
        findings.add("nothing_else_is_there", none(walk.unacknowledged as usize, "other transfers"));
    }
    walk.balances
}

fn none(count: usize, what: &str) -> Result<(), String> {
    if count == 0 { Ok(()) } else { Err(format!("{count} {what}")) }
}

fn apply_all(balances: &mut Balances, records: &[Record]) {
    records.iter().for_each(|record| balances.apply(record, Expected::Cleared));
}

/// A walk over the journal behind the founding.
struct Walk<'a> {
    acknowledged: &'a [(Acknowledged, usize)],
    /// The acknowledged batch that comes next.
    next: usize,
    /// Of each load.
    again: Vec<Again<'a>>,
    balances: Balances,
    unacknowledged: u64,
}

impl Walk<'_> {
    fn walk(
        &mut self,
        archive: &Archive<FileStorage>,
        begin: u64,
        outcomes: &mut BTreeMap<&'static str, u64>,
    ) -> Result<(), String> {
        for frame in archive.journal.frames_from(begin) {
            let frame = frame.map_err(|fault| fault.to_string())?;
            if frame.header.kind != FrameKind::Transfers {
                continue;
            }
            let (first, count) = (frame.header.first_sequence, frame.header.count);
            let rows = archive.outcomes.read(first, count as usize).map_err(|fault| fault.to_string())?;
            let rows = rows.chunks_exact(ROW_BYTES).map(OutcomeRow::read_from_bytes);
            let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|_| "rows can't be read")?;
            let payload = Payload::parse(&frame.payload, count).map_err(|_| "a payload can't be read")?;
            for (at, entry, records) in payload.by_batch() {
                let rows = rows.get(at..at + records.len()).unwrap_or_default();
                self.batch((first + at as u64, entry), records, rows, outcomes)?;
            }
        }
        Ok(())
    }

    fn batch(
        &mut self,
        (sequence, entry): (u64, &BatchEntry),
        records: &[Record],
        rows: &[OutcomeRow],
        outcomes: &mut BTreeMap<&'static str, u64>,
    ) -> Result<(), String> {
        let next = self.acknowledged.get(self.next).filter(|(at, _)| at.first_sequence == sequence);
        let Some((at, load)) = next else {
            self.unacknowledged += records.len() as u64;
            return Ok(());
        };
        self.next += 1;
        let (participant, made) = self.again[*load].batch(at);
        if entry.participant.get() != participant || records != made.records {
            return Err(format!("the batch at sequence {sequence} is another than was sent"));
        }
        for (((record, expected), row), sequence) in made.iter().zip(rows).zip(sequence..) {
            if !expected.is_met(sequence, record, (row.outcome, row.reason, row.amount.get())) {
                return Err(format!("sequence {sequence} has {row:?}, not {expected:?}"));
            }
            self.balances.apply(record, expected);
            *outcomes.entry(expected.name()).or_insert(0) += 1;
        }
        Ok(())
    }
}
