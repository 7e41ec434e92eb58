//! A world with the engine and the oracle beside each other: what tables are checked on.

use std::time::Duration;

use feiqian_core::account::AccountCell;
use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_tests::oracle::Oracle;
use feiqian_tests::picture::Picture;
use feiqian_tests::world::{Expected, Eyes, Row, World, bic, cleared, currency};

use crate::serial::{Applied, Serial, apply_both};

#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) world: World,
    pub(crate) serial: Serial,
    oracle: Oracle,
}

impl Trial {
    pub(crate) fn new(world: World) -> Self {
        let mut trial =
            Self { world: World::default(), serial: Serial::default(), oracle: Oracle::default() };
        for frame in world.frames() {
            let applied = apply_both(&mut trial.serial, &mut trial.oracle, &world, frame);
            let applied = applied.unwrap_or_else(|difference| panic!("{difference}"));
            assert_eq!(Expected::of(&applied.rows[0]), cleared(), "the world's beginning");
        }
        Self { world, ..trial }
    }

    pub(crate) fn standard() -> Self {
        Self::new(World::standard())
    }

    /// Applies what was pushed last.
    pub(crate) fn apply(&mut self) -> Applied {
        let frame = self.world.last().clone();
        apply_both(&mut self.serial, &mut self.oracle, &self.world, &frame)
            .unwrap_or_else(|difference| panic!("{difference}"))
    }

    /// One frame of the rows, a batch for each stretch of one submitter; every row ends as it says, and the
    /// state shows what the oracle's shows.
    pub(crate) fn check(&mut self, rows: &[Row]) -> Applied {
        let mut batches: Vec<(ParticipantHandle, Vec<Record>)> = Vec::new();
        for row in rows {
            let (submitter, record) = self.world.draft(row);
            match batches.last_mut().filter(|(last, _)| *last == submitter && !row.is_apart) {
                Some((_, records)) => records.push(record),
                None => batches.push((submitter, vec![record])),
            }
        }
        let batches = batches.into_iter().map(|(submitter, records)| Batch::new(submitter, records));
        self.world.push_transfers(batches.collect());
        let applied = self.apply();
        for (at, (row, answer)) in rows.iter().zip(&applied.rows).enumerate() {
            assert_eq!(Expected::of(answer), row.expected, "row {at} of the table: {row:?}");
        }
        applied
    }

    /// A command with its two approvals that must end so.
    pub(crate) fn order(&mut self, command: Command, expected: Expected) {
        self.order_with(command, Eyes::Four, expected);
    }

    pub(crate) fn order_with(&mut self, command: Command, eyes: Eyes, expected: Expected) {
        let what = format!("{command:?} {eyes:?}");
        self.world.push_command(command, eyes);
        assert_eq!(Expected::of(&self.apply().rows[0]), expected, "{what}");
    }

    pub(crate) fn set_cap(&mut self, bank: &str, cap: u64) {
        self.order(Command::SetNetDebitCap { bic: bic(bank), currency: currency("EUR"), cap }, cleared());
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.world.wait(Duration::from_secs(seconds));
    }

    pub(crate) fn cell(&self, account: &str) -> AccountCell {
        *self.serial.state.account(self.world.account(account)).expect("open")
    }

    pub(crate) fn balance(&self, account: &str) -> i128 {
        self.cell(account).balance
    }

    pub(crate) fn position(&self, bank: &str) -> i128 {
        let registry = self.serial.state.registry();
        let slot = registry.slot_of(bic(bank), currency("EUR")).expect("open");
        self.serial.state.slot(slot).expect("open").position
    }

    pub(crate) fn picture(&self) -> Picture {
        Picture::of_state(&self.serial.state)
    }
}
