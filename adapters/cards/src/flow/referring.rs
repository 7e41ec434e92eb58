//! Payments whose account an earlier message says: of a card that has stood for several accounts in a currency, the one
//! that is completed or refunded; of one whose enrolment has ended, the message itself, where it comes again.

use std::sync::Arc;

use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};

use super::payment::{Payment, answered, is_same_request, repeated};
use super::reversal::is_tombstone;
use super::{Desk, Found};
use crate::code::Code;
use crate::reply::Answer;

/// What says which account a payment is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// The message that it names.
    Original,
    /// The message itself, where it has come before; else the likeliest is taken.
    Itself,
    /// The same; else this is answered.
    ItselfOr(Code),
}

/// One record for each account that it may be, with who has to submit it, the likeliest first; at least one.
#[derive(Debug)]
pub(crate) struct Referring {
    records: Vec<(ParticipantHandle, Record)>,
    by: By,
}

impl Referring {
    /// None without a record.
    pub(super) fn new(records: Vec<(ParticipantHandle, Record)>, by: By) -> Option<Self> {
        (!records.is_empty()).then_some(Self { records, by })
    }

    /// The answer; none where the engine has ended.
    pub(super) async fn finish(self, desk: &Arc<Desk>) -> Option<Answer> {
        let (participant, likeliest) = *self.records.first()?;
        let named = if matches!(self.by, By::Original) { likeliest.related } else { likeliest.uetr };
        let found = match desk.found(named.get()).await {
            Ok(found) => found,
            Err(code) => return Some(code.into()),
        };
        let (participant, record) = match (self.by, &found) {
            // Where none fits the engine says what is wrong with the likeliest.
            (By::Original, Some(original)) => {
                let fitting = self.records.iter().find(|(_, record)| is_about(record, original));
                fitting.copied().unwrap_or((participant, likeliest))
            }
            (By::Itself | By::ItselfOr(_), Some(found)) if self.is_again(found) => {
                return Some(answered(desk, named.get(), repeated(desk, found).await));
            }
            (By::ItselfOr(_), Some(found)) if is_tombstone(&found.record) => {
                return Some(Code::TooLate.into());
            }
            (By::ItselfOr(code), _) => return Some(code.into()),
            _ => (participant, likeliest),
        };
        Payment::begun(desk, participant, record).finish(desk).await
    }

    /// Whether this was asked for before, on whichever account.
    fn is_again(&self, found: &Found) -> bool {
        self.records.iter().any(|(_, record)| is_same_request(record, &found.record))
    }
}

/// Whether a completion or return is about the account that the original has debited.
fn is_about(record: &Record, original: &Found) -> bool {
    let is_return = record.flags.get() & flags::RETURN != 0;
    let card = if is_return { record.creditor } else { record.debtor };
    original.record.debtor == card
}
