//! The writing side of a session: replies in the order of the requests, all that are ready in one write.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_runtime::admission::{BatchOutcome, Ticket};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc};
use zerocopy::IntoBytes as _;

use super::session::refuse;
use crate::layout::{Header, Kind, ROW_BYTES, WireRow, flags};
use crate::refusal::{BusyReason, Refusal};
use crate::stream::WriteHalf;

/// So many bytes of replies are written without waiting for more.
const WRITE_BYTES: usize = 64 * 1024;

/// What is owed to the client, in the order of its requests.
#[derive(Debug)]
pub(super) enum Reply {
    /// What became of a batch, once that is known.
    Due {
        /// Its number.
        request: u64,
        /// Its claim.
        ticket: Ticket,
        /// Its records, to give their room back.
        transfers: u32,
    },
    /// A batch was not taken.
    Busy(u64, BusyReason),
    /// A whole message.
    Made(Vec<u8>),
    /// The end, and why.
    Last(Refusal),
}

/// The writing side of a session.
#[derive(Debug)]
pub(super) struct Writer {
    half: WriteHalf,
    queue: mpsc::Receiver<Reply>,
    room: Arc<Semaphore>,
    write_timeout: Duration,
    out: Vec<u8>,
}

/// The connection can't be written to any more.
struct Broken;

impl Writer {
    pub(super) fn new(
        half: WriteHalf,
        queue: mpsc::Receiver<Reply>,
        room: Arc<Semaphore>,
        write_timeout: Duration,
    ) -> Self {
        Self { half, queue, room, write_timeout, out: Vec::new() }
    }

    /// Writes replies until the reader has none any more, or the client takes none any more.
    pub(super) async fn run(mut self) {
        if self.write_all().await.is_ok() {
            let _ = tokio::time::timeout(self.write_timeout, self.half.shutdown()).await;
        }
    }

    async fn write_all(&mut self) -> Result<(), Broken> {
        loop {
            let reply = match self.queue.try_recv() {
                Ok(reply) => reply,
                Err(_) => {
                    self.flush().await?;
                    let Some(reply) = self.queue.recv().await else { return Ok(()) };
                    reply
                }
            };
            match reply {
                Reply::Due { request, ticket, transfers } => {
                    let Some(outcome) = self.outcome(ticket).await? else {
                        self.out.extend_from_slice(&refuse(Kind::Error, Refusal::Closing));
                        return self.flush().await;
                    };
                    write_outcome(&mut self.out, request, &outcome);
                    self.room.add_permits(transfers as usize);
                }
                Reply::Busy(request, reason) => {
                    let header = Header { count: reason.number().into(), ..Header::new(Kind::Busy, request) };
                    self.out.extend_from_slice(header.as_bytes());
                }
                Reply::Made(bytes) => self.out.extend_from_slice(&bytes),
                Reply::Last(refusal) => {
                    self.out.extend_from_slice(&refuse(Kind::Error, refusal));
                    return self.flush().await;
                }
            }
            if self.out.len() >= WRITE_BYTES {
                self.flush().await?;
            }
        }
    }

    /// A batch's outcome; what is ready goes out before waiting for it.
    async fn outcome(&mut self, ticket: Ticket) -> Result<Option<BatchOutcome>, Broken> {
        let mut outcome = pin!(ticket.outcome());
        let ready = poll_fn(|context| {
            Poll::Ready(match outcome.as_mut().poll(context) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => None,
            })
        });
        if let Some(outcome) = ready.await {
            return Ok(outcome);
        }
        self.flush().await?;
        Ok(outcome.await)
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = tokio::time::timeout(self.write_timeout, self.half.write_all(&self.out)).await;
        self.out.clear();
        matches!(written, Ok(Ok(()))).then_some(()).ok_or(Broken)
    }
}

/// A row for each record; none where each is cleared, for what clears has moved the record's own amount.
fn write_outcome(out: &mut Vec<u8>, request: u64, outcome: &BatchOutcome) {
    let rows: &[OutcomeRow] = &outcome.rows[..];
    let are_cleared = rows.iter().all(|row| row.outcome == Outcome::Cleared.number());
    let count = u32::try_from(rows.len()).expect("a batch is bounded below 2^32");
    let length = if are_cleared { 0 } else { count * ROW_BYTES };
    let header = Header {
        flags: if are_cleared { flags::ALL_AS_SUBMITTED } else { 0 },
        length: length.into(),
        count: count.into(),
        id: (u128::from(outcome.first_sequence) | (u128::from(outcome.timestamp) << 64)).into(),
        ..Header::new(Kind::Outcome, request)
    };
    out.reserve(size_of::<Header>() + length as usize);
    out.extend_from_slice(header.as_bytes());
    if !are_cleared {
        for row in rows {
            out.extend_from_slice(wire_row(row).as_bytes());
        }
    }
}

/// The part of a row that is the submitter's.
pub(super) fn wire_row(row: &OutcomeRow) -> WireRow {
    WireRow { outcome: row.outcome, reason: row.reason, zeros: [0; 6], detail: row.amount }
}
