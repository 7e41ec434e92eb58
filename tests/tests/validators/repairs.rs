//! Repair: a lost or damaged segment of the operator's from a validator's copy, which is believed in nothing.

use feiqian_runtime::audit::audit;
use feiqian_runtime::follow::Follower;
use feiqian_runtime::identity::IDENTITY_FILE;
use feiqian_runtime::journal::{JournalOptions, RepairFault, repair};
use feiqian_runtime::machine::Machine;
use feiqian_runtime::storage::{Access, Storage as _, StorageFile as _, read_whole};
use feiqian_tests::sim_storage::SimStorage;
use feiqian_tests::world::{CHAIN_ID, operator_key};

use crate::house::{COPY_SEGMENT_BYTES, Operator, SEGMENT_BYTES, disk, follow, follower, groups, lengths};

/// A validator's copy of the whole journal, closed.
fn copy_of(operator: &Operator) -> SimStorage {
    let storage = disk(9);
    let mut validator: Follower<_> = follower(&storage).expect("an empty disk");
    follow(&mut validator, &mut operator.serve()).expect("an honest operator");
    validator.close().expect("a good disk");
    storage
}

fn segment_path(number: u32) -> String {
    format!("journal/{number:010}.fqj")
}

#[test]
fn a_damaged_segment_is_repaired_from_a_validator_by_the_chain_of_hashes() {
    let operator = Operator::told();
    let copy = copy_of(&operator);
    let Operator { storage, machine, log } = operator;
    let blocks = machine.book().blocks().last();
    let head = *machine.journal().head();
    drop(log);
    machine.close().expect("a good disk");
    let segments = u32::try_from(storage.list("journal").expect("a folder").len()).expect("few");
    assert!(segments >= 2);
    let options = JournalOptions { chain_id: CHAIN_ID, segment_bytes: SEGMENT_BYTES };
    let fetch = |number: u32| read_whole(&copy, &segment_path(number), 1 << 30);
    assert_eq!(repair(&storage, options, head.sequence, fetch).expect("nothing to do"), []);
    for (segment, offset) in [(1, 4_200), (1, 0), (segments, 4_200)] {
        let file = storage.open(&segment_path(segment), Access::Buffered).expect("there");
        let mut byte = [0];
        file.read_at(offset, &mut byte).expect("read");
        file.write_at(offset, &[byte[0] ^ 4]).expect("written");
        assert!(audit(storage.clone()).is_err(), "the damage is there");
        let done = repair(&storage, options, head.sequence, fetch).expect("repaired");
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].segment, segment);
        assert!(storage.content(done[0].kept.as_ref().expect("kept aside")).is_some());
        assert_eq!(audit(storage.clone()).expect("no difference").blocks, blocks);
    }
    storage.remove(&segment_path(1)).expect("removed");
    let done = repair(&storage, options, head.sequence, fetch).expect("repaired");
    assert_eq!((done.len(), done[0].kept.as_ref()), (1, None));
    let (machine, _) =
        Machine::recover(storage, lengths(SEGMENT_BYTES), operator_key()).expect("a data directory");
    assert_eq!(machine.journal().head(), &head);
}

#[test]
fn no_repair_loses_what_was_written_or_brings_a_successors_frames() {
    let mut operator = Operator::begun();
    let groups = groups();
    operator.run(&groups[..1]);
    let short = copy_of(&operator);
    for group in &groups[1..] {
        operator.run(std::slice::from_ref(group));
        if operator.blocks().last() > 0 {
            break;
        }
    }
    assert_eq!(operator.storage.list("journal").expect("a folder").len(), 1, "all in one segment");
    let (long, last) = (copy_of(&operator), operator.machine.journal().head().sequence);
    let Operator { storage, machine, .. } = operator;
    machine.close().expect("a good disk");
    let taken = Machine::take_over(long.clone(), lengths(COPY_SEGMENT_BYTES), operator_key(), 1);
    taken.expect("a data directory").0.close().expect("a good disk");
    let options = JournalOptions { chain_id: CHAIN_ID, segment_bytes: SEGMENT_BYTES };
    let file = storage.open(&segment_path(1), Access::Buffered).expect("there");
    file.write_at(4_200, &[0xFF; 8]).expect("damaged");
    let from = |copy: &SimStorage| {
        let copy = copy.clone();
        repair(&storage, options, 0, move |number| read_whole(&copy, &segment_path(number), 1 << 30))
    };
    match from(&short) {
        Err(RepairFault::Shorter { segment: 1, has, needs }) => assert!(has < last && needs == last),
        other => panic!("{other:?}"),
    }
    match from(&long) {
        Err(RepairFault::LaterEpoch(2)) => {}
        other => panic!("{other:?}"),
    }
}

/// Frames are chained with keys that everybody has: whoever gives the copy can write more of them.
#[test]
fn a_repair_takes_no_frame_that_the_copy_has_added_behind_what_was_written_here() {
    let mut operator = Operator::begun();
    let groups = groups();
    operator.run(&groups[..3]);
    let head = *operator.machine.journal().head();
    let (true_copy, evil) = (copy_of(&operator), copy_of(&operator));
    let Operator { storage, machine, .. } = operator;
    machine.close().expect("a good disk");
    assert_eq!(storage.list("journal").expect("a folder").len(), 1, "all in one segment");
    // Any key writes such frames: the journal is signed by nobody.
    let identity_of = |storage: &SimStorage| read_whole(storage, IDENTITY_FILE, 4_096).expect("there");
    assert_eq!(identity_of(&evil), identity_of(&storage));
    let (mut machine, _) = Machine::recover(evil.clone(), lengths(COPY_SEGMENT_BYTES), operator_key())
        .expect("a data directory");
    machine.run(groups[3].clone()).expect("a good disk");
    assert!(machine.journal().head().sequence > head.sequence);
    machine.close().expect("a good disk");

    let options = JournalOptions { chain_id: CHAIN_ID, segment_bytes: SEGMENT_BYTES };
    let damage = |offset, bytes: &[u8]| {
        let file = storage.open(&segment_path(1), Access::Buffered).expect("there");
        file.write_at(offset, bytes).expect("damaged");
    };
    for (copy, is_evil) in [(&evil, true), (&true_copy, false), (&evil, true)] {
        damage(4_200, &[0xFF; 8]);
        let fetch = |number: u32| read_whole(copy, &segment_path(number), 1 << 30);
        let done = repair(&storage, options, head.sequence, fetch).expect("repaired");
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].left_out > 0, is_evil, "{done:?}");
        let opened = Machine::recover(storage.clone(), lengths(SEGMENT_BYTES), operator_key());
        assert_eq!(opened.expect("opened").0.journal().head(), &head);
    }
    // With nothing left of the file but its length, only the newest block vouches, and what was executed behind it is
    // not given up for it.
    damage(0, &vec![0; usize::try_from(SEGMENT_BYTES).expect("small")]);
    let fetch = |number: u32| read_whole(&evil, &segment_path(number), 1 << 30);
    match repair(&storage, options, head.sequence, fetch) {
        Ok(done) => assert!(done[0].left_out > 0, "{done:?}"),
        Err(RepairFault::Unvouched { segment: 1, vouched, needs }) => assert!(vouched < needs),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_segment_of_another_journal_or_a_damaged_copy_is_taken() {
    let operator = Operator::told();
    let copy = copy_of(&operator);
    let mut other = Operator::begun();
    other.run(&crate::house::groups_with(|number, batches| {
        if number == 0 {
            batches[0].records[0].amount = 499.into();
        }
    }));
    let acknowledged = operator.machine.journal().head().sequence;
    let Operator { storage, machine, .. } = operator;
    machine.close().expect("a good disk");
    let options = JournalOptions { chain_id: CHAIN_ID, segment_bytes: SEGMENT_BYTES };
    let path = segment_path(1);
    let file = storage.open(&path, Access::Buffered).expect("there");
    let last_frame = 4_096 * 3;
    file.write_at(last_frame, &[0xFF; 64]).expect("damaged");
    let before = read_whole(&storage, &path, 1 << 30).expect("read");
    let good = read_whole(&copy, &path, 1 << 30).expect("read");
    let mut damaged = good;
    damaged[4_300] ^= 1;
    let theirs = read_whole(&other.storage, &path, 1 << 30).expect("read");
    for (image, is_flawed) in [(damaged, true), (theirs, false)] {
        let fault =
            repair(&storage, options, acknowledged, |_| Ok::<_, std::convert::Infallible>(image.clone()));
        match fault {
            Err(RepairFault::Flawed { segment: 1, .. }) if is_flawed => {}
            Err(RepairFault::Other(1)) if !is_flawed => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(read_whole(&storage, &path, 1 << 30).expect("read"), before, "nothing was changed");
    }
}
