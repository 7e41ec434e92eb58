//! Amounts in minor units, and their exact decimal form. Never a float, never a rounding.
//!
//! Source: ISO 20022 `ActiveCurrencyAndAmount` (18 digits, at most 5 behind the point), ISO 4217 exponents.

use alloc::string::String;
use core::fmt;
use core::num::NonZeroU64;

use crate::currency::Currency;

/// Digits that an ISO 20022 amount may have (`totalDigits`).
pub const AMOUNT_DIGITS_MAX: usize = 18;
/// The largest amount: 18 digits of minor units, well below `i64::MAX`, so one amount fits any balance.
pub const AMOUNT_MAX: u64 = 999_999_999_999_999_999;

/// A positive amount in minor units of some currency (EUR cents, JPY yen, KWD fils).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Amount(NonZeroU64);

/// Why a decimal text is no amount in its currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AmountError {
    /// Not `digits[.digits]`, with at least one digit.
    NotDecimal,
    /// Below zero.
    Negative,
    /// Zero: nothing to transfer.
    Zero,
    /// A non-zero digit finer than the currency's minor unit (`1.50` JPY).
    TooManyDecimals,
    /// More than [`AMOUNT_MAX`] minor units.
    TooLarge,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDecimal => "is not a decimal number",
            Self::Negative => "is negative",
            Self::Zero => "is zero",
            Self::TooManyDecimals => "has more decimals than its currency",
            Self::TooLarge => "is larger than 18 digits of minor units",
        })
    }
}

impl core::error::Error for AmountError {}

impl Amount {
    /// An amount of `minor` minor units; none for zero or for more than [`AMOUNT_MAX`].
    #[must_use]
    pub const fn new(minor: u64) -> Option<Self> {
        if minor > AMOUNT_MAX {
            return None;
        }
        match NonZeroU64::new(minor) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The amount in minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0.get()
    }

    /// Reads an `xs:decimal` (`1`, `+1.50`, `.5`, surrounding white space) exactly.
    ///
    /// # Errors
    /// [`AmountError`] says what the text lacks; decimals beyond the currency's exponent pass only as zeros.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let minor = minor_from_decimal(text, currency.exponent())?;
        if minor == 0 {
            return Err(AmountError::Zero);
        }
        Self::new(minor).ok_or(AmountError::TooLarge)
    }

    /// The decimal text with exactly the currency's decimals: `1234.50`, `1234` for JPY.
    #[must_use]
    pub fn to_decimal(self, currency: Currency) -> String {
        decimal(u128::from(self.minor()), currency)
    }
}

/// Reads a decimal into minor units of `exponent` decimals; zero is allowed.
fn minor_from_decimal(text: &str, exponent: u8) -> Result<u64, AmountError> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return Err(AmountError::NotDecimal);
    }
    let exponent = usize::from(exponent);
    let (kept, rest) = fraction.split_at(fraction.len().min(exponent));
    if rest.bytes().any(|byte| byte != b'0') {
        return Err(AmountError::TooManyDecimals);
    }
    let zeros = exponent.saturating_sub(kept.len());
    let digits = whole.bytes().chain(kept.bytes()).chain(core::iter::repeat_n(b'0', zeros));
    let mut minor: u64 = 0;
    for digit in digits {
        let digit = u64::from(digit.saturating_sub(b'0'));
        minor = minor
            .checked_mul(10)
            .and_then(|value| value.checked_add(digit))
            .filter(|value| *value <= AMOUNT_MAX)
            .ok_or(AmountError::TooLarge)?;
    }
    if negative && minor != 0 {
        return Err(AmountError::Negative);
    }
    Ok(minor)
}

/// `minor` as a decimal text with the currency's decimals.
#[must_use]
pub fn decimal(minor: u128, currency: Currency) -> String {
    use core::fmt::Write as _;
    let exponent = usize::from(currency.exponent());
    let mut text = String::new();
    let width = exponent.saturating_add(1);
    // Writing into a String cannot fail.
    let _ = write!(text, "{minor:0width$}");
    if exponent > 0 {
        let point = text.len().saturating_sub(exponent);
        text.insert(point, '.');
    }
    text
}

/// A signed number of minor units as a decimal text: `-12.30`.
#[must_use]
pub fn signed_decimal(minor: i128, currency: Currency) -> String {
    let mut text = decimal(minor.unsigned_abs(), currency);
    if minor < 0 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).expect("a known currency")
    }

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        let eur = currency("EUR");
        let rows = [
            ("1", Ok(100)),
            ("+1.50", Ok(150)),
            (".5", Ok(50)),
            ("5.", Ok(500)),
            (" 12.34\n", Ok(1234)),
            ("0.01", Ok(1)),
            ("1.50000", Ok(150)),
            ("9999999999999999.99", Ok(999_999_999_999_999_999)),
            ("10000000000000000.00", Err(AmountError::TooLarge)),
            ("99999999999999999999999999", Err(AmountError::TooLarge)),
            ("1.501", Err(AmountError::TooManyDecimals)),
            ("-1", Err(AmountError::Negative)),
            ("-0", Err(AmountError::Zero)),
            ("0.00", Err(AmountError::Zero)),
            ("", Err(AmountError::NotDecimal)),
            (".", Err(AmountError::NotDecimal)),
            ("+-1", Err(AmountError::NotDecimal)),
            ("1,5", Err(AmountError::NotDecimal)),
            ("1e3", Err(AmountError::NotDecimal)),
            ("NaN", Err(AmountError::NotDecimal)),
            ("١", Err(AmountError::NotDecimal)),
        ];
        for (text, expected) in rows {
            assert_eq!(Amount::from_decimal(text, eur).map(Amount::minor), expected, "{text:?}");
        }
        assert_eq!(Amount::from_decimal("1.50", currency("JPY")), Err(AmountError::TooManyDecimals));
        assert_eq!(Amount::from_decimal("1.555", currency("KWD")).map(Amount::minor), Ok(1555));
    }

    #[test]
    fn decimals_are_written_with_the_currencys_exponent() {
        let rows = [(5, "EUR", "0.05"), (123_456, "EUR", "1234.56"), (7, "JPY", "7"), (7, "KWD", "0.007")];
        for (minor, code, text) in rows {
            assert_eq!(decimal(minor, currency(code)), text);
        }
        assert_eq!(format!("{}", signed_decimal(-1230, currency("EUR"))), "-12.30");
    }
}
