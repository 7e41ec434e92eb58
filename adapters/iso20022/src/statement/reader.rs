//! Streams statements and their entries out of a validated file: each statement's head when its first entry begins,
//! then its entries one by one. Never holds more than one entry, which is bounded in bytes and transactions.

use std::io::BufRead;

use feiqian_core::currency::Currency;
use feiqian_core::uetr::Uetr;

use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::fields::{self, told};
use crate::kept::{Element, Kept, push};
use crate::limits::{ENTRY_ITEMS_MAX, Limits};
use crate::schema::Family;
use crate::schema::names::*;
use crate::statement::{
    StatedBalance, StatedEntry, StatedSum, StatedTransaction, StatementFile, StatementHead,
};
use crate::status::reason_value;
use crate::totals::{minor_units, whole_number};
use crate::transfers::{read_until_document, with_reference};
use crate::whole::Crowd;

type Result<T> = std::result::Result<T, ReadError>;

/// What a file of statements is made of, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StatementItem {
    /// A statement begins: all of it but its entries.
    Statement(Box<StatementHead>),
    /// An entry of the statement that began last.
    Entry(Box<StatedEntry>),
}

/// A reader of one file's statements.
#[derive(Debug)]
pub struct StatementReader<R> {
    events: Events<R>,
    limits: Limits,
    file: StatementFile,
    /// The head of the open statement, until it is delivered.
    head: Option<StatementHead>,
    balance: DraftBalance,
    entry: DraftEntry,
    statements: u64,
    /// Entries of the open statement, and of the file.
    index: u64,
    entries: u64,
    /// Repeated elements of the head or entry being read.
    items: usize,
    /// Where the entry's start tag ended.
    start: u64,
    /// What the head, the entry or its last transaction holds.
    crowd: Crowd,
    is_done: bool,
}

#[derive(Debug, Default)]
struct DraftBalance {
    kind: String,
    minor: u128,
    currency: Option<Currency>,
    is_credit: bool,
    date: String,
}

#[derive(Debug, Default)]
struct DraftEntry {
    reference: Option<String>,
    amount: Option<(u128, Currency)>,
    is_credit: bool,
    is_reversal: bool,
    status: String,
    booked: Option<String>,
    value_date: Option<String>,
    servicer_reference: Option<String>,
    /// The code of the domain, then what is known of it; the proprietary code only without a domain.
    domain: Vec<String>,
    proprietary: Option<String>,
    transactions: Kept<StatedTransaction>,
    information: Option<String>,
}

/// The path within an entry, and whether it is within one of its transactions.
fn entry_path(path: &[u16]) -> Option<(bool, &[u16])> {
    match path {
        // The first version has no entry details around the transactions.
        [NTRY, NTRY_DTLS, TX_DTLS, rest @ ..] | [NTRY, TX_DTLS, rest @ ..] => Some((true, rest)),
        [NTRY, rest @ ..] => Some((false, rest)),
        _ => None,
    }
}

impl<R: BufRead> StatementReader<R> {
    /// Reads up to and with the group header.
    ///
    /// # Errors
    /// [`ReadError`] where that can't be read, and [`ErrorCode::WrongMessage`] for another message.
    pub fn new(input: R, limits: Limits) -> Result<Self> {
        let mut events = Events::new(input, &limits);
        let (message_type, business) = read_until_document(&mut events)?;
        if !matches!(message_type.family(), Family::Camt052 | Family::Camt053 | Family::Camt054) {
            let text = format!("{message_type} is no statement; send camt.052, camt.053 or camt.054");
            let error = events.located(ReadError::new(ErrorCode::WrongMessage, text));
            return Err(with_reference(error, business.as_ref(), ""));
        }
        let (message_id, creation) = (String::new(), String::new());
        let mut reader = Self {
            events,
            limits,
            file: StatementFile { message_type, business, message_id, creation },
            head: None,
            balance: DraftBalance::default(),
            entry: DraftEntry::default(),
            statements: 0,
            index: 0,
            entries: 0,
            items: 0,
            start: 0,
            crowd: Crowd::default(),
            is_done: false,
        };
        reader.read_group()?;
        reader.restart();
        Ok(reader)
    }

    /// The message and its headers.
    pub fn file(&self) -> &StatementFile {
        &self.file
    }

    /// The same, handed over.
    pub fn into_file(self) -> StatementFile {
        self.file
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.events.position()
    }

    /// Statements read so far.
    pub(crate) fn statements(&self) -> u64 {
        self.statements
    }

    /// The next statement or entry, or none when the file is complete.
    ///
    /// # Errors
    /// [`ReadError`] where the file can't be read on, and for an amount that is no whole number of its currency's minor
    /// units.
    pub fn next_item(&mut self) -> Result<Option<StatementItem>> {
        while !self.is_done {
            let event = self.next_event()?;
            self.count(event)?;
            let [_, _, STMT | RPT | NTFCTN, path @ ..] = self.events.path() else {
                self.is_done = event == Event::End;
                continue;
            };
            match (event, path, entry_path(path)) {
                (Event::Open, [], _) => self.open_statement(),
                (Event::Close, [], _) => {
                    if let Some(head) = self.head.take() {
                        return Ok(Some(StatementItem::Statement(Box::new(head))));
                    }
                }
                (Event::Open, [NTRY], _) => {
                    self.open_entry()?;
                    if let Some(head) = self.head.take() {
                        return Ok(Some(StatementItem::Statement(Box::new(head))));
                    }
                }
                (Event::Close, [NTRY], _) => return self.close_entry().map(Some),
                (Event::Open, _, Some((true, []))) => {
                    self.entry.transactions.begin(0);
                    self.crowd.restart(&self.events);
                }
                (Event::Value, _, Some((true, _))) => self.transaction_value(),
                (Event::Value, _, Some((false, _))) => self.entry_value()?,
                (Event::Close, [BAL], _) => self.close_balance(),
                (Event::Value, [BAL, ..], _) => self.balance_value()?,
                (Event::Value, ..) => self.head_value(),
                _ => {}
            }
        }
        Ok(None)
    }

    /// An error at this place, that is repeated from now on.
    pub(crate) fn fault(&mut self, code: ErrorCode, text: String) -> ReadError {
        let error = self.events.stop(ReadError::new(code, text));
        with_reference(error, self.file.business.as_ref(), &self.file.message_id)
    }

    fn next_event(&mut self) -> Result<Event> {
        let event = self.events.next_event();
        event.map_err(|error| with_reference(error, self.file.business.as_ref(), &self.file.message_id))
    }

    fn read_group(&mut self) -> Result<()> {
        loop {
            match (self.next_event()?, self.events.path()) {
                (Event::Value, [_, _, GRP_HDR, MSG_ID]) => {
                    self.events.text().clone_into(&mut self.file.message_id);
                }
                (Event::Value, [_, _, GRP_HDR, CRE_DT_TM]) => {
                    self.events.text().clone_into(&mut self.file.creation);
                }
                (Event::Close, [_, _, GRP_HDR]) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Keeps what one head or entry may hold within its bounds.
    fn count(&mut self, event: Event) -> Result<()> {
        if !matches!(event, Event::Open | Event::Value) {
            return Ok(());
        }
        self.items += self.crowd.count(event, &self.events);
        let bytes = self.events.position().saturating_sub(self.start);
        if self.items > ENTRY_ITEMS_MAX || self.crowd.is_over(&self.events) {
            let text = format!(
                "more than {ENTRY_ITEMS_MAX} transactions and details in one, or many that say nothing; split it"
            );
            return Err(self.fault(ErrorCode::TooMany, text));
        }
        let most = self.limits.transaction_bytes_max;
        if bytes > most {
            return Err(
                self.fault(ErrorCode::TooLarge, format!("an entry has more than {most} bytes; split it"))
            );
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.items = 0;
        self.start = self.events.position();
        self.crowd.restart(&self.events);
    }

    fn open_statement(&mut self) {
        self.restart();
        self.statements += 1;
        self.index = 0;
        self.head = Some(StatementHead { index: self.statements, ..StatementHead::default() });
    }

    fn open_entry(&mut self) -> Result<()> {
        self.restart();
        if self.entries == self.limits.transactions_max {
            let text = format!("more than {} entries; split the file", self.limits.transactions_max);
            return Err(self.fault(ErrorCode::TooMany, text));
        }
        self.entries += 1;
        self.index += 1;
        self.entry = DraftEntry::default();
        Ok(())
    }

    fn close_entry(&mut self) -> Result<StatementItem> {
        self.restart();
        let mut draft = std::mem::take(&mut self.entry);
        if !draft.transactions.is_empty() {
            draft.transactions.end(());
        }
        let Some((minor, currency)) = draft.amount else {
            return Err(self.fault(ErrorCode::MissingElement, "the entry has no amount; add it".to_owned()));
        };
        let code = if draft.domain.is_empty() { draft.proprietary } else { Some(draft.domain.join("/")) };
        Ok(StatementItem::Entry(Box::new(StatedEntry {
            statement: self.statements,
            index: self.index,
            reference: draft.reference,
            minor,
            currency,
            is_credit: draft.is_credit,
            is_reversal: draft.is_reversal,
            status: draft.status,
            booked: draft.booked,
            value_date: draft.value_date,
            servicer_reference: draft.servicer_reference,
            code,
            transactions: draft.transactions,
            information: draft.information,
        })))
    }

    /// The amount of this event in minor units.
    fn amount(&mut self) -> Result<(u128, Currency)> {
        let code = self.events.attribute().map_or("", |(_, currency)| currency);
        let currency = Currency::from_code(code);
        let minor = currency.and_then(|currency| minor_units(self.events.text(), currency));
        let Some((minor, currency)) = minor.zip(currency) else {
            let text = self.events.text();
            let text = format!(
                "{text} {code} is no whole number of minor units; give it in the currency's decimals"
            );
            return Err(self.fault(ErrorCode::InvalidValue, text));
        };
        Ok((minor, currency))
    }

    fn balance_value(&mut self) -> Result<()> {
        if let [_, _, _, BAL, AMT] = self.events.path() {
            let (minor, currency) = self.amount()?;
            (self.balance.minor, self.balance.currency) = (minor, Some(currency));
            return Ok(());
        }
        let (to, text) = (&mut self.balance, self.events.text());
        match self.events.path() {
            [_, _, _, BAL, TP, CD_OR_PRTRY, ..] | [_, _, _, BAL, TP, CD | PRTRY] => {
                text.clone_into(&mut to.kind);
            }
            [_, _, _, BAL, CDT_DBT_IND] => to.is_credit = is_credit(text),
            [_, _, _, BAL, DT, ..] => text.clone_into(&mut to.date),
            _ => {}
        }
        Ok(())
    }

    fn close_balance(&mut self) {
        let DraftBalance { kind, minor, currency, is_credit, date } = std::mem::take(&mut self.balance);
        if let (Some(head), Some(currency)) = (&mut self.head, currency) {
            let minor = i128::try_from(minor).unwrap_or(i128::MAX);
            let minor = if is_credit { minor } else { -minor };
            push(&mut head.balances, StatedBalance { kind, minor, currency, date });
        }
    }

    fn head_value(&mut self) {
        if let (Some(head), [_, _, _, path @ ..]) = (&mut self.head, self.events.path()) {
            head_value(head, path, self.events.text());
        }
    }

    fn entry_value(&mut self) -> Result<()> {
        if let [_, _, _, NTRY, AMT] = self.events.path() {
            self.entry.amount = Some(self.amount()?);
            return Ok(());
        }
        let [_, _, _, _, path @ ..] = self.events.path() else { return Ok(()) };
        entry_value(&mut self.entry, path, self.events.text());
        Ok(())
    }

    fn transaction_value(&mut self) {
        let [_, _, _, path @ ..] = self.events.path() else { return };
        let Some((_, path)) = entry_path(path) else { return };
        let currency = self.events.attribute().map_or("", |(_, currency)| currency);
        self.entry.transactions.value(path, self.events.text(), currency);
    }
}

fn is_credit(text: &str) -> bool {
    text == "CRDT"
}

fn head_value(to: &mut StatementHead, path: &[u16], text: &str) {
    let owned = || Some(text.to_owned());
    match path {
        [ID] => text.clone_into(&mut to.id),
        [ELCTRNC_SEQ_NB] => to.sequence = whole_number(text),
        [LGL_SEQ_NB] => to.legal_sequence = whole_number(text),
        [STMT_PGNTN | RPT_PGNTN | NTFCTN_PGNTN, PG_NB] => {
            text.clone_into(&mut to.page.get_or_insert_default().0);
        }
        [STMT_PGNTN | RPT_PGNTN | NTFCTN_PGNTN, LAST_PG_IND] => {
            to.page.get_or_insert_default().1 = matches!(text, "true" | "1");
        }
        [CRE_DT_TM] => to.creation = owned(),
        [FR_TO_DT, FR_DT_TM] => text.clone_into(&mut to.period.get_or_insert_default().0),
        [FR_TO_DT, TO_DT_TM] => text.clone_into(&mut to.period.get_or_insert_default().1),
        [CPY_DPLCT_IND] => to.copy_duplicate = owned(),
        [ACCT, CCY] => to.currency = owned(),
        [ACCT, OWNR, rest @ ..] => fields::party(to.owner.get_or_insert_default(), rest, text),
        [ACCT, SVCR, rest @ ..] => fields::agent(to.servicer.get_or_insert_default(), rest, text),
        [ACCT, rest @ ..] => fields::account(&mut to.account, rest, text),
        [TXS_SUMMRY, TTL_CDT_NTRIES, rest @ ..] => sum_value(to.credits.get_or_insert_default(), rest, text),
        [TXS_SUMMRY, TTL_DBT_NTRIES, rest @ ..] => sum_value(to.debits.get_or_insert_default(), rest, text),
        _ => {}
    }
}

fn sum_value(to: &mut StatedSum, path: &[u16], text: &str) {
    match path {
        [NB_OF_NTRIES] => to.count = text.parse().ok(),
        [SUM] => to.sum = Some(text.to_owned()),
        _ => {}
    }
}

fn entry_value(to: &mut DraftEntry, path: &[u16], text: &str) {
    let owned = || Some(text.to_owned());
    match path {
        [NTRY_REF] => to.reference = owned(),
        [CDT_DBT_IND] => to.is_credit = is_credit(text),
        [RVSL_IND] => to.is_reversal = matches!(text, "true" | "1"),
        [STS, ..] => text.clone_into(&mut to.status),
        [BOOKG_DT, ..] => to.booked = owned(),
        [VAL_DT, ..] => to.value_date = owned(),
        [ACCT_SVCR_REF] => to.servicer_reference = owned(),
        [BK_TX_CD, DOMN, ..] => push(&mut to.domain, text.to_owned()),
        [BK_TX_CD, PRTRY, CD] => to.proprietary = owned(),
        [ADDTL_NTRY_INF] => to.information = owned(),
        _ => {}
    }
}

impl Element for StatedTransaction {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        transaction_value(self, path, text, currency);
    }
}

fn transaction_value(to: &mut StatedTransaction, path: &[u16], text: &str, currency: &str) {
    let owned = || Some(text.to_owned());
    match path {
        [REFS, MSG_ID] => to.message_id = owned(),
        [REFS, ACCT_SVCR_REF] => to.servicer_reference = owned(),
        [REFS, INSTR_ID] => to.ids.instruction = owned(),
        [REFS, END_TO_END_ID] => to.ids.end_to_end = owned(),
        [REFS, TX_ID] => to.ids.transaction = owned(),
        [REFS, UETR] => to.ids.uetr = Uetr::parse(text).ok(),
        [REFS, CLR_SYS_REF] => to.clearing_reference = owned(),
        [AMT] => to.amount = Some(told(text, currency)),
        [AMT_DTLS, TX_AMT, AMT] => drop(to.amount.get_or_insert_with(|| told(text, currency))),
        [CDT_DBT_IND] => to.is_credit = Some(is_credit(text)),
        [RLTD_PTIES, DBTR, rest @ ..] => fields::party(to.debtor.get_or_insert_default(), rest, text),
        [RLTD_PTIES, DBTR_ACCT, rest @ ..] => fields::account(&mut to.debtor_account, rest, text),
        [RLTD_PTIES, CDTR, rest @ ..] => fields::party(to.creditor.get_or_insert_default(), rest, text),
        [RLTD_PTIES, CDTR_ACCT, rest @ ..] => fields::account(&mut to.creditor_account, rest, text),
        [RLTD_AGTS, DBTR_AGT, rest @ ..] => {
            fields::agent(to.debtor_agent.get_or_insert_default(), rest, text);
        }
        [RLTD_AGTS, CDTR_AGT, rest @ ..] => {
            fields::agent(to.creditor_agent.get_or_insert_default(), rest, text);
        }
        [RMT_INF, USTRD] => push(&mut to.remittance, text.to_owned()),
        [RMT_INF, STRD, CDTR_REF_INF, REF | CDTR_REF] => {
            push(&mut to.remittance_references, text.to_owned());
        }
        [RTR_INF, rest @ ..] => {
            reason_value(Some(to.return_reason.get_or_insert_default()), rest, text);
        }
        _ => {}
    }
}
