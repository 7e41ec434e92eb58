//! Answers to recalls (camt.029): noted in `recalls/` and passed on to the bank that asked. The money comes by the pacs.004
//! that an acceptance announces. A camt.029 that answers no recall of ours is only noted.

use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::Kept;
use feiqian_iso20022::codes::{RecallStatus, Verdict};
use feiqian_iso20022::resolution::{Resolution, ResolvedPayment};
use feiqian_iso20022::write::camt029;

use crate::after::AfterFault;
use crate::after::cases::{RecallCase, RecallState};
use crate::after::forward::Letter;
use crate::after::original::{Original, bic_of};
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::Intake;
use crate::report::{Disposition, FileReport};
use crate::source::Source;

/// Takes an answer in; none if it answers no recall that the sender was asked.
pub(crate) fn take(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
) -> Result<Option<FileReport>, AfterFault> {
    let resolution = Resolution::read(source.reader()?, intake.options.limits)?;
    let (engine, _turn) = (intake.engine, intake.options.work.turn());
    let by = intake.sender(resolution.assignment.assigner.agent(), resolution.business.as_ref());
    let by = by.ok().filter(|_| resolution.refusals().is_empty()).and_then(|bank| bic_of(engine, bank));
    let Some(by) = by else { return Ok(None) };
    let mut letters: BTreeMap<Bic, Vec<(u128, ResolvedPayment)>> = BTreeMap::new();
    let mut answered = 0;
    for one in &resolution.transactions {
        if let Some((to, id, passed)) = note(intake, &resolution, (&one, by))? {
            answered += 1;
            letters.entry(to).or_default().push((id, passed));
        }
    }
    if answered == 0 {
        return Ok(None);
    }
    let mut report = FileReport::new(&file.name, Disposition::Noted);
    report.transactions = answered;
    report.forwarded = letters.len() as u64;
    report.status.clone_from(&resolution.confirmation);
    report.message_type = Some(resolution.message_type.identifier().to_owned());
    report.message_id = Some(resolution.assignment.id.clone());
    for (to, letter) in letters {
        pass_on(intake, &resolution, to, letter)?;
    }
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(Some(report))
}

/// Notes what the bank decided on one payment; gives what is passed on, to whom, and the id that tells answers apart.
fn note(
    intake: &Intake<'_>,
    resolution: &Resolution,
    (one, by): (&ResolvedPayment, Bic),
) -> Result<Option<(Bic, u128, ResolvedPayment)>, FilesError> {
    let reference = one.original_clearing_reference.as_deref();
    let found = Original::find(intake.engine, &one.original, reference)?;
    let Some(uetr) = found.and_then(|original| original.uetr()) else { return Ok(None) };
    let Some(case) = RecallCase::find(&intake.options.work, uetr)? else { return Ok(None) };
    let Some(verdict) = resolution.verdict(one).filter(|_| case.receiver == by.as_str()) else {
        return Ok(None);
    };
    let (state, status) = match verdict {
        Verdict::Accepted => (RecallState::Accepted, RecallStatus::Accr),
        Verdict::Rejected => (RecallState::Rejected, RecallStatus::Rjcr),
        Verdict::Pending => (RecallState::Pending, RecallStatus::Pdcr),
    };
    // The first final answer stands; the same again is passed on again, as the message that it was.
    if case.state.is_final() && case.state != state {
        return Ok(None);
    }
    let Ok(to) = Bic::parse(&case.requester) else { return Ok(None) };
    let mut passed = one.clone();
    passed.status = Some(status.as_str().to_owned());
    passed.original.uetr = Some(uetr);
    if case.state != state {
        let answer_reasons = one.reasons.iter().filter_map(|reason| reason.code.clone()).collect();
        RecallCase { state, answer_reasons, ..case }.write(&intake.options.work)?;
    }
    Ok(Some((to, letter_id(uetr, status), passed)))
}

/// A pending answer and the final one behind it are two messages.
fn letter_id(uetr: Uetr, status: RecallStatus) -> u128 {
    let code = status.as_str().bytes().fold(0, |code: u128, byte| code << 8 | u128::from(byte));
    uetr.bits() ^ code
}

fn pass_on(
    intake: &Intake<'_>,
    resolution: &Resolution,
    to: Bic,
    letter: Vec<(u128, ResolvedPayment)>,
) -> Result<(), FilesError> {
    let (ids, transactions): (Vec<u128>, Vec<ResolvedPayment>) = letter.into_iter().unzip();
    let letter = Letter::new(intake, resolution.message_type, to, ids.into_iter());
    let passed = Resolution {
        message_type: resolution.message_type,
        assignment: letter.assignment(intake, to),
        business: Some(letter.business),
        case: None,
        confirmation: resolution.confirmation.clone(),
        reasons: Vec::new(),
        groups: Kept::default(),
        transactions: transactions.into(),
    };
    intake.post(&letter.name, |out| camt029(out, &passed))
}
