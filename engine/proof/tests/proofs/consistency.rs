//! I8: a log extends the one that was seen before, for all pairs of sizes to 130.

use feiqian_proof::consistency::{LogHead, consistency_path, verify_consistency};
use feiqian_proof::hash::{Domain, Hash};
use feiqian_proof::tree::{node_of, root_of};

use crate::sample::leaves;

fn node(left: &Hash, right: &Hash) -> Hash {
    node_of(Domain::TransferNode, left, right)
}

fn head(leaves: &[Hash]) -> LogHead {
    LogHead { size: leaves.len() as u64, root: root_of(Domain::TransferNode, leaves) }
}

fn flipped(hash: Hash) -> Hash {
    let mut bytes = hash.0;
    bytes[3] ^= 1;
    Hash(bytes)
}

#[test]
fn every_log_is_consistent_with_each_of_its_beginnings() {
    let all = leaves(130);
    let heads: Vec<LogHead> = (0..=all.len()).map(|size| head(&all[..size])).collect();
    for size in 1..=all.len() {
        for first in 1..=size {
            let path = consistency_path(&node, &all[..size], first);
            assert!(verify_consistency(&node, &heads[first], &heads[size], &path), "{first} of {size}");
            refuses_changes(&heads[first], &heads[size], &path);
        }
    }
}

fn refuses_changes(old: &LogHead, new: &LogHead, path: &[Hash]) {
    let refuses = |old: &LogHead, new: &LogHead, path: &[Hash], what: &str| {
        assert!(!verify_consistency(&node, old, new, path), "{what}: {} of {}", old.size, new.size);
    };
    refuses(&LogHead { root: flipped(old.root), ..*old }, new, path, "old root");
    refuses(old, &LogHead { root: flipped(new.root), ..*new }, path, "new root");
    refuses(old, &LogHead { size: old.size - 1, ..*new }, path, "a smaller log");
    refuses(old, &LogHead { size: 4 * new.size, ..*new }, path, "a longer log");
    refuses(&LogHead { size: 0, ..*old }, new, path, "no old log");
    refuses(old, new, &[path, &[old.root]].concat(), "node added");
    refuses(old, new, &[&[old.root], path].concat(), "node before");
    for at in 0..path.len() {
        let mut bad = path.to_vec();
        bad[at] = flipped(bad[at]);
        refuses(old, new, &bad, "node changed");
        bad.remove(at);
        refuses(old, new, &bad, "node missing");
    }
}

#[test]
fn a_rewritten_log_has_no_path() {
    let (all, size) = (leaves(40), 40);
    for changed in 0..size {
        let mut other = all.clone();
        other[changed] = flipped(other[changed]);
        for first in changed + 1..size {
            let path = consistency_path(&node, &other, first);
            assert!(!verify_consistency(&node, &head(&all[..first]), &head(&other), &path));
        }
    }
}
