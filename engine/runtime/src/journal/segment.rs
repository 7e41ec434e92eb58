//! Segments as files: their names, and making new ones ahead of need.
//!
//! A spare is made aside (`journal/spare-N.new`), reserved, filled with zeros and synced, and gets its number
//! only when the writer needs it. So a numbered file is always complete, writing into one can't run out of
//! space, and its existence proves that the segment before it is finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::JOURNAL_DIRECTORY;
use crate::storage::aligned::AlignedBuffer;
use crate::storage::{ASIDE_SUFFIX, Access, BLOCK_BYTES, Storage, StorageFault, StorageFile};

const SUFFIX: &str = ".fqj";
/// Zeros written at a time into a new segment.
const FILL_BYTES: usize = 1 << 20;

/// The file of segment `number`, which counts from 1.
pub(super) fn path_of(number: u32) -> String {
    format!("{JOURNAL_DIRECTORY}/{number:010}{SUFFIX}")
}

/// The number in a segment's file name; none for any other name.
pub(super) fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(SUFFIX)?;
    let is_plain = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_plain && *number > 0)
}

/// How a spare is made ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spare {
    /// Reserved and filled with zeros: a sync into it need not note that a part is in use now, and takes least.
    Filled,
    /// Reserved only, reading as zeros: where the disk has no time to write everything twice.
    Reserved,
}

/// A reserved, synced file that reads as zeros and has no number yet.
#[derive(Debug)]
pub struct SpareSegment<F> {
    pub(super) file: Arc<F>,
    pub(super) path: String,
    pub(super) bytes: u32,
}

/// Makes spares. Its clones may work on other threads than the journal's.
#[derive(Clone, Debug)]
pub struct SparePreparer<S> {
    storage: S,
    segment_bytes: u32,
    /// Numbers the names aside, so that no two spares ever share one.
    made: Arc<AtomicU32>,
}

impl<S: Storage> SparePreparer<S> {
    pub(super) fn new(storage: S, segment_bytes: u32) -> Self {
        Self { storage, segment_bytes, made: Arc::new(AtomicU32::new(0)) }
    }

    /// Makes a spare; offer it to [`super::Journal::offer_spare`].
    ///
    /// # Errors
    /// The storage's faults, above all [`StorageFault::is_no_space`]. The file aside is removed then, so the
    /// fault harms nothing: none of the journal's own files was touched.
    pub fn prepare(&self, how: Spare) -> Result<SpareSegment<S::File>, StorageFault> {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        let path = format!("{JOURNAL_DIRECTORY}/spare-{made}{ASIDE_SUFFIX}");
        let filled = self.fill(&path, how);
        if filled.is_err() {
            // The fault itself is reported; a leftover is removed at the next start.
            let _ = self.storage.remove(&path);
        }
        Ok(SpareSegment { file: Arc::new(filled?), path, bytes: self.segment_bytes })
    }

    fn fill(&self, path: &str, how: Spare) -> Result<S::File, StorageFault> {
        let file = self.storage.create(path, Access::Direct)?;
        let length = u64::from(self.segment_bytes);
        file.allocate(length)?;
        let zeros = AlignedBuffer::zeroed(FILL_BYTES.min(self.segment_bytes as usize));
        let mut at = if how == Spare::Filled { 0 } else { length };
        while at < length {
            let part = (length - at).min(zeros.len() as u64);
            let part_bytes = usize::try_from(part).unwrap_or(BLOCK_BYTES);
            file.write_at(at, &zeros[..part_bytes])?;
            at += part;
        }
        file.sync_data()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_ten_digits_and_nothing_else_is_a_segment() {
        assert_eq!(path_of(42), "journal/0000000042.fqj");
        assert_eq!(number_of("0000000042.fqj"), Some(42));
        for name in ["0000000000.fqj", "42.fqj", "+000000042.fqj", "0000000042.fqj.new", "spare-0.new"] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
