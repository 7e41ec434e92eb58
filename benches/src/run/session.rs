//! One session: makes batches, keeps several in flight, checks each answer against what must come of the batch,
//! and notes where it was acknowledged. A batch that was not taken is sent again, before any other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use feiqian_core::outcome::Outcome;
use feiqian_wire::client::{BatchSender, Client, ReplyReceiver, Row, Verdict};

use super::driver::{Acknowledged, Measured, Plan};
use super::http::session::{self as http, HttpSession};
use super::pacer::{Due, Schedule};
use super::place::Line;
use crate::workload::maker::{MadeBatch, Maker};

/// How long a session waits before it sends again what was not taken.
const PATIENCE: Duration = Duration::from_micros(500);

/// A batch on its way.
#[derive(Clone, Debug)]
struct Flight {
    /// Shared with the sender until its last byte has left.
    made: Rc<MadeBatch>,
    /// Its number in the session.
    number: u64,
    /// When it was due: latency counts from here.
    due: Instant,
}

/// What both halves of a session see.
#[derive(Debug, Default)]
struct Shared {
    /// Sent, in order.
    open: VecDeque<Flight>,
    /// Not taken, to be sent again.
    refused: VecDeque<Flight>,
    /// Buffers to be used again.
    spare: Vec<MadeBatch>,
    /// Batches answered for good.
    done: u64,
}

/// A session, connected.
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) line: Line,
    pub(super) maker: Maker,
    pub(super) due: Rc<Due>,
}

/// What sessions of a thread share.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub(super) plan: Plan,
    pub(super) schedule: Option<Schedule>,
    pub(super) measured: Rc<RefCell<Measured>>,
    pub(super) answered: Arc<AtomicU64>,
}

/// Runs a session to its end; what goes wrong is noted in what is measured.
pub(super) async fn run(session: Session, around: Surroundings) {
    let Session { number, line, maker, due } = session;
    match line {
        Line::Http(connection) => {
            http::run(HttpSession { number, connection: *connection, maker, due }, around).await;
        }
        Line::Wire(client) => pipelined((number, *client, maker, due), around).await,
    }
}

/// Both halves in one task: what the one tells the other wakes nobody.
async fn pipelined((number, client, maker, due): (u64, Client, Maker, Rc<Due>), around: Surroundings) {
    let (sender, receiver) = client.split();
    let shared = Rc::new(RefCell::new(Shared::default()));
    let batches = around.plan.batches_of(number);
    let measured = Rc::clone(&around.measured);
    let sending = Sending {
        number,
        batches,
        maker,
        sender,
        due: Rc::clone(&due),
        shared: Rc::clone(&shared),
        around: around.clone(),
    };
    let receiving = Receiving { number, batches, receiver, due, shared, around };
    if let Err(fault) = tokio::try_join!(receiving.run(), sending.run()) {
        measured.borrow_mut().fail(format!("session {number}: {fault}"));
    }
}

struct Sending {
    number: u64,
    batches: u64,
    maker: Maker,
    sender: BatchSender,
    due: Rc<Due>,
    shared: Rc<RefCell<Shared>>,
    around: Surroundings,
}

/// What a session can do next.
enum Step {
    Again(Flight),
    Next,
    Wait,
    End,
}

impl Sending {
    async fn run(mut self) -> Result<(), String> {
        let mut next = 0;
        let mut is_flushed = true;
        loop {
            match self.step(next) {
                Step::Again(flight) => {
                    tokio::time::sleep(PATIENCE).await;
                    self.send(flight).await?;
                    is_flushed = false;
                }
                Step::Next => {
                    let flight = self.make(next);
                    self.send(flight).await?;
                    next += 1;
                    is_flushed = false;
                }
                Step::Wait if is_flushed => self.due.bell.notified().await,
                Step::Wait => {
                    self.sender.flush().await.map_err(|fault| fault.to_string())?;
                    is_flushed = true;
                }
                Step::End => return Ok(()),
            }
        }
    }

    fn step(&self, next: u64) -> Step {
        let mut shared = self.shared.borrow_mut();
        if shared.done == self.batches {
            return Step::End;
        }
        if let Some(flight) = shared.refused.pop_front() {
            return Step::Again(flight);
        }
        let in_flight = next - shared.done;
        let is_due = self.around.schedule.is_none() || next < self.due.batches.get();
        let may_send = next < self.batches && in_flight < self.around.plan.window && is_due;
        if may_send { Step::Next } else { Step::Wait }
    }

    fn make(&mut self, next: u64) -> Flight {
        let mut made = self.shared.borrow_mut().spare.pop().unwrap_or_default();
        let place = self.around.plan.place_of(self.number, next);
        self.maker.fill(self.around.plan.size_of(place), &mut made);
        // At full speed a batch is due when it is made; at a given rate when the plan says, however late it is.
        let due = self.around.schedule.map_or_else(Instant::now, |schedule| schedule.due(place));
        Flight { made: Rc::new(made), number: next, due }
    }

    async fn send(&mut self, flight: Flight) -> Result<(), String> {
        let made = Rc::clone(&flight.made);
        // Noted before it is sent: its answer may be there as soon as its last byte has left.
        self.shared.borrow_mut().open.push_back(flight);
        self.sender.send(&made.records).await.map(drop).map_err(|fault| fault.to_string())
    }
}

struct Receiving {
    number: u64,
    batches: u64,
    receiver: ReplyReceiver,
    due: Rc<Due>,
    shared: Rc<RefCell<Shared>>,
    around: Surroundings,
}

impl Receiving {
    async fn run(mut self) -> Result<(), String> {
        while self.shared.borrow().done < self.batches {
            let reply = self.receiver.receive().await.map_err(|fault| fault.to_string())?;
            let flight =
                self.shared.borrow_mut().open.pop_front().ok_or("a reply to nothing that was sent")?;
            match reply.verdict {
                Verdict::Outcomes(outcomes) => {
                    let (first, rows) = (outcomes.first_sequence, &outcomes.rows);
                    let is_plain = flight.made.expected.is_empty() && rows.are_all_as_submitted();
                    let is_whole = rows.len() == flight.made.records.len();
                    if !is_whole || !(is_plain || are_met(&flight.made, first, rows.iter())) {
                        let fault =
                            format!("batch {} at {first} has other outcomes than it must", flight.number);
                        self.around.measured.borrow_mut().differ(fault);
                    }
                    self.finish(flight, first);
                }
                Verdict::Busy(reason) => {
                    self.around.measured.borrow_mut().busy += 1;
                    if reason == feiqian_wire::client::BusyReason::Closing {
                        return Err("the server is shutting down".to_owned());
                    }
                    self.shared.borrow_mut().refused.push_back(flight);
                }
            }
            self.due.bell.notify_one();
        }
        Ok(())
    }

    fn finish(&self, flight: Flight, first_sequence: u64) {
        let now = Instant::now();
        let count = flight.made.records.len() as u64;
        let mut measured = self.around.measured.borrow_mut();
        measured.record(now.saturating_duration_since(flight.due), now);
        measured.acknowledged.push(Acknowledged {
            first_sequence,
            session: self.number as u32,
            number: flight.number as u32,
        });
        self.around.answered.fetch_add(count, Ordering::Relaxed);
        let mut shared = self.shared.borrow_mut();
        shared.done += 1;
        if let Ok(made) = Rc::try_unwrap(flight.made) {
            shared.spare.push(made);
        }
    }
}

/// Whether every answer is the expected one.
fn are_met(made: &MadeBatch, first_sequence: u64, rows: impl Iterator<Item = Row>) -> bool {
    made.iter().zip(rows).zip(first_sequence..).all(|(((record, expected), row), sequence)| {
        let amount = match row.outcome {
            Outcome::Rejected => 0,
            _ => row.detail.unwrap_or_else(|| record.amount.get()),
        };
        let reason = row.reason.map_or(0, |reason| reason.number());
        expected.is_met(sequence, record, (row.outcome.number(), reason, amount))
    })
}
