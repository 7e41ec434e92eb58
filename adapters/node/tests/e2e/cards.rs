//! The card port of the built program: cards enrolled, a session of a client that nobody here wrote, a kill between an
//! authorisation and what refers to it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use feiqian_iso8583::spec::GENERIC_1987;
use feiqian_iso8583::{Builder, Message, Mti};
use serde_json::Value;

use crate::house::{House, Serving, repository, wait_for};
use crate::serving::get;

/// A test card number.
pub(crate) const CARD: &str = "6250947000000014";
/// Anna Müller's, who has 2,500.00 EUR.
pub(crate) const ACCOUNT: &str = "IBAN:DE68500105170001000011";
pub(crate) const LINK: &str = "\
[[cards.link]]
name = \"acquirer\"
listen = \"127.0.0.1:0\"
table = \"generic-1987\"
institutions = { \"1050000\" = \"BNKBXXAAXXX\" }
needs_sign_on = true
";

fn enrolled(name: &str) -> House {
    let house = House::founded(name);
    house.configure(LINK);
    let report = house.run_with(&["cards", "enrol", ACCOUNT], &format!("{CARD}\n")).json();
    assert_eq!(
        (&report["cards"][0]["card"], &report["cards"][0]["is_new"]),
        (&"625094******0014".into(), &true.into())
    );
    house
}

fn address(serving: &Serving) -> String {
    let text = serving.ready["cards"].as_str().expect("a text");
    text.strip_prefix("acquirer ").expect("the link's name").to_owned()
}

fn account(house: &House) -> (Value, Value) {
    let report = house.run(&["account", ACCOUNT]).json();
    (report["account"]["balance"].clone(), report["account"]["reserved"].clone())
}

/// A Python that has the packages of `tests/terminal/requirements.txt`, if there is one.
fn python() -> Option<PathBuf> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let named = std::env::var_os("FEIQIAN_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| target.join("venv/bin/python"));
    let tried = Command::new(&python).args(["-c", "import iso8583"]).output();
    tried.is_ok_and(|tried| tried.status.success()).then_some(python)
}

#[test]
fn a_client_of_another_language_holds_a_whole_session() {
    let Some(python) = python() else {
        let way = "in target/venv, or named by FEIQIAN_PYTHON";
        let _ = writeln!(std::io::stderr(), "skipped: no Python with pyiso8583 ({way})");
        return;
    };
    let house = enrolled("cards-python");
    let serving = house.serve();
    let client = Command::new(python)
        .arg(repository().join("tests/terminal/terminal.py"))
        .args([&address(&serving), CARD, "978"])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&client.stdout).into_owned();
    assert!(client.status.success(), "{text}{}", String::from_utf8_lossy(&client.stderr));
    assert_eq!(text.lines().count(), 11, "{text}");
    assert_eq!(serving.terminate(), 0);
    assert_eq!(account(&house), ("2470.00".into(), "0.00".into()));
    house.run(&["audit"]).json();
}

/// Asks with fields on a connection, and gives field 39.
pub(crate) fn ask(stream: &mut TcpStream, mti: u16, fields: &[(u8, &str)]) -> String {
    let builder = Builder::new(&GENERIC_1987, Mti::new(mti).expect("an MTI"));
    let builder = fields.iter().fold(builder, |builder, (field, text)| builder.text(*field, text));
    let request = builder.encode().expect("it fits");
    let length = u16::try_from(request.len()).expect("short").to_be_bytes();
    stream.write_all(&[&length[..], &request].concat()).expect("sent");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).expect("a whole answer");
    let answer = Message::decode(&GENERIC_1987, &answer).expect("a message");
    answer.field(39).expect("a code").text()
}

pub(crate) fn signed_on(serving: &Serving) -> TcpStream {
    let mut stream = TcpStream::connect(address(serving)).expect("it listens");
    assert_eq!(ask(&mut stream, 800, &[(7, "1127101112"), (11, "000001"), (70, "001")]), "00");
    stream
}

/// Fields of an authorisation or purchase with the card.
pub(crate) fn fields<'a>(stan: &'a str, amount: &'a str) -> Vec<(u8, &'a str)> {
    vec![
        (2, CARD),
        (3, "000000"),
        (4, amount),
        (7, "0102101112"),
        (11, stan),
        (32, "1050000"),
        (41, "TERM0001"),
        (49, "978"),
    ]
}

#[test]
fn what_was_authorised_before_a_sigkill_is_completed_and_reversed_after_it() {
    let house = enrolled("cards-kill");
    let about = |stan: &str| format!("0100{stan}0102101112{:011}{:011}", 1_050_000, 0);
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    assert_eq!(ask(&mut stream, 100, &fields("000011", "000000005000")), "00");
    assert_eq!(ask(&mut stream, 100, &fields("000012", "000000000700")), "00");
    serving.kill();
    assert_eq!(account(&house), ("2500.00".into(), "57.00".into()));
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    let completed = about("000011");
    let completion = [fields("000013", "000000003000"), vec![(90, completed.as_str())]].concat();
    assert_eq!(ask(&mut stream, 220, &completion), "00");
    let reversed = about("000012");
    let reversal = [fields("000014", "000000000700"), vec![(90, reversed.as_str())]].concat();
    assert_eq!(ask(&mut stream, 420, &reversal), "00");
    serving.kill();
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    assert_eq!(ask(&mut stream, 221, &completion), "00", "repeated, and posted once");
    assert_eq!(ask(&mut stream, 421, &reversal), "00");
    assert_eq!(ask(&mut stream, 101, &fields("000011", "000000005000")), "00");
    assert_eq!(serving.terminate(), 0);
    assert_eq!(account(&house), ("2470.00".into(), "0.00".into()));
    house.run(&["audit"]).json();
}

#[test]
fn i1_what_was_approved_before_a_sigkill_under_load_is_held_after_it_and_once() {
    const REQUESTS: u32 = 400;
    let house = enrolled("cards-load-kill");
    let serving = house.serve();
    let request = |mti: u16, stan: u32| {
        let builder = Builder::new(&GENERIC_1987, Mti::new(mti).expect("an MTI"));
        let builder = builder.text(2, CARD).number(3, 0).number(4, 1).text(7, "0102101112").text(49, "978");
        builder.number(11, stan.into()).text(32, "1050000").encode().expect("it fits")
    };
    let framed = |message: &[u8]| {
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        [&length[..], message].concat()
    };
    // Trace number, answer, approval code; none where the connection ends.
    let hear = |stream: &mut TcpStream| {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer).ok()?;
        let answer = Message::decode(&GENERIC_1987, &answer).expect("a message");
        let text = |field| answer.field(field).map(|field| field.text()).unwrap_or_default();
        Some((text(11), text(39), text(38)))
    };
    let mut stream = signed_on(&serving);
    let all: Vec<u8> = (100..100 + REQUESTS).flat_map(|stan| framed(&request(100, stan))).collect();
    stream.write_all(&all).expect("sent");
    let approved: Vec<_> = (0..60).map(|_| hear(&mut stream).expect("an answer")).collect();
    assert!(approved.iter().all(|(_, code, _)| code == "00"));
    serving.kill();
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    let mut again = Vec::new();
    for stan in 100..100 + REQUESTS {
        stream.write_all(&framed(&request(101, stan))).expect("sent");
        again.push(hear(&mut stream).expect("an answer"));
    }
    assert!(again.iter().all(|(_, code, _)| code == "00"));
    assert!(approved.iter().all(|answer| again.contains(answer)), "the same answers");
    assert_eq!(serving.terminate(), 0);
    assert_eq!(account(&house), ("2500.00".into(), "4.00".into()));
    house.run(&["audit"]).json();
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

/// A message with a card number, its track 2 and a PIN block.
fn canary(mti: u16, amount: u64) -> Vec<u8> {
    Builder::new(&GENERIC_1987, Mti::new(mti).expect("an MTI"))
        .text(2, CARD)
        .number(3, 0)
        .number(4, amount)
        .text(7, "0102101112")
        .number(11, u64::from(mti))
        .text(32, "1050000")
        .text(35, "6250947000000014=30122010000012345000")
        .text(48, CARD)
        .text(49, "978")
        .bytes(52, b"PINblock")
        .encode()
        .expect("it fits")
}

#[test]
fn no_card_number_track_or_pin_is_in_a_file_a_log_or_a_metric_afterwards() {
    let house = enrolled("cards-canary");
    let serving = house.serve_telling("stderr.txt");
    let framed = |message: &[u8]| {
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        [&length[..], message].concat()
    };
    let mut stream = signed_on(&serving);
    for (mti, amount) in [(100, 5), (200, 7), (200, 999_999_999), (420, 1), (300, 1)] {
        stream.write_all(&framed(&canary(mti, amount))).expect("sent");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("an answer");
        stream.read_exact(&mut vec![0; u16::from_be_bytes(length).into()]).expect("a whole answer");
    }
    // What is no message, and no frame: both sessions end and are told of.
    let broken = [canary(200, 1), CARD.into()].concat();
    for bytes in [framed(&broken), [b"\xFF\xFF", CARD.as_bytes()].concat()] {
        let mut stream = TcpStream::connect(address(&serving)).expect("it listens");
        stream.write_all(&bytes).expect("sent");
        assert_eq!(stream.read(&mut [0; 1]).expect("closed in order"), 0);
    }
    let log = wait_for("two faults", || {
        let log = std::fs::read_to_string(house.path("stderr.txt")).expect("read");
        (log.matches('\n').count() == 2).then_some(log)
    });
    assert!(log.contains("trailing bytes") && log.contains("announces 65535 bytes"), "{log}");
    let metrics = get(&serving.ready["metrics"]);
    assert!(metrics.contains("feiqian_cards_requests_total 6"), "{metrics}");
    assert_eq!(serving.terminate(), 0);
    let mut found = vec![("metrics".to_owned(), metrics.into_bytes())];
    files(&house.path("."), &mut found);
    assert!(found.len() > 10);
    let bcd = [0x62, 0x50, 0x94, 0x70, 0, 0, 0, 0x14];
    for canary in [CARD.as_bytes(), &bcd, b"30122010000012345000", b"PINblock", b"470000000"] {
        for (name, bytes) in &found {
            let is_there = bytes.windows(canary.len()).any(|window| window == canary);
            assert!(!is_there, "{:?} is in {name}", String::from_utf8_lossy(canary));
        }
    }
}

#[test]
fn what_is_no_card_number_is_refused_without_being_shown() {
    let house = enrolled("cards-enrol");
    for wrong in ["6250947000000015", "625094700000001x", "12", ""] {
        let answer = house.run_with(&["cards", "enrol", ACCOUNT], wrong);
        answer.fails_with(2, &["standard input"]);
        assert!(wrong.len() < 3 || !answer.stderr.contains(wrong), "{answer:?}");
    }
    let again = house.run_with(&["cards", "enrol", ACCOUNT], CARD).json();
    assert_eq!(again["cards"][0]["is_new"], false);
    house.run_with(&["cards", "enrol", "BNKBXXAAXXX/EUR"], CARD).fails_with(4, &["stands for account"]);
    house.run_with(&["cards", "enrol", "nowhere"], CARD).fails_with(5, &["nowhere"]);
}

/// Asks the card's issuer's operator to change what it stands for.
fn change(house: &House, arguments: &[&str], lines: &str) -> Value {
    house.run_with(&[&["cards"], arguments].concat(), lines).json()
}

#[test]
fn a_card_is_withdrawn_and_enrolled_again_and_what_it_held_before_is_completed_after_a_sigkill() {
    let house = enrolled("cards-withdraw");
    let about = |stan: &str| format!("0100{stan}0102101112{:011}{:011}", 1_050_000, 0);
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    for stan in ["000011", "000012"] {
        assert_eq!(ask(&mut stream, 100, &fields(stan, "000000005000")), "00");
    }
    let reduced = about("000011");
    let remains = format!("{:012}{:030}", 3_000, 0);
    let part =
        [fields("000013", "000000005000"), vec![(90, reduced.as_str()), (95, remains.as_str())]].concat();
    assert_eq!(ask(&mut stream, 420, &part), "00");
    assert_eq!(serving.terminate(), 0);
    assert_eq!(account(&house), ("2500.00".into(), "80.00".into()));
    let report = change(&house, &["withdraw"], CARD);
    assert_eq!(
        (&report["cards"][0]["card"], &report["cards"][0]["is_new"]),
        (&"625094******0014".into(), &true.into())
    );
    // By its token, which is all that is kept of it.
    let token = report["cards"][0]["alias"].as_str().expect("a text").to_owned();
    assert_eq!(change(&house, &["withdraw", ACCOUNT], &token)["cards"][0]["is_new"], false);
    house
        .run_with(&["cards", "withdraw", "BNKBXXAAXXX/EUR"], &token)
        .fails_with(4, &["never stood for account"]);
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    assert_eq!(ask(&mut stream, 100, &fields("000014", "000000000100")), "62");
    assert_eq!(ask(&mut stream, 421, &part), "00", "answered as it was");
    serving.kill();
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    let completion = |stan, amount| [fields(stan, amount), vec![(90, reduced.as_str())]].concat();
    assert_eq!(ask(&mut stream, 220, &completion("000015", "000000003001")), "64");
    assert_eq!(ask(&mut stream, 220, &completion("000016", "000000003000")), "00");
    let reversed = about("000012");
    let reversal = [fields("000017", "000000005000"), vec![(90, reversed.as_str())]].concat();
    assert_eq!(ask(&mut stream, 420, &reversal), "00");
    assert_eq!(serving.terminate(), 0);
    assert_eq!(account(&house), ("2470.00".into(), "0.00".into()));
    assert_eq!(change(&house, &["enrol", ACCOUNT], &token)["cards"][0]["is_new"], true);
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    assert_eq!(ask(&mut stream, 100, &fields("000018", "000000000100")), "00");
    assert_eq!(serving.terminate(), 0);
    let nobodys = token.replace(['0', '1', '2'], "3");
    house.run_with(&["cards", "enrol", ACCOUNT], &nobodys).fails_with(4, &["no card was ever enrolled"]);
    house.run_with(&["cards", "enrol", ACCOUNT], "CARD:12").fails_with(2, &["standard input, line 1"]);
    house.run(&["audit"]).json();
}

#[test]
fn i1_a_cut_over_that_was_answered_stands_after_a_sigkill() {
    let house = enrolled("cards-cut-over");
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    assert_eq!(ask(&mut stream, 200, &fields("000021", "000000001000")), "00");
    let cut_over = [(7, "0102235959"), (11, "000022"), (70, "201")];
    // A time of transmission that is far from now is of no day that may begin.
    assert_eq!(ask(&mut stream, 800, &cut_over), "30");
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let tomorrow =
        feiqian_core::calendar::Date::of_days(i32::try_from(seconds.as_secs() / 86_400).expect("days") + 1);
    let tomorrow = tomorrow.map(|date| format!("{:02}{:02}", date.month, date.day)).expect("a date");
    let cut_over = [(7, "0102235959"), (11, "000022"), (15, tomorrow.as_str()), (70, "201")];
    assert_eq!(ask(&mut stream, 800, &cut_over), "00");
    let metrics = get(&serving.ready["metrics"]);
    assert!(metrics.contains("feiqian_cards_cut_overs_total 1"), "{metrics}");
    serving.kill();
    let serving = house.serve();
    let mut stream = signed_on(&serving);
    assert_eq!(ask(&mut stream, 801, &cut_over), "00");
    let metrics = get(&serving.ready["metrics"]);
    assert!(!metrics.contains("feiqian_cards_cut_overs_total 1"), "known already: {metrics}");
    assert_eq!(ask(&mut stream, 200, &fields("000023", "000000000300")), "00");
    let totals = |day: Option<&'static str>, amount: &'static str| {
        let rest = vec![(7, "0102101112"), (11, "000024"), (50, "978"), (76, "0000000001"), (88, amount)];
        [rest, day.map(|_| (15, tomorrow.as_str())).into_iter().collect()].concat()
    };
    let mut balance = |request: &[(u8, &str)]| {
        let builder = Builder::new(&GENERIC_1987, Mti::new(500).expect("an MTI"));
        let builder = request.iter().fold(builder, |builder, (field, text)| builder.text(*field, text));
        let message = builder.text(32, "1050000").encode().expect("it fits");
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        stream.write_all(&[&length[..], &message].concat()).expect("sent");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer).expect("a whole answer");
        let answer = Message::decode(&GENERIC_1987, &answer).expect("a message");
        (answer.field(66).map(|field| field.text()), answer.field(88).map(|field| field.text()))
    };
    let in_balance = |amount: &str| (Some("1".to_owned()), Some(amount.to_owned()));
    assert_eq!(balance(&totals(None, "0000000000000300")), in_balance("0000000000000300"), "the new day");
    assert_eq!(balance(&totals(Some(""), "0000000000000300")), in_balance("0000000000000300"));
    assert_eq!(serving.terminate(), 0);
    house.run(&["audit"]).json();
}
