//! Recalls that were passed on, and what was answered to them: one file for each payment in `recalls/`, as no money moves by
//! a recall and so nothing of it is in the journal. Written before anything is passed on, and changed only forward: a final
//! answer stays.

use std::path::PathBuf;

use feiqian_core::bic::Bic;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::case::{Assignment, Case, CaseParty};
use feiqian_iso20022::codes::{self, RecallStatus};
use feiqian_iso20022::recall::{Recall, RecalledPayment};
use feiqian_iso20022::resolution::{Resolution, ResolvedPayment};
use feiqian_iso20022::status::StatusReason;
use feiqian_iso20022::write::camt029;
use feiqian_iso20022::{Kept, MessageType};
use serde::{Deserialize, Serialize};

use crate::after::forward::Letter;
use crate::error::FilesError;
use crate::intake::Intake;
use crate::layout::WorkDir;
use crate::store;

/// How a recall stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecallState {
    /// Passed on; its answer may still come.
    Open,
    /// The receiver's bank thinks about it (PDCR).
    Pending,
    /// The time for the answer has passed, and the sender was told.
    Overdue,
    /// The receiver's bank agreed; it is to send a pacs.004.
    Accepted,
    /// The receiver's bank declined.
    Rejected,
}

impl RecallState {
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected)
    }
}

/// A recall of one payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallCase {
    /// The payment's UETR, or the id that it has here.
    pub uetr: String,
    /// The payment's entry in the journal.
    pub sequence: u64,
    /// `CxlId`, or what stands for it.
    pub recall_id: String,
    /// `Assgnmt/Id` of the camt.056 or camt.055.
    pub message_id: String,
    /// `camt.056.001.08`.
    pub message_type: String,
    /// `Case/Id`.
    pub case_id: String,
    /// Why, codes.
    pub reasons: Vec<String>,
    /// BIC of the bank that paid and asks.
    pub requester: String,
    /// BIC of the bank that was paid and is asked.
    pub receiver: String,
    /// Nanoseconds since 1970.
    pub asked_at: u64,
    /// How it stands.
    pub state: RecallState,
    /// Why the receiver's bank decided so, codes.
    pub answer_reasons: Vec<String>,
}

impl RecallCase {
    /// The recall of a payment, if there is one.
    pub(crate) fn find(work: &WorkDir, payment: Uetr) -> Result<Option<Self>, FilesError> {
        store::read_json(&path(work, &payment.to_string()))
    }

    pub(crate) fn write(&self, work: &WorkDir) -> Result<(), FilesError> {
        store::write_json(&path(work, &self.uetr), self)
    }
}

fn path(work: &WorkDir, uetr: &str) -> PathBuf {
    work.recalls().join(format!("{uetr}.json"))
}

/// All recalls, by the payment's id.
///
/// # Errors
/// [`FilesError::Io`].
pub fn all(work: &WorkDir) -> Result<Vec<RecallCase>, FilesError> {
    store::all_json(&work.recalls())
}

/// Tells the askers of recalls whose answer is overdue, once; gives their number.
pub(crate) fn tell_overdue(intake: &Intake<'_>) -> Result<u64, FilesError> {
    let options = intake.options;
    let _turn = options.work.turn();
    let mut told = 0;
    for case in all(&options.work)? {
        let is_open = matches!(case.state, RecallState::Open | RecallState::Pending);
        if !is_open || !options.recalls.is_overdue(case.asked_at, intake.now) {
            continue;
        }
        write_overdue(intake, &case)?;
        RecallCase { state: RecallState::Overdue, ..case }.write(&options.work)?;
        told += 1;
    }
    Ok(told)
}

/// A camt.029 of the operator's own: pending, as the receiver of the request has not replied.
fn write_overdue(intake: &Intake<'_>, case: &RecallCase) -> Result<(), FilesError> {
    let (Ok(to), Ok(uetr)) = (Bic::parse(&case.requester), Uetr::parse(&case.uetr)) else {
        return Err(FilesError::Unknown(format!("the recall of {} names no bank", case.uetr)));
    };
    let Some(kind) = MessageType::parse(&case.message_type) else {
        return Err(FilesError::Unknown(format!("the recall of {} names no message", case.uetr)));
    };
    let mut recalled = RecalledPayment { id: Some(case.recall_id.clone()), ..RecalledPayment::default() };
    recalled.original.uetr = Some(uetr);
    recalled.original_clearing_reference = Some(case.sequence.to_string());
    let recall = Recall {
        message_type: kind,
        business: None,
        assignment: Assignment::default(),
        case: Some(Case { id: case.case_id.clone(), creator: CaseParty::of_bic(to), is_reopened: None }),
        number_of_transactions: None,
        control_sum: None,
        groups: Kept::default(),
        transactions: Kept::default(),
    };
    let mut resolution = Resolution::of(&recall, "", "", RecallStatus::Pdcr);
    let letter = Letter::new(intake, resolution.message_type, to, [uetr.bits()].into_iter());
    let mut one = ResolvedPayment::of(&recalled, &case.recall_id, RecallStatus::Pdcr);
    let text = "the time for the answer has passed";
    one.reasons = vec![StatusReason::new(codes::ARPL, text)];
    resolution.assignment = letter.assignment(intake, to);
    resolution.business = Some(letter.business);
    resolution.transactions = vec![one].into();
    intake.post(&letter.name, |out| camt029(out, &resolution))
}
