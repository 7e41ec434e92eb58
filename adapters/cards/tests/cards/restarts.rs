//! A restart between a message and what refers to it: all that is known then is in the journal.

use crate::house::{ACQUIRER, CARD, FUNDS, HOLDER, House, Request};

const LEFT: i128 = FUNDS as i128;

#[test]
fn i3_whatever_came_before_a_restart_is_known_after_it() {
    let mut house = House::new();
    let mut terminal = house.terminal();
    let (held, voided) =
        (Request::of_card(100, CARD, "000000", 100), Request::of_card(100, CARD, "000000", 10));
    let (paid, late) =
        (Request::of_card(200, CARD, "000000", 1_000), Request::of_card(200, CARD, "000000", 1));
    let approvals: Vec<_> =
        [&held, &voided, &paid].iter().map(|at| terminal.ask(at).field(38).to_owned()).collect();
    assert_eq!(terminal.ask(&late.followed_by(420, "000000")).answer(), (430, "25"));
    house.restart();
    let mut terminal = house.terminal();
    for (request, approval) in [&held, &voided, &paid].iter().zip(&approvals) {
        let again = terminal.ask(&request.repeated());
        assert_eq!((again.field(39), again.field(38)), ("00", approval.as_str()));
    }
    assert_eq!(terminal.ask(&late).answer(), (210, "68"), "its reversal came before the restart");
    assert_eq!(terminal.ask(&held.followed_by(220, "000000").with(4, "000000000060")).answer(), (230, "00"));
    assert_eq!(terminal.ask(&voided.followed_by(420, "000000")).answer(), (430, "00"));
    assert_eq!(terminal.ask(&paid.followed_by(420, "000000")).answer(), (430, "00"));
    house.restart();
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&paid.followed_by(420, "000000")).answer(), (430, "00"), "once for all");
    assert_eq!(terminal.ask(&paid.clone().with(4, "000000001001")).answer(), (210, "94"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 60, 0), (60, 0)));
}

#[test]
fn i1_an_orderly_stop_answers_what_it_has_taken_and_the_rest_may_be_repeated() {
    let mut house = House::new();
    let mut terminal = house.terminal();
    let requests: Vec<_> = (0..300).map(|_| Request::of_card(100, CARD, "000000", 1)).collect();
    let spec = terminal.spec();
    requests.iter().for_each(|request| terminal.send(&request.bytes(&spec)));
    house.restart();
    let mut answered = 0;
    while let Some(frame) = terminal.receive() {
        let answer = feiqian_iso8583::Message::decode(&spec, &frame).expect("a message");
        assert_eq!(answer.response_code(), Some(*b"00"));
        answered += 1;
    }
    let reserved = house.account(HOLDER).1;
    assert_eq!(reserved, answered, "what was held was answered");
    let mut terminal = house.terminal();
    assert!(requests.iter().all(|request| terminal.ask(&request.repeated()).field(39) == "00"));
    assert_eq!(house.account(HOLDER), (LEFT, 300), "each once");
}

#[test]
fn another_time_out_in_the_configuration_makes_no_other_request_of_a_repetition() {
    let mut house = House::new();
    let held = Request::of_card(100, CARD, "000000", 100);
    assert_eq!(house.terminal().ask(&held).field(39), "00");
    house.set_hold_timeout(60);
    house.restart();
    assert_eq!(house.terminal().ask(&held.repeated()).field(39), "00");
    assert_eq!(house.account(HOLDER), (LEFT, 100));
}
