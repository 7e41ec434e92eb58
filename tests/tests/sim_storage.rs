//! The simulated storage itself: an adversary that is too kind would let every crash test pass.

use feiqian_runtime::storage::{Access, Storage, StorageFile};
use feiqian_tests::sim_storage::{Failure, Plan, SECTOR_BYTES, SimStorage};

const OLD: [u8; 2048] = [1; 2048];
const NEW: [u8; 2048] = [2; 2048];

/// A file of synced old bytes with new ones written over them.
fn overwritten(seed: u64) -> SimStorage {
    let storage = SimStorage::new(seed, Plan::default());
    let file = storage.create("f", Access::Buffered).expect("nothing fails");
    file.write_at(0, &OLD).and_then(|()| file.sync_data()).expect("nothing fails");
    storage.sync_directory("").expect("nothing fails");
    file.write_at(0, &NEW).expect("nothing fails");
    storage
}

#[test]
fn unsynced_sectors_are_kept_dropped_or_mangled_each_on_its_own() {
    let (mut kept, mut dropped, mut mangled, mut mixed) = (0, 0, 0, 0);
    for seed in 0..200 {
        let content = overwritten(seed).power_cut(Plan::default()).content("f").unwrap();
        let sectors: Vec<&[u8]> = content.chunks(SECTOR_BYTES).collect();
        kept += sectors.iter().filter(|sector| **sector == &NEW[..SECTOR_BYTES]).count();
        dropped += sectors.iter().filter(|sector| **sector == &OLD[..SECTOR_BYTES]).count();
        mangled += sectors.iter().filter(|sector| sector.windows(2).any(|w| w[0] != w[1])).count();
        mixed += usize::from(sectors.iter().any(|sector| sector != &sectors[0]));
    }
    assert!(kept > 50 && dropped > 50 && mangled > 20 && mixed > 50, "{kept} {dropped} {mangled} {mixed}");
}

#[test]
fn what_was_synced_survives_every_cut_and_the_same_seed_ends_alike() {
    for seed in 0..50 {
        let storage = overwritten(seed);
        let file = storage.open("f", Access::Buffered).unwrap();
        file.sync_data().unwrap();
        assert_eq!(storage.power_cut(Plan::default()).content("f").unwrap(), NEW);
        let again = || overwritten(seed).power_cut(Plan::default()).content("f");
        assert_eq!(again(), again());
    }
}

#[test]
fn names_without_a_directory_sync_are_lost_or_kept() {
    let survives = |seed| {
        let storage = SimStorage::new(seed, Plan::default());
        let file = storage.create("f", Access::Buffered).unwrap();
        file.write_at(0, &OLD).and_then(|()| file.sync_data()).unwrap();
        !storage.power_cut(Plan::default()).files().is_empty()
    };
    let kept = (0..100).filter(|seed| survives(*seed)).count();
    assert!((20..80).contains(&kept), "{kept}");
}

#[test]
fn after_the_cut_nothing_works_and_the_operation_may_have_happened() {
    let storage = SimStorage::new(1, Plan { cut_at: Some(2), ..Plan::default() });
    let file = storage.create("f", Access::Buffered).unwrap();
    assert!(file.write_at(0, &NEW).is_err() && storage.is_down());
    assert!(file.sync_data().is_err() && storage.open("f", Access::Buffered).is_err());
    assert!(storage.create("g", Access::Buffered).is_err() && storage.list("").is_err());
}

#[test]
fn a_failed_sync_is_not_mended_by_the_next_one() {
    let lost = |seed| {
        let storage = overwritten(seed);
        let fail_at = Some((1, Failure::Device));
        let storage = storage.kill(Plan { fail_at, ..Plan::default() });
        let file = storage.open("f", Access::Buffered).unwrap();
        assert!(file.sync_data().is_err());
        assert!(file.sync_data().is_ok(), "it says that all is well");
        assert_eq!(storage.content("f").unwrap(), NEW, "and the page cache agrees");
        storage.kill(Plan::default()).content("f").unwrap() != NEW
    };
    let lost = (0..100).filter(|seed| lost(*seed)).count();
    assert!(lost > 50, "{lost}");
}

#[test]
fn a_short_write_leaves_its_beginning() {
    let storage = SimStorage::new(4, Plan { fail_at: Some((2, Failure::ShortWrite)), ..Plan::default() });
    let file = storage.create("f", Access::Buffered).unwrap();
    assert!(file.write_at(0, &NEW).is_err_and(|fault| fault.is_no_space()));
    let content = storage.content("f").unwrap();
    assert!(content.len() < NEW.len() && content.iter().all(|byte| *byte == 2));
    assert!(file.write_at(0, &NEW).is_ok());
}
