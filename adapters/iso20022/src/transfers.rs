//! Streams the credit transfers of a pacs.008, pacs.009 or pain.001, one at a time, out of a validated file.
//!
//! Faults of form end the reading ([`ReadError`]); what can be read but not cleared is an [`Entry::Refused`]; what
//! speaks against the file as a whole stands in the [`FileSummary`]. As that is known at the end only, a caller
//! that must not clear a part of a bad file reads it twice: [`check`], then [`TransferReader`].
//! Never holds more than one transaction, and looks at no account.

use std::io::BufRead;

use feiqian_core::currency::Currency;
use feiqian_core::iban::is_iban;
use feiqian_core::money::Amount;

use crate::codes::{self, ReasonCode};
use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::fields;
use crate::limits::Limits;
use crate::payment::{
    AccountId, Agent, BusinessHead, CreditTransfer, Entry, FileSummary, MessageHead, Refusal,
    RefusedTransfer, ToldAmount, TransferDetails,
};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::totals::Totals;

type Result<T> = std::result::Result<T, ReadError>;

/// The families that carry credit transfers.
pub const TRANSFER_FAMILIES: [Family; 3] = [Family::Pacs008, Family::Pacs009, Family::Pain001];

/// Validates a whole file and every check that needs no account, keeping no transaction.
///
/// # Errors
/// [`ReadError`] where the file can't be read.
pub fn check(input: impl BufRead, limits: Limits) -> Result<FileSummary> {
    TransferReader::new(input, limits)?.finish()
}

/// What message a file holds, and its business application header: reads no further than that.
///
/// # Errors
/// [`ReadError`] where that can't be read.
pub fn identify(input: impl BufRead, limits: Limits) -> Result<(MessageType, Option<BusinessHead>)> {
    read_until_document(&mut Events::new(input, &limits))
}

/// A reader of one file's credit transfers.
#[derive(Debug)]
pub struct TransferReader<R> {
    events: Events<R>,
    limits: Limits,
    head: MessageHead,
    /// What the group header says for every transaction.
    group: TransferDetails,
    /// The same with what the payment information of a pain.001 adds.
    block: TransferDetails,
    draft: Draft,
    totals: Totals,
    index: u64,
    refused: u64,
    is_done: bool,
}

/// A transaction being read.
#[derive(Debug, Default)]
struct Draft {
    details: TransferDetails,
    amount: ToldAmount,
    /// Currency to transfer where the amount is only its equivalent.
    transfer_currency: Option<String>,
    /// Where its start tag ended.
    start: u64,
}

/// The part of a message that an element belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Business,
    Group,
    Block,
    Transaction,
    Elsewhere,
}

/// The part of the element at `path`, and the path within that part.
fn part(path: &[u16]) -> (Part, &[u16]) {
    match path {
        [APP_HDR, rest @ ..] => (Part::Business, rest),
        [DOCUMENT, _, GRP_HDR, rest @ ..] => (Part::Group, rest),
        [DOCUMENT, _, CDT_TRF_TX_INF, rest @ ..] | [DOCUMENT, _, PMT_INF, CDT_TRF_TX_INF, rest @ ..] => {
            (Part::Transaction, rest)
        }
        [DOCUMENT, _, PMT_INF, rest @ ..] => (Part::Block, rest),
        _ => (Part::Elsewhere, &[]),
    }
}

impl<R: BufRead> TransferReader<R> {
    /// Reads up to and with the group header.
    ///
    /// # Errors
    /// [`ReadError`] where that can't be read, and [`ErrorCode::WrongMessage`] for a message without transfers.
    pub fn new(input: R, limits: Limits) -> Result<Self> {
        let mut events = Events::new(input, &limits);
        let (message_type, business) = read_until_document(&mut events)?;
        if !TRANSFER_FAMILIES.contains(&message_type.family()) {
            let text =
                format!("{message_type} carries no credit transfers; send pacs.008, pacs.009 or pain.001");
            let error = events.located(ReadError::new(ErrorCode::WrongMessage, text));
            return Err(with_reference(error, business.as_ref(), ""));
        }
        let mut head = MessageHead::new(message_type, "", "");
        head.business = business;
        let mut reader = Self {
            events,
            limits,
            head,
            group: TransferDetails::default(),
            block: TransferDetails::default(),
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

    /// The next transaction, or none when the file is complete.
    ///
    /// # Errors
    /// [`ReadError`] where the file can't be read on; what was delivered before is then to be dropped.
    pub fn next_transfer(&mut self) -> Result<Option<Entry>> {
        while !self.is_done {
            let event = self.next_event()?;
            let (part, path) = part(self.events.path());
            match (event, part, path) {
                (Event::End, ..) => self.is_done = true,
                (Event::Open, Part::Block, []) => {
                    self.block = self.group.clone();
                    self.totals.open_block();
                }
                (Event::Close, Part::Block, []) => {
                    self.totals.close_block(self.block.payment_information_id.as_deref());
                }
                (Event::Open, Part::Transaction, []) => self.open_transaction()?,
                (Event::Close, Part::Transaction, []) => return self.close_transaction().map(Some),
                (Event::Open, Part::Transaction, _) => {
                    fields::details_open(&mut self.draft.details, path);
                    fields::said_open(&mut self.draft.details, path);
                }
                // Contact details may be long without end, and each transaction of the block would say them again.
                (Event::Open, Part::Block, _) if !path.contains(&CTCT_DTLS) => {
                    fields::said_open(&mut self.block, path);
                }
                (Event::Value, Part::Transaction, _) => self.transaction_value()?,
                (Event::Value, Part::Block, _) => self.block_value(),
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
        while self.next_transfer()?.is_some() {}
        let refusals = self.totals.refusals(&self.head, self.index);
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
            let event = self.next_event()?;
            let (Part::Group, path) = part(self.events.path()) else { continue };
            match event {
                Event::Value => {
                    let text = self.events.text();
                    let currency = self.events.attribute().map_or("", |(_, currency)| currency);
                    fields::group_head(&mut self.head, path, text, currency);
                    if let [PMT_TP_INF, ..] = path {
                        fields::details(&mut self.group, path, text, currency);
                    }
                }
                Event::Close if path.is_empty() => break,
                _ => {}
            }
        }
        self.group.instructing_agent.clone_from(&self.head.instructing_agent);
        self.group.instructed_agent.clone_from(&self.head.instructed_agent);
        self.group.settlement_date.clone_from(&self.head.settlement_date);
        self.block = self.group.clone();
        Ok(())
    }

    fn open_transaction(&mut self) -> Result<()> {
        if self.index == self.limits.transactions_max {
            let text = format!("more than {} transactions; split the file", self.limits.transactions_max);
            return self.fail(ErrorCode::TooMany, text);
        }
        self.index += 1;
        self.draft = Draft { details: self.block.clone(), start: self.events.position(), ..Draft::default() };
        Ok(())
    }

    fn transaction_value(&mut self) -> Result<()> {
        if self.events.position() - self.draft.start > self.limits.transaction_bytes_max {
            let text = format!(
                "a transaction has more than {} bytes; shorten it",
                self.limits.transaction_bytes_max
            );
            return self.fail(ErrorCode::TooLarge, text);
        }
        let (_, path) = part(self.events.path());
        let text = self.events.text();
        let currency = self.events.attribute().map_or("", |(_, currency)| currency);
        match path {
            [INTR_BK_STTLM_AMT] | [AMT, INSTD_AMT] | [AMT, EQVT_AMT, AMT] => {
                text.clone_into(&mut self.draft.amount.text);
                currency.clone_into(&mut self.draft.amount.currency);
            }
            [AMT, EQVT_AMT, CCY_OF_TRF] => self.draft.transfer_currency = Some(text.to_owned()),
            _ => {
                fields::details(&mut self.draft.details, path, text, currency);
                fields::said_value(&mut self.draft.details, path, text, currency);
            }
        }
        Ok(())
    }

    fn block_value(&mut self) {
        let (_, path) = part(self.events.path());
        let text = self.events.text();
        match path {
            [NB_OF_TXS] => self.totals.expect_in_block(text),
            [CTRL_SUM] => self.totals.expect_sum_in_block(text),
            _ => {
                fields::details(&mut self.block, path, text, "");
                if !path.contains(&CTCT_DTLS) {
                    fields::said_value(&mut self.block, path, text, "");
                }
            }
        }
    }

    fn close_transaction(&mut self) -> Result<Entry> {
        let draft = std::mem::take(&mut self.draft);
        let total = self.head.total.as_ref().map(|total| total.currency.as_str());
        self.totals.add(&draft.amount, total);
        let unique = self.totals.note_ids(&draft.details.ids);
        let judged = judge(&draft, &self.head).and_then(|cleared| unique.map(|()| cleared));
        let index = self.index;
        Ok(match judged {
            Ok((amount, currency)) => {
                Entry::Transfer(Box::new(CreditTransfer { index, amount, currency, details: draft.details }))
            }
            Err(refusal) => {
                self.refused += 1;
                let (amount, details) = (draft.amount, draft.details);
                Entry::Refused(Box::new(RefusedTransfer { index, amount, details, refusal }))
            }
        })
    }
}

/// Reads the header, if there is one, up to the start of the document.
pub(crate) fn read_until_document<R: BufRead>(
    events: &mut Events<R>,
) -> Result<(MessageType, Option<BusinessHead>)> {
    let mut business: Option<BusinessHead> = None;
    loop {
        let event = events.next_event().map_err(|error| with_reference(error, business.as_ref(), ""))?;
        match (event, &mut business) {
            (Event::Root(message), _) if message.family() == Family::Head001 => {
                business = Some(BusinessHead::empty(message));
            }
            (Event::Root(message), _) => return Ok((message, business)),
            (Event::Value, Some(head)) => {
                let (_, path) = part(events.path());
                fields::business_head(head, path, events.text());
            }
            (Event::Open, Some(head)) if matches!(part(events.path()).1, [SGNTR]) => {
                head.has_signature = true;
            }
            (Event::End, _) => {
                let text = "there is no Document in the file; send the message, not the header alone";
                let error = events.located(ReadError::new(ErrorCode::NoDocument, text));
                return Err(with_reference(error, business.as_ref(), ""));
            }
            _ => {}
        }
    }
}

pub(crate) fn with_reference(mut error: ReadError, business: Option<&BusinessHead>, id: &str) -> ReadError {
    let business = business.map(|head| head.business_message_id.as_str()).filter(|id| !id.is_empty());
    error.reference = business.or(Some(id).filter(|id| !id.is_empty())).map(str::to_owned);
    error
}

pub(crate) fn refuse<T>(code: ReasonCode, text: String) -> std::result::Result<T, Refusal> {
    Err(Refusal { code, text })
}

/// The checks of one transaction that need nothing but the file.
fn judge(draft: &Draft, head: &MessageHead) -> std::result::Result<(Amount, Currency), Refusal> {
    let (amount, currency) = draft.amount.to_minor()?;
    let code = currency.iso_code();
    if let Some(other) = draft.transfer_currency.as_ref().filter(|other| *other != code) {
        return refuse(
            codes::AG03,
            format!("{code} is to be sent as {other}; send the amount in its own currency"),
        );
    }
    check_iban(draft.details.debtor_account.as_ref(), codes::AC02, "debtor")?;
    check_iban(draft.details.creditor_account.as_ref(), codes::AC03, "creditor")?;
    check_sender(draft.details.instructing_agent.as_ref(), head.business.as_ref())?;
    Ok((amount, currency))
}

/// Refuses an IBAN that is none: a wrong number would be another's account, or nobody's.
///
/// # Errors
/// The refusal with `code`; `whose` says in its text whether the debtor's or the creditor's is meant.
pub fn check_iban(
    account: Option<&AccountId>,
    code: ReasonCode,
    whose: &str,
) -> std::result::Result<(), Refusal> {
    match account {
        Some(AccountId::Iban(iban)) if !is_iban(iban) => {
            let is_plain = iban.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            let fault = match is_plain {
                true => "has wrong check digits; correct it",
                false => "is to be written in capitals and digits alone; correct it",
            };
            refuse(code, format!("the {whose}'s IBAN {iban} {fault}"))
        }
        _ => Ok(()),
    }
}

/// The header's sender instructs: another instructing agent in the transaction is an error or a fraud.
pub(crate) fn check_sender(
    instructing: Option<&Agent>,
    business: Option<&BusinessHead>,
) -> std::result::Result<(), Refusal> {
    let sender = business.and_then(|business| business.from.bic);
    let agent = instructing.and_then(|agent| agent.bic);
    match (sender, agent) {
        (Some(sender), Some(agent)) if sender != agent => refuse(
            codes::AGNT,
            format!("InstgAgt {agent} differs from the header's sender {sender}; make them agree"),
        ),
        _ => Ok(()),
    }
}
