//! Seeded random numbers, and blocks to prove things about.

use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::header::{BlockHeader, Root, totals_digest};
use feiqian_proof::leaf::{SaltKind, SaltSeed, salt, transfer_leaf_hash};
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::{SigningKey, sign_header};
use feiqian_proof::tree::{path_of, root_of};

/// SplitMix64 (Steele, Lea and Flood 2014): the seed tells the whole sequence.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count as u64).map(|at| keyed(Domain::TransferLeaf, &at.to_le_bytes())).collect()
}

pub(crate) fn operator() -> SigningKey {
    SigningKey::from_bytes(&[0x11; 32])
}

/// A sealed block of `transfers` transfers, each with its own details.
pub(crate) struct Block {
    pub(crate) header: BlockHeader,
    seed: SaltSeed,
    leaves: Vec<Hash>,
}

impl Block {
    pub(crate) fn new(height: u64, transfers: usize) -> Self {
        Self::from_sequence(height, 1 + 1000 * height, transfers)
    }

    /// A block whose records count their sequences from `first_sequence` on.
    pub(crate) fn from_sequence(height: u64, first_sequence: u64, transfers: usize) -> Self {
        let seed = SaltSeed([0x22; 32]).of_block(height);
        let sequences = (0..transfers).map(|index| first_sequence.wrapping_add(index as u64));
        let leaf = |sequence| transfer_leaf_hash(&salt_at(&seed, sequence), &record_at(height, sequence));
        let leaves: Vec<Hash> = sequences.map(leaf).collect();
        let root = |domain, leaf: &[u8]| Root { hash: keyed(domain, leaf), size: 1 };
        let hash = root_of(Domain::TransferNode, &leaves);
        let header = BlockHeader {
            chain_id: *b"feiqian-test-one",
            height,
            previous: keyed(Domain::Header, &height.to_le_bytes()),
            first_sequence,
            count: transfers as u64,
            timestamp: 1_780_000_000_000_000_000 + height,
            cycle: 3,
            totals: totals_digest(&[(756, 5, 5), (978, 7, 7)]),
            transfers: Root { hash, size: transfers as u64 },
            positions: root(Domain::PositionLeaf, b"positions"),
            accounts: root(Domain::AccountLeaf, b"accounts"),
            config: root(Domain::ConfigLeaf, b"config"),
            journal_head: keyed(Domain::Frame, &height.to_le_bytes()),
        };
        Self { header, seed, leaves }
    }

    /// The receipt of the transfer at `index`, signed by the operator.
    pub(crate) fn receipt(&self, index: usize, with_details: bool) -> Receipt {
        let sequence = self.header.first_sequence.wrapping_add(index as u64);
        let record = record_at(self.header.height, sequence);
        let details = if with_details { details_at(self.header.height, sequence) } else { Vec::new() };
        Receipt {
            header: self.header,
            signature: sign_header(&operator(), &self.header.hash()),
            index: index as u64,
            salt: salt_at(&self.seed, sequence),
            record,
            path: path_of(Domain::TransferNode, &self.leaves, index),
            details,
        }
    }
}

fn salt_at(seed: &SaltSeed, sequence: u64) -> [u8; 16] {
    salt(seed, SaltKind::Transfer, sequence)
}

fn details_at(height: u64, sequence: u64) -> Vec<u8> {
    format!("invoice {sequence} of block {height}").into_bytes()
}

fn record_at(height: u64, sequence: u64) -> [u8; 128] {
    let mut random = Random(height << 32 ^ sequence);
    let mut record: [u8; 128] = core::array::from_fn(|_| random.byte());
    record[72..104].copy_from_slice(&keyed(Domain::Document, &details_at(height, sequence)).0);
    record[104..112].copy_from_slice(&sequence.to_le_bytes());
    record
}
