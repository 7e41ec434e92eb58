//! The board on which the shards write about one frame: the machine's [`Exchange`].
//!
//! Votes, rows and links are plain relaxed stores to memory that one shard alone writes; the release of a
//! progress counter (each on a cache line of its own) is what makes them visible.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use crossbeam::utils::CachePadded;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::shard::{Exchange, IdWord, Side};
use zerocopy::{FromZeros as _, IntoBytes as _};

/// One shard's column.
#[derive(Debug)]
struct Column {
    progress: CachePadded<AtomicUsize>,
    ids: OnceLock<IdWord>,
    objections: Vec<AtomicU8>,
}

/// A board for the entries of one frame.
#[derive(Debug)]
pub(crate) struct Board {
    columns: Vec<Column>,
    /// Four words of eight bytes a row.
    rows: Vec<[AtomicU64; 4]>,
}

impl Board {
    pub(crate) fn new(shards: usize, entries: usize) -> Self {
        let column = || Column {
            progress: CachePadded::default(),
            ids: OnceLock::new(),
            objections: (0..entries).map(|_| AtomicU8::new(0)).collect(),
        };
        Self {
            columns: (0..shards).map(|_| column()).collect(),
            rows: (0..entries).map(|_| [const { AtomicU64::new(0) }; 4]).collect(),
        }
    }

    /// The rows, once all shards are done; the caller has synchronised with each of them.
    pub(crate) fn rows(&self) -> Vec<OutcomeRow> {
        let mut rows = Vec::with_capacity(self.rows.len());
        for words in &self.rows {
            let mut row = OutcomeRow::new_zeroed();
            let words = [0, 1, 2, 3].map(|at: usize| words[at].load(Ordering::Relaxed).to_le_bytes());
            row.as_mut_bytes().copy_from_slice(words.as_flattened());
            rows.push(row);
        }
        rows
    }

    fn column(&self, shard: u64) -> &Column {
        &self.columns[usize::try_from(shard).expect("at most 64 shards")]
    }
}

impl Exchange for Board {
    fn give_ids(&self, shard: u64, word: IdWord) {
        self.column(shard).ids.set(word).expect("a shard gives its ids once");
    }

    fn ids_of(&self, shard: u64) -> Option<&IdWord> {
        self.column(shard).ids.get()
    }

    fn object(&self, shard: u64, at: usize, reason: u8) {
        self.column(shard).objections[at].store(reason, Ordering::Relaxed);
    }

    fn objection_of(&self, shard: u64, at: usize) -> u8 {
        self.column(shard).objections[at].load(Ordering::Relaxed)
    }

    fn publish(&self, shard: u64, progress: usize) {
        self.column(shard).progress.store(progress, Ordering::Release);
    }

    fn progress_of(&self, shard: u64) -> usize {
        self.column(shard).progress.load(Ordering::Acquire)
    }

    fn answer(&self, at: usize, row: &OutcomeRow) {
        let words = row.as_bytes().as_chunks::<8>().0;
        self.rows[at][0].store(u64::from_le_bytes(words[0]), Ordering::Relaxed);
        self.rows[at][1].store(u64::from_le_bytes(words[1]), Ordering::Relaxed);
    }

    fn link(&self, at: usize, side: Side, previous: u64) {
        let word = match side {
            Side::Debtor => 2,
            Side::Creditor => 3,
        };
        self.rows[at][word].store(previous, Ordering::Relaxed);
    }
}
