//! Every shared sample of a supported type: read to its expected facts, or refused for the reason on our list.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data::{self, say};
use crate::facts;

/// File, our error code, whether xmllint agrees, and why that is right.
const REFUSED: &str = include_str!("refused.tsv");
/// File and fact where the expected value is not what the message says, with the reason.
const CORRECTED: &str = include_str!("corrected.tsv");

fn table(text: &'static str) -> BTreeMap<&'static str, Vec<&'static str>> {
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect());
    rows.map(|row: Vec<&str>| (row[0], row[1..].to_vec())).collect()
}

/// The samples' facts were trimmed and keep empty objects: white space around and emptiness are not compared.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.trim()),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(map) => {
            let parts = map.iter().map(|(key, value)| (key.clone(), plain(value)));
            Value::Object(
                parts.filter(|(_, value)| value.as_object().is_none_or(|map| !map.is_empty())).collect(),
            )
        }
        other => other.clone(),
    }
}

/// Paths at which two values differ, with both sides.
fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let (one, other) =
                    (one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null));
                differences(&format!("{path}/{key}"), one, other, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&format!("{path}/{at}"), one, other, found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(format!("{path}: read {ours}, expected {theirs}")),
    }
}

#[test]
fn every_sample_is_read_to_its_facts_or_refused_for_a_listed_reason() {
    let Some(folder) = data::folder("samples") else { return };
    let (refused, corrected) = (table(REFUSED), table(CORRECTED));
    let mut problems = Vec::new();
    let (mut checked, mut refusals, mut as_xmllint) = (0, 0, 0);
    for sample in data::samples(&folder) {
        let bytes = data::read(&folder.join(&sample.file));
        checked += 1;
        match (facts::of(&bytes), refused.get(sample.file.as_str())) {
            (Ok(ours), None) => {
                as_xmllint += usize::from(sample.is_valid);
                let expected = folder.join(
                    sample.file.strip_suffix(".xml").expect("an XML file").to_owned() + ".expected.json",
                );
                let theirs: Value =
                    serde_json::from_slice(&data::read(&expected)).expect("the expected facts are JSON");
                let mut found = Vec::new();
                differences("", &plain(&ours), &plain(&theirs), &mut found);
                let known = corrected.get(sample.file.as_str()).map_or("", |row| row[0]);
                found.retain(|difference| known.is_empty() || !difference.starts_with(known));
                problems.extend(found.into_iter().map(|difference| format!("{} {difference}", sample.file)));
            }
            (Err(error), Some(row)) if format!("{:?}", error.code) == row[0] => {
                refusals += 1;
                as_xmllint += usize::from(!sample.is_valid);
                let agrees = if sample.is_valid { "deviates" } else { "agrees" };
                if row[1] != agrees {
                    problems.push(format!("{} {agrees} with xmllint, the list says {}", sample.file, row[1]));
                }
            }
            (Err(error), _) => problems.push(format!("{} {:?} {error}", sample.file, error.code)),
            (Ok(_), Some(row)) => {
                problems.push(format!("{} was read, the list says {}", sample.file, row[0]));
            }
        }
    }
    say(&format!("checked {checked} samples, {refusals} refused; {as_xmllint} as xmllint decides"));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(refusals, refused.len(), "a file on the list of refusals is gone");
}

#[test]
fn message_types_are_told_apart_by_namespace_alone() {
    let Some(folder) = data::folder("samples") else { return };
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        let bytes = data::read(&folder.join(&sample.file));
        if let Ok(roots) = facts::trees(&bytes) {
            let (message, _) = roots.last().expect("a valid file has a root");
            assert_eq!(*message, sample.message, "{}", sample.file);
        }
    }
}
