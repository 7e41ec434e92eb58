//! What a message may cost, with reasons.

/// Bytes of one message behind its length header. A four-digit header can't announce more than 9,999; the largest
/// field is 999 bytes, and no network sends sixteen of them.
pub const MESSAGE_BYTES_MAX: usize = 16_384;

/// Field numbers go to 128: two bitmaps. The third of the 2003 edition is refused.
pub const FIELDS: usize = 128;

/// Digits of a card number (ISO/IEC 7812-1).
pub const PAN_DIGITS_MIN: usize = 12;
/// Digits of a card number at most: what field 2 holds.
pub const PAN_DIGITS_MAX: usize = 19;

/// Bytes of a TOML field table; the largest built-in one has 3 KiB.
pub const SPEC_BYTES_MAX: usize = 65_536;

// Spans are kept as 16-bit offsets.
const _: () = assert!(MESSAGE_BYTES_MAX <= u16::MAX as usize);
