//! What fields mean: amounts, times, keys. None where a field is absent, an error where it holds no such value.

use crate::error::Error;
use crate::message::{Field, Message};
use crate::mti::Mti;
use crate::pan::Pan;
use crate::spec::Edition;

/// Field 7: when the message was sent, in UTC; the year is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDayTime {
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// What a reversal names its original by, and what a request is kept under until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchingKey {
    /// Without the mark of repetition: a repeated request is the same.
    pub mti: Mti,
    /// Field 11.
    pub stan: u32,
    /// The digits of field 7 (1987, MMDDhhmmss) or field 12 (1993, YYMMDDhhmmss).
    pub time: u64,
    /// Field 32.
    pub acquirer: u64,
}

fn wrong(field: &Field<'_>) -> Error {
    Error::NoSuchValue { field: field.number, offset: field.offset() }
}

/// The number of a run of digits.
fn part(digits: &[u8], from: usize, length: usize) -> Option<u64> {
    let run = digits.get(from..from.checked_add(length)?)?;
    run.iter().try_fold(0_u64, |sum, digit| {
        digit.is_ascii_digit().then(|| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

fn month_day_time(field: &Field<'_>) -> Option<MonthDayTime> {
    let digits: Vec<u8> = field.characters().collect();
    let two = |at: usize| part(&digits, at, 2).and_then(|value| u8::try_from(value).ok());
    let time = MonthDayTime { month: two(0)?, day: two(2)?, hour: two(4)?, minute: two(6)?, second: two(8)? };
    let days = match time.month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let is_time = time.hour < 24 && time.minute < 60 && time.second < 60;
    (is_time && (1..=days).contains(&time.day)).then_some(time)
}

impl Message<'_> {
    fn number_of(&self, number: u8) -> Result<Option<u64>, Error> {
        self.field(number).map(|field| field.number().ok_or_else(|| wrong(&field))).transpose()
    }

    /// Field 2, or the digits before the separator of field 35.
    ///
    /// # Errors
    /// Not 12 to 19 digits.
    pub fn pan(&self) -> Result<Option<Pan>, Error> {
        let Some(field) = self.field(2).or_else(|| self.field(35)) else { return Ok(None) };
        let digits = field.characters().take_while(|at| !matches!(at, b'=' | b'D'));
        Pan::new(digits).map(Some).ok_or_else(|| wrong(&field))
    }

    /// Field 4, amount of the transaction, in minor units of [`Message::currency`].
    ///
    /// # Errors
    /// Not numeric, by a table whose field 4 is text.
    pub fn amount(&self) -> Result<Option<u64>, Error> {
        self.number_of(4)
    }

    /// Field 30 of 1993, amounts, original, its first half: what field 4 of the original was, where the message's own
    /// says what remains of that (function code 401). None of 1987, whose field 30 is a fee.
    ///
    /// # Errors
    /// Not twelve digits and more, by a table whose field 30 is another.
    pub fn original_amount(&self) -> Result<Option<u64>, Error> {
        let Some(field) = self.field(30).filter(|_| self.spec().edition == Edition::E1993) else {
            return Ok(None);
        };
        let digits: Vec<u8> = field.characters().take(12).collect();
        part(&digits, 0, 12).map(Some).ok_or_else(|| wrong(&field))
    }

    /// Field 49: the currency's number in ISO 4217.
    ///
    /// # Errors
    /// Not three digits.
    pub fn currency(&self) -> Result<Option<u16>, Error> {
        let Some(field) = self.field(49) else { return Ok(None) };
        let number = field.number().and_then(|number| u16::try_from(number).ok());
        number.filter(|_| field.length() == 3).map(Some).ok_or_else(|| wrong(&field))
    }

    /// Field 3, processing code: two digits each of the transaction's type, the account from and the account to.
    ///
    /// # Errors
    /// Not numeric, by a table whose field 3 is text.
    pub fn processing_code(&self) -> Result<Option<u64>, Error> {
        self.number_of(3)
    }

    /// Field 11, system trace audit number.
    ///
    /// # Errors
    /// Not a number of 32 bits.
    pub fn stan(&self) -> Result<Option<u32>, Error> {
        let Some(field) = self.field(11) else { return Ok(None) };
        field.number().and_then(|number| u32::try_from(number).ok()).map(Some).ok_or_else(|| wrong(&field))
    }

    /// Field 7, transmission date and time.
    ///
    /// # Errors
    /// No such date or time.
    pub fn transmission_time(&self) -> Result<Option<MonthDayTime>, Error> {
        let Some(field) = self.field(7) else { return Ok(None) };
        month_day_time(&field).map(Some).ok_or_else(|| wrong(&field))
    }

    /// Field 37, retrieval reference number: 12 characters.
    #[must_use]
    pub fn rrn(&self) -> Option<[u8; 12]> {
        let field = self.field(37).filter(|field| field.length() == 12)?;
        let mut reference = [b' '; 12];
        reference.iter_mut().zip(field.characters()).for_each(|(to, from)| *to = from);
        Some(reference)
    }

    /// Field 39 of two characters (1987); see [`crate::response_code::response_code`].
    #[must_use]
    pub fn response_code(&self) -> Option<[u8; 2]> {
        let field = self.field(39).filter(|field| field.length() == 2)?;
        let mut characters = field.characters();
        Some([characters.next()?, characters.next()?])
    }

    /// Field 32, acquiring institution.
    ///
    /// # Errors
    /// Not a number of 64 bits.
    pub fn acquirer(&self) -> Result<Option<u64>, Error> {
        self.number_of(32)
    }

    /// What a reversal of this message will name; none where a part is absent.
    ///
    /// # Errors
    /// A part that is no number.
    pub fn matching_key(&self) -> Result<Option<MatchingKey>, Error> {
        let time = if self.spec().edition == Edition::E1993 { 12 } else { 7 };
        let parts = (self.stan()?, self.number_of(time)?, self.acquirer()?);
        let (Some(stan), Some(time), Some(acquirer)) = parts else { return Ok(None) };
        Ok(Some(MatchingKey { mti: self.mti().original(), stan, time, acquirer }))
    }

    /// What this message names as its original: field 90 (1987) or 56 (1993).
    ///
    /// # Errors
    /// The field has not the parts that the edition wants.
    pub fn original_key(&self) -> Result<Option<MatchingKey>, Error> {
        let is_1993 = self.spec().edition == Edition::E1993;
        let Some(field) = self.field(if is_1993 { 56 } else { 90 }) else { return Ok(None) };
        let digits: Vec<u8> = field.characters().collect();
        let key = if is_1993 { original_1993(&digits) } else { original_1987(&digits) };
        key.map(Some).ok_or_else(|| wrong(&field))
    }
}

fn key_of(mti: u64, stan: u64, time: u64, acquirer: u64) -> Option<MatchingKey> {
    let mti = Mti::new(u16::try_from(mti).ok()?)?.original();
    Some(MatchingKey { mti, stan: u32::try_from(stan).ok()?, time, acquirer })
}

/// MTI n4, STAN n6, date and time n10, acquirer n11, forwarder n11.
fn original_1987(digits: &[u8]) -> Option<MatchingKey> {
    key_of(part(digits, 0, 4)?, part(digits, 4, 6)?, part(digits, 10, 10)?, part(digits, 20, 11)?)
}

/// MTI n4, STAN n6, local date and time n12, acquirer n..11 behind two digits of length.
fn original_1993(digits: &[u8]) -> Option<MatchingKey> {
    let length = usize::try_from(part(digits, 22, 2)?).ok()?;
    let is_whole = digits.len() == length.checked_add(24)?;
    let acquirer = part(digits, 24, length).filter(|_| is_whole && length <= 11)?;
    key_of(part(digits, 0, 4)?, part(digits, 4, 6)?, part(digits, 10, 12)?, acquirer)
}
