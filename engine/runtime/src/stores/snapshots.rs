//! Snapshots: the engine's whole state after a block, so that a start need not replay everything.
//!
//! Owns the file around the state: which frame and block it belongs to, and its checksum. The state's bytes
//! are the core's. A snapshot is written aside and appears whole; the two newest are kept, so that one that
//! has rotted costs a longer replay, nothing else.

use std::fmt;
use std::sync::Arc;

use feiqian_core::frame::Head;
use feiqian_proof::hash::{Domain, Hash, Hasher};
use parking_lot::Mutex;

use super::StoreFault;
use crate::storage::{ASIDE_SUFFIX, Access, Storage, StorageFault, StorageFile as _, read_whole};

/// The directory of the snapshots in the data directory.
pub const SNAPSHOTS_DIRECTORY: &str = "snapshots";
/// Bytes of one snapshot: bounds what a start reads into memory.
const SNAPSHOT_BYTES_MAX: u64 = 64 << 30;
/// How many are kept.
const KEPT: usize = 2;

const SUFFIX: &str = ".fqs";
const MAGIC: [u8; 8] = *b"FQSNAP01";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 128;
const EPOCH_AT: usize = 12;
const CHAIN_AT: usize = 16;
const HEIGHT_AT: usize = 32;
const SEQUENCE_AT: usize = 40;
const TIMESTAMP_AT: usize = 48;
const LENGTH_AT: usize = 56;
const HEAD_HASH_AT: usize = 64;
const CHECKSUM_AT: usize = 96;

/// Which state a snapshot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotOf {
    /// The block after which it was taken.
    pub height: u64,
    /// The last frame applied; replay goes on behind it.
    pub head: Head,
}

/// A snapshot whose checksum is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Which state it is.
    pub of: SnapshotOf,
    /// The state, in the core's encoding.
    pub state: Vec<u8>,
}

/// Why a snapshot can't be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotFlaw {
    /// It isn't a snapshot of this version, or its length or checksum differs.
    Damaged,
    /// Its name says another height.
    Misnamed,
    /// It can't be read.
    Storage(StorageFault),
}

/// A snapshot file that can't be used, to be reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSnapshot {
    /// The file, relative to the data directory.
    pub file: String,
    /// What is wrong with it.
    pub flaw: SnapshotFlaw,
}

impl fmt::Display for BadSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.flaw {
            SnapshotFlaw::Damaged => write!(f, "snapshot {} is damaged and was not used", self.file),
            SnapshotFlaw::Misnamed => write!(f, "snapshot {} is of another height than its name", self.file),
            SnapshotFlaw::Storage(fault) => write!(f, "snapshot {} can't be read: {fault}", self.file),
        }
    }
}

/// The snapshots of a data directory.
#[derive(Clone, Debug)]
pub struct SnapshotStore<S> {
    storage: S,
    /// Held while one is written: the last at a shutdown waits for one under way.
    writing: Arc<Mutex<()>>,
}

impl<S: Storage> SnapshotStore<S> {
    /// Opens the store, making its directory if there is none, and removes what a crash left aside.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn open(storage: S) -> Result<Self, StoreFault> {
        storage.create_directory(SNAPSHOTS_DIRECTORY)?;
        for name in storage.list(SNAPSHOTS_DIRECTORY)?.iter().filter(|name| name.ends_with(ASIDE_SUFFIX)) {
            storage.remove(&format!("{SNAPSHOTS_DIRECTORY}/{name}"))?;
        }
        storage.sync_directory(SNAPSHOTS_DIRECTORY)?;
        Ok(Self { storage, writing: Arc::default() })
    }

    /// For reading only, beside the store of the process that writes: nothing is made or removed.
    #[must_use]
    pub fn reading(storage: S) -> Self {
        Self { storage, writing: Arc::default() }
    }

    /// Writes a snapshot, durably, and removes all but the two newest. Outcome rows and blocks up to it must
    /// have been synced before.
    ///
    /// # Errors
    /// The storage's faults; then it is there as a whole or not at all.
    pub fn write(&self, of: &SnapshotOf, state: &[u8]) -> Result<(), StoreFault> {
        let _writing = self.writing.lock();
        self.storage.write_parts_atomically(&path_of(of.height), &[&encode(of, state), state])?;
        let heights = self.heights()?;
        for height in heights.iter().skip(KEPT) {
            self.storage.remove(&path_of(*height))?;
        }
        Ok(())
    }

    /// The snapshot of a block.
    ///
    /// # Errors
    /// [`BadSnapshot`] where it is damaged, or not there (any more).
    pub fn read(&self, height: u64) -> Result<Snapshot, BadSnapshot> {
        let file = path_of(height);
        let bytes = read_whole(&self.storage, &file, SNAPSHOT_BYTES_MAX).map_err(SnapshotFlaw::Storage);
        let decoded = bytes.and_then(|bytes| decode(bytes).ok_or(SnapshotFlaw::Damaged));
        let named = decoded.and_then(|snapshot| match snapshot.of.height == height {
            true => Ok(snapshot),
            false => Err(SnapshotFlaw::Misnamed),
        });
        named.map_err(|flaw| BadSnapshot { file, flaw })
    }

    /// All snapshots, newest first, each read when it is asked for.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn newest_first(&self) -> Result<Snapshots<S>, StoreFault> {
        Ok(Snapshots { store: self.clone(), heights: self.heights()?.into_iter() })
    }

    /// The newest snapshot that is good, and the bad ones that were newer.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn newest_valid(&self) -> Result<(Option<Snapshot>, Vec<BadSnapshot>), StoreFault> {
        let mut bad = Vec::new();
        for snapshot in self.newest_first()? {
            match snapshot {
                Ok(good) => return Ok((Some(good), bad)),
                Err(one) => bad.push(one),
            }
        }
        Ok((None, bad))
    }

    /// Bytes of a snapshot's file from `offset` on, at most `bytes_max`, and how long the file is; none if there is no
    /// snapshot of that block (any more).
    ///
    /// # Errors
    /// The storage's faults.
    pub fn bytes(
        &self,
        height: u64,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Option<(Vec<u8>, u64)>, StoreFault> {
        let file = match self.storage.open(&path_of(height), Access::Buffered) {
            Err(fault) if fault.is_absent() => return Ok(None),
            file => file?,
        };
        let length = file.length()?;
        let left = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(bytes_max)];
        file.read_at(offset, &mut bytes)?;
        Ok(Some((bytes, length)))
    }

    /// Heights of the files, newest first.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn heights(&self) -> Result<Vec<u64>, StoreFault> {
        let names = self.storage.list(SNAPSHOTS_DIRECTORY)?;
        let mut heights: Vec<u64> =
            names.iter().filter_map(|name| name.strip_suffix(SUFFIX)?.parse().ok()).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        Ok(heights)
    }
}

/// Snapshots from the newest to the oldest.
#[derive(Debug)]
pub struct Snapshots<S> {
    store: SnapshotStore<S>,
    heights: std::vec::IntoIter<u64>,
}

impl<S: Storage> Iterator for Snapshots<S> {
    type Item = Result<Snapshot, BadSnapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        self.heights.next().map(|height| self.store.read(height))
    }
}

fn path_of(height: u64) -> String {
    format!("{SNAPSHOTS_DIRECTORY}/{height:020}{SUFFIX}")
}

fn encode(of: &SnapshotOf, state: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    header[EPOCH_AT..CHAIN_AT].copy_from_slice(&of.head.epoch.to_le_bytes());
    header[CHAIN_AT..HEIGHT_AT].copy_from_slice(&of.head.chain_id);
    header[HEIGHT_AT..SEQUENCE_AT].copy_from_slice(&of.height.to_le_bytes());
    header[SEQUENCE_AT..TIMESTAMP_AT].copy_from_slice(&of.head.sequence.to_le_bytes());
    header[TIMESTAMP_AT..LENGTH_AT].copy_from_slice(&of.head.timestamp.to_le_bytes());
    header[LENGTH_AT..HEAD_HASH_AT].copy_from_slice(&(state.len() as u64).to_le_bytes());
    header[HEAD_HASH_AT..CHECKSUM_AT].copy_from_slice(&of.head.hash.0);
    let checksum = checksum(&header, state);
    header[CHECKSUM_AT..].copy_from_slice(&checksum.0);
    header
}

/// The snapshot in a file's bytes; none if it is damaged. What it is worth, a block's roots say.
#[must_use]
pub fn decode_snapshot(bytes: Vec<u8>) -> Option<Snapshot> {
    decode(bytes)
}

fn decode(mut bytes: Vec<u8>) -> Option<Snapshot> {
    let header: [u8; HEADER_BYTES] = bytes.first_chunk().copied()?;
    let state = &bytes[HEADER_BYTES..];
    let is_sound = header[..8] == MAGIC
        && header[8..10] == VERSION.to_le_bytes()
        && header[10..EPOCH_AT] == [0; 2]
        && u64::from_le_bytes(field(&header, LENGTH_AT)) == state.len() as u64
        && header[CHECKSUM_AT..] == checksum(&header, state).0;
    if !is_sound {
        return None;
    }
    let head = Head {
        chain_id: field(&header, CHAIN_AT),
        sequence: u64::from_le_bytes(field(&header, SEQUENCE_AT)),
        hash: Hash(field(&header, HEAD_HASH_AT)),
        epoch: u32::from_le_bytes(field(&header, EPOCH_AT)),
        timestamp: u64::from_le_bytes(field(&header, TIMESTAMP_AT)),
    };
    let of = SnapshotOf { height: u64::from_le_bytes(field(&header, HEIGHT_AT)), head };
    bytes.drain(..HEADER_BYTES);
    Some(Snapshot { of, state: bytes })
}

fn checksum(header: &[u8; HEADER_BYTES], state: &[u8]) -> Hash {
    let mut hasher = Hasher::new(Domain::Snapshot);
    hasher.update(&header[..CHECKSUM_AT]).update(state);
    hasher.finish()
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    header[at..].first_chunk::<N>().copied().expect("fields lie within the header")
}
