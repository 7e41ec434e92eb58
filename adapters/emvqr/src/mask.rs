//! What may be shown of a text: runs of digits that could be a card number lose all but their last four.
//!
//! Merchant accounts of card networks are card numbers too, so every `Debug` of this crate goes through here.

use std::fmt;

use crate::limits::PAN_DIGITS_MIN;

const SHOWN: usize = 4;

/// Shows a text with each run of eight or more digits masked but for its last four.
#[derive(Clone, Copy)]
pub(crate) struct Masked<'a>(pub(crate) &'a str);

/// Bytes at the start of `text` that are digits, single blanks and hyphens between them included.
fn run_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = 0_usize;
    while is_digit(end)
        || (end > 0 && matches!(bytes.get(end), Some(b' ' | b'-')) && is_digit(end.saturating_add(1)))
    {
        end = end.saturating_add(1);
    }
    end
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while !rest.is_empty() {
            let (run, behind) = rest.split_at(run_of(rest));
            let digits = run.bytes().filter(u8::is_ascii_digit).count();
            let mut hidden = if digits < PAN_DIGITS_MIN { 0 } else { digits.saturating_sub(SHOWN) };
            for sign in run.chars() {
                let is_hidden = sign.is_ascii_digit() && hidden > 0;
                hidden = hidden.saturating_sub(usize::from(is_hidden));
                write!(out, "{}", if is_hidden { '*' } else { sign })?;
            }
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
        assert_eq!(shown("4000 1234 5678-9012 -1"), "**** **** ****-9012 -1");
        assert_eq!(shown(""), "");
    }
}
