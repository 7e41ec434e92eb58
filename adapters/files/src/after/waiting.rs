//! Payments whose file was answered before their fate was known: held until the receiver's bank confirms, or queued. Which
//! they are is kept in `waiting/`, one file for each input with a sequence a line; what became of them the journal says, and
//! each is told once it is known by a report of its own: a pacs.002, and to who initiated it for customers (pain.001) a
//! pain.002. That tells of the one payment alone: of its payment information, which others may stand in, it has the name
//! and no status.
//!
//! ```text
//! submit ─▶ note in waiting/ ─▶ pass on ─▶ answer PDNG ─▶ archive/      at each look: ─▶ answer ─▶ strike out
//! ```
//! A crash between two steps repeats the step before: the engine knows each id, and messages have the same names.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use feiqian_iso20022::codes::Status;
use feiqian_iso20022::payment::{Agent, Entry, MessageHead, Refusal};
use feiqian_iso20022::status::{
    GroupStatus, StatusHead, StatusReason, StatusReport, TransactionStatus, answer_type,
};
use feiqian_iso20022::transfers::TransferReader;
use feiqian_iso20022::write::{pacs002, pacs008};
use feiqian_iso20022::{Kept, MessageType};
use feiqian_runtime::pipeline::Engine;

use crate::after::covers;
use crate::after::forward::Letter;
use crate::after::original::{Fate, Original, bic_of};
use crate::answer::changed;
use crate::error::FilesError;
use crate::intake::{Intake, IntakeOptions};
use crate::source::Source;
use crate::status::Verdicts;
use crate::store;

/// Notes the payments of a file that wait.
pub(crate) fn note(intake: &Intake<'_>, source: &Source, verdicts: &Verdicts) -> Result<(), FilesError> {
    let mut text = String::new();
    for sequence in (0..verdicts.len()).filter_map(|place| pending(verdicts, place)) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{sequence}");
    }
    if text.is_empty() {
        return Ok(());
    }
    let path = intake.options.work.waiting().join(source.stem());
    store::write_file(&path, |out| out.write_all(text.as_bytes()))
}

fn pending(verdicts: &Verdicts, place: usize) -> Option<u64> {
    let verdict = verdicts.verdict(place)?;
    verdict.sequence().filter(|_| verdicts.status(verdict).0 == Status::Pdng)
}

/// Passes each held payment of a file on to the bank that is to confirm it; gives the number of messages.
pub(crate) fn pass_on(intake: &Intake<'_>, source: &Source, verdicts: &Verdicts) -> Result<u64, FilesError> {
    let mut reader =
        TransferReader::new(source.reader()?, intake.options.limits).map_err(|_| changed(source))?;
    let (mut place, mut written) = (0, 0);
    while let Some(entry) = reader.next_transfer().map_err(|_| changed(source))? {
        let sequence = pending(verdicts, place);
        place += 1;
        let (Entry::Transfer(mut transfer), Some(sequence)) = (entry, sequence) else { continue };
        let Some(original) = Original::at(intake.engine, sequence)? else { continue };
        if original.fate(intake)? != Fate::Pending {
            continue;
        }
        let to = original.creditor_bank(intake.engine).and_then(|bank| bic_of(intake.engine, bank));
        let (Some(to), Some(kind)) = (to, MessageType::parse("pacs.008.001.08")) else { continue };
        let letter = Letter::of_payment(intake, kind, to, original.id());
        let operator = Agent::of_bic(intake.options.operator);
        transfer.details.ids.uetr = original.uetr();
        transfer.details.clearing_reference = Some(sequence.to_string());
        transfer.details.instructing_agent = Some(operator.clone());
        transfer.details.instructed_agent = Some(Agent::of_bic(to));
        let head = MessageHead {
            business: Some(letter.business),
            instructing_agent: Some(operator),
            instructed_agent: Some(Agent::of_bic(to)),
            ..MessageHead::new(kind, &letter.id, &letter.creation)
        };
        intake.post(&letter.name, |out| pacs008(out, &head, std::slice::from_ref(&*transfer)))?;
        written += 1;
    }
    Ok(written)
}

/// Tells the senders of payments whose fate is known by now; gives their number.
///
/// # Errors
/// [`FilesError::Io`] at once; the first other fault after all have been looked at.
pub(crate) fn tell(engine: &Engine, options: &IntakeOptions) -> Result<u64, FilesError> {
    let folder = options.work.waiting();
    let intake = Intake::new(engine, options);
    let entries = std::fs::read_dir(&folder).map_err(FilesError::io(&folder, "list"))?;
    let (mut told, mut first_fault) = (0, None);
    for entry in entries {
        let path = entry.map_err(FilesError::io(&folder, "list"))?.path();
        let is_aside = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !is_aside {
            told += tell_file(&intake, &path, &mut first_fault)?;
        }
    }
    first_fault.map_or(Ok(told), Err)
}

fn tell_file(intake: &Intake<'_>, path: &Path, fault: &mut Option<FilesError>) -> Result<u64, FilesError> {
    let text = std::fs::read_to_string(path).map_err(FilesError::io(path, "read"))?;
    let (mut left, mut told) = (String::new(), 0);
    for line in text.lines() {
        let sequence = line.parse().unwrap_or(0);
        match tell_one(intake, sequence) {
            Ok(true) => told += 1,
            Ok(false) => {
                let _ = writeln!(left, "{line}");
            }
            Err(error @ FilesError::Io { .. }) => return Err(error),
            Err(error) => {
                let _ = writeln!(left, "{line}");
                fault.get_or_insert(error);
            }
        }
    }
    if left.is_empty() {
        std::fs::remove_file(path).map_err(FilesError::io(path, "remove"))?;
    } else if told > 0 {
        store::write_file(path, |out| out.write_all(left.as_bytes()))?;
    }
    Ok(told)
}

/// Whether the payment's fate is known, and told.
fn tell_one(intake: &Intake<'_>, sequence: u64) -> Result<bool, FilesError> {
    let original = Original::at(intake.engine, sequence)?
        .ok_or_else(|| FilesError::Journal { sequence, reason: "no payment stands there".to_owned() })?;
    let (status, refusal) = original.status(intake)?;
    if status == Status::Pdng {
        return Ok(false);
    }
    if matches!(status, Status::Acsp | Status::Acsc) {
        covers::pass_on_paid(intake, &original)?;
    }
    let Some(to) = original.debtor_bank(intake.engine).and_then(|bank| bic_of(intake.engine, bank)) else {
        return Err(FilesError::Unknown(format!("nobody owns the debtor account of entry {sequence}")));
    };
    let kind = MessageType::parse(&original.details.message_type).and_then(answer_type);
    let Some(kind) = kind.or(MessageType::parse("pacs.002.001.10")) else { return Ok(true) };
    let letter = Letter::new(intake, kind, to, [original.id()].into_iter());
    let name = letter.name.clone();
    let report = decided(intake, (kind, letter), &original, (status, refusal));
    intake.post(&name, |out| pacs002(out, &report))?;
    Ok(true)
}

fn decided(
    intake: &Intake<'_>,
    (message_type, letter): (MessageType, Letter),
    original: &Original,
    (status, refusal): (Status, Option<Refusal>),
) -> StatusReport {
    let group = GroupStatus {
        original_message_id: original.details.message_id.clone(),
        original_message_type: original.details.message_type.clone(),
        ..GroupStatus::default()
    };
    let transaction = TransactionStatus {
        payment_information_id: original.details.payment_information_id.clone(),
        original: original.details.ids(original.uetr()),
        status: Some(status.as_str().to_owned()),
        reasons: refusal.iter().map(StatusReason::from).collect(),
        clearing_reference: Some(original.sequence.to_string()),
        ..TransactionStatus::default()
    };
    let head = StatusHead {
        message_type,
        instructed_agent: Some(letter.business.to.clone()),
        business: Some(letter.business),
        message_id: letter.id,
        creation: letter.creation,
        instructing_agent: Some(Agent::of_bic(intake.options.operator)),
        groups: vec![group].into(),
    };
    StatusReport { head, payments: Kept::default(), transactions: vec![transaction].into() }
}
