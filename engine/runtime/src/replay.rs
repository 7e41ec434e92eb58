//! Replay of a whole journal from nothing, at any number of shards: the audit of a directory, and the proof
//! that blocks follow from the journal alone (I4, I5). Writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use feiqian_core::block::Sealer;
use feiqian_core::delta::Delta;
use feiqian_core::frame::FRAME_HEADER_BYTES;
use feiqian_core::ledger::{Share, assert_zero};
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::shard::{Advance, Shard, ShardApplied};
use feiqian_core::state::{Fault, State};
use feiqian_proof::Hash;

use crate::board::Board;
use crate::execution::{sums_of, view_of};
use crate::history::JournalHistory;
use crate::journal::{Durable, Frame, JournalReader, ReadFault};
use crate::storage::Storage;

/// Frames on their way between reader and shards.
const AHEAD: usize = 16;
/// Units between two looks at the other shards.
const UNITS_A_STEP: usize = 1_024;

/// What a replay made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplayReport {
    /// Hash of every block's header, by height from 1.
    pub blocks: Vec<Hash>,
    /// Entries executed.
    pub entries: u64,
    /// Frames executed.
    pub frames: u64,
    /// Their bytes in the journal, headers with them.
    pub journal_bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why a replay ended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayFault {
    /// The journal is damaged.
    #[error(transparent)]
    Journal(#[from] ReadFault),
    /// A frame can't be executed.
    #[error(transparent)]
    Frame(#[from] Fault),
}

/// Replays all that is durable at `shards` shards, each on a thread of its own; one is the plain loop.
///
/// # Errors
/// [`ReplayFault`] at the first frame that can't be read or executed.
pub fn replay<S: Storage>(reader: &JournalReader<S>, shards: usize) -> Result<ReplayReport, ReplayFault> {
    let begun = Instant::now();
    let mut collector = Collector::default();
    if shards <= 1 {
        let mut state = State::default();
        let history = JournalHistory::new(reader.clone());
        for frame in reader.frames_from(1) {
            let frame = frame?;
            let mut rows = Vec::new();
            let applied = state.apply(&view_of(&frame), &history, &mut rows)?;
            collector.absorb(&frame, &rows, applied.delta.as_ref())?;
        }
    } else {
        replay_sharded(reader, shards, &mut collector)?;
    }
    collector.report.elapsed = begun.elapsed();
    Ok(collector.report)
}

#[derive(Default)]
struct Collector {
    sealer: Sealer,
    report: ReplayReport,
}

impl Collector {
    fn absorb(
        &mut self,
        frame: &Durable<Frame>,
        rows: &[OutcomeRow],
        delta: Option<&Delta>,
    ) -> Result<(), Fault> {
        let header = self.sealer.absorb(&view_of(frame), rows, delta)?;
        self.report.blocks.extend(header.map(|header| header.hash()));
        self.report.frames += 1;
        self.report.journal_bytes += FRAME_HEADER_BYTES as u64 + u64::from(frame.header.payload_bytes);
        self.report.entries += u64::from(frame.header.count);
        Ok(())
    }
}

/// A frame that all shards work on.
struct Job {
    frame: Durable<Frame>,
    board: Board,
}

type Part = Result<ShardApplied, Fault>;

fn replay_sharded<S: Storage>(
    reader: &JournalReader<S>,
    shards: usize,
    collector: &mut Collector,
) -> Result<(), ReplayFault> {
    std::thread::scope(|scope| {
        let mut lanes = Vec::new();
        let mut parts = Vec::new();
        for number in 0..shards as u64 {
            let (lane, jobs) = bounded::<Arc<Job>>(AHEAD);
            let (part, parts_in) = bounded::<Part>(AHEAD);
            let shard = Shard::new(Share { number, shards: shards as u64 });
            let history = JournalHistory::new(reader.clone());
            scope.spawn(move || run_shard(shard, &history, &jobs, &part));
            lanes.push(lane);
            parts.push(parts_in);
        }
        let (order, jobs) = bounded::<Arc<Job>>(AHEAD);
        let feeder = scope.spawn(move || feed(reader, shards, &lanes, &order));
        let collected = collect(&jobs, &parts, collector);
        // A collector that stops lets the feeder and the shards run into closed channels, and end.
        drop((jobs, parts));
        let fed = feeder.join().expect("the feeder does not panic");
        collected.and(fed)
    })
}

fn feed<S: Storage>(
    reader: &JournalReader<S>,
    shards: usize,
    lanes: &[Sender<Arc<Job>>],
    order: &Sender<Arc<Job>>,
) -> Result<(), ReplayFault> {
    for frame in reader.frames_from(1) {
        let frame = frame?;
        let board = Board::new(shards, frame.header.count as usize);
        let job = Arc::new(Job { frame, board });
        let is_open = lanes.iter().chain([order]).all(|lane| lane.send(Arc::clone(&job)).is_ok());
        if !is_open {
            return Ok(());
        }
    }
    Ok(())
}

fn run_shard<S: Storage>(
    mut shard: Shard,
    history: &JournalHistory<S>,
    jobs: &Receiver<Arc<Job>>,
    parts: &Sender<Part>,
) {
    for job in jobs {
        let part = execute(&mut shard, history, &job);
        let is_fault = part.is_err();
        if parts.send(part).is_err() || is_fault {
            return;
        }
    }
}

fn execute<S: Storage>(shard: &mut Shard, history: &JournalHistory<S>, job: &Job) -> Part {
    let view = view_of(&job.frame);
    shard.take_ids(&view, history, &job.board)?;
    loop {
        match shard.advance(&view, &job.board, UNITS_A_STEP)? {
            Advance::Done(part) => return Ok(*part),
            Advance::Paused => {}
            Advance::Blocked => std::thread::yield_now(),
        }
    }
}

fn collect(
    jobs: &Receiver<Arc<Job>>,
    parts: &[Receiver<Part>],
    collector: &mut Collector,
) -> Result<(), ReplayFault> {
    for job in jobs {
        let mut done = Vec::with_capacity(parts.len());
        for part in parts {
            let Ok(part) = part.recv() else { return Ok(()) };
            done.push(part?);
        }
        assert_zero(&sums_of(&done));
        let delta = Delta::merge(done.into_iter().filter_map(|part| part.delta).collect());
        collector.absorb(&job.frame, &job.board.rows(), delta.as_ref())?;
    }
    Ok(())
}
