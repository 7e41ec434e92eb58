//! I8: a receipt is verified from the file and the public key alone, and nothing but a right one is.

use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::header::{BlockHeader, HeaderError};
use feiqian_proof::inclusion::PATH_MAX;
use feiqian_proof::leaf::{transfer_leaf, transfer_leaf_hash};
use feiqian_proof::receipt::{DETAILS_BYTES_MAX, RECEIPT_BYTES_MAX, Receipt, ReceiptError};
use feiqian_proof::signature::{PublicKey, SigningKey, sign_header};
use feiqian_proof::tree::{node_of, root_of};

use crate::sample::{Block, Random, operator};

const MUTATIONS: usize = 100_000;

fn key() -> PublicKey {
    PublicKey::of(&operator())
}

fn encode(receipt: &Receipt) -> Vec<u8> {
    receipt.encode().expect("a receipt within its bounds")
}

/// Whether a reader of the file would believe it.
fn is_accepted(file: &[u8]) -> bool {
    Receipt::decode(file).is_ok_and(|receipt| receipt.verify(&key()).is_ok())
}

fn receipts() -> Vec<Receipt> {
    let sizes = [1, 2, 3, 7, 8, 64, 100, 257];
    let blocks = (1_u64..).zip(sizes).map(|(height, size)| (Block::new(height, size), size));
    let each = |(block, size): (Block, usize)| {
        let indices = [0, size / 2, size - 1].into_iter().enumerate();
        indices.map(|(at, index)| block.receipt(index, at != 1)).collect::<Vec<_>>()
    };
    blocks.flat_map(each).collect()
}

#[test]
fn a_receipt_is_read_back_and_verified() {
    for receipt in receipts() {
        let file = encode(&receipt);
        let read = Receipt::decode(&file).expect("a receipt");
        assert_eq!(read, receipt);
        let verified = read.verify(&key()).expect("a right receipt");
        assert_eq!((verified.header(), verified.record()), (&receipt.header, &receipt.record));
        assert_eq!(verified.index(), receipt.index);
        assert_eq!(verified.details().unwrap_or(&[]), receipt.details);
        assert_eq!(verified.details().is_none(), receipt.details.is_empty());
    }
}

#[test]
fn each_byte_of_a_receipt_is_significant() {
    let files: Vec<_> = receipts().iter().skip(3).take(4).map(encode).collect();
    for file in files {
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 0x01;
            assert!(!is_accepted(&bad), "byte {at}");
            assert!(!is_accepted(&file[..at]), "cut at {at}");
        }
        assert!(!is_accepted(&[&file[..], &[0]].concat()));
    }
}

#[test]
fn details_may_be_left_out_but_not_replaced() {
    let receipt = Block::new(1, 9).receipt(4, true);
    let undisclosed = Receipt { details: Vec::new(), ..receipt.clone() };
    assert!(undisclosed.verify(&key()).expect("undisclosed details").details().is_none());
    let replaced = Receipt { details: b"another invoice".to_vec(), ..receipt };
    assert_eq!(replaced.verify(&key()), Err(ReceiptError::DetailsDiffer));
}

#[test]
fn bounds_hold_when_reading_writing_and_verifying() {
    let receipt = Block::new(1, 9).receipt(4, true);
    let long_path = Receipt { path: vec![Hash::default(); PATH_MAX + 1], ..receipt.clone() };
    let long_details = Receipt { details: vec![0; DETAILS_BYTES_MAX + 1], ..receipt.clone() };
    for (bad, error) in
        [(&long_path, ReceiptError::PathTooLong), (&long_details, ReceiptError::DetailsTooLong)]
    {
        assert_eq!(bad.encode(), Err(error));
        assert_eq!(bad.verify(&key()), Err(error));
    }
    let longest = Receipt {
        path: vec![Hash::default(); PATH_MAX],
        details: vec![0; DETAILS_BYTES_MAX],
        ..receipt.clone()
    };
    assert_eq!(encode(&longest).len(), RECEIPT_BYTES_MAX);
    assert_eq!(Receipt::decode(&encode(&longest)), Ok(longest));

    let path_length = 8 + 320 + 64 + 8 + 16 + 128;
    let mut file = encode(&receipt);
    file[path_length] = 65;
    assert_eq!(Receipt::decode(&file), Err(ReceiptError::PathTooLong));
    let mut file = encode(&receipt);
    let details_length = path_length + 1 + 32 * receipt.path.len();
    file[details_length..details_length + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Receipt::decode(&file), Err(ReceiptError::DetailsTooLong));
}

#[test]
fn each_refusal_names_its_cause() {
    let receipt = Block::new(1, 9).receipt(4, true);
    let file = encode(&receipt);
    let mut no_header = file.clone();
    no_header[8] = b'X';
    let cases = [
        (&b"FQRCPT02"[..], "the file does not begin with FQRCPT01: it is no receipt of this version"),
        (&file[..100], "the receipt ends too early"),
        (&[&file[..], b"x"].concat(), "the receipt has bytes behind its end"),
        (&no_header, "the block header does not begin with FQBLOCK1"),
    ];
    for (bytes, sentence) in cases {
        assert_eq!(Receipt::decode(bytes).expect_err("a refusal").to_string(), sentence);
    }
    let stranger = PublicKey::of(&SigningKey::from_bytes(&[0x77; 32]));
    assert_eq!(receipt.verify(&stranger), Err(ReceiptError::Signature));
    let elsewhere = Receipt { index: 5, ..receipt.clone() };
    assert_eq!(elsewhere.verify(&key()), Err(ReceiptError::Sequence));
    let beyond = Receipt { index: 9, ..receipt.clone() };
    assert_eq!(beyond.verify(&key()), Err(ReceiptError::Index));
    let salted = Receipt { salt: [0; 16], ..receipt };
    assert_eq!(salted.verify(&key()), Err(ReceiptError::NotIncluded));
}

/// The receipt with its header changed and signed anew by the operator.
fn signed_anew(receipt: &Receipt, change: impl FnOnce(&mut BlockHeader)) -> Receipt {
    let mut forged = receipt.clone();
    change(&mut forged.header);
    forged.signature = sign_header(&operator(), &forged.header.hash());
    forged
}

#[test]
fn a_sequence_that_header_and_index_do_not_give_is_refused_even_when_signed() {
    let right = Block::new(1, 9).receipt(4, true);
    assert!(signed_anew(&right, |_| ()).verify(&key()).is_ok());
    for first in [0, 1000, 1002, u64::MAX - 4, u64::MAX - 3, u64::MAX] {
        let forged = signed_anew(&right, |header| header.first_sequence = first);
        assert_eq!(forged.verify(&key()), Err(ReceiptError::Sequence), "{first}");
    }
    for at in 104..112 {
        for bit in 0..8 {
            let mut forged = right.clone();
            forged.record[at] ^= 1 << bit;
            assert_eq!(forged.verify(&key()), Err(ReceiptError::Sequence), "byte {at}, bit {bit}");
        }
    }
    // A block of one transfer has the empty path: whatever it says of itself is included.
    let mut alone = Block::new(1, 1).receipt(0, false);
    alone.record[104..112].copy_from_slice(&7_u64.to_le_bytes());
    let hash = transfer_leaf_hash(&alone.salt, &alone.record);
    let forged = signed_anew(&alone, |header| header.transfers.hash = hash);
    assert_eq!(forged.verify(&key()), Err(ReceiptError::Sequence));
    let right = signed_anew(&forged, |header| header.first_sequence = 7);
    assert!(right.verify(&key()).is_ok());
}

#[test]
fn a_sequence_beyond_the_last_one_is_refused_and_never_wraps() {
    let block = Block::from_sequence(1, u64::MAX - 1, 3);
    for index in 0..2 {
        assert!(block.receipt(index, true).verify(&key()).is_ok());
    }
    assert_eq!(block.receipt(2, true).verify(&key()), Err(ReceiptError::Sequence));
}

#[test]
fn a_count_that_is_not_the_size_of_the_tree_is_refused_even_when_signed() {
    let right = Block::new(1, 9).receipt(8, true);
    for count in [0, 8, 10, u64::MAX] {
        let forged = signed_anew(&right, |header| header.count = count);
        let refused = ReceiptError::Header(HeaderError::Count);
        assert_eq!(forged.verify(&key()), Err(refused), "{count}");
        assert_eq!(Receipt::decode(&encode(&forged)), Err(refused), "{count}");
    }
    // The two may agree on a wrong size; then the index or the path gives it away.
    let sized = |size| signed_anew(&right, |header| (header.count, header.transfers.size) = (size, size));
    assert_eq!(sized(8).verify(&key()), Err(ReceiptError::Index));
    assert!(sized(9).verify(&key()).is_ok());
    assert_eq!(sized(10).verify(&key()), Err(ReceiptError::NotIncluded));
}

/// An operator's signature over a header whose tree was hashed in another domain, or without one.
#[test]
fn a_tree_of_another_domain_is_refused_even_when_signed() {
    let right = Block::new(1, 2).receipt(0, true);
    let leaf = transfer_leaf_hash(&right.salt, &right.record);
    let signed =
        |root: Hash| signed_anew(&right, |header| header.transfers.hash = root).verify(&key()).is_ok();
    assert!(signed(root_of(Domain::TransferNode, &[leaf, right.path[0]])));
    for domain in Domain::ALL.into_iter().filter(|domain| *domain != Domain::TransferNode) {
        assert!(!signed(node_of(domain, &leaf, &right.path[0])), "{domain:?}");
    }
    let bare = blake3::hash(&[leaf.0, right.path[0].0].concat());
    assert!(!signed(Hash(*bare.as_bytes())));
    for domain in Domain::ALL.into_iter().filter(|domain| *domain != Domain::TransferLeaf) {
        let other = keyed(domain, &transfer_leaf(&right.salt, &right.record));
        assert!(!signed(node_of(Domain::TransferNode, &other, &right.path[0])), "{domain:?}");
    }
}

#[test]
fn a_hundred_thousand_mutations_of_receipts_are_all_refused() {
    let receipts = receipts();
    let files: Vec<_> = receipts.iter().map(encode).collect();
    assert!(files.iter().all(|file| is_accepted(file)));
    let (mut tried, mut seed) = (0, 0);
    while tried < MUTATIONS {
        let mut random = Random(seed);
        let at = random.below(receipts.len());
        let (what, mutant) = if random.below(3) == 0 {
            mutate_fields(&mut random, &receipts, at)
        } else {
            mutate_bytes(&mut random, &files[at])
        };
        // A splice can make another right receipt, or the same one: those are no forgeries.
        if !files.contains(&mutant) {
            assert!(!is_accepted(&mutant), "{what}: seed {seed}");
            tried += 1;
        }
        seed += 1;
    }
}

fn mutate_bytes(random: &mut Random, file: &[u8]) -> (&'static str, Vec<u8>) {
    let mut bytes = file.to_vec();
    let at = random.below(bytes.len());
    let what = match random.below(8) {
        0..3 => {
            bytes[at] ^= 1 << random.below(8);
            "bit flipped"
        }
        3 => {
            bytes[at] = random.byte();
            "byte set"
        }
        4 => {
            bytes.truncate(at);
            "cut"
        }
        5 => {
            bytes.extend((0..=random.below(70)).map(|_| random.byte()));
            "extended"
        }
        6 => {
            let mut edge = [at, random.below(file.len())];
            edge.sort_unstable();
            bytes.drain(edge[0]..edge[1]);
            "piece removed"
        }
        _ => {
            let (width, other) = (8 << random.below(3), random.below(file.len()));
            let (a, b) = (at.min(other), at.max(other));
            if a + width <= b && b + width <= bytes.len() {
                let (left, right) = bytes.split_at_mut(b);
                left[a..a + width].swap_with_slice(&mut right[..width]);
            }
            "pieces swapped"
        }
    };
    (what, bytes)
}

/// Moves the block and the record within it `by` sequences on: they still agree, only proof and signature don't.
fn move_to(receipt: &mut Receipt, by: u64) {
    receipt.header.first_sequence += by;
    let sequence = receipt.header.first_sequence + receipt.index;
    receipt.record[104..112].copy_from_slice(&sequence.to_le_bytes());
}

fn mutate_fields(random: &mut Random, receipts: &[Receipt], at: usize) -> (&'static str, Vec<u8>) {
    let other = &receipts[random.below(receipts.len())];
    let mut mutant = receipts[at].clone();
    let what = match random.below(20) {
        0 => {
            mutant.index = mutant.index.wrapping_add(1);
            "next index"
        }
        1 => {
            mutant.index = mutant.index.wrapping_sub(1);
            "previous index"
        }
        2 => {
            mutant.header.transfers.size += 1;
            "one transfer more"
        }
        3 => {
            mutant.header.transfers.size -= 1;
            "one transfer less"
        }
        4 => {
            mutant.header = other.header;
            "header of another"
        }
        5 => {
            mutant.signature = other.signature;
            "signature of another"
        }
        6 => {
            (mutant.header, mutant.signature) = (other.header, other.signature);
            "block of another"
        }
        7 => {
            mutant.record = other.record;
            "record of another"
        }
        8 => {
            (mutant.record, mutant.salt) = (other.record, other.salt);
            "leaf of another"
        }
        9 => {
            mutant.salt = other.salt;
            "salt of another"
        }
        10 => {
            mutant.path.clone_from(&other.path);
            "path of another"
        }
        11 => {
            // Never empty: to leave the details out is allowed.
            mutant.details = [&other.details[..], b"!"].concat();
            "details of another"
        }
        12 => {
            mutant.index = other.index;
            "index of another"
        }
        13 => {
            core::mem::swap(&mut mutant.header.transfers, &mut mutant.header.positions);
            "trees swapped"
        }
        14 => {
            mutant.path.pop();
            "node missing"
        }
        15 => {
            let sequence = mutant.header.first_sequence + mutant.index + 1 + random.next() % 1000;
            mutant.record[104..112].copy_from_slice(&sequence.to_le_bytes());
            "sequence of another"
        }
        16 => {
            let by = 1 + random.next() % 1000;
            move_to(&mut mutant, by);
            "block and record moved on"
        }
        17 => {
            mutant.index = mutant.index.wrapping_add(1);
            mutant.header.first_sequence -= 1;
            "index and block moved apart"
        }
        18 => {
            let size = random.next() % (2 * mutant.header.count + 2);
            (mutant.header.count, mutant.header.transfers.size) = (size, size);
            "count and size of another"
        }
        _ => {
            let node = other.path.first().copied().unwrap_or_default();
            mutant.path.insert(random.below(mutant.path.len() + 1), node);
            "node added"
        }
    };
    (what, encode(&mutant))
}
