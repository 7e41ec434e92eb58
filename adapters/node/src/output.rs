//! All that the program prints: text for people or one JSON object for programs, never both. The only place that
//! writes to standard output; faults go to standard error.

use std::fmt::{Display, Write as _};
use std::io::Write as _;

use serde::Serialize;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether results are printed as JSON.
    pub is_json: bool,
}

impl Output {
    /// A line for people; nothing where JSON is asked for.
    pub fn say(&self, line: impl Display) {
        if !self.is_json {
            write_line(&line);
        }
    }

    /// A result: its JSON on one line, or its text.
    pub fn report(&self, report: &(impl Serialize + Display)) {
        if self.is_json {
            self.object(report);
        } else {
            write_line(&report.to_string().trim_end());
        }
    }

    /// A result that only programs get, as JSON on one line.
    pub fn object(&self, value: &impl Serialize) {
        if self.is_json {
            // Reports are plain structs with text keys, which always have a JSON form.
            let text = serde_json::to_string(value);
            write_line(&text.unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}")));
        }
    }

    /// A fault, on standard error: the line in one write, so that a reader of the log finds no half of it.
    pub fn fault(&self, fault: &impl Display) {
        // Nobody is left to tell if standard error is gone too.
        let _ = std::io::stderr().lock().write_all(format!("feiqian: {fault}\n").as_bytes());
    }
}

/// A closed pipe (`feiqian accounts | head`) ends the printing, not the work.
fn write_line(line: &impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Rows of columns for people; numbers to the right.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    to_right: Vec<bool>,
}

impl Table {
    /// Headings; one that begins with `>` has its column to the right.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let to_right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        let headings = headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
        Self { rows: vec![headings], to_right }
    }

    /// Adds a row of as many cells as there are headings.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..self.to_right.len()).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::from("  ");
            for ((cell, width), to_right) in row.iter().zip(&widths).zip(&self.to_right) {
                match to_right {
                    true => write!(line, "{cell:>width$}  ")?,
                    false => write!(line, "{cell:<width$}  ")?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let rows = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in rows {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["name", ">amount"]);
        table.row(vec!["Müller".into(), "1.00".into()]);
        table.row(vec!["A".into(), "1000.00".into()]);
        assert_eq!(table.to_string(), "  name     amount\n  Müller     1.00\n  A       1000.00\n");
    }
}
