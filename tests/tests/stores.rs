//! I9 for the derived stores: cut off at every operation they open again with everything that was synced,
//! they tell what is torn from what is damaged, and no flipped bit is believed.

#[path = "stores/log.rs"]
mod log;

use feiqian_core::frame::Head;
use feiqian_core::ids::{Earlier, FilterPart, FullIds, IdFilter, IdIndex, RUN_ENTRIES, SequenceRange};
use feiqian_proof::Hash;
use feiqian_runtime::stores::{
    BlockStore, IdRuns, OutcomeStore, SnapshotOf, SnapshotStore, StoreFault, StoredBlock,
};
use feiqian_tests::sim_storage::{Dice, Failure, Plan, SimStorage};

const FIRST_BLOCKS: &str = "blocks/0000000001.fqb";

fn block(height: u64) -> StoredBlock {
    let mut dice = Dice::new(height);
    let mut block = StoredBlock { header: [0; 320], signature: [0; 64] };
    block.header.fill_with(|| dice.roll().to_le_bytes()[0]);
    block.signature.fill_with(|| dice.roll().to_le_bytes()[0]);
    block
}

/// Appends until the power goes; the height up to which a sync has returned.
fn append_blocks(store: &BlockStore<SimStorage>, dice: &mut Dice) -> u64 {
    let mut synced = store.last();
    for _ in 0..12 {
        let height = store.last() + 1;
        if store.append(height, &block(height)).is_err() {
            break;
        }
        if dice.once_in(3) {
            if store.sync().is_err() {
                break;
            }
            synced = height;
        }
    }
    synced
}

#[test]
fn i9_blocks_survive_every_crash_once_synced() {
    let mut dropped = 0;
    for seed in 0..40 {
        for cut_at in 1..40 {
            let mut storage = SimStorage::new(seed, Plan { cut_at: Some(cut_at), ..Plan::default() });
            let mut dice = Dice::new(seed);
            let mut synced = 0;
            for life in 0..4 {
                if let Ok((store, found)) = BlockStore::open(storage.clone()) {
                    dropped += found.dropped;
                    assert!(found.last >= synced, "seed {seed}, operation {cut_at}, life {life}");
                    for height in 1..=found.last {
                        assert_eq!(store.read(height).as_ref(), Ok(&block(height)));
                    }
                    synced = append_blocks(&store, &mut dice);
                } else {
                    assert!(storage.is_down(), "seed {seed}, operation {cut_at}, life {life}");
                }
                let cut_at = (life < 2).then(|| 1 + dice.below(20));
                storage = storage.power_cut(Plan { cut_at, ..Plan::default() });
            }
        }
    }
    assert!(dropped > 100, "{dropped}");
}

#[test]
fn a_damaged_block_is_refused_with_its_place_and_a_damaged_last_one_is_dropped() {
    let storage = SimStorage::new(1, Plan::default());
    let (store, _) = BlockStore::open(storage.clone()).expect("an empty disk");
    for height in 1..=5 {
        store.append(height, &block(height)).and_then(|()| store.sync()).expect("room");
    }
    assert_eq!(store.append(7, &block(7)), Err(StoreFault::NotNext { next: 6, height: 7 }));
    assert_eq!(store.read(6), Err(StoreFault::Absent(6)));
    for at in 0..5 * 512 {
        let damaged = storage.copy();
        damaged.damage(FIRST_BLOCKS, |bytes| bytes[at] ^= 1 << (at % 8));
        let opened = BlockStore::open(damaged).map(|(_, found)| (found.last, found.dropped));
        let (number, offset) = (at as u64 / 512 + 1, at as u64 / 512 * 512);
        if number < 5 {
            let file = FIRST_BLOCKS.to_owned();
            assert_eq!(opened, Err(StoreFault::Damaged { file, offset, number }), "byte {at}");
        } else {
            assert_eq!(opened, Ok((4, 1)), "byte {at}");
        }
    }
}

#[test]
fn a_block_that_was_dropped_does_not_come_back_behind_others() {
    let storage = SimStorage::new(1, Plan::default());
    let (store, _) = BlockStore::open(storage.clone()).expect("an empty disk");
    for height in 1..=3 {
        store.append(height, &block(height)).expect("room");
    }
    store.sync().expect("synced");
    storage.damage(FIRST_BLOCKS, |bytes| bytes[600] ^= 1);
    let (store, found) = BlockStore::open(storage.clone()).expect("torn in one unsynced run");
    assert_eq!((found.last, found.dropped), (1, 2));
    store.append(2, &block(22)).and_then(|()| store.sync()).expect("room");
    let (store, found) = BlockStore::open(storage).expect("whole");
    assert_eq!((found.last, found.dropped), (2, 0));
    assert_eq!(store.read(2), Ok(block(22)));
}

#[test]
fn i9_outcome_rows_are_there_once_synced_and_lie_where_their_number_says() {
    const ROWS_PER_FILE: u64 = 1 << 20;
    let storage = SimStorage::new(3, Plan::default());
    let store = OutcomeStore::open(storage.clone()).expect("an empty disk");
    let rows: Vec<u8> = (0..32 * 6).map(|at| u8::try_from(at % 251).expect("small")).collect();
    let first = ROWS_PER_FILE - 2;
    store.write_rows(first, &rows).and_then(|()| store.sync()).expect("room");
    assert_eq!(storage.files(), ["outcomes/0000000001.fqo", "outcomes/0000000002.fqo"]);
    let after = storage.power_cut(Plan::default());
    let second = after.content("outcomes/0000000002.fqo").expect("its name was synced");
    assert_eq!(second, rows[3 * 32..], "row {} begins the second file", ROWS_PER_FILE + 1);
    let store = OutcomeStore::open(after).expect("opens");
    assert_eq!(store.read(first, 6).as_ref(), Ok(&rows));
    assert_eq!(store.read_row(first + 5).expect("written"), rows[5 * 32..]);
    assert_eq!(store.read(first + 4, 3), Err(StoreFault::Absent(first + 4)));
    assert_eq!(store.read_row(0), Err(StoreFault::Absent(0)));
}

#[test]
fn a_store_whose_sync_failed_says_no_more_that_anything_is_durable() {
    for at in 3..6 {
        let plan = Plan { fail_at: Some((at, Failure::Device)), ..Plan::default() };
        let store = OutcomeStore::open(SimStorage::new(3, plan)).expect("opens");
        if store.write_rows(1, &[1; 32]).is_err() {
            continue;
        }
        assert!(store.sync().is_err(), "operation {at}");
        assert_eq!(store.sync(), Err(StoreFault::Poisoned));
        assert_eq!(store.write_rows(2, &[1; 32]), Err(StoreFault::Poisoned));
    }
}

fn snapshot_of(height: u64) -> SnapshotOf {
    let hash = Hash([u8::try_from(height).expect("small"); 32]);
    let head = Head { chain_id: [4; 16], sequence: height * 100, hash, epoch: 2, timestamp: height * 7 };
    SnapshotOf { height, head }
}

fn state(height: u64) -> Vec<u8> {
    vec![u8::try_from(height).expect("small"); 3_000 + usize::try_from(height).expect("small")]
}

#[test]
fn i9_a_snapshot_is_there_as_a_whole_or_not_at_all() {
    for seed in 0..10 {
        for cut_at in 1..40 {
            let storage = SimStorage::new(seed, Plan { cut_at: Some(cut_at), ..Plan::default() });
            let mut written = 0;
            if let Ok(store) = SnapshotStore::open(storage.clone()) {
                for height in 1..=4 {
                    if store.write(&snapshot_of(height), &state(height)).is_err() {
                        break;
                    }
                    written = height;
                }
            }
            let after = storage.power_cut(Plan::default());
            let store = SnapshotStore::open(after).expect("opens");
            let (newest, bad) = store.newest_valid().expect("reads");
            assert_eq!(bad, []);
            let height = newest.as_ref().map_or(0, |snapshot| snapshot.of.height);
            assert!(height == written || height == written + 1, "seed {seed}, operation {cut_at}");
            if let Some(newest) = newest {
                assert_eq!((newest.of, newest.state), (snapshot_of(height), state(height)));
            }
        }
    }
}

#[test]
fn two_snapshots_are_kept_and_a_rotten_one_costs_only_a_longer_replay() {
    let storage = SimStorage::new(1, Plan::default());
    let store = SnapshotStore::open(storage.clone()).expect("opens");
    for height in 1..=4 {
        store.write(&snapshot_of(height), &state(height)).expect("room");
    }
    let files = storage.files();
    assert_eq!(files.len(), 2, "{files:?}");
    let length = storage.content(&files[1]).expect("listed").len();
    for at in (0..length).filter(|at| *at < 200 || at % 50 == 0) {
        let rotten = storage.copy();
        rotten.damage(&files[1], |bytes| bytes[at] ^= 1 << (at % 8));
        let (newest, bad) =
            SnapshotStore::open(rotten).and_then(|store| store.newest_valid()).expect("reads");
        assert_eq!(newest.map(|snapshot| snapshot.of.height), Some(3), "byte {at}");
        assert_eq!(bad.len(), 1);
        assert!(bad[0].to_string().contains(&files[1]));
    }
}

/// The ids of `entries` sequences from `first` on, as a shard gives them away.
fn full_ids(first: u64, entries: u64) -> FullIds {
    let mut ids = IdIndex::new(9).with_runs_of(entries).behind(first, IdFilter::for_ids(0));
    for sequence in first..first + entries {
        assert!(ids.take_unseen(ids.hash(u128::from(sequence)), sequence));
    }
    ids.take_full(first + entries).expect("a run's length")
}

#[test]
fn i3_stored_ids_are_found_through_any_number_of_runs_mergings_and_starts() {
    const RUN: u64 = 300;
    let storage = SimStorage::new(5, Plan::default());
    let (mut runs, _) = IdRuns::open(storage.clone(), [7; 16], u64::MAX).expect("an empty disk");
    let key = IdIndex::new(9);
    for number in 0..260 {
        let end = runs.store(vec![full_ids(1 + number * RUN, RUN)]).expect("a good disk");
        assert_eq!(end, 1 + (number + 1) * RUN);
        runs.sync().and_then(|()| runs.merge()).expect("a good disk");
        if number % 100 == 17 {
            let (reopened, damaged) = IdRuns::open(storage.clone(), [7; 16], u64::MAX).expect("a good disk");
            assert_eq!((reopened.end(), damaged), (end, 0));
            runs = reopened;
        }
    }
    let files = storage.files().iter().filter(|file| file.starts_with("ids/")).count();
    assert_eq!(files, 5, "sixteen mergings of sixteen, merged too, and four runs");
    let (reopened, _) = IdRuns::open(storage.clone(), [7; 16], u64::MAX).expect("a good disk");
    let (end, filter) = reopened.filter(0).expect("a good disk");
    assert_eq!((end, reopened.ids() as u64), (1 + 260 * RUN, 260 * RUN));
    for sequence in (1..=260 * RUN).step_by(13) {
        let hash = key.hash(u128::from(sequence));
        assert!(filter.may_hold(hash));
        assert_eq!(runs.sequences_of(hash, (1, u64::MAX)), Ok(vec![sequence]));
    }
    let (cut, damaged) = IdRuns::open(storage.clone(), [7; 16], 258 * RUN + 1).expect("a good disk");
    assert_eq!((cut.end(), damaged), (1 + 258 * RUN, 0), "what is executed again is not looked for");
    let unknown = (1..10_000_u128).filter(|id| filter.may_hold(key.hash(1 << 90 | id))).count();
    assert!(unknown < 50, "{unknown} of 10,000");
    assert_eq!(runs.sequences_of(key.hash(1 << 90), (1, u64::MAX)), Ok(Vec::new()));
}

/// The runs behind an index whose ids are all different.
struct Asked<'a>(&'a IdRuns<SimStorage>);

impl Earlier for Asked<'_> {
    type Fault = StoreFault;

    fn is_same(&mut self, _: u64) -> Result<bool, StoreFault> {
        Ok(false)
    }

    fn stored(&mut self, hash: u64, range: SequenceRange) -> Result<Vec<u64>, StoreFault> {
        self.0.sequences_of(hash, range)
    }
}

/// Ids taken by shards and stored as an engine does it, the memory counted at each moment when there is most.
struct OldIds {
    runs: IdRuns<SimStorage>,
    shards: Vec<IdIndex>,
    next: u64,
    /// Bytes for each stored id.
    most: f64,
    unsure: u64,
}

impl OldIds {
    fn new(shards: u64) -> Self {
        let (runs, _) =
            IdRuns::open(SimStorage::new(3, Plan::default()), [7; 16], u64::MAX).expect("an empty disk");
        let index = IdIndex::new(9).with_runs_of(RUN_ENTRIES);
        let (end, filters) = runs.filters(shards, index.room()).expect("a good disk");
        let part = |(number, filter)| index.part_behind((number, shards), (end, filter));
        let shards = (0..shards).zip(filters).map(part).collect();
        Self { runs, shards, next: 1, most: 0.0, unsure: 0 }
    }

    fn take(&mut self, entries: u64) {
        let shards = self.shards.len() as u64;
        for sequence in self.next..self.next + entries {
            let id = u128::from(sequence);
            let shard = usize::try_from(self.shards[0].shard_of(id, shards)).expect("a shard's number");
            let index = &mut self.shards[shard];
            let hash = index.hash(id);
            if !index.take_unseen(hash, sequence) {
                // As the plain loop does: then the runs are asked, which know no earlier one.
                self.unsure += 1;
                assert_eq!(index.take(hash, sequence, &mut Asked(&self.runs)), Ok(None));
            }
        }
        self.next += entries;
        let full: Vec<FullIds> =
            self.shards.iter_mut().filter_map(|index| index.take_full(self.next)).collect();
        if full.is_empty() {
            return;
        }
        let end = self.runs.store(full).expect("a good disk");
        self.count(0);
        self.shards.iter_mut().for_each(|index| drop(index.stored(end)));
        self.runs.merge().expect("a good disk");
        while self.grow() {}
    }

    /// One step of growth, the old parts and the new there at once. False: none is due.
    fn grow(&mut self) -> bool {
        let shards = self.shards.len();
        let mut growth = self.shards[0].growth().expect("a filter");
        let Some(due) = growth.take_due(self.runs.ids().div_ceil(shards)) else { return false };
        let parts = self.runs.parts(&due, shards as u64).expect("a good disk");
        self.count(parts.iter().flatten().map(FilterPart::bytes).sum());
        for (index, parts) in self.shards.iter_mut().zip(parts) {
            parts.into_iter().for_each(|part| drop(index.take_part(part)));
        }
        assert!(self.shards.iter().all(|index| index.growth() == Some(growth)), "all filters are alike");
        self.count(0);
        true
    }

    fn count(&mut self, made: usize) {
        let filters: usize = self.shards.iter().map(IdIndex::filter_bytes).sum();
        if self.runs.ids() >= 1_000_000 {
            let bytes = (filters + made + self.runs.memory_bytes()) as f64;
            self.most = self.most.max(bytes / self.runs.ids() as f64);
        }
    }
}

#[test]
fn an_old_id_takes_at_most_two_bytes_of_memory_at_every_count_beyond_a_million() {
    for (shards, last) in [(1, 3_200_000), (2, 1_700_000)] {
        let mut old = OldIds::new(shards);
        while old.next < last {
            old.take(8_190);
        }
        assert!(old.most > 1.0 && old.most <= 2.0, "{} bytes an id in {shards} shards", old.most);
        assert!(old.unsure * 100 < old.next, "{} of {} ids looked for in vain", old.unsure, old.next);
        for sequence in (1..old.next).step_by(7) {
            let id = u128::from(sequence);
            let shard = usize::try_from(old.shards[0].shard_of(id, shards)).expect("a shard's number");
            let index = &mut old.shards[shard];
            assert!(!index.take_unseen(index.hash(id), old.next), "{sequence} is known");
        }
    }
}

#[test]
fn i9_runs_that_a_crash_has_torn_are_thrown_away_with_all_behind_them() {
    const RUN: u64 = 40;
    let key = IdIndex::new(9);
    let (mut torn, mut whole) = (0, 0);
    for seed in 0..60 {
        for cut_at in 1..60 {
            let mut storage = SimStorage::new(seed, Plan { cut_at: Some(cut_at), ..Plan::default() });
            for _ in 0..3 {
                let Ok((runs, damaged)) = IdRuns::open(storage.clone(), [7; 16], u64::MAX) else {
                    storage = storage.power_cut(Plan::default());
                    continue;
                };
                torn += damaged;
                for sequence in 1..runs.end() {
                    whole += 1;
                    let hash = key.hash(u128::from(sequence));
                    assert_eq!(
                        runs.sequences_of(hash, (1, u64::MAX)),
                        Ok(vec![sequence]),
                        "seed {seed}, cut at {cut_at}"
                    );
                }
                for _ in 0..5 {
                    let first = runs.end();
                    let stored = runs.store(vec![full_ids(first, RUN)]);
                    if stored.and_then(|_| runs.sync()).and_then(|()| runs.merge()).is_err() {
                        break;
                    }
                }
                storage = storage.power_cut(Plan::default());
            }
        }
    }
    assert!(torn > 10 && whole > 10_000, "{torn} torn, {whole} found");
}
