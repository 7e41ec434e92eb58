//! Inclusion: that a leaf stands at an index of a tree of a given size. Source: RFC 9162 §2.1.3.2.
//!
//! The verifier decides from its arguments alone. It must never accept a path that is longer or shorter than
//! the one path that index and size allow.

use alloc::vec::Vec;
use core::ops::Range;

use crate::consistency::left_size;
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

/// The siblings that lead from the leaf at `index` to the root of a tree of `size`, lowest first, where the tree is
/// not at hand as leaves: `root` gives the root over a range of leaves that is a sub-tree.
///
/// # Errors
/// What `root` answers.
///
/// # Panics
/// If there is no such leaf.
pub fn inclusion_path_by<E>(
    root: &mut impl FnMut(Range<u64>) -> Result<Hash, E>,
    size: u64,
    index: u64,
) -> Result<Vec<Hash>, E> {
    assert!(index < size, "a path starts at a leaf of the tree");
    let mut path = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let middle = range.start + left_size(range.end - range.start);
        let (onward, sibling) = match index < middle {
            true => (range.start..middle, middle..range.end),
            false => (middle..range.end, range.start..middle),
        };
        path.push(root(sibling)?);
        range = onward;
    }
    // Found from the root down.
    path.reverse();
    Ok(path)
}
