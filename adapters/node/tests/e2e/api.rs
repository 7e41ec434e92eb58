//! The API of a running `serve`: whom the file of identities names, and nobody else; payments that outlive a SIGKILL; a day on
//! which one account is paid in every way that there is, and all reports agree.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use feiqian_identity::api_key::ApiKey;
use serde_json::{Value, json};

use crate::cards;
use crate::house::{House, Serving, demo_inbox};

/// TEST KEY of a bank of the demo, by its letter.
fn key(bank: char) -> ApiKey {
    let letter = u8::try_from(bank).expect("a letter");
    ApiKey::new([letter; 8], [letter; 32])
}

fn identities() -> String {
    let caller = |bank: char| {
        let key = key(bank);
        format!(
            "[[caller]]\nname = \"bank-{bank}\"\nparticipant = \"BNK{bank}XXAAXXX\"\nroles = [\"submitter\", \"viewer\"]\n\
             [[caller.api_key]]\nid = \"{}\"\nhash = \"{}\"\nroles = [\"submitter\", \"viewer\"]\n\
             expires = 2100-01-01T00:00:00Z\n",
            key.id(),
            key.hash()
        )
    };
    ['A', 'B'].into_iter().map(caller).collect()
}

/// The file of identities, and what names it.
pub(crate) fn configure(house: &House, lines: &str) {
    std::fs::write(house.data().join("identities.toml"), identities()).expect("written");
    house.configure(&format!("identities = \"identities.toml\"\n{lines}"));
}

pub(crate) fn send(serving: &Serving, bank: char, at: (&str, &str), body: Option<&Value>) -> (u16, Value) {
    let text = body.map(ToString::to_string).unwrap_or_default();
    let (status, body) = send_text(serving, bank, at, ("application/json", &text));
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

fn send_text(
    serving: &Serving,
    bank: char,
    (method, path): (&str, &str),
    (media_type, text): (&str, &str),
) -> (u16, String) {
    send_bytes(serving, bank, (method, path), (media_type, text.as_bytes()))
}

fn send_bytes(
    serving: &Serving,
    bank: char,
    (method, path): (&str, &str),
    (media_type, body): (&str, &[u8]),
) -> (u16, String) {
    let base = serving.ready["api"].as_str().expect("an address").strip_prefix("http://").expect("http");
    let address = base.strip_suffix("/v1").expect("a version");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "{method} /v1{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
        key(bank).reveal(),
        body.len()
    )
    .expect("sent");
    stream.write_all(body).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    (status, body.to_owned())
}

#[test]
fn a_bank_pays_by_json_and_is_answered_the_same_after_a_sigkill() {
    let house = House::founded("api");
    configure(&house, "");
    let payment = json!({
        "uetr": "6a1f0c52-7d1e-4b63-9c55-0b8f3e2d7a11",
        "debtor": "BNKAXXAAXXX/EUR",
        "creditor": "IBAN:DE68500105170001000011",
        "amount": { "amount": "12.50", "currency": "EUR" },
    });
    let refused = json!({ "debtor": "BNKBXXAAXXX/EUR" });
    let serving = house.serve();
    let (status, first) = send(&serving, 'A', ("POST", "/transfers"), Some(&payment));
    assert_eq!((status, &first["state"]), (201, &json!("CLEARED")), "{first}");
    let stolen = {
        let mut stolen = payment.clone();
        stolen["debtor"] = refused["debtor"].clone();
        stolen
    };
    let (status, problem) = send(&serving, 'A', ("POST", "/transfers"), Some(&stolen));
    assert_eq!((status, &problem["reason"]), (422, &json!("AC02")), "{problem}");
    assert_eq!(send(&serving, 'C', ("GET", "/accounts"), None).0, 401, "nobody has named bank C");
    serving.kill();

    let serving = house.serve();
    let (status, again) = send(&serving, 'A', ("POST", "/transfers"), Some(&payment));
    assert_eq!((status, again), (200, first));
    let path = "/transfers/6a1f0c52-7d1e-4b63-9c55-0b8f3e2d7a11";
    let (status, seen) = send(&serving, 'A', ("GET", path), None);
    assert_eq!((status, &seen["outcome"]), (200, &json!("CLEARED")), "{seen}");
    assert_eq!(send(&serving, 'B', ("GET", path), None).0, 404, "it is none of bank B's");
    assert_eq!(serving.terminate(), 0);
    house.run(&["audit"]).json();
}

/// The account that is paid: a merchants' bank's.
const PAID: &str = "BNKBXXAAXXX/EUR";

fn euros(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// Pays it by pacs.008, by card, by QR code and by JSON, in this order; gives the ids that are known.
fn pay_in_every_way(serving: &Serving) {
    let message = std::fs::read_to_string(demo_inbox().join("01-single.xml")).expect("there");
    let (status, answer) = send_text(serving, 'A', ("POST", "/iso20022"), ("application/xml", &message));
    assert!(status == 200 && answer.contains("<GrpSts>ACSP</GrpSts>"), "{status} {answer}");
    let mut terminal = cards::signed_on(serving);
    assert_eq!(cards::ask(&mut terminal, 200, &cards::fields("000021", "000000002000")), "00");
    let code = json!({ "creditor": PAID, "amount": euros("12.50"), "name": "TEA HOUSE", "city": "LYON", "country": "FR" });
    let (status, made) = send(serving, 'B', ("POST", "/codes"), Some(&code));
    assert_eq!(status, 200, "{made}");
    let scanned = json!({ "payload": made["payload"], "debtor": cards::ACCOUNT });
    assert_eq!(send(serving, 'A', ("POST", "/codes/pay"), Some(&scanned)).0, 201);
    let plain = json!({ "debtor": cards::ACCOUNT, "creditor": PAID, "amount": euros("7.00") });
    assert_eq!(send(serving, 'A', ("POST", "/transfers"), Some(&plain)).0, 201);
}

fn minor(decimal: &Value) -> i64 {
    let text = decimal.as_str().unwrap_or_else(|| panic!("no amount: {decimal}"));
    text.replace('.', "").parse().expect("an amount")
}

/// Values of an element, in the order of a message.
fn values<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let parts = xml.split(open.as_str()).skip(1).filter_map(|part| part.split(close.as_str()).next());
    parts.filter_map(|part| part.split_once('>')).map(|(_, value)| value).collect()
}

#[test]
fn one_account_is_paid_by_message_card_code_and_json_and_all_reports_agree() {
    let house = House::founded("api-day");
    configure(&house, cards::LINK);
    house.run_with(&["cards", "enrol", cards::ACCOUNT], &format!("{}\n", cards::CARD)).json();
    let balance = |house: &House| minor(&house.run(&["account", PAID]).json()["account"]["balance"]);
    let before = balance(&house);
    let serving = house.serve();
    pay_in_every_way(&serving);
    assert_eq!(serving.terminate(), 0);
    let paid = 478_623 + 2_000 + 1_250 + 700;
    assert_eq!(balance(&house) - before, paid, "the account");

    let serving = house.serve();
    let get = |path: &str| send(&serving, 'B', ("GET", path), None).1;
    let positions = get("/positions");
    let of = positions["positions"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|of| of["position"]["currency"] == "EUR");
    assert_eq!(minor(&of.expect("one in EUR")["position"]["amount"]), paid, "the position: {positions}");
    let handle = house_handle(&get("/accounts"));
    let postings = get(&format!("/accounts/{handle}/postings"));
    let amounts: Vec<_> = postings["postings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| minor(&one["amount"]["amount"]))
        .collect();
    assert_eq!(amounts.iter().take(4).collect::<Vec<_>>(), [&700, &1_250, &2_000, &478_623], "{postings}");
    let path = format!("/statements?message=camt.052&account={handle}");
    let (status, statement) = send_text(&serving, 'B', ("GET", &path), ("application/json", ""));
    assert_eq!(status, 200, "{statement}");
    let entries: Vec<_> = values(&statement, "Ntry>")
        .iter()
        .flat_map(|entry| values(entry, "Amt").into_iter().next())
        .collect();
    assert_eq!(
        entries.iter().rev().take(4).rev().collect::<Vec<_>>(),
        [&"4786.23", &"20.00", &"12.50", &"7.00"],
        "{statement}"
    );
    assert_eq!(serving.terminate(), 0);
    house.run(&["cycle", "close"]).json();
    let report = house.run(&["cycle", "report", "1"]).json();
    let text = report.to_string();
    assert!(text.contains("4825.73"), "the cycle's report: {text}");
    house.run(&["audit"]).json();
}

/// The handle of the account that is paid, as its bank lists it.
fn house_handle(accounts: &Value) -> u64 {
    let list = accounts["accounts"].as_array().unwrap_or_else(|| panic!("no list: {accounts}"));
    let clearing = list.iter().find(|one| one["balance"]["currency"] == "EUR" && one["kind"] == "clearing");
    clearing
        .and_then(|one| one["account"].as_u64())
        .unwrap_or_else(|| panic!("no clearing account: {accounts}"))
}

/// A PNG of so many pixels each way; `byte` gives its bytes in order.
fn png(side: u32, (color, depth): (png::ColorType, png::BitDepth), byte: impl FnMut(usize) -> u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().expect("a header");
    let row = color.samples() * depth as usize * side as usize;
    let bytes: Vec<u8> = (0..row.div_ceil(8) * side as usize).map(byte).collect();
    writer.write_image_data(&bytes).expect("written");
    writer.finish().expect("written");
    file
}

#[test]
fn a_picture_of_a_code_is_read_apart_and_no_bomb_ends_the_server() {
    use feiqian_emvqr::pictures::{Correction, Picture};

    let house = House::founded("api-scan");
    configure(&house, "");
    let serving = house.serve();
    let code = json!({ "creditor": PAID, "amount": euros("12.50"), "name": "TEA HOUSE", "city": "LYON", "country": "FR" });
    let (status, made) = send(&serving, 'B', ("POST", "/codes"), Some(&code));
    assert_eq!(status, 200, "{made}");
    let payload = made["payload"].as_str().expect("a text");
    let scan = |picture: &[u8]| {
        let begun = std::time::Instant::now();
        let (status, body) = send_bytes(&serving, 'A', ("POST", "/codes/scan"), ("image/png", picture));
        assert!(begun.elapsed().as_secs() < 60, "whatever it is, it is answered");
        (status, serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    };
    let picture = Picture::of(payload, Correction::Medium).expect("it fits").to_png(8).expect("drawn");
    let (status, read) = scan(&picture);
    assert_eq!(
        (status, &read["payload"], &read["name"]),
        (200, &made["payload"], &json!("TEA HOUSE")),
        "{read}"
    );

    // 98 MB in some thousand bytes; noise, in which codes are looked for everywhere; more pixels than there may be; half a file.
    let (gray, wide) =
        ((png::ColorType::Grayscale, png::BitDepth::One), (png::ColorType::Rgba, png::BitDepth::Sixteen));
    let mut seed = 1_u32;
    let noise = png(3_500, gray, |_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    });
    let mut claims = picture.clone();
    claims[16..24].copy_from_slice(&[255; 8]);
    let bombs = [
        png(3_500, wide, |_| 0),
        noise,
        png(3_600, gray, |_| 0),
        claims,
        picture[..picture.len() / 2].to_vec(),
    ];
    for (at, bomb) in bombs.iter().enumerate() {
        assert!(bomb.len() < 4 << 20, "{at}: {} bytes", bomb.len());
        let (status, problem) = scan(bomb);
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("urn:feiqian:problem:picture_unreadable")),
            "{at}: {problem}"
        );
    }
    let (status, read) = scan(&picture);
    assert_eq!((status, &read["payload"]), (200, &made["payload"]), "{read}");
    assert_eq!(serving.terminate(), 0);
}

/// The messages that wait for a bank, by what they are.
fn waiting(serving: &Serving, bank: char) -> Vec<(String, String)> {
    let (status, listed) = send(serving, bank, ("GET", "/iso20022/messages"), None);
    assert_eq!(status, 200, "{listed}");
    let text = |message: &Value, field: &str| message[field].as_str().expect("a text").to_owned();
    let all = listed["messages"].as_array().expect("a list").iter();
    all.map(|message| (text(message, "type"), text(message, "message"))).collect()
}

#[test]
fn banks_without_a_directory_here_confirm_an_instant_payment_and_are_told_by_the_watch() {
    let house = House::founded("api-messages");
    configure(&house, "");
    let serving = house.serve();
    let message = std::fs::read_to_string(demo_inbox().join("01-single.xml")).expect("there");
    let path = ("POST", "/iso20022?handling=instant");
    let (status, answer) = send_text(&serving, 'A', path, ("application/xml", &message));
    assert!(status == 200 && answer.contains("<TxSts>PDNG</TxSts>"), "{status} {answer}");
    let (kind, name) = waiting(&serving, 'B').pop().expect("it was passed on");
    assert_eq!(kind, "pacs.008");
    let (status, asked) =
        send_text(&serving, 'B', ("GET", &format!("/iso20022/messages/{name}")), ("text/xml", ""));
    assert_eq!(status, 200);
    let uetr = values(&asked, "UETR")[0];
    let confirmation = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10\"><FIToFIPmtStsRpt><GrpHdr><MsgId>YES</MsgId>\
         <CreDtTm>2026-03-16T09:00:00Z</CreDtTm></GrpHdr><TxInfAndSts><OrgnlUETR>{uetr}</OrgnlUETR>\
         <TxSts>ACSP</TxSts></TxInfAndSts></FIToFIPmtStsRpt></Document>"
    );
    let (status, answer) =
        send_text(&serving, 'B', ("POST", "/iso20022"), ("application/xml", &confirmation));
    assert!(status == 200 && answer.contains("<TxSts>ACSP</TxSts>"), "{status} {answer}");
    let begun = std::time::Instant::now();
    let told = loop {
        match waiting(&serving, 'A').pop() {
            Some((_, name)) => break name,
            None => assert!(begun.elapsed().as_secs() < 60, "the watch tells the payer's bank"),
        }
    };
    let (_, told) =
        send_text(&serving, 'A', ("GET", &format!("/iso20022/messages/{told}")), ("text/xml", ""));
    assert!(told.contains("pacs.002.001") && values(&told, "TxSts") == ["ACSP"], "{told}");
    assert_eq!(serving.terminate(), 0);
    assert!(waiting(&house.serve(), 'B').iter().any(|(_, other)| *other == name), "over a restart too");
}
