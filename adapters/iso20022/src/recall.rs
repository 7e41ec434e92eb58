//! Recalls (camt.056, payment cancellation request between banks; camt.055, of a customer, as its bank forwards it): values,
//! reading, and the checks of form.
//!
//! `write::camt056` writes them, [`crate::resolution`] holds the answer. Whether the payment exists, may still be
//! recalled, and how long its receiver may think about it, is the engine's to say.

use std::io::BufRead;

use crate::case::{Assignment, Case};
use crate::codes::{self, ReasonCode};
use crate::error::ReadError;
use crate::fields::{original_ids, original_message, original_reference, told};
use crate::generation::in_generation;
use crate::kept::{Element, Kept};
use crate::limits::Limits;
use crate::original::OriginalMessage;
use crate::payment::{
    BusinessHead, CreditTransfer, MessageHead, PaymentIds, Refusal, ToldAmount, TransferDetails,
    header_refusals,
};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::status::{StatusReason, begin_reason, inherited, reason_value};
use crate::whole::{self, Whole};

/// A recall message, `camt.056.001.08` or `camt.055.001.08`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recall {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `Assgnmt`.
    pub assignment: Assignment,
    /// `Case` of the whole message.
    pub case: Option<Case>,
    /// `CtrlData/NbOfTxs`.
    pub number_of_transactions: Option<u64>,
    /// `CtrlData/CtrlSum`, decimal text as received.
    pub control_sum: Option<String>,
    /// Whole messages that are recalled, or that recalled payments came in (`OrgnlGrpInfAndCxl`), and of a customer's
    /// payment informations (`OrgnlPmtInfAndCxl`).
    pub groups: Kept<RecalledGroup>,
    /// Recalled payments (`TxInf`), in order.
    pub transactions: Kept<RecalledPayment>,
}

/// A message that is recalled as a whole or in part (`OrgnlGrpInfAndCxl`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecalledGroup {
    /// `GrpCxlId`; of a payment information `PmtCxlId`.
    pub id: Option<String>,
    /// `Case`.
    pub case: Option<Case>,
    /// The message.
    pub original: OriginalMessage,
    /// `OrgnlPmtInfId`: only this payment information of the message is meant.
    pub payment_information_id: Option<String>,
    /// `NbOfTxs`.
    pub number_of_transactions: Option<u64>,
    /// `CtrlSum`.
    pub control_sum: Option<String>,
    /// `GrpCxl`, `PmtInfCxl`: every payment of the message, or of the payment information, is recalled.
    pub is_whole: bool,
    /// Why (`CxlRsnInf`).
    pub reasons: Vec<StatusReason>,
}

/// One recalled payment (`TxInf`). What the group or message says for all is filled in where it says nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecalledPayment {
    /// `CxlId`.
    pub id: Option<String>,
    /// `Case`.
    pub case: Option<Case>,
    /// `OrgnlGrpInf`.
    pub original_message: Option<OriginalMessage>,
    /// `OrgnlPmtInfId` that it stands below in a customer's recall.
    pub payment_information_id: Option<String>,
    /// `OrgnlInstrId`, `OrgnlEndToEndId`, `OrgnlTxId`, `OrgnlUETR`.
    pub original: PaymentIds,
    /// `OrgnlClrSysRef`.
    pub original_clearing_reference: Option<String>,
    /// `OrgnlIntrBkSttlmAmt`.
    pub original_amount: Option<ToldAmount>,
    /// `OrgnlIntrBkSttlmDt`, an ISO date.
    pub original_settlement_date: Option<String>,
    /// Why (`CxlRsnInf`).
    pub reasons: Vec<StatusReason>,
    /// `OrgnlTxRef`: parties, accounts and agents of the payment, as
    /// [`to_reference`](TransferDetails::to_reference) keeps them.
    pub original_reference: Option<Box<TransferDetails>>,
}

impl RecalledPayment {
    /// The recall of a payment, `id` at most 35 characters.
    #[must_use]
    pub fn of(head: &MessageHead, payment: &CreditTransfer, id: &str, reason: ReasonCode) -> Self {
        let details = &payment.details;
        Self {
            id: Some(id.to_owned()),
            case: None,
            original_message: Some(OriginalMessage::of(head)),
            payment_information_id: None,
            original: details.ids.clone(),
            original_clearing_reference: details.clearing_reference.clone(),
            original_amount: Some(ToldAmount::of(payment.amount, payment.currency)),
            original_settlement_date: details.settlement_date.clone(),
            reasons: vec![StatusReason::new(reason, "")],
            original_reference: Some(Box::new(details.to_reference())),
        }
    }

    /// Why this recall can't be followed, whatever the payment: it names none, or no reason (CH21).
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let text = if self.original.is_empty() && self.original_clearing_reference.is_none() {
            "the recall names no payment; give its UETR or another reference"
        } else if self.reasons.iter().all(|reason| reason.code.is_none() && reason.proprietary.is_none()) {
            "the recall has no reason; give a code such as DUPL, FRAD or TECH"
        } else {
            return None;
        };
        Some(Refusal { code: codes::CH21, text: text.to_owned() })
    }
}

impl Recall {
    /// Reads a camt.056 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        whole::read(input, limits).map(Draft::ended)
    }

    /// Reads a camt.055 in the same way.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_customers(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        whole::read(input, limits).map(|CustomersDraft(draft)| draft.ended())
    }

    /// The type of the message by which it is passed on to another bank: of its generation, a camt.056.
    #[must_use]
    pub fn passed_type(&self) -> MessageType {
        in_generation(self.message_type, Family::Camt056).unwrap_or(self.message_type)
    }

    /// What speaks against the message as a whole: header against document (FF01) or assigner (AGNT), counts
    /// (AM18).
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        let assigner = ("Assgnr", self.assignment.assigner.agent());
        let mut refusals = header_refusals(self.business.as_ref(), self.message_type, assigner);
        let has_whole = self.groups.iter().any(|group| group.is_whole);
        let count = u64::try_from(self.transactions.len()).unwrap_or(u64::MAX);
        if let Some(told) = self.number_of_transactions.filter(|told| *told != count && !has_whole) {
            let text = format!("NbOfTxs says {told}, there are {count} transactions");
            refusals.push(Refusal { code: codes::AM18, text });
        }
        if count == 0 && !has_whole {
            let text = "no payment is recalled; give a TxInf, or a group with GrpCxl".to_owned();
            refusals.push(Refusal { code: codes::CH21, text });
        }
        refusals
    }
}

/// A recall being read.
struct Draft {
    recall: Recall,
    /// The place of the group that the next transactions belong to; 0 for none.
    group: u32,
    /// The messages above a customer's payment informations, and the place of the last one.
    messages: Kept<RecalledGroup>,
    message: u32,
}

impl Draft {
    fn begin_group(&mut self, message: u32) {
        self.recall.groups.begin(message);
        self.group = self.recall.groups.place();
    }

    fn begin_message(&mut self) {
        self.messages.begin(0);
        self.message = self.messages.place();
    }

    /// The recall, each payment below its group and each group below its message.
    fn ended(self) -> Recall {
        let Self { mut recall, mut messages, .. } = self;
        messages.end(Kept::default());
        recall.groups.end(messages);
        recall.transactions.end((recall.case.clone(), recall.groups.clone()));
        recall
    }
}

impl Whole for Draft {
    const FAMILY: Family = Family::Camt056;
    const WHAT: &'static str = "recall";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        let recall = Recall {
            message_type,
            business,
            assignment: Assignment::default(),
            case: None,
            number_of_transactions: None,
            control_sum: None,
            groups: Kept::default(),
            transactions: Kept::default(),
        };
        Self { recall, group: 0, messages: Kept::default(), message: 0 }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        match path {
            [UNDRLYG] => (self.group, self.message) = (0, 0),
            [UNDRLYG, ORGNL_GRP_INF_AND_CXL] => self.begin_group(0),
            [UNDRLYG, ORGNL_GRP_INF_AND_CXL, rest @ ..] => self.recall.groups.open(rest),
            [UNDRLYG, TX_INF] => self.recall.transactions.begin(self.group),
            [UNDRLYG, TX_INF, rest @ ..] => self.recall.transactions.open(rest),
            _ => {}
        }
        matches!(path, [UNDRLYG, ORGNL_GRP_INF_AND_CXL | TX_INF])
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        let recall = &mut self.recall;
        match path {
            [ASSGNMT, rest @ ..] => recall.assignment.value(rest, text),
            [CASE, rest @ ..] => Case::value(&mut recall.case, rest, text),
            [CTRL_DATA, NB_OF_TXS] => recall.number_of_transactions = text.parse().ok(),
            [CTRL_DATA, CTRL_SUM] => recall.control_sum = Some(text.to_owned()),
            [UNDRLYG, ORGNL_GRP_INF_AND_CXL, rest @ ..] => recall.groups.value(rest, text, currency),
            [UNDRLYG, TX_INF, rest @ ..] => recall.transactions.value(rest, text, currency),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.recall.business.as_ref(), &self.recall.assignment.id)
    }
}

/// A customer's recall being read: payments stand below payment informations, and these below messages.
struct CustomersDraft(Draft);

impl Whole for CustomersDraft {
    const FAMILY: Family = Family::Camt055;
    const WHAT: &'static str = "customer's recall";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self(Draft::begin(message_type, business))
    }

    fn open(&mut self, path: &[u16]) -> bool {
        let draft = &mut self.0;
        match path {
            [UNDRLYG, ORGNL_PMT_INF_AND_CXL] => {
                draft.begin_group(draft.message);
                draft.recall.groups.value(&[ORGNL_PMT_INF_ID], "", "");
                true
            }
            [UNDRLYG, ORGNL_PMT_INF_AND_CXL, TX_INF, rest @ ..] => {
                draft.open(&[&[UNDRLYG, TX_INF][..], rest].concat())
            }
            [UNDRLYG, ORGNL_PMT_INF_AND_CXL, rest @ ..] => {
                draft.recall.groups.open(rest);
                false
            }
            [UNDRLYG, ORGNL_GRP_INF_AND_CXL] => {
                draft.begin_message();
                draft.open(path)
            }
            [UNDRLYG, ORGNL_GRP_INF_AND_CXL, rest @ ..] => {
                draft.messages.open(rest);
                draft.open(path)
            }
            _ => draft.open(path),
        }
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        let Draft { recall, messages, .. } = &mut self.0;
        match path {
            [UNDRLYG, ORGNL_PMT_INF_AND_CXL, TX_INF, rest @ ..] => {
                recall.transactions.value(rest, text, currency);
            }
            [UNDRLYG, ORGNL_PMT_INF_AND_CXL, rest @ ..] => recall.groups.value(rest, text, currency),
            // A long story told of a message is none of its payment informations'.
            [UNDRLYG, ORGNL_GRP_INF_AND_CXL, rest @ ..] if rest.last() != Some(&ADDTL_INF) => {
                messages.value(rest, text, currency);
                self.0.value(path, text, currency);
            }
            _ => self.0.value(path, text, currency),
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        self.0.reference()
    }
}

impl Element for RecalledGroup {
    /// The messages that are named for the payment informations below them.
    type Above = Kept<Self>;
    type Shared = Option<Self>;

    fn shared(above: &Kept<Self>, place: u32) -> Option<Self> {
        above.above(place)
    }

    fn open(&mut self, path: &[u16]) {
        if let [CXL_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [GRP_CXL_ID | PMT_CXL_ID] => self.id = Some(text.to_owned()),
            [ORGNL_PMT_INF_ID] => self.payment_information_id = Some(text.to_owned()),
            [ORGNL_GRP_INF, rest @ ..] => original_message(&mut self.original, rest, text),
            [CASE, rest @ ..] => Case::value(&mut self.case, rest, text),
            [NB_OF_TXS] => self.number_of_transactions = text.parse().ok(),
            [CTRL_SUM] => self.control_sum = Some(text.to_owned()),
            [GRP_CXL | PMT_INF_CXL] => self.is_whole = matches!(text, "true" | "1"),
            [CXL_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
            _ => original_message(&mut self.original, path, text),
        }
    }

    fn inherit(&mut self, message: &Option<Self>) {
        let Some(message) = message else { return };
        if self.original.message_id.is_empty() {
            self.original.clone_from(&message.original);
        }
        if self.case.is_none() {
            self.case.clone_from(&message.case);
        }
        if self.reasons.is_empty() {
            self.reasons = inherited(&message.reasons);
        }
    }
}

impl Element for RecalledPayment {
    /// The message's case, and what is said for several payments.
    type Above = (Option<Case>, Kept<RecalledGroup>);
    type Shared = (Option<Case>, Option<RecalledGroup>);

    fn shared((case, groups): &Self::Above, place: u32) -> Self::Shared {
        (case.clone(), groups.above(place))
    }

    fn open(&mut self, path: &[u16]) {
        if let [CXL_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [CXL_ID] => self.id = Some(text.to_owned()),
            [CASE, rest @ ..] => Case::value(&mut self.case, rest, text),
            [ORGNL_GRP_INF, rest @ ..] => {
                original_message(self.original_message.get_or_insert_default(), rest, text);
            }
            [ORGNL_CLR_SYS_REF] => self.original_clearing_reference = Some(text.to_owned()),
            [ORGNL_INTR_BK_STTLM_AMT] => self.original_amount = Some(told(text, currency)),
            [ORGNL_INTR_BK_STTLM_DT] => self.original_settlement_date = Some(text.to_owned()),
            [CXL_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
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

impl RecalledPayment {
    fn inherit_group(&mut self, group: &RecalledGroup) {
        if self.case.is_none() {
            self.case.clone_from(&group.case);
        }
        if self.reasons.is_empty() {
            self.reasons = inherited(&group.reasons);
        }
        if !group.original.message_id.is_empty() {
            self.original_message.get_or_insert_with(|| group.original.clone());
        }
        self.payment_information_id.clone_from(&group.payment_information_id);
    }
}
