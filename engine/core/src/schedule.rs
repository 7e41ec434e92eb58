//! The schedule of cycles, in the journal itself: a calendar that officers set, and the engine's own command that closes a
//! cycle once its cut-off has come. It takes nobody's word: that the frame's time has reached the cut-off, anybody can
//! check from the calendar and the cycles.

use alloc::vec::Vec;

use crate::calendar::Calendar;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::outcome::RejectReason;
use crate::participant::CycleNumber;
use crate::registry::{Decision, Effect, Registry, refuse};

/// What is asked for. Numbers of the byte form are for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScheduleCommand {
    /// 27: cycles end by this calendar from now on.
    SetCalendar(Calendar),
    /// 28: an open cycle's cut-off has come: it closes; the engine's own.
    CloseScheduled {
        /// The open cycle, of any stream.
        cycle: CycleNumber,
    },
}

impl ScheduleCommand {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        match self {
            Self::SetCalendar(calendar) => {
                to.u8(27);
                calendar.encode(to);
            }
            Self::CloseScheduled { cycle } => {
                to.u8(28);
                to.u64(*cycle);
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match kind {
            27 => Ok(Self::SetCalendar(Calendar::decode(from)?)),
            28 => Ok(Self::CloseScheduled { cycle: from.u64()? }),
            _ => Err(Malformed),
        }
    }
}

/// The calendar in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// When cycles end.
    pub calendar: Calendar,
    /// When it was set, nanoseconds since 1970: no cut-off of before binds.
    pub set_at: u64,
}

impl Schedule {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        self.calendar.encode(to);
        to.u64(self.set_at);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let schedule = Self { calendar: Calendar::decode(from)?, set_at: from.u64()? };
        if schedule.calendar.is_valid() { Ok(schedule) } else { Err(Malformed) }
    }

    /// In the configuration of a block.
    pub(crate) fn config_entry(&self, kind: u8) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(kind);
        to.u8(1);
        self.encode(&mut to);
        to.0
    }
}

impl Registry {
    /// The time at which the schedule ends the general stream's open cycle, nanoseconds since 1970: the first cut-off after it opened, or
    /// after the calendar was set, whichever was later. None without a calendar.
    #[must_use]
    pub fn next_cut_off(&self) -> Option<u64> {
        self.cut_off_of(self.open_cycle())
    }

    /// The same for a cycle of any stream: it opened in the instant in which the one closed whose blocks end where its own
    /// begin.
    #[must_use]
    pub fn cut_off_of(&self, cycle: CycleNumber) -> Option<u64> {
        let schedule = self.schedule.as_ref()?;
        let first_block = self.cycle(cycle)?.first_block;
        let before = self.cycles.iter().rev().find(|before| before.end_block == first_block);
        let opened = before.map_or(0, |before| before.closed_at);
        schedule.calendar.next_after(opened.max(schedule.set_at))
    }

    /// The open cycles, the general stream's first, whose cut-off has come by `timestamp`, nanoseconds since 1970.
    pub fn due_cycles(&self, timestamp: u64) -> impl Iterator<Item = CycleNumber> {
        let split = self.streams.split().map(|(_, stream)| stream.open);
        core::iter::once(self.open_cycle()).chain(split).filter(move |cycle| self.is_due(*cycle, timestamp))
    }

    fn is_due(&self, cycle: CycleNumber, timestamp: u64) -> bool {
        self.cut_off_of(cycle).is_some_and(|cut_off| cut_off <= timestamp)
    }

    pub(crate) fn check_schedule(&self, command: &ScheduleCommand) -> Decision<()> {
        match command {
            ScheduleCommand::SetCalendar(calendar) => refuse(!calendar.is_valid(), RejectReason::BadCalendar),
            // Asks the time, and so is checked apart.
            ScheduleCommand::CloseScheduled { .. } => Err(RejectReason::MalformedCommand),
        }
    }

    pub(crate) fn check_scheduled_close(&self, cycle: CycleNumber, timestamp: u64) -> Decision<()> {
        self.check_close(cycle)?;
        refuse(!self.is_due(cycle, timestamp), RejectReason::CutOffNotReached)
    }

    pub(crate) fn commit_schedule(&mut self, command: &ScheduleCommand, timestamp: u64) -> Effect {
        match command {
            ScheduleCommand::SetCalendar(calendar) => {
                self.schedule = Some(Schedule { calendar: calendar.clone(), set_at: timestamp });
                Effect::Registered
            }
            ScheduleCommand::CloseScheduled { cycle } => self.seal(Some(*cycle), timestamp),
        }
    }
}
