//! I9 and I8 for the log of blocks: whatever checkpoint a crash leaves, its tiles are there and prove it, and no
//! later one contradicts it; what is missing or damaged is made again; a second log is never signed.

use feiqian_proof::Hash;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::cosignature::{cosign, witness_key};
use feiqian_proof::log::{LogHead, empty_root, leaf_hash, origin_of, verify_consistency, verify_inclusion};
use feiqian_proof::note::{Note, VerifierKey};
use feiqian_proof::policy::{WitnessGroups, WitnessPolicy};
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_proof::tiles::{Edge, Stack, TileId, TileProver, decode_bundle, decode_tile};
use feiqian_proof::witness::judge;
use feiqian_runtime::stores::{
    BlockStore, CHECKPOINT_FILE, LOG_KEY_FILE, LogStore, OFFER_BLOCKS, StoreFault, TakeFault, WITNESSED_FILE,
    check_log,
};
use feiqian_tests::sim_storage::{Dice, Plan, SimStorage};

use crate::block;

const CHAIN: [u8; 16] = [3; 16];

fn operator() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn key() -> VerifierKey {
    log_key(&origin_of(&CHAIN), PublicKey::of(&operator())).expect("a name")
}

/// The heads of the log of [`block`]s, by size.
fn heads(size: u64) -> Vec<LogHead> {
    let mut edge = Edge::default();
    let mut heads = vec![LogHead { size: 0, root: empty_root() }];
    for height in 1..=size {
        edge.push(leaf_hash(&block(height).header));
        heads.push(LogHead { size: height, root: edge.root() });
    }
    heads
}

/// Blocks up to `last`, as replay makes those again that were not on disk.
fn sealed(storage: &SimStorage, last: u64) -> Result<BlockStore<SimStorage>, StoreFault> {
    let (blocks, _) = BlockStore::open(storage.clone())?;
    append(&blocks, last)?;
    Ok(blocks)
}

fn append(blocks: &BlockStore<SimStorage>, last: u64) -> Result<(), StoreFault> {
    (blocks.last() + 1..=last).try_for_each(|height| blocks.append(height, &block(height)))
}

fn open(storage: &SimStorage, last: u64) -> Result<LogStore<SimStorage>, StoreFault> {
    LogStore::open(storage.clone(), sealed(storage, last)?, (operator(), &CHAIN), None)
}

/// What anyone who has the files alone can see: the signed head, proved from its tiles and bundles.
fn seen(storage: &SimStorage) -> Result<LogHead, String> {
    let Some(bytes) = storage.content(CHECKPOINT_FILE) else {
        return Ok(LogHead { size: 0, root: empty_root() });
    };
    let (checkpoint, _) = Checkpoint::open(&bytes, &key()).map_err(|error| error.to_string())?;
    let LogHead { size, root } = checkpoint.head;
    let read = |id: TileId| -> Result<Vec<Hash>, String> {
        let bytes = storage.content(&format!("log/{id}")).ok_or_else(|| format!("{id} is missing"))?;
        decode_tile(id, &bytes).map_err(|bad| bad.to_string())
    };
    let mut prover = TileProver::new(size, read);
    if prover.root()? != root {
        return Err("the tiles have another root".to_owned());
    }
    for index in (0..size).rev().take(3) {
        let path = prover.inclusion(index)?;
        let bundle = TileId::in_log(Stack::Entries, index / 256, size).expect("within");
        let bytes =
            storage.content(&format!("log/{bundle}")).ok_or_else(|| format!("{bundle} is missing"))?;
        let entries = decode_bundle(bundle, &bytes).map_err(|bad| bad.to_string())?;
        let entry = entries[usize::try_from(index % 256).expect("small")];
        if entry != block(index + 1).header || !verify_inclusion(entry, index, &checkpoint.head, &path) {
            return Err(format!("entry {index} is not proved"));
        }
    }
    Ok(checkpoint.head)
}

/// One life after the other, each cut off anywhere; the published sizes.
fn live(seed: u64, cut_at: u64, (first, heads): (u64, &[LogHead]), lies: bool) -> Result<(), String> {
    let mut storage = SimStorage::new(seed, Plan { cut_at: Some(cut_at), lies, ..Plan::default() });
    let mut dice = Dice::new(seed ^ (cut_at << 20));
    let (mut last, mut published) = (first, 0);
    for life in 0..4 {
        let found = seen(&storage).map_err(|what| format!("life {life}: {what}"))?;
        if found.size < published || found != heads[usize::try_from(found.size).expect("small")] {
            return Err(format!("life {life}: {published} was published, {found:?} is there"));
        }
        // On a copy, whose opening changes nothing here.
        let there = BlockStore::open(storage.copy()).map(|(blocks, _)| blocks.last());
        if there.is_ok_and(|there| there < found.size) {
            return Err(format!("life {life}: the checkpoint has {} blocks, the disk has not", found.size));
        }
        if let Ok((blocks, log)) = sealed(&storage, last).and_then(|blocks| {
            let log = LogStore::open(storage.clone(), blocks.clone(), (operator(), &CHAIN), None)?;
            Ok((blocks, log))
        }) {
            // One whose writing was cut off may be there as a whole.
            last = blocks.last();
            for _ in 0..4 {
                let Ok(size) = log.follow() else { break };
                assert_eq!(size, last);
                published = size;
                for _ in 0..=dice.below(3) {
                    if blocks.append(last + 1, &block(last + 1)).is_ok() {
                        last += 1;
                    }
                }
            }
        }
        let cut_at = (life < 2).then(|| 1 + dice.below(60));
        storage = storage.power_cut(Plan { cut_at, lies, ..Plan::default() });
    }
    seen(&storage).map(drop)
}

/// Lives that begin at a size, cut off at each of their first operations.
fn crash_everywhere(seeds: u64, lies: bool) -> Result<(), String> {
    let heads = heads(320);
    for first in [1, 254] {
        for seed in 0..seeds {
            for cut_at in 1..90 {
                live(seed, first + cut_at, (first, &heads), lies)
                    .map_err(|what| format!("from {first}, seed {seed}, operation {cut_at}: {what}"))?;
            }
        }
    }
    Ok(())
}

#[test]
fn i8_i9_every_checkpoint_that_a_crash_leaves_is_proved_by_its_tiles_and_extends_those_before() {
    assert_eq!(crash_everywhere(12, false), Ok(()));
}

#[test]
fn a_storage_whose_syncs_do_nothing_is_found() {
    assert!(crash_everywhere(4, true).is_err());
}

#[test]
fn the_log_publishes_each_size_with_the_files_that_the_specification_names() {
    let storage = SimStorage::new(1, Plan::default());
    let heads = heads(600);
    let log = open(&storage, 0).expect("an empty disk");
    assert_eq!((log.follow(), storage.content(CHECKPOINT_FILE)), (Ok(0), None));
    let mut last = 0;
    for size in [1, 2, 255, 256, 257, 300, 511, 513, 600] {
        let log = open(&storage, size).expect("whole");
        assert_eq!(log.follow(), Ok(size));
        assert_eq!((log.head(), seen(&storage)), (heads[at(size)], Ok(heads[at(size)])));
        // Proofs of any older size too, although its partial tiles are gone.
        for old in (1..=size).step_by(7) {
            assert_eq!(
                log.prover(old).expect("not above").root(),
                Ok(heads[at(old)].root),
                "{old} of {size}"
            );
            let path = log.prover(size).expect("the newest").consistency(old).expect("tiles are there");
            assert!(verify_consistency(&heads[at(old)], &heads[at(size)], &path));
        }
        assert!(log.prover(size + 1).is_none());
        let request = log.request_for(last).expect("tiles are there").expect("not smaller");
        let judged = judge(&request, &[key()], |_| (last > 0).then(|| heads[at(last)]));
        assert_eq!(judged.map(|(checkpoint, _)| checkpoint.head), Ok(heads[at(size)]));
        last = size;
    }
    let files: Vec<String> = storage.files().into_iter().filter(|name| name.starts_with("log/")).collect();
    let expected = [
        "log/checkpoint",
        "log/key",
        "log/tile/0/000",
        "log/tile/0/001",
        "log/tile/0/002.p/1",
        "log/tile/0/002.p/88",
        "log/tile/1/000.p/1",
        "log/tile/1/000.p/2",
        "log/tile/entries/000",
        "log/tile/entries/001",
        "log/tile/entries/002.p/1",
        "log/tile/entries/002.p/88",
    ];
    assert_eq!(files, expected);
    let line = storage.content(LOG_KEY_FILE).and_then(|bytes| String::from_utf8(bytes).ok());
    assert_eq!(line, Some(format!("{}\n", key())));
}

fn at(size: u64) -> usize {
    usize::try_from(size).expect("small")
}

#[test]
fn a_log_whose_edge_is_damaged_or_that_is_missing_as_a_whole_is_made_again_to_the_byte() {
    let storage = SimStorage::new(1, Plan::default());
    let log = open(&storage, 300).expect("an empty disk");
    assert_eq!(log.follow(), Ok(300));
    let files: Vec<String> = storage.files().into_iter().filter(|name| name.starts_with("log/")).collect();
    let is_edge = |name: &&String| name.contains(".p/") || *name == CHECKPOINT_FILE || *name == LOG_KEY_FILE;
    for lost in files.iter().filter(is_edge) {
        for is_damage in [false, true] {
            let broken = storage.copy();
            match is_damage {
                true => broken.damage(lost, |bytes| bytes[7] ^= 1),
                false => broken.lose(lost),
            }
            // Published at the next block: nothing is written where nothing is new.
            let log = open(&broken, 301).expect("it is made again");
            assert_eq!(log.follow(), Ok(301));
            assert_eq!(seen(&broken).map(|head| head.size), Ok(301), "{lost}, damaged: {is_damage}");
        }
    }
    // What a start doesn't look through, an audit does.
    let audited = |disk: &SimStorage| {
        let (blocks, _) = BlockStore::open(disk.clone()).expect("whole");
        check_log(disk, &blocks, (&CHAIN, PublicKey::of(&operator())))
    };
    assert_eq!(audited(&storage), Ok(300));
    for file in &files {
        for is_damage in [false, true] {
            let broken = storage.copy();
            match is_damage {
                true => broken.damage(file, |bytes| bytes[7] ^= 1),
                false => broken.lose(file),
            }
            let found = if !is_damage && file == CHECKPOINT_FILE {
                Ok(0)
            } else {
                Err(StoreFault::Log(file.clone()))
            };
            assert_eq!(audited(&broken), found, "{file}, damaged: {is_damage}");
        }
    }
    let all = storage.copy();
    files.iter().for_each(|name| all.lose(name));
    let log = open(&all, 300).expect("nothing is there");
    assert_eq!(log.follow(), Ok(300));
    for name in &files {
        assert_eq!(all.content(name), storage.content(name), "{name}");
    }
}

#[test]
fn an_audit_compares_the_partial_tiles_and_bundles_of_older_sizes_too() {
    let storage = SimStorage::new(1, Plan::default());
    for size in [300, 303, 310] {
        assert_eq!(open(&storage, size).and_then(|log| log.follow()), Ok(size));
    }
    let audited = |disk: &SimStorage| {
        let (blocks, _) = BlockStore::open(disk.clone()).expect("whole");
        check_log(disk, &blocks, (&CHAIN, PublicKey::of(&operator())))
    };
    assert_eq!(audited(&storage), Ok(310));
    let older = |name: &String| name.contains(".p/") && !name.ends_with("/54") && !name.ends_with("/1");
    let older: Vec<String> = storage.files().into_iter().filter(older).collect();
    assert!(older.len() >= 4, "tiles and bundles of 300 and 303 blocks: {older:?}");
    for file in &older {
        let broken = storage.copy();
        broken.damage(file, |bytes| bytes[7] ^= 1);
        assert_eq!(audited(&broken), Err(StoreFault::Log(file.clone())));
        let gone = storage.copy();
        gone.lose(file);
        assert_eq!(audited(&gone), Ok(310), "nobody needs {file}");
    }
}

#[test]
fn a_second_log_is_never_signed() {
    let storage = SimStorage::new(1, Plan::default());
    open(&storage, 20).and_then(|log| log.follow()).expect("a good disk");
    let signed = storage.content(CHECKPOINT_FILE);
    // A journal that makes fewer blocks: an old copy, or one that was cut.
    let shorter = storage.copy();
    shorter.lose("blocks/0000000001.fqb");
    let refused = open(&shorter, 19).map(drop);
    assert_eq!(refused, Err(StoreFault::LogAhead { size: 20, blocks: 19 }));
    // Other blocks of the same heights, and the tiles gone with the old ones.
    let other = storage.copy();
    other.lose("blocks/0000000001.fqb");
    let (blocks, _) = BlockStore::open(other.clone()).expect("empty");
    for height in 1..=25 {
        blocks.append(height, &block(height + u64::from(height == 7))).expect("a good disk");
    }
    other.lose("log/tile/0/000.p/20");
    let log = LogStore::open(other.clone(), blocks, (operator(), &CHAIN), None).expect("to be made again");
    assert_eq!(log.follow(), Err(StoreFault::LogDiffers { size: 20 }));
    for disk in [&shorter, &other] {
        assert_eq!(disk.content(CHECKPOINT_FILE), signed);
    }
}

fn witness(number: u8) -> (SigningKey, String) {
    (SigningKey::from_bytes(&[number; 32]), format!("bank{number}.example/witness"))
}

fn policy() -> WitnessPolicy {
    let keys = [11, 12, 13].map(|number| {
        let (secret, name) = witness(number);
        witness_key(&name, PublicKey::of(&secret)).expect("a name")
    });
    let groups = WitnessGroups::from([("banks".to_owned(), keys.to_vec())]);
    WitnessPolicy::parse("banks 2 of 3", &groups).expect("a policy")
}

fn cosigned(head: LogHead, number: u8) -> Vec<u8> {
    let text = Checkpoint::new(&origin_of(&CHAIN), head).to_string();
    let (secret, name) = witness(number);
    let line = cosign(&secret, &name, 9, &text).expect("a name");
    Note::new(text, vec![line]).expect("a text").to_string().into_bytes()
}

#[test]
fn what_is_witnessed_outlives_a_power_cut_and_stands_under_the_checkpoint() {
    let storage = SimStorage::new(1, Plan::default());
    let heads = heads(10);
    let open = |storage: &SimStorage| {
        let blocks = sealed(storage, 10).expect("a good disk");
        LogStore::open(storage.clone(), blocks, (operator(), &CHAIN), Some(policy())).expect("whole")
    };
    let log = open(&storage);
    log.follow().expect("a good disk");
    assert_eq!(log.take(&cosigned(heads[8], 11)), Ok(8));
    assert_eq!((log.witnessed(), storage.content(WITNESSED_FILE)), (0, None));
    assert_eq!(log.take(&cosigned(heads[8], 12)), Ok(8));
    assert_eq!(log.witnessed(), 8);
    assert_eq!(log.take(&cosigned(heads[10], 13)), Ok(10));
    let checkpoint = Note::parse(&storage.content(CHECKPOINT_FILE).expect("published")).expect("a note");
    assert_eq!(checkpoint.signatures.len(), 2, "the operator's line and the one of bank 13");
    let fork = LogHead { root: heads[7].root, ..heads[9] };
    assert!(matches!(log.take(&cosigned(fork, 11)), Err(TakeFault::Refused(_))));

    let after = storage.power_cut(Plan::default());
    let log = open(&after);
    assert_eq!((log.follow(), log.witnessed()), (Ok(10), 8));
    let witnessed = after.content(WITNESSED_FILE).expect("durable");
    let (checkpoint, note) = Checkpoint::open(&witnessed, &key()).expect("the operator's");
    assert_eq!((checkpoint.head, policy().is_met_by(&note)), (heads[8], true));
    assert_eq!(log.take(&cosigned(heads[8], 13)), Ok(8));
    let note = Note::parse(&after.content(WITNESSED_FILE).expect("durable")).expect("a note");
    assert_eq!(note.signatures.len(), 4, "the operator and all three banks");

    let without =
        LogStore::open(after.clone(), sealed(&after, 10).expect("whole"), (operator(), &CHAIN), None);
    let without = without.expect("whole");
    assert_eq!((without.witnessed(), without.take(&witnessed)), (0, Err(TakeFault::NoPolicy)));
}

#[test]
fn one_checkpoint_is_offered_until_it_is_witnessed_or_many_blocks_have_followed() {
    let storage = SimStorage::new(1, Plan::default());
    let heads = heads(12 + OFFER_BLOCKS);
    let blocks = sealed(&storage, 0).expect("an empty disk");
    let log =
        LogStore::open(storage.clone(), blocks.clone(), (operator(), &CHAIN), Some(policy())).expect("whole");
    let grow = |size: u64| {
        append(&blocks, size).expect("a good disk");
        assert_eq!(log.follow(), Ok(size));
    };
    let offered = || {
        let note = log.offered()?;
        Some(Checkpoint::open(&note, &key()).expect("the operator's").0.head)
    };
    assert_eq!(offered(), None);
    grow(3);
    assert_eq!(offered(), Some(heads[3]));
    grow(9);
    assert_eq!(log.take(&cosigned(heads[3], 11)), Ok(3));
    assert_eq!(offered(), Some(heads[3]), "of two keys one has cosigned");
    assert_eq!(log.take(&cosigned(heads[3], 12)), Ok(3));
    assert_eq!(offered(), Some(heads[9]));
    grow(9 + OFFER_BLOCKS);
    assert_eq!(offered(), Some(heads[9]));
    grow(10 + OFFER_BLOCKS);
    assert_eq!(offered(), Some(heads[at(10 + OFFER_BLOCKS)]));
    assert_eq!(log.take(&cosigned(heads[9], 11)), Ok(9), "late, and taken all the same");
    assert_eq!(log.take(&cosigned(heads[9], 13)), Ok(9));
    assert_eq!((log.witnessed(), offered()), (9, Some(heads[at(10 + OFFER_BLOCKS)])), "never a smaller one");

    let blocks = sealed(&storage, 0).expect("whole");
    let log = LogStore::open(storage.clone(), blocks.clone(), (operator(), &CHAIN), None).expect("whole");
    let size = 12 + OFFER_BLOCKS;
    append(&blocks, size).expect("a good disk");
    let before = log.offered();
    assert_eq!(log.follow(), Ok(size));
    assert_ne!(log.offered(), before, "without a policy it is the newest");
}
