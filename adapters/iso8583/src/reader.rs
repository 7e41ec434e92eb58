//! Reading the parts that every message has: bitmaps, lengths, digits. One pass, no allocation.

use crate::error::Error;
use crate::spec::{Bitmap, Digits, Extent, FieldSpec, Lengths};

/// The bytes of a message and how far they are read.
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Reader<'a> {
    /// The next bytes, for a field.
    #[inline]
    pub(crate) fn take(&mut self, field: u8, needed: usize) -> Result<&'a [u8], Error> {
        match self.bytes.get(self.at..self.at.saturating_add(needed)) {
            Some(taken) => {
                self.at += needed;
                Ok(taken)
            }
            None => Err(self.truncated(field, needed)),
        }
    }

    #[cold]
    fn truncated(&self, field: u8, needed: usize) -> Error {
        let have = self.bytes.len().saturating_sub(self.at);
        Error::Truncated { field, offset: self.at, needed, have }
    }
}

/// The number that decimal digits make; none for other characters.
#[inline]
pub(crate) fn decimal(bytes: &[u8], digits: Digits) -> Option<usize> {
    let places = |zero: u8| {
        bytes.iter().try_fold(0_usize, |sum, byte| {
            let digit = byte.wrapping_sub(zero);
            (digit < 10).then(|| sum * 10 + usize::from(digit))
        })
    };
    match digits {
        Digits::Ascii => places(b'0'),
        Digits::Ebcdic => places(0xF0),
        Digits::Bcd => bytes.iter().try_fold(0_usize, |sum, byte| {
            let (high, low) = (byte >> 4, byte & 0x0F);
            (high < 10 && low < 10).then(|| sum * 100 + usize::from(high * 10 + low))
        }),
    }
}

/// Whether all bytes are digits as a table writes them, in BCD all halves: eight at a time, in one word, where there are
/// as many.
#[inline]
pub(crate) fn are_digits(bytes: &[u8], digits: Digits) -> bool {
    // 0xF0 to 0xF9 become 0x30 to 0x39, and nothing else does.
    const EBCDIC_TO_ASCII: u8 = 0xC0;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mut rest = rest.iter();
    match digits {
        Digits::Ascii => words.all(is_ascii_word) && rest.all(u8::is_ascii_digit),
        Digits::Ebcdic => {
            words.all(|word| is_ascii_word(word ^ u64::from_le_bytes([EBCDIC_TO_ASCII; 8])))
                && rest.all(|byte| (byte ^ EBCDIC_TO_ASCII).is_ascii_digit())
        }
        Digits::Bcd => {
            words.all(is_bcd_word) && is_bcd_word(rest.fold(0, |word, byte| word << 8 | u64::from(*byte)))
        }
    }
}

/// In a word of digits each high half is 3, and stays so when 6 is added to the low half.
#[inline]
const fn is_ascii_word(word: u64) -> bool {
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    const ALL_3: u64 = 0x3030_3030_3030_3030;
    // No carry runs into the next byte of such that have a 3.
    word & HIGH == ALL_3 && word.wrapping_add(0x0606_0606_0606_0606) & HIGH == ALL_3
}

/// A half over 9 has its highest bit, and one of the two below.
#[inline]
const fn is_bcd_word(word: u64) -> bool {
    word & (word << 1 | word << 2) & 0x8888_8888_8888_8888 == 0
}

/// Whether both halves of all bytes may stand in a track: digits and the separator, 0xD.
#[inline]
pub(crate) fn are_packed_track(bytes: &[u8]) -> bool {
    const ALLOWED: u16 = 0x23FF;
    bytes.iter().all(|byte| ALLOWED >> (byte >> 4) & ALLOWED >> (byte & 0x0F) & 1 == 1)
}

fn half_bitmap(reader: &mut Reader<'_>, form: Bitmap) -> Result<u64, Error> {
    let offset = reader.at;
    if form == Bitmap::Binary {
        let bytes = reader.take(1, 8)?;
        return Ok(bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)));
    }
    let mut bits = 0_u64;
    for (place, character) in reader.take(1, 16)?.iter().enumerate() {
        let value =
            char::from(*character).to_digit(16).ok_or(Error::BitmapNotHex { offset: offset + place })?;
        bits = bits << 4 | u64::from(value);
    }
    Ok(bits)
}

/// Both bitmaps, field 1 the highest bit.
pub(crate) fn bitmap(reader: &mut Reader<'_>, form: Bitmap) -> Result<u128, Error> {
    let first = half_bitmap(reader, form)?;
    let has_second = form == Bitmap::Hex16 || first >> 63 == 1;
    let second = if has_second { half_bitmap(reader, form)? } else { 0 };
    Ok(u128::from(first) << 64 | u128::from(second))
}

/// A field's length: the table's, or what stands in front.
pub(crate) fn length(
    reader: &mut Reader<'_>,
    number: u8,
    spec: FieldSpec,
    form: Lengths,
) -> Result<usize, Error> {
    let (width, digits) = match (form, spec.extent) {
        (_, Extent::Fixed) => return Ok(usize::from(spec.length)),
        (Lengths::Binary, _) => {
            return Ok(reader.take(number, 1)?.first().map_or(0, |byte| usize::from(*byte)));
        }
        (Lengths::Bcd, Extent::Ll) => (1, Digits::Bcd),
        (Lengths::Bcd, Extent::Lll) => (2, Digits::Bcd),
        (Lengths::Ascii, Extent::Ll) => (2, Digits::Ascii),
        (Lengths::Ascii, Extent::Lll) => (3, Digits::Ascii),
        (Lengths::Ebcdic, Extent::Ll) => (2, Digits::Ebcdic),
        (Lengths::Ebcdic, Extent::Lll) => (3, Digits::Ebcdic),
    };
    let offset = reader.at;
    decimal(reader.take(number, width)?, digits).ok_or(Error::LengthNotNumeric { field: number, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_digits_one_by_one(bytes: &[u8], digits: Digits) -> bool {
        bytes.iter().all(|byte| decimal(&[*byte], digits).is_some())
    }

    #[test]
    fn only_digits_are_digits_at_any_place() {
        for (digits, seven) in [(Digits::Ascii, b'7'), (Digits::Ebcdic, 0xF7), (Digits::Bcd, 0x77)] {
            for length in 1..20 {
                for place in 0..length {
                    for byte in 0..=u8::MAX {
                        let mut bytes = vec![seven; length];
                        bytes[place] = byte;
                        let wanted = are_digits_one_by_one(&bytes, digits);
                        assert_eq!(are_digits(&bytes, digits), wanted, "{byte:#x} at {place} of {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_packed_track_has_digits_and_separators() {
        for byte in 0..=u8::MAX {
            let is_allowed = |half: u8| half < 10 || half == 0xD;
            let wanted = is_allowed(byte >> 4) && is_allowed(byte & 0x0F);
            assert_eq!(are_packed_track(&[0x12, byte, 0x9D]), wanted, "{byte:#x}");
        }
    }
}
