//! Where sequence numbers lie: a sparse index in memory, shared by the writer and its readers.
//!
//! Owns one entry per 64 KiB of journal at most (16 bytes each: a terabyte of journal takes 256 MiB) and the
//! durable head. It is derived, never stored, and never names anything that is not durable.

use std::sync::Arc;

use feiqian_core::frame::Head;
use parking_lot::RwLock;

/// Journal bytes between two entries, at least.
const STRIDE_BYTES: u32 = 64 << 10;

/// Where a frame begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) first_sequence: u64,
    pub(super) segment: u32,
    pub(super) offset: u32,
}

#[derive(Debug)]
struct Table {
    /// Ascending by sequence, segment and offset alike.
    entries: Vec<Entry>,
    head: Head,
}

/// The index; clones are the same index.
#[derive(Clone, Debug)]
pub(super) struct Index(Arc<RwLock<Table>>);

impl Index {
    pub(super) fn new(head: Head) -> Self {
        Self(Arc::new(RwLock::new(Table { entries: Vec::new(), head })))
    }

    /// Takes frames that have become durable, and the head that they lead to.
    pub(super) fn extend(&self, frames: impl IntoIterator<Item = Entry>, head: Head) {
        let mut table = self.0.write();
        for frame in frames {
            let is_far = table.entries.last().is_none_or(|last| {
                last.segment != frame.segment || frame.offset - last.offset >= STRIDE_BYTES
            });
            if is_far {
                table.entries.push(frame);
            }
        }
        table.head = head;
    }

    pub(super) fn head(&self) -> Head {
        self.0.read().head
    }

    /// The last entry at or before `sequence`.
    pub(super) fn before(&self, sequence: u64) -> Option<Entry> {
        let table = self.0.read();
        let after = table.entries.partition_point(|entry| entry.first_sequence <= sequence);
        after.checked_sub(1).map(|at| table.entries[at])
    }
}
