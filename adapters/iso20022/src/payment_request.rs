//! Requests to pay (pain.013, creditor payment activation request): values, reading, and the checks of form. The answer is
//! a pain.014, a [`StatusReport`](crate::status::StatusReport).
//!
//! A request moves no money: who pays sends a payment of its own that names it. `write::passed_request` writes a request
//! again for the debtor's bank, with all that its creditor said; here is kept what tells payments and banks apart.
//! Whether the banks take part, and whether the request has expired, is for others to say.

use std::io::BufRead;
use std::sync::Arc;

use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;

use crate::codes;
use crate::error::ReadError;
use crate::fields::{self, told};
use crate::kept::{Element, Kept};
use crate::limits::Limits;
use crate::payment::{Agent, BusinessHead, Refusal, ToldAmount, TransferDetails, header_refusals};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::totals::hundred_thousandths;
use crate::transfers::{check_iban, refuse};
use crate::whole::{self, Whole};

/// A message of requests, `pain.013.001.07`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentRequest {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `MsgId`.
    pub message_id: String,
    /// `CreDtTm`.
    pub creation: String,
    /// `NbOfTxs`.
    pub number_of_transactions: Option<u64>,
    /// `CtrlSum`, decimal text as received.
    pub control_sum: Option<String>,
    /// What is said for several requests (`PmtInf`), in order.
    pub blocks: Kept<RequestBlock>,
    /// The requests (`CdtTrfTx`), in order.
    pub requests: Kept<RequestedPayment>,
}

/// A debtor's requests (`PmtInf`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestBlock {
    /// `PmtMtd`: TRF or CHK.
    pub method: String,
    /// `XpryDt`: until when the debtor may accept, a date or a date and time.
    pub expiry: Option<String>,
    /// `PmtInfId`, `Dbtr`, `DbtrAcct`, `DbtrAgt` and the rest.
    pub details: TransferDetails,
}

/// One request (`CdtTrfTx`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedPayment {
    /// The place of its block, from 0.
    pub place: usize,
    /// What is said there for several requests.
    pub block: Arc<RequestBlock>,
    /// `InstdAmt`, or the amount of an `EqvtAmt`.
    pub amount: ToldAmount,
    /// The amount is only an equivalent (`EqvtAmt`).
    pub is_equivalent: bool,
    /// `PmtId`, `CdtrAgt`, `Cdtr`, `CdtrAcct` and the rest of the request's own.
    pub details: TransferDetails,
}

impl PaymentRequest {
    /// Reads a pain.013 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut message: Self = whole::read(input, limits)?;
        message.blocks.end(());
        message.requests.end(message.blocks.clone());
        Ok(message)
    }

    /// What speaks against the message as a whole: header against document (FF01), counts (AM18), sums (AM10).
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        let mut refusals = header_refusals(self.business.as_ref(), self.message_type, ("InitgPty", None));
        let count = u64::try_from(self.requests.len()).unwrap_or(u64::MAX);
        if let Some(told) = self.number_of_transactions.filter(|told| *told != count) {
            let text = format!("NbOfTxs says {told}, there are {count} requests");
            refusals.push(Refusal { code: codes::AM18, text });
        }
        let sum = self
            .requests
            .iter()
            .try_fold(0_u128, |sum, one| sum.checked_add(hundred_thousandths(&one.amount.text)?));
        if let Some(told) = self.control_sum.as_ref().filter(|told| hundred_thousandths(told) != sum) {
            let text = format!("CtrlSum says {told}, which is not the sum of the amounts");
            refusals.push(Refusal { code: codes::AM10, text });
        }
        refusals
    }

    /// Who sends the message: the header's sender, or else the creditor's bank of the first request.
    #[must_use]
    pub fn sender(&self) -> Option<Agent> {
        let header = self.business.as_ref().map(|business| business.from.clone());
        header.or_else(|| self.requests.first()?.details.creditor_agent.clone())
    }
}

impl RequestedPayment {
    /// The amount that is asked for, where the request can be paid here at all.
    ///
    /// # Errors
    /// The refusal of a request that can't, whatever the banks: by cheque or in another currency's equivalent (AG03), an
    /// amount (AM01, AM02, AM03, AM12), an IBAN that is none (AC02, AC03), no reference (CH21).
    pub fn to_minor(&self) -> Result<(Amount, Currency), Refusal> {
        let Self { block, details, .. } = self;
        if let Some(method) = Some(block.method.as_str()).filter(|method| *method != "TRF") {
            return refuse(codes::AG03, format!("PmtMtd {method} is not cleared here; ask for a TRF"));
        }
        if self.is_equivalent {
            return refuse(codes::AG03, "an EqvtAmt is not cleared here; ask for an InstdAmt".to_owned());
        }
        let amount = self.amount.to_minor()?;
        check_iban(block.details.debtor_account.as_ref(), codes::AC02, "debtor")?;
        check_iban(details.creditor_account.as_ref(), codes::AC03, "creditor")?;
        if details.ids.is_empty() {
            return refuse(codes::CH21, "the request has no reference; give an EndToEndId".to_owned());
        }
        Ok(amount)
    }
}

impl Whole for PaymentRequest {
    const FAMILY: Family = Family::Pain013;
    const WHAT: &'static str = "request to pay";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            message_type,
            business,
            message_id: String::new(),
            creation: String::new(),
            number_of_transactions: None,
            control_sum: None,
            blocks: Kept::default(),
            requests: Kept::default(),
        }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        match path {
            [PMT_INF] => self.blocks.begin(0),
            [PMT_INF, CDT_TRF_TX] => self.requests.begin(self.blocks.place()),
            _ => return false,
        }
        true
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [GRP_HDR, MSG_ID] => text.clone_into(&mut self.message_id),
            [GRP_HDR, CRE_DT_TM] => text.clone_into(&mut self.creation),
            [GRP_HDR, NB_OF_TXS] => self.number_of_transactions = text.parse().ok(),
            [GRP_HDR, CTRL_SUM] => self.control_sum = Some(text.to_owned()),
            [PMT_INF, CDT_TRF_TX, rest @ ..] => self.requests.value(rest, text, currency),
            [PMT_INF, rest @ ..] => self.blocks.value(rest, text, currency),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), &self.message_id)
    }
}

impl Element for RequestBlock {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [PMT_MTD] => text.clone_into(&mut self.method),
            [XPRY_DT, ..] => self.expiry = Some(text.to_owned()),
            _ => fields::details(&mut self.details, path, text, currency),
        }
    }
}

impl Element for RequestedPayment {
    type Above = Kept<RequestBlock>;
    /// The place of its block, and the block.
    type Shared = (usize, Arc<RequestBlock>);

    fn shared(above: &Self::Above, place: u32) -> Self::Shared {
        let block = Arc::new(above.above(place).unwrap_or_default());
        (usize::try_from(place).unwrap_or(usize::MAX).saturating_sub(1), block)
    }

    fn inherit(&mut self, (place, block): &Self::Shared) {
        (self.place, self.block) = (*place, Arc::clone(block));
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [AMT, INSTD_AMT] => self.amount = told(text, currency),
            [AMT, EQVT_AMT, AMT] => (self.amount, self.is_equivalent) = (told(text, currency), true),
            _ => fields::details(&mut self.details, path, text, currency),
        }
    }
}
