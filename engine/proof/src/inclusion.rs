//! Inclusion: that a leaf stands at an index of a tree of a given size. Source: RFC 9162 §2.1.3.2.
//!
//! The verifier decides from its arguments alone. It must never accept a path that is longer or shorter than
//! the one path that index and size allow.

use crate::hash::{Domain, Hash};
use crate::tree::node_of;

/// Nodes on the longest path there can be: a tree has fewer than 2⁶⁴ leaves.
pub const PATH_MAX: usize = 64;

/// Whether `leaf` stands at `index` among the `size` leaves under `root`.
#[must_use]
pub fn verify_inclusion(node: Domain, leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    let by_domain = |left: &Hash, right: &Hash| node_of(node, left, right);
    root_by_path(by_domain, leaf, index, size, path).as_ref() == Some(root)
}

/// The root that `path` leads to from `leaf`, with any node hash; none if the path has not the one length
/// that `index` and `size` allow, or the index lies beyond the size.
pub fn root_by_path(
    node: impl Fn(&Hash, &Hash) -> Hash,
    leaf: Hash,
    index: u64,
    size: u64,
    path: &[Hash],
) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            // An even `at` is the odd end here: it moved up those rows without a sibling. It isn't 0, as
            // `last` isn't.
            let skipped = at.trailing_zeros();
            at >>= skipped;
            last >>= skipped;
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}
