//! Unique end-to-end transaction references: the id of a transfer. Source: ISO 20022 `UUIDv4Identifier`.

use core::fmt;

/// A transfer's 128-bit id. Zero is no id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uetr(u128);

/// The text is not 32 lower-case hexadecimal digits in the groups 8-4-4-4-12, or is all zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAUetr;

impl fmt::Display for NotAUetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a UETR (8-4-4-4-12 hexadecimal digits)")
    }
}

impl core::error::Error for NotAUetr {}

impl Uetr {
    /// The id of 128 bits, most significant digit first as in its text; none for zero.
    #[must_use]
    pub const fn new(bits: u128) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// The 128 bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Reads the canonical text, in either case. The UUID's version is not checked: older messages carry others.
    ///
    /// # Errors
    /// [`NotAUetr`] for any other form.
    pub fn parse(text: &str) -> Result<Self, NotAUetr> {
        if text.len() != 36 {
            return Err(NotAUetr);
        }
        let mut bits: u128 = 0;
        for (at, byte) in text.bytes().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(NotAUetr);
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(NotAUetr)?;
            bits = (bits << 4) | u128::from(digit);
        }
        Self::new(bits).ok_or(NotAUetr)
    }

    /// A version-4-shaped id made of a digest's first 16 bytes: for messages that carry none.
    #[must_use]
    pub const fn from_digest(digest: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(digest);
        let versioned = (bits & !(0xF << 76)) | (0x4 << 76);
        Self((versioned & !(0x3 << 62)) | (0x2 << 62))
    }
}

impl fmt::Display for Uetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xFFFF,
            (bits >> 64) & 0xFFFF,
            (bits >> 48) & 0xFFFF,
            bits & 0xFFFF_FFFF_FFFF
        )
    }
}

impl fmt::Debug for Uetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn the_text_form_round_trips() {
        let text = "dfcd3679-e024-4e98-804a-e04346230aa6";
        assert_eq!(Uetr::parse(text).map(|id| id.to_string()).as_deref(), Ok(text));
        for bad in ["", "dfcd3679e0244e98804ae04346230aa6", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(Uetr::parse(bad), Err(NotAUetr), "{bad}");
        }
    }

    #[test]
    fn a_derived_id_has_the_shape_of_version_4() {
        let text = Uetr::from_digest([0xFF; 16]).to_string();
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
