//! The JSON form says what the binary one says, and has as few forms.

use feiqian_proof::json::{JsonError, from_json, to_json};
use feiqian_proof::kinds::{Proof, Refusal};
use feiqian_proof::receipt::ReceiptError;

use crate::kinds::proofs;
use crate::market::{Market, operator_key};

fn text_of(proof: &Proof) -> String {
    to_json(proof).expect("a proof within its bounds")
}

#[test]
fn each_kind_is_read_back_from_its_text() {
    for proof in proofs() {
        let text = text_of(&proof);
        assert_eq!(from_json(&text), Ok(proof.clone()));
        assert!(from_json(&text).expect("a proof").verify(&operator_key(), None).is_ok());
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON as others read it");
        assert_eq!(value["kind"], proof.kind().name());
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        // Its members are in another order too: serde_json sorts them.
        assert_eq!(from_json(&pretty), Ok(proof), "any order and white space");
    }
}

#[test]
fn each_member_is_needed_and_may_stand_there_once() {
    let text = text_of(&Proof::Position(Market::new(3, 3, 7).position(1, true)));
    let members: Vec<_> = text.match_indices("\":").map(|(at, _)| at).collect();
    assert!(members.len() > 40);
    for at in members {
        let start = text[..at].rfind('"').expect("a name");
        let renamed = [&text[..start], "\"x", &text[start + 1..]].concat();
        assert!(from_json(&renamed).is_err(), "{renamed}");
    }
    let twice = text.replace("\"leaf\":{", "\"leaf\":{\"cap\":\"1000000\",");
    assert_eq!(from_json(&twice), Err(JsonError::Repeated("cap")));
    let unknown = text.replace("\"leaf\":{", "\"leaf\":{\"zero\":\"00\",");
    assert_eq!(from_json(&unknown), Err(JsonError::Unknown));
    let missing = text.replace("\"cap\":\"1000000\",", "");
    assert_eq!(from_json(&missing), Err(JsonError::Missing("cap")));
    let kind_twice = text.replacen('{', "{\"kind\":\"position\",", 1);
    assert_eq!(from_json(&kind_twice), Err(JsonError::Kind));
}

/// Texts that differ from a right one in form alone, none of which is read.
pub(crate) fn other_forms() -> Vec<(&'static str, String)> {
    let text = text_of(&Proof::Position(Market::new(3, 3, 7).position(1, true)));
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    vec![
        ("a number that is no string", replaced("\"cap\":\"1000000\"", "\"cap\":1000000")),
        ("a number with a leading zero", replaced("\"cap\":\"1000000\"", "\"cap\":\"01000000\"")),
        ("a number with a plus", replaced("\"cap\":\"1000000\"", "\"cap\":\"+1000000\"")),
        ("a number with a space", replaced("\"cap\":\"1000000\"", "\"cap\":\" 1000000\"")),
        ("an empty number", replaced("\"cap\":\"1000000\"", "\"cap\":\"\"")),
        ("a negative number", replaced("\"cap\":\"1000000\"", "\"cap\":\"-1000000\"")),
        ("a number over its width", replaced("\"cap\":\"1000000\"", "\"cap\":\"18446744073709551616\"")),
        ("a minus before zero", replaced("\"unsettled\":\"-5\"", "\"unsettled\":\"-0\"")),
        ("an escape in a string", replaced("\"kind\":\"position\"", "\"kind\":\"p\\u006fsition\"")),
        ("an escape in a name", replaced("\"kind\"", "\"k\\u0069nd\"")),
        ("upper-case digits", replaced("\"chain_id\":\"6665697169616e", "\"chain_id\":\"6665697169616E")),
        ("a digit less", replaced("\"chain_id\":\"6", "\"chain_id\":\"")),
        ("an odd digit of an entry", replaced("\"entry\":\"04", "\"entry\":\"4")),
        ("null for a list", replaced("\"closing\":[", "\"closing\":null,\"x\":[")),
        ("a list for an object", replaced("\"leaf\":{", "\"leaf\":[{").replace("\"path\"", "]\"path\"")),
        ("two closing entries", {
            let (before, closing) = text.split_once("\"closing\":[").expect("a closing entry");
            let entry = closing.strip_suffix("]}").expect("the last member");
            format!("{before}\"closing\":[{entry},{entry}]}}")
        }),
        ("a comma behind the last member", format!("{},}}", &text[..text.len() - 1])),
        ("a second value", format!("{text}{{}}")),
        ("a comment", format!("/**/{text}")),
        ("a byte order mark", format!("\u{FEFF}{text}")),
        ("an unknown kind", replaced("\"kind\":\"position\"", "\"kind\":\"positions\"")),
        ("no kind", replaced("\"kind\":\"position\",", "")),
        ("a lower-case BIC", replaced("\"bic\":\"BANA", "\"bic\":\"bANA")),
        ("nothing", String::new()),
    ]
}

#[test]
fn any_other_form_is_refused() {
    for (name, text) in other_forms() {
        assert!(from_json(&text).is_err(), "{name}");
    }
}

#[test]
fn what_the_bytes_refuse_the_text_refuses_with_the_same_cause() {
    let text = text_of(&Proof::Receipt(Market::new(3, 3, 7).receipt(1, true)));
    let other_count = text.replace("\"count\":\"7\"", "\"count\":\"8\"");
    let refused = feiqian_proof::header::HeaderError::Count;
    assert_eq!(
        from_json(&other_count),
        Err(JsonError::Refused(Refusal::Receipt(ReceiptError::Header(refused))))
    );
    let node = format!("\"{}\"", "00".repeat(32));
    let long = format!("\"path\":[{}]", vec![node.as_str(); 65].join(","));
    let start = text.find("\"path\":[").expect("a path");
    let end = start + text[start..].find(']').expect("its end");
    let long_path = [&text[..start], &long, &text[end + 1..]].concat();
    let refused = Refusal::Receipt(ReceiptError::PathTooLong);
    assert_eq!(from_json(&long_path), Err(JsonError::Refused(refused)));
}

#[test]
fn deep_and_wide_texts_are_refused_before_they_cost_anything() {
    let deep = "[".repeat(100_000);
    assert_eq!(from_json(&deep), Err(JsonError::Syntax(8)));
    let wide = format!("{{{}}}", vec!["\"a\":\"\""; 100_000].join(","));
    assert!(matches!(from_json(&wide), Err(JsonError::Syntax(at)) if at < 1000));
}
