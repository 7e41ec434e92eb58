//! The cells that a sealed block has changed, on their way to the batcher: copied some at a time, so that no frame
//! waits for all of them. What the next block changes before its turn has come is kept as the sealed block left it.
//! When something is copied makes no difference to what is copied.

use alloc::vec::Vec;
use core::mem;

use crate::account::{AccountCell, AccountHandle};
use crate::marks::Marks;

/// Words of marks that are gone through at once: 8,192 places, a tenth of a millisecond where all have changed.
const WINDOW_WORDS: usize = 128;
/// No block: none has this height.
const NONE: u64 = u64::MAX;

/// What is still to be copied of the last sealed block.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    /// Its height: a cell that bears it is as the block left it.
    block: u64,
    places: Marks,
    /// The window that comes next.
    next: usize,
    /// For each window the cells that had to be kept, in the order of their change.
    kept: Vec<Vec<(usize, AccountCell)>>,
    copied: Vec<(AccountHandle, AccountCell)>,
}

impl Default for Changed {
    fn default() -> Self {
        Self { block: NONE, places: Marks::default(), next: 0, kept: Vec::new(), copied: Vec::new() }
    }
}

impl Changed {
    /// Begins with the places of a block that ends, all of which are copied before; gives an empty set for the next one.
    pub(crate) fn begin(&mut self, block: u64, touched: Marks) -> Marks {
        let mut empty = mem::replace(&mut self.places, touched);
        empty.clear();
        self.block = block;
        self.next = 0;
        self.kept.resize_with(self.windows(), Vec::new);
        self.copied = Vec::with_capacity(self.places.count());
        empty
    }

    fn windows(&self) -> usize {
        self.places.capacity_words().div_ceil(WINDOW_WORDS)
    }

    /// Whether a cell that is about to change must be kept first, by the block that it bears.
    #[inline(always)]
    pub(crate) const fn wants(&self, touched: u64) -> bool {
        touched == self.block
    }

    /// Keeps a cell as the block left it.
    #[cold]
    #[inline(never)]
    pub(crate) fn keep(&mut self, place: usize, cell: AccountCell) {
        let window = place / (WINDOW_WORDS * Marks::BITS);
        if window >= self.next
            && let Some(kept) = self.kept.get_mut(window)
        {
            kept.push((place, cell));
        }
    }

    /// Copies a part of all, one `share`th or a little more; gives them all, ascending, once nothing is left.
    pub(crate) fn copy(
        &mut self,
        share: usize,
        cell_at: impl Fn(usize) -> Option<(AccountHandle, AccountCell)>,
    ) -> Option<Vec<(AccountHandle, AccountCell)>> {
        if self.block == NONE {
            return None;
        }
        let windows = self.windows();
        let end = self.next.saturating_add(windows.div_ceil(share.max(1))).min(windows);
        while self.next < end {
            self.copy_window(&cell_at);
            self.next = self.next.saturating_add(1);
        }
        if self.next < windows {
            return None;
        }
        self.block = NONE;
        Some(mem::take(&mut self.copied))
    }

    fn copy_window(&mut self, cell_at: impl Fn(usize) -> Option<(AccountHandle, AccountCell)>) {
        let Some(kept) = self.kept.get_mut(self.next) else { return };
        kept.sort_unstable_by_key(|(place, _)| *place);
        // The memory stays.
        let mut kept = kept.drain(..).peekable();
        let first = self.next.saturating_mul(WINDOW_WORDS);
        let places = self.places.ascending_in(first..first.saturating_add(WINDOW_WORDS));
        self.copied.extend(places.filter_map(|place| {
            let (handle, cell) = cell_at(place)?;
            let as_left = kept.next_if(|(at, _)| *at == place);
            Some((handle, as_left.map_or(cell, |(_, cell)| cell)))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: usize = 40_000;

    fn cell(balance: i128, touched: u64) -> AccountCell {
        AccountCell { balance, touched, ..AccountCell::default() }
    }

    /// Changes cells as a ledger does, in an order of no order, while a block's changes are copied.
    #[test]
    fn a_block_is_copied_as_it_was_left_whatever_changes_meanwhile() {
        for share in [1, 2, 3, 7, 1_000] {
            let (mut changed, mut touched) = (Changed::default(), Marks::default());
            let mut cells: Vec<_> = (0..PLACES).map(|_| cell(0, 0)).collect();
            for block in 1..=4 {
                for step in 0..PLACES {
                    let place = step * 7_919 % PLACES;
                    if place.is_multiple_of(3) {
                        continue;
                    }
                    if changed.wants(cells[place].touched) {
                        changed.keep(place, cells[place]);
                    }
                    cells[place] = cell(cells[place].balance + 1, block);
                    touched.set(place);
                    if step % 5_000 == 0 {
                        check(&mut changed, share, (&cells, block - 1));
                    }
                }
                check(&mut changed, 1, (&cells, block - 1));
                touched = changed.begin(block, touched);
                assert!(touched.is_empty());
            }
        }
    }

    fn check(changed: &mut Changed, share: usize, (cells, block): (&[AccountCell], u64)) {
        let at = |place: usize| Some((u64::try_from(place).expect("small"), *cells.get(place)?));
        let Some(copied) = changed.copy(share, at) else { return };
        let places = (0..).take(PLACES).filter(|place: &u64| !place.is_multiple_of(3));
        let wanted: Vec<_> = places.map(|place| (place, cell(block.into(), block))).collect();
        assert_eq!(copied, if block == 0 { Vec::new() } else { wanted });
    }
}
