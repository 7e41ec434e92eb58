//! How much of a payload is read before it is refused (I6). Every bound of the codec stands here, with its reason.
//!
//! Nothing in this crate may buffer, count or nest beyond these numbers.

/// Bytes of a payload as text. ISO/IEC 18004: version 40 with correction level L holds 2,953 bytes, so a longer text
/// never came out of a picture.
pub const PAYLOAD_BYTES_MAX: usize = 2_953;
/// Characters of a merchant-presented payload. EMV QRCPS MPM: it should not exceed 512 characters; national
/// schemes do, so only [`crate::mpm::Profile::Emvco`] refuses more.
pub const PAYLOAD_CHARS_MAX: usize = 512;
/// Characters of one merchant-presented value: its length has two digits.
pub const VALUE_CHARS_MAX: usize = 99;
/// Data objects of one consumer-presented template. EMV QRCPS CPM names 17; issuers add a few of their own.
pub const OBJECTS_MAX: usize = 64;
/// Application templates of one consumer-presented payload. A wallet offers a handful of brands.
pub const APPLICATIONS_MAX: usize = 16;
/// Templates inside one another. The standard nests two (61 with 63, 62 with 64); issuer data may add two more.
pub const DEPTH_MAX: usize = 4;
/// Bytes of a BER tag. EMV uses up to three.
pub const TAG_BYTES_MAX: usize = 3;
/// Tolerated deviations that are kept of one payload; the first few say enough.
pub const DEVIATIONS_MAX: usize = 16;
/// Digits of a card number, ISO/IEC 7812-1.
pub const PAN_DIGITS_MAX: usize = 19;
/// The least that an issuer's number, an account and a check digit take, ISO/IEC 7812-1.
pub const PAN_DIGITS_MIN: usize = 8;
/// Light modules around a picture, ISO/IEC 18004.
pub const QUIET_MODULES: usize = 4;
/// Pixels of one module of a PNG. 32 make a poster of six thousand pixels out of the largest code.
pub const SCALE_MAX: usize = 32;
/// Pixels of a picture that is scanned: a photograph of 12 megapixels. They are held as one byte each.
pub const SCAN_PIXELS_MAX: usize = 12 << 20;

const _: () = assert!(PAYLOAD_CHARS_MAX <= PAYLOAD_BYTES_MAX && PAYLOAD_BYTES_MAX <= 0xFFFF);
const _: () = assert!(VALUE_CHARS_MAX * 4 <= PAYLOAD_BYTES_MAX);
