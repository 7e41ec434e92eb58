//! Authorisations, purchases, completions and refunds: one record each, under an id that follows from what the message
//! names itself by, so that a repetition is the same record and gets the same answer.

use std::sync::Arc;

use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_iso8583::spec::Edition;
use feiqian_iso8583::{Class, Message};

use super::card::{Candidate, Choice};
use super::referring::{By, Referring};
use super::reversal::{Reversal, is_tombstone};
use super::{Begun, Desk, Due, Found, Heard, Speaker, business_day, code_of, tells_of_decline};
use crate::code::Code;
use crate::gate::{Claim, Verdict};
use crate::named::Named;
use crate::reply::Answer;

/// Purchase of goods and services.
const GOODS: [u8; 4] = *b"IDCP";
/// Cash.
const CASH: [u8; 4] = *b"CDCD";
/// Goods with cash back.
const CASH_BACK: [u8; 4] = *b"CDCB";
/// Quasi cash.
const QUASI_CASH: [u8; 4] = *b"CDQC";
/// Money to a card.
pub(super) const CREDIT: [u8; 4] = *b"CDOC";
/// Fields that a repetition must not change, beside amount, currency and parties: processing code, retrieval reference,
/// terminal and merchant.
const BOUND: [u8; 4] = [3, 37, 41, 42];
/// Bytes of a record's reference that are the digest of those; behind them stands the business day.
const DIGEST_BYTES: usize = 28;
/// Field 25 of 1987: a pre-authorisation, or what completes one.
const CONDITION_PREAUTHORISED: u64 = 6;

/// Whether a purpose is one of card payments, and whether of money to the card.
pub(super) fn is_credit(purpose: [u8; 4]) -> Option<bool> {
    match purpose {
        CREDIT => Some(true),
        GOODS | CASH | CASH_BACK | QUASI_CASH => Some(false),
        _ => None,
    }
}

/// The first two digits of field 3.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Debit([u8; 4]),
    Credit,
}

fn type_of(message: &Message<'_>) -> Result<Type, Code> {
    let code = message.processing_code().map_err(|_| Code::FormatError)?.ok_or(Code::FormatError)?;
    match code / 10_000 {
        0 | 3 => Ok(Type::Debit(GOODS)),
        1 => Ok(Type::Debit(CASH)),
        9 => Ok(Type::Debit(CASH_BACK)),
        11 => Ok(Type::Debit(QUASI_CASH)),
        20 | 26 => Ok(Type::Credit),
        _ => Err(Code::NotSupported),
    }
}

/// What a record of this message's kind has as its purpose.
pub(super) fn purpose_of(message: &Message<'_>) -> Result<[u8; 4], Code> {
    Ok(match type_of(message)? {
        Type::Debit(purpose) => purpose,
        Type::Credit => CREDIT,
    })
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// The card's account pays the acquirer, later.
    Hold,
    /// At once.
    Purchase,
    /// What was held.
    Completion(Named),
    /// The acquirer pays the card's account, of what that has paid.
    Return(Named),
    /// The acquirer pays the card's account.
    Refund,
    /// What was held or paid is taken back.
    Cancellation(Named),
}

impl Asked {
    /// Whether an earlier message says which account it is about.
    const fn names_original(&self) -> bool {
        matches!(self, Self::Completion(_) | Self::Return(_))
    }
}

fn asked(message: &Message<'_>, kind: Type, original: Option<Named>) -> Result<Asked, Code> {
    let is_authorisation = message.mti().class() == Class::Authorisation;
    let condition = message.field(25).filter(|_| message.spec().edition == Edition::E1987);
    let is_preauthorised = condition.and_then(|field| field.number()) == Some(CONDITION_PREAUTHORISED);
    // Terminals' names tell no class; the condition does.
    let is_of_hold = |named: &Named| match named.class {
        Some(class) => class == Class::Authorisation,
        None => is_preauthorised,
    };
    match (kind, original) {
        (Type::Debit(_), None) if is_authorisation => Ok(Asked::Hold),
        // A completion of who knows what: as a purchase it would pay beside the hold.
        (_, None) if !is_authorisation && is_preauthorised => Err(Code::NoOriginal),
        (Type::Debit(_), None) => Ok(Asked::Purchase),
        (Type::Debit(_), Some(named)) if !is_authorisation && is_of_hold(&named) => {
            Ok(Asked::Completion(named))
        }
        (Type::Credit, Some(named)) if is_authorisation => match named.class {
            Some(Class::Authorisation) | None => Ok(Asked::Cancellation(named)),
            Some(_) => Err(Code::InvalidTransaction),
        },
        (Type::Credit, Some(named)) => Ok(Asked::Return(named)),
        (Type::Credit, None) if !is_authorisation => Ok(Asked::Refund),
        _ => Err(Code::InvalidTransaction),
    }
}

/// A record that the engine has been given.
#[derive(Debug)]
pub(crate) struct Payment {
    claim: Claim,
    record: Record,
}

impl Desk {
    /// Begins an authorisation, a financial request or an advice of one.
    pub(super) fn pay(&self, heard: Heard<'_>, speaker: Speaker) -> Result<Begun, Code> {
        let message = heard.message;
        if tells_of_decline(message)? {
            return Ok(Begun::Answered(Code::Approved.into()));
        }
        let kind = type_of(message)?;
        let asked = asked(message, kind, speaker.naming.original(message)?)?;
        if let Asked::Cancellation(named) = &asked {
            let told = self.told(message, speaker.naming.is_of_terminals)?;
            let original = self.vault.id(speaker.bic, named);
            let cancellation = Reversal::cancelling(speaker.participant, original, told);
            return Ok(Begun::Due(Due::Reversal(cancellation)));
        }
        let record = self.record(message, speaker, kind, &asked)?;
        let of = |candidate: Candidate| self.record_of(&record, speaker, (kind, &asked), candidate);
        let all = |candidates: Vec<_>| candidates.into_iter().filter_map(|at| of(at).ok()).collect();
        let referring = match self.account_of(message, asked.names_original())? {
            Choice::One(candidate) => {
                let (participant, record) = of(candidate)?;
                return Ok(Begun::Due(Due::Payment(Payment::begun(self, participant, record))));
            }
            Choice::OfOriginal(candidates) => {
                Referring::new(all(candidates), By::Original).ok_or(Code::NoRoute)
            }
            Choice::OfItself(candidates) => Referring::new(all(candidates), By::Itself).ok_or(Code::NoRoute),
            Choice::NoneNow(candidates, code) => {
                Referring::new(all(candidates), By::ItselfOr(code)).ok_or(code)
            }
        };
        referring.map(|referring| Begun::Due(Due::Referring(referring)))
    }

    /// What a payment's record has whatever account it is about.
    fn record(
        &self,
        message: &Message<'_>,
        speaker: Speaker,
        kind: Type,
        asked: &Asked,
    ) -> Result<Record, Code> {
        let id = self.vault.id(speaker.bic, &speaker.naming.own(message)?);
        let mut record = Record::new(id, 0, 0, 0, 0);
        record.purpose = match kind {
            Type::Debit(purpose) => purpose,
            Type::Credit => CREDIT,
        };
        record.reference = self.reference(message, speaker.naming.now);
        let (flag, related) = match asked {
            Asked::Hold => (flags::HOLD, None),
            Asked::Completion(original) => (flags::POST, Some(original)),
            Asked::Return(original) => (flags::RETURN, Some(original)),
            _ => (0, None),
        };
        record.flags = flag.into();
        record.related = related.map_or(0, |original| self.vault.id(speaker.bic, original)).into();
        if flag == flags::HOLD {
            record.timeout = self.hold_timeout_s.into();
        }
        Ok(record)
    }

    /// The record for an account, and who has to submit it: the debtor, or of a completion the acquirer.
    fn record_of(
        &self,
        record: &Record,
        speaker: Speaker,
        (kind, asked): (Type, &Asked),
        card: Candidate,
    ) -> Result<(ParticipantHandle, Record), Code> {
        let directory = self.engine.directory();
        let acquirer = directory.clearing_account(speaker.participant, card.currency).ok_or(Code::NoRoute)?;
        let (debtor, creditor) =
            if kind == Type::Credit { (acquirer, card.account) } else { (card.account, acquirer) };
        let record = Record {
            debtor: debtor.into(),
            creditor: creditor.into(),
            amount: card.amount.into(),
            currency: card.currency.numeric().into(),
            ..*record
        };
        let is_issuers = matches!(asked, Asked::Hold | Asked::Purchase);
        Ok((if is_issuers { card.owner } else { speaker.participant }, record))
    }

    /// A digest of what a repetition must not change, and the business day that the message says.
    fn reference(&self, message: &Message<'_>, now: u64) -> [u8; 32] {
        let parts = BOUND.iter().map(|number| message.field(*number).map_or(&[][..], |field| field.bytes()));
        let mut reference = self.vault.digest(parts);
        let (_, day) = reference.split_at_mut(DIGEST_BYTES);
        day.copy_from_slice(&business_day::note(message, now));
        reference
    }
}

/// Whether two records ask for the same. How long a hold lasts, and whether legs of a fee follow, is the house's word, not
/// the message's; for which business day a repetition is meant changes nothing.
pub(super) fn is_same_request(one: &Record, other: &Record) -> bool {
    let unlinked = |record: &Record| record.flags.get() & !flags::LINKED;
    let is_bound =
        one.reference.iter().zip(&other.reference).take(DIGEST_BYTES).all(|(one, other)| one == other);
    let (timeout, flags, reference) = (other.timeout, other.flags, other.reference);
    unlinked(one) == unlinked(other) && is_bound && Record { timeout, flags, reference, ..*one } == *other
}

impl Payment {
    /// Handed in for who has to submit it.
    pub(super) fn begun(desk: &Desk, participant: ParticipantHandle, record: Record) -> Self {
        Self { claim: desk.gate.submit(participant, record), record }
    }

    /// The answer, once the engine has decided.
    pub(super) async fn finish(self, desk: &Arc<Desk>) -> Option<Answer> {
        let id = self.record.uetr.get();
        let code = match self.claim.verdict().await {
            Verdict::Decided { row, .. } => match (row.outcome(), row.reason()) {
                (Some(Outcome::Duplicate), _) => match desk.found_at(row.original()?).await {
                    Ok(found) => repeated(desk, &found).await,
                    Err(code) => code,
                },
                (_, Some(RejectReason::IdReused)) => taken(desk, &self.record).await,
                _ => code_of(&row, Code::Approved),
            },
            Verdict::Busy => Code::Unavailable,
            Verdict::Unknown => return None,
        };
        Some(answered(desk, id, code))
    }
}

/// With the approval code of a request that was granted.
pub(super) fn answered(desk: &Desk, id: u128, code: Code) -> Answer {
    let approval = (code == Code::Approved).then(|| desk.vault.approval(id));
    Answer { approval, ..Answer::from(code) }
}

/// The original's answer; but what has been taken back since is not to be believed paid or held.
pub(super) async fn repeated(desk: &Arc<Desk>, original: &Found) -> Code {
    match desk.is_taken_back(original).await {
        Ok(true) => Code::TooLate,
        Ok(false) => code_of(&original.row, Code::Approved),
        Err(code) => code,
    }
}

/// Its id stands for another: for its reversal, which came before it; for itself, with another time-out; or for a request
/// that this one is not.
async fn taken(desk: &Arc<Desk>, record: &Record) -> Code {
    match desk.found(record.uetr.get()).await {
        Ok(Some(found)) if is_tombstone(&found.record) => Code::TooLate,
        Ok(Some(found)) if is_same_request(record, &found.record) => repeated(desk, &found).await,
        Ok(_) => Code::Duplicate,
        Err(code) => code,
    }
}
