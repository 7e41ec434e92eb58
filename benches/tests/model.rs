//! The load generator's model against the engine's own plain loop: for every kind of workload, each expected
//! outcome is the real one, and each balance too.

use std::sync::Arc;

use benches::workload::layout::Layout;
use benches::workload::maker::{MadeBatch, Maker, Shape};
use benches::workload::model::{Balances, Expected};
use benches::workload::{Distribution, UetrOrder, Workload};
use feiqian_core::batch::{Batch, PayloadBuilder, command_payload};
use feiqian_core::command::Entry;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::state::{FrameView, History, State};
use feiqian_core::transfer::Record;
use feiqian_proof::Hash;

/// Batches of a session that may be unanswered.
const WINDOW: u64 = 3;
const SECOND: u64 = 1_000_000_000;

/// The engine's plain loop with all that it has been given.
struct House {
    state: State,
    time: u64,
    journaled: Journaled,
}

#[derive(Default)]
struct Journaled(Vec<Option<Record>>);

impl History for Journaled {
    fn record(&self, sequence: u64) -> Option<Record> {
        self.0.get(usize::try_from(sequence).ok()?).copied().flatten()
    }

    fn stored_ids(&self, _: u64, _: (u64, u64)) -> Option<Vec<u64>> {
        None
    }
}

impl House {
    fn founded(layout: &Layout) -> Self {
        let mut house = Self { state: State::default(), time: SECOND, journaled: Journaled(vec![None]) };
        house.command(&Layout::genesis());
        layout.commands().iter().for_each(|entry| house.command(entry));
        for batch in layout.funding() {
            let (_, rows) = house.transfers(&batch);
            assert!(rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)));
        }
        house
    }

    fn command(&mut self, entry: &Entry) {
        let rows = self.apply(FrameKind::Command, 1, &command_payload(&entry.encode()));
        assert_eq!(rows[0].outcome(), Some(Outcome::Cleared), "{entry:?}: {:?}", rows[0].reason());
        self.journaled.0.push(None);
    }

    /// The first sequence and the rows.
    fn transfers(&mut self, batch: &Batch) -> (u64, Vec<OutcomeRow>) {
        let mut builder = PayloadBuilder::default();
        builder.push(batch.clone());
        let (payload, count) = builder.finish();
        let first = self.state.next_sequence();
        let rows = self.apply(FrameKind::Transfers, count, &payload);
        self.journaled.0.extend(batch.records.iter().copied().map(Some));
        (first, rows)
    }

    fn apply(&mut self, kind: FrameKind, count: u32, payload: &[u8]) -> Vec<OutcomeRow> {
        self.time += SECOND / 4;
        let first_sequence = self.state.next_sequence();
        let timestamp = self.time;
        let view = FrameView { kind, first_sequence, count, timestamp, hash: Hash::default(), payload };
        let mut rows = Vec::new();
        self.state.apply(&view, &self.journaled, &mut rows).expect("a good frame");
        rows
    }
}

/// Runs a workload over six sessions whose batches alternate; gives how often each outcome was met.
fn hold(workload: Workload) -> std::collections::BTreeMap<&'static str, u32> {
    workload.check().expect("a workload that can be made");
    let layout = Layout::fresh(&workload);
    let mut house = House::founded(&layout);
    let mut balances = Balances::new(layout.end());
    for batch in layout.funding() {
        batch.records.iter().for_each(|record| balances.apply(record, Expected::Cleared));
    }
    let shape = Shape::new(workload, layout);
    let mut makers: Vec<_> = (0..6).map(|session| Maker::new(&shape, session, WINDOW)).collect();
    let mut made = MadeBatch::default();
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..12 {
        for maker in &mut makers {
            maker.fill(if round == 7 { 1 } else { 200 }, &mut made);
            let (first, rows) = house.transfers(&Batch::new(maker.participant(), made.records.clone()));
            for (((record, expected), row), sequence) in made.iter().zip(&rows).zip(first..) {
                let answer = (row.outcome, row.reason, row.amount.get());
                assert!(expected.is_met(sequence, record, answer), "{expected:?}, not {row:?}: {record:?}");
                balances.apply(record, expected);
                *seen.entry(expected.name()).or_insert(0) += 1;
            }
        }
    }
    for (handle, balance) in (0..).zip(balances.all()) {
        let real = house.state.account(handle).expect("an account").balance;
        assert_eq!(real, *balance, "account {handle}");
    }
    seen
}

fn plain() -> Workload {
    Workload::plain(160)
}

#[test]
fn plain_loads_clear_whatever_their_distribution() {
    let all = [
        Distribution::Uniform,
        Distribution::Zipf(0.99),
        Distribution::Hot(1),
        Distribution::Hot(20),
        Distribution::ClearingOnly,
    ];
    for distribution in all {
        let seen = hold(Workload { distribution, ..plain() });
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), ["cleared"], "{distribution:?}");
    }
}

#[test]
fn holds_are_posted_voided_and_left_to_expire_as_expected() {
    let seen = hold(Workload { two_phase_share: 0.5, ..plain() });
    assert!(["cleared", "held", "voided"].iter().all(|name| seen[name] > 100), "{seen:?}");
}

#[test]
fn every_reason_of_a_rejection_is_the_expected_one() {
    let seen = hold(Workload { reject_share: 0.5, currencies: 3, ..plain() });
    // Thirteen reasons and repetitions, beside what clears.
    assert_eq!(seen.len(), 15, "{seen:?}");
}

#[test]
fn all_kinds_together_meet_their_expectations() {
    for distribution in [Distribution::Uniform, Distribution::Hot(1), Distribution::ClearingOnly] {
        let workload = Workload {
            distribution,
            currencies: 2,
            cross_share: 0.4,
            two_phase_share: 0.3,
            chain_share: 0.3,
            reject_share: 0.1,
            uetr: UetrOrder::Ordered,
            ..plain()
        };
        let seen = hold(workload);
        assert!(seen.contains_key("chain_failed") && seen.contains_key("voided"), "{seen:?}");
    }
}

#[test]
fn an_altered_expectation_is_noticed() {
    let record = Record::new(1, 2, 3, 4, 978);
    assert!(Expected::Cleared.is_met(9, &record, (1, 0, 4)));
    for other in [(1, 0, 5), (4, 19, 0), (2, 0, 4), (1, 1, 4)] {
        assert!(!Expected::Cleared.is_met(9, &record, other));
    }
    assert!(Expected::Duplicate(1).is_met(9, &record, (5, 0, 8)));
    assert!(!Expected::Duplicate(1).is_met(9, &record, (5, 0, 7)));
}

#[test]
fn shares_and_hot_accounts_are_those_of_the_workload() {
    let workload = Workload {
        cross_share: 0.25,
        two_phase_share: 0.3,
        chain_share: 0.2,
        distribution: Distribution::Hot(1),
        ..Workload::plain(8_000)
    };
    let layout = Layout::fresh(&workload);
    let hot = layout.ranges[0][0].first;
    let shape = Shape::new(workload, layout);
    let mut made = MadeBatch::default();
    let (mut two_phase, mut chained, mut all) = (0.0, 0.0, 0.0);
    for session in 0..8 {
        let mut maker = Maker::new(&shape, session, 1);
        for _ in 0..8 {
            maker.fill(8_190, &mut made);
            let mut follows = false;
            for record in &made.records {
                assert!(record.debtor.get() == hot || record.creditor.get() == hot, "{record:?}");
                let is_chained = record.is_linked() || follows;
                follows = record.is_linked();
                all += 1.0;
                chained += f64::from(u8::from(is_chained));
                two_phase += f64::from(u8::from(record.flags.get() & 7 != 0));
            }
        }
    }
    assert!(
        (chained / all - 0.2_f64).abs() < 0.01 && (two_phase / all - 0.3_f64).abs() < 0.05,
        "{chained} {two_phase} {all}"
    );
}

#[test]
fn the_share_that_crosses_is_that_of_the_workload_and_sessions_do_not_share_ids() {
    let shape = {
        let workload = Workload { cross_share: 0.25, ..Workload::plain(8_000) };
        let layout = Layout::fresh(&workload);
        Shape::new(workload, layout)
    };
    let owner = |account: u64| {
        let mut all = shape.layout().ranges.iter().map(|ranges| ranges[0]);
        all.position(|range| (range.first..range.first + range.count).contains(&account)).expect("an account")
    };
    let mut ids = std::collections::BTreeSet::new();
    let (mut crossing, mut made) = (0.0, MadeBatch::default());
    for session in 0..16 {
        Maker::new(&Arc::clone(&shape), session, 1).fill(4_000, &mut made);
        for record in &made.records {
            assert!(ids.insert(record.uetr.get()));
            let (debtor, creditor) = (owner(record.debtor.get()), owner(record.creditor.get()));
            assert_eq!(debtor as u64, session % 8, "a session moves its participant's money alone");
            crossing += f64::from(u8::from(debtor != creditor));
        }
    }
    assert!((crossing / ids.len() as f64 - 0.25_f64).abs() < 0.01, "{crossing}");
}
