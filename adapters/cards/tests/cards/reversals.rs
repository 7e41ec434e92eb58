//! Reversals: on time, late, early, repeated, of what was declined, and beside their originals.

use crate::house::{ACQUIRER, CARD, FUNDS, HOLDER, House, ISSUER, Request, plain_link};
use feiqian_cards::ServerOptions;

const LEFT: i128 = FUNDS as i128;

#[test]
fn a_reversal_voids_the_hold_however_often_it_comes() {
    let house = House::new();
    let mut terminal = house.terminal();
    let authorisation = Request::of_card(100, CARD, "000000", 100);
    assert_eq!(terminal.ask(&authorisation).answer(), (110, "00"));
    let reversal = authorisation.followed_by(420, "000000");
    assert_eq!(terminal.ask(&reversal).answer(), (430, "00"));
    assert_eq!(terminal.ask(&reversal.repeated()).answer(), (430, "00"));
    assert_eq!(terminal.ask(&authorisation.followed_by(400, "000000")).answer(), (410, "00"), "another one");
    assert_eq!(house.account(HOLDER), (LEFT, 0));
    assert_eq!(terminal.ask(&authorisation.followed_by(220, "000000")).answer(), (230, "25"));
    assert_eq!(terminal.ask(&authorisation.repeated()).answer(), (110, "00"), "it was held, once");
    assert_eq!(house.account(HOLDER), (LEFT, 0), "and is not again");
}

#[test]
fn a_reversal_returns_a_payment_once_whoever_repeats_it() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 700);
    assert_eq!(terminal.ask(&purchase).answer(), (210, "00"));
    let reversal = purchase.followed_by(400, "000000");
    for request in [reversal.clone(), reversal.repeated(), purchase.followed_by(420, "000000")] {
        assert_eq!(terminal.ask(&request).field(39), "00");
    }
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT, 0), (0, 0)));
}

#[test]
fn a_replacement_amount_leaves_that_much_paid() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 700);
    terminal.ask(&purchase);
    let partial = purchase.followed_by(420, "000000").with(95, &format!("{:012}{:030}", 250, 0));
    assert_eq!(terminal.ask(&partial).answer(), (430, "00"));
    assert_eq!(terminal.ask(&partial.repeated()).answer(), (430, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 250, 0), (250, 0)));
}

#[test]
fn a_reversal_before_its_original_refuses_the_late_original() {
    let house = House::new();
    let mut terminal = house.terminal();
    for (mti, answered) in [(100, 110), (200, 210)] {
        let original = Request::of_card(mti, CARD, "000000", 100);
        let reversal = original.followed_by(420, "000000");
        assert_eq!(terminal.ask(&reversal).answer(), (430, "25"));
        assert_eq!(terminal.ask(&original).answer(), (answered, "68"));
        assert_eq!(terminal.ask(&original.repeated()).answer(), (answered, "68"));
        assert_eq!(terminal.ask(&reversal.repeated()).answer(), (430, "25"));
    }
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}

#[test]
fn a_reversal_that_races_its_original_leaves_nothing_held_or_paid() {
    let house = House::new();
    let mut lines: Vec<_> = (0..2).map(|_| house.terminal()).collect();
    for turn in 0..60 {
        let original = Request::of_card(if turn % 2 == 0 { 100 } else { 200 }, CARD, "000000", 100);
        let reversal = original.followed_by(420, "000000");
        let spec = lines[0].spec();
        let (first, second) = lines.split_at_mut(1);
        std::thread::scope(|scope| {
            scope.spawn(|| first[0].send(&original.bytes(&spec)));
            second[0].send(&reversal.bytes(&spec));
        });
        let (paid, reversed) = (first[0].hear(0), second[0].hear(0));
        match (paid.field(39), reversed.field(39)) {
            ("00", "00") | ("68", "25") => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT, 0), (0, 0)));
}

#[test]
fn what_was_declined_or_posted_is_not_taken_back() {
    let house = House::new();
    let mut terminal = house.terminal();
    let declined = Request::of_card(200, CARD, "000000", FUNDS + 1);
    assert_eq!(terminal.ask(&declined).field(39), "51");
    assert_eq!(terminal.ask(&declined.followed_by(420, "000000")).answer(), (430, "00"), "nothing was paid");
    let authorisation = Request::of_card(100, CARD, "000000", 100);
    terminal.ask(&authorisation);
    let completion = authorisation.followed_by(220, "000000");
    assert_eq!(terminal.ask(&completion).field(39), "00");
    assert_eq!(terminal.ask(&authorisation.followed_by(420, "000000")).answer(), (430, "21"));
    assert_eq!(house.account(HOLDER), (LEFT - 100, 0));
    assert_eq!(
        terminal.ask(&completion.followed_by(420, "000000")).answer(),
        (430, "00"),
        "the completion is"
    );
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}

#[test]
fn a_refund_is_taken_back_once() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 700);
    terminal.ask(&purchase);
    let refund = purchase.followed_by(220, "200000");
    assert_eq!(terminal.ask(&refund).field(39), "00");
    for _ in 0..2 {
        assert_eq!(terminal.ask(&refund.followed_by(420, "200000")).answer(), (430, "00"));
    }
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 700, 0), (700, 0)));
}

#[test]
fn a_reversal_that_the_payer_could_not_fund_succeeds_when_it_can() {
    let house = House::new();
    let mut terminal = house.terminal();
    let refund = Request::of_card(220, CARD, "200000", 500);
    assert_eq!(terminal.ask(&refund).field(39), "00");
    // The cardholder has spent all of it.
    house.pay(0, HOLDER, ISSUER, FUNDS + 500);
    let reversal = refund.followed_by(420, "200000");
    assert_eq!(terminal.ask(&reversal).answer(), (430, "51"));
    house.pay(0, ISSUER, HOLDER, 500);
    assert_eq!(terminal.ask(&reversal.repeated()).answer(), (430, "00"));
    assert_eq!(terminal.ask(&reversal.repeated()).answer(), (430, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((0, 0), (0, 0)));
}

#[test]
fn a_hold_ends_by_the_frames_time_and_a_late_reversal_of_it_is_right() {
    let options = ServerOptions { hold_timeout_s: 1, ..ServerOptions::default() };
    let house = House::with(vec![plain_link()], options);
    let mut terminal = house.terminal();
    let authorisation = Request::of_card(100, CARD, "000000", 100);
    assert_eq!(terminal.ask(&authorisation).field(39), "00");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(terminal.ask(&authorisation.followed_by(220, "000000")).answer(), (230, "25"), "too late");
    assert_eq!(
        terminal.ask(&authorisation.followed_by(420, "000000")).answer(),
        (430, "00"),
        "nothing is held"
    );
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}
