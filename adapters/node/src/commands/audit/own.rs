//! A bank's own money in its files: that its positions go on from block to block, that a list which is said to be complete
//! leaves out nothing that a receipt shows, and that the sums in a position are those of its list.
//!
//! A record names accounts, not banks. Whose an account is, proofs of balances tell, which name its position; or the bank
//! does, with all that are its own. What is not known decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use feiqian_core::bic::Bic;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::kinds::{CompletenessProof, Proof};
use feiqian_proof::leaf::PositionLeaf;
use feiqian_proof::receipt::Receipt;

use crate::fault::Fault;
use crate::names::uetr_text;

/// A position by currency and height of the block.
type At = (u16, u64);

/// A list of all transfers in one currency and block, by sequence.
#[derive(Debug)]
struct List {
    records: BTreeMap<u64, [u8; 128]>,
    leaf: PositionLeaf,
    file: PathBuf,
}

/// An account as a proof of its balance shows it.
#[derive(Clone, Copy, Debug)]
struct HeldAccount {
    slot: u32,
    /// The earliest block that it is known of.
    since: u64,
}

/// What the files show of one participant.
#[derive(Debug)]
pub(super) struct OwnMoney {
    bic: Bic,
    /// All accounts of its own, if it has said so.
    own: Option<BTreeSet<u64>>,
    positions: BTreeMap<At, PositionLeaf>,
    lists: BTreeMap<At, List>,
    /// By height and sequence.
    receipts: BTreeMap<(u64, u64), ([u8; 128], PathBuf)>,
    accounts: BTreeMap<u64, HeldAccount>,
}

/// What was held against what.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Pairs of positions that go on from each other.
    pub(super) continued: u64,
    /// Receipts of transfers that stand in a list of their block.
    pub(super) listed: u64,
    /// Lists that add up to their position, every account in them being known.
    pub(super) added_up: u64,
}

impl OwnMoney {
    pub(super) fn new(bic: Bic, own: Option<BTreeSet<u64>>) -> Self {
        Self {
            bic,
            own,
            positions: BTreeMap::new(),
            lists: BTreeMap::new(),
            receipts: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// Takes what a verified proof shows; false for a receipt that was there before.
    pub(super) fn take(&mut self, proof: &Proof, path: &Path) -> Result<bool, Fault> {
        match proof {
            Proof::Receipt(receipt) => return Ok(self.take_receipt(receipt, path)),
            Proof::SignedBatch(proof) => drop(self.take_receipt(&proof.receipt, path)),
            Proof::FormerKey(proof) => drop(self.take_receipt(&proof.batch.receipt, path)),
            Proof::Position(proof) => self.take_position(&proof.leaf, proof.block.header.height, path)?,
            Proof::Completeness(proof) => self.take_list(proof, path)?,
            Proof::Settlement(proof) => {
                let height = proof.block.header.height;
                proof.positions.iter().try_for_each(|leaf| self.take_position(leaf, height, path))?;
            }
            Proof::Balance(proof) => {
                let (slot, height) = (proof.leaf.slot, proof.block.header.height);
                let known =
                    self.accounts.entry(proof.leaf.handle).or_insert(HeldAccount { slot, since: height });
                if known.slot != slot {
                    let what = format!("account {} belongs to two positions", proof.leaf.handle);
                    return Err(Fault::Check(format!("{}: {what}", path.display())));
                }
                known.since = known.since.min(height);
            }
            Proof::LogInclusion(proof) => return self.take(&proof.proof, path),
            Proof::Consistency(_) | Proof::LogConsistency(_) => {}
        }
        Ok(true)
    }

    fn take_receipt(&mut self, receipt: &Receipt, path: &Path) -> bool {
        let at = (receipt.header.height, record_of(&receipt.record).sequence.get());
        self.receipts.insert(at, (receipt.record, path.to_owned())).is_none()
    }

    fn take_position(&mut self, leaf: &PositionLeaf, height: u64, path: &Path) -> Result<(), Fault> {
        if leaf.bic != *self.bic.as_bytes() {
            return Ok(());
        }
        let differs = |what: &str| Err(Fault::Check(format!("{}: {what}", path.display())));
        let other_slot = |known: &PositionLeaf| known.currency == leaf.currency && known.slot != leaf.slot;
        if self.positions.values().any(other_slot) {
            return differs("the participant has two positions of one currency");
        }
        match self.positions.insert((leaf.currency, height), *leaf) {
            Some(known) if known != *leaf => differs("another position of the same block"),
            _ => Ok(()),
        }
    }

    fn take_list(&mut self, proof: &CompletenessProof, path: &Path) -> Result<(), Fault> {
        let (leaf, height) = (&proof.position.leaf, proof.position.block.header.height);
        self.take_position(leaf, height, path)?;
        if leaf.bic == *self.bic.as_bytes() {
            let records =
                proof.transfers.iter().map(|own| (record_of(&own.record).sequence.get(), own.record));
            let list = List { records: records.collect(), leaf: *leaf, file: path.to_owned() };
            self.lists.insert((leaf.currency, height), list);
        }
        Ok(())
    }

    /// Whether an account is the participant's; none where nothing here tells.
    fn is_own(&self, account: u64, list: &List) -> Option<bool> {
        match &self.own {
            Some(own) => Some(own.contains(&account)),
            // The list's slot is the participant's only one in the currency.
            None => self.accounts.get(&account).map(|held| held.slot == list.leaf.slot),
        }
    }

    /// Compares all with all.
    pub(super) fn compare(&self) -> Result<Compared, Fault> {
        let mut compared = Compared { continued: self.continued()?, ..Compared::default() };
        for ((height, sequence), (record, file)) in &self.receipts {
            compared.listed += u64::from(self.compare_receipt((*height, *sequence), (record, file))?);
        }
        for ((_, height), list) in &self.lists {
            compared.added_up += u64::from(self.add_up(*height, list)?);
        }
        Ok(compared)
    }

    /// A position is that of the block before and what moved; at the beginning of a cycle what moved alone.
    fn continued(&self) -> Result<u64, Fault> {
        let mut pairs = 0;
        for ((currency, height), leaf) in &self.positions {
            let before = height.checked_sub(1).and_then(|before| self.positions.get(&(*currency, before)));
            let Some(before) = before else { continue };
            let from = if before.cycle == leaf.cycle { before.position } else { 0 };
            let moved = i128::try_from(leaf.credits).ok().zip(i128::try_from(leaf.debits).ok());
            let position = moved.and_then(|(credits, debits)| from.checked_add(credits)?.checked_sub(debits));
            if position != Some(leaf.position) {
                let what = format!(
                    "the position after block {height} is not that after the block before and what moved"
                );
                return Err(Fault::Check(what));
            }
            pairs += 1;
        }
        Ok(pairs)
    }

    /// Whether the receipt's transfer stands in a list of its block; one of the participant's must.
    fn compare_receipt(
        &self,
        (height, sequence): (u64, u64),
        (bytes, file): (&[u8; 128], &Path),
    ) -> Result<bool, Fault> {
        let record = record_of(bytes);
        let Some(list) = self.lists.get(&(record.currency.get(), height)) else { return Ok(false) };
        let shown = format!("{} shows transfer {}", file.display(), uetr_text(record.uetr.get()));
        let differs = |what: &str| {
            Err(Fault::Check(format!("{shown} of block {height}; {} {what}", list.file.display())))
        };
        match list.records.get(&sequence) {
            Some(listed) if listed == bytes => Ok(true),
            Some(_) => differs("has another record at its place"),
            None if self.must_be_listed(&record, height, list) => {
                differs("says that it holds all of the participant's, and leaves it out")
            }
            None => Ok(false),
        }
    }

    /// A rejected one is listed only if its account was there before its frame, which an earlier block shows.
    fn must_be_listed(&self, record: &Record, height: u64, list: &List) -> bool {
        let is_command = record.flags.get() & flags::COMMAND != 0;
        let is_rejected = Outcome::from_number(record.outcome) == Some(Outcome::Rejected);
        let was_there = |account: u64| self.accounts.get(&account).is_some_and(|held| held.since < height);
        let mut sides = [record.debtor.get(), record.creditor.get()].into_iter();
        let is_listed =
            |account: u64| self.is_own(account, list) == Some(true) && (!is_rejected || was_there(account));
        !is_command && sides.any(is_listed)
    }

    /// Whether a list adds up to its position with every account known; what is unknown leaves room, and beyond that room
    /// is a difference.
    fn add_up(&self, height: u64, list: &List) -> Result<bool, Fault> {
        let (mut least, mut most) = ([0_u128; 2], [0_u128; 2]);
        for bytes in list.records.values() {
            let record = record_of(bytes);
            if Outcome::from_number(record.outcome) != Some(Outcome::Cleared) {
                continue;
            }
            let amount = u128::from(record.amount.get());
            let sides =
                [record.debtor.get(), record.creditor.get()].map(|account| self.is_own(account, list));
            if sides == [Some(false); 2] {
                return Err(wrong(height, list, "holds a transfer between two foreign accounts"));
            }
            for (at, [own, other]) in [sides, [sides[1], sides[0]]].into_iter().enumerate() {
                // Between two unknown accounts at least one is the participant's, so either may be.
                least[at] += if (own, other) == (Some(true), Some(false)) { amount } else { 0 };
                most[at] += if own == Some(false) || other == Some(true) { 0 } else { amount };
            }
        }
        let said = [list.leaf.debits, list.leaf.credits];
        if (0..2).any(|at| said[at] < least[at] || said[at] > most[at]) {
            return Err(wrong(height, list, "does not add up to the debits and credits of its position"));
        }
        Ok(least == most)
    }
}

fn wrong(height: u64, list: &List, what: &str) -> Fault {
    Fault::Check(format!("{}: the list of block {height} {what}", list.file.display()))
}

fn record_of(bytes: &[u8; 128]) -> Record {
    // Infallible: both are 128 bytes, and every bit pattern is a record.
    zerocopy::transmute!(*bytes)
}
