//! The oracle's calendar: years and months counted off one by one from 1970.

use feiqian_core::calendar::{Calendar, Date};
use feiqian_core::outcome::RejectReason;
use feiqian_core::participant::{Cycle, CycleState};
use feiqian_core::schedule::{Schedule, ScheduleCommand};

use super::{Books, Planted, Reasons, note};

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 1_440 * MINUTE;

fn length(year: u16, month: u8) -> u8 {
    match month {
        2 if (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn date_of(mut days: i64) -> Date {
    let (mut year, mut month) = (1970, 1);
    while days >= i64::from(length(year, month)) {
        days -= i64::from(length(year, month));
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    Date { year, month, day: 1 + u8::try_from(days).expect("within a month") }
}

fn is_calendar(calendar: &Calendar) -> bool {
    let is_date = |date: &Date| {
        (1..=12).contains(&date.month) && date.day > 0 && date.day <= length(date.year, date.month)
    };
    calendar.weekdays > 0
        && calendar.weekdays < 128
        && !calendar.cut_offs.is_empty()
        && calendar.cut_offs.iter().all(|minute| *minute < 1_440)
        && calendar.cut_offs.windows(2).all(|pair| pair[0] < pair[1])
        && calendar.holidays.windows(2).all(|pair| pair[0] < pair[1])
        && calendar.holidays.iter().all(is_date)
        && calendar.offset.abs() <= 14 * 60
}

impl Books {
    /// Minute by minute of the place's days.
    fn cut_off_after(calendar: &Calendar, time: u64) -> Option<i64> {
        let time = i64::try_from(time).expect("before 2262");
        let shift = i64::from(calendar.offset) * MINUTE;
        let today = (time + shift) / DAY;
        for day in today..today + 400 {
            let is_open = calendar.weekdays & (1 << ((day + 3) % 7)) != 0;
            if !is_open || calendar.holidays.contains(&date_of(day)) {
                continue;
            }
            for minute in &calendar.cut_offs {
                let at = day * DAY + i64::from(*minute) * MINUTE - shift;
                if at > time {
                    return Some(at);
                }
            }
        }
        None
    }

    pub(super) fn refusals_of_close(&self, cycle: u64, now: u64) -> Reasons {
        let mut reasons = Reasons::new();
        self.note_close(&mut reasons, cycle);
        let first_block = self.cycles.iter().find(|at| at.number == cycle).map(|at| at.first_block);
        let is_before = |at: &&Cycle| Some(at.end_block) == first_block && at.state != CycleState::Open;
        let last = self.cycles.iter().find(is_before);
        let due = self.schedule.as_ref().and_then(|schedule| {
            let opened = last.map_or(0, |last| last.closed_at);
            Self::cut_off_after(&schedule.calendar, opened.max(schedule.set_at))
        });
        let late = if self.is_planted(Planted::CutOffEarly) { 30 * MINUTE } else { 0 };
        let is_due = due.is_some_and(|due| due <= i64::try_from(now).expect("before 2262") + late);
        note(&mut reasons, !is_due, RejectReason::CutOffNotReached);
        reasons
    }

    pub(super) fn note_schedule(reasons: &mut Reasons, command: &ScheduleCommand) {
        match command {
            ScheduleCommand::SetCalendar(calendar) => {
                note(reasons, !is_calendar(calendar), RejectReason::BadCalendar);
            }
            ScheduleCommand::CloseScheduled { .. } => note(reasons, true, RejectReason::MalformedCommand),
        }
    }

    pub(super) fn execute_schedule(&mut self, now: u64, command: &ScheduleCommand) {
        match command {
            ScheduleCommand::SetCalendar(calendar) => {
                self.schedule = Some(Schedule { calendar: calendar.clone(), set_at: now });
            }
            ScheduleCommand::CloseScheduled { cycle } => self.close_cycle(now, *cycle),
        }
    }
}
