//! The client library: a session of one participant, pipelined. Names are fixed; see README.md.

use feiqian_core::account::AccountHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::SigningKey;

use crate::address::Address;

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its code.
    pub bic: Bic,
    /// The secret of its registered key.
    pub key: SigningKey,
}

/// Why a client can't go on. The connection is of no use afterwards.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket failed, or the server closed it without a word.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
}

/// Why a batch was not taken; nothing of it takes effect, and the session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusyReason {
    /// The participant has too many transfers in flight.
    Participant,
    /// All participants together have.
    Engine,
    /// The engine is shutting down.
    Closing,
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
}

/// The answer to one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The request.
    pub request: u64,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is durable and executed.
    Outcomes(Outcomes),
    /// It was not taken.
    Busy(BusyReason),
}

/// A row for each record of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcomes {
    /// Sequence of the first record.
    pub first_sequence: u64,
    /// Frame time, nanoseconds since 1970.
    pub timestamp: u64,
    /// The rows.
    pub rows: Rows,
}

/// Rows; nothing is stored where all are cleared as submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows(());

/// One record's outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// Minor units moved or reserved; for a duplicate the original's sequence; none where the record's own
    /// amount has moved.
    pub detail: Option<u64>,
}

impl Rows {
    /// Number of rows: that of the batch's records.
    #[must_use]
    pub fn len(&self) -> usize { 0 }
    /// Never.
    #[must_use]
    pub fn is_empty(&self) -> bool { true }
    /// Whether every record is cleared with its own amount.
    #[must_use]
    pub fn are_all_as_submitted(&self) -> bool { true }
    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row> + '_ { std::iter::empty() }
}

/// A session, whole: for questions and for one batch at a time.
#[derive(Debug)]
pub struct Client(());
/// The sending half.
#[derive(Debug)]
pub struct BatchSender(());
/// The receiving half.
#[derive(Debug)]
pub struct ReplyReceiver(());

/// An account as the directory names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountName { pub account: AccountHandle, pub currency: Currency }
/// Own accounts with consecutive handles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountRange { pub first: AccountHandle, pub count: u64, pub currency: Currency, pub is_clearing: bool }
/// An own account as of the last block; minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance { pub balance: i128, pub reserved: u64, pub block: u64 }
/// The own position of the open cycle, as of the last block; minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position { pub position: i128, pub reserved: u64, pub cap: u64, pub block: u64 }

#[expect(clippy::unused_async, reason = "to be filled")]
impl Client {
    /// Connects and logs in.
    pub async fn connect(_address: &Address, _credentials: &Credentials) -> Result<Self, ClientError> { Err(std::io::Error::other("").into()) }
    /// What the server said.
    pub fn terms(&self) -> Terms { Terms { participant: 0, chain_id: [0; 16], batch_transfers_max: 0, requests_in_flight_max: 0, transfers_in_flight_max: 0 } }
    /// The two halves, to send while replies come.
    pub fn split(self) -> (BatchSender, ReplyReceiver) { (BatchSender(()), ReplyReceiver(())) }
    /// The client of two halves, once every reply has been received.
    pub fn join(_sender: BatchSender, _receiver: ReplyReceiver) -> Self { Self(()) }
    /// Sends one batch and waits for its verdict.
    pub async fn submit(&mut self, _records: &[Record]) -> Result<Verdict, ClientError> { Err(std::io::Error::other("").into()) }
    /// The account that an alias stands for.
    pub async fn resolve(&mut self, _alias: &str) -> Result<Option<AccountName>, ClientError> { Ok(None) }
    /// The participant's accounts.
    pub async fn accounts(&mut self) -> Result<Vec<AccountRange>, ClientError> { Ok(Vec::new()) }
    /// An own account's balance; none for another's.
    pub async fn balance(&mut self, _account: AccountHandle) -> Result<Option<Balance>, ClientError> { Ok(None) }
    /// The own position in a currency.
    pub async fn position(&mut self, _currency: Currency) -> Result<Option<Position>, ClientError> { Ok(None) }
}

#[expect(clippy::unused_async, reason = "to be filled")]
impl BatchSender {
    /// Sends a batch, small ones with the next `flush`; gives its request number. Its batch id is that number.
    pub async fn send(&mut self, _records: &[Record]) -> Result<u64, ClientError> { Ok(0) }
    /// As `send`, signed by the participant.
    pub async fn send_signed(&mut self, _records: &[Record]) -> Result<u64, ClientError> { Ok(0) }
    /// Sends what is buffered.
    pub async fn flush(&mut self) -> Result<(), ClientError> { Ok(()) }
}

#[expect(clippy::unused_async, reason = "to be filled")]
impl ReplyReceiver {
    /// The next reply, in request order.
    pub async fn receive(&mut self) -> Result<Reply, ClientError> { Err(std::io::Error::other("").into()) }
}
