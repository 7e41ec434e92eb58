//! Business days: cut-overs, totals of the days that they part, and messages of a day that has ended.

use feiqian_cards::{Link, ServerOptions};
use feiqian_core::calendar::Date;

use crate::house::{CARD, House, Request, plain_link};

/// MMDD of the UTC day so many days from now.
fn date(ahead: i32) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let day = i32::try_from(now.as_secs() / 86_400).expect("days");
    let date = Date::of_days(day + ahead).expect("a date");
    format!("{:02}{:02}", date.month, date.day)
}

fn cut_over(mti: u16, day: &str) -> Request {
    Request::new(mti).with(70, "201").with(15, day)
}

/// Numbers and amounts of debits, their reversals, and of credits, of a day.
fn totals(house: &House, day: Option<&str>) -> [u64; 6] {
    let question = Request::new(500).with(50, "156");
    let question = day.map_or(question.clone(), |day| question.with(15, day));
    let answer = house.terminal().ask(&question);
    assert_eq!(answer.field(39), "00");
    [76, 88, 77, 89, 74, 86].map(|field| answer.field(field).parse().expect("digits"))
}

fn bought(amount: u64) -> Request {
    Request::of_card(200, CARD, "000000", amount)
}

#[test]
fn totals_begin_anew_at_a_cut_over_and_late_messages_are_of_their_own_day() {
    let mut house = House::new();
    let (today, next) = (date(0), date(1));
    let mut terminal = house.terminal();
    let early = bought(700);
    let held = Request::of_card(100, CARD, "000000", 40);
    for request in [&early, &bought(300), &held] {
        assert_eq!(terminal.ask(request).field(39), "00");
    }
    assert_eq!(totals(&house, None), [2, 1_000, 0, 0, 0, 0]);
    assert_eq!(terminal.ask(&cut_over(800, &next)).answer(), (810, "00"));
    assert_eq!(totals(&house, None), [0; 6], "a new day");
    assert_eq!(totals(&house, Some(&today)), [2, 1_000, 0, 0, 0, 0]);
    // Of the new day by arrival, of the old one by what they say.
    assert_eq!(terminal.ask(&bought(50)).field(39), "00");
    assert_eq!(terminal.ask(&bought(7).with(15, &today)).field(39), "00");
    assert_eq!(terminal.ask(&bought(9).with(15, &next)).field(39), "00");
    assert_eq!(terminal.ask(&held.followed_by(220, "000000").with(15, &today)).field(39), "00");
    let reversal = early.followed_by(420, "000000").with(15, &today);
    assert_eq!(terminal.ask(&reversal).field(39), "00");
    let refund = Request::of_card(220, CARD, "200000", 5).with(15, &today);
    assert_eq!(terminal.ask(&refund).field(39), "00");
    // A repetition behind the cut-over is no payment of the new day, whatever it says.
    let again = bought(50).with(15, &today);
    assert_eq!(terminal.ask(&again).field(39), "00");
    for repeated in [again.repeated(), again.repeated().without(15), again.repeated().with(15, &next)] {
        assert_eq!(terminal.ask(&repeated).answer(), (210, "00"));
    }
    for is_after_restart in [false, true] {
        if is_after_restart {
            house.restart();
        }
        assert_eq!(totals(&house, Some(&today)), [5, 1_000 + 7 + 40 + 50, 1, 700, 1, 5]);
        assert_eq!(totals(&house, Some(&next)), [2, 59, 0, 0, 0, 0]);
        assert_eq!(totals(&house, None), [2, 59, 0, 0, 0, 0]);
        assert_eq!(totals(&house, Some(&date(-1))), [0; 6]);
    }
}

#[test]
fn a_cut_over_counts_once_however_often_and_by_whichever_message_it_comes() {
    let mut house = House::new();
    let (next, after) = (date(1), date(2));
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&bought(10)).field(39), "00");
    let first = cut_over(800, &next);
    assert_eq!(terminal.ask(&first).answer(), (810, "00"));
    assert_eq!(terminal.ask(&bought(20)).field(39), "00");
    for again in [first.repeated(), cut_over(820, &next), cut_over(800, &next).with(70, "202")] {
        assert_eq!(terminal.ask(&again).field(39), "00");
    }
    house.restart();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&first.repeated()).answer(), (810, "00"));
    assert_eq!(totals(&house, Some(&next)), [1, 20, 0, 0, 0, 0]);
    assert_eq!(terminal.ask(&cut_over(820, &after)).answer(), (830, "00"));
    assert_eq!(terminal.ask(&bought(30)).field(39), "00");
    assert_eq!(terminal.ask(&cut_over(800, &next)).answer(), (810, "12"), "no day begins behind a later one");
    assert_eq!(terminal.ask(&first.repeated()).answer(), (810, "12"));
    for (day, amount) in [(date(0), 10), (next, 20), (after, 30)] {
        assert_eq!(totals(&house, Some(&day)), [1, amount, 0, 0, 0, 0], "{day}");
    }
}

#[test]
fn a_cut_over_is_of_an_institution_or_of_all_of_a_link_and_of_a_day_that_is_near() {
    let mut house = House::new();
    let mut terminal = house.terminal();
    for (day, code) in [(date(8), "30"), (date(-2), "30"), ("1399".into(), "30"), (date(7), "00")] {
        assert_eq!(terminal.ask(&cut_over(800, &day)).answer(), (810, code), "{day}");
    }
    let other = cut_over(800, &date(1)).with(32, "99999");
    assert_eq!(terminal.ask(&other).answer(), (810, "92"));
    house = House::new();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&bought(10)).field(39), "00");
    // UnionPay's says neither day nor acquirer.
    let bare = Request::new(820).with(70, "201").without(32);
    assert_eq!(terminal.ask(&bare).answer(), (830, "00"));
    assert_eq!(terminal.ask(&bare.repeated()).answer(), (830, "00"));
    assert_eq!(totals(&house, None), [0; 6]);
    let house = House::with(vec![Link { needs_sign_on: true, ..plain_link() }], ServerOptions::default());
    assert_eq!(house.terminal().ask(&cut_over(800, &date(1))).answer(), (810, "91"), "before a sign-on");
}
