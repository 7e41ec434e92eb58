//! I8: the log of blocks as tiles gives the tree, the roots and the proofs of RFC 6962, written down naively.

use std::collections::BTreeMap;

use feiqian_proof::hash::Hash;
use feiqian_proof::log::{LogHead, empty_root, leaf_hash, verify_consistency, verify_inclusion};
use feiqian_proof::tiles::{
    Edge, Stack, TILE_WIDTH, TileId, TileProver, append_entry, decode_bundle, decode_tile, encode_tile,
};
use sha2::{Digest as _, Sha256};

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn naive_leaf(number: u64) -> [u8; 32] {
    Sha256::digest([&[0], entry(number).as_slice()].concat()).into()
}

/// MTH of the entries from `start` to before `end`.
fn naive_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while 2 * k < leaves.len() {
                k *= 2;
            }
            let (left, right) = (naive_root(&leaves[..k]), naive_root(&leaves[k..]));
            Sha256::digest([&[1], left.as_slice(), &right].concat()).into()
        }
    }
}

/// All files of logs that grew entry by entry, full and partial.
#[derive(Default)]
struct Files {
    edge: Edge,
    tiles: BTreeMap<String, Vec<u8>>,
}

impl Files {
    fn grow(&mut self) {
        let leaf = leaf_hash(&entry(self.edge.size()));
        for (id, hashes) in self.edge.push(leaf) {
            assert!(id.is_full());
            self.tiles.insert(id.to_string(), encode_tile(&hashes));
        }
        for level in 0..self.edge.levels() {
            if let Some((id, hashes)) = self.edge.partial(level) {
                self.tiles.insert(id.to_string(), encode_tile(hashes));
            }
        }
    }

    fn read(&self, id: TileId) -> Result<Vec<Hash>, String> {
        let bytes = self.tiles.get(&id.to_string()).ok_or_else(|| id.to_string())?;
        decode_tile(id, bytes).map_err(|bad| bad.to_string())
    }

    fn prover(&self, size: u64) -> TileProver<impl FnMut(TileId) -> Result<Vec<Hash>, String> + '_> {
        TileProver::new(size, |id| self.read(id))
    }
}

#[test]
fn tiles_of_every_size_to_600_hold_the_naive_tree() {
    let (mut files, mut leaves) = (Files::default(), Vec::new());
    assert_eq!(files.edge.root(), empty_root());
    for size in 1..=600u64 {
        leaves.push(naive_leaf(size - 1));
        files.grow();
        let root = Hash(naive_root(&leaves));
        assert_eq!(files.edge.root(), root, "the edge's root at {size}");
        assert_eq!(files.prover(size).root(), Ok(root), "the tiles' root at {size}");
        let reloaded = Edge::load(size, |id| files.read(id)).expect("all partial tiles are there");
        assert_eq!((reloaded.size(), reloaded.root()), (size, root), "the edge from tiles at {size}");
    }
    for (index, chunk) in leaves.chunks(256).enumerate() {
        let id = TileId::in_log(Stack::Level(0), index as u64, 600).expect("within");
        assert_eq!(files.read(id), Ok(chunk.iter().copied().map(Hash).collect()), "{id}");
    }
    let above = TileId::in_log(Stack::Level(1), 0, 600).expect("within");
    let roots = [naive_root(&leaves[..256]), naive_root(&leaves[256..512])];
    assert_eq!(files.read(above), Ok(roots.map(Hash).to_vec()));
}

#[test]
fn an_edge_loaded_at_any_size_grows_as_the_one_that_grew_all_along() {
    let mut files = Files::default();
    let mut reloaded: Vec<Edge> = Vec::new();
    for size in 1..=520u64 {
        files.grow();
        let leaf = leaf_hash(&entry(size - 1));
        for edge in &mut reloaded {
            edge.push(leaf);
            assert_eq!(edge.root(), files.edge.root(), "at {size}");
        }
        if [1, 255, 256, 257, 511, 512].contains(&size) {
            reloaded.push(Edge::load(size, |id| files.read(id)).expect("loaded"));
        }
    }
}

#[test]
fn proofs_from_tiles_hold_for_all_pairs_of_sizes_to_70() {
    let mut files = Files::default();
    let mut heads = vec![LogHead { size: 0, root: empty_root() }];
    for size in 1..=70 {
        files.grow();
        heads.push(LogHead { size, root: files.edge.root() });
    }
    for new in &heads[1..] {
        for index in 0..new.size {
            let path = files.prover(new.size).inclusion(index).expect("tiles are there");
            assert!(verify_inclusion(&entry(index), index, new, &path), "{index} of {}", new.size);
            assert!(!verify_inclusion(&entry(index + 1), index, new, &path));
            assert!(!verify_inclusion(&entry(index), index + 1, new, &path));
        }
        for old in &heads[1..=usize::try_from(new.size).expect("small")] {
            let path = files.prover(new.size).consistency(old.size).expect("tiles are there");
            assert!(verify_consistency(old, new, &path), "{} of {}", old.size, new.size);
            let forged = LogHead { root: leaf_hash(b"another"), ..*old };
            assert!(!verify_consistency(&forged, new, &path));
        }
    }
}

#[test]
fn proofs_hold_across_tiles() {
    let mut files = Files::default();
    let mut heads = BTreeMap::new();
    for size in 1..=600 {
        files.grow();
        heads.insert(size, LogHead { size, root: files.edge.root() });
    }
    let sizes = [1, 2, 255, 256, 257, 300, 511, 512, 513, 600];
    for new in sizes.map(|size| heads[&size]) {
        for old in sizes.map(|size| heads[&size]).into_iter().filter(|old| old.size <= new.size) {
            let path = files.prover(new.size).consistency(old.size).expect("tiles are there");
            assert!(verify_consistency(&old, &new, &path), "{} of {}", old.size, new.size);
            let path = files.prover(new.size).inclusion(old.size - 1).expect("tiles are there");
            assert!(verify_inclusion(&entry(old.size - 1), old.size - 1, &new, &path));
        }
    }
}

/// The roots of RFC 6962's reference tree, as certificate-transparency-go's tests and others have them.
#[test]
fn the_hashes_are_those_of_rfc_6962() {
    let hex = |text: &str| Hash::from_hex(text).expect("hexadecimal");
    assert_eq!(empty_root(), hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    let leaf = leaf_hash(b"");
    assert_eq!(leaf, hex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"));
    let mut edge = Edge::default();
    edge.push(leaf);
    edge.push(leaf_hash(&[0]));
    assert_eq!(edge.root(), hex("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"));
}

/// Widths and counts by arithmetic alone, as tlog-tiles states them for a tree of 70,000.
#[test]
fn the_files_of_a_size_are_those_of_the_specification() {
    let widths = |level, size: u64| -> (u64, Option<u64>) {
        let tiles: Vec<u64> = (0..)
            .map_while(|index| TileId::in_log(Stack::Level(level), index, size))
            .map(|id| id.width)
            .collect();
        let full = tiles.iter().filter(|width| **width == TILE_WIDTH).count() as u64;
        (full, tiles.last().copied().filter(|width| *width < TILE_WIDTH))
    };
    assert_eq!(
        [0, 1, 2, 3].map(|level| widths(level, 70_000)),
        [(273, Some(112)), (1, Some(17)), (0, Some(1)), (0, None)]
    );
    assert_eq!([0, 1, 2].map(|level| widths(level, 256)), [(1, None), (0, Some(1)), (0, None)]);
    assert_eq!([0, 1, 2].map(|level| widths(level, 255)), [(0, Some(255)), (0, None), (0, None)]);
    assert_eq!([0, 1, 2].map(|level| widths(level, 257)), [(1, Some(1)), (0, Some(1)), (0, None)]);
    assert_eq!([0, 1, 2].map(|level| widths(level, 65_535)), [(255, Some(255)), (0, Some(255)), (0, None)]);
    assert_eq!([0, 1, 2].map(|level| widths(level, 65_536)), [(256, None), (1, None), (0, Some(1))]);
    assert_eq!([0, 1, 2].map(|level| widths(level, 65_537)), [(256, Some(1)), (1, None), (0, Some(1))]);
    assert_eq!(TileId::in_log(Stack::Level(7), 0, u64::MAX).map(|id| id.width), Some(255));
    assert_eq!(TileId::in_log(Stack::Level(8), 0, u64::MAX), None);
    assert_eq!(TileId::in_log(Stack::Entries, u64::MAX, u64::MAX), None);
}

#[test]
fn a_tile_has_one_path_and_a_path_one_tile() {
    let rows = [
        (Stack::Level(0), 0, 256, "tile/0/000"),
        (Stack::Level(0), 1_234_067, 256, "tile/0/x001/x234/067"),
        (Stack::Level(3), 999, 17, "tile/3/999.p/17"),
        (Stack::Entries, 1_000, 1, "tile/entries/x001/000.p/1"),
        (Stack::Level(7), 5, 255, "tile/7/005.p/255"),
    ];
    for (stack, index, width, path) in rows {
        let id = TileId { stack, index, width };
        assert_eq!(id.to_string(), path);
        assert_eq!(TileId::parse(path), Some(id));
    }
    let largest = TileId { stack: Stack::Level(0), index: u64::MAX, width: 256 };
    assert_eq!(TileId::parse(&largest.to_string()), Some(largest));
    let refused = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/x000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/+00",
        "tile/entries/x1/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/../000",
        "tile/-1/000",
        "tile/0/000.p/1/2",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ];
    for path in refused {
        assert_eq!(TileId::parse(path), None, "{path}");
    }
}

#[test]
fn bundles_hold_entries_with_their_lengths_and_nothing_else() {
    let mut bundle = Vec::new();
    let entries: [&[u8]; 3] = [b"", b"ab", &[7; 300]];
    entries.iter().for_each(|entry| append_entry(&mut bundle, entry));
    assert_eq!(&bundle[..8], &[0, 0, 0, 2, b'a', b'b', 1, 44]);
    let id = |width| TileId { stack: Stack::Entries, index: 0, width };
    assert_eq!(decode_bundle(id(3), &bundle), Ok(entries.to_vec()));
    assert!(decode_bundle(id(2), &bundle).is_err());
    assert!(decode_bundle(id(4), &bundle).is_err());
    for end in 0..bundle.len() {
        assert!(decode_bundle(id(3), &bundle[..end]).is_err(), "cut at {end}");
    }
    let tile = TileId { stack: Stack::Level(0), index: 0, width: 2 };
    assert!(decode_tile(tile, &[0; 64]).is_ok());
    assert!(decode_tile(tile, &[0; 63]).is_err() && decode_tile(tile, &[0; 96]).is_err());
}
