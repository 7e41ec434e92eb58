//! What breaks a rule ends its own session with a clear word, and disturbs nothing else.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use feiqian_cards::ServerOptions;

use crate::house::{CARD, House, Request, plain_link};

#[test]
fn bytes_that_are_no_message_end_their_session_alone() {
    let house = House::new();
    let mut neighbour = house.terminal();
    let rows: [(&[u8], &str); 8] = [
        (b"\x00\x00", "announces an empty message"),
        (b"\xFF\xFF", "announces 65535 bytes"),
        (b"\x00\x04\x00\x00\x00\x00", "MTI"),
        (b"\x00\x04XXXX", "MTI"),
        (b"\x00\x060200\xFF\xFF", "truncated"),
        (b"\x00\x0C0200\x00\x00\x00\x00\x00\x00\x00\x00", ""),
        (b"\x00\x0D0200\x00\x00\x00\x00\x00\x00\x00\x00\x00", "trailing"),
        (b"\x00\x0F0200\x40\x00\x00\x00\x00\x00\x00\x0099\x31", "field 2: length 99"),
    ];
    for (bytes, words) in rows {
        let mut raw = house.terminal();
        raw.stream.write_all(bytes).expect("sent");
        if words.is_empty() {
            assert_eq!(raw.hear(0).answer(), (210, "30"), "a message without fields");
            continue;
        }
        let mut rest = Vec::new();
        raw.stream.read_to_end(&mut rest).expect("closed in order");
        assert!(rest.is_empty(), "nothing is owed");
        let fault = house.fault();
        assert!(fault.contains(words), "{words:?}: {fault}");
        assert_eq!(neighbour.ask(&Request::of_card(100, CARD, "000000", 1)).field(39), "00");
    }
}

#[test]
fn what_was_sent_before_a_broken_frame_is_answered_before_the_end() {
    let house = House::new();
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    for _ in 0..20 {
        terminal.send(&Request::of_card(100, CARD, "000000", 1).bytes(&spec));
    }
    terminal.stream.write_all(b"\x00\x00").expect("sent");
    for _ in 0..20 {
        assert_eq!(terminal.hear(0).field(39), "00");
    }
    assert!(terminal.receive().is_none(), "and then closed");
}

#[test]
fn a_frame_byte_by_byte_is_a_frame_and_half_of_one_is_told() {
    let house = House::new();
    let mut terminal = house.terminal();
    let bytes = Request::of_card(100, CARD, "000000", 1).bytes(&terminal.spec());
    let length = u16::try_from(bytes.len()).expect("short").to_be_bytes();
    for byte in length.iter().chain(&bytes) {
        terminal.stream.write_all(&[*byte]).expect("sent");
    }
    assert_eq!(terminal.hear(0).field(39), "00");
    terminal.stream.write_all(&length).expect("sent");
    terminal.stream.shutdown(std::net::Shutdown::Write).expect("ended");
    assert!(terminal.receive().is_none());
    assert!(house.fault().contains("ended within a frame"));
}

#[test]
fn who_says_nothing_or_too_many_hold_no_place() {
    let options = ServerOptions {
        sessions_max: 1,
        login_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(200),
        ..ServerOptions::default()
    };
    let house = House::with(vec![plain_link()], options);
    let mut silent = house.terminal();
    assert!(silent.receive().is_none());
    assert!(house.fault().contains("no message within 50ms"));
    let mut served = house.terminal();
    assert_eq!(served.ask(&Request::of_card(100, CARD, "000000", 1)).field(39), "00");
    assert!(house.terminal().receive().is_none(), "one too many");
    assert!(house.fault().contains("too many sessions"));
    assert!(served.receive().is_none());
    assert!(house.fault().contains("no message within 200ms"));
}

#[test]
fn who_sends_more_than_may_be_in_flight_is_read_no_further_and_loses_nothing() {
    let options = ServerOptions { requests_in_flight_max: 2, ..ServerOptions::default() };
    let house = House::with(vec![plain_link()], options);
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    for _ in 0..50 {
        terminal.send(&Request::of_card(100, CARD, "000000", 1).bytes(&spec));
    }
    for _ in 0..50 {
        assert_eq!(terminal.hear(0).field(39), "00");
    }
}

#[test]
fn responses_and_notifications_are_owed_no_answer() {
    let house = House::new();
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    for mti in [810, 210, 240, 430] {
        terminal.send(&Request::of_card(mti, CARD, "000000", 1).with(39, "00").bytes(&spec));
    }
    assert_eq!(terminal.ask(&Request::new(800).with(70, "301")).answer(), (810, "00"));
}
