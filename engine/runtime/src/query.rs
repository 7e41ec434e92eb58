//! Questions that the stored files answer: entries by sequence, an account's history by its posting chain,
//! blocks, and receipts made from the journal on demand. Reads only; decides nothing.

use std::sync::Arc;

use feiqian_core::account::AccountHandle;
use feiqian_core::block::{decided_record, leaf_hashes};
use feiqian_core::command::{Command, Genesis};
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::participant::CycleNumber;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::groups::{GROUP_LEAVES, path_in_groups};
use feiqian_proof::hash::{Domain, Hash};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::leaf::{SaltKind, SaltSeed, salt};
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::Signature;
use feiqian_proof::tree::Tree;
use parking_lot::Mutex;
use zerocopy::FromBytes as _;

use crate::book::SealedBlock;
use crate::directory::Directory;
use crate::history::{JournaledEntry, entry_in, frame_holding, record_in, records_of};
use crate::journal::{JournalReader, ReadFault};
use crate::storage::Storage;
use crate::stores::{BlockStore, GroupStore, OutcomeStore, StoreFault};

/// The files of a data directory, for reading. Clones read the same files.
#[derive(Clone, Debug)]
pub struct Archive<S: Storage> {
    /// The journal.
    pub journal: JournalReader<S>,
    /// The outcome rows.
    pub outcomes: OutcomeStore<S>,
    /// The blocks.
    pub blocks: BlockStore<S>,
    /// The roots of the groups of transfers of each block.
    pub groups: GroupStore<S>,
    /// For the secrets of rotated salts.
    directory: Arc<Directory>,
    /// The tree of the last block without stored groups that a receipt was asked of, by its height: one at a time,
    /// 16 MiB for a full block.
    tree: Arc<Mutex<Option<(u64, Tree)>>>,
}

/// Why a question can't be answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueryFault {
    /// The journal can't be read.
    #[error(transparent)]
    Journal(#[from] ReadFault),
    /// Rows or blocks can't be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A file holds what the engine never writes.
    #[error("the entry at sequence {0} can't be read: run `feiqian audit`")]
    Unreadable(u64),
    /// An account has more postings behind the trace than a question walks over.
    #[error("account {0} has been posted on too often since the last block: trace again")]
    TooManyNewer(AccountHandle),
    /// The entry's block is still open.
    #[error("sequence {0} is not in a sealed block yet: try again in a moment")]
    NotSealed(u64),
}

/// One posting on an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    /// Its sequence.
    pub sequence: u64,
    /// Frame time, nanoseconds since 1970.
    pub timestamp: u64,
    /// The transfer's id, or that of the settling command.
    pub uetr: u128,
    /// ISO 20022 external purpose code, or zeros.
    pub purpose: [u8; 4],
    /// Digest of the payment's details, or zeros.
    pub reference: [u8; 32],
    /// The other account; none for a settlement.
    pub counterparty: Option<AccountHandle>,
    /// Minor units.
    pub amount: u128,
    /// Whether the account was debited.
    pub is_debit: bool,
    /// The cycle, where this is the payment of its net position.
    pub settles: Option<CycleNumber>,
}

impl<S: Storage> Archive<S> {
    /// Over the stored files.
    #[must_use]
    pub fn new(
        journal: JournalReader<S>,
        (outcomes, groups): (OutcomeStore<S>, GroupStore<S>),
        blocks: BlockStore<S>,
        directory: Arc<Directory>,
    ) -> Self {
        Self { journal, outcomes, blocks, groups, directory, tree: Arc::default() }
    }

    /// The entry at a sequence with its row; none beyond the journal's end.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn entry(&self, sequence: u64) -> Result<Option<(JournaledEntry, OutcomeRow)>, QueryFault> {
        if sequence == 0 || sequence > self.journal.durable() {
            return Ok(None);
        }
        let mut frame = self.journal.parted_at(sequence)?;
        let entry = entry_in(&mut frame, sequence)?.ok_or(QueryFault::Unreadable(sequence))?;
        Ok(Some((entry, self.row(sequence)?)))
    }

    fn row(&self, sequence: u64) -> Result<OutcomeRow, QueryFault> {
        let bytes = self.outcomes.read_row(sequence)?;
        OutcomeRow::read_from_bytes(&bytes).map_err(|_| QueryFault::Unreadable(sequence))
    }

    /// A sealed block; none above the last height.
    ///
    /// # Errors
    /// [`QueryFault::Store`] where the file is damaged.
    pub fn block(&self, height: u64) -> Result<Option<SealedBlock>, QueryFault> {
        if height == 0 || height > self.blocks.last() {
            return Ok(None);
        }
        let stored = self.blocks.read(height)?;
        let header = BlockHeader::decode(&stored.header).map_err(|_| StoreFault::Absent(height))?;
        Ok(Some(SealedBlock { header, signature: Signature(stored.signature) }))
    }

    /// The sealed block that holds a sequence; none while it is open.
    ///
    /// # Errors
    /// [`QueryFault::Store`] where a file is damaged.
    pub fn block_of(&self, sequence: u64) -> Result<Option<SealedBlock>, QueryFault> {
        let (mut low, mut high) = (1, self.blocks.last());
        while low <= high {
            let middle = low + (high - low) / 2;
            let Some(block) = self.block(middle)? else { return Ok(None) };
            let first = block.header.first_sequence;
            if sequence < first {
                high = middle - 1;
            } else if sequence >= first + block.header.count {
                low = middle + 1;
            } else {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// The journal's first entry.
    ///
    /// # Errors
    /// [`QueryFault`] where it can't be read.
    pub fn genesis(&self) -> Result<Genesis, QueryFault> {
        let mut frame = self.journal.parted_at(1)?;
        match entry_in(&mut frame, 1)?.and_then(|entry| entry.command).map(|entry| entry.command) {
            Some(Command::Genesis(genesis)) => Ok(genesis),
            _ => Err(QueryFault::Unreadable(1)),
        }
    }

    /// The receipt of an entry: its record with outcome, the path to its block's root, the signed header.
    ///
    /// # Errors
    /// [`QueryFault::NotSealed`] while its block is open, and others where a file is damaged.
    pub fn receipt(&self, sequence: u64) -> Result<Receipt, QueryFault> {
        let block = self.block_of(sequence)?.ok_or(QueryFault::NotSealed(sequence))?;
        let header = block.header;
        let (entry, row) = self.entry(sequence)?.ok_or(QueryFault::NotSealed(sequence))?;
        let seed = self.directory.registry(|registry| registry.block_seed(header.height));
        let index = sequence - header.first_sequence;
        let at = usize::try_from(index).map_err(|_| QueryFault::Unreadable(sequence))?;
        Ok(Receipt {
            header,
            signature: block.signature,
            index,
            salt: salt(&seed, SaltKind::Transfer, sequence),
            record: *decided_record(&entry.record, &row, sequence, entry.timestamp).bytes(),
            path: self.path(&seed, &header, at)?,
            details: entry.details.unwrap_or_default(),
        })
    }

    /// The path of a leaf of a block, from the block's groups. Where those are not stored or wrong, the first one asked
    /// of a block takes a walk over it, those behind it do not.
    fn path(&self, seed: &SaltSeed, header: &BlockHeader, at: usize) -> Result<Vec<Hash>, QueryFault> {
        match self.path_by_groups(seed, header, at)? {
            Some(path) => Ok(path),
            None => self.path_by_leaves(seed, header, at),
        }
    }

    /// From the leaves of one group; none where the groups are not stored, or not those of the block.
    fn path_by_groups(
        &self,
        seed: &SaltSeed,
        header: &BlockHeader,
        at: usize,
    ) -> Result<Option<Vec<Hash>>, QueryFault> {
        let Some(groups) = self.groups.read(header)? else { return Ok(None) };
        let first = header.first_sequence + (at / GROUP_LEAVES * GROUP_LEAVES) as u64;
        let end = (first + GROUP_LEAVES as u64).min(header.first_sequence + header.count);
        let group = self.leaves(seed, first, end)?;
        Ok(path_in_groups(Domain::TransferNode, &group, &groups, at))
    }

    fn path_by_leaves(
        &self,
        seed: &SaltSeed,
        header: &BlockHeader,
        at: usize,
    ) -> Result<Vec<Hash>, QueryFault> {
        let mut held = self.tree.lock();
        if let Some((_, tree)) = held.as_mut().filter(|(height, _)| *height == header.height) {
            return Ok(tree.path(at));
        }
        let end = header.first_sequence + header.count;
        let mut tree =
            Tree::from_leaves(Domain::TransferNode, self.leaves(seed, header.first_sequence, end)?);
        let path = tree.path(at);
        *held = Some((header.height, tree));
        Ok(path)
    }

    /// The leaf hashes of the entries from `first` to before `end` in the block of `seed`, from journal and rows.
    fn leaves(&self, seed: &SaltSeed, first: u64, end: u64) -> Result<Vec<Hash>, QueryFault> {
        leaves_between(&self.journal, seed, (first, end), |from, count| self.outcomes.read(from, count))
    }

    /// An account's newest postings, newest first, as of the mirror's block: a walk back along its chain.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn history(&self, mirror: &HistoryStart, limit: usize) -> Result<Vec<Posting>, QueryFault> {
        let mut postings = Vec::new();
        let mut sequence = mirror.last_posting;
        let mut held = None;
        while sequence > 0 && postings.len() < limit {
            // An active account's postings lie close together.
            let frame = frame_holding(&self.journal, &mut held, sequence)?;
            let timestamp = frame.header.timestamp;
            let record = record_in(frame, sequence)?.ok_or(QueryFault::Unreadable(sequence))?;
            let row = self.row(sequence)?;
            let posting = mirror.posting(sequence, (&record, timestamp), &row);
            let Some((posting, previous)) = posting else { break };
            postings.push(posting);
            sequence = previous;
        }
        Ok(postings)
    }
}

/// The leaf hashes of the entries from `first` to before `end` in the block of `seed`, from a journal and the rows that are
/// given from a sequence on.
pub(crate) fn leaves_between<S: Storage>(
    journal: &JournalReader<S>,
    seed: &SaltSeed,
    (first, end): (u64, u64),
    rows: impl Fn(u64, usize) -> Result<Vec<u8>, StoreFault>,
) -> Result<Vec<Hash>, QueryFault> {
    let mut hashes = Vec::with_capacity(usize::try_from(end - first).unwrap_or(0));
    for frame in journal.frames_from(first) {
        let frame = frame?;
        let begin = frame.header.first_sequence;
        if begin >= end {
            break;
        }
        let unreadable = QueryFault::Unreadable(begin);
        let records = records_of(&frame).ok_or_else(|| unreadable.clone())?;
        // Of the frames at both ends some records may be others'.
        let (from, to) = (begin.max(first), (begin + records.len() as u64).min(end));
        let place = |sequence| usize::try_from(sequence - begin).unwrap_or(usize::MAX);
        let records = records.get(place(from)..place(to)).ok_or_else(|| unreadable.clone())?;
        let rows = rows(from, records.len())?;
        let rows = <[OutcomeRow]>::ref_from_bytes(&rows).map_err(|_| unreadable)?;
        leaf_hashes(seed, (from, frame.header.timestamp), (records, rows), &mut hashes);
        if to == end {
            break;
        }
    }
    Ok(hashes)
}

/// Where an account's history begins, and the settlements in it, taken from a mirror.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryStart {
    /// The account.
    pub account: AccountHandle,
    /// Its last posting.
    pub last_posting: u64,
    /// Settling or recasting command, cycle, net position that it books, previous posting.
    settlements: Vec<(u64, CycleNumber, i128, u64)>,
}

impl HistoryStart {
    /// Of an account as of the mirror's block; none if there is no such account.
    #[must_use]
    pub fn of(mirror: &Mirror, account: AccountHandle) -> Option<Self> {
        let last_posting = mirror.account(account)?.last_posting;
        let mut settlements = Vec::new();
        for closing in &mirror.closings {
            let by = mirror.registry.cycle(closing.cycle).map_or(0, |cycle| cycle.settled_by);
            let own = closing.settlements.iter().filter(|settlement| settlement.account == account);
            settlements.extend(own.map(|at| (by, closing.cycle, at.net, at.previous)));
        }
        // What a net loses is taken from the account, as if so much of it were settled.
        let own = mirror.adjustments.iter().filter(|adjustment| adjustment.account == account);
        settlements.extend(own.map(|at| (at.sequence, at.cycle, at.change.wrapping_neg(), at.previous)));
        Some(Self { account, last_posting, settlements })
    }

    /// The posting at a sequence and the sequence before it. None where the chain leads to a settlement that
    /// is no longer at hand.
    fn posting(
        &self,
        sequence: u64,
        (record, timestamp): (&Record, u64),
        row: &OutcomeRow,
    ) -> Option<(Posting, u64)> {
        let uetr = record.uetr.get();
        if record.flags.get() & flags::COMMAND != 0 {
            let (_, cycle, net, previous) = self.settlements.iter().find(|(by, ..)| *by == sequence)?;
            let posting = Posting {
                sequence,
                timestamp,
                uetr,
                purpose: record.purpose,
                reference: record.reference,
                counterparty: None,
                amount: net.unsigned_abs(),
                is_debit: *net > 0,
                settles: Some(*cycle),
            };
            return Some((posting, *previous));
        }
        let is_debit = record.debtor.get() == self.account;
        let (counterparty, previous) = match is_debit {
            true => (record.creditor.get(), row.debtor_previous.get()),
            false => (record.debtor.get(), row.creditor_previous.get()),
        };
        let posting = Posting {
            sequence,
            timestamp,
            uetr,
            purpose: record.purpose,
            reference: record.reference,
            counterparty: Some(counterparty),
            amount: row.amount.get().into(),
            is_debit,
            settles: None,
        };
        Some((posting, previous))
    }
}
