//! Answers to recalls (camt.029, resolution of investigation): values, reading, and what they decide.
//!
//! `write::camt029` writes them. A recall that is accepted is usually followed by a return (pacs.004); this message
//! alone moves no money. Modifications, statements and compensation are validated and not kept.

use std::io::BufRead;

use feiqian_core::uetr::Uetr;

use crate::case::{Assignment, Case};
use crate::codes::{self, RecallStatus, Verdict};
use crate::error::ReadError;
use crate::fields::{original_ids, original_message, original_reference, told};
use crate::kept::{Element, Kept, push};
use crate::limits::Limits;
use crate::original::OriginalMessage;
use crate::payment::{BusinessHead, PaymentIds, Refusal, ToldAmount, TransferDetails, header_refusals};
use crate::recall::{Recall, RecalledPayment};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::status::{StatusReason, begin_reason, inherited, reason_value};
use crate::whole::{self, Whole};

/// An answer to a recall, `camt.029.001.09`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolution {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `Assgnmt`: from who answers to who asked.
    pub assignment: Assignment,
    /// `RslvdCase` of the whole message.
    pub case: Option<Case>,
    /// `Sts/Conf`, such as CNCL, RJCR or PDCR; none where the message answers no recall.
    pub confirmation: Option<String>,
    /// `Sts/RjctdCxl`, which the first version alone has: why the recall is rejected.
    pub reasons: Vec<StatusReason>,
    /// Answers on whole messages (`OrgnlGrpInfAndSts`).
    pub groups: Kept<ResolvedGroup>,
    /// Answers on payments (`TxInfAndSts`), in order, those below a payment information included.
    pub transactions: Kept<ResolvedPayment>,
}

/// The answer on a message that was recalled as a whole (`OrgnlGrpInfAndSts`), or on a payment information
/// (`OrgnlPmtInfAndSts`, written and not read).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResolvedGroup {
    /// `OrgnlGrpCxlId`: the recall's `GrpCxlId`.
    pub recall_id: Option<String>,
    /// `RslvdCase`.
    pub case: Option<Case>,
    /// The message.
    pub original: OriginalMessage,
    /// `OrgnlPmtInfId`: the answer is on this payment information of it alone.
    pub payment_information_id: Option<String>,
    /// `GrpCxlSts`: ACCR, PACR, PDCR or RJCR.
    pub status: Option<String>,
    /// Why (`CxlStsRsnInf`).
    pub reasons: Vec<StatusReason>,
}

/// The answer on one payment (`TxInfAndSts`). What the group or message says for all is filled in where it says
/// nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResolvedPayment {
    /// `CxlStsId`.
    pub id: Option<String>,
    /// `RslvdCase`.
    pub case: Option<Case>,
    /// `OrgnlGrpInf`.
    pub original_message: Option<OriginalMessage>,
    /// `OrgnlInstrId`, `OrgnlEndToEndId`, `OrgnlTxId`, `OrgnlUETR`.
    pub original: PaymentIds,
    /// `OrgnlClrSysRef`.
    pub original_clearing_reference: Option<String>,
    /// `TxCxlSts`: ACCR, PDCR or RJCR; none where the message's status stands for it.
    pub status: Option<String>,
    /// Why (`CxlStsRsnInf`).
    pub reasons: Vec<StatusReason>,
    /// `OrgnlIntrBkSttlmAmt`.
    pub original_amount: Option<ToldAmount>,
    /// `OrgnlIntrBkSttlmDt`, an ISO date.
    pub original_settlement_date: Option<String>,
    /// `OrgnlTxRef`: parties, accounts and agents of the payment, as
    /// [`to_reference`](TransferDetails::to_reference) keeps them.
    pub original_reference: Option<Box<TransferDetails>>,
}

impl ResolvedPayment {
    /// The answer on a recalled payment, `id` at most 35 characters.
    #[must_use]
    pub fn of(recalled: &RecalledPayment, id: &str, status: RecallStatus) -> Self {
        Self {
            id: Some(id.to_owned()),
            case: recalled.case.clone(),
            original_message: recalled.original_message.clone(),
            original: recalled.original.clone(),
            original_clearing_reference: recalled.original_clearing_reference.clone(),
            status: Some(status.as_str().to_owned()),
            reasons: Vec::new(),
            original_amount: recalled.original_amount.clone(),
            original_settlement_date: recalled.original_settlement_date.clone(),
            original_reference: recalled.original_reference.clone(),
        }
    }
}

impl Resolution {
    /// The answer to a recall with nothing decided on its payments yet, in the version of the recall's generation.
    ///
    /// `status` is what `Conf` says: CNCL, PDCR or RJCR. `id` has at most 35 characters, `creation` is an ISO date
    /// and time.
    #[must_use]
    pub fn of(recall: &Recall, id: &str, creation: &str, status: RecallStatus) -> Self {
        Self {
            message_type: crate::generation::resolution_of(recall.message_type),
            business: None,
            assignment: recall.assignment.answered(id, creation),
            case: recall.case.clone(),
            confirmation: Some(status.as_str().to_owned()),
            reasons: Vec::new(),
            groups: Kept::default(),
            transactions: Kept::default(),
        }
    }

    /// Reads a camt.029 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let Draft { mut resolution, .. } = whole::read(input, limits)?;
        resolution.groups.end(());
        resolution.transactions.end((resolution.case.clone(), resolution.groups.clone()));
        Ok(resolution)
    }

    /// What the message decides on one of its payments: its own status, or else the message's; none where neither
    /// is a status of a recall.
    #[must_use]
    pub fn verdict(&self, transaction: &ResolvedPayment) -> Option<Verdict> {
        let status = transaction.status.as_deref().or(self.confirmation.as_deref())?;
        RecallStatus::parse(status).map(RecallStatus::verdict)
    }

    /// What speaks against the message as a whole: header against document (FF01) or assigner (AGNT), no status
    /// (CH21).
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        let assigner = ("Assgnr", self.assignment.assigner.agent());
        let mut refusals = header_refusals(self.business.as_ref(), self.message_type, assigner);
        let is_told = |status: &Option<String>| status.is_some();
        let has_status = is_told(&self.confirmation)
            || !self.reasons.is_empty()
            || self.groups.iter().any(|group| is_told(&group.status))
            || self.transactions.iter().any(|transaction| is_told(&transaction.status));
        if !has_status {
            let text = "the message answers no recall; give Sts/Conf or a cancellation status".to_owned();
            refusals.push(Refusal { code: codes::CH21, text });
        }
        refusals
    }
}

/// An answer being read.
struct Draft {
    resolution: Resolution,
    /// The place of the group that the next transactions belong to; 0 for none.
    group: u32,
}

/// The path within one transaction's answer, wherever it stands.
fn transaction_path(path: &[u16]) -> Option<&[u16]> {
    match path {
        [CXL_DTLS, TX_INF_AND_STS, rest @ ..]
        | [CXL_DTLS, ORGNL_PMT_INF_AND_STS, TX_INF_AND_STS, rest @ ..] => Some(rest),
        _ => None,
    }
}

impl Whole for Draft {
    const FAMILY: Family = Family::Camt029;
    const WHAT: &'static str = "answer to a recall";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        let resolution = Resolution {
            message_type,
            business,
            assignment: Assignment::default(),
            case: None,
            confirmation: None,
            reasons: Vec::new(),
            groups: Kept::default(),
            transactions: Kept::default(),
        };
        Self { resolution, group: 0 }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        let resolution = &mut self.resolution;
        match (path, transaction_path(path)) {
            ([CXL_DTLS], _) => self.group = 0,
            ([CXL_DTLS, ORGNL_GRP_INF_AND_STS], _) => {
                resolution.groups.begin(0);
                self.group = resolution.groups.place();
                return true;
            }
            ([CXL_DTLS, ORGNL_GRP_INF_AND_STS, rest @ ..], _) => resolution.groups.open(rest),
            ([STS, RJCTD_CXL], _) => begin_reason(&mut resolution.reasons),
            (_, Some([])) => {
                resolution.transactions.begin(self.group);
                return true;
            }
            (_, Some(rest)) => resolution.transactions.open(rest),
            _ => {}
        }
        false
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        let resolution = &mut self.resolution;
        match (path, transaction_path(path)) {
            ([ASSGNMT, rest @ ..], _) => resolution.assignment.value(rest, text),
            ([RSLVD_CASE, rest @ ..], _) => Case::value(&mut resolution.case, rest, text),
            ([STS, CONF], _) => resolution.confirmation = Some(text.to_owned()),
            ([STS, RJCTD_CXL, rest @ ..], _) => match (resolution.reasons.last_mut(), rest) {
                (Some(reason), [RSN_CD]) => reason.code = Some(text.to_owned()),
                (Some(reason), [RSN]) => push(&mut reason.additional, text.to_owned()),
                _ => {}
            },
            ([CXL_DTLS, ORGNL_GRP_INF_AND_STS, rest @ ..], _) => {
                resolution.groups.value(rest, text, currency);
            }
            (_, Some(rest)) => resolution.transactions.value(rest, text, currency),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.resolution.business.as_ref(), &self.resolution.assignment.id)
    }
}

impl Element for ResolvedGroup {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn open(&mut self, path: &[u16]) {
        if let [CXL_STS_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [ORGNL_GRP_CXL_ID] => self.recall_id = Some(text.to_owned()),
            [RSLVD_CASE, rest @ ..] => Case::value(&mut self.case, rest, text),
            [GRP_CXL_STS] => self.status = Some(text.to_owned()),
            [CXL_STS_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
            _ => original_message(&mut self.original, path, text),
        }
    }
}

impl Element for ResolvedPayment {
    /// The message's case, and what is said for several payments.
    type Above = (Option<Case>, Kept<ResolvedGroup>);
    type Shared = (Option<Case>, Option<ResolvedGroup>);

    fn shared((case, groups): &Self::Above, place: u32) -> Self::Shared {
        (case.clone(), groups.above(place))
    }

    fn open(&mut self, path: &[u16]) {
        if let [CXL_STS_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [CXL_STS_ID] => self.id = Some(text.to_owned()),
            [RSLVD_CASE, rest @ ..] => Case::value(&mut self.case, rest, text),
            [ORGNL_GRP_INF, rest @ ..] => {
                original_message(self.original_message.get_or_insert_default(), rest, text);
            }
            // Below a payment information the element has the shorter name.
            [UETR] => self.original.uetr = Uetr::parse(text).ok(),
            [ORGNL_CLR_SYS_REF] => self.original_clearing_reference = Some(text.to_owned()),
            [TX_CXL_STS] => self.status = Some(text.to_owned()),
            [CXL_STS_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
            [ORGNL_INTR_BK_STTLM_AMT] => self.original_amount = Some(told(text, currency)),
            [ORGNL_INTR_BK_STTLM_DT] => self.original_settlement_date = Some(text.to_owned()),
            [ORGNL_TX_REF, rest @ ..] => {
                original_reference(&mut self.original_reference, rest, text, currency);
            }
            _ => original_ids(&mut self.original, path, text),
        }
    }

    fn inherit(&mut self, (case, group): &Self::Shared) {
        if let Some(group) = group {
            self.inherit_group(group);
        }
        if self.case.is_none() {
            self.case.clone_from(case);
        }
    }
}

impl ResolvedPayment {
    fn inherit_group(&mut self, group: &ResolvedGroup) {
        if self.case.is_none() {
            self.case.clone_from(&group.case);
        }
        if self.status.is_none() && self.reasons.is_empty() {
            self.reasons = inherited(&group.reasons);
        }
        if self.status.is_none() {
            self.status.clone_from(&group.status);
        }
        self.original_message.get_or_insert_with(|| group.original.clone());
    }
}
