//! The waterfall's arithmetic: who carries how much of what a failing participant owes. A pure function of its numbers,
//! so that whoever has them comes to the same.

use alloc::vec::Vec;

use crate::account::SlotHandle;

/// Who covers a shortfall, minor units.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cover {
    /// Out of the failing participant's collateral.
    pub own: u64,
    /// Out of the default fund.
    pub fund: u64,
    /// What each survivor carries, ascending by slot, none of them zero.
    pub survivors: Vec<(SlotHandle, u64)>,
}

/// Covers a shortfall of minor units: first with the collateral, then with the fund, then by the survivors in proportion
/// to their exposures, rounded by largest remainder and, among equal ones, to the lower slot. None where nobody is
/// exposed and something is left, or a share leaves 64 bits.
#[must_use]
pub fn cover(
    shortfall: u64,
    (collateral, pot): (u64, u64),
    exposures: &[(SlotHandle, u64)],
) -> Option<Cover> {
    let own = shortfall.min(collateral);
    let fund = shortfall.saturating_sub(own).min(pot);
    let rest = shortfall.saturating_sub(own).saturating_sub(fund);
    let mut survivors = shares(rest, exposures)?;
    survivors.retain(|(_, share)| *share > 0);
    survivors.sort_unstable_by_key(|(slot, _)| *slot);
    Some(Cover { own, fund, survivors })
}

/// Splits an amount in proportion to weights by largest remainder: the parts sum to the amount, each is within one of
/// its exact share, and equal remainders go to the lower slot. None if all weights are zero and the amount is not.
#[must_use]
pub fn shares(amount: u64, weights: &[(SlotHandle, u64)]) -> Option<Vec<(SlotHandle, u64)>> {
    let total = weights.iter().fold(0_u128, |sum, (_, weight)| sum.saturating_add((*weight).into()));
    if total == 0 {
        return (amount == 0).then(Vec::new);
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut left = u128::from(amount);
    for (slot, weight) in weights {
        // 64 bits by 64 bits fit 128.
        let exact = u128::from(amount).saturating_mul((*weight).into());
        let (whole, remainder) = (exact.checked_div(total)?, exact.checked_rem(total)?);
        left = left.checked_sub(whole)?;
        parts.push((*slot, whole, remainder));
    }
    parts.sort_unstable_by(|(slot, _, remainder), (other, _, others)| {
        others.cmp(remainder).then(slot.cmp(other))
    });
    let rounded = parts.into_iter().map(|(slot, whole, _)| {
        let up = left.min(1);
        left = left.saturating_sub(up);
        Some((slot, u64::try_from(whole.saturating_add(up)).ok()?))
    });
    rounded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn the_collateral_is_first_then_the_fund_then_the_survivors() {
        let exposures = [(4, 100), (2, 50), (9, 0)];
        let rows = [
            (0, Cover::default()),
            (10, Cover { own: 10, ..Cover::default() }),
            (25, Cover { own: 20, fund: 5, ..Cover::default() }),
            (50, Cover { own: 20, fund: 30, ..Cover::default() }),
            (51, Cover { own: 20, fund: 30, survivors: vec![(4, 1)] }),
            (53, Cover { own: 20, fund: 30, survivors: vec![(2, 1), (4, 2)] }),
            (150, Cover { own: 20, fund: 30, survivors: vec![(2, 33), (4, 67)] }),
        ];
        for (shortfall, expected) in rows {
            assert_eq!(cover(shortfall, (20, 30), &exposures), Some(expected), "{shortfall}");
        }
        assert_eq!(cover(51, (20, 30), &[(1, 0)]), None);
    }

    #[test]
    fn not_a_minor_unit_is_lost_and_no_share_is_off_by_one() {
        let mut state = 7_u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 20) % bound
        };
        for _ in 0..2_000 {
            let count = 1 + next(9);
            let weights: Vec<_> = (0..).zip(0..count).map(|(slot, _)| (slot, next(1 << 40))).collect();
            let amount = next(1 << 43);
            let total: u128 = weights.iter().map(|(_, weight)| u128::from(*weight)).sum();
            let Some(parts) = shares(amount, &weights) else {
                assert_eq!(total, 0);
                continue;
            };
            assert_eq!(parts.iter().map(|(_, part)| u128::from(*part)).sum::<u128>(), u128::from(amount));
            for (slot, part) in parts {
                let weight = weights.iter().find(|(at, _)| *at == slot).expect("one of them").1;
                let whole = u128::from(amount) * u128::from(weight) / total;
                assert!(u128::from(part) == whole || u128::from(part) == whole + 1);
            }
        }
        assert_eq!(shares(u64::MAX, &[(0, u64::MAX)]), Some(vec![(0, u64::MAX)]));
        assert_eq!(shares(2, &[(5, 1), (1, 1), (3, 1)]), Some(vec![(1, 1), (3, 1), (5, 0)]));
    }
}
