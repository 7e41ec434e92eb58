//! Hands a file's payments to the engine, in file order, and collects what became of them. The only user of the
//! engine's door here; bounded in what it builds, what it has in flight, and how long it waits to be let in.

use std::collections::VecDeque;

use feiqian_core::batch::Batch;
use feiqian_core::outcome::{OutcomeRow, RejectReason};
use feiqian_runtime::admission::{Busy, Ticket};
use feiqian_runtime::pipeline::Engine;
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
    batch_places: Vec<usize>,
    batch_details_bytes: usize,
    in_flight: VecDeque<(Ticket, Vec<usize>)>,
}

impl<'a> Clearing<'a> {
    pub(crate) fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            verdicts: Verdicts::default(),
            batch: None,
            batch_places: Vec::new(),
            batch_details_bytes: 0,
            in_flight: VecDeque::new(),
        }
    }

    pub(crate) fn verdicts(&mut self) -> &mut Verdicts {
        &mut self.verdicts
    }

    /// Takes the next payment. Another participant's payment begins another batch, so that file order is kept.
    pub(crate) fn push(&mut self, place: usize, resolved: Resolved) -> Result<(), FilesError> {
        let is_full = self.batch_places.len() >= BATCH_TRANSFERS
            || self.batch_details_bytes >= BATCH_DETAILS_BYTES
            || self.batch.as_ref().is_some_and(|batch| batch.participant != resolved.participant);
        if is_full {
            self.flush()?;
        }
        let batch = self.batch.get_or_insert_with(|| Batch::new(resolved.participant, Vec::new()));
        let index = u32::try_from(batch.records.len()).unwrap_or(u32::MAX);
        self.batch_details_bytes += resolved.details.len();
        batch.records.push(resolved.record);
        batch.details.push((index, resolved.details));
        self.batch_places.push(place);
        Ok(())
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
        self.in_flight.push_back((ticket, std::mem::take(&mut self.batch_places)));
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
        let Some((ticket, places)) = self.in_flight.pop_front() else { return Ok(()) };
        let outcome = ticket.wait().ok_or(FilesError::Closing)?;
        if outcome.rows.iter().any(|row| row.original().is_some()) {
            // The batcher writes rows: whatever has been answered by now is written after this.
            self.engine.ask(|_| ());
        }
        let sequences = outcome.first_sequence..;
        for ((place, row), sequence) in places.into_iter().zip(&outcome.rows).zip(sequences) {
            let (sequence, row) = match row.original() {
                Some(original) => {
                    self.verdicts.duplicates += 1;
                    (original, self.row(original)?)
                }
                None => (sequence, *row),
            };
            let (status, refusal) = of_row(&row);
            // The id stands for another payment: its entry is not this one's.
            let is_other = row.reason() == Some(RejectReason::IdReused);
            self.verdicts.set(place, if is_other { 0 } else { sequence }, status, refusal);
        }
        Ok(())
    }

    fn row(&self, sequence: u64) -> Result<OutcomeRow, FilesError> {
        let fault = |reason: String| FilesError::Journal { sequence, reason };
        let bytes =
            self.engine.archive().outcomes.read_row(sequence).map_err(|error| fault(error.to_string()))?;
        OutcomeRow::read_from_bytes(&bytes).map_err(|_| fault("its row is malformed".to_owned()))
    }
}
