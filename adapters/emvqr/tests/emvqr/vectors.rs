//! The shared vectors: each is read to what an independent parser found, and written again to the byte, or refused with
//! the same reason.

use feiqian_emvqr::cpm::{ConsumerCode, Object, Objects, Tag};
use feiqian_emvqr::mpm::{AdditionalField, Elements, Initiation, Label, MerchantCode, Profile, Tip};
use feiqian_emvqr::{Error, ErrorCode};
use serde_json::{Value, json};

use crate::data::{self, Vector};

/// The reason that the independent parser gives, as a code of ours.
fn code_of(reason: &str) -> ErrorCode {
    const REASONS: [(&str, ErrorCode); 21] = [
        ("but computed", ErrorCode::CrcWrong),
        ("amount format", ErrorCode::InvalidAmount),
        ("country code", ErrorCode::InvalidValue),
        ("currency is not numeric", ErrorCode::InvalidValue),
        ("category", ErrorCode::InvalidValue),
        ("tip indicator", ErrorCode::InvalidValue),
        ("63 (CRC) is missing", ErrorCode::CrcMissing),
        ("63 is not last", ErrorCode::CrcNotLast),
        ("00 is not first", ErrorCode::FormatNotFirst),
        ("duplicate id", ErrorCode::Duplicate),
        ("bad length", ErrorCode::NotALength),
        ("bad id", ErrorCode::NotAnId),
        ("has length 00", ErrorCode::ZeroLength),
        ("61 runs past the end", ErrorCode::PastEnd),
        ("runs past the end", ErrorCode::PastEnd),
        ("base64", ErrorCode::NotBase64),
        ("length form", ErrorCode::IndefiniteLength),
        ("85 is not first", ErrorCode::FormatNotFirst),
        ("without 4F", ErrorCode::Missing),
        ("payload format indicator is not", ErrorCode::UnknownFormat),
        ("no application template", ErrorCode::NoApplication),
    ];
    let found = REASONS.iter().find(|(words, _)| reason.contains(words));
    found.unwrap_or_else(|| panic!("no code for {reason:?}")).1
}

fn assert_refused<T: std::fmt::Debug>(vector: &Vector, read: Result<T, Error>) {
    let reason = vector.text("error");
    let error = read.err().unwrap_or_else(|| panic!("{} was read, expected: {reason}", vector.name));
    let is_empty = vector.payload().is_empty() && error.code == ErrorCode::Empty;
    assert!(is_empty || error.code == code_of(reason), "{}: {error}, expected: {reason}", vector.name);
    if let Some(at) = reason.rsplit_once(" at ").and_then(|(_, at)| at.parse::<usize>().ok()) {
        assert_eq!(error.offset, at, "{}: {error}, expected: {reason}", vector.name);
    }
}

#[test]
fn merchants_vectors_are_read_to_their_facts_or_refused_with_their_reason() {
    for vector in data::vectors("mpm") {
        let read = MerchantCode::read(vector.payload(), Profile::Lenient);
        if !vector.is_valid() {
            assert_refused(&vector, read);
            continue;
        }
        let code = read.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(tree(code.elements(), &vector.json["tlv"]), vector.json["tlv"], "{}", vector.name);
        assert_facts(&vector, &code);
        let missing: Vec<String> = code
            .deviations()
            .iter()
            .filter(|deviation| deviation.code == ErrorCode::Missing && deviation.place.depth() == 1)
            .map(|deviation| deviation.place.to_string())
            .collect();
        assert_eq!(json!(missing), vector.json["emvco_missing"], "{}", vector.name);
        assert_warnings(&vector, &code);
    }
}

/// The objects in the shape of the vector: templates as lists where it has lists.
fn tree(elements: &Elements<'_>, shape: &Value) -> Value {
    let objects = elements.iter().zip(shape.as_array().into_iter().flatten());
    let objects = objects.map(|(element, shape)| {
        let value = match &shape[1] {
            Value::Array(_) => {
                let pairs = pairs(element.value).into_iter();
                pairs.map(|(id, value)| json!([id, value])).collect()
            }
            _ => json!(element.value),
        };
        json!([format!("{:02}", element.id), value])
    });
    assert_eq!(elements.iter().count(), shape.as_array().map_or(0, Vec::len));
    objects.collect()
}

/// The objects of a template, by the plainest loop: a second opinion on counting characters.
fn pairs(text: &str) -> Vec<(String, String)> {
    let signs: Vec<char> = text.chars().collect();
    let mut rest = signs.as_slice();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let length: usize = rest[2..4].iter().collect::<String>().parse().expect("a length");
        pairs.push((rest[..2].iter().collect(), rest[4..4 + length].iter().collect()));
        rest = &rest[4 + length..];
    }
    pairs
}

fn assert_facts(vector: &Vector, code: &MerchantCode<'_>) {
    let facts = &vector.json["parsed"];
    let initiation = code.initiation.map(|method| match method {
        Initiation::Static => "static",
        Initiation::Dynamic => "dynamic",
    });
    let tip = code.tip.map(|tip| match tip {
        Tip::Prompt => "01",
        Tip::Fixed(_) => "02",
        Tip::Percentage(_) => "03",
    });
    let currency = code.currency.map(|numeric| format!("{numeric:03}"));
    for (key, found) in [
        ("initiation", initiation),
        ("mcc", code.category),
        ("currency", currency.as_deref()),
        ("amount", code.amount.map(|amount| amount.as_str())),
        ("tip_indicator", tip),
        ("country", code.country),
        ("name", code.name),
        ("city", code.city),
        ("postal_code", code.postal_code),
    ] {
        assert_eq!(found, facts[key].as_str(), "{} {key}", vector.name);
    }
    match code.tip {
        Some(Tip::Fixed(fee)) => assert_eq!(Some(fee.as_str()), facts["fixed_fee"].as_str()),
        Some(Tip::Percentage(fee)) => {
            let percent: f64 = facts["percent_fee"].as_str().expect("a fee").parse().expect("a number");
            assert!((f64::from(fee.hundredths()) / 100.0 - percent).abs() < 1e-9, "{}", vector.name);
        }
        _ => {}
    }
    assert_accounts(vector, code);
    let local = code.local_name;
    for (key, found) in
        [("language", local.map(|local| local.language)), ("name", local.map(|local| local.name))]
    {
        assert_eq!(found, facts["language"][key].as_str(), "{} language {key}", vector.name);
    }
    assert_eq!(local.and_then(|local| local.city), facts["language"]["city"].as_str(), "{}", vector.name);
    for (field, key) in [
        (AdditionalField::BillNumber, "bill_number"),
        (AdditionalField::MobileNumber, "mobile_number"),
        (AdditionalField::StoreLabel, "store_label"),
        (AdditionalField::LoyaltyNumber, "loyalty_number"),
        (AdditionalField::ReferenceLabel, "reference_label"),
        (AdditionalField::CustomerLabel, "customer_label"),
        (AdditionalField::TerminalLabel, "terminal_label"),
        (AdditionalField::PurposeOfTransaction, "purpose"),
        (AdditionalField::ConsumerDataRequest, "additional_consumer_data_request"),
    ] {
        let label = code.additional.as_ref().and_then(|data| data.label(field));
        let found = label.map(|label| match label {
            Label::Value(text) => text,
            Label::Prompt => "***",
        });
        assert_eq!(found, facts["additional"][key].as_str(), "{} {key}", vector.name);
    }
}

fn assert_accounts(vector: &Vector, code: &MerchantCode<'_>) {
    let expected = vector.json["parsed"]["accounts"].as_array().expect("accounts");
    assert_eq!(code.accounts().count(), expected.len(), "{}", vector.name);
    for (account, expected) in code.accounts().zip(expected) {
        assert_eq!(Some(format!("{:02}", account.element.id).as_str()), expected["id"].as_str());
        let union_pay = account.union_pay();
        assert_eq!(union_pay.map(|parts| parts.acquirer), expected["acquirer_iin"].as_str());
        assert_eq!(union_pay.map(|parts| parts.forwarder), expected["forwarder_iin"].as_str());
        assert_eq!(union_pay.map(|parts| parts.merchant), expected["merchant_id"].as_str());
        if account.element.id >= 26 {
            let template = account.template().expect("a template");
            assert_eq!(template.identifier(), expected["guid"].as_str(), "{}", vector.name);
        }
    }
}

/// Each warning of the vector has its deviation.
fn assert_warnings(vector: &Vector, code: &MerchantCode<'_>) {
    for warning in vector.json["warnings"].as_array().into_iter().flatten() {
        let (place, codes): (&str, &[ErrorCode]) = match warning.as_str().expect("a text") {
            "CRC in lower case" => ("63", &[ErrorCode::CrcForm]),
            "merchant city longer than 15" => ("60", &[ErrorCode::TooLarge]),
            "merchant name longer than 25" => ("59", &[ErrorCode::TooLarge]),
            text => {
                let (_, id) =
                    text.split_once("template is not TLV: ").unwrap_or_else(|| panic!("new: {text}"));
                (id.split_at(2).0, &[ErrorCode::PastEnd, ErrorCode::ZeroLength, ErrorCode::NotAnId])
            }
        };
        let is_said = code.deviations().iter().any(|deviation| {
            deviation.place.to_string().starts_with(place) && codes.contains(&deviation.code)
        });
        assert!(is_said, "{}: {warning} is not among {:?}", vector.name, code.deviations());
    }
}

#[test]
fn merchants_vectors_are_written_again_to_the_byte_or_refused_for_a_deviation() {
    let (mut written, mut refused) = (0, 0);
    for vector in data::vectors("mpm").iter().filter(|vector| vector.is_valid()) {
        let code = MerchantCode::read(vector.payload(), Profile::Lenient).expect("read above");
        let deviation = code.deviations().iter().find(|deviation| {
            let is_omission = deviation.code == ErrorCode::Missing && deviation.place.depth() == 1;
            !is_omission && deviation.code != ErrorCode::CrcForm
        });
        let again = code.to_builder().build(Profile::Scheme);
        match (again, deviation) {
            (Ok(again), None) => {
                // A CRC in lower case is written in upper case; all else is the same.
                let (body, crc) = vector.payload().split_at(vector.payload().len() - 4);
                assert_eq!(again, format!("{body}{}", crc.to_uppercase()), "{}", vector.name);
                written += 1;
            }
            (Err(error), Some(deviation)) => {
                assert_eq!((error.code, error.place), (deviation.code, deviation.place), "{}", vector.name);
                refused += 1;
            }
            (again, deviation) => panic!("{}: {again:?} with {deviation:?}", vector.name),
        }
    }
    data::say(&format!("merchants' vectors: {written} written again, {refused} refused for a deviation"));
}

#[test]
fn consumers_vectors_are_read_to_their_facts_and_written_again_or_refused_with_their_reason() {
    for vector in data::vectors("cpm") {
        let read = ConsumerCode::read(vector.payload());
        if !vector.is_valid() {
            assert_refused(&vector, read);
            continue;
        }
        let code = read.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(ber_tree(code.objects()), vector.json["tlv"], "{}", vector.name);
        assert_eq!(
            code.to_objects().build().expect("a code").to_base64(),
            vector.payload(),
            "{}",
            vector.name
        );
        assert_consumer_facts(&vector, &code);
    }
}

fn ber_tree(objects: Objects<'_>) -> Value {
    let objects = objects.map(|object: Object<'_>| {
        let value =
            if object.tag.is_template() { ber_tree(object.objects()) } else { json!(hex(object.value)) };
        json!([object.tag.to_string(), value])
    });
    objects.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn assert_consumer_facts(vector: &Vector, code: &ConsumerCode) {
    let facts = &vector.json["parsed"];
    let aids: Vec<String> = code.applications().filter_map(|card| card.adf_name().map(hex)).collect();
    assert_eq!(json!(aids), facts["aids"], "{}", vector.name);
    let labels: Vec<&str> = code.applications().filter_map(|card| card.label()).collect();
    assert_eq!(json!(labels), *facts.get("labels").unwrap_or(&json!([])), "{}", vector.name);
    let application = code.applications().next().expect("an application");
    let pan = code.pan_of(&application).expect("a number");
    assert_eq!(Some(pan.expose()), facts["pan"].as_str(), "{}", vector.name);
    let cards: Vec<_> = code.applications().chain(code.common()).collect();
    for (tag, key) in [
        (Tag::TRACK2, "track2"),
        (Tag::CRYPTOGRAM, "cryptogram"),
        (Tag::TRANSACTION_COUNTER, "atc"),
        (Tag::ISSUER_DATA, "issuer_application_data"),
        (Tag::UNPREDICTABLE_NUMBER, "unpredictable_number"),
    ] {
        let found = cards.iter().find_map(|card| card.value(tag)).map(hex);
        assert_eq!(found.as_deref(), facts[key].as_str(), "{} {key}", vector.name);
    }
    let name = cards.iter().find_map(|card| card.cardholder_name());
    assert_eq!(name, facts["cardholder"].as_str(), "{}", vector.name);
}
