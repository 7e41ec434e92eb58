//! A sequence of the journal in a request, as JSON Schema calls an integer: `7.0` is one, as with [`super::Seconds`].

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::limits::SEQUENCE_MAX;

/// A sequence, from 1 to [`SEQUENCE_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sequence(u64);

impl Sequence {
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Whole)
    }
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = Sequence;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sequence from 1 to {SEQUENCE_MAX}")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Sequence, E> {
        let is_one = (1..=SEQUENCE_MAX).contains(&value);
        is_one.then_some(Sequence(value)).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Sequence, E> {
        Err(E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Sequence, E> {
        let wrong = || E::invalid_value(Unexpected::Float(value), &Whole);
        // Of what is whole and not negative the digits are read again: no cast of a float.
        let is_whole = (1.0..9.1e15).contains(&value) && value.fract() == 0.0;
        let digits = is_whole.then(|| format!("{value:.0}")).ok_or_else(wrong)?;
        self.visit_u64(digits.parse().map_err(|_| wrong())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_what_json_schema_calls_an_integer_within_bounds() {
        let read = |text: &str| serde_json::from_str::<Sequence>(text).ok().map(Sequence::get);
        for (text, sequence) in [
            ("1", 1),
            ("7.0", 7),
            ("7e2", 700),
            ("9007199254740991", SEQUENCE_MAX),
            ("4503599627370495.0", SEQUENCE_MAX >> 1),
        ] {
            assert_eq!(read(text), Some(sequence), "{text}");
        }
        for text in [
            "0",
            "0.0",
            "-1",
            "1.5",
            "9007199254740992",
            "9007199254740992.0",
            "1e300",
            "\"1\"",
            "null",
            "[1]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
