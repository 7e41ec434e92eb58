//! The whole machine without its threads: journal, plain loop and book, one step after the other.
//!
//! This is how an engine starts (recovery is the same code as running, fed from the journal), and how
//! simulation drives it through crashes. The pipeline takes it apart and gives each part a thread.

use std::fmt;
use std::sync::Arc;

use feiqian_core::batch::{PayloadBuilder, command_payload};
use feiqian_core::block::Sealer;
use feiqian_core::codec::Malformed;
use feiqian_core::command::{Command, Entry};
use feiqian_core::frame::FrameKind;
use feiqian_core::ids::{IdIndex, RUN_ENTRIES};
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::state::{Fault, State};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::policy::WitnessPolicy;
use feiqian_proof::signature::{PublicKey, SigningKey};

use crate::batcher_actor::seal_entry;
use crate::book::{Book, BookFault, SealedBlock};
use crate::execution::view_of;
use crate::follow::{begun_behind, forget_beginning, unsigned_behind};
use crate::history::{JournalHistory, ids_of};
use crate::identity::{Identity, IdentityFault};
use crate::journal::{
    Durable, Frame, Journal, JournalFault, JournalOptions, JournalReader, RecoveryFault, SequencedFrame, Tail,
};
use crate::restart::{self, Aftermath, Alone, Beside, StoredIds};
use crate::storage::Storage;
use crate::storage::frozen::Frozen;
use crate::stores::{
    BlockStore, GroupStore, IdRuns, LogStore, OutcomeStore, Snapshot, SnapshotStore, StoreFault,
};

/// Epoch of a journal that has had one leader.
pub const FIRST_EPOCH: u32 = 1;

/// Lengths of what a machine writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MachineOptions {
    /// Of a journal segment, bytes.
    pub segment_bytes: u32,
    /// Of a run of ids, in entries of the journal. May differ from one start to the next.
    pub id_run_entries: u64,
    /// Whether a start seals and stores ids on threads of their own; simulation needs one order of all operations.
    pub has_threads: bool,
}

impl MachineOptions {
    /// The usual runs of ids.
    #[must_use]
    pub const fn new(segment_bytes: u32) -> Self {
        Self { segment_bytes, id_run_entries: RUN_ENTRIES, has_threads: true }
    }
}

/// What a start found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecoveryReport {
    /// Frames executed again.
    pub frames: u64,
    /// Entries in the journal.
    pub entries: u64,
    /// Bytes of a torn, unacknowledged tail that was cut, with its segment and offset.
    pub torn: Option<(u32, u64, u64)>,
    /// The snapshot that the start went on from.
    pub snapshot: Option<u64>,
    /// Newer snapshots that could not be used, and why.
    pub bad_snapshots: Vec<String>,
    /// Stored runs of ids that were damaged: the journal gave their ids again.
    pub bad_id_runs: usize,
    /// How long it took.
    pub elapsed: std::time::Duration,
}

/// Why a directory can't be opened. Nothing acknowledged has been changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a data directory, or another's.
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    /// The directory can't be had.
    #[error(transparent)]
    Directory(#[from] crate::storage::files::OpenFault),
    /// The first entry is no genesis.
    #[error("the first entry of a journal must be its genesis")]
    Genesis,
    /// No block is there that the operator has signed: nothing can be led on from here.
    #[error("there is no block here that the operator has signed: nothing can be led on from this directory")]
    NoBlock,
    /// Frames behind the last block were taken from a copy.
    #[error(
        "the frames behind sequence {sealed}, up to {last}, were taken from a copy, and nothing shows that the operator \
         wrote them"
    )]
    Unsigned {
        /// The last sequence that a block vouches for.
        sealed: u64,
        /// The journal's last.
        last: u64,
    },
    /// The operator's key does not belong to it.
    #[error("the operator's key is not the one that signs this directory's blocks")]
    Key,
    /// A store failed or is damaged.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The journal failed or is damaged.
    #[error("{0}")]
    Journal(RecoveryFault<MachineFault>),
    /// The first entry could not be journaled.
    #[error(transparent)]
    Machine(#[from] MachineFault),
}

/// Why the machine stops.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MachineFault {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// A frame that can't be executed.
    #[error(transparent)]
    Frame(#[from] Fault),
    /// Rows, blocks or snapshots.
    #[error(transparent)]
    Book(#[from] BookFault),
}

/// An executed frame's results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// A row for each entry.
    pub rows: Vec<OutcomeRow>,
    /// The block, where the frame sealed one.
    pub sealed: Option<SealedBlock>,
}

/// Journal, state and book.
pub struct Machine<S: Storage> {
    pub(crate) journal: Journal<S>,
    pub(crate) state: State,
    pub(crate) book: Book<S>,
    pub(crate) ids: IdRuns<S>,
    history: JournalHistory<S>,
    storage: S,
    identity: Identity,
}

impl<S: Storage> fmt::Debug for Machine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine(head {:?})", self.journal.head())
    }
}

/// What the replay begins with: the newest snapshot that agrees with its block, or nothing.
pub(crate) struct Beginning {
    pub(crate) state: State,
    pub(crate) sealer: Sealer,
    pub(crate) ids: IdIndex,
    /// Sequence up to which frames only give their ids.
    pub(crate) until: u64,
}

impl Default for Beginning {
    /// The journal's beginning.
    fn default() -> Self {
        Self { state: State::default(), sealer: Sealer::default(), ids: IdIndex::new(0), until: 0 }
    }
}

impl<S: Storage> Machine<S> {
    /// Begins a journal in an empty directory.
    ///
    /// # Errors
    /// [`OpenError`], among them that the directory holds one already.
    pub fn create(
        storage: S,
        options: MachineOptions,
        key: SigningKey,
        (genesis, timestamp): (&Entry, u64),
    ) -> Result<Self, OpenError> {
        let Command::Genesis(terms) = &genesis.command else { return Err(OpenError::Genesis) };
        let identity = Identity { chain_id: terms.chain_id, operator: terms.operator_key };
        if identity.operator != PublicKey::of(&key) {
            return Err(OpenError::Key);
        }
        // A creation that was cut off before its first entry has left its identity: it goes on there.
        let written = match identity.write(&storage) {
            Err(IdentityFault::Exists) if Identity::read(&storage)? == identity => Err(IdentityFault::Exists),
            written => Ok(written?),
        };
        let (mut machine, report) = Self::recover(storage, options, key)?;
        if report.entries > 0 {
            written?;
        }
        machine.run(vec![command_frame(1, timestamp, genesis)])?;
        Ok(machine)
    }

    /// Opens a directory: newest good snapshot, then replay, every block compared with the stored one.
    ///
    /// # Errors
    /// [`OpenError`] names the file, the offset or the sequence.
    pub fn recover(
        storage: S,
        options: MachineOptions,
        key: SigningKey,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        let identity = Identity::read(&storage)?;
        if identity.operator != PublicKey::of(&key) {
            return Err(OpenError::Key);
        }
        let (blocks, _) = BlockStore::open(storage.clone())?;
        let outcomes = OutcomeStore::open(storage.clone())?;
        let groups = GroupStore::open(storage.clone())?;
        let snapshots = SnapshotStore::open(storage.clone())?;
        let mut report = RecoveryReport::default();
        let acknowledged = last_sealed(&blocks)?;
        // Begun behind a snapshot it has no rows before that, without which no old transfer is told: they are made now.
        let has_no_rows = begun_behind(&storage).map_err(StoreFault::from)? > 0;
        let beginning =
            if has_no_rows { Beginning::default() } else { begin(&snapshots, &blocks, &mut report)? };
        let Beginning { mut state, sealer, ids, until } = beginning;
        let (id_runs, bad_id_runs) = IdRuns::open(storage.clone(), identity.chain_id, until)?;
        report.bad_id_runs = bad_id_runs;
        let end = id_runs.end();
        state.replace_ids(behind_runs(ids.with_runs_of(options.id_run_entries), &id_runs)?);
        let growth = state.ids().growth();
        let book = Book::new(sealer, key, (blocks, outcomes, groups, snapshots));
        let journal_options =
            JournalOptions { chain_id: identity.chain_id, segment_bytes: options.segment_bytes };
        let mut replay = |after: &mut dyn Aftermath| {
            let visit = |frame: Durable<Frame>, reader: &JournalReader<S>| {
                if frame.header.last_sequence() < end {
                    // The snapshot holds what it did, and stored runs its ids.
                    return Ok(());
                }
                let history = JournalHistory::with_ids(reader.clone(), id_runs.clone());
                report.frames += u64::from(frame.header.last_sequence() > until);
                execute_again((&mut state, until), &history, frame, after)
            };
            let storage = storage.clone();
            match options.has_threads {
                true => Journal::recover_ahead(storage, journal_options, acknowledged, None, visit),
                false => Journal::recover_reading(storage, journal_options, acknowledged, None, visit),
            }
        };
        let (replayed, book, stored) = if options.has_threads {
            std::thread::scope(|scope| {
                let mut beside = Beside::start(scope, book, (id_runs.clone(), growth));
                let replayed = replay(&mut beside)?;
                let (book, stored) = beside.finish().map_err(RecoveryFault::Stopped)?;
                Ok((replayed, book, stored))
            })
        } else {
            let mut alone = Alone { book, ids: id_runs.clone(), growth, stored: None };
            replay(&mut alone).map(|replayed| (replayed, alone.book, alone.stored))
        }
        .map_err(OpenError::Journal)?;
        let (journal, recovered) = replayed;
        take_stored(&mut state, stored);
        if has_no_rows {
            book.sync_rows().map_err(BookFault::from).map_err(MachineFault::from)?;
            forget_beginning(&storage).map_err(StoreFault::from)?;
        }
        report.entries = recovered.head.sequence;
        if let Tail::Torn { segment, offset, bytes } = recovered.tail {
            report.torn = Some((segment, offset, bytes));
        }
        let history = JournalHistory::with_ids(journal.reader(), id_runs.clone());
        Ok((Self { journal, state, book, ids: id_runs, history, storage, identity }, report))
    }

    /// Opens a directory whose last leader is lost, or must not lead any more, and begins the next epoch with a frame
    /// that seals what is open: from then on every reader of this chain refuses frames of the old one. Gives the epoch.
    ///
    /// # Errors
    /// As [`Machine::recover`]; [`OpenError::NoBlock`] and [`OpenError::Unsigned`], where nothing was changed.
    pub fn take_over(
        storage: S,
        options: MachineOptions,
        key: SigningKey,
        timestamp: u64,
    ) -> Result<(Self, u32), OpenError> {
        let identity = Identity::read(&storage)?;
        if BlockStore::open(Frozen(storage.clone()))?.0.last() == 0 {
            return Err(OpenError::NoBlock);
        }
        let journal = JournalOptions { chain_id: identity.chain_id, segment_bytes: options.segment_bytes };
        if let Some((sealed, last)) = unsigned_behind(&storage, journal)? {
            return Err(OpenError::Unsigned { sealed, last });
        }
        let (mut machine, _) = Self::recover(storage, options, key)?;
        let head = *machine.journal.head();
        let epoch = head.epoch.saturating_add(1);
        let sealer = machine.book.sealer();
        let entry = seal_entry(sealer, sealer.height() + 1);
        let frame = command_frame(head.sequence + 1, timestamp.max(head.timestamp), &entry);
        machine.run(vec![SequencedFrame { epoch, ..frame }])?;
        Ok((machine, epoch))
    }

    /// Ends in order: everything durable, a snapshot, the journal marked.
    ///
    /// # Errors
    /// [`MachineFault`].
    pub fn close(self) -> Result<(), MachineFault> {
        self.book.snapshot()?;
        Ok(self.journal.close()?)
    }

    /// Makes a group of frames durable, then executes them: the pipeline's whole way in one call.
    ///
    /// # Errors
    /// [`MachineFault`]; unless it is a refused group, the machine must be dropped and recovered.
    pub fn run(&mut self, group: Vec<SequencedFrame>) -> Result<Vec<Step>, MachineFault> {
        let frames = self.journal.append(group)?;
        let Self { state, book, ids, history, .. } = self;
        frames.iter().map(|frame| execute(state, (&mut *book, &*ids), history, frame)).collect()
    }

    /// Writes a snapshot of the last block.
    ///
    /// # Errors
    /// [`MachineFault::Book`].
    pub fn snapshot(&self) -> Result<Option<u64>, MachineFault> {
        Ok(self.book.snapshot()?)
    }

    /// The log of the machine's blocks, which follows them on its own.
    ///
    /// # Errors
    /// [`OpenError::Store`] where it is signed over more blocks than there are; the storage's faults.
    pub fn open_log(&self, policy: Option<WitnessPolicy>) -> Result<LogStore<S>, OpenError> {
        let Book { blocks, key, .. } = &self.book;
        let chain_id = self.identity.chain_id;
        Ok(LogStore::open(self.storage.clone(), blocks.clone(), (key.clone(), &chain_id), policy)?)
    }

    /// The state after the last frame.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The book.
    #[must_use]
    pub fn book(&self) -> &Book<S> {
        &self.book
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal<S> {
        &self.journal
    }
}

fn execute<S: Storage>(
    state: &mut State,
    (book, ids): (&mut Book<S>, &IdRuns<S>),
    history: &JournalHistory<S>,
    frame: &Durable<Frame>,
) -> Result<Step, MachineFault> {
    let mut rows = Vec::new();
    let applied = state.apply(&view_of(frame), history, &mut rows)?;
    if let Some(full) = applied.full_ids {
        let stored = restart::store(ids, full, &mut state.ids().growth()).map_err(BookFault::from)?;
        take_stored(state, Some(stored));
    }
    let sealed = book.absorb(frame, &rows, applied.delta.as_ref())?;
    Ok(Step { rows, sealed })
}

/// Executes a frame at a start; of one that the snapshot holds already, takes the ids.
fn execute_again<S: Storage>(
    (state, until): (&mut State, u64),
    history: &JournalHistory<S>,
    frame: Durable<Frame>,
    after: &mut dyn Aftermath,
) -> Result<(), MachineFault> {
    let full = if frame.header.last_sequence() <= until {
        ids_of(&frame, |id, sequence| state.restore_id((id, sequence), history))?;
        state.take_full_ids(frame.header.last_sequence() + 1)
    } else {
        let mut rows = Vec::new();
        let applied = state.apply(&view_of(&frame), history, &mut rows)?;
        after.absorb(frame, rows, applied.delta)?;
        applied.full_ids
    };
    if let Some(full) = full {
        after.store(full)?;
    }
    take_stored(state, after.stored()?);
    Ok(())
}

/// An index goes on behind the stored runs.
pub(crate) fn behind_runs<S: Storage>(ids: IdIndex, runs: &IdRuns<S>) -> Result<IdIndex, StoreFault> {
    if runs.end() == 1 {
        return Ok(ids);
    }
    let (end, filter) = runs.filter(ids.room())?;
    Ok(ids.behind(end, filter))
}

/// Ids have been stored: the filter grows, and their tables serve again.
pub(crate) fn take_stored(state: &mut State, stored: Option<StoredIds>) {
    let Some(StoredIds { end, parts }) = stored else { return };
    // First, for a part lacks the ids that have been stored since it was made: they must be in memory still.
    for part in parts {
        drop(state.take_id_part(part));
    }
    take_tables_back(state, Some(end));
}

/// All ids below `end` are stored: their tables serve again.
pub(crate) fn take_tables_back(state: &mut State, end: Option<u64>) {
    let Some(end) = end else { return };
    for table in state.ids_stored(end).into_iter().filter_map(Arc::into_inner) {
        state.offer_spare_ids(table.emptied());
    }
}

/// The last sequence that a block vouches for.
pub(crate) fn last_sealed<S: Storage>(blocks: &BlockStore<S>) -> Result<u64, StoreFault> {
    let last = blocks.last();
    if last == 0 {
        return Ok(0);
    }
    let header = header_at(blocks, last)?;
    Ok(header.map_or(0, |header| header.first_sequence + header.count - 1))
}

fn header_at<S: Storage>(blocks: &BlockStore<S>, height: u64) -> Result<Option<BlockHeader>, StoreFault> {
    Ok(BlockHeader::decode(&blocks.read(height)?.header).ok())
}

pub(crate) fn begin<S: Storage>(
    snapshots: &SnapshotStore<S>,
    blocks: &BlockStore<S>,
    report: &mut RecoveryReport,
) -> Result<Beginning, StoreFault> {
    for snapshot in snapshots.newest_first()? {
        match snapshot.map_err(|bad| bad.to_string()).and_then(|snapshot| restore(&snapshot, blocks)) {
            Ok(beginning) => {
                report.snapshot = Some(beginning.sealer.height());
                return Ok(beginning);
            }
            Err(flaw) => report.bad_snapshots.push(flaw),
        }
    }
    Ok(Beginning::default())
}

/// A snapshot counts only if the state in it has the roots of the block that it names.
pub(crate) fn restore<S: Storage>(snapshot: &Snapshot, blocks: &BlockStore<S>) -> Result<Beginning, String> {
    let (height, head) = (snapshot.of.height, snapshot.of.head);
    let flaw = |what: &str| format!("the snapshot of block {height} {what}");
    let header = header_at(blocks, height).map_err(|fault| flaw(&format!("has no block: {fault}")))?;
    let header = header.ok_or_else(|| flaw("has no block"))?;
    if header.first_sequence + header.count - 1 != head.sequence || header.journal_head != head.hash {
        return Err(flaw("names another frame than its block"));
    }
    let mirror = Mirror::decode(&snapshot.state).map_err(|Malformed| flaw("can't be read"))?;
    let key = mirror.registry.genesis().map_or(0, |genesis| genesis.id_key);
    let next = head.sequence + 1;
    let state = State::restored(&mirror, IdIndex::new(key), next);
    let mut sealer = Sealer::restored(mirror, next, height, header.hash());
    if sealer.accounts_root() != header.accounts || sealer.config_root() != header.config {
        return Err(flaw("has other roots than its block"));
    }
    Ok(Beginning { state, sealer, ids: IdIndex::new(key), until: head.sequence })
}

/// A command as the sequencer frames it.
#[must_use]
pub fn command_frame(first_sequence: u64, timestamp: u64, entry: &Entry) -> SequencedFrame {
    SequencedFrame {
        kind: FrameKind::Command,
        epoch: FIRST_EPOCH,
        first_sequence,
        count: 1,
        timestamp,
        payload: command_payload(&entry.encode()),
    }
}

/// Batches as the sequencer frames them.
#[must_use]
pub fn transfers_frame(first_sequence: u64, timestamp: u64, builder: PayloadBuilder) -> SequencedFrame {
    let (payload, count) = builder.finish();
    SequencedFrame {
        kind: FrameKind::Transfers,
        epoch: FIRST_EPOCH,
        first_sequence,
        count,
        timestamp,
        payload,
    }
}
