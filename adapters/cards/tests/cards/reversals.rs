//! Reversals: on time, late, early, repeated, of what was declined, and beside their originals.

use crate::house::{
    ACQUIRER, CARD, CARD_ON_BOOKS, FUNDS, HOLDER, House, ISSUER, Request, STRANGER, plain_link,
};
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
    assert_eq!(
        terminal.ask(&authorisation.repeated()).answer(),
        (110, "68"),
        "what was freed is not told held"
    );
    assert_eq!(house.account(HOLDER), (LEFT, 0), "and is not again");
}

#[test]
fn a_repetition_that_comes_behind_its_reversal_is_too_late() {
    let mut house = House::new();
    let (whole, part) =
        (Request::of_card(200, CARD, "000000", 700), Request::of_card(200, CARD, "000000", 90));
    let refund = whole.followed_by(220, "200000").with(4, "000000000200");
    let mut terminal = house.terminal();
    for request in [&whole, &part, &refund] {
        assert_eq!(terminal.ask(request).field(39), "00");
        assert_eq!(terminal.ask(&request.repeated()).field(39), "00", "it stands");
    }
    assert_eq!(terminal.ask(&refund.followed_by(420, "200000")).answer(), (430, "00"));
    assert_eq!(
        terminal.ask(&whole.followed_by(420, "000000")).answer(),
        (430, "64"),
        "part of it was refunded"
    );
    let down = part.followed_by(420, "000000").with(95, &remaining(50));
    assert_eq!(terminal.ask(&down).answer(), (430, "00"));
    for is_after_restart in [false, true] {
        if is_after_restart {
            house.restart();
        }
        let mut terminal = house.terminal();
        assert_eq!(terminal.ask(&refund.repeated()).answer(), (230, "68"));
        assert_eq!(terminal.ask(&part.repeated()).answer(), (210, "68"), "it is no more what it says");
        assert_eq!(terminal.ask(&whole.repeated()).answer(), (210, "00"), "its reversal was refused");
    }
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 750, 0), (750, 0)));
}

/// Field 95: what is to remain.
fn remaining(amount: u64) -> String {
    format!("{amount:012}{:030}", 0)
}

#[test]
fn a_refund_is_not_taken_back_for_more_than_it_paid_by_whatever_amounts() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 100);
    let refund = purchase.followed_by(220, "200000");
    assert_eq!((terminal.ask(&purchase).field(39), terminal.ask(&refund).field(39)), ("00", "00"));
    let down_to = |amount| refund.followed_by(420, "200000").with(95, &remaining(amount));
    assert_eq!(terminal.ask(&down_to(60)).answer(), (430, "00"));
    assert_eq!(terminal.ask(&refund.followed_by(420, "200000")).answer(), (430, "64"));
    for amount in [1, 2, 3, 59, 61] {
        assert_eq!(terminal.ask(&down_to(amount)).answer(), (430, "64"));
    }
    assert_eq!(terminal.ask(&down_to(60).repeated()).answer(), (430, "00"), "the first, again");
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 40, 0), (40, 0)));
}

#[test]
fn what_came_back_in_part_does_not_come_back_again_down_to_another_amount() {
    let house = House::new();
    let mut terminal = house.terminal();
    let purchase = Request::of_card(200, CARD, "000000", 100);
    assert_eq!(terminal.ask(&purchase).field(39), "00");
    let down_to = |amount| purchase.followed_by(420, "000000").with(95, &remaining(amount));
    assert_eq!(terminal.ask(&down_to(101)).answer(), (430, "64"), "more than was paid");
    assert_eq!(terminal.ask(&down_to(100)).answer(), (430, "21"), "nothing is to come back");
    assert_eq!(terminal.ask(&down_to(60)).answer(), (430, "00"));
    assert_eq!(terminal.ask(&down_to(40)).answer(), (430, "64"));
    assert_eq!(terminal.ask(&purchase.followed_by(400, "000000")).answer(), (410, "64"));
    assert_eq!(terminal.ask(&down_to(60)).answer(), (430, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 60, 0), (60, 0)));
}

#[test]
fn reversals_of_one_payment_down_to_many_amounts_at_once_take_it_back_once() {
    let house = House::new();
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    let refund = Request::of_card(220, CARD, "200000", 1_000);
    assert_eq!(terminal.ask(&refund).field(39), "00");
    let all = (900..940).map(|amount| refund.followed_by(420, "200000").with(95, &remaining(amount)));
    all.for_each(|request| terminal.send(&request.bytes(&spec)));
    let answers: Vec<_> = (0..40).map(|_| terminal.hear(0).field(39).to_owned()).collect();
    assert_eq!(answers.iter().filter(|code| *code == "00").count(), 1, "{answers:?}");
    assert!(answers.iter().all(|code| matches!(code.as_str(), "00" | "64" | "91")), "{answers:?}");
    let back = LEFT + 1_000 - house.account(HOLDER).0;
    assert!((61..=100).contains(&back), "{back}");
}

#[test]
fn what_is_said_of_the_original_must_be_true_of_it() {
    let house = House::new();
    let mut terminal = house.terminal();
    let held = Request::of_card(100, CARD, "000000", 100);
    let paid = Request::of_card(200, CARD, "000000", 70);
    assert_eq!((terminal.ask(&held).field(39), terminal.ask(&paid).field(39)), ("00", "00"));
    for original in [&held, &paid] {
        let reversal = original.followed_by(420, "000000");
        for (field, text) in [(2, CARD_ON_BOOKS), (2, STRANGER), (4, "000000000099"), (49, "978")] {
            let other = reversal.clone().with(field, text);
            assert_eq!(terminal.ask(&other).answer(), (430, "25"), "field {field}: {text}");
        }
    }
    let cancellation = held.followed_by(100, "200000");
    assert_eq!(terminal.ask(&cancellation.clone().with(2, CARD_ON_BOOKS)).answer(), (110, "25"));
    assert_eq!(terminal.ask(&cancellation.with(4, "000000000101")).answer(), (110, "25"));
    assert_eq!(terminal.ask(&paid.followed_by(100, "200000")).answer(), (110, "12"), "no authorisation");
    assert_eq!(terminal.ask(&held.followed_by(220, "000000").with(2, CARD_ON_BOOKS)).answer(), (230, "25"));
    assert_eq!(terminal.ask(&paid.followed_by(220, "200000").with(2, CARD_ON_BOOKS)).answer(), (230, "25"));
    assert_eq!(house.account(HOLDER), (LEFT - 70, 100), "nothing has moved");
    // What is not said can't be wrong.
    for original in [&held, &paid] {
        let bare = original.followed_by(420, "000000").without(2).without(4).without(49);
        assert_eq!(terminal.ask(&bare).answer(), (430, "00"));
    }
    assert_eq!(house.account(HOLDER), (LEFT, 0));
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
fn a_reversal_that_was_refused_a_hundred_times_still_succeeds_when_it_can() {
    let mut house = House::new();
    let refund = Request::of_card(220, CARD, "200000", 500);
    assert_eq!(house.terminal().ask(&refund).field(39), "00");
    house.pay(0, HOLDER, ISSUER, FUNDS + 500);
    let reversal = refund.followed_by(420, "200000");
    let mut terminal = house.terminal();
    for _ in 0..100 {
        assert_eq!(terminal.ask(&reversal.repeated()).answer(), (430, "51"));
    }
    house.restart();
    house.pay(0, ISSUER, HOLDER, 400);
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&reversal).answer(), (430, "51"));
    let part = reversal.clone().with(95, &remaining(100));
    assert_eq!(terminal.ask(&part).answer(), (430, "00"), "so much there is");
    assert_eq!(terminal.ask(&reversal).answer(), (430, "64"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((0, 0), (-100, 0)));
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

#[test]
fn a_hold_that_was_posted_is_not_told_freed_when_its_time_is_over() {
    let options = ServerOptions { hold_timeout_s: 1, ..ServerOptions::default() };
    let house = House::with(vec![plain_link()], options);
    let mut terminal = house.terminal();
    let (posted, expired) =
        (Request::of_card(100, CARD, "000000", 100), Request::of_card(100, CARD, "000000", 40));
    assert_eq!((terminal.ask(&posted).field(39), terminal.ask(&expired).field(39)), ("00", "00"));
    assert_eq!(terminal.ask(&posted.followed_by(220, "000000").with(4, "000000000060")).field(39), "00");
    // Others' debits of the account to the same acquirer are not its post.
    assert_eq!(terminal.ask(&Request::of_card(200, CARD, "000000", 40)).field(39), "00");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    for _ in 0..2 {
        assert_eq!(terminal.ask(&posted.followed_by(420, "000000")).answer(), (430, "21"));
        assert_eq!(terminal.ask(&expired.followed_by(420, "000000")).answer(), (430, "00"));
    }
    assert_eq!(house.account(HOLDER), (LEFT - 100, 0));
}
