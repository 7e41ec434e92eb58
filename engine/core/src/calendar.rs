//! The calendar of settlement: which days have cut-offs, and when. Civil dates from nanoseconds since 1970 in integers
//! alone, by the proleptic Gregorian calendar, so that everybody comes to the same instant. Reads no clock.

use alloc::vec::Vec;

use crate::codec::{Decoder, Encoder, Malformed};
use crate::limits::{CUT_OFFS_MAX, HOLIDAYS_MAX};

/// Minutes of a day.
const DAY_MINUTES: u16 = 1_440;
/// Minutes that a place may be east or west of UTC.
const OFFSET_MINUTES_MAX: i16 = 840;
/// Nanoseconds of a minute.
const MINUTE: i128 = 60_000_000_000;
/// Nanoseconds of a day.
const DAY: i128 = 86_400_000_000_000;
/// Days that are looked at for the next cut-off: more than a year, so that a calendar with a business day finds it,
/// whatever its holidays, unless those fill the year.
const DAYS_AHEAD: i32 = 400;
/// Days of 400 years.
const ERA_DAYS: i32 = 146_097;
/// Days from 1 March of the year 0 to 1970.
const EPOCH_DAYS: i32 = 719_468;

/// A civil date.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Date {
    /// Year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// The date so many days after 1 January 1970, from the year 0 to 9999.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "days of 10,000 years stay far below 2^31")]
    pub fn of_days(days: i32) -> Option<Self> {
        // Years that begin in March end with the leap day.
        let days = days.checked_add(EPOCH_DAYS)?;
        let (era, day) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let in_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * in_year + 2) / 153;
        let in_month = in_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = u16::try_from(year + 400 * era + carry).ok().filter(|year| *year <= 9_999)?;
        Some(Self { year, month: u8::try_from(month).ok()?, day: u8::try_from(in_month).ok()? })
    }

    /// Days after 1 January 1970; none for a date that there is not.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "days of 10,000 years stay far below 2^31")]
    pub fn days(self) -> Option<i32> {
        let (month, day) = (i32::from(self.month), i32::from(self.day));
        if !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        let year = i32::from(self.year) - i32::from(month < 3);
        let month = if month > 2 { month - 3 } else { month + 9 };
        let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
        let in_year = (153 * month + 2) / 5 + day - 1;
        let days = era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - EPOCH_DAYS;
        (Self::of_days(days) == Some(self)).then_some(days)
    }
}

/// A day's number in the week, Monday 0 to Sunday 6.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "a remainder of seven")]
fn weekday(days: i32) -> u8 {
    // 1 January 1970 was a Thursday.
    u8::try_from((days.rem_euclid(7) + 3) % 7).unwrap_or(0)
}

/// When cycles end: cut-off times on business days, in a place's own time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// Business days of the week, from Monday in the lowest bit.
    pub weekdays: u8,
    /// Days without cut-offs, ascending.
    pub holidays: Vec<Date>,
    /// Minutes after midnight, ascending.
    pub cut_offs: Vec<u16>,
    /// Minutes by which the place's time is ahead of UTC.
    pub offset: i16,
}

impl Calendar {
    /// Whether there are cut-offs, in order, on days and at times that there are.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_ascending =
            self.cut_offs.is_sorted_by(|a, b| a < b) && self.holidays.is_sorted_by(|a, b| a < b);
        is_ascending
            && (1..=0x7F).contains(&self.weekdays)
            && !self.cut_offs.is_empty()
            && self.cut_offs.len() <= CUT_OFFS_MAX
            && self.holidays.len() <= HOLIDAYS_MAX
            && self.cut_offs.iter().all(|minute| *minute < DAY_MINUTES)
            && self.holidays.iter().all(|date| date.days().is_some())
            && (-OFFSET_MINUTES_MAX..=OFFSET_MINUTES_MAX).contains(&self.offset)
    }

    /// The first cut-off after a time, both in nanoseconds since 1970; none where the next 400 days have none.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "instants of 64 bits in 128")]
    pub fn next_after(&self, time: u64) -> Option<u64> {
        let offset = i128::from(self.offset) * MINUTE;
        let local = i128::from(time) + offset;
        let first = i32::try_from(local.div_euclid(DAY)).ok()?;
        for days in first..first.checked_add(DAYS_AHEAD)? {
            let is_business = self.weekdays >> weekday(days) & 1 == 1;
            if !is_business
                || Date::of_days(days).is_none_or(|date| self.holidays.binary_search(&date).is_ok())
            {
                continue;
            }
            let cut_offs =
                self.cut_offs.iter().map(|minute| i128::from(days) * DAY + i128::from(*minute) * MINUTE);
            if let Some(next) = cut_offs.map(|at| at - offset).find(|at| *at > i128::from(time)) {
                return u64::try_from(next).ok();
            }
        }
        None
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.u8(self.weekdays);
        to.u16(self.offset.cast_unsigned());
        to.count(self.cut_offs.len());
        self.cut_offs.iter().for_each(|minute| to.u16(*minute));
        to.count(self.holidays.len());
        for date in &self.holidays {
            to.u16(date.year);
            to.u8(date.month);
            to.u8(date.day);
        }
    }

    /// Any that [`Calendar::is_valid`] may refuse.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (weekdays, offset) = (from.u8()?, from.u16()?.cast_signed());
        let cut_offs: Result<_, Malformed> = (0..from.count(CUT_OFFS_MAX)?).map(|_| from.u16()).collect();
        let cut_offs = cut_offs?;
        let date =
            |from: &mut Decoder<'_>| Ok(Date { year: from.u16()?, month: from.u8()?, day: from.u8()? });
        let holidays: Result<_, Malformed> = (0..from.count(HOLIDAYS_MAX)?).map(|_| date(from)).collect();
        Ok(Self { weekdays, holidays: holidays?, cut_offs, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn known_dates() {
        let rows = [
            (0, date(1970, 1, 1), 3),
            (-1, date(1969, 12, 31), 2),
            (11_016, date(2000, 2, 29), 1),
            (19_782, date(2024, 2, 29), 3),
            (20_784, date(2026, 11, 27), 4),
            (47_541, date(2100, 3, 1), 0),
            (-135_140, date(1600, 1, 1), 5),
        ];
        for (days, expected, week) in rows {
            assert_eq!((Date::of_days(days), weekday(days)), (Some(expected), week), "{expected:?}");
            assert_eq!(expected.days(), Some(days));
        }
        for wrong in [(2100, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0), (1900, 2, 29)]
        {
            assert_eq!(date(wrong.0, wrong.1, wrong.2).days(), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_day_of_400_years_follows_the_one_before() {
        let lengths = |year: u16| {
            let is_leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
            [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        };
        let mut days = date(1970, 1, 1).days().expect("a date");
        let mut week = 3;
        for year in 1970..2370 {
            for (month, length) in (1..).zip(lengths(year)) {
                for day in 1..=length {
                    assert_eq!(Date::of_days(days), Some(date(year, month, day)));
                    assert_eq!((date(year, month, day).days(), weekday(days)), (Some(days), week));
                    (days, week) = (days + 1, (week + 1) % 7);
                }
            }
        }
        assert_eq!(days, ERA_DAYS);
    }

    const HOUR: u64 = 3_600_000_000_000;

    const SECOND: u64 = 1_000_000_000;

    #[expect(clippy::arithmetic_side_effects, reason = "minutes of some centuries")]
    fn at(day: Date, minutes: u64) -> u64 {
        let days = u64::try_from(day.days().expect("a date")).expect("after 1970");
        60 * SECOND * (days * 1_440 + minutes)
    }

    #[test]
    fn the_next_cut_off_is_after_the_time_on_a_business_day_in_the_places_time() {
        // Friday is 27 November 2026; Monday a holiday.
        let (friday, tuesday) = (date(2026, 11, 27), date(2026, 12, 1));
        let calendar = Calendar {
            weekdays: 0b001_1111,
            holidays: vec![date(2026, 11, 30)],
            cut_offs: vec![9 * 60, 17 * 60],
            offset: 60,
        };
        assert!(calendar.is_valid());
        let rows = [
            (at(friday, 0), at(friday, 8 * 60)),
            (at(friday, 8 * 60) - 1, at(friday, 8 * 60)),
            (at(friday, 8 * 60), at(friday, 16 * 60)),
            (at(friday, 16 * 60), at(tuesday, 8 * 60)),
            (at(friday, 23 * 60 + 30), at(tuesday, 8 * 60)),
        ];
        for (time, next) in rows {
            assert_eq!(calendar.next_after(time), Some(next), "{time}");
        }
        // An hour past local midnight is the day before in UTC.
        let east = Calendar { cut_offs: vec![30], offset: 120, ..calendar.clone() };
        assert_eq!(east.next_after(at(tuesday, 0)), Some(at(tuesday, 22 * 60 + 30)));
        let west = Calendar { cut_offs: vec![23 * 60], offset: -300, ..calendar };
        assert_eq!(west.next_after(at(friday, 0)), Some(at(friday, 0) + 4 * HOUR));
    }

    #[test]
    fn what_is_no_calendar_is_told() {
        let good = Calendar {
            weekdays: 0x7F,
            holidays: vec![date(2026, 1, 1)],
            cut_offs: vec![0, 1_439],
            offset: 840,
        };
        assert!(good.is_valid());
        let bad = [
            Calendar { weekdays: 0, ..good.clone() },
            Calendar { weekdays: 0x80, ..good.clone() },
            Calendar { cut_offs: vec![], ..good.clone() },
            Calendar { cut_offs: vec![1_440], ..good.clone() },
            Calendar { cut_offs: vec![5, 5], ..good.clone() },
            Calendar { holidays: vec![date(2026, 2, 29)], ..good.clone() },
            Calendar { holidays: vec![date(2026, 1, 2), date(2026, 1, 1)], ..good.clone() },
            Calendar { offset: -841, ..good.clone() },
        ];
        for calendar in bad {
            assert!(!calendar.is_valid(), "{calendar:?}");
        }
        let year = (0..366).filter_map(|day| Date::of_days(20_000 + day)).collect();
        let closed = Calendar { holidays: year, ..good };
        assert!(closed.is_valid());
        assert!(closed.next_after(at(Date::of_days(20_000).expect("a date"), 0)).is_some());
    }
}
