//! Amounts as a code writes them: decimal digits with at most one point, and their exact value in minor units.
//!
//! Never a float. The currency's exponent comes from the caller: a code names the currency by number only.

use std::fmt;

use crate::error::ErrorCode;

/// Characters of an amount: ids 54 and 56 of EMV QRCPS MPM.
const CHARS_MAX: usize = 13;

/// An amount of 1 to 13 characters, digits with at most one `.`, which a digit precedes: `100`, `23.72`, `98.`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Decimal<'a>(&'a str);

impl<'a> Decimal<'a> {
    /// The amount that `text` writes.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidAmount`] for anything else: signs, commas, blanks, two points, more than 13 characters.
    pub fn parse(text: &'a str) -> Result<Self, ErrorCode> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > CHARS_MAX || whole.is_empty() || !is_number(whole) || !is_number(decimals) {
            return Err(ErrorCode::InvalidAmount);
        }
        Ok(Self(text))
    }

    /// As the code writes it.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    /// Whether it is nothing, however written.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0' || byte == b'.')
    }

    /// The amount in minor units of a currency with `exponent` decimals: `23.72` with 2 is 2,372.
    ///
    /// # Errors
    /// [`ErrorCode::InexactAmount`] if decimals beyond the exponent are not zero; [`ErrorCode::InvalidAmount`] if it
    /// passes 64 bits (an exponent above six).
    pub fn minor_units(&self, exponent: u8) -> Result<u64, ErrorCode> {
        let (whole, decimals) = self.0.split_once('.').unwrap_or((self.0, ""));
        let kept = decimals.len().min(usize::from(exponent));
        let (exact, beyond) = decimals.split_at(kept);
        if beyond.bytes().any(|byte| byte != b'0') {
            return Err(ErrorCode::InexactAmount);
        }
        let zeros = std::iter::repeat_n(b'0', usize::from(exponent).saturating_sub(kept));
        let mut digits = whole.bytes().chain(exact.bytes()).chain(zeros);
        digits
            .try_fold(0_u64, |sum, digit| {
                sum.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0')?))
            })
            .ok_or(ErrorCode::InvalidAmount)
    }
}

impl fmt::Debug for Decimal<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// The text of an amount in minor units of a currency with `exponent` decimals: 2,372 with 2 is `23.72`.
#[must_use]
pub fn decimal_text(minor_units: u64, exponent: u8) -> String {
    let exponent = usize::from(exponent);
    let digits = format!("{minor_units:0>width$}", width = exponent.saturating_add(1));
    let (whole, decimals) = digits.split_at(digits.len().saturating_sub(exponent));
    if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, decimal_text};
    use crate::error::ErrorCode::{self, InexactAmount, InvalidAmount};

    fn units(text: &str, exponent: u8) -> Result<u64, ErrorCode> {
        Decimal::parse(text).and_then(|amount| amount.minor_units(exponent))
    }

    #[test]
    fn amounts_are_exact_to_the_minor_unit_or_refused() {
        for (text, exponent, expected) in [
            ("23.72", 2, Ok(2_372)),
            ("10.", 2, Ok(1_000)),
            ("10000", 0, Ok(10_000)),
            ("10000.00", 0, Ok(10_000)),
            ("0.5", 3, Ok(500)),
            ("9999999999999", 2, Ok(999_999_999_999_900)),
            ("1.005", 2, Err(InexactAmount)),
            ("1.5", 0, Err(InexactAmount)),
            ("9999999999999", 7, Err(InvalidAmount)),
            ("1", 255, Err(InvalidAmount)),
        ] {
            assert_eq!(units(text, exponent), expected, "{text} with {exponent}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", ".5", "1.2.3", "-5", "+5", "12,50", "3 705", "1e3", "12345678901234", "١"] {
            assert_eq!(Decimal::parse(text), Err(InvalidAmount), "{text}");
        }
    }

    #[test]
    fn what_is_written_has_just_the_decimals_of_its_currency() {
        assert_eq!(decimal_text(2_372, 2), "23.72");
        assert_eq!(decimal_text(5, 2), "0.05");
        assert_eq!(decimal_text(100, 0), "100");
        assert_eq!(decimal_text(0, 3), "0.000");
    }
}
