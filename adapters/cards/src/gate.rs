//! From requests of all sessions to the engine's batches, and from their rows back. One task gathers whatever is there,
//! one batch a participant. While rounds of batches are at the engine, what comes gathers: the fuller the load, the larger
//! the batches, and the fewer writes to sockets behind them. With less to do nothing waits. What owes a fee by a tariff goes
//! as a chain with its legs, and is answered by the first of its rows.
//!
//! ```text
//!  sessions ─▶ bounded channel ─▶ gate ─▶ Engine::submit ─▶ ticket ─▶ a task a batch ─▶ each request's verdict
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use feiqian_core::batch::Batch;
use feiqian_core::limits::{BATCH_TRANSFERS_MAX, CHAIN_TRANSFERS_MAX};
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_runtime::admission::Ticket;
use feiqian_runtime::pipeline::Engine;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Requests that wait for the gate: what comes beyond is answered as busy at once.
const WAITING_MAX: usize = 2 * BATCH_TRANSFERS_MAX;

/// Rounds of batches at the engine at once: one is executed while others are written, and another is being made durable.
const ROUNDS_MAX: usize = 4;

/// What became of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Durable and executed.
    Decided {
        /// Its row.
        row: OutcomeRow,
        /// Frame time, nanoseconds since 1970.
        timestamp: u64,
    },
    /// Nothing of it takes effect.
    Busy,
    /// The engine has ended: what became of it, the journal will say.
    Unknown,
}

struct Waiting {
    participant: ParticipantHandle,
    record: Record,
    reply: oneshot::Sender<Verdict>,
}

/// The sessions' side.
#[derive(Clone, Debug)]
pub(crate) struct Gate(mpsc::Sender<Waiting>);

/// A record's claim to its verdict.
#[derive(Debug)]
pub(crate) struct Claim(Option<oneshot::Receiver<Verdict>>);

impl Claim {
    pub(crate) async fn verdict(self) -> Verdict {
        match self.0 {
            None => Verdict::Busy,
            Some(reply) => reply.await.unwrap_or(Verdict::Unknown),
        }
    }
}

impl Gate {
    /// Starts the gate and its task, which ends, and lets go of the engine, with the last of the gate's handles.
    pub(crate) fn start(engine: Engine) -> (Self, JoinHandle<()>) {
        let (gate, waiting) = mpsc::channel(WAITING_MAX);
        (Self(gate), tokio::spawn(gather(engine, waiting)))
    }

    /// Hands a record in for a participant that the link speaks for.
    pub(crate) fn submit(&self, participant: ParticipantHandle, record: Record) -> Claim {
        let (reply, verdict) = oneshot::channel();
        let sent = self.0.try_send(Waiting { participant, record, reply });
        Claim(sent.is_ok().then_some(verdict))
    }
}

type Round = Arc<OwnedSemaphorePermit>;

/// One participant's batch as it fills: who waits for how many of its records.
#[derive(Default)]
struct Filling {
    records: Vec<Record>,
    replies: Vec<(usize, oneshot::Sender<Verdict>)>,
}

impl Filling {
    fn push(&mut self, chain: Vec<Record>, reply: oneshot::Sender<Verdict>) {
        self.replies.push((chain.len(), reply));
        self.records.extend(chain);
    }

    fn is_full(&self) -> bool {
        self.records.len() + CHAIN_TRANSFERS_MAX > BATCH_TRANSFERS_MAX
    }

    fn submit(self, engine: &Engine, participant: ParticipantHandle, round: &Round) {
        match engine.submit(Batch::new(participant, self.records)) {
            Ok(ticket) => drop(tokio::spawn(answer(ticket, self.replies, Arc::clone(round)))),
            Err(_) => {
                for (_, reply) in self.replies {
                    let _ = reply.send(Verdict::Busy);
                }
            }
        }
    }
}

async fn gather(engine: Engine, mut waiting: mpsc::Receiver<Waiting>) {
    let rounds = Arc::new(Semaphore::new(ROUNDS_MAX));
    let mut taken = Vec::with_capacity(BATCH_TRANSFERS_MAX);
    while let Ok(round) = Arc::clone(&rounds).acquire_owned().await {
        let Some(first) = waiting.recv().await else { return };
        taken.push(first);
        // Whoever is ready to hand something in does so first.
        tokio::task::yield_now().await;
        while taken.len() < BATCH_TRANSFERS_MAX
            && let Ok(next) = waiting.try_recv()
        {
            taken.push(next);
        }
        submit_all(&engine, &mut taken, &Arc::new(round));
    }
}

/// Submits what was gathered, with the legs of the fees that it owes.
fn submit_all(engine: &Engine, taken: &mut Vec<Waiting>, round: &Round) {
    let mut batches: BTreeMap<ParticipantHandle, Filling> = BTreeMap::new();
    for Waiting { participant, record, reply } in taken.drain(..) {
        let chain = engine.directory().charged(&record);
        let filling = batches.entry(participant).or_default();
        filling.push(chain, reply);
        if filling.is_full() {
            std::mem::take(filling).submit(engine, participant, round);
        }
    }
    for (participant, filling) in batches {
        if !filling.replies.is_empty() {
            filling.submit(engine, participant, round);
        }
    }
}

async fn answer(ticket: Ticket, replies: Vec<(usize, oneshot::Sender<Verdict>)>, _round: Round) {
    // Without an outcome the replies are dropped: unknown.
    let Some(outcome) = ticket.outcome().await else { return };
    let mut rest = &*outcome.rows;
    for (length, reply) in replies {
        let (rows, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        if let Some(row) = rows.first() {
            // Who no longer waits has ended its session.
            let _ = reply.send(Verdict::Decided { row: *row, timestamp: outcome.timestamp });
        }
    }
}
