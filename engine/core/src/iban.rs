//! International bank account numbers: one kind of alias. Source: ISO 13616-1:2020, check digits ISO/IEC 7064 MOD 97-10.

/// Whether `text` (no spaces, upper case) has the shape of an IBAN and right check digits.
///
/// National lengths are not checked: the register changes more often than this file.
#[must_use]
pub fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_shape = (15..=34).contains(&bytes.len())
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().skip(2).take(2).all(u8::is_ascii_digit)
        && bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !has_shape {
        return false;
    }
    let rotated = bytes.iter().skip(4).chain(bytes.iter().take(4));
    let remainder = rotated.fold(0_u32, |remainder, byte| {
        let value = char::from(*byte).to_digit(36).unwrap_or(0);
        let shift = if value > 9 { 100_u32 } else { 10 };
        remainder.wrapping_mul(shift).wrapping_add(value) % 97
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::is_iban;

    #[test]
    fn check_digits_and_shape_decide() {
        for good in ["DE89370400440532013000", "FR1420041010050500013M02606", "GB29NWBK60161331926819"] {
            assert!(is_iban(good), "{good}");
        }
        for bad in ["", "DE88370400440532013000", "de89370400440532013000", "DE89 3704 0044 0532 0130 00"] {
            assert!(!is_iban(bad), "{bad}");
        }
    }
}
