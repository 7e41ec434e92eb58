//! The built-in types of XML Schema that the messages use, by their lexical rules. Source: W3C XML Schema Part 2.
//!
//! Text in, yes or no out: nothing is converted here, so nothing is rounded.

/// Digits of an `xs:decimal`: all significant ones, and those behind the point; none if it is no decimal.
pub(crate) fn decimal_digits(text: &str) -> Option<(usize, usize)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0').len();
    Some((whole.trim_start_matches('0').len() + fraction, fraction))
}

/// Whether a decimal lies below `least` (0 or 1).
pub(crate) fn is_below(text: &str, least: u32) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_zero = unsigned.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let has_whole = unsigned.split('.').next().is_some_and(|whole| whole.bytes().any(|byte| byte != b'0'));
    (text.starts_with('-') && !is_zero) || (least > 0 && !has_whole)
}

pub(crate) fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false" | "1" | "0")
}

/// `YYYY-MM-DD` with an optional zone.
pub(crate) fn is_date(text: &str) -> bool {
    date(text).is_some_and(is_zone)
}

/// `YYYY-MM-DDThh:mm:ss[.f]` with an optional zone; 24:00:00 is the end of a day.
pub(crate) fn is_date_time(text: &str) -> bool {
    date(text).and_then(|rest| rest.strip_prefix('T')).and_then(time).is_some_and(is_zone)
}

pub(crate) fn is_time(text: &str) -> bool {
    time(text).is_some_and(is_zone)
}

pub(crate) fn is_year(text: &str) -> bool {
    year(text).is_some_and(|(_, rest)| is_zone(rest))
}

pub(crate) fn is_year_month(text: &str) -> bool {
    let month = year(text).and_then(|(_, rest)| field(rest.strip_prefix('-')?, 1, 12));
    month.is_some_and(|(_, rest)| is_zone(rest))
}

/// Bytes that a base64 text stands for (white space within is allowed); none if it is no base64.
pub(crate) fn base64_bytes(text: &str) -> Option<usize> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let body = symbols.iter().take_while(|byte| **byte != b'=').count();
    let padding = symbols.len() - body;
    let is_symbol = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let is_whole = symbols.len().is_multiple_of(4)
        && padding <= 2
        && symbols.iter().take(body).all(is_symbol)
        && symbols.iter().skip(body).all(|byte| *byte == b'=');
    if is_whole { Some(symbols.len() / 4 * 3 - padding) } else { None }
}

/// Takes two digits from `low` to `high`.
fn field(text: &str, low: u32, high: u32) -> Option<(u32, &str)> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let value = digits.parse().ok().filter(|value| (low..=high).contains(value))?;
    Some((value, text.get(2..)?))
}

/// Takes a year of four or more digits, with an optional sign; no year 0 and no leading zero beyond four digits.
fn year(text: &str) -> Option<(u64, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let length = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let digits = unsigned.get(..length)?;
    let is_padded = length > 4 && digits.starts_with('0');
    let year = digits.parse().ok().filter(|year| *year != 0 && length >= 4 && !is_padded)?;
    Some((year, unsigned.get(length..)?))
}

fn date(text: &str) -> Option<&str> {
    let (year, rest) = year(text)?;
    let (month, rest) = field(rest.strip_prefix('-')?, 1, 12)?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    field(rest.strip_prefix('-')?, 1, days).map(|(_, rest)| rest)
}

fn time(text: &str) -> Option<&str> {
    let (hour, rest) = field(text, 0, 24)?;
    let (minute, rest) = field(rest.strip_prefix(':')?, 0, 59)?;
    let (second, rest) = field(rest.strip_prefix(':')?, 0, 59)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(behind) => {
            let length = behind.bytes().take_while(u8::is_ascii_digit).count();
            (behind.get(..length).filter(|digits| !digits.is_empty())?, behind.get(length..)?)
        }
        None => ("", rest),
    };
    let is_midnight = minute == 0 && second == 0 && fraction.bytes().all(|digit| digit == b'0');
    if hour == 24 && !is_midnight { None } else { Some(rest) }
}

/// Nothing, `Z`, or an offset of at most 14 hours.
fn is_zone(text: &str) -> bool {
    if matches!(text, "" | "Z") {
        return true;
    }
    let offset = text.strip_prefix(['+', '-']).and_then(|rest| field(rest, 0, 14));
    let minutes = offset.and_then(|(hours, rest)| Some((hours, field(rest.strip_prefix(':')?, 0, 59)?)));
    minutes.is_some_and(|(hours, (minutes, rest))| rest.is_empty() && (hours < 14 || minutes == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_follow_the_calendar() {
        for good in ["2024-02-29", "2026-12-31Z", "2026-01-01+14:00", "-0001-01-01", "12026-01-01"] {
            assert!(is_date(good), "{good}");
        }
        for bad in
            ["2023-02-29", "2026-13-01", "2026-04-31", "26-01-01", "0000-01-01", "2026-01-01+14:01", "x", "é"]
        {
            assert!(!is_date(bad), "{bad}");
        }
        for good in ["2026-01-01T24:00:00", "2026-01-01T23:59:59.999+01:00", "2026-01-01T00:00:00Z"] {
            assert!(is_date_time(good), "{good}");
        }
        for bad in [
            "2026-01-01",
            "2026-01-01T24:00:01",
            "2026-01-01T23:60:00",
            "2026-01-01T23:59:59.",
            "2026-01-01 00:00:00",
        ] {
            assert!(!is_date_time(bad), "{bad}");
        }
        assert!(is_time("08:00:00") && !is_time("8:00:00"));
        assert!(is_year("2026") && !is_year("026") && is_year_month("2026-07") && !is_year_month("2026-00"));
    }

    #[test]
    fn decimals_are_counted_by_their_significant_digits() {
        let rows =
            [("+01.50", Some((2, 1))), (".5", Some((1, 1))), ("5.", Some((1, 0))), ("0", Some((0, 0)))];
        for (text, expected) in rows {
            assert_eq!(decimal_digits(text), expected, "{text}");
        }
        for bad in ["", ".", "-", "1,5", "1e3", "NaN", "INF", "1.2.3"] {
            assert_eq!(decimal_digits(bad), None, "{bad}");
        }
        assert!(is_below("-0.01", 0) && !is_below("-0", 0) && is_below("0.5", 1) && !is_below("1", 1));
    }

    #[test]
    fn base64_is_measured_in_bytes() {
        for (text, bytes) in
            [("", Some(0)), ("QQ==", Some(1)), ("QUI=", Some(2)), ("QU JD", Some(3)), ("QQ=", None)]
        {
            assert_eq!(base64_bytes(text), bytes, "{text}");
        }
        assert_eq!(base64_bytes("Q=Q="), None);
    }
}
