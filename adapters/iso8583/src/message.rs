//! Decoding: one pass over the bytes, no allocation; fields are slices of the message with their row of the table.

use std::fmt;

use crate::ebcdic;
use crate::error::Error;
use crate::limits::{FIELDS, MESSAGE_BYTES_MAX};
use crate::mti::Mti;
use crate::pan::Pan;
use crate::reader::{Reader, are_digits, are_packed_track, bitmap, decimal, length};
use crate::spec::{Digits, FieldSpec, Format, Spec, Text};

/// Where a field stands: its length digits begin at `start`, its content at `content`, and ends at `end`.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u16,
    content: u16,
    end: u16,
    /// Digits, characters or bytes, as the table counts.
    units: u16,
}

/// A message that has been checked against its table: every field has its length and its characters.
#[derive(Clone)]
pub struct Message<'a> {
    spec: &'a Spec,
    bytes: &'a [u8],
    mti: Mti,
    bitmap: u128,
    spans: [Span; FIELDS + 1],
}

/// A field of a message.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub number: u8,
    pub spec: FieldSpec,
    table: &'a Spec,
    raw: &'a [u8],
    content: &'a [u8],
    units: u16,
    offset: usize,
}

/// Bit of a field in a bitmap of 128.
pub(crate) const fn bit(field: u8) -> u128 {
    if field == 0 { 0 } else { (1_u128 << 127) >> (field - 1) }
}

/// Bytes that so many units of a field take.
pub(crate) const fn bytes_of(spec: FieldSpec, digits: Digits, units: usize) -> usize {
    match (spec.format, digits) {
        (Format::N | Format::Nl | Format::Z, Digits::Bcd) => units.div_ceil(2),
        (Format::Xn, Digits::Bcd) => 1 + units.saturating_sub(1).div_ceil(2),
        _ => units,
    }
}

/// Whether a digit, in ASCII, may stand in a track.
fn is_track(character: u8) -> bool {
    character.is_ascii_digit() || matches!(character, b'=' | b'D')
}

impl<'a> Message<'a> {
    /// Reads a message that begins with its MTI: everything behind length headers, TPDU and interchange header.
    ///
    /// # Errors
    /// The first field that is not as the table wants it; bytes behind the last one.
    pub fn decode(spec: &'a Spec, bytes: &'a [u8]) -> Result<Message<'a>, Error> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Error::MessageTooLong { bytes: bytes.len() });
        }
        let mut reader = Reader { bytes, at: 0 };
        let width = if spec.mti == Digits::Bcd { 2 } else { 4 };
        let number = decimal(reader.take(0, width)?, spec.mti);
        let mti = number
            .and_then(|number| u16::try_from(number).ok())
            .and_then(Mti::new)
            .ok_or(Error::MtiNotNumeric { offset: 0 })?;
        let bitmap = bitmap(&mut reader, spec.bitmap)?;
        let mut message = Message { spec, bytes, mti, bitmap, spans: [Span::default(); FIELDS + 1] };
        for number in numbers(bitmap) {
            message.read(&mut reader, number)?;
        }
        match bytes.len().saturating_sub(reader.at) {
            0 => Ok(message),
            rest => Err(Error::Trailing { offset: reader.at, bytes: rest }),
        }
    }

    fn read(&mut self, reader: &mut Reader<'a>, number: u8) -> Result<(), Error> {
        let start = reader.at;
        let spec = self.spec.field(number).ok_or(Error::UnknownField { field: number, offset: start })?;
        let units = length(reader, number, spec, self.spec.lengths)?;
        let max = usize::from(spec.length);
        if units > max {
            return Err(Error::TooLong { field: number, offset: start, length: units, max });
        }
        let content = reader.at;
        reader.take(number, bytes_of(spec, self.spec.digits, units))?;
        let short = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let span =
            Span { start: short(start), content: short(content), end: short(reader.at), units: short(units) };
        if let Some(slot) = self.spans.get_mut(usize::from(number)) {
            *slot = span;
        }
        self.check(number, spec, span)
    }

    /// The usual case: whether all characters are right, without asking which is wrong.
    #[inline]
    fn check(&self, number: u8, spec: FieldSpec, span: Span) -> Result<(), Error> {
        let content = || self.bytes.get(usize::from(span.content)..usize::from(span.end)).unwrap_or_default();
        let is_right = match (spec.format, self.spec.digits) {
            (Format::An | Format::Ans | Format::B, _) => true,
            (Format::N | Format::Nl, digits) => are_digits(content(), digits),
            (Format::Z, Digits::Ascii) => content().iter().all(|byte| is_track(*byte)),
            (Format::Z, Digits::Ebcdic) => content().iter().all(|byte| is_track(ebcdic::to_latin_1(*byte))),
            (Format::Z, Digits::Bcd) => are_packed_track(content()),
            (Format::Xn, _) => false,
        };
        if is_right { Ok(()) } else { self.field_of(number, spec, span).check() }
    }

    fn field_of(&self, number: u8, spec: FieldSpec, span: Span) -> Field<'a> {
        let (start, content, end) =
            (usize::from(span.start), usize::from(span.content), usize::from(span.end));
        Field {
            number,
            spec,
            table: self.spec,
            raw: self.bytes.get(start..end).unwrap_or_default(),
            content: self.bytes.get(content..end).unwrap_or_default(),
            units: span.units,
            offset: content,
        }
    }

    /// The table that the message was read by.
    #[must_use]
    pub fn spec(&self) -> &'a Spec {
        self.spec
    }

    /// The message's bytes, from the MTI on.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Bytes of the MTI.
    pub(crate) fn mti_bytes(&self) -> usize {
        if self.spec.mti == Digits::Bcd { 2 } else { 4 }
    }

    /// Both bitmaps; field 1 is the highest bit.
    #[must_use]
    pub fn bitmap(&self) -> u128 {
        self.bitmap
    }

    /// A field, none where it is absent.
    #[must_use]
    pub fn field(&self, number: u8) -> Option<Field<'a>> {
        if number < 2 || self.bitmap & bit(number) == 0 {
            return None;
        }
        let span = self.spans.get(usize::from(number))?;
        Some(self.field_of(number, self.spec.field(number)?, *span))
    }

    /// The fields that are there, in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + '_ {
        numbers(self.bitmap).filter_map(|number| self.field(number))
    }
}

/// The field numbers of a bitmap, from 2 on.
fn numbers(bitmap: u128) -> impl Iterator<Item = u8> {
    let mut rest = bitmap & !bit(1);
    std::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let number = u8::try_from(rest.leading_zeros() + 1).ok()?;
        rest &= !bit(number);
        Some(number)
    })
}

impl<'a> Field<'a> {
    /// The bytes without the length in front.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.content
    }

    /// The bytes with the length in front.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Digits, characters or bytes, as the table counts.
    #[must_use]
    pub fn length(&self) -> usize {
        usize::from(self.units)
    }

    /// Bytes from the MTI to the content.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The content as ISO 8859-1 characters, digits unpacked, without allocation. Of `b`: the bytes as they are.
    pub fn characters(&self) -> impl Iterator<Item = u8> + 'a {
        let field = *self;
        (0..self.length()).map(move |place| field.character(place))
    }

    /// The number that the digits make; none where there are others, or more than 19 of them.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.characters().try_fold(0_u64, |sum, digit| {
            let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            sum.checked_mul(10)?.checked_add(value)
        })
    }

    /// The content as text; bytes above ASCII become their ISO 8859-1 characters (GBK is for the caller, by
    /// [`Field::bytes`]). Of `b`: hexadecimal. Not masked.
    #[must_use]
    pub fn text(&self) -> String {
        if self.spec.format == Format::B {
            return self.content.iter().map(|byte| format!("{byte:02X}")).collect();
        }
        self.characters().map(char::from).collect()
    }

    fn is_digits(&self) -> bool {
        matches!(self.spec.format, Format::N | Format::Nl | Format::Z | Format::Xn)
    }

    fn character(&self, place: usize) -> u8 {
        let is_sign = self.spec.format == Format::Xn && place == 0;
        if !self.is_digits() || is_sign {
            let byte = self.content.get(place).copied().unwrap_or(0);
            let is_ebcdic = self.spec.format != Format::B && self.table.text == Text::Ebcdic;
            return if is_ebcdic { ebcdic::to_latin_1(byte) } else { byte };
        }
        match self.table.digits {
            Digits::Ascii => self.content.get(place).copied().unwrap_or(0),
            Digits::Ebcdic => ebcdic::to_latin_1(self.content.get(place).copied().unwrap_or(0)),
            Digits::Bcd => self.nibble(place),
        }
    }

    /// A digit of two in a byte. `n` has an odd count's empty half in front, `nl` and `z` behind.
    fn nibble(&self, place: usize) -> u8 {
        let (skipped, pad) = match self.spec.format {
            Format::Xn => (2, self.length().saturating_sub(1) % 2),
            Format::N => (0, self.length() % 2),
            _ => (0, 0),
        };
        let at = match self.spec.format {
            Format::Xn => skipped + pad + place.saturating_sub(1),
            _ => pad + place,
        };
        let byte = self.content.get(at / 2).copied().unwrap_or(0);
        match if at.is_multiple_of(2) { byte >> 4 } else { byte & 0x0F } {
            digit @ 0..=9 => b'0' + digit,
            letter => b'A' + letter - 10,
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !self.is_digits() {
            return Ok(());
        }
        for (place, character) in self.characters().enumerate() {
            let (field, offset) = (self.number, self.offset + self.byte_of(place));
            let is_sign = self.spec.format == Format::Xn && place == 0;
            let is_digit = character.is_ascii_digit();
            match self.spec.format {
                Format::Z if !is_track(character) => return Err(Error::NotTrack { field, offset }),
                Format::Xn if is_sign && !matches!(character, b'C' | b'D') => {
                    return Err(Error::NoSign { field, offset });
                }
                Format::N | Format::Nl | Format::Xn if !is_sign && !is_digit => {
                    return Err(Error::NotNumeric { field, offset });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn byte_of(&self, place: usize) -> usize {
        if self.table.digits == Digits::Bcd { place / 2 } else { place }
    }
}

/// Fields whose content may be shown: none that holds a card number, a track, a PIN, an account or free text.
const SHOWN: [u8; 40] = [
    3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 18, 19, 22, 24, 25, 26, 28, 29, 32, 33, 37, 38, 39, 41, 49, 50,
    51, 66, 67, 70, 71, 73, 74, 75, 76, 77, 97, 100,
];

impl fmt::Debug for Field<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.number == 2
            && let Some(pan) = Pan::new(self.characters())
        {
            return write!(out, "{pan}");
        }
        // A card number may be put where none belongs, so a shown value is short.
        if SHOWN.contains(&self.number) && self.length() <= 12 {
            return write!(out, "{:?}", self.text());
        }
        write!(out, "({} hidden)", self.length())
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.mti)?;
        out.debug_map().entries(self.fields().map(|field| (field.number, field))).finish()
    }
}
