//! Reversals. Which comes first, a request or its reversal, the journal decides: the reversal takes the request's own id
//! with a record that does nothing. Either that id is free, then the request can never take effect; or the request has it,
//! and what became of it is found and taken back.
//!
//! ```text
//!  id of the original ──▶ tombstone taken ──▶ 25: there is no original, and a late one is refused (68)
//!                     └─▶ taken by the original: held → void │ cleared → return │ rejected → nothing to do
//! ```
//! The record that takes back has an id that follows from the original's: whoever reverses, and how often, it happens once.

use std::sync::Arc;

use feiqian_core::hold::deadline;
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_iso8583::Message;

use super::{Begun, Desk, Due, Found, Heard, Speaker, code_of};
use crate::code::Code;
use crate::gate::Verdict;
use crate::reply::Answer;

/// Attempts to take an original back: one more is made where the last was refused for what may change.
const ATTEMPTS_MAX: u32 = 64;

/// What is to be taken back, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reversal {
    participant: ParticipantHandle,
    original: u128,
    /// Minor units that are to remain, by field 95.
    remains: u64,
    /// What is answered where it succeeds.
    granted: Code,
}

/// What takes an id and does nothing: a void of itself.
fn tombstone(id: u128) -> Record {
    let mut record = Record::new(id, 0, 0, 0, 0);
    record.flags = flags::VOID.into();
    record.related = id.into();
    record
}

/// Whether a record is one of those.
pub(super) fn is_tombstone(record: &Record) -> bool {
    record.flags.get() == flags::VOID && record.related.get() == record.uetr.get()
}

impl Desk {
    /// Begins a reversal or its advice.
    pub(super) fn reverse(&self, heard: Heard<'_>, speaker: Speaker) -> Result<Begun, Code> {
        let original = speaker.naming.original(heard.message)?.ok_or(Code::FormatError)?;
        let original = self.vault.id(speaker.bic, &original);
        let remains = remaining(heard.message)?;
        let reversal = Reversal::new(speaker.participant, original, Code::Reversed);
        Ok(Begun::Due(Due::Reversal(Reversal { remains, ..reversal })))
    }
}

/// Field 95, replacement amounts: the first n12 is the amount that the transaction really has.
fn remaining(message: &Message<'_>) -> Result<u64, Code> {
    let Some(field) = message.field(95) else { return Ok(0) };
    let digits: Vec<u8> = field.characters().take(12).collect();
    let amount = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
    amount.ok_or(Code::FormatError)
}

impl Reversal {
    pub(super) const fn new(participant: ParticipantHandle, original: u128, granted: Code) -> Self {
        Self { participant, original, remains: 0, granted }
    }

    /// The answer; none where the engine has ended.
    pub(super) async fn finish(self, desk: &Arc<Desk>) -> Option<Answer> {
        let tombstone = tombstone(self.original);
        let code = match desk.gate.submit(self.participant, tombstone).verdict().await {
            Verdict::Decided { row, .. } if row.reason() == Some(RejectReason::IdReused) => {
                match desk.found(self.original).await {
                    Ok(Some(found)) => return self.take_back(desk, &found).await.map(Answer::from),
                    Ok(None) => Code::Malfunction,
                    Err(code) => code,
                }
            }
            Verdict::Decided { .. } => Code::NoOriginal,
            Verdict::Busy => Code::Unavailable,
            Verdict::Unknown => return None,
        };
        Some(code.into())
    }

    async fn take_back(self, desk: &Arc<Desk>, original: &Found) -> Option<Code> {
        let Some((participant, mut record)) = self.opposite(desk, original) else {
            return Some(self.without_effect(original));
        };
        for attempt in 0..ATTEMPTS_MAX {
            let id = desk.vault.reversal_id(self.original, record.amount.get(), attempt);
            record.uetr = id.into();
            let decided = match desk.found(id).await {
                Ok(Some(past)) if past.row.reason().is_some_and(may_change) => continue,
                Ok(Some(past)) => (past.row, past.timestamp),
                Ok(None) => match submitted(desk, participant, record).await {
                    Ok(decided) => decided,
                    Err(code) => return code,
                },
                Err(code) => return Some(code),
            };
            return Some(self.answered(original, decided));
        }
        Some(Code::Malfunction)
    }

    /// The record that takes an original back, its id not yet set, and who has to submit it; none where nothing is to be
    /// taken back.
    fn opposite(self, desk: &Desk, original: &Found) -> Option<(ParticipantHandle, Record)> {
        let paid = &original.record;
        let (debtor, creditor, currency) = (paid.debtor.get(), paid.creditor.get(), paid.currency.get());
        match original.row.outcome() {
            Some(Outcome::Held) if self.remains == 0 => {
                let mut void = Record::new(0, debtor, creditor, 0, currency);
                void.flags = flags::VOID.into();
                void.related = paid.uetr;
                Some((self.participant, void))
            }
            Some(Outcome::Cleared) => {
                let amount = paid.amount.get().checked_sub(self.remains).filter(|amount| *amount > 0)?;
                let mut back = Record::new(0, creditor, debtor, amount, currency);
                back.purpose = paid.purpose;
                // What sent money back can't itself be returned: it is paid anew.
                if paid.flags.get() & flags::RETURN == 0 {
                    back.flags = flags::RETURN.into();
                    back.related = paid.uetr;
                }
                let (payer, ..) = desk.engine.directory().account(creditor)?;
                Some((payer, back))
            }
            _ => None,
        }
    }

    fn without_effect(self, original: &Found) -> Code {
        match original.row.outcome() {
            Some(Outcome::Rejected) => self.granted,
            // A hold is released as a whole.
            Some(Outcome::Held) => Code::NotSupported,
            _ => Code::NoAction,
        }
    }

    fn answered(self, original: &Found, (row, timestamp): (OutcomeRow, u64)) -> Code {
        match row.reason() {
            // The hold has ended: by itself, which is what was wanted, or because it was posted.
            Some(RejectReason::NoPendingHold) => {
                let end = deadline(original.timestamp, original.record.timeout.get());
                if timestamp >= end { self.granted } else { Code::NoAction }
            }
            _ => code_of(&row, self.granted),
        }
    }
}

/// Whether an attempt that was refused for that reason may succeed later.
fn may_change(reason: RejectReason) -> bool {
    let is_final = matches!(
        reason,
        RejectReason::NoPendingHold | RejectReason::NotReturnable | RejectReason::ExceedsOriginal
    );
    !is_final
}

/// Submits an attempt; gives its row and frame time, or what is answered instead: nothing where the engine has ended.
async fn submitted(
    desk: &Arc<Desk>,
    participant: ParticipantHandle,
    record: Record,
) -> Result<(OutcomeRow, u64), Option<Code>> {
    match desk.gate.submit(participant, record).verdict().await {
        Verdict::Decided { row, timestamp } => match row.original() {
            // Another reversal of the same original was first by a moment.
            Some(first) => desk.found_at(first).await.map(|at| (at.row, at.timestamp)).map_err(Some),
            None => Ok((row, timestamp)),
        },
        Verdict::Busy => Err(Some(Code::Unavailable)),
        Verdict::Unknown => Err(None),
    }
}
