//! Tables of fraud cases: who may report, hold, release and return what, and what the clock does.

use feiqian_core::account::AccountState;
use feiqian_core::authority::ProposalCommand;
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::Command;
use feiqian_core::fraud::{FraudCommand, Held, Traced};
use feiqian_core::outcome::RejectReason::{
    AccountNotEmpty, AlreadyRegistered, BadCase, ExceedsOriginal, FourEyesRequired, InsufficientFunds,
    LimitReached, MalformedCommand, NetDebitCapExceeded, NotHeld, OrderSpent, ParticipantSignature,
    UnknownCase,
};
use feiqian_tests::world::{Expected, Eyes, bic, cleared, held, rejected, row};

use crate::trial::Trial;

/// The transfer that is reported in these tables: a1 pays b1, which passes it on.
const STOLEN: u128 = 77;

impl Trial {
    /// a1 has paid 100 to b1, and b1 60 of it to a2.
    fn robbed() -> (Self, FraudCommand) {
        let mut trial = Self::standard();
        trial.check(&[
            row("A", "a1", 100, cleared()),
            row("a1", "b1", 100, cleared()).id(STOLEN),
            row("b1", "a2", 60, cleared()),
        ]);
        let sequence = trial.world.last().first_sequence + 1;
        let report = FraudCommand::Report {
            reporter: bic("A"),
            transfer: STOLEN,
            sequence,
            debtor: trial.world.account("a1"),
            creditor: trial.world.account("b1"),
            paid: 100,
            amount: 100,
            hops: 3,
            seconds: 600,
        };
        (trial, report)
    }

    fn fraud(&mut self, command: FraudCommand, eyes: Eyes, expected: Expected) -> u128 {
        self.order_with(Command::Fraud(command), eyes, expected);
        self.world.records().last().expect("just pushed").uetr.get()
    }

    /// A case with 40 held on b1 and 60 on a2.
    fn seized() -> (Self, u128) {
        let (mut trial, report) = Self::robbed();
        let case = trial.fraud(report, Eyes::Bank("A"), cleared());
        let hold = trial.trace(case);
        trial.fraud(hold, Eyes::Of(1), cleared());
        (trial, case)
    }

    fn trace(&self, case: u128) -> FraudCommand {
        let found = self.serial.state.registry().cases().get(case).expect("it runs");
        let (first, b1, a2) = (found.sequence, self.world.account("b1"), self.world.account("a2"));
        let mut traced = vec![
            Traced { account: b1, amount: 40, hop: 1, via: vec![first] },
            Traced { account: a2, amount: 60, hop: 2, via: vec![first + 1] },
        ];
        traced.sort_by_key(|at| at.account);
        FraudCommand::Hold { case, as_of: self.world.next_sequence() - 1, traced }
    }

    fn give_back(&mut self, case: u128, account: &str, amount: u64, eyes: Eyes, expected: Expected) -> u64 {
        let account = self.world.account(account);
        self.fraud(FraudCommand::Return { case, account, amount }, eyes, expected);
        self.world.last().first_sequence
    }

    fn restore(&mut self, number: u64, expected: Expected) {
        let id = self.world.new_id();
        let record = self.serial.state.registry().orders().get(number).expect("it stands").record(number, id);
        self.world.push_transfers(vec![Batch::new(ENGINE, vec![record])]);
        assert_eq!(Expected::of(&self.apply().rows[0]), expected, "{record:?}");
    }

    fn held(&self, case: u128, account: &str) -> u64 {
        let key = (case, self.world.account(account));
        self.picture().held.iter().find(|(at, _)| *at == key).map_or(0, |(_, Held { amount, .. })| *amount)
    }
}

#[test]
fn what_is_held_can_be_neither_spent_nor_closed_and_is_free_again_by_the_clock() {
    let (mut trial, case) = Trial::seized();
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (40, 60));
    assert_eq!((trial.cell("b1").reserved, trial.cell("b1").holds), (40, 1));
    trial.check(&[
        row("b1", "B", 1, rejected(InsufficientFunds)),
        row("a2", "A", 1, rejected(InsufficientFunds)),
        row("A", "a2", 5, cleared()),
        row("a2", "A", 5, cleared()),
        row("a2", "A", 1, rejected(InsufficientFunds)).hold(9),
    ]);
    let account = trial.world.account("b1");
    let close = Command::SetAccountState { account, state: AccountState::Closed };
    trial.order(close, rejected(AccountNotEmpty));
    trial.wait(599);
    trial.check(&[row("b1", "B", 1, rejected(InsufficientFunds))]);
    trial.wait(1);
    let applied = trial.check(&[row("b1", "B", 40, cleared()), row("a2", "A", 60, cleared())]);
    assert_eq!(applied.expired, 2);
    assert_eq!(trial.cell("b1").holds, 0);
}

#[test]
fn what_is_left_is_held_and_no_more() {
    let (mut trial, report) = Trial::robbed();
    let case = trial.fraud(report, Eyes::Of(3), cleared());
    let hold = trial.trace(case);
    trial.check(&[
        row("b1", "B", 30, cleared()),
        row("A", "a3", 10, cleared()),
        row("a2", "A", 20, held()).hold(5),
    ]);
    trial.fraud(hold, Eyes::Of(1), cleared());
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (10, 40));
    // A later trace takes the place of the earlier one: what was held is free before what is asked is held. It asks the
    // same, and one officer is enough.
    trial.check(&[row("B", "b1", 50, cleared())]);
    let again = trial.trace(case);
    trial.fraud(again, Eyes::Of(2), cleared());
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (40, 40));
}

#[test]
fn a_return_goes_back_the_whole_way_in_parts_and_never_more_than_is_held() {
    let (mut trial, case) = Trial::seized();
    trial.give_back(case, "a2", 61, Eyes::Bank("A"), rejected(BadCase));
    trial.give_back(case, "a2", 0, Eyes::Bank("A"), rejected(BadCase));
    trial.give_back(case, "a3", 1, Eyes::Bank("A"), rejected(BadCase));
    trial.give_back(case, "a2", 20, Eyes::Bank("B"), rejected(ParticipantSignature));
    trial.give_back(case, "a2", 20, Eyes::Of(1), rejected(FourEyesRequired));
    let first = trial.give_back(case, "a2", 20, Eyes::Bank("A"), cleared());
    trial.give_back(case, "a2", 40, Eyes::Four, rejected(BadCase));
    assert_eq!(trial.balance("a2"), 60, "an order moves nothing");
    trial.restore(first, cleared());
    assert_eq!((trial.balance("a2"), trial.balance("a1"), trial.held(case, "a2")), (40, 20, 40));
    trial.give_back(case, "a2", 41, Eyes::Four, rejected(BadCase));
    let rest = trial.give_back(case, "a2", 40, Eyes::Bank("A"), cleared());
    trial.restore(rest, cleared());
    let across = trial.give_back(case, "b1", 40, Eyes::Bank("B"), cleared());
    trial.restore(across, cleared());
    assert_eq!((trial.balance("b1"), trial.balance("a1"), trial.position("B")), (0, 100, 0));
    assert_eq!(trial.cell("b1").last_posting, trial.world.last().first_sequence);
    trial.restore(across, rejected(OrderSpent));
    assert_eq!((trial.cell("b1").reserved, trial.cell("a2").holds), (0, 0));
}

#[test]
fn an_order_whose_amount_is_released_is_not_carried_out() {
    let (mut trial, case) = Trial::seized();
    let number = trial.give_back(case, "b1", 40, Eyes::Bank("B"), cleared());
    let account = Some(trial.world.account("b1"));
    trial.fraud(FraudCommand::Release { case, account }, Eyes::Bank("B"), cleared());
    trial.restore(number, rejected(NotHeld));
}

#[test]
fn by_a_case_and_by_a_return_no_more_comes_back_than_was_paid() {
    // By the case first: what is ordered counts already, and so does what is carried out, though the case has ended.
    let (mut trial, case) = Trial::seized();
    trial.check(&[row("B", "b1", 500, cleared()), row("A", "a2", 9, cleared())]);
    let back = |amount, expected| row("b1", "a1", amount, expected).returning(STOLEN);
    let number = trial.give_back(case, "a2", 60, Eyes::Bank("A"), cleared());
    trial.check(&[back(41, rejected(ExceedsOriginal))]);
    trial.restore(number, cleared());
    assert_eq!(trial.picture().returned, [(STOLEN, 60)]);
    trial.fraud(FraudCommand::Release { case, account: None }, Eyes::Bank("A"), cleared());
    trial.check(&[back(41, rejected(ExceedsOriginal)), back(40, cleared())]);
    assert_eq!(trial.balance("a1"), 100);

    // By a return first: what is held is ordered back no more.
    let (mut trial, case) = Trial::seized();
    trial.check(&[row("B", "b1", 500, cleared()), back(70, cleared())]);
    trial.give_back(case, "a2", 31, Eyes::Bank("A"), rejected(BadCase));
    let number = trial.give_back(case, "a2", 30, Eyes::Bank("A"), cleared());
    trial.give_back(case, "b1", 1, Eyes::Bank("B"), rejected(BadCase));
    trial.restore(number, cleared());
    assert_eq!((trial.balance("a1"), trial.picture().returned), (100, vec![(STOLEN, 100)]));
}

#[test]
fn an_order_that_expires_does_not_count_as_come_back() {
    let (mut trial, report) = Trial::robbed();
    let case = trial.fraud(with_seconds(&report, 2 * 86_400), Eyes::Bank("A"), cleared());
    let hold = trial.trace(case);
    trial.fraud(hold, Eyes::Of(1), cleared());
    trial.check(&[row("B", "b1", 500, cleared())]);
    let back = |expected| row("b1", "a1", 100, expected).returning(STOLEN);
    let number = trial.give_back(case, "a2", 60, Eyes::Bank("A"), cleared());
    trial.check(&[back(rejected(ExceedsOriginal))]);
    trial.wait(86_400);
    trial.restore(number, rejected(OrderSpent));
    // A trace that may not know what became of the order is refused, until the order is forgotten.
    let old = trial.trace(case);
    trial.fraud(old.clone(), Eyes::Of(1), rejected(BadCase));
    trial.order(Command::Seal { height: 1 }, cleared());
    trial.fraud(old, Eyes::Of(1), rejected(BadCase));
    let new = trial.trace(case);
    trial.fraud(new, Eyes::Of(1), cleared());
    trial.check(&[back(cleared())]);
}

#[test]
fn one_officer_does_not_release_by_a_trace_that_asks_less() {
    let (mut trial, case) = Trial::seized();
    let FraudCommand::Hold { as_of, traced, .. } = trial.trace(case) else { unreachable!() };
    let mut less = traced.clone();
    less[0].amount -= 1;
    for traced in [less, traced[1..].to_vec()] {
        let hold = FraudCommand::Hold { case, as_of, traced };
        trial.fraud(hold.clone(), Eyes::Of(1), rejected(FourEyesRequired));
        assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (40, 60));
    }
    let hold = FraudCommand::Hold { case, as_of, traced: traced[1..].to_vec() };
    trial.fraud(hold, Eyes::Four, cleared());
    let held = [trial.held(case, "b1"), trial.held(case, "a2")];
    assert_eq!(held.iter().sum::<u64>(), traced[1].amount);
    // What has been released is asked no more: to leave it out frees nothing.
    let (mut trial, case) = Trial::seized();
    let account = trial.world.account("b1");
    trial.fraud(FraudCommand::Release { case, account: Some(account) }, Eyes::Bank("B"), cleared());
    let FraudCommand::Hold { as_of, mut traced, .. } = trial.trace(case) else { unreachable!() };
    traced.retain(|at| at.account != account);
    trial.fraud(FraudCommand::Hold { case, as_of, traced }, Eyes::Of(1), cleared());
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (0, 60));
}

#[test]
fn a_return_does_not_keep_a_later_trace_away_and_what_has_gone_back_is_not_held_again() {
    let (mut trial, case) = Trial::seized();
    trial.check(&[row("A", "a2", 500, cleared())]);
    let before = trial.trace(case);
    let number = trial.give_back(case, "a2", 1, Eyes::Bank("A"), cleared());
    trial.restore(number, cleared());
    // It was made before a part went back: that part is not held again, though there is money enough.
    trial.fraud(before, Eyes::Of(1), cleared());
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (40, 59));
    let number = trial.give_back(case, "a2", 59, Eyes::Bank("A"), cleared());
    trial.restore(number, cleared());
    assert_eq!((trial.held(case, "a2"), trial.balance("a1")), (0, 60));
}

#[test]
fn one_officer_proposes_what_another_approves() {
    let (mut trial, case) = Trial::seized();
    let (b1, a2) = (trial.world.account("b1"), trial.world.account("a2"));
    let give_back = |amount| FraudCommand::Return { case, account: a2, amount };
    trial.propose(1, Command::Fraud(give_back(0)), rejected(BadCase));
    trial.propose(
        1,
        Command::Fraud(FraudCommand::Release { case: case ^ 1, account: None }),
        rejected(UnknownCase),
    );
    // What is held is asked when it is approved.
    let proposal = trial.propose(1, Command::Fraud(give_back(61)), cleared());
    trial.approve(2, proposal, rejected(BadCase));
    let proposal = trial.propose(1, Command::Fraud(give_back(60)), cleared());
    trial.approve(1, proposal, rejected(FourEyesRequired));
    trial.approve(2, proposal, cleared());
    let number = trial.world.last().first_sequence;
    trial.restore(number, cleared());
    assert_eq!((trial.held(case, "a2"), trial.balance("a1")), (0, 60));

    let proposal =
        trial.propose(1, Command::Fraud(FraudCommand::Release { case, account: Some(b1) }), cleared());
    assert_eq!(trial.held(case, "b1"), 40);
    trial.approve(2, proposal, cleared());
    assert_eq!((trial.held(case, "b1"), trial.cell("b1").reserved), (0, 0));
    let FraudCommand::Hold { as_of, mut traced, .. } = trial.trace(case) else { unreachable!() };
    traced.retain(|at| at.account == b1);
    let late = trial.propose(1, Command::Fraud(FraudCommand::Release { case, account: None }), cleared());
    let proposal = trial.propose(1, Command::Fraud(FraudCommand::Hold { case, as_of, traced }), cleared());
    trial.approve(3, proposal, cleared());
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (40, 0));
    trial.wait(600);
    trial.approve(3, late, rejected(UnknownCase));
}

#[test]
fn so_many_parts_go_back_from_an_account_in_a_day() {
    let (mut trial, report) = Trial::robbed();
    let case = trial.fraud(with_seconds(&report, 2 * 86_400), Eyes::Bank("A"), cleared());
    let hold = trial.trace(case);
    trial.fraud(hold, Eyes::Of(1), cleared());
    for _ in 0..16 {
        let number = trial.give_back(case, "a2", 1, Eyes::Bank("A"), cleared());
        trial.restore(number, cleared());
    }
    trial.give_back(case, "a2", 44, Eyes::Four, rejected(LimitReached));
    trial.give_back(case, "b1", 40, Eyes::Bank("B"), cleared());
    trial.wait(86_400);
    trial.order(Command::Seal { height: 1 }, cleared());
    trial.give_back(case, "a2", 44, Eyes::Bank("A"), cleared());
}

#[test]
fn a_trace_looks_neither_ahead_nor_past_what_has_changed_since() {
    let (mut trial, case) = Trial::seized();
    let FraudCommand::Hold { as_of, traced, .. } = trial.trace(case) else { unreachable!() };
    let hold = |as_of| FraudCommand::Hold { case, as_of, traced: traced.clone() };
    trial.fraud(hold(u64::MAX), Eyes::Of(1), rejected(BadCase));
    trial.fraud(hold(trial.world.next_sequence()), Eyes::Of(1), rejected(BadCase));
    trial.fraud(hold(as_of - 1), Eyes::Of(1), rejected(BadCase));
    trial.fraud(hold(as_of), Eyes::Of(1), cleared());
    let as_of = trial.world.next_sequence() - 1;
    let account = Some(trial.world.account("b1"));
    trial.fraud(FraudCommand::Release { case, account }, Eyes::Bank("B"), cleared());
    trial.fraud(hold(as_of), Eyes::Of(1), rejected(BadCase));
    trial.fraud(hold(as_of + 1), Eyes::Of(1), cleared());
}

#[test]
fn one_bank_reports_no_more_than_its_share() {
    let (mut trial, report) = Trial::robbed();
    for _ in 0..256 {
        let id = trial.world.new_id();
        trial.check(&[row("A", "b1", 1, cleared()).id(id)]);
        let debtor = trial.world.account("A");
        trial.fraud(
            of_transfer(&report, (id, trial.world.next_sequence() - 1), debtor),
            Eyes::Bank("A"),
            cleared(),
        );
    }
    trial.fraud(report, Eyes::Bank("A"), rejected(LimitReached));
    trial.check(&[row("B", "a1", 1, cleared()).id(9)]);
    let (debtor, creditor) = (trial.world.account("B"), trial.world.account("a1"));
    let of_other = FraudCommand::Report {
        reporter: bic("B"),
        transfer: 9,
        sequence: trial.world.next_sequence() - 1,
        debtor,
        creditor,
        paid: 1,
        amount: 1,
        hops: 1,
        seconds: 9,
    };
    trial.fraud(of_other, Eyes::Bank("B"), cleared());
}

fn with_seconds(report: &FraudCommand, long: u32) -> FraudCommand {
    let mut report = report.clone();
    if let FraudCommand::Report { seconds, .. } = &mut report {
        *seconds = long;
    }
    report
}

/// A report of one minor unit that was paid to b1.
fn of_transfer(report: &FraudCommand, (id, at): (u128, u64), payer: u64) -> FraudCommand {
    let mut report = report.clone();
    if let FraudCommand::Report { transfer, sequence, debtor, paid, amount, .. } = &mut report {
        (*transfer, *sequence, *debtor, *paid, *amount) = (id, at, payer, 1, 1);
    }
    report
}

#[test]
fn a_return_reaches_a_frozen_account_and_is_asked_for_the_banks_cap() {
    let (mut trial, case) = Trial::seized();
    let account = trial.world.account("b1");
    trial.order(Command::SetAccountState { account, state: AccountState::Frozen }, cleared());
    let number = trial.give_back(case, "b1", 40, Eyes::Bank("B"), cleared());
    trial.check(&[row("B", "A", 100, cleared())]);
    trial.set_cap("B", 99);
    trial.restore(number, rejected(NetDebitCapExceeded));
    trial.set_cap("B", 100);
    trial.restore(number, cleared());
    assert_eq!(trial.balance("a1"), 40);
}

#[test]
fn the_clock_is_before_a_return_that_comes_too_late() {
    let (mut trial, case) = Trial::seized();
    trial.wait(599);
    let number = trial.give_back(case, "b1", 40, Eyes::Bank("B"), cleared());
    trial.wait(1);
    trial.restore(number, rejected(OrderSpent));
    trial.give_back(case, "b1", 40, Eyes::Bank("B"), rejected(UnknownCase));
    assert_eq!((trial.balance("b1"), trial.cell("b1").reserved), (40, 0));
    trial.order(Command::Seal { height: 1 }, cleared());
    assert_eq!((trial.picture().cases, trial.picture().held), (vec![], vec![]));
}

#[test]
fn the_bank_that_has_the_account_the_reporter_or_two_officers_release() {
    let (mut trial, case) = Trial::seized();
    let b1 = trial.world.account("b1");
    let on = |account| FraudCommand::Release { case, account };
    trial.fraud(on(Some(b1)), Eyes::Bank("C"), rejected(ParticipantSignature));
    trial.fraud(on(None), Eyes::Bank("B"), rejected(ParticipantSignature));
    trial.fraud(on(Some(b1)), Eyes::Of(1), rejected(FourEyesRequired));
    trial.fraud(on(Some(trial.world.account("a3"))), Eyes::Four, rejected(BadCase));
    trial.fraud(on(Some(b1)), Eyes::Bank("B"), cleared());
    assert_eq!((trial.held(case, "b1"), trial.held(case, "a2")), (0, 60));
    trial.check(&[row("b1", "B", 40, cleared())]);
    trial.fraud(on(None), Eyes::Bank("A"), cleared());
    assert_eq!((trial.held(case, "a2"), trial.cell("a2").reserved), (0, 0));
    trial.fraud(on(None), Eyes::Four, rejected(UnknownCase));
}

#[test]
fn only_what_has_cleared_as_it_is_said_is_reported() {
    let (mut trial, report) = Trial::robbed();
    let wrong = |change: fn(&mut FraudCommand)| {
        let mut report = report.clone();
        change(&mut report);
        report
    };
    type Change = fn(&mut FraudCommand);
    let rows: [(Change, Expected); 9] = [
        (
            |it| {
                if let FraudCommand::Report { paid, .. } = it {
                    *paid = 101;
                }
            },
            rejected(BadCase),
        ),
        (
            |it| {
                if let FraudCommand::Report { transfer, .. } = it {
                    *transfer = 78;
                }
            },
            rejected(BadCase),
        ),
        (
            |it| {
                if let FraudCommand::Report { sequence, .. } = it {
                    *sequence += 1;
                }
            },
            rejected(BadCase),
        ),
        (
            |it| {
                if let FraudCommand::Report { sequence, .. } = it {
                    *sequence = 9_999;
                }
            },
            rejected(BadCase),
        ),
        (
            |it| {
                if let FraudCommand::Report { amount, .. } = it {
                    *amount = 101;
                }
            },
            rejected(BadCase),
        ),
        (
            |it| {
                if let FraudCommand::Report { creditor, .. } = it {
                    *creditor = 0;
                }
            },
            rejected(BadCase),
        ),
        (
            |it| {
                if let FraudCommand::Report { hops, .. } = it {
                    *hops = 6;
                }
            },
            rejected(LimitReached),
        ),
        (
            |it| {
                if let FraudCommand::Report { seconds, .. } = it {
                    *seconds = 0;
                }
            },
            rejected(LimitReached),
        ),
        (
            |it| {
                if let FraudCommand::Report { reporter, .. } = it {
                    *reporter = bic("B");
                }
            },
            rejected(BadCase),
        ),
    ];
    for (change, expected) in rows {
        trial.fraud(wrong(change), Eyes::Of(1), expected);
    }
    trial.fraud(report.clone(), Eyes::None, rejected(FourEyesRequired));
    trial.fraud(report.clone(), Eyes::Bank("B"), rejected(ParticipantSignature));
    trial.check(&[row("b1", "a1", 1, cleared()).returning(STOLEN)]);
    trial.fraud(report.clone(), Eyes::Bank("A"), rejected(BadCase));
    let less = wrong(|it| {
        if let FraudCommand::Report { amount, .. } = it {
            *amount = 99;
        }
    });
    trial.fraud(less.clone(), Eyes::Bank("A"), cleared());
    trial.fraud(less.clone(), Eyes::Bank("A"), rejected(AlreadyRegistered));
    let proposed = Box::new(Command::Fraud(less));
    let propose = ProposalCommand::Propose { command: proposed, expires_after: 60 };
    trial.order_with(Command::Proposal(propose), Eyes::Of(1), rejected(MalformedCommand));
}

#[test]
fn a_trace_that_cannot_be_one_of_the_case_is_refused() {
    let (mut trial, report) = Trial::robbed();
    let case = trial.fraud(report, Eyes::Bank("A"), cleared());
    let FraudCommand::Hold { as_of, traced, .. } = trial.trace(case) else { unreachable!() };
    let (victim, clearing, usd) =
        (trial.world.account("a1"), trial.world.account("B"), trial.world.account("A/USD"));
    let first = |change: &dyn Fn(&mut Traced)| {
        let mut traced = traced.clone();
        change(&mut traced[0]);
        traced.sort_by_key(|at| at.account);
        traced
    };
    let lists = [
        vec![],
        first(&|at| at.amount = 0),
        first(&|at| at.amount += 1),
        first(&|at| at.hop = 0),
        first(&|at| at.hop = 4),
        first(&|at| at.via.clear()),
        first(&|at| at.via = vec![as_of + 1]),
        first(&|at| at.via = vec![1]),
        first(&|at| at.account = victim),
        first(&|at| at.account = clearing),
        first(&|at| at.account = usd),
        vec![traced[0].clone(), traced[0].clone()],
        traced.iter().rev().cloned().collect(),
    ];
    for traced in lists {
        let hold = FraudCommand::Hold { case, as_of, traced };
        trial.fraud(hold, Eyes::Of(1), rejected(BadCase));
    }
    let right = |trial: &Trial| trial.trace(case);
    trial.fraud(right(&trial), Eyes::Bank("A"), rejected(ParticipantSignature));
    trial.fraud(right(&trial), Eyes::None, rejected(FourEyesRequired));
    let hold = FraudCommand::Hold { case: case ^ 1, as_of, traced };
    trial.fraud(hold, Eyes::Of(1), rejected(UnknownCase));
    trial.fraud(right(&trial), Eyes::Of(1), cleared());
}
