//! A set of places in a flat array, one bit each: noted in any order, gone through in ascending order, so that what a
//! block has changed is read and hashed in the order in which it lies in memory.

use alloc::vec::Vec;

use crate::number::index;

const BITS: usize = 64;

/// Places that are marked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    words: Vec<u64>,
}

impl Marks {
    /// Marks a place.
    #[inline]
    pub(crate) fn set(&mut self, place: usize) {
        let word = place / BITS;
        if word >= self.words.len() {
            self.grow(word);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit(place);
        }
    }

    #[cold]
    fn grow(&mut self, word: usize) {
        self.words.resize(word.saturating_add(1), 0);
    }

    /// How many are marked.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().fold(0, |sum, word| sum.saturating_add(index(word.count_ones().into())))
    }

    /// The marked places, ascending.
    pub(crate) fn ascending(&self) -> impl Iterator<Item = usize> {
        let bases = (0..).step_by(BITS);
        self.words.iter().zip(bases).flat_map(|(word, base): (&u64, usize)| {
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
    1_u64.rotate_left(u32::try_from(place % BITS).unwrap_or(0))
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
}
