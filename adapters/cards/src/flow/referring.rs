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

/// One record for each account that it may be, with who has to submit it; at least one.
#[derive(Debug)]
pub(crate) struct Referring {
    records: Vec<(ParticipantHandle, Record)>,
    /// What is answered where the message has not come before; none where its original says the account.
    otherwise: Option<Code>,
}

impl Referring {
    /// None without a record.
    pub(super) fn new(records: Vec<(ParticipantHandle, Record)>, otherwise: Option<Code>) -> Option<Self> {
        (!records.is_empty()).then_some(Self { records, otherwise })
    }

    /// The answer; none where the engine has ended.
    pub(super) async fn finish(self, desk: &Arc<Desk>) -> Option<Answer> {
        let (participant, first) = *self.records.first()?;
        match self.otherwise {
            Some(code) => Some(self.again(desk, first, code).await),
            None => match desk.found(first.related.get()).await {
                Ok(original) => {
                    // Where none fits the engine says what is wrong with the likeliest.
                    let fitting = self.records.iter().find(|(_, record)| is_about(record, original.as_ref()));
                    let (participant, record) = fitting.copied().unwrap_or((participant, first));
                    Payment::begun(desk, participant, record).finish(desk).await
                }
                Err(code) => Some(code.into()),
            },
        }
    }

    /// Of a message that may have come when its card's enrolment was in force.
    async fn again(&self, desk: &Arc<Desk>, first: Record, otherwise: Code) -> Answer {
        let id = first.uetr.get();
        let code = match desk.found(id).await {
            Ok(Some(found)) if is_tombstone(&found.record) => Code::TooLate,
            Ok(Some(found))
                if self.records.iter().any(|(_, record)| is_same_request(record, &found.record)) =>
            {
                repeated(desk, &found).await
            }
            Ok(_) => otherwise,
            Err(code) => code,
        };
        answered(desk, id, code)
    }
}

/// Whether a completion or return is about the account that the original has debited.
fn is_about(record: &Record, original: Option<&Found>) -> bool {
    let is_return = record.flags.get() & flags::RETURN != 0;
    let card = if is_return { record.creditor } else { record.debtor };
    original.is_some_and(|found| found.record.debtor == card)
}
