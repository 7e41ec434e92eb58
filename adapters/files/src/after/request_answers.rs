//! Answers to requests to pay (pain.014 of the debtor's bank): noted in `requests/` and passed on to the creditor's bank. What
//! can't be followed is answered by an admi.002:
//!
//! | refused | code |
//! |---|---|
//! | the sender was asked for no such request | `IRNR` |
//! | the request has expired | `AEXR` |
//! | it was accepted, or refused, before and is now answered otherwise | `ALAC`, `ARFR` |
//! | a status that is unknown, or missing | `CH16`, `CH21` |
//!
//! A request that nobody answered in time is told to its sender as `RJCT` with `AEXR`, once.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_core::bic::Bic;
use feiqian_iso20022::codes::{self, Status, Verdict};
use feiqian_iso20022::payment::{Agent, Refusal};
use feiqian_iso20022::status::{StatusReason, StatusReport, TransactionStatus};
use feiqian_iso20022::write::pacs002;
use feiqian_iso20022::{Family, MessageType};

use crate::after::AfterFault;
use crate::after::forward::Letter;
use crate::after::original::bic_of;
use crate::after::payment_requests::{report, status};
use crate::after::request_cases::{RequestCase, RequestOfCase, RequestState, all};
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::inquiries::refused;
use crate::intake::Intake;
use crate::report::{Disposition, FileReport};
use crate::resolve::refuse;
use crate::source::Source;

/// Takes an answer in, and passes on what it decides.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let received = StatusReport::read(source.reader()?, intake.options.limits)?;
    let _turn = intake.options.work.turn();
    let mut refusals = Vec::new();
    let mut forwarded = 0;
    match asked(intake, &received)? {
        Err(refusal) => refusals.push(refusal),
        Ok((mut case, by)) => {
            expire(intake, &mut case)?;
            let decided = decide(&received, (&mut case, by.as_str()), &mut refusals);
            if !decided.is_empty() {
                case.write(&intake.options.work)?;
                forwarded = pass_on(intake, &case, decided)?;
            }
        }
    }
    let of = (received.head.message_type, received.head.message_id.as_str());
    let mut told = match refusals.first() {
        Some(refusal) => refused(intake, file, source, (of, refusal))?,
        None => {
            intake.dispose(source, &intake.options.work.archive())?;
            FileReport {
                message_type: Some(of.0.identifier().to_owned()),
                message_id: Some(of.1.to_owned()),
                ..FileReport::new(&file.name, Disposition::Noted)
            }
        }
    };
    told.forwarded = forwarded;
    for refusal in &refusals {
        *told.rejected.entry(refusal.code.as_str().to_owned()).or_insert(0) += 1;
    }
    Ok(told)
}

/// The case that an answer is about, and the debtor's bank that answers.
fn asked(
    intake: &Intake<'_>,
    received: &StatusReport,
) -> Result<Result<(RequestCase, Bic), Refusal>, FilesError> {
    let head = &received.head;
    if let Some(refusal) = received.refusals().into_iter().next() {
        return Ok(Err(refusal));
    }
    let by = intake.sender(head.instructing_agent.as_ref(), head.business.as_ref());
    let by = match by.map(|bank| bic_of(intake.engine, bank)) {
        Ok(by) => by,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let id = head.groups.first().map(|group| group.original_message_id.clone()).unwrap_or_default();
    let found = RequestCase::find(&intake.options.work, &id)?;
    let is_asked = |case: &RequestCase, by: Bic| case.requests.iter().any(|one| one.receiver == by.as_str());
    Ok(match (found, by) {
        (Some(case), Some(by)) if is_asked(&case, by) => Ok((case, by)),
        _ => refuse(codes::IRNR, never(&id)),
    })
}

fn never(id: &str) -> String {
    format!("the sender was asked for nothing under the MsgId {id}; see OrgnlMsgId")
}

/// Follows what the answer decides; gives what is to be passed on: the places of the requests, and their statuses.
fn decide(
    received: &StatusReport,
    (case, by): (&mut RequestCase, &str),
    refusals: &mut Vec<Refusal>,
) -> Vec<(usize, TransactionStatus)> {
    let mut decided = Vec::new();
    for (places, one) in named(received, case, by) {
        if places.is_empty() {
            let text = "the answer names no request that the sender was asked for; see OrgnlEndToEndId";
            refusals.push(Refusal { code: codes::IRNR, text: text.to_owned() });
        }
        for place in places {
            let Some(request) = case.requests.get_mut(place) else { continue };
            match follow(request, &one) {
                Ok(passed) => decided.push((place, passed)),
                Err(refusal) => refusals.push(refusal),
            }
        }
    }
    decided
}

/// What an answer says, with the places of the requests that it says it of: of one, of those of a payment information, or
/// of all that the bank was asked for.
fn named(received: &StatusReport, case: &RequestCase, by: &str) -> Vec<(Vec<usize>, TransactionStatus)> {
    let own = |is_meant: &dyn Fn(&RequestOfCase) -> bool| -> Vec<usize> {
        let requests = case.requests.iter().enumerate();
        requests.filter(|(_, one)| one.receiver == by && is_meant(one)).map(|(place, _)| place).collect()
    };
    // By their ids, the first of each; a transaction takes from its own what it does not say.
    let mut blocks: BTreeMap<String, (Option<String>, Vec<StatusReason>)> = BTreeMap::new();
    for one in &received.payments {
        let one = one.into_owned();
        blocks.entry(one.id).or_insert((one.status, one.reasons));
    }
    let mut told_of = BTreeSet::new();
    let mut named = Vec::new();
    for one in &received.transactions {
        let mut told = one.into_owned();
        let places = own(&|request| is_meant(request, &told));
        let above = told.payment_information_id.as_ref().and_then(|id| blocks.get(id));
        if let Some((status, reasons)) = above.filter(|_| told.status.is_none()) {
            (told.status, told.reasons) = (status.clone(), reasons.clone());
        }
        told_of.extend(told.payment_information_id.clone());
        // References that fit several say nothing of any.
        named.push((if places.len() == 1 { places } else { Vec::new() }, told));
    }
    for payment in received.payments.iter().filter(|payment| !told_of.contains(&payment.id)) {
        let told = whole(payment.status.as_ref(), &payment.reasons);
        named.push((own(&|request| information(request) == payment.id), told));
    }
    if let Some(group) = received.head.groups.first().filter(|_| named.is_empty()) {
        named.push((own(&|_| true), whole(group.status.as_ref(), &group.reasons)));
    }
    named
}

fn whole(status: Option<&String>, reasons: &[StatusReason]) -> TransactionStatus {
    TransactionStatus { status: status.cloned(), reasons: reasons.to_vec(), ..TransactionStatus::default() }
}

/// `PmtInfId` as an answer names it.
fn information(request: &RequestOfCase) -> &str {
    request.payment_information_id.as_deref().unwrap_or("NOTPROVIDED")
}

/// Whether all references of a status are those of a request, and there is one.
fn is_meant(request: &RequestOfCase, told: &TransactionStatus) -> bool {
    let ids = &told.original;
    let fits = |told: &Option<String>, own: &Option<String>| told.is_none() || told == own;
    (ids.uetr.is_some() || ids.instruction.is_some() || ids.end_to_end.is_some())
        && ids.uetr.is_none_or(|uetr| uetr.to_string() == request.uetr)
        && fits(&ids.instruction, &request.instruction)
        && fits(&ids.end_to_end, &request.end_to_end)
        && told.payment_information_id.as_deref().is_none_or(|id| id == information(request))
}

/// Notes what an answer decides on a request; gives what its sender is told. The first final answer stands.
fn follow(request: &mut RequestOfCase, told: &TransactionStatus) -> Result<TransactionStatus, Refusal> {
    let text = told.status.as_deref().unwrap_or("");
    let Some(said) = Status::parse(text) else {
        let code = if text.is_empty() { codes::CH21 } else { codes::CH16 };
        return refuse(code, format!("the status {text:?} decides nothing; give TxSts ACCP or RJCT"));
    };
    // Accepted with a change (of the amount, of the date) is accepted, too.
    let verdict = if said == Status::Acwc { Verdict::Accepted } else { said.verdict() };
    let state = match verdict {
        Verdict::Accepted => RequestState::Accepted,
        Verdict::Rejected => RequestState::Rejected,
        Verdict::Pending => RequestState::Open,
    };
    match request.state {
        RequestState::Open => {}
        before if before == state => {}
        RequestState::Accepted => return refuse(codes::ALAC, "it was accepted before".to_owned()),
        RequestState::Rejected => return refuse(codes::ARFR, "it was refused before".to_owned()),
        RequestState::Expired => {
            return refuse(codes::AEXR, "it had expired; its sender was told".to_owned());
        }
        RequestState::Refused => return refuse(codes::IRNR, "it was never passed on".to_owned()),
    }
    let reasons: Vec<String> = told.reasons.iter().filter_map(|reason| reason.code.clone()).collect();
    (request.state, request.reasons) = (state, reasons);
    Ok(TransactionStatus {
        reasons: told.reasons.clone(),
        status: Some(said.as_str().to_owned()),
        condition: told.condition.clone(),
        debtor_decision: told.debtor_decision.clone(),
        acceptance: told.acceptance.clone(),
        ..status(request)
    })
}

/// Passes statuses on to the creditor's bank; gives the number of messages.
fn pass_on(
    intake: &Intake<'_>,
    case: &RequestCase,
    decided: Vec<(usize, TransactionStatus)>,
) -> Result<u64, FilesError> {
    let fault = || FilesError::Unknown(format!("the request {} names no bank or message", case.id));
    let to = Bic::parse(&case.requester).map_err(|_| fault())?;
    let asked = MessageType::parse(&case.message_type).ok_or_else(fault)?;
    let kind = Family::Pain014.version(asked.version());
    let ids: Vec<u128> = decided.iter().map(|(place, told)| letter_id(case, *place, told)).collect();
    let letter = Letter::new(intake, kind, to, ids.into_iter());
    let told = decided.into_iter().map(|(_, told)| told).collect();
    let mut report = report(case, (kind, letter.id, letter.creation), told);
    report.head.business = Some(letter.business);
    report.head.instructing_agent = Some(Agent::of_bic(intake.options.operator));
    intake.post(&letter.name, |out| pacs002(out, &report))?;
    Ok(1)
}

/// Tells one status of one request from all others.
fn letter_id(case: &RequestCase, place: usize, told: &TransactionStatus) -> u128 {
    let code = told.status.iter().flat_map(|status| status.bytes());
    let code = code.fold(0, |code: u128, byte| code << 8 | u128::from(byte));
    RequestCase::uetr_of(&case.id, place).bits() ^ code
}

/// Tells the sender of a message of those requests that have expired, and notes it; gives their number.
fn expire(intake: &Intake<'_>, case: &mut RequestCase) -> Result<u64, FilesError> {
    let mut expired = Vec::new();
    for (place, one) in case.requests.iter_mut().enumerate().filter(|(_, one)| one.is_due(intake.now)) {
        one.state = RequestState::Expired;
        one.reasons = vec![codes::AEXR.as_str().to_owned()];
        "nobody answered the request before it expired".clone_into(&mut one.text);
        expired.push((place, status(one)));
    }
    let count = expired.len() as u64;
    if count > 0 {
        // Told before it is noted: a crash between the two tells the same again.
        pass_on(intake, case, expired)?;
        case.write(&intake.options.work)?;
    }
    Ok(count)
}

/// Tells the senders of requests that have expired; gives their number, and when the next one will.
pub(crate) fn tell_expired(intake: &Intake<'_>) -> Result<(u64, Option<u64>), FilesError> {
    let _turn = intake.options.work.turn();
    let (mut expired, mut next) = (0, None);
    for mut case in all(&intake.options.work)? {
        expired += expire(intake, &mut case)?;
        let open = case.requests.iter().filter(|one| one.state == RequestState::Open);
        next = open.filter_map(|one| one.expires_at).chain(next).min();
    }
    Ok((expired, next))
}
