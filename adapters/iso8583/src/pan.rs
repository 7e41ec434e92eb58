//! Card numbers: shown masked only, kept as tokens.

use std::fmt;

use crate::limits::{PAN_DIGITS_MAX, PAN_DIGITS_MIN};

/// Shorter numbers than this show their last four only: six more would leave too few to hide.
const PREFIX_SHOWN_FROM: usize = 15;

/// A card number of 12 to 19 digits. `Debug` and `Display` show the first six and the last four (PCI DSS 3.4.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pan {
    digits: [u8; PAN_DIGITS_MAX],
    length: usize,
}

impl Pan {
    /// None if these are not 12 to 19 ASCII digits.
    #[must_use]
    pub fn new(digits: impl IntoIterator<Item = u8>) -> Option<Pan> {
        let mut pan = Pan { digits: [0; PAN_DIGITS_MAX], length: 0 };
        for digit in digits {
            *pan.digits.get_mut(pan.length).filter(|_| digit.is_ascii_digit())? = digit;
            pan.length += 1;
        }
        (pan.length >= PAN_DIGITS_MIN).then_some(pan)
    }

    /// The keyed BLAKE3 of the digits: the same card gives the same token under the same key.
    #[must_use]
    pub fn token(&self, key: &[u8; 32]) -> [u8; 32] {
        *blake3::keyed_hash(key, self.digits()).as_bytes()
    }

    /// Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
    #[must_use]
    pub fn has_check_digit(&self) -> bool {
        let sum: u32 = self
            .digits()
            .iter()
            .rev()
            .zip(0_u32..)
            .map(|(digit, place)| {
                let value = u32::from(digit & 0x0F) * (1 + place % 2);
                value / 10 + value % 10
            })
            .sum();
        sum.is_multiple_of(10)
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.digits().iter().enumerate() {
            let is_prefix = place < 6 && self.length >= PREFIX_SHOWN_FROM;
            let is_shown = is_prefix || place + 4 >= self.length;
            write!(out, "{}", if is_shown { char::from(*digit) } else { '*' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
