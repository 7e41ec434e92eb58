//! The engine's time as ISO 8601 texts, and the one clock that messages written here are dated by.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time now, nanoseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// `2026-03-16T08:00:01.250Z` of nanoseconds since 1970.
#[must_use]
pub fn date_time(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    let (seconds, milliseconds) = (milliseconds / 1_000, milliseconds % 1_000);
    let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
    let seconds = seconds % 60;
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z", date(nanoseconds))
}

/// `2026-03-16` of nanoseconds since 1970, in UTC.
#[must_use]
pub fn date(nanoseconds: u64) -> String {
    let (year, month, day) = civil(day_of(nanoseconds));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days since 1970, in UTC.
#[must_use]
pub const fn day_of(nanoseconds: u64) -> u64 {
    nanoseconds / 1_000_000_000 / 86_400
}

/// Whether a day, counted since 1970, is one from Monday to Friday. Holidays are not known here.
#[must_use]
pub const fn is_weekday(day: u64) -> bool {
    // The first day of 1970 was a Thursday.
    (day + 3) % 7 < 5
}

/// Year, month and day of a day counted since 1970.
#[must_use]
pub fn civil(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= days_of(year) {
        days -= days_of(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(month, year) {
        days -= days_in(month, year);
        month += 1;
    }
    (year, month, days + 1)
}

/// The same day so many months later; the month's last one where it has no such day.
#[must_use]
pub fn months_later((year, month, day): (u64, u64, u64), months: u64) -> (u64, u64, u64) {
    let count = month - 1 + months;
    let (year, month) = (year + count / 12, count % 12 + 1);
    (year, month, day.min(days_in(month, year)))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in(month: u64, year: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        let rows = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_773_648_001, "2026-03-16T08:00:01.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ];
        for (seconds, text) in rows {
            assert_eq!(date_time(seconds * 1_000_000_000), text);
        }
        assert_eq!(date_time(1_250_000_000), "1970-01-01T00:00:01.250Z");
        assert_eq!(date(u64::MAX), "2554-07-21");
    }

    #[test]
    fn months_end_where_they_end_and_weeks_have_five_weekdays() {
        assert_eq!(months_later((2026, 3, 16), 13), (2027, 4, 16));
        assert_eq!(months_later((2027, 1, 31), 13), (2028, 2, 29));
        assert_eq!(months_later((2026, 12, 31), 0), (2026, 12, 31));
        // 2026-03-16 was a Monday.
        let monday = day_of(1_773_648_001_000_000_000);
        let week: Vec<bool> = (monday..monday + 7).map(is_weekday).collect();
        assert_eq!(week, [true, true, true, true, true, false, false]);
    }
}
