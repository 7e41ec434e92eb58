//! Numbers drawn with given weights in constant time: the alias method (Walker 1977; Vose, "A linear algorithm for
//! generating random numbers with a given distribution", 1991). Here for Zipf's weights.

use crate::generator::Numbers;

/// One column: below `threshold` of 2^32 it stands for itself, else for `other`.
#[derive(Clone, Copy, Debug)]
struct Column {
    threshold: u32,
    other: u32,
}

/// A table over 0 to its length less one.
#[derive(Clone, Debug)]
pub struct AliasTable(Vec<Column>);

const WHOLE: f64 = 4_294_967_296.0;

impl AliasTable {
    /// A table for weights, none of which is below zero, and whose sum is above it.
    ///
    /// # Panics
    /// If there are none, or 2^32 and more.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "no weight is below zero")]
    pub fn new(weights: &[f64]) -> Self {
        assert!(!weights.is_empty() && u32::try_from(weights.len()).is_ok(), "1 to 2^32 - 1 weights");
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let mut columns: Vec<_> =
            (0..weights.len() as u32).map(|at| Column { threshold: u32::MAX, other: at }).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..scaled.len()).partition(|at| scaled[*at] < 1.0);
        while let (Some(less), Some(&more)) = (small.pop(), large.last()) {
            columns[less] = Column { threshold: (scaled[less] * WHOLE) as u32, other: more as u32 };
            scaled[more] -= 1.0 - scaled[less];
            if scaled[more] < 1.0 {
                large.pop();
                small.push(more);
            }
        }
        Self(columns)
    }

    /// Zipf's weights: rank `r` (from 1) has `r` to the power of `-theta`. Ranks are spread over the numbers, so
    /// that the most used accounts do not stand side by side.
    #[must_use]
    pub fn zipf(count: usize, theta: f64) -> Self {
        let mut weights = vec![0.0; count];
        for rank in 0..count {
            weights[place_of(rank, count)] = ((rank + 1) as f64).powf(-theta);
        }
        Self::new(&weights)
    }

    /// Draws a number.
    #[inline]
    #[must_use]
    pub fn draw(&self, numbers: &mut Numbers) -> u64 {
        let bits = numbers.next();
        let at = (((bits >> 32) * self.0.len() as u64) >> 32) as usize;
        let column = self.0[at];
        if (bits as u32) < column.threshold { at as u64 } else { u64::from(column.other) }
    }
}

/// Where a rank (from 0) stands among `count` numbers: a step that has no divisor in common with `count`, taken so
/// often, visits each once.
#[must_use]
pub fn place_of(rank: usize, count: usize) -> usize {
    let coprime = |step: &usize| {
        let (mut a, mut b) = (*step, count);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let step = (count * 5 / 8 + 1..).find(coprime).unwrap_or(1);
    (rank as u128 * step as u128 % count as u128) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_a_place_of_its_own() {
        for count in [1, 2, 3, 8, 125, 1_250, 4_096] {
            let mut places: Vec<_> = (0..count).map(|rank| place_of(rank, count)).collect();
            places.sort_unstable();
            assert!(places.into_iter().eq(0..count));
        }
    }

    #[test]
    fn numbers_come_as_often_as_their_weights_say() {
        const DRAWS: usize = 400_000;
        for (count, theta) in [(10, 1.0), (1_000, 0.99), (100, 0.0)] {
            let table = AliasTable::zipf(count, theta);
            let mut numbers = Numbers::new(5);
            let mut seen = vec![0_u32; count];
            (0..DRAWS).for_each(|_| seen[table.draw(&mut numbers) as usize] += 1);
            let weight = |rank: usize| ((rank + 1) as f64).powf(-theta);
            let sum: f64 = (0..count).map(weight).sum();
            for rank in [0, 1, 2, count / 2, count - 1] {
                let expected = weight(rank) / sum * DRAWS as f64;
                let found = f64::from(seen[place_of(rank, count)]);
                // Five standard deviations of a Poisson count.
                assert!(
                    (found - expected).abs() < 5.0 * expected.sqrt() + 1.0,
                    "{rank}: {found}, not {expected}"
                );
            }
        }
    }
}
