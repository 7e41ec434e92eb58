//! Tables of plain transfers: terms, funds, caps, ids, and the order of reasons.

use feiqian_core::account::AccountState;
use feiqian_core::command::Command;
use feiqian_core::outcome::RejectReason::{
    CreditorBlocked, CreditorClosed, CreditorParticipantSuspended, CurrencyMismatch, DebtorBlocked,
    DebtorClosed, DebtorParticipantSuspended, IdReused, InsufficientFunds, InvalidAmount, MalformedRecord,
    MissingId, NetDebitCapExceeded, NotOwner, SameAccount, UnknownCreditor, UnknownDebtor,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::transfer::flags;
use feiqian_tests::world::{NOWHERE, bic, cleared, duplicate, rejected, row};

use crate::trial::Trial;

#[test]
fn a_transfer_moves_balances_and_between_participants_positions() {
    let mut trial = Trial::standard();
    let applied = trial.check(&[
        row("A", "a1", 500, cleared()),
        row("a1", "B", 200, cleared()),
        row("B", "b1", 50, cleared()),
        row("a1", "a2", 300, cleared()),
    ]);
    let balances = ["A", "a1", "a2", "B", "b1"].map(|name| trial.balance(name));
    assert_eq!(balances, [-500, 0, 300, 150, 50]);
    assert_eq!(["A", "B", "C"].map(|bank| trial.position(bank)), [-200, 200, 0]);
    let first = trial.world.last().first_sequence;
    let links = applied.rows.iter().map(|row| (row.debtor_previous.get(), row.creditor_previous.get()));
    assert_eq!(links.collect::<Vec<_>>(), [(0, 0), (first, 0), (first + 1, 0), (first + 1, 0)]);
}

#[test]
fn debit_beyond_funds_and_credit_line_is_rejected_and_changes_nothing() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a1", 100, cleared()), row("A", "a3", 100, cleared())]);
    let before = trial.picture();
    trial.check(&[
        row("a1", "B", 101, rejected(InsufficientFunds)),
        row("a3", "B", 151, rejected(InsufficientFunds)),
        row("a2", "B", 1, rejected(InsufficientFunds)),
    ]);
    assert_eq!(trial.picture(), before);
    trial.check(&[
        row("a1", "B", 100, cleared()),
        row("a1", "B", 1, rejected(InsufficientFunds)),
        row("a3", "B", 150, cleared()),
        row("a3", "B", 1, rejected(InsufficientFunds)),
    ]);
    assert_eq!(trial.balance("a3"), -50);
}

#[test]
fn debit_beyond_the_net_debit_cap_is_rejected_and_changes_nothing() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 1_000, cleared())]);
    let before = trial.picture();
    trial.check(&[row("A", "B", 1, rejected(NetDebitCapExceeded))]);
    assert_eq!(trial.picture(), before);
    trial.check(&[
        row("A", "a1", 5_000, cleared()),
        row("a1", "C", 1, rejected(NetDebitCapExceeded)),
        row("B", "A", 3, cleared()),
        row("a1", "C", 4, rejected(NetDebitCapExceeded)),
        row("a1", "C", 3, cleared()),
        row("A", "B", 1, rejected(NetDebitCapExceeded)),
    ]);
    trial.set_cap("A", 900);
    trial.check(&[row("A", "B", 1, rejected(NetDebitCapExceeded)), row("C", "A", 101, cleared())]);
    trial.check(&[row("A", "B", 2, rejected(NetDebitCapExceeded)), row("A", "B", 1, cleared())]);
}

#[test]
fn i3_the_same_content_answers_its_original_and_other_content_is_reused() {
    let mut trial = Trial::standard();
    let first = trial.world.next_sequence();
    trial.check(&[row("A", "B", 10, cleared()).id(5), row("a1", "B", 10, rejected(InsufficientFunds)).id(6)]);
    trial.check(&[row("A", "a1", 100, cleared())]);
    let before = trial.picture();
    let applied = trial.check(&[
        row("A", "B", 10, duplicate()).id(5),
        row("a1", "B", 10, duplicate()).id(6),
        row("A", "B", 11, rejected(IdReused)).id(5),
        row("A", "B", 10, rejected(IdReused)).id(5).with(|record| record.reference[31] = 1),
        row("B", "A", 10, rejected(IdReused)).id(5),
        row("A", "B", 10, duplicate()).id(5).by("C"),
    ]);
    assert_eq!(trial.picture(), before);
    let originals: Vec<_> = applied.rows.iter().filter_map(|row| row.original()).collect();
    assert_eq!(originals, [first, first + 1, first]);
    let applied = trial.check(&[
        row("A", "B", 1, cleared()).id(7),
        row("A", "B", 1, duplicate()).id(7),
        row("A", "B", 2, rejected(IdReused)).id(7),
    ]);
    assert_eq!(applied.rows[1].original(), Some(trial.world.last().first_sequence));
}

#[test]
fn every_state_of_an_account_lets_through_what_it_says() {
    use AccountState::{Closed, Frozen, Open, ReceiveOnly, SendOnly};
    let rows = [
        (Open, cleared(), cleared()),
        (Frozen, rejected(DebtorBlocked), rejected(CreditorBlocked)),
        (SendOnly, cleared(), rejected(CreditorBlocked)),
        (ReceiveOnly, rejected(DebtorBlocked), cleared()),
        (Closed, rejected(DebtorClosed), rejected(CreditorClosed)),
    ];
    for (state, sends, receives) in rows {
        let mut trial = Trial::standard();
        let account = trial.world.account("a3");
        trial.order(Command::SetAccountState { account, state }, cleared());
        trial.check(&[row("a3", "B", 5, sends), row("A", "a3", 5, receives)]);
    }
}

#[test]
fn a_suspended_participant_neither_sends_nor_receives() {
    let mut trial = Trial::standard();
    let set = |state| Command::SetParticipantState { bic: bic("B"), state };
    trial.order(set(ParticipantState::Suspended), cleared());
    trial.check(&[
        row("B", "A", 1, rejected(DebtorParticipantSuspended)),
        row("A", "b1", 1, rejected(CreditorParticipantSuspended)),
        row("B", "b1", 1, rejected(DebtorParticipantSuspended)),
        row("A", "C", 1, cleared()),
    ]);
    trial.order(set(ParticipantState::Active), cleared());
    trial.check(&[row("B", "A", 1, cleared())]);
}

#[test]
fn i7_a_participant_moves_its_own_money_alone() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 1, rejected(NotOwner)).by("B"),
        row("A", "B", 1, rejected(NotOwner)).by("C"),
        row("a1", "A", 1, rejected(NotOwner)).by("B"),
        row("A", "B", 1, rejected(NotOwner)).by("B").hold(40),
        row("A", "B", 1, cleared()).by("A"),
    ]);
}

#[test]
fn a_record_that_makes_no_sense_is_malformed() {
    let mut trial = Trial::standard();
    let good = row("A", "B", 1, rejected(MalformedRecord));
    trial.check(&[
        good.with(|record| record.delay = 1_u32.into()),
        good.with(|record| record.sequence = 1_u64.into()),
        good.with(|record| record.timestamp = 1_u64.into()),
        good.with(|record| record.outcome = 1),
        good.with(|record| record.reason = 1),
        good.with(|record| record.zeros[0] = 1),
        good.with(|record| record.zeros[5] = 1),
        good.with(|record| record.flags = (1_u16 << 10).into()),
        good.with(|record| record.flags = (1_u16 << 14).into()),
        good.with(|record| record.flags = (flags::HOLD | flags::POST).into()),
        good.with(|record| record.flags = (flags::POST | flags::VOID).into()),
        good.with(|record| record.related = 1_u128.into()),
        good.with(|record| record.timeout = 1_u32.into()),
        good.with(|record| record.flags = flags::POST.into()),
        good.with(|record| record.flags = flags::VOID.into()),
        good.hold(41).with(|record| record.related = 1_u128.into()),
        good.post(41).expiring(1),
    ]);
}

#[test]
fn amounts_have_eighteen_digits_and_are_not_zero() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("B", "C", 0, rejected(InvalidAmount)),
        row("B", "C", 1_000_000_000_000_000_000, rejected(InvalidAmount)),
        row("B", "C", u64::MAX, rejected(InvalidAmount)),
        row("B", "C", 999_999_999_999_999_999, cleared()),
        row("B", "C", 1, rejected(InvalidAmount)).void(1),
    ]);
}

#[test]
fn where_several_reasons_apply_the_first_is_answered() {
    let mut trial = Trial::standard();
    let (account, closed) = (trial.world.account("a2"), trial.world.account("a3"));
    let (open_only, states) = (trial.world.account("b1"), AccountState::SendOnly);
    trial
        .order(Command::SetParticipantState { bic: bic("A"), state: ParticipantState::Suspended }, cleared());
    trial
        .order(Command::SetParticipantState { bic: bic("C"), state: ParticipantState::Suspended }, cleared());
    trial.order(Command::SetAccountState { account, state: AccountState::ReceiveOnly }, cleared());
    trial.order(Command::SetAccountState { account: closed, state: AccountState::Closed }, cleared());
    trial.order(Command::SetAccountState { account: open_only, state: states }, cleared());
    trial.check(&[row("B", "B", 1, rejected(SameAccount)).id(9)]);
    trial.check(&[
        row("?", "?", 0, rejected(MissingId)).id(0).with(|record| record.delay = 1_u32.into()),
        row("?", "?", 0, rejected(IdReused)).id(9).with(|record| record.delay = 1_u32.into()),
        row("?", "?", 0, rejected(MalformedRecord)).with(|record| record.delay = 1_u32.into()),
        row("?", "?", 0, rejected(InvalidAmount)),
        row("?", "?", 1, rejected(SameAccount)),
        row("?", "?", 1, rejected(UnknownDebtor)).with(|record| record.creditor = (NOWHERE + 1).into()),
        row("a2", "?", 1, rejected(UnknownCreditor)).by("C"),
        row("a2", "b1", 1, rejected(NotOwner)).by("C").in_currency("USD"),
        row("a2", "b1", 1, rejected(CurrencyMismatch)).in_currency("USD"),
        row("a2", "B/USD", 1, rejected(CurrencyMismatch)),
        row("a3", "C", 1, rejected(DebtorParticipantSuspended)),
        row("B", "a3", 1, rejected(CreditorParticipantSuspended)),
    ]);
    trial.order(Command::SetParticipantState { bic: bic("A"), state: ParticipantState::Active }, cleared());
    trial.set_cap("A", 0);
    trial.check(&[
        row("a3", "b1", 1, rejected(DebtorClosed)),
        row("a2", "a3", 1, rejected(CreditorClosed)),
        row("a2", "b1", 1, rejected(DebtorBlocked)),
        row("a1", "b1", 1, rejected(CreditorBlocked)),
        row("a1", "B", 1, rejected(InsufficientFunds)),
        row("A", "B", 1, rejected(NetDebitCapExceeded)),
    ]);
}
