//! The audit of a data directory: replays the journal from nothing, and compares every root, signature, row
//! and snapshot with what is stored. Changes nothing; finds the first difference.

use feiqian_core::block::Sealer;
use feiqian_core::frame::FRAME_HEADER_BYTES;
use feiqian_core::outcome::{OutcomeRow, ROW_BYTES};
use feiqian_core::state::{Fault, State};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::PublicKey;
use zerocopy::IntoBytes as _;

use crate::book::{BookFault, check_block};
use crate::execution::view_of;
use crate::follow::begun_behind;
use crate::history::JournalHistory;
use crate::identity::{Identity, IdentityFault};
use crate::journal::{Durable, Frame, Journal, JournalOptions, JournalReader, RecoveryFault, Tail};
use crate::storage::frozen::Frozen;
use crate::storage::{Storage, StorageFault};
use crate::stores::{
    BlockStore, FoundRun, GroupStore, OutcomeStore, SnapshotOf, SnapshotStore, StoreFault, check_log, runs_in,
};

/// What an audit of a good directory saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditReport {
    /// Entries replayed.
    pub entries: u64,
    /// Frames replayed.
    pub frames: u64,
    /// Blocks compared, root by root, and their signatures verified.
    pub blocks: u64,
    /// Rows compared.
    pub rows: u64,
    /// Rows of the last entries that a crash kept from being written; the next start writes them.
    pub rows_missing: u64,
    /// Blocks whose stored groups were compared.
    pub groups: u64,
    /// Snapshots compared.
    pub snapshots: u64,
    /// Stored runs of ids compared.
    pub id_runs: u64,
    /// Blocks in the log's newest checkpoint, whose every file was compared with them.
    pub log_blocks: u64,
    /// Bytes of a torn, unacknowledged tail, which the next start cuts.
    pub torn_bytes: u64,
    /// Bytes of all frames in the journal, headers with them.
    pub journal_bytes: u64,
    /// Rows that the directory never had: a validator has begun it behind a snapshot.
    pub rows_before: u64,
}

/// The first difference that an audit found.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuditFault {
    /// The directory is none, or its identity is damaged.
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    /// The identity names another operator than the journal's first entry.
    #[error("IDENTITY names another operator key than the journal's first entry")]
    Operator,
    /// The journal is damaged.
    #[error("{0}")]
    Journal(String),
    /// A frame can't be executed.
    #[error(transparent)]
    Frame(#[from] Fault),
    /// A block differs, or its signature is wrong.
    #[error(transparent)]
    Block(#[from] BookFault),
    /// A store is damaged.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageFault),
    /// An outcome row differs.
    #[error("the outcome row of sequence {0} differs from its replay")]
    Row(u64),
    /// The groups of a block differ.
    #[error(
        "the stored groups of block {0} differ from its replay: receipts of it are made without them, only slower; \
         remove the directory groups"
    )]
    Groups(u64),
    /// A stored run of ids is damaged, or differs from the ids of the journal.
    #[error("the run of ids {0} differs from the journal: remove it, and the next start makes it again")]
    Ids(String),
    /// A snapshot can't be read, or differs.
    #[error("{0}")]
    Snapshot(String),
}

/// Audits a directory, through a storage that is not changed.
///
/// # Errors
/// [`AuditFault`], the first difference.
pub fn audit<S: Storage>(storage: S) -> Result<AuditReport, AuditFault> {
    let storage = Frozen(storage);
    let log_storage = storage.clone();
    let identity = Identity::read(&storage)?;
    let (blocks, _) = BlockStore::open(storage.clone())?;
    let snapshots = read_snapshots(&SnapshotStore::open(storage.clone())?)?;
    let acknowledged = last_entry(&blocks, &snapshots)?;
    // A snapshot is written only when the blocks up to it have been synced.
    if let Some(height) =
        snapshots.iter().map(|(of, _)| of.height).max().filter(|height| *height > blocks.last())
    {
        return Err(StoreFault::Absent(blocks.last().saturating_add(1).min(height)).into());
    }
    let vouched = snapshots.iter().map(|(of, _)| of.head.sequence).max().unwrap_or(0);
    let mut audit = Audit {
        key: identity.operator,
        state: State::default(),
        sealer: Sealer::default(),
        outcomes: OutcomeStore::open(storage.clone())?,
        groups: GroupStore::open(storage.clone())?,
        blocks,
        snapshots,
        vouched,
        begun: begun_behind(&storage)?,
        id_runs: runs_in(&storage, &identity.chain_id)?,
        report: AuditReport::default(),
    };
    let options = JournalOptions::new(identity.chain_id);
    let (_, recovered) = Journal::recover_reading(storage, options, acknowledged, None, |frame, reader| {
        audit.step(&frame, reader)
    })
    .map_err(|fault| match fault {
        RecoveryFault::Stopped(fault) => fault,
        RecoveryFault::Refused(refusal) => AuditFault::Journal(refusal.to_string()),
        RecoveryFault::Storage(fault) => AuditFault::Storage(fault),
    })?;
    if let Tail::Torn { bytes, .. } = recovered.tail {
        audit.report.torn_bytes = bytes;
    }
    let (key, blocks) = (audit.key, audit.blocks.clone());
    let mut report = audit.finish()?;
    report.log_blocks = check_log(&log_storage, &blocks, (&identity.chain_id, key))?;
    Ok(report)
}

type StoredState = (SnapshotOf, Vec<u8>);

fn read_snapshots<S: Storage>(store: &SnapshotStore<S>) -> Result<Vec<StoredState>, AuditFault> {
    let read = store.newest_first()?.map(|snapshot| match snapshot {
        Ok(snapshot) => Ok((snapshot.of, snapshot.state)),
        Err(bad) => Err(AuditFault::Snapshot(bad.to_string())),
    });
    read.collect()
}

fn last_entry<S: Storage>(blocks: &BlockStore<S>, snapshots: &[StoredState]) -> Result<u64, AuditFault> {
    let mut last = snapshots.iter().map(|(of, _)| of.head.sequence).max().unwrap_or(0);
    if blocks.last() > 0 {
        let stored = blocks.read(blocks.last())?;
        let header = BlockHeader::decode(&stored.header).map_err(|_| StoreFault::Absent(blocks.last()))?;
        last = last.max(header.first_sequence + header.count - 1);
    }
    Ok(last)
}

struct Audit<S: Storage> {
    key: PublicKey,
    state: State,
    sealer: Sealer,
    outcomes: OutcomeStore<S>,
    groups: GroupStore<S>,
    blocks: BlockStore<S>,
    snapshots: Vec<StoredState>,
    /// Rows up to here were durable when a snapshot was taken: none may be missing.
    vouched: u64,
    /// Rows up to here need not be there.
    begun: u64,
    id_runs: Vec<FoundRun>,
    report: AuditReport,
}

impl<S: Storage> Audit<S> {
    fn step(&mut self, frame: &Durable<Frame>, reader: &JournalReader<S>) -> Result<(), AuditFault> {
        let view = view_of(frame);
        let mut rows = Vec::new();
        let applied = self.state.apply(&view, &JournalHistory::new(reader.clone()), &mut rows)?;
        let header = self.sealer.absorb(&view, &rows, applied.delta.as_ref())?;
        self.report.frames += 1;
        self.report.journal_bytes += FRAME_HEADER_BYTES as u64 + u64::from(frame.header.payload_bytes);
        self.report.entries += u64::from(view.count);
        if let Some(genesis) = self.state.registry().genesis().filter(|_| view.first_sequence == 1)
            && genesis.operator_key != self.key
        {
            return Err(AuditFault::Operator);
        }
        self.check_rows(view.first_sequence, &rows)?;
        match header {
            Some(header) => self.check_sealed(&header, frame),
            None => Ok(()),
        }
    }

    fn check_rows(&mut self, first: u64, rows: &[OutcomeRow]) -> Result<(), AuditFault> {
        for (row, sequence) in rows.iter().zip(first..) {
            let is_missing = match self.outcomes.read_row(sequence) {
                Ok(stored) if stored == row.as_bytes() => {
                    self.report.rows += 1;
                    continue;
                }
                Ok(stored) => stored == [0; ROW_BYTES],
                Err(StoreFault::Absent(_)) => true,
                Err(fault) => return Err(fault.into()),
            };
            if is_missing && sequence <= self.begun {
                self.report.rows_before += 1;
                continue;
            }
            if !is_missing || sequence <= self.vouched {
                return Err(AuditFault::Row(sequence));
            }
            self.report.rows_missing += 1;
        }
        Ok(())
    }

    fn check_sealed(&mut self, header: &BlockHeader, frame: &Durable<Frame>) -> Result<(), AuditFault> {
        let height = header.height;
        if height <= self.blocks.last() {
            check_block(&self.blocks.read(height)?, header, &self.key)?;
            self.report.blocks += 1;
        }
        match self.groups.compare(header, self.sealer.groups())? {
            Some(true) => self.report.groups += 1,
            Some(false) => return Err(AuditFault::Groups(height)),
            None => {}
        }
        let Some(at) = self.snapshots.iter().position(|(of, _)| of.height == height) else { return Ok(()) };
        let (of, state) = self.snapshots.remove(at);
        let head = frame.header.head(frame.hash);
        if of.head != head || state != self.sealer.mirror().encode() {
            let what = format!("the snapshot of block {height} differs from its replay");
            return Err(AuditFault::Snapshot(what));
        }
        self.report.snapshots += 1;
        Ok(())
    }

    /// Each stored run holds exactly the ids that entries of its range have taken first.
    fn check_ids(&mut self) -> Result<(), AuditFault> {
        let mut taken: Vec<_> = self.state.ids().entries().collect();
        taken.sort_unstable_by_key(|(_, sequence)| *sequence);
        for run in &self.id_runs {
            let place = |end| taken.partition_point(|(_, sequence)| *sequence < end);
            let mut wanted = taken[place(run.range.0)..place(run.range.1)].to_vec();
            wanted.sort_unstable();
            if run.entries.as_ref() != Some(&wanted) {
                return Err(AuditFault::Ids(run.path.clone()));
            }
            self.report.id_runs += 1;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<AuditReport, AuditFault> {
        self.check_ids()?;
        if let Some((of, _)) = self.snapshots.first() {
            let what = format!("the snapshot of block {} has no block in the journal", of.height);
            return Err(AuditFault::Snapshot(what));
        }
        if self.report.blocks < self.blocks.last() {
            return Err(StoreFault::Absent(self.report.blocks + 1).into());
        }
        Ok(self.report)
    }
}
