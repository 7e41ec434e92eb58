//! Tables of chains: all members succeed or all fail.

use feiqian_core::limits::CHAIN_TRANSFERS_MAX;
use feiqian_core::outcome::RejectReason::{
    ChainFailed, ChainOpen, ChainTooLong, IdReused, InsufficientFunds, MalformedRecord, MissingId,
    NetDebitCapExceeded, NoPendingHold,
};
use feiqian_tests::world::{cleared, duplicate, held, rejected, row, voided};

use crate::trial::Trial;

#[test]
fn a_chain_sees_its_own_members_as_done() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "a1", 100, cleared()).linked(),
        row("a1", "a2", 100, cleared()).linked(),
        row("a2", "B", 60, cleared()).linked(),
        row("a2", "B", 40, cleared()),
    ]);
    assert_eq!((trial.balance("a2"), trial.position("A")), (0, -100));
}

#[test]
fn a_failed_chain_changes_nothing_and_keeps_its_ids() {
    let mut trial = Trial::standard();
    let before = trial.picture();
    trial.check(&[
        row("A", "a1", 100, rejected(ChainFailed)).id(1).linked(),
        row("a1", "B", 101, rejected(InsufficientFunds)).id(2).linked(),
        row("B", "A", 5, rejected(ChainFailed)).id(3).by("A"),
    ]);
    assert_eq!(trial.picture(), before);
    trial.check(&[
        row("A", "a1", 100, duplicate()).id(1).linked(),
        row("a1", "B", 101, duplicate()).id(2).linked(),
        row("B", "A", 5, duplicate()).id(3).by("A"),
        row("A", "a1", 100, rejected(IdReused)).id(1),
    ]);
    assert_eq!(trial.picture(), before);
}

#[test]
fn a_chain_counts_its_own_debits_against_cap_and_funds() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 600, rejected(ChainFailed)).linked(),
        row("A", "C", 401, rejected(NetDebitCapExceeded)),
        row("A", "B", 600, cleared()).linked(),
        row("A", "C", 400, cleared()),
    ]);
}

#[test]
fn a_repetition_within_a_chain_fails_it() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 1, rejected(ChainFailed)).id(1).linked(),
        row("A", "B", 1, duplicate()).id(1).linked(),
        row("A", "B", 2, rejected(ChainFailed)).id(2),
    ]);
    trial.check(&[
        row("A", "B", 1, rejected(ChainFailed)).id(3).linked(),
        row("A", "B", 2, duplicate()).id(2),
        row("A", "B", 1, rejected(ChainFailed)).id(4).linked(),
        row("A", "B", 9, rejected(IdReused)).id(2),
        row("A", "B", 1, rejected(ChainFailed)).id(5).linked(),
        row("A", "B", 1, rejected(MissingId)).id(0),
    ]);
}

#[test]
fn holds_within_a_chain_are_posted_voided_and_rolled_back() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 50, held()).hold(1).linked(),
        row("A", "B", 20, cleared()).post(1).linked(),
        row("A", "C", 10, held()).hold(2).linked(),
        row("A", "C", 0, voided()).void(2).linked(),
        row("A", "B", 900, held()).hold(3),
    ]);
    assert_eq!((trial.position("A"), trial.cell("A").reserved, trial.cell("A").holds), (-20, 900, 1));
    trial.check(&[
        row("A", "B", 900, rejected(ChainFailed)).post(3).linked(),
        row("A", "B", 1, rejected(NoPendingHold)).post(3),
        row("A", "B", 7, rejected(ChainFailed)).hold(4).linked(),
        row("A", "B", 0, rejected(ChainFailed)).void(3).linked(),
        row("A", "B", 1, rejected(MalformedRecord)).with(|record| record.delay = 1_u32.into()),
        row("A", "B", 7, rejected(NoPendingHold)).post(4),
        row("A", "B", 900, cleared()).post(3),
    ]);
}

#[test]
fn a_chain_that_its_batch_leaves_open_fails_whole() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 1, rejected(ChainOpen)).id(1).linked()]);
    trial.check(&[
        row("A", "B", 1, cleared()),
        row("A", "B", 2, rejected(ChainOpen)).linked(),
        row("A", "B", 1, duplicate()).id(1).linked(),
        row("A", "B", 3, rejected(ChainOpen)).linked(),
        row("A", "B", 4, cleared()).apart(),
    ]);
    trial.check(&[row("A", "B", 2, rejected(ChainOpen)).linked(), row("B", "A", 4, cleared())]);
}

#[test]
fn i6_a_chain_is_bounded() {
    let mut trial = Trial::standard();
    let chain = |length: usize, expected| {
        let mut rows = vec![row("A", "B", 1, expected).linked(); length - 1];
        rows.push(row("A", "B", 1, expected));
        rows
    };
    trial.check(&chain(CHAIN_TRANSFERS_MAX, cleared()));
    trial.check(&chain(CHAIN_TRANSFERS_MAX + 1, rejected(ChainTooLong)));
}
