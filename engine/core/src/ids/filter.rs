//! The filter over all ids that were ever taken: less than 2 bytes of memory an id, one cache line a question, and one
//! question in some hundreds goes to the disk in vain. A blocked Bloom filter (Putze, Sanders, Singler: "Cache-, hash-
//! and space-efficient Bloom filters", 2007) in parts by the hash, which grow one after the other (`growth.rs`).
//!
//! It says "certainly not" or "perhaps", never a wrong "certainly not": that would be an id taken twice (I3).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::growth::Growth;
use super::hash::{part, scale};

/// Bits of a block, a cache line.
const BLOCK_BITS: usize = 512;
/// The filter for each stored id, in quarters of a bit. What else is kept of a stored id is half a bit of its run's fences
/// and, of a million ids, an eighth of a bit of the table of parts: less than 16 bits in all.
const QUARTER_BITS_AN_ID: usize = 61;
/// The fewest parts: one that is made anew is a sixteenth of all.
const PARTS_MIN: usize = 16;
/// The usual number: a table of 16 KiB …
const PARTS: usize = 1_024;
/// … which a filter of so many ids a part begins to have;
const IDS_A_PART_MIN: usize = 1_024;
/// one that begins with more than so many ids a part has more of them. They stay below 256 KiB, from where on an allocator
/// may round up.
const IDS_A_PART_MAX: usize = 1 << 17;

/// A cache line, so that a question waits for one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Block([u64; 8]);

const _: () = assert!(size_of::<Block>() * 8 == BLOCK_BITS);

/// One part's blocks, in the order of the hashes.
type Blocks = Box<[Block]>;

/// Says "certainly not" or "perhaps".
#[derive(Clone, Debug)]
pub struct IdFilter {
    /// Equal parts of all hashes, a power of two. The first ones may be longer than the others, see [`Growth`].
    parts: Vec<Blocks>,
}

impl IdFilter {
    /// An empty filter for so many ids.
    #[must_use]
    pub fn for_ids(ids: usize) -> Self {
        let count = (ids / IDS_A_PART_MIN).next_power_of_two().clamp(PARTS_MIN, PARTS);
        let count = count.max((ids / IDS_A_PART_MAX).next_power_of_two());
        let blocks = blocks_for(ids).checked_div(count).unwrap_or(0).max(1);
        Self { parts: (0..count).map(|_| empty(blocks)).collect() }
    }

    /// Adds the hash of an id. Cheapest in the order of the hashes, which is that of the blocks.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        self.insert_new(hash);
    }

    /// Adds the hash of an id; false, if one may have been there already.
    #[inline(always)]
    pub(super) fn insert_new(&mut self, hash: u64) -> bool {
        let (number, place) = part(hash, self.parts.len());
        self.parts.get_mut(number).is_some_and(|blocks| insert_in(blocks, place, hash))
    }

    /// Whether an id of that hash may have been inserted.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, hash: u64) -> bool {
        let missing = |block: &Block| {
            block.0.iter().zip(masks(hash)).fold(0, |missing, (word, mask)| missing | mask & !*word)
        };
        self.block(hash).is_some_and(|block| missing(block) == 0)
    }

    #[inline]
    fn block(&self, hash: u64) -> Option<&Block> {
        let (number, place) = part(hash, self.parts.len());
        self.parts.get(number).and_then(|blocks| blocks.get(scale(place, blocks.len())))
    }

    #[inline]
    pub(super) fn address(&self, hash: u64) -> *const u8 {
        self.block(hash).map_or(core::ptr::null(), |block| core::ptr::from_ref(block).cast())
    }

    /// How far it has grown.
    #[must_use]
    pub fn growth(&self) -> Growth {
        let last = self.parts.last().map_or(0, |blocks| blocks.len());
        let grown = self.parts.iter().take_while(|blocks| blocks.len() != last).count();
        Growth::new(self.parts.len(), last, grown)
    }

    /// Puts a part in the place of the one that it continues, which is given back.
    pub(super) fn replace(&mut self, mut new: FilterPart) -> FilterPart {
        if new.of == self.parts.len()
            && let Some(blocks) = self.parts.get_mut(new.number)
        {
            core::mem::swap(blocks, &mut new.blocks);
        }
        new
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let blocks = self.parts.iter().map(|blocks| size_of_val::<[Block]>(blocks));
        blocks.fold(table_bytes(self.parts.capacity()), usize::saturating_add)
    }
}

/// A part of a filter, made anew beside it from the ids of stored runs.
#[derive(Debug)]
pub struct FilterPart {
    number: usize,
    of: usize,
    end: u64,
    blocks: Blocks,
}

impl FilterPart {
    /// An empty one of `blocks` blocks for the part `number` of `of`, that will hold all ids of entries below `end`.
    pub(super) fn empty((number, of): (usize, usize), blocks: usize, end: u64) -> Self {
        Self { number, of, end, blocks: empty(blocks) }
    }

    /// Adds the hash of an id and its place in the part. Whoever makes a part gives it all ids below [`FilterPart::end`]
    /// whose hashes lie in it.
    #[inline]
    pub(super) fn insert(&mut self, place: u64, hash: u64) {
        insert_in(&mut self.blocks, place, hash);
    }

    /// Adds the hash of an id that lies in the part.
    pub(super) fn insert_own(&mut self, hash: u64) {
        let (_, place) = part(hash, self.of);
        self.insert(place, hash);
    }

    /// The sequence below which it has the ids of all entries.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The hashes that lie in it: the first, and the last.
    pub(super) fn hashes(&self) -> (u64, u64) {
        (first_hash(self.number, self.of), last_hash(self.number, self.of))
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val::<[Block]>(&self.blocks)
    }
}

/// The first hash of a part. Parts are a power of two.
pub(super) fn first_hash(number: usize, of: usize) -> u64 {
    let width = 64_u32.saturating_sub(of.ilog2());
    crate::number::number(number).unbounded_shl(width)
}

/// The last hash of a part.
pub(super) fn last_hash(number: usize, of: usize) -> u64 {
    first_hash(number.saturating_add(1), of).wrapping_sub(1)
}

/// Blocks that hold so many ids at the bits that each may take.
pub(super) fn blocks_for(ids: usize) -> usize {
    ids.saturating_mul(QUARTER_BITS_AN_ID) / (4 * BLOCK_BITS)
}

/// Bytes of so many blocks.
pub(super) const fn bytes_of(blocks: usize) -> usize {
    blocks.saturating_mul(size_of::<Block>())
}

/// Bytes of the table of so many parts.
pub(super) const fn table_bytes(parts: usize) -> usize {
    parts.saturating_mul(size_of::<Blocks>())
}

fn empty(blocks: usize) -> Blocks {
    alloc::vec![Block::default(); blocks].into_boxed_slice()
}

#[inline(always)]
fn insert_in(blocks: &mut [Block], place: u64, hash: u64) -> bool {
    let at = scale(place, blocks.len());
    let Some(block) = blocks.get_mut(at) else { return false };
    let mut missing = 0;
    for (word, mask) in block.0.iter_mut().zip(masks(hash)) {
        missing |= mask & !*word;
        *word |= mask;
    }
    missing != 0
}

/// A bit in each word. The block is chosen by the hash's upper bits; multiplying brings the lower ones up here.
#[inline(always)]
fn masks(hash: u64) -> [u64; 8] {
    let spread = hash.wrapping_mul(0x9FB2_1C65_1E98_DF25);
    [16_u32, 22, 28, 34, 40, 46, 52, 58].map(|shift| 1_u64.wrapping_shl(low(spread.wrapping_shr(shift))))
}

#[inline]
fn low(bits: u64) -> u32 {
    u32::try_from(bits & 63).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::hash::IdKey;
    use super::*;

    #[test]
    fn a_filter_forgets_nothing_and_errs_once_in_hundreds() {
        let key = IdKey::new(7);
        for ids in [0, 1, 300, 20_000, 150_000] {
            let mut filter = IdFilter::for_ids(ids);
            let hashes = (0..).map(|id| key.hash(id)).take(ids);
            let new = hashes.clone().filter(|hash| filter.insert_new(*hash)).count();
            assert!(new * 100 >= ids * 99, "{new} of {ids} were new");
            assert!(hashes.clone().all(|hash| filter.may_hold(hash)));
            let wrong = (0..200_000_u128).filter(|id| filter.may_hold(key.hash(1 << 90 | id))).count();
            assert!(wrong < 1_000, "{wrong} of 200,000 beside {ids}");
        }
    }

    #[test]
    fn parts_cover_all_hashes_and_each_knows_its_own() {
        for of in [16, 1_024, 8_192] {
            assert_eq!((first_hash(0, of), last_hash(of - 1, of)), (0, u64::MAX));
            for number in 0..of {
                assert_eq!(part(first_hash(number, of), of), (number, 0));
                assert_eq!(part(last_hash(number, of), of).0, number);
            }
        }
    }
}
