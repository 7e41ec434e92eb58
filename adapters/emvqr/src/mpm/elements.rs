//! The layer below all meaning: data objects of two digits of id, two digits of length, and a value.
//!
//! ```text
//!  5 9 │ 1 4 │ D E M O   T E A   H O U S E
//!  id    length in characters, 01 to 99
//! ```
//!
//! Lengths count characters, so `02` of UTF-8 Chinese has six bytes. An id stands once in its
//! template. Values are slices of the payload; what is kept of each object is six bytes.

use std::fmt;

use crate::error::{Error, ErrorCode, Place};
use crate::limits::VALUE_CHARS_MAX;
use crate::mask::Masked;

/// One data object: its id, its value, and where its value begins in the payload, in bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// 0 to 99.
    pub id: u8,
    /// 1 to 99 characters.
    pub value: &'a str,
    /// Byte of the payload.
    pub offset: usize,
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}={:?}", self.id, Masked(self.value))
    }
}

/// Where a value lies in the text of its template.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    id: u8,
    start: u16,
    end: u16,
}

/// The data objects of a payload or template, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Elements<'a> {
    text: &'a str,
    offset: usize,
    slots: Vec<Slot>,
}

impl<'a> Elements<'a> {
    /// Reads `text`, which begins at byte `offset` of the payload, to its end.
    pub(crate) fn read(text: &'a str, offset: usize, place: Place) -> Result<Self, Error> {
        let mut elements = Self { text, offset, slots: Vec::new() };
        let mut seen = [false; 100];
        let mut at = 0;
        while at < text.len() {
            let fail = |code, at: usize| Error::new(code, place, offset.saturating_add(at));
            let id = two_digits(text, at, ErrorCode::NotAnId).map_err(|code| fail(code, at))?;
            let place = place.id(id);
            let fail = |code, at: usize| Error::new(code, place, offset.saturating_add(at));
            let length_at = at.saturating_add(2);
            let length =
                two_digits(text, length_at, ErrorCode::NotALength).map_err(|code| fail(code, length_at))?;
            let start = at.saturating_add(4);
            let end = end_of(text, start, length).map_err(|code| fail(code, length_at))?;
            if std::mem::replace(&mut seen[usize::from(id)], true) {
                return Err(fail(ErrorCode::Duplicate, at));
            }
            let too_large = |_| fail(ErrorCode::TooLarge, at);
            let (from, to) =
                (u16::try_from(start).map_err(too_large)?, u16::try_from(end).map_err(too_large)?);
            elements.slots.push(Slot { id, start: from, end: to });
            at = end;
        }
        Ok(elements)
    }

    /// The object with this id.
    #[must_use]
    pub fn get(&self, id: u8) -> Option<Element<'a>> {
        self.iter().find(|element| element.id == id)
    }

    /// All objects, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Element<'a>> + '_ {
        let (text, offset) = (self.text, self.offset);
        self.slots.iter().map(move |slot| {
            let (start, end) = (usize::from(slot.start), usize::from(slot.end));
            let value = text.get(start..end).unwrap_or_default();
            Element { id: slot.id, value, offset: offset.saturating_add(start) }
        })
    }
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

fn two_digits(text: &str, at: usize, otherwise: ErrorCode) -> Result<u8, ErrorCode> {
    let mut bytes = text.as_bytes().iter().skip(at);
    let (Some(tens), Some(ones)) = (bytes.next(), bytes.next()) else {
        return Err(ErrorCode::Truncated);
    };
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return Err(otherwise);
    }
    Ok(tens.wrapping_sub(b'0').wrapping_mul(10).wrapping_add(ones.wrapping_sub(b'0')))
}

/// The byte behind `length` characters from `start` on.
fn end_of(text: &str, start: usize, length: u8) -> Result<usize, ErrorCode> {
    if length == 0 {
        return Err(ErrorCode::ZeroLength);
    }
    let rest = text.get(start..).ok_or(ErrorCode::PastEnd)?;
    // Nearly all values are ASCII, where a character is a byte.
    let ascii = usize::from(length);
    if rest.as_bytes().get(..ascii).is_some_and(<[u8]>::is_ascii) {
        return Ok(start.saturating_add(ascii));
    }
    let mut bytes = 0_usize;
    let mut signs = rest.chars();
    for _ in 0..length {
        bytes = bytes.saturating_add(signs.next().ok_or(ErrorCode::PastEnd)?.len_utf8());
    }
    Ok(start.saturating_add(bytes))
}

/// Appends one data object.
pub(crate) fn write(out: &mut String, id: u8, value: &str, place: Place) -> Result<(), Error> {
    let length = value.chars().count();
    if id > 99 {
        return Err(Error::new(ErrorCode::NotAnId, place, out.len()));
    }
    if length == 0 {
        return Err(Error::new(ErrorCode::ZeroLength, place.id(id), out.len()));
    }
    if length > VALUE_CHARS_MAX {
        return Err(Error::new(ErrorCode::TooLarge, place.id(id), out.len()));
    }
    out.push_str(&format!("{id:02}{length:02}"));
    out.push_str(value);
    Ok(())
}
