//! Memory that direct I/O takes: a buffer whose first byte lies on a block boundary.
//!
//! Made without `unsafe` by taking a block more than needed and starting at the first boundary in it. The
//! vector never grows in place, since growing could move it off the boundary.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::BLOCK_BYTES;

/// A buffer of bytes that starts at a multiple of [`BLOCK_BYTES`] in memory.
#[derive(Default)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// A buffer of `length` zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        let mut buffer = Self::default();
        buffer.reset(length);
        buffer
    }

    /// Makes it `length` zeros, in the same memory if that is enough.
    pub fn reset(&mut self, length: usize) {
        self.stretch(length);
        self.fill(0);
    }

    /// Makes it `length` bytes of any content, in the same memory if that is enough: for whoever writes all of them.
    pub fn stretch(&mut self, length: usize) {
        if self.memory.len() < length + BLOCK_BYTES {
            self.memory = vec![0; length + BLOCK_BYTES];
            self.start = self.memory.as_ptr().align_offset(BLOCK_BYTES);
        }
        self.length = length;
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

impl fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBuffer({} bytes)", self.length)
    }
}

/// Whether `bytes` starts on a block boundary in memory.
#[must_use]
pub fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().align_offset(BLOCK_BYTES) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_stay_on_the_boundary_and_come_back_zeroed() {
        let mut buffer = AlignedBuffer::default();
        for length in [4096, 100, 1 << 20, 0, 8192, 3 << 20] {
            buffer.reset(length);
            assert!(is_aligned(&buffer) && buffer.len() == length);
            assert!(buffer.iter().all(|byte| *byte == 0));
            buffer.fill(0xFF);
            let moved = buffer;
            assert!(is_aligned(&moved));
            buffer = moved;
        }
    }
}
