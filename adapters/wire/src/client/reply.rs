//! Replies to batches, as the client reads them. Rows are read where they are used.

use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::outcome::{Outcome, RejectReason};
use zerocopy::FromBytes as _;

use super::ClientError;
use crate::layout::{Header, Kind, WireRow, flags};
use crate::refusal::BusyReason;

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
pub struct Rows {
    count: usize,
    /// Empty where all are cleared as submitted.
    stored: Vec<WireRow>,
}

/// One record's outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// Minor units moved or reserved; for a duplicate the original's sequence; none where the whole batch is
    /// cleared, each record with its own amount.
    pub detail: Option<u64>,
}

impl Rows {
    /// Number of rows: that of the batch's records.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Never: a batch has a record.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether every record is cleared with its own amount.
    #[must_use]
    pub const fn are_all_as_submitted(&self) -> bool {
        self.stored.is_empty()
    }

    /// The row at an index.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<Row> {
        match self.stored.get(at) {
            Some(row) => Some(read_row(row)),
            None if self.are_all_as_submitted() && at < self.count => {
                Some(Row { outcome: Outcome::Cleared, reason: None, detail: None })
            }
            None => None,
        }
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.count).map_while(|at| self.get(at))
    }
}

/// Checked when the reply was read.
fn read_row(row: &WireRow) -> Row {
    Row {
        outcome: Outcome::from_number(row.outcome).unwrap_or(Outcome::Rejected),
        reason: RejectReason::from_number(row.reason),
        detail: Some(row.detail.get()),
    }
}

/// Reads a reply to a batch; none for a pong.
///
/// # Errors
/// [`ClientError::Protocol`] where it is none.
pub fn read(kind: Kind, header: &Header, body: &[u8]) -> Result<Option<Reply>, ClientError> {
    let verdict = match kind {
        Kind::Outcome => Verdict::Outcomes(read_outcomes(header, body)?),
        Kind::Busy => {
            let reason = BusyReason::from_number(header.count.get());
            Verdict::Busy(reason.ok_or(ClientError::Protocol("an unknown reason for busy"))?)
        }
        Kind::Pong => return Ok(None),
        _ => return Err(ClientError::Protocol("no reply to a batch")),
    };
    Ok(Some(Reply { request: header.request.get(), verdict }))
}

fn read_outcomes(header: &Header, body: &[u8]) -> Result<Outcomes, ClientError> {
    let count = header.count.get() as usize;
    let are_stored = header.flags & flags::ALL_AS_SUBMITTED == 0;
    let stored = <[WireRow]>::ref_from_bytes(body).map_err(|_| ClientError::Protocol("half a row"))?;
    let is_fit = (1..=BATCH_TRANSFERS_MAX).contains(&count)
        && stored.len() == if are_stored { count } else { 0 }
        && stored.iter().all(|row| Outcome::from_number(row.outcome).is_some());
    if !is_fit {
        return Err(ClientError::Protocol("rows that do not fit their batch"));
    }
    let id = header.id.get();
    let halves = id.to_le_bytes();
    let half = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&halves[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    Ok(Outcomes {
        first_sequence: half(0),
        timestamp: half(8),
        rows: Rows { count, stored: stored.to_vec() },
    })
}
