//! Any bytes, as a table of payments as they are and behind a header that names every column: reading never panics, holds its
//! bounds, and gives the same lines however the bytes come; a line has its payment's id, an amount above zero, and is held to
//! every profile without a panic; what is written down of a refusal is never longer than what an answer has room for.
#![no_main]

use std::io::BufReader;

use feiqian_files::csv::reading::{COLUMNS, CsvReader, Line};
use feiqian_iso20022::profile::{Form, PROFILES};
use feiqian_iso20022::{Limits, ReadError};
use libfuzzer_sys::fuzz_target;

/// Few, so that their bound is met too.
const LINES_MAX: u64 = 64;
/// Characters of a reason: what the longest wording says around the longest field.
const REASON_CHARACTERS_MAX: usize = 1_024;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let mut whole = COLUMNS.join(",").into_bytes();
    whole.push(b'\n');
    whole.extend(bytes);
    read(&whole);
});

fn read(bytes: &[u8]) {
    let lines = lines(bytes, bytes.len().max(1));
    // In pieces of three bytes: no line's end, quote or character may depend on where a buffer ends.
    assert_eq!(lines, self::lines(bytes, 3));
    let Ok(lines) = lines else { return };
    assert!(!lines.is_empty() && lines.len() as u64 <= LINES_MAX);
    assert!(lines.windows(2).all(|pair| pair[0].number < pair[1].number));
    lines.iter().for_each(check);
}

fn lines(bytes: &[u8], piece: usize) -> Result<Vec<Line>, ReadError> {
    let limits = Limits { transactions_max: LINES_MAX, ..Limits::default() };
    let input = BufReader::with_capacity(piece, bytes);
    let mut reader = CsvReader::new(input, limits, *blake3::hash(bytes).as_bytes())?;
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line()? {
        lines.push(line);
    }
    Ok(lines)
}

fn check(line: &Line) {
    match &line.payment {
        Err(refusal) => {
            assert!(refusal.text.chars().count() <= REASON_CHARACTERS_MAX, "{}", refusal.text);
        }
        Ok(payment) => {
            let (_, transfer) = &**payment;
            assert_eq!(transfer.details.ids.uetr, Some(line.uetr));
            for profile in PROFILES {
                let _ = profile.check_form(Form::TABLE, transfer);
            }
        }
    }
}
