//! Streams the returns of a pacs.004 (payment return) out of a validated file, one at a time.
//!
//! As with transfers, faults of form end the reading, a return that can't be followed is [`ReturnEntry::Refused`],
//! and what speaks against the file as a whole stands in the [`FileSummary`]. Whether the original payment exists,
//! and how much of it may still be returned, is the engine's to say. `RtrChain` is validated and not kept.

use std::io::BufRead;

use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;

use crate::codes::{self, ReasonCode};
use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::fields::{
    self, original_ids, original_message, original_reference, original_reference_open,
    original_reference_said, told,
};
use crate::limits::{ENTRY_ITEMS_MAX, Limits};
use crate::original::OriginalMessage;
use crate::payment::{
    Agent, Charge, CreditTransfer, FileSummary, MessageHead, PaymentIds, Refusal, ToldAmount, TransferDetails,
};
use crate::schema::Family;
use crate::schema::names::*;
use crate::status::{StatusReason, begin_reason, reason_value};
use crate::totals::Totals;
use crate::transfers::{check_sender, read_until_document, refuse, with_reference};
use crate::verbatim::{Verbatim, root_at};
use crate::whole::Crowd;

type Result<T> = std::result::Result<T, ReadError>;

/// All that a return says beside its amount (`TxInf`); what the group says for all is filled in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReturnDetails {
    /// `RtrId`.
    pub id: Option<String>,
    /// `OrgnlGrpInf`: the message that the payment came in.
    pub original_message: Option<OriginalMessage>,
    /// `OrgnlInstrId`, `OrgnlEndToEndId`, `OrgnlTxId`, `OrgnlUETR`.
    pub original: PaymentIds,
    /// `OrgnlClrSysRef`.
    pub original_clearing_reference: Option<String>,
    /// `OrgnlIntrBkSttlmAmt`: what was paid, as the sender says.
    pub original_amount: Option<ToldAmount>,
    /// `OrgnlIntrBkSttlmDt`, an ISO date.
    pub original_settlement_date: Option<String>,
    /// `IntrBkSttlmDt` of the return, an ISO date.
    pub settlement_date: Option<String>,
    /// `RtrdInstdAmt`: the returned amount before charges and exchange.
    pub returned_instructed_amount: Option<ToldAmount>,
    /// `XchgRate`.
    pub exchange_rate: Option<String>,
    /// `CompstnAmt`.
    pub compensation: Option<ToldAmount>,
    /// `ChrgBr`: DEBT, CRED, SHAR or SLEV.
    pub charge_bearer: Option<String>,
    /// `ChrgsInf`, in order.
    pub charges: Vec<Charge>,
    /// `ClrSysRef` of the return.
    pub clearing_reference: Option<String>,
    /// `InstgAgt`: who returns.
    pub instructing_agent: Option<Agent>,
    /// `InstdAgt`: who gets the money back.
    pub instructed_agent: Option<Agent>,
    /// Why (`RtrRsnInf`), codes of ExternalReturnReason1Code; at least one in a return that is not refused.
    pub reasons: Vec<StatusReason>,
    /// `OrgnlTxRef`: parties, accounts and agents of the payment, as
    /// [`to_reference`](TransferDetails::to_reference) keeps them.
    pub original_reference: Option<Box<TransferDetails>>,
    /// What it says beyond these fields: `RtrChain`, and addresses of agents that have taken charges.
    pub said: Verbatim,
}

/// A return that passed every check of form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentReturn {
    /// Place in the file, from 1.
    pub index: u64,
    /// `RtrdIntrBkSttlmAmt`: what is given back.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// Everything else.
    pub details: ReturnDetails,
}

/// A return that can't be followed whatever the payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedReturn {
    /// Place in the file, from 1.
    pub index: u64,
    /// The amount as received.
    pub amount: ToldAmount,
    /// Everything else, so that an answer can name it.
    pub details: ReturnDetails,
    /// Why.
    pub refusal: Refusal,
}

/// One return of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReturnEntry {
    /// To be followed.
    Return(Box<PaymentReturn>),
    /// To be answered with a rejection.
    Refused(Box<RefusedReturn>),
}

impl PaymentReturn {
    /// The return of `amount` of a payment, from its creditor's bank back to its debtor's; `id` has at most 35
    /// characters.
    #[must_use]
    pub fn of(
        head: &MessageHead,
        payment: &CreditTransfer,
        (id, amount): (&str, Amount),
        reason: ReasonCode,
    ) -> Self {
        let details = &payment.details;
        let details = ReturnDetails {
            id: Some(id.to_owned()),
            original_message: Some(OriginalMessage::of(head)),
            original: details.ids.clone(),
            original_clearing_reference: details.clearing_reference.clone(),
            original_amount: Some(ToldAmount::of(payment.amount, payment.currency)),
            original_settlement_date: details.settlement_date.clone(),
            instructing_agent: details.instructed_agent.clone(),
            instructed_agent: details.instructing_agent.clone(),
            reasons: vec![StatusReason::new(reason, "")],
            original_reference: Some(Box::new(details.to_reference())),
            ..ReturnDetails::default()
        };
        Self { index: 1, amount, currency: payment.currency, details }
    }
}

/// A reader of one file's returns.
#[derive(Debug)]
pub struct ReturnReader<R> {
    events: Events<R>,
    limits: Limits,
    head: MessageHead,
    /// What the group says for every return.
    group: ReturnDetails,
    /// Reasons of the group, so far.
    group_reasons: u64,
    /// `GrpRtr`: every payment of the original message is returned.
    is_whole: bool,
    draft: Draft,
    totals: Totals,
    index: u64,
    refused: u64,
    is_done: bool,
}

/// A return being read.
#[derive(Debug, Default)]
struct Draft {
    details: ReturnDetails,
    amount: ToldAmount,
    /// Where its start tag ended.
    start: u64,
    /// Repeated elements, so far.
    items: usize,
    crowd: Crowd,
}

impl<R: BufRead> ReturnReader<R> {
    /// Reads up to and with the group header.
    ///
    /// # Errors
    /// [`ReadError`] where that can't be read, and [`ErrorCode::WrongMessage`] for another message.
    pub fn new(input: R, limits: Limits) -> Result<Self> {
        let mut events = Events::new(input, &limits);
        let (message_type, business) = read_until_document(&mut events)?;
        if message_type.family() != Family::Pacs004 {
            let text = format!("{message_type} is no payment return; send a pacs.004");
            let error = events.located(ReadError::new(ErrorCode::WrongMessage, text));
            return Err(with_reference(error, business.as_ref(), ""));
        }
        let mut head = MessageHead::new(message_type, "", "");
        head.business = business;
        let mut reader = Self {
            events,
            limits,
            head,
            group: ReturnDetails::default(),
            group_reasons: 0,
            is_whole: false,
            draft: Draft::default(),
            totals: Totals::default(),
            index: 0,
            refused: 0,
            is_done: false,
        };
        reader.read_group()?;
        Ok(reader)
    }

    /// The headers.
    pub fn head(&self) -> &MessageHead {
        &self.head
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.events.position()
    }

    /// The next return, or none when the file is complete.
    ///
    /// # Errors
    /// [`ReadError`] where the file can't be read on; what was delivered before is then to be dropped.
    pub fn next_return(&mut self) -> Result<Option<ReturnEntry>> {
        while !self.is_done {
            match (self.next_event()?, self.events.path()) {
                (Event::End, _) => self.is_done = true,
                (Event::Open, [_, _, ORGNL_GRP_INF]) => {
                    self.group.original_message = Some(Default::default());
                }
                (Event::Open, [_, _, ORGNL_GRP_INF, RTR_RSN_INF]) => self.group_reasons += 1,
                (Event::Value, [_, _, ORGNL_GRP_INF, ..]) => self.group_value(),
                (Event::Open, [_, _, TX_INF]) => self.open_return()?,
                (Event::Close, [_, _, TX_INF]) => return self.close_return().map(Some),
                (Event::Open, [_, _, TX_INF, ..]) => self.open_part()?,
                (Event::Value, [_, _, TX_INF, ..]) => self.return_value()?,
                _ => {}
            }
        }
        Ok(None)
    }

    /// Reads what is left and sums the file up.
    ///
    /// # Errors
    /// [`ReadError`] where the file can't be read to its end.
    pub fn finish(mut self) -> Result<FileSummary> {
        while self.next_return()?.is_some() {}
        let mut refusals = self.totals.refusals(&self.head, self.index);
        if self.is_whole && self.index == 0 {
            let text =
                "GrpRtr returns a message without naming its payments; name each in a TxInf".to_owned();
            refusals.insert(0, Refusal { code: codes::AG03, text });
        }
        Ok(FileSummary {
            transactions: self.index,
            refused: self.refused,
            refusals,
            bytes: self.events.position(),
            head: self.head,
        })
    }

    fn next_event(&mut self) -> Result<Event> {
        let event = self.events.next_event();
        event.map_err(|error| with_reference(error, self.head.business.as_ref(), &self.head.message_id))
    }

    fn fail<T>(&mut self, code: ErrorCode, text: String) -> Result<T> {
        let error = self.events.stop(ReadError::new(code, text));
        Err(with_reference(error, self.head.business.as_ref(), &self.head.message_id))
    }

    fn read_group(&mut self) -> Result<()> {
        loop {
            match (self.next_event()?, self.events.path()) {
                (Event::Value, [_, _, GRP_HDR, GRP_RTR]) => {
                    self.is_whole = matches!(self.events.text(), "true" | "1");
                }
                (Event::Value, [_, _, GRP_HDR, path @ ..]) => {
                    let currency = self.events.attribute().map_or("", |(_, currency)| currency);
                    fields::group_head(&mut self.head, path, self.events.text(), currency);
                }
                (Event::Close, [_, _, GRP_HDR]) => break,
                _ => {}
            }
        }
        self.group.instructing_agent.clone_from(&self.head.instructing_agent);
        self.group.instructed_agent.clone_from(&self.head.instructed_agent);
        self.group.settlement_date.clone_from(&self.head.settlement_date);
        Ok(())
    }

    /// Of the group's reasons only the first one's code is kept: it stands for returns that give none.
    fn group_value(&mut self) {
        let [_, _, _, path @ ..] = self.events.path() else { return };
        let text = self.events.text();
        match path {
            [RTR_RSN_INF, RSN | RTR_RSN, ..] if self.group_reasons == 1 => {
                self.group.reasons = vec![StatusReason::default()];
                reason_value(self.group.reasons.last_mut(), path.get(1..).unwrap_or_default(), text);
            }
            [RTR_RSN_INF, ..] => {}
            _ => original_message(self.group.original_message.get_or_insert_default(), path, text),
        }
    }

    fn open_return(&mut self) -> Result<()> {
        if self.index == self.limits.transactions_max {
            let text = format!("more than {} returns; split the file", self.limits.transactions_max);
            return self.fail(ErrorCode::TooMany, text);
        }
        self.index += 1;
        let details = ReturnDetails {
            instructing_agent: self.group.instructing_agent.clone(),
            instructed_agent: self.group.instructed_agent.clone(),
            settlement_date: self.group.settlement_date.clone(),
            ..ReturnDetails::default()
        };
        self.draft = Draft { details, start: self.events.position(), ..Draft::default() };
        self.draft.crowd.restart(&self.events);
        Ok(())
    }

    /// Keeps what one return may hold within its bounds.
    fn count(&mut self, event: Event) -> Result<()> {
        self.draft.items += self.draft.crowd.count(event, &self.events);
        if self.draft.items > ENTRY_ITEMS_MAX || self.draft.crowd.is_over(&self.events) {
            let text = format!(
                "more than {ENTRY_ITEMS_MAX} reasons and details in one return, or many that say nothing; shorten it"
            );
            return self.fail(ErrorCode::TooMany, text);
        }
        if self.events.position() - self.draft.start > self.limits.transaction_bytes_max {
            let text =
                format!("a return has more than {} bytes; shorten it", self.limits.transaction_bytes_max);
            return self.fail(ErrorCode::TooLarge, text);
        }
        Ok(())
    }

    fn open_part(&mut self) -> Result<()> {
        self.count(Event::Open)?;
        let details = &mut self.draft.details;
        match self.events.path() {
            [_, _, _, RTR_RSN_INF] => begin_reason(&mut details.reasons),
            [_, _, _, INSTG_AGT] => details.instructing_agent = None,
            [_, _, _, INSTD_AGT] => details.instructed_agent = None,
            [_, _, _, ORGNL_TX_REF, path @ ..] => {
                original_reference_open(&mut details.original_reference, path);
            }
            [_, _, _, path @ ..] => {
                if let Some(at) = said_at(path) {
                    details.said.open(path, at, details.charges.len());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn return_value(&mut self) -> Result<()> {
        self.count(Event::Value)?;
        let [_, _, _, path @ ..] = self.events.path() else { return Ok(()) };
        let text = self.events.text();
        let currency = self.events.attribute().map_or("", |(_, currency)| currency);
        match path {
            [RTRD_INTR_BK_STTLM_AMT] => self.draft.amount = told(text, currency),
            _ => value(&mut self.draft.details, path, text, currency),
        }
        Ok(())
    }

    fn close_return(&mut self) -> Result<ReturnEntry> {
        let Draft { mut details, amount, .. } = std::mem::take(&mut self.draft);
        if details.reasons.is_empty() {
            details.reasons.clone_from(&self.group.reasons);
        }
        if details.original_message.is_none() {
            details.original_message.clone_from(&self.group.original_message);
        }
        let total = self.head.total.as_ref().map(|total| total.currency.as_str());
        self.totals.add(&amount, total);
        // A payment may be returned in parts: only without an id of its own is a return told by what it returns.
        let ids = match &details.id {
            Some(id) => PaymentIds { transaction: Some(id.clone()), ..PaymentIds::default() },
            None => details.original.clone(),
        };
        let unique = self.totals.note_ids(&ids);
        let index = self.index;
        let judged = judge(&details, &amount, &self.head).and_then(|followed| unique.map(|()| followed));
        Ok(match judged {
            Ok((amount, currency)) => {
                ReturnEntry::Return(Box::new(PaymentReturn { index, amount, currency, details }))
            }
            Err(refusal) => {
                self.refused += 1;
                ReturnEntry::Refused(Box::new(RefusedReturn { index, amount, details, refusal }))
            }
        })
    }
}

/// A value of a return.
fn value(to: &mut ReturnDetails, path: &[u16], text: &str, currency: &str) {
    let owned = || Some(text.to_owned());
    match path {
        [RTR_ID] => to.id = owned(),
        [ORGNL_GRP_INF, rest @ ..] => {
            original_message(to.original_message.get_or_insert_default(), rest, text);
        }
        [ORGNL_CLR_SYS_REF] => to.original_clearing_reference = owned(),
        [ORGNL_INTR_BK_STTLM_AMT] => to.original_amount = Some(told(text, currency)),
        [ORGNL_INTR_BK_STTLM_DT] => to.original_settlement_date = owned(),
        [INTR_BK_STTLM_DT] => to.settlement_date = owned(),
        [RTRD_INSTD_AMT] => to.returned_instructed_amount = Some(told(text, currency)),
        [XCHG_RATE] => to.exchange_rate = owned(),
        [COMPSTN_AMT] => to.compensation = Some(told(text, currency)),
        [CHRG_BR] => to.charge_bearer = owned(),
        [CHRGS_INF, rest @ ..] => fields::charge(&mut to.charges, rest, text, currency),
        [CLR_SYS_REF] => to.clearing_reference = owned(),
        [INSTG_AGT, rest @ ..] => fields::agent(to.instructing_agent.get_or_insert_default(), rest, text),
        [INSTD_AGT, rest @ ..] => fields::agent(to.instructed_agent.get_or_insert_default(), rest, text),
        [RTR_RSN_INF, rest @ ..] => reason_value(to.reasons.last_mut(), rest, text),
        [ORGNL_TX_REF, rest @ ..] => {
            original_reference(&mut to.original_reference, rest, text, currency);
            original_reference_said(&mut to.original_reference, rest, text, currency);
        }
        _ => original_ids(&mut to.original, path, text),
    }
    if let Some(at) = said_at(path) {
        to.said.value(path, (at, to.charges.len()), (text, currency));
    }
}

/// Where in a return what is kept as it is said begins.
fn said_at(path: &[u16]) -> Option<usize> {
    root_at(path).filter(|_| matches!(path, [RTR_CHAIN | CHRGS_INF, ..]))
}

/// The checks of one return that need nothing but the file.
fn judge(
    details: &ReturnDetails,
    amount: &ToldAmount,
    head: &MessageHead,
) -> std::result::Result<(Amount, Currency), Refusal> {
    let told = amount.to_minor()?;
    if details.original.is_empty() && details.original_clearing_reference.is_none() {
        let text = "the return names no payment; give its UETR or another reference".to_owned();
        return refuse(codes::CH21, text);
    }
    if details.reasons.iter().all(|reason| reason.code.is_none() && reason.proprietary.is_none()) {
        let text = "the return has no reason; give RtrRsnInf with a code such as AC04".to_owned();
        return refuse(codes::CH21, text);
    }
    check_sender(details.instructing_agent.as_ref(), head.business.as_ref())?;
    Ok(told)
}
