//! What the worst inputs cost that parsers of foreign bytes take: hostile ones, and the largest that their limits allow.
//!
//! An input costs no more memory at once than four times its size, beside what a reader needs for nothing
//! ([`READER_BYTES`]), and no more than 10 ms for each 16 KiB of it, so that what is within the limit of a single message
//! (16 KiB of JSON or ISO 8583 or of a line of a table, 2,953 bytes of a QR code) costs 10 ms at the most. What is kept whole is
//! also looked at, element by element. Times are the best of several, so a busy machine fails none.

#[path = "cost/crowded.rs"]
mod crowded;
#[path = "cost/readers.rs"]
mod readers;
#[path = "cost/smallest.rs"]
mod smallest;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use feiqian_core::limits::{BATCH_TRANSFERS_MAX, DETAILS_BYTES_MAX};
use feiqian_emvqr::cpm::ConsumerCode;
use feiqian_emvqr::mpm::{MerchantCode, Profile};
use feiqian_files::csv::reading::CsvReader;
use feiqian_files::details::Details;
use feiqian_http::routes::{Served, read_body, read_query, served};
use feiqian_identity::{Identities, Presented};
use feiqian_iso8583::spec::{GENERIC_1987, GENERIC_1993, UNIONPAY, UNIONPAY_MAB, UNIONPAY_TERMINAL};
use feiqian_iso8583::{Builder, Message, Mti};
use feiqian_iso20022::Limits;
use feiqian_proof::json::from_json;
use feiqian_proof::kinds::Proof;
use feiqian_wire::client::read_reply;
use feiqian_wire::layout::{HEADER_BYTES, Header, Kind, REPLY_BODY_BYTES_MAX, Request, flags};

use crate::memory::peak_of;
use readers::READERS;

/// What a reader may hold whatever it reads: buffers, tables of names, the text of an error.
const READER_BYTES: usize = 64 * 1024;
/// Memory at once for each byte of an input.
const FACTOR: usize = 4;
/// What is read in 10 ms at the least, by a build that is little optimised: the bound of a body of JSON, of a card message, of
/// a line of a table.
const PIECE_BYTES: usize = 16 * 1024;
const PIECE_COST: Duration = Duration::from_millis(10);

type Reader = fn(&[u8]);

/// One input of one parser.
struct Case {
    name: String,
    input: Vec<u8>,
    read: Reader,
}

fn case(name: &str, input: impl Into<Vec<u8>>, read: Reader) -> Case {
    Case { name: name.to_owned(), input: input.into(), read }
}

/// What a case costs: the best of several times, and the most memory at once.
fn cost(case: &Case) -> (Duration, usize) {
    let once = |_| {
        let start = Instant::now();
        (case.read)(&case.input);
        start.elapsed()
    };
    let peak = peak_of(|| (case.read)(&case.input));
    let bound = bound_of(case);
    let mut best = Duration::MAX;
    // As few as show it, and up to twenty where something else has run.
    for at in 0..20 {
        best = best.min(once(at));
        if best <= bound {
            break;
        }
    }
    (best, peak)
}

fn bound_of(case: &Case) -> Duration {
    let pieces = case.input.len().div_ceil(PIECE_BYTES).max(1);
    PIECE_COST * u32::try_from(pieces).expect("few")
}

/// Holds all cases to the bounds, and says the dearest.
fn hold(cases: &[Case]) {
    let mut failures = Vec::new();
    let [mut slowest, mut largest] = [(0.0, String::new()), (0.0, String::new())];
    for case in cases {
        let (time, peak) = cost(case);
        let bytes = case.input.len();
        let line = format!("{}: {bytes} bytes took {time:?} and {peak} bytes at once", case.name);
        if time > bound_of(case) || peak > FACTOR * bytes + READER_BYTES {
            failures.push(line.clone());
        }
        let share = time.as_secs_f64() / bound_of(case).as_secs_f64();
        slowest = if share > slowest.0 { (share, line.clone()) } else { slowest };
        let share = peak.saturating_sub(READER_BYTES) as f64 / bytes as f64;
        largest = if share > largest.0 { (share, line) } else { largest };
    }
    let (count, slowest, largest) = (cases.len(), slowest.1, largest.1);
    let _ = writeln!(std::io::stderr(), "{count} inputs; slowest: {slowest}; largest: {largest}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

// ISO 20022

fn files_below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// The shared samples below a folder, or none with a line that says so.
fn shared(folder: &str, ending: &str) -> Vec<PathBuf> {
    let beside = crate::root().join("../shared/data");
    let root = std::env::var_os("FEIQIAN_DATA").map_or(beside, PathBuf::from);
    let mut found = Vec::new();
    files_below(&root.join(folder), ending, &mut found);
    if found.is_empty() {
        let _ = writeln!(std::io::stderr(), "skipped: {} is not there (set FEIQIAN_DATA)", root.display());
    }
    found
}

#[test]
fn no_sample_of_a_message_costs_more_than_its_size_allows() {
    let mut cases = Vec::new();
    for path in shared("iso20022/samples", "xml") {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = std::fs::read(&path).expect("a sample");
        cases.extend(
            READERS.iter().map(|(reader, read)| case(&format!("{reader}: {name}"), bytes.clone(), *read)),
        );
    }
    hold(&cases);
}

// Details, which a bank may hand in as it likes over the bulk protocol

#[test]
fn no_details_cost_more_than_their_size_allows() {
    let read: Reader = |bytes| drop(Details::decode(bytes));
    let many = |name: &str, (head, item, tail): (&str, &str, &str)| {
        let count = (DETAILS_BYTES_MAX - head.len() - tail.len()) / (item.len() + 1);
        case(&format!("details: {name}"), format!("{head}{}{tail}", vec![item; count].join(",")), read)
    };
    let charge = "{\"amount\":{\"amount\":\"\",\"currency\":\"\"},\"agent\":{}}";
    let below = "{\"version\":2,\"underlying\":";
    let charges = many("charges", ("{\"version\":2,\"charges\":[", charge, "]}"));
    assert!(Details::decode(&charges.input).is_some_and(|details| details.charges.len() > 1_000));
    hold(&[
        charges,
        many("lines", ("{\"version\":1,\"remittance\":[", "\"\"", "]}")),
        many("lines of a cover", (&format!("{below}{{\"remittance\":["), "\"\"", "]}}")),
        many("banks", ("{\"version\":2,\"intermediaries\":[", "{}", "]}")),
        many("banks of a cover", (&format!("{below}{{\"previous_agents\":["), "{}", "]}}")),
        many("parts", ("{\"version\":3,\"said\":\"", "Tax\\n", "\"}")),
        case("details: deep", "[".repeat(DETAILS_BYTES_MAX), read),
        case("details: one string", format!("{{\"message_id\":\"{}\"}}", "\\u00e9".repeat(10_000)), read),
    ]);
}

/// What attacks parsers of XML, around and inside a message.
fn hostile_xml() -> Vec<(String, String)> {
    let name = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08";
    let inside =
        |text: &str| format!("<Document xmlns=\"{name}\"><FIToFICstmrCdtTrf><GrpHdr><MsgId>{text}</MsgId>");
    let attributes: String = (0..32).map(|at| format!(" a{at}=\"1\"")).collect();
    let declared: String = (0..32).map(|at| format!(" xmlns:p{at}=\"urn:{at}\"")).collect();
    let long = "x".repeat((1 << 20) - 64);
    [
        ("deep", "<a>".repeat(300_000)),
        ("deep and closed", format!("{}{}", "<a>".repeat(64), "</a>".repeat(64)).repeat(2_000)),
        ("flat", format!("<w>{}", "<a/>".repeat(250_000))),
        ("attributes", format!("<w>{}", format!("<a{attributes}/>").repeat(3_000))),
        ("namespaces", format!("<w>{}", format!("<a{declared}/>").repeat(1_000))),
        ("one text", inside(&long)),
        ("one comment", format!("<!--{long}-->")),
        ("one attribute", format!("<w a=\"{long}\">")),
        ("references", inside(&"&#120;".repeat(170_000))),
        ("sections", inside(&"<![CDATA[x]]>".repeat(80_000))),
        ("comments", inside(&"<!---->".repeat(150_000))),
        ("instructions", inside(&"<?x?>".repeat(200_000))),
        ("white space", " ".repeat(1 << 20)),
        ("brackets", "<".repeat(1 << 20)),
        ("a name", format!("<{}", "n".repeat(1 << 20))),
        ("zeros", "\0".repeat(1 << 20)),
        ("prefixes", format!("<{}>", "a:".repeat(500_000))),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into()
}

#[test]
fn no_hostile_xml_costs_more_than_its_size_allows() {
    let texts = hostile_xml();
    let of = |(reader, read): &(&str, Reader)| {
        let named = |(name, text): &(String, String)| case(&format!("{reader}: {name}"), text.clone(), *read);
        texts.iter().map(named).collect::<Vec<Case>>()
    };
    hold(&READERS.iter().flat_map(of).collect::<Vec<Case>>());
}

// ISO 8583

fn card_message(bytes: &[u8]) {
    for spec in [&*GENERIC_1987, &*GENERIC_1993, &*UNIONPAY, &*UNIONPAY_TERMINAL, &*UNIONPAY_MAB] {
        if let Ok(message) = Message::decode(spec, bytes) {
            let _ = message.fields().map(|field| field.text().len()).sum::<usize>();
            let _ = (message.pan(), message.original_key(), message.mac());
        }
    }
}

/// The longest message of a table: every field of variable length as long as it may be.
fn longest(spec: &'static feiqian_iso8583::Spec) -> Option<Vec<u8>> {
    let mut builder = Builder::new(spec, Mti::new(200)?);
    for number in [48, 60, 61, 62, 63, 120, 121, 122, 123, 124, 125, 126, 127] {
        let lengths = [999, 512, 300, 255, 200, 120, 100, 99, 60, 30, 11, 8, 4];
        let fits = |length: &usize| {
            let digits = "1".repeat(*length);
            Builder::new(spec, Mti::new(200).expect("four digits")).text(number, &digits).encode().is_ok()
        };
        if let Some(length) = lengths.iter().find(|length| fits(length)) {
            builder = builder.text(number, &"1".repeat(*length));
        }
    }
    builder.encode().ok()
}

#[test]
fn no_card_message_costs_more_than_its_size_allows() {
    let mut cases: Vec<Case> = [0x00, 0x30, 0x39, 0x7F, 0xF0, 0xFF]
        .map(|byte| case(&format!("card: all {byte:#x}"), vec![byte; 16_384], card_message))
        .into();
    for spec in [&*GENERIC_1987, &*GENERIC_1993, &*UNIONPAY, &*UNIONPAY_TERMINAL] {
        cases.extend(longest(spec).map(|bytes| case("card: longest", bytes, card_message)));
    }
    assert!(cases.len() > 8, "some table has a longest message");
    hold(&cases);
}

// EMV QR codes

#[test]
fn no_code_costs_more_than_its_size_allows() {
    let merchant: Reader = |bytes| drop(MerchantCode::read_bytes(bytes, Profile::Lenient));
    let consumer: Reader = |bytes| {
        let _ = ConsumerCode::from_bytes(bytes.to_vec());
        let _ = str::from_utf8(bytes).map(ConsumerCode::read);
    };
    let head = b"\x85\x05CPV01".to_vec();
    let nested = |part: &[u8]| [head.clone(), part.repeat(2_900 / part.len())].concat();
    let objects: String = (26..=51).map(|id| format!("{id}50{}", "0001x0101x".repeat(5))).collect();
    hold(&[
        case("code: templates", format!("000201{objects}63040000"), merchant),
        case("code: nines", "9".repeat(2_953), merchant),
        case("code: wide", "😀".repeat(738), merchant),
        case("code: no characters", vec![0xFF; 2_953], merchant),
        case("token: templates", nested(&[0x61, 0x00]), consumer),
        case("token: lengths", nested(&[0x7F, 0x01, 0x82, 0x0B, 0x00]), consumer),
        case("token: base64", "hQVDUFYwMWEA".repeat(246), consumer),
    ]);
}

// Tables of payments

#[test]
fn no_table_costs_more_than_its_size_allows() {
    let read: Reader = |bytes| {
        let Ok(mut reader) = CsvReader::new(bytes, Limits::default(), [7; 32]) else { return };
        while matches!(reader.next_line(), Ok(Some(_))) {}
    };
    let header = feiqian_files::csv::reading::COLUMNS.join(",");
    let line = format!("{}\n", ",".repeat(feiqian_files::csv::reading::COLUMNS.len() - 1));
    hold(&[
        case("table: empty fields", format!("{header}\n{}", line.repeat(100_000)), read),
        case("table: one line", format!("{header}\n{}", "x".repeat(1 << 20)), read),
        case("table: quotes", format!("{header}\n{}", "\"\"".repeat(8_000)), read),
        case("table: an open quote", format!("{header}\n\"{}", "\n".repeat(1 << 20)), read),
        case("table: commas", ",".repeat(1 << 20), read),
        case("table: no text", vec![0xFF; 1 << 20], read),
    ]);
}

// The bulk protocol

#[test]
fn no_frame_costs_more_than_its_size_allows() {
    let requests: Reader = |bytes| {
        for header in bytes.as_chunks::<HEADER_BYTES>().0 {
            let _ = Request::read(header);
        }
    };
    let reply: Reader = |bytes| {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return };
        let (kind, header) = Header::read(header).expect("the header is good");
        let _ = read_reply(kind, &header, body);
    };
    let whole = |kind: Kind, flags: u8, count: u32, body: &[u8]| {
        let header = Header { flags, count: count.into(), ..Header::new(kind, 1) };
        feiqian_wire::layout::message(header, body)
    };
    let rows: Vec<u8> = [[1_u8].as_slice(), &[0; 15]].concat().repeat(8_190);
    assert_eq!(rows.len(), REPLY_BODY_BYTES_MAX);
    hold(&[
        case("frames: pings", whole(Kind::Ping, 0, 0, &[]).repeat(16_384), requests),
        case("frames: batches", whole(Kind::Batch, 0, 8_190, &[]).repeat(16_384), requests),
        case("frames: no frame", vec![0xFF; 1 << 20], requests),
        case("frames: rows", whole(Kind::Outcome, 0, 8_190, &rows), reply),
        case("frames: all as submitted", whole(Kind::Outcome, flags::ALL_AS_SUBMITTED, 8_190, &[]), reply),
        case("frames: rows of no outcome", whole(Kind::Outcome, 0, 8_190, &vec![0xFF; rows.len()]), reply),
    ]);
}

// The API

fn route(method: &str, path: &str) -> Served {
    served().find(|route| (route.method, route.path) == (method, path)).expect("a route")
}

fn body(path: &str, bytes: &[u8]) {
    let _ = read_body(route("POST", path), bytes);
}

/// Bodies of a bulk as large as one may be.
fn bulks() -> Vec<Case> {
    const BYTES: usize = 8 << 20;
    let read: Reader = |bytes| body("/v1/transfers/bulk", bytes);
    let head = "{\"mode\":\"continue\",\"transfers\":[";
    let many = |name: &str, item: &str, count: usize| {
        case(&format!("bulk: {name}"), format!("{head}{}]}}", vec![item; count].join(",")), read)
    };
    let of = |name: &str, item: &str| many(name, item, (BYTES - head.len() - 2) / (item.len() + 1));
    let least = "{\"debtor\":\"1\",\"creditor\":\"2\",\"amount\":{\"amount\":\"1\",\"currency\":\"EUR\"}}";
    let long = format!(
        "{{\"debtor\":\"1\",\"creditor\":\"2\",\"amount\":{{\"amount\":\"1\",\"currency\":\"EUR\"}},\"remittance\":\"{}\"}}",
        "\\u0078".repeat(140)
    );
    vec![
        many("as many as may be", least, BATCH_TRANSFERS_MAX),
        of("least", least),
        of("escapes", &long),
        of("nothing", "{}"),
        of("nulls", "null"),
        of("arrays", "[]"),
    ]
}

#[test]
fn no_body_or_query_costs_more_than_its_size_allows() {
    let read: Reader = |bytes| body("/v1/transfers", bytes);
    let query: Reader = |bytes| {
        let text = str::from_utf8(bytes).expect("text");
        let _ = read_query(route("GET", "/v1/accounts"), text);
        let _ = read_query(route("GET", "/v1/events"), text);
    };
    let mut cases = vec![
        case("body: deep", "[".repeat(16_384), read),
        case("body: deep objects", "{\"debtor\":".repeat(1_600), read),
        case("body: one string", format!("{{\"debtor\":\"{}\"}}", "x".repeat(16_000)), read),
        case("body: escapes", format!("{{\"debtor\":\"{}\"}}", "\\u00e9".repeat(2_700)), read),
        case("body: a number", format!("{{\"timeout_s\":{}}}", "9".repeat(16_000)), read),
        case("body: an exponent", format!("{{\"timeout_s\":1e{}}}", "9".repeat(16_000)), read),
        case("body: fields", format!("{{{}}}", "\"x\":1,".repeat(2_700)), read),
        case("query: many", "limit=1&".repeat(2_000), query),
        case("query: unknown", "x&".repeat(8_000), query),
        case("query: long", format!("cursor={}", "%41".repeat(5_000)), query),
    ];
    cases.extend(bulks());
    hold(&cases);
}

// Who is asking

fn headers(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    let names = ["signature-input", "signature", "content-digest", "authorization"];
    let given: Vec<_> = names.iter().zip(&mut parts).collect();
    let header = |name: &str| given.iter().find(|(own, _)| **own == name).map(|(_, value)| *value);
    let shown = Presented {
        method: "POST",
        scheme: "https",
        authority: "house.example",
        path: "/v1/transfers",
        query: None,
        headers: &header,
        body: bytes,
        certificate: None,
    };
    assert!(Identities::nobody().identify(&shown, 1_800_000_000).is_err());
}

#[test]
fn no_header_costs_more_than_its_size_allows() {
    let repeated = |input: &str, signature: &str| format!("{input}\n{signature}");
    hold(&[
        case("headers: labels", repeated(&"a=();b=1,".repeat(450), &"a=:AA==:,".repeat(450)), headers),
        case("headers: parts", repeated(&format!("a=({})", "\"x\" ".repeat(1_000)), "a=:AA==:"), headers),
        case("headers: brackets", repeated(&"(".repeat(4_000), &":".repeat(4_000)), headers),
        case("headers: long", repeated(&"x".repeat(1 << 20), &"y".repeat(1 << 20)), headers),
        case("headers: a key", format!("\n\n\nBearer fq_{}", "0".repeat(16_000)), headers),
    ]);
}

// Proofs

#[test]
fn no_proof_costs_more_than_its_size_allows() {
    let binary: Reader = |bytes| drop(Proof::decode(bytes));
    let json: Reader = |bytes| {
        let _ = str::from_utf8(bytes).map(from_json);
    };
    let text =
        std::fs::read_to_string(crate::root().join("engine/proof/tests/vectors.json")).expect("vectors");
    let mut cases = Vec::new();
    // Every line of the vectors names one file in hexadecimal digits or as JSON; that they are read right is tested there.
    for part in
        text.split('"').filter(|part| part.len() >= 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        let bytes: Vec<u8> = part.as_bytes().as_chunks::<2>().0.iter().map(|pair| digits(*pair)).collect();
        let mut grown = bytes.clone();
        grown.resize(bytes.len() + 65_536, 0xFF);
        let lying: Vec<u8> =
            bytes.iter().enumerate().map(|(at, byte)| if at < 16 { *byte } else { 0xFF }).collect();
        cases.extend([bytes, grown, lying].map(|bytes| case("proof: of the vectors", bytes, binary)));
    }
    assert!(!cases.is_empty(), "there are vectors");
    cases.extend([
        case("proof: deep JSON", "[".repeat(1 << 16), json),
        case("proof: deep objects", "{\"kind\":".repeat(1 << 13), json),
        case("proof: one string", format!("{{\"kind\":\"{}\"}}", "x".repeat(1 << 16)), json),
        case("proof: a number", "9".repeat(1 << 16), json),
    ]);
    hold(&cases);
}

fn digits([high, low]: [u8; 2]) -> u8 {
    let digit =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).expect("a digit");
    digit(high) * 16 + digit(low)
}
