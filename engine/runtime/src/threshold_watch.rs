//! Says when a position's use of its cap has crossed a threshold upwards: one line on standard error for each, and a
//! count. What is crossed, the core says; what stood when the machine started is not said again.

use std::io::Write as _;

use feiqian_core::account::SlotHandle;
use feiqian_core::controls::threshold::{crossed, use_of_cap};
use feiqian_core::mirror::Mirror;
use feiqian_core::participant::{SlotCell, SlotTerms};

/// What was in use of each cap after the last block, hundredths of a per cent.
#[derive(Debug)]
pub(crate) struct ThresholdWatch {
    uses: Vec<u32>,
}

/// A position that has reached a threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Crossing {
    /// Hundredths of a per cent of the cap.
    pub(crate) level: u16,
    /// In use now, likewise.
    pub(crate) in_use: u32,
}

impl ThresholdWatch {
    /// As of a block.
    pub(crate) fn of(mirror: &Mirror) -> Self {
        let slots = mirror.slots.iter().zip(mirror.registry.slots());
        Self { uses: slots.map(|(cell, terms)| use_of_cap(cell, terms.cap)).collect() }
    }

    /// The threshold that a position has crossed since the last look at it.
    pub(crate) fn look(
        &mut self,
        mirror: &Mirror,
        slot: SlotHandle,
        (cell, terms): (&SlotCell, &SlotTerms),
    ) -> Option<Crossing> {
        let at = slot as usize;
        if at >= self.uses.len() {
            self.uses.resize(at + 1, 0);
        }
        let in_use = use_of_cap(cell, terms.cap);
        let before = std::mem::replace(self.uses.get_mut(at)?, in_use);
        let level = crossed(mirror.registry.controls().levels_of(slot), before, in_use)?;
        Some(Crossing { level, in_use })
    }
}

impl Crossing {
    /// One line for people.
    pub(crate) fn tell(self, participant: &str, currency: &str) {
        // Nobody is left to tell if standard error is gone too.
        let _ = writeln!(
            std::io::stderr().lock(),
            "feiqian: {participant} {currency} uses {} of its net debit cap, over its threshold of {}",
            percent(self.in_use),
            percent(self.level.into()),
        );
    }
}

fn percent(basis_points: u32) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}

#[cfg(test)]
mod tests {
    use feiqian_core::model::Model;

    use super::*;
    use feiqian_core::controls::SlotControls;
    use feiqian_core::currency::Currency;

    #[test]
    fn a_threshold_is_told_once_until_the_use_has_fallen_below_it() {
        let mirror = Mirror::default();
        let currency = Currency::from_code("EUR").expect("a currency");
        let controls = SlotControls::NONE;
        let terms = SlotTerms {
            participant: 0,
            currency,
            cap: 1_000,
            clearing_account: 0,
            controls,
            model: Model::default(),
        };
        let mut watch = ThresholdWatch::of(&mirror);
        let mut look = |owed: i128| {
            let cell = SlotCell { position: -owed, ..SlotCell::default() };
            watch.look(&mirror, 3, (&cell, &terms)).map(|crossing| (crossing.level, crossing.in_use))
        };
        assert_eq!(look(799), None);
        assert_eq!(look(810), Some((8_000, 8_100)));
        assert_eq!(look(900), None);
        assert_eq!(look(1_000), Some((9_500, 10_000)));
        assert_eq!(look(0), None);
        assert_eq!(look(960), Some((9_500, 9_600)));
        assert_eq!(percent(8_005), "80.05 %");
    }
}
