//! Hostile inputs: each ends as `EXPECT.tsv` says; and the same attacks on a fixture of our own.

use feiqian_iso20022::transfers::check;
use feiqian_iso20022::{ErrorCode, Limits};

use crate::data::{self, say};

/// File and code of the refusal that the business checks must give.
const BUSINESS: [(&str, &str); 5] = [
    ("two_decimals_jpy.xml", "AM12"),
    ("total_mismatch.xml", "AM10"),
    ("mixed_currencies.xml", "CURR"),
    ("bah_msgdef_mismatch.xml", "FF01"),
    ("bah_from_mismatch.xml", "AGNT"),
];

/// `read` (and clearable), `refused` with its codes, or `failed`.
fn verdict(bytes: &[u8]) -> (&'static str, String) {
    match crate::domain::read(bytes) {
        Err(error) => ("failed", format!("{error}")),
        Ok((summary, entries)) => {
            let single = entries.iter().filter_map(|entry| match entry {
                feiqian_iso20022::payment::Entry::Refused(refused) => Some(&refused.refusal),
                feiqian_iso20022::payment::Entry::Transfer(_) => None,
            });
            let codes: Vec<&str> =
                summary.refusals.iter().chain(single).map(|refusal| refusal.code.as_str()).collect();
            (if codes.is_empty() { "read" } else { "refused" }, codes.join(" "))
        }
    }
}

#[test]
fn hostile_inputs_end_as_expected() {
    let Some(folder) = data::folder("samples/hostile") else { return };
    let mut problems = Vec::new();
    let table = data::text(&folder.join("EXPECT.tsv"));
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    for row in &rows {
        let (file, expected) = (row[0], row[3]);
        let (ours, why) = verdict(&data::read(&folder.join(file)));
        let is_right = match expected {
            "accept" => ours == "read",
            "reject" => ours == "failed",
            "business-reject" => ours == "refused" && BUSINESS.contains(&(file, why.as_str())),
            "accept-or-reject-cleanly" => ours != "refused",
            _ => false,
        };
        if !is_right {
            problems.push(format!("{file}: expected {expected}, {ours} {why}"));
        }
    }
    say(&format!("checked {} hostile inputs", rows.len()));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What is replaced by what in the fixture, and how that must end.
const ATTACKS: &[(&str, &str, ErrorCode)] = &[
    ("<Document", "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><Document", ErrorCode::Doctype),
    ("<Document", "<!DOCTYPE x [<!ENTITY a \"b\">]><Document", ErrorCode::Doctype),
    ("<Document", "<!DOCTYPE", ErrorCode::Doctype),
    ("Anna Example", "&bomb;", ErrorCode::Entity),
    ("Anna Example", "a & b", ErrorCode::NotWellFormed),
    ("Anna Example", "&#0;", ErrorCode::IllegalCharacter),
    ("Anna Example", "&#xD800;", ErrorCode::IllegalCharacter),
    ("Anna Example", "&#+65;", ErrorCode::IllegalCharacter),
    ("Anna Example", "\u{8}", ErrorCode::IllegalCharacter),
    ("Anna Example", "\u{FFFF}", ErrorCode::IllegalCharacter),
    ("Anna Example", "a]]>b", ErrorCode::NotWellFormed),
    ("Anna Example", "<b>Anna</b>", ErrorCode::UnexpectedElement),
    ("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"", ErrorCode::NotUtf8),
    ("version=\"1.0\"", "version=\"1.1\"", ErrorCode::NotWellFormed),
    ("<?xml", " <?xml", ErrorCode::NotWellFormed),
    ("</Document>", "</Document><Document/>", ErrorCode::NotWellFormed),
    ("</Document>", "</Document>text", ErrorCode::NotWellFormed),
    ("</Document>", "", ErrorCode::Truncated),
    ("<GrpHdr>", "<GrpHdr>text", ErrorCode::UnexpectedText),
    ("<GrpHdr>", "<GrpHdr a=\"1\">", ErrorCode::UnexpectedAttribute),
    ("<GrpHdr>", "<GrpHdr a=\"1\" a=\"1\">", ErrorCode::NotWellFormed),
    ("<GrpHdr>", "<GrpHdr a=1>", ErrorCode::NotWellFormed),
    ("<GrpHdr>", "<GrpHdr a=\"<\">", ErrorCode::NotWellFormed),
    ("<GrpHdr>", "<GrpHdr a=\"1\"b=\"2\">", ErrorCode::NotWellFormed),
    ("<GrpHdr>", "<x:GrpHdr>", ErrorCode::UnboundPrefix),
    ("<GrpHdr>", "<GrpHdr xmlns=\"urn:other\">", ErrorCode::UnexpectedElement),
    (
        "<GrpHdr>",
        "<GrpHdr xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\">",
        ErrorCode::UnexpectedAttribute,
    ),
    ("<GrpHdr>", "<?xml version=\"1.0\"?><GrpHdr>", ErrorCode::NotWellFormed),
    ("<GrpHdr>", "<!-- a -- b --><GrpHdr>", ErrorCode::NotWellFormed),
    ("<GrpHdr>", "<![CDATA[ x ]]><GrpHdr>", ErrorCode::UnexpectedText),
    (" Ccy=\"EUR\"", "", ErrorCode::MissingAttribute),
    (" Ccy=\"EUR\"", " Ccy=\"eur\"", ErrorCode::InvalidValue),
    ("pacs.008.001.08", "pacs.008.001.99", ErrorCode::UnsupportedMessage),
    ("urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08", "", ErrorCode::UnsupportedMessage),
    ("pacs.008.001.08", "pacs.002.001.10", ErrorCode::WrongMessage),
    ("<MsgId>", "<CreDtTm>2026-03-16T08:00:00Z</CreDtTm><MsgId>", ErrorCode::MissingElement),
    ("<NbOfTxs>2</NbOfTxs>", "", ErrorCode::MissingElement),
    ("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>2</NbOfTxs><NbOfTxs>2</NbOfTxs>", ErrorCode::UnexpectedElement),
    ("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>two</NbOfTxs>", ErrorCode::InvalidValue),
    ("2026-03-16T08:00:00Z", "2026-02-30T08:00:00Z", ErrorCode::InvalidValue),
];

#[test]
fn attacks_on_a_fixture_fail_with_their_code() {
    let fixture = data::text(&data::fixtures().join("pacs.008.xml"));
    for (from, to, code) in ATTACKS {
        let attacked = fixture.replacen(from, to, 1);
        assert_ne!(attacked, fixture, "{from} is not in the fixture");
        let result = check(attacked.as_bytes(), Limits::default());
        assert_eq!(result.map_err(|error| error.code), Err(*code), "{from} as {to}");
    }
}

#[test]
fn harmless_variants_of_a_fixture_are_read_alike() {
    let fixture = data::text(&data::fixtures().join("pacs.008.xml"));
    let (_, expected) = crate::domain::read(fixture.as_bytes()).expect("the fixture is right");
    let variants = [
        fixture.replace("\r\n", "\n").replace('\n', "\r\n"),
        fixture.replacen("Anna Example", "<![CDATA[Anna ]]>Ex&#97;mple", 1),
        fixture.replacen("<GrpHdr>", "<!-- a comment --><?note x?><GrpHdr>", 1),
        fixture.replacen("<Document", "<Document xmlns:unused=\"urn:unused\"", 1),
        fixture.replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "", 1),
        fixture.replacen("<?xml", "\u{FEFF}<?xml", 1),
        fixture.replacen("Ccy=\"EUR\"", "\n Ccy = 'EUR' ", 1),
        fixture.replacen("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs >2</NbOfTxs\n>", 1),
        prefixed(&fixture),
        format!("<Outer a=\"1\">text<Inner xmlns=\"urn:wrapper\">{}</Inner></Outer>", body(&fixture)),
    ];
    for variant in variants {
        let (_, entries) =
            crate::domain::read(variant.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{variant}"));
        assert_eq!(entries, expected);
    }
}

fn body(fixture: &str) -> &str {
    fixture.split_once("?>").expect("a declaration").1
}

/// The fixture with every element under a prefix.
fn prefixed(fixture: &str) -> String {
    let body = body(fixture).replace("</", "\u{1}").replace('<', "<p:").replace('\u{1}', "</p:");
    body.replacen("xmlns=", "xmlns:p=", 1)
}
