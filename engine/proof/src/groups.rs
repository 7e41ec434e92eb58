//! A tree in two storeys: groups of 256 leaves below, the row of their roots above. Who keeps that row, an eighth of a
//! byte a leaf, makes a path by hashing one group again and not the whole tree.
//!
//! The shape is that of [`tree`](crate::tree): 256 is a power of two, so the row of groups is the tree's row at height 8.

use alloc::vec::Vec;

use crate::hash::{Domain, Hash};
use crate::tree::{path_of, root_of};

/// The height of the row of groups.
pub const GROUP_HEIGHT: usize = 8;
/// Leaves of a group; the last one may have fewer.
pub const GROUP_LEAVES: usize = 1 << GROUP_HEIGHT;

/// The path of the leaf at `index` of the whole tree, from the leaves of its group and the roots of all groups. None
/// where these leaves are not those of that group. Whether the groups are the tree's is for the caller to check: their
/// [`root_of`] is the tree's root.
#[must_use]
pub fn path_in_groups(node: Domain, group: &[Hash], groups: &[Hash], index: usize) -> Option<Vec<Hash>> {
    let (of_group, in_group) = (index / GROUP_LEAVES, index % GROUP_LEAVES);
    if in_group >= group.len() || groups.get(of_group) != Some(&root_of(node, group)) {
        return None;
    }
    let mut path = path_of(node, group, in_group);
    path.extend(path_of(node, groups, of_group));
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::keyed;

    const NODE: Domain = Domain::TransferNode;

    #[test]
    fn a_path_by_groups_is_that_of_the_whole_tree_at_every_leaf() {
        for size in [1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 769, 1_027] {
            let leaves: Vec<Hash> =
                (0..size as u64).map(|at| keyed(Domain::TransferLeaf, &at.to_le_bytes())).collect();
            let groups: Vec<Hash> = leaves.chunks(GROUP_LEAVES).map(|group| root_of(NODE, group)).collect();
            assert_eq!(root_of(NODE, &groups), root_of(NODE, &leaves), "{size} leaves");
            for index in (0..size).step_by(7).chain([size - 1]) {
                let group = leaves.chunks(GROUP_LEAVES).nth(index / GROUP_LEAVES).expect("a group");
                let path = path_in_groups(NODE, group, &groups, index);
                assert_eq!(path, Some(path_of(NODE, &leaves, index)), "leaf {index} of {size}");
            }
        }
    }

    #[test]
    fn leaves_of_another_group_and_a_leaf_that_is_not_there_make_no_path() {
        let leaves: Vec<Hash> =
            (0..600_u64).map(|at| keyed(Domain::TransferLeaf, &at.to_le_bytes())).collect();
        let groups: Vec<Hash> = leaves.chunks(GROUP_LEAVES).map(|group| root_of(NODE, group)).collect();
        assert_eq!(path_in_groups(NODE, &leaves[..256], &groups, 256), None);
        assert_eq!(path_in_groups(NODE, &leaves[..255], &groups, 0), None);
        assert_eq!(path_in_groups(NODE, &leaves[512..], &groups, 600), None);
        assert_eq!(path_in_groups(NODE, &leaves[512..], &groups, 768), None);
    }
}
