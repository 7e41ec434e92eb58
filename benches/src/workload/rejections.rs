//! Transfers that must be refused, whatever stands around them: each reason follows from the record and from terms
//! that no transfer changes, or from the batch itself.

use feiqian_core::outcome::RejectReason;
use feiqian_core::transfer::flags;

use super::Door;
use super::maker::{MadeBatch, Maker};
use super::model::Expected;

/// No layout has such an account.
const NOWHERE: u64 = 1 << 40;
/// More than any account of a load can ever have, minor units.
const TOO_MUCH: u64 = 900_000_000_000_000_000;
/// The test currency of ISO 4217 (XTS), which no load uses.
const WRONG_CURRENCY: u16 = 963;
/// Kinds made here.
pub(super) const KINDS: u64 = 13;
/// Those that the JSON API lets through to the engine: frozen accounts, too much, repetitions, one account twice. It answers
/// the others itself, and nothing of them is journaled.
const HTTP_KINDS: [u64; 6] = [7, 8, 9, 11, 12, KINDS];

/// Appends one.
pub(super) fn push(maker: &mut Maker, batch: &mut MadeBatch) {
    let kind = match maker.door() {
        Door::Wire => maker.numbers.below(KINDS),
        Door::Http => HTTP_KINDS[maker.numbers.below(HTTP_KINDS.len() as u64) as usize],
    };
    if kind >= 11 && repeat(kind == 11, batch) {
        return;
    }
    let mut record = maker.plain();
    let (own, other) = maker.ranges_of(&record);
    let reason = match kind {
        0 => {
            record.uetr = 0.into();
            RejectReason::MissingId
        }
        1 => {
            record.timeout = 1.into();
            RejectReason::MalformedRecord
        }
        2 => {
            record.amount = 0.into();
            RejectReason::InvalidAmount
        }
        3 => {
            record.debtor = NOWHERE.into();
            RejectReason::UnknownDebtor
        }
        4 => {
            record.creditor = (NOWHERE + 1).into();
            RejectReason::UnknownCreditor
        }
        5 => {
            (record.debtor, record.creditor) = (other.first.into(), own.first.into());
            RejectReason::NotOwner
        }
        6 => {
            record.currency = WRONG_CURRENCY.into();
            RejectReason::CurrencyMismatch
        }
        7 if let Some(frozen) = own.frozen => {
            (record.debtor, record.creditor) = (frozen.into(), other.first.into());
            RejectReason::DebtorBlocked
        }
        8 if let Some(frozen) = other.frozen => {
            (record.debtor, record.creditor) = (own.first.into(), frozen.into());
            RejectReason::CreditorBlocked
        }
        9 => {
            (record.debtor, record.creditor) = (own.first.into(), other.first.into());
            record.amount = TOO_MUCH.into();
            RejectReason::InsufficientFunds
        }
        10 => {
            record.flags = flags::POST.into();
            record.related = maker.id().into();
            RejectReason::NoPendingHold
        }
        // The first of a batch repeats nothing, and not every position has a frozen account.
        _ => {
            record.creditor = record.debtor;
            RejectReason::SameAccount
        }
    };
    batch.records.push(record);
    batch.expected.push(Expected::Rejected(reason));
}

/// Repeats the record before, as it is or with another amount; not where that stands for another id's outcome, or
/// would end a chain.
fn repeat(as_it_is: bool, batch: &mut MadeBatch) -> bool {
    let (Some(last), Some(expected)) = (batch.records.last().copied(), batch.expected.last().copied()) else {
        return false;
    };
    let is_first_of_its_id = matches!(expected, Expected::Cleared | Expected::Held | Expected::Voided);
    if !is_first_of_its_id {
        return false;
    }
    let mut record = last;
    let expected = if as_it_is {
        Expected::Duplicate(1)
    } else {
        record.amount = (last.amount.get() + 1).into();
        Expected::Rejected(RejectReason::IdReused)
    };
    batch.records.push(record);
    batch.expected.push(expected);
    true
}
