//! The payment that a later message names, and what became of it: read from the journal, and from the state as of the last
//! block where the journal has no entry for an end (a hold that expires, a payment that is given up).
//!
//! A payment is named by its UETR, or by the `ClrSysRef` of its answer, which is its sequence. Other references tell
//! payments apart for their sender alone.

use feiqian_core::account::AccountHandle;
use feiqian_core::batch::Payload;
use feiqian_core::bic::Bic;
use feiqian_core::frame::FrameKind;
use feiqian_core::hold::deadline;
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::{CycleState, ParticipantHandle};
use feiqian_core::transfer::{Record, flags};
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes::{self, ReasonCode, Status};
use feiqian_iso20022::payment::{PaymentIds, Refusal};
use feiqian_runtime::pipeline::Engine;

use crate::after::confirmations::Finish;
use crate::after::journal_fault;
use crate::details::Details;
use crate::error::FilesError;
use crate::intake::Intake;
use crate::status::reason;

/// A journaled payment.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) sequence: u64,
    /// Frame time, nanoseconds since 1970.
    pub(crate) timestamp: u64,
    pub(crate) record: Record,
    pub(crate) row: OutcomeRow,
    /// Empty for a payment that another transport brought.
    pub(crate) details: Details,
}

/// What became of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Its money has moved, by the entry with that id and sequence.
    Moved(u128, u64),
    /// It is held, or waits for funds or its time.
    Pending,
    /// It was never accepted.
    Rejected(Option<RejectReason>),
    /// It was accepted, and ended before its money moved: by the entry at a sequence, or by time or its sender.
    Ended(Option<u64>),
    /// It was held and is no longer; to find out how takes more reading than one file may cause.
    Unclear,
}

impl Original {
    /// The payment that those references name; none if the journal has none.
    pub(crate) fn find(
        engine: &Engine,
        ids: &PaymentIds,
        clearing_reference: Option<&str>,
    ) -> Result<Option<Self>, FilesError> {
        let by_reference = || clearing_reference.and_then(|reference| reference.parse().ok());
        let sequence = match ids.uetr {
            Some(uetr) => engine.find(uetr.bits()),
            None => by_reference(),
        };
        sequence.map_or(Ok(None), |sequence| Self::at_or_behind(engine, sequence))
    }

    /// The payment at a sequence, or the one that the post or release there has paid: banks are told of either.
    fn at_or_behind(engine: &Engine, sequence: u64) -> Result<Option<Self>, FilesError> {
        let found = engine.entry(sequence).map_err(journal_fault(sequence))?;
        let is_mover = |record: &Record| record.flags.get() & (flags::POST | flags::RELEASE) != 0;
        let of = found.map(|(entry, _)| entry.record).filter(is_mover);
        match of.map(|mover| engine.find(mover.related.get())) {
            Some(Some(payment)) => Self::at(engine, payment),
            Some(None) => Ok(None),
            None => Self::at(engine, sequence),
        }
    }

    pub(crate) fn at(engine: &Engine, sequence: u64) -> Result<Option<Self>, FilesError> {
        let found = engine.entry(sequence).map_err(journal_fault(sequence))?;
        let is_payment = |record: &Record| record.flags.get() & NO_PAYMENT == 0;
        Ok(found.filter(|(entry, _)| is_payment(&entry.record)).map(|(entry, row)| Self {
            sequence,
            timestamp: entry.timestamp,
            record: entry.record,
            row,
            details: entry.details.as_deref().and_then(Details::decode).unwrap_or_default(),
        }))
    }

    pub(crate) fn id(&self) -> u128 {
        self.record.uetr.get()
    }

    pub(crate) fn uetr(&self) -> Option<Uetr> {
        Uetr::new(self.id())
    }

    /// Whether it was held first.
    pub(crate) fn is_held(&self) -> bool {
        self.row.outcome() == Some(Outcome::Held)
    }

    pub(crate) fn is_return(&self) -> bool {
        self.record.flags.get() & flags::RETURN != 0
    }

    /// Whose account pays.
    pub(crate) fn debtor_bank(&self, engine: &Engine) -> Option<ParticipantHandle> {
        owner(engine, self.record.debtor.get())
    }

    /// Whose account is paid.
    pub(crate) fn creditor_bank(&self, engine: &Engine) -> Option<ParticipantHandle> {
        owner(engine, self.record.creditor.get())
    }

    /// What became of it.
    pub(crate) fn fate(&self, intake: &Intake<'_>) -> Result<Fate, FilesError> {
        let id = self.id();
        match self.row.outcome() {
            Some(Outcome::Cleared) => Ok(Fate::Moved(id, self.sequence)),
            Some(Outcome::Queued) => self.queued_fate(intake.engine),
            Some(Outcome::Held) => self.held_fate(intake),
            _ => Ok(Fate::Rejected(self.row.reason())),
        }
    }

    fn queued_fate(&self, engine: &Engine) -> Result<Fate, FilesError> {
        let id = self.id();
        // Asked before the releases: one that comes in between is then found.
        let is_over = self.is_over(engine, move |mirror| mirror.queue.contains_key(&id))?;
        if let Some(sequence) = engine.released(id).map_err(journal_fault(self.sequence))? {
            return moved_by(engine, sequence);
        }
        Ok(if is_over { Fate::Ended(None) } else { Fate::Pending })
    }

    fn held_fate(&self, intake: &Intake<'_>) -> Result<Fate, FilesError> {
        let engine = intake.engine;
        let id = self.id();
        let is_over = self.is_over(engine, move |mirror| mirror.holds.get(id).is_some())?;
        if let Some((sequence, Outcome::Cleared)) = finished(engine, Finish::Post, id)? {
            return moved_by(engine, sequence);
        }
        if let Some((sequence, Outcome::Voided)) = finished(engine, Finish::Void, id)? {
            return Ok(Fate::Ended(Some(sequence)));
        }
        if is_over { self.posted_otherwise(intake) } else { Ok(Fate::Pending) }
    }

    /// Whether another transport's post ended a hold, under an id of its own: looks for it in the journal up to the hold's
    /// deadline. A void moves nothing.
    fn posted_otherwise(&self, intake: &Intake<'_>) -> Result<Fate, FilesError> {
        let fault = |reason: &dyn std::fmt::Display| FilesError::Journal {
            sequence: self.sequence,
            reason: reason.to_string(),
        };
        let end = deadline(self.timestamp, self.record.timeout.get());
        for frame in intake.engine.archive().journal.frames_from(self.sequence) {
            let frame = frame.map_err(|error| fault(&error))?;
            if frame.header.timestamp >= end {
                break;
            }
            if frame.header.kind != FrameKind::Transfers {
                continue;
            }
            if !intake.may_scan(frame.header.count.into()) {
                return Ok(Fate::Unclear);
            }
            let payload = Payload::parse(&frame.payload, frame.header.count);
            let records = payload.map_err(|_| fault(&"the payload is malformed"))?.records;
            for (record, sequence) in records.iter().zip(frame.header.first_sequence..) {
                let is_post = record.related == self.record.uetr && record.flags.get() & flags::POST != 0;
                if is_post && outcome_at(intake.engine, sequence)? == Some(Outcome::Cleared) {
                    return Ok(Fate::Moved(record.uetr.get(), sequence));
                }
            }
        }
        Ok(Fate::Ended(None))
    }

    /// Whether the last block has the payment, and has it no longer among those that wait.
    fn is_over(
        &self,
        engine: &Engine,
        waits: impl FnOnce(&feiqian_core::mirror::Mirror) -> bool + Send + 'static,
    ) -> Result<bool, FilesError> {
        let archive = engine.archive();
        let is_sealed = archive.block_of(self.sequence).map_err(journal_fault(self.sequence))?.is_some();
        Ok(is_sealed && !engine.ask(move |sealer| waits(sealer.mirror())))
    }

    /// What became of it in ISO codes.
    pub(crate) fn status(&self, intake: &Intake<'_>) -> Result<(Status, Option<Refusal>), FilesError> {
        let engine = intake.engine;
        let refusal = |code, text: &str| Some(Refusal { code, text: text.to_owned() });
        Ok(match self.fate(intake)? {
            Fate::Moved(_, sequence) if is_settled(engine, sequence)? => (Status::Acsc, None),
            Fate::Moved(..) => (Status::Acsp, None),
            Fate::Pending => (Status::Pdng, None),
            Fate::Unclear => {
                let text = "it was reserved and is no longer; ask again, or for the entry that paid it";
                (Status::Pdng, refusal(codes::NARR, text))
            }
            Fate::Rejected(found) => {
                let (code, text) = found.map_or((codes::NARR, "it was rejected"), reason);
                (Status::Rjct, refusal(code, text))
            }
            Fate::Ended(Some(sequence)) => {
                let code = void_reason(engine, sequence)?.unwrap_or(codes::MS03);
                (Status::Rjct, refusal(code, "the creditor's bank rejected it, and its money was given back"))
            }
            Fate::Ended(None) => {
                let is_late = sealed_at(engine)? >= deadline(self.timestamp, self.record.timeout.get());
                let (code, text) = match (self.row.outcome(), is_late) {
                    (Some(Outcome::Held), true) => {
                        (codes::AB05, "the creditor's bank did not accept it in time")
                    }
                    (Some(Outcome::Held), false) => (codes::MS03, "the reservation was given back"),
                    (_, true) => (codes::TM01, "it waited until its last time and was given up"),
                    (_, false) => (codes::MS03, "its sender revoked it while it waited"),
                };
                (Status::Rjct, refusal(code, text))
            }
        })
    }
}

/// What is no payment: commands, and what only finishes or changes one.
const NO_PAYMENT: u16 = flags::COMMAND | flags::POST | flags::VOID | flags::RELEASE;

/// The time of the last block, nanoseconds since 1970: what has ended by time, has ended by then.
fn sealed_at(engine: &Engine) -> Result<u64, FilesError> {
    let archive = engine.archive();
    let block = archive.block(archive.blocks.last()).map_err(journal_fault(0))?;
    Ok(block.map_or(0, |block| block.header.timestamp))
}

/// The entry that finished a held payment so, with its outcome.
fn finished(engine: &Engine, how: Finish, payment: u128) -> Result<Option<(u64, Outcome)>, FilesError> {
    let Some(sequence) = engine.find(how.id(engine, payment)) else { return Ok(None) };
    Ok(outcome_at(engine, sequence)?.map(|outcome| (sequence, outcome)))
}

fn outcome_at(engine: &Engine, sequence: u64) -> Result<Option<Outcome>, FilesError> {
    let entry = engine.entry(sequence).map_err(journal_fault(sequence))?;
    Ok(entry.and_then(|(_, row)| row.outcome()))
}

/// The code that came with a rejection.
fn void_reason(engine: &Engine, sequence: u64) -> Result<Option<ReasonCode>, FilesError> {
    let entry = engine.entry(sequence).map_err(journal_fault(sequence))?;
    let details = entry.and_then(|(entry, _)| Details::decode(entry.details.as_deref()?));
    Ok(details.and_then(|details| ReasonCode::parse(&details.reasons.iter().next()?)))
}

fn moved_by(engine: &Engine, sequence: u64) -> Result<Fate, FilesError> {
    let entry = engine.entry(sequence).map_err(journal_fault(sequence))?;
    let id = entry.map(|(entry, _)| entry.record.uetr.get());
    id.map(|id| Fate::Moved(id, sequence))
        .ok_or_else(|| FilesError::Journal { sequence, reason: "it is beyond the journal's end".to_owned() })
}

fn owner(engine: &Engine, account: AccountHandle) -> Option<ParticipantHandle> {
    engine.directory().account(account).map(|(owner, ..)| owner)
}

/// A participant's BIC.
pub(crate) fn bic_of(engine: &Engine, participant: ParticipantHandle) -> Option<Bic> {
    let at = usize::try_from(participant).ok()?;
    engine.directory().registry(|registry| registry.participants().get(at).map(|found| found.bic))
}

/// Whether the cycle that an entry counts in has been paid.
fn is_settled(engine: &Engine, sequence: u64) -> Result<bool, FilesError> {
    let Some(block) = engine.archive().block_of(sequence).map_err(journal_fault(sequence))? else {
        return Ok(false);
    };
    let height = block.header.height;
    Ok(engine.directory().registry(|registry| {
        let cycles = registry.cycles();
        let at = cycles.partition_point(|cycle| cycle.first_block <= height);
        let cycle = at.checked_sub(1).and_then(|at| cycles.get(at));
        cycle.is_some_and(|cycle| cycle.state == CycleState::Settled && height < cycle.end_block)
    }))
}
