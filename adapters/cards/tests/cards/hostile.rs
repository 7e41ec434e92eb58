//! What breaks a rule ends its own session with a clear word, and disturbs nothing else.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use feiqian_cards::ServerOptions;

use feiqian_runtime::options::EngineOptions;

use crate::house::{ACQUIRER, CARD, FUNDS, HOLDER, House, ISSUER, OTHER_ACQUIRER, Request, plain_link};

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
fn bytes_that_trickle_in_gain_no_time() {
    let options = ServerOptions { idle_timeout: Duration::from_millis(300), ..ServerOptions::default() };
    let house = House::with(vec![plain_link()], options);
    let mut terminal = house.terminal();
    assert_eq!(terminal.ask(&Request::new(800).with(70, "301")).field(39), "00");
    let begun = std::time::Instant::now();
    // Until the port closes; a byte each 20 ms would be enough for a server that counts from the last one.
    while terminal.stream.write_all(b"\x01").is_ok() && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(house.fault().contains("no message within 300ms"));
    assert!(begun.elapsed() < Duration::from_secs(5), "it was cut off");
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
fn i6_what_the_engine_has_no_room_for_is_refused_at_once_and_may_be_sent_again() {
    let bound = |options: &mut EngineOptions| options.participant_in_flight_transfers_max = 2;
    let house = House::with_engine(vec![plain_link()], ServerOptions::default(), bound);
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    let requests: Vec<_> = (0..100).map(|_| Request::of_card(100, CARD, "000000", 1)).collect();
    requests.iter().for_each(|request| terminal.send(&request.bytes(&spec)));
    let answers: Vec<_> = requests.iter().map(|_| terminal.hear(0)).collect();
    assert!(answers.iter().all(|answer| matches!(answer.field(39), "00" | "91")));
    let held = answers.iter().filter(|answer| answer.field(39) == "00").count();
    assert!(held < 100, "there was room for two at a time");
    assert_eq!(house.account(HOLDER).1, held as u64);
    for request in &requests {
        assert_eq!(terminal.ask(&request.repeated()).field(39), "00");
    }
    assert_eq!(house.account(HOLDER).1, 100);
}

/// Splitmix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        usize::try_from((mixed ^ (mixed >> 27)) % bound as u64).expect("below a usize")
    }
}

/// What answers say has moved and is held: those that grant, each request once.
#[derive(Default)]
struct Told {
    heard: BTreeSet<[String; 3]>,
    /// Minor units that the cardholder has paid, less what came back.
    paid: i128,
    held: u64,
}

impl Told {
    fn hear(&mut self, answer: &feiqian_iso8583::Message<'_>) {
        let text = |number| answer.field(number).map(|field| field.text()).unwrap_or_default();
        let name = [answer.mti().to_string(), text(7), text(11)];
        if text(39) != "00" || !self.heard.insert(name) {
            return;
        }
        let amount: u64 = text(4).parse().expect("an amount was granted");
        let is_credit = matches!(&text(3)[..2], "20" | "26");
        match answer.mti().number() {
            110 | 130 => self.held += amount,
            210 | 230 if is_credit => self.paid -= i128::from(amount),
            210 | 230 => self.paid += i128::from(amount),
            other => panic!("{other:04} moves nothing"),
        }
    }
}

#[test]
fn altered_messages_are_answered_or_end_their_session_and_move_no_money_that_is_not_there() {
    const SEED: u64 = 0x8583;
    let house = House::new();
    let mut numbers = Numbers(SEED);
    let (mut neighbour, mut terminal) = (house.terminal(), house.terminal());
    let spec = terminal.spec();
    let mut told = Told::default();
    for turn in 0..1_500 {
        let mut bytes = Request::of_card(200, CARD, "000000", 1).bytes(&spec);
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(bytes.len());
            match numbers.below(3) {
                0 => bytes[at] ^= 1 << numbers.below(8),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, b'0'),
            }
        }
        terminal.send(&bytes);
        // Behind it something that is always answered, where the session goes on.
        let echo = Request::new(800).with(70, "301").bytes(&spec);
        let frame = [&u16::try_from(echo.len()).expect("short").to_be_bytes()[..], &echo].concat();
        let _ = terminal.stream.write_all(&frame);
        loop {
            let Some(frame) = terminal.receive() else {
                terminal = house.terminal();
                break;
            };
            let answer = feiqian_iso8583::Message::decode(&spec, &frame).expect("our own is good");
            if answer.mti().number() == 810 {
                break;
            }
            told.hear(&answer);
        }
        if turn % 100 == 0 {
            let answer = neighbour.ask(&Request::of_card(100, CARD, "000000", 1));
            assert_eq!(answer.field(39), "00", "seed {SEED}, turn {turn}");
            told.held += 1;
        }
    }
    let all = [ISSUER, HOLDER, ACQUIRER, OTHER_ACQUIRER].map(|account| house.account(account));
    let funds = i128::from(FUNDS);
    let expected = [(-funds, 0), (funds - told.paid, told.held), (told.paid, 0), (0, 0)];
    assert_eq!(all, expected, "seed {SEED}");
    assert!(told.heard.len() > 40, "a good part was payable: {}", told.heard.len());
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
