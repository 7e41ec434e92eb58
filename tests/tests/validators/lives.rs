//! Lives of a validator: stopped, cut off anywhere, set back, and started from a snapshot.

use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;
use feiqian_runtime::audit::audit;
use feiqian_runtime::follow::{FollowFault, Replica, StartFault, Trust, start_from_snapshot};
use feiqian_runtime::machine::{Machine, OpenError};
use feiqian_runtime::storage::{Storage as _, read_whole};
use feiqian_tests::sim_storage::{Dice, Plan, SimStorage};
use feiqian_tests::world::operator_key;

use crate::house::{
    COPY_SEGMENT_BYTES, Operator, Served, checkpoint_head, disk, follow, follower, groups, identity, lengths,
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
fn a_memory_of_what_was_signed_that_is_lost_signs_nothing() {
    let operator = Operator::told();
    let storage = disk(3);
    let mut validator = follower(&storage).expect("an empty disk");
    follow(&mut validator, &mut operator.serve()).expect("an honest operator");
    validator.close().expect("a good disk");
    storage.remove("validator/signed").expect("removed");
    match follower(&storage) {
        Err(FollowFault::Memory(name)) => assert_eq!(name, "validator/signed"),
        other => panic!("{other:?}"),
    }
}
