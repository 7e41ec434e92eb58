//! When somebody is told of a cap's use: a position crosses a threshold upwards from one block to the next. Binds nobody
//! and changes nothing.

use crate::account::UNLIMITED;
use crate::participant::SlotCell;

/// Two thresholds, hundredths of a per cent of the cap, ascending; zero for none.
pub type Levels = [u16; 2];

/// Where nothing else is set: 80 and 95 per cent.
pub const DEFAULT_LEVELS: Levels = [8_000, 9_500];

/// How much of a cap is in use, hundredths of a per cent, without the fraction; over 10,000 where a cap was lowered below
/// what was owed. Zero where no cap binds; 10,000 for a cap of zero that anything is owed against.
#[must_use]
pub fn use_of_cap(cell: &SlotCell, cap: u64) -> u32 {
    if cap == UNLIMITED {
        return 0;
    }
    let used = i128::from(cap).saturating_sub(cell.headroom(cap)).max(0);
    match used.saturating_mul(10_000).checked_div(cap.into()) {
        Some(share) => u32::try_from(share).unwrap_or(u32::MAX),
        None if used > 0 => 10_000,
        None => 0,
    }
}

/// The highest threshold that the use of a cap has reached now and had not before.
#[must_use]
pub fn crossed(levels: Levels, before: u32, now: u32) -> Option<u16> {
    levels.into_iter().filter(|level| *level > 0 && before < (*level).into() && now >= (*level).into()).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn a_threshold_is_crossed_upwards_once() {
        let rows = [
            (0, 7_999, None),
            (0, 8_000, Some(8_000)),
            (7_999, 9_500, Some(9_500)),
            (8_000, 9_499, None),
            (9_000, 9_500, Some(9_500)),
            (9_500, 12_000, None),
            (9_600, 8_500, None),
        ];
        for (before, now, expected) in rows {
            assert_eq!(crossed(DEFAULT_LEVELS, before, now), expected, "{before} to {now}");
        }
        assert_eq!(crossed([0, 0], 0, 10_000), None, "none is set");
        assert_eq!(crossed([0, 100], 99, 100), Some(100));
    }

    #[test]
    fn the_use_of_a_cap_counts_what_is_owed_reserved_and_unsettled() {
        let cell = |position, reserved, closed| SlotCell { position, reserved, closed };
        assert_eq!(use_of_cap(&cell(-500, 0, vec![]), 1_000), 5_000);
        assert_eq!(use_of_cap(&cell(-500, 299, vec![(1, -1), (2, 7)]), 1_000), 8_000);
        assert_eq!(use_of_cap(&cell(-999, 0, vec![]), 10_000), 999);
        assert_eq!(use_of_cap(&cell(-5, 0, vec![]), 3), 16_666, "without the fraction");
        assert_eq!(use_of_cap(&cell(500, 0, vec![]), 1_000), 0);
        assert_eq!(use_of_cap(&cell(-500, 0, vec![]), UNLIMITED), 0);
        assert_eq!((use_of_cap(&cell(-1, 0, vec![]), 0), use_of_cap(&cell(0, 0, vec![]), 0)), (10_000, 0));
    }
}
