//! The command line of `feiqian limit`. Parses and nothing else.

use std::str::FromStr;

use clap::{Args, Subcommand};
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::liquidity::resolve::Priority;

use super::{OfficerArgs, parse_priority};

/// A participant's position: `BIC/CURRENCY`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Whose.
    pub bic: Bic,
    /// In which currency.
    pub currency: Currency,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (bic, code) = text.split_once('/').ok_or("a position is BIC/CURRENCY")?;
        let bic = Bic::parse(bic).map_err(|_| format!("{bic}: not a BIC"))?;
        let currency = Currency::from_code(code).ok_or_else(|| format!("{code}: not a currency"))?;
        Ok(Self { bic, currency })
    }
}

/// The length of a period, seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period(pub u32);

impl FromStr for Period {
    type Err = String;

    /// `90s`, `15m`, `24h`, `1d`, or seconds alone.
    fn from_str(text: &str) -> Result<Self, String> {
        let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
        let unit = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
        let (number, seconds) = unit.unwrap_or((text, 1));
        let number = number.parse::<u32>().ok().and_then(|number| number.checked_mul(seconds));
        number.map(Self).ok_or_else(|| format!("{text}: a period is 90s, 15m, 24h or 1d"))
    }
}

/// Hundredths of a per cent, of a decimal with two digits behind the point at the most.
fn parse_percent(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text}: per cent with at most two digits behind the point");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 2 || !is_digits(whole) || !is_digits(part) {
        return Err(wrong());
    }
    format!("{whole}{part:0<2}").parse().map_err(|_| wrong())
}

/// Who approves.
#[derive(Debug, Args)]
pub struct LimitArgs {
    #[command(flatten)]
    pub officers: OfficerArgs,
}

/// Steps about limits. Amounts are decimals; `none` takes a limit away.
#[derive(Debug, Subcommand)]
pub enum LimitStep {
    /// Show all limits, and what is used of them
    List,
    /// Set the value of a participant's collateral, after haircuts
    Cover {
        /// BIC/CURRENCY
        place: Place,
        /// Its value
        amount: String,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Make a net debit cap of a fixed part and a share of cover
    Cap {
        /// BIC/CURRENCY
        place: Place,
        /// The fixed part; none for no cap at all
        fixed: String,
        /// The share of cover
        #[arg(long, value_name = "PER CENT", default_value = "0", value_parser = parse_percent)]
        percent: u32,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Bound what a participant pays another, less what it gets from it, in a cycle
    Bilateral {
        /// BIC/CURRENCY of who pays
        place: Place,
        /// BIC of who is paid
        towards: String,
        /// At the most
        limit: String,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Bound the same towards all together that have no bilateral limit
    Multilateral {
        /// BIC/CURRENCY of who pays
        place: Place,
        /// At the most
        limit: String,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Bound what is paid, and how often, in a period; without amount and count the limit is taken away
    Velocity {
        /// BIC/CURRENCY for all that leaves a participant, else an account as in `feiqian account`
        payer: String,
        /// At the most
        #[arg(long, value_name = "AMOUNT")]
        amount: Option<String>,
        /// So many payments at the most
        #[arg(long, value_name = "N")]
        count: Option<u32>,
        /// Its length: 90s, 15m, 24h, 1d; periods follow each other from 1970 on
        #[arg(long, default_value = "1d")]
        period: Period,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Keep headroom for payments of a class and of more urgent ones
    Reserve {
        /// BIC/CURRENCY
        place: Place,
        /// Urgent or high
        #[arg(value_parser = parse_priority)]
        class: Priority,
        /// So much of it; 0 for none
        amount: String,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Bound what a participant is short of by trades, in all currencies together
    Fx {
        /// BIC/CURRENCY that the limit is in
        place: Place,
        /// At the most
        limit: String,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Say what a currency counts as there
    Valuation {
        /// The currency, and the one that it is valued in: USD/EUR
        pair: String,
        /// Units of that for one of the other; none: shorts in it are borne by no limit
        price: String,
        #[command(flatten)]
        with: LimitArgs,
    },
    /// Say from which use of a cap on somebody is told
    Thresholds {
        /// BIC/CURRENCY
        place: Place,
        /// Per cent of the cap; 0 for none
        #[arg(value_parser = parse_percent)]
        low: u32,
        /// Per cent of the cap, above the other; 0 for none
        #[arg(value_parser = parse_percent)]
        high: u32,
        #[command(flatten)]
        with: LimitArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_periods_and_per_cents_are_read() {
        assert!("BNKAXXAA/EUR".parse::<Place>().is_ok());
        assert!(["BNKAXXAA", "BNKAXXAA/XXX", "A/EUR"].iter().all(|text| text.parse::<Place>().is_err()));
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("24h", 86_400), ("1d", 86_400)] {
            assert_eq!(text.parse(), Ok(Period(seconds)), "{text}");
        }
        assert!(["", "d", "1w", "-1s", "99999d"].iter().all(|text| text.parse::<Period>().is_err()));
        for (text, hundredths) in [("0", 0), ("92.5", 9_250), ("100", 10_000), ("0.01", 1)] {
            assert_eq!(parse_percent(text), Ok(hundredths), "{text}");
        }
        assert!(["", ".5", "1.234", "-1", "x"].iter().all(|text| parse_percent(text).is_err()));
    }
}
