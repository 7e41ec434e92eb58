//! What `audit --participant` finds in files each of which holds by itself: forks, a list that leaves out, sums that don't
//! add up. All under one operator's key, which is the tests'.

use std::path::{Path, PathBuf};

use feiqian_proof::checkpoint::Checkpoint;
use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::header::{BlockHeader, Root};
use feiqian_proof::json::to_json;
use feiqian_proof::kinds::{
    BalanceProof, CompletenessProof, ConsistencyProof, LogConsistencyProof, LogInclusionProof, OwnTransfer,
    PositionProof, Proof, SignedHead, SignedHeader,
};
use feiqian_proof::leaf::{AccountLeaf, PositionLeaf, transfer_leaf_hash};
use feiqian_proof::log::{LogHead, leaf_hash, origin_of};
use feiqian_proof::note::Note;
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::{PublicKey, Signature, SigningKey, sign_header};
use feiqian_proof::tiles::Edge;
use feiqian_proof::tree::{path_of, root_of};
use serde_json::Value;

use crate::house::{Answer, House};

const CHAIN: [u8; 16] = *b"feiqian-own-file";
const BANK: &str = "BNKBXXAAXXX";
/// The bank's account, and a foreign one.
const OWN: usize = 5;
const FOREIGN: usize = 3;

fn operator() -> SigningKey {
    SigningKey::from_bytes(&[0x31; 32])
}

struct Folder {
    house: House,
    files: PathBuf,
}

impl Folder {
    fn new(name: &str) -> Self {
        let house = House::empty(name);
        let files = house.path("bank");
        std::fs::create_dir_all(&files).expect("a folder");
        Self { house, files }
    }

    fn put(&self, name: &str, proof: &Proof) {
        assert!(proof.verify(&PublicKey::of(&operator()), None).is_ok(), "{name} holds by itself");
        std::fs::write(self.files.join(name), proof.encode().expect("within bounds")).expect("written");
    }

    fn put_checkpoint(&self, name: &str, size: u64, root: Hash) {
        let checkpoint = Checkpoint::new(&origin_of(&CHAIN), LogHead { size, root });
        let line = checkpoint.sign(&operator()).expect("a name");
        let note = Note::new(checkpoint.to_string(), vec![line]).expect("a note");
        std::fs::write(self.files.join(name), note.to_string()).expect("written");
    }

    fn audit(&self, more: &[&str]) -> Answer {
        let (folder, key) = (self.files.display().to_string(), PublicKey::of(&operator()).to_string());
        let arguments = ["audit", "--participant", BANK, "--files", &folder, "--key", &key];
        self.house.run_bare(&[&arguments[..], more].concat())
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.files.join(name)).expect("removed");
    }
}

fn header(height: u64, previous: Hash) -> BlockHeader {
    let root = |domain| Root { hash: keyed(domain, &height.to_le_bytes()), size: 1 };
    BlockHeader {
        chain_id: CHAIN,
        height,
        previous,
        first_sequence: 10 * height,
        count: 10,
        timestamp: 1_780_000_000_000_000_000 + height,
        cycle: 1,
        totals: Hash::default(),
        transfers: Root { hash: keyed(Domain::TransferLeaf, &height.to_le_bytes()), size: 10 },
        positions: root(Domain::PositionLeaf),
        accounts: root(Domain::AccountLeaf),
        config: root(Domain::ConfigLeaf),
        journal_head: Hash::default(),
    }
}

/// Blocks 1 to `last`; those from `fork` on are others.
fn chain(last: u64, fork: u64) -> Vec<BlockHeader> {
    let mut headers: Vec<BlockHeader> = Vec::new();
    for height in 1..=last {
        let mut next = header(height, headers.last().map_or_else(Hash::default, BlockHeader::hash));
        next.timestamp += if height >= fork { 1_000 } else { 0 };
        headers.push(next);
    }
    headers
}

fn signed(header: &BlockHeader) -> SignedHeader {
    SignedHeader { header: *header, signature: sign_header(&operator(), &header.hash()) }
}

fn consistency(headers: &[BlockHeader]) -> Proof {
    let signature = signed(headers.last().expect("headers")).signature;
    Proof::Consistency(ConsistencyProof { headers: headers.to_vec(), signature })
}

fn signed_head(size: u64, root: Hash) -> SignedHead {
    let head = LogHead { size, root };
    let line = Checkpoint::new(&origin_of(&CHAIN), head).sign(&operator()).expect("a name");
    SignedHead { head, signature: Signature(line.bytes.try_into().expect("64 bytes")) }
}

fn root(headers: &[BlockHeader]) -> Hash {
    let mut edge = Edge::default();
    headers.iter().for_each(|header| drop(edge.push(leaf_hash(&header.encode()))));
    edge.root()
}

#[test]
fn blocks_that_another_files_chain_contradicts_are_found() {
    let folder = Folder::new("own-forks");
    let (one, other) = (chain(9, 99), chain(9, 6));
    folder.put("3-9.proof", &consistency(&one[2..]));
    let report = folder.audit(&[]).json();
    assert_eq!((&report["parts"], &report["blocks"], &report["links"]), (&1.into(), &7.into(), &6.into()));
    // Block 6 was signed in another form too; the other chain shows it, covered by the signature of its block 9.
    folder.put("6-7.proof", &consistency(&other[5..7]));
    folder.audit(&[]).fails_with(1, &["two", "3-9.proof", "6-7.proof"]);
    folder.remove("6-7.proof");
    folder.put("8-9.proof", &consistency(&other[7..]));
    folder.audit(&[]).fails_with(1, &["two", "8-9.proof"]);
    folder.remove("8-9.proof");
    assert_eq!(folder.audit(&[]).code, 0);
}

#[test]
fn checkpoints_are_held_against_blocks_and_each_other_and_what_nothing_ties_is_told() {
    let folder = Folder::new("own-heads");
    let one = chain(9, 99);
    folder.put("1-9.proof", &consistency(&one));
    folder.put_checkpoint("good", 7, root(&one[..7]));
    let report = folder.audit(&[]).json();
    assert_eq!((&report["parts"], &report["checkpoints"]), (&1.into(), &1.into()), "{report}");
    folder.put_checkpoint("bad", 8, Hash([7; 32]));
    folder.audit(&[]).fails_with(1, &["bad", "another root"]);
    folder.remove("bad");
    // Behind all blocks that are here: nothing tells whether it is of this chain.
    folder.put_checkpoint("far", 20, Hash([7; 32]));
    assert_eq!(folder.audit(&[]).json()["parts"], 2);
    // Heads within a proof count like those in files of their own.
    let (old, new) = (signed_head(5, Hash([5; 32])), signed_head(5, Hash([5; 32])));
    folder.put(
        "log.proof",
        &Proof::LogConsistency(LogConsistencyProof { chain_id: CHAIN, old, new, path: vec![] }),
    );
    folder.audit(&[]).fails_with(1, &["log.proof", "another root"]);
    folder.remove("log.proof");
    folder.remove("far");
    folder.remove("1-9.proof");
    folder.remove("good");
    // A block's path to a checkpoint ties them together, with blocks between that are not here.
    let leaf = |at: usize| leaf_hash(&one[at].encode());
    let checkpoint = signed_head(3, root(&one[..3]));
    let (path, proof) = (vec![leaf(0), leaf(2)], Box::new(consistency(&one[..2])));
    let logged = LogInclusionProof { checkpoint, path, cosignatures: Vec::new(), proof };
    folder.put("logged.proof", &Proof::LogInclusion(logged));
    let report = folder.audit(&[]).json();
    assert_eq!(
        (&report["parts"], &report["blocks"], &report["checkpoints"]),
        (&1.into(), &2.into(), &1.into())
    );
    folder.put_checkpoint("first", 3, Hash([9; 32]));
    folder.audit(&[]).fails_with(1, &["first", "another root"]);
}

/// A cleared transfer of block 7, and where it stands there.
fn record(sequence: u64, (debtor, creditor): (usize, usize), amount: u64) -> [u8; 128] {
    let mut record = [0; 128];
    record[0] = u8::try_from(sequence).expect("small");
    record[16..24].copy_from_slice(&(debtor as u64).to_le_bytes());
    record[24..32].copy_from_slice(&(creditor as u64).to_le_bytes());
    record[32..40].copy_from_slice(&amount.to_le_bytes());
    record[40..42].copy_from_slice(&978_u16.to_le_bytes());
    record[104..112].copy_from_slice(&sequence.to_le_bytes());
    record[120] = 1;
    record
}

fn hash_of(record: &[u8; 128]) -> Hash {
    transfer_leaf_hash(&[0; 16], record)
}

/// The bank's position in a block whose list is this.
fn list(records: &[[u8; 128]]) -> PositionLeaf {
    let moved = |side: usize| {
        let own = records.iter().filter(|record| record[side] == u8::try_from(OWN).expect("small"));
        own.map(|record| u128::from(record[32])).sum::<u128>()
    };
    let hashes: Vec<_> = records.iter().map(hash_of).collect();
    PositionLeaf {
        salt: [0; 16],
        bic: *b"BNKBXXAAXXX",
        currency: 978,
        slot: 0,
        count: records.len() as u64,
        debits: moved(16),
        credits: moved(24),
        position: 0,
        cycle: 1,
        unsettled: 0,
        cap: 0,
        transfers_root: root_of(Domain::ParticipantNode, &hashes),
    }
}

fn account(handle: usize) -> AccountLeaf {
    AccountLeaf {
        salt: [0; 16],
        handle: handle as u64,
        slot: if handle == OWN { 0 } else { 1 },
        currency: 978,
        state: 1,
        kind: 1,
        balance: 0,
        reserved: 0,
        credit_line: 0,
        last_posting: 0,
    }
}

/// Block 7, signed, of these transfers and this position of the bank.
fn block(records: &[[u8; 128]], leaf: &PositionLeaf) -> SignedHeader {
    let hashes: Vec<_> = records.iter().map(hash_of).collect();
    let accounts: Vec<_> = (0..8).map(|handle| account(handle).hash()).collect();
    let root = |domain, leaves: &[Hash]| Root { hash: root_of(domain, leaves), size: leaves.len() as u64 };
    signed(&BlockHeader {
        count: records.len() as u64,
        transfers: root(Domain::TransferNode, &hashes),
        positions: root(Domain::PositionNode, &[leaf.hash()]),
        accounts: root(Domain::AccountNode, &accounts),
        ..header(7, Hash::default())
    })
}

fn completeness(block: &SignedHeader, leaf: &PositionLeaf, records: &[[u8; 128]]) -> Proof {
    let position = PositionProof { block: *block, leaf: *leaf, path: Vec::new(), closing: None };
    let transfers = records.iter().map(|record| OwnTransfer { salt: [0; 16], record: *record }).collect();
    Proof::Completeness(CompletenessProof { position, transfers })
}

fn receipt(block: &SignedHeader, records: &[[u8; 128]], at: usize) -> Proof {
    let hashes: Vec<_> = records.iter().map(hash_of).collect();
    Proof::Receipt(Receipt {
        header: block.header,
        signature: block.signature,
        index: at as u64,
        salt: [0; 16],
        record: records[at],
        path: path_of(Domain::TransferNode, &hashes, at),
        details: Vec::new(),
    })
}

fn balance(block: &SignedHeader, handle: usize) -> Proof {
    let accounts: Vec<_> = (0..8).map(|handle| account(handle).hash()).collect();
    let path = path_of(Domain::AccountNode, &accounts, handle);
    Proof::Balance(BalanceProof { block: *block, leaf: account(handle), path })
}

#[test]
fn a_list_that_leaves_out_what_a_receipt_shows_is_found() {
    let folder = Folder::new("own-omitted");
    let records = [record(70, (FOREIGN, OWN), 9), record(71, (OWN, FOREIGN), 4)];
    let (right, empty) = (list(&records), list(&[]));
    let block_of = |leaf: &PositionLeaf| block(&records, leaf);
    let honest = block_of(&right);
    folder.put("all.proof", &completeness(&honest, &right, &records));
    folder.put("a.receipt", &receipt(&honest, &records, 0));
    folder.put("balance.proof", &balance(&honest, OWN));
    let report = folder.audit(&[]).json();
    assert_eq!((&report["receipts_listed"], &report["lists_added_up"]), (&1.into(), &0.into()), "{report}");
    folder.put("foreign.proof", &balance(&honest, FOREIGN));
    assert_eq!(folder.audit(&[]).json()["lists_added_up"], 1);
    // The same block in all, but with a list that has nothing in it.
    let lying = block_of(&empty);
    folder.put("all.proof", &completeness(&lying, &empty, &[]));
    folder.put("a.receipt", &receipt(&lying, &records, 0));
    folder.put("balance.proof", &balance(&lying, OWN));
    folder.remove("foreign.proof");
    folder.audit(&[]).fails_with(1, &["a.receipt", "all.proof", "leaves it out"]);
    // Without the balance nothing tells whose the account is, but the bank knows.
    folder.remove("balance.proof");
    assert_eq!(folder.audit(&[]).json()["receipts_listed"], 0);
    folder.audit(&["--accounts", "5"]).fails_with(1, &["leaves it out"]);
    assert_eq!(folder.audit(&["--accounts", "6,7"]).code, 0);
}

#[test]
fn sums_that_are_not_those_of_the_list_are_found() {
    let folder = Folder::new("own-sums");
    let records = [record(70, (FOREIGN, OWN), 9), record(71, (OWN, FOREIGN), 4)];
    let understated = PositionLeaf { credits: 8, ..list(&records) };
    let block = block(&records, &understated);
    folder.put("all.proof", &completeness(&block, &understated, &records));
    assert_eq!(folder.audit(&[]).code, 0, "whose the accounts are nobody has told");
    folder.audit(&["--accounts", "5"]).fails_with(1, &["all.proof", "does not add up"]);
    folder.put("own.proof", &balance(&block, OWN));
    folder.put("foreign.proof", &balance(&block, FOREIGN));
    folder.audit(&[]).fails_with(1, &["all.proof", "does not add up"]);
}

#[test]
fn a_text_is_a_proof_however_it_is_written_and_a_bad_one_is_never_passed_over() {
    let folder = Folder::new("own-texts");
    let text = to_json(&consistency(&chain(3, 99))).expect("within bounds");
    let file = folder.files.join("a.json");
    let key = PublicKey::of(&operator()).to_string();
    let verify = |file: &Path| folder.house.run_bare(&["verify", &file.display().to_string(), "--key", &key]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    for right in [format!("\n \t{text}"), pretty.clone(), format!("{text}\r\n")] {
        std::fs::write(&file, &right).expect("written");
        assert_eq!(folder.audit(&[]).json()["proofs"]["consistency"], 1, "{right}");
        assert_eq!(verify(&file).code, 0, "{right}");
    }
    let late = format!("{{{},\"kind\": \"consistency\"}}", "\"signature\":\"00\"");
    for wrong in [
        pretty.replace("\"height\": \"2\"", "\"height\": \"7\""),
        late,
        format!(" {}", &text[..text.len() - 1]),
    ] {
        std::fs::write(&file, &wrong).expect("written");
        folder.audit(&[]).fails_with(1, &["a.json", "not valid"]);
        assert_eq!(verify(&file).code, 1, "{wrong}");
    }
}

#[test]
fn evidence_is_never_written_over() {
    let folder = Folder::new("own-evidence");
    std::fs::write(folder.files.join("fork-7.fqe"), "of another day").expect("written");
    let records = [record(70, (FOREIGN, OWN), 9)];
    let (right, empty) = (list(&records), list(&[]));
    folder.put("a.receipt", &receipt(&block(&records, &right), &records, 0));
    folder.put("b.receipt", &receipt(&block(&records, &empty), &records, 0));
    for _ in 0..2 {
        folder.audit(&[]).fails_with(1, &["two headers of height 7", "fork-7-2.fqe"]);
    }
    assert_eq!(std::fs::read(folder.files.join("fork-7.fqe")).expect("there"), b"of another day");
    assert!(!folder.files.join("fork-7-3.fqe").exists());
}
