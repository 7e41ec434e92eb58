//! The audit of a data directory: replays the journal from nothing, and compares every root, signature, row
//! and snapshot with what is stored. Changes nothing; finds the first difference.
//!
//! ```text
//! read, checked ──▶ executed ──┬─▶ rows compared
//!            (the calling      ├─▶ sealed; blocks, groups, snapshots compared
//!             thread)          └─▶ ids of so many entries: runs of ids up to there read and compared
//! ```
//! Each difference has a place, and the earliest is told: which thread was first makes none.

mod beside;
mod id_runs;

use std::sync::Arc;

use feiqian_core::delta::Delta;
use feiqian_core::frame::FRAME_HEADER_BYTES;
use feiqian_core::ids::{FullIds, IdIndex, RUN_ENTRIES, SequenceRange};
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::state::{Applied, Fault, History, State};
use feiqian_core::transfer::Record;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::PublicKey;

use crate::book::BookFault;
use crate::default_check::{self, Sources};
use crate::execution::view_of;
use crate::follow::begun_behind;
use crate::fraud_trace::JournaledTrace;
use crate::history::JournalHistory;
use crate::identity::{Identity, IdentityFault};
use crate::journal::{
    Durable, Frame, JOURNAL_DIRECTORY, Journal, JournalOptions, JournalReader, Recovered, RecoveryFault, Tail,
};
use crate::query::QueryFault;
use crate::stage::Stage;
use crate::storage::frozen::Frozen;
use crate::storage::{ASIDE_SUFFIX, Access, Storage, StorageFault, StorageFile as _};
use crate::stores::{
    BLOCKS_DIRECTORY, BlockStore, GROUPS_DIRECTORY, GroupStore, IDS_DIRECTORY, OUTCOMES_DIRECTORY,
    OutcomeStore, SNAPSHOTS_DIRECTORY, SnapshotOf, SnapshotStore, StoreFault, check_log,
};
use beside::{Found, FrameRows, Replayed, Rows, Seals};
use id_runs::Runs;

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
    /// Traces of reported money that were journaled, traced again.
    pub traces: u64,
    /// Traces that need rows which a crash kept from being written, or which the directory never had.
    pub traces_unchecked: u64,
    /// Blocks in the log's newest checkpoint, whose every file was compared with them.
    pub log_blocks: u64,
    /// Bytes of a torn, unacknowledged tail, which the next start cuts.
    pub torn_bytes: u64,
    /// Bytes of all frames in the journal, headers with them.
    pub journal_bytes: u64,
    /// Bytes of all files that were read, but for those of the log.
    pub file_bytes: u64,
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
    /// A step of a default has other numbers than its cycle's transfers give.
    #[error("sequence {0}: {1}")]
    Default(u64, String),
    /// An outcome row differs.
    #[error("the outcome row of sequence {0} differs from its replay")]
    Row(u64),
    /// A trace of reported money is not what tracing again gives.
    #[error("at sequence {0} {1}")]
    Trace(u64, String),
    /// Entries that a trace needs can't be read.
    #[error(transparent)]
    Query(#[from] QueryFault),
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
    let key = identity.operator;
    let rows = Rows::new(OutcomeStore::open(storage.clone())?, (vouched, begun_behind(&storage)?));
    let seals = Seals::new(key, (blocks.clone(), GroupStore::open(storage.clone())?), snapshots);
    let options = JournalOptions::new(identity.chain_id);
    let mut execution = Execution::new(key, (blocks.clone(), OutcomeStore::open(storage.clone())?));
    let journal_files = bytes_in(&storage, JOURNAL_DIRECTORY)?;
    execution.state.replace_ids(index_for(journal_files / PACKED_BYTES));
    let runs = Runs::new(storage.clone(), identity.chain_id)?;
    let Walked { recovered, rows, seals, runs } =
        execution.run((storage, options, acknowledged), (rows, seals, runs))?;
    let torn_bytes = match recovered.tail {
        Tail::Torn { bytes, .. } => bytes,
        Tail::Clean => 0,
    };
    let id_runs = runs?.finish(execution.state.ids())?;
    seals.check_all_found()?;
    let stored = STORES.iter().map(|directory| bytes_in(&log_storage, directory));
    Ok(AuditReport {
        file_bytes: stored.sum::<Result<u64, _>>()?.saturating_add(journal_files),
        rows: rows.equal,
        rows_missing: rows.missing,
        rows_before: rows.before,
        blocks: seals.equal_blocks,
        groups: seals.equal_groups,
        snapshots: seals.equal_snapshots,
        id_runs,
        log_blocks: check_log(&log_storage, &blocks, (&identity.chain_id, key))?,
        torn_bytes,
        ..execution.report
    })
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

/// What a plain transfer's record takes in the journal at the least, where its id is random: so many ids a journal may have taken,
/// which is no bound, for ids that pack well are more. What blocks say of it has not been checked by then.
const PACKED_BYTES: u64 = 32;
/// Tables that the ids of a whole journal are kept in, about: each is asked where the filter errs.
const TABLES: u64 = 64;
/// The shortest table is made for so many entries.
const TABLE_ENTRIES_MIN: u64 = 1 << 12;

/// What an audit compares with the journal, but for the log, whose files are small.
const STORES: [&str; 5] =
    [OUTCOMES_DIRECTORY, BLOCKS_DIRECTORY, GROUPS_DIRECTORY, IDS_DIRECTORY, SNAPSHOTS_DIRECTORY];

/// Bytes of all files of a directory, but for those that were never finished.
fn bytes_in<S: Storage>(storage: &S, directory: &str) -> Result<u64, StorageFault> {
    let mut bytes: u64 = 0;
    for name in storage.list(directory)?.iter().filter(|name| !name.ends_with(ASIDE_SUFFIX)) {
        let file = storage.open(&format!("{directory}/{name}"), Access::Buffered)?;
        bytes = bytes.saturating_add(file.length()?);
    }
    Ok(bytes)
}

/// An index for so many ids, all of them in memory: in tables that are short enough for the caches, behind a filter, as an
/// engine has them. A table over all ids would wait for memory at each.
fn index_for(ids: u64) -> IdIndex {
    let entries = ids.clamp(TABLE_ENTRIES_MIN, RUN_ENTRIES.max(ids / TABLES));
    IdIndex::new(0).with_runs_of(entries).with_room_for(usize::try_from(ids).unwrap_or(0))
}

/// The journal behind an execution that stores no ids: what its index does not have in memory was not taken.
struct InMemory<S: Storage>(JournalHistory<S>);

impl<S: Storage> History for InMemory<S> {
    fn record(&self, sequence: u64) -> Option<Record> {
        self.0.record(sequence)
    }

    fn stored_ids(&self, _hash: u64, _range: SequenceRange) -> Option<Vec<u64>> {
        Some(Vec::new())
    }

    #[inline]
    fn prefetch(&self, at: *const u8) {
        self.0.prefetch(at);
    }
}

/// Frames that wait for each thread beside: some 10 MiB each.
const FRAMES_AHEAD: usize = 16;
/// Tables of ids that wait to be compared. They stay in memory anyway.
const TABLES_AHEAD: usize = 16;

/// What a walk over the whole journal gives.
struct Walked<S: Storage> {
    recovered: Recovered,
    rows: Rows<S>,
    seals: Seals<S>,
    /// Or why they can't be read.
    runs: Result<Runs<S>, AuditFault>,
}

/// The threads that compare.
struct Beside<'scope, S: Storage> {
    rows: Stage<'scope, FrameRows, Rows<S>, Found>,
    seals: Stage<'scope, Replayed, Seals<S>, Found>,
    runs: Stage<'scope, FullIds, Runs<S>, AuditFault>,
}

/// Why the execution stops before the journal's end.
enum Stop {
    /// A difference.
    Found(AuditFault),
    /// A thread beside has found one.
    Beside,
}

impl<S: Storage> Beside<'_, S> {
    /// All threads are handed each frame, before any is handed the next: what the one behind finds, at an earlier frame
    /// than the other, is found.
    fn hand(&self, frame: Durable<Frame>, rows: Vec<OutcomeRow>, delta: Option<Delta>) -> Result<(), Stop> {
        let rows = Arc::new(rows);
        let first = frame.header.first_sequence;
        let are_open =
            [self.rows.hand((first, Arc::clone(&rows))), self.seals.hand(Replayed { frame, rows, delta })];
        if are_open == [true; 2] { Ok(()) } else { Err(Stop::Beside) }
    }

    /// Ids of so many entries, which are all taken. Whether their runs can be read is told behind all else.
    fn hand_ids(&self, ids: FullIds) {
        self.runs.hand(ids);
    }

    /// Waits for the threads; gives what they have seen, or the first difference.
    fn finish(self, walk: Result<Recovered, RecoveryFault<Stop>>) -> Result<Walked<S>, AuditFault> {
        let runs = self.runs.finish();
        let (rows, seals) = match (self.rows.finish(), self.seals.finish()) {
            (Ok(rows), Ok(seals)) => (rows, seals),
            (Err((row, _)), Err((block, fault))) if block < row => return Err(fault),
            (Err((_, fault)), _) | (_, Err((_, fault))) => return Err(fault),
        };
        // The walk was ahead of the threads: where it ended comes behind all that they have found.
        let recovered = walk.map_err(|fault| match fault {
            RecoveryFault::Stopped(Stop::Found(fault)) => fault,
            RecoveryFault::Stopped(Stop::Beside) => {
                unreachable!("a thread that ends early has found something")
            }
            RecoveryFault::Refused(refusal) => AuditFault::Journal(refusal.to_string()),
            RecoveryFault::Storage(fault) => AuditFault::Storage(fault),
        })?;
        Ok(Walked { recovered, rows, seals, runs })
    }
}

/// The plain loop over all frames.
struct Execution<S: Storage> {
    key: PublicKey,
    state: State,
    history: Option<InMemory<S>>,
    stored: (BlockStore<S>, OutcomeStore<S>),
    /// Frames, entries and bytes.
    report: AuditReport,
}

impl<S: Storage> Execution<S> {
    fn new(key: PublicKey, stored: (BlockStore<S>, OutcomeStore<S>)) -> Self {
        Self { key, state: State::default(), history: None, stored, report: AuditReport::default() }
    }

    /// Executes all frames, with the threads that read and compare beside.
    fn run(
        &mut self,
        (storage, options, acknowledged): (S, JournalOptions, u64),
        (rows, seals, runs): (Rows<S>, Seals<S>, Runs<S>),
    ) -> Result<Walked<S>, AuditFault> {
        std::thread::scope(|scope| {
            let beside = Beside {
                rows: Stage::start(scope, FRAMES_AHEAD, rows, Rows::take),
                seals: Stage::start(scope, FRAMES_AHEAD, seals, |seals, replayed| seals.take(&replayed)),
                runs: Stage::start(scope, TABLES_AHEAD, runs, Runs::take),
            };
            let walk = Journal::recover_ahead(storage, options, acknowledged, None, |frame, reader| {
                self.step(frame, reader, &beside)
            });
            beside.finish(walk.map(|(_, recovered)| recovered))
        })
    }

    fn step(
        &mut self,
        frame: Durable<Frame>,
        reader: &JournalReader<S>,
        beside: &Beside<'_, S>,
    ) -> Result<(), Stop> {
        let mut rows = Vec::new();
        let Applied { delta, full_ids, .. } = self.execute(&frame, reader, &mut rows).map_err(Stop::Found)?;
        if let Some(ids) = full_ids {
            beside.hand_ids(ids);
        }
        beside.hand(frame, rows, delta)
    }

    fn execute(
        &mut self,
        frame: &Durable<Frame>,
        reader: &JournalReader<S>,
        rows: &mut Vec<OutcomeRow>,
    ) -> Result<Applied, AuditFault> {
        let view = view_of(frame);
        // It reads what is recovered by the time that it is asked.
        let history = self.history.get_or_insert_with(|| InMemory(JournalHistory::new(reader.clone())));
        let before = default_check::before(&self.state, view.kind);
        let trace = JournaledTrace::of(frame, &self.state);
        let applied = self.state.apply(&view, history, rows)?;
        if let Some(before) = before {
            let sources = Sources { reader, stored: Some((&self.stored.0, &self.stored.1)), ids: None };
            if let Some(what) = default_check::wrong_step(&before, &self.state, &sources)? {
                return Err(AuditFault::Default(view.first_sequence, what));
            }
        }
        let is_cleared = rows.first().is_some_and(|row| row.outcome() == Some(Outcome::Cleared));
        if let Some(trace) = trace.filter(|_| is_cleared) {
            self.check_trace(&trace, (view.first_sequence, reader))?;
        }
        self.report.frames += 1;
        self.report.journal_bytes += FRAME_HEADER_BYTES as u64 + u64::from(frame.header.payload_bytes);
        self.report.entries += u64::from(view.count);
        if let Some(genesis) = self.state.registry().genesis().filter(|_| view.first_sequence == 1)
            && genesis.operator_key != self.key
        {
            return Err(AuditFault::Operator);
        }
        Ok(applied)
    }

    /// A trace that was accepted is what tracing again gives.
    fn check_trace(
        &mut self,
        trace: &JournaledTrace,
        (sequence, reader): (u64, &JournalReader<S>),
    ) -> Result<(), AuditFault> {
        match trace.wrong(&self.state, (reader, &self.stored.1)) {
            Ok(None) => self.report.traces += 1,
            Ok(Some(what)) => return Err(AuditFault::Trace(sequence, what)),
            Err(QueryFault::Store(StoreFault::Absent(_))) => self.report.traces_unchecked += 1,
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    }
}
