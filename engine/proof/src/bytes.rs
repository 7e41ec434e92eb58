//! Fixed little-endian layouts, read and written front to back.
//!
//! Every layout of this crate goes through here, so none has an offset of its own to get wrong. A layout's
//! size is known before: running out of bytes is a bug, not an input error.

/// Writes fields one after another into `N` bytes.
pub(crate) struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], at: 0 }
    }

    // By reference: a writer that goes from hand to hand is copied at each field.
    #[inline]
    pub(crate) fn put(&mut self, field: &[u8]) -> &mut Self {
        self.bytes[self.at..self.at + field.len()].copy_from_slice(field);
        self.at += field.len();
        self
    }

    #[inline]
    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    #[inline]
    pub(crate) const fn zeros(&mut self, count: usize) -> &mut Self {
        self.at += count;
        self
    }

    /// The bytes, all of them written.
    #[inline]
    pub(crate) fn finish(&self) -> [u8; N] {
        assert!(self.at == N, "a layout fills its bytes exactly");
        self.bytes
    }
}

/// Reads fields one after another.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes, or none if fewer are left.
    pub(crate) fn slice(&mut self, count: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(field)
    }

    pub(crate) fn array<const M: usize>(&mut self) -> Option<[u8; M]> {
        let (field, rest) = self.rest.split_first_chunk::<M>()?;
        self.rest = rest;
        Some(*field)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Passes over `count` bytes that must be zero; none if one is not, or fewer are left.
    pub(crate) fn zeros(&mut self, count: usize) -> Option<()> {
        self.slice(count)?.iter().all(|byte| *byte == 0).then_some(())
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}
