//! `tests/vectors.json`: proofs, right and false, for a second implementation; and this one held to the file.
//!
//! `cargo test -p feiqian-proof -- --ignored write_the_vectors` makes the file anew.

use feiqian_proof::json::{from_json, to_json};
use feiqian_proof::kinds::Proof;
use feiqian_proof::signature::{PublicKey, SigningKey};
use serde_json::{Value, json};

use crate::forgeries;
use crate::json::other_forms;
use crate::kinds::encode;
use crate::market::{CHAIN, Market, operator_key};
use crate::sample::Random;

/// Forgeries of one name in the file.
const ALIKE_MAX: usize = 10;
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16).expect("hex")).collect()
}

fn vector(name: &str, key: &PublicKey, chain: &str, (form, text): (&str, String), is_valid: bool) -> Value {
    let valid = if is_valid { "yes" } else { "no" };
    json!({ "name": name, "key": key.to_string(), "chain": chain, form: text, "valid": valid })
}

fn vectors() -> Vec<Value> {
    let (key, chain) = (operator_key(), hex(&CHAIN));
    let mut all = Vec::new();
    for proof in Market::new(3, 3, 7).proofs() {
        let text = to_json(&proof).expect("a proof within its bounds");
        all.push(vector(proof.kind().name(), &key, "", ("json", text), true));
    }
    for proof in [Market::new(3, 3, 7), Market::new(4, 2, 2)].iter().flat_map(Market::proofs) {
        all.push(vector(proof.kind().name(), &key, &chain, ("file", hex(&encode(&proof))), true));
    }
    for proof in Market::new(3, 3, 7).proofs() {
        let (name, file) = (proof.kind().name(), encode(&proof));
        let stranger = PublicKey::of(&SigningKey::from_bytes(&[0x77; 32]));
        let of = |what: &str| format!("{name}: {what}");
        all.push(vector(&of("another key"), &stranger, &chain, ("file", hex(&file)), false));
        let other = hex(b"feiqian-test-one");
        all.push(vector(&of("another chain"), &key, &other, ("file", hex(&file)), false));
        for (what, file) in damaged(&file) {
            all.push(vector(&of(&what), &key, &chain, ("file", hex(&file)), false));
        }
    }
    let forgeries = forgeries::all();
    for (at, forgery) in forgeries.iter().enumerate() {
        // Of those that differ by a domain alone, a few will do.
        let alike = forgeries[..at].iter().filter(|other| other.name == forgery.name).count();
        if alike >= ALIKE_MAX {
            continue;
        }
        let file = hex(&encode(&forgery.proof));
        all.push(vector(forgery.name, &key, &chain, ("file", file), false));
    }
    for (name, text) in other_forms() {
        all.push(vector(name, &key, &chain, ("json", text), false));
    }
    all
}

/// The file cut, extended, and with single bits of it changed.
fn damaged(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut random = Random(file.len() as u64);
    let mut all = vec![
        ("cut by one".to_owned(), file[..file.len() - 1].to_vec()),
        ("the magic alone".to_owned(), file[..8].to_vec()),
        ("a zero behind it".to_owned(), [file, &[0]].concat()),
    ];
    for _ in 0..3 {
        let at = random.below(file.len());
        let mut bad = file.to_vec();
        bad[at] ^= 1 << random.below(8);
        all.push((format!("byte {at} changed"), bad));
    }
    all
}

fn member<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap_or_default()
}

/// What this implementation says of a vector.
fn is_accepted(vector: &Value) -> bool {
    let key = PublicKey::parse(member(vector, "key")).expect("a key");
    let chain = bytes_of(member(vector, "chain"));
    let chain = (!chain.is_empty()).then(|| <[u8; 16]>::try_from(chain).expect("a chain id"));
    let proof = match vector.get("json") {
        Some(text) => from_json(text.as_str().expect("a text")).ok(),
        None => Proof::decode(&bytes_of(member(vector, "file"))).ok(),
    };
    proof.is_some_and(|proof| proof.verify(&key, chain.as_ref()).is_ok())
}

#[test]
fn the_file_of_vectors_is_what_the_code_makes_and_says() {
    let file = std::fs::read_to_string(FILE).expect("tests/vectors.json");
    let read: Vec<Value> = serde_json::from_str(&file).expect("a list of vectors");
    assert!(read.len() > 200);
    for vector in &read {
        let valid = if is_accepted(vector) { "yes" } else { "no" };
        assert_eq!(member(vector, "valid"), valid, "{}", member(vector, "name"));
    }
    assert!(read == vectors(), "write the vectors anew and look at the difference");
}

#[test]
#[ignore = "writes tests/vectors.json"]
fn write_the_vectors() {
    let rows: Vec<_> = vectors().iter().map(Value::to_string).collect();
    std::fs::write(FILE, format!("[\n{}\n]\n", rows.join(",\n"))).expect("tests/vectors.json is written");
}
