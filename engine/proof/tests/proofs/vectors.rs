//! `tests/vectors.json`: proofs, right and false, for a second implementation; and this one held to the file.
//!
//! `cargo test -p feiqian-proof -- --ignored write_the_vectors` makes the file anew.

use feiqian_proof::cosignature::witness_key;
use feiqian_proof::json::{from_file, from_json, to_json};
use feiqian_proof::kinds::Proof;
use feiqian_proof::note::VerifierKey;
use feiqian_proof::policy::{WitnessGroups, WitnessPolicy};
use feiqian_proof::signature::{PublicKey, SigningKey};
use serde_json::{Value, json};

use crate::forgeries;
use crate::json::other_forms;
use crate::kinds::encode;
use crate::market::{CHAIN, Market, operator_key, witness};
use crate::sample::Random;

/// Forgeries of one name in the file.
const ALIKE_MAX: usize = 10;
/// Transfers of the blocks that all shapes of trees are shown with.
const SIZES: [usize; 6] = [1, 2, 3, 5, 8, 13];
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16).expect("hex")).collect()
}

fn valid(name: &str, chain: &str, (form, text): (&str, String)) -> Value {
    json!({ "name": name, "key": operator_key().to_string(), "chain": chain, form: text, "valid": "yes" })
}

/// A vector that is refused, with why.
fn invalid(name: &str, (key, chain): (&PublicKey, &str), (form, text): (&str, String)) -> Value {
    let mut vector =
        json!({ "name": name, "key": key.to_string(), "chain": chain, form: text, "valid": "no" });
    let refusal = said_of(&vector).expect_err(name);
    vector["refusal"] = Value::String(refusal);
    vector
}

/// Right proofs of trees of many sizes: of each leaf of the small ones, of participants without a transfer, of batches of
/// one and more, of logs of all shapes.
fn of_sizes(chain: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut add = |name: String, proof: Proof| all.push(valid(&name, chain, ("file", hex(&encode(&proof)))));
    for (transfers, height) in SIZES.into_iter().zip(20..) {
        // The last bank takes no part where there are more than two.
        let market = Market::new(height, 2 + transfers % 3, transfers);
        for leaf in 0..transfers {
            let receipt = Proof::Receipt(market.receipt(leaf, leaf % 2 == 0));
            add(format!("receipt: leaf {leaf} of {transfers}"), receipt);
        }
        for slot in 0..market.slots() {
            let of = format!("slot {slot} of {}", market.slots());
            let proof = market.completeness(slot);
            let what = match proof.transfers.len() {
                0 => "none".to_owned(),
                count => format!("{count} of {transfers}"),
            };
            add(format!("completeness: {what}, {of}"), Proof::Completeness(proof));
            add(format!("position: {of}"), Proof::Position(market.position(slot, slot % 2 == 1)));
        }
        let accounts = market.accounts.len();
        for handle in [0, accounts / 2, accounts - 1] {
            add(format!("balance: account {handle} of {accounts}"), Proof::Balance(market.balance(handle)));
        }
        add(format!("settlement: {} positions", market.slots()), Proof::Settlement(market.settlement(978)));
        for place in [0, transfers - 1] {
            let proof = Proof::SignedBatch(market.signed_batch(0, transfers, place));
            add(format!("signed_batch: place {place} of {transfers}"), proof);
        }
        let proof = Proof::Consistency(market.consistency(transfers));
        add(format!("consistency: {} headers", transfers + 1), proof);
        for old in 1..transfers {
            let proof = Proof::LogConsistency(market.log_consistency(old, transfers));
            add(format!("log_consistency: {old} to {transfers}"), proof);
        }
    }
    all
}

fn vectors() -> Vec<Value> {
    let (key, chain) = (operator_key(), hex(&CHAIN));
    let mut all = Vec::new();
    for proof in Market::new(3, 3, 7).proofs() {
        let text = to_json(&proof).expect("a proof within its bounds");
        all.push(valid(proof.kind().name(), "", ("json", text)));
    }
    for (name, text) in spaced() {
        all.push(valid(name, "", ("json", text)));
    }
    for proof in [Market::new(3, 3, 7), Market::new(4, 2, 2)].iter().flat_map(Market::proofs) {
        all.push(valid(proof.kind().name(), &chain, ("file", hex(&encode(&proof)))));
    }
    all.extend(of_sizes(&chain));
    for proof in Market::new(3, 3, 7).proofs() {
        let (name, file) = (proof.kind().name(), encode(&proof));
        let stranger = PublicKey::of(&SigningKey::from_bytes(&[0x77; 32]));
        let of = |what: &str| format!("{name}: {what}");
        all.push(invalid(&of("another key"), (&stranger, &chain), ("file", hex(&file))));
        let other = hex(b"feiqian-test-one");
        all.push(invalid(&of("another chain"), (&key, &other), ("file", hex(&file))));
        for (what, file) in damaged(&file) {
            all.push(invalid(&of(&what), (&key, &chain), ("file", hex(&file))));
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
        let vector = invalid(forgery.name, (&key, &chain), ("file", file));
        assert_eq!(member(&vector, "refusal"), forgery.refusal.to_string(), "{}", forgery.name);
        all.push(vector);
    }
    for (name, text) in other_forms() {
        all.push(invalid(name, (&key, &chain), ("json", text)));
    }
    all.extend(witnessed());
    all
}

/// Texts with white space where JSON allows it, in each of its four characters.
fn spaced() -> Vec<(&'static str, String)> {
    let text = to_json(&Proof::Position(Market::new(3, 3, 7).position(1, true))).expect("within bounds");
    let members = text.strip_prefix("{\"kind\":\"position\",").and_then(|text| text.strip_suffix('}'));
    vec![
        ("white space before the text", format!(" \t\r\n{text}")),
        ("white space behind the text", format!("{text}\n\n")),
        ("white space between all", text.replace(',', "\r\n , ").replace(':', "\t:\t")),
        ("the kind last", format!("{{{},\"kind\":\"position\"}}", members.expect("the kind first"))),
    ]
}

/// Proofs of inclusion with a policy, of which the cosignatures meet some.
fn witnessed() -> Vec<Value> {
    let market = Market::new(3, 3, 7);
    let proof = |count| market.log_inclusion(Proof::Receipt(market.receipt(2, true)), 4, count);
    let key =
        |number, name: &str| witness_key(name, PublicKey::of(&witness(number))).expect("a name").to_string();
    let banks = [key(0, "bank-a.example/w"), key(1, "bank-b.example/w"), key(2, "bank-c.example/w")];
    let groups = json!({ "banks": banks, "network": [key(3, "network.example/w")] });
    let rows = [(0, "no"), (1, "no"), (2, "no"), (3, "no"), (4, "yes")];
    let mut all: Vec<_> = rows.map(|(count, said)| ("banks 2 of 3 and network 1 of 1", count, said)).to_vec();
    all.extend([("network 1 of 1 and banks 3 of 3", 4, "yes"), ("banks 1 of 3 and network 1 of 1", 3, "no")]);
    let vector = |(policy, count, said): (&str, u8, &str)| {
        let name = format!("log_inclusion: {count} cosignatures, {policy}");
        let file = hex(&encode(&Proof::LogInclusion(proof(count))));
        let mut vector = valid(&name, &hex(&CHAIN), ("file", file));
        vector["policy"] = policy.into();
        vector["groups"] = groups.clone();
        vector["witnessed"] = said.into();
        vector
    };
    all.into_iter().map(vector).collect()
}

/// Whether the vector's policy is met by the cosignatures of its proof, which has been verified.
fn is_witnessed(vector: &Value) -> bool {
    let groups: WitnessGroups = vector["groups"].as_object().expect("groups").iter().map(keys_of).collect();
    let policy = WitnessPolicy::parse(member(vector, "policy"), &groups).expect("a policy");
    match Proof::decode(&bytes_of(member(vector, "file"))) {
        Ok(Proof::LogInclusion(proof)) => policy.is_met(&proof.cosigners(&policy)),
        _ => false,
    }
}

fn keys_of((group, keys): (&String, &Value)) -> (String, Vec<VerifierKey>) {
    let keys = keys.as_array().expect("a list").iter().map(|key| key.as_str().expect("a text"));
    (group.clone(), keys.map(|key| VerifierKey::parse(key).expect("a key")).collect())
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

/// What this implementation says of a vector: nothing, or why it is refused.
fn said_of(vector: &Value) -> Result<(), String> {
    let key = PublicKey::parse(member(vector, "key")).expect("a key");
    let chain = bytes_of(member(vector, "chain"));
    let chain = (!chain.is_empty()).then(|| <[u8; 16]>::try_from(chain).expect("a chain id"));
    let proof = match vector.get("json") {
        Some(text) => {
            let text = text.as_str().expect("a text");
            let read = from_json(text);
            assert_eq!(from_file(text.as_bytes()).ok(), read.clone().ok(), "as a file too: {text}");
            read
        }
        None => from_file(&bytes_of(member(vector, "file"))),
    };
    proof
        .map_err(|error| error.to_string())?
        .verify(&key, chain.as_ref())
        .map(drop)
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn the_file_of_vectors_is_what_the_code_makes_and_says() {
    let file = std::fs::read_to_string(FILE).expect("tests/vectors.json");
    let read: Vec<Value> = serde_json::from_str(&file).expect("a list of vectors");
    assert!(read.len() > 200);
    for vector in &read {
        let said = said_of(vector);
        let valid = if said.is_ok() { "yes" } else { "no" };
        assert_eq!(member(vector, "valid"), valid, "{}", member(vector, "name"));
        if vector.get("policy").is_some() {
            let said = if is_witnessed(vector) { "yes" } else { "no" };
            assert_eq!(member(vector, "witnessed"), said, "{}", member(vector, "name"));
        }
        assert_eq!(member(vector, "refusal"), said.err().unwrap_or_default(), "{}", member(vector, "name"));
    }
    assert!(read == vectors(), "write the vectors anew and look at the difference");
}

#[test]
#[ignore = "writes tests/vectors.json"]
fn write_the_vectors() {
    let rows: Vec<_> = vectors().iter().map(Value::to_string).collect();
    std::fs::write(FILE, format!("[\n{}\n]\n", rows.join(",\n"))).expect("tests/vectors.json is written");
}
