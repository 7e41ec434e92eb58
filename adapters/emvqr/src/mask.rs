//! What may be shown of a text: runs of digits that could be a card number lose all but their last four.
//!
//! Merchant accounts of card networks are card numbers too, so every `Debug` of this crate goes through here.

use std::fmt;

use crate::limits::PAN_DIGITS_MIN;

const SHOWN: usize = 4;

/// Shows a text with each run of eight or more digits masked but for its last four.
#[derive(Clone, Copy)]
pub(crate) struct Masked<'a>(pub(crate) &'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (run, behind) = rest.split_at(digits);
            let hidden = if digits < PAN_DIGITS_MIN { 0 } else { digits.saturating_sub(SHOWN) };
            (0..hidden).try_for_each(|_| out.write_str("*"))?;
            out.write_str(run.get(hidden..).unwrap_or_default())?;
            let other = behind.find(|sign: char| sign.is_ascii_digit()).unwrap_or(behind.len());
            let (text, next) = behind.split_at(other);
            write!(out, "{}", text.escape_debug())?;
            rest = next;
        }
        Ok(())
    }
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Masked;

    #[test]
    fn long_runs_of_digits_keep_their_last_four() {
        let shown = |text| Masked(text).to_string();
        assert_eq!(shown("4000123456789012"), "************9012");
        assert_eq!(shown("A1234567B12345678C"), "A1234567B****5678C");
        assert_eq!(shown("演示 22\n"), "演示 22\\n");
        assert_eq!(shown(""), "");
    }
}
