//! A shard as an actor on a thread of its own. Takes frames from its lane, lets the core execute them, hands
//! the result to the finisher. Holds no rule of clearing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::{Actor, Addr, AsyncContext as _, Context, Handler, Message};
use crossbeam::channel::{Sender, bounded};
use feiqian_core::delta::Delta;
use feiqian_core::frame::FrameKind;
use feiqian_core::ids::FullIds;
use feiqian_core::shard::{Advance, Shard};
use feiqian_core::state::{Fault, State};

use crate::execution::{Changes, Execution, Finisher};
use crate::fatal;
use crate::history::JournalHistory;
use crate::id_thread::{IdOrder, IdsStored, NewParts, SpareTable};
use crate::lane::{LaneEnd, Wake};
use crate::storage::files::FileStorage;

/// Frames between two looks at the mailbox: until it has looked, a shard asks tables that have long been stored.
const FRAMES_A_TURN: usize = 4;
/// Units between two looks at the other shards.
const UNITS_A_STEP: usize = 1_024;
/// Frames over which the copying of what a block has changed is spread. The batcher waits for it, and its lane holds what
/// comes meanwhile: eight of the longest frames are a quarter of what it takes.
const COPYING_FRAMES: usize = 8;
/// Looks at another shard's progress before the core is given away.
const SPINS: u32 = 64;
/// Times that the core is given away before the shard sleeps.
const YIELDS: u32 = 64;

/// What executes.
#[derive(Debug)]
pub(crate) enum Executor {
    /// One shard: the plain loop, and where the delta of the block goes that it is still copying.
    Whole(Box<State>, Option<Sender<Delta>>),
    /// One of several.
    Part(Box<Shard>),
}

/// The actor.
#[derive(Debug)]
pub(crate) struct ShardActor {
    /// From 0 on.
    pub(crate) number: usize,
    pub(crate) executor: Executor,
    pub(crate) lane: LaneEnd<Arc<Execution>>,
    pub(crate) history: JournalHistory<FileStorage>,
    pub(crate) finisher: Finisher,
    pub(crate) id_orders: Sender<IdOrder>,
    /// Its own, once it has started.
    pub(crate) address: Option<Addr<Self>>,
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.address = Some(context.address());
    }
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
            Executor::Whole(state, _) => state.find_id(question.0, &self.history),
            Executor::Part(shard) => shard.find_id(question.0, &self.history),
        };
        match found {
            Ok(sequence) => drop(question.1.send(sequence)),
            Err(fault) => fatal::stop("an id can't be looked up", &fault),
        }
    }
}

impl Handler<IdsStored> for ShardActor {
    type Result = ();

    fn handle(&mut self, fact: IdsStored, context: &mut Self::Context) {
        let tables = match &mut self.executor {
            Executor::Whole(state, _) => state.ids_stored(fact.0),
            Executor::Part(shard) => shard.ids_stored(fact.0),
        };
        for table in tables.into_iter().filter_map(Arc::into_inner) {
            // Without room for the order the table is let go, and the next range makes its own.
            let _ = self.id_orders.try_send(IdOrder::Empty(context.address(), table));
        }
    }
}

impl Handler<SpareTable> for ShardActor {
    type Result = ();

    fn handle(&mut self, spare: SpareTable, _: &mut Self::Context) {
        match &mut self.executor {
            Executor::Whole(state, _) => state.offer_spare_ids(spare.0),
            Executor::Part(shard) => shard.offer_spare_ids(spare.0),
        }
    }
}

impl Handler<NewParts> for ShardActor {
    type Result = ();

    fn handle(&mut self, new: NewParts, context: &mut Self::Context) {
        let replaced = new.0.into_iter().map(|part| match &mut self.executor {
            Executor::Whole(state, _) => state.take_id_part(part),
            Executor::Part(shard) => shard.take_id_part(part),
        });
        let replaced = replaced.collect();
        // Without room for the order the next parts come with the next range.
        let _ = self.id_orders.try_send(IdOrder::Replaced((self.number, context.address()), replaced));
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
        self.executor.copy(1);
        let _ = order.0.send(());
    }
}

impl ShardActor {
    fn run(&mut self, frames: usize) -> bool {
        let Self { number, executor, lane, history, finisher, id_orders, address } = self;
        // Where no frame comes, it goes on from one look at the lane to the next.
        executor.copy(COPYING_FRAMES);
        let is_left = lane.drain(frames, |execution| {
            let begun = Instant::now();
            if execution.frame.header.kind == FrameKind::Command {
                // It may seal the next block.
                executor.copy(1);
            }
            let full_ids = match execute(executor, &execution, history, finisher) {
                Ok(full_ids) => full_ids,
                Err(fault) => fatal::stop("a journaled frame can't be executed", &fault),
            };
            if let (Some(full), Some(address)) = (full_ids, address.as_ref()) {
                // Its thread lives as long as any shard does.
                let _ = id_orders.send(IdOrder::Store((*number, address.clone()), full));
            }
            finisher.meter.record_apply(begun.elapsed());
            executor.copy(COPYING_FRAMES);
        });
        is_left || executor.is_copying()
    }
}

impl Executor {
    fn is_copying(&self) -> bool {
        matches!(self, Self::Whole(state, _) if state.is_copying())
    }

    /// Copies a `share`th of what the last sealed block has changed, and hands it on when that was the last of it.
    fn copy(&mut self, share: usize) {
        if let Self::Whole(state, promised) = self
            && let Some(delta) = state.copy_changed(share)
            && let Some(promised) = promised.take()
        {
            // Its receiver waits in the batcher's lane.
            let _ = promised.send(delta);
        }
    }
}

fn execute(
    executor: &mut Executor,
    execution: &Arc<Execution>,
    history: &JournalHistory<FileStorage>,
    finisher: &Finisher,
) -> Result<Option<FullIds>, Fault> {
    match executor {
        Executor::Whole(state, promised) => {
            let mut rows = Vec::new();
            let applied = state.apply(&execution.view(), history, &mut rows)?;
            let changes = match state.is_copying() && promised.is_none() {
                true => {
                    let (promise, kept) = bounded(1);
                    *promised = Some(promise);
                    Changes::Promised(kept)
                }
                false => Changes::Known(applied.delta.map(Box::new)),
            };
            finisher.finish(execution, rows, changes, applied.expired);
            Ok(applied.full_ids)
        }
        Executor::Part(shard) => {
            let board = execution.board.as_ref().expect("several shards have a board");
            let frame = execution.view();
            shard.take_ids(&frame, history, board)?;
            let mut waits = 0;
            let mut part = loop {
                match shard.advance(&frame, board, UNITS_A_STEP)? {
                    Advance::Done(part) => break *part,
                    Advance::Paused => waits = 0,
                    Advance::Blocked => wait(&mut waits),
                }
            };
            let full_ids = part.full_ids.take();
            finisher.take_part(execution, part);
            Ok(full_ids)
        }
    }
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
