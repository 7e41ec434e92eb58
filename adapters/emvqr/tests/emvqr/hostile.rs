//! Payloads made to deceive or to break: each ends in its error, at its data object and byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feiqian_emvqr::cpm::{ConsumerCode, DataObjects, Tag};
use feiqian_emvqr::limits::{APPLICATIONS_MAX, DEPTH_MAX, OBJECTS_MAX, PAYLOAD_BYTES_MAX};
use feiqian_emvqr::mpm::{MerchantCode, Profile};
use feiqian_emvqr::{Error, ErrorCode};

use crate::fixtures::{consumer, full_payload, least_payload, with_crc};

const HEAD: &str = "00020102164000123456789012520458125303156";
const TAIL: &str = "5802CN5902AB6002CD";

/// The least code with `objects` in its middle, and a CRC that is right.
fn with(objects: &str) -> String {
    with_crc(&format!("{HEAD}{objects}{TAIL}"))
}

fn said(read: Result<impl std::fmt::Debug, Error>) -> (ErrorCode, String, usize) {
    let error = read.expect_err("not to be read");
    (error.code, error.place.to_string(), error.offset)
}

#[test]
fn hostile_merchants_codes_each_end_in_their_error_at_their_place() {
    use ErrorCode as Code;
    let at = HEAD.len();
    let behind = with("").len();
    for (payload, code, place, offset) in [
        (String::new(), Code::Empty, "payload", 0),
        ("0".repeat(PAYLOAD_BYTES_MAX + 1), Code::TooLarge, "payload", PAYLOAD_BYTES_MAX),
        ("0".to_owned(), Code::Truncated, "payload", 0),
        ("000".to_owned(), Code::Truncated, "00", 2),
        ("0002".to_owned(), Code::PastEnd, "00", 2),
        ("00020".to_owned(), Code::PastEnd, "00", 2),
        (with_crc("000202"), Code::UnknownFormat, "00", 4),
        (with_crc("010211000201"), Code::FormatNotFirst, "00", 0),
        ("000201".to_owned(), Code::CrcMissing, "63", 6),
        (format!("{}6304", with("")), Code::PastEnd, "63", behind + 2),
        (format!("{}6501x", with("")), Code::CrcNotLast, "63", behind - 4),
        ("0002016303ABC".to_owned(), Code::CrcForm, "63", 10),
        ("0002016304GHIJ".to_owned(), Code::CrcForm, "63", 10),
        ("0002016304+12A".to_owned(), Code::CrcForm, "63", 10),
        ("00020163040000".to_owned(), Code::CrcWrong, "63", 10),
        (with("54-15.00"), Code::NotALength, "54", at + 2),
        (with("5400"), Code::ZeroLength, "54", at + 2),
        (with("540１2.00"), Code::NotALength, "54", at + 2),
        (with("５4041.00"), Code::NotAnId, "payload", at),
        (with("5405-5.00"), Code::InvalidAmount, "54", at + 4),
        (with("540512,50"), Code::InvalidAmount, "54", at + 4),
        (with("54051e999"), Code::InvalidAmount, "54", at + 4),
        (with("5403NaN"), Code::InvalidAmount, "54", at + 4),
        (with("541499999999999999"), Code::InvalidAmount, "54", at + 4),
        (with("54041.0054049.99"), Code::Duplicate, "54", at + 8),
        (with("54040.00"), Code::ZeroAmount, "54", at + 4),
        (with("55020256010"), Code::ZeroAmount, "56", at + 10),
        (with("550209"), Code::InvalidValue, "55", at + 4),
        (with("550202"), Code::TipConflict, "55", at + 4),
        (with("56041.00"), Code::TipConflict, "56", at + 4),
        (with("55020156041.00"), Code::TipConflict, "55", at + 4),
        (with("55020256041.0057015"), Code::TipConflict, "55", at + 4),
        (with("55020357010"), Code::InvalidAmount, "57", at + 10),
        (with("5502035703100"), Code::InvalidAmount, "57", at + 10),
        (with("55020357051.005"), Code::InvalidAmount, "57", at + 10),
        (with("6103a\u{0}b"), Code::ControlCharacter, "61", at + 5),
        (with("6103a\u{85}b"), Code::ControlCharacter, "61", at + 5),
        (with("010213"), Code::InvalidValue, "01", at + 4),
        (with("6206059912"), Code::PastEnd, "62.05", at + 6),
        (with("62120502AB0502CD"), Code::Duplicate, "62.05", at + 10),
        (with("62070903XYZ"), Code::InvalidValue, "62.09", at + 8),
        (with("62060902AA"), Code::InvalidValue, "62.09", at + 8),
        (with("62070903***"), Code::InvalidValue, "62.09", at + 8),
        (with("6403000"), Code::Truncated, "64.00", at + 6),
        (with("64060002ZH"), Code::Missing, "64.01", at + 4),
        (with("64110002Z101011"), Code::InvalidValue, "64.00", at + 8),
        (with("26050101X"), Code::Missing, "26.00", at + 4),
        (with("2603abc"), Code::NotAnId, "26", at + 4),
        (with("26090001A0199"), Code::PastEnd, "26.01", at + 11),
    ] {
        let found = said(MerchantCode::read(&payload, Profile::Emvco));
        assert_eq!(found, (code, place.to_owned(), offset), "{payload}");
    }
}

#[test]
fn a_length_that_counts_bytes_of_utf_8_is_a_lie() {
    let by_characters = with_crc(&format!("{HEAD}{TAIL}64140002ZH0104演示茶馆"));
    let code = MerchantCode::read(&by_characters, Profile::Emvco).expect("a code");
    assert_eq!(code.local_name.expect("a name").name, "演示茶馆");
    let by_bytes = with_crc(&format!("{HEAD}{TAIL}64220002ZH0112演示茶馆"));
    let error = MerchantCode::read(&by_bytes, Profile::Emvco).expect_err("eight characters short");
    assert!(matches!(error.code, ErrorCode::PastEnd | ErrorCode::CrcMissing), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_begin() {
    for (bytes, offset) in [(&b"0002\xFF"[..], 4), (b"000201\xE6\xBC", 6), (b"\xC0\xAF", 0)] {
        let found = said(MerchantCode::read_bytes(bytes, Profile::Lenient));
        assert_eq!(found, (ErrorCode::NotUtf8, "payload".to_owned(), offset));
    }
    assert!(MerchantCode::read_bytes(least_payload().as_bytes(), Profile::Emvco).is_ok());
}

#[test]
fn a_code_cut_or_changed_anywhere_is_refused() {
    let payload = full_payload();
    for (cut, _) in payload.char_indices() {
        assert!(MerchantCode::read(&payload[..cut], Profile::Lenient).is_err(), "cut at {cut}");
    }
    for (at, sign) in payload.char_indices().filter(|(_, sign)| sign.is_ascii()) {
        for other in ['0', '9', 'A', '.', ' '] {
            if other != sign {
                let mut changed = payload.clone();
                changed.replace_range(at..=at, &other.to_string());
                assert!(MerchantCode::read(&changed, Profile::Lenient).is_err(), "{other} at {at}");
            }
        }
    }
}

#[test]
fn an_altered_amount_breaks_the_crc() {
    let altered = full_payload().replace("540523.72", "540500.01");
    let error = MerchantCode::read(&altered, Profile::Lenient).expect_err("altered");
    assert_eq!(error.code, ErrorCode::CrcWrong);
}

#[test]
fn what_a_profile_tolerates_is_listed_and_bounded() {
    let many: String = (26..=51).map(|id| format!("{id}01x")).collect();
    let payload = with(&many);
    let code = MerchantCode::read(&payload, Profile::Lenient).expect("lenient");
    assert_eq!(code.deviations().len(), feiqian_emvqr::limits::DEVIATIONS_MAX);
    assert_eq!(said(MerchantCode::read(&payload, Profile::Scheme)).0, ErrorCode::Truncated);
    assert_eq!(said(MerchantCode::read(&payload, Profile::Emvco)).0, ErrorCode::Truncated);
    let without_name = with_crc(&format!("{HEAD}5802CN6002CD"));
    assert!(MerchantCode::read(&without_name, Profile::Scheme).is_ok());
    assert_eq!(said(MerchantCode::read(&without_name, Profile::Emvco)).0, ErrorCode::Missing);
}

fn spell(word: &str) -> &str {
    match word {
        "F" => "85054350563031",
        "A" => "61094F07A0000000555555",
        hex => hex,
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    hex.as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn hostile_consumers_codes_each_end_in_their_error_at_their_place() {
    use ErrorCode as Code;
    // F is a payload format indicator, A an application template that is right.
    for (hex, code, place, offset) in [
        ("85", Code::Truncated, "85", 1),
        ("85 05 43505630", Code::PastEnd, "85", 1),
        ("61 00 85 05 4350563031", Code::FormatNotFirst, "85", 0),
        ("85 05 4350563032", Code::UnknownFormat, "85", 2),
        ("85 05 4350563031", Code::NoApplication, "payload", 7),
        ("F 61 00", Code::Missing, "61.4F", 9),
        ("F 61 80 0000", Code::IndefiniteLength, "61", 8),
        ("F 61 81 09", Code::LengthForm, "61", 8),
        ("F 61 82 0009", Code::LengthForm, "61", 8),
        ("F 61 83 000009", Code::LengthForm, "61", 8),
        ("F 61 FF", Code::LengthForm, "61", 8),
        ("F 61 82 FFFF", Code::PastEnd, "61", 8),
        ("F 61 0B 4F 7F A0000000555555", Code::PastEnd, "61", 8),
        ("F 61 09 4F 08 A0000000555555", Code::PastEnd, "61.4F", 10),
        ("F A 00 00", Code::TagForm, "payload", 18),
        ("F A 9F", Code::Truncated, "payload", 18),
        ("F A 9F 80 01 00", Code::TagForm, "payload", 18),
        ("F A DF FF FF FF 01", Code::TagForm, "payload", 18),
        ("F A F", Code::Duplicate, "85", 18),
        ("F A 62 00 62 00", Code::Duplicate, "62", 20),
        ("F 61 0D 4F 05 A000000055 4F 04 A0000000", Code::Duplicate, "61.4F", 16),
        ("F 61 06 4F 04 A0000000", Code::InvalidValue, "61.4F", 11),
        ("F A 62 05 5A 03 123456", Code::InvalidCard, "62.5A", 22),
        ("F A 62 06 5A 04 1234567A", Code::InvalidCard, "62.5A", 22),
        ("F A 62 0A 57 08 1234567890123456", Code::InvalidCard, "62.57", 22),
        ("F A 62 03 50 01 0A", Code::InvalidValue, "62.50", 22),
        ("F A 62 06 5F24 03 30130A", Code::InvalidValue, "62.5F24", 23),
        ("F A 62 05 64 03 9F36 02", Code::PastEnd, "62.64.9F36", 24),
        ("F A 62 06 64 04 9F36 01 00", Code::InvalidValue, "62.64.9F36", 25),
        ("F A 62 08 64 06 65 04 66 02 67 00", Code::TooDeep, "62.64.65.66.67", 26),
    ] {
        let spelled: Vec<&str> = hex.split(' ').map(spell).collect();
        let hex = spelled.concat();
        let found = said(ConsumerCode::from_bytes(bytes_of(&hex)));
        assert_eq!(found, (code, place.to_owned(), offset), "{hex}");
        let text = STANDARD.encode(bytes_of(&hex));
        assert_eq!(said(ConsumerCode::read(&text)), found);
    }
}

#[test]
fn texts_that_are_no_base64_are_refused_where_they_stop_being_it() {
    let text = consumer().build().expect("a code").to_base64();
    let length = text.len();
    for (payload, code, offset) in [
        (String::new(), ErrorCode::Empty, 0),
        (format!("{text} "), ErrorCode::NotBase64, length),
        (format!("{}\n", &text[..8]), ErrorCode::NotBase64, 8),
        (text.replacen('h', "-", 1), ErrorCode::NotBase64, 0),
        ("hQVDUFYwMQ".to_owned(), ErrorCode::NotBase64, 10),
        ("hQVDUFYwMR==".to_owned(), ErrorCode::NotBase64, 9),
        ("A".repeat(PAYLOAD_BYTES_MAX + 3), ErrorCode::TooLarge, PAYLOAD_BYTES_MAX),
    ] {
        let (found, _, at) = said(ConsumerCode::read(&payload));
        assert_eq!(found, code, "{payload}");
        if code != ErrorCode::NotBase64 || payload.len() % 4 == 0 {
            assert_eq!(at, offset, "{payload}");
        }
    }
}

#[test]
fn counts_and_depth_are_bounded() {
    let card = || DataObjects::application(&[0xA0, 0, 0, 0, 1]);
    let applications = |count: usize| {
        (0..count).fold(DataObjects::payload(), |code, _| code.template(Tag::APPLICATION, card())).build()
    };
    assert!(applications(APPLICATIONS_MAX).is_ok());
    assert_eq!(said(applications(APPLICATIONS_MAX + 1)).0, ErrorCode::TooLarge);
    let objects = |count: u8| {
        let tag = |number: u8| Tag::from_bytes(&[0xDF, number]).expect("a tag");
        let card = (1..count).fold(card(), |card, number| card.with(tag(number), &[]));
        DataObjects::payload().template(Tag::APPLICATION, card).build()
    };
    let most = u8::try_from(OBJECTS_MAX).expect("fits");
    assert!(objects(most).is_ok());
    assert_eq!(said(objects(most + 1)).0, ErrorCode::TooLarge);
    let nested = |depth: usize| {
        let tag = Tag::from_bytes(&[0x7F, 0x01]).expect("a tag");
        let inner = (0..depth).fold(DataObjects::new(), |inner, _| DataObjects::new().template(tag, inner));
        DataObjects::payload().template(Tag::APPLICATION, card()).template(Tag::COMMON, inner).build()
    };
    assert!(nested(DEPTH_MAX - 1).is_ok());
    assert_eq!(said(nested(DEPTH_MAX)).0, ErrorCode::TooDeep);
}

#[test]
fn a_consumers_code_cut_anywhere_is_refused_or_says_less() {
    let code = consumer().build().expect("a code");
    for cut in 0..code.as_bytes().len() {
        // The common data is optional: a cut just before it leaves a whole code.
        if let Ok(less) = ConsumerCode::from_bytes(code.as_bytes()[..cut].to_vec()) {
            assert!(less.common().is_none() && less.as_bytes().len() == cut, "cut at {cut}");
        }
    }
}
