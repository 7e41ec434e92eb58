//! Status requests (pacs.028): values, reading, and the checks of form. `write::pacs028` writes them; the answer is
//! a pacs.002 ([`crate::status`]).

use std::io::BufRead;

use crate::codes;
use crate::error::ReadError;
use crate::fields::{self, original_ids, original_message, original_reference};
use crate::kept::{Element, Kept};
use crate::limits::Limits;
use crate::original::OriginalMessage;
use crate::payment::{
    Agent, BusinessHead, CreditTransfer, MessageHead, PaymentIds, Refusal, TransferDetails, header_refusals,
};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// A status request, `pacs.028.001.03`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusRequest {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `MsgId`.
    pub message_id: String,
    /// `CreDtTm`, an ISO date and time.
    pub creation: String,
    /// `InstgAgt`: who asks.
    pub instructing_agent: Option<Agent>,
    /// `InstdAgt`: who is asked.
    pub instructed_agent: Option<Agent>,
    /// Messages that are asked for, or that the payments came in (`OrgnlGrpInf`).
    pub groups: Kept<RequestedGroup>,
    /// Payments that are asked for (`TxInf`); none if the messages are asked for as a whole.
    pub transactions: Kept<RequestedStatus>,
}

/// A message whose status is asked for (`OrgnlGrpInf`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedGroup {
    /// The message.
    pub original: OriginalMessage,
    /// `OrgnlNbOfTxs`.
    pub number_of_transactions: Option<u64>,
    /// `OrgnlCtrlSum`.
    pub control_sum: Option<String>,
}

/// A payment whose status is asked for (`TxInf`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedStatus {
    /// `StsReqId`.
    pub id: Option<String>,
    /// `OrgnlGrpInf`; that of the message, if there is one, where the payment says nothing.
    pub original_message: Option<OriginalMessage>,
    /// `OrgnlInstrId`, `OrgnlEndToEndId`, `OrgnlTxId`, `OrgnlUETR`.
    pub original: PaymentIds,
    /// `AccptncDtTm`.
    pub acceptance: Option<String>,
    /// `ClrSysRef`.
    pub clearing_reference: Option<String>,
    /// `InstgAgt`.
    pub instructing_agent: Option<Agent>,
    /// `InstdAgt`.
    pub instructed_agent: Option<Agent>,
    /// `OrgnlTxRef`: parties, accounts and agents of the payment, as
    /// [`to_reference`](TransferDetails::to_reference) keeps them.
    pub original_reference: Option<Box<TransferDetails>>,
}

impl RequestedStatus {
    /// The request for the status of a payment, `id` at most 35 characters.
    #[must_use]
    pub fn of(head: &MessageHead, payment: &CreditTransfer, id: &str) -> Self {
        Self {
            id: Some(id.to_owned()),
            original_message: Some(OriginalMessage::of(head)),
            original: payment.details.ids.clone(),
            original_reference: Some(Box::new(payment.details.to_reference())),
            ..Self::default()
        }
    }

    /// Why this request can't be answered: it names no payment (CH21).
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let is_named = !self.original.is_empty() || self.clearing_reference.is_some();
        let text = "the request names no payment; give its UETR or another reference";
        (!is_named).then(|| Refusal { code: codes::CH21, text: text.to_owned() })
    }
}

impl StatusRequest {
    /// Reads a pacs.028 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut request: Self = whole::read(input, limits)?;
        request.groups.end(());
        request.transactions.end(request.groups.clone());
        Ok(request)
    }

    /// What speaks against the message as a whole: header against document (FF01) or instructing agent (AGNT),
    /// nothing asked for (CH21).
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        let instructing = ("InstgAgt", self.instructing_agent.as_ref());
        let mut refusals = header_refusals(self.business.as_ref(), self.message_type, instructing);
        if self.groups.is_empty() && self.transactions.is_empty() {
            let text = "nothing is asked for; give an OrgnlGrpInf or a TxInf".to_owned();
            refusals.push(Refusal { code: codes::CH21, text });
        }
        refusals
    }
}

impl Whole for StatusRequest {
    const FAMILY: Family = Family::Pacs028;
    const WHAT: &'static str = "status request";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            message_type,
            business,
            message_id: String::new(),
            creation: String::new(),
            instructing_agent: None,
            instructed_agent: None,
            groups: Kept::default(),
            transactions: Kept::default(),
        }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        match path {
            [ORGNL_GRP_INF] => self.groups.begin(0),
            [TX_INF] => self.transactions.begin(0),
            _ => return false,
        }
        true
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [GRP_HDR, MSG_ID] => text.clone_into(&mut self.message_id),
            [GRP_HDR, CRE_DT_TM] => text.clone_into(&mut self.creation),
            [GRP_HDR, INSTG_AGT, rest @ ..] => {
                fields::agent(self.instructing_agent.get_or_insert_default(), rest, text);
            }
            [GRP_HDR, INSTD_AGT, rest @ ..] => {
                fields::agent(self.instructed_agent.get_or_insert_default(), rest, text);
            }
            [ORGNL_GRP_INF, rest @ ..] => self.groups.value(rest, text, currency),
            [TX_INF, rest @ ..] => self.transactions.value(rest, text, currency),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), &self.message_id)
    }
}

impl Element for RequestedGroup {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [ORGNL_NB_OF_TXS] => self.number_of_transactions = text.parse().ok(),
            [ORGNL_CTRL_SUM] => self.control_sum = Some(text.to_owned()),
            _ => original_message(&mut self.original, path, text),
        }
    }
}

impl Element for RequestedStatus {
    /// The messages: if there is one, the payments are of it.
    type Above = Kept<RequestedGroup>;
    type Shared = Option<OriginalMessage>;

    fn shared(above: &Self::Above, _: u32) -> Self::Shared {
        above.only().map(|group| group.original.clone())
    }

    fn inherit(&mut self, message: &Self::Shared) {
        if self.original_message.is_none() {
            self.original_message.clone_from(message);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [STS_REQ_ID] => self.id = Some(text.to_owned()),
            [ORGNL_GRP_INF, rest @ ..] => {
                original_message(self.original_message.get_or_insert_default(), rest, text);
            }
            [ACCPTNC_DT_TM] => self.acceptance = Some(text.to_owned()),
            [CLR_SYS_REF] => self.clearing_reference = Some(text.to_owned()),
            [INSTG_AGT, rest @ ..] => {
                fields::agent(self.instructing_agent.get_or_insert_default(), rest, text);
            }
            [INSTD_AGT, rest @ ..] => {
                fields::agent(self.instructed_agent.get_or_insert_default(), rest, text);
            }
            [ORGNL_TX_REF, rest @ ..] => original_reference(&mut self.original_reference, rest, text, ""),
            _ => original_ids(&mut self.original, path, text),
        }
    }
}
