//! Numbers in a path or a query: digits as they are shown, and nothing else. What `FromStr` takes besides, a sign or zeros
//! before, would be a second name of the same thing.

use std::str::FromStr;

use serde::Deserialize;

use crate::problem::{Outcome, Problem};

/// A number of a query, as its text.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Digits(String);

impl Digits {
    /// What it says; `field` is the parameter's name.
    pub(crate) fn read<T: FromStr>(&self, field: &'static str) -> Outcome<T> {
        read(&self.0, field)
    }
}

/// A number that may be missing.
pub(crate) fn optional<T: FromStr>(digits: Option<&Digits>, field: &'static str) -> Outcome<Option<T>> {
    digits.map(|digits| digits.read(field)).transpose()
}

/// The number that a text says.
pub(crate) fn read<T: FromStr>(text: &str, field: &'static str) -> Outcome<T> {
    strict(text)
        .ok_or_else(|| Problem::parameter(field, "a whole number in digits, without sign or zeros before it"))
}

/// The same where it is no problem.
pub(crate) fn strict<T: FromStr>(text: &str) -> Option<T> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;

    #[test]
    fn a_number_has_one_writing() {
        for (text, number) in [("0", 0), ("7", 7), ("10", 10), ("18446744073709551615", u64::MAX)] {
            assert_eq!(strict(text), Some(number));
        }
        for text in ["", "+1", "-0", "00", "01", " 1", "1 ", "1.0", "1e3", "0x1", "١", "18446744073709551616"]
        {
            assert_eq!(strict::<u64>(text), None, "{text}");
        }
        let place = read::<u64>("+1", "cycle").expect_err("refused").place.clone();
        assert_eq!(place, Some(Place::Parameter("cycle".to_owned())));
    }
}
