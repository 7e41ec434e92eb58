//! The answer to a file of payments: one line for each of its lines, in its order. Safe to open in a spreadsheet: what a cell
//! would be taken for a formula by is put behind an apostrophe.

use std::io::{self, Write};

/// The result's columns.
const HEADER: &str = "line,uetr,end_to_end_id,status,reason,text,clearing_reference\n";

/// One line of a result.
#[derive(Clone, Debug, Default)]
pub(super) struct ResultLine<'a> {
    /// Number of the line that it answers; 0 for the file as a whole.
    pub(super) number: u64,
    pub(super) uetr: &'a str,
    pub(super) end_to_end_id: &'a str,
    /// `ACSP`, `RJCT` or `PDNG`.
    pub(super) status: &'a str,
    /// ISO 20022 external status reason code; empty where there is none.
    pub(super) reason: &'a str,
    pub(super) text: &'a str,
    /// Number of the journal's entry, empty where there is none.
    pub(super) clearing_reference: &'a str,
}

pub(super) fn begin(out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEADER.as_bytes())
}

pub(super) fn write(out: &mut impl Write, line: &ResultLine<'_>) -> io::Result<()> {
    write!(out, "{}", line.number)?;
    let cells = [line.uetr, line.end_to_end_id, line.status, line.reason, line.text, line.clearing_reference];
    for cell in cells {
        write!(out, ",{}", escaped(cell))?;
    }
    out.write_all(b"\n")
}

/// A cell as it is written. Source of the first characters: OWASP, CSV injection.
fn escaped(cell: &str) -> String {
    let is_formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ',', '\n', '\r', ';']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_cell_is_a_formula() {
        let rows = [
            ("E2E-1", "E2E-1"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@SUM(1,2)", "\"'@SUM(1,2)\""),
            ("-1+1", "'-1+1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
        ];
        for (cell, expected) in rows {
            assert_eq!(escaped(cell), expected);
        }
        let mut out = Vec::new();
        begin(&mut out).expect("a vector");
        write(&mut out, &ResultLine { number: 2, status: "RJCT", ..ResultLine::default() })
            .expect("a vector");
        assert_eq!(out, format!("{HEADER}2,,,RJCT,,,\n").into_bytes());
    }
}
