//! The log's vectors in `FORMAT.md` are what the code makes.

use core::fmt::Write as _;

use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::consistency::consistency_path;
use feiqian_proof::cosignature::{cosign, witness_key};
use feiqian_proof::log::{LogHead, leaf_hash, node_hash, origin_of};
use feiqian_proof::note::Note;
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_proof::tiles::Edge;
use feiqian_proof::witness::AddCheckpoint;

const WITNESS: &str = "bank.example/witness";

fn made() -> String {
    let leaves = [0, 1, 2].map(|value| leaf_hash(&[value; 320]));
    let mut edge = Edge::default();
    let mut text = String::new();
    for leaf in leaves {
        edge.push(leaf);
        writeln!(text, "leaf hash {}\n  {leaf}", edge.size() - 1).expect("a string");
        writeln!(text, "root of {}\n  {}", edge.size(), edge.root()).expect("a string");
    }
    let (operator, witness) = (SigningKey::from_bytes(&[0x11; 32]), SigningKey::from_bytes(&[0x22; 32]));
    let origin = origin_of(b"feiqian-vectors!");
    let operator_key = log_key(&origin, PublicKey::of(&operator)).expect("a name");
    let its_key = witness_key(WITNESS, PublicKey::of(&witness)).expect("a name");
    writeln!(text, "operator's verifier key\n  {operator_key}\nwitness's verifier key\n  {its_key}")
        .expect("a string");
    let checkpoint = Checkpoint::new(&origin, LogHead { size: 3, root: edge.root() });
    let own = checkpoint.sign(&operator).expect("a name");
    let signed = Note::new(checkpoint.to_string(), vec![own.clone()]).expect("a text").to_string();
    let request = AddCheckpoint {
        old_size: 2,
        path: consistency_path(&node_hash, &leaves, 2),
        checkpoint: signed.into(),
    };
    let request = String::from_utf8(request.encode()).expect("UTF-8");
    writeln!(text, "request\n{}", indented(&request)).expect("a string");
    let line = cosign(&witness, WITNESS, 1_780_000_000, &checkpoint.to_string()).expect("a name");
    let cosigned = Note::new(checkpoint.to_string(), vec![own, line]).expect("a text").to_string();
    writeln!(text, "cosigned checkpoint\n{}", indented(&cosigned)).expect("a string");
    text
}

/// Each line behind two spaces, an empty one as it is.
fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_vectors_of_the_log_are_what_the_code_makes() {
    let document = include_str!("../../FORMAT.md");
    let (_, fenced) = document.split_once("\n```log\n").expect("the vectors of the log");
    let (vectors, _) = fenced.split_once("```").expect("the end of the fence");
    assert_eq!(vectors, made(), "the code makes:\n{}", made());
}
