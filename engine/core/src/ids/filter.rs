//! A filter over ids: 2 bytes of memory an id, and one question in about a thousand goes to the disk in vain. A
//! split-block Bloom filter (Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters", 2007): half a
//! cache line a question.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::SequenceRange;
use super::hash::scale;

/// Ids that share a block of 256 bits: 2 bytes each.
const IDS_A_BLOCK: usize = 16;

/// Says "certainly not" or "perhaps".
#[derive(Clone, Debug, Default)]
pub struct IdFilter {
    blocks: Vec<[u64; 4]>,
}

impl IdFilter {
    /// A filter for so many ids.
    #[must_use]
    pub fn for_ids(ids: usize) -> Self {
        Self { blocks: alloc::vec![[0; 4]; ids.div_ceil(IDS_A_BLOCK).max(1)] }
    }

    /// Ids that it is made for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.blocks.len().saturating_mul(IDS_A_BLOCK)
    }

    /// Adds the hash of an id. Cheapest in the order of the hashes, which is that of the blocks.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        let at = scale(hash, self.blocks.len());
        if let Some(block) = self.blocks.get_mut(at) {
            for (word, mask) in block.iter_mut().zip(masks(hash)) {
                *word |= mask;
            }
        }
    }

    /// Adds the hash of an id; false, if one may have been there already.
    #[inline(always)]
    fn insert_new(&mut self, hash: u64) -> bool {
        let at = scale(hash, self.blocks.len());
        let Some(block) = self.blocks.get_mut(at) else { return false };
        let mut missing = 0;
        for (word, mask) in block.iter_mut().zip(masks(hash)) {
            missing |= mask & !*word;
            *word |= mask;
        }
        missing != 0
    }

    /// Whether an id of that hash may have been inserted.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, hash: u64) -> bool {
        let block = self.blocks.get(scale(hash, self.blocks.len()));
        block.is_some_and(|block| block.iter().zip(masks(hash)).all(|(word, mask)| word & mask == mask))
    }

    /// Touches the pages of one of so many parts.
    fn touch(&mut self, step: usize) {
        let part = self.blocks.len().div_ceil(STEPS);
        let blocks = self.blocks.iter_mut().skip(step.saturating_mul(part)).take(part);
        for block in blocks.step_by(BLOCKS_A_PAGE) {
            let [word, ..] = core::hint::black_box(block);
            *word = 0;
        }
    }

    #[inline]
    fn address(&self, hash: u64) -> *const u8 {
        self.blocks
            .get(scale(hash, self.blocks.len()))
            .map_or(core::ptr::null(), |block| core::ptr::from_ref(block).cast())
    }
}

/// The filters over all ids that ever were taken: one that fills, and those that are full. Each next one has room for as
/// many ids as all before it, so a handful covers any history; a start makes one of all.
///
/// Each is over the ids of a range of sequences, and a question goes to the runs of those ranges alone.
#[derive(Clone, Debug)]
pub(super) struct IdFilters {
    full: Vec<(SequenceRange, Arc<IdFilter>)>,
    filling: IdFilter,
    /// The first sequence whose id may be in `filling`.
    first: u64,
    /// Ids in `filling`, and in the full ones.
    ids: (usize, usize),
    /// What fills after `filling`, once that is nearly full, and how many steps of making it ready have been taken.
    next: Option<(IdFilter, usize)>,
    /// Ids in `filling` with which the next step is due.
    due: usize,
}

/// The next filter is made ready while the last eighth of one fills, in so many steps: the system clears a page where it is
/// first touched, and all of a fresh filter's would be within the first ids.
const STEPS: usize = 1_024;
/// Blocks of a page of 4 KiB.
const BLOCKS_A_PAGE: usize = 128;

impl IdFilters {
    /// With room for so many ids until the next one.
    pub(super) fn with_room(room: usize) -> Self {
        Self::filling((Vec::new(), 1), IdFilter::for_ids(room), 0)
    }

    fn filling(
        (full, first): (Vec<(SequenceRange, Arc<IdFilter>)>, u64),
        filling: IdFilter,
        known: usize,
    ) -> Self {
        let due = filling.room().saturating_sub(filling.room() / 8);
        Self { full, filling, first, ids: (0, known), next: None, due }
    }

    /// Behind a filter over all ids below `first`.
    pub(super) fn behind(first: u64, full: IdFilter, room: usize) -> Self {
        let known = full.room();
        Self::filling((alloc::vec![((1, first), Arc::new(full))], first), IdFilter::for_ids(room), known)
    }

    /// Filters over the same ids that share memory with these, with room for so many more.
    pub(super) fn shared(&self, room: usize) -> Self {
        let filling = (self.ids.0 > 0).then(|| ((self.first, u64::MAX), Arc::new(self.filling.clone())));
        let full = self.full.iter().cloned().chain(filling).collect();
        let known = self.ids.0.saturating_add(self.ids.1);
        Self::filling((full, self.first), IdFilter::for_ids(room), known)
    }

    #[inline]
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.filling.may_hold(hash) || self.full.iter().any(|(_, filter)| filter.may_hold(hash))
    }

    /// The ranges of sequences that an id of that hash may have been taken in, the newest first.
    pub(super) fn ranges(&self, hash: u64) -> impl Iterator<Item = SequenceRange> {
        let filling = self.filling.may_hold(hash).then_some((self.first, u64::MAX));
        let full = self.full.iter().rev().filter(move |(_, filter)| filter.may_hold(hash));
        filling.into_iter().chain(full.map(|(range, _)| *range))
    }

    /// As [`IdFilters::insert`], unless one of that hash may have been added before: false.
    #[inline(always)]
    pub(super) fn insert_new(&mut self, hash: u64, sequence: u64) -> bool {
        if self.full.iter().any(|(_, filter)| filter.may_hold(hash)) {
            return false;
        }
        if self.ids.0 >= self.due {
            self.make_ready(sequence);
        }
        let is_new = self.filling.insert_new(hash);
        self.ids.0 = self.ids.0.saturating_add(usize::from(is_new));
        is_new
    }

    /// Adds an id that a sequence has taken, later than all before.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, sequence: u64) {
        if self.ids.0 >= self.due {
            self.make_ready(sequence);
        }
        self.filling.insert(hash);
        self.ids.0 = self.ids.0.saturating_add(1);
    }

    /// A step towards the next filter, or the change to it.
    #[cold]
    fn make_ready(&mut self, sequence: u64) {
        let room = self.filling.room();
        let known = room.saturating_add(self.ids.1);
        let (mut next, step) = self.next.take().unwrap_or_else(|| (IdFilter::for_ids(known), 0));
        if self.ids.0 < room {
            next.touch(step);
            self.next = Some((next, step.saturating_add(1)));
            self.due = self.ids.0.saturating_add((room / 8 / STEPS).max(1)).min(room);
            return;
        }
        let full = Arc::new(core::mem::replace(&mut self.filling, next));
        let mut all = core::mem::take(&mut self.full);
        all.push(((self.first, sequence), full));
        *self = Self::filling((all, sequence), core::mem::take(&mut self.filling), known);
    }

    #[inline]
    pub(super) fn addresses(&self, hash: u64, ask: impl Fn(*const u8)) {
        ask(self.filling.address(hash));
        self.full.iter().for_each(|(_, filter)| ask(filter.address(hash)));
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
    fn filters_forget_nothing_as_they_grow_and_err_once_in_hundreds() {
        let key = IdKey::new(7);
        let mut filters = IdFilters::with_room(1_000);
        (0..20_000).for_each(|at| {
            filters.insert(key.hash(at.into()), at);
            let is_late = filters.ids.0 * 8 > filters.filling.room() * 7 + 8;
            assert!(
                !is_late || filters.next.is_some(),
                "the next one is made ready before it is needed: {at}"
            );
        });
        assert_eq!(filters.full.len(), 5, "1,000, as many again, then twice as many each time");
        let shared = filters.shared(10);
        for filters in [filters, shared] {
            for at in 0..20_000 {
                assert!(filters.may_hold(key.hash(at.into())));
                assert!(
                    filters.ranges(key.hash(at.into())).any(|(first, end)| first <= at.max(1) && at < end)
                );
            }
            let wrong = (20_000..220_000_u128).filter(|id| filters.may_hold(key.hash(*id))).count();
            assert!(wrong < 2_000, "{wrong} of 200,000");
        }
    }
}
