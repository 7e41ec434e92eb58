//! The pipeline: an engine with all its threads and actors. The one file that knows every stage.
//!
//! ```text
//!  submit ─▶ admission ─▶ sequencer ─▶ journal ─▶ lanes ─▶ shard actors ─▶ finisher ─▶ reply
//!            bounded      one thread   one thread bounded   one arbiter     │
//!            queues                    fdatasync            each            └─▶ lane ─▶ batcher actor ─▶ blocks
//! ```
//!
//! Several frames are in flight at once, each in another stage. Everything to the right of the journal is a
//! function of the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix::prelude::{Actor as _, Addr, Arbiter, System};
use crossbeam::channel::{Sender, bounded};
use feiqian_core::account::AccountHandle;
use feiqian_core::batch::Batch;
use feiqian_core::block::Sealer;
use feiqian_core::command::Entry;
use feiqian_core::fraud::Case;
use feiqian_core::fraud::trace::{Trace, trace};
use feiqian_core::ids::{Growth, IdFilter, IdIndex};
use feiqian_core::ledger::Share;
use feiqian_core::liquidity::plan::{Plan, release_id};
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::shard::Shard;
use feiqian_core::state::State;
use feiqian_core::transfer::Record;
use feiqian_proof::cosignature_book::CosignatureRefusal;
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::SigningKey;
use parking_lot::Mutex;

use crate::admission::{Admission, Busy, CommandTicket, Ticket};
use crate::background;
use crate::batcher_actor::{Ask, Batcher, StopSealing, order_id, seal_entry};
use crate::book::{Book, SealedBlock};
use crate::directory::Directory;
use crate::execution::{Executed, Execution, Finisher};
use crate::flush_thread::{self, FlushOrder};
use crate::fraud_trace::{Chains, Known, NEWER_POSTINGS_MAX};
use crate::history::{JournalHistory, JournaledEntry};
use crate::id_thread::{self, IdOrder, IdThread};
use crate::journal_thread::JournalThread;
use crate::lane::{Capacity, Lane, lane};
use crate::liquidity_thread::{self, LiquidityDesk};
use crate::machine::{Machine, OpenError, RecoveryReport};
use crate::meter::Meter;
use crate::options::EngineOptions;
use crate::order_desk::OrderDesk;
use crate::query::{Archive, HistoryStart, Posting, QueryFault};
use crate::sequencer::Sequencer;
use crate::shard_actor::{Drain, Executor, SequenceOf, ShardActor};
use crate::storage::files::FileStorage;
use crate::stores::{IdRuns, LogStore, StoreFault, TakeFault};
use crate::threshold_watch::ThresholdWatch;
use crate::turnover_watch::TurnoverWatch;

/// Frames between sequencer and journal: while the journal syncs, the next group gathers here.
const SEQUENCED_FRAMES: usize = 8;
/// Blocks that a shutdown seals at the most: what is then open waits for the next start.
const SEALS_AT_THE_END: usize = 8;
/// So many blocks back one looks for an entry that was to carry out an order: who asks has just given it.
const ORDER_BLOCKS: u64 = 64;
/// Frames in a shard's lane, and executed ones in the batcher's. That one gives way to those that answers wait for, and
/// must not stop them while frames are small.
const LANE_FRAMES: usize = 64;
const EXECUTED_FRAMES: usize = 4_096;
/// Entries in any lane, two blocks: what bounds its memory.
const LANE_ENTRIES: u64 = 524_288;

/// A running engine. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    admission: Arc<Admission>,
    directory: Arc<Directory>,
    archive: Archive<FileStorage>,
    log: LogStore<FileStorage>,
    shards: Vec<Addr<ShardActor>>,
    ids: IdIndex,
    batcher: Addr<Batcher>,
    meter: Arc<Meter>,
    /// Nothing more is taken.
    is_shut: AtomicBool,
    /// The sequencer ends once nothing is left.
    is_closing: Arc<AtomicBool>,
    threads: Mutex<Option<Threads>>,
    report: RecoveryReport,
}

#[derive(Debug)]
struct Threads {
    sequencer: JoinHandle<()>,
    journal: JoinHandle<()>,
    flush: JoinHandle<()>,
    ids: JoinHandle<()>,
    liquidity: JoinHandle<()>,
    actors: JoinHandle<()>,
    system: System,
}

impl Engine {
    /// Begins a journal in an empty directory and starts an engine on it.
    ///
    /// # Errors
    /// [`OpenError`], among them that there is one already.
    pub fn create(options: &EngineOptions, key: SigningKey, genesis: &Entry) -> Result<Self, OpenError> {
        let storage = FileStorage::open(&options.data)?;
        let begun = Instant::now();
        let timestamp = now();
        let machine = Machine::create(storage, options.of_machine(), key, (genesis, timestamp))?;
        let report = RecoveryReport { elapsed: begun.elapsed(), ..RecoveryReport::default() };
        start(options, machine, report)
    }

    /// Opens a directory: recovers, replays, compares every block, then starts an engine on it.
    ///
    /// # Errors
    /// [`OpenError`] names the file, the offset or the sequence.
    pub fn open(options: &EngineOptions, key: SigningKey) -> Result<Self, OpenError> {
        let storage = FileStorage::open(&options.data)?;
        let begun = Instant::now();
        let (machine, mut report) = Machine::recover(storage, options.of_machine(), key)?;
        report.elapsed = begun.elapsed();
        start(options, machine, report)
    }

    /// What the start found.
    #[must_use]
    pub fn recovered(&self) -> &RecoveryReport {
        &self.0.report
    }

    /// Names to handles.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// The stored files, for reading.
    #[must_use]
    pub fn archive(&self) -> &Archive<FileStorage> {
        &self.0.archive
    }

    /// The log of blocks: its head, its proofs, and what is WITNESSED.
    #[must_use]
    pub fn log(&self) -> &LogStore<FileStorage> {
        &self.0.log
    }

    /// Takes a checkpoint that witnesses have cosigned; gives its size. It syncs files: not for an async thread.
    ///
    /// # Errors
    /// [`TakeFault`]; a log that can't be read or written ends the process instead.
    pub fn take_cosignatures(&self, cosigned: &[u8]) -> Result<u64, TakeFault> {
        let taken = self.0.log.take(cosigned);
        if let Err(TakeFault::Store(fault)) = &taken {
            crate::fatal::stop("a cosigned checkpoint can't be written", fault);
        }
        let is_fork = matches!(&taken, Err(TakeFault::Refused(CosignatureRefusal::Fork { .. })));
        self.0.meter.record_cosignatures(taken.is_ok(), is_fork);
        self.0.meter.record_log(self.0.log.head().size, self.0.log.witnessed());
        taken
    }

    /// Submits a batch for a participant that the caller has authenticated.
    ///
    /// # Errors
    /// [`Busy`], at once, where a bound is reached; nothing of the batch then takes effect.
    pub fn submit(&self, batch: Batch) -> Result<Ticket, Busy> {
        self.check_open()?;
        let ticket = self.0.admission.submit(batch);
        match &ticket {
            Err(Busy::Participant) => self.0.meter.record_busy(false),
            Err(Busy::Engine) => self.0.meter.record_busy(true),
            _ => {}
        }
        ticket
    }

    /// Submits a command.
    ///
    /// # Errors
    /// [`Busy`] where too many are waiting.
    pub fn command(&self, entry: &Entry) -> Result<CommandTicket, Busy> {
        self.check_open()?;
        self.0.admission.submit_command(entry.encode())
    }

    fn check_open(&self) -> Result<(), Busy> {
        if self.0.is_shut.load(Ordering::Acquire) { Err(Busy::Closing) } else { Ok(()) }
    }

    /// Seals the open block now, if anything is in it; gives the last block.
    ///
    /// # Errors
    /// [`Busy`] where the command can't be submitted.
    pub fn seal(&self) -> Result<Option<SealedBlock>, Busy> {
        let (open, height, entry) = self.ask(|sealer| {
            let height = sealer.height() + 1;
            (sealer.open_entries(), height, seal_entry(sealer, height))
        });
        if open > 0 {
            // If the batcher has asked for the same seal, this one repeats it, and either way it is done.
            // Past the door, which a shutdown has closed by then.
            let _ = self.0.admission.submit_command(entry.encode())?.wait();
        }
        let last = self.ask(Sealer::height).max(height.saturating_sub(1));
        Ok(self.0.archive.block(last).ok().flatten())
    }

    /// Asks about the state as of the last block; all frames executed by now have been absorbed before.
    ///
    /// # Panics
    /// If the engine has been shut down.
    pub fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Sealer) -> T + Send + 'static) -> T {
        self.ask_book(|book| question(book.sealer()))
    }

    fn ask_book<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Book<FileStorage>) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = bounded(1);
        let ask = Ask(Box::new(move |book| drop(answer.send(question(book)))));
        self.0.batcher.do_send(ask);
        answered.recv().expect("the batcher answers as long as the engine runs")
    }

    /// The sequence at which an id was first journaled and executed.
    #[must_use]
    pub fn find(&self, id: u128) -> Option<u64> {
        let shards = self.0.shards.len() as u64;
        let shard = usize::try_from(self.0.ids.shard_of(id, shards)).ok()?;
        let (answer, answered) = bounded(1);
        self.0.shards.get(shard)?.do_send(SequenceOf(id, answer));
        answered.recv().ok()?
    }

    /// Resolves the queue as the last block left it, and submits what can go out; gives each release with its sequence and
    /// row.
    ///
    /// # Errors
    /// [`Busy::Closing`] where the engine is shutting down.
    pub fn resolve(&self) -> Result<Vec<(Record, u64, OutcomeRow)>, Busy> {
        self.check_open()?;
        let now = now();
        let plan = self.ask(move |sealer| Plan::of(sealer.mirror(), now, |_, _| false));
        let sets = plan.map(|plan| plan.releases()).unwrap_or_default();
        liquidity_thread::release(sets, &Arc::downgrade(&self.0.admission)).ok_or(Busy::Closing)
    }

    /// The sequence of the release that cleared a payment which had waited; none while it waits, and where it never did.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn released(&self, id: u128) -> Result<Option<u64>, QueryFault> {
        let id_key =
            self.0.directory.registry(|registry| registry.genesis().map_or(0, |genesis| genesis.id_key));
        let tried = (0..).map_while(|attempt| self.find(release_id(id_key, id, attempt)));
        let Some(last) = tried.last() else { return Ok(None) };
        let is_cleared = |row: &OutcomeRow| row.outcome() == Some(Outcome::Cleared);
        Ok(self.entry(last)?.filter(|(_, row)| is_cleared(row)).map(|_| last))
    }

    /// The newest entry by which the engine has tried to carry out an order, by the sequence of its command, in the last
    /// blocks: it cleared, or says why not.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn carried_out(&self, order: u64) -> Result<Option<(u64, Record, OutcomeRow)>, QueryFault> {
        let ids = self.ask(move |sealer| {
            let open = sealer.height() + 1;
            let heights = (open.saturating_sub(ORDER_BLOCKS)..=open).rev();
            heights.map(|height| order_id(sealer, order, height)).collect::<Vec<_>>()
        });
        let Some(sequence) = ids.into_iter().find_map(|id| self.find(id)) else { return Ok(None) };
        Ok(self.entry(sequence)?.map(|(entry, row)| (sequence, entry.record, row)))
    }

    /// Where the money of a fraud case is, up to the last sealed block: the case, the last sequence that was looked at,
    /// and what became of it; none where no such case runs.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn trace(&self, id: u128) -> Result<Option<(Case, u64, Trace)>, QueryFault> {
        let found = self.ask(move |sealer| {
            let case = sealer.mirror().registry.cases().get(id).cloned();
            case.map(|case| (case, sealer.height()))
        });
        let Some((case, height)) = found else { return Ok(None) };
        let sealed = self.0.archive.block(height)?.map(|block| block.header);
        let as_of = sealed.map_or(0, |header| header.first_sequence + header.count - 1);
        let known = |account| {
            self.ask(move |sealer| {
                let mirror = sealer.mirror();
                Known::of(&mirror.registry, account, mirror.account(account)?.last_posting)
            })
        };
        let (journal, outcomes) = (&self.0.archive.journal, &self.0.archive.outcomes);
        let mut chains = Chains { journal, outcomes, known, newer_max: NEWER_POSTINGS_MAX };
        let found = trace((id, &case), as_of, &mut chains)?;
        Ok(Some((case, as_of, found)))
    }

    /// The entry at a sequence with its row.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn entry(&self, sequence: u64) -> Result<Option<(JournaledEntry, OutcomeRow)>, QueryFault> {
        // The batcher writes rows: whatever has been answered is in its lane or written.
        self.ask(|_| ());
        self.0.archive.entry(sequence)
    }

    /// The receipt of an entry.
    ///
    /// # Errors
    /// [`QueryFault::NotSealed`] while its block is open, and others where a file is damaged.
    pub fn receipt(&self, sequence: u64) -> Result<Receipt, QueryFault> {
        self.ask(|_| ());
        self.0.archive.receipt(sequence)
    }

    /// An account's newest postings as of the last block, newest first; none if there is no such account.
    ///
    /// # Errors
    /// [`QueryFault`] where a file is damaged.
    pub fn history(&self, account: AccountHandle, limit: usize) -> Result<Option<Vec<Posting>>, QueryFault> {
        let start = self.ask(move |sealer| HistoryStart::of(sealer.mirror(), account));
        start.map(|start| self.0.archive.history(&start, limit)).transpose()
    }

    /// Seals until nothing is open. A seal that was on its way twice stands in the next block, which is then sealed too.
    fn seal_all(&self) {
        for _ in 0..SEALS_AT_THE_END {
            // Busy: the next start seals.
            if self.seal().is_err() || self.ask(Sealer::open_entries) == 0 {
                return;
            }
        }
    }

    /// Ends the engine: takes nothing more, executes and answers what was admitted, seals, snapshots, stops
    /// all threads. The second call does nothing.
    pub fn shutdown(&self) {
        let Some(threads) = self.0.threads.lock().take() else { return };
        // First, so that what is to be sealed comes to an end.
        self.0.is_shut.store(true, Ordering::Release);
        // Else each seal of a busy machine could come twice, the second into a block that is then open.
        self.0.batcher.do_send(StopSealing);
        self.seal_all();
        self.0.is_closing.store(true, Ordering::Release);
        self.0.admission.ring();
        join(threads.sequencer);
        join(threads.journal);
        for shard in &self.0.shards {
            let (done, drained) = bounded(1);
            shard.do_send(Drain(done));
            // An error would mean that the actor has ended, and with it its lane.
            let _ = drained.recv();
        }
        if let Err(fault) = self.ask_book(|book| book.snapshot()) {
            crate::fatal::stop("the last snapshot can't be written", &fault);
        }
        threads.system.stop();
        join(threads.actors);
        join(threads.ids);
        join(threads.liquidity);
        join(threads.flush);
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A thread that ends otherwise than by returning has aborted the process.
fn join(thread: JoinHandle<()>) {
    drop(thread.join());
}

fn start(
    options: &EngineOptions,
    machine: Machine<FileStorage>,
    report: RecoveryReport,
) -> Result<Engine, OpenError> {
    let log = machine.open_log(options.witnesses.clone())?;
    let Machine { journal, state, book, ids: id_runs, .. } = machine;
    let meter = Arc::new(Meter::new());
    meter.record_recovery(report.frames, report.torn.is_some());
    let directory = Arc::new(Directory::default());
    directory.reset(state.registry());
    let (admission, doorway) =
        Admission::new(options.in_flight_transfers_max, options.participant_in_flight_transfers_max);
    let admission = Arc::new(admission);
    let archive = Archive::new(
        journal.reader(),
        (book.outcomes.clone(), book.groups.clone()),
        book.blocks.clone(),
        Arc::clone(&directory),
    );
    let ids = state.ids().empty_copy();
    let head = *journal.head();
    let shard_count = options.shards.max(1);
    let (id_orders, id_orders_in) = id_thread::id_orders(shard_count);
    let (flushes, flushes_in) = flush_thread::flush_orders();
    let (liquidity, resolutions, resting) = LiquidityDesk::new();
    let (liquidity_door, liquidity_meter) = (Arc::downgrade(&admission), Arc::clone(&meter));
    let (flush_meter, flush_log) = (Arc::clone(&meter), log.clone());
    let (executors, growth) = executors(state, &id_runs, shard_count)?;
    let id_thread = IdThread {
        runs: id_runs.clone(),
        shards: shard_count,
        growth,
        meter: Arc::clone(&meter),
        waiting: Vec::new(),
        grown: Vec::new(),
    };
    let actors = Actors {
        options,
        executors,
        book,
        flushes,
        liquidity,
        snapshot: report.snapshot.unwrap_or(0),
        ids: (id_runs, id_orders),
        meter: &meter,
        directory: &directory,
        admission: &admission,
    };
    let (shards, lanes, batcher, system, actors) = actors.start(&archive);
    let (frames, frames_in) = bounded(SEQUENCED_FRAMES);
    let is_closing = Arc::new(AtomicBool::new(false));
    let sequencer = Sequencer::new(Arc::clone(&admission), doorway, frames, Arc::clone(&is_closing), &head);
    let journal_thread = JournalThread {
        journal,
        frames: frames_in,
        lanes,
        meter: Arc::clone(&meter),
        last_order: None,
        filling: None,
    };
    let threads = Threads {
        sequencer: spawn("sequencer", move || sequencer.run()),
        journal: spawn("journal", move || journal_thread.run()),
        flush: spawn("flush", move || {
            background::give_way();
            flush_thread::run(&flushes_in, &flush_log, &flush_meter);
        }),
        liquidity: spawn("liquidity", move || {
            background::give_way();
            liquidity_thread::run(&resolutions, &resting, &liquidity_door, &liquidity_meter);
        }),
        ids: spawn("ids", move || {
            background::give_way();
            id_thread.run(&id_orders_in);
        }),
        actors,
        system,
    };
    Ok(Engine(Arc::new(Parts {
        admission,
        directory,
        archive,
        log,
        shards,
        ids,
        batcher,
        meter,
        is_shut: AtomicBool::new(false),
        is_closing,
        threads: Mutex::new(Some(threads)),
        report,
    })))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    match std::thread::Builder::new().name(name.to_owned()).spawn(run) {
        Ok(thread) => thread,
        Err(fault) => crate::fatal::stop("a thread can't be started", &fault),
    }
}

/// What the actors are made of.
struct Actors<'a> {
    options: &'a EngineOptions,
    executors: Vec<Executor>,
    book: Book<FileStorage>,
    flushes: Sender<FlushOrder<FileStorage>>,
    liquidity: LiquidityDesk,
    /// Height of the newest snapshot.
    snapshot: u64,
    /// Stored runs of ids, and the way to the thread that stores more.
    ids: (IdRuns<FileStorage>, Sender<IdOrder>),
    meter: &'a Arc<Meter>,
    directory: &'a Arc<Directory>,
    admission: &'a Arc<Admission>,
}

type Started = (Vec<Addr<ShardActor>>, Vec<Lane<Arc<Execution>>>, Addr<Batcher>, System, JoinHandle<()>);

impl Actors<'_> {
    /// Starts an actix system on a thread of its own, the batcher and each shard on arbiters of theirs.
    fn start(self, archive: &Archive<FileStorage>) -> Started {
        let (bind_batcher, batcher_end) = lane::<Executed>(Capacity {
            items: EXECUTED_FRAMES,
            entries: LANE_ENTRIES,
            entries_of: |executed| executed.execution.entries(),
        });
        let watch = ThresholdWatch::of(self.book.sealer().mirror());
        let batcher = Batcher {
            book: self.book,
            watch,
            turnover: TurnoverWatch::default(),
            lane: batcher_end,
            meter: Arc::clone(self.meter),
            admission: Arc::downgrade(self.admission),
            is_sealing: self.options.is_sealing,
            seal_interval: self.options.seal_interval,
            seal_entries_max: self.options.seal_entries_max,
            snapshot_blocks: self.options.snapshot_blocks,
            snapshot_ordered: self.snapshot,
            unflushed: 0,
            flushes: self.flushes,
            id_runs: self.ids.0.clone(),
            liquidity: self.liquidity,
            requested: 0,
            last_seal: Instant::now(),
            enacting: (0, Vec::new()),
            orders: OrderDesk::default(),
            next_deadline: None,
        };
        let executors = self.executors;
        let (id_runs, id_orders) = self.ids;
        let (directory, meter) = (Arc::clone(self.directory), Arc::clone(self.meter));
        let reader = archive.journal.clone();
        let (tell, told) = bounded(1);
        let actors = spawn("actors", move || {
            let runner = System::new();
            let arbiters = runner.block_on(async move {
                let mut arbiters = vec![Arbiter::new()];
                let batcher = Batcher::start_in_arbiter(&arbiters[0].handle(), |_| batcher);
                let finisher =
                    Finisher { directory, batcher: bind_batcher(batcher.clone().recipient()), meter };
                let mut shards = Vec::new();
                let mut lanes = Vec::new();
                for (number, executor) in executors.into_iter().enumerate() {
                    let (bind, end) = lane(Capacity {
                        items: LANE_FRAMES,
                        entries: LANE_ENTRIES,
                        entries_of: |execution: &Arc<Execution>| execution.entries(),
                    });
                    let history = JournalHistory::with_ids(reader.clone(), id_runs.clone());
                    let (finisher, id_orders) = (finisher.clone(), id_orders.clone());
                    let address = None;
                    let actor =
                        ShardActor { number, executor, lane: end, history, finisher, id_orders, address };
                    let arbiter = Arbiter::new();
                    let address = ShardActor::start_in_arbiter(&arbiter.handle(), |_| actor);
                    arbiters.push(arbiter);
                    lanes.push(bind(address.clone().recipient()));
                    shards.push(address);
                }
                drop(tell.send((shards, lanes, batcher, System::current())));
                arbiters
            });
            // Ends when the engine stops the system; with its threads goes what holds the directory's lock.
            drop(runner.run());
            for arbiter in arbiters {
                arbiter.stop();
                drop(arbiter.join());
            }
        });
        let (shards, lanes, batcher, system) = told.recv().expect("the actors' thread tells before it runs");
        (shards, lanes, batcher, system, actors)
    }
}

/// What executes, and how far each one's filter of ids has grown.
fn executors(
    mut state: State,
    runs: &IdRuns<FileStorage>,
    shards: usize,
) -> Result<(Vec<Executor>, Option<Growth>), StoreFault> {
    if shards <= 1 {
        state.copy_later();
        let growth = state.ids().growth();
        return Ok((vec![Executor::Whole(Box::new(state), None)], growth));
    }
    let (ids, shards) = (state.give_ids(), shards as u64);
    let (end, filters) = runs.filters(shards, ids.room())?;
    let growth = filters.first().map(IdFilter::growth);
    let executor = |(number, filter)| {
        let shard = Shard::of(Share { number, shards }, &state);
        let shard = shard.with_ids(ids.part_behind((number, shards), (end, filter)));
        Executor::Part(Box::new(shard))
    };
    Ok(((0..shards).zip(filters).map(executor).collect(), growth))
}
