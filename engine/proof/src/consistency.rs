//! Consistency: that a longer log begins with all of a shorter one. Source: RFC 9162 §2.1.4.
//!
//! Any node hash will do, since the log of block headers is hashed otherwise than the trees in a block.
//! Sizes come from signed checkpoints; a size of 0 proves nothing and is refused.

use alloc::vec::Vec;

use crate::hash::Hash;

/// The nodes that prove that the log over `leaves` begins with its first `first` leaves.
///
/// # Panics
/// If `first` is 0 or more than there are leaves.
#[must_use]
pub fn consistency_path(node: &impl Fn(&Hash, &Hash) -> Hash, leaves: &[Hash], first: usize) -> Vec<Hash> {
    assert!(first > 0 && first <= leaves.len(), "a log is consistent with a part of itself");
    let mut path = Vec::new();
    sub_path(node, leaves, first, true, &mut path);
    path
}

/// `known` says that the verifier holds the root of the first `first` leaves, because it is the old root.
fn sub_path(
    node: &impl Fn(&Hash, &Hash) -> Hash,
    leaves: &[Hash],
    first: usize,
    known: bool,
    path: &mut Vec<Hash>,
) {
    if first == leaves.len() {
        path.extend((!known).then(|| root_over(node, leaves)));
        return;
    }
    let (left, right) = leaves.split_at(left_size(leaves.len()));
    if first <= left.len() {
        sub_path(node, left, first, known, path);
        path.push(root_over(node, right));
    } else {
        sub_path(node, right, first - left.len(), false, path);
        path.push(root_over(node, left));
    }
}

/// The root over one leaf or more, with any node hash.
fn root_over(node: &impl Fn(&Hash, &Hash) -> Hash, leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(left_size(leaves.len()));
    node(&root_over(node, left), &root_over(node, right))
}

/// The largest power of two below `size`, which is at least 2.
const fn left_size(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

/// The size of a log and the root over it, as a checkpoint states them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogHead {
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Whether `path` proves that the log of `new` begins with that of `old`.
#[must_use]
pub fn verify_consistency(
    node: &impl Fn(&Hash, &Hash) -> Hash,
    old: &LogHead,
    new: &LogHead,
    path: &[Hash],
) -> bool {
    if old.size == new.size {
        return old.size > 0 && path.is_empty() && old.root == new.root;
    }
    if old.size == 0 || old.size > new.size {
        return false;
    }
    match path.split_first() {
        // A complete left sub-tree is the old log itself, so its root is not sent.
        Some(_) if old.size.is_power_of_two() => heads_by_path(node, old, new, old.root, path),
        Some((first, rest)) => heads_by_path(node, old, new, *first, rest),
        None => false,
    }
}

/// Climbs from the last whole sub-tree of the old log to both roots at once.
fn heads_by_path(
    node: &impl Fn(&Hash, &Hash) -> Hash,
    old: &LogHead,
    new: &LogHead,
    start: Hash,
    path: &[Hash],
) -> bool {
    let whole = (old.size - 1).trailing_ones();
    let (mut at, mut last) = ((old.size - 1) >> whole, (new.size - 1) >> whole);
    let (mut old_root, mut new_root) = (start, start);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_root = node(sibling, &old_root);
            new_root = node(sibling, &new_root);
            // An even `at` is the odd end here: it moved up those rows without a sibling.
            let skipped = at.trailing_zeros();
            at >>= skipped;
            last >>= skipped;
        } else {
            new_root = node(&new_root, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_root == old.root && new_root == new.root
}
