//! Tiles: the log's tree and entries as files of 256 each, which any web server can serve. Source: c2sp.org/tlog-tiles.
//!
//! Owns the names, the bytes, the right edge that a log grows by, and proofs made from tiles. A tile of level `l`
//! holds the roots over full tiles of level `l - 1`; those of level 0 the entries' hashes. Whoever makes a proof
//! fetches the tiles: nothing here reads a file.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::consistency::{consistency_path_by, left_size};
use crate::hash::{HASH_BYTES, Hash};
use crate::inclusion::inclusion_path_by;
use crate::log::{empty_root, node_hash};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Rows of the tree from a tile's hashes up to its root.
const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();
/// Levels that a log of fewer than 2^64 entries can have.
pub const TILE_LEVELS: u32 = u64::BITS / TILE_HEIGHT;
/// Bytes of an entry at the most: its length stands in 16 bits.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// What a file of the log holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stack {
    /// Hashes of this level, 0 to 7.
    Level(u32),
    /// The entries.
    Entries,
}

/// Which file: a tile or a bundle of entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TileId {
    /// What it holds.
    pub stack: Stack,
    /// Its place among those of its stack, from 0.
    pub index: u64,
    /// Hashes or entries in it, 1 to [`TILE_WIDTH`]; fewer than that only at the log's right edge.
    pub width: u64,
}

/// Bytes that are no tile or bundle of this width.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadTile(pub TileId);

impl TileId {
    /// The tile or bundle at `index` of a stack in a log of `size` entries, as wide as it is there; none if it would be
    /// empty.
    #[must_use]
    pub fn in_log(stack: Stack, index: u64, size: u64) -> Option<Self> {
        let level = match stack {
            Stack::Entries => 0,
            Stack::Level(level) if level < TILE_LEVELS => level,
            Stack::Level(_) => return None,
        };
        let before = index.checked_mul(TILE_WIDTH)?;
        let width = (size >> (TILE_HEIGHT * level)).checked_sub(before)?.min(TILE_WIDTH);
        (width > 0).then_some(Self { stack, index, width })
    }

    /// Whether nothing can be added to it.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The directory that holds the partial ones of this place: the path of the full one, and `.p`.
    #[must_use]
    pub fn partial_directory(&self) -> String {
        format!("{}.p", Self { width: TILE_WIDTH, ..*self })
    }

    /// Reads a path as [`TileId`] shows it; no other text.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (stack, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let stack = match stack {
            "entries" => Stack::Entries,
            level => Stack::Level(level.parse().ok().filter(|level| *level < TILE_LEVELS)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok().filter(|width| *width < TILE_WIDTH)?),
            None => (rest, TILE_WIDTH),
        };
        let mut number = 0u64;
        for element in index.split('/') {
            let digits = element.strip_prefix('x').unwrap_or(element);
            number = number.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        }
        let id = Self { stack, index: number, width };
        // One path for one tile: what is shown otherwise is not its path.
        (width > 0 && format!("{id}") == path).then_some(id)
    }
}

/// The path below the log's prefix: `tile/0/x001/x234/067.p/8`, `tile/entries/000`.
impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stack {
            Stack::Level(level) => write!(f, "tile/{level}/")?,
            Stack::Entries => f.write_str("tile/entries/")?,
        }
        let mut thousands = Vec::new();
        let mut rest = self.index;
        while rest >= 1_000 {
            thousands.push(rest % 1_000);
            rest /= 1_000;
        }
        thousands.push(rest);
        for element in thousands.iter().skip(1).rev() {
            write!(f, "x{element:03}/")?;
        }
        write!(f, "{:03}", thousands[0])?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl fmt::Display for BadTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not what its name says", self.0)
    }
}

impl core::error::Error for BadTile {}

/// The bytes of a tile: its hashes, one behind the other.
#[must_use]
pub fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile.
///
/// # Errors
/// [`BadTile`] for bytes of another length than its width says.
pub fn decode_tile(id: TileId, bytes: &[u8]) -> Result<Vec<Hash>, BadTile> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() || hashes.len() as u64 != id.width {
        return Err(BadTile(id));
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// Appends an entry to a bundle: its length as a big-endian u16, and its bytes.
///
/// # Panics
/// If it is longer than [`ENTRY_BYTES_MAX`].
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).expect("an entry's length fits in 16 bits");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle.
///
/// # Errors
/// [`BadTile`] for bytes that are not as many entries as its width says.
pub fn decode_bundle(id: TileId, mut bytes: &[u8]) -> Result<Vec<&[u8]>, BadTile> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>().ok_or(BadTile(id))?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(BadTile(id))?;
        entries.push(entry);
        bytes = rest;
        if entries.len() as u64 > id.width {
            return Err(BadTile(id));
        }
    }
    if entries.len() as u64 == id.width { Ok(entries) } else { Err(BadTile(id)) }
}

/// The right edge of a log: the unfinished tile of each level, all that is needed to go on and to know the root.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// By level, the hashes of the tile that is not full, which may be none.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a log of `size` entries, from its partial tiles.
    ///
    /// # Errors
    /// What `read` answers.
    ///
    /// # Panics
    /// If `read` gives another number of hashes than the tile's width.
    pub fn load<E>(size: u64, mut read: impl FnMut(TileId) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut levels = Vec::new();
        for level in (0..TILE_LEVELS).take_while(|level| size >> (TILE_HEIGHT * level) > 0) {
            let index = size >> (TILE_HEIGHT * level) >> TILE_HEIGHT;
            let hashes = match TileId::in_log(Stack::Level(level), index, size) {
                Some(id) => {
                    let hashes = read(id)?;
                    assert!(hashes.len() as u64 == id.width, "a tile is as wide as its name says");
                    hashes
                }
                None => Vec::new(),
            };
            levels.push(hashes);
        }
        Ok(Self { size, levels })
    }

    /// Entries in the log.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The unfinished tile of a level with its hashes, if it has any.
    #[must_use]
    pub fn partial(&self, level: u32) -> Option<(TileId, &[Hash])> {
        let hashes = self.levels.get(level as usize).filter(|hashes| !hashes.is_empty())?;
        let index = self.size >> (TILE_HEIGHT * level) >> TILE_HEIGHT;
        Some((TileId { stack: Stack::Level(level), index, width: hashes.len() as u64 }, hashes))
    }

    /// Levels that the log has begun.
    #[must_use]
    pub fn levels(&self) -> u32 {
        u32::try_from(self.levels.len()).unwrap_or(TILE_LEVELS)
    }

    /// Appends an entry's hash; gives each tile that it fills, lowest first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(TileId, Vec<Hash>)> {
        self.size += 1;
        let mut full = Vec::new();
        let mut hash = leaf;
        for level in 0..TILE_LEVELS {
            if self.levels.len() == level as usize {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level as usize];
            hashes.push(hash);
            if (hashes.len() as u64) < TILE_WIDTH {
                break;
            }
            let index = (self.size >> (TILE_HEIGHT * level) >> TILE_HEIGHT) - 1;
            hash = root_over(hashes);
            full.push((
                TileId { stack: Stack::Level(level), index, width: TILE_WIDTH },
                core::mem::take(hashes),
            ));
        }
        full
    }

    /// The root over all entries.
    #[must_use]
    pub fn root(&self) -> Hash {
        // The leaves to the right are below the higher levels' hashes: the root grows from the lowest level up.
        let mut right: Option<Hash> = None;
        for hashes in &self.levels {
            let mut row: Vec<Hash> = hashes.clone();
            row.extend(right);
            right = (!row.is_empty()).then(|| root_over(&row));
        }
        right.unwrap_or_else(empty_root)
    }
}

/// The root over sub-trees of one size each but the last, which may be smaller; at least one.
fn root_over(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| pair.get(1).map_or(pair[0], |right| node_hash(&pair[0], right)))
            .collect();
    }
    row[0]
}

/// Proofs about the log of one size, from tiles that `read` fetches, each at most once.
pub struct TileProver<R> {
    size: u64,
    read: R,
    fetched: BTreeMap<TileId, Vec<Hash>>,
}

impl<R> fmt::Debug for TileProver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TileProver(size {}, {} tiles)", self.size, self.fetched.len())
    }
}

impl<E, R: FnMut(TileId) -> Result<Vec<Hash>, E>> TileProver<R> {
    /// Proofs about the log of `size` entries. `read` must give as many hashes as the tile's width.
    pub const fn new(size: u64, read: R) -> Self {
        Self { size, read, fetched: BTreeMap::new() }
    }

    /// The root.
    ///
    /// # Errors
    /// What `read` answers.
    pub fn root(&mut self) -> Result<Hash, E> {
        if self.size == 0 { Ok(empty_root()) } else { self.range(0..self.size) }
    }

    /// The siblings that prove the entry at `index`, lowest first.
    ///
    /// # Errors
    /// What `read` answers.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>, E> {
        let size = self.size;
        inclusion_path_by(&mut |range| self.range(range), size, index)
    }

    /// The nodes that prove that this log begins with the one of `first` entries.
    ///
    /// # Errors
    /// What `read` answers.
    ///
    /// # Panics
    /// If `first` is 0 or more than the size.
    pub fn consistency(&mut self, first: u64) -> Result<Vec<Hash>, E> {
        let size = self.size;
        consistency_path_by(&mut |range| self.range(range), size, first)
    }

    /// The root over a sub-tree.
    fn range(&mut self, range: Range<u64>) -> Result<Hash, E> {
        let length = range.end - range.start;
        if !length.is_power_of_two() {
            let middle = range.start + left_size(length);
            let left = self.range(range.start..middle)?;
            return Ok(node_hash(&left, &self.range(middle..range.end)?));
        }
        // A whole sub-tree begins at a multiple of its size, so it lies within one tile.
        let (level, rows) = (length.ilog2() / TILE_HEIGHT, length.ilog2() % TILE_HEIGHT);
        let at = range.start >> (TILE_HEIGHT * level);
        let tile = self.tile(level, at / TILE_WIDTH)?;
        let begin = usize::try_from(at % TILE_WIDTH).unwrap_or(0);
        Ok(root_over(&tile[begin..begin + (1 << rows)]))
    }

    fn tile(&mut self, level: u32, index: u64) -> Result<&[Hash], E> {
        let id =
            TileId::in_log(Stack::Level(level), index, self.size).expect("a sub-tree of the log has a tile");
        if !self.fetched.contains_key(&id) {
            let hashes = (self.read)(id)?;
            assert!(hashes.len() as u64 == id.width, "a tile is as wide as its name says");
            self.fetched.insert(id, hashes);
        }
        Ok(&self.fetched[&id])
    }
}
