//! How long after a payment it may be recalled, by reason, and how long its receiver's bank may think about it. By dates in
//! UTC; business days are those from Monday to Friday.

use crate::timestamp::{civil, day_of, is_weekday, months_later};

/// The limits of recalls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecallLimits {
    /// Business days for DUPL and TECH, and for every reason that is not named here.
    pub business_days: u64,
    /// Months for FRAD, AC03, AM09 and CUST.
    pub months: u64,
    /// Business days for the answer.
    pub answer_business_days: u64,
}

impl Default for RecallLimits {
    /// Those of the SEPA credit transfer rulebooks.
    fn default() -> Self {
        Self { business_days: 10, months: 13, answer_business_days: 15 }
    }
}

/// Reasons that may be given for months.
const LONG: [&str; 4] = ["AC03", "AM09", "CUST", "FRAD"];

impl RecallLimits {
    /// Whether a payment of `paid` may be recalled at `now` for a reason; nanoseconds since 1970.
    pub(crate) fn allows(&self, reason: &str, paid: u64, now: u64) -> bool {
        let (paid, today) = (day_of(paid), day_of(now));
        if LONG.contains(&reason) {
            return civil(today) <= months_later(civil(paid), self.months);
        }
        business_days(paid, today, self.business_days) <= self.business_days
    }

    /// Whether an answer to a recall of `asked` is overdue at `now`; nanoseconds since 1970.
    pub(crate) fn is_overdue(&self, asked: u64, now: u64) -> bool {
        let days = self.answer_business_days;
        business_days(day_of(asked), day_of(now), days) > days
    }
}

/// Business days after `first` up to `last`, counted no further than one beyond `most`.
fn business_days(first: u64, last: u64, most: u64) -> u64 {
    let mut count = 0;
    for day in first.saturating_add(1)..=last {
        count += u64::from(is_weekday(day));
        if count > most {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400 * 1_000_000_000;
    /// Monday 2026-03-16, 08:00:01 UTC.
    const MONDAY: u64 = 1_773_648_001_000_000_000;

    #[test]
    fn a_recall_is_in_time_by_its_reason() {
        let limits = RecallLimits::default();
        let rows = [
            ("DUPL", 0, true),
            ("DUPL", 14, true),
            ("DUPL", 15, false),
            ("TECH", 14, true),
            ("TECH", 15, false),
            ("XXXX", 15, false),
            ("FRAD", 15, true),
            ("AM09", 396, true),
            ("CUST", 396, true),
            ("CUST", 397, false),
        ];
        for (reason, days, expected) in rows {
            let found = limits.allows(reason, MONDAY, MONDAY + days * DAY);
            assert_eq!(found, expected, "{reason} after {days} days");
        }
    }

    #[test]
    fn an_answer_is_overdue_after_fifteen_business_days() {
        let limits = RecallLimits::default();
        assert!(!limits.is_overdue(MONDAY, MONDAY + 21 * DAY));
        assert!(limits.is_overdue(MONDAY, MONDAY + 22 * DAY));
    }
}
