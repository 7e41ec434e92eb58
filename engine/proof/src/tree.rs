//! Merkle trees of the RFC 6962 shape: split at the largest power of two below n, an odd node moves up
//! as it is, never doubled. Built row by row, many nodes at a time.
//!
//! A node is one 64-byte compression of left ‖ right under the tree's node domain. Nodes hold no sums and
//! no sizes: the number of leaves is told beside the root, and the verifier needs it.

use alloc::vec::Vec;

use crate::growing::GrowingTree;
use crate::hash::{Digest, Domain, HASH_BYTES, Hash, LANES, Lanes, keyed};

pub use crate::inclusion::verify_inclusion;

/// The node over two children.
#[must_use]
pub fn node_of(node: Domain, left: &Hash, right: &Hash) -> Hash {
    keyed(node, &pair(left, right))
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root(node: Domain) -> Hash {
    keyed(node, b"")
}

/// The root over `leaves`, in their order.
#[must_use]
pub fn root_of(node: Domain, leaves: &[Hash]) -> Hash {
    let mut tree = GrowingTree::new(node);
    leaves.iter().for_each(|leaf| tree.push(&leaf.0));
    tree.finish()
}

/// The siblings that lead from the leaf at `index` to the root, lowest first.
///
/// # Panics
/// If there is no such leaf.
#[must_use]
pub fn path_of(node: Domain, leaves: &[Hash], index: usize) -> Vec<Hash> {
    assert!(index < leaves.len(), "a path starts at a leaf of the tree");
    let lanes = Lanes::new(node.key());
    let mut row: Vec<Digest> = leaves.iter().map(|leaf| leaf.0).collect();
    let mut path = Vec::new();
    let mut at = index;
    while row.len() > 1 {
        path.extend(row.get(at ^ 1).copied().map(Hash));
        row = row_above(&lanes, &row);
        at >>= 1;
    }
    path
}

fn pair(left: &Hash, right: &Hash) -> [u8; 2 * HASH_BYTES] {
    let mut bytes = [0; 2 * HASH_BYTES];
    bytes[..HASH_BYTES].copy_from_slice(&left.0);
    bytes[HASH_BYTES..].copy_from_slice(&right.0);
    bytes
}

/// The children of each node over a row, as they lie: an odd last one is in none.
pub(crate) fn pairs(row: &[Digest]) -> &[[u8; 2 * HASH_BYTES]] {
    row.as_flattened().as_chunks().0
}

fn row_above(lanes: &Lanes, row: &[Digest]) -> Vec<Digest> {
    let mut above = alloc::vec![[0; HASH_BYTES]; row.len().div_ceil(2)];
    lanes.hash(pairs(row), &mut above);
    if row.len() % 2 == 1 {
        above[row.len() / 2] = row[row.len() - 1];
    }
    above
}

/// A tree that keeps all its rows, so that a change costs its path and not the whole.
///
/// Changes are noted, and hashed when the root or a path is asked for: one hash for each node above a
/// changed leaf, however many changes it saw.
#[derive(Clone, Debug)]
pub struct Tree {
    node: Domain,
    /// Row 0 holds the leaves; each further one half as many, up to the root.
    rows: Vec<Vec<Digest>>,
    changed: Marks,
}

impl Tree {
    /// A tree without leaves, with nodes in the domain `node`.
    #[must_use]
    pub fn new(node: Domain) -> Self {
        Self::from_leaves(node, Vec::new())
    }

    /// A tree over `leaves`, hashed at once.
    #[must_use]
    pub fn from_leaves(node: Domain, leaves: Vec<Hash>) -> Self {
        let lanes = Lanes::new(node.key());
        let mut changed = Marks::default();
        changed.grow(leaves.len());
        let mut rows = alloc::vec![leaves.into_iter().map(|leaf| leaf.0).collect::<Vec<_>>()];
        while let Some(row) = rows.last().filter(|row| row.len() > 1) {
            let above = row_above(&lanes, row);
            rows.push(above);
        }
        Self { node, rows, changed }
    }

    /// The number of leaves.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows[0].len()
    }

    /// Whether there are no leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The leaf at `index`, if there is one.
    #[must_use]
    pub fn leaf(&self, index: usize) -> Option<Hash> {
        self.rows[0].get(index).copied().map(Hash)
    }

    /// Replaces the leaf at `index`.
    ///
    /// # Panics
    /// If there is no such leaf.
    pub fn set(&mut self, index: usize, leaf: Hash) {
        self.rows[0][index] = leaf.0;
        self.changed.mark(index);
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let index = self.len();
        self.rows[0].push(leaf.0);
        self.changed.grow(index + 1);
        self.changed.mark(index);
    }

    /// The root over all leaves.
    pub fn root(&mut self) -> Hash {
        self.refresh();
        let top = &self.rows[self.rows.len() - 1];
        top.first().copied().map_or_else(|| empty_root(self.node), Hash)
    }

    /// The siblings that lead from the leaf at `index` to the root, lowest first.
    ///
    /// # Panics
    /// If there is no such leaf.
    pub fn path(&mut self, index: usize) -> Vec<Hash> {
        assert!(index < self.len(), "a path starts at a leaf of the tree");
        self.refresh();
        let siblings = self.rows.iter().enumerate().map(|(height, row)| row.get((index >> height) ^ 1));
        siblings.flatten().copied().map(Hash).collect()
    }

    /// Hashes the nodes above all changed leaves, row by row.
    fn refresh(&mut self) {
        let mut changed = self.changed.take();
        if changed.is_empty() {
            return;
        }
        let lanes = Lanes::new(self.node.key());
        let mut height = 0;
        while self.rows[height].len() > 1 {
            if self.rows.len() == height + 1 {
                self.rows.push(Vec::new());
            }
            let (below, above) = self.rows.split_at_mut(height + 1);
            let (below, above) = (&below[height], &mut above[0]);
            above.resize(below.len().div_ceil(2), [0; HASH_BYTES]);
            to_parents(&mut changed);
            hash_parents(&lanes, below, above, &changed);
            height += 1;
        }
    }
}

/// Turns ascending indices of nodes into those of their parents.
fn to_parents(changed: &mut Vec<usize>) {
    changed.iter_mut().for_each(|index| *index >>= 1);
    changed.dedup();
}

/// Hashes the nodes of row `above` that `changed` names, ascending.
fn hash_parents(lanes: &Lanes, below: &[Digest], above: &mut [Digest], changed: &[usize]) {
    let odd_end = (below.len() % 2 == 1).then(|| above.len() - 1);
    let moved_up = changed.last().copied().filter(|last| Some(*last) == odd_end);
    if let Some(last) = moved_up {
        above[last] = below[2 * last];
    }
    let hashed = &changed[..changed.len() - usize::from(moved_up.is_some())];
    let below = pairs(below);
    for group in hashed.chunks(LANES) {
        let mut children = [&below[group[0]]; LANES];
        for (slot, index) in children.iter_mut().zip(group) {
            *slot = &below[*index];
        }
        let mut digests = [[0; HASH_BYTES]; LANES];
        lanes.hash_group(&children[..group.len()], &mut digests);
        for (index, digest) in group.iter().zip(&digests) {
            above[*index] = *digest;
        }
    }
}

/// Which leaves changed: a bit each, and a bit for each word of bits that has one set.
///
/// Bounded by the tree's size however often a leaf changes, and read out in order without sorting: a hundred
/// million leaves cost a scan of 24,415 words and the marked ones.
#[derive(Clone, Debug, Default)]
struct Marks {
    words: Vec<u64>,
    summary: Vec<u64>,
}

impl Marks {
    const BITS: usize = 64;

    fn grow(&mut self, leaves: usize) {
        self.words.resize(leaves.div_ceil(Self::BITS), 0);
        self.summary.resize(self.words.len().div_ceil(Self::BITS), 0);
    }

    fn mark(&mut self, index: usize) {
        let word = index / Self::BITS;
        self.words[word] |= 1 << (index % Self::BITS);
        self.summary[word / Self::BITS] |= 1 << (word % Self::BITS);
    }

    /// The marked indices, ascending; afterwards none is marked.
    fn take(&mut self) -> Vec<usize> {
        let mut marked = Vec::new();
        for (at, summary) in self.summary.iter_mut().enumerate() {
            for word in ones(core::mem::take(summary), at) {
                marked.extend(ones(core::mem::take(&mut self.words[word]), word));
            }
        }
        marked
    }
}

/// The indices of the bits set in `bits`, the word number `at`.
fn ones(mut bits: u64, at: usize) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = (bits != 0).then_some(bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(at * Marks::BITS + lowest as usize)
    })
}
