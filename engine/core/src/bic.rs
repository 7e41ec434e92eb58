//! Business identifier codes: how a participant is named. Source: ISO 9362:2022, ISO 20022 `BICFIDec2014Identifier`.

use core::fmt;

/// A BIC of eleven characters; an eight-character one names the head office and is kept with `XXX`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic([u8; 11]);

/// The text is not `[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotABic;

impl fmt::Display for NotABic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a BIC of 8 or 11 characters (ISO 9362)")
    }
}

impl core::error::Error for NotABic {}

impl Bic {
    /// Reads 8 or 11 characters.
    ///
    /// # Errors
    /// [`NotABic`] for any other length or character.
    pub fn parse(text: &str) -> Result<Self, NotABic> {
        let bytes = text.as_bytes();
        let mut code = *b"XXXXXXXXXXX";
        match bytes.len() {
            8 | 11 => code.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from),
            _ => return Err(NotABic),
        }
        Self::from_bytes(code)
    }

    /// Reads the eleven stored bytes.
    ///
    /// # Errors
    /// [`NotABic`] where a character is out of place.
    pub fn from_bytes(code: [u8; 11]) -> Result<Self, NotABic> {
        let is_country = |at: usize| at == 4 || at == 5;
        let is_valid = code.iter().enumerate().all(|(at, byte)| match byte {
            b'A'..=b'Z' => true,
            b'0'..=b'9' => !is_country(at),
            _ => false,
        });
        if is_valid { Ok(Self(code)) } else { Err(NotABic) }
    }

    /// The eleven characters as stored and sent.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 11] {
        &self.0
    }

    /// The eleven characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every byte was checked to be ASCII.
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl fmt::Display for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_iso_9362_codes_are_bics() {
        for good in ["DEUTDEFF", "DEUTDEFF500", "BNKAXXAAXXX", "1234DE99"] {
            assert!(Bic::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "DEUTDEF", "DEUTDEFF5", "deutdeff", "DEUTD3FF", "DEUTDEFF50é", "DEUTDEFF 00"] {
            assert_eq!(Bic::parse(bad), Err(NotABic), "{bad}");
        }
        assert_eq!(Bic::parse("DEUTDEFF"), Bic::parse("DEUTDEFFXXX"));
    }
}
