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

/// When that is over which lasts until `text`, nanoseconds since 1970: of a date its day's end, of a date and time the moment
/// itself; in UTC where no zone is named. None where it is no ISO date, or not from 1970 to 2553.
#[must_use]
pub fn end_of(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = split_zone(rest)?;
    let mut parts = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date = (1970..2554).contains(&year) && (1..=12).contains(&month);
    if !is_date || day == 0 || day > days_in(month, year) {
        return None;
    }
    let days = (1970..year).map(days_of).sum::<u64>()
        + (1..month).map(|month| days_in(month, year)).sum::<u64>()
        + (day - 1);
    let within = if time.is_empty() { 86_400_000_000_000 } else { nanoseconds_of(time)? };
    let local = i128::from(days) * 86_400_000_000_000 + i128::from(within);
    u64::try_from(local - i128::from(zone) * 60_000_000_000).ok()
}

/// What stands behind a date: its time, if any, and its zone in minutes.
fn split_zone(text: &str) -> Option<(&str, i64)> {
    let time_end = text.find(['Z', '+', '-']).unwrap_or(text.len());
    let (time, zone) = text.split_at_checked(time_end)?;
    let minutes = match zone {
        "" | "Z" => 0,
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    match time.strip_prefix('T') {
        Some(time) if !time.is_empty() => Some((time, minutes)),
        _ if time.is_empty() => Some((time, minutes)),
        _ => None,
    }
}

/// `08:00:01.25` since the day's beginning.
fn nanoseconds_of(time: &str) -> Option<u64> {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let fraction: u64 = format!("{:0<9.9}", fraction).parse().ok()?;
    let is_time = hours <= 24 && minutes < 60 && seconds < 60;
    is_time.then_some((hours * 3_600 + minutes * 60 + seconds) * 1_000_000_000 + fraction)
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
    fn what_lasts_until_a_moment_ends_there_and_until_a_date_with_its_day() {
        let rows = [
            ("1970-01-01", Some(86_400_000)),
            ("2026-03-16", Some(1_773_705_600_000)),
            ("2026-03-16Z", Some(1_773_705_600_000)),
            ("2026-03-16+02:00", Some(1_773_698_400_000)),
            ("2026-03-16T08:00:01", Some(1_773_648_001_000)),
            ("2026-03-16T08:00:01.25Z", Some(1_773_648_001_250)),
            ("2026-03-16T08:00:01-05:30", Some(1_773_667_801_000)),
            ("2026-03-16T24:00:00", Some(1_773_705_600_000)),
            ("2026-02-29", None),
            ("1969-12-31", None),
            ("2026-03-16T", None),
            ("2026-03-16T25:00:00", None),
            ("tomorrow", None),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(end_of(text), milliseconds.map(|of: u64| of * 1_000_000), "{text}");
        }
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
