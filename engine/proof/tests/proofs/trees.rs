//! I8: trees of all sizes from 1 to 300, all indices, against the naive tree; and trees that change.

use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::leaf::config_leaf;
use feiqian_proof::tree::{Tree, empty_root, node_of, path_of, root_of, verify_inclusion};

use crate::naive::{Digest, Nodes, sides};
use crate::sample::{Random, leaves};

const NODE: Domain = Domain::TransferNode;

fn naive() -> Nodes {
    Nodes::of("feiqian 2026 transfer node")
}

fn plain(hashes: &[Hash]) -> Vec<Digest> {
    hashes.iter().map(|hash| hash.0).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    root_of(NODE, leaves)
}

#[test]
fn roots_and_paths_of_all_sizes_to_300_are_those_of_rfc_6962() {
    let all = leaves(300);
    for size in 1..=all.len() {
        let leaves = &all[..size];
        let flat = plain(leaves);
        let mut tree = Tree::from_leaves(NODE, leaves.to_vec());
        let root = root(leaves);
        assert_eq!(root.0, naive().root(&flat), "{size}");
        assert_eq!(tree.root(), root, "{size}");
        for index in 0..size {
            let path = path_of(NODE, leaves, index);
            assert_eq!(path, tree.path(index), "{index} of {size}");
            assert_eq!(plain(&path), naive().path(index, &flat), "{index} of {size}");
            assert!(verify_inclusion(NODE, leaves[index], index as u64, size as u64, &path, &root));
        }
    }
}

#[test]
fn the_empty_tree_has_a_root_and_no_leaf_in_it() {
    let empty = Hash(naive().root(&[]));
    assert_eq!((root(&[]), Tree::new(NODE).root(), empty_root(NODE)), (empty, empty, empty));
    for size in [0, 1] {
        assert!(!verify_inclusion(NODE, leaves(1)[0], 0, size, &[], &empty));
    }
    assert!(!verify_inclusion(NODE, empty, 0, 0, &[], &empty));
}

/// A proof, and what was done to it.
#[derive(Clone)]
struct Claim {
    what: &'static str,
    leaf: Hash,
    index: u64,
    size: u64,
    path: Vec<Hash>,
    root: Hash,
}

impl Claim {
    fn holds(&self) -> bool {
        verify_inclusion(NODE, self.leaf, self.index, self.size, &self.path, &self.root)
    }

    fn with(&self, what: &'static str, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = Self { what, ..self.clone() };
        change(&mut changed);
        changed
    }
}

fn flipped(hash: Hash) -> Hash {
    let mut bytes = hash.0;
    bytes[17] ^= 4;
    Hash(bytes)
}

/// Wrong claims made of a right one.
fn lies(claim: &Claim) -> Vec<Claim> {
    let stray = flipped(claim.root);
    let mut lies = vec![
        claim.with("leaf", |claim| claim.leaf = flipped(claim.leaf)),
        claim.with("root", |claim| claim.root = flipped(claim.root)),
        claim.with("node added", |claim| claim.path.push(stray)),
        claim.with("node before", |claim| claim.path.insert(0, stray)),
        claim.with("leaf doubled", |claim| claim.path.insert(0, claim.leaf)),
        claim.with("index at the size", |claim| claim.index = claim.size),
        claim.with("index far off", |claim| claim.index = u64::MAX),
        claim.with("no size", |claim| claim.size = 0),
        claim.with("size far off", |claim| claim.size = u64::MAX),
    ];
    if !claim.path.is_empty() {
        lies.push(claim.with("last node missing", |claim| {
            claim.path.pop();
        }));
        lies.push(claim.with("first node missing", |claim| {
            claim.path.remove(0);
        }));
        lies.push(claim.with("leaf and sibling swapped", |claim| {
            core::mem::swap(&mut claim.leaf, &mut claim.path[0]);
        }));
    }
    for at in 0..claim.path.len() {
        lies.push(claim.with("node changed", |claim| claim.path[at] = flipped(claim.path[at])));
        lies.push(claim.with("node doubled", |claim| claim.path.insert(at, claim.path[at])));
        if at > 0 {
            lies.push(claim.with("nodes swapped", |claim| claim.path.swap(at - 1, at)));
        }
    }
    lies
}

fn claims() -> impl Iterator<Item = Claim> {
    let all = leaves(300);
    (1..=all.len()).flat_map(move |size| {
        let mut tree = Tree::from_leaves(NODE, all[..size].to_vec());
        let (root, leaves) = (tree.root(), all[..size].to_vec());
        let claim = move |index: usize| Claim {
            what: "nothing",
            leaf: leaves[index],
            index: index as u64,
            size: size as u64,
            path: tree.path(index),
            root,
        };
        (0..size).map(claim).collect::<Vec<_>>()
    })
}

#[test]
fn every_changed_leaf_node_or_length_is_refused() {
    for claim in claims() {
        assert!(claim.holds());
        for lie in lies(&claim) {
            assert!(!lie.holds(), "{}: {} of {}", lie.what, claim.index, claim.size);
        }
    }
}

/// A path binds index and size as far as they decide its shape: leaf 0 has one path in trees of 5 to 8 leaves.
/// What binds the size itself is the header, where it is signed beside the root.
#[test]
fn another_index_or_size_holds_only_where_it_has_the_same_path() {
    let shape = |index: u64, size: u64| {
        (index < size).then(|| sides(usize::try_from(index).unwrap(), usize::try_from(size).unwrap()))
    };
    for claim in claims() {
        let right = shape(claim.index, claim.size);
        for index in other_indices(&claim) {
            let moved = claim.with("index", |claim| claim.index = index);
            assert!(!moved.holds(), "index {index} for {} of {}", claim.index, claim.size);
        }
        for size in [claim.size / 2, claim.size.saturating_sub(1), claim.size + 1, claim.size * 2] {
            let resized = claim.with("size", |claim| claim.size = size);
            let is_same = shape(claim.index, size) == right;
            assert_eq!(resized.holds(), is_same, "size {size} for {} of {}", claim.index, claim.size);
        }
    }
}

/// All others in small trees; in larger ones the neighbours and those one bit away.
fn other_indices(claim: &Claim) -> Vec<u64> {
    let one_bit_away = (0..10).map(|bit| claim.index ^ (1 << bit));
    let near = one_bit_away.chain([claim.index + 1, claim.index.wrapping_sub(1)]);
    let all = if claim.size <= 64 { 0..claim.size + 2 } else { 0..0 };
    all.chain(near).filter(|index| *index != claim.index).collect()
}

#[test]
fn a_proof_of_one_tree_serves_no_other() {
    let others = Domain::ALL.into_iter().filter(|domain| *domain != NODE);
    let leaves = leaves(11);
    for other in others {
        let path = path_of(other, &leaves, 4);
        let other_root = root_of(other, &leaves);
        assert!(verify_inclusion(other, leaves[4], 4, 11, &path, &other_root));
        assert!(!verify_inclusion(NODE, leaves[4], 4, 11, &path, &other_root));
        assert!(!verify_inclusion(NODE, leaves[4], 4, 11, &path, &root(&leaves)));
        assert!(!verify_inclusion(other, leaves[4], 4, 11, &path_of(NODE, &leaves, 4), &root(&leaves)));
    }
}

/// A configuration entry of 48 bytes has a leaf as long as a node: only its key keeps one from passing for
/// the other.
#[test]
fn a_node_does_not_pass_for_a_leaf() {
    let node = Domain::ConfigNode;
    let leaves = leaves(8);
    let root = root_of(node, &leaves);
    let above = path_of(node, &leaves, 2)[1..].to_vec();
    let inner = node_of(node, &leaves[2], &leaves[3]);
    let children: [u8; 64] = [leaves[2].0, leaves[3].0].concat().try_into().unwrap();
    let (salt, entry) = children.split_first_chunk().expect("a salt and an entry");
    let posing = config_leaf(salt, entry);
    assert_eq!((posing, inner), (keyed(Domain::ConfigLeaf, &children), keyed(node, &children)));
    assert_ne!(posing, inner);
    assert!(!verify_inclusion(node, posing, 1, 4, &above, &root));
    assert!(!verify_inclusion(node, posing, 2, 8, &above, &root));
    // Even the node's own hash has no place at the size that the header states.
    for index in 0..8 {
        assert!(!verify_inclusion(node, inner, index, 8, &above, &root));
    }
}

#[test]
fn a_changing_tree_has_the_root_and_paths_of_one_built_anew() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut plain = leaves(random.below(200));
        let mut tree = Tree::from_leaves(NODE, plain.clone());
        for step in 0..60 {
            for _ in 0..random.below(40) {
                change(&mut random, &mut plain, &mut tree);
            }
            let index = random.below(plain.len().max(1));
            if random.below(2) == 0 && !plain.is_empty() {
                assert_eq!(tree.path(index), path_of(NODE, &plain, index), "seed {seed}, step {step}");
            }
            assert_eq!(tree.root(), root(&plain), "seed {seed}, step {step}");
            assert_eq!(tree.len(), plain.len());
        }
    }
}

fn change(random: &mut Random, plain: &mut Vec<Hash>, tree: &mut Tree) {
    let leaf = Hash(core::array::from_fn(|_| random.byte()));
    if random.below(3) == 0 || plain.is_empty() {
        plain.push(leaf);
        tree.push(leaf);
    } else {
        let index = random.below(plain.len());
        plain[index] = leaf;
        tree.set(index, leaf);
        assert_eq!(tree.leaf(index), Some(leaf));
    }
}

#[test]
fn a_large_tree_that_changes_in_places_equals_one_built_anew() {
    let mut plain = leaves(70_001);
    let mut tree = Tree::from_leaves(NODE, plain.clone());
    let mut random = Random(7);
    for round in 0..6 {
        for _ in 0..1 + 40 * round * round {
            let leaf = Hash(core::array::from_fn(|_| random.byte()));
            let index = random.below(plain.len());
            plain[index] = leaf;
            tree.set(index, leaf);
        }
        let last = plain.len() - 1;
        tree.set(last, plain[last]);
        assert_eq!(tree.root(), root(&plain), "round {round}");
    }
}

#[test]
#[should_panic(expected = "a path starts at a leaf of the tree")]
fn a_path_of_no_leaf_is_a_bug() {
    let _ = path_of(NODE, &leaves(3), 3);
}
