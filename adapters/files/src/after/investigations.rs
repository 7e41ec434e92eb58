//! Investigations of a payment (camt.026 of a bank that can't apply it, camt.028 of the bank that adds what was missing):
//! checked against the journal and passed on to the payment's other bank, as they are. No answer is due to one that is
//! passed on; one that is not gets an admi.002. Nothing of it is kept: a repetition is the same message.
//!
//! | checked | code |
//! |---|---|
//! | who assigns the case takes part, and is the header's sender | `AGNT` |
//! | the payment is in the journal, and the assigner paid or was paid | `NOOR` |

use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::Family;
use feiqian_iso20022::codes;
use feiqian_iso20022::investigation::Investigation;
use feiqian_iso20022::payment::{PaymentIds, Refusal};
use feiqian_iso20022::write::passed_investigation;

use crate::after::forward::{Letter, payment_of};
use crate::after::original::{Original, bic_of};
use crate::after::{AfterFault, messages};
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::inquiries::refused;
use crate::intake::Intake;
use crate::report::{Disposition, FileReport};
use crate::resolve::{find, refuse};
use crate::source::Source;

/// Takes an investigation in, and passes it on.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let (input, limits) = (source.reader()?, intake.options.limits);
    let asked = match intake.message_of(source)?.map(feiqian_iso20022::MessageType::family) {
        Some(Family::Camt028) => Investigation::read_additional(input, limits)?,
        _ => Investigation::read_unable_to_apply(input, limits)?,
    };
    let of = (asked.message_type, asked.assignment.id.as_str());
    let (by, original) = match found(intake, &asked)? {
        Ok(found) => found,
        Err(refusal) => {
            let mut told = refused(intake, file, source, (of, &refusal))?;
            told.rejected.insert(refusal.code.as_str().to_owned(), 1);
            return Ok(told);
        }
    };
    pass_on(intake, source, (&asked, by, &original))?;
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(FileReport {
        message_type: Some(of.0.identifier().to_owned()),
        message_id: Some(of.1.to_owned()),
        transactions: 1,
        forwarded: 1,
        ..FileReport::new(&file.name, Disposition::Noted)
    })
}

/// Who assigns the case, and the payment that it is about.
fn found(
    intake: &Intake<'_>,
    asked: &Investigation,
) -> Result<Result<(ParticipantHandle, Original), Refusal>, FilesError> {
    let engine = intake.engine;
    let assigner = asked.assignment.assigner.agent();
    let by = intake.sender(assigner, asked.business.as_ref());
    let by = match asked.refusals().into_iter().next().map_or(by, Err) {
        Ok(by) => by,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let original = original(intake, (asked, by))?;
    let is_party = |original: &Original| {
        [original.debtor_bank(engine), original.creditor_bank(engine)].contains(&Some(by))
    };
    Ok(match original.filter(is_party) {
        Some(original) => Ok((by, original)),
        None => {
            let text = "the assigner has neither paid nor been paid so here; give the payment's OrgnlUETR";
            refuse(codes::NOOR, text.to_owned())
        }
    })
}

/// The payment by its UETR, by the id of the message that passed it on, or as a bank's own message names it.
fn original(
    intake: &Intake<'_>,
    (asked, by): (&Investigation, ParticipantHandle),
) -> Result<Option<Original>, FilesError> {
    let message = asked.original_message.as_ref().map_or("", |message| message.message_id.as_str());
    let uetr = asked.original.uetr.or_else(|| payment_of(message));
    if uetr.is_some() || message.is_empty() {
        let ids = PaymentIds { uetr, ..PaymentIds::default() };
        return Original::find(intake.engine, &ids, None);
    }
    let assignee = asked.assignment.assignee.agent();
    let other = assignee.and_then(|agent| find(agent, intake.engine.directory())).map(|bank| bank.handle);
    for of in [Some(by), other].into_iter().flatten() {
        let Ok((_, transfers)) = messages::payments(intake, of, message)? else { continue };
        let is_same = |told: &Option<String>, own: &Option<String>| told.is_none() || told == own;
        let told = &asked.original;
        let mut fitting = transfers.iter().map(|transfer| &transfer.details.ids).filter(|own| {
            !told.is_empty()
                && is_same(&told.instruction, &own.instruction)
                && is_same(&told.end_to_end, &own.end_to_end)
                && is_same(&told.transaction, &own.transaction)
        });
        if let (Some(ids), None) = (fitting.next(), fitting.next()) {
            return Original::find(intake.engine, ids, None);
        }
    }
    Ok(None)
}

/// Passes it on to the payment's other bank.
fn pass_on(
    intake: &Intake<'_>,
    source: &Source,
    (asked, by, original): (&Investigation, ParticipantHandle, &Original),
) -> Result<(), FilesError> {
    let engine = intake.engine;
    let other = match original.debtor_bank(engine) == Some(by) {
        true => original.creditor_bank(engine),
        false => original.debtor_bank(engine),
    };
    let to = other.and_then(|bank| bic_of(engine, bank));
    let unknown = || FilesError::Unknown(format!("nobody owns an account of entry {}", original.sequence));
    let to = to.ok_or_else(unknown)?;
    let assignment = asked.assignment.id.bytes().map(u128::from);
    let ids = [original.id(), u128::from(by)].into_iter().chain(assignment);
    let letter = Letter::new(intake, asked.message_type, to, ids);
    let own = letter.assignment(intake, to);
    let (input, limits) = (source.reader()?, intake.options.limits);
    intake.post(&letter.name, |out| passed_investigation(out, input, limits, (&letter.business, &own)))
}
