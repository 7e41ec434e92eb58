//! What a bank relies on, tried from outside: trees of all small sizes against a naive implementation,
//! receipts under a hundred thousand mutations, and the vectors printed in `FORMAT.md`.

mod consistency;
mod format;
mod receipts;

mod naive;

mod sample;
mod trees;
