//! A filter over ids that are on disk: 2 bytes of memory an id, and one question in about a thousand goes to the disk in
//! vain. A split-block Bloom filter (Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters", 2007):
//! half a cache line a question.
//!
//! One writer adds while others ask: bits are only ever set, and ids that are in no other place any more have been
//! added before that was said (by a channel, which orders memory).

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::hash::scale;

/// Ids that share a block of 256 bits: 2 bytes each.
const IDS_A_BLOCK: usize = 16;

/// Says "certainly not" or "perhaps".
#[derive(Debug, Default)]
pub struct IdFilter {
    blocks: Vec<[AtomicU64; 4]>,
}

impl IdFilter {
    /// A filter for so many ids.
    #[must_use]
    pub fn for_ids(ids: usize) -> Self {
        let blocks = ids.div_ceil(IDS_A_BLOCK).max(1);
        Self { blocks: core::iter::repeat_with(<[AtomicU64; 4]>::default).take(blocks).collect() }
    }

    /// Ids that it is made for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.blocks.len().saturating_mul(IDS_A_BLOCK)
    }

    /// Adds the hash of an id; one thread alone may. Cheapest in the order of the hashes, which is that of the blocks.
    pub fn insert(&self, hash: u64) {
        if let Some(block) = self.blocks.get(scale(hash, self.blocks.len())) {
            for (word, mask) in block.iter().zip(masks(hash)) {
                // Not one instruction that locks the line: nobody else writes.
                word.store(word.load(Ordering::Relaxed) | mask, Ordering::Relaxed);
            }
        }
    }

    /// Whether an id of that hash may have been inserted.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, hash: u64) -> bool {
        self.blocks.get(scale(hash, self.blocks.len())).is_some_and(|block| {
            block.iter().zip(masks(hash)).all(|(word, mask)| word.load(Ordering::Relaxed) & mask == mask)
        })
    }

    #[inline]
    pub(super) fn address(&self, hash: u64) -> *const u8 {
        self.blocks
            .get(scale(hash, self.blocks.len()))
            .map_or(core::ptr::null(), |block| core::ptr::from_ref(block).cast())
    }
}

/// Two bits in each word. The block is chosen by the hash's upper bits; multiplying brings the lower ones up here.
#[inline]
fn masks(hash: u64) -> [u64; 4] {
    let spread = hash.wrapping_mul(0x9FB2_1C65_1E98_DF25);
    [16_u32, 28, 40, 52].map(|shift| {
        let bits = spread.wrapping_shr(shift);
        1_u64.wrapping_shl(low(bits)) | 1_u64.wrapping_shl(low(bits.wrapping_shr(6)))
    })
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
        let filter = IdFilter::for_ids(20_000);
        (0..20_000_u128).for_each(|id| filter.insert(key.hash(id)));
        assert!((0..20_000_u128).all(|id| filter.may_hold(key.hash(id))));
        let wrong = (20_000..220_000_u128).filter(|id| filter.may_hold(key.hash(*id))).count();
        assert!(wrong < 600, "{wrong} of 200,000");
    }
}
