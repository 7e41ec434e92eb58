//! The client library: one participant's session, pipelined. Send and receive at the same time (see
//! [`Client::split`]): a server that owes as many replies as it may reads no further requests.

use std::io::{self, IoSlice};
use std::time::Duration;

use feiqian_core::batch_signature::sign_batch;
use feiqian_core::bic::Bic;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::SigningKey;
use tokio::io::AsyncWriteExt as _;
use zerocopy::{FromBytes, IntoBytes as _};

use crate::address::Address;
use crate::layout::{
    HEADER_BYTES, Header, HelloBody, Kind, REPLY_BODY_BYTES_MAX, SIGNATURE_BYTES, WelcomeBody, flags, message,
};
use crate::login;
use crate::refusal::Refusal;
use crate::stream::{Source, WriteHalf, connect};

mod questions;
mod reply;

pub use crate::refusal::BusyReason;
pub use questions::{AccountName, AccountRange, Balance, Position, Transfer};
#[doc(hidden)]
pub use reply::read as read_reply;
pub use reply::{Outcomes, Reply, Row, Rows, Verdict};

/// For the connection and the login together.
const LOGIN_PATIENCE: Duration = Duration::from_secs(10);
/// Batches from here on are written from where they lie; copying smaller ones is cheaper than a system call.
const DIRECT_BYTES: usize = 16 * 1024;
/// Buffered requests are sent when they reach this.
const BUFFER_BYTES: usize = 64 * 1024;

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its code.
    pub bic: Bic,
    /// The secret of its registered key.
    pub key: SigningKey,
}

/// Why a client can't go on. The connection is of no use afterwards, and the fate of batches without a reply
/// is not known: send them again, for an id takes effect once.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket failed, or the server closed it without a word.
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
    /// Connection and login took too long.
    #[error("no connection and login within {} s", LOGIN_PATIENCE.as_secs())]
    Timeout,
    /// The server has not let the participant in.
    #[error("login refused: {0}")]
    Refused(Refusal),
    /// The server has ended the session.
    #[error("the server has ended the session: {0}")]
    Ended(Refusal),
    /// The server sent what this version does not know.
    #[error("the server sent what this client can't read: {0}")]
    Protocol(&'static str),
    /// A batch is empty or too long; nothing was sent, and the session goes on.
    #[error("a batch has 1 to {BATCH_TRANSFERS_MAX} records, not {0}")]
    BatchLength(usize),
}

/// What the server said of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The participant's handle.
    pub participant: ParticipantHandle,
    /// The chain.
    pub chain_id: [u8; 16],
    /// Transfers in a batch at the most.
    pub batch_transfers_max: u32,
    /// Requests without a reply at the most; the server reads no more of them.
    pub requests_in_flight_max: u32,
    /// Transfers without a reply at the most; the server reads no more of them.
    pub transfers_in_flight_max: u32,
    /// A whole message must come within this time: send a ping where there is nothing to send.
    pub idle_timeout: Duration,
}

/// A session, whole: for questions, and for one batch at a time.
#[derive(Debug)]
pub struct Client {
    sender: BatchSender,
    receiver: ReplyReceiver,
}

/// The sending half.
#[derive(Debug)]
pub struct BatchSender {
    half: WriteHalf,
    buffer: Vec<u8>,
    last_request: u64,
    terms: Terms,
    key: SigningKey,
}

/// The receiving half.
#[derive(Debug)]
pub struct ReplyReceiver {
    source: Source,
    last_request: u64,
}

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the server's reason, or why there is no connection.
    pub async fn connect(address: &Address, credentials: &Credentials) -> Result<Self, ClientError> {
        let login = Self::log_in(address, credentials);
        tokio::time::timeout(LOGIN_PATIENCE, login).await.map_err(|_| ClientError::Timeout)?
    }

    async fn log_in(address: &Address, credentials: &Credentials) -> Result<Self, ClientError> {
        let (read, mut half) = connect(address).await?;
        // The longest reply fits, so that receiving can be cancelled between any two bytes.
        let source = Source::new(read, 2 * (HEADER_BYTES + REPLY_BODY_BYTES_MAX));
        let mut receiver = ReplyReceiver { source, last_request: 0 };
        let hello: HelloBody = receiver.body_of(Kind::Hello).await?;
        let answer = login::answer(&hello, credentials.bic, &credentials.key);
        half.write_all(&message(Header::new(Kind::Login, 0), answer.as_bytes())).await?;
        let welcome: WelcomeBody = receiver.body_of(Kind::Welcome).await?;
        let terms = Terms {
            participant: welcome.participant.get(),
            chain_id: hello.chain_id,
            batch_transfers_max: welcome.batch_transfers_max.get(),
            requests_in_flight_max: welcome.requests_in_flight_max.get(),
            transfers_in_flight_max: welcome.transfers_in_flight_max.get(),
            idle_timeout: Duration::from_millis(welcome.idle_timeout_ms.get().into()),
        };
        let key = credentials.key.clone();
        Ok(Self { sender: BatchSender { half, buffer: Vec::new(), last_request: 0, terms, key }, receiver })
    }

    /// What the server said of the session.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.sender.terms
    }

    /// The two halves, to send while replies come.
    #[must_use]
    pub fn split(self) -> (BatchSender, ReplyReceiver) {
        (self.sender, self.receiver)
    }

    /// The client of two halves of one session, once every reply has been received.
    #[must_use]
    pub const fn join(sender: BatchSender, receiver: ReplyReceiver) -> Self {
        Self { sender, receiver }
    }

    /// Sends one batch and waits for its verdict.
    ///
    /// # Errors
    /// [`ClientError`]; the batch's fate is then not known.
    pub async fn submit(&mut self, records: &[Record]) -> Result<Verdict, ClientError> {
        let request = self.sender.send(records).await?;
        self.verdict(request).await
    }

    /// As [`Client::submit`], signed: the journal keeps the signature with the batch.
    ///
    /// # Errors
    /// [`ClientError`]; the batch's fate is then not known.
    pub async fn submit_signed(&mut self, records: &[Record]) -> Result<Verdict, ClientError> {
        let request = self.sender.send_signed(records).await?;
        self.verdict(request).await
    }

    async fn verdict(&mut self, request: u64) -> Result<Verdict, ClientError> {
        self.sender.flush().await?;
        let reply = self.receiver.receive().await?;
        let is_it = reply.request == request;
        is_it.then_some(reply.verdict).ok_or(ClientError::Protocol("a reply to another request"))
    }
}

impl BatchSender {
    /// What the server said of the session.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// Sends a batch, a small one with the next [`BatchSender::flush`]; gives its request number, which is also
    /// its batch id. Not to be cancelled: half a message ends the session.
    ///
    /// # Errors
    /// [`ClientError::BatchLength`] before anything is sent, or the connection's.
    pub async fn send(&mut self, records: &[Record]) -> Result<u64, ClientError> {
        self.send_as(u128::from(self.last_request + 1), records, false).await
    }

    /// As [`BatchSender::send`], signed by the participant: the journal keeps the signature with the batch.
    ///
    /// # Errors
    /// As [`BatchSender::send`].
    pub async fn send_signed(&mut self, records: &[Record]) -> Result<u64, ClientError> {
        self.send_as(u128::from(self.last_request + 1), records, true).await
    }

    /// As [`BatchSender::send`], under a batch id of the caller's own.
    ///
    /// # Errors
    /// As [`BatchSender::send`].
    pub async fn send_as(
        &mut self,
        batch_id: u128,
        records: &[Record],
        is_signed: bool,
    ) -> Result<u64, ClientError> {
        if !(1..=BATCH_TRANSFERS_MAX).contains(&records.len()) {
            return Err(ClientError::BatchLength(records.len()));
        }
        let signature = is_signed.then(|| sign_batch(&self.key, &self.terms.chain_id, batch_id, records).0);
        let body = size_of_val(records) + if is_signed { SIGNATURE_BYTES } else { 0 };
        let header = Header {
            flags: if is_signed { flags::SIGNED } else { 0 },
            length: bounded(body).into(),
            count: bounded(records.len()).into(),
            id: batch_id.into(),
            ..Header::new(Kind::Batch, self.last_request + 1)
        };
        let signature: &[u8] = signature.as_ref().map_or(&[], |bytes| bytes);
        let pieces = [header.as_bytes(), signature, records.as_bytes()];
        if body >= DIRECT_BYTES {
            self.write_directly(pieces).await?;
        } else {
            pieces.iter().for_each(|piece| self.buffer.extend_from_slice(piece));
            if self.buffer.len() >= BUFFER_BYTES {
                self.flush().await?;
            }
        }
        self.last_request += 1;
        Ok(self.last_request)
    }

    /// Buffers a ping; the receiver passes over its answer.
    ///
    /// # Errors
    /// As [`BatchSender::flush`].
    pub async fn ping(&mut self) -> Result<u64, ClientError> {
        let request = self.ask(Header::new(Kind::Ping, 0), &[]);
        self.flush().await?;
        Ok(request)
    }

    /// Sends what is buffered.
    ///
    /// # Errors
    /// [`ClientError::Connection`].
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        if !self.buffer.is_empty() {
            self.half.write_all(&self.buffer).await?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Buffers a question under the next number.
    fn ask(&mut self, header: Header, body: &[u8]) -> u64 {
        self.last_request += 1;
        let header = Header { request: self.last_request.into(), ..header };
        self.buffer.extend_from_slice(&message(header, body));
        self.last_request
    }

    /// What is buffered, then the pieces from where they lie.
    async fn write_directly(&mut self, pieces: [&[u8]; 3]) -> Result<(), ClientError> {
        let [header, signature, records] = pieces;
        let mut slices = [self.buffer.as_slice(), header, signature, records].map(IoSlice::new);
        let mut left = &mut slices[..];
        // Takes the empty ones off.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match self.half.write_vectored(left).await? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                written => IoSlice::advance_slices(&mut left, written),
            }
        }
        self.buffer.clear();
        Ok(())
    }
}

impl ReplyReceiver {
    /// The next reply to a batch, in request order; waits as long as the server lives. May be cancelled.
    ///
    /// # Errors
    /// [`ClientError::Ended`] with the server's reason, or the connection's.
    pub async fn receive(&mut self) -> Result<Reply, ClientError> {
        loop {
            let (kind, header) = self.message().await?;
            if let Some(reply) = reply::read(kind, &header, self.body(&header))? {
                self.pass(&header)?;
                return Ok(reply);
            }
            // A pong: nothing was asked.
            self.pass(&header)?;
        }
    }

    /// Waits until a whole message is buffered; a refusal is an error.
    async fn message(&mut self) -> Result<(Kind, Header), ClientError> {
        self.need(HEADER_BYTES).await?;
        let bytes = self.source.buffered().first_chunk().ok_or(ClientError::Protocol("no header"))?;
        let (kind, header) = Header::read(bytes).map_err(|_| ClientError::Protocol("an unknown header"))?;
        if header.body_bytes() > REPLY_BODY_BYTES_MAX {
            return Err(ClientError::Protocol("a body over its bound"));
        }
        self.need(HEADER_BYTES + header.body_bytes()).await?;
        let refusal = Refusal::from_number(header.count.get());
        match (kind, refusal) {
            (Kind::Refused, Some(refusal)) => Err(ClientError::Refused(refusal)),
            (Kind::Error, Some(refusal)) => Err(ClientError::Ended(refusal)),
            (Kind::Refused | Kind::Error, None) => Err(ClientError::Protocol("an unknown refusal")),
            _ => Ok((kind, header)),
        }
    }

    async fn need(&mut self, bytes: usize) -> Result<(), ClientError> {
        if self.source.need(bytes).await? {
            return Ok(());
        }
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }

    fn body(&self, header: &Header) -> &[u8] {
        &self.source.buffered()[HEADER_BYTES..HEADER_BYTES + header.body_bytes()]
    }

    /// Done with a message, which must answer the next request.
    fn pass(&mut self, header: &Header) -> Result<(), ClientError> {
        if header.request.get() != self.last_request + 1 {
            return Err(ClientError::Protocol("a reply out of order"));
        }
        self.last_request += 1;
        self.source.consume(HEADER_BYTES + header.body_bytes());
        Ok(())
    }

    /// The body of a message of the login, which has no number.
    async fn body_of<T: FromBytes>(&mut self, wanted: Kind) -> Result<T, ClientError> {
        let (kind, header) = self.message().await?;
        if kind != wanted {
            return Err(ClientError::Protocol("another message than the login's next"));
        }
        let body = T::read_from_bytes(self.body(&header));
        let body = body.map_err(|_| ClientError::Protocol("a body of another length"))?;
        self.source.consume(HEADER_BYTES + header.body_bytes());
        Ok(body)
    }
}

fn bounded(length: usize) -> u32 {
    u32::try_from(length).expect("a message is bounded below 2^32 bytes")
}
