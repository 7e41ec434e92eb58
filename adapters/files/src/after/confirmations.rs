//! The receiver's confirmation (TIPS, SCT Inst): a pacs.002 of the bank that is to be paid posts or voids the hold that
//! waits for it. A pacs.002 that names no held payment is only noted.
//!
//! The ids of post and void follow from the payment's and from a key that banks do not know. So a repetition is the same
//! record, and of two confirmations that contradict each other the first one stands.

use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes::{self, Status, Verdict};
use feiqian_iso20022::confirmation::Confirmation;
use feiqian_iso20022::payment::{BusinessHead, MessageHead, PaymentIds, Refusal};
use feiqian_iso20022::status::{StatusReport, TransactionStatus};
use feiqian_proof::hash::{Domain, keyed};
use feiqian_runtime::pipeline::Engine;

use crate::after::AfterFault;
use crate::after::forward::payment_of;
use crate::after::original::{Fate, Original};
use crate::clearing::Clearing;
use crate::details::Details;
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::{Intake, count};
use crate::report::{Disposition, FileReport};
use crate::resolve::{Resolved, refuse};
use crate::source::Source;
use crate::status::Verdicts;

/// How a hold is finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finish {
    Post,
    Void,
}

const CONTEXT: &str = "feiqian 2026 files confirmation v1";

impl Finish {
    /// The id under which a held payment is finished so.
    pub(crate) fn id(self, engine: &Engine, payment: u128) -> u128 {
        let key = engine.directory().registry(|registry| registry.genesis().map_or(0, |of| of.id_key));
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&key.to_le_bytes());
        hasher.update(match self {
            Self::Post => b"post",
            Self::Void => b"void",
        });
        hasher.update(&payment.to_le_bytes());
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        Uetr::from_digest(digest).bits()
    }
}

/// A status of the report with the held payment that it is about.
struct Named {
    confirmation: Confirmation,
    original: Original,
}

/// Takes a status report in: answered if it is about held payments; none if it is not.
pub(crate) fn take(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
) -> Result<Option<FileReport>, AfterFault> {
    let report = StatusReport::read(source.reader()?, intake.options.limits)?;
    let mut named = Vec::new();
    for confirmation in report.confirmations() {
        named.push(match confirmation {
            Ok(confirmation) => find(intake, confirmation)?,
            Err(refusal) => Err(refusal),
        });
    }
    if named.iter().all(Result::is_err) {
        return Ok(None);
    }
    let refusals = report.refusals();
    let verdicts = finish(intake, &named, (report.head.business.as_ref(), refusals.first()))?;
    answer(intake, (file, source), &report, (&named, &refusals), &verdicts)
        .map(Some)
        .map_err(AfterFault::Files)
}

fn answer(
    intake: &Intake<'_>,
    (file, source): (&InboxFile, &Source),
    report: &StatusReport,
    (named, refusals): (&[Result<Named, Refusal>], &[Refusal]),
    verdicts: &Verdicts,
) -> Result<FileReport, FilesError> {
    let head = MessageHead {
        business: report.head.business.clone(),
        instructing_agent: report.head.instructing_agent.clone(),
        ..MessageHead::new(report.head.message_type, &report.head.message_id, &report.head.creation)
    };
    let name = format!("{}.pacs.002.xml", source.stem());
    let mut all = named.iter();
    intake.statuses(&name, source, (&head, refusals), verdicts, || {
        Ok(all.next().map(|one| TransactionStatus {
            original: match one {
                Ok(named) => {
                    PaymentIds { uetr: named.original.uetr(), ..named.confirmation.original.clone() }
                }
                Err(_) => PaymentIds::default(),
            },
            ..TransactionStatus::default()
        }))
    })?;
    intake.dispose(source, &intake.options.work.archive())?;
    let mut told = FileReport::new(&file.name, Disposition::Answered);
    count(&mut told, verdicts);
    told.message_type = Some(report.head.message_type.identifier().to_owned());
    told.message_id = Some(report.head.message_id.clone());
    told.answer = Some(name);
    told.reason = refusals.first().map(|refusal| refusal.text.clone());
    Ok(told)
}

fn find(intake: &Intake<'_>, confirmation: Confirmation) -> Result<Result<Named, Refusal>, FilesError> {
    let engine = intake.engine;
    let of_message = || confirmation.original_message.as_ref().and_then(|told| payment_of(&told.message_id));
    let ids =
        PaymentIds { uetr: confirmation.original.uetr.or_else(of_message), ..confirmation.original.clone() };
    let found = Original::find(engine, &ids, confirmation.clearing_reference.as_deref())?;
    // Who has proven who it is need not be told of a payment to another bank that there is one.
    let is_own = |original: &Original| {
        intake.caller().is_none_or(|caller| original.creditor_bank(engine) == Some(caller))
    };
    match found.filter(|found| found.is_held() && is_own(found)) {
        Some(original) => Ok(Ok(Named { confirmation, original })),
        None => {
            Ok(refuse(codes::AG09, "no such payment waits for a confirmation; check its UETR".to_owned()))
        }
    }
}

/// Posts and voids what the report decides.
fn finish(
    intake: &Intake<'_>,
    named: &[Result<Named, Refusal>],
    (business, refused): (Option<&BusinessHead>, Option<&Refusal>),
) -> Result<Verdicts, FilesError> {
    let engine = intake.engine;
    let mut clearing = Clearing::new(engine);
    for one in named {
        let place = clearing.verdicts().reserve();
        let decided = match (refused, one) {
            (Some(refusal), _) | (None, Err(refusal)) => Err(refusal.clone()),
            (None, Ok(named)) => check_sender(intake, named, business).map(|sender| (named, sender)),
        };
        match decided {
            Err(refusal) => clearing.verdicts().reject(place, refusal),
            Ok((named, _)) if named.confirmation.verdict == Verdict::Pending => {
                let (status, reason) = named.original.status(intake)?;
                clearing.verdicts().set(place, named.original.sequence, status, reason);
            }
            Ok((named, sender)) => clearing.push(place, submission(engine, named, sender))?,
        }
    }
    let mut verdicts = clearing.finish()?;
    for (place, one) in named.iter().enumerate() {
        let Ok(named) = one else { continue };
        let is_decided = refused.is_none() && named.confirmation.verdict != Verdict::Pending;
        if is_decided && check_sender(intake, named, business).is_ok() {
            explain(intake, named, (&mut verdicts, place))?;
        }
    }
    Ok(verdicts)
}

/// Only the bank that is to be paid confirms; nobody else is told of the payment.
fn check_sender(
    intake: &Intake<'_>,
    named: &Named,
    business: Option<&BusinessHead>,
) -> Result<ParticipantHandle, Refusal> {
    let sender = intake.sender(named.confirmation.sender.as_ref(), business)?;
    if named.original.creditor_bank(intake.engine) == Some(sender) {
        return Ok(sender);
    }
    refuse(codes::AG09, "no such payment waits for the sender's confirmation; check its UETR".to_owned())
}

fn submission(engine: &Engine, named: &Named, participant: ParticipantHandle) -> Resolved {
    let Named { confirmation, original } = named;
    let (finish, flag, amount) = match confirmation.verdict {
        Verdict::Accepted => (Finish::Post, flags::POST, original.record.amount.get()),
        _ => (Finish::Void, flags::VOID, 0),
    };
    let details = match finish {
        Finish::Post => Vec::new(),
        Finish::Void => Details::of_rejection(&confirmation.reasons).encode(),
    };
    let of = &original.record;
    let mut record = Record {
        flags: flag.into(),
        related: of.uetr,
        purpose: of.purpose,
        ..Record::new(
            finish.id(engine, original.id()),
            of.debtor.get(),
            of.creditor.get(),
            amount,
            of.currency.get(),
        )
    };
    if finish == Finish::Void {
        record.reference = keyed(Domain::Document, &details).0;
    }
    Resolved { participant, record, details, earlier_references: Vec::new() }
}

/// Answers what became of the payment, whichever confirmation of it this is.
fn explain(
    intake: &Intake<'_>,
    named: &Named,
    (verdicts, place): (&mut Verdicts, usize),
) -> Result<(), FilesError> {
    let original = &named.original;
    let is_acceptance = named.confirmation.verdict == Verdict::Accepted;
    let mut fate = original.fate(intake)?;
    if fate == Fate::Pending {
        // It may have ended by time in the open block.
        intake.engine.seal().map_err(|_| FilesError::Busy)?;
        fate = original.fate(intake)?;
    }
    let told = |code, text: &str| Some(Refusal { code, text: text.to_owned() });
    let (sequence, status, refusal) = match fate {
        Fate::Moved(_, sequence) if is_acceptance => (sequence, Status::Acsp, None),
        Fate::Moved(_, sequence) => {
            let text = "it was accepted before and has cleared; send a pacs.004 to return it";
            (sequence, Status::Acsp, told(codes::NARR, text))
        }
        Fate::Ended(Some(sequence)) if is_acceptance => {
            let text = "it was rejected before, and its money was given back";
            (sequence, Status::Rjct, told(codes::NARR, text))
        }
        Fate::Ended(Some(sequence)) => (sequence, Status::Rjct, original.status(intake)?.1),
        Fate::Ended(None) => {
            let text = "it came too late: the payment's time had passed, and its money was given back";
            (original.sequence, Status::Rjct, told(codes::AB03, text))
        }
        // What the engine said of the post stands.
        Fate::Pending | Fate::Rejected(_) | Fate::Unclear => return Ok(()),
    };
    verdicts.set(place, sequence, status, refusal);
    Ok(())
}
