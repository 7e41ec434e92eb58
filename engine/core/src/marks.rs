//! A set of places in a flat array, one bit each: noted in any order, gone through in ascending order, so that what a
//! block has changed is read and hashed in the order in which it lies in memory.

use alloc::vec::Vec;
use core::ops::Range;

use crate::number::index;

/// Places that are marked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    words: Vec<u64>,
}

impl Marks {
    /// Places in a word.
    pub(crate) const BITS: usize = 64;

    /// Marks a place.
    #[inline]
    pub(crate) fn set(&mut self, place: usize) {
        let word = place / Self::BITS;
        if word >= self.words.len() {
            self.grow(word);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit(place);
        }
    }

    /// Marks up to 64 places: bit n stands for `first + n`.
    #[inline]
    pub(crate) fn set_run(&mut self, first: usize, bits: u64) {
        let (word, shift) = (first / Self::BITS, u32::try_from(first % Self::BITS).unwrap_or(0));
        let high =
            bits.checked_shr(u32::try_from(Self::BITS).unwrap_or(0).saturating_sub(shift)).unwrap_or(0);
        for (word, bits) in [(word, bits.wrapping_shl(shift)), (word.saturating_add(1), high)] {
            if bits != 0 && word >= self.words.len() {
                self.grow(word);
            }
            if let Some(word) = self.words.get_mut(word) {
                *word |= bits;
            }
        }
    }

    /// Whether a place is marked.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.words.get(place / Self::BITS).is_some_and(|word| word & bit(place) != 0)
    }

    /// Whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// All words up to the last one that is not zero.
    pub(crate) fn words(&self) -> &[u64] {
        let used = self.words.iter().rposition(|word| *word != 0).map_or(0, |last| last.saturating_add(1));
        self.words.get(..used).unwrap_or_default()
    }

    /// Those of words as [`Marks::words`] gives them; none for others.
    pub(crate) fn of_words(words: Vec<u64>) -> Option<Self> {
        if words.last() == Some(&0) { None } else { Some(Self { words }) }
    }

    #[cold]
    fn grow(&mut self, word: usize) {
        self.words.resize(word.saturating_add(1), 0);
    }

    /// How many are marked.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().fold(0, |sum, word| sum.saturating_add(index(word.count_ones().into())))
    }

    /// Words in memory, marked or not.
    pub(crate) fn capacity_words(&self) -> usize {
        self.words.len()
    }

    /// The marked places, ascending.
    pub(crate) fn ascending(&self) -> impl Iterator<Item = usize> {
        self.ascending_in(0..self.words.len())
    }

    /// The marked places in a range of words, as far as there are such, ascending.
    pub(crate) fn ascending_in(&self, words: Range<usize>) -> impl Iterator<Item = usize> {
        let first = words.start.min(self.words.len());
        let words = self.words.get(first..words.end.min(self.words.len())).unwrap_or_default();
        let bases = (first.saturating_mul(Self::BITS)..).step_by(Self::BITS);
        words.iter().zip(bases).flat_map(|(word, base): (&u64, usize)| {
            let mut left = *word;
            core::iter::from_fn(move || {
                let place = base.saturating_add(index(left.trailing_zeros().into()));
                (left != 0).then(|| {
                    left &= left.wrapping_sub(1);
                    place
                })
            })
        })
    }

    /// Marks none. The memory stays.
    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }
}

#[inline]
fn bit(place: usize) -> u64 {
    1_u64.rotate_left(u32::try_from(place % Marks::BITS).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_once_and_ascending() {
        let mut marks = Marks::default();
        for place in [700, 0, 63, 64, 65, 0, 127, 128, 700] {
            marks.set(place);
        }
        assert_eq!(marks.ascending().collect::<Vec<_>>(), [0, 63, 64, 65, 127, 128, 700]);
        assert_eq!(marks.count(), 7);
        marks.clear();
        assert_eq!(marks.ascending().next(), None);
        marks.set(65);
        assert_eq!(marks.ascending().collect::<Vec<_>>(), [65]);
    }

    #[test]
    fn a_run_marks_the_places_of_its_bits() {
        for first in [0, 1, 63, 64, 100] {
            let mut marks = Marks::default();
            marks.set_run(first, 1 | 1 << 2 | 1 << 63);
            assert_eq!(marks.ascending().collect::<Vec<_>>(), [first, first + 2, first + 63]);
            assert!(marks.has(first + 63) && !marks.has(first + 1) && !marks.is_empty());
            let again = Marks::of_words(marks.words().to_vec()).expect("as given");
            assert_eq!(again.words(), marks.words());
        }
        assert!(Marks::of_words(std::vec![1, 0]).is_none());
    }
}
