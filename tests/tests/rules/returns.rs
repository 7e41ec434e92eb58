//! Tables of returns: in full and in part, and never more than was paid.

use feiqian_core::outcome::RejectReason::{
    ChainFailed, ExceedsOriginal, InsufficientFunds, MalformedRecord, NetDebitCapExceeded, NotOwner,
    NotReturnable,
};
use feiqian_core::transfer::flags;
use feiqian_tests::world::{cleared, duplicate, held, queued, rejected, row};

use crate::trial::Trial;

#[test]
fn what_was_paid_comes_back_in_parts_and_never_more_of_it() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 100, cleared()).id(1)]);
    trial.check(&[
        row("B", "A", 101, rejected(ExceedsOriginal)).returning(1),
        row("B", "A", 60, cleared()).returning(1).id(2),
        row("B", "A", 60, duplicate()).returning(1).id(2),
        row("B", "A", 41, rejected(ExceedsOriginal)).returning(1),
        row("B", "A", 40, cleared()).returning(1),
        row("B", "A", 1, rejected(ExceedsOriginal)).returning(1),
    ]);
    assert_eq!((trial.position("A"), trial.picture().returned), (0, vec![(1, 100)]));
}

#[test]
fn a_return_goes_the_way_back_of_a_transfer_that_has_cleared() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 1_001, rejected(NetDebitCapExceeded)).id(1),
        row("A", "B", 30, held()).hold(2),
        row("A", "B", 10, cleared()).id(3),
        row("B", "C", 10, cleared()).id(4),
    ]);
    trial.check(&[
        row("B", "A", 1, rejected(NotReturnable)).returning(1),
        row("B", "A", 1, rejected(NotReturnable)).returning(2),
        row("B", "A", 1, rejected(NotReturnable)).returning(99),
        row("B", "C", 1, rejected(NotReturnable)).returning(3),
        row("A", "B", 1, rejected(NotReturnable)).returning(3),
        row("b1", "A", 1, rejected(InsufficientFunds)).returning(3),
        row("B", "A", 1, rejected(NotOwner)).returning(3).by("A"),
        row("C", "B", 10, cleared()).returning(4).id(5),
        row("B", "C", 10, rejected(NotReturnable)).returning(5),
    ]);
}

#[test]
fn what_a_post_or_a_release_has_paid_comes_back_by_their_ids() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 30, held()).hold(1),
        row("A", "B", 20, cleared()).post(1).id(2).flagged(flags::KEEP),
        row("A", "B", 981, queued(Some(NetDebitCapExceeded))).queue(3),
        row("B", "A", 20, cleared()).returning(2),
        row("B", "A", 1, rejected(NotReturnable)).returning(3),
        row("B", "A", 40, cleared()),
        row("A", "B", 981, cleared()).release(3).id(4),
        row("B", "A", 981, cleared()).returning(4),
    ]);
}

#[test]
fn a_transfer_may_come_back_within_its_own_frame_but_not_before_it() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("B", "A", 5, rejected(NotReturnable)).returning(1),
        row("A", "B", 5, cleared()).id(1),
        row("B", "A", 5, cleared()).returning(1),
    ]);
}

#[test]
fn a_return_stands_in_no_chain_and_names_its_original() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 5, cleared()).id(1),
        row("B", "A", 5, rejected(MalformedRecord)).returning(1).linked(),
        row("B", "A", 5, rejected(ChainFailed)),
        row("B", "A", 5, rejected(MalformedRecord)).flagged(flags::RETURN),
        row("B", "A", 5, rejected(MalformedRecord)).returning(1).flagged(flags::HOLD),
        row("B", "A", 5, rejected(MalformedRecord)).returning(1).expiring(1),
    ]);
}
