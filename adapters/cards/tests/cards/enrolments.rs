//! Cards of several accounts, cards that are withdrawn and cards that are enrolled again.

use feiqian_cards::{Algorithm, Institution, Link, MacKeys, ServerOptions};
use feiqian_iso8583::mac;
use feiqian_tests::world::bic;

use crate::house::{ACQUIRER, CARD, FUNDS, HOLDER, House, ISSUER, Request, STRANGER, Terminal, plain_link};

const LEFT: i128 = FUNDS as i128;

fn in_euro(request: Request) -> Request {
    request.with(49, "978")
}

#[test]
fn the_currency_of_the_transaction_says_which_account_of_a_card_pays() {
    let mut house = House::new();
    let [_, acquirer, holder] = house.open_in("EUR");
    assert_eq!(
        house.terminal().ask(&in_euro(Request::of_card(100, CARD, "000000", 70))).answer(),
        (110, "57"),
        "no account in it"
    );
    house.enrol(CARD, holder);
    let (yuan, euro) =
        (Request::of_card(100, CARD, "000000", 100), in_euro(Request::of_card(100, CARD, "000000", 70)));
    let purchase = in_euro(Request::of_card(200, CARD, "010000", 30));
    let mut terminal = house.terminal();
    for request in [&yuan, &euro, &purchase] {
        assert_eq!(terminal.ask(request).field(39), "00");
    }
    assert_eq!((house.account(HOLDER), house.account(holder)), ((LEFT, 100), (LEFT - 30, 70)));
    house.restart();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&yuan.followed_by(220, "000000")).field(39), "00");
    assert_eq!(terminal.ask(&in_euro(euro.followed_by(220, "000000"))).field(39), "00");
    assert_eq!(
        terminal.ask(&euro.followed_by(420, "000000")).field(39),
        "25",
        "said to be of another currency"
    );
    let refund = in_euro(purchase.followed_by(220, "200000")).with(4, "000000000010");
    assert_eq!(terminal.ask(&refund).field(39), "00");
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 100, 0), (100, 0)));
    assert_eq!((house.account(holder), house.account(acquirer)), ((LEFT - 90, 0), (90, 0)));
    let dollars = Request::of_card(200, CARD, "000000", 1).with(49, "840");
    assert_eq!(terminal.ask(&dollars).answer(), (210, "57"));
}

#[test]
fn a_card_without_an_account_in_the_currency_pays_what_its_holder_is_billed() {
    let house = House::new();
    house.open_in("EUR");
    let billed =
        |request: Request, amount: u64| in_euro(request).with(6, &format!("{amount:012}")).with(51, "156");
    let mut terminal = house.terminal();
    let held = billed(Request::of_card(100, CARD, "000000", 100), 785);
    let answer = terminal.ask(&held);
    assert_eq!((answer.answer(), answer.field(6), answer.field(51)), ((110, "00"), "000000000785", "156"));
    assert_eq!(house.account(HOLDER), (LEFT, 785));
    assert_eq!(terminal.ask(&held.repeated()).answer(), (110, "00"));
    assert_eq!(terminal.ask(&held.clone().with(6, "000000000786")).answer(), (110, "94"));
    // What follows brings the bill as its original did.
    let part = billed(held.followed_by(420, "000000"), 785).with(95, &format!("{:012}{:030}", 50, 0));
    assert_eq!(terminal.ask(&part).answer(), (430, "40"), "a part is told in the transaction's currency");
    assert_eq!(terminal.ask(&in_euro(held.followed_by(420, "000000"))).answer(), (430, "25"));
    assert_eq!(terminal.ask(&billed(held.followed_by(420, "000000"), 784)).answer(), (430, "25"));
    let completion = billed(held.followed_by(220, "000000"), 700);
    assert_eq!(terminal.ask(&completion).answer(), (230, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 700, 0), (700, 0)));
    let purchase = billed(Request::of_card(200, CARD, "000000", 10), 80);
    assert_eq!(terminal.ask(&purchase).answer(), (210, "00"));
    assert_eq!(terminal.ask(&billed(purchase.followed_by(420, "000000"), 80)).answer(), (430, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 700, 0), (700, 0)));
}

#[test]
fn a_withdrawn_card_pays_nothing_more_and_what_it_held_or_paid_is_completed_and_taken_back() {
    let mut house = House::new();
    let mut terminal = house.terminal();
    let held: Vec<_> = (0..3).map(|_| Request::of_card(100, CARD, "000000", 100)).collect();
    let paid: Vec<_> = (0..2).map(|_| Request::of_card(200, CARD, "000000", 50)).collect();
    for request in held.iter().chain(&paid) {
        assert_eq!(terminal.ask(request).field(39), "00");
    }
    let never = Request::of_card(200, CARD, "000000", 7);
    let approval = terminal.ask(&paid[0]).field(38).to_owned();
    house.withdraw(CARD, HOLDER);
    for is_after_restart in [false, true] {
        if is_after_restart {
            house.restart();
        }
        let mut terminal = house.terminal();
        for mti in [100, 200] {
            let fresh = Request::of_card(mti, CARD, "000000", 1);
            assert_eq!(terminal.ask(&fresh).answer(), (mti + 10, "62"));
        }
        assert_eq!(terminal.ask(&Request::of_card(220, CARD, "200000", 1)).answer(), (230, "62"));
        let again = terminal.ask(&paid[0].repeated());
        assert_eq!((again.answer(), again.field(38)), ((210, "00"), approval.as_str()), "it was paid");
        assert_eq!(terminal.ask(&held[0].repeated()).answer(), (110, "00"));
        assert_eq!(terminal.ask(&never.repeated()).answer(), (210, "62"), "it never came");
        assert_eq!(terminal.ask(&paid[0].clone().with(4, "000000000051")).answer(), (210, "62"));
    }
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&held[0].followed_by(220, "000000").with(4, "000000000060")).field(39), "00");
    assert_eq!(terminal.ask(&held[1].followed_by(420, "000000")).field(39), "00");
    assert_eq!(terminal.ask(&held[2].followed_by(100, "200000")).field(39), "00");
    assert_eq!(terminal.ask(&paid[0].followed_by(220, "200000")).field(39), "00");
    assert_eq!(terminal.ask(&paid[1].followed_by(420, "000000")).field(39), "00");
    assert_eq!(terminal.ask(&held[1].repeated()).answer(), (110, "68"), "it was freed");
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 60, 0), (60, 0)));
    house.enrol(CARD, HOLDER);
    assert_eq!(
        terminal.ask(&never.repeated()).answer(),
        (210, "00"),
        "asked again, and never refused by the engine"
    );
    assert_eq!(house.account(HOLDER), (LEFT - 67, 0));
}

#[test]
fn a_card_enrolled_anew_for_another_account_completes_and_refunds_on_the_one_that_it_was_used_on() {
    let mut house = House::new();
    let mut terminal = house.terminal();
    let (held, paid) =
        (Request::of_card(100, CARD, "000000", 100), Request::of_card(200, CARD, "000000", 50));
    let reversed = Request::of_card(200, CARD, "000000", 20);
    for request in [&held, &paid, &reversed] {
        assert_eq!(terminal.ask(request).field(39), "00");
    }
    house.withdraw(CARD, HOLDER);
    let before = house.account(ISSUER).0;
    house.enrol(CARD, ISSUER);
    house.restart();
    let mut terminal = house.terminal();
    let fresh = Request::of_card(200, CARD, "000000", 5);
    assert_eq!(terminal.ask(&fresh).field(39), "00");
    assert_eq!(house.account(ISSUER).0, before - 5, "on the account that it stands for now");
    for request in [held.repeated(), paid.repeated(), fresh.repeated()] {
        assert_eq!(terminal.ask(&request).field(39), "00", "booked once, on the account of then");
    }
    assert_eq!(terminal.ask(&paid.repeated().with(4, "000000000051")).answer(), (210, "94"));
    assert_eq!((house.account(HOLDER), house.account(ISSUER).0), ((LEFT - 70, 100), before - 5));
    let completion = held.followed_by(220, "000000").with(4, "000000000090");
    for request in [&completion, &completion.repeated()] {
        assert_eq!(terminal.ask(request).answer(), (230, "00"));
    }
    let refund = paid.followed_by(220, "200000").with(4, "000000000030");
    for request in [&refund, &refund.repeated()] {
        assert_eq!(terminal.ask(request).answer(), (230, "00"));
    }
    assert_eq!(terminal.ask(&reversed.followed_by(420, "000000")).answer(), (430, "00"));
    assert_eq!(terminal.ask(&fresh.followed_by(220, "200000")).answer(), (230, "00"));
    assert_eq!(house.account(HOLDER), (LEFT - 90 - 20, 0));
    assert_eq!((house.account(ISSUER).0, house.account(ACQUIRER)), (before, (110, 0)));
    let nothing = Request::of_card(100, CARD, "000000", 1);
    assert_eq!(terminal.ask(&nothing.followed_by(220, "000000")).answer(), (230, "25"), "of no original");
}

#[test]
fn a_card_that_is_withdrawn_in_one_currency_pays_in_its_others() {
    let house = House::new();
    let [.., holder] = house.open_in("EUR");
    house.enrol(CARD, holder);
    house.withdraw(CARD, HOLDER);
    let mut terminal = house.terminal();
    let yuan = || Request::of_card(200, CARD, "000000", 100);
    assert_eq!(terminal.ask(&yuan()).answer(), (210, "62"));
    assert_eq!(terminal.ask(&in_euro(yuan())).answer(), (210, "00"));
    let billed = yuan().with(6, "000000000012").with(51, "978");
    assert_eq!(terminal.ask(&billed).answer(), (210, "00"), "billed in the one that it has");
    assert_eq!((house.account(HOLDER), house.account(holder)), ((LEFT, 0), (LEFT - 112, 0)));
}

/// TEST KEY.
const KEY: [u8; 16] = *b"TEST KEY: issuer";
/// Field 32 of the issuer and of another bank.
const ISSUER_CODE: &str = "3050000";
const OTHER_CODE: &str = "4050000";

/// A link on which the issuer and another bank may enrol and withdraw cards of their own.
fn issuers_link() -> Link {
    let institutions = [(ISSUER_CODE, "A"), (OTHER_CODE, "C")];
    let institutions = institutions
        .map(|(code, bank)| Institution { code: code.parse().expect("digits"), participant: bic(bank) });
    Link {
        name: "issuers".to_owned(),
        institutions: institutions.to_vec(),
        mac: Some(MacKeys::new(Algorithm::X9_19, KEY, None)),
        takes_file_actions: true,
        ..plain_link()
    }
}

/// A file action of a bank: 1 adds, 3 deletes.
fn action(code: &str, card: &str, bank: &str) -> Request {
    Request::new(302).with(2, card).with(91, code).with(32, bank)
}

fn told(terminal: &mut Terminal, request: &Request) -> String {
    let spec = terminal.spec();
    let sealed = request.builder(&spec).encode_with_mac(128, |covered| mac::x9_19(&KEY, covered));
    terminal.send(&sealed.expect("it fits"));
    let answer = terminal.hear(0);
    assert_eq!(answer.mti, 312);
    answer.field(39).to_owned()
}

#[test]
fn an_issuer_withdraws_and_enrols_its_own_cards_while_all_else_runs_on() {
    let mut house = House::with(vec![plain_link(), issuers_link()], ServerOptions::default());
    let [.., euro] = house.open_in("EUR");
    let (mut acquirer, mut issuer) = (house.terminal(), house.terminal_on("issuers"));
    let paid = |amount| Request::of_card(200, CARD, "000000", amount);
    let held = Request::of_card(100, CARD, "000000", 100);
    assert_eq!(acquirer.ask(&held).field(39), "00");
    let withdrawal = action("3", CARD, ISSUER_CODE);
    for request in [&withdrawal, &withdrawal.repeated(), &action("3", CARD, ISSUER_CODE)] {
        assert_eq!(told(&mut issuer, request), "00");
        assert_eq!(acquirer.ask(&paid(1)).answer(), (210, "62"));
    }
    house.restart();
    let (mut acquirer, mut issuer) = (house.terminal(), house.terminal_on("issuers"));
    assert_eq!(acquirer.ask(&paid(1)).answer(), (210, "62"));
    assert_eq!(acquirer.ask(&held.followed_by(220, "000000")).answer(), (230, "00"), "held before");
    let enrolment = action("1", CARD, ISSUER_CODE).with(102, &HOLDER.to_string());
    for request in [&enrolment, &enrolment.repeated()] {
        assert_eq!(told(&mut issuer, request), "00");
    }
    assert_eq!(told(&mut issuer, &action("1", CARD, ISSUER_CODE).with(102, &euro.to_string())), "00");
    assert_eq!(acquirer.ask(&paid(5)).answer(), (210, "00"));
    assert_eq!(acquirer.ask(&in_euro(paid(7))).answer(), (210, "00"));
    assert_eq!(told(&mut issuer, &in_euro(action("3", CARD, ISSUER_CODE))), "00", "in one currency");
    assert_eq!(acquirer.ask(&in_euro(paid(7))).answer(), (210, "62"));
    assert_eq!(acquirer.ask(&paid(6)).answer(), (210, "00"));
    assert_eq!((house.account(HOLDER), house.account(euro)), ((LEFT - 111, 0), (LEFT - 7, 0)));
}

#[test]
fn i7_nobody_enrols_or_withdraws_a_card_for_anothers_account() {
    let house = House::with(vec![plain_link(), issuers_link()], ServerOptions::default());
    let mut line = house.terminal_on("issuers");
    let to = |account: u64, bank| action("1", STRANGER, bank).with(102, &account.to_string());
    let rows = [
        (action("3", CARD, OTHER_CODE), "25"),
        (action("3", STRANGER, ISSUER_CODE), "25"),
        (to(HOLDER, OTHER_CODE), "25"),
        (to(ACQUIRER, ISSUER_CODE), "25"),
        (to(999, ISSUER_CODE), "25"),
        (action("1", STRANGER, ISSUER_CODE), "30"),
        (action("1", "6250947000000015", ISSUER_CODE).with(102, "2"), "30"),
        (to(HOLDER, ISSUER_CODE).without(2), "30"),
        (to(HOLDER, ISSUER_CODE).without(91), "30"),
        (action("2", CARD, ISSUER_CODE), "40"),
        (action("1", CARD, ISSUER_CODE).with(102, &ISSUER.to_string()), "29"),
        (action("3", CARD, "1050000"), "92"),
    ];
    for (request, code) in rows {
        assert_eq!(told(&mut line, &request), code, "{:?}", request.fields);
    }
    line.send(&action("3", CARD, ISSUER_CODE).bytes(&line.spec()));
    assert_eq!(line.hear(0).answer(), (312, "63"), "without its code");
    let mut acquirer = house.terminal();
    assert_eq!(acquirer.ask(&Request::new(302).with(2, CARD).with(91, "3")).answer(), (312, "40"));
    assert_eq!(acquirer.ask(&Request::of_card(200, CARD, "000000", 5)).answer(), (210, "00"));
    assert_eq!(acquirer.ask(&Request::of_card(200, STRANGER, "000000", 5)).answer(), (210, "14"));
}
