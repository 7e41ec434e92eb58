//! Hands a file's payments to the engine, in file order, and collects what became of them. The only user of the
//! engine's door here; bounded in what it builds, what it has in flight, and how long it waits to be let in.

use std::collections::VecDeque;

use feiqian_core::batch::Batch;
use feiqian_core::outcome::{OutcomeRow, RejectReason};
use feiqian_core::transfer::{Record, flags};
use feiqian_runtime::admission::{Busy, Ticket};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::QueryFault;
use zerocopy::FromBytes as _;

use crate::error::FilesError;
use crate::limits::{BATCH_DETAILS_BYTES, BATCH_TRANSFERS, BATCHES_IN_FLIGHT, BUSY_ATTEMPTS, BUSY_PAUSE};
use crate::resolve::Resolved;
use crate::status::{Verdicts, of_row};

pub(crate) struct Clearing<'a> {
    engine: &'a Engine,
    verdicts: Verdicts,
    /// Being filled; all of one participant.
    batch: Option<Batch>,
    batch_sent: Vec<Sent>,
    batch_details_bytes: usize,
    in_flight: VecDeque<(Ticket, Vec<Sent>)>,
}

/// A payment as it was submitted.
struct Sent {
    place: usize,
    record: Record,
    earlier_references: Vec<[u8; 32]>,
    /// Of its chain: itself and the legs of its fee.
    length: usize,
}

impl<'a> Clearing<'a> {
    pub(crate) fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            verdicts: Verdicts::default(),
            batch: None,
            batch_sent: Vec::new(),
            batch_details_bytes: 0,
            in_flight: VecDeque::new(),
        }
    }

    pub(crate) fn verdicts(&mut self) -> &mut Verdicts {
        &mut self.verdicts
    }

    /// Takes the next payment, with the legs of the fee that it owes behind it. Another participant's payment begins
    /// another batch, so that file order is kept.
    pub(crate) fn push(&mut self, place: usize, resolved: Resolved) -> Result<(), FilesError> {
        let chain = self.chain(&resolved.record);
        let records = self.batch.as_ref().map_or(0, |batch| batch.records.len());
        let is_full = records + chain.len() > BATCH_TRANSFERS
            || self.batch_details_bytes >= BATCH_DETAILS_BYTES
            || self.batch.as_ref().is_some_and(|batch| batch.participant != resolved.participant);
        if is_full {
            self.flush()?;
        }
        let batch = self.batch.get_or_insert_with(|| Batch::new(resolved.participant, Vec::new()));
        let index = u32::try_from(batch.records.len()).unwrap_or(u32::MAX);
        self.batch_details_bytes += resolved.details.len();
        self.batch_sent.push(Sent {
            place,
            record: resolved.record,
            earlier_references: resolved.earlier_references,
            length: chain.len(),
        });
        batch.records.extend(chain);
        batch.details.push((index, resolved.details));
        Ok(())
    }

    /// What may wait stands alone in any case, and is refused by the engine where it owes a fee.
    fn chain(&self, record: &Record) -> Vec<Record> {
        if record.flags.get() & flags::QUEUE != 0 {
            return vec![*record];
        }
        self.engine.directory().charged(record)
    }

    /// Waits for all that is left.
    pub(crate) fn finish(mut self) -> Result<Verdicts, FilesError> {
        self.flush()?;
        while !self.in_flight.is_empty() {
            self.take_outcome()?;
        }
        Ok(self.verdicts)
    }

    fn flush(&mut self) -> Result<(), FilesError> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        if self.in_flight.len() >= BATCHES_IN_FLIGHT {
            self.take_outcome()?;
        }
        let ticket = self.submit(&batch)?;
        self.in_flight.push_back((ticket, std::mem::take(&mut self.batch_sent)));
        self.batch_details_bytes = 0;
        Ok(())
    }

    /// Submits until admitted: while own batches are in flight their outcomes make room, then others' must.
    fn submit(&mut self, batch: &Batch) -> Result<Ticket, FilesError> {
        for _ in 0..BUSY_ATTEMPTS {
            match self.engine.submit(batch.clone()) {
                Ok(ticket) => return Ok(ticket),
                Err(Busy::Closing) => return Err(FilesError::Closing),
                Err(Busy::Participant | Busy::Engine) if !self.in_flight.is_empty() => self.take_outcome()?,
                Err(Busy::Participant | Busy::Engine) => std::thread::sleep(BUSY_PAUSE),
                Err(Busy::Batch) => {
                    return Err(FilesError::Unknown("a batch is over the engine's bounds".to_owned()));
                }
            }
        }
        Err(FilesError::Busy)
    }

    fn take_outcome(&mut self) -> Result<(), FilesError> {
        let Some((ticket, all_sent)) = self.in_flight.pop_front() else { return Ok(()) };
        let outcome = ticket.wait().ok_or(FilesError::Closing)?;
        let is_repeated =
            |row: &OutcomeRow| row.original().is_some() || row.reason() == Some(RejectReason::IdReused);
        if outcome.rows.iter().any(is_repeated) {
            // The batcher writes rows: whatever has been answered by now is written after this.
            self.engine.ask(|_| ());
        }
        let (mut rest, mut first) = (&*outcome.rows, outcome.first_sequence);
        for sent in all_sent {
            let (rows, behind) = rest.split_at(sent.length.min(rest.len()));
            self.tell(&sent, rows, first)?;
            (rest, first) = (behind, first + rows.len() as u64);
        }
        Ok(())
    }

    /// What became of a payment, by the rows of its chain.
    fn tell(&mut self, sent: &Sent, rows: &[OutcomeRow], first: u64) -> Result<(), FilesError> {
        let Some((row, legs)) = rows.split_first() else { return Ok(()) };
        let original = match row.original() {
            None if row.reason() == Some(RejectReason::IdReused) => self.taken_otherwise(sent)?,
            original => original,
        };
        let (sequence, row) = match original {
            Some(original) => {
                self.verdicts.duplicates += 1;
                (original, self.row(original)?)
            }
            None => (first, *row),
        };
        let to_blame = match row.reason() {
            Some(RejectReason::ChainFailed) => self.leg_to_blame(legs)?.unwrap_or(row),
            _ => row,
        };
        let (status, refusal) = of_row(&to_blame);
        // The id stands for another payment: its entry is not this one's.
        let is_other = row.reason() == Some(RejectReason::IdReused);
        self.verdicts.set(sent.place, if is_other { 0 } else { sequence }, status, refusal);
        Ok(())
    }

    /// The entry of the same payment, where only its fee was another one then (a file that is taken in again after a
    /// crash finds other tariffs in force), or its details were journaled in an earlier version.
    fn taken_otherwise(&self, sent: &Sent) -> Result<Option<u64>, FilesError> {
        let fault = |error: QueryFault| FilesError::Journal { sequence: 0, reason: error.to_string() };
        let mut found = self.engine.find_alike(&sent.record).map_err(fault)?;
        for reference in &sent.earlier_references {
            if found.is_none() {
                let earlier = Record { reference: *reference, ..sent.record };
                found = self.engine.find_alike(&earlier).map_err(fault)?;
            }
        }
        Ok(found)
    }

    /// The leg for which a chain failed.
    fn leg_to_blame(&self, legs: &[OutcomeRow]) -> Result<Option<OutcomeRow>, FilesError> {
        for leg in legs {
            let row = leg.original().map_or(Ok(*leg), |original| self.row(original))?;
            if row.reason().is_some_and(|reason| reason != RejectReason::ChainFailed) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn row(&self, sequence: u64) -> Result<OutcomeRow, FilesError> {
        let fault = |reason: String| FilesError::Journal { sequence, reason };
        let bytes =
            self.engine.archive().outcomes.read_row(sequence).map_err(|error| fault(error.to_string()))?;
        OutcomeRow::read_from_bytes(&bytes).map_err(|_| fault("its row is malformed".to_owned()))
    }
}
