//! Schedules in random stories: calendars, cycles that are closed by them in time, early and late, and who pays for them.

use std::time::Duration;

use feiqian_core::calendar::{Calendar, Date};
use feiqian_core::command::Command;
use feiqian_core::paid::PaidCommand;
use feiqian_core::participant::CycleState;
use feiqian_core::schedule::ScheduleCommand;

use super::Teller;
use crate::world::Eyes;

impl Teller {
    /// A cycle that somebody has not paid for, or only later, and its settlement.
    pub(super) fn paying(&mut self) -> Command {
        let open = self.some_cycle(&[CycleState::Open]);
        self.command(Command::CloseCycle { cycle: open }, Eyes::Four);
        let cycle = self.some_cycle(&[CycleState::Closed, CycleState::Failed, CycleState::Instructed]);
        self.command(Command::InstructCycle { cycle }, Eyes::Four);
        let known: Vec<_> = self.picture.participants.iter().map(|at| at.bic).collect();
        let bic = self.pick(&known).unwrap_or_else(|| self.some_bic());
        self.command(Command::Paid(PaidCommand::Failed { cycle, bic }), Eyes::Four);
        if self.dice.once_in(2) {
            self.command(Command::Paid(PaidCommand::Paid { cycle, bic }), Eyes::Four);
        }
        Command::SettleCycle { cycle }
    }

    /// A calendar at times, and a close once so many minutes have gone.
    pub(super) fn schedule(&mut self) {
        if self.picture.schedule.is_none() || self.dice.once_in(3) {
            let minute = u16::try_from(self.dice.below(720)).unwrap_or(0);
            let first = Date { year: 2025, month: 6, day: 16 };
            let mut calendar = Calendar {
                weekdays: u8::try_from(1 + self.dice.below(127)).unwrap_or(1),
                holidays: if self.dice.once_in(2) { vec![first] } else { Vec::new() },
                cut_offs: vec![minute, minute + 45, minute + 700],
                offset: i16::try_from(self.dice.below(1_680)).unwrap_or(0) - 840,
            };
            match self.dice.below(8) {
                0 => calendar.cut_offs.reverse(),
                1 => calendar.holidays.push(Date { year: 2023, month: 2, day: 29 }),
                _ => {}
            }
            self.command(Command::Schedule(ScheduleCommand::SetCalendar(calendar)), Eyes::Four);
        }
        for _ in 0..1 + self.dice.below(4) {
            let minutes = self.pick(&[10, 45, 720, 1_440, 4_320]).unwrap_or(1);
            self.world.wait(Duration::from_secs(60 * minutes));
            let cycle = self.some_cycle(&[CycleState::Open]);
            self.command(Command::Schedule(ScheduleCommand::CloseScheduled { cycle }), Eyes::None);
        }
    }
}
