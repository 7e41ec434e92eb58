//! Payments as CSV: a table whose columns have ISO 20022's names, and a result with one line for each of its lines.
//!
//! Reading order: `fields` (one line of text to fields, strictly), [`reading`] (a file to lines),
//! `values` (a line to a payment), `intake` (what happens to a
//! file), `results` (the answer). A line becomes the same values as a pacs.008's transaction, and from there on is one.
//!
//! A file is read to its end before any of it is submitted: one that can't be read as a table has no effect at all.

pub mod reading;
mod fields;
mod values;
mod intake;
mod results;

pub(crate) use intake::{is_csv, take};
