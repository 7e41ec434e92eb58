//! The worked vectors of `FORMAT.md` are what the code makes.

use std::fmt::Write as _;

use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::header::{BlockHeader, Root, totals_digest};
use feiqian_proof::kinds::ProofKind;
use feiqian_proof::leaf::{AccountLeaf, PositionLeaf, config_leaf, transfer_leaf_hash};
use feiqian_proof::receipt::Receipt;
use feiqian_proof::salt::{SaltKind, SaltSeed, salt};
use feiqian_proof::signature::{PublicKey, SigningKey, sign_header, sign_message};
use feiqian_proof::tree::{empty_root, path_of, root_of};

const FORMAT: &str = include_str!("../../FORMAT.md");

/// Vectors in the order of the document, each a name and its bytes.
struct Vectors(String);

impl Vectors {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        let _ = writeln!(self.0, "{name}");
        for line in bytes.chunks(32) {
            let digits: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(self.0, "  {digits}");
        }
    }
}

fn counting<const N: usize>() -> [u8; N] {
    core::array::from_fn(|at| u8::try_from(at).unwrap_or(0))
}

fn seed() -> SaltSeed {
    SaltSeed::of_chain(&counting(), b"feiqian-vectors!")
}

fn account() -> AccountLeaf {
    AccountLeaf {
        salt: salt(&seed(), SaltKind::Account, 5),
        handle: 5,
        slot: 2,
        currency: 978,
        state: 1,
        kind: 2,
        balance: -12_345,
        reserved: 300,
        credit_line: 1_000_000,
        last_posting: 42,
    }
}

fn position() -> PositionLeaf {
    PositionLeaf {
        salt: salt(&seed().of_block(9), SaltKind::Position, 2),
        bic: *b"AAAADEFFXXX",
        currency: 978,
        slot: 2,
        count: 3,
        debits: 100,
        credits: 40,
        position: -60,
        cycle: 7,
        unsettled: -5,
        cap: 1_000_000,
        transfers_root: empty_root(Domain::ParticipantNode),
    }
}

/// Record number `index`: counting bytes, the index first, the details' digest and the sequence in their places.
fn record(index: u8) -> [u8; 128] {
    let mut record = counting();
    record[0] = index;
    record[72..104].copy_from_slice(&keyed(Domain::Document, b"invoice 4711").0);
    record[104..112].copy_from_slice(&sequence(index).to_le_bytes());
    record
}

fn sequence(index: u8) -> u64 {
    1 + u64::from(index)
}

fn transfer_salt(sequence: u64) -> [u8; 16] {
    salt(&seed().of_block(9), SaltKind::Transfer, sequence)
}

fn transfer_leaves() -> Vec<Hash> {
    let leaf = |index| transfer_leaf_hash(&transfer_salt(sequence(index)), &record(index));
    (0..3).map(leaf).collect()
}

fn header() -> BlockHeader {
    BlockHeader {
        chain_id: *b"feiqian-vectors!",
        height: 9,
        previous: Hash([0xAB; 32]),
        first_sequence: 1,
        count: 3,
        timestamp: 1_780_000_000_000_000_000,
        cycle: 7,
        totals: totals_digest(&[(756, 0, 0), (978, 100, 100)]),
        transfers: Root { hash: root_of(Domain::TransferNode, &transfer_leaves()), size: 3 },
        positions: Root { hash: position().hash(), size: 1 },
        accounts: Root { hash: account().hash(), size: 1 },
        config: Root { hash: empty_root(Domain::ConfigNode), size: 0 },
        journal_head: Hash([0xCD; 32]),
    }
}

fn receipt(key: &SigningKey) -> Receipt {
    Receipt {
        header: header(),
        signature: sign_header(key, &header().hash()),
        index: 1,
        salt: transfer_salt(2),
        record: record(1),
        path: path_of(Domain::TransferNode, &transfer_leaves(), 1),
        details: b"invoice 4711".to_vec(),
    }
}

fn vectors() -> String {
    let mut vectors = Vectors(String::new());
    for domain in Domain::ALL {
        vectors.add(&format!("key of \"{}\"", domain.context()), domain.key());
    }
    trees(&mut vectors);
    leaves(&mut vectors);
    files(&mut vectors);
    vectors.0
}

fn trees(vectors: &mut Vectors) {
    let leaves: Vec<Hash> = (0..7).map(|leaf| Hash([leaf; 32])).collect();
    for size in [0, 1, 2, 3, 5, 7] {
        let root = root_of(Domain::TransferNode, &leaves[..size]);
        vectors.add(&format!("root of {size} leaves"), &root.0);
    }
    let path = path_of(Domain::TransferNode, &leaves, 4);
    vectors.add("path of leaf 4 of 7", &path.iter().flat_map(|node| node.0).collect::<Vec<_>>());
}

fn leaves(vectors: &mut Vectors) {
    vectors.add("seed of the chain", &seed().0);
    vectors.add("seed of block 9", &seed().of_block(9).0);
    vectors.add("salt of transfer 2", &transfer_salt(2));
    vectors.add("salt of transfer 3", &transfer_salt(3));
    vectors.add("salt of position 2", &position().salt);
    vectors.add("salt of account 5", &account().salt);
    vectors.add("salt of config entry 0", &salt(&seed(), SaltKind::Config, 0));
    vectors.add("digest of the details", &keyed(Domain::Document, b"invoice 4711").0);
    vectors.add("transfer leaf 1, hash", &transfer_leaves()[1].0);
    vectors.add("account leaf", &account().encode());
    vectors.add("account leaf, hash", &account().hash().0);
    vectors.add("position leaf", &position().encode());
    vectors.add("position leaf, hash", &position().hash().0);
    let entry = config_leaf(&salt(&seed(), SaltKind::Config, 0), b"rule version 1");
    vectors.add("config leaf, hash", &entry.0);
}

fn files(vectors: &mut Vectors) {
    let key = SigningKey::from_bytes(&[0x11; 32]);
    vectors.add("totals", &header().totals.0);
    vectors.add("header", &header().encode());
    vectors.add("header, hash", &header().hash().0);
    vectors.add("public key", PublicKey::of(&key).as_bytes());
    vectors.add("header, signature", &sign_header(&key, &header().hash()).0);
    vectors.add("message, signature", &sign_message(&key, "approve limit", b"AAAADEFFXXX 978 5").0);
    let receipt = receipt(&key);
    assert!(receipt.verify(&PublicKey::of(&key)).is_ok());
    vectors.add("receipt", &receipt.encode().expect("a receipt within its bounds"));
}

#[test]
fn the_vectors_of_the_format_document_are_what_the_code_makes() {
    let (_, rest) = FORMAT.split_once("```vectors\n").expect("the document has vectors");
    let (printed, _) = rest.split_once("```").expect("the vectors end");
    let made = vectors();
    assert!(printed == made, "FORMAT.md should say:\n{made}");
}

#[test]
fn the_format_document_names_each_kind_of_proof() {
    for kind in ProofKind::ALL {
        let magic = str::from_utf8(kind.magic()).expect("a magic is text");
        assert!(FORMAT.contains(&format!("| `{magic}` | {} | ", kind.name())), "{kind:?} in the table");
        assert!(FORMAT.contains(&format!("| 8 | magic `{magic}` |")), "the layout of {kind:?}");
        // The names of fields stand behind it, or where it is long below it.
        let (beside, alone) = (format!("    {:<15} ", kind.name()), format!("    {}\n", kind.name()));
        assert!(FORMAT.contains(&beside) || FORMAT.contains(&alone), "the JSON form of {kind:?}");
    }
}

#[test]
fn the_format_document_names_each_domain() {
    for domain in Domain::ALL {
        let row = format!("| {domain:?} | `{}` |", domain.context());
        assert!(FORMAT.contains(&row), "missing: {row}");
    }
}
