//! A durable frame on its way through the shards, and what ends it: rows to the submitters and to the batcher.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::channel::Receiver;
use feiqian_core::batch::command_bytes;
use feiqian_core::command::Entry;
use feiqian_core::delta::Delta;
use feiqian_core::frame::FrameKind;
use feiqian_core::ledger::assert_zero;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::shard::ShardApplied;
use feiqian_core::state::FrameView;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::admission::{BatchOutcome, CommandOutcome, Place, Rows};
use crate::board::Board;
use crate::directory::Directory;
use crate::journal::{Durable, Frame};
use crate::lane::Lane;
use crate::meter::Meter;

/// The way back to the submitters of one frame.
#[derive(Debug)]
pub(crate) enum Replies {
    /// For each batch: whom to tell, how many rows, and its place in flight.
    Batches(Vec<(oneshot::Sender<BatchOutcome>, usize, Place)>),
    /// The command's submitter.
    Command(oneshot::Sender<CommandOutcome>),
}

/// A durable frame that the shards execute. Only the journal makes a [`Durable`], so nothing else gets here.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) frame: Durable<Frame>,
    pub(crate) replies: Mutex<Option<Replies>>,
    /// None for a single shard.
    pub(crate) board: Option<Board>,
    pub(crate) parts: Mutex<Vec<ShardApplied>>,
    pub(crate) remaining: AtomicUsize,
}

impl Execution {
    pub(crate) fn new(frame: Durable<Frame>, replies: Replies, shards: usize) -> Arc<Self> {
        let board = (shards > 1).then(|| Board::new(shards, frame.header.count as usize));
        Arc::new(Self {
            frame,
            replies: Mutex::new(Some(replies)),
            board,
            parts: Mutex::default(),
            remaining: AtomicUsize::new(shards),
        })
    }

    pub(crate) fn entries(&self) -> u64 {
        self.frame.header.count.into()
    }

    pub(crate) fn view(&self) -> FrameView<'_> {
        view_of(&self.frame)
    }
}

/// A durable frame as the core reads it.
pub(crate) fn view_of(frame: &Durable<Frame>) -> FrameView<'_> {
    view_of_copy(frame)
}

/// A frame of which nobody says that it is durable: for evidence, which is judged and never executed in a machine.
pub(crate) fn view_of_copy(frame: &Frame) -> FrameView<'_> {
    FrameView {
        kind: frame.header.kind,
        first_sequence: frame.header.first_sequence,
        count: frame.header.count,
        timestamp: frame.header.timestamp,
        hash: frame.hash,
        payload: &frame.payload,
    }
}

/// An executed frame, for the batcher.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) execution: Arc<Execution>,
    pub(crate) rows: Arc<Vec<OutcomeRow>>,
    pub(crate) changes: Changes,
}

/// What a frame that seals a block has changed since the one before.
#[derive(Debug)]
pub(crate) enum Changes {
    /// It seals none, or here they are.
    Known(Option<Box<Delta>>),
    /// The shard is still copying them: they come a few frames later.
    Promised(Receiver<Delta>),
}

impl Changes {
    /// Waits for what is promised. None, too, where the shard has ended before it kept its promise.
    pub(crate) fn wait(self) -> Option<Delta> {
        match self {
            Self::Known(delta) => delta.map(|delta| *delta),
            Self::Promised(delta) => delta.recv().ok(),
        }
    }
}

/// Ends executions.
#[derive(Clone, Debug)]
pub(crate) struct Finisher {
    pub(crate) directory: Arc<Directory>,
    pub(crate) batcher: Lane<Executed>,
    pub(crate) meter: Arc<Meter>,
}

impl Finisher {
    /// Takes one shard's part; the last one ends the execution.
    pub(crate) fn take_part(&self, execution: &Arc<Execution>, part: ShardApplied) {
        execution.parts.lock().push(part);
        if execution.remaining.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let parts = std::mem::take(&mut *execution.parts.lock());
        assert_zero(&sums_of(&parts));
        let expired = parts.iter().map(|part| part.expired).sum();
        let delta = Delta::merge(parts.into_iter().filter_map(|part| part.delta).collect());
        let rows = execution.board.as_ref().map(Board::rows).unwrap_or_default();
        self.finish(execution, rows, Changes::Known(delta.map(Box::new)), expired);
    }

    /// Answers the submitters, after the batcher has been told: whoever has an answer can ask for more.
    pub(crate) fn finish(
        &self,
        execution: &Arc<Execution>,
        rows: Vec<OutcomeRow>,
        changes: Changes,
        expired: u32,
    ) {
        let (frame, rows) = (&execution.frame, Arc::new(rows));
        let first_account = self.follow_command(execution, &rows);
        self.meter.record_frame(frame, &rows, expired);
        let replies = execution.replies.lock().take();
        let answers = replies.map(|replies| prepare(replies, frame, &rows, first_account));
        self.batcher.push(Executed { execution: Arc::clone(execution), rows, changes });
        if let Some(answers) = answers {
            answers.send();
        }
    }

    fn follow_command(&self, execution: &Execution, rows: &[OutcomeRow]) -> Option<u64> {
        let header = &execution.frame.header;
        let is_cleared = rows.first().and_then(OutcomeRow::outcome) == Some(Outcome::Cleared);
        if header.kind != FrameKind::Command || !is_cleared {
            return None;
        }
        let entry = command_bytes(&execution.frame.payload).and_then(Entry::decode).ok()?;
        self.directory.follow(&entry, header.timestamp, header.first_sequence)
    }
}

/// Per currency, the sum over all shards.
pub(crate) fn sums_of(parts: &[ShardApplied]) -> Vec<(u16, i128)> {
    let mut sums: Vec<(u16, i128)> = Vec::new();
    for (currency, sum) in parts.iter().flat_map(|part| &part.sums) {
        match sums.iter_mut().find(|(at, _)| at == currency) {
            Some((_, total)) => *total += sum,
            None => sums.push((*currency, *sum)),
        }
    }
    sums
}

/// Answers that are ready to go out.
enum Answers {
    None,
    Batches(Vec<(oneshot::Sender<BatchOutcome>, BatchOutcome, Place)>),
    Command(oneshot::Sender<CommandOutcome>, CommandOutcome),
}

fn prepare(
    replies: Replies,
    frame: &Durable<Frame>,
    rows: &Arc<Vec<OutcomeRow>>,
    first_account: Option<u64>,
) -> Answers {
    let header = &frame.header;
    match replies {
        Replies::Command(reply) => match rows.first() {
            Some(row) => {
                let outcome = CommandOutcome { sequence: header.first_sequence, row: *row, first_account };
                Answers::Command(reply, outcome)
            }
            None => Answers::None,
        },
        Replies::Batches(batches) => {
            let mut at = 0;
            let answers = batches.into_iter().map(|(reply, count, place)| {
                let own = Rows::of(rows, at..at + count);
                let first_sequence = header.first_sequence + at as u64;
                at += count;
                (reply, BatchOutcome { first_sequence, timestamp: header.timestamp, rows: own }, place)
            });
            Answers::Batches(answers.collect())
        }
    }
}

impl Answers {
    /// A submitter who no longer listens has no effect on anything.
    fn send(self) {
        match self {
            Self::None => {}
            Self::Command(reply, outcome) => drop(reply.send(outcome)),
            Self::Batches(batches) => {
                for (reply, outcome, place) in batches {
                    drop(place);
                    drop(reply.send(outcome));
                }
            }
        }
    }
}
