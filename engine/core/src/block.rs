//! The batcher's rules: how executed frames become blocks. Hashes leaves as frames come, keeps the mirror,
//! and makes the header when a frame seals. A function of the journal alone (I4); signs nothing.

use alloc::vec::Vec;

use feiqian_proof::groups::GROUP_HEIGHT;
use feiqian_proof::growing::{GrowingTree, finish_all};
use feiqian_proof::hash::{Digest, Domain, HASH_BYTES, Hash, hash_into, hash_many};
use feiqian_proof::header::{BlockHeader, Root, totals_digest};
use feiqian_proof::leaf::{
    AccountLeaf, PositionLeaf, SaltKind, SaltSeed, TRANSFER_LEAF_BYTES, config_leaf, fill_transfer_leaf,
    salt, salts,
};
use feiqian_proof::tree::{Tree, root_of};

use crate::account::{AccountHandle, SlotHandle};
use crate::batch::{Payload, command_bytes};
use crate::codec::Encoder;
use crate::command::Entry;
use crate::delta::Delta;
use crate::frame::FrameKind;
use crate::mirror::Mirror;
use crate::number::{index, number};
use crate::outcome::{Outcome, OutcomeRow};
use crate::participant::CycleNumber;
use crate::state::{Fault, FrameView};
use crate::transfer::Record;

/// Version of the rules, part of every block's configuration: nodes of different versions must differ here.
pub const RULES_VERSION: u32 = 1;
/// Leaves made ready for the hash lanes at a time; 192 bytes each stay in the first-level cache.
const LEAVES_AT_ONCE: usize = 64;

/// What one participant moved in the block that is being filled, in one currency, minor units.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    debits: u128,
    credits: u128,
}

/// Fills blocks.
#[derive(Clone, Debug)]
pub struct Sealer {
    mirror: Mirror,
    /// The open block's entries.
    transfers: GrowingTree,
    /// Of the last block.
    groups: Vec<Hash>,
    /// Of each position, its own entries of the open block, and their sums.
    sub_trees: Vec<GrowingTree>,
    moved: Vec<Moved>,
    /// The leaves of the last block's positions.
    positions: Vec<PositionLeaf>,
    accounts: Tree,
    account_salts: Vec<[u8; 16]>,
    /// Of each account, its position: four bytes, where a whole entry of the registry would miss the caches.
    account_slots: Vec<SlotHandle>,
    config: Option<Root>,
    first_sequence: u64,
    height: u64,
    timestamp: u64,
    previous: Hash,
}

impl Default for Sealer {
    fn default() -> Self {
        Self::restored(Mirror::default(), 1, 0, Hash::default())
    }
}

impl Sealer {
    /// Goes on behind the block at `height`: `mirror` as of its end, the sequence behind it, its header's hash.
    #[must_use]
    pub fn restored(mirror: Mirror, first_sequence: u64, height: u64, previous: Hash) -> Self {
        let mut sealer = Self {
            mirror,
            transfers: GrowingTree::keeping(Domain::TransferNode, GROUP_HEIGHT),
            groups: Vec::new(),
            sub_trees: Vec::new(),
            moved: Vec::new(),
            positions: Vec::new(),
            accounts: Tree::new(Domain::AccountNode),
            account_salts: Vec::new(),
            account_slots: Vec::new(),
            config: None,
            first_sequence,
            height,
            timestamp: 0,
            previous,
        };
        sealer.make_room();
        let all: Vec<_> = (0..number(sealer.mirror.accounts.len())).collect();
        sealer.hash_accounts(&all);
        sealer
    }

    /// The state as of the last block.
    #[must_use]
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Entries in the open block so far.
    #[must_use]
    pub fn open_entries(&self) -> u64 {
        self.transfers.len()
    }

    /// The height of the last block; zero before the first.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The root of the accounts tree over the mirror, as the last block's header has it.
    pub fn accounts_root(&mut self) -> Root {
        Root { hash: self.accounts.root(), size: number(self.accounts.len()) }
    }

    /// The frame time of the last block, nanoseconds since 1970; zero before the first and right behind a snapshot.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The roots of the groups of the last block's transfers (feiqian-proof, `groups.rs`); none right behind a snapshot.
    #[must_use]
    pub fn groups(&self) -> &[Hash] {
        &self.groups
    }

    /// The leaves of the last block's positions, by slot; none right behind a snapshot.
    #[must_use]
    pub fn positions(&self) -> &[PositionLeaf] {
        &self.positions
    }

    /// The path of an account's leaf to the last block's root.
    pub fn account_path(&mut self, handle: AccountHandle) -> Vec<Hash> {
        self.accounts.path(index(handle))
    }

    /// The entries of the configuration in force, each with its leaf's salt. Of the last block as long as no command has
    /// come behind it.
    #[must_use]
    pub fn config_entries(&self) -> Vec<([u8; 16], Vec<u8>)> {
        let chain = self.chain_seed();
        let entries = config_entries(&self.mirror).zip(0..);
        entries.map(|(entry, at)| (salt(&chain, SaltKind::Config, at), entry)).collect()
    }

    /// Takes the next executed frame with its rows; gives the header where the frame seals a block.
    ///
    /// # Errors
    /// [`Fault::Malformed`] for a frame that the engine never writes.
    pub fn absorb(
        &mut self,
        frame: &FrameView<'_>,
        rows: &[OutcomeRow],
        delta: Option<&Delta>,
    ) -> Result<Option<BlockHeader>, Fault> {
        let malformed = Fault::Malformed { sequence: frame.first_sequence };
        match frame.kind {
            FrameKind::Transfers => {
                let payload = Payload::parse(frame.payload, frame.count).map_err(|_| malformed)?;
                self.add_records(frame, payload.records, rows);
            }
            FrameKind::Command => {
                let bytes = command_bytes(frame.payload).map_err(|_| malformed)?;
                self.add_command(frame, bytes, rows);
            }
        }
        Ok(delta.map(|delta| self.seal(frame, delta)))
    }

    fn add_command(&mut self, frame: &FrameView<'_>, bytes: &[u8], rows: &[OutcomeRow]) {
        let entry = Entry::decode(bytes).ok();
        let is_applied = rows.first().and_then(OutcomeRow::outcome) == Some(Outcome::Cleared);
        if let Some(entry) = entry.as_ref().filter(|_| is_applied) {
            self.mirror.registry.commit(entry, frame.timestamp, frame.first_sequence);
            self.config = None;
        }
        let id = entry.map_or(0, |entry| entry.id);
        self.add_records(frame, &[Entry::record(id, bytes)], rows);
        self.make_room();
    }

    /// A sub-tree and sums for each position, and the positions of new accounts.
    fn make_room(&mut self) {
        let accounts = self.mirror.registry.accounts();
        let new = accounts.get(self.account_slots.len()..).unwrap_or_default();
        self.account_slots.extend(new.iter().map(|terms| terms.slot));
        let slots = self.mirror.registry.slots().len();
        self.sub_trees.resize_with(slots, || GrowingTree::new(Domain::ParticipantNode));
        self.moved.resize(slots, Moved::default());
    }

    fn add_records(&mut self, frame: &FrameView<'_>, records: &[Record], rows: &[OutcomeRow]) {
        let (seed, at) = (self.block_seed(), (frame.first_sequence, frame.timestamp));
        let mut sequence = frame.first_sequence;
        hash_leaves(&seed, at, (records, rows), |records, rows, leaves| {
            self.transfers.extend(leaves);
            if frame.kind == FrameKind::Transfers {
                self.add_to_parts(records, rows, leaves);
                self.mirror.returns.credit_run(sequence, cleared(rows));
                sequence = sequence.saturating_add(number(rows.len()));
            }
        });
    }

    fn add_to_parts(&mut self, records: &[Record], rows: &[OutcomeRow], leaves: &[Digest]) {
        let slots = &self.account_slots;
        let slot_of = |handle| slots.get(index(handle)).map(|slot| index((*slot).into()));
        // All of them before the first is used: they are read beside each other.
        let mut sides = [[None; 2]; LEAVES_AT_ONCE];
        for (sides, record) in sides.iter_mut().zip(records) {
            *sides = [slot_of(record.debtor.get()), slot_of(record.creditor.get())];
        }
        for ((row, leaf), [debtor, creditor]) in rows.iter().zip(leaves).zip(sides) {
            if let Some(tree) = debtor.and_then(|slot| self.sub_trees.get_mut(slot)) {
                tree.push(leaf);
            }
            if debtor == creditor {
                continue;
            }
            if let Some(tree) = creditor.and_then(|slot| self.sub_trees.get_mut(slot)) {
                tree.push(leaf);
            }
            if row.outcome != Outcome::Cleared.number() {
                continue;
            }
            let amount = u128::from(row.amount.get());
            if let Some(moved) = debtor.and_then(|slot| self.moved.get_mut(slot)) {
                moved.debits = moved.debits.saturating_add(amount);
            }
            if let Some(moved) = creditor.and_then(|slot| self.moved.get_mut(slot)) {
                moved.credits = moved.credits.saturating_add(amount);
            }
        }
    }

    fn seal(&mut self, frame: &FrameView<'_>, delta: &Delta) -> BlockHeader {
        let seed = self.seed_of(delta.height);
        self.mirror.absorb(delta);
        let touched: Vec<_> = delta.accounts.iter().map(|(handle, _)| *handle).collect();
        self.hash_accounts(&touched);
        let registry = &self.mirror.registry;
        let is_general = |cycle: &CycleNumber| registry.cycle(*cycle).is_some_and(|it| it.scope.is_none());
        let cycle = delta.closes.filter(is_general).unwrap_or_else(|| registry.open_cycle());
        let totals = self.totals();
        let positions = self.positions_root(&seed, delta.closes);
        let count = self.transfers.len();
        let header = BlockHeader {
            chain_id: self.mirror.registry.genesis().map_or([0; 16], |genesis| genesis.chain_id),
            height: delta.height,
            previous: self.previous,
            first_sequence: self.first_sequence,
            count,
            timestamp: frame.timestamp,
            cycle,
            totals,
            transfers: Root { hash: self.transfers.finish(), size: count },
            positions,
            accounts: self.accounts_root(),
            config: self.config_root(),
            journal_head: frame.hash,
        };
        self.mirror.trades.retain(|_, expires| *expires > frame.timestamp);
        self.mirror.carried.retain(|_, by| by.expires > frame.timestamp);
        self.groups = self.transfers.take_kept();
        if let Some(cycle) = delta.closes {
            self.mirror.close(cycle);
        }
        self.first_sequence = frame.first_sequence.saturating_add(u64::from(frame.count));
        self.height = delta.height;
        self.timestamp = frame.timestamp;
        self.previous = header.hash();
        header
    }

    /// Hashes the leaves of `touched` accounts, among them those that are new at the end of the mirror.
    fn hash_accounts(&mut self, touched: &[AccountHandle]) {
        let chain = self.chain_seed();
        let (known, all) = (self.account_salts.len(), self.mirror.accounts.len());
        salts(&chain, SaltKind::Account, number(known), all.saturating_sub(known), &mut self.account_salts);
        while self.accounts.len() < all {
            self.accounts.push(Hash::default());
        }
        let mut inputs = Vec::with_capacity(LEAVES_AT_ONCE);
        let mut hashes = Vec::with_capacity(LEAVES_AT_ONCE);
        for handles in touched.chunks(LEAVES_AT_ONCE) {
            inputs.clear();
            hashes.clear();
            inputs.extend(
                handles.iter().filter_map(|handle| self.account_leaf(*handle)).map(|leaf| leaf.encode()),
            );
            hash_many(Domain::AccountLeaf, &inputs, &mut hashes);
            for (handle, hash) in handles.iter().zip(&hashes) {
                self.accounts.set(index(*handle), *hash);
            }
        }
    }

    /// The leaf of an account as of the last block.
    #[must_use]
    pub fn account_leaf(&self, handle: AccountHandle) -> Option<AccountLeaf> {
        let cell = self.mirror.account(handle)?;
        let terms = self.mirror.registry.account(handle)?;
        Some(AccountLeaf {
            salt: *self.account_salts.get(index(handle))?,
            handle,
            slot: terms.slot,
            currency: terms.currency,
            state: terms.state.number(),
            kind: terms.kind.number(),
            balance: cell.balance,
            reserved: cell.reserved,
            credit_line: terms.credit_line,
            last_posting: cell.last_posting,
        })
    }

    fn positions_root(&mut self, seed: &SaltSeed, closes: Option<CycleNumber>) -> Root {
        self.make_room();
        let counts: Vec<_> = self.sub_trees.iter().map(GrowingTree::len).collect();
        let mut roots = Vec::with_capacity(counts.len());
        finish_all(&mut self.sub_trees, &mut roots);
        let mut leaves = Vec::with_capacity(counts.len());
        for (slot, ((count, moved), transfers_root)) in (0..).zip(counts.iter().zip(&self.moved).zip(roots)) {
            if let Some(leaf) = self.position_leaf(seed, slot, closes) {
                let Moved { debits, credits } = *moved;
                leaves.push(PositionLeaf { count: *count, debits, credits, transfers_root, ..leaf });
            }
        }
        let hashes: Vec<_> = leaves.iter().map(PositionLeaf::hash).collect();
        self.positions = leaves;
        self.moved.fill(Moved::default());
        Root { size: number(hashes.len()), hash: root_of(Domain::PositionNode, &hashes) }
    }

    /// As the block ended: what a cycle that ended with it has counted is still in it.
    fn position_leaf(
        &self,
        seed: &SaltSeed,
        slot: SlotHandle,
        closes: Option<CycleNumber>,
    ) -> Option<PositionLeaf> {
        let registry = &self.mirror.registry;
        let terms = registry.slots().get(index(slot.into()))?;
        let cell = self.mirror.slots.get(index(slot.into()))?;
        Some(PositionLeaf {
            salt: salt(seed, SaltKind::Position, slot.into()),
            bic: *registry.participants().get(index(terms.participant.into()))?.bic.as_bytes(),
            currency: terms.currency.numeric(),
            slot,
            position: cell.position,
            cycle: closes
                .filter(|cycle| registry.is_counted(*cycle, terms.currency))
                .unwrap_or_else(|| registry.streams().open_cycle_of(terms.currency)),
            unsettled: cell.unsettled(),
            cap: terms.cap,
            count: 0,
            debits: 0,
            credits: 0,
            transfers_root: Hash::default(),
        })
    }

    /// Debits and credits of the block, per currency.
    ///
    /// # Panics
    /// If they differ (I2).
    fn totals(&self) -> Hash {
        let mut rows: Vec<(u16, u128, u128)> = Vec::new();
        for (moved, terms) in self.moved.iter().zip(self.mirror.registry.slots()) {
            let currency = terms.currency.numeric();
            let at = match rows.binary_search_by_key(&currency, |row| row.0) {
                Ok(at) => at,
                Err(at) => {
                    rows.insert(at, (currency, 0, 0));
                    at
                }
            };
            if let Some((_, debits, credits)) = rows.get_mut(at) {
                *debits = debits.saturating_add(moved.debits);
                *credits = credits.saturating_add(moved.credits);
            }
        }
        for (currency, debits, credits) in &rows {
            assert_eq!(debits, credits, "I2: a block's debits and credits differ in currency {currency}");
        }
        totals_digest(&rows)
    }

    /// The root of the config tree over the mirror's terms.
    pub fn config_root(&mut self) -> Root {
        if let Some(root) = self.config {
            return root;
        }
        let chain = self.chain_seed();
        let leaves: Vec<_> = config_entries(&self.mirror)
            .zip(0..)
            .map(|(entry, at)| config_leaf(&salt(&chain, SaltKind::Config, at), &entry))
            .collect();
        let root = Root { size: number(leaves.len()), hash: root_of(Domain::ConfigNode, &leaves) };
        *self.config.insert(root)
    }

    fn chain_seed(&self) -> SaltSeed {
        self.mirror
            .registry
            .genesis()
            .map_or(SaltSeed([0; 32]), |genesis| SaltSeed::of_chain(&genesis.salt_secret, &genesis.chain_id))
    }

    fn block_seed(&self) -> SaltSeed {
        // Not the registry's open block: the entry that seals has opened the next one there.
        self.seed_of(self.height.saturating_add(1))
    }

    fn seed_of(&self, height: u64) -> SaltSeed {
        self.mirror.registry.block_seed(height)
    }
}

/// A bit for each of up to [`LEAVES_AT_ONCE`] rows: whether its amount has moved.
#[inline]
fn cleared(rows: &[OutcomeRow]) -> u64 {
    const CLEARED: u8 = Outcome::Cleared.number();
    rows.iter().rev().fold(0, |bits: u64, row| bits.wrapping_shl(1) | u64::from(row.outcome == CLEARED))
}

/// The record as a block proves it: with the engine's fields set.
#[inline]
#[must_use]
pub fn decided_record(record: &Record, row: &OutcomeRow, sequence: u64, timestamp: u64) -> Record {
    let mut decided = *record;
    decided.decide(row, sequence, timestamp);
    decided
}

/// The configuration in force, one entry after the other: rules and operator, participants, positions, cycles, limits.
fn config_entries(mirror: &Mirror) -> impl Iterator<Item = Vec<u8>> {
    let registry = &mirror.registry;
    let rules = registry.genesis().map(|genesis| {
        let mut to = Encoder::default();
        to.u8(1);
        to.u32(RULES_VERSION);
        to.raw(genesis.operator_key.as_bytes());
        for (officer, key) in registry.authority().officers() {
            to.u16(*officer);
            to.raw(key.as_bytes());
        }
        to.0
    });
    let participants = registry.participants().iter().map(|participant| {
        let mut to = Encoder::default();
        to.u8(2);
        to.raw(participant.bic.as_bytes());
        to.u8(participant.state.number());
        to.bytes(participant.name.as_bytes());
        to.bytes(participant.key.as_ref().map_or(&[][..], |key| key.as_bytes()));
        to.0
    });
    let slots = registry.slots().iter().map(|slot| {
        let mut to = Encoder::default();
        to.u8(3);
        to.u32(slot.participant);
        to.u16(slot.currency.numeric());
        to.u64(slot.cap);
        to.u64(slot.clearing_account);
        to.0
    });
    let cycles = registry.cycles().iter().map(|cycle| {
        let mut to = Encoder::default();
        to.u8(4);
        to.u64(cycle.number);
        to.u8(cycle.state.number());
        to.u64(cycle.first_block);
        to.u64(cycle.end_block);
        if let Some(scope) = cycle.scope {
            to.u16(scope.numeric());
        }
        to.0
    });
    let authority = registry.authority().config_entry(11);
    let models = registry.models().iter().map(|(currency, model)| {
        let mut to = Encoder::default();
        to.u8(5);
        to.u16(currency.numeric());
        to.u8(model.number());
        to.0
    });
    let rates = registry.exchange().rates().iter().map(|((provider, base, quote), rate)| {
        let mut to = Encoder::default();
        to.u8(7);
        to.u32(*provider);
        to.u16(base.numeric());
        to.u16(quote.numeric());
        for value in [rate.bid.scaled(), rate.ask.scaled(), rate.left, rate.expires] {
            to.u64(value);
        }
        to.0
    });
    let limits = registry.controls().entries().into_iter().map(|entry| {
        let mut to = Encoder::default();
        to.u8(6);
        to.raw(&entry);
        to.0
    });
    rules
        .into_iter()
        .chain(participants)
        .chain(slots)
        .chain(cycles)
        .chain(models)
        .chain(limits)
        .chain(rates)
        .chain(registry.orders().config_entries(9))
        .chain(registry.cases().config_entries(9))
        .chain(registry.defaults().config_entries(10))
        .chain(authority)
        .chain(registry.fees().config_entries(20))
        .chain(registry.fees().change_entries(21))
        .chain(registry.schedule().map(|schedule| schedule.config_entry(13)))
        .chain(registry.paid().iter().map(|((cycle, participant), has_paid)| {
            let mut to = Encoder::default();
            to.u8(13);
            to.u8(2);
            to.u8(u8::from(*has_paid));
            to.u64(*cycle);
            to.u32(*participant);
            to.0
        }))
}

/// Hashes the leaves of a frame's records, given the first one's sequence and the frame's time, and hands them to `take`
/// with their records and rows, some at a time.
#[inline]
fn hash_leaves(
    seed: &SaltSeed,
    (mut sequence, timestamp): (u64, u64),
    (records, rows): (&[Record], &[OutcomeRow]),
    mut take: impl FnMut(&[Record], &[OutcomeRow], &[Digest]),
) {
    let mut salt_row = Vec::with_capacity(LEAVES_AT_ONCE);
    // Filled over and over: the zeros behind the records stay.
    let mut inputs = [[0; TRANSFER_LEAF_BYTES]; LEAVES_AT_ONCE];
    let mut digests = [[0; HASH_BYTES]; LEAVES_AT_ONCE];
    for (records, rows) in records.chunks(LEAVES_AT_ONCE).zip(rows.chunks(LEAVES_AT_ONCE)) {
        salt_row.clear();
        salts(seed, SaltKind::Transfer, sequence, records.len(), &mut salt_row);
        for (input, ((record, row), salt)) in inputs.iter_mut().zip(records.iter().zip(rows).zip(&salt_row)) {
            let bytes = fill_transfer_leaf(input, salt, record.bytes());
            Record::of_bytes(bytes).decide(row, sequence, timestamp);
            sequence = sequence.saturating_add(1);
        }
        let inputs = inputs.get(..records.len()).unwrap_or_default();
        hash_into(Domain::TransferLeaf, inputs, &mut digests);
        take(records, rows, digests.get(..records.len()).unwrap_or_default());
    }
}

/// Appends the leaf hashes of a frame in the block of `seed`, given the first record's sequence and the frame's time:
/// what a receipt's path is made from.
pub fn leaf_hashes(
    seed: &SaltSeed,
    at: (u64, u64),
    (records, rows): (&[Record], &[OutcomeRow]),
    hashes: &mut Vec<Hash>,
) {
    hash_leaves(seed, at, (records, rows), |_, _, leaves| {
        hashes.extend(leaves.iter().map(|leaf| Hash(*leaf)));
    });
}
