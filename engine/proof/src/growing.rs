//! Trees that are built while their leaves come: rows are folded as soon as they fill the hash lanes, so that
//! little is left to do at the end, and the memory of a tree is some rows of 64 digests, whatever its size.
//!
//! The shape is that of [`tree`](crate::tree): nodes of one row are paired in order, an odd last one moves up.

use alloc::vec::Vec;

use crate::hash::{Digest, Domain, HASH_BYTES, Hash, LANES, Lanes};
use crate::tree::{empty_root, pairs};

/// Digests of a row that are folded together: their 32 parents are two turns of the widest lanes.
const ROW: usize = 4 * LANES;

/// A tree that leaves are only appended to, until its root ends it.
#[derive(Clone, Debug)]
pub struct GrowingTree {
    node: Domain,
    lanes: Lanes,
    /// Of each height, the digests that have no parent yet; fewer than [`ROW`].
    rows: Vec<Vec<Digest>>,
    len: u64,
    kept: Option<Kept>,
}

/// One whole row of the tree, for whoever wants paths without all leaves.
#[derive(Clone, Debug)]
struct Kept {
    height: usize,
    row: Vec<Digest>,
}

impl GrowingTree {
    /// A tree without leaves, with nodes in the domain `node`.
    #[must_use]
    pub fn new(node: Domain) -> Self {
        Self { node, lanes: Lanes::new(node.key()), rows: Vec::new(), len: 0, kept: None }
    }

    /// The same, that keeps its row at `height`, at least 1: one digest for each 2^height leaves.
    #[must_use]
    pub fn keeping(node: Domain, height: usize) -> Self {
        assert!(height > 0, "leaves are not kept");
        Self { kept: Some(Kept { height, row: Vec::new() }), ..Self::new(node) }
    }

    /// The kept row of the tree that was finished last; its root where it is not as high. To be taken before the next
    /// leaf is appended.
    #[must_use]
    pub fn take_kept(&mut self) -> Vec<Hash> {
        let row = self.kept.as_mut().map(|kept| core::mem::take(&mut kept.row)).unwrap_or_default();
        row.into_iter().map(Hash).collect()
    }

    /// The number of leaves.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a leaf.
    #[inline]
    pub fn push(&mut self, leaf: &Digest) {
        self.len += 1;
        match self.rows.first_mut() {
            Some(row) => {
                row.push(*leaf);
                if row.len() == ROW {
                    self.fold(0);
                }
            }
            None => self.row(0).push(*leaf),
        }
    }

    /// Appends leaves.
    pub fn extend(&mut self, leaves: &[Digest]) {
        self.len += leaves.len() as u64;
        let mut rest = leaves;
        while !rest.is_empty() {
            let row = self.row(0);
            let (part, behind) = rest.split_at(rest.len().min(ROW - row.len()));
            row.extend_from_slice(part);
            if row.len() == ROW {
                self.fold(0);
            }
            rest = behind;
        }
    }

    /// The root over all leaves; afterwards there are none.
    #[must_use]
    pub fn finish(&mut self) -> Hash {
        let mut roots = Vec::with_capacity(1);
        finish_all(core::slice::from_mut(self), &mut roots);
        roots[0]
    }

    fn row(&mut self, height: usize) -> &mut Vec<Digest> {
        while self.rows.len() <= height {
            self.rows.push(Vec::with_capacity(ROW));
        }
        &mut self.rows[height]
    }

    /// Replaces a full row by its parents, at the end of the row above, and so on upwards.
    fn fold(&mut self, height: usize) {
        let lanes = self.lanes;
        let end = {
            self.row(height + 1);
            let (below, above) = self.rows.split_at_mut(height + 1);
            let (row, above) = (&mut below[height], &mut above[0]);
            let begin = above.len();
            above.resize(begin + ROW / 2, [0; HASH_BYTES]);
            lanes.hash(pairs(row), &mut above[begin..]);
            row.clear();
            if let Some(kept) = self.kept.as_mut().filter(|kept| kept.height == height + 1) {
                kept.row.extend_from_slice(&above[begin..]);
            }
            above.len()
        };
        if end == ROW {
            self.fold(height + 1);
        }
    }

    /// Whether the digest at `height` is the root.
    fn ends_at(&self, height: usize) -> bool {
        self.rows.get(height).is_none_or(|row| row.len() <= 1)
            && self.rows.iter().skip(height + 1).all(Vec::is_empty)
    }
}

/// Appends the roots of `trees` to `roots`, in their order; afterwards the trees have no leaves.
///
/// What is left of each is less than a row a height: hashed height by height for all trees together, so that
/// the lanes are full however many small trees there are. All of them have one node domain.
pub fn finish_all(trees: &mut [GrowingTree], roots: &mut Vec<Hash>) {
    let first = roots.len();
    roots.extend(trees.iter().map(|tree| empty_root(tree.node)));
    let roots = &mut roots[first..];
    let mut live: Vec<_> = trees.iter_mut().zip(roots).filter(|(tree, _)| tree.len > 0).collect();
    let (mut inputs, mut digests) = (Vec::new(), Vec::new());
    let mut height = 0;
    while !live.is_empty() {
        live.retain_mut(|(tree, root)| {
            let is_live = !tree.ends_at(height);
            if !is_live && let Some(digest) = tree.row(height).pop() {
                **root = Hash(digest);
                tree.len = 0;
                if let Some(kept) = tree.kept.as_mut().filter(|kept| kept.height > height) {
                    kept.row.push(digest);
                }
            }
            is_live
        });
        inputs.clear();
        for (tree, _) in &mut live {
            inputs.extend_from_slice(pairs(tree.row(height)));
        }
        digests.resize(inputs.len(), [0; HASH_BYTES]);
        if let Some((tree, _)) = live.first() {
            tree.lanes.hash(&inputs, &mut digests);
        }
        let mut rest = &digests[..];
        for (tree, _) in &mut live {
            let row = tree.row(height);
            let odd = if row.len() % 2 == 1 { row.pop() } else { None };
            let (parents, behind) = rest.split_at(row.len() / 2);
            row.clear();
            let above = tree.row(height + 1);
            above.extend_from_slice(parents);
            above.extend(odd);
            if let Some(kept) = tree.kept.as_mut().filter(|kept| kept.height == height + 1) {
                kept.row.extend_from_slice(parents);
                kept.row.extend(odd);
            }
            rest = behind;
        }
        height += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::keyed;

    const NODE: Domain = Domain::ParticipantNode;

    fn leaf(at: u64) -> Digest {
        keyed(Domain::TransferLeaf, &at.to_le_bytes()).0
    }

    /// RFC 6962, section 2.1, as it is written there.
    fn root(leaves: &[Digest]) -> Hash {
        match leaves {
            [] => empty_root(NODE),
            [leaf] => Hash(*leaf),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                crate::tree::node_of(NODE, &root(left), &root(right))
            }
        }
    }

    #[test]
    fn a_growing_tree_has_the_root_of_its_leaves_at_every_size_and_can_begin_again() {
        let leaves: Vec<Digest> = (0..5_000).map(leaf).collect();
        let (mut pushed, mut extended) = (GrowingTree::new(NODE), GrowingTree::new(NODE));
        for size in (0..300).chain([511, 512, 513, 2_047, 2_048, 4_095, 4_097, 5_000]) {
            let leaves = &leaves[..size];
            leaves.iter().for_each(|leaf| pushed.push(leaf));
            leaves.chunks(size / 3 + 1).for_each(|part| extended.extend(part));
            assert_eq!((pushed.len(), extended.len()), (size as u64, size as u64));
            assert_eq!([pushed.finish(), extended.finish()], [root(leaves); 2], "{size} leaves");
            assert!(pushed.is_empty() && extended.is_empty());
        }
    }

    #[test]
    fn trees_that_end_together_have_the_roots_that_they_have_alone() {
        let sizes = [0, 1, 700, 64, 0, 2, 3, 65, 128, 4_000, 1];
        let mut trees = alloc::vec![GrowingTree::new(NODE); sizes.len()];
        for (at, (tree, size)) in (0..).zip(trees.iter_mut().zip(sizes)) {
            (0..size).for_each(|number| tree.push(&leaf(at * 10_000 + number)));
        }
        let mut roots = alloc::vec![Hash::default()];
        finish_all(&mut trees, &mut roots);
        for (at, (size, is)) in (0..).zip(sizes.into_iter().zip(&roots[1..])) {
            let leaves: Vec<Digest> = (0..size).map(|number| leaf(at * 10_000 + number)).collect();
            assert_eq!(*is, root(&leaves), "tree {at} of {size}");
        }
        assert_eq!(roots.len(), 1 + sizes.len());
    }

    #[test]
    fn a_kept_row_has_a_root_for_each_group_of_leaves_and_begins_again_with_the_tree() {
        let leaves: Vec<Digest> = (0..2_100).map(leaf).collect();
        for height in [1, 2, 5, 6, 7, 8] {
            let mut tree = GrowingTree::keeping(NODE, height);
            for size in (1..70).chain([127, 128, 255, 256, 257, 511, 512, 513, 1_025, 2_100]) {
                let leaves = &leaves[..size];
                leaves.chunks(size / 3 + 1).for_each(|part| tree.extend(part));
                let whole = tree.finish();
                let groups: Vec<_> = leaves.chunks(1 << height).map(root).collect();
                assert_eq!(tree.take_kept(), groups, "{size} leaves, height {height}");
                let row: Vec<_> = groups.iter().map(|group| group.0).collect();
                assert_eq!(root(&row), whole, "{size} leaves, height {height}");
            }
            assert_eq!((tree.finish(), tree.take_kept()), (empty_root(NODE), Vec::new()));
        }
    }
}
