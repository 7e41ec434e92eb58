//! Consistency: that a longer log begins with all of a shorter one. Source: RFC 9162 §2.1.4.
//!
//! Any node hash will do, since the log of block headers is hashed otherwise than the trees in a block.
//! Sizes come from signed checkpoints; a size of 0 proves nothing and is refused.

use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::Range;

use crate::hash::Hash;

/// The nodes that prove that the log over `leaves` begins with its first `first` leaves.
///
/// # Panics
/// If `first` is 0 or more than there are leaves.
#[must_use]
pub fn consistency_path(node: &impl Fn(&Hash, &Hash) -> Hash, leaves: &[Hash], first: usize) -> Vec<Hash> {
    let mut root = |range: Range<u64>| {
        let [start, end] =
            [range.start, range.end].map(|at| usize::try_from(at).expect("an index of a slice"));
        Ok::<Hash, Infallible>(root_over(node, &leaves[start..end]))
    };
    match consistency_path_by(&mut root, leaves.len() as u64, first as u64) {
        Ok(path) => path,
        Err(never) => match never {},
    }
}

/// [`consistency_path`] where the tree is not at hand as leaves: `root` gives the root over a range of leaves that is
/// a sub-tree of the log of `size`.
///
/// # Errors
/// What `root` answers.
///
/// # Panics
/// If `first` is 0 or more than `size`.
pub fn consistency_path_by<E>(
    root: &mut impl FnMut(Range<u64>) -> Result<Hash, E>,
    size: u64,
    first: u64,
) -> Result<Vec<Hash>, E> {
    assert!(first > 0 && first <= size, "a log is consistent with a part of itself");
    let mut path = Vec::new();
    sub_path(root, 0..size, first, true, &mut path)?;
    Ok(path)
}

/// `known` says that the verifier holds the root of the leaves before `first`, because it is the old root.
fn sub_path<E>(
    root: &mut impl FnMut(Range<u64>) -> Result<Hash, E>,
    range: Range<u64>,
    first: u64,
    known: bool,
    path: &mut Vec<Hash>,
) -> Result<(), E> {
    if first == range.end {
        if !known {
            path.push(root(range)?);
        }
        return Ok(());
    }
    let middle = range.start + left_size(range.end - range.start);
    if first <= middle {
        sub_path(root, range.start..middle, first, known, path)?;
        path.push(root(middle..range.end)?);
    } else {
        sub_path(root, middle..range.end, first, false, path)?;
        path.push(root(range.start..middle)?);
    }
    Ok(())
}

/// The root over one leaf or more, with any node hash.
fn root_over(node: &impl Fn(&Hash, &Hash) -> Hash, leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    node(&root_over(node, left), &root_over(node, right))
}

/// The largest power of two below `size`, which is at least 2.
pub(crate) const fn left_size(size: u64) -> u64 {
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
