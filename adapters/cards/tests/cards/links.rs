//! How links differ: framings, field tables, message authentication, sign-on.

use std::sync::Arc;

use feiqian_cards::{Algorithm, Envelope, Framing, Institution, Link, MacKeys, ServerOptions};
use feiqian_iso8583::framing::{InterchangeHeader, LengthHeader};
use feiqian_iso8583::{Message, Spec, mac};

use feiqian_tests::world::bic;

use crate::house::{
    CARD, CARD_ON_BOOKS, FUNDS, HOLDER, House, INSTITUTION, OTHER_ACQUIRER, Request, plain_link,
};

/// TEST KEYS.
const KEY: [u8; 16] = *b"TEST KEY: a MAC!";
const EXCHANGE: [u8; 16] = *b"TEST KEY: KEK 01";
const NEXT: [u8; 16] = *b"TEST KEY: next 1";

fn table(name: &str) -> Arc<Spec> {
    Arc::new(Spec::built_in(name).expect("built in").clone())
}

pub(crate) fn link(name: &str, length: LengthHeader, envelope: Envelope, spec: &str) -> Link {
    let framing = Framing { length, envelope };
    Link { name: name.to_owned(), framing, spec: table(spec), ..plain_link() }
}

#[test]
fn every_framing_carries_a_purchase_and_its_answer_goes_the_way_back() {
    let header = InterchangeHeader {
        flag_version: 2,
        total_length: 0,
        destination: *b"00010344   ",
        source: *b"1050000    ",
        reserved: [0; 3],
        batch: 1,
        transaction: *b"12345678",
        user: 0,
        reject_code: *b"00000",
    };
    let tpdu = [0x60, 0, 3, 0, 9];
    let terminal_header = [0x60, 0x31, 0, 0x31, 0x10, 0x20];
    let rows = [
        (LengthHeader::Binary2, Envelope::Bare, "generic-1987", vec![]),
        (LengthHeader::Binary4, Envelope::Bare, "unionpay", vec![]),
        (LengthHeader::Ascii4, Envelope::Bare, "generic-1987", vec![]),
        (LengthHeader::Binary2, Envelope::Tpdu, "unionpay", tpdu.to_vec()),
        (
            LengthHeader::Binary2,
            Envelope::Terminal,
            "unionpay-terminal",
            [&tpdu[..], &terminal_header].concat(),
        ),
        (LengthHeader::Ascii4, Envelope::Interchange, "unionpay", vec![]),
    ];
    let links = rows.iter().zip(0..).map(|((length, envelope, spec, _), number)| {
        link(&format!("link {number}"), *length, *envelope, spec)
    });
    let house = House::with(links.collect(), ServerOptions::default());
    for ((_, envelope, spec, front), number) in rows.iter().zip(0..) {
        let mut terminal = house.terminal_on(&format!("link {number}"));
        let request = Request::of_card(200, CARD, "000000", 10 + number).with(60, "22000001001");
        let message = request.bytes(&table(spec));
        let front = match envelope {
            Envelope::Interchange => {
                let total_length = u16::try_from(46 + message.len()).expect("short");
                InterchangeHeader { total_length, ..header }.to_bytes()
            }
            _ => front.clone(),
        };
        terminal.send(&[&front[..], &message].concat());
        let answer = terminal.hear(front.len());
        assert_eq!((answer.answer(), answer.field(11)), ((210, "00"), request.field(11)), "{envelope:?}");
        match envelope {
            Envelope::Bare => {}
            Envelope::Interchange => {
                let (back, _) = InterchangeHeader::split(&answer.frame).expect("a header");
                assert_eq!((back.destination, back.source), (header.source, header.destination));
                assert!(
                    back.check_length(answer.frame.len()).is_ok() && back.transaction == header.transaction
                );
            }
            Envelope::Tpdu | Envelope::Terminal => {
                assert_eq!(answer.frame[..5], [0x60, 0, 9, 0, 3]);
                assert_eq!(answer.frame[5..front.len()], front[5..]);
            }
        }
    }
}

#[test]
fn terminals_reverse_and_complete_by_batch_and_trace_number() {
    let spec = "unionpay-terminal";
    let terminals = link("pos", LengthHeader::Binary2, Envelope::Terminal, spec);
    let house = House::with(vec![terminals], ServerOptions::default());
    let mut terminal = house.terminal_on("pos");
    let front = [0x60, 0, 3, 0, 0, 0x60, 0x31, 0, 0x31, 0x10, 0x20];
    let mut ask = |request: &Request| {
        terminal.send(&[&front[..], &request.bytes(&table(spec))].concat());
        terminal.hear(front.len()).field(39).to_owned()
    };
    // Terminals tell neither time nor acquirer.
    let of = |mti, code: &str, kind: &str| {
        Request::of_card(mti, CARD, code, 100).without(7).without(32).with(60, &format!("{kind}000001000"))
    };
    let purchase = of(200, "000000", "22");
    assert_eq!(ask(&purchase), "00");
    let reversal = of(400, "000000", "22").with(11, purchase.field(11));
    assert_eq!((ask(&reversal), ask(&reversal)), ("00".to_owned(), "00".to_owned()));
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS), 0));
    let held = of(100, "030000", "10").with(25, "06");
    assert_eq!(ask(&held), "00");
    let original = format!("000001{}1127", held.field(11));
    let completion = of(200, "000000", "20").with(25, "06").with(61, &original);
    assert_eq!(ask(&completion), "00");
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS) - 100, 0));
}

#[test]
fn a_batch_number_that_comes_again_takes_back_and_repeats_nobody_elses_payment() {
    let spec = "unionpay-terminal";
    let house = House::with(
        vec![link("pos", LengthHeader::Binary2, Envelope::Terminal, spec)],
        ServerOptions::default(),
    );
    let mut terminal = house.terminal_on("pos");
    let front = [0x60, 0, 3, 0, 0, 0x60, 0x31, 0, 0x31, 0x10, 0x20];
    let mut ask = |request: &Request| {
        terminal.send(&[&front[..], &request.bytes(&table(spec))].concat());
        terminal.hear(front.len()).field(39).to_owned()
    };
    let of = |mti, code: &str| {
        Request::of_card(mti, CARD, code, 100).without(7).without(32).with(60, "22000001000")
    };
    // Without a date the name is the same again: what is said of the payment tells them apart.
    let sale = of(200, "000000");
    assert_eq!(ask(&sale), "00");
    let reversal = of(400, "000000").with(11, sale.field(11));
    for (field, text) in [(2, CARD_ON_BOOKS), (4, "000000000101"), (49, "978"), (3, "200000")] {
        assert_eq!(ask(&reversal.clone().with(field, text)), "25", "field {field}");
    }
    for field in [2, 3, 4, 49] {
        assert_eq!(ask(&reversal.clone().without(field)), "30", "field {field}");
    }
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS) - 100, 0));
    assert_eq!(ask(&reversal), "00");
    // With one, another day's is another payment.
    let dated = |date: &str| of(200, "000000").with(11, sale.field(11)).with(13, date);
    assert_eq!(
        (ask(&dated("0105")), ask(&dated("0106")), ask(&dated("0106"))),
        ("00".into(), "00".into(), "00".into())
    );
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS) - 200, 0));
    let refund = |digits: &str| of(220, "200000").with(13, "0107").with(61, digits);
    let stan = sale.field(11);
    assert_eq!(ask(&refund(&format!("000001{stan}"))), "30", "the original's date is missing");
    assert_eq!(ask(&refund(&format!("000001{stan}0104"))), "25");
    assert_eq!(ask(&refund(&format!("000001{stan}0105"))), "00");
    assert_eq!(ask(&reversal.clone().with(13, "0106")), "00");
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS), 0));
}

#[test]
fn the_edition_of_1993_has_action_codes_and_field_56() {
    let house = House::with(
        vec![link("1993", LengthHeader::Ascii4, Envelope::Bare, "generic-1993")],
        ServerOptions::default(),
    );
    let mut terminal = house.terminal_on("1993");
    let purchase = Request::of_card(1_200, CARD, "000000", 100).with(12, "261127101112");
    assert_eq!(terminal.ask(&purchase).answer(), (1_210, "000"));
    let elements = format!("1200{}261127101112{:02}{INSTITUTION}", purchase.field(11), INSTITUTION.len());
    let reversal = Request::of_card(1_420, CARD, "000000", 100).with(12, "261127101113").with(56, &elements);
    assert_eq!(terminal.ask(&reversal).answer(), (1_430, "400"));
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS), 0));
    let echo = Request::new(1_804).with(12, "261127101114").with(24, "831");
    assert_eq!(terminal.ask(&echo).answer(), (1_814, "800"));
    let too_much = Request::of_card(1_100, CARD, "000000", FUNDS + 1).with(12, "261127101115");
    assert_eq!(terminal.ask(&too_much).answer(), (1_110, "116"));
}

#[test]
fn a_link_that_asks_for_a_sign_on_pays_only_between_sign_on_and_sign_off() {
    let house = House::with(vec![Link { needs_sign_on: true, ..plain_link() }], ServerOptions::default());
    let mut terminal = house.terminal();
    let manage = |mti, code: &str| Request::new(mti).with(70, code);
    assert_eq!(terminal.ask(&Request::of_card(100, CARD, "000000", 1)).field(39), "91");
    assert_eq!(terminal.ask(&manage(800, "301")).answer(), (810, "00"), "an echo before it");
    assert_eq!(terminal.ask(&manage(800, "001")).answer(), (810, "00"));
    assert_eq!(terminal.ask(&Request::of_card(100, CARD, "000000", 1)).field(39), "00");
    assert_eq!(
        house.terminal().ask(&Request::of_card(100, CARD, "000000", 1)).field(39),
        "91",
        "another session"
    );
    assert_eq!(terminal.ask(&manage(820, "201")).answer(), (830, "00"), "cut-over");
    assert_eq!(terminal.ask(&manage(820, "002")).answer(), (830, "00"));
    assert_eq!(terminal.ask(&Request::of_card(100, CARD, "000000", 1)).field(39), "91");
    assert_eq!(terminal.ask(&manage(800, "777")).answer(), (810, "40"));
    assert_eq!(terminal.ask(&manage(800, "101")).answer(), (810, "40"), "a key change without keys");
}

#[test]
fn i7_an_acquirer_reaches_its_own_payments_alone() {
    let institutions = vec![Institution { code: 2_050_000, participant: bic("C") }];
    let other = Link { name: "other".to_owned(), institutions, ..plain_link() };
    let house = House::with(vec![plain_link(), other], ServerOptions::default());
    let (mut own, mut others) = (house.terminal(), house.terminal_on("other"));
    let held = Request::of_card(100, CARD, "000000", 100);
    let paid = Request::of_card(200, CARD, "000000", 70);
    assert_eq!((own.ask(&held).field(39), own.ask(&paid).field(39)), ("00", "00"));
    // As another institution, and as the one that it is not.
    for institution in ["2050000", INSTITUTION] {
        let rows = [
            held.followed_by(220, "000000"),
            held.followed_by(420, "000000"),
            held.followed_by(100, "200000"),
            paid.followed_by(220, "200000"),
            paid.followed_by(420, "000000"),
        ];
        for row in rows {
            let code = others.ask(&row.with(32, institution)).field(39).to_owned();
            assert_eq!(code, if institution == INSTITUTION { "92" } else { "25" });
        }
    }
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS) - 70, 100));
    let same_trace = held.clone().with(32, "2050000");
    assert_eq!(others.ask(&same_trace).field(39), "00", "its trace numbers are its own");
    assert_eq!(
        own.ask(&held.followed_by(420, "000000")).field(39),
        "00",
        "nobody else's tombstone is in the way"
    );
    assert_eq!(house.account(HOLDER).1, 100, "that of the other");
    assert_eq!(others.ask(&same_trace.followed_by(220, "000000").with(32, "2050000")).field(39), "00");
    assert_eq!(house.account(OTHER_ACQUIRER), (100, 0));
}

fn sealed(request: &Request, field: u8, key: &[u8; 16]) -> Vec<u8> {
    let spec = table("unionpay");
    let builder = request.builder(&spec);
    builder.encode_with_mac(field, |covered| mac::x9_19(key, covered)).expect("it fits")
}

#[test]
fn with_a_key_only_who_has_it_is_served_and_a_new_one_takes_the_old_ones_place() {
    let keys = MacKeys::new(Algorithm::X9_19, KEY, Some(EXCHANGE));
    let house = House::with(vec![Link { mac: Some(keys), ..plain_link() }], ServerOptions::default());
    let mut terminal = house.terminal();
    let mut ask = |bytes: &[u8]| {
        terminal.send(bytes);
        terminal.hear(0)
    };
    let fresh = || Request::of_card(100, CARD, "000000", 10);
    let good = ask(&sealed(&fresh(), 64, &KEY));
    assert_eq!(good.answer(), (110, "00"));
    let spec = table("unionpay");
    let answer = Message::decode(&spec, &good.frame).expect("a message");
    assert!(answer.check_mac(|covered| mac::x9_19(&KEY, covered)).is_ok(), "the answer has one too");
    assert_eq!(ask(&fresh().bytes(&spec)).field(39), "63", "none");
    assert_eq!(ask(&sealed(&fresh(), 64, &NEXT)).field(39), "63", "of another key");
    let mut altered = sealed(&fresh(), 64, &KEY);
    let at = altered.len() - 20;
    altered[at] ^= 1;
    assert_eq!(ask(&altered).field(39), "63");
    let change = |key: &[u8; 16]| {
        let hidden: String = encrypted(key).iter().map(|byte| format!("{byte:02X}")).collect();
        Request::new(800).with(48, &hidden).with(70, "101")
    };
    assert_eq!(ask(&sealed(&change(&NEXT), 128, &KEY)).answer(), (810, "63"), "not shown to be had");
    assert_eq!(ask(&sealed(&change(&NEXT), 128, &NEXT)).answer(), (810, "00"));
    assert_eq!(ask(&sealed(&fresh(), 64, &KEY)).field(39), "63", "the old key");
    assert_eq!(ask(&sealed(&fresh(), 64, &NEXT)).answer(), (110, "00"));
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS), 20));
}

#[test]
fn a_link_whose_codes_cover_chosen_fields_takes_and_gives_them_so() {
    let keys = MacKeys::new(Algorithm::X9_19, KEY, Some(EXCHANGE));
    let spec = table("unionpay-mab");
    let interchange = Link { mac: Some(keys), spec: Arc::clone(&spec), ..plain_link() };
    let house = House::with(vec![interchange], ServerOptions::default());
    let mut terminal = house.terminal();
    let mut seen = String::new();
    let held = Request::of_card(100, CARD, "000000", 10);
    let sealed = held.builder(&spec).encode_with_mac(128, |covered| {
        seen = String::from_utf8(covered.to_vec()).expect("text");
        mac::x9_19(&KEY, covered)
    });
    terminal.send(&sealed.expect("it fits"));
    assert!(seen.starts_with("0100 166250947000000014 000000 000000000010 "), "{seen}");
    assert!(seen.ends_with(" 071050000 12345678 123456789012345"), "{seen}");
    let answer = terminal.hear(0);
    assert_eq!(answer.answer(), (110, "00"));
    let heard = Message::decode(&spec, &answer.frame).expect("a message");
    assert!(heard.field(128).is_some() && heard.check_mac(|covered| mac::x9_19(&KEY, covered)).is_ok());
    // The usual code, over all bytes, is none here.
    let usual = Request::of_card(100, CARD, "000000", 10);
    let all = table("unionpay");
    let bytes = usual.builder(&all).encode_with_mac(128, |covered| mac::x9_19(&KEY, covered));
    terminal.send(&bytes.expect("it fits"));
    assert_eq!(terminal.hear(0).answer(), (110, "63"));
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS), 10));
}

#[test]
fn who_has_no_key_is_given_no_code_of_anything() {
    let keys = MacKeys::new(Algorithm::UnionPayEcb, KEY, Some(EXCHANGE));
    let house = House::with(vec![Link { mac: Some(keys), ..plain_link() }], ServerOptions::default());
    let mut terminal = house.terminal();
    let spec = table("unionpay");
    let rows = [
        Request::of_card(200, CARD, "000000", 10),
        Request::of_card(420, CARD, "000000", 10),
        Request::new(500),
        Request::new(300).with(101, "a file"),
        Request::new(800).with(70, "301"),
        Request::new(800).with(70, "777"),
        Request::new(800),
        Request::new(800).with(48, &"0".repeat(32)).with(70, "101"),
    ];
    for request in rows {
        let none = request.bytes(&spec);
        let field = request.builder(&spec).mac_field();
        let wrong = request.builder(&spec).encode_with_mac(field, |_| *b"NO CODE!").expect("it fits");
        for bytes in [none, wrong] {
            terminal.send(&bytes);
            let answer = terminal.hear(0);
            assert_eq!(answer.field(39), "63", "{:?}", request.fields);
            assert_eq!((answer.field(64), answer.field(128)), ("", ""), "{:?}", request.fields);
        }
    }
    assert_eq!(house.account(HOLDER), (i128::from(FUNDS), 0));
}

#[test]
fn an_answer_that_repeats_a_field_of_the_second_bitmap_has_its_code_behind_it() {
    let keys = MacKeys::new(Algorithm::X9_19, KEY, None);
    let house = House::with(vec![Link { mac: Some(keys), ..plain_link() }], ServerOptions::default());
    let mut terminal = house.terminal();
    terminal.send(&sealed(&Request::of_card(200, CARD, "000000", 10).with(70, "301"), 128, &KEY));
    let answer = terminal.hear(0);
    assert_eq!((answer.answer(), answer.field(70)), ((210, "00"), "301"));
    let message = Message::decode(&terminal.spec(), &answer.frame).map(|message| {
        message.check_mac(|covered| mac::x9_19(&KEY, covered)).is_ok() && message.field(128).is_some()
    });
    assert_eq!(message, Ok(true));
}

/// Triple DES of two keys, ECB: what a key travels as.
fn encrypted(key: &[u8; 16]) -> Vec<u8> {
    use des::cipher::generic_array::GenericArray;
    use des::cipher::{BlockEncrypt as _, KeyInit as _};
    let cipher = des::TdesEde2::new(&GenericArray::from(EXCHANGE));
    let block = |half: &[u8]| {
        let mut block = GenericArray::clone_from_slice(half);
        cipher.encrypt_block(&mut block);
        block.to_vec()
    };
    [block(&key[..8]), block(&key[8..])].concat()
}
