//! Conversions between handles and indices. On the 64-bit targets that the engine supports they are free;
//! elsewhere an index out of range finds nothing.

/// A handle or count as an index.
#[inline]
#[must_use]
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A length as a number.
#[inline]
#[must_use]
pub(crate) fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A length as a number of 32 bits; every list that this is used for is bounded below.
#[inline]
#[must_use]
pub(crate) fn number32(length: usize) -> u32 {
    u32::try_from(length).expect("bounded by limits.rs below 2^32")
}
