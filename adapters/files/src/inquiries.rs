//! Messages that ask something and move nothing: account verifications (acmt.023), answered by an acmt.024 from the
//! directory, system events (admi.004), acknowledged by an admi.011, account queries (camt.003), told in [`accounts`], and
//! account reporting requests (camt.060), told in [`reports`].
//!
//! A verification is answered to a participant alone, with yes or no and nothing about the account: whether the directory
//! has it open, and as an account of the bank that the request names. Names of customers are in no directory, so a `Pty` is
//! never verified, and the answer says so.

pub(crate) mod accounts;
mod periods;
pub(crate) mod reports;

use feiqian_core::account::{AccountHandle, AccountState};
use feiqian_iso20022::payment::{Agent, BusinessHead, Refusal};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::system_event::{SystemEventNotice, SystemEventReceipt};
use feiqian_iso20022::verification::{
    AccountToVerify, VerificationReport, VerificationRequest, VerificationResult,
};
use feiqian_iso20022::write::{acmt024, admi002, admi011};
use feiqian_iso20022::{Family, MessageType, codes};

use crate::after::AfterFault;
use crate::inbox::InboxFile;
use crate::intake::Intake;
use crate::limits::VERIFICATIONS_MAX;
use crate::report::{Disposition, FileReport};
use crate::resolve::{Names, aliases_of, find};
use crate::source::Source;
use crate::timestamp::date_time;

/// Said of an account that is there where a party was named with it (`Rsn/Prtry`).
const NAME_NOT_CHECKED: &str = "NAME NOT CHECKED";

/// Answers an account verification.
pub(crate) fn verify(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
) -> Result<FileReport, AfterFault> {
    let request = VerificationRequest::read(source.reader()?, intake.options.limits)?;
    let names = intake.engine.directory();
    let asker = intake.sender(request.assigner.agent(), request.business.as_ref());
    let asker = asker.and_then(|asker| bounded(&request).map(|()| asker));
    if let Err(refusal) = asker {
        let of = (request.message_type, request.message_id.as_str());
        return refused(intake, file, source, (of, &refusal));
    }
    let is_open = |account| {
        let state = names.registry(|registry| registry.account(account).map(|terms| terms.state));
        state.is_some_and(|state| state != AccountState::Closed)
    };
    let results = request.accounts.iter().map(|account| result(&account, names, is_open)).collect();
    let message_type = Family::Acmt024.version(request.message_type.version());
    let (id, creation) = (format!("FQV{}", source.tag(24)), date_time(intake.now));
    let report = VerificationReport {
        message_type,
        business: answering(intake, request.business.as_ref(), (&id, message_type)),
        message_id: id,
        creation,
        assigner: Agent::of_bic(intake.options.operator),
        assignee: asked_by(&request),
        original: (request.message_id.clone(), request.creation.clone()),
        results,
    };
    let name = format!("{}.acmt.024.xml", source.stem());
    intake.answer(&name, |out| acmt024(out, &report))?;
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(FileReport {
        message_type: Some(request.message_type.identifier().to_owned()),
        message_id: Some(request.message_id),
        answer: Some(name),
        ..FileReport::new(&file.name, Disposition::Answered)
    })
}

/// Acknowledges a system event.
pub(crate) fn acknowledge(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
) -> Result<FileReport, AfterFault> {
    let notice = SystemEventNotice::read(source.reader()?, intake.options.limits)?;
    let id = format!("FQE{}", source.tag(24));
    let reference = notice.business.as_ref().map(|business| business.business_message_id.clone());
    let receipt = SystemEventReceipt {
        business: answering(intake, notice.business.as_ref(), (&id, Family::Admi011.version(1))),
        message_id: id,
        original_reference: reference.clone(),
        event: notice.event,
    };
    let name = format!("{}.admi.011.xml", source.stem());
    intake.answer(&name, |out| admi011(out, &receipt))?;
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(FileReport {
        message_type: Some(notice.message_type.identifier().to_owned()),
        message_id: reference,
        answer: Some(name),
        ..FileReport::new(&file.name, Disposition::Answered)
    })
}

/// A header of an answer, where what it answers had one.
fn answering(
    intake: &Intake<'_>,
    received: Option<&BusinessHead>,
    (id, of): (&str, MessageType),
) -> Option<BusinessHead> {
    let received = received?;
    let (from, creation) = (Agent::of_bic(intake.options.operator), date_time(intake.now));
    Some(BusinessHead {
        business_service: received.business_service.clone(),
        ..BusinessHead::new(from, received.from.clone(), id, of, &creation)
    })
}

/// Who asked, as the request names it, or its header.
fn asked_by(request: &VerificationRequest) -> Agent {
    let header = request.business.as_ref().map(|business| &business.from);
    request.assigner.agent().or(header).cloned().unwrap_or_default()
}

fn bounded(request: &VerificationRequest) -> Result<(), Refusal> {
    if request.accounts.len() <= VERIFICATIONS_MAX {
        return Ok(());
    }
    let text = format!("more than {VERIFICATIONS_MAX} accounts are asked for; ask for those to be paid");
    Err(Refusal { code: codes::AG03, text })
}

fn result(
    asked: &AccountToVerify,
    names: &impl Names,
    is_open: impl Fn(AccountHandle) -> bool,
) -> VerificationResult {
    let found = asked
        .account
        .as_ref()
        .and_then(|account| aliases_of(account).iter().find_map(|alias| names.alias(alias)));
    let owner = found.filter(|(account, ..)| is_open(*account)).map(|(_, owner, _)| owner);
    let is_of_agent = |owner: &u32| match &asked.agent {
        Some(agent) => find(agent, names).is_some_and(|bank| bank.handle == *owner),
        None => true,
    };
    let is_verified = owner.as_ref().is_some_and(is_of_agent);
    VerificationResult {
        id: asked.id.clone(),
        is_verified,
        code: (!is_verified).then_some("AC01"),
        proprietary: (is_verified && asked.names_party).then_some(NAME_NOT_CHECKED),
    }
}

/// Who may not ask gets a reject, and no word about any account.
pub(crate) fn refused(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
    ((message_type, message_id), refusal): ((MessageType, &str), &Refusal),
) -> Result<FileReport, AfterFault> {
    let reject = MessageReject {
        business: None,
        reference: message_id.to_owned(),
        reason: refusal.code.as_str().to_owned(),
        rejected_at: Some(date_time(intake.now)),
        description: Some(refusal.text.clone()),
        ..MessageReject::default()
    };
    let name = format!("{}.admi.002.xml", source.stem());
    intake.answer(&name, |out| admi002(out, &reject))?;
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(FileReport {
        message_type: Some(message_type.identifier().to_owned()),
        message_id: Some(message_id.to_owned()),
        answer: Some(name),
        reason: Some(refusal.text.clone()),
        ..FileReport::new(&file.name, Disposition::Answered)
    })
}
