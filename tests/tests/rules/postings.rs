//! Tables of postings by hand: what two officers may order, and what the engine then carries out, once.

use feiqian_core::account::AccountState;
use feiqian_core::authority::ProposalCommand;
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::Command;
use feiqian_core::controls::{LimitCommand, Payer};
use feiqian_core::outcome::RejectReason::{
    AccountState as WrongState, BadPosting, CreditorBlocked, DebtorClosed, FourEyesRequired,
    InsufficientFunds, LimitReached, MalformedRecord, NetDebitCapExceeded, NotOwner, OrderSpent,
    UnknownAccount, VelocityExceeded,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::postings::PostingCommand;
use feiqian_core::transfer::{Record, flags};
use feiqian_tests::world::{Expected, Eyes, NOWHERE, bic, cleared, currency, rejected, row};

use crate::trial::Trial;

impl Trial {
    fn posting(&self, debtor: &str, creditor: &str, amount: u64) -> PostingCommand {
        let (debtor, creditor) = (self.world.account(debtor), self.world.account(creditor));
        PostingCommand { debtor, creditor, amount, reason: "booked twice".into(), valid_seconds: 60 }
    }

    /// Orders it by two; gives its number.
    fn post(&mut self, debtor: &str, creditor: &str, amount: u64) -> u64 {
        let posting = self.posting(debtor, creditor, amount);
        self.order(Command::Posting(posting), cleared());
        self.world.last().first_sequence
    }

    /// The record that carries an order out.
    fn ordered(&mut self, number: u64) -> Record {
        let id = self.world.new_id();
        self.serial.state.registry().orders().get(number).expect("it stands").record(number, id)
    }

    fn submit(&mut self, submitter: u32, record: Record, expected: Expected) {
        self.world.push_transfers(vec![Batch::new(submitter, vec![record])]);
        let applied = self.apply();
        assert_eq!(Expected::of(&applied.rows[0]), expected, "{record:?}");
    }

    fn carry(&mut self, number: u64, expected: Expected) {
        let record = self.ordered(number);
        self.submit(ENGINE, record, expected);
    }
}

#[test]
fn what_two_officers_order_is_carried_out_once_and_links_both_accounts() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a1", 80, cleared()), row("a1", "b1", 30, cleared())]);
    let before = trial.cell("a1").last_posting;
    let number = trial.post("b1", "a1", 30);
    assert_eq!((trial.balance("b1"), trial.position("B")), (30, 30), "an order moves nothing");
    let record = trial.ordered(number);
    trial.world.push_transfers(vec![Batch::new(ENGINE, vec![record])]);
    let applied = trial.apply();
    assert_eq!(applied.rows[0].creditor_previous.get(), before);
    assert_eq!((trial.balance("b1"), trial.balance("a1"), trial.position("B")), (0, 80, 0));
    assert_eq!(trial.cell("b1").last_posting, trial.world.last().first_sequence);
    trial.check(&[row("A", "b1", 40, cleared())]);
    trial.carry(number, rejected(OrderSpent));
    assert_eq!(trial.balance("b1"), 40);
}

#[test]
fn it_takes_two_officers_at_once_or_a_proposal_and_an_approval() {
    let mut trial = Trial::standard();
    let posting = Command::Posting(trial.posting("A", "a1", 5));
    for eyes in [Eyes::None, Eyes::Two, Eyes::TwoTwice, Eyes::Borrowed, Eyes::Stranger, Eyes::Bank("A")] {
        trial.order_with(posting.clone(), eyes, rejected(FourEyesRequired));
    }
    let content = posting.content();
    let propose = ProposalCommand::Propose { command: Box::new(posting), expires_after: 60 };
    trial.order_with(Command::Proposal(propose), Eyes::Of(1), cleared());
    assert_eq!(trial.serial.state.registry().orders().iter().count(), 0);
    let proposal = trial.world.records().last().expect("just pushed").uetr.get();
    let approve = || Command::Proposal(ProposalCommand::Approve { proposal, content });
    trial.order_with(approve(), Eyes::Of(1), rejected(FourEyesRequired));
    trial.order_with(approve(), Eyes::Of(2), cleared());
    let number = trial.world.last().first_sequence;
    trial.carry(number, cleared());
    assert_eq!(trial.balance("a1"), 5);
}

#[test]
fn an_order_that_makes_no_sense_is_refused() {
    let mut trial = Trial::standard();
    let right = trial.posting("A", "a1", 5);
    let usd = trial.world.account("A/USD");
    let rows = [
        (PostingCommand { debtor: NOWHERE, ..right.clone() }, UnknownAccount),
        (PostingCommand { creditor: NOWHERE, ..right.clone() }, UnknownAccount),
        (PostingCommand { valid_seconds: 0, ..right.clone() }, LimitReached),
        (PostingCommand { valid_seconds: 86_401, ..right.clone() }, LimitReached),
        (PostingCommand { amount: 0, ..right.clone() }, BadPosting),
        (PostingCommand { amount: 1_000_000_000_000_000_000, ..right.clone() }, BadPosting),
        (PostingCommand { creditor: right.debtor, ..right.clone() }, BadPosting),
        (PostingCommand { creditor: usd, ..right.clone() }, BadPosting),
        (PostingCommand { reason: String::new(), ..right.clone() }, BadPosting),
    ];
    for (command, reason) in rows {
        trial.order(Command::Posting(command), rejected(reason));
    }
    let account = trial.world.account("a2");
    trial.order(Command::SetAccountState { account, state: AccountState::Closed }, cleared());
    let closed = trial.posting("A", "a2", 5);
    trial.order(Command::Posting(closed), rejected(WrongState));
}

#[test]
fn only_the_engine_carries_out_and_nothing_but_what_was_ordered() {
    let mut trial = Trial::standard();
    let number = trial.post("A", "a1", 5);
    let bank = trial.world.bank("A");
    let record = trial.ordered(number);
    trial.submit(bank, record, rejected(NotOwner));
    let changes: [fn(&mut Record); 5] = [
        |record| record.amount = 6.into(),
        |record| record.creditor = record.debtor.get().wrapping_add(2).into(),
        |record| record.reference[0] ^= 1,
        |record| record.purpose = *b"CORT",
        |record| record.related = 1_000.into(),
    ];
    for change in changes {
        let mut record = trial.ordered(number);
        change(&mut record);
        trial.submit(ENGINE, record, rejected(NotOwner));
    }
    let mut record = trial.ordered(number);
    record.flags = (flags::ORDERED | flags::POST).into();
    trial.submit(ENGINE, record, rejected(NotOwner));
    let mut record = trial.ordered(number);
    record.flags = (flags::ORDERED | flags::HOLD).into();
    trial.submit(ENGINE, record, rejected(MalformedRecord));
    let mut record = trial.ordered(number);
    record.flags = (flags::ORDERED | flags::LINKED).into();
    let other = Record { flags: flags::ORDERED.into(), ..trial.ordered(number) };
    trial.world.push_transfers(vec![Batch::new(ENGINE, vec![record, other])]);
    assert_eq!(Expected::of(&trial.apply().rows[0]), rejected(MalformedRecord));
    trial.carry(number, cleared());
}

#[test]
fn funds_and_cap_are_asked_and_an_order_that_they_refuse_may_be_tried_again_until_it_expires() {
    let mut trial = Trial::standard();
    let number = trial.post("a1", "b1", 50);
    trial.carry(number, rejected(InsufficientFunds));
    trial.check(&[row("A", "a1", 50, cleared())]);
    trial.set_cap("A", 49);
    trial.carry(number, rejected(NetDebitCapExceeded));
    trial.set_cap("A", 50);
    trial.wait(59);
    trial.carry(number, cleared());
    let late = trial.post("b1", "a1", 50);
    trial.wait(60);
    trial.carry(late, rejected(OrderSpent));
    trial.order(Command::Seal { height: 1 }, cleared());
    assert_eq!(trial.picture().orders, [], "what has expired is forgotten by the next command");
    assert_eq!(trial.picture().carried, []);
}

#[test]
fn blocks_of_accounts_and_own_limits_are_waived_but_nothing_reaches_a_closed_account() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a1", 50, cleared())]);
    let (a1, a2) = (trial.world.account("a1"), trial.world.account("a2"));
    let payer = Payer::Account(a1);
    let velocity = LimitCommand::SetVelocityLimit { payer, amount: 10, count: 1, period_seconds: 60 };
    trial.order(Command::Limit(velocity), cleared());
    for account in [a1, a2] {
        trial.order(Command::SetAccountState { account, state: AccountState::Frozen }, cleared());
    }
    let suspended = ParticipantState::Suspended;
    trial.order(Command::SetParticipantState { bic: bic("B"), state: suspended }, cleared());
    for (creditor, amount) in [("a2", 20), ("b1", 20)] {
        let number = trial.post("a1", creditor, amount);
        trial.carry(number, cleared());
    }
    // And what was waived is not counted for the payer's own orders either.
    trial.order(Command::SetAccountState { account: a1, state: AccountState::Open }, cleared());
    trial.check(&[
        row("a1", "a2", 1, rejected(CreditorBlocked)),
        row("a1", "A", 10, cleared()),
        row("A", "a1", 1, cleared()),
        row("a1", "A", 1, rejected(VelocityExceeded)),
    ]);
    let last = trial.post("a3", "a1", 50);
    let account = trial.world.account("a3");
    trial.order(Command::SetAccountState { account, state: AccountState::Closed }, cleared());
    trial.carry(last, rejected(DebtorClosed));
}

#[test]
fn nets_between_two_positions_count_what_was_posted_by_hand() {
    let mut trial = Trial::standard();
    let (own, other) = (bic("A"), bic("B"));
    let limit =
        LimitCommand::SetBilateralLimit { bic: own, currency: currency("EUR"), towards: other, limit: 100 };
    trial.order(Command::Limit(limit), cleared());
    let number = trial.post("A", "B", 90);
    trial.carry(number, cleared());
    let reason = feiqian_core::outcome::RejectReason::BilateralLimitExceeded;
    trial.check(&[row("A", "B", 11, rejected(reason)), row("A", "B", 10, cleared())]);
}
