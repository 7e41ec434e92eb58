//! Takeovers: from which directory one may lead on, what others say of it, and that it convicts nobody.

use feiqian_proof::header::BlockHeader;
use feiqian_runtime::audit::audit;
use feiqian_runtime::follow::{
    Evidence, FollowFault, Trust, Verdict, accept_unsigned, judge, start_from_snapshot, unsigned_behind,
};
use feiqian_runtime::journal::{JournalOptions, StoredFrame};
use feiqian_runtime::machine::{Machine, OpenError};
use feiqian_runtime::stores::{OutcomeStore, StoredBlock};
use feiqian_tests::sim_storage::SimStorage;
use feiqian_tests::world::{CHAIN_ID, operator_key};

use crate::house::{
    COPY_SEGMENT_BYTES, Operator, Served, disk, follow, follower, groups, identity, insist, lengths,
};
use crate::lives::newest_snapshot;

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
    let mut successor = Operator::of(warm.clone(), machine);
    successor.log.follow().expect("a good disk");
    let height = staying.replica().height();
    let turn = follow(&mut staying, &mut successor.serve()).expect("the new epoch continues the chain");
    assert_eq!((turn.frames, staying.replica().height()), (1, height + 1));

    // The old leader comes back and goes on where it was.
    operator.run(&groups[half..=half]);
    let next = staying.replica().next_sequence();
    let error = insist(&mut staying, &mut operator.serve());
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    assert!(finding.sequence <= next, "{finding}");
    let verdict = judge(&finding.evidence, &identity().operator, Some(warm.clone()));
    assert!(matches!(verdict, Ok(Verdict::Undecided(_))), "a takeover convicts nobody: {verdict:?}");
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

/// The lost leader had sealed a block that nobody but one validator has, and whose receipts are out.
#[test]
fn a_takeover_that_loses_a_block_convicts_nobody_and_stops_who_has_it() {
    let mut operator = Operator::begun();
    let groups = groups();
    let half = groups.len() / 2;
    operator.run(&groups[..half]);
    let (warm, ahead) = (disk(3), disk(4));
    let mut promoted = follower(&warm).expect("an empty disk");
    follow(&mut promoted, &mut operator.serve()).expect("honest");
    let height = promoted.replica().height();
    promoted.close().expect("a good disk");
    let mut staying = follower(&ahead).expect("an empty disk");
    let mut more = half;
    while operator.blocks().last() == height {
        operator.run(&groups[more..=more]);
        more += 1;
    }
    follow(&mut staying, &mut operator.serve()).expect("honest");
    assert!(staying.replica().height() > height);

    let options = lengths(COPY_SEGMENT_BYTES);
    let taken = Machine::take_over(warm.clone(), options, operator_key(), 1).expect("a data directory");
    let successor = Operator::of(warm.clone(), taken.0);
    successor.log.follow().expect("a good disk");
    let other = header_at(&successor, height + 1);
    let lost = operator.blocks().read(height + 1).expect("stored");
    assert_ne!(other.0, BlockHeader::decode(&lost.header).expect("a header"));
    let error = insist(&mut staying, &mut successor.serve());
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    let verdict = judge(&finding.evidence, &identity().operator, None::<SimStorage>);
    assert!(!matches!(verdict, Ok(Verdict::Convicts(_))), "{verdict:?}");
    // Two receipts' headers, without any frame: a directory of either chain shows one epoch, so both are asked for.
    let fork = |seals| Evidence::Fork { identity: identity(), blocks: Box::new([lost, other.1]), seals };
    let seal = |storage: &Operator, at: u64| {
        let header = header_at(storage, at).0;
        let end = header.first_sequence + header.count - 1;
        let frame = storage.machine.journal().reader().stored_from(end, 0).expect("a frame");
        frame[..256].to_vec()
    };
    let seals = [seal(&operator, height + 1), seal(&successor, height + 1)];
    let judged = |seals, data| judge(&fork(Box::new(seals)), &identity().operator, data);
    for (seals, data) in [
        (seals.clone(), None),
        ([seals[0].clone(), Vec::new()], Some(warm)),
        ([Vec::new(), seals[1].clone()], Some(operator.storage.clone())),
    ] {
        match judged(seals, data) {
            Ok(Verdict::Undecided(why)) => assert!(why.contains("takeover"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

fn header_at(operator: &Operator, height: u64) -> (BlockHeader, StoredBlock) {
    let block = operator.blocks().read(height).expect("stored");
    (BlockHeader::decode(&block.header).expect("a header"), block)
}

/// I3 after a takeover: a repetition is answered with the outcome that the first one had.
#[test]
fn i3_a_validator_that_began_behind_a_snapshot_has_all_rows_once_it_leads() {
    let mut operator = Operator::begun();
    for group in groups() {
        operator.run(&[group]);
        if operator.blocks().last() < 5 {
            operator.machine.snapshot().expect("a good disk");
        }
    }
    let last = operator.blocks().last();
    let trust = Trust::Block(last, header_at(&operator, last).0.hash());
    let (storage, mut served) = (disk(7), operator.serve());
    let snapshot = newest_snapshot(&operator);
    let started = (identity(), COPY_SEGMENT_BYTES);
    start_from_snapshot(storage.clone(), started, &mut served, (trust, snapshot)).expect("trusted");
    let mut validator = follower(&storage).expect("a directory");
    follow(&mut validator, &mut served).expect("an honest operator");
    validator.close().expect("a good disk");
    assert!(audit(storage.clone()).expect("no difference").rows_before > 0);
    let options = lengths(COPY_SEGMENT_BYTES);
    let (machine, _) = Machine::take_over(storage.clone(), options, operator_key(), 1).expect("it leads");
    let entries = usize::try_from(operator.machine.journal().head().sequence).expect("few");
    let rows = |storage: &SimStorage| {
        OutcomeStore::open(storage.clone()).and_then(|rows| rows.read(1, entries)).expect("all are there")
    };
    assert_eq!(rows(&storage), rows(&operator.storage));
    machine.close().expect("a good disk");
    let report = audit(storage).expect("no difference");
    assert_eq!((report.rows_before, report.rows_missing), (0, 0));
}

#[test]
fn nobody_leads_from_a_directory_without_a_block_and_it_stays_as_it_was() {
    let operator = Operator::told();
    let storage = disk(7);
    drop(follower(&storage).expect("an empty disk"));
    let options = lengths(COPY_SEGMENT_BYTES);
    let taken = Machine::take_over(storage.clone(), options, operator_key(), 1);
    assert!(matches!(taken, Err(OpenError::NoBlock)), "{taken:?}");
    let mut validator = follower(&storage).expect("its directory");
    follow(&mut validator, &mut operator.serve()).expect("an honest operator");
}

/// Whoever relays frames can write some of its own behind the last block.
#[test]
fn what_a_copy_gave_behind_the_last_block_is_not_led_on_from_unless_somebody_vouches_for_it() {
    let mut operator = Operator::begun();
    let groups = groups();
    let is_open = |operator: &Operator| {
        let sealed = header_at(operator, operator.blocks().last()).0;
        operator.machine.journal().head().sequence > sealed.first_sequence + sealed.count - 1
    };
    let mut next = 0;
    while operator.blocks().last() < 2 || !is_open(&operator) {
        operator.run(&groups[next..=next]);
        next += 1;
    }
    let storage = disk(7);
    let mut relayed = follower(&storage).expect("an empty disk").relayed();
    let mut copy = Served { is_signing: false, ..operator.serve() };
    follow(&mut relayed, &mut copy).expect("a copy of an honest operator's");
    relayed.close().expect("a good disk");
    let options = lengths(COPY_SEGMENT_BYTES);
    let take_over = |storage: &SimStorage| Machine::take_over(storage.clone(), options, operator_key(), 1);
    let refused = take_over(&storage);
    assert!(matches!(refused, Err(OpenError::Unsigned { sealed, last }) if sealed < last), "{refused:?}");
    // What the operator signs for behind them covers them.
    operator.run(&groups[next..=next]);
    let mut direct = follower(&storage).expect("a directory");
    follow(&mut direct, &mut operator.serve()).expect("an honest operator");
    direct.close().expect("a good disk");
    assert_eq!(unsigned_behind(&storage, JournalOptions::new(CHAIN_ID)), Ok(None));
    drop(take_over(&storage).expect("it leads"));
    // Or somebody who has looked.
    let storage = disk(8);
    let mut relayed = follower(&storage).expect("an empty disk").relayed();
    follow(&mut relayed, &mut copy).expect("a copy of an honest operator's");
    relayed.close().expect("a good disk");
    assert!(take_over(&storage).is_err());
    accept_unsigned(&storage).expect("a good disk");
    drop(take_over(&storage).expect("it leads"));
}
