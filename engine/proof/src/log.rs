//! The log of blocks: a SHA-256 tree of RFC 6962 over the chain's block headers, entry `h - 1` being block `h`.
//!
//! Hashed otherwise than the trees in a block, so that witnesses and verifiers of other transparency logs can check
//! it. It has no domains: leaves and nodes differ by their first byte, as RFC 6962 §2.1 says. Its files are
//! [`tiles`](crate::tiles)', its signed form is [`checkpoint`](crate::checkpoint)'s.

use alloc::format;
use alloc::string::String;

use sha2::{Digest as _, Sha256};

use crate::consistency;
use crate::hash::Hash;
use crate::inclusion::root_by_path;

pub use crate::consistency::LogHead;

/// The origin line of a chain's log: `feiqian/` and the chain id in 32 lower-case hexadecimal digits.
#[must_use]
pub fn origin_of(chain_id: &[u8; 16]) -> String {
    format!("feiqian/{:032x}", u128::from_be_bytes(*chain_id))
}

/// The hash of an entry: `SHA-256(0x00 ‖ entry)`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new_with_prefix([0x00]).chain_update(entry).finalize().into())
}

/// The hash over two sub-trees: `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new_with_prefix([0x01]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root of a log without entries: `SHA-256("")`.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest(b"").into())
}

/// Whether `entry` stands at `index` of the log with this head.
#[must_use]
pub fn verify_inclusion(entry: &[u8], index: u64, head: &LogHead, path: &[Hash]) -> bool {
    root_by_path(node_hash, leaf_hash(entry), index, head.size, path) == Some(head.root)
}

/// Whether the log of `new` begins with that of `old`, which has at least one entry.
#[must_use]
pub fn verify_consistency(old: &LogHead, new: &LogHead, path: &[Hash]) -> bool {
    consistency::verify_consistency(&node_hash, old, new, path)
}
