//! Status requests (pacs.028): answered by a pacs.002 from the journal, to a bank that pays or is paid.
//!
//! | what became of the payment | `TxSts` |
//! |---|---|
//! | cleared; its cycle paid | `ACSP`; `ACSC` |
//! | held, queued | `PDNG` |
//! | rejected, expired, given up, revoked | `RJCT` with its reason |
//! | not in the journal, or between other banks | `RJCT`, `AG09` |

use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::Kept;
use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::payment::{MessageHead, Refusal};
use feiqian_iso20022::status::TransactionStatus;
use feiqian_iso20022::status_request::{RequestedStatus, StatusRequest};

use crate::after::original::{Fate, Original};
use crate::after::{AfterFault, messages};
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::{Intake, count};
use crate::report::{Disposition, FileReport};
use crate::source::Source;
use crate::status::Verdicts;

/// Takes a status request in, and answers it.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let request = StatusRequest::read(source.reader()?, intake.options.limits)?;
    let mut refusals = request.refusals();
    let mut asked: Kept<RequestedStatus> = request.transactions.clone();
    if refusals.is_empty() && asked.is_empty() {
        match of_messages(intake, &request)? {
            Ok(payments) => asked = payments.into(),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let mut verdicts = Verdicts::default();
    for one in &asked {
        let place = verdicts.reserve();
        let (sequence, status, refusal) = match refusals.first().cloned().or_else(|| one.refusal()) {
            Some(refusal) => (0, Status::Rjct, Some(refusal)),
            None => status(intake, &request, &one)?,
        };
        verdicts.set(place, sequence, status, refusal);
    }
    let mut report = FileReport::new(&file.name, Disposition::Answered);
    report.reason = refusals.first().map(|refusal| refusal.text.clone());
    let name = format!("{}.pacs.002.xml", source.stem());
    let mut asked = asked.iter();
    intake.statuses(&name, source, (&head(&request), &refusals), &verdicts, || {
        Ok(asked.next().map(|one| references(&one)))
    })?;
    intake.dispose(source, &intake.options.work.archive())?;
    count(&mut report, &verdicts);
    report.message_type = Some(request.message_type.identifier().to_owned());
    report.message_id = Some(request.message_id.clone());
    report.answer = Some(name);
    Ok(report)
}

/// The payments of the messages that are asked for as a whole.
fn of_messages(
    intake: &Intake<'_>,
    request: &StatusRequest,
) -> Result<Result<Vec<RequestedStatus>, Refusal>, FilesError> {
    let sender = match intake.sender(request.instructing_agent.as_ref(), request.business.as_ref()) {
        Ok(sender) => sender,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut asked = Vec::new();
    for group in &request.groups {
        match messages::payments(intake, sender, &group.original.message_id)? {
            // A code of recalls' answers.
            Err(refusal) if refusal.code == codes::NOOR => {
                return Ok(Err(Refusal { code: codes::AG09, ..refusal }));
            }
            Err(refusal) => return Ok(Err(refusal)),
            Ok((head, transfers)) => asked.extend(
                transfers
                    .iter()
                    .map(|transfer| RequestedStatus { id: None, ..RequestedStatus::of(&head, transfer, "") }),
            ),
        }
    }
    Ok(Ok(asked))
}

fn head(request: &StatusRequest) -> MessageHead {
    MessageHead {
        business: request.business.clone(),
        instructing_agent: request.instructing_agent.clone(),
        ..MessageHead::new(request.message_type, &request.message_id, &request.creation)
    }
}

fn references(one: &RequestedStatus) -> TransactionStatus {
    let message = one.original_message.as_ref();
    TransactionStatus {
        id: one.id.clone(),
        original_message: message.map(|message| (message.message_id.clone(), message.message_type.clone())),
        original: one.original.clone(),
        ..TransactionStatus::default()
    }
}

/// The sequence, status and reason that a payment is answered with.
fn status(
    intake: &Intake<'_>,
    request: &StatusRequest,
    one: &RequestedStatus,
) -> Result<(u64, Status, Option<Refusal>), FilesError> {
    let engine = intake.engine;
    let instructing = one.instructing_agent.as_ref().or(request.instructing_agent.as_ref());
    let sender = match intake.sender(instructing, request.business.as_ref()) {
        Ok(sender) => sender,
        Err(refusal) => return Ok((0, Status::Rjct, Some(refusal))),
    };
    let found = Original::find(engine, &one.original, one.clearing_reference.as_deref())?;
    let Some(original) = found.filter(|original| concerns(intake, original, sender)) else {
        let text = "no such payment is in the journal for the sender; check its UETR, or send it".to_owned();
        return Ok((0, Status::Rjct, Some(Refusal { code: codes::AG09, text })));
    };
    let (status, refusal) = original.status(intake)?;
    let sequence = match original.fate(intake)? {
        Fate::Moved(_, sequence) => sequence,
        _ => original.sequence,
    };
    Ok((sequence, status, refusal))
}

fn concerns(intake: &Intake<'_>, original: &Original, bank: ParticipantHandle) -> bool {
    let banks = [original.debtor_bank(intake.engine), original.creditor_bank(intake.engine)];
    banks.contains(&Some(bank))
}
