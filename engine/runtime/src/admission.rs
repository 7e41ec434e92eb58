//! Admission: the one place that says no to load. Bounds the transfers in flight, of each participant and in
//! total, and serves participants by deficit round robin. What is admitted has room everywhere behind.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use feiqian_core::batch::Batch;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::participant::ParticipantHandle;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Commands waiting to be sequenced. They are rare, and refused rather than kept waiting.
const COMMANDS_MAX: usize = 1_024;
/// Transfers that a participant may send in its turn: one full batch.
const QUANTUM: usize = BATCH_TRANSFERS_MAX;

/// Why a submission was not admitted. Nothing of it will take effect; it may be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Busy {
    /// The participant has too many transfers in flight.
    #[error("the participant has too many transfers in flight: wait for answers")]
    Participant,
    /// All participants together have.
    #[error("the engine has too many transfers in flight: try again")]
    Engine,
    /// The batch is empty, or over a bound of `core::limits`.
    #[error("the batch is empty or over 8,190 transfers, or its details are too long")]
    Batch,
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Closing,
}

/// What became of a batch: a row for each record, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchOutcome {
    /// Sequence of the first record.
    pub first_sequence: u64,
    /// Frame time, nanoseconds since 1970.
    pub timestamp: u64,
    /// One for each record.
    pub rows: Rows,
}

/// A stretch of a frame's rows, which all of its submitters share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    frame: Arc<Vec<OutcomeRow>>,
    range: Range<usize>,
}

impl Rows {
    /// The rows of `frame` in a range that lies within it.
    pub(crate) fn of(frame: &Arc<Vec<OutcomeRow>>, range: Range<usize>) -> Self {
        assert!(range.end <= frame.len(), "a batch's rows lie in its frame's");
        Self { frame: Arc::clone(frame), range }
    }
}

impl Deref for Rows {
    type Target = [OutcomeRow];
    fn deref(&self) -> &[OutcomeRow] {
        &self.frame[self.range.clone()]
    }
}

/// An admitted batch's claim to its outcome.
#[derive(Debug)]
pub struct Ticket(pub(crate) oneshot::Receiver<BatchOutcome>);

impl Ticket {
    /// Waits until the batch is durable and executed. None if the engine was shut down before: the fate of
    /// the batch is then what recovery says.
    #[must_use]
    pub fn wait(self) -> Option<BatchOutcome> {
        self.0.blocking_recv().ok()
    }

    /// As [`Ticket::wait`], for callers in a runtime.
    pub async fn outcome(self) -> Option<BatchOutcome> {
        self.0.await.ok()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a OutcomeRow;
    type IntoIter = std::slice::Iter<'a, OutcomeRow>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Transfers in flight; gives its place back when dropped, answered or not.
#[derive(Debug)]
pub(crate) struct Place {
    transfers: usize,
    total: Arc<AtomicUsize>,
    own: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.total.fetch_sub(self.transfers, Ordering::Relaxed);
        self.own.fetch_sub(self.transfers, Ordering::Relaxed);
    }
}

/// An admitted batch with the way back to its submitter.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<BatchOutcome>,
    pub(crate) place: Place,
}

/// An admitted command.
#[derive(Debug)]
pub(crate) struct AdmittedCommand {
    pub(crate) entry: Vec<u8>,
    pub(crate) reply: oneshot::Sender<CommandOutcome>,
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandOutcome {
    /// Its sequence.
    pub sequence: u64,
    /// Its row.
    pub row: OutcomeRow,
    /// The first handle, where it opened accounts.
    pub first_account: Option<u64>,
}

/// A command's claim to its outcome.
#[derive(Debug)]
pub struct CommandTicket(pub(crate) oneshot::Receiver<CommandOutcome>);

impl CommandTicket {
    /// Waits until the command is durable and executed; none if the engine was shut down before.
    #[must_use]
    pub fn wait(self) -> Option<CommandOutcome> {
        self.0.blocking_recv().ok()
    }

    /// As [`CommandTicket::wait`], for callers in a runtime.
    pub async fn outcome(self) -> Option<CommandOutcome> {
        self.0.await.ok()
    }
}

/// A participant's queue and what it may still send in this round.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Admitted>,
    deficit: usize,
    in_flight: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Queues {
    by_participant: BTreeMap<ParticipantHandle, Queue>,
    /// Participants with waiting batches, in the order of their turns.
    turns: VecDeque<ParticipantHandle>,
    /// The sequencer has ended: nobody would take what is put in.
    is_closed: bool,
}

/// The door: submitters on one side, the sequencer on the other.
#[derive(Debug)]
pub(crate) struct Admission {
    queues: Mutex<Queues>,
    total: Arc<AtomicUsize>,
    total_max: usize,
    own_max: usize,
    commands: Sender<AdmittedCommand>,
    bell: Sender<()>,
}

/// The sequencer's side of the door.
#[derive(Debug)]
pub(crate) struct Doorway {
    pub(crate) commands: Receiver<AdmittedCommand>,
    pub(crate) bell: Receiver<()>,
}

impl Admission {
    pub(crate) fn new(total_max: usize, own_max: usize) -> (Self, Doorway) {
        let (commands, commands_in) = bounded(COMMANDS_MAX);
        let (bell, bell_in) = bounded(1);
        let admission =
            Self { queues: Mutex::default(), total: Arc::default(), total_max, own_max, commands, bell };
        (admission, Doorway { commands: commands_in, bell: bell_in })
    }

    pub(crate) fn submit(&self, batch: Batch) -> Result<Ticket, Busy> {
        if !batch.is_within_limits() {
            return Err(Busy::Batch);
        }
        let (reply, outcome) = oneshot::channel();
        let mut queues = self.queues.lock();
        if queues.is_closed {
            return Err(Busy::Closing);
        }
        let participant = batch.participant;
        let queue = queues.by_participant.entry(participant).or_default();
        let place = self.place(batch.records.len(), &queue.in_flight)?;
        let was_idle = queue.waiting.is_empty();
        queue.waiting.push_back(Admitted { batch, reply, place });
        if was_idle {
            queues.turns.push_back(participant);
        }
        drop(queues);
        self.ring();
        Ok(Ticket(outcome))
    }

    /// Takes places under the queues' lock, so that the bounds are exact.
    fn place(&self, transfers: usize, own: &Arc<AtomicUsize>) -> Result<Place, Busy> {
        if own.load(Ordering::Relaxed) + transfers > self.own_max {
            return Err(Busy::Participant);
        }
        if self.total.load(Ordering::Relaxed) + transfers > self.total_max {
            return Err(Busy::Engine);
        }
        own.fetch_add(transfers, Ordering::Relaxed);
        self.total.fetch_add(transfers, Ordering::Relaxed);
        Ok(Place { transfers, total: Arc::clone(&self.total), own: Arc::clone(own) })
    }

    pub(crate) fn submit_command(&self, entry: Vec<u8>) -> Result<CommandTicket, Busy> {
        let (reply, outcome) = oneshot::channel();
        self.commands.try_send(AdmittedCommand { entry, reply }).map_err(|fault| match fault {
            TrySendError::Full(_) => Busy::Engine,
            TrySendError::Disconnected(_) => Busy::Closing,
        })?;
        self.ring();
        Ok(CommandTicket(outcome))
    }

    /// Refuses from now on, and lets go of what came too late to be sequenced.
    pub(crate) fn close(&self) {
        *self.queues.lock() = Queues { is_closed: true, ..Queues::default() };
    }

    /// Wakes the sequencer; one ring waiting is as good as many.
    pub(crate) fn ring(&self) {
        let _ = self.bell.try_send(());
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Takes the next batch by deficit round robin, if `fits` says that it has room.
    pub(crate) fn next(&self, fits: impl Fn(&Batch) -> bool) -> Option<Admitted> {
        let mut guard = self.queues.lock();
        let Queues { by_participant, turns, .. } = &mut *guard;
        // Each turn adds a quantum that covers any batch, so this ends after two rounds at the latest.
        while let Some(participant) = turns.front().copied() {
            let Some(queue) = by_participant.get_mut(&participant) else {
                turns.pop_front();
                continue;
            };
            let Some(first) = queue.waiting.front() else {
                queue.deficit = 0;
                turns.pop_front();
                continue;
            };
            let transfers = first.batch.records.len();
            if queue.deficit < transfers {
                queue.deficit += QUANTUM;
                turns.rotate_left(1);
                continue;
            }
            if !fits(&first.batch) {
                return None;
            }
            queue.deficit -= transfers;
            return queue.waiting.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_core::transfer::Record;

    fn batch(participant: u32, count: usize) -> Batch {
        Batch::new(participant, vec![Record::new(1, 0, 1, 1, 978); count])
    }

    #[test]
    fn i6_what_is_over_a_bound_is_refused_at_once_and_places_come_back() {
        let (admission, _doorway) = Admission::new(100, 60);
        let first = admission.submit(batch(1, 50)).expect("within both bounds");
        assert_eq!(admission.submit(batch(1, 11)).err(), Some(Busy::Participant));
        assert_eq!(admission.submit(batch(2, 51)).err(), Some(Busy::Engine));
        assert_eq!(admission.submit(batch(2, 0)).err(), Some(Busy::Batch));
        drop(admission.next(|_| true));
        assert_eq!(admission.in_flight(), 0);
        assert!(first.wait().is_none());
        assert!(admission.submit(batch(2, 60)).is_ok());
    }

    #[test]
    fn a_busy_participant_does_not_delay_another() {
        let (admission, _doorway) = Admission::new(1_000_000, 1_000_000);
        let mut tickets = Vec::new();
        for _ in 0..5 {
            tickets.push(admission.submit(batch(1, 8_190)));
        }
        tickets.push(admission.submit(batch(2, 10)));
        let order: Vec<_> = std::iter::from_fn(|| admission.next(|_| true))
            .map(|admitted| admitted.batch.participant)
            .collect();
        assert_eq!(order.len(), 6);
        assert!(order.iter().position(|participant| *participant == 2) <= Some(1), "{order:?}");
    }

    #[test]
    fn a_batch_without_room_stays_first() {
        let (admission, _doorway) = Admission::new(1_000, 1_000);
        let _ticket = admission.submit(batch(1, 10));
        assert!(admission.next(|_| false).is_none());
        assert!(admission.next(|_| true).is_some());
    }
}
