//! QR codes: bought with, transferred with, charged by; expired, scanned twice, altered, damaged, forged.

use feiqian_emvqr::mpm::{MerchantCode, Profile};
use serde_json::{Value, json};

use crate::house::{ALICE, Answer, BOB, C, House};

fn euros(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// A code that pays an account 12.50 once.
pub(crate) fn code(creditor: &str) -> Value {
    json!({ "creditor": creditor, "amount": euros("12.50"), "name": "TEA HOUSE", "city": "SHANGHAI",
            "country": "CN", "category": "5812", "reference": "TABLE-7" })
}

/// A token by which an account is charged up to 50.00.
pub(crate) fn token(debtor: &str) -> Value {
    json!({ "debtor": debtor, "limit": euros("50.00") })
}

/// What begins as a PNG of 21 by 21 pixels does, and a payload behind it.
pub(crate) fn picture(payload: &str) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x15\0\0\0\x15\x01\0\0\0\0CRC4".as_slice(), payload.as_bytes()]
        .concat()
}

pub(crate) fn scan(house: &House, who: &str, picture: &[u8]) -> Answer {
    let who = format!("Bearer {who}");
    house.send("POST", "/v1/codes/scan", &[("authorization", &who), ("content-type", "image/png")], picture)
}

fn payload(house: &House, who: &str, (path, body): (&str, Value)) -> String {
    house.post(who, path, &body).with(200)["payload"].as_str().expect("a text").to_owned()
}

fn balance(house: &House, who: &str, account: &str) -> String {
    house.seal();
    let view = house.get(who, &format!("/v1/accounts/{account}")).with(200);
    view["balance"]["amount"].as_str().expect("an amount").to_owned()
}

fn pay(payload: &str) -> Value {
    json!({ "payload": payload, "debtor": ALICE })
}

/// The payload with one text in the place of another of the same length, and the CRC that then fits.
fn altered(payload: &str, from: &str, to: &str) -> String {
    assert!(from.len() == to.len() && payload.contains(from), "{payload} has no {from}");
    let text = payload.replace(from, to);
    let body = &text[..text.len() - 4];
    format!("{body}{:04X}", feiqian_emvqr::crc16(body.as_bytes()))
}

#[test]
fn a_merchants_code_is_read_and_paid_once_over_a_restart_too() {
    let mut house = House::new();
    let text = &payload(&house, "b", ("/v1/codes", code(BOB)));
    let standard = MerchantCode::read(text, Profile::Emvco).expect("a code of the standard");
    assert_eq!(
        (standard.name, standard.amount.map(|amount| amount.as_str())),
        (Some("TEA HOUSE"), Some("12.50"))
    );
    house.restart();
    let read = || house.post("a", "/v1/codes/read", &json!({ "payload": text })).with(200);
    assert_eq!(
        (&read()["name"], &read()["amount"], &read()["reference"]),
        (&json!("TEA HOUSE"), &euros("12.50"), &json!("TABLE-7"))
    );
    assert_eq!((&read()["creditor_agent"], &read()["paid_by"]), (&json!("BNKBXXAAXXX"), &json!(null)));
    let first = house.post("a", "/v1/codes/pay", &pay(text)).with(201);
    assert_eq!((&read()["paid_by"], &first["state"]), (&first["uetr"], &json!("CLEARED")));
    assert_eq!(
        house.post("a", "/v1/codes/pay", &pay(text)).with(200),
        first,
        "a second scan is the same payment"
    );
    house.restart();
    assert_eq!(house.post("a", "/v1/codes/pay", &pay(text)).with(200), first);
    assert_eq!((balance(&house, "a", ALICE), balance(&house, "b", BOB)), ("9987.50".into(), "12.50".into()));
    let found =
        house.get("b", &format!("/v1/transfers/{}", first["uetr"].as_str().expect("an id"))).with(200);
    assert_eq!(found["details"]["end_to_end_id"], "TABLE-7");
}

#[test]
fn whoever_could_not_pay_a_code_has_not_used_it_up_and_nobody_else_can() {
    let house = House::new();
    let mut dear = code(BOB);
    dear["amount"] = euros("20000.00");
    let text = payload(&house, "b", ("/v1/codes", dear));
    for _ in 0..2 {
        assert_eq!(house.post("a", "/v1/codes/pay", &pay(&text)).problem(422).0, "insufficient_funds");
    }
    // The number that stands in the code is no transfer's id, so sending one under it uses nothing up.
    let number = text.split("0132").nth(1).expect("a number").get(..32).expect("digits");
    let parts = [&number[..8], &number[8..12], &number[12..16], &number[16..20], &number[20..]];
    let burnt = crate::house::payment(&parts.join("-"), ALICE, BOB, "1.00");
    let _ = house.post("a", "/v1/transfers", &burnt);
    let other = json!({ "payload": text, "debtor": C });
    let first = house.post("c", "/v1/codes/pay", &other).with(201);
    assert_eq!(house.post("c", "/v1/codes/pay", &other).with(200), first);
    assert_eq!(house.post("a", "/v1/codes/pay", &pay(&text)).problem(409).0, "code_paid");
    let mut spent = code(BOB);
    spent["amount"] = euros("20000.00");
    let text = payload(&house, "b", ("/v1/codes", spent));
    for _ in 0..16 {
        assert_eq!(house.post("a", "/v1/codes/pay", &pay(&text)).problem(422).0, "insufficient_funds");
    }
    assert_eq!(house.post("a", "/v1/codes/pay", &pay(&text)).problem(422).0, "code_spent");
}

#[test]
fn a_code_that_another_has_paid_is_not_paid_again() {
    let house = House::new();
    let text = payload(&house, "b", ("/v1/codes", code(BOB)));
    house.post("a", "/v1/codes/pay", &pay(&text)).with(201);
    let other = json!({ "payload": text, "debtor": C });
    assert_eq!(house.post("c", "/v1/codes/pay", &other).problem(409).0, "code_paid");
    assert_eq!(balance(&house, "b", BOB), "12.50");
}

#[test]
fn a_person_is_paid_any_number_of_times_by_a_code_without_an_amount() {
    let house = House::new();
    let asked = json!({ "creditor": BOB, "name": "BOB", "city": "PARIS", "country": "FR" });
    let text = payload(&house, "b", ("/v1/codes", asked.clone()));
    assert_eq!(
        house.post("a", "/v1/codes/pay", &pay(&text)).problem(422),
        ("invalid_field".into(), json!(null), json!("/amount"))
    );
    let mut paid = pay(&text);
    paid["amount"] = euros("3.00");
    house.post("a", "/v1/codes/pay", &paid).with(201);
    house.post("a", "/v1/codes/pay", &paid).with(201);
    paid["uetr"] = json!(crate::house::uetr());
    let first = house.post("a", "/v1/codes/pay", &paid).with(201);
    assert_eq!(house.post("a", "/v1/codes/pay", &paid).with(200), first);
    assert_eq!(balance(&house, "b", BOB), "9.00");
    paid["amount"] = json!({ "amount": "3", "currency": "JPY" });
    assert_eq!(house.post("a", "/v1/codes/pay", &paid).problem(422).1, "AM03");
    let mut expiring = asked;
    expiring["expires_s"] = json!(5);
    assert_eq!(house.post("b", "/v1/codes", &expiring).problem(422).2, "/expires_s");
}

#[test]
fn what_was_changed_damaged_or_made_elsewhere_is_refused_by_name_and_moves_nothing() {
    let house = House::new();
    let text = payload(&house, "b", ("/v1/codes", code(BOB)));
    let damaged = format!("{}0000", &text[..text.len() - 4]);
    let elsewhere = "0002010102121531010500000105000189811005411000152045812530315654\
                     0523.725802CN5914DEMO TEA HOUSE6008SHANGHAI6304549F";
    let table = [
        (altered(&text, "540512.50", "540592.50"), "code_altered", "FR01"),
        (altered(&text, "TEA HOUSE", "TEA MOUSE"), "code_altered", "FR01"),
        (altered(&text, "TABLE-7", "TABLE-8"), "code_altered", "FR01"),
        (altered(&text, "010213", "010214"), "code_altered", "FR01"),
        (damaged, "code_unreadable", "CH16"),
        (text[..text.len() - 9].to_owned(), "code_unreadable", "CH16"),
        (elsewhere.to_owned(), "code_foreign", "CNOR"),
        ("hello".to_owned(), "code_unreadable", "CH16"),
    ];
    for (payload, kind, code) in table {
        for path in ["/v1/codes/pay", "/v1/codes/read"] {
            let body = if path.ends_with("pay") { pay(&payload) } else { json!({ "payload": payload }) };
            let found = house.post("a", path, &body).problem(422);
            assert_eq!(found, (kind.to_owned(), json!(code), json!("/payload")), "{path} {payload}");
        }
    }
    let mut less = pay(&text);
    less["amount"] = euros("1.00");
    let (kind, reason, _) = house.post("a", "/v1/codes/pay", &less).problem(422);
    assert_eq!((kind.as_str(), reason), ("code_amount", json!("AM09")));
    assert_eq!(balance(&house, "a", ALICE), "10000.00");
    house.post("a", "/v1/codes/pay", &pay(&text)).with(201);
}

#[test]
fn a_code_or_token_that_has_expired_is_refused_unless_it_was_paid_in_time() {
    let house = House::new();
    let short = |mut body: Value, seconds: u32| {
        body["expires_s"] = json!(seconds);
        body
    };
    let (paid, first, until) = loop {
        // On a machine that stalls for seconds, another one.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(4);
        let text = payload(&house, "b", ("/v1/codes", short(code(BOB), 3)));
        let answer = house.post("a", "/v1/codes/pay", &pay(&text));
        if answer.status == 201 {
            break (text, answer.json(), until);
        }
        assert_eq!(answer.problem(422).0, "code_expired");
    };
    let late = payload(&house, "b", ("/v1/codes", short(code(BOB), 1)));
    let token = payload(&house, "a", ("/v1/tokens", short(token(ALICE), 1)));
    std::thread::sleep(until.saturating_duration_since(std::time::Instant::now()));
    assert_eq!(house.post("a", "/v1/codes/pay", &pay(&late)).problem(422).0, "code_expired");
    let charge = json!({ "payload": token, "creditor": BOB, "amount": euros("1.00") });
    assert_eq!(house.post("b", "/v1/tokens/charge", &charge).problem(422).0, "code_expired");
    assert_eq!(house.post("a", "/v1/codes/pay", &pay(&paid)).with(200), first, "paid in time");
}

#[test]
fn a_shown_token_is_charged_once_up_to_its_limit() {
    let house = House::new();
    let text = payload(&house, "a", ("/v1/tokens", token(ALICE)));
    let charge = |amount: &str| json!({ "payload": text, "creditor": BOB, "amount": euros(amount), "reference": "TILL-1" });
    let (kind, reason, pointer) = house.post("b", "/v1/tokens/charge", &charge("50.01")).problem(422);
    assert_eq!((kind.as_str(), reason, pointer), ("code_amount", json!("AM02"), json!("/amount")));
    let first = house.post("b", "/v1/tokens/charge", &charge("49.99")).with(201);
    assert_eq!(house.post("b", "/v1/tokens/charge", &charge("49.99")).with(200), first);
    assert_eq!(
        house.post("b", "/v1/tokens/charge", &charge("0.01")).problem(409).0,
        "code_paid",
        "once is once"
    );
    assert_eq!((balance(&house, "a", ALICE), balance(&house, "b", BOB)), ("9950.01".into(), "49.99".into()));
    // Every byte of it is under the seal, or names the house.
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let bytes = STANDARD.decode(&text).expect("base64");
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        let body = json!({ "payload": STANDARD.encode(&forged), "creditor": BOB, "amount": euros("1.00") });
        let (kind, ..) = house.post("b", "/v1/tokens/charge", &body).problem(422);
        assert!(
            ["code_altered", "code_foreign", "code_unreadable"].contains(&kind.as_str()),
            "byte {at}: {kind}"
        );
    }
}

#[test]
fn a_code_is_drawn_where_one_asks_for_it() {
    let house = House::new();
    let drawn = |kind: &str| {
        let mut body = code(BOB);
        body["picture"] = json!(kind);
        house.post("b", "/v1/codes", &body).with(200)["picture"].as_str().expect("a picture").to_owned()
    };
    assert!(drawn("svg").starts_with("<svg"), "{}", drawn("svg"));
    assert!(drawn("png").starts_with("iVBORw0KGgo"), "base64 of a PNG's first bytes");
    let mut long = code(BOB);
    long["name"] = json!("X".repeat(26));
    assert_eq!(house.post("b", "/v1/codes", &long).problem(422).2, "/name");
    assert_eq!(house.post("a", "/v1/codes", &code(BOB)).problem(422).1, "AC02");
}

#[test]
fn a_picture_is_read_as_its_text_is_and_what_is_none_begins_no_process() {
    let house = House::new();
    let text = payload(&house, "b", ("/v1/codes", code(BOB)));
    let mut read = house.post("a", "/v1/codes/read", &json!({ "payload": text })).with(200);
    let scanned = scan(&house, "a", &picture(&text)).with(200);
    read["payload"] = json!(text);
    assert_eq!(scanned, read);
    let problem = |bytes: &[u8]| scan(&house, "a", bytes).problem(422).0;
    assert_eq!(problem(&picture("")), "picture_unreadable", "no code in it");
    assert_eq!(problem(&picture("000201")), "code_unreadable", "no code of ours");
    assert_eq!(problem(b"GIF89a"), "picture_unreadable");
    let mut large = picture(&text);
    large[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
    assert_eq!(problem(&large), "picture_unreadable", "four thousand million pixels");
    let over = [picture(&text), vec![0; 4 << 20]].concat();
    assert_eq!(scan(&house, "a", &over).status, 413);
}
