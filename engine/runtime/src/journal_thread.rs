//! The journal's own thread: takes all frames that wait, makes them durable with one sync, and feeds them to
//! the lanes. The next frames gather meanwhile: that is the group commit.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use feiqian_core::frame::FRAME_HEADER_BYTES;
use feiqian_core::limits::FRAME_PAYLOAD_BYTES_MAX;

use crate::execution::{Execution, Replies};
use crate::fatal;
use crate::journal::{Journal, Spare, SparePreparer, SpareSegment};
use crate::lane::Lane;
use crate::meter::Meter;
use crate::sequencer::Sequenced;
use crate::storage::Storage;

/// Payload of one group: more would only delay the answers to its first frames.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// The longest frame.
const FRAME_BYTES_MAX: usize = FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX;
/// A segment that lasts so many times as long as filling one with zeros takes leaves the disk time to fill the next one;
/// in a greater hurry that would take half of what the disk writes.
const UNHURRIED: u32 = 4;
/// How long filling a segment is taken to last until one has been filled.
const FILLING: Duration = Duration::from_secs(1);
/// Idle this long, the journal marks its end, so that damage to the last group is told from a torn tail.
const IDLE: Duration = Duration::from_millis(20);

/// The thread's parts.
#[derive(Debug)]
pub(crate) struct JournalThread<S: Storage> {
    pub(crate) journal: Journal<S>,
    pub(crate) frames: Receiver<Sequenced>,
    pub(crate) lanes: Vec<Lane<Arc<Execution>>>,
    pub(crate) meter: Arc<Meter>,
    /// When the last spare segment was ordered.
    pub(crate) last_order: Option<Instant>,
    /// How long filling one took the last time.
    pub(crate) filling: Option<Duration>,
}

impl<S: Storage> JournalThread<S> {
    /// Runs until the sequencer has ended and everything is durable and handed on.
    pub(crate) fn run(mut self) {
        let (spares, mut spare_orders) = spare_thread(self.journal.preparer());
        loop {
            let first = match self.frames.recv_timeout(IDLE) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.mark();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.keep_spare(&spares, &mut spare_orders);
            self.append(first);
        }
        if let Err(fault) = self.journal.close() {
            fatal::stop("the journal can't be closed", &fault);
        }
        spares.end();
    }

    fn mark(&mut self) {
        if let Err(fault) = self.journal.mark() {
            fatal::stop("the journal can't be marked", &fault);
        }
    }

    fn append(&mut self, first: Sequenced) {
        let mut bytes = first.frame.stored_bytes();
        let mut replies = vec![first.replies];
        let mut group = vec![first.frame];
        // Room for one more frame, whatever its length: it can't be put back.
        let room = self.journal.group_bytes_max().saturating_sub(FRAME_BYTES_MAX as u64);
        while bytes < GROUP_BYTES_MAX
            && (bytes as u64) < room
            && let Ok(next) = self.frames.try_recv()
        {
            bytes += next.frame.stored_bytes();
            replies.push(next.replies);
            group.push(next.frame);
        }
        if self.is_lone(&replies) {
            self.lanes.iter().for_each(Lane::announce);
        }
        let begun = Instant::now();
        // A failed sync is final, and frames that were sequenced can't be taken back for want of room either.
        let durable = match self.journal.append(group) {
            Ok(durable) => durable,
            Err(fault) => fatal::stop("the journal can't be written", &fault),
        };
        self.meter.record_group(durable.len(), bytes as u64, begun.elapsed());
        for (frame, replies) in durable.into_iter().zip(replies) {
            let execution = Execution::new(frame, replies, self.lanes.len());
            self.lanes.iter().for_each(|lane| lane.push(Arc::clone(&execution)));
        }
    }

    /// Whether a single submitter waits: its answer should take little more than the sync. With more of them, cores have
    /// better to do than to look out.
    fn is_lone(&self, replies: &[Replies]) -> bool {
        self.lanes.len() == 1
            && self.frames.is_empty()
            && matches!(replies, [Replies::Batches(batches)] if batches.len() == 1)
    }

    /// Takes a spare that is ready, and orders one where it is wanted.
    fn keep_spare(&mut self, spares: &Spares<S>, is_ordered: &mut bool) {
        if let Ok((spare, filling)) = spares.ready.try_recv() {
            *is_ordered = false;
            self.filling = filling.or(self.filling);
            // One too many is rubbish that the next start removes.
            drop(self.journal.offer_spare(spare));
        }
        if self.journal.wants_spare() && !*is_ordered {
            let least = self.filling.unwrap_or(FILLING) * UNHURRIED;
            let is_idle = self.last_order.replace(Instant::now()).is_none_or(|last| last.elapsed() > least);
            let order = if is_idle { Spare::Filled } else { Spare::Reserved };
            *is_ordered = spares.orders.try_send(order).is_ok();
        }
    }
}

/// The way to and from the thread that prepares segments ahead.
struct Spares<S: Storage> {
    orders: Sender<Spare>,
    /// Each with the time that filling it took, if it was filled.
    ready: Receiver<(SpareSegment<S::File>, Option<Duration>)>,
    thread: JoinHandle<()>,
}

impl<S: Storage> Spares<S> {
    /// Waits until the thread has ended: as long as it runs, it holds the data directory.
    fn end(self) {
        let Self { orders, ready, thread } = self;
        drop((orders, ready));
        drop(thread.join());
    }
}

/// Prepares segments beside the journal. A failure is no fault yet: the journal prepares its own when it needs
/// one, and says then what is wrong. It ends with its orders.
fn spare_thread<S: Storage>(preparer: SparePreparer<S>) -> (Spares<S>, bool) {
    let (orders, orders_in) = bounded(1);
    let (ready_out, ready) = bounded(1);
    let thread = std::thread::Builder::new().name("spare-segments".into()).spawn(move || {
        for order in orders_in {
            let begun = Instant::now();
            if let Ok(spare) = preparer.prepare(order)
                && ready_out.send((spare, (order == Spare::Filled).then(|| begun.elapsed()))).is_err()
            {
                return;
            }
        }
    });
    match thread {
        Ok(thread) => (Spares { orders, ready, thread }, false),
        Err(fault) => fatal::stop("a thread can't be started", &fault),
    }
}
