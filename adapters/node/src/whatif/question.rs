//! What is asked: other net debit caps, one bank left out, or more or less liquidity for all. Reads the question; what
//! follows from it the engine tells.

use std::collections::BTreeMap;
use std::path::Path;

use feiqian_core::account::UNLIMITED;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::{Amount, AmountError, decimal};
use feiqian_core::participant::SlotTerms;
use feiqian_core::registry::Registry;
use serde::Deserialize;

use crate::fault::Fault;

/// Percentages are below this: a thousand times the limits, which keeps caps of 18 digits within 64 bits or bounds them.
const PERCENT_MAX: i64 = 100_000;
/// Caps that a question names in words.
const CAPS_NAMED: usize = 4;

/// What would have been, if.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// These positions had had these net debit caps all day, minor units; all others their own.
    Caps(BTreeMap<(Bic, Currency), u64>),
    /// This bank had not been there: what it submits, pays or is paid, is not submitted.
    Without(Bic),
    /// Every cap and every credit line had been so many per cent larger, or smaller; at least -100.
    Liquidity(i64),
}

impl Question {
    /// Reads a file of caps: CSV (`BIC,CURRENCY,CAP`, one a line) where its name ends in `.csv`, else TOML (`[[cap]]`
    /// with `bic`, `currency` and `net_debit_cap`). Caps are decimals in the currency, or `unlimited`.
    ///
    /// # Errors
    /// [`Fault::File`] where it can't be read, [`Fault::Usage`] naming the first line that is wrong.
    pub fn caps(path: &Path) -> Result<Self, Fault> {
        let text =
            std::fs::read_to_string(path).map_err(|error| Fault::file(path, "read the caps", &error))?;
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let lines = if is_csv { lines_of_csv(&text) } else { lines_of_toml(&text) };
        let caps = lines.and_then(|lines| caps_of(&lines));
        caps.map(Self::Caps).map_err(|fault| Fault::Usage(format!("{}: {fault}", path.display())))
    }

    /// The bank to leave out.
    ///
    /// # Errors
    /// [`Fault::Usage`].
    pub fn without(bic: &str) -> Result<Self, Fault> {
        Bic::parse(bic).map(Self::Without).map_err(|error| Fault::Usage(format!("--without {bic}: {error}")))
    }

    /// `+10%`, `-25%`, `10`: whole per cents.
    ///
    /// # Errors
    /// [`Fault::Usage`].
    pub fn liquidity(text: &str) -> Result<Self, Fault> {
        let number = text.strip_suffix('%').unwrap_or(text).parse::<i64>().ok();
        let number = number.filter(|percent| (-100..PERCENT_MAX).contains(percent));
        let wrong = || Fault::Usage(format!("--liquidity {text}: give whole per cents from -100%, as +10%"));
        number.map(Self::Liquidity).ok_or_else(wrong)
    }

    /// What is asked, in words.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Caps(caps) => {
                let named = caps.iter().take(CAPS_NAMED).map(|(whose, cap)| cap_text(*whose, *cap));
                let named: Vec<_> = named.collect();
                let more = caps.len().saturating_sub(CAPS_NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("net debit cap of {}{more}", named.join(", "))
            }
            Self::Without(bic) => format!("without {bic}: nothing that it submits, pays or is paid"),
            Self::Liquidity(percent) => format!("every net debit cap and credit line {percent:+} %"),
        }
    }

    /// The cap to suppose for a position, given the one that commands have set; none for that one.
    #[must_use]
    pub fn cap(&self, terms: &SlotTerms, registry: &Registry) -> Option<u64> {
        match self {
            Self::Caps(caps) => {
                let bic = registry.participants().get(terms.participant as usize)?.bic;
                caps.get(&(bic, terms.currency)).copied()
            }
            Self::Without(_) => None,
            Self::Liquidity(percent) => Some(scaled(terms.cap, *percent)),
        }
    }

    /// The credit line to suppose for an account, given the one that commands have set; none for that one.
    #[must_use]
    pub fn credit_line(&self, set: u64) -> Option<u64> {
        match self {
            Self::Liquidity(percent) if set != UNLIMITED && set > 0 => Some(scaled(set, *percent)),
            _ => None,
        }
    }

    /// What names nothing that the journal has.
    ///
    /// # Errors
    /// [`Fault::Absent`] naming it.
    pub fn check(&self, registry: &Registry) -> Result<(), Fault> {
        match self {
            Self::Caps(caps) => {
                let missing = caps.keys().find(|(bic, currency)| registry.slot_of(*bic, *currency).is_none());
                missing.map_or(Ok(()), |(bic, currency)| {
                    Err(Fault::Absent(format!("{bic} has no position in {currency}")))
                })
            }
            Self::Without(bic) if registry.participant_of(*bic).is_none() => {
                Err(Fault::Absent(format!("{bic} does not take part")))
            }
            _ => Ok(()),
        }
    }
}

fn cap_text((bic, currency): (Bic, Currency), cap: u64) -> String {
    let cap = if cap == UNLIMITED { "unlimited".to_owned() } else { decimal(cap.into(), currency) };
    format!("{bic} {cap} {currency}")
}

/// Rounded down; no limit stays none, and a limit never becomes none.
fn scaled(limit: u64, percent: i64) -> u64 {
    if limit == UNLIMITED {
        return UNLIMITED;
    }
    let factor = u128::try_from(100 + i128::from(percent)).unwrap_or(0);
    u64::try_from(u128::from(limit) * factor / 100).unwrap_or(UNLIMITED).min(UNLIMITED - 1)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapsText {
    cap: Vec<CapText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapText {
    bic: String,
    currency: String,
    net_debit_cap: String,
}

fn lines_of_toml(text: &str) -> Result<Vec<CapText>, String> {
    let read: Result<CapsText, _> = toml::from_str(text);
    read.map(|file| file.cap).map_err(|error| error.to_string())
}

fn lines_of_csv(text: &str) -> Result<Vec<CapText>, String> {
    let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let line = |(line, number): (&str, u64)| {
        let fields: Vec<_> = line.split(',').map(|field| field.trim().to_owned()).collect();
        match <[String; 3]>::try_from(fields) {
            Ok([bic, currency, net_debit_cap]) => Ok(CapText { bic, currency, net_debit_cap }),
            Err(_) => Err(format!("line {number}: not BIC,CURRENCY,CAP: {line}")),
        }
    };
    // A heading is a line as any other, and would be no BIC.
    lines.filter(|(line, _)| !line.to_ascii_lowercase().starts_with("bic,")).map(line).collect()
}

fn caps_of(lines: &[CapText]) -> Result<BTreeMap<(Bic, Currency), u64>, String> {
    let mut caps = BTreeMap::new();
    for line in lines {
        let CapText { bic, currency, net_debit_cap } = line;
        let wrong = |what: &str| format!("{bic} {currency} {net_debit_cap}: {what}");
        let bic = Bic::parse(bic).map_err(|error| wrong(&error.to_string()))?;
        let currency = Currency::from_code(currency).ok_or_else(|| wrong("no such currency"))?;
        let cap = match net_debit_cap.as_str() {
            "unlimited" => UNLIMITED,
            text => match Amount::from_decimal(text, currency) {
                Ok(amount) => amount.minor(),
                // Zero is no amount, but a cap.
                Err(AmountError::Zero) => 0,
                Err(error) => return Err(wrong(&error.to_string())),
            },
        };
        if caps.insert((bic, currency), cap).is_some() {
            return Err(wrong("named twice"));
        }
    }
    if caps.is_empty() { Err("it names no cap".to_owned()) } else { Ok(caps) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(lines: Result<Vec<CapText>, String>) -> Result<Vec<(String, u64)>, String> {
        let caps = caps_of(&lines?)?;
        Ok(caps.iter().map(|((bic, currency), cap)| (format!("{bic} {currency}"), *cap)).collect())
    }

    #[test]
    fn caps_are_read_from_both_forms() {
        let toml = "[[cap]]\nbic = \"BNKAXXAA\"\ncurrency = \"EUR\"\nnet_debit_cap = \"12.50\"\n\
                    [[cap]]\nbic = \"BNKBXXAAXXX\"\ncurrency = \"JPY\"\nnet_debit_cap = \"unlimited\"\n";
        let csv = "bic,currency,cap\n# the others stay\nBNKAXXAA, EUR, 12.50\n\nBNKBXXAAXXX,JPY,unlimited\n";
        let both = vec![("BNKAXXAAXXX EUR".to_owned(), 1_250), ("BNKBXXAAXXX JPY".to_owned(), UNLIMITED)];
        assert_eq!(caps(lines_of_toml(toml)), Ok(both.clone()));
        assert_eq!(caps(lines_of_csv(csv)), Ok(both));
        assert_eq!(caps(lines_of_csv("BNKAXXAA,EUR,0.00")), Ok(vec![("BNKAXXAAXXX EUR".to_owned(), 0)]));
    }

    #[test]
    fn a_cap_that_can_not_be_meant_is_named() {
        let rows = [
            ("", "names no cap"),
            ("BNKAXXAA,EUR", "line 1"),
            ("BNKA,EUR,1.00", "BNKA EUR 1.00"),
            ("BNKAXXAA,XXY,1.00", "no such currency"),
            ("BNKAXXAA,EUR,1.005", "1.005"),
            ("BNKAXXAA,EUR,-1.00", "-1.00"),
            ("BNKAXXAA,EUR,1.00\nBNKAXXAAXXX,EUR,2.00", "twice"),
        ];
        for (text, words) in rows {
            let fault = caps(lines_of_csv(text)).expect_err(text);
            assert!(fault.contains(words), "{text:?}: {fault}");
        }
    }

    #[test]
    fn limits_scale_down_to_whole_minor_units_and_none_stays_none() {
        let rows = [
            (1_000, 10, 1_100),
            (1_000, -25, 750),
            (999, -50, 499),
            (1_000, -100, 0),
            (UNLIMITED, -50, UNLIMITED),
            (UNLIMITED - 1, 100, UNLIMITED - 1),
        ];
        for (limit, percent, expected) in rows {
            assert_eq!(scaled(limit, percent), expected, "{limit} {percent:+} %");
        }
        for text in ["+10%", "10", "10%"] {
            assert!(matches!(Question::liquidity(text), Ok(Question::Liquidity(10))), "{text}");
        }
        for text in ["", "%", "-101%", "1.5%", "100000", "ten"] {
            assert!(Question::liquidity(text).is_err(), "{text}");
        }
    }
}
