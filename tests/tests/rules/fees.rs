//! Tables of fees: which tariff charges, what must stand behind a payment, who may be debited, and that a payment and its
//! fee clear as one or not at all.

use feiqian_core::account::UNLIMITED;
use feiqian_core::command::Command;
use feiqian_core::controls::{LimitCommand, SlotControls};
use feiqian_core::fees::{
    Bearer, Beneficiary, Change, FeeCommand, Scope, Tariff, TariffNumber, Tier, chain_of,
};
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::RejectReason::{
    AccountState, AlreadyRegistered, BadTariff, ChainFailed, CreditorBlocked, FeeMismatch, FeeMissing,
    FourEyesRequired, HoldMismatch, LimitReached, LiquidityReserved, MalformedRecord, NetDebitCapExceeded,
    NoPendingHold, NotOwner, UnknownAccount, UnknownParticipant, UnknownTariff, VelocityExceeded,
};
use feiqian_core::transfer::{Record, flags};
use feiqian_tests::world::{
    Expected, Eyes, Row, bic, cleared, currency, duplicate, held, queued, rejected, row, voided,
};

use crate::trial::Trial;

fn everybody(bearer: Bearer) -> Scope {
    Scope { currency: currency("EUR"), bearer, debtor: None, creditor: None, purpose: None }
}

fn tier(from: u64, flat: u64, millionths: u32) -> Tier {
    Tier { from, flat, millionths, least: 0, most: UNLIMITED }
}

fn tariff(scope: Scope, tier: Tier, beneficiaries: &[(Beneficiary, u32)]) -> Tariff {
    Tariff { scope, tiers: vec![tier], beneficiaries: beneficiaries.to_vec() }
}

impl Trial {
    fn to(&self, account: &str) -> Beneficiary {
        Beneficiary::Account(self.world.account(account))
    }

    fn set(&mut self, number: TariffNumber, tariff: Tariff, expected: Expected) {
        self.order(Command::Fee(FeeCommand::SetTariff { number, tariff }), expected);
    }

    /// A tariff, or none, from so many seconds on.
    fn announce(
        &mut self,
        seconds: u64,
        (number, after): (TariffNumber, Option<Tariff>),
        expected: Expected,
    ) {
        let from = self.world.now() + seconds * 1_000_000_000;
        self.order(Command::Fee(FeeCommand::Announce(Change { from, number, after })), expected);
    }

    /// C is the network: whoever pays bears `flat` to its fee account.
    fn charged(flat: u64) -> Self {
        let mut trial = Self::standard();
        let network = trial.to("C");
        trial.set(1, tariff(everybody(Bearer::Debtor), tier(0, flat, 0), &[(network, 1)]), cleared());
        trial
    }

    fn is_covered(&self, bank: &str) -> bool {
        let registry = self.serial.state.registry();
        let slot = registry.slot_of(bic(bank), currency("EUR")).expect("open");
        registry.slots()[slot as usize].controls.has(SlotControls::FEES)
    }

    /// What the tariffs in force make of a payment: the amounts of its legs.
    fn leg_amounts(&self, debtor: &str, creditor: &str, (amount, purpose): (u64, [u8; 4])) -> Vec<u64> {
        let (debtor, creditor) = (self.world.account(debtor), self.world.account(creditor));
        let record = Record { purpose, ..Record::new(1, debtor, creditor, amount, 978) };
        let legs = self.serial.state.registry().fee_legs(&record, self.world.now());
        legs.iter().map(|leg| leg.amount).collect()
    }
}

/// A payment with this id, and a leg of its fee.
fn payment(amount: u64, id: u128, expected: Expected) -> Row {
    row("A", "B", amount, expected).id(id).linked()
}

#[test]
fn a_payment_clears_with_its_fee_in_one_chain_or_not_at_all() {
    let mut trial = Trial::charged(3);
    trial.check(&[
        row("A", "B", 100, rejected(FeeMissing)).id(1),
        payment(100, 2, cleared()),
        row("A", "C", 3, cleared()).fee_on(2),
        payment(100, 3, rejected(ChainFailed)),
        row("A", "C", 4, rejected(FeeMismatch)).fee_on(3),
        payment(100, 4, rejected(ChainFailed)),
        row("A", "B", 3, rejected(FeeMismatch)).fee_on(4),
        payment(100, 5, rejected(ChainFailed)),
        row("A", "C", 3, rejected(FeeMismatch)).fee_on(2),
        payment(100, 6, rejected(ChainFailed)),
        row("A", "C", 3, rejected(ChainFailed)).fee_on(6).linked(),
        row("A", "C", 3, rejected(FeeMismatch)).fee_on(6),
        row("A", "C", 3, rejected(FeeMismatch)).fee_on(2),
        // A plain transfer of the same amount is no fee.
        payment(100, 7, rejected(FeeMissing)),
        row("A", "C", 3, rejected(ChainFailed)),
    ]);
    assert_eq!((trial.position("A"), trial.position("B"), trial.position("C")), (-103, 100, 3));
    trial.set_cap("A", 205);
    trial.check(&[
        payment(100, 8, rejected(ChainFailed)),
        row("A", "C", 3, rejected(NetDebitCapExceeded)).fee_on(8),
        payment(99, 9, cleared()),
        row("A", "C", 3, cleared()).fee_on(9),
    ]);
    assert_eq!(trial.position("A"), -205);
}

#[test]
fn i3_a_payment_that_comes_again_with_its_fee_answers_its_original() {
    let mut trial = Trial::charged(3);
    let rows = [payment(100, 2, cleared()), row("A", "C", 3, cleared()).fee_on(2).id(22)];
    trial.check(&rows);
    trial.check(&[
        payment(100, 2, duplicate()),
        row("A", "C", 3, duplicate()).fee_on(2).id(22),
        payment(100, 2, duplicate()),
        row("A", "C", 3, rejected(ChainFailed)).fee_on(2),
    ]);
    assert_eq!(trial.position("C"), 3);
}

#[test]
fn who_pays_within_its_own_house_or_what_comes_back_owes_nothing() {
    let mut trial = Trial::charged(3);
    trial.check(&[
        row("A", "a1", 50, cleared()),
        row("a1", "a2", 20, cleared()),
        payment(100, 2, cleared()),
        row("A", "C", 3, cleared()).fee_on(2),
        row("B", "A", 100, cleared()).returning(2),
        row("A/USD", "B/USD", 5, cleared()),
    ]);
    assert!(trial.is_covered("A") && trial.is_covered("C"));
    trial.order(Command::Fee(FeeCommand::EndTariff { number: 1 }), cleared());
    trial.order(Command::Fee(FeeCommand::EndTariff { number: 1 }), rejected(UnknownTariff));
    assert!(!trial.is_covered("A"));
    trial.check(&[
        row("A", "B", 100, cleared()),
        payment(100, 3, rejected(ChainFailed)),
        row("A", "C", 3, rejected(FeeMismatch)).fee_on(3),
    ]);
}

#[test]
fn a_fee_can_be_sent_back_by_who_got_it() {
    let mut trial = Trial::charged(3);
    trial.check(&[
        payment(100, 2, cleared()),
        row("A", "C", 3, cleared()).fee_on(2).id(22),
        row("C", "A", 3, cleared()).returning(22),
    ]);
    assert_eq!((trial.position("A"), trial.position("C")), (-100, 0));
}

#[test]
fn i7_the_other_side_is_debited_for_what_a_tariff_says_and_for_nothing_else() {
    let mut trial = Trial::standard();
    let (issuer, network) = ((Beneficiary::DebtorParticipant, 3), (trial.to("C"), 1));
    // Interchange: the acquirer bears 1.5 %, of which three quarters are the issuer's.
    let interchange = tariff(everybody(Bearer::Creditor), tier(0, 0, 15_000), &[issuer, network]);
    trial.set(1, interchange, cleared());
    trial.check(&[
        payment(1_000, 2, rejected(ChainFailed)),
        row("B", "A", 12, rejected(NotOwner)).fee_on(2).by("A").linked(),
        row("B", "C", 4, rejected(ChainFailed)).fee_on(2).by("A"),
        row("B", "A", 11, rejected(NotOwner)).fee_on(2).by("A"),
        payment(1_000, 3, cleared()),
        row("B", "A", 11, cleared()).fee_on(3).by("A").linked(),
        row("B", "C", 4, cleared()).fee_on(3).by("A"),
    ]);
    assert_eq!((trial.position("A"), trial.position("B"), trial.position("C")), (-989, 985, 4));
}

#[test]
fn a_hold_owes_nothing_and_its_post_owes_on_what_is_posted_whoever_posts() {
    let mut trial = Trial::charged(3);
    trial.check(&[
        row("A", "B", 200, held()).hold(10),
        row("A", "B", 50, rejected(FeeMissing)).post(10).flagged(flags::KEEP).id(11),
        row("A", "B", 50, cleared()).post(10).flagged(flags::KEEP).id(12).linked(),
        row("A", "C", 3, cleared()).fee_on(12),
        row("A", "B", 60, cleared()).post(10).id(13).linked().by("B"),
        row("A", "C", 3, cleared()).fee_on(13).by("B"),
    ]);
    assert_eq!((trial.position("A"), trial.position("C")), (-116, 6));
}

#[test]
fn i7_who_is_paid_bears_no_more_than_it_gets_and_who_is_debited_by_post_no_more_than_is_posted() {
    let mut trial = Trial::standard();
    let (issuer, network) = ((Beneficiary::DebtorParticipant, 1), (trial.to("C"), 1));
    trial.set(1, tariff(everybody(Bearer::Creditor), tier(0, 30, 0), &[issuer]), cleared());
    trial.set(2, tariff(everybody(Bearer::Debtor), tier(0, 20, 0), &[network]), cleared());
    trial.check(&[
        payment(1, 2, rejected(ChainFailed)),
        row("A", "C", 20, rejected(ChainFailed)).fee_on(2).linked(),
        row("B", "A", 30, rejected(NotOwner)).fee_on(2).by("A"),
        payment(1, 3, cleared()),
        row("A", "C", 20, cleared()).fee_on(3).linked(),
        row("B", "A", 1, cleared()).fee_on(3).by("A"),
    ]);
    assert_eq!(trial.position("B"), 0);
    // The other side chooses in how many parts it posts.
    trial.check(&[row("A", "B", 100, held()).hold(10)]);
    for id in 20..30 {
        trial.check(&[
            row("A", "B", 1, cleared()).post(10).flagged(flags::KEEP).id(id).by("B").linked(),
            row("A", "C", 1, cleared()).fee_on(id).by("B").linked(),
            row("B", "A", 1, cleared()).fee_on(id).by("B"),
        ]);
    }
    assert_eq!((trial.position("A"), trial.position("B"), trial.position("C")), (-30, 0, 30));
}

#[test]
fn i7_fees_that_others_payments_bring_use_up_no_limit_of_ones_own_orders() {
    let mut trial = Trial::standard();
    let network = trial.to("C");
    trial.set(1, tariff(everybody(Bearer::Creditor), tier(0, 2, 0), &[(network, 1)]), cleared());
    let payer = feiqian_core::controls::Payer::Position(bic("B"), currency("EUR"));
    let limit = LimitCommand::SetVelocityLimit { payer, amount: UNLIMITED, count: 2, period_seconds: 86_400 };
    trial.order(Command::Limit(limit), cleared());
    for id in 2..6 {
        trial.check(&[payment(5, id, cleared()), row("B", "C", 2, cleared()).fee_on(id).by("A")]);
    }
    let class = feiqian_core::liquidity::queue::Priority::Urgent;
    let (bank, currency, amount) = (bic("B"), currency("EUR"), 1_000_000);
    trial.order(Command::SetNetDebitCap { bic: bank, currency, cap: 1_000_000 }, cleared());
    let kept = LimitCommand::SetReservation { bic: bank, currency, class, amount };
    trial.order(Command::Limit(kept), cleared());
    trial.check(&[
        row("B", "A", 50, rejected(LiquidityReserved)),
        payment(5, 6, cleared()),
        row("B", "C", 2, cleared()).fee_on(6).by("A"),
    ]);
    let freed = LimitCommand::SetReservation { bic: bank, currency, class, amount: 0 };
    trial.order(Command::Limit(freed), cleared());
    // What B orders itself is counted, with what it brings.
    trial.check(&[
        row("B", "A", 5, cleared()).id(7).linked(),
        row("A", "C", 2, cleared()).fee_on(7).by("B"),
        row("B", "A", 5, cleared()).id(8).linked(),
        row("A", "C", 2, cleared()).fee_on(8).by("B"),
        row("B", "A", 5, rejected(VelocityExceeded)).id(9).linked(),
        row("A", "C", 2, rejected(ChainFailed)).fee_on(9).by("B"),
    ]);
}

fn for_salary(record: &mut Record) {
    record.purpose = *b"SALA";
}

/// Whoever pays salaries bears `flat` to C.
fn salaries(trial: &Trial, flat: u64) -> Tariff {
    let scope = Scope { purpose: Some(*b"SALA"), ..everybody(Bearer::Debtor) };
    tariff(scope, tier(0, flat, 0), &[(trial.to("C"), 1)])
}

#[test]
fn what_a_hold_is_for_its_posts_are_for_and_are_charged_so() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 200, held()).hold(9).with(for_salary)]);
    trial.set(1, salaries(&trial, 3), cleared());
    trial.check(&[
        row("A", "B", 200, held()).hold(10).with(for_salary),
        row("A", "B", 50, rejected(HoldMismatch)).post(10).by("B"),
        row("A", "B", 50, rejected(FeeMissing)).post(10).by("B").with(for_salary),
        row("A", "B", 50, cleared()).post(10).id(12).by("B").flagged(flags::KEEP).with(for_salary).linked(),
        row("A", "C", 3, cleared()).fee_on(12).by("B"),
        // As part of one chain.
        row("A", "B", 100, rejected(ChainFailed)).hold(20).with(for_salary).linked(),
        row("A", "B", 50, rejected(ChainFailed)).hold(21).linked(),
        row("A", "B", 100, rejected(HoldMismatch)).post(20),
    ]);
    trial.order(Command::Seal { height: 1 }, cleared());
    let mirror = trial.serial.sealer.mirror();
    let read = Mirror::decode(&mirror.encode()).expect("its own bytes");
    assert_eq!(read.holds.get(10).map(|hold| hold.purpose), Some(*b"SALA"));
    assert_eq!(&read, mirror);
    trial.check(&[
        row("A", "B", 0, rejected(HoldMismatch)).post(10).with(|record| record.amount = 7_u64.into()),
        // What was held before there was any tariff is for what its post says.
        row("A", "B", 10, cleared()).post(9),
        row("A", "B", 0, voided()).void(10),
    ]);
}

#[test]
fn what_began_to_wait_before_a_tariff_goes_out_with_no_fee_owed_or_not_at_all() {
    let mut trial = Trial::standard();
    trial.set(7, salaries(&trial, 0), cleared());
    trial.check(&[
        row("A", "B", 100, queued(None)).queue(10).after(5).with(for_salary),
        row("A", "B", 100, queued(None)).queue(11).after(5),
        row("A", "B", 20, queued(None)).queue(12).after(5).flagged(flags::URGENT).with(for_salary),
        row("A", "B", 30, queued(None)).queue(13).after(5).flagged(flags::HIGH),
    ]);
    trial.set(7, salaries(&trial, 3), cleared());
    let release = |amount, named, expected| row("A", "B", amount, expected).release(named).by("engine");
    // Before its time it is refused, and waits on.
    trial.check(&[release(100, 10, rejected(FeeMissing)).with(for_salary)]);
    assert!(trial.serial.state.queue().get(10).is_some());
    trial.wait(5);
    trial.check(&[
        // What it waits for is kept, so that the release can't say otherwise.
        release(100, 10, rejected(HoldMismatch)),
        release(30, 13, rejected(NoPendingHold)).flagged(flags::HIGH),
        release(30, 13, rejected(ChainFailed)).flagged(flags::HIGH).linked(),
        release(20, 12, rejected(FeeMissing)).flagged(flags::URGENT).with(for_salary),
        release(30, 13, cleared()).flagged(flags::HIGH),
        release(100, 11, cleared()),
        release(100, 10, rejected(FeeMissing)).with(for_salary),
        release(20, 12, rejected(NoPendingHold)),
    ]);
    assert!(trial.serial.state.queue().is_empty());
    assert_eq!((trial.position("A"), trial.position("C")), (-130, 0));
}

#[test]
fn an_account_that_a_tariff_pays_stays_open_and_a_closed_one_gets_no_tariff() {
    let mut trial = Trial::standard();
    let to =
        |trial: &Trial, name: &str| tariff(everybody(Bearer::Debtor), tier(0, 3, 0), &[(trial.to(name), 1)]);
    let close = |trial: &Trial, name: &str| {
        let (account, state) = (trial.world.account(name), feiqian_core::account::AccountState::Closed);
        Command::SetAccountState { account, state }
    };
    trial.set(1, to(&trial, "b1"), cleared());
    trial.order(close(&trial, "b1"), rejected(AccountState));
    trial.set(1, to(&trial, "a2"), cleared());
    trial.order(close(&trial, "b1"), cleared());
    trial.set(1, to(&trial, "b1"), rejected(AccountState));
    let both = [(trial.to("b1"), 1), (trial.to("?"), 1)];
    trial.set(1, tariff(everybody(Bearer::Debtor), tier(0, 3, 0), &both), rejected(UnknownAccount));
    trial.order(Command::Fee(FeeCommand::EndTariff { number: 1 }), cleared());
    trial.order(close(&trial, "a2"), cleared());
}

#[test]
fn what_may_wait_can_bear_no_fee() {
    let mut trial = Trial::charged(3);
    trial.check(&[
        row("A", "B", 100, rejected(MalformedRecord)).queue(10),
        row("A", "B", 100, rejected(MalformedRecord)).queue(11).after(5),
        row("A", "B", 100, rejected(MalformedRecord)).queue(12).linked(),
        row("A", "C", 3, rejected(ChainFailed)).fee_on(12),
    ]);
    // A tariff of nothing for who is to be spared.
    let spared = Scope { debtor: Some(bic("A")), ..everybody(Bearer::Debtor) };
    let network = trial.to("C");
    trial.set(2, tariff(spared, tier(0, 0, 0), &[(network, 1)]), cleared());
    trial.check(&[row("A", "B", 100, cleared()).queue(13), row("A", "B", 7, cleared())]);
}

#[test]
fn the_tariff_that_says_most_about_a_payment_charges_for_each_side() {
    let mut trial = Trial::standard();
    let network = trial.to("C");
    let (a, b, salary) = (Some(bic("A")), Some(bic("B")), Some(*b"SALA"));
    let scopes = [
        (None, None, None),
        (None, None, salary),
        (None, b, None),
        (a, None, None),
        (None, b, salary),
        (a, None, salary),
        (a, b, None),
        (a, b, salary),
    ];
    for (number, (debtor, creditor, purpose)) in (1..).zip(scopes) {
        let scope = Scope { debtor, creditor, purpose, ..everybody(Bearer::Debtor) };
        trial.set(number, tariff(scope, tier(0, number.into(), 0), &[(network, 1)]), cleared());
        assert_eq!(trial.leg_amounts("A", "B", (100, *b"SALA")), [u64::from(number)]);
    }
    for (debtor, creditor, purpose, amount) in [
        ("A", "B", *b"SUPP", 7),
        ("A", "C", *b"SALA", 6),
        ("A", "C", [0; 4], 4),
        ("B", "A", *b"SALA", 2),
        ("C", "B", [0; 4], 3),
        ("C", "B", *b"SALA", 5),
        ("B", "A", [0; 4], 1),
    ] {
        // What the network would pay itself is not charged.
        let amounts = if debtor == "C" { vec![] } else { vec![amount] };
        assert_eq!(trial.leg_amounts(debtor, creditor, (100, purpose)), amounts, "{debtor} {creditor}");
    }
    trial.set(9, tariff(everybody(Bearer::Creditor), tier(0, 40, 0), &[(network, 1)]), cleared());
    assert_eq!(trial.leg_amounts("A", "B", (100, *b"SALA")), [8, 40]);
    trial.check(&[
        payment(100, 2, cleared()).with(|record| record.purpose = *b"SALA"),
        row("A", "C", 8, cleared()).fee_on(2).linked(),
        row("B", "C", 40, cleared()).fee_on(2).by("A"),
    ]);
}

#[test]
fn several_payments_of_one_chain_have_each_its_fee_behind_it() {
    let mut trial = Trial::charged(3);
    trial.check(&[
        payment(10, 2, cleared()),
        row("A", "C", 3, cleared()).fee_on(2).linked(),
        payment(20, 3, cleared()),
        row("A", "C", 3, cleared()).fee_on(3).linked(),
        row("A", "a1", 5, cleared()),
        payment(10, 4, rejected(FeeMissing)),
        payment(20, 5, rejected(ChainFailed)),
        row("A", "C", 3, rejected(ChainFailed)).fee_on(4).linked(),
        row("A", "C", 3, rejected(ChainFailed)).fee_on(5),
    ]);
}

#[test]
fn a_tariff_takes_four_eyes_and_numbers_that_make_sense() {
    let mut trial = Trial::standard();
    let network = trial.to("C");
    let good = |scope| tariff(scope, tier(0, 1, 0), &[(network, 1)]);
    let all = everybody(Bearer::Debtor);
    let order = |number, tariff| Command::Fee(FeeCommand::SetTariff { number, tariff });
    for eyes in [Eyes::None, Eyes::Two, Eyes::TwoTwice, Eyes::Bank("A")] {
        trial.order_with(order(1, good(all)), eyes, rejected(FourEyesRequired));
    }
    trial.set(1, good(Scope { debtor: Some(bic("Z")), ..all }), rejected(UnknownParticipant));
    trial.set(1, tariff(all, tier(0, 1, 0), &[(trial.to("?"), 1)]), rejected(UnknownAccount));
    trial.set(1, tariff(all, tier(0, 1, 0), &[(trial.to("A/USD"), 1)]), rejected(BadTariff));
    trial.set(1, tariff(all, tier(1, 1, 0), &[(network, 1)]), rejected(BadTariff));
    trial.set(0, good(all), rejected(BadTariff));
    trial.set(1, good(all), cleared());
    trial.set(2, good(all), rejected(AlreadyRegistered));
    trial.set(1, tariff(all, tier(0, 2, 0), &[(network, 1)]), cleared());
    trial.set(2, good(everybody(Bearer::Creditor)), cleared());
    let ends = Command::Fee(FeeCommand::EndTariff { number: 1 });
    trial.order_with(ends.clone(), Eyes::Two, rejected(FourEyesRequired));
    trial.order(ends, cleared());
    trial.set(3, good(all), cleared());
}

#[test]
fn limits_and_states_bind_legs_as_they_bind_transfers() {
    let mut trial = Trial::charged(3);
    let limit = LimitCommand::SetBilateralLimit {
        bic: bic("A"),
        currency: currency("EUR"),
        towards: bic("C"),
        limit: 4,
    };
    trial.order(Command::Limit(limit), cleared());
    assert!(trial.is_covered("A"), "a limit does not end a tariff");
    let over = feiqian_core::outcome::RejectReason::BilateralLimitExceeded;
    trial.check(&[
        payment(10, 2, cleared()),
        row("A", "C", 3, cleared()).fee_on(2),
        payment(10, 3, rejected(ChainFailed)),
        row("A", "C", 3, rejected(over)).fee_on(3),
    ]);
    let account = trial.world.account("C");
    let state = feiqian_core::account::AccountState::SendOnly;
    trial.order(Command::SetAccountState { account, state }, cleared());
    trial.check(&[
        row("B", "A", 10, rejected(ChainFailed)).id(4).linked(),
        row("B", "C", 3, rejected(CreditorBlocked)).fee_on(4),
    ]);
}

#[test]
fn a_chain_is_made_as_the_rules_want_it_and_a_snapshot_keeps_the_tariffs() {
    let mut trial = Trial::standard();
    let (issuer, network) = ((Beneficiary::DebtorParticipant, 1), (trial.to("C"), 1));
    trial.set(7, tariff(everybody(Bearer::Debtor), tier(0, 2, 1_500), &[network]), cleared());
    trial.set(5, tariff(everybody(Bearer::Creditor), tier(0, 5, 0), &[issuer, network]), cleared());
    let (from, to) = (trial.world.account("A"), trial.world.account("B"));
    let payment = Record::new(99, from, to, 900, 978);
    let now = trial.world.now();
    let chain = chain_of(trial.serial.state.registry(), &payment, now);
    let said: Vec<_> = chain.iter().map(|at| (at.debtor.get(), at.creditor.get(), at.amount.get())).collect();
    let c = trial.world.account("C");
    assert_eq!(said, [(from, to, 900), (from, c, 3), (to, from, 3), (to, c, 2)]);
    assert_eq!(chain_of(trial.serial.state.registry(), &payment, now), chain);
    assert_eq!(chain_of(Trial::standard().serial.state.registry(), &payment, now), [payment]);
    let batch = feiqian_core::batch::Batch::new(trial.world.bank("A"), chain);
    trial.world.push_transfers(vec![batch]);
    let rows = trial.apply().rows;
    assert!(rows.iter().all(|row| Expected::of(row) == cleared()), "{rows:?}");
    trial.order(Command::Seal { height: 1 }, cleared());
    let mirror = trial.serial.sealer.mirror();
    let read = Mirror::decode(&mirror.encode()).expect("its own bytes");
    assert_eq!(&read, mirror);
    assert_eq!(read.registry.fees().by_number().len(), 2);
}

#[test]
fn an_announced_tariff_is_in_force_from_its_time_on_and_for_a_minute_what_was_right_before_passes_too() {
    let mut trial = Trial::charged(3);
    let to_c =
        |trial: &Trial, flat| tariff(everybody(Bearer::Debtor), tier(0, flat, 0), &[(trial.to("C"), 1)]);
    trial.announce(59, (1, Some(to_c(&trial, 5))), rejected(BadTariff));
    trial.announce(60, (1, Some(to_c(&trial, 5))), cleared());
    let pay = |id: u128, fee, expected: Expected| {
        let is_paid = expected == cleared();
        let whole = if is_paid { cleared() } else { rejected(ChainFailed) };
        [payment(100, id, whole), row("A", "C", fee, expected).fee_on(id)]
    };
    trial.check(&pay(2, 5, rejected(FeeMismatch)));
    trial.check(&pay(3, 3, cleared()));
    trial.wait(59);
    trial.check(&pay(4, 3, cleared()));
    trial.wait(1);
    // From now on both, and nothing else.
    trial.check(&pay(5, 5, cleared()));
    trial.check(&pay(6, 3, cleared()));
    trial.check(&pay(7, 4, rejected(FeeMismatch)));
    trial.check(&[row("A", "B", 100, rejected(FeeMissing)).id(8)]);
    trial.announce(60, (1, None), cleared());
    trial.wait(59);
    trial.check(&pay(9, 3, cleared()));
    trial.wait(1);
    // It has ended, and what was right until now passes; what was before does not.
    trial.check(&pay(10, 5, cleared()));
    trial.check(&[row("A", "B", 100, cleared()).id(11)]);
    trial.check(&pay(12, 3, rejected(FeeMismatch)));
    trial.wait(60);
    trial.check(&pay(13, 5, rejected(FeeMismatch)));
    trial.check(&[row("A", "B", 100, cleared()).id(14)]);
    assert_eq!(trial.position("C"), 3 + 3 + 5 + 3 + 3 + 5);
    trial.order(Command::Seal { height: 1 }, cleared());
    assert!(!trial.is_covered("A") && trial.serial.state.registry().fees().is_idle());
}

#[test]
fn a_first_tariff_that_is_announced_spares_what_waits_until_its_minute_is_over() {
    let mut trial = Trial::standard();
    trial.check(&[
        row("A", "B", 10, queued(None)).queue(10).after(60),
        row("A", "B", 20, queued(None)).queue(11).after(60),
    ]);
    let first = tariff(everybody(Bearer::Debtor), tier(0, 3, 0), &[(trial.to("C"), 1)]);
    trial.announce(60, (1, Some(first)), cleared());
    assert!(trial.is_covered("A"), "what waits is told apart from now on");
    trial.check(&[row("A", "B", 5, queued(None)).queue(12).after(60)]);
    trial.wait(60);
    let release = |amount, named, expected| row("A", "B", amount, expected).release(named).by("engine");
    trial.check(&[
        release(10, 10, cleared()),
        row("A", "B", 7, cleared()).id(20),
        payment(7, 21, rejected(ChainFailed)),
        row("A", "C", 2, rejected(FeeMismatch)).fee_on(21),
    ]);
    trial.wait(60);
    trial.check(&[
        release(20, 11, rejected(FeeMissing)),
        row("A", "B", 7, rejected(FeeMissing)).id(22),
        payment(7, 23, cleared()),
        row("A", "C", 3, cleared()).fee_on(23),
    ]);
}

#[test]
fn no_two_tariffs_come_to_cover_the_same_and_the_last_word_on_each_holds() {
    let mut trial = Trial::charged(3);
    let of = |trial: &Trial, bearer, flat| {
        Some(tariff(everybody(bearer), tier(0, flat, 0), &[(trial.to("C"), 1)]))
    };
    let (debtor, creditor) = (Bearer::Debtor, Bearer::Creditor);
    trial.announce(100, (2, of(&trial, debtor, 9)), rejected(AlreadyRegistered));
    trial.announce(90, (1, None), cleared());
    trial.announce(89, (2, of(&trial, debtor, 9)), rejected(AlreadyRegistered));
    trial.announce(90, (2, of(&trial, debtor, 9)), cleared());
    // Its own end can't be put off any more, nor can it be set anew.
    trial.announce(100, (1, None), rejected(AlreadyRegistered));
    trial.set(1, of(&trial, debtor, 4).expect("one"), rejected(AlreadyRegistered));
    trial.announce(100, (3, None), rejected(UnknownTariff));
    trial.announce(100, (0, of(&trial, creditor, 1)), rejected(BadTariff));
    let end = |number| Command::Fee(FeeCommand::EndTariff { number });
    trial.order(end(2), cleared());
    trial.set(1, of(&trial, debtor, 4).expect("one"), cleared());
    assert!(trial.serial.state.registry().fees().changes().is_empty(), "withdrawn");
    // From one moment on both trade places.
    trial.set(2, of(&trial, creditor, 2).expect("one"), cleared());
    trial.announce(60, (1, of(&trial, creditor, 1)), rejected(AlreadyRegistered));
    trial.announce(60, (2, None), cleared());
    trial.announce(60, (1, of(&trial, creditor, 1)), cleared());
    trial.announce(60, (2, of(&trial, debtor, 8)), cleared());
    trial.wait(60);
    let amounts = |trial: &Trial| trial.leg_amounts("A", "B", (100, [0; 4]));
    assert_eq!(amounts(&trial), [8, 1]);
    trial.set(3, of(&trial, debtor, 4).expect("one"), rejected(AlreadyRegistered));
    trial.wait(60);
    let account = trial.world.account("b1");
    let state = feiqian_core::account::AccountState::Closed;
    let to_b1 = Some(tariff(everybody(debtor), tier(0, 8, 0), &[(trial.to("b1"), 1)]));
    trial.announce(60, (2, to_b1), cleared());
    assert_eq!(trial.serial.state.registry().fees().in_force(trial.world.now()).len(), 2);
    trial.order(Command::SetAccountState { account, state }, rejected(AccountState));
    trial.order(Command::Seal { height: 1 }, cleared());
    let mirror = trial.serial.sealer.mirror();
    let read = Mirror::decode(&mirror.encode()).expect("its own bytes");
    assert_eq!(&read, mirror);
    assert_eq!((read.registry.fees().changes().len(), amounts(&trial)), (1, vec![8, 1]));
    trial.order(end(2), cleared());
    trial.order(Command::SetAccountState { account, state }, cleared());
}

#[test]
fn so_many_changes_may_be_announced_and_no_more() {
    let mut trial = Trial::standard();
    for number in 1..=256 {
        let purpose = format!("{number:04}").into_bytes().try_into().ok();
        let scope = Scope { purpose, ..everybody(Bearer::Debtor) };
        let announced = tariff(scope, tier(0, 1, 0), &[(trial.to("C"), 1)]);
        trial.announce(60, (number, Some(announced)), cleared());
    }
    let more = Some(tariff(everybody(Bearer::Debtor), tier(0, 1, 0), &[(trial.to("C"), 1)]));
    trial.announce(60, (257, more.clone()), rejected(LimitReached));
    trial.announce(60, (256, more.clone()), cleared());
    trial.wait(121);
    trial.announce(60, (256, more), cleared());
    assert_eq!(trial.serial.state.registry().fees().changes().len(), 1);
}
