//! Payments as acquirers send them, and what they move.

use crate::house::{
    ACQUIRER, CARD, CARD_ON_BOOKS, FUNDS, HOLDER, House, INSTITUTION, ISSUER, Request, STRANGER,
};
use feiqian_core::account::AccountState;
use feiqian_core::command::Command;
use feiqian_core::fees::{Bearer, Beneficiary, FeeCommand, Scope, Tariff, Tier};
use feiqian_tests::world::currency;

const LEFT: i128 = FUNDS as i128;

#[test]
fn an_authorisation_holds_and_its_completion_posts_what_was_used() {
    let house = House::new();
    let mut terminal = house.terminal();
    let authorisation = Request::of_card(100, CARD, "030000", 50_000);
    let answer = terminal.ask(&authorisation);
    assert_eq!(answer.answer(), (110, "00"));
    assert_eq!(answer.field(38).len(), 6);
    for field in [2, 3, 4, 7, 11, 32, 37, 41, 42, 49] {
        assert_eq!(answer.field(field), authorisation.field(field), "field {field} is repeated");
    }
    assert_eq!(house.account(HOLDER), (LEFT, 50_000));
    let completion = authorisation.followed_by(220, "000000").with(4, "000000030000");
    assert_eq!(terminal.ask(&completion).answer(), (230, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 30_000, 0), (30_000, 0)));
    let again = authorisation.followed_by(220, "000000").with(4, "000000010000");
    assert_eq!(terminal.ask(&again).answer(), (230, "25"), "nothing is held any more");
}

#[test]
fn interchange_is_paid_with_a_completion_and_a_purchase_and_a_repetition_pays_none() {
    let house = House::new();
    let mut terminal = house.terminal();
    let scope = Scope {
        currency: currency("CNY"),
        bearer: Bearer::Creditor,
        debtor: None,
        creditor: None,
        purpose: Some(*b"IDCP"),
    };
    let tiers = vec![Tier { from: 0, flat: 5, millionths: 10_000, least: 0, most: u64::MAX }];
    let beneficiaries = vec![(Beneficiary::DebtorParticipant, 1)];
    let tariff = Tariff { scope, tiers, beneficiaries };
    let before = house.account(ISSUER).0;
    house.order(Command::Fee(FeeCommand::SetTariff { number: 1, tariff }));
    let authorisation = Request::of_card(100, CARD, "000000", 1_000);
    assert_eq!(terminal.ask(&authorisation).answer(), (110, "00"));
    assert_eq!(house.account(ISSUER).0, before);
    let completion = authorisation.followed_by(220, "000000").with(4, "000000000600");
    assert_eq!(terminal.ask(&completion).answer(), (230, "00"));
    assert_eq!((house.account(ISSUER).0 - before, house.account(ACQUIRER).0), (11, 589));
    let purchase = Request::of_card(200, CARD, "000000", 300);
    assert_eq!(terminal.ask(&purchase).answer(), (210, "00"));
    // Cash is not what the tariff is for.
    assert_eq!(terminal.ask(&Request::of_card(200, CARD, "010000", 100)).answer(), (210, "00"));
    let all = (19, 600 + 300 + 100 - 19);
    assert_eq!((house.account(ISSUER).0 - before, house.account(ACQUIRER).0), all);
    assert_eq!(terminal.ask(&purchase.repeated()).answer(), (210, "00"));
    house.order(Command::Fee(FeeCommand::EndTariff { number: 1 }));
    assert_eq!(terminal.ask(&purchase.repeated()).answer(), (210, "00"), "under other tariffs too");
    assert_eq!((house.account(ISSUER).0 - before, house.account(ACQUIRER).0), all);
}

#[test]
fn more_than_was_held_is_not_completed() {
    let house = House::new();
    let mut terminal = house.terminal();
    let authorisation = Request::of_card(100, CARD, "000000", 500);
    assert_eq!(terminal.ask(&authorisation).answer(), (110, "00"));
    let completion = authorisation.followed_by(220, "000000").with(4, "000000000501");
    assert_eq!(terminal.ask(&completion).answer(), (230, "64"));
    assert_eq!(terminal.ask(&authorisation.followed_by(200, "000000")).answer(), (210, "00"));
    assert_eq!(house.account(HOLDER), (LEFT - 500, 0));
}

#[test]
fn a_purchase_pays_at_once_and_its_refund_comes_back_once() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 700);
    assert_eq!(terminal.ask(&purchase).answer(), (210, "00"));
    assert_eq!(house.account(ACQUIRER), (700, 0));
    let part = purchase.followed_by(220, "200000").with(4, "000000000300");
    assert_eq!(terminal.ask(&part).answer(), (230, "00"));
    assert_eq!(terminal.ask(&part.repeated()).answer(), (230, "00"), "repeated, and paid once");
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 400, 0), (400, 0)));
    let too_much = purchase.followed_by(200, "200000").with(4, "000000000401");
    assert_eq!(terminal.ask(&too_much).answer(), (210, "64"));
    let rest = purchase.followed_by(200, "200000").with(4, "000000000400");
    assert_eq!(terminal.ask(&rest).answer(), (210, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT, 0), (0, 0)));
}

#[test]
fn a_refund_without_an_original_is_paid_from_the_acquirers_own() {
    let house = House::new();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&Request::of_card(220, CARD, "200000", 900)).answer(), (230, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT + 900, 0), (-900, 0)));
}

#[test]
fn a_card_of_a_customer_on_the_issuers_books_stands_for_its_clearing_account() {
    let house = House::new();
    let before = house.account(ISSUER).0;
    assert_eq!(
        house.terminal().ask(&Request::of_card(200, CARD_ON_BOOKS, "010000", 42)).answer(),
        (210, "00")
    );
    assert_eq!((house.account(ISSUER).0, house.account(ACQUIRER)), (before - 42, (42, 0)));
}

#[test]
fn advices_are_booked_and_those_of_declines_are_not() {
    let house = House::new();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&Request::of_card(120, CARD, "000000", 10).with(39, "00")).answer(), (130, "00"));
    assert_eq!(terminal.ask(&Request::of_card(220, CARD, "000000", 20)).answer(), (230, "00"));
    assert_eq!(terminal.ask(&Request::of_card(120, CARD, "000000", 40).with(39, "51")).answer(), (130, "00"));
    assert_eq!(house.account(HOLDER), (LEFT - 20, 10));
}

#[test]
fn an_advice_is_booked_or_not_by_what_its_code_says_and_refused_where_that_is_nothing() {
    let house = House::new();
    let mut terminal = house.terminal();
    let mut advise = |code: &str| {
        let advice = Request::of_card(220, CARD, "000000", 1).with(39, code);
        terminal.ask(&advice).field(39).to_owned()
    };
    for code in ["00", "08", "10", "11", "16", "A2", "A4", "A5", "A6"] {
        assert_eq!(advise(code), "00", "{code}");
    }
    assert_eq!(house.account(HOLDER), (LEFT - 9, 0), "granted elsewhere");
    for code in ["05", "51", "A7"] {
        assert_eq!(advise(code), "00", "{code}");
    }
    for code in ["Q7", "85", "09"] {
        assert_eq!(advise(code), "30", "{code}");
    }
    assert_eq!(house.account(HOLDER), (LEFT - 9, 0));
}

#[test]
fn a_completion_that_names_no_original_is_no_purchase() {
    let house = House::new();
    let mut terminal = house.terminal();
    let held = Request::of_card(100, CARD, "030000", 100).with(25, "06");
    assert_eq!(terminal.ask(&held).answer(), (110, "00"));
    for (mti, code, answered) in [(200, "000000", 210), (220, "000000", 230), (200, "200000", 210)] {
        let completion = Request::of_card(mti, CARD, code, 100).with(25, "06");
        assert_eq!(terminal.ask(&completion).answer(), (answered, "25"));
    }
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT, 100), (0, 0)));
    assert_eq!(terminal.ask(&held.followed_by(200, "000000").with(25, "06")).answer(), (210, "00"));
    assert_eq!(house.account(HOLDER), (LEFT - 100, 0));
}

#[test]
fn i3_a_repetition_gets_the_original_answer_and_an_altered_one_is_refused() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 700);
    let first = terminal.ask(&purchase);
    for _ in 0..3 {
        let again = terminal.ask(&purchase.repeated());
        assert_eq!((again.answer(), again.field(38)), ((210, "00"), first.field(38)));
    }
    assert_eq!(house.account(HOLDER), (LEFT - 700, 0));
    for altered in [
        purchase.clone().with(4, "000000000701"),
        purchase.clone().with(2, CARD_ON_BOOKS),
        purchase.clone().with(3, "010000"),
        purchase.clone().with(37, "930612000124"),
        purchase.clone().with(41, "12345679"),
    ] {
        assert_eq!(terminal.ask(&altered.repeated()).answer(), (210, "94"));
    }
    let declined = Request::of_card(200, CARD, "000000", FUNDS * 2);
    assert_eq!(terminal.ask(&declined).answer(), (210, "51"));
    house.pay(0, ISSUER, HOLDER, FUNDS * 2);
    assert_eq!(terminal.ask(&declined.repeated()).answer(), (210, "51"), "the original answer stands");
}

#[test]
fn each_decline_has_its_code() {
    let house = House::new();
    let mut terminal = house.terminal();
    let base = Request::of_card(100, CARD, "000000", 100);
    let fresh = || Request::of_card(100, CARD, "000000", 100);
    let rows = [
        (fresh().with(2, STRANGER), "14"),
        (fresh().with(4, "000999999999"), "51"),
        (fresh().with(4, "000000000000"), "13"),
        (fresh().with(49, "999"), "30"),
        (fresh().with(49, "978"), "57"),
        (fresh().without(49), "30"),
        (fresh().without(4), "30"),
        (fresh().without(2), "30"),
        (fresh().without(7), "30"),
        (fresh().without(11), "30"),
        (fresh().with(3, "310000"), "40"),
        (fresh().with(32, "99999"), "92"),
        (fresh().with(90, &"9".repeat(42)), "12"),
        (base.clone(), "00"),
    ];
    for (request, code) in rows {
        assert_eq!(terminal.ask(&request).answer(), (110, code), "{:?}", request.fields);
    }
    assert_eq!(terminal.ask(&Request::new(300).with(101, "a file")).answer(), (310, "40"));
    let other_edition = Request::of_card(1_100, CARD, "000000", 100);
    assert_eq!(terminal.ask(&other_edition).answer(), (1_110, "40"));
    assert_eq!(terminal.ask(&Request::new(2_800).with(70, "301")).answer(), (2_810, "40"));
    house.order(Command::SetAccountState { account: HOLDER, state: AccountState::Frozen });
    assert_eq!(terminal.ask(&fresh()).answer(), (110, "62"));
    assert_eq!(house.account(HOLDER), (LEFT, 100));
}

#[test]
fn a_cancellation_frees_the_hold_and_cancels_a_purchase() {
    let house = House::new();
    let mut terminal = house.terminal();
    let authorisation = Request::of_card(100, CARD, "030000", 100);
    assert_eq!(terminal.ask(&authorisation).answer(), (110, "00"));
    let cancellation = authorisation.followed_by(100, "200000");
    assert_eq!(terminal.ask(&cancellation).answer(), (110, "00"));
    assert_eq!(terminal.ask(&cancellation.repeated()).answer(), (110, "00"));
    assert_eq!(house.account(HOLDER), (LEFT, 0));
    let purchase = Request::of_card(200, CARD, "000000", 70);
    assert_eq!(terminal.ask(&purchase).answer(), (210, "00"));
    assert_eq!(terminal.ask(&purchase.followed_by(200, "200000")).answer(), (210, "00"));
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}

#[test]
fn many_requests_in_flight_are_all_answered_each_with_its_own() {
    let house = House::new();
    let requests: Vec<_> = (1..=500).map(|amount| Request::of_card(200, CARD, "000000", amount)).collect();
    std::thread::scope(|scope| {
        for part in requests.chunks(125) {
            let mut terminal = house.terminal();
            scope.spawn(move || {
                let spec = terminal.spec();
                part.iter().for_each(|request| terminal.send(&request.bytes(&spec)));
                let mut answers: Vec<_> = part.iter().map(|_| terminal.hear(0)).collect();
                answers.sort_by_key(|answer| answer.field(4).to_owned());
                for (answer, request) in answers.iter().zip(part) {
                    assert_eq!(answer.answer(), (210, "00"));
                    assert_eq!((answer.field(11), answer.field(4)), (request.field(11), request.field(4)));
                }
            });
        }
    });
    assert_eq!(house.account(ACQUIRER), (125_250, 0));
}

#[test]
fn an_acquirers_totals_are_those_of_the_journal() {
    let mut house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 700);
    terminal.ask(&purchase);
    let taken_back = Request::of_card(200, CARD, "000000", 50);
    terminal.ask(&taken_back);
    terminal.ask(&taken_back.followed_by(400, "000000"));
    terminal.ask(&purchase.followed_by(220, "200000").with(4, "000000000100"));
    // No card payment, so none of the totals.
    house.pay(0, ISSUER, ACQUIRER, 5);
    let totals = Request::new(500)
        .with(50, "156")
        .with(74, "0000000001")
        .with(75, "0000000000")
        .with(76, "0000000002")
        .with(77, "0000000001")
        .with(86, "0000000000000100")
        .with(88, "0000000000000750")
        .with(89, "0000000000000050")
        .with(97, "C0000000000000600");
    for is_after_restart in [false, true] {
        if is_after_restart {
            house.restart();
        }
        let mut terminal = house.terminal();
        let answer = terminal.ask(&totals);
        assert_eq!((answer.answer(), answer.field(66)), ((510, "00"), "1"));
        // The advice, and its repetition: the acquirer closes its day whatever it hears, and hears the same.
        for mti in [520, 521] {
            let answer = terminal.ask(&Request { mti, ..totals.clone() });
            assert_eq!((answer.answer(), answer.field(66)), ((530, "00"), "1"), "{mti:04}");
            assert_eq!(answer.field(97), "C0000000000000600");
        }
        let wrong = totals.clone().with(88, "0000000000000751");
        let answer = terminal.ask(&Request { mti: 520, ..wrong });
        assert_eq!((answer.answer(), answer.field(66)), ((530, "00"), "2"));
        assert_eq!((answer.field(88), answer.field(76)), ("0000000000000750", "0000000002"));
        assert_eq!(answer.field(97), "C0000000000000600");
        assert_eq!(answer.field(32), INSTITUTION);
    }
    let yesterday = totals.with(15, "0101");
    assert_eq!(house.terminal().ask(&yesterday).field(66), "2");
}

#[test]
fn i6_a_link_reconciles_one_day_at_a_time() {
    let house = House::new();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&Request::of_card(200, CARD, "000000", 700)).field(39), "00");
    let question = || Request::new(500).with(50, "156").with(88, "0000000000000700");
    let spec = terminal.spec();
    let framed = |request: Request| {
        let bytes = request.bytes(&spec);
        [&u16::try_from(bytes.len()).expect("short").to_be_bytes()[..], &bytes].concat()
    };
    let all: Vec<u8> = (0..20).flat_map(|_| framed(question())).collect();
    std::io::Write::write_all(&mut terminal.stream, &all).expect("sent");
    let codes: Vec<_> = (0..20).map(|_| terminal.hear(0).field(39).to_owned()).collect();
    let count = |code| codes.iter().filter(|at| *at == code).count();
    assert!(count("00") >= 1 && count("91") >= 1 && count("00") + count("91") == 20, "{codes:?}");
    let answer = terminal.ask(&question());
    assert_eq!((answer.field(39), answer.field(66)), ("00", "1"), "and again when it has been answered");
}
