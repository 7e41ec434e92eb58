//! Reading and writing the versioned byte forms of commands and snapshots: little endian, lengths first,
//! every read bounded. Owns no layout itself.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The bytes end too early, a length is out of bounds, or a value has no meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes end too early or hold a value without meaning")
    }
}

impl core::error::Error for Malformed {}

/// Writes values one after the other.
#[derive(Default, Debug)]
pub struct Encoder(pub Vec<u8>);

impl Encoder {
    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Sixteen bytes.
    pub fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Sixteen bytes, two's complement.
    pub fn i128(&mut self, value: i128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    /// A count of what follows.
    ///
    /// # Panics
    /// Over 2^32: every list of the core is bounded far below.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).expect("lists are bounded below 2^32"));
    }
    /// A length and its bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }
}

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// A reader of all of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Malformed`] at the end; likewise for all that follow.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (value, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*value)
    }
    /// One byte.
    ///
    /// # Errors
    /// See [`Decoder::array`].
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[value]| value)
    }
    /// Two bytes.
    ///
    /// # Errors
    /// See [`Decoder::array`].
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }
    /// Four bytes.
    ///
    /// # Errors
    /// See [`Decoder::array`].
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }
    /// Eight bytes.
    ///
    /// # Errors
    /// See [`Decoder::array`].
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }
    /// Sixteen bytes.
    ///
    /// # Errors
    /// See [`Decoder::array`].
    pub fn u128(&mut self) -> Result<u128, Malformed> {
        self.array().map(u128::from_le_bytes)
    }
    /// Sixteen bytes, two's complement.
    ///
    /// # Errors
    /// See [`Decoder::array`].
    pub fn i128(&mut self) -> Result<i128, Malformed> {
        self.array().map(i128::from_le_bytes)
    }
    /// A byte that is 0 or 1.
    ///
    /// # Errors
    /// [`Malformed`] for any other.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
    /// A count that is at most `max`.
    ///
    /// # Errors
    /// [`Malformed`] above it.
    pub fn count(&mut self, max: usize) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).ok().filter(|count| *count <= max).ok_or(Malformed)
    }
    /// A length of at most `max`, and its bytes.
    ///
    /// # Errors
    /// [`Malformed`] above it or at the end.
    pub fn bytes(&mut self, max: usize) -> Result<&'a [u8], Malformed> {
        let length = self.count(max)?;
        let (value, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(value)
    }
    /// A length of at most `max`, and its UTF-8.
    ///
    /// # Errors
    /// [`Malformed`] above it, at the end, or where the bytes are no text.
    pub fn text(&mut self, max: usize) -> Result<String, Malformed> {
        core::str::from_utf8(self.bytes(max)?).map(String::from).map_err(|_| Malformed)
    }
    /// Ends the reading: nothing may be left.
    ///
    /// # Errors
    /// [`Malformed`] if something is.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
    /// What is not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}
