//! Reversals of a part of an authorisation: the hold goes on with what is to remain.

use crate::house::{ACQUIRER, CARD, FUNDS, HOLDER, House, Request, plain_link};
use feiqian_cards::ServerOptions;

const LEFT: i128 = FUNDS as i128;

/// A reversal of an authorisation of which so much is to remain.
fn down_to(authorisation: &Request, mti: u16, amount: u64) -> Request {
    authorisation.followed_by(mti, "000000").with(95, &format!("{amount:012}{:030}", 0))
}

fn authorised(house: &House, amount: u64) -> Request {
    let authorisation = Request::of_card(100, CARD, "000000", amount);
    assert_eq!(house.terminal().ask(&authorisation).answer(), (110, "00"));
    authorisation
}

#[test]
fn a_part_that_is_reversed_is_freed_and_a_completion_is_bounded_by_what_remains() {
    let house = House::new();
    let mut terminal = house.terminal();
    let held = authorised(&house, 500);
    let partial = down_to(&held, 420, 300);
    for request in [partial.clone(), partial.repeated(), down_to(&held, 400, 300)] {
        assert_eq!(terminal.ask(&request).field(39), "00");
        assert_eq!(house.account(HOLDER), (LEFT, 300));
    }
    assert_eq!(terminal.ask(&held.repeated()).answer(), (110, "68"), "it is no more what it says");
    let completed = |amount: &str| held.followed_by(220, "000000").with(4, amount);
    assert_eq!(terminal.ask(&completed("000000000301")).answer(), (230, "64"));
    assert_eq!(terminal.ask(&completed("000000000250")).answer(), (230, "00"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 250, 0), (250, 0)));
    for request in [&partial.repeated(), &down_to(&held, 420, 300)] {
        assert_eq!(terminal.ask(request).field(39), "00", "as it was answered then");
    }
    for remains in [200, 100] {
        let late = down_to(&held, 420, remains);
        assert_eq!(terminal.ask(&late).answer(), (430, "21"), "the completion is to be reversed");
    }
    assert_eq!(terminal.ask(&held.followed_by(420, "000000")).answer(), (430, "21"));
    assert_eq!(terminal.ask(&partial.repeated()).answer(), (430, "00"), "behind those too");
    assert_eq!(terminal.ask(&held.repeated()).answer(), (110, "68"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 250, 0), (250, 0)));
}

#[test]
fn a_hold_is_reduced_again_and_again_but_never_raised() {
    let mut house = House::new();
    let held = authorised(&house, 500);
    let mut terminal = house.terminal();
    let mut ask = |remains: u64| terminal.ask(&down_to(&held, 420, remains)).field(39).to_owned();
    assert_eq!((ask(501), ask(500)), ("64".to_owned(), "21".to_owned()), "more than all, and all");
    assert_eq!(
        (ask(400), ask(450), ask(100), ask(300)),
        ("00".into(), "64".into(), "00".into(), "64".into())
    );
    assert_eq!(house.account(HOLDER), (LEFT, 100));
    house.restart();
    let mut terminal = house.terminal();
    for (remains, code) in [(400, "00"), (100, "00"), (450, "64"), (300, "64")] {
        let repeated = down_to(&held, 421, remains);
        assert_eq!(terminal.ask(&repeated).answer(), (430, code), "{remains}, answered as before");
    }
    assert_eq!(house.account(HOLDER), (LEFT, 100));
    assert_eq!(terminal.ask(&held.followed_by(420, "000000")).answer(), (430, "00"), "all that remained");
    assert_eq!(house.account(HOLDER), (LEFT, 0));
    for (remains, code) in [(0, "00"), (100, "00"), (50, "64")] {
        assert_eq!(terminal.ask(&down_to(&held, 420, remains)).answer(), (430, code), "{remains}");
    }
    assert_eq!(terminal.ask(&held.followed_by(220, "000000").with(4, "000000000100")).field(39), "25");
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT, 0), (0, 0)));
}

#[test]
fn a_reduced_hold_is_cancelled_and_ends_by_its_first_time() {
    let options = ServerOptions { hold_timeout_s: 1, ..ServerOptions::default() };
    let house = House::with(vec![plain_link()], options);
    let mut terminal = house.terminal();
    let (cancelled, expired) = (authorised(&house, 70), authorised(&house, 90));
    for held in [&cancelled, &expired] {
        assert_eq!(terminal.ask(&down_to(held, 420, 50)).answer(), (430, "00"));
    }
    assert_eq!(terminal.ask(&cancelled.followed_by(100, "200000")).answer(), (110, "00"));
    assert_eq!(house.account(HOLDER), (LEFT, 50));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(terminal.ask(&expired.followed_by(220, "000000").with(4, "000000000050")).field(39), "25");
    assert_eq!(terminal.ask(&down_to(&expired, 420, 20)).answer(), (430, "00"), "nothing is held");
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}

#[test]
fn a_partial_reversal_before_its_original_refuses_the_late_original() {
    let house = House::new();
    let mut terminal = house.terminal();
    let held = Request::of_card(100, CARD, "000000", 500);
    assert_eq!(terminal.ask(&down_to(&held, 420, 300)).answer(), (430, "25"));
    assert_eq!(terminal.ask(&held).answer(), (110, "68"));
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}

#[test]
fn reductions_of_one_hold_at_once_leave_the_least_of_those_that_were_granted() {
    let house = House::new();
    let held = authorised(&house, 1_000);
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    let amounts: Vec<u64> = (0..30).map(|at| 900 - at * 7 % 30 * 10).collect();
    amounts.iter().for_each(|amount| terminal.send(&down_to(&held, 420, *amount).bytes(&spec)));
    let answers: Vec<_> = amounts.iter().map(|_| terminal.hear(0)).collect();
    let by_trace = |code: &str| answers.iter().filter(|at| at.field(39) == code).count();
    assert_eq!(by_trace("00") + by_trace("64") + by_trace("91"), 30, "nothing else is answered");
    let reserved = house.account(HOLDER).1;
    assert!(by_trace("00") >= 1 && amounts.contains(&reserved), "{reserved}");
    // Whatever was granted is not below what is held now, and the least of all was granted or may be asked for again.
    let least = *amounts.iter().min().expect("some");
    assert_eq!(terminal.ask(&down_to(&held, 421, least)).answer(), (430, "00"));
    assert_eq!(house.account(HOLDER), (LEFT, least));
}
