//! What a bank relies on, tried from outside: trees of all small sizes against a naive implementation, proofs of
//! every kind under known attacks and random mutations, the vectors for other implementations, and the log of
//! blocks against the examples of its specifications.

mod attacks;
mod consistency;
mod format;
mod json;
mod kinds;
mod log;
mod log_format;
mod mutations;
mod notes;
mod privacy;
mod receipts;
mod trees;
mod vectors;
mod witnesses;

mod forgeries;
mod market;
mod naive;
mod sample;
