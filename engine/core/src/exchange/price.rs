//! Prices and what they make of amounts: exact, in integers, with the rounding stated.
//!
//! A price is the number of units of the quote currency for one unit of the base currency, times 10^10. What a conversion
//! leaves below a minor unit stays with the provider: what it pays is rounded down, what it is paid is rounded up.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;

use crate::currency::Currency;
use crate::money::AMOUNT_MAX;

/// Decimal digits of a price behind the point.
pub const PRICE_DIGITS: u32 = 10;
/// A price of one.
const ONE: u64 = 10_000_000_000;
/// The largest price, so that no conversion leaves 128 bits: a million units for one.
pub const PRICE_MAX: u64 = 10_000_000_000_000_000;

/// Units of the quote currency for one of the base, times 10^10; at least 1, at most [`PRICE_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Price(u64);

impl Price {
    /// A price in 10^-10; none out of bounds.
    #[must_use]
    pub fn new(scaled: u64) -> Option<Self> {
        (1..=PRICE_MAX).contains(&scaled).then_some(Self(scaled))
    }

    /// In 10^-10.
    #[must_use]
    pub const fn scaled(self) -> u64 {
        self.0
    }

    /// As a decimal, without zeros at its end but for one behind the point.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let (whole, rest) = (self.0.wrapping_div(ONE), self.0.wrapping_rem(ONE));
        let text = format!("{whole}.{rest:010}");
        let trimmed = text.trim_end_matches('0');
        if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
    }
}

/// What a conversion gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Converted {
    /// Minor units.
    pub amount: u64,
    /// What was cut off, or added, in parts of [`Converted::divisor`] of a minor unit.
    pub residue: u128,
    /// Parts of a minor unit that the residue counts.
    pub divisor: u128,
}

/// Which way a fraction of a minor unit goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// Cut off.
    Down,
    /// Filled up.
    Up,
}

/// Base minor units as minor units of the quote currency. None where the result is zero or over 18 digits.
#[must_use]
pub fn to_quote(
    amount: u64,
    price: Price,
    (base, quote): (Currency, Currency),
    rounding: Rounding,
) -> Option<Converted> {
    let numerator =
        u128::from(amount).checked_mul(price.scaled().into())?.checked_mul(power(quote.exponent())?)?;
    let divisor = power(PRICE_DIGITS)?.checked_mul(power(base.exponent())?)?;
    divided(numerator, divisor, rounding)
}

/// Minor units of the quote currency as base minor units. None where the result is zero or over 18 digits.
#[must_use]
pub fn to_base(
    amount: u64,
    price: Price,
    (base, quote): (Currency, Currency),
    rounding: Rounding,
) -> Option<Converted> {
    let numerator =
        u128::from(amount).checked_mul(power(PRICE_DIGITS)?)?.checked_mul(power(base.exponent())?)?;
    let divisor = u128::from(price.scaled()).checked_mul(power(quote.exponent())?)?;
    divided(numerator, divisor, rounding)
}

fn power(digits: impl Into<u32>) -> Option<u128> {
    10_u128.checked_pow(digits.into())
}

fn divided(numerator: u128, divisor: u128, rounding: Rounding) -> Option<Converted> {
    let (whole, rest) = (numerator.checked_div(divisor)?, numerator.checked_rem(divisor)?);
    let (amount, residue) = match rounding {
        Rounding::Up if rest > 0 => (whole.checked_add(1)?, divisor.checked_sub(rest)?),
        _ => (whole, rest),
    };
    let amount = u64::try_from(amount).ok().filter(|amount| (1..=AMOUNT_MAX).contains(amount))?;
    Some(Converted { amount, residue, divisor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(base: &str, quote: &str) -> (Currency, Currency) {
        let known = |code| Currency::from_code(code).expect("ISO 4217");
        (known(base), known(quote))
    }

    fn price(scaled: u64) -> Price {
        Price::new(scaled).expect("in bounds")
    }

    #[test]
    fn conversions_are_exact_and_state_what_they_leave() {
        let eur_usd = price(10_850_000_000);
        let down = to_quote(10_001, eur_usd, pair("EUR", "USD"), Rounding::Down).expect("fits");
        assert_eq!((down.amount, down.residue, down.divisor), (10_851, 85_000_000_000, 1_000_000_000_000));
        let up = to_base(10_851, eur_usd, pair("EUR", "USD"), Rounding::Up).expect("fits");
        assert_eq!(up.amount, 10_001);
        // 1 EUR is 163.25 JPY, which has no minor unit; 1 KWD, with three digits, is 3.25 USD.
        let yen = to_quote(100, price(1_632_500_000_000), pair("EUR", "JPY"), Rounding::Down).expect("fits");
        assert_eq!((yen.amount, yen.residue * 4 == yen.divisor), (163, true));
        let dollars = to_quote(1_000, price(32_500_000_000), pair("KWD", "USD"), Rounding::Up).expect("fits");
        assert_eq!((dollars.amount, dollars.residue), (325, 0));
    }

    #[test]
    fn nothing_and_too_much_are_no_amounts() {
        assert_eq!(to_quote(1, price(1), pair("EUR", "USD"), Rounding::Down), None);
        assert_eq!(to_quote(AMOUNT_MAX, price(PRICE_MAX), pair("EUR", "KWD"), Rounding::Down), None);
        assert_eq!(to_base(AMOUNT_MAX, price(1), pair("KWD", "JPY"), Rounding::Down), None);
        assert_eq!((Price::new(0), Price::new(PRICE_MAX + 1)), (None, None));
    }

    #[test]
    fn neither_way_gives_the_requester_more_than_the_price() {
        for amount in (1..100_000_u64).step_by(997) {
            for scaled in [1_u64, 999_999_999, 10_000_000_000, 10_850_000_001, 1_632_512_345_678] {
                let currencies = pair("EUR", "USD");
                let Some(paid) = to_quote(amount, price(scaled), currencies, Rounding::Down) else {
                    continue;
                };
                let back = to_base(paid.amount, price(scaled), currencies, Rounding::Up).expect("fits");
                assert!(back.amount <= amount, "{amount} at {scaled}");
            }
        }
    }
}
