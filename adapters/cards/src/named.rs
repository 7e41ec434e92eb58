//! What names a request so that it can be repeated and reversed: the original data elements, in one canonical form.
//!
//! ```text
//!  switches   MTI, field 11, field 7 with its year (1993: field 12), field 32     named again by field 90 (56)
//!  terminals  fields 41, 42, batch number of field 60, field 11, field 13 if told  named again by the same, or field 61
//! ```
//! Fields 7 and 13 have no year. It is the last one in which the date is not in the future by more than two days, of the clock at
//! the message's arrival: the same for a repetition, a reversal or a completion that comes within a year. A terminal that tells
//! its date (field 13) is named by it in all its messages: its batch numbers may come again.

use feiqian_core::calendar::Date;
use feiqian_iso8583::spec::Edition;
use feiqian_iso8583::{Class, Message, Mti};

use crate::code::Code;

/// Days that a clock elsewhere may be ahead.
const AHEAD_DAYS: u64 = 2;
const DAY_SECONDS: u64 = 86_400;
/// Where month and day stand in MMDDhhmmss.
const MONTH_DAY: u64 = 1_000_000;

/// The canonical bytes of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    bytes: Vec<u8>,
    /// The class that the name itself says, where it does.
    pub(crate) class: Option<Class>,
}

/// How a link's messages are named, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Naming {
    pub(crate) is_of_terminals: bool,
    /// Seconds since 1970.
    pub(crate) now: u64,
    /// The institution that speaks.
    pub(crate) acquirer: u64,
}

impl Named {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn of_switch(mti: Mti, stan: u32, time: u64, acquirer: u64) -> Self {
        let mut bytes = b"switch".to_vec();
        bytes.extend(mti.number().to_le_bytes());
        bytes.extend(stan.to_le_bytes());
        bytes.extend(time.to_le_bytes());
        bytes.extend(acquirer.to_le_bytes());
        Self { bytes, class: Some(mti.class()) }
    }

    fn of_terminal(
        message: &Message<'_>,
        (batch, stan): (&[u8], u64),
        day: Option<u64>,
    ) -> Result<Self, Code> {
        let mut bytes = b"terminal".to_vec();
        for number in [41, 42] {
            let field = message.field(number).ok_or(Code::FormatError)?;
            bytes.extend(field.characters());
        }
        bytes.extend(batch);
        bytes.extend(stan.to_le_bytes());
        bytes.extend(day.iter().flat_map(|day| day.to_le_bytes()));
        Ok(Self { bytes, class: None })
    }
}

impl Naming {
    /// The message's own name.
    pub(crate) fn own(&self, message: &Message<'_>) -> Result<Named, Code> {
        let stan = message.stan().map_err(|_| Code::FormatError)?.ok_or(Code::FormatError)?;
        if self.is_of_terminals {
            let day = day_of(message)?.map(|day| self.dated(message, day * MONTH_DAY));
            return Named::of_terminal(message, (&batch_of(message)?, stan.into()), day);
        }
        let field = if message.spec().edition == Edition::E1993 { 12 } else { 7 };
        let time = message.field(field).and_then(|field| field.number()).ok_or(Code::FormatError)?;
        Ok(Named::of_switch(message.mti().original(), stan, self.dated(message, time), self.acquirer))
    }

    /// The name of the message that this one refers to; none where it refers to none.
    pub(crate) fn original(&self, message: &Message<'_>) -> Result<Option<Named>, Code> {
        if self.is_of_terminals {
            return self.original_of_terminal(message);
        }
        let Some(key) = message.original_key().map_err(|_| Code::FormatError)? else { return Ok(None) };
        // Networks fill what they don't tell with zeros.
        let acquirer = if key.acquirer == 0 { self.acquirer } else { key.acquirer };
        Ok(Some(Named::of_switch(key.mti, key.stan, self.dated(message, key.time), acquirer)))
    }

    /// Field 61: batch n6, STAN n6, date n4. A reversal (0400) has its original's own batch, STAN and date.
    fn original_of_terminal(&self, message: &Message<'_>) -> Result<Option<Named>, Code> {
        if message.mti().class() == Class::Reversal {
            return self.own(message).map(Some);
        }
        let Some(field) = message.field(61) else { return Ok(None) };
        let digits: Vec<u8> = field.characters().collect();
        let batch = digits.get(..6).ok_or(Code::FormatError)?;
        let number = |at| std::str::from_utf8(digits.get(at)?).ok()?.parse::<u64>().ok();
        let stan = number(6..12).ok_or(Code::FormatError)?;
        let day = match day_of(message)? {
            Some(_) => Some(number(12..16).ok_or(Code::FormatError)?),
            None => None,
        };
        let day = day.map(|day| self.dated(message, day * MONTH_DAY));
        Named::of_terminal(message, (batch, stan), day).map(Some)
    }

    /// A time of field 7 with its year in front; one of field 12 (1993) has it.
    fn dated(&self, message: &Message<'_>, time: u64) -> u64 {
        if message.spec().edition == Edition::E1993 {
            return time;
        }
        u64::from(year_of(self.now, time / MONTH_DAY)) * 10_000 * MONTH_DAY + time
    }
}

/// The last year in which a day (MMDD) is not in the future by more than two days.
pub(crate) fn year_of(now: u64, month_day: u64) -> u16 {
    year_within(now, month_day, AHEAD_DAYS)
}

/// The last year in which a day (MMDD) is not in the future by more than so many days.
pub(crate) fn year_within(now: u64, month_day: u64, ahead_days: u64) -> u16 {
    let limit = date_of(now.saturating_add(ahead_days * DAY_SECONDS));
    let is_past = month_day <= u64::from(limit.month) * 100 + u64::from(limit.day);
    limit.year.saturating_sub(u16::from(!is_past))
}

/// Field 13, local date (MMDD); of 1993 it says something else.
fn day_of(message: &Message<'_>) -> Result<Option<u64>, Code> {
    let field = message.field(13).filter(|_| message.spec().edition == Edition::E1987);
    field.map(|field| field.number().ok_or(Code::FormatError)).transpose()
}

/// Field 60 of terminals: type n2, batch n6, network management code n3.
fn batch_of(message: &Message<'_>) -> Result<Vec<u8>, Code> {
    let field = message.field(60).ok_or(Code::FormatError)?;
    let digits: Vec<u8> = field.characters().skip(2).take(6).collect();
    if digits.len() == 6 { Ok(digits) } else { Err(Code::FormatError) }
}

/// The day, in UTC, of a time in seconds.
pub(crate) fn date_of(seconds: u64) -> Date {
    let days = i32::try_from(seconds / DAY_SECONDS).unwrap_or(i32::MAX);
    Date::of_days(days).unwrap_or(Date { year: 9_999, month: 12, day: 31 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_iso8583::spec::GENERIC_1987;

    /// 2026-01-01 00:00:10 UTC.
    const NEW_YEAR: u64 = 1_767_225_610;

    #[test]
    fn the_year_of_a_time_is_the_last_one_in_which_it_has_come() {
        let spec = &*GENERIC_1987;
        let bytes =
            feiqian_iso8583::Builder::new(spec, Mti::new(200).expect("an MTI")).encode().expect("made");
        let message = Message::decode(spec, &bytes).expect("read");
        let at = |now, time| Naming { is_of_terminals: false, now, acquirer: 1 }.dated(&message, time);
        assert_eq!(at(NEW_YEAR, 1_231_235_959), 20_251_231_235_959);
        assert_eq!(at(NEW_YEAR, 101_000_010), 20_260_101_000_010);
        assert_eq!(at(NEW_YEAR - 20, 101_000_010), 20_260_101_000_010, "a clock that is ahead");
        assert_eq!(at(NEW_YEAR, 105_000_000), 20_250_105_000_000);
        assert_eq!(at(NEW_YEAR + 200 * DAY_SECONDS, 1_231_235_959), 20_251_231_235_959);
    }
}
