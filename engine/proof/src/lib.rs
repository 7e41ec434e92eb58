//! feiqian-proof: trees, block headers, signatures, receipts and the one verifier of them all.
//!
//! The command line, the node and the validators share this code. It owns every byte that a bank checks
//! without trusting the operator (`FORMAT.md` says each), and it never reads a file, a clock or a random
//! number. Reading order: [`hash`], [`tree`], [`leaf`], [`header`], [`signature`], [`receipt`]; then
//! the log of blocks: [`log`], [`tiles`], [`note`], [`checkpoint`], [`cosignature`], [`witness`], [`policy`],
//! [`cosignature_book`]; and the further proofs: [`kinds`], [`json`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bytes;
mod hex;
mod layout;
mod record;

pub mod domain;
pub mod hash;

pub mod consistency;
pub mod inclusion;
pub mod tree;
pub mod growing;
pub mod groups;

pub mod header;
pub mod leaf;
pub mod salt;

pub mod receipt;
pub mod signature;

pub mod log;
pub mod tiles;
pub mod note;
pub mod checkpoint;
pub mod cosignature;
pub mod witness;
pub mod policy;
pub mod cosignature_book;

pub mod kinds;
pub mod json;

pub use domain::Domain;
pub use hash::Hash;
