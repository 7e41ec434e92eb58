//! The reading side of a session: from bytes to submissions. Records go from the socket into the memory of the
//! batch that the engine takes; nothing of them is looked at here.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use feiqian_core::batch::Batch;
use feiqian_core::batch_signature::verify_batch;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::Signature;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, TryAcquireError, mpsc, watch};
use tokio::time::{Instant, Sleep, sleep};
use zerocopy::FromBytes as _;

use super::questions::{self, Question};
use super::session::Peer;
use super::writer::Reply;
use super::{Shared, told};
use crate::layout::{HEADER_BYTES, Header, Kind, Request, SIGNATURE_BYTES, message};
use crate::refusal::{BusyReason, Refusal};
use crate::stream::Source;

/// A whole message.
enum Message {
    Batch(Batch),
    Ping,
    Question(Question),
}

/// How a session ends: none if the client has closed it between two messages.
pub(super) type Ended = Result<(), Refusal>;

/// The reading side of a session.
#[derive(Debug)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    source: Source,
    peer: Peer,
    replies: mpsc::Sender<Reply>,
    /// Records that may still be in flight; the writer gives back.
    room: Arc<Semaphore>,
    last_request: u64,
    /// As of the last look at the participant's key.
    key_changes: u64,
}

impl Reader {
    pub(super) fn new(
        shared: Arc<Shared>,
        source: Source,
        peer: Peer,
        replies: mpsc::Sender<Reply>,
        room: Arc<Semaphore>,
    ) -> Self {
        let key_changes = peer.key_changes;
        Self { shared, source, peer, replies, room, last_request: 0, key_changes }
    }

    pub(super) fn into_parts(self) -> (Source, mpsc::Sender<Reply>) {
        (self.source, self.replies)
    }

    /// Takes messages until the client ends, breaks a rule, or the server stops.
    pub(super) async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Ended {
        let mut idle = Idle::new(self.shared.options.idle_timeout);
        let mut stopped = pin!(told(&mut stop));
        loop {
            // Without a clock and a look at `stop` as long as whole messages are at hand.
            let message = match self.buffered()? {
                Some(message) => message,
                None => tokio::select! {
                    biased;
                    read = self.message() => match read? {
                        Some(message) => message,
                        None => return Ok(()),
                    },
                    () = idle.over() => return Err(Refusal::Idle),
                    () = &mut stopped => return Err(Refusal::Closing),
                },
            };
            let is_open = tokio::select! {
                biased;
                handled = self.handle(message) => handled?,
                () = &mut stopped => return Err(Refusal::Closing),
            };
            if !is_open {
                return Ok(());
            }
        }
    }

    /// The next message if all of it is in the buffer.
    fn buffered(&mut self) -> Result<Option<Message>, Refusal> {
        let Some(bytes) = self.source.buffered().first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let (number, request) = Request::read(bytes)?;
        let body = body_bytes(&request);
        let Some(body) = self.source.buffered()[HEADER_BYTES..].get(..body) else { return Ok(None) };
        let (message, bytes) = (self.whole(&request, body)?, HEADER_BYTES + body.len());
        self.take(number)?;
        self.source.consume(bytes);
        self.source.expect_short();
        Ok(Some(message))
    }

    /// Waits for the next message; none if the client ends between two.
    async fn message(&mut self) -> Result<Option<Message>, Refusal> {
        if !self.need(HEADER_BYTES).await? {
            return if self.source.buffered().is_empty() { Ok(None) } else { Err(Refusal::Truncated) };
        }
        let Some(bytes) = self.source.buffered().first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let (number, request) = Request::read(bytes)?;
        if HEADER_BYTES + body_bytes(&request) <= self.source.capacity() {
            if !self.need(HEADER_BYTES + body_bytes(&request)).await? {
                return Err(Refusal::Truncated);
            }
            return self.buffered();
        }
        let Request::Batch { count, batch_id, is_signed } = request else { return Err(Refusal::Length) };
        self.take(number)?;
        self.source.consume(HEADER_BYTES);
        let mut signature = None;
        if is_signed {
            if !self.need(SIGNATURE_BYTES).await? {
                return Err(Refusal::Truncated);
            }
            signature = self.source.buffered().first_chunk::<SIGNATURE_BYTES>().copied();
            self.source.consume(SIGNATURE_BYTES);
        }
        let records = self.source.records(count).await.map_err(|fault| ended(&fault))?;
        self.batch(batch_id, signature, records).map(|batch| Some(Message::Batch(batch)))
    }

    async fn need(&mut self, bytes: usize) -> Result<bool, Refusal> {
        self.source.need(bytes).await.map_err(|fault| ended(&fault))
    }

    fn whole(&self, request: &Request, body: &[u8]) -> Result<Message, Refusal> {
        Ok(match *request {
            Request::Batch { batch_id, is_signed, .. } => {
                let (signature, records) = match body.split_first_chunk::<SIGNATURE_BYTES>() {
                    Some((signature, records)) if is_signed => (Some(*signature), records),
                    _ => (None, body),
                };
                let records = <[Record]>::ref_from_bytes(records).map_err(|_| Refusal::Length)?;
                Message::Batch(self.batch(batch_id, signature, records.to_vec())?)
            }
            Request::Ping => Message::Ping,
            Request::ResolveAlias(_) => {
                // No alias in the directory is other than UTF-8.
                Message::Question(Question::Alias(String::from_utf8_lossy(body).into_owned()))
            }
            Request::Balance(account) => Message::Question(Question::Balance(account)),
            Request::Position(currency) => Message::Question(Question::Position(currency)),
            Request::Accounts(from) => Message::Question(Question::Accounts(from)),
            Request::Transfer(uetr) => Message::Question(Question::Transfer(uetr)),
        })
    }

    fn batch(
        &self,
        batch_id: u128,
        signature: Option<[u8; 64]>,
        records: Vec<Record>,
    ) -> Result<Batch, Refusal> {
        if let Some(signature) = signature {
            let named = (&self.shared.chain_id, batch_id);
            if !verify_batch(&self.peer.key, named, &records, &Signature(signature)) {
                return Err(Refusal::BatchSignature);
            }
        }
        Ok(Batch { batch_id, signature, ..Batch::new(self.peer.participant, records) })
    }

    /// Whether the key that opened the session is still the participant's: looked up only when some key has changed.
    fn check_key(&mut self) -> Result<(), Refusal> {
        let directory = self.shared.engine.directory();
        let key_changes = directory.key_changes();
        if self.key_changes == key_changes {
            return Ok(());
        }
        let handle = self.peer.participant as usize;
        let key = directory.registry(|registry| registry.participants().get(handle).and_then(|at| at.key));
        self.key_changes = key_changes;
        if key == Some(self.peer.key) { Ok(()) } else { Err(Refusal::KeyChanged) }
    }

    /// Each request has the next number: a lost or repeated one is found at once.
    fn take(&mut self, number: u64) -> Result<(), Refusal> {
        if number != self.last_request + 1 {
            return Err(Refusal::RequestNumber);
        }
        self.last_request = number;
        Ok(())
    }

    /// False if the writer has ended, and with it the session.
    async fn handle(&mut self, message: Message) -> Result<bool, Refusal> {
        self.check_key()?;
        let request = self.last_request;
        let reply = match message {
            Message::Batch(batch) => self.submit(request, batch).await?,
            Message::Ping => Reply::Made(crate::layout::message(Header::new(Kind::Pong, request), &[])),
            Message::Question(question) => {
                let (engine, participant) = (self.shared.engine.clone(), self.peer.participant);
                // One at a time of a session: what waits for the batcher is bounded by the sessions.
                let asked =
                    tokio::task::spawn_blocking(move || questions::answer(&engine, participant, question));
                let (header, body) = asked.await.map_err(|_| Refusal::Closing)?;
                Reply::Made(message_of(request, header, &body))
            }
        };
        match self.replies.try_send(reply) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(reply)) => Ok(self.replies.send(reply).await.is_ok()),
            Err(TrySendError::Closed(_)) => Ok(false),
        }
    }

    async fn submit(&mut self, request: u64, batch: Batch) -> Result<Reply, Refusal> {
        let transfers = u32::try_from(batch.records.len()).map_err(|_| Refusal::Count)?;
        let room = match self.room.try_acquire_many(transfers) {
            Err(TryAcquireError::NoPermits) => self.room.acquire_many(transfers).await.ok(),
            other => other.ok(),
        };
        // Given back by the writer, with the reply.
        room.ok_or(Refusal::Closing)?.forget();
        match self.shared.engine.submit(batch) {
            Ok(ticket) => {
                self.shared.meter.batches.increment(1);
                self.shared.meter.transfers.increment(transfers.into());
                Ok(Reply::Due { request, ticket, transfers })
            }
            Err(busy) => {
                self.room.add_permits(transfers as usize);
                self.shared.meter.busy.increment(1);
                BusyReason::try_from(busy).map(|reason| Reply::Busy(request, reason))
            }
        }
    }
}

/// How long a session waits for its client. One timer for all its waiting: a look at the clock is all that a message costs.
struct Idle {
    timer: Pin<Box<Sleep>>,
    limit: Duration,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { timer: Box::pin(sleep(limit)), limit }
    }

    /// Ends when it has been waited for as long as the limit. To be dropped before that.
    async fn over(&mut self) {
        let end = Instant::now() + self.limit;
        loop {
            self.timer.as_mut().await;
            if Instant::now() >= end {
                return;
            }
            self.timer.as_mut().reset(end);
        }
    }
}

fn message_of(request: u64, header: Header, body: &[u8]) -> Vec<u8> {
    message(Header { request: request.into(), ..header }, body)
}

fn body_bytes(request: &Request) -> usize {
    match *request {
        Request::Batch { count, is_signed, .. } => {
            count * size_of::<Record>() + if is_signed { SIGNATURE_BYTES } else { 0 }
        }
        Request::ResolveAlias(bytes) => bytes,
        _ => 0,
    }
}

/// A connection that fails has ended, cleanly or not: within a message either way.
fn ended(_: &io::Error) -> Refusal {
    Refusal::Truncated
}
