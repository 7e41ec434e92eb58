//! Encoding: values by field number, checked against the table, written in its encodings.

use std::fmt;
use std::ops::Range;

use crate::ebcdic;
use crate::error::Error;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::mac_block::MacBlock;
use crate::message::{Field, Message, bit, bytes_of};
use crate::mti::Mti;
use crate::spec::{Bitmap, Digits, Extent, FieldSpec, Format, Lengths, Spec, Text};

/// Room for the fields and bytes of the usual message.
const FIELDS_USUAL: usize = 24;
const BYTES_USUAL: usize = 256;

/// A field that is set: its number, its length as the table counts, and where its content lies.
#[derive(Clone)]
struct Written {
    number: u8,
    units: usize,
    content: Range<usize>,
}

/// A message in the making. A value that doesn't fit is remembered and told by [`Builder::encode`].
#[derive(Clone)]
pub struct Builder<'s> {
    spec: &'s Spec,
    mti: Mti,
    has_second_bitmap: bool,
    /// Ascending by number.
    fields: Vec<Written>,
    /// Contents of all fields, in the order in which they were set.
    contents: Vec<u8>,
    refused: Option<Error>,
}

impl fmt::Debug for Builder<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Builder")
            .field("mti", &self.mti)
            .field("fields", &self.numbers().collect::<Vec<_>>())
            .finish()
    }
}

/// What a builder has gathered, without its table: what an answer will repeat, kept until the answer is known. Shows no
/// value.
pub struct Draft {
    mti: Mti,
    has_second_bitmap: bool,
    fields: Vec<Written>,
    contents: Vec<u8>,
    refused: Option<Error>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Draft({:?}, {} fields)", self.mti, self.fields.len())
    }
}

/// Two digits in a byte; an odd count has a zero in front, or behind.
fn pack(digits: &[u8], pad_behind: bool) -> Vec<u8> {
    let nibble = |character: u8| match character {
        b'=' | b'D' => 0x0D,
        digit => digit & 0x0F,
    };
    let mut nibbles: Vec<u8> = digits.iter().map(|character| nibble(*character)).collect();
    if nibbles.len() % 2 == 1 {
        let at = if pad_behind { nibbles.len() } else { 0 };
        nibbles.insert(at, 0);
    }
    nibbles.chunks(2).map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | half)).collect()
}

/// Whether the characters are those of the format.
fn is_written_by(format: Format, characters: &[u8]) -> bool {
    let is_digits = |of: &[u8]| of.iter().all(u8::is_ascii_digit);
    match (format, characters) {
        (Format::N | Format::Nl, all) => is_digits(all),
        (Format::Z, all) => all.iter().all(|at| at.is_ascii_digit() || matches!(at, b'=' | b'D')),
        (Format::Xn, [b'C' | b'D', rest @ ..]) => is_digits(rest),
        (Format::Xn, _) => false,
        _ => true,
    }
}

fn content_of(spec: &Spec, row: FieldSpec, characters: &[u8]) -> Vec<u8> {
    let is_digits = matches!(row.format, Format::N | Format::Nl | Format::Z | Format::Xn);
    let ebcdic = || characters.iter().map(|at| ebcdic::from_latin_1(*at)).collect();
    match (is_digits, row.format) {
        (false, Format::B) => characters.to_vec(),
        (false, _) if spec.text == Text::Ebcdic => ebcdic(),
        (true, Format::Xn) if spec.digits == Digits::Bcd => {
            let (sign, digits) = characters.split_at(1.min(characters.len()));
            let sign = sign.iter().map(|at| match spec.text {
                Text::Ebcdic => ebcdic::from_latin_1(*at),
                Text::Ascii => *at,
            });
            sign.chain(pack(digits, false)).collect()
        }
        (true, format) if spec.digits == Digits::Bcd => pack(characters, format != Format::N),
        (true, _) if spec.digits == Digits::Ebcdic => ebcdic(),
        _ => characters.to_vec(),
    }
}

impl<'s> Builder<'s> {
    #[must_use]
    pub fn new(spec: &'s Spec, mti: Mti) -> Builder<'s> {
        let (fields, contents) = (Vec::with_capacity(FIELDS_USUAL), Vec::with_capacity(BYTES_USUAL));
        Builder { spec, mti, has_second_bitmap: false, fields, contents, refused: None }
    }

    /// Lays the builder aside.
    #[must_use]
    pub fn into_draft(self) -> Draft {
        let Builder { spec: _, mti, has_second_bitmap, fields, contents, refused } = self;
        Draft { mti, has_second_bitmap, fields, contents, refused }
    }

    /// Takes up what was laid aside, by the same table.
    #[must_use]
    pub fn of_draft(spec: &'s Spec, draft: Draft) -> Builder<'s> {
        let Draft { mti, has_second_bitmap, fields, contents, refused } = draft;
        Builder { spec, mti, has_second_bitmap, fields, contents, refused }
    }

    /// A builder with all that a message has: written again, it gives the same bytes.
    #[must_use]
    pub fn of(message: &Message<'s>) -> Builder<'s> {
        let mut builder = Builder::new(message.spec(), message.mti());
        builder.has_second_bitmap = message.bitmap() & bit(1) != 0;
        message.fields().fold(builder, |builder, field| builder.copy(&field))
    }

    /// The response to a request, with the fields that it repeats; none if the message is no request.
    #[must_use]
    pub fn response_to(request: &Message<'s>) -> Option<Builder<'s>> {
        const REPEATED: [u8; 19] = [2, 3, 4, 6, 7, 11, 12, 13, 15, 18, 25, 32, 33, 37, 41, 42, 49, 51, 70];
        let builder = Builder::new(request.spec(), request.mti().response()?);
        let repeated = REPEATED.iter().filter_map(|number| request.field(*number));
        Some(repeated.fold(builder, |builder, field| builder.copy(&field)))
    }

    /// Sets a field as it stands in another message of the same table, empty half bytes included.
    #[must_use]
    pub fn copy(mut self, field: &Field<'_>) -> Builder<'s> {
        self.set(field.number, field.length(), field.bytes());
        self
    }

    /// Sets a field, or sets it anew.
    fn set(&mut self, number: u8, units: usize, content: &[u8]) {
        let start = self.contents.len();
        self.contents.extend_from_slice(content);
        let written = Written { number, units, content: start..self.contents.len() };
        let at = self.fields.partition_point(|field| field.number < number);
        match self.fields.get_mut(at).filter(|field| field.number == number) {
            Some(field) => *field = written,
            None => self.fields.insert(at, written),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u8> + '_ {
        self.fields.iter().map(|field| field.number)
    }

    /// Sets a field from its characters in ISO 8859-1 (or, where text isn't EBCDIC, in the network's own encoding);
    /// of `b`, from its bytes.
    #[must_use]
    pub fn bytes(mut self, number: u8, characters: &[u8]) -> Builder<'s> {
        match self.spec.field(number) {
            Some(row) if is_written_by(row.format, characters) => {
                let content = content_of(self.spec, row, characters);
                self.set(number, characters.len(), &content);
            }
            Some(_) => self.refuse(Error::DoesNotFit { field: number }),
            None => self.refuse(Error::UnknownField { field: number, offset: 0 }),
        }
        self
    }

    /// Sets a field from a text of ASCII; one of fixed length that holds text is filled with blanks.
    #[must_use]
    pub fn text(self, number: u8, text: &str) -> Builder<'s> {
        match self.spec.field(number) {
            Some(FieldSpec { format: Format::An | Format::Ans, extent: Extent::Fixed, length }) => {
                let filled = format!("{text:<width$}", width = usize::from(length));
                self.bytes(number, filled.as_bytes())
            }
            _ => self.bytes(number, text.as_bytes()),
        }
    }

    /// Sets a numeric field; one of fixed length is filled with zeros in front. Amounts are in minor units.
    #[must_use]
    pub fn number(self, number: u8, value: u64) -> Builder<'s> {
        let width = match self.spec.field(number) {
            Some(FieldSpec { extent: Extent::Fixed, length, .. }) => usize::from(length),
            _ => 0,
        };
        self.bytes(number, format!("{value:0width$}").as_bytes())
    }

    /// The field that a MAC belongs in, behind all that is set: 64, or 128 where one of the second bitmap is, or the table
    /// says so.
    #[must_use]
    pub fn mac_field(&self) -> u8 {
        let is_said = self.spec.mac.as_ref().is_some_and(MacBlock::is_in_128);
        if is_said || self.numbers().any(|number| number > 64) { 128 } else { 64 }
    }

    /// Sets the MAC's field, 64 or 128, from what `mac` makes of all bytes before it, or of the block of chosen fields
    /// that the table says.
    ///
    /// # Errors
    /// As [`Builder::encode`]; [`Error::DoesNotFit`] if the field is another one, or a later one is set.
    pub fn encode_with_mac(self, field: u8, mac: impl FnOnce(&[u8]) -> [u8; 8]) -> Result<Vec<u8>, Error> {
        let is_last = self.numbers().all(|number| number <= field);
        if !matches!(field, 64 | 128) || !is_last {
            return Err(self.refused.unwrap_or(Error::DoesNotFit { field }));
        }
        let spec = self.spec;
        let mut bytes = self.bytes(field, &[0; 8]).encode()?;
        let at = bytes.len().saturating_sub(8);
        let code = match &spec.mac {
            None => mac(bytes.get(..at).unwrap_or_default()),
            Some(block) => block.written(mac(&block.of(&Message::decode(spec, &bytes)?))),
        };
        bytes.truncate(at);
        bytes.extend(code);
        Ok(bytes)
    }

    /// The message's bytes, from the MTI on.
    ///
    /// # Errors
    /// The first value that didn't fit, a length that is not the table's, or a message that is too long.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let mut out = Vec::with_capacity(256);
        self.write_mti(&mut out);
        self.write_bitmap(&mut out);
        for Written { number, units, content } in &self.fields {
            let content = self.contents.get(content.clone()).unwrap_or_default();
            self.write_field(&mut out, *number, *units, content)?;
        }
        match out.len() {
            bytes if bytes > MESSAGE_BYTES_MAX => Err(Error::MessageTooLong { bytes }),
            _ => Ok(out),
        }
    }

    fn refuse(&mut self, error: Error) {
        self.refused.get_or_insert(error);
    }

    fn write_mti(&self, out: &mut Vec<u8>) {
        let digits = self.mti.digits();
        match self.spec.mti {
            Digits::Ascii => out.extend(digits.map(|digit| b'0' + digit)),
            Digits::Ebcdic => out.extend(digits.map(|digit| 0xF0 + digit)),
            Digits::Bcd => out.extend(pack(&digits, false)),
        }
    }

    fn write_bitmap(&self, out: &mut Vec<u8>) {
        let mut bits = self.numbers().fold(0_u128, |bits, number| bits | bit(number));
        let has_second = self.has_second_bitmap || bits << 64 != 0;
        if self.has_second_bitmap || (has_second && self.spec.bitmap != Bitmap::Hex16) {
            bits |= bit(1);
        }
        let all = bits.to_be_bytes();
        let shown = if has_second || self.spec.bitmap == Bitmap::Hex16 { 16 } else { 8 };
        let bytes = all.iter().take(shown);
        match self.spec.bitmap {
            Bitmap::Binary => out.extend(bytes),
            _ => out.extend(bytes.flat_map(|byte| format!("{byte:02X}").into_bytes())),
        }
    }

    fn write_field(&self, out: &mut Vec<u8>, number: u8, units: usize, content: &[u8]) -> Result<(), Error> {
        let row = self.spec.field(number).ok_or(Error::UnknownField { field: number, offset: out.len() })?;
        let max = usize::from(row.length);
        let fits = if row.extent == Extent::Fixed { units == max } else { units <= max };
        if !fits || content.len() != bytes_of(row, self.spec.digits, units) {
            return Err(Error::DoesNotFit { field: number });
        }
        let width = match row.extent {
            Extent::Fixed => 0,
            Extent::Ll => 2,
            Extent::Lll => 3,
        };
        let digit = |by: usize| b'0' + u8::try_from(units / by % 10).unwrap_or(0);
        let all = [digit(100), digit(10), digit(1)];
        let digits = all.get(3 - width..).unwrap_or_default();
        match self.spec.lengths {
            _ if width == 0 => {}
            Lengths::Ascii => out.extend(digits),
            Lengths::Bcd => out.extend(pack(digits, false)),
            Lengths::Ebcdic => out.extend(digits.iter().map(|digit| ebcdic::from_latin_1(*digit))),
            Lengths::Binary => {
                out.push(u8::try_from(units).map_err(|_| Error::DoesNotFit { field: number })?);
            }
        }
        out.extend(content);
        Ok(())
    }
}
