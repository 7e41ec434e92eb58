//! Tables of payments that wait: queued, amended, revoked, released alone and at once, and given up.

use feiqian_core::command::Command;
use feiqian_core::outcome::Outcome;
use feiqian_core::outcome::RejectReason::{
    ChainFailed, HoldMismatch, InsufficientFunds, MalformedRecord, NetDebitCapExceeded, NoPendingHold,
    NotOwner, QueuedAhead,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::transfer::flags;
use feiqian_tests::world::{bic, cleared, duplicate, held, queued, rejected, row, voided};

use crate::trial::Trial;

#[test]
fn a_payment_that_may_wait_is_cleared_at_once_where_it_can_be_and_else_queued() {
    let mut trial = Trial::standard();
    let applied = trial.check(&[
        row("A", "B", 900, cleared()).queue(1),
        row("A", "B", 200, queued(Some(NetDebitCapExceeded))).queue(2),
        row("a1", "B", 5, queued(Some(InsufficientFunds))).queue(3),
        row("A", "B", 100, cleared()).queue(4),
        row("A", "B", 200, duplicate()).queue(2),
    ]);
    assert_eq!(applied.rows[1].amount.get(), 200);
    assert_eq!((trial.position("A"), trial.picture().queue.len()), (-1_000, 2));
    trial.check(&[
        row("B", "A", 200, cleared()),
        row("A", "B", 200, rejected(NotOwner)).release(2).by("A"),
        row("A", "B", 200, cleared()).release(2).apart(),
        row("A", "B", 200, rejected(NoPendingHold)).release(2),
    ]);
    assert_eq!((trial.position("A"), trial.picture().queue.len()), (-1_000, 1));
}

#[test]
fn urgent_and_high_ones_go_out_in_order_and_normal_ones_may_pass_each_other() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 1_001, queued(Some(NetDebitCapExceeded))).queue(1),
        row("A", "B", 1, cleared()).queue(2),
        row("A", "B", 1_002, queued(Some(NetDebitCapExceeded))).queue(3).flagged(flags::HIGH),
        row("A", "B", 1, queued(Some(QueuedAhead))).queue(4),
        row("A", "B", 1, queued(Some(QueuedAhead))).queue(5).flagged(flags::HIGH),
        row("A", "B", 1, cleared()).queue(6).flagged(flags::URGENT),
        row("A", "B", 1, cleared()),
    ]);
    trial.check(&[
        row("A", "B", 1, rejected(NoPendingHold)).release(5),
        row("A", "B", 1, rejected(NoPendingHold)).release(4),
        row("A", "B", 1_002, rejected(NetDebitCapExceeded)).release(3),
        row("A", "B", 1_003, rejected(HoldMismatch)).release(3),
        row("A", "C", 1_002, rejected(HoldMismatch)).release(3),
        row("a1", "B", 1_002, rejected(NoPendingHold)).release(3),
    ]);
    let attempts =
        trial.picture().queue.iter().map(|(id, queued)| (*id, queued.attempts)).collect::<Vec<_>>();
    assert_eq!(
        attempts,
        [(1, 0), (3, 3), (4, 1), (5, 1)],
        "each failed one counts, but for the stranger's account"
    );
    trial.set_cap("A", 2_000);
    trial.check(&[
        row("A", "B", 1, rejected(NoPendingHold)).release(5).linked(),
        row("A", "B", 1_001, rejected(ChainFailed)).release(1),
        row("A", "B", 1_002, cleared()).release(3).linked(),
        row("A", "B", 1, cleared()).release(5),
        row("A", "B", 1, cleared()).release(4),
    ]);
}

#[test]
fn releases_in_one_chain_settle_at_once_where_no_order_would() {
    let mut trial = Trial::standard();
    for bank in ["A", "C"] {
        trial.set_cap(bank, 0);
    }
    trial.check(&[
        row("A", "C", 500, queued(Some(NetDebitCapExceeded))).queue(1),
        row("C", "A", 499, queued(Some(NetDebitCapExceeded))).queue(2),
        row("a1", "A", 7, queued(Some(InsufficientFunds))).queue(3),
    ]);
    trial.check(&[
        row("A", "C", 500, rejected(ChainFailed)).release(1).linked(),
        row("C", "A", 499, rejected(NetDebitCapExceeded)).release(2),
        row("C", "A", 499, rejected(ChainFailed)).release(2).linked(),
        row("a1", "A", 7, rejected(ChainFailed)).release(3).linked(),
        row("A", "C", 500, rejected(InsufficientFunds)).release(1),
        row("A", "C", 500, rejected(ChainFailed)).release(1).linked(),
        row("A", "C", 500, rejected(NoPendingHold)).release(1),
        row("A", "C", 500, rejected(ChainFailed)).release(1).linked(),
        row("A", "B", 1, rejected(MalformedRecord)).by("engine"),
    ]);
    trial.check(&[row("B", "A", 1, cleared())]);
    let applied = trial.check(&[
        row("A", "C", 500, cleared()).release(1).linked(),
        row("C", "A", 499, cleared()).release(2),
    ]);
    assert_eq!(applied.rows[1].creditor_previous.get(), trial.world.last().first_sequence);
    assert_eq!((trial.position("A"), trial.position("C")), (0, 1));
}

#[test]
fn the_owner_reorders_retimes_and_revokes() {
    let mut trial = Trial::standard();
    trial.set_cap("A", 0);
    let waits = queued(Some(NetDebitCapExceeded));
    let behind = queued(Some(NetDebitCapExceeded));
    trial.check(&[
        row("A", "B", 1, waits).queue(1).flagged(flags::HIGH),
        row("A", "B", 2, behind).queue(2).flagged(flags::HIGH),
        row("A", "B", 3, behind).queue(3).flagged(flags::HIGH),
    ]);
    trial.check(&[
        row("A", "B", 0, rejected(NotOwner)).amend(3).flagged(flags::HIGH | flags::FIRST).by("B"),
        row("A", "B", 0, rejected(MalformedRecord)).amend(3).flagged(flags::FIRST | flags::LAST),
        row("A", "B", 0, rejected(NoPendingHold)).amend(9),
        row("A", "C", 0, rejected(HoldMismatch)).amend(3),
        row("A", "B", 0, queued(None)).amend(3).flagged(flags::HIGH | flags::FIRST),
        row("A", "B", 0, queued(None)).amend(1).flagged(flags::URGENT).expiring(5),
        row("A", "B", 0, rejected(NotOwner)).revoke(2).by("B"),
        row("A", "B", 0, voided()).revoke(2),
        row("A", "B", 0, rejected(NoPendingHold)).revoke(2),
    ]);
    trial.set_cap("A", 3);
    trial.check(&[
        row("A", "B", 3, rejected(NoPendingHold)).release(3),
        row("A", "B", 1, cleared()).release(1),
        row("A", "B", 3, rejected(NetDebitCapExceeded)).release(3),
        row("A", "B", 0, queued(None)).amend(3).flagged(flags::LAST).after(2),
    ]);
    trial.set_cap("A", 4);
    trial.check(&[row("A", "B", 3, rejected(NoPendingHold)).release(3)]);
    trial.wait(2);
    trial.check(&[row("A", "B", 3, cleared()).release(3)]);
}

#[test]
fn a_payment_with_a_time_waits_for_it_and_holds_up_nobody_before_it() {
    let mut trial = Trial::standard();
    let applied = trial.check(&[
        row("A", "B", 10, queued(None)).queue(1).flagged(flags::URGENT).after(3),
        row("A", "B", 5, cleared()).queue(2).flagged(flags::HIGH),
        row("A", "B", 10, rejected(NoPendingHold)).release(1),
    ]);
    assert_eq!(applied.rows[0].amount.get(), 10);
    trial.wait(3);
    trial.check(&[
        row("A", "B", 6, queued(Some(QueuedAhead))).queue(3),
        row("A", "B", 10, cleared()).release(1),
        row("A", "B", 6, cleared()).release(3),
    ]);
}

#[test]
fn what_waits_too_long_is_given_up_with_the_frame_that_reaches_its_time() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 1_001, queued(Some(NetDebitCapExceeded))).queue(1).expiring(2),
        row("A", "B", 1_001, queued(Some(NetDebitCapExceeded))).queue(2),
    ]);
    trial.wait(1);
    trial.world.push_bytes(vec![1]);
    assert_eq!(trial.apply().expired, 0);
    trial.wait(1);
    let applied = trial.check(&[row("A", "B", 1_001, rejected(NoPendingHold)).release(1)]);
    assert_eq!((applied.expired, trial.picture().queue.len()), (1, 1));
}

#[test]
fn what_may_wait_stands_in_no_chain_and_wrong_flags_are_refused() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 1, rejected(MalformedRecord)).queue(1).linked(),
        row("A", "B", 1, rejected(ChainFailed)),
        row("A", "B", 1, rejected(ChainFailed)).linked(),
        row("A", "B", 1, rejected(MalformedRecord)).queue(2),
        row("A", "B", 1, rejected(MalformedRecord)).flagged(flags::URGENT),
        row("A", "B", 1, rejected(MalformedRecord)).queue(3).flagged(flags::URGENT | flags::HIGH),
        row("A", "B", 1, rejected(MalformedRecord)).queue(4).flagged(flags::FIRST),
        row("A", "B", 1, rejected(MalformedRecord)).flagged(flags::KEEP),
        row("A", "B", 1, rejected(MalformedRecord)).queue(5).flagged(flags::HOLD),
        row("A", "B", 1, rejected(MalformedRecord)).after(1),
    ]);
    trial
        .order(Command::SetParticipantState { bic: bic("B"), state: ParticipantState::Suspended }, cleared());
    assert!(trial.picture().queue.is_empty());
}

#[test]
fn a_post_may_keep_what_it_leaves_and_the_hold_ends_with_the_last_part() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 100, held()).hold(1).expiring(9)]);
    trial.check(&[
        row("A", "B", 30, cleared()).post(1).flagged(flags::KEEP),
        row("A", "B", 20, cleared()).post(1).flagged(flags::KEEP).linked(),
        row("A", "B", 10, cleared()).post(1).flagged(flags::KEEP),
    ]);
    assert_eq!((trial.cell("A").reserved, trial.cell("A").holds, trial.position("A")), (40, 1, -60));
    trial.check(&[row("A", "B", 40, cleared()).post(1).flagged(flags::KEEP)]);
    assert_eq!((trial.cell("A").reserved, trial.cell("A").holds), (0, 0));
    trial.check(&[
        row("A", "B", 50, held()).hold(2).expiring(9),
        row("A", "B", 1, cleared()).post(2).flagged(flags::KEEP),
    ]);
    trial.wait(9);
    let applied = trial.check(&[row("A", "B", 1, rejected(NoPendingHold)).post(2)]);
    assert_eq!((applied.expired, applied.rows[0].outcome()), (1, Some(Outcome::Rejected)));
    assert_eq!(trial.cell("A").reserved, 0);
}
