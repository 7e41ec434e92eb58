//! Submits, waits, and says what became of it. The only user of the engine's door here.

use std::ops::Range;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::rt;
use feiqian_core::batch::Batch;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome as Decision, OutcomeRow, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_files::status;
use feiqian_files::timestamp::date_time;
use feiqian_runtime::admission::BatchOutcome;

use crate::api::Call;
use crate::instruct::{Instruction, id_text, shown};
use crate::model::{State, TransferView};
use crate::problem::{Outcome, Problem};

/// What became of a batch, and where each instruction stands in it.
#[derive(Debug)]
pub(crate) struct Answered {
    outcome: BatchOutcome,
    sent: Vec<Sent>,
}

/// An instruction as it was submitted.
#[derive(Debug)]
struct Sent {
    record: Record,
    /// Itself and the legs of its fee.
    places: Range<usize>,
}

/// What became of one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    pub(crate) sequence: u64,
    /// Frame time; zero where it was not looked up.
    pub(crate) timestamp: u64,
    pub(crate) row: OutcomeRow,
    /// Whether it had been decided before.
    pub(crate) is_repeated: bool,
}

impl Call {
    /// Submits for a participant, with the legs of the fees that it owes, and waits for the outcome; none where that takes
    /// too long: it may still take effect.
    pub(crate) async fn submit(
        &self,
        participant: ParticipantHandle,
        instructions: Vec<Instruction>,
    ) -> Outcome<Option<Answered>> {
        let mut batch = Batch::new(participant, Vec::with_capacity(instructions.len()));
        let mut sent = Vec::with_capacity(instructions.len());
        for Instruction { record, details } in instructions {
            let first = batch.records.len();
            batch.records.extend(self.chain(&record));
            let at = u32::try_from(first).unwrap_or(u32::MAX);
            batch.details.extend(details.map(|bytes| (at, bytes)));
            sent.push(Sent { record, places: first..batch.records.len() });
        }
        let ticket = self.api.engine.submit(batch)?;
        match rt::time::timeout(self.api.options.answer_timeout, ticket.outcome()).await {
            Ok(Some(outcome)) => Ok(Some(Answered { outcome, sent })),
            // In time, or lost at a shutdown: its frame may be durable, and is then executed at the next start.
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// What may wait stands alone in any case, and is refused by the engine where it owes a fee.
    pub(crate) fn chain(&self, record: &Record) -> Vec<Record> {
        if record.flags.get() & flags::QUEUE != 0 {
            return vec![*record];
        }
        self.api.engine.directory().charged(record)
    }

    /// What became of the `at`-th instruction of a batch; of a repetition, what became of the original. Where a leg of its
    /// fee was to blame, that one's reason.
    pub(crate) async fn decided(&self, answered: &Answered, at: usize) -> Outcome<Decided> {
        let sent = answered.sent.get(at).ok_or_else(Problem::fault)?;
        let decided = self.decided_row(answered, sent.places.start).await?;
        match decided.row.reason() {
            Some(RejectReason::IdReused) => self.charged_otherwise(sent.record, decided).await,
            Some(RejectReason::ChainFailed) => {
                for leg in sent.places.clone().skip(1) {
                    let leg = self.decided_row(answered, leg).await?;
                    if leg.row.reason().is_some_and(|reason| reason != RejectReason::ChainFailed) {
                        return Ok(Decided { row: leg.row, ..decided });
                    }
                }
                Ok(decided)
            }
            _ => Ok(decided),
        }
    }

    async fn decided_row(&self, answered: &Answered, at: usize) -> Outcome<Decided> {
        let outcome = &answered.outcome;
        let row = *outcome.rows.get(at).ok_or_else(Problem::fault)?;
        let Some(original) = row.original() else {
            let (sequence, timestamp) = (outcome.first_sequence + at as u64, outcome.timestamp);
            return Ok(Decided { sequence, timestamp, row, is_repeated: false });
        };
        self.decided_before(original).await
    }

    async fn decided_before(&self, original: u64) -> Outcome<Decided> {
        let found = self.ask(move |engine| engine.entry(original).map_err(|_| Problem::fault())).await?;
        let (entry, row) = found.ok_or_else(Problem::fault)?;
        Ok(Decided { sequence: original, timestamp: entry.timestamp, row, is_repeated: true })
    }

    /// The same transfer, sent again under other tariffs, is a repetition.
    async fn charged_otherwise(&self, record: Record, decided: Decided) -> Outcome<Decided> {
        match self.ask(move |engine| engine.find_alike(&record).map_err(|_| Problem::fault())).await? {
            Some(original) => self.decided_before(original).await,
            None => Ok(decided),
        }
    }

    /// Submits one record and answers with what became of it.
    pub(crate) async fn pay(
        &self,
        participant: ParticipantHandle,
        instruction: Instruction,
    ) -> Outcome<HttpResponse> {
        let id = instruction.record.uetr.get();
        let currency = instruction.record.currency.get();
        let Some(outcome) = self.submit(participant, vec![instruction]).await? else {
            return Ok(told(StatusCode::ACCEPTED, &received(id)));
        };
        let decided = self.decided(&outcome, 0).await?;
        refused(id, &decided)?;
        let status = if decided.is_repeated { StatusCode::OK } else { StatusCode::CREATED };
        Ok(told(status, &view(id, &decided, Currency::from_numeric(currency))))
    }
}

/// The problem that a rejection is.
pub(crate) fn refused(id: u128, decided: &Decided) -> Outcome<()> {
    match (decided.row.outcome(), decided.row.reason()) {
        (Some(Decision::Rejected), Some(reason)) => {
            Err(Problem::refused(reason, id_text(id), Some(decided.sequence)))
        }
        _ => Ok(()),
    }
}

/// The state that an outcome is.
pub(crate) fn state_of(row: &OutcomeRow) -> State {
    match row.outcome() {
        Some(Decision::Cleared) => State::Cleared,
        Some(Decision::Held) => State::Held,
        Some(Decision::Queued) => State::Queued,
        Some(Decision::Voided) => State::Voided,
        _ => State::Rejected,
    }
}

/// A transfer whose outcome is not known yet.
pub(crate) fn received(id: u128) -> TransferView {
    TransferView {
        uetr: id_text(id),
        state: State::Received,
        outcome: None,
        sequence: None,
        time: None,
        amount: None,
        reason: None,
        reason_name: None,
    }
}

/// A transfer that has just been decided.
pub(crate) fn view(id: u128, decided: &Decided, currency: Option<Currency>) -> TransferView {
    let state = state_of(&decided.row);
    let is_moved = matches!(state, State::Cleared | State::Held | State::Queued);
    let amount = currency.filter(|_| is_moved).map(|known| shown(decided.row.amount.get(), known));
    TransferView {
        uetr: id_text(id),
        state,
        outcome: Some(state),
        sequence: Some(decided.sequence),
        time: Some(date_time(decided.timestamp)),
        amount,
        reason: decided.row.reason().map(|reason| status::reason(reason).0.as_str()),
        reason_name: decided.row.reason().map(|reason| reason.name()),
    }
}

/// An answer with a transfer, and where it is looked up.
pub(crate) fn told(status: StatusCode, view: &TransferView) -> HttpResponse {
    let body = serde_json::to_vec(view).unwrap_or_default();
    HttpResponse::build(status)
        .insert_header((LOCATION, format!("/v1/transfers/{}", view.uetr)))
        .content_type("application/json")
        .body(body)
}
