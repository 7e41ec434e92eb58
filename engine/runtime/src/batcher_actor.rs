//! The batcher as an actor: absorbs executed frames into the book, asks for seals by time and by size and for
//! approved proposals to be put in force and cycles to be closed when their time has come, snapshots, and answers
//! questions as of the last block. Sealing and enacting themselves are journaled commands, and what has been ordered is
//! carried out by journaled entries.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix::prelude::{Actor, AsyncContext as _, Context, Handler, Message};
use crossbeam::channel::Sender;
use feiqian_core::account::UNLIMITED;
use feiqian_core::authority::ProposalCommand;
use feiqian_core::batch::Batch;
use feiqian_core::block::Sealer;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::schedule::ScheduleCommand;
use feiqian_core::uetr::Uetr;
use feiqian_proof::hash::{Domain, keyed};

use crate::admission::Admission;
use crate::background;
use crate::book::Book;
use crate::execution::Executed;
use crate::fatal;
use crate::flush_thread::FlushOrder;
use crate::lane::{LaneEnd, Wake};
use crate::liquidity_thread::LiquidityDesk;
use crate::meter::Meter;
use crate::order_desk::OrderDesk;
use crate::storage::files::FileStorage;
use crate::stores::IdRuns;
use crate::threshold_watch::ThresholdWatch;
use crate::turnover_watch::TurnoverWatch;

/// Frames between two looks at the mailbox.
const FRAMES_A_TURN: usize = 16;
/// Rows behind which the disk is asked to take them: many at once would keep the journal's writes waiting behind them.
const FLUSHED_ROWS: usize = 65_536;
/// Looks at the time in an interval between seals: a block is at most a fifth older than it should be.
const TICKS: u32 = 5;
/// Without traffic, holds still need frames whose time ends them: looked for this often.
const IDLE_SEAL: Duration = Duration::from_secs(1);

/// The actor.
#[derive(Debug)]
pub(crate) struct Batcher {
    pub(crate) book: Book<FileStorage>,
    pub(crate) lane: LaneEnd<Executed>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) admission: Weak<Admission>,
    pub(crate) is_sealing: bool,
    pub(crate) seal_interval: Duration,
    pub(crate) seal_entries_max: u64,
    pub(crate) snapshot_blocks: u64,
    /// Height of the block whose snapshot was ordered last.
    pub(crate) snapshot_ordered: u64,
    /// Rows written since an order to make them durable.
    pub(crate) unflushed: usize,
    pub(crate) flushes: Sender<FlushOrder<FileStorage>>,
    pub(crate) id_runs: IdRuns<FileStorage>,
    pub(crate) liquidity: LiquidityDesk,
    pub(crate) watch: ThresholdWatch,
    pub(crate) turnover: TurnoverWatch,
    /// Height for which a seal is on its way.
    pub(crate) requested: u64,
    pub(crate) last_seal: Instant,
    /// Proposals and closes that were asked for in the open block, and its height.
    pub(crate) enacting: (u64, Vec<u128>),
    /// Orders that stand, and when they were asked for.
    pub(crate) orders: OrderDesk,
    /// The time that ends the first hold, or lets a payment go or ends it, as of the block at a height.
    pub(crate) next_deadline: Option<(u64, Option<u64>)>,
}

impl Actor for Batcher {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        background::give_way();
        let tick = (self.seal_interval / TICKS).max(Duration::from_millis(1));
        context.run_interval(tick, |batcher, _| batcher.seal_by_time());
    }
}

impl Handler<Wake> for Batcher {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Self::Context) {
        if self.absorb(FRAMES_A_TURN) {
            context.notify(Wake);
        }
    }
}

/// What is asked of the book. It carries its own way back.
pub(crate) type Question = Box<dyn FnOnce(&Book<FileStorage>) + Send>;

/// A question to the book, as of the last block.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Ask(pub(crate) Question);

impl Handler<Ask> for Batcher {
    type Result = ();

    fn handle(&mut self, question: Ask, context: &mut Self::Context) {
        // Whoever asks has been answered for frames that are at least in the lane by now; those that come meanwhile could
        // go on for ever.
        if self.absorb(self.lane.len().max(FRAMES_A_TURN)) {
            context.notify(Wake);
        }
        (question.0)(&self.book);
    }
}

/// No more seals by time or by size: whoever closes the engine seals what is left.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StopSealing;

impl Handler<StopSealing> for Batcher {
    type Result = ();

    fn handle(&mut self, _: StopSealing, _: &mut Self::Context) {
        self.requested = u64::MAX;
        self.liquidity.close();
    }
}

impl Batcher {
    fn absorb(&mut self, most: usize) -> bool {
        let mut has_sealed = false;
        let Self {
            book,
            lane,
            meter,
            is_sealing,
            snapshot_blocks,
            snapshot_ordered,
            unflushed,
            flushes,
            id_runs,
            liquidity,
            turnover,
            ..
        } = self;
        let is_left = lane.drain(most, |Executed { execution, rows, changes }| {
            let delta = changes.wait();
            let begun = Instant::now();
            let absorbed = match *is_sealing {
                true => book.absorb(&execution.frame, &rows, delta.as_ref()),
                false => book.write_rows(&execution.frame, &rows).map(|()| None).map_err(Into::into),
            };
            match absorbed {
                Ok(Some(block)) => {
                    has_sealed = true;
                    meter.record_block(block.header.height, block.header.timestamp, begun.elapsed());
                    let mirror = book.sealer().mirror();
                    meter.record_queue(mirror.queue.len());
                    for (currency, found) in turnover.look(book.sealer().positions()) {
                        let currency = Currency::from_numeric(currency);
                        currency.into_iter().for_each(|it| meter.record_turnover(it.code(), found.ratio()));
                    }
                    liquidity.order(mirror, (block.header.height, block.header.timestamp));
                    // Here and not later: behind the next frame the mirror is no longer that of the block.
                    let since = block.header.height.saturating_sub(*snapshot_ordered);
                    if flush((&*book, &*id_runs), flushes, since >= (*snapshot_blocks).max(1)) {
                        *snapshot_ordered = block.header.height;
                    }
                }
                Ok(None) => {
                    *unflushed += rows.len();
                    if *unflushed >= FLUSHED_ROWS {
                        *unflushed = 0;
                        flush((&*book, &*id_runs), flushes, false);
                    }
                }
                Err(fault) => fatal::stop("an executed frame can't be sealed", &fault),
            }
        });
        if has_sealed {
            self.last_seal = Instant::now();
            self.record_positions();
        }
        if self.book.sealer().open_entries() >= self.seal_entries_max {
            self.request_seal();
        }
        is_left
    }

    fn record_positions(&mut self) {
        let mirror = self.book.sealer().mirror();
        let slots = mirror.slots.iter().zip(mirror.registry.slots());
        for ((cell, terms), slot) in slots.zip(0..) {
            let Some(participant) = mirror.registry.participants().get(terms.participant as usize) else {
                continue;
            };
            let currency = terms.currency.code();
            if let Some(crossing) = self.watch.look(mirror, slot, (cell, terms)) {
                crossing.tell(participant.bic.as_str(), currency);
                self.meter.record_crossing(participant.bic.as_str(), currency, crossing.level);
            }
            let cap_use = match terms.cap {
                0 | UNLIMITED => 0.0,
                cap => (cap as f64 - cell.headroom(cap).max(0) as f64) / cap as f64,
            };
            self.meter.record_position(participant.bic.as_str(), currency, cell.position, cap_use);
        }
    }

    fn seal_by_time(&mut self) {
        if let Some(admission) = self.admission.upgrade() {
            self.meter.record_in_flight(admission.in_flight());
        }
        self.enact_by_time();
        let sealer = self.book.sealer();
        let is_due = self.last_seal.elapsed() >= self.seal_interval && sealer.open_entries() > 0;
        if is_due || (self.last_seal.elapsed() >= IDLE_SEAL && self.has_overdue()) {
            self.request_seal();
        }
    }

    /// Sends the commands that put due proposals in force and that close the cycles whose cut-off has come, each once
    /// for each block: one that comes too early all the same, since the clock was set back, is sent again.
    fn enact_by_time(&mut self) {
        let Some(admission) = self.admission.upgrade().filter(|_| self.requested < u64::MAX) else { return };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let sealer = self.book.sealer();
        let height = sealer.height() + 1;
        if self.enacting.0 != height {
            self.enacting = (height, Vec::new());
        }
        let registry = &sealer.mirror().registry;
        let proposals = registry.due_proposals(now).map(|proposal| enact_entry(sealer, proposal.id, height));
        let closes = registry.due_cycles(now).map(|cycle| close_entry(sealer, cycle, height));
        for entry in proposals.chain(closes) {
            let is_new = !self.enacting.1.contains(&entry.id);
            if is_new && admission.submit_command(entry.encode()).is_ok() {
                self.enacting.1.push(entry.id);
            }
        }
        let id_of = |number: u64| order_id(sealer, number, height);
        let ordered = self.orders.due(sealer.mirror(), now, id_of);
        if !ordered.is_empty() {
            // Busy: asked for again.
            drop(admission.submit(Batch::new(ENGINE, ordered)));
        }
    }

    /// Whether a hold or a payment waits for nothing but a frame whose time ends it, or lets it go.
    fn has_overdue(&mut self) -> bool {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let sealer = self.book.sealer();
        // Holds change by blocks alone: without traffic, all of them are looked at once and not at each tick.
        if self.next_deadline.is_none_or(|(height, _)| height != sealer.height()) {
            self.next_deadline = Some((sealer.height(), next_time(sealer)));
        }
        let deadline = self.next_deadline.and_then(|(_, deadline)| deadline);
        deadline.is_some_and(|end| u128::from(end) <= since.as_nanos())
    }

    /// Sends the command that seals the open block, once. If the door is busy, the next tick tries again.
    fn request_seal(&mut self) {
        let height = self.book.sealer().height() + 1;
        let Some(admission) = self.admission.upgrade().filter(|_| self.requested < height) else { return };
        let entry = seal_entry(self.book.sealer(), height).encode();
        if admission.submit_command(entry).is_ok() {
            self.requested = height;
        }
    }
}

/// The next time after the last block that changes how a hold or a payment stands.
fn next_time(sealer: &Sealer) -> Option<u64> {
    let mirror = sealer.mirror();
    let sealed = sealer.timestamp();
    let of_queue = mirror.queue.values().flat_map(|queued| [queued.earliest, queued.latest]);
    let of_queue = of_queue.filter(|at| *at > sealed && *at != u64::MAX).min();
    let of_cases = mirror.held.values().map(|held| held.deadline).min();
    [mirror.holds.next_deadline(), of_queue, of_cases].into_iter().flatten().min()
}

/// Orders a snapshot where one is due, else rows to be made durable, if there is room for an order. True: a snapshot
/// was ordered.
fn flush(
    (book, id_runs): (&Book<FileStorage>, &IdRuns<FileStorage>),
    flushes: &Sender<FlushOrder<FileStorage>>,
    is_due: bool,
) -> bool {
    if flushes.is_full() {
        return false;
    }
    // Only then: it copies the whole state.
    let due = if is_due { book.pending_snapshot() } else { None };
    let (order, is_snapshot) = match due {
        Some(snapshot) => (FlushOrder::Snapshot(snapshot), true),
        None => (FlushOrder::Rows(book.outcomes.clone(), id_runs.clone()), false),
    };
    flushes.try_send(order).is_ok() && is_snapshot
}

/// The command that seals a block. Its id follows from chain and height, so that no block is sealed twice.
pub(crate) fn seal_entry(sealer: &Sealer, height: u64) -> Entry {
    let id = own_id(sealer, b"seal", &height.to_le_bytes());
    Entry::new(id, Command::Seal { height })
}

/// The command that puts an approved proposal in force. Its id follows from chain, proposal and block.
fn enact_entry(sealer: &Sealer, proposal: u128, height: u64) -> Entry {
    let place = [&proposal.to_le_bytes()[..], &height.to_le_bytes()].concat();
    let id = own_id(sealer, b"enact", &place);
    Entry::new(id, Command::Proposal(ProposalCommand::Enact { proposal }))
}

/// The command that closes a cycle by the calendar. Its id follows from chain, cycle and block.
fn close_entry(sealer: &Sealer, cycle: u64, height: u64) -> Entry {
    let place = [cycle.to_le_bytes(), height.to_le_bytes()].concat();
    let id = own_id(sealer, b"close", &place);
    Entry::new(id, Command::Schedule(ScheduleCommand::CloseScheduled { cycle }))
}

/// The id of an entry that carries out an order, asked for in the open block of a height.
pub(crate) fn order_id(sealer: &Sealer, number: u64, height: u64) -> u128 {
    let place = [number.to_le_bytes(), height.to_le_bytes()].concat();
    own_id(sealer, b"order", &place)
}

/// The id of an entry of the engine's own.
fn own_id(sealer: &Sealer, what: &[u8], place: &[u8]) -> u128 {
    let chain_id = sealer.mirror().registry.genesis().map_or([0; 16], |genesis| genesis.chain_id);
    let digest = keyed(Domain::Command, &[what, &chain_id, place].concat());
    Uetr::from_digest(*digest.0.first_chunk().expect("a hash has 32 bytes")).bits()
}
