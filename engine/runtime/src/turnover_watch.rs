//! How often liquidity turns over in a cycle: what was cleared between participants, over what they had to have for it.
//! From the leaves of positions, as of the blocks' ends; a number for people, which nothing decides on.

use std::collections::BTreeMap;

use feiqian_core::account::SlotHandle;
use feiqian_core::participant::CycleNumber;
use feiqian_proof::leaf::PositionLeaf;

/// A currency in a cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Turnover {
    pub(crate) cycle: CycleNumber,
    /// Debits of all positions, minor units.
    pub(crate) cleared: u128,
    /// The deepest debts of all positions together, minor units.
    pub(crate) liquidity: u128,
}

impl Turnover {
    /// Cleared for each unit of liquidity; zero where nobody has owed anything.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub(crate) fn ratio(&self) -> f64 {
        if self.liquidity == 0 { 0.0 } else { self.cleared as f64 / self.liquidity as f64 }
    }
}

/// Cleared values and deepest debts of the cycles that are open.
#[derive(Debug, Default)]
pub(crate) struct TurnoverWatch {
    cleared: BTreeMap<u16, Turnover>,
    /// By position: the cycle, and its deepest debt in it.
    deepest: BTreeMap<SlotHandle, (CycleNumber, u128)>,
}

impl TurnoverWatch {
    /// Takes a block's leaves; gives the currencies in which something has been cleared, by their numbers.
    pub(crate) fn look(&mut self, leaves: &[PositionLeaf]) -> impl Iterator<Item = (u16, Turnover)> {
        for leaf in leaves {
            let turnover = self.cleared.entry(leaf.currency).or_default();
            if turnover.cycle != leaf.cycle {
                *turnover = Turnover { cycle: leaf.cycle, ..Turnover::default() };
            }
            turnover.cleared = turnover.cleared.saturating_add(leaf.debits);
            let owed = if leaf.position < 0 { leaf.position.unsigned_abs() } else { 0 };
            let (cycle, deepest) = self.deepest.entry(leaf.slot).or_default();
            if *cycle != leaf.cycle {
                (*cycle, *deepest) = (leaf.cycle, 0);
            }
            *deepest = owed.max(*deepest);
        }
        let mut liquidity = BTreeMap::<u16, u128>::new();
        for leaf in leaves {
            let own = self.deepest.get(&leaf.slot).map_or(0, |(_, deepest)| *deepest);
            let all = liquidity.entry(leaf.currency).or_default();
            *all = all.saturating_add(own);
        }
        let cleared = self.cleared.iter().filter(|(_, turnover)| turnover.cleared > 0);
        let with = cleared.map(move |(currency, turnover)| {
            let liquidity = liquidity.get(currency).copied().unwrap_or(0);
            (*currency, Turnover { liquidity, ..*turnover })
        });
        with.collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_proof::Hash;

    fn leaf(slot: u32, cycle: u64, (debits, position): (u128, i128)) -> PositionLeaf {
        PositionLeaf {
            salt: [0; 16],
            bic: *b"AAAADEFFXXX",
            currency: if slot < 3 { 978 } else { 840 },
            slot,
            count: 0,
            debits,
            credits: 0,
            position,
            cycle,
            unsettled: 0,
            cap: 0,
            transfers_root: Hash::default(),
        }
    }

    #[test]
    fn what_was_cleared_is_held_against_the_deepest_debts_of_the_cycle() {
        let mut watch = TurnoverWatch::default();
        let mut look = |leaves: &[PositionLeaf]| watch.look(leaves).collect::<Vec<_>>();
        let first = [leaf(0, 1, (100, -100)), leaf(1, 1, (0, 60)), leaf(2, 1, (0, 40)), leaf(3, 1, (0, 0))];
        let euro = |cycle, cleared, liquidity| vec![(978, Turnover { cycle, cleared, liquidity })];
        assert_eq!(look(&first), euro(1, 100, 100));
        // 0 is paid back and 1 owes now: each had to have what it owed at its deepest.
        let second = [leaf(0, 1, (0, 30)), leaf(1, 1, (130, -70)), leaf(2, 1, (0, 40)), leaf(3, 1, (0, 0))];
        let all = look(&second);
        assert_eq!(all, euro(1, 230, 170));
        assert!((all[0].1.ratio() - 230.0 / 170.0).abs() < 1e-12);
        let next = [leaf(0, 2, (5, -5)), leaf(1, 2, (0, 5)), leaf(2, 2, (0, 0)), leaf(3, 1, (9, 0))];
        let all = look(&next);
        assert_eq!(
            all[1],
            (978, Turnover { cycle: 2, cleared: 5, liquidity: 5 }),
            "a cycle begins with nothing"
        );
        assert_eq!(all[0], (840, Turnover { cycle: 1, cleared: 9, liquidity: 0 }));
        assert!(all[0].1.ratio() == 0.0);
    }
}
