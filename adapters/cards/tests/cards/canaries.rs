//! Card numbers, tracks, PIN blocks and keys pushed through every path and error: none of them is in a file, a metric, a
//! told fault or a debug text afterwards.

use std::path::Path;

use feiqian_cards::{Algorithm, Link, MacKeys, ServerOptions};

use crate::house::{CARD, HOLDER, House, Request, SECRET, plain_link};

/// A test track 2 and PIN block that stand nowhere else.
const TRACK: &str = "6250947000000014=30122010000012345000";
const TRACK_CANARY: &[u8] = b"30122010000012345000";
const PIN_BLOCK: &[u8; 8] = b"PINblock";
/// A card number that is nobody's, and one put where none belongs.
const LOST: &str = "6229990000009993";
/// TEST KEY.
const KEY: [u8; 16] = *b"CANARY KEY, TEST";

fn canaries() -> Vec<Vec<u8>> {
    let bcd = |digits: &str| {
        let pair = |at: &[u8]| (at[0] - b'0') << 4 | (at[1] - b'0');
        digits.as_bytes().chunks(2).map(pair).collect::<Vec<_>>()
    };
    let mut canaries: Vec<Vec<u8>> = vec![
        CARD.into(),
        LOST.into(),
        bcd(CARD),
        bcd(LOST),
        TRACK_CANARY.into(),
        PIN_BLOCK.to_vec(),
        SECRET.to_vec(),
        KEY.to_vec(),
    ];
    canaries.extend([CARD, LOST].map(|digits| digits[6..12].into()));
    canaries
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("read").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push((path.display().to_string(), std::fs::read(&path).expect("read"))),
        }
    }
}

fn with_secrets(request: Request, spec: &feiqian_iso8583::Spec) -> Vec<u8> {
    request.with(35, TRACK).builder(spec).bytes(52, PIN_BLOCK).encode().expect("it fits")
}

#[test]
fn no_card_number_track_pin_or_key_is_anywhere_afterwards() {
    let keyed = Link {
        name: "keyed".to_owned(),
        mac: Some(MacKeys::new(Algorithm::X9_19, KEY, Some(KEY))),
        ..plain_link()
    };
    let links = vec![plain_link(), keyed.clone()];
    let mut house = House::with(links, ServerOptions::default());
    let mut terminal = house.terminal();
    let spec = terminal.spec();
    let authorisation = Request::of_card(100, CARD, "000000", 100);
    let purchase = Request::of_card(200, CARD, "000000", 200);
    let requests = [
        authorisation.clone(),
        purchase.clone(),
        authorisation.followed_by(220, "000000"),
        purchase.followed_by(420, "000000"),
        Request::of_card(100, LOST, "000000", 1),
        Request::of_card(100, CARD, "990000", 1),
        Request::of_card(200, CARD, "000000", 9_999_999_999),
        Request::of_card(200, CARD, "000000", 5).with(37, &LOST[..12]).with(48, CARD).with(63, LOST),
        Request::of_card(220, LOST, "200000", 1),
        Request::of_card(420, CARD, "000000", 1),
        purchase.clone().with(4, "000000000201"),
        authorisation.followed_by(420, "000000").with(95, &format!("{:012}{:030}", 50, 0)),
        Request::of_card(100, CARD, "000000", 1).with(6, "000000000001").with(49, "978").with(51, "156"),
    ];
    for request in requests {
        terminal.send(&with_secrets(request, &spec));
        assert!(!terminal.hear(0).field(39).is_empty());
    }
    house.withdraw(CARD, HOLDER);
    for request in [authorisation.repeated(), authorisation.followed_by(420, "000000")] {
        terminal.send(&with_secrets(request, &spec));
        assert!(!terminal.hear(0).field(39).is_empty());
    }
    house.enrol(CARD, HOLDER);
    // Errors with card data in the bytes that are wrong.
    let mut whole = with_secrets(purchase, &spec);
    whole.extend(CARD.bytes());
    house.terminal().send(&whole);
    let mut texts = vec![house.fault()];
    house.terminal().send(CARD.as_bytes());
    texts.push(house.fault());
    let mut refused = house.terminal_on("keyed");
    refused.send(&with_secrets(Request::of_card(100, CARD, "000000", 1), &spec));
    assert_eq!(refused.hear(0).field(39), "63");
    texts.push(format!("{keyed:?}"));
    house.restart();
    house.account(0);
    let mut found = Vec::new();
    files(&house.data(), &mut found);
    found.extend(texts.into_iter().map(|text| (text.clone(), text.into_bytes())));
    for (name, bytes) in &found {
        for canary in canaries() {
            let is_there = bytes.windows(canary.len()).any(|window| window == canary);
            assert!(!is_there, "{:?} is in {name}", String::from_utf8_lossy(&canary));
        }
    }
    assert!(found.len() > 5 && found.iter().any(|(name, _)| name.contains("journal")), "there was a journal");
}
