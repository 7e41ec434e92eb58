//! Requests to pay (pain.013): checked, noted in `requests/`, passed on to the debtors' banks, and answered by a pain.014:
//! `ACTC` for what was passed on, `RJCT` for what was not. No money moves by a request; the payment is the debtor's bank's,
//! and names the request by its references.
//!
//! | checked | code |
//! |---|---|
//! | who asks takes part, and is the creditor's bank | `AGNT` |
//! | its `MsgId` stands for no other message | `DU01` |
//! | the debtor's bank takes part | `DNOR`, `RC03` |
//! | both clear the currency | `AM03` |
//! | the request has not expired | `AEXR` |

use std::collections::BTreeSet;

use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::payment::{Agent, BusinessHead, Refusal};
use feiqian_iso20022::payment_request::{PaymentRequest, RequestedPayment};
use feiqian_iso20022::status::{
    GroupStatus, PaymentStatus, StatusHead, StatusReason, StatusReport, TransactionStatus,
};
use feiqian_iso20022::write::{PassedRequest, pacs002, passed_request};
use feiqian_iso20022::{Family, MessageType};

use crate::after::AfterFault;
use crate::after::forward::Letter;
use crate::after::original::bic_of;
use crate::after::request_cases::{RequestCase, RequestOfCase, RequestState};
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::Intake;
use crate::limits::REQUESTED_PAYMENTS_MAX;
use crate::report::{Disposition, FileReport};
use crate::resolve::{find, find_or_refuse, refuse};
use crate::source::Source;
use crate::timestamp::{date_time, end_of};

/// Takes requests in, passes them on, and answers them.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let request = PaymentRequest::read(source.reader()?, intake.options.limits)?;
    let _turn = intake.options.work.turn();
    let (case, refused) = judge(intake, source, &request)?;
    let mut report = FileReport::new(&file.name, Disposition::Answered);
    report.forwarded = pass_on(intake, source, (&request, &case))?;
    let name = format!("{}.pain.014.xml", source.stem());
    let answer = answer(intake, source, (&request, &case, refused.as_ref()));
    intake.answer(&name, |out| pacs002(out, &answer))?;
    intake.dispose(source, &intake.options.work.archive())?;
    report.answer = Some(name);
    report.status = answer.head.groups.first().and_then(|group| group.status.clone());
    report.reason = refused.map(|refusal| refusal.text);
    report.message_type = Some(request.message_type.identifier().to_owned());
    report.message_id = Some(request.message_id);
    for one in &case.requests {
        report.transactions += 1;
        match one.state {
            RequestState::Open => report.pending += 1,
            RequestState::Accepted => report.accepted += 1,
            RequestState::Rejected | RequestState::Expired | RequestState::Refused => {
                let code = one.reasons.first().map_or("NARR", String::as_str);
                *report.rejected.entry(code.to_owned()).or_insert(0) += 1;
            }
        }
    }
    Ok(report)
}

/// The case of a message, as it was noted before or is noted now; and why the message is refused as a whole, which is not
/// noted.
fn judge(
    intake: &Intake<'_>,
    source: &Source,
    request: &PaymentRequest,
) -> Result<(RequestCase, Option<Refusal>), FilesError> {
    let asker = requester(intake, request).and_then(|asker| bounded(request).map(|()| asker));
    let (asker, bic) = match asker {
        Ok(asker) => asker,
        Err(refusal) => {
            return Ok((case_of(request, "", String::new(), |_| Err(refusal.clone())), Some(refusal)));
        }
    };
    let content = hex(&source.content()?);
    let id = RequestCase::id_of(bic, &request.message_id);
    match RequestCase::find(&intake.options.work, &id)? {
        Some(before) if before.content == content => return Ok((before, None)),
        Some(_) => {
            let text =
                format!("MsgId {} was given to other requests before; give a new one", request.message_id);
            let refusal = Refusal { code: codes::DU01, text };
            return Ok((case_of(request, "", content, |_| Err(refusal.clone())), Some(refusal)));
        }
        None => {}
    }
    let mut seen = BTreeSet::new();
    let mut case = case_of(request, bic.as_str(), content, |one| {
        let is_new =
            seen.insert((one.place, one.details.ids.instruction.clone(), one.details.ids.end_to_end.clone()));
        check(intake, one, (asker, is_new))
    });
    case.asked_at = intake.now;
    case.write(&intake.options.work)?;
    Ok((case, None))
}

/// Who asks: the header's sender, or else the creditor's bank.
fn requester(intake: &Intake<'_>, request: &PaymentRequest) -> Result<(ParticipantHandle, Bic), Refusal> {
    let names = intake.engine.directory();
    let Some(agent) = request.sender() else {
        return refuse(codes::AGNT, "nobody is named as sender; give a header or CdtrAgt".to_owned());
    };
    let bank = find_or_refuse("sender", &agent, (codes::AGNT, codes::AGNT), names)?;
    match bic_of(intake.engine, intake.check_caller(bank.handle)?) {
        Some(bic) => Ok((bank.handle, bic)),
        None => refuse(codes::AGNT, "the sender has no BIC here".to_owned()),
    }
}

fn bounded(request: &PaymentRequest) -> Result<(), Refusal> {
    if let Some(refusal) = request.refusals().into_iter().next() {
        return Err(refusal);
    }
    if request.requests.len() > REQUESTED_PAYMENTS_MAX {
        let text = format!("more than {REQUESTED_PAYMENTS_MAX} requests in a message; send several");
        return refuse(codes::AG03, text);
    }
    Ok(())
}

/// Receiver and end of a request that may be passed on.
type Passed = (Bic, Option<u64>);

fn case_of(
    request: &PaymentRequest,
    requester: &str,
    content: String,
    mut judged: impl FnMut(&RequestedPayment) -> Result<Passed, Refusal>,
) -> RequestCase {
    let id =
        Bic::parse(requester).map(|bic| RequestCase::id_of(bic, &request.message_id)).unwrap_or_default();
    let requests = request.requests.iter().enumerate();
    RequestCase {
        requester: requester.to_owned(),
        message_id: request.message_id.clone(),
        message_type: request.message_type.identifier().to_owned(),
        creation: request.creation.clone(),
        content,
        asked_at: 0,
        requests: requests.map(|(place, one)| noted(&one, (&id, place), judged(&one))).collect(),
        id,
    }
}

fn noted(
    one: &RequestedPayment,
    (id, place): (&str, usize),
    judged: Result<Passed, Refusal>,
) -> RequestOfCase {
    let own = one.details.ids.uetr;
    let (state, (receiver, expires_at), reasons, text) = match judged {
        Ok((receiver, end)) => {
            (RequestState::Open, (receiver.as_str().to_owned(), end), Vec::new(), String::new())
        }
        Err(refusal) => {
            let code = refusal.code.as_str().to_owned();
            (RequestState::Refused, (String::new(), None), vec![code], refusal.text)
        }
    };
    RequestOfCase {
        uetr: own.unwrap_or_else(|| RequestCase::uetr_of(id, place)).to_string(),
        has_own_uetr: own.is_some(),
        payment_information_id: one.block.details.payment_information_id.clone(),
        instruction: one.details.ids.instruction.clone(),
        end_to_end: one.details.ids.end_to_end.clone(),
        receiver,
        amount: one.amount.text.clone(),
        currency: one.amount.currency.clone(),
        expires_at,
        state,
        reasons,
        text,
    }
}

/// Whether a request may be passed on, to whom, and until when it may be accepted.
fn check(
    intake: &Intake<'_>,
    one: &RequestedPayment,
    (asker, is_new): (ParticipantHandle, bool),
) -> Result<Passed, Refusal> {
    let names = intake.engine.directory();
    let missing = || Refusal { code: codes::RC03, text: "the debtor agent is missing; name it".to_owned() };
    let (_, currency) = one.to_minor()?;
    if !is_new {
        let text = "its InstrId and EndToEndId stand for another request of the PmtInf; give it its own";
        return refuse(codes::DU04, text.to_owned());
    }
    let creditor = one.details.creditor_agent.as_ref().and_then(|agent| find(agent, names));
    if creditor.is_none_or(|bank| bank.handle != asker) {
        return refuse(codes::AGNT, "the creditor agent is not who asks; ask through it".to_owned());
    }
    let agent = one.block.details.debtor_agent.as_ref().ok_or_else(missing)?;
    let debtor = find_or_refuse("debtor agent", agent, (codes::DNOR, codes::RC03), names)?;
    for bank in [debtor.handle, asker] {
        if names.clearing_account(bank, currency).is_none() {
            let text = format!("both banks have to clear {currency} here; ask for another currency");
            return refuse(codes::AM03, text);
        }
    }
    let receiver = bic_of(intake.engine, debtor.handle).ok_or_else(missing)?;
    Ok((receiver, end(one.block.expiry.as_deref(), intake.now)?))
}

fn end(expiry: Option<&str>, now: u64) -> Result<Option<u64>, Refusal> {
    let Some(text) = expiry else { return Ok(None) };
    match end_of(text) {
        None => refuse(codes::DT01, format!("XpryDt {text} is no date from 1970 to 2553; correct it")),
        Some(end) if end <= now => {
            refuse(codes::AEXR, format!("XpryDt {text} has passed already; ask again with a later one"))
        }
        end => Ok(end),
    }
}

/// Passes on to each debtor's bank what it has not answered yet; gives the number of messages.
fn pass_on(
    intake: &Intake<'_>,
    source: &Source,
    (request, case): (&PaymentRequest, &RequestCase),
) -> Result<u64, FilesError> {
    let receivers: BTreeSet<&str> = case.requests.iter().map(|one| one.receiver.as_str()).collect();
    let mut written = 0;
    for to in receivers.into_iter().filter_map(|to| Bic::parse(to).ok()) {
        let mut own = case.requests.iter().filter(|one| one.receiver == to.as_str());
        // An answer to any of them says that the message arrived.
        if !own.all(|one| one.state == RequestState::Open) {
            continue;
        }
        let is_own = |one: &&RequestOfCase| one.receiver == to.as_str();
        let kept = |one: &RequestOfCase| Some(one).filter(is_own).and_then(|one| Uetr::parse(&one.uetr).ok());
        let kept: Vec<Option<Uetr>> = case.requests.iter().map(kept).collect();
        let letter = Letter::with_id(intake, request.message_type, to, case.id.clone());
        let (input, limits) = (source.reader()?, intake.options.limits);
        let passed = PassedRequest {
            business: &letter.business,
            id: &letter.id,
            creation: &letter.creation,
            request,
            kept: &kept,
        };
        intake.post(&letter.name, |out| passed_request(out, input, limits, &passed))?;
        written += 1;
    }
    Ok(written)
}

/// The pain.014 to who asked, about all of its requests.
fn answer(
    intake: &Intake<'_>,
    source: &Source,
    (request, case, refused): (&PaymentRequest, &RequestCase, Option<&Refusal>),
) -> StatusReport {
    let message_type = Family::Pain014.version(request.message_type.version());
    let (id, creation) = (format!("FQS{}", source.tag(24)), date_time(intake.now));
    let operator = Agent::of_bic(intake.options.operator);
    let business = request
        .business
        .as_ref()
        .map(|received| BusinessHead::new(operator, received.from.clone(), &id, message_type, &creation));
    let mut report = report(case, (message_type, id, creation), case.requests.iter().map(status).collect());
    report.head.business = business;
    report.head.instructing_agent = Some(Agent::of_bic(intake.options.operator));
    for group in report.head.groups.values_mut() {
        group.original_count = Some(request.requests.len().to_string());
        group.status = Some(group_status(case).as_str().to_owned());
        group.reasons = refused.iter().map(|refusal| StatusReason::from(*refusal)).collect();
    }
    report
}

fn group_status(case: &RequestCase) -> Status {
    let is_no = |one: &RequestOfCase| status_of(one.state) == Status::Rjct;
    let count = case.requests.iter().filter(|one| is_no(one)).count();
    match count {
        0 => Status::Actc,
        count if count == case.requests.len() => Status::Rjct,
        _ => Status::Part,
    }
}

const fn status_of(state: RequestState) -> Status {
    match state {
        RequestState::Open => Status::Actc,
        RequestState::Accepted => Status::Accp,
        RequestState::Rejected | RequestState::Expired | RequestState::Refused => Status::Rjct,
    }
}

/// How a request stands, as its sender is told.
pub(crate) fn status(one: &RequestOfCase) -> TransactionStatus {
    TransactionStatus {
        payment_information_id: one.payment_information_id.clone(),
        original: one.ids(),
        status: Some(status_of(one.state).as_str().to_owned()),
        reasons: one.told_reasons(),
        ..TransactionStatus::default()
    }
}

/// A pain.014 about requests of a case, each in the payment information that it stood in.
pub(crate) fn report(
    case: &RequestCase,
    (message_type, message_id, creation): (MessageType, String, String),
    transactions: Vec<TransactionStatus>,
) -> StatusReport {
    let mut payments: Vec<PaymentStatus> = Vec::new();
    for one in &transactions {
        let id = one.payment_information_id.clone().unwrap_or_default();
        if payments.last().is_none_or(|last| last.id != id) {
            payments.push(PaymentStatus { id, ..PaymentStatus::default() });
        }
    }
    let group = GroupStatus {
        original_message_id: case.message_id.clone(),
        original_message_type: case.message_type.clone(),
        original_creation: Some(case.creation.clone()),
        ..GroupStatus::default()
    };
    let head = StatusHead {
        message_type,
        business: None,
        message_id,
        creation,
        instructing_agent: None,
        instructed_agent: None,
        groups: vec![group].into(),
    };
    StatusReport { head, payments: payments.into(), transactions: transactions.into() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
