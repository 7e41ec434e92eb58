//! Lives of a validator: stopped, cut off anywhere, started from a snapshot, promoted, and asked for a lost segment.

use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;
use feiqian_runtime::audit::audit;
use feiqian_runtime::follow::{FollowFault, Follower, Replica, StartFault, Trust, start_from_snapshot};
use feiqian_runtime::journal::{JournalOptions, RepairFault, StoredFrame, repair};
use feiqian_runtime::machine::{Machine, OpenError};
use feiqian_runtime::storage::{Access, Storage as _, StorageFile as _, read_whole};
use feiqian_tests::sim_storage::{Dice, Plan, SimStorage};
use feiqian_tests::world::{CHAIN_ID, operator_key};

use crate::house::{
    COPY_SEGMENT_BYTES, Operator, SEGMENT_BYTES, Served, checkpoint_head, disk, follow, follower, groups,
    identity, lengths,
};

#[test]
fn a_validator_that_was_stopped_goes_on_and_hands_in_again_what_it_signed_last() {
    let mut operator = Operator::begun();
    let storage = disk(3);
    let mut sizes = Vec::new();
    for group in groups() {
        operator.run(&[group]);
        let mut validator = follower(&storage).expect("its own directory");
        let mut served = operator.serve();
        follow(&mut validator, &mut served).expect("an honest operator");
        sizes.extend(served.handed_in.borrow().iter().map(|note| checkpoint_head(note).size));
        validator.close().expect("a good disk");
    }
    assert!(sizes.is_sorted(), "{sizes:?}");
    assert!(sizes.windows(2).any(|pair| pair[0] == pair[1]), "handed in again: {sizes:?}");
    sizes.dedup();
    assert!(sizes.len() > 4 && sizes.last() == Some(&operator.blocks().last()), "{sizes:?}");
}

/// What a validator handed in before and after is one log that only grows, wherever its power goes.
#[test]
fn i9_a_validator_cut_off_anywhere_goes_on_and_never_signs_less() {
    let operator = Operator::told();
    let good = SimStorage::new(1, Plan::default());
    let mut validator = follower(&good).expect("an empty disk");
    follow(&mut validator, &mut operator.serve()).expect("an honest operator");
    validator.close().expect("a good disk");
    let operations = good.operations();
    let all = operator.machine.journal().reader().stored_from(1, usize::MAX);
    for cut_at in 1..=operations {
        let mut dice = Dice::new(cut_at);
        let mut storage = SimStorage::new(cut_at, Plan { cut_at: Some(cut_at), ..Plan::default() });
        let mut served = operator.serve();
        for life in 0..3 {
            match live(&storage, &mut served) {
                Ok(()) => break,
                Err(fault) => {
                    assert!(storage.is_down(), "operation {cut_at}, life {life}: {fault}");
                    let next = 1 + dice.below(operations);
                    let plan = Plan { cut_at: (life == 0).then_some(next), ..Plan::default() };
                    storage = storage.power_cut(plan);
                }
            }
        }
        let sizes: Vec<_> = served.handed_in.borrow().iter().map(|note| checkpoint_head(note).size).collect();
        assert!(sizes.is_sorted(), "operation {cut_at}: {sizes:?}");
        let storage = storage.power_cut(Plan::default());
        let validator = follower(&storage).unwrap_or_else(|fault| panic!("operation {cut_at}: {fault}"));
        assert_eq!(validator.replica().reader().stored_from(1, usize::MAX), all, "operation {cut_at}");
        assert_eq!(validator.replica().height(), operator.blocks().last(), "operation {cut_at}");
    }
}

fn live(storage: &SimStorage, served: &mut Served) -> Result<(), FollowFault> {
    let mut validator = follower(storage)?;
    follow(&mut validator, served)?;
    validator.close()
}

#[test]
fn nothing_is_signed_from_a_directory_that_was_set_back() {
    let operator = Operator::told();
    let storage = disk(3);
    let mut validator = follower(&storage).expect("an empty disk");
    follow(&mut validator, &mut operator.serve()).expect("an honest operator");
    let signed = validator.witness().expect("one").signed();
    validator.close().expect("a good disk");
    for name in storage.list("blocks").expect("a folder") {
        storage.remove(&format!("blocks/{name}")).expect("removed");
    }
    for name in storage.list("snapshots").expect("a folder") {
        storage.remove(&format!("snapshots/{name}")).expect("removed");
    }
    match follower(&storage) {
        Err(FollowFault::SetBack { size }) => assert_eq!(size, signed),
        other => panic!("{other:?}"),
    }
    let text = read_whole(&storage, "validator/signed", 4_096).expect("there");
    let cut = &text[..text.len() - 1];
    storage.write_atomically("validator/signed", cut).expect("written");
    match follower(&storage) {
        Err(FollowFault::Memory(_) | FollowFault::SetBack { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_directory_follows_one_chain_and_operator_alone() {
    let storage = disk(3);
    drop(follower(&storage).expect("an empty disk"));
    let mut other = identity();
    other.chain_id[0] ^= 1;
    let opened = Replica::open(storage, lengths(COPY_SEGMENT_BYTES), other);
    assert!(matches!(opened, Err(OpenError::Key)));
}

/// The operator's newest snapshot with its height.
pub(crate) fn newest_snapshot(operator: &Operator) -> Vec<u8> {
    let names = operator.storage.list("snapshots").expect("a folder");
    let name = names.last().expect("there is one");
    read_whole(&operator.storage, &format!("snapshots/{name}"), 1 << 30).expect("read")
}

#[test]
fn a_validator_starts_from_a_snapshot_that_a_trusted_block_vouches_for() {
    let mut operator = Operator::begun();
    let mut height = 0;
    for group in groups() {
        operator.run(&[group]);
        if operator.blocks().last() < 5 {
            height = operator.machine.snapshot().expect("a good disk").unwrap_or(height);
        }
    }
    assert!(height > 1);
    let last = operator.blocks().last();
    let head = |height| BlockHeader::decode(&operator.blocks().read(height).expect("stored").header);
    let hash = head(last).expect("a header").hash();
    let (mut served, snapshot) = (operator.serve(), newest_snapshot(&operator));
    let start = |storage: &SimStorage, served: &mut Served, trust, snapshot| {
        start_from_snapshot(storage.clone(), (identity(), COPY_SEGMENT_BYTES), served, (trust, snapshot))
    };
    let log = checkpoint_head(served.checkpoint.as_ref().expect("there is one"));
    for trust in [Trust::Block(last, hash), Trust::Log(log)] {
        let storage = disk(7);
        assert_eq!(start(&storage, &mut served, trust, snapshot.clone()).expect("trusted"), height);
        let mut validator = follower(&storage).expect("a directory");
        assert_eq!(validator.replica().height(), height);
        let turn = follow(&mut validator, &mut served).expect("an honest operator");
        assert_eq!((turn.blocks, turn.signed), (last - height, Some(last)));
        validator.close().expect("a good disk");
        let begun = head(height).expect("a header");
        let report = audit(storage.clone()).expect("no difference");
        assert_eq!(report.rows_before, begun.first_sequence + begun.count - 1);
        assert_eq!((report.blocks, report.rows_missing), (last, 0));
        let options = lengths(COPY_SEGMENT_BYTES);
        let (machine, _) = Machine::recover(storage, options, operator_key()).expect("a data directory");
        assert_eq!(machine.journal().head(), operator.machine.journal().head());
    }
    // What is not trusted: another block, a snapshot whose balance was changed, one above what is trusted.
    let fault = start(&disk(8), &mut served, Trust::Block(last, Hash([1; 32])), snapshot.clone());
    assert!(matches!(fault, Err(StartFault::NotTrusted(_))), "{fault:?}");
    let mut changed = snapshot.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let fault = start(&disk(8), &mut served, Trust::Block(last, hash), changed);
    assert!(matches!(fault, Err(StartFault::NotTrusted(_))), "{fault:?}");
    let first = head(1).expect("a header").hash();
    let fault = start(&disk(8), &mut served, Trust::Block(1, first), snapshot);
    assert!(matches!(fault, Err(StartFault::NotTrusted(_))), "{fault:?}");
}

#[test]
fn a_promoted_validator_begins_an_epoch_that_others_accept_and_stragglers_of_the_old_are_void() {
    let mut operator = Operator::begun();
    let groups = groups();
    let half = groups.len() / 2;
    operator.run(&groups[..half]);
    let (warm, other) = (disk(3), disk(4));
    let mut promoted = follower(&warm).expect("an empty disk");
    let mut staying = follower(&other).expect("an empty disk");
    follow(&mut promoted, &mut operator.serve()).expect("honest");
    follow(&mut staying, &mut operator.serve()).expect("honest");
    promoted.close().expect("a good disk");

    let options = lengths(COPY_SEGMENT_BYTES);
    let (machine, epoch) =
        Machine::take_over(warm.clone(), options, operator_key(), 1).expect("a data directory");
    assert_eq!(epoch, 2);
    let mut successor = Operator::of(warm, machine);
    successor.log.follow().expect("a good disk");
    let height = staying.replica().height();
    let turn = follow(&mut staying, &mut successor.serve()).expect("the new epoch continues the chain");
    assert_eq!((turn.frames, staying.replica().height()), (1, height + 1));

    // The old leader comes back and goes on where it was.
    operator.run(&groups[half..=half]);
    let next = staying.replica().next_sequence();
    let error = follow(&mut staying, &mut operator.serve());
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    assert!(finding.sequence <= next, "{finding}");
    let straggler = operator.machine.journal().reader().stored_from(next - 1, 0).expect("a frame");
    let (straggler, _) = StoredFrame::read(&straggler).expect("a frame");
    let head = successor.machine.journal().head();
    assert_eq!(
        straggler.header.follows(head),
        Err(feiqian_core::frame::NotNext::Epoch { head: 2, frame: 1 })
    );
    // And nobody leads on without the epoch: the successor's next start keeps it.
    let storage = successor.storage.clone();
    successor.run(&[]);
    successor.machine.close().expect("a good disk");
    let (again, _) = Machine::recover(storage, options, operator_key()).expect("a data directory");
    assert_eq!(again.journal().head().epoch, 2);
}

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
    operator.run(&groups[1..3]);
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
