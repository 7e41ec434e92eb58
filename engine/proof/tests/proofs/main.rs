//! What a bank relies on, tried from outside: trees of all small sizes against a naive implementation,
//! receipts under a hundred thousand mutations, the vectors printed in `FORMAT.md`, and the log of blocks
//! against the examples of its specifications.

mod attacks;
mod consistency;
mod format;
mod log;
mod log_format;
mod notes;
mod json;
mod kinds;
mod mutations;
mod privacy;
mod receipts;
mod witnesses;

mod naive;

mod forgeries;
mod market;
mod sample;
mod trees;
mod vectors;
