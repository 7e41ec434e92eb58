//! Returns (pacs.004): each becomes a record that sends back what its original brought, submitted by the bank that was
//! paid; those that clear are passed on to the bank that paid.
//!
//! | pacs.004 | record |
//! |---|---|
//! | `InstgAgt`, else the header's sender | the submitter; must be the bank that was paid |
//! | `OrgnlUETR`, else `OrgnlClrSysRef` | the original, and so both accounts, swapped |
//! | `RtrdIntrBkSttlmAmt` | amount and currency |
//! | `RtrId`, `OrgnlGrpInf`, references | the id, by digest (`derive::return_id`) |
//! | `RtrRsnInf` | codes, in the details |
//!
//! `related` is the entry that moved the money: the payment itself, its release where it waited, its post where it was held.

use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::MessageType;
use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::derive::return_id;
use feiqian_iso20022::payment::{Agent, FileSummary, MessageHead, Refusal};
use feiqian_iso20022::returns::{PaymentReturn, ReturnEntry, ReturnReader};
use feiqian_iso20022::status::TransactionStatus;
use feiqian_iso20022::write::pacs004;

use crate::after::AfterFault;
use crate::after::forward::Letter;
use crate::after::original::{Fate, Original, bic_of};
use crate::answer::changed;
use crate::clearing::Clearing;
use crate::details::Details;
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::{Intake, count, reject_all};
use crate::limits::FORWARDED_RETURNS;
use crate::report::{Disposition, FileReport};
use crate::resolve::{Resolved, earlier_references, reference, refuse};
use crate::source::Source;
use crate::status::Verdicts;

/// Takes a file of returns in, and answers it.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let limits = intake.options.limits;
    let summary = ReturnReader::new(source.reader()?, limits)?.finish()?;
    let mut report = FileReport::new(&file.name, Disposition::Answered);
    let (verdicts, receivers) = if summary.refusals.is_empty() {
        clear(intake, source)?
    } else {
        report.reason = summary.refusals.first().map(|refusal| refusal.text.clone());
        (reject_all(&summary), Vec::new())
    };
    report.forwarded = forward(intake, source, &verdicts, &receivers)?;
    answer(intake, source, &summary, &verdicts, &mut report)?;
    Ok(report)
}

fn answer(
    intake: &Intake<'_>,
    source: &Source,
    summary: &FileSummary,
    verdicts: &Verdicts,
    report: &mut FileReport,
) -> Result<(), FilesError> {
    let name = format!("{}.pacs.002.xml", source.stem());
    let mut reader =
        ReturnReader::new(source.reader()?, intake.options.limits).map_err(|_| changed(source))?;
    let of = (&summary.head, summary.refusals.as_slice());
    intake.statuses(&name, source, of, verdicts, || {
        Ok(reader.next_return()?.map(|entry| match &entry {
            ReturnEntry::Return(one) => TransactionStatus::of_return(&one.details, Status::Pdng),
            ReturnEntry::Refused(one) => TransactionStatus::of_return(&one.details, Status::Pdng),
        }))
    })?;
    intake.dispose(source, &intake.options.work.archive())?;
    count(report, verdicts);
    report.message_type = Some(summary.head.message_type.identifier().to_owned());
    report.message_id = Some(summary.head.message_id.clone());
    report.answer = Some(name);
    Ok(())
}

/// What became of each return, and which bank gets the money, in file order.
type Cleared = (Verdicts, Vec<Option<ParticipantHandle>>);

fn clear(intake: &Intake<'_>, source: &Source) -> Result<Cleared, FilesError> {
    let mut clearing = Clearing::new(intake.engine);
    let mut receivers = Vec::new();
    let mut reader =
        ReturnReader::new(source.reader()?, intake.options.limits).map_err(|_| changed(source))?;
    while let Some(entry) = reader.next_return().map_err(|_| changed(source))? {
        let place = clearing.verdicts().reserve();
        let resolved = match &entry {
            ReturnEntry::Refused(refused) => Err(refused.refusal.clone()),
            ReturnEntry::Return(one) => resolve(intake, reader.head(), one)?,
        };
        receivers.push(resolved.as_ref().ok().map(|(_, receiver)| *receiver));
        match resolved {
            Ok((resolved, _)) => clearing.push(place, resolved)?,
            Err(refusal) => clearing.verdicts().reject(place, refusal),
        }
    }
    let verdicts = clearing.finish()?;
    source.check_unchanged()?;
    Ok((verdicts, receivers))
}

/// What is submitted for a return, and which bank gets the money.
fn resolve(
    intake: &Intake<'_>,
    head: &MessageHead,
    one: &PaymentReturn,
) -> Result<Result<(Resolved, ParticipantHandle), Refusal>, FilesError> {
    let engine = intake.engine;
    let details = &one.details;
    let business = head.business.as_ref();
    let sender = match intake.sender(details.instructing_agent.as_ref(), business) {
        Ok(sender) => sender,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let found = Original::find(engine, &details.original, details.original_clearing_reference.as_deref())?;
    // Nobody else is told of a payment.
    let own = found.filter(|original| original.creditor_bank(engine) == Some(sender));
    let receiver = own.as_ref().and_then(|original| original.debtor_bank(engine));
    let (Some(original), Some(receiver)) = (own, receiver) else {
        let text = "the sender has been paid no such payment here; give its OrgnlUETR or OrgnlClrSysRef";
        return Ok(refuse(codes::AG09, text.to_owned()));
    };
    if original.is_return() {
        return Ok(refuse(codes::AG13, "it is a return itself; send a payment instead".to_owned()));
    }
    let related = match original.fate(intake)? {
        Fate::Moved(related, _) => related,
        Fate::Pending => {
            let text = "the payment is not cleared yet, so nothing can come back; reject it instead";
            return Ok(refuse(codes::FF12, text.to_owned()));
        }
        Fate::Unclear => {
            let text = "which entry paid it can't be found now; send the return again later";
            return Ok(refuse(codes::FF12, text.to_owned()));
        }
        Fate::Rejected(_) | Fate::Ended(_) => {
            let text = "the payment was not cleared, so nothing can come back; see its status";
            return Ok(refuse(codes::FF12, text.to_owned()));
        }
    };
    Ok(Ok((submission(head, one, &original, (sender, related)), receiver)))
}

fn submission(
    head: &MessageHead,
    one: &PaymentReturn,
    original: &Original,
    (participant, related): (ParticipantHandle, u128),
) -> Resolved {
    let id = return_id(head, &one.details, one.index);
    let told =
        Uetr::new(original.id()).map(|of| Details::of_return(head, &one.details, (of, &original.details)));
    let earlier_references = told.as_ref().map(earlier_references).unwrap_or_default();
    let details = told.map_or_else(Vec::new, Details::encode);
    let (debtor, creditor) = (original.record.creditor.get(), original.record.debtor.get());
    // The message has the ISO code alone; the product is the payment's.
    let currency = Currency::from_numeric(original.record.currency.get())
        .filter(|paid| paid.iso() == one.currency)
        .unwrap_or(one.currency);
    let record = Record {
        flags: flags::RETURN.into(),
        related: related.into(),
        purpose: original.record.purpose,
        reference: reference(&details),
        ..Record::new(id.bits(), debtor, creditor, one.amount.minor(), currency.numeric())
    };
    Resolved { participant, record, details, earlier_references }
}

/// Passes the cleared returns on, so many in a message; gives the number of messages.
fn forward(
    intake: &Intake<'_>,
    source: &Source,
    verdicts: &Verdicts,
    receivers: &[Option<ParticipantHandle>],
) -> Result<u64, FilesError> {
    let mut reader =
        ReturnReader::new(source.reader()?, intake.options.limits).map_err(|_| changed(source))?;
    let mut letters: BTreeMap<Bic, Vec<(u128, PaymentReturn)>> = BTreeMap::new();
    let (mut place, mut written) = (0, 0);
    while let Some(entry) = reader.next_return().map_err(|_| changed(source))? {
        let cleared = verdicts
            .verdict(place)
            .filter(|verdict| verdicts.status(*verdict).0 == Status::Acsp)
            .and_then(|verdict| verdict.sequence());
        let receiver = receivers.get(place).copied().flatten().and_then(|to| bic_of(intake.engine, to));
        place += 1;
        let (ReturnEntry::Return(mut one), Some(sequence), Some(to)) = (entry, cleared, receiver) else {
            continue;
        };
        let id = return_id(reader.head(), &one.details, one.index).bits();
        one.details.clearing_reference = Some(sequence.to_string());
        one.details.instructing_agent = Some(Agent::of_bic(intake.options.operator));
        one.details.instructed_agent = Some(Agent::of_bic(to));
        let letter = letters.entry(to).or_default();
        letter.push((id, *one));
        if letter.len() >= FORWARDED_RETURNS {
            written += write(intake, reader.head(), to, std::mem::take(letter))?;
        }
    }
    for (to, letter) in letters {
        written += write(intake, reader.head(), to, letter)?;
    }
    Ok(written)
}

fn write(
    intake: &Intake<'_>,
    head: &MessageHead,
    to: Bic,
    returns: Vec<(u128, PaymentReturn)>,
) -> Result<u64, FilesError> {
    let (ids, returns): (Vec<u128>, Vec<PaymentReturn>) = returns.into_iter().unzip();
    if returns.is_empty() {
        return Ok(0);
    }
    // The first version has another structure.
    let second = MessageType::parse("pacs.004.001.02").filter(|_| head.message_type.version() < 2);
    let kind = second.unwrap_or(head.message_type);
    let letter = Letter::new(intake, kind, to, ids.into_iter());
    let own = MessageHead {
        business: Some(letter.business),
        instructing_agent: Some(Agent::of_bic(intake.options.operator)),
        instructed_agent: Some(Agent::of_bic(to)),
        ..MessageHead::new(kind, &letter.id, &letter.creation)
    };
    intake.post(&letter.name, |out| pacs004(out, &own, &returns))?;
    Ok(1)
}
