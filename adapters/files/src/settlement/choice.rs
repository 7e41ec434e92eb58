//! What of a cycle is told: a part of its time, and entries of one side. Balances are of all entries in any case; what is
//! left out is left out of the entries and of their sums alone.

/// A part of a cycle by the times of its entries, nanoseconds since 1970: from the first moment on, before the second. So
/// parts that follow each other have each entry once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// Whether something lies before, in or behind a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Before,
    Within,
    Behind,
}

impl Part {
    /// Where a time lies.
    pub(crate) const fn side(self, timestamp: u64) -> Side {
        if timestamp < self.from {
            Side::Before
        } else if timestamp < self.until {
            Side::Within
        } else {
            Side::Behind
        }
    }

    /// Whether some of a span of time lies in it: from its first moment on, before the second.
    pub(crate) const fn touches(self, first: u64, end: u64) -> bool {
        first < self.until && self.from < end
    }
}

/// Which entries.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Entries {
    #[default]
    All,
    Credits,
    Debits,
}

/// What of a cycle is told.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Choice {
    /// None for the whole cycle.
    pub(crate) part: Option<Part>,
    pub(crate) entries: Entries,
}

impl Choice {
    /// Where an entry of the cycle lies.
    pub(crate) fn side(self, timestamp: u64) -> Side {
        self.part.map_or(Side::Within, |part| part.side(timestamp))
    }

    /// Whether entries of that side are told.
    pub(crate) const fn tells(self, is_credit: bool) -> bool {
        match self.entries {
            Entries::All => true,
            Entries::Credits => is_credit,
            Entries::Debits => !is_credit,
        }
    }

    /// What tells the ids of its reports from those of the whole cycle, and of others; none where it is the whole.
    pub(crate) fn mark(self, end_block: u64) -> Option<String> {
        if self == Self::default() {
            return None;
        }
        let Part { from, until } = self.part.unwrap_or(Part { from: 0, until: u64::MAX });
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        for number in [from, until, end_block, self.entries as u64] {
            hasher.update(&number.to_le_bytes());
        }
        let hex = hasher.finalize().to_hex();
        Some(format!("P{}", hex.get(..8).unwrap_or_default()))
    }
}

const CONTEXT: &str = "feiqian 2026 files report part v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_follow_each_other_have_each_moment_once() {
        let (first, second) = (Part { from: 10, until: 20 }, Part { from: 20, until: 30 });
        let sides = |at| (first.side(at), second.side(at));
        assert_eq!(sides(9), (Side::Before, Side::Before));
        assert_eq!(sides(19), (Side::Within, Side::Before));
        assert_eq!(sides(20), (Side::Behind, Side::Within));
        assert_eq!(sides(30), (Side::Behind, Side::Behind));
        assert!(
            first.touches(0, 11) && first.touches(19, 50) && !first.touches(0, 10) && !first.touches(20, 50)
        );
    }

    #[test]
    fn reports_of_other_parts_and_sides_have_other_ids() {
        let part = |from, entries| Choice { part: Some(Part { from, until: 30 }), entries };
        let marks: std::collections::BTreeSet<_> = [
            Choice::default().mark(7),
            part(10, Entries::All).mark(7),
            part(10, Entries::All).mark(8),
            part(20, Entries::All).mark(7),
            part(20, Entries::Credits).mark(7),
            part(20, Entries::Debits).mark(7),
        ]
        .into();
        assert_eq!(marks.len(), 6);
    }
}
