//! A shard as an actor on a thread of its own. Takes frames from its lane, lets the core execute them, hands
//! the result to the finisher. Holds no rule of clearing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::{Actor, AsyncContext as _, Context, Handler, Message};
use crossbeam::channel::Sender;
use feiqian_core::shard::{Advance, Shard};
use feiqian_core::state::{Fault, State};

use crate::execution::{Execution, Finisher};
use crate::fatal;
use crate::history::JournalHistory;
use crate::lane::{LaneEnd, Wake};
use crate::storage::files::FileStorage;

/// Frames between two looks at the mailbox.
const FRAMES_A_TURN: usize = 16;
/// Units between two looks at the other shards.
const UNITS_A_STEP: usize = 1_024;
/// Looks at another shard's progress before the core is given away.
const SPINS: u32 = 64;
/// Times that the core is given away before the shard sleeps.
const YIELDS: u32 = 64;

/// What executes.
#[derive(Debug)]
pub(crate) enum Executor {
    /// One shard: the plain loop.
    Whole(Box<State>),
    /// One of several.
    Part(Box<Shard>),
}

/// The actor.
#[derive(Debug)]
pub(crate) struct ShardActor {
    pub(crate) executor: Executor,
    pub(crate) lane: LaneEnd<Arc<Execution>>,
    pub(crate) history: JournalHistory<FileStorage>,
    pub(crate) finisher: Finisher,
}

impl Actor for ShardActor {
    type Context = Context<Self>;
}

impl Handler<Wake> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Self::Context) {
        if self.run(FRAMES_A_TURN) {
            context.notify(Wake);
        }
    }
}

/// A question to a shard, between two frames: which sequence has taken an id of its own. Carries its own way
/// back, since whoever asks need not be in a runtime.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct SequenceOf(pub(crate) u128, pub(crate) Sender<Option<u64>>);

impl Handler<SequenceOf> for ShardActor {
    type Result = ();

    fn handle(&mut self, question: SequenceOf, _: &mut Self::Context) {
        let found = match &self.executor {
            Executor::Whole(state) => state.find_id(question.0, &self.history),
            Executor::Part(shard) => shard.find_id(question.0, &self.history),
        };
        match found {
            Ok(sequence) => drop(question.1.send(sequence)),
            Err(fault) => fatal::stop("an id can't be looked up", &fault),
        }
    }
}

/// Execute all that is in the lane, then answer.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct Drain(pub(crate) Sender<()>);

impl Handler<Drain> for ShardActor {
    type Result = ();

    fn handle(&mut self, order: Drain, context: &mut Self::Context) {
        if self.run(usize::MAX) {
            context.notify(Wake);
        }
        let _ = order.0.send(());
    }
}

impl ShardActor {
    fn run(&mut self, frames: usize) -> bool {
        let Self { executor, lane, history, finisher } = self;
        lane.drain(frames, |execution| {
            let begun = Instant::now();
            if let Err(fault) = execute(executor, &execution, history, finisher) {
                fatal::stop("a journaled frame can't be executed", &fault);
            }
            finisher.meter.record_apply(begun.elapsed());
        })
    }
}

fn execute(
    executor: &mut Executor,
    execution: &Arc<Execution>,
    history: &JournalHistory<FileStorage>,
    finisher: &Finisher,
) -> Result<(), Fault> {
    match executor {
        Executor::Whole(state) => {
            let mut rows = Vec::new();
            let applied = state.apply(&execution.view(), history, &mut rows)?;
            finisher.finish(execution, rows, applied.delta, applied.expired);
        }
        Executor::Part(shard) => {
            let board = execution.board.as_ref().expect("several shards have a board");
            let frame = execution.view();
            shard.take_ids(&frame, history, board)?;
            let mut waits = 0;
            let part = loop {
                match shard.advance(&frame, board, UNITS_A_STEP)? {
                    Advance::Done(part) => break part,
                    Advance::Paused => waits = 0,
                    Advance::Blocked => wait(&mut waits),
                }
            };
            finisher.take_part(execution, part);
        }
    }
    Ok(())
}

/// Waits for another shard: shortly in place, then giving the core away, since that shard may need it.
fn wait(waits: &mut u32) {
    match *waits {
        0..SPINS => std::hint::spin_loop(),
        SPINS..YIELDS_END => std::thread::yield_now(),
        _ => std::thread::sleep(Duration::from_micros(20)),
    }
    *waits = waits.saturating_add(1);
}

const YIELDS_END: u32 = SPINS + YIELDS;
