//! A small clearing house to prove things about: participants with keys, accounts, a block that ends a cycle, and
//! one proof of each kind from it. Deterministic by its seed.

use feiqian_proof::checkpoint::Checkpoint;
use feiqian_proof::consistency::consistency_path;
use feiqian_proof::cosignature::cosign;
use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::header::{BlockHeader, Root, totals_digest};
use feiqian_proof::kinds::{
    BATCH_CONTEXT, BalanceProof, CompletenessProof, ConfigProof, ConsistencyProof, Cosignature,
    FormerKeyProof, LogConsistencyProof, LogInclusionProof, Obligation, OwnTransfer, PositionProof, Proof,
    SettlementProof, SignedBatchProof, SignedHead, SignedHeader,
};
use feiqian_proof::leaf::{
    AccountLeaf, PositionLeaf, SaltKind, SaltSeed, config_leaf, salt, transfer_leaf_hash,
};
use feiqian_proof::log::{LogHead, leaf_hash, node_hash, origin_of};
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::{PublicKey, Signature, SigningKey, sign_header, sign_message};
use feiqian_proof::tree::{path_of, root_of};

use crate::sample::Random;

pub(crate) const CHAIN: [u8; 16] = *b"feiqian-test-two";
const CURRENCIES: [u16; 2] = [756, 978];
const CYCLE: u64 = 4;
/// Accounts of each position.
const ACCOUNTS_EACH: u64 = 2;

/// The key of every test: the operator's.
pub(crate) fn operator() -> SigningKey {
    SigningKey::from_bytes(&[0x31; 32])
}

pub(crate) fn operator_key() -> PublicKey {
    PublicKey::of(&operator())
}

/// The signing key of participant number `participant`.
pub(crate) fn bank(participant: usize) -> SigningKey {
    SigningKey::from_bytes(&[0x40 + u8::try_from(participant).expect("few banks"); 32])
}

/// One block with all that stands behind it.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) header: BlockHeader,
    pub(crate) records: Vec<[u8; 128]>,
    pub(crate) positions: Vec<PositionLeaf>,
    pub(crate) accounts: Vec<AccountLeaf>,
    pub(crate) config: Vec<Vec<u8>>,
    seed: SaltSeed,
}

impl Market {
    /// A block at `height` of `banks` participants, with `transfers` entries; it ends the cycle.
    pub(crate) fn new(height: u64, banks: usize, transfers: usize) -> Self {
        let mut random = Random(height * 1_000_003 + transfers as u64);
        let first_sequence = 1 + 1000 * height;
        let slots = banks * CURRENCIES.len();
        let records: Vec<_> =
            (0..transfers as u64).map(|at| record(&mut random, slots, first_sequence + at)).collect();
        let seed = SaltSeed::of_chain(&[0x22; 32], &CHAIN);
        let mut market = Self {
            header: header(height, first_sequence),
            positions: Vec::new(),
            accounts: (0..slots as u64 * ACCOUNTS_EACH).map(|handle| account(&seed, handle)).collect(),
            config: config(banks, height),
            records,
            seed,
        };
        market.positions = (0..slots).map(|slot| market.position_leaf(slot)).collect();
        market.seal();
        market
    }

    /// Sets the header's roots and totals anew from what the block holds.
    pub(crate) fn seal(&mut self) {
        let root = |node, leaves: &[Hash]| Root { hash: root_of(node, leaves), size: leaves.len() as u64 };
        self.header.count = self.records.len() as u64;
        self.header.transfers = root(Domain::TransferNode, &self.transfer_leaves());
        self.header.positions = root(Domain::PositionNode, &self.position_leaves());
        self.header.accounts = root(Domain::AccountNode, &self.account_leaves());
        self.header.config = root(Domain::ConfigNode, &self.config_leaves());
        let sum = |currency| {
            let own = self.positions.iter().filter(move |leaf| leaf.currency == currency);
            own.fold((currency, 0, 0), |row, leaf| (currency, row.1 + leaf.debits, row.2 + leaf.credits))
        };
        self.header.totals = totals_digest(&CURRENCIES.map(sum));
    }

    pub(crate) fn signed(&self) -> SignedHeader {
        SignedHeader { header: self.header, signature: sign_header(&operator(), &self.header.hash()) }
    }

    fn salt(&self, kind: SaltKind, index: u64) -> [u8; 16] {
        let of_block = self.seed.of_block(self.header.height);
        match kind {
            SaltKind::Transfer | SaltKind::Position => salt(&of_block, kind, index),
            SaltKind::Account | SaltKind::Config => salt(&self.seed, kind, index),
        }
    }

    pub(crate) fn own_transfers(&self, slot: usize) -> Vec<OwnTransfer> {
        let is_own = |record: &&[u8; 128]| sides(record).contains(&(slot as u64));
        let own = self.records.iter().filter(is_own);
        own.map(|record| OwnTransfer {
            salt: self.salt(SaltKind::Transfer, word(record, 104)),
            record: *record,
        })
        .collect()
    }

    fn position_leaf(&self, slot: usize) -> PositionLeaf {
        let own = self.own_transfers(slot);
        let hashes: Vec<_> = own.iter().map(|own| transfer_leaf_hash(&own.salt, &own.record)).collect();
        let moved = |side: usize| {
            let moves = own.iter().filter(|own| own.record[120] == 1);
            let across = moves.filter(|own| {
                let both = sides(&own.record);
                both[0] != both[1] && both[side] == slot as u64
            });
            across.map(|own| u128::from(word(&own.record, 32))).sum::<u128>()
        };
        let (debits, credits) = (moved(0), moved(1));
        // From the cycle's earlier blocks.
        let carried = [-70_000, 70_000].get(slot / CURRENCIES.len()).copied().unwrap_or(0);
        PositionLeaf {
            salt: self.salt(SaltKind::Position, slot as u64),
            bic: bic(slot / CURRENCIES.len()),
            currency: CURRENCIES[slot % CURRENCIES.len()],
            slot: u32::try_from(slot).expect("few slots"),
            count: own.len() as u64,
            debits,
            credits,
            position: carried + i128::try_from(credits).expect("small")
                - i128::try_from(debits).expect("small"),
            cycle: CYCLE,
            unsettled: -5,
            cap: 1_000_000,
            transfers_root: root_of(Domain::ParticipantNode, &hashes),
        }
    }

    fn transfer_leaves(&self) -> Vec<Hash> {
        let hash = |record: &[u8; 128]| {
            transfer_leaf_hash(&self.salt(SaltKind::Transfer, word(record, 104)), record)
        };
        self.records.iter().map(hash).collect()
    }

    fn position_leaves(&self) -> Vec<Hash> {
        self.positions.iter().map(PositionLeaf::hash).collect()
    }

    fn account_leaves(&self) -> Vec<Hash> {
        self.accounts.iter().map(AccountLeaf::hash).collect()
    }

    fn config_leaves(&self) -> Vec<Hash> {
        let entries = self.config.iter().zip(0..);
        entries.map(|(entry, at)| config_leaf(&self.salt(SaltKind::Config, at), entry)).collect()
    }

    fn config_proof(&self, index: usize) -> ConfigProof {
        ConfigProof {
            index: index as u64,
            salt: self.salt(SaltKind::Config, index as u64),
            entry: self.config[index].clone(),
            path: path_of(Domain::ConfigNode, &self.config_leaves(), index),
        }
    }

    fn closing(&self) -> ConfigProof {
        self.config_proof(self.config.len() - 2)
    }

    pub(crate) fn receipt(&self, index: usize, with_details: bool) -> Receipt {
        let record = self.records[index];
        let sequence = word(&record, 104);
        Receipt {
            header: self.header,
            signature: self.signed().signature,
            index: index as u64,
            salt: self.salt(SaltKind::Transfer, sequence),
            record,
            path: path_of(Domain::TransferNode, &self.transfer_leaves(), index),
            details: if with_details { details(sequence) } else { Vec::new() },
        }
    }

    /// Positions, one of each participant and currency.
    pub(crate) fn slots(&self) -> usize {
        self.positions.len()
    }

    pub(crate) fn position(&self, slot: usize, with_closing: bool) -> PositionProof {
        PositionProof {
            block: self.signed(),
            leaf: self.positions[slot],
            path: path_of(Domain::PositionNode, &self.position_leaves(), slot),
            closing: with_closing.then(|| self.closing()),
        }
    }

    pub(crate) fn completeness(&self, slot: usize) -> CompletenessProof {
        CompletenessProof { position: self.position(slot, false), transfers: self.own_transfers(slot) }
    }

    pub(crate) fn balance(&self, handle: usize) -> BalanceProof {
        BalanceProof {
            block: self.signed(),
            leaf: self.accounts[handle],
            path: path_of(Domain::AccountNode, &self.account_leaves(), handle),
        }
    }

    /// Whether the position at `slot` has the account.
    pub(crate) fn is_account_of(slot: usize, handle: u64) -> bool {
        handle / ACCOUNTS_EACH == slot as u64
    }

    /// This block and `more` behind it.
    pub(crate) fn consistency(&self, more: usize) -> ConsistencyProof {
        let mut headers = vec![self.header];
        for _ in 0..more {
            let last = headers[headers.len() - 1];
            headers.push(BlockHeader {
                height: last.height + 1,
                previous: last.hash(),
                first_sequence: last.first_sequence + last.count,
                timestamp: last.timestamp + 1_000_000,
                cycle: CYCLE + 1,
                ..last
            });
        }
        let last = headers[headers.len() - 1];
        ConsistencyProof { headers, signature: sign_header(&operator(), &last.hash()) }
    }

    /// That the log of `new` blocks from this one on begins with that of the first `old`.
    pub(crate) fn log_consistency(&self, old: usize, new: usize) -> LogConsistencyProof {
        let headers = self.consistency(new - 1).headers;
        let leaves: Vec<_> = headers.iter().map(|header| leaf_hash(&header.encode())).collect();
        let head = |size: usize| self.signed_head(size as u64, log_root(&leaves[..size]));
        let path = consistency_path(&node_hash, &leaves, old);
        LogConsistencyProof { chain_id: self.header.chain_id, old: head(old), new: head(new), path }
    }

    /// A head of the chain's log, signed by the operator.
    pub(crate) fn signed_head(&self, size: u64, root: Hash) -> SignedHead {
        let head = LogHead { size, root };
        let line = Checkpoint::new(&origin_of(&self.header.chain_id), head).sign(&operator());
        let bytes = line.expect("an origin is a name").bytes;
        SignedHead { head, signature: Signature(bytes.try_into().expect("64 bytes")) }
    }

    /// The first debtor pays the first creditor, as far as both go.
    pub(crate) fn settlement(&self, currency: u16) -> SettlementProof {
        let first = |pays: bool| {
            let mut side = self.positions.iter().filter(|leaf| leaf.currency == currency);
            side.find(|leaf| leaf.position != 0 && (leaf.position < 0) == pays).expect("someone owes")
        };
        let (debtor, creditor) = (first(true), first(false));
        let amount = debtor.position.unsigned_abs().min(creditor.position.unsigned_abs());
        let obligation = Obligation { currency, debtor: debtor.slot, creditor: creditor.slot, amount };
        SettlementProof {
            block: self.signed(),
            closing: self.closing(),
            obligation,
            positions: self.positions.clone(),
        }
    }

    /// A proof about a block, and that the block is in the log of `more` blocks than it, which so many of
    /// [`witness`]'s keys have cosigned.
    pub(crate) fn log_inclusion(&self, proof: Proof, more: u64, witnesses: u8) -> LogInclusionProof {
        let header = proof.block().expect("of a block").header;
        let leaves = (1..=header.height + more).map(|height| match height == header.height {
            true => leaf_hash(&header.encode()),
            false => leaf_hash(&height.to_le_bytes()),
        });
        let leaves: Vec<_> = leaves.collect();
        let checkpoint = self.signed_head(leaves.len() as u64, log_root(&leaves));
        let index = usize::try_from(header.height - 1).expect("small");
        let path = log_path(&leaves, index);
        let mut proof =
            LogInclusionProof { checkpoint, path, cosignatures: Vec::new(), proof: Box::new(proof) };
        let text = proof.text().expect("of a block");
        proof.cosignatures = (0..witnesses).map(|number| cosignature(&witness(number), &text)).collect();
        proof.cosignatures.sort_by_key(|line| line.key);
        proof
    }

    /// [`Self::signed_batch`] where the first bank's key is replaced in this block.
    pub(crate) fn former_key(&self, first: usize, count: usize, place: usize) -> FormerKeyProof {
        let mut before = Self::new(self.header.height - 1, self.slots() / CURRENCIES.len(), 1);
        before.header.chain_id = self.header.chain_id;
        before.header.first_sequence = self.header.first_sequence - 1;
        before.seal();
        let mut own = self.clone();
        own.config[1] = participant_with(0, &bank(50));
        own.header.previous = before.header.hash();
        own.seal();
        let batch =
            SignedBatchProof { participant: before.config_proof(1), ..own.signed_batch(first, count, place) };
        FormerKeyProof { before: before.header, batch }
    }

    /// The transfers `first .. first + count` as one batch of the first bank; the proof is of the one at `place`.
    pub(crate) fn signed_batch(&self, first: usize, count: usize, place: usize) -> SignedBatchProof {
        let submitted = |record: &[u8; 128]| {
            let mut record = *record;
            record[104..122].fill(0);
            record
        };
        let records: Vec<_> = self.records[first..first + count].iter().map(submitted).collect();
        let batch_id = 77 + u128::from(self.header.height);
        SignedBatchProof {
            receipt: self.receipt(first + place, true),
            participant: self.config_proof(1),
            batch_id,
            place: u32::try_from(place).expect("small"),
            signature: sign_batch(&bank(0), &self.header.chain_id, batch_id, &records),
            records,
        }
    }

    /// One proof of each kind, two where a kind has two shapes.
    pub(crate) fn proofs(&self) -> Vec<Proof> {
        let (transfers, slots) = (self.records.len(), self.positions.len());
        let batch = transfers.min(3);
        vec![
            Proof::Receipt(self.receipt(transfers / 2, true)),
            Proof::Receipt(self.receipt(transfers - 1, false)),
            Proof::Position(self.position(slots - 1, false)),
            Proof::Position(self.position(0, true)),
            Proof::Completeness(self.completeness(1)),
            Proof::Completeness(self.completeness(slots - 1)),
            Proof::Balance(self.balance(self.accounts.len() - 1)),
            Proof::Consistency(self.consistency(2)),
            Proof::LogConsistency(self.log_consistency(3, 7)),
            Proof::LogConsistency(self.log_consistency(4, 5)),
            Proof::Settlement(self.settlement(978)),
            Proof::SignedBatch(self.signed_batch(transfers - batch, batch, batch - 1)),
            Proof::FormerKey(self.former_key(transfers - batch, batch, batch - 1)),
            Proof::LogInclusion(self.log_inclusion(Proof::Receipt(self.receipt(0, true)), 4, 4)),
            Proof::LogInclusion(self.log_inclusion(Proof::Position(self.position(0, true)), 0, 0)),
        ]
    }
}

/// The root of RFC 6962 over one entry or more.
fn log_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
            node_hash(&log_root(left), &log_root(right))
        }
    }
}

/// The siblings of an entry, lowest first.
fn log_path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (log_path(left, index), log_root(right)),
        Some(index) => (log_path(right, index), log_root(left)),
    };
    path.push(sibling);
    path
}

/// The key of a witness.
pub(crate) fn witness(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[0xA0 + number; 32])
}

/// A witness's cosignature of a checkpoint's text, its time the number of seconds that the text has bytes.
pub(crate) fn cosignature(key: &SigningKey, text: &str) -> Cosignature {
    let time = 1_780_000_000 + text.len() as u64;
    let line = cosign(key, "witness", time, text).expect("a name");
    let signature = line.bytes[8..].try_into().expect("64 bytes");
    Cosignature { key: PublicKey::of(key), time, signature: Signature(signature) }
}

pub(crate) fn sign_batch(
    key: &SigningKey,
    chain: &[u8; 16],
    batch_id: u128,
    records: &[[u8; 128]],
) -> Signature {
    let digest = keyed(Domain::Batch, records.as_flattened());
    let bytes = [&chain[..], &batch_id.to_le_bytes(), &digest.0].concat();
    sign_message(key, BATCH_CONTEXT, &bytes)
}

fn header(height: u64, first_sequence: u64) -> BlockHeader {
    BlockHeader {
        chain_id: CHAIN,
        height,
        previous: keyed(Domain::Header, &height.to_le_bytes()),
        first_sequence,
        count: 0,
        timestamp: 1_780_000_000_000_000_000 + height,
        cycle: CYCLE,
        totals: Hash::default(),
        transfers: Root::default(),
        positions: Root::default(),
        accounts: Root::default(),
        config: Root::default(),
        journal_head: keyed(Domain::Frame, &height.to_le_bytes()),
    }
}

pub(crate) fn word(record: &[u8; 128], at: usize) -> u64 {
    u64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"))
}

/// The slots on the debit and on the credit side.
fn sides(record: &[u8; 128]) -> [u64; 2] {
    [word(record, 16), word(record, 24)].map(|handle| handle / ACCOUNTS_EACH)
}

fn details(sequence: u64) -> Vec<u8> {
    format!("invoice {sequence}").into_bytes()
}

/// A transfer between any two positions of one currency; one of four is rejected. The last bank takes no part.
fn record(random: &mut Random, slots: usize, sequence: u64) -> [u8; 128] {
    let currency = random.below(2);
    let banks = slots / 2 - usize::from(slots > 4);
    let mut account = || {
        let slot = 2 * random.below(banks) + currency;
        ACCOUNTS_EACH * slot as u64 + random.next() % ACCOUNTS_EACH
    };
    let (debtor, creditor) = (account(), account());
    let mut record = [0; 128];
    record[..16].copy_from_slice(&keyed(Domain::Document, &sequence.to_be_bytes()).0[..16]);
    record[16..24].copy_from_slice(&debtor.to_le_bytes());
    record[24..32].copy_from_slice(&creditor.to_le_bytes());
    record[32..40].copy_from_slice(&(1 + random.next() % 100_000).to_le_bytes());
    record[40..42].copy_from_slice(&CURRENCIES[currency].to_le_bytes());
    record[72..104].copy_from_slice(&keyed(Domain::Document, &details(sequence)).0);
    record[104..112].copy_from_slice(&sequence.to_le_bytes());
    record[112..120].copy_from_slice(&1_780_000_000_000_000_000_u64.to_le_bytes());
    let is_rejected = random.below(4) == 0;
    record[120..122].copy_from_slice(&if is_rejected { [4, 19] } else { [1, 0] });
    record
}

fn bic(participant: usize) -> [u8; 11] {
    let mut bic = *b"BANKDEFFXXX";
    bic[3] = b'A' + u8::try_from(participant % 26).expect("a letter");
    bic
}

fn account(seed: &SaltSeed, handle: u64) -> AccountLeaf {
    let slot = handle / ACCOUNTS_EACH;
    AccountLeaf {
        salt: salt(seed, SaltKind::Account, handle),
        handle,
        slot: u32::try_from(slot).expect("few slots"),
        currency: CURRENCIES[usize::try_from(slot % 2).expect("0 or 1")],
        state: 1,
        kind: 1,
        balance: 1000 - 300 * i128::from(handle),
        reserved: handle,
        credit_line: 5000,
        last_posting: handle * 7,
    }
}

/// Rules, participants with their keys, positions, the cycle that ends and the one that begins.
fn config(banks: usize, height: u64) -> Vec<Vec<u8>> {
    let mut all = vec![[&[1, 1, 0, 0, 0][..], operator_key().as_bytes()].concat()];
    all.extend((0..banks).map(participant));
    for slot in 0..u32::try_from(2 * banks).expect("few slots") {
        let (participant, currency) = (slot / 2, CURRENCIES[usize::try_from(slot % 2).expect("0 or 1")]);
        let terms = [&[3][..], &participant.to_le_bytes(), &currency.to_le_bytes()].concat();
        all.push([&terms[..], &1_000_000_u64.to_le_bytes(), &u64::from(slot).to_le_bytes()].concat());
    }
    all.push(cycle(CYCLE, 2, 1, height + 1));
    all.push(cycle(CYCLE + 1, 1, height + 1, 0));
    all
}

/// The configuration's entry of a participant.
pub(crate) fn participant(number: usize) -> Vec<u8> {
    participant_with(number, &bank(number))
}

fn participant_with(number: usize, key: &SigningKey) -> Vec<u8> {
    let name = format!("Bank {number}");
    let key = PublicKey::of(key);
    let length = u32::try_from(name.len()).expect("short").to_le_bytes();
    [&[2][..], &bic(number), &[1], &length, name.as_bytes(), &[32, 0, 0, 0], key.as_bytes()].concat()
}

/// The configuration's entry of a cycle.
pub(crate) fn cycle(number: u64, state: u8, first_block: u64, end_block: u64) -> Vec<u8> {
    let blocks = [first_block.to_le_bytes(), end_block.to_le_bytes()].concat();
    [&[4][..], &number.to_le_bytes(), &[state], &blocks].concat()
}
