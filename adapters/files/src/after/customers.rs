//! Which payments a customer's recall (camt.055) names: by their UETR, or as the customer's message (pain.001) named them, by
//! message, payment information and the customer's own references. The message is read again from `archive/`; what does not
//! tell one payment from all others stays as it is, and is refused as one that there is not.

use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::CreditTransfer;
use feiqian_iso20022::recall::{Recall, RecalledPayment};

use crate::after::messages::{self, Payments};
use crate::error::FilesError;
use crate::intake::Intake;
use crate::limits::RECALLED_MESSAGES_MAX;

/// The payments of a recall, with their ids where the asker's message tells them. One message is held at a time, and a few are
/// read for one recall; a payment behind those has to be named by its UETR.
pub(crate) fn named(
    intake: &Intake<'_>,
    recall: &Recall,
    asker: ParticipantHandle,
) -> Result<Vec<RecalledPayment>, FilesError> {
    let (mut held, mut reads): (Option<(String, Option<Payments>)>, _) = (None, 0);
    let mut payments = Vec::new();
    for one in &recall.transactions {
        let message = one.original_message.as_ref().filter(|_| one.original.uetr.is_none());
        let message = message.map(|message| message.message_id.clone());
        if let Some(id) = &message
            && held.as_ref().is_none_or(|(of, _)| of != id)
            && reads < RECALLED_MESSAGES_MAX
        {
            reads += 1;
            held = Some((id.clone(), messages::payments(intake, asker, id)?.ok()));
        }
        payments.push(match &held {
            Some((of, Some(found))) if message.as_ref() == Some(of) => completed(&one, found),
            _ => one.into_owned(),
        });
    }
    Ok(payments)
}

/// A recalled payment with all that its message says of it.
fn completed(one: &RecalledPayment, (head, transfers): &Payments) -> RecalledPayment {
    let mut fitting = transfers.iter().filter(|transfer| is_meant(one, transfer));
    match (fitting.next(), fitting.next()) {
        (Some(transfer), None) => RecalledPayment {
            id: one.id.clone(),
            case: one.case.clone(),
            reasons: one.reasons.clone(),
            payment_information_id: one.payment_information_id.clone(),
            ..RecalledPayment::of(head, transfer, "", codes::NARR)
        },
        _ => one.clone(),
    }
}

/// Whether all that a recall says of a payment is what its message says: at least one of the customer's references.
fn is_meant(one: &RecalledPayment, transfer: &CreditTransfer) -> bool {
    let (asked, said) = (&one.original, &transfer.details);
    let is_same = |asked: &Option<String>, said: &Option<String>| asked.is_none() || asked == said;
    (asked.instruction.is_some() || asked.end_to_end.is_some())
        && is_same(&asked.instruction, &said.ids.instruction)
        && is_same(&asked.end_to_end, &said.ids.end_to_end)
        && is_same(&one.payment_information_id, &said.payment_information_id)
}
