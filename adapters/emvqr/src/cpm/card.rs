//! Card numbers and track 2 equivalent data. Neither shows more than four digits in any `Debug` or `Display`.

use std::fmt;

use crate::error::ErrorCode;
use crate::limits::{PAN_DIGITS_MAX, PAN_DIGITS_MIN};
use crate::mask::Masked;

/// Nibbles of track 2 equivalent data, EMV Book 3: up to 19 bytes.
const TRACK2_BYTES_MAX: usize = 19;
const SEPARATOR: u8 = 0xD;
const PADDING: u8 = 0xF;

/// A card number, or the token in its place: 8 to 19 digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Pan(String);

impl Pan {
    /// The number that these digits write.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidCard`] for anything but 8 to 19 digits.
    pub fn parse(digits: &str) -> Result<Self, ErrorCode> {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !(PAN_DIGITS_MIN..=PAN_DIGITS_MAX).contains(&digits.len()) {
            return Err(ErrorCode::InvalidCard);
        }
        Ok(Self(digits.to_owned()))
    }

    /// All digits, for whoever replaces them by a token at once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// From the format "cn": digits from the left, `F` behind them.
    pub(crate) fn from_compressed(bytes: &[u8]) -> Result<Self, ErrorCode> {
        let digits = digits_of(&unpadded(bytes)?)?;
        let pan = Self::parse(&digits)?;
        if bytes.len() != pan.to_compressed().len() {
            return Err(ErrorCode::InvalidCard);
        }
        Ok(pan)
    }

    /// In the format "cn" of tag 5A.
    #[must_use]
    pub fn to_compressed(&self) -> Vec<u8> {
        pack(self.0.bytes().map(|digit| digit.wrapping_sub(b'0')))
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Masked(&self.0), out)
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Track 2 equivalent data (57), ISO/IEC 7813 without sentinels. The discretionary data is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Track2 {
    /// The card number.
    pub pan: Pan,
    /// Year of expiry, 0 to 99.
    pub expiry_year: u8,
    /// Month of expiry, 1 to 12.
    pub expiry_month: u8,
    /// Service code, three digits.
    pub service_code: String,
    discretionary: String,
}

impl Track2 {
    /// Its parts.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidCard`] if they are none: no separator, a month of 13, other nibbles than digits.
    pub fn parse(bytes: &[u8]) -> Result<Self, ErrorCode> {
        if bytes.len() > TRACK2_BYTES_MAX {
            return Err(ErrorCode::InvalidCard);
        }
        let nibbles = unpadded(bytes)?;
        let separator =
            nibbles.iter().position(|nibble| *nibble == SEPARATOR).ok_or(ErrorCode::InvalidCard)?;
        let (pan, rest) = nibbles.split_at(separator);
        let pan = Pan::parse(&digits_of(pan)?)?;
        let rest = digits_of(rest.get(1..).unwrap_or_default())?;
        let (expiry, rest) = rest.split_at_checked(4).ok_or(ErrorCode::InvalidCard)?;
        let (service_code, discretionary) = rest.split_at_checked(3).ok_or(ErrorCode::InvalidCard)?;
        let (year, month) = expiry.split_at(2);
        let number = |text: &str| text.parse::<u8>().map_err(|_| ErrorCode::InvalidCard);
        let (expiry_year, expiry_month) = (number(year)?, number(month)?);
        if !(1..=12).contains(&expiry_month) {
            return Err(ErrorCode::InvalidCard);
        }
        let (service_code, discretionary) = (service_code.to_owned(), discretionary.to_owned());
        Ok(Self { pan, expiry_year, expiry_month, service_code, discretionary })
    }

    /// In the form of tag 57.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let digit = |byte: u8| byte.wrapping_sub(b'0');
        let expiry = format!("{:02}{:02}", self.expiry_year, self.expiry_month);
        let rest = expiry.bytes().chain(self.service_code.bytes()).chain(self.discretionary.bytes());
        pack(self.pan.0.bytes().map(digit).chain([SEPARATOR]).chain(rest.map(digit)))
    }
}

impl fmt::Debug for Track2 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Track2({})", self.pan)
    }
}

/// The nibbles of `bytes` without the one of padding that an odd number needs.
fn unpadded(bytes: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let mut nibbles: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]).collect();
    if nibbles.last() == Some(&PADDING) {
        nibbles.pop();
    }
    if nibbles.contains(&PADDING) { Err(ErrorCode::InvalidCard) } else { Ok(nibbles) }
}

fn digits_of(nibbles: &[u8]) -> Result<String, ErrorCode> {
    let digits = nibbles.iter().map(|nibble| char::from_digit(u32::from(*nibble), 10));
    digits.collect::<Option<String>>().ok_or(ErrorCode::InvalidCard)
}

fn pack(nibbles: impl Iterator<Item = u8>) -> Vec<u8> {
    let nibbles: Vec<u8> = nibbles.collect();
    let byte = |pair: &[u8]| match pair {
        [high, low] => (high << 4) | low,
        [high] => (high << 4) | PADDING,
        _ => 0,
    };
    nibbles.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::{Pan, Track2};
    use crate::error::ErrorCode;

    #[test]
    fn numbers_of_even_and_odd_length_come_back() {
        for digits in ["12345678", "123456789", "6250947000000014", "1234567890123456789"] {
            let pan = Pan::parse(digits).expect("a number");
            assert_eq!(Pan::from_compressed(&pan.to_compressed()), Ok(pan));
        }
    }

    #[test]
    fn what_is_no_card_number_is_refused() {
        for digits in ["", "1234567", "12345678901234567890", "1234567A", "١٢٣٤٥٦٧٨"] {
            assert_eq!(Pan::parse(digits), Err(ErrorCode::InvalidCard), "{digits}");
        }
        for bytes in [&[0x12, 0x34, 0x56, 0x78, 0xFF][..], &[0x12, 0xF4, 0x56, 0x78, 0x90], &[0xFF; 8]] {
            assert_eq!(Pan::from_compressed(bytes), Err(ErrorCode::InvalidCard), "{bytes:02X?}");
        }
    }

    #[test]
    fn track_2_comes_apart_and_together() {
        let bytes =
            [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x58, 0xD1, 0x91, 0x22, 0x01, 0x12, 0x34, 0x5F];
        let track = Track2::parse(&bytes).expect("a track");
        assert_eq!((track.expiry_year, track.expiry_month, track.service_code.as_str()), (19, 12, "201"));
        assert_eq!(track.to_bytes(), bytes);
        assert_eq!(format!("{track:?}"), "Track2(************3458)");
        for at in 0..bytes.len() {
            let _ = Track2::parse(&bytes[..at]);
        }
        assert_eq!(Track2::parse(&bytes[..9]), Err(ErrorCode::InvalidCard));
        assert_eq!(Track2::parse(&[0x11; 20]), Err(ErrorCode::InvalidCard));
    }
}
