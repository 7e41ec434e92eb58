//! Why a payload can't be read or written: a stable code, the data object, and the byte.
//!
//! An error never holds a value of the payload, so it can be logged and shown: it may be a card number.

use std::fmt;

use crate::limits::DEPTH_MAX;

/// What is wrong. The numbers are stable: they are logged and answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum ErrorCode {
    /// The payload holds nothing.
    Empty = 1,
    /// The payload, a value or a count is over its limit ([`crate::limits`]).
    TooLarge = 2,
    /// Not UTF-8.
    NotUtf8 = 3,
    /// Where an id should stand there are no two digits.
    NotAnId = 4,
    /// Where a length should stand there are no two digits.
    NotALength = 5,
    /// A length of nothing: an object without a value is left out.
    ZeroLength = 6,
    /// The payload ends inside an id, a tag or a length.
    Truncated = 7,
    /// A length runs past the end of what holds it.
    PastEnd = 8,
    /// The same id or tag twice in one template.
    Duplicate = 9,
    /// The payload format indicator (00, '85') is not first.
    FormatNotFirst = 10,
    /// A payload format indicator that is not known: neither `01` nor `CPV01`.
    UnknownFormat = 11,
    /// There is no CRC (63).
    CrcMissing = 12,
    /// Something stands behind the CRC.
    CrcNotLast = 13,
    /// The CRC is not four hexadecimal digits in upper case.
    CrcForm = 14,
    /// The CRC is another one: the payload was altered or damaged.
    CrcWrong = 15,
    /// A mandatory data object is missing.
    Missing = 16,
    /// There is no merchant account information (02–51).
    NoAccount = 17,
    /// A value that its format does not allow: length, characters, code.
    InvalidValue = 18,
    /// A control character.
    ControlCharacter = 19,
    /// An amount or fee that is no decimal number: sign, comma, two points, more than 13 characters.
    InvalidAmount = 20,
    /// An amount or fee of zero.
    ZeroAmount = 21,
    /// An amount with more decimals than its currency has.
    InexactAmount = 22,
    /// Tip indicator (55) and fees (56, 57) contradict one another.
    TipConflict = 23,
    /// Not base64: alphabet, padding, or bits behind the last byte.
    NotBase64 = 24,
    /// A BER tag longer than three bytes, or in more bytes than it needs.
    TagForm = 25,
    /// A BER length of indefinite form.
    IndefiniteLength = 26,
    /// A BER length in more bytes than it needs, or in more than two.
    LengthForm = 27,
    /// Templates inside one another deeper than [`DEPTH_MAX`].
    TooDeep = 28,
    /// A consumer-presented payload without an application template ('61').
    NoApplication = 29,
    /// A card number or track 2 equivalent data that is none.
    InvalidCard = 30,
}

/// The number that logs and answers carry.
impl From<ErrorCode> for u16 {
    #[expect(clippy::as_conversions, reason = "the discriminant of a repr(u16)")]
    fn from(code: ErrorCode) -> Self {
        code as Self
    }
}

/// An id of a merchant-presented or a tag of a consumer-presented payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Id(u8),
    Tag(u32),
}

/// The data object, by the ids or tags from the outside in: `62.05`, `61.63.9F26`; empty for the payload itself.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    steps: [Option<Step>; DEPTH_MAX + 1],
}

impl Place {
    /// The payload itself.
    pub(crate) const ROOT: Self = Self { steps: [None; DEPTH_MAX + 1] };

    /// The object `id` of a merchant-presented template at this place.
    pub(crate) fn id(self, id: u8) -> Self {
        self.with(Step::Id(id))
    }

    /// The object `tag` of a consumer-presented template at this place.
    pub(crate) fn tag(self, tag: u32) -> Self {
        self.with(Step::Tag(tag))
    }

    fn with(mut self, step: Step) -> Self {
        if let Some(free) = self.steps.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(step);
        }
        self
    }

    /// How many ids or tags lead here.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.steps.iter().flatten().count()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = self.steps.iter().flatten().peekable();
        if steps.peek().is_none() {
            return out.write_str("payload");
        }
        while let Some(step) = steps.next() {
            match step {
                Step::Id(id) => write!(out, "{id:02}")?,
                Step::Tag(tag) => write!(out, "{tag:02X}")?,
            }
            if steps.peek().is_some() {
                out.write_str(".")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Why a payload is refused, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error {
    /// What is wrong.
    pub code: ErrorCode,
    /// The data object.
    pub place: Place,
    /// The byte where the object, or the fault in it, begins: of the text, or of the bytes that the base64 holds.
    pub offset: usize,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, place: Place, offset: usize) -> Self {
        Self { code, place, offset }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} ({}) at {}, byte {}", self.code, u16::from(self.code), self.place, self.offset)
    }
}

impl std::error::Error for Error {}
