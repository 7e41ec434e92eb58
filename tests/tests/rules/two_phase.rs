//! Tables of holds: reserve, post, void, expire.

use feiqian_core::account::AccountState;
use feiqian_core::command::Command;
use feiqian_core::outcome::RejectReason::{
    AccountNotEmpty, ChainFailed, CurrencyMismatch, DebtorBlocked, ExceedsHold, HoldMismatch,
    InsufficientFunds, InvalidAmount, NetDebitCapExceeded, NoPendingHold, NotOwner, TooManyHolds,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::transfer::flags;
use feiqian_tests::world::{bic, cleared, duplicate, held, rejected, row, voided};

use crate::trial::Trial;

#[test]
fn a_hold_reserves_funds_and_cap_until_it_is_posted_in_part_and_the_rest_released() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a1", 100, cleared()), row("a1", "B", 80, held()).hold(1)]);
    assert_eq!((trial.balance("a1"), trial.cell("a1").reserved, trial.position("A")), (100, 80, 0));
    trial.check(&[
        row("a1", "B", 21, rejected(InsufficientFunds)),
        row("A", "B", 921, rejected(NetDebitCapExceeded)),
        row("a1", "B", 21, rejected(InsufficientFunds)).hold(2),
        row("A", "B", 920, cleared()),
    ]);
    let applied = trial.check(&[row("a1", "B", 30, cleared()).post(1)]);
    assert_eq!(applied.rows[0].amount.get(), 30);
    assert_eq!((trial.balance("a1"), trial.cell("a1").reserved, trial.position("A")), (70, 0, -950));
    trial.check(&[
        row("A", "B", 51, rejected(NetDebitCapExceeded)),
        row("a1", "B", 30, rejected(NoPendingHold)).post(1),
        row("a1", "B", 0, rejected(NoPendingHold)).void(1),
    ]);
}

#[test]
fn a_void_gives_back_what_was_held_and_posts_nothing() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 1_000, held()).hold(1), row("A", "B", 1, rejected(NetDebitCapExceeded))]);
    let applied = trial.check(&[row("A", "B", 0, voided()).void(1), row("A", "B", 1_000, cleared())]);
    assert_eq!((applied.rows[0].amount.get(), applied.rows[1].debtor_previous.get()), (0, 0));
    assert_eq!((trial.cell("A").reserved, trial.cell("A").holds), (0, 0));
}

#[test]
fn a_void_that_keeps_an_amount_releases_what_is_above_it_and_the_hold_goes_on() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 100, held()).hold(1).expiring(9), row("A", "B", 5, held()).hold(2)]);
    let down_to = |amount, expected| row("A", "B", amount, expected).void(1).flagged(flags::KEEP);
    let applied = trial.check(&[
        down_to(101, rejected(ExceedsHold)),
        down_to(0, rejected(InvalidAmount)),
        down_to(100, voided()),
        down_to(60, voided()).by("B"),
        down_to(61, rejected(ExceedsHold)),
        row("A", "C", 10, rejected(HoldMismatch)).void(1).flagged(flags::KEEP),
        down_to(10, rejected(NotOwner)).by("C"),
        row("A", "B", 61, rejected(ExceedsHold)).post(1),
        row("A", "B", 10, cleared()).post(1).flagged(flags::KEEP),
        down_to(51, rejected(ExceedsHold)),
    ]);
    assert_eq!((applied.rows[3].amount.get(), applied.rows[3].debtor_previous.get()), (60, 0));
    assert_eq!((trial.cell("A").reserved, trial.cell("A").holds, trial.position("A")), (55, 2, -10));
    trial.check(&[
        down_to(40, rejected(ChainFailed)).linked(),
        row("A", "B", 50, rejected(ExceedsHold)).post(1),
    ]);
    assert_eq!(trial.cell("A").reserved, 55, "a chain that fails has reduced nothing");
    trial.check(&[down_to(40, voided()).linked(), row("A", "B", 30, cleared()).post(1)]);
    assert_eq!((trial.cell("A").reserved, trial.cell("A").holds, trial.position("A")), (5, 1, -40));
    trial.check(&[down_to(1, rejected(NoPendingHold))]);
    let frozen = Command::SetAccountState { account: trial.world.account("A"), state: AccountState::Frozen };
    trial.order(frozen, cleared());
    trial.check(&[row("A", "B", 2, voided()).void(2).flagged(flags::KEEP)]);
    assert_eq!(trial.cell("A").reserved, 2, "to release is allowed where nothing may be paid");
}

#[test]
fn a_reduced_hold_ends_at_its_first_deadline_and_frees_what_limits_counted() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 1_000, held()).hold(1).expiring(2)]);
    trial.wait(1);
    trial.check(&[
        row("A", "B", 1, rejected(NetDebitCapExceeded)),
        row("A", "B", 300, voided()).void(1).flagged(flags::KEEP),
        row("A", "B", 701, rejected(NetDebitCapExceeded)),
        row("A", "B", 700, cleared()),
    ]);
    trial.wait(1);
    let applied = trial.check(&[row("A", "B", 300, rejected(NoPendingHold)).post(1)]);
    assert_eq!((applied.expired, trial.cell("A").reserved, trial.position("A")), (1, 0, -700));
}

#[test]
fn a_hold_expires_with_the_frame_that_reaches_its_deadline() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 400, held()).hold(1).expiring(2),
        row("A", "B", 500, held()).hold(2),
        row("A", "a1", 10, held()).hold(3).expiring(3),
    ]);
    trial.wait(1);
    trial.check(&[row("A", "B", 101, rejected(NetDebitCapExceeded))]);
    trial.wait(1);
    let applied = trial.check(&[
        row("A", "B", 400, rejected(NoPendingHold)).post(1),
        row("A", "B", 501, rejected(NetDebitCapExceeded)),
        row("A", "B", 400, duplicate()).hold(1).expiring(2),
    ]);
    assert_eq!((applied.expired, trial.cell("A").reserved, trial.cell("A").holds), (1, 510, 2));
    trial.wait(1);
    trial.world.push_bytes(vec![1, 2, 3]);
    assert_eq!(trial.apply().expired, 1, "a command's time counts as well, readable or not");
    trial.wait(1_000_000);
    assert_eq!(trial.check(&[row("A", "B", 500, cleared()).post(2)]).expired, 0);
}

#[test]
fn a_post_names_its_hold_exactly_and_takes_no_more_than_was_held() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 50, held()).hold(1)]);
    trial.check(&[
        row("A", "B", 50, rejected(NoPendingHold)).post(2),
        row("A", "C", 51, rejected(HoldMismatch)).post(1),
        row("A", "b1", 50, rejected(HoldMismatch)).post(1),
        row("B", "A", 50, rejected(NoPendingHold)).post(1),
        row("a1", "B", 50, rejected(NoPendingHold)).post(1),
        row("a1", "B", 0, rejected(NoPendingHold)).void(1),
        row("A", "C", 0, rejected(HoldMismatch)).void(1),
        row("A", "B", 51, rejected(ExceedsHold)).post(1),
        row("A", "B", 50, rejected(CurrencyMismatch)).post(1).in_currency("USD"),
        row("A", "B", 50, rejected(NotOwner)).post(1).by("C"),
        row("A", "B", 50, cleared()).post(1),
    ]);
}

#[test]
fn either_side_finishes_a_hold_and_nobody_else() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 5, held()).hold(1), row("A", "B", 5, held()).hold(2)]);
    trial.check(&[
        row("A", "B", 0, rejected(NotOwner)).void(1).by("C"),
        row("A", "B", 5, cleared()).post(1).by("B"),
        row("A", "B", 0, voided()).void(2).by("B"),
        row("A", "B", 5, rejected(NotOwner)).hold(3).by("B"),
    ]);
}

#[test]
fn a_void_passes_where_a_post_is_blocked() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a1", 9, cleared()), row("a1", "B", 9, held()).hold(1)]);
    let account = trial.world.account("a1");
    trial.order(Command::SetAccountState { account, state: AccountState::Frozen }, cleared());
    trial.check(&[row("a1", "B", 9, rejected(DebtorBlocked)).post(1)]);
    trial
        .order(Command::SetParticipantState { bic: bic("A"), state: ParticipantState::Suspended }, cleared());
    trial.check(&[row("a1", "B", 0, voided()).void(1)]);
}

#[test]
fn a_hold_is_honoured_when_cap_and_credit_line_fall_afterwards() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a3", 10, cleared()), row("a3", "B", 60, held()).hold(1)]);
    let account = trial.world.account("a3");
    trial.set_cap("A", 0);
    trial.order(Command::SetCreditLine { account, credit_line: 0 }, cleared());
    trial.check(&[row("A", "B", 1, rejected(NetDebitCapExceeded))]);
    trial.check(&[row("a3", "B", 60, cleared()).post(1)]);
    assert_eq!((trial.balance("a3"), trial.position("A")), (-50, -60));
}

#[test]
fn i6_sums_of_holds_are_bounded_by_64_bits() {
    let mut trial = Trial::standard();
    let most = 999_999_999_999_999_999;
    let mut rows: Vec<_> = (1..=18).map(|id| row("B", "C", most, held()).hold(id)).collect();
    rows.push(row("B", "C", most, rejected(TooManyHolds)).hold(19));
    rows.push(row("B", "b1", most, rejected(TooManyHolds)).hold(20));
    rows.push(row("B", "C", most, cleared()));
    rows.push(row("B", "C", 0, voided()).void(1));
    rows.push(row("B", "C", most, held()).hold(21));
    trial.check(&rows);
}

#[test]
fn an_account_with_a_pending_hold_can_not_be_closed() {
    let mut trial = Trial::standard();
    let (account, state) = (trial.world.account("a3"), AccountState::Closed);
    trial.check(&[row("a3", "B", 50, held()).hold(1).expiring(5)]);
    trial.order(Command::SetAccountState { account, state }, rejected(AccountNotEmpty));
    trial.wait(5);
    trial.order(Command::SetAccountState { account, state }, cleared());
}
