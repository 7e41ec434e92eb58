//! Why bytes are no message, or values none that can be written. Never holds a byte of the message itself.

/// A refusal; `field` is 0 for the MTI and 1 for the bitmap, `offset` counts bytes from the MTI's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end inside the field.
    #[error("field {field}: truncated at byte {offset}, {needed} needed, {have} there")]
    Truncated { field: u8, offset: usize, needed: usize, have: usize },
    /// Bytes follow the last announced field.
    #[error("{bytes} trailing bytes at byte {offset}")]
    Trailing { offset: usize, bytes: usize },
    /// More than [`crate::limits::MESSAGE_BYTES_MAX`].
    #[error("{bytes} bytes are more than a message may have")]
    MessageTooLong { bytes: usize },
    /// The MTI isn't four digits in the table's encoding.
    #[error("the MTI is not four digits")]
    MtiNotNumeric { offset: usize },
    /// A bitmap in hexadecimal characters has another character.
    #[error("the bitmap is not hexadecimal at byte {offset}")]
    BitmapNotHex { offset: usize },
    /// The bitmap announces a field that the table doesn't have.
    #[error("field {field} at byte {offset} is not in the table")]
    UnknownField { field: u8, offset: usize },
    /// The length in front of the field isn't decimal.
    #[error("field {field}: the length at byte {offset} is not decimal")]
    LengthNotNumeric { field: u8, offset: usize },
    /// The length in front of the field is above the table's.
    #[error("field {field}: length {length} at byte {offset} exceeds {max}")]
    TooLong { field: u8, offset: usize, length: usize, max: usize },
    /// A numeric field has something else than digits.
    #[error("field {field}: not numeric at byte {offset}")]
    NotNumeric { field: u8, offset: usize },
    /// A track has something else than digits and separators.
    #[error("field {field}: no track character at byte {offset}")]
    NotTrack { field: u8, offset: usize },
    /// A signed amount begins with something else than C or D.
    #[error("field {field}: no sign C or D at byte {offset}")]
    NoSign { field: u8, offset: usize },
    /// The value is no date, time, currency or key as the field's meaning wants.
    #[error("field {field}: the value at byte {offset} has no such meaning")]
    NoSuchValue { field: u8, offset: usize },
    /// A value to be written has not the fixed length, or not the kind, of its field.
    #[error("field {field}: the value does not fit the field")]
    DoesNotFit { field: u8 },
    /// There is no MAC, or it isn't in the last field.
    #[error("no MAC in field 64 or 128")]
    NoMac,
    /// The MAC is another one than computed.
    #[error("field {field}: the MAC differs")]
    MacDiffers { field: u8 },
}

/// Why bytes are no frame or header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length header is not four digits.
    #[error("the length header is not decimal")]
    LengthNotNumeric,
    /// A length of nothing.
    #[error("the length header announces an empty message")]
    Empty,
    /// A length beyond the bound.
    #[error("the length header announces {length} bytes, {max} are allowed")]
    TooLong { length: u64, max: usize },
    /// The header is shorter than it must be.
    #[error("the header needs {needed} bytes, {have} are there")]
    Truncated { needed: usize, have: usize },
    /// The interchange header doesn't begin with its own length, 0x2E.
    #[error("the header's length is {0:#04x}, not 0x2e")]
    HeaderLength(u8),
    /// A part of the header isn't decimal.
    #[error("the header is not decimal at byte {offset}")]
    NotDecimal { offset: usize },
    /// The interchange header's total length is not that of the frame.
    #[error("the header says {said} bytes, the frame has {have}")]
    TotalLength { said: usize, have: usize },
}
