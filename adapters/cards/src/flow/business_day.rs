//! Business days of an acquirer. One begins where its cut-over stands in the journal: a record that does nothing, under an id
//! that follows from whose it is and which day begins. Without cut-overs days begin at midnight, UTC. What a late message
//! says of its day (field 15) stands in its record's reference, so totals need nothing but the journal.
//!
//! ```text
//!  ── postings ──▶│ cut-over to day 2 │── postings, one that says day 1 ──▶│ cut-over to day 5 │──▶
//!      day 1                               day 2, and one of day 1                day 5 (3 and 4: nothing)
//! ```

use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::calendar::Date;
use feiqian_iso8583::Message;
use feiqian_runtime::query::Posting;

use super::Desk;
use crate::code::Code;
use crate::named::{date_of, year_of, year_within};

/// Days since 1970.
pub(super) type Day = u32;

const DAY_SECONDS: u64 = 86_400;
const DAY_NANOSECONDS: u64 = DAY_SECONDS * 1_000_000_000;
/// Days between a message and the business day that it says, at the most; and that a day may begin ahead.
pub(super) const TOLD_DAYS: Day = 7;
/// Days in which the cut-over before or behind a day is looked for: holidays are shorter.
pub(super) const HORIZON_DAYS: Day = 14;

/// The day, in UTC, of a time in seconds.
pub(super) fn day_at(seconds: u64) -> Day {
    Day::try_from(seconds / DAY_SECONDS).unwrap_or(Day::MAX)
}

/// Field 15, date of settlement (MMDD, a week ahead at the most; 1993: YYMMDD); none where it is not told.
///
/// # Errors
/// 30 where it is no date.
pub(super) fn told(message: &Message<'_>, now: u64) -> Result<Option<Day>, Code> {
    let Some(field) = message.field(15) else { return Ok(None) };
    let number = field.number().and_then(|number| u32::try_from(number).ok()).ok_or(Code::FormatError)?;
    let part = |by: u32| u8::try_from(number / by % 100).map_err(|_| Code::FormatError);
    let year = match number / 10_000 {
        0 => year_within(now, number.into(), TOLD_DAYS.into()),
        year => 2_000 + u16::try_from(year).map_err(|_| Code::FormatError)?,
    };
    day_of(Date { year, month: part(100)?, day: part(1)? }).map(Some).ok_or(Code::FormatError)
}

/// None for no date.
pub(super) fn day_of(date: Date) -> Option<Day> {
    date.days().and_then(|days| Day::try_from(days).ok())
}

/// What a payment's reference keeps of the day that its message says.
pub(super) fn note(message: &Message<'_>, now: u64) -> [u8; 4] {
    told(message, now).ok().flatten().unwrap_or(0).to_le_bytes()
}

/// The day that a posting's message has said, if it is near its own. A reference that keeps none is a digest or zeros,
/// which are near once in some hundred million times.
fn noted(posting: &Posting) -> Option<Day> {
    let [.., first, second, third, fourth] = posting.reference;
    let day = Day::from_le_bytes([first, second, third, fourth]);
    (day.abs_diff(day_at(posting.timestamp / 1_000_000_000)) <= TOLD_DAYS).then_some(day)
}

/// Where a day begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Edge {
    /// Of the cut-over; 0 for a midnight.
    sequence: u64,
    /// Nanoseconds since 1970.
    timestamp: u64,
}

impl Edge {
    fn midnight(day: Day) -> Self {
        Self { sequence: 0, timestamp: u64::from(day).saturating_mul(DAY_NANOSECONDS) }
    }

    fn is_passed(self, posting: &Posting) -> bool {
        match self.sequence {
            0 => posting.timestamp >= self.timestamp,
            sequence => posting.sequence > sequence,
        }
    }
}

/// A day and what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BusinessDay {
    day: Day,
    /// The cut-overs to it and to days near it.
    begins: BTreeMap<Day, Edge>,
    end: Edge,
}

impl BusinessDay {
    fn new(day: Day, begins: BTreeMap<Day, Edge>) -> Self {
        let next = begins.range(day.saturating_add(1)..).next();
        let midnight = Edge::midnight(day.saturating_add(1));
        let end = match (begins.contains_key(&day), next) {
            // Who cuts over no more has days from midnight to midnight again.
            (true, None) => Edge::midnight(day.saturating_add(HORIZON_DAYS + 1)),
            (true, Some((_, edge))) => *edge,
            // Behind a day that began with a cut-over it takes one to begin another.
            (false, _) if begins.range(..day).next().is_some() => Edge::midnight(day),
            (false, Some((next, edge)))
                if *next == day.saturating_add(1) || edge.timestamp < midnight.timestamp =>
            {
                *edge
            }
            (false, _) => midnight,
        };
        Self { day, begins, end }
    }

    fn begin_of(&self, day: Day) -> Edge {
        self.begins.get(&day).copied().unwrap_or_else(|| Edge::midnight(day))
    }

    /// Frame time before which nothing belongs to it, nanoseconds since 1970.
    pub(super) fn since(&self) -> u64 {
        self.begin_of(self.day).timestamp
    }

    /// Whether a posting is counted for the day.
    pub(super) fn has(&self, posting: &Posting) -> bool {
        if !self.begin_of(self.day).is_passed(posting) {
            return false;
        }
        match noted(posting) {
            Some(day) if day == self.day => true,
            Some(day) if self.begin_of(day).is_passed(posting) => false,
            _ => !self.end.is_passed(posting),
        }
    }
}

impl Desk {
    /// The business day of an acquirer that is told, else the one that is open. Reads files.
    pub(super) fn business_day(&self, bic: Bic, told: Option<Day>, now: u64) -> Result<BusinessDay, Code> {
        let day = match told {
            Some(day) => day,
            None => self.open_day(bic, day_at(now))?,
        };
        let mut begins = BTreeMap::new();
        for near in day.saturating_sub(HORIZON_DAYS)..=day.saturating_add(HORIZON_DAYS) {
            if let Some(edge) = self.cut_over_to(bic, near)? {
                begins.insert(near, edge);
            }
        }
        Ok(BusinessDay::new(day, begins))
    }

    fn open_day(&self, bic: Bic, today: Day) -> Result<Day, Code> {
        let range = (today.saturating_sub(HORIZON_DAYS), today.saturating_add(TOLD_DAYS + 1));
        Ok(self.last_begun(bic, range)?.unwrap_or(today))
    }

    /// The last day of a range, its end not included, that began with a cut-over. Reads files.
    pub(super) fn last_begun(&self, bic: Bic, (first, end): (Day, Day)) -> Result<Option<Day>, Code> {
        for day in (first..end).rev() {
            if self.cut_over_to(bic, day)?.is_some() {
                return Ok(Some(day));
            }
        }
        Ok(None)
    }

    fn cut_over_to(&self, bic: Bic, day: Day) -> Result<Option<Edge>, Code> {
        let Some(sequence) = self.engine.find(self.vault.cut_over_id(bic, day)) else { return Ok(None) };
        let found = self.entry(sequence)?;
        Ok(Some(Edge { sequence, timestamp: found.timestamp }))
    }
}

/// The day whose midnight is nearest: which one a cut-over begins where nothing says it. By the time of transmission, which
/// repetitions repeat, else by the clock.
pub(super) fn nearest(message: &Message<'_>, now: u64) -> Result<Day, Code> {
    let (day, hour) = match message.transmission_time().map_err(|_| Code::FormatError)? {
        Some(time) => {
            let year = year_of(now, u64::from(time.month) * 100 + u64::from(time.day));
            (day_of(Date { year, month: time.month, day: time.day }), time.hour)
        }
        None => (day_of(date_of(now)), u8::try_from(now % DAY_SECONDS / 3_600).unwrap_or(0)),
    };
    Ok(day.ok_or(Code::FormatError)?.saturating_add(u32::from(hour >= 12)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_iso8583::spec::GENERIC_1987;
    use feiqian_iso8583::{Builder, Mti};

    fn seconds(date: Date) -> u64 {
        u64::from(day_of(date).expect("a date")) * DAY_SECONDS
    }

    #[test]
    fn a_day_of_settlement_shortly_ahead_is_of_this_year_and_one_far_ahead_of_the_last() {
        let at = |(year, month, day), text: &str| {
            let now = seconds(Date { year, month, day }) + 43_200;
            let request = Builder::new(&GENERIC_1987, Mti::new(500).expect("an MTI")).text(15, text);
            let bytes = request.encode().expect("it fits");
            let message = Message::decode(&GENERIC_1987, &bytes).expect("read");
            let date = date_of(u64::from(told(&message, now).expect("a date").expect("told")) * DAY_SECONDS);
            (date.year, date.month, date.day)
        };
        assert_eq!(at((2026, 11, 27), "1127"), (2026, 11, 27));
        assert_eq!(at((2026, 11, 27), "1128"), (2026, 11, 28), "settled tomorrow");
        assert_eq!(at((2026, 11, 27), "1204"), (2026, 12, 4), "behind holidays");
        assert_eq!(at((2026, 11, 27), "1205"), (2025, 12, 5));
        assert_eq!(at((2026, 12, 31), "0101"), (2027, 1, 1), "and over the year's end");
        assert_eq!(at((2027, 1, 1), "1231"), (2026, 12, 31));
    }

    #[test]
    fn a_cut_over_that_says_no_day_begins_the_one_whose_midnight_is_nearest() {
        let now = seconds(Date { year: 2026, month: 12, day: 31 });
        let begins = |text: &str| {
            let request = Builder::new(&GENERIC_1987, Mti::new(800).expect("an MTI")).text(7, text);
            let bytes = request.encode().expect("it fits");
            let message = Message::decode(&GENERIC_1987, &bytes).expect("read");
            let date = date_of(u64::from(nearest(&message, now).expect("a time")) * DAY_SECONDS);
            (date.year, date.month, date.day)
        };
        assert_eq!(begins("1231150000"), (2027, 1, 1), "11 at night in Shanghai");
        assert_eq!(begins("1231000500"), (2026, 12, 31), "shortly behind midnight");
        assert_eq!(begins("1231115959"), (2026, 12, 31));
    }

    fn posting(sequence: u64, (day, hour): (Day, u64), note: Day) -> Posting {
        let mut reference = [0; 32];
        reference[28..].copy_from_slice(&note.to_le_bytes());
        Posting {
            sequence,
            timestamp: u64::from(day) * DAY_NANOSECONDS + hour * 3_600_000_000_000,
            uetr: 1,
            purpose: *b"IDCP",
            reference,
            counterparty: None,
            amount: 1,
            is_debit: false,
            settles: None,
        }
    }

    /// The days that count a posting, where days have begun by cut-overs: day, sequence, time.
    fn counted(cut_overs: &[(Day, u64, (Day, u64))], at: Posting) -> Vec<Day> {
        let edge = |&(day, sequence, time): &(Day, u64, (Day, u64))| {
            (day, Edge { sequence, timestamp: posting(0, time, 0).timestamp })
        };
        let counts = |day: &Day| {
            let near = cut_overs.iter().map(edge).filter(|(at, _)| at.abs_diff(*day) <= HORIZON_DAYS);
            BusinessDay::new(*day, near.collect()).has(&at)
        };
        (1_000..1_100).filter(counts).collect()
    }

    #[test]
    fn without_cut_overs_a_day_goes_from_midnight_to_midnight_but_for_what_says_another() {
        assert_eq!(counted(&[], posting(5, (1_050, 0), 0)), [1_050]);
        assert_eq!(counted(&[], posting(5, (1_050, 23), 0)), [1_050]);
        assert_eq!(counted(&[], posting(5, (1_050, 1), 1_049)), [1_049], "late");
        assert_eq!(counted(&[], posting(5, (1_050, 23), 1_051)), [1_050], "its day has not begun");
        assert_eq!(counted(&[], posting(5, (1_050, 23), 1_042)), [1_050], "too far to be believed");
        assert_eq!(counted(&[], posting(5, (1_050, 23), u32::MAX)), [1_050]);
    }

    #[test]
    fn with_cut_overs_each_posting_is_counted_for_one_day() {
        // Friday 1050 begins on Thursday night, Monday 1053 on Friday night, Tuesday late, a minute behind midnight.
        let cut_overs = [(1_050, 10, (1_049, 23)), (1_053, 20, (1_050, 23)), (1_054, 30, (1_054, 0))];
        let rows = [
            (posting(9, (1_049, 23), 0), 1_049),
            (posting(11, (1_049, 23), 0), 1_050),
            (posting(11, (1_049, 23), 1_049), 1_049),
            (posting(11, (1_049, 23), 1_050), 1_050),
            (posting(9, (1_049, 22), 1_050), 1_049),
            (posting(19, (1_050, 23), 0), 1_050),
            (posting(19, (1_050, 20), 1_053), 1_050),
            (posting(21, (1_050, 23), 0), 1_053),
            (posting(22, (1_051, 12), 0), 1_053),
            (posting(22, (1_051, 12), 1_050), 1_050),
            (posting(22, (1_051, 12), 1_051), 1_051),
            (posting(29, (1_054, 0), 0), 1_053),
            (posting(31, (1_054, 0), 0), 1_054),
            (posting(40, (1_056, 12), 0), 1_054),
            (posting(40, (1_056, 12), 1_053), 1_053),
            (posting(41, (1_068, 12), 0), 1_054),
            (posting(41, (1_069, 12), 0), 1_069),
            (posting(21, (1_050, 23), 1_051), 1_053),
            (posting(21, (1_050, 23), 1_049), 1_049),
        ];
        for (at, day) in rows {
            assert_eq!(counted(&cut_overs, at), [day], "{} {:?}", at.sequence, noted(&at));
        }
    }
}
