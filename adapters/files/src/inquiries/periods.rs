//! When a camt.060 asks for: whole cycles by when they end or by their numbers, or parts of cycles by times.
//!
//! | `RptgPrd` | what it chooses |
//! |---|---|
//! | dates alone, or times that leave each day whole (`00:00:00`, to `23:59:59` or later) | cycles that end in it |
//! | other times | of each cycle the part from `FrDt` `FrTm` on, before `ToDt` `ToTm` |

use std::ops::RangeInclusive;

use feiqian_core::participant::CycleNumber;
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::Refusal;
use feiqian_iso20022::reporting_request::{RequestedPeriod, RequestedReport, SequenceRange};

use crate::resolve::refuse;
use crate::settlement::Part;
use crate::timestamp::{date_time, end_of};

/// Which cycles, or which parts of them.
pub(super) struct Times {
    /// First and last moment in which a cycle may end, as texts in the order of time.
    ends: Option<(String, String)>,
    /// What is told of each cycle; all of it where there is none.
    pub(super) part: Option<Part>,
    numbers: Vec<RangeInclusive<CycleNumber>>,
    excluded: Vec<CycleNumber>,
}

impl Times {
    /// Reads the times of a request.
    ///
    /// # Errors
    /// A [`Refusal`] where they are none, or of another zone than UTC.
    pub(super) fn of(asked: &RequestedReport, name: &str) -> Result<Self, Refusal> {
        let ranges = asked.sequences.iter().map(range).collect::<Option<Vec<_>>>();
        let excluded = asked.excluded.iter().map(|text| text.parse().ok()).collect::<Option<Vec<_>>>();
        let (Some(numbers), Some(excluded)) = (ranges, excluded) else {
            return refuse(codes::AG03, format!("{name}: RptgSeq is no number"));
        };
        let bounds = asked.period.as_ref().map(bounds).transpose()?;
        let is_part = asked.period.as_ref().is_some_and(has_times);
        let (ends, part) = match bounds {
            Some(_) if is_part => (None, asked.period.as_ref().map(|period| part(period, name)).transpose()?),
            ends => (ends, None),
        };
        Ok(Self { ends, part, numbers, excluded })
    }

    /// Whether nothing is said: then it is the newest.
    pub(super) fn are_newest(&self) -> bool {
        self.ends.is_none() && self.part.is_none() && self.numbers.is_empty() && self.excluded.is_empty()
    }

    /// Whether a cycle is chosen, or a part of it, that lasts from the first moment to the second, nanoseconds since 1970.
    pub(super) fn choose(&self, cycle: CycleNumber, (opened, end): (u64, u64)) -> bool {
        let ends_in = |(from, until): &(String, String)| (from..=until).contains(&&date_time(end));
        self.ends.as_ref().is_none_or(ends_in)
            // A cycle lasts for a moment at least, whatever clock says when it ends.
            && self.part.is_none_or(|part| part.touches(opened, end.max(opened.saturating_add(1))))
            && (self.numbers.is_empty() || self.numbers.iter().any(|range| range.contains(&cycle)))
            && !self.excluded.contains(&cycle)
    }
}

/// Whether times choose a part of a day: those that a version without optional times needs for a whole one do not.
fn has_times(period: &RequestedPeriod) -> bool {
    let from = period.from.1.as_deref().unwrap_or("00:00:00");
    let until = period.until.1.as_deref().unwrap_or("24:00:00");
    let is_zero = |one: char| matches!(one, '0' | ':' | '.' | 'Z');
    !from.chars().all(is_zero) || until < "23:59:59"
}

fn range(asked: &SequenceRange) -> Option<RangeInclusive<CycleNumber>> {
    let number = |text: &Option<String>, open: CycleNumber| match text {
        Some(text) => text.parse().ok(),
        None => Some(open),
    };
    Some(number(&asked.from, 0)?..=number(&asked.to, CycleNumber::MAX)?)
}

/// First and last moment of a period, as texts in the order of time. Without `ToDt`, `ToTm` is one of the first day, and
/// without both the period has no end.
fn bounds(period: &RequestedPeriod) -> Result<(String, String), Refusal> {
    let RequestedPeriod { from: (from, from_time), until: (until, until_time), .. } = period;
    let last = match (until, until_time) {
        (None, None) => moment("9999-12-31", "24:00:00"),
        (day, time) => moment(day.as_ref().unwrap_or(from), time.as_deref().unwrap_or("24:00:00")),
    };
    let first = moment(from, from_time.as_deref().unwrap_or("00:00:00"));
    first.zip(last).ok_or_else(|| Refusal {
        code: codes::DT01,
        text: "RptgPrd is not in UTC; give dates and times with Z, or without a zone".to_owned(),
    })
}

/// `2026-03-16T08:00:01.250Z`, as the engine's times are written; none for another zone than UTC.
fn moment(date: &str, time: &str) -> Option<String> {
    let (date, time) = (date.trim_end_matches('Z'), time.trim_end_matches('Z'));
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let is_plain = date.len() == 10 && seconds.len() == 8 && fraction.bytes().all(|one| one.is_ascii_digit());
    is_plain.then(|| format!("{date}T{seconds}.{fraction:0<3.3}Z"))
}

/// The part that a period chooses, to the nanosecond; one without an end lasts for ever.
fn part(period: &RequestedPeriod, name: &str) -> Result<Part, Refusal> {
    let RequestedPeriod { from: (from, from_time), until: (until, until_time), .. } = period;
    let exact = |date: &str, time: Option<&str>, otherwise: &str| {
        let (date, time) = (date.trim_end_matches('Z'), time.unwrap_or(otherwise).trim_end_matches('Z'));
        end_of(&format!("{date}T{time}"))
    };
    let last = match (until, until_time) {
        (None, None) => Some(u64::MAX),
        (day, time) => exact(day.as_ref().unwrap_or(from), time.as_deref(), "24:00:00"),
    };
    match exact(from, from_time.as_deref(), "00:00:00").zip(last) {
        Some((from, until)) if from < until => Ok(Part { from, until }),
        _ => refuse(codes::DT01, format!("{name}: RptgPrd ends before it begins, or is no time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_the_order_of_time_or_refused() {
        let rows = [
            ("2026-03-16", "08:00:00", Some("2026-03-16T08:00:00.000Z")),
            ("2026-03-16Z", "08:00:00.5Z", Some("2026-03-16T08:00:00.500Z")),
            ("2026-03-16", "08:00:00.123456", Some("2026-03-16T08:00:00.123Z")),
            ("2026-03-16+01:00", "08:00:00", None),
            ("2026-03-16", "08:00:00+01:00", None),
            ("2026-03-16", "08:00:00.5-01:00", None),
        ];
        for (date, time, expected) in rows {
            assert_eq!(moment(date, time).as_deref(), expected, "{date} {time}");
        }
    }

    #[test]
    fn a_period_without_an_end_has_none_and_a_time_without_a_day_is_of_the_first() {
        let period = |until: Option<&str>, time: Option<&str>| RequestedPeriod {
            from: ("2026-03-16".to_owned(), None),
            until: (until.map(str::to_owned), time.map(str::to_owned)),
            kind: "ALLL".to_owned(),
        };
        let last = |until, time| bounds(&period(until, time)).expect("in UTC").1;
        assert_eq!(last(None, None), "9999-12-31T24:00:00.000Z");
        assert_eq!(last(None, Some("12:00:00")), "2026-03-16T12:00:00.000Z");
        assert_eq!(last(Some("2026-03-17"), None), "2026-03-17T24:00:00.000Z");
    }

    #[test]
    fn times_choose_a_part_unless_they_leave_the_day_whole() {
        let period = |from: Option<&str>, until: Option<&str>| RequestedPeriod {
            from: ("2026-03-16".to_owned(), from.map(str::to_owned)),
            until: (Some("2026-03-16".to_owned()), until.map(str::to_owned)),
            kind: "ALLL".to_owned(),
        };
        let rows = [
            (None, None, false),
            (Some("00:00:00"), Some("24:00:00"), false),
            (Some("00:00:00.000Z"), Some("23:59:59.999Z"), false),
            (Some("08:00:00"), None, true),
            (Some("00:00:00"), Some("12:00:00"), true),
        ];
        for (from, until, expected) in rows {
            assert_eq!(has_times(&period(from, until)), expected, "{from:?} {until:?}");
        }
        let asked = |from, until| RequestedReport {
            period: Some(period(Some(from), Some(until))),
            ..RequestedReport::default()
        };
        let noon = Times::of(&asked("08:00:00", "12:00:00"), "R").expect("a part");
        assert_eq!(noon.part.map(|part| (part.until - part.from) / 1_000_000_000), Some(4 * 3_600));
        assert!(Times::of(&asked("12:00:00", "08:00:00"), "R").is_err(), "it ends before it begins");
    }
}
