//! A number of seconds, as JSON Schema calls an integer: `60.0` is one, and clients whose language knows no other numbers
//! send it. Never an amount.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Seconds(u32);

impl Seconds {
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u32(Whole)
    }
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of seconds from 0 to 4294967295")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Seconds, E> {
        let seconds = u32::try_from(value).map(Seconds);
        seconds.map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Seconds, E> {
        Err(E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Seconds, E> {
        let wrong = || E::invalid_value(Unexpected::Float(value), &self);
        let is_whole = (0.0..=f64::from(u32::MAX)).contains(&value) && value.fract() == 0.0;
        let digits = is_whole.then(|| format!("{:.0}", value.abs())).ok_or_else(wrong)?;
        digits.parse().map(Seconds).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_what_json_schema_calls_an_integer_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Seconds>(text).ok().map(Seconds::get);
        for (text, seconds) in
            [("60", 60), ("60.0", 60), ("6e1", 60), ("0", 0), ("-0", 0), ("4294967295.0", u32::MAX)]
        {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
        for text in
            ["60.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e300", "\"60\"", "null", "true", "[60]"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
