//! Partial reversals as the edition of 1993 has them: function code 401, field 4 with what remains and field 30 with what it was.

use feiqian_cards::{Envelope, ServerOptions};
use feiqian_iso8583::framing::LengthHeader;

use crate::house::{ACQUIRER, CARD, FUNDS, HOLDER, House, INSTITUTION, Request, Terminal};
use crate::links::link;

const LEFT: i128 = FUNDS as i128;
const TIME: &str = "261127101112";

fn opened() -> House {
    let links = vec![link("1993", LengthHeader::Ascii4, Envelope::Bare, "generic-1993")];
    House::with(links, ServerOptions::default())
}

fn by_card(mti: u16, amount: u64) -> Request {
    Request::of_card(mti, CARD, "000000", amount).with(12, TIME)
}

/// A message that refers to another, with so much in field 4.
fn following(of: &Request, mti: u16, amount: u64) -> Request {
    let elements = format!("{:04}{}{TIME}{:02}{INSTITUTION}", of.mti, of.field(11), INSTITUTION.len());
    by_card(mti, amount).with(56, &elements)
}

/// A reversal down to an amount.
fn down_to(of: &Request, mti: u16, remains: u64) -> Request {
    let original: u64 = of.field(4).parse().expect("an amount");
    following(of, mti, remains).with(24, "401").with(30, &format!("{original:012}{:012}", 0))
}

fn authorised(terminal: &mut Terminal, amount: u64) -> Request {
    let held = by_card(1_100, amount);
    assert_eq!(terminal.ask(&held).answer(), (1_110, "000"));
    held
}

#[test]
fn a_part_that_is_reversed_is_freed_and_a_completion_is_bounded_by_what_remains() {
    let mut house = opened();
    let mut terminal = house.terminal_on("1993");
    let held = authorised(&mut terminal, 500);
    let partial = down_to(&held, 1_420, 300);
    for request in [partial.clone(), partial.repeated(), down_to(&held, 1_400, 300)] {
        assert_eq!(terminal.ask(&request).field(39), "400");
        assert_eq!(house.account(HOLDER), (LEFT, 300));
    }
    house.restart();
    let mut terminal = house.terminal_on("1993");
    assert_eq!(terminal.ask(&partial.repeated()).answer(), (1_430, "400"));
    assert_eq!(terminal.ask(&down_to(&held, 1_420, 400)).answer(), (1_430, "110"), "never raised");
    assert_eq!(terminal.ask(&down_to(&held, 1_420, 500)).answer(), (1_430, "902"), "all of it remains");
    assert_eq!(terminal.ask(&down_to(&held, 1_420, 501)).answer(), (1_430, "110"), "more than it was");
    assert_eq!(terminal.ask(&following(&held, 1_220, 301)).answer(), (1_230, "110"));
    assert_eq!(terminal.ask(&following(&held, 1_220, 250)).answer(), (1_230, "000"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 250, 0), (250, 0)));
    assert_eq!(terminal.ask(&down_to(&held, 1_420, 100)).answer(), (1_430, "902"), "reverse the completion");
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 250, 0), (250, 0)));
}

#[test]
fn a_payment_is_taken_back_in_part_once() {
    let house = opened();
    let mut terminal = house.terminal_on("1993");
    let paid = by_card(1_200, 500);
    assert_eq!(terminal.ask(&paid).answer(), (1_210, "000"));
    let partial = down_to(&paid, 1_420, 120);
    for request in [&partial, &partial.repeated(), &down_to(&paid, 1_400, 120)] {
        assert_eq!(terminal.ask(request).field(39), "400");
        assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 120, 0), (120, 0)));
    }
    assert_eq!(terminal.ask(&down_to(&paid, 1_420, 100)).answer(), (1_430, "110"), "the first stands");
    let full = following(&paid, 1_420, 500).with(24, "400");
    assert_eq!(terminal.ask(&full).answer(), (1_430, "110"));
    assert_eq!((house.account(HOLDER), house.account(ACQUIRER)), ((LEFT - 120, 0), (120, 0)));
}

#[test]
fn function_code_400_reverses_all_and_so_does_401_of_which_nothing_remains() {
    let house = opened();
    let mut terminal = house.terminal_on("1993");
    let all = |of: &Request| following(of, 1_420, 70).with(24, "400");
    let none_remains = |of: &Request| down_to(of, 1_420, 0);
    for reversal in [all as fn(&Request) -> Request, none_remains] {
        let held = authorised(&mut terminal, 70);
        assert_eq!(terminal.ask(&reversal(&held)).answer(), (1_430, "400"));
        assert_eq!(house.account(HOLDER), (LEFT, 0));
    }
}

#[test]
fn what_a_partial_reversal_says_of_its_original_must_be_there_and_true() {
    let house = opened();
    let mut terminal = house.terminal_on("1993");
    let held = authorised(&mut terminal, 500);
    let partial = down_to(&held, 1_420, 300);
    let rows = [
        (partial.clone().without(30), "904"),
        (partial.clone().without(4), "904"),
        (partial.clone().with(30, &format!("{:012}{:012}", 501, 0)), "914"),
        (partial.clone().with(30, &format!("{:012}{:012}", 300, 500)), "914"),
        (partial.clone().without(49), "115"),
        (partial.clone().with(24, "400"), "914"),
        (following(&held, 1_420, 300), "914"),
    ];
    for (at, (request, code)) in rows.iter().enumerate() {
        assert_eq!(terminal.ask(request).answer(), (1_430, *code), "row {at}");
        assert_eq!(house.account(HOLDER), (LEFT, 500), "row {at}");
    }
    assert_eq!(terminal.ask(&partial).answer(), (1_430, "400"));
    assert_eq!(house.account(HOLDER), (LEFT, 300));
}

#[test]
fn a_partial_reversal_before_its_original_refuses_the_late_original() {
    let house = opened();
    let mut terminal = house.terminal_on("1993");
    let held = by_card(1_100, 500);
    assert_eq!(terminal.ask(&down_to(&held, 1_420, 300)).answer(), (1_430, "914"));
    assert_eq!(terminal.ask(&held).answer(), (1_110, "913"));
    assert_eq!(house.account(HOLDER), (LEFT, 0));
}
