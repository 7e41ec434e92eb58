//! Recalls (camt.056, and camt.055 of customers as their banks forward them): checked against the journal, noted in
//! `recalls/`, passed on to the banks that were paid, and answered by a camt.029: `PDCR` for what was passed on, `RJCR` for
//! what was not. No money moves by a recall. `GrpCxl` recalls every payment of a message that has cleared, `PmtInfCxl` those
//! of one of its payment informations.
//!
//! | checked | code |
//! |---|---|
//! | the payment is in the journal, and the assigner is the bank that paid | `NOOR` |
//! | it has cleared | `NOOR` |
//! | something of it is left to come back | `ARDT` |
//! | its reason is given in time | `NARR` |
//! | it is not recalled already under another id | `NARR` |

use std::borrow::Cow;
use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::case::{Case, CaseParty};
use feiqian_iso20022::codes::{self, CodeSet, RecallStatus};
use feiqian_iso20022::payment::{Agent, BusinessHead, CreditTransfer, Refusal};
use feiqian_iso20022::recall::{Recall, RecalledGroup, RecalledPayment};
use feiqian_iso20022::resolution::{Resolution, ResolvedGroup, ResolvedPayment};
use feiqian_iso20022::status::StatusReason;
use feiqian_iso20022::write::{camt029, camt056};
use feiqian_iso20022::{Family, Kept};
use feiqian_runtime::pipeline::Engine;

use crate::after::cases::{RecallCase, RecallState};
use crate::after::forward::Letter;
use crate::after::original::{Fate, Original, bic_of};
use crate::after::{AfterFault, customers, messages};
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::Intake;
use crate::limits::FORWARDED_RECALLS;
use crate::report::{Disposition, FileReport};
use crate::resolve::refuse;
use crate::source::Source;
use crate::timestamp::date_time;

/// Takes a recall in, passes it on, and answers it.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    work(intake, file, source, Recall::read(source.reader()?, intake.options.limits)?)
}

/// Takes a customer's recall in, which its bank forwards: the same, but payments are named as in the customer's message.
pub(crate) fn take_customers(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
) -> Result<FileReport, AfterFault> {
    work(intake, file, source, Recall::read_customers(source.reader()?, intake.options.limits)?)
}

fn work(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
    recall: Recall,
) -> Result<FileReport, AfterFault> {
    let refused = recall.refusals().into_iter().next();
    let _turn = intake.options.work.turn();
    let asker = intake.sender(recall.assignment.assigner.agent(), recall.business.as_ref());
    let asker = refused.clone().map_or(asker, Err);
    let (payments, groups) = expand(intake, &recall, &asker)?;
    let mut results = Vec::new();
    for one in &payments {
        results.push(match asker.clone().and_then(|asker| one.refusal().map_or(Ok(asker), Err)) {
            Ok(asker) => open(intake, &recall, (one, asker))?,
            Err(refusal) => Err(refusal),
        });
    }
    let asked = Asked { recall, payments, results, groups };
    let mut report = FileReport::new(&file.name, Disposition::Answered);
    report.forwarded = asked.pass_on(intake)?;
    report.answer = Some(asked.answer(intake, source)?);
    intake.dispose(source, &intake.options.work.archive())?;
    let Asked { recall, results, .. } = &asked;
    report.transactions = results.len() as u64;
    report.pending = results.iter().filter(|result| result.is_ok()).count() as u64;
    for refusal in results.iter().filter_map(|result| result.as_ref().err()) {
        *report.rejected.entry(refusal.code.as_str().to_owned()).or_insert(0) += 1;
    }
    report.status = Some(asked.status().as_str().to_owned());
    report.reason = refused.map(|refusal| refusal.text);
    report.message_type = Some(recall.message_type.identifier().to_owned());
    report.message_id = Some(recall.assignment.id.clone());
    Ok(report)
}

/// A recall with what was found of its payments.
struct Asked {
    recall: Recall,
    /// Those that it names, then those of the messages that it recalls as a whole.
    payments: Vec<RecalledPayment>,
    results: Vec<Result<RecallCase, Refusal>>,
    /// The answers on messages that it recalls as a whole.
    groups: Vec<ResolvedGroup>,
}

/// The payments that a recall names, and those that cleared of each message that it recalls as a whole (`GrpCxl`).
fn expand(
    intake: &Intake<'_>,
    recall: &Recall,
    asker: &Result<ParticipantHandle, Refusal>,
) -> Result<(Vec<RecalledPayment>, Vec<ResolvedGroup>), FilesError> {
    let mut payments = match asker {
        Ok(asker) if recall.message_type.family() == Family::Camt055 => {
            customers::named(intake, recall, *asker)?
        }
        _ => recall.transactions.iter().map(Cow::into_owned).collect(),
    };
    let mut groups = Vec::new();
    for group in recall.groups.iter().filter(|group| group.is_whole) {
        let found = match asker {
            Ok(asker) => of_message(intake, (&group, *asker), &recall.assignment.id)?,
            Err(refusal) => Err(refusal.clone()),
        };
        let status = if found.is_ok() { RecallStatus::Pdcr } else { RecallStatus::Rjcr };
        groups.push(ResolvedGroup {
            recall_id: group.id.clone(),
            case: group.case.clone(),
            original: group.original.clone(),
            payment_information_id: group.payment_information_id.clone(),
            status: Some(status.as_str().to_owned()),
            reasons: vec![match &found {
                Ok(_) => StatusReason::new(codes::PTNA, ""),
                Err(refusal) => StatusReason::of(refusal, CodeSet::Answer),
            }],
        });
        payments.extend(found.unwrap_or_default());
    }
    Ok((payments, groups))
}

/// The cleared payments of a message that is recalled as a whole.
fn of_message(
    intake: &Intake<'_>,
    (group, asker): (&RecalledGroup, ParticipantHandle),
    assignment: &str,
) -> Result<Result<Vec<RecalledPayment>, Refusal>, FilesError> {
    let (head, transfers) = match messages::payments(intake, asker, &group.original.message_id)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let base: String = group.id.as_deref().unwrap_or(assignment).chars().take(GROUP_ID_CHARS).collect();
    let mut payments = Vec::new();
    let is_meant = |transfer: &CreditTransfer| {
        let of = transfer.details.payment_information_id.as_ref();
        group.payment_information_id.is_none() || group.payment_information_id.as_ref() == of
    };
    for transfer in transfers.into_iter().filter(is_meant) {
        let original = Original::find(intake.engine, &transfer.details.ids, None)?;
        let fate = original.map(|original| original.fate(intake)).transpose()?;
        if matches!(fate, Some(Fate::Moved(..))) {
            let id = format!("{base}-{}", transfer.index);
            payments.push(RecalledPayment {
                case: group.case.clone(),
                reasons: group.reasons.clone(),
                ..RecalledPayment::of(&head, &transfer, &id, codes::NARR)
            });
        }
    }
    if payments.is_empty() {
        let text = "no payment of the message has cleared, so nothing can come back".to_owned();
        return Ok(refuse(codes::NOOR, text));
    }
    Ok(Ok(payments))
}

/// Characters of a group's `GrpCxlId` that the `CxlId` of its payments begin with: with a number behind they fit 35.
const GROUP_ID_CHARS: usize = 24;

/// Opens the case of a recalled payment, or finds it open.
fn open(
    intake: &Intake<'_>,
    recall: &Recall,
    (one, asker): (&RecalledPayment, ParticipantHandle),
) -> Result<Result<RecallCase, Refusal>, FilesError> {
    let engine = intake.engine;
    let found = Original::find(engine, &one.original, one.original_clearing_reference.as_deref())?;
    let own = found.filter(|original| original.debtor_bank(engine) == Some(asker) && !original.is_return());
    let receiver = own.as_ref().and_then(|original| original.creditor_bank(engine));
    let banks = (bic_of(engine, asker), receiver.and_then(|bank| bic_of(engine, bank)));
    let (Some(original), (Some(requester), Some(receiver))) = (own, banks) else {
        let text = "the sender has made no such payment here; give its OrgnlUETR or OrgnlClrSysRef";
        return Ok(refuse(codes::NOOR, text.to_owned()));
    };
    let Some(uetr) = original.uetr() else {
        return Ok(refuse(codes::NOOR, "the payment has no id".to_owned()));
    };
    let reasons: Vec<String> = one.reasons.iter().filter_map(|reason| reason.code.clone()).collect();
    let case = RecallCase {
        uetr: uetr.to_string(),
        sequence: original.sequence,
        recall_id: recall_id(recall, one),
        message_id: recall.assignment.id.clone(),
        message_type: recall.message_type.identifier().to_owned(),
        case_id: case_of(recall, one, requester).id,
        reasons,
        requester: requester.as_str().to_owned(),
        receiver: receiver.as_str().to_owned(),
        asked_at: intake.now,
        state: RecallState::Open,
        answer_reasons: Vec::new(),
    };
    if let Some(before) = RecallCase::find(&intake.options.work, uetr)? {
        let is_same = (&before.recall_id, &before.message_id) == (&case.recall_id, &case.message_id);
        let text = format!("it is recalled already by {}; wait for its answer", before.recall_id);
        return Ok(if is_same { Ok(before) } else { refuse(codes::NARR, text) });
    }
    if let Err(refusal) = check(intake, &original, &case)? {
        return Ok(Err(refusal));
    }
    case.write(&intake.options.work)?;
    Ok(Ok(case))
}

/// Whether a payment may be recalled now.
fn check(
    intake: &Intake<'_>,
    original: &Original,
    case: &RecallCase,
) -> Result<Result<(), Refusal>, FilesError> {
    let Fate::Moved(moved, _) = original.fate(intake)? else {
        let text = "it has not cleared, so nothing can come back; see its status";
        return Ok(refuse(codes::NOOR, text.to_owned()));
    };
    if returned(intake.engine, moved) >= original.record.amount.get() {
        return Ok(refuse(codes::ARDT, "all of it has been returned before".to_owned()));
    }
    let reason = case.reasons.first().map_or("", String::as_str);
    if !intake.options.recalls.allows(reason, original.timestamp, intake.now) {
        let text = format!("the time to recall it for {reason} has passed; ask the receiver's bank yourself");
        return Ok(refuse(codes::NARR, text));
    }
    Ok(Ok(()))
}

/// What has come back by the last block, minor units.
fn returned(engine: &Engine, moved: u128) -> u64 {
    engine.ask(move |sealer| sealer.mirror().returns.returned(moved))
}

/// `CxlId`, or where there is none the message's id.
fn recall_id(recall: &Recall, one: &RecalledPayment) -> String {
    one.id.clone().unwrap_or_else(|| recall.assignment.id.clone())
}

/// The case as it is passed on: it tells who asked first.
fn case_of(recall: &Recall, one: &RecalledPayment, requester: Bic) -> Case {
    one.case.clone().unwrap_or_else(|| Case {
        id: recall_id(recall, one),
        creator: CaseParty::of_bic(requester),
        is_reopened: None,
    })
}

impl Asked {
    fn status(&self) -> RecallStatus {
        if self.results.iter().any(Result::is_ok) { RecallStatus::Pdcr } else { RecallStatus::Rjcr }
    }

    /// Passes on what is not answered yet, each bank's together, so many in a message; gives the number of messages.
    fn pass_on(&self, intake: &Intake<'_>) -> Result<u64, FilesError> {
        let mut letters: BTreeMap<Bic, Vec<(u128, RecalledPayment)>> = BTreeMap::new();
        for (one, result) in self.payments.iter().zip(&self.results) {
            let Some(case) = result.as_ref().ok().filter(|case| !case.state.is_final()) else { continue };
            let banks = (Bic::parse(&case.requester), Bic::parse(&case.receiver), Uetr::parse(&case.uetr));
            let (Ok(requester), Ok(receiver), Ok(uetr)) = banks else { continue };
            let mut passed = one.clone();
            passed.case = Some(case_of(&self.recall, one, requester));
            passed.original.uetr = Some(uetr);
            passed.original_clearing_reference = Some(case.sequence.to_string());
            letters.entry(receiver).or_default().push((uetr.bits(), passed));
        }
        let mut written = 0;
        for (to, all) in letters {
            for part in all.chunks(FORWARDED_RECALLS) {
                self.write(intake, to, part)?;
                written += 1;
            }
        }
        Ok(written)
    }

    fn write(
        &self,
        intake: &Intake<'_>,
        to: Bic,
        part: &[(u128, RecalledPayment)],
    ) -> Result<(), FilesError> {
        let kind = self.recall.passed_type();
        let letter = Letter::new(intake, kind, to, part.iter().map(|(id, _)| *id));
        let passed = Recall {
            message_type: kind,
            assignment: letter.assignment(intake, to),
            business: Some(letter.business),
            case: None,
            number_of_transactions: Some(part.len() as u64),
            control_sum: None,
            groups: Kept::default(),
            transactions: part.iter().map(|(_, one)| one.clone()).collect(),
        };
        intake.post(&letter.name, |out| camt056(out, &passed))
    }

    /// Writes the camt.029 to who asked; gives its name.
    fn answer(&self, intake: &Intake<'_>, source: &Source) -> Result<String, FilesError> {
        let recall = &self.recall;
        let id = format!("FQS{}", source.tag(24));
        let creation = date_time(intake.now);
        let mut resolution = Resolution::of(recall, &id, &creation, self.status());
        resolution.assignment.assigner = CaseParty::of_bic(intake.options.operator);
        let operator = Agent::of_bic(intake.options.operator);
        resolution.business = recall.business.as_ref().map(|received| {
            BusinessHead::new(operator, received.from.clone(), &id, resolution.message_type, &creation)
        });
        resolution.groups = self.groups.clone().into();
        let mut transactions = Vec::new();
        for (one, result) in self.payments.iter().zip(&self.results) {
            let status = if result.is_ok() { RecallStatus::Pdcr } else { RecallStatus::Rjcr };
            let mut resolved = ResolvedPayment::of(one, &recall_id(recall, one), status);
            resolved.reasons = match result {
                Ok(_) => vec![StatusReason::new(codes::PTNA, "")],
                Err(refusal) => vec![StatusReason::of(refusal, CodeSet::Answer)],
            };
            transactions.push(resolved);
        }
        resolution.transactions = transactions.into();
        let name = format!("{}.camt.029.xml", source.stem());
        intake.answer(&name, |out| camt029(out, &resolution))?;
        Ok(name)
    }
}
