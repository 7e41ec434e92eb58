//! Reversals. Which comes first, a request or its reversal, the journal decides: the reversal takes the request's own id
//! with a record that does nothing. Either that id is free, then the request can never take effect; or the request has it,
//! and what became of it is found and taken back.
//!
//! ```text
//!  id of the original ──▶ tombstone taken ──▶ 25: there is no original, and a late one is refused (68)
//!                     └─▶ taken by the original: held → void, or what is to remain stays held │ cleared → return
//!                                                rejected → nothing to do
//! ```
//! The record that takes back has an id that follows from the original's alone, not from how much is asked for: whoever
//! reverses, how often and down to what amount, it happens once; of a hold once for each amount, downwards (attempts.rs).

use std::sync::Arc;

use feiqian_core::hold::deadline;
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_iso8583::Message;
use feiqian_iso8583::spec::Edition;

use super::told::Told;
use super::walk::walk;
use super::{Begun, Desk, Due, Found, Heard, Speaker, business_day, code_of};
use crate::code::Code;
use crate::gate::Verdict;
use crate::reply::Answer;

/// Times that another reversal of the same original may be first before this one is answered as busy.
const RACES_MAX: u32 = 8;
/// Postings of an account that may be the post of one hold: what is behind them is not looked at.
const POSTS_MAX: usize = 10_000;

/// Function code (field 24) of 1993.
const PARTIAL_REVERSAL: u64 = 401;

/// What is to be taken back, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Reversal {
    participant: ParticipantHandle,
    original: u128,
    told: Told,
    /// Minor units that are to remain; nothing of a full reversal.
    remains: u64,
    /// What a payment back keeps of the business day that the message says.
    day: [u8; 4],
    /// Whether it can only be a hold.
    is_cancellation: bool,
}

/// What takes an id and does nothing: a void of itself.
pub(super) fn tombstone(id: u128) -> Record {
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
        let named = speaker.naming.original(heard.message)?.ok_or(Code::FormatError)?;
        let told = self.told(heard.message, speaker.naming.is_of_terminals)?;
        let (told, remains) = reduction(heard.message, told)?;
        let reversal = Reversal {
            participant: speaker.participant,
            original: self.vault.id(speaker.bic, &named),
            told,
            remains,
            day: business_day::note(heard.message, heard.now),
            is_cancellation: false,
        };
        Ok(Begun::Due(Due::Reversal(reversal)))
    }

    /// Whether a hold was posted before its time: looked up among the debits of its account since it was made.
    async fn was_posted(self: &Arc<Self>, hold: Found) -> Result<bool, Code> {
        let _walk = Arc::clone(&self.walks).acquire_owned().await.map_err(|_| Code::Malfunction)?;
        let desk = Arc::clone(self);
        let look = move || {
            let (account, creditor) = (hold.record.debtor.get(), hold.record.creditor.get());
            let mut debits = Vec::new();
            let is_whole = walk(&desk.engine, (account, hold.timestamp), |posting| {
                let may_be = posting.is_debit && posting.counterparty == Some(creditor);
                if may_be && debits.len() <= POSTS_MAX {
                    debits.push(posting.sequence);
                }
            })?;
            for sequence in &debits {
                let record = desk.entry(*sequence)?.record;
                if record.flags.get() & flags::POST != 0 && record.related == hold.record.uetr {
                    return Ok(true);
                }
            }
            // What can't be looked through is taken for posted: nothing says then that money came back.
            Ok(!is_whole || debits.len() > POSTS_MAX)
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Code::Malfunction)?
    }
}

/// What a message says of its original, and how much of that is to remain.
///
/// Of 1987 field 95 tells, replacement amounts: the first n12 is the amount that the transaction really has. Of 1993 function code
/// 401 does: field 4 is then that amount, and field 30 what it was.
fn reduction(message: &Message<'_>, told: Told) -> Result<(Told, u64), Code> {
    if message.spec().edition == Edition::E1993 {
        let function = message.field(24).and_then(|field| field.number());
        if function != Some(PARTIAL_REVERSAL) {
            return Ok((told, 0));
        }
        let amounts = (message.original_amount(), message.amount());
        let (Ok(Some(original)), Ok(Some(remains))) = amounts else { return Err(Code::FormatError) };
        return Ok((told.of_original(original), remains));
    }
    let Some(field) = message.field(95) else { return Ok((told, 0)) };
    let digits: Vec<u8> = field.characters().take(12).collect();
    let amount = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
    amount.map(|remains| (told, remains)).ok_or(Code::FormatError)
}

impl Reversal {
    /// Of an authorisation, by a message that is one itself.
    pub(super) fn cancelling(participant: ParticipantHandle, original: u128, told: Told) -> Self {
        let told = told.of_any_kind();
        Self { participant, original, told, remains: 0, day: [0; 4], is_cancellation: true }
    }

    /// What is answered where it succeeds.
    const fn granted(&self) -> Code {
        if self.is_cancellation { Code::Approved } else { Code::Reversed }
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

    async fn take_back(&self, desk: &Arc<Desk>, original: &Found) -> Option<Code> {
        let is_hold = original.record.flags.get() & flags::HOLD != 0;
        if !self.told.fits(&original.record) || (self.is_cancellation && !is_hold) {
            return Some(Code::NoOriginal);
        }
        // What is to remain is told in the transaction's currency.
        if self.remains > 0 && !self.told.is_in_transaction_currency(&original.record) {
            return Some(Code::NotSupported);
        }
        let (participant, mut record) = match self.opposite(desk, original) {
            Ok(opposite) => opposite,
            Err(code) => return Some(code),
        };
        for _ in 0..RACES_MAX {
            match attempt(desk, original, (participant, &mut record)).await {
                Ok(Some(attempt)) => return Some(self.answered(desk, original, (&record, attempt)).await),
                // Another reversal of the same original was first by a moment.
                Ok(None) => {}
                Err(code) => return code,
            }
        }
        Some(Code::Unavailable)
    }

    /// The record that takes an original back, its id not yet set, and who has to submit it.
    ///
    /// # Errors
    /// What is answered where nothing is to be taken back.
    fn opposite(&self, desk: &Desk, original: &Found) -> Result<(ParticipantHandle, Record), Code> {
        let paid = &original.record;
        let (debtor, creditor, currency) = (paid.debtor.get(), paid.creditor.get(), paid.currency.get());
        if original.row.outcome() == Some(Outcome::Rejected) {
            return Err(self.granted());
        }
        let amount = paid.amount.get().checked_sub(self.remains).ok_or(Code::OriginalAmount)?;
        if amount == 0 {
            return Err(Code::NoAction);
        }
        match original.row.outcome() {
            Some(Outcome::Held) => {
                let mut void = Record::new(0, debtor, creditor, self.remains, currency);
                let keeps = if self.remains > 0 { flags::KEEP } else { 0 };
                void.flags = (flags::VOID | keeps).into();
                void.related = paid.uetr;
                Ok((self.participant, void))
            }
            Some(Outcome::Cleared) => {
                let mut back = Record::new(0, creditor, debtor, amount, currency);
                back.purpose = paid.purpose;
                let (_, day) = back.reference.split_at_mut(28);
                day.copy_from_slice(&self.day);
                // What sent money back can't itself be returned: it is paid anew.
                if paid.flags.get() & flags::RETURN == 0 {
                    back.flags = flags::RETURN.into();
                    back.related = paid.uetr;
                }
                let (payer, ..) = desk.engine.directory().account(creditor).ok_or(Code::Malfunction)?;
                Ok((payer, back))
            }
            _ => Err(Code::NoAction),
        }
    }

    /// What is answered by an attempt behind which none may follow, to a message that asked for another record.
    async fn answered(&self, desk: &Arc<Desk>, original: &Found, (asked, attempt): (&Record, Found)) -> Code {
        match attempt.row.reason() {
            // The hold has ended: by itself, which is what was wanted, or because it was posted.
            Some(RejectReason::NoPendingHold) => {
                let end = deadline(original.timestamp, original.record.timeout.get());
                if attempt.timestamp < end {
                    return Code::NoAction;
                }
                match desk.was_posted(*original).await {
                    Ok(true) => Code::NoAction,
                    Ok(false) => self.granted(),
                    Err(code) => code,
                }
            }
            // It has been taken back already, down to another amount, or less of the hold is left than is to remain.
            None if attempt.record.amount != asked.amount => Code::OriginalAmount,
            _ => code_of(&attempt.row, self.granted()),
        }
    }
}

/// The attempt that answers what is asked for, made where there is none; none where another's was made meanwhile.
///
/// # Errors
/// What is answered instead: nothing where the engine has ended.
async fn attempt(
    desk: &Arc<Desk>,
    original: &Found,
    (participant, record): (ParticipantHandle, &mut Record),
) -> Result<Option<Found>, Option<Code>> {
    let attempts = desk.attempts(original, *record).await.map_err(Some)?;
    let last = attempts.last.filter(|last| !may_be_followed(last, record));
    if let Some(answering) = attempts.same.or(last) {
        return Ok(Some(answering));
    }
    record.uetr = desk.vault.reversal_id(original.record.uetr.get(), attempts.next).into();
    match desk.gate.submit(participant, *record).verdict().await {
        Verdict::Decided { row, .. } if is_anothers(&row) => Ok(None),
        Verdict::Decided { row, timestamp } => Ok(Some(Found { record: *record, row, timestamp })),
        Verdict::Busy => Err(Some(Code::Unavailable)),
        Verdict::Unknown => Err(None),
    }
}

/// Whether a further attempt may follow: the one before was refused, for what may change or for another amount; or it has
/// reduced a hold, and this one leaves less.
fn may_be_followed(last: &Found, next: &Record) -> bool {
    use RejectReason::{ExceedsHold, ExceedsOriginal, NoPendingHold, NotReturnable};
    let is_reduction = last.record.flags.get() & flags::KEEP != 0;
    match last.row.reason() {
        Some(NoPendingHold | NotReturnable | ExceedsHold | ExceedsOriginal) => {
            last.record.amount != next.amount
        }
        Some(_) => true,
        None => is_reduction && next.amount.get() < last.record.amount.get(),
    }
}

/// Whether an id that was to be taken stood for another's record already.
fn is_anothers(row: &OutcomeRow) -> bool {
    row.outcome() == Some(Outcome::Duplicate) || row.reason() == Some(RejectReason::IdReused)
}
