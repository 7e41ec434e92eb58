//! Accounts as another bank keeps them: reports within a day (camt.052), statements (camt.053) and notifications
//! (camt.054), as values. [`StatementReader`] streams them, [`read_statements`] keeps them; `write::account_report`
//! writes our own.
//!
//! Amounts are exact, in minor units of their currency. What a statement says is never judged here but for its own
//! sums.

mod reader;

use std::io::BufRead;

use feiqian_core::currency::Currency;

pub use reader::{StatementItem, StatementReader};

use crate::error::{ErrorCode, ReadError};
use crate::kept::{Kept, push};
use crate::limits::{Limits, REPORT_ITEMS_MAX, STATEMENT_BYTES_MIN, STATEMENTS_FREE};
use crate::payment::{AccountId, Agent, BusinessHead, Party, PaymentIds, ToldAmount};
use crate::schema::MessageType;
use crate::status::StatusReason;
use crate::totals::minor_units;

/// ExternalEntryStatus1Code of an entry that is on the account.
pub const BOOKED: &str = "BOOK";
/// ExternalBalanceType1Code: the opening balance, the last closing balance in its place, and the closing balance.
const OPENING: &str = "OPBD";
const PREVIOUSLY_CLOSED: &str = "PRCD";
const CLOSING: &str = "CLBD";

/// The message that the statements stand in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementFile {
    /// `camt.053.001.08`.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `MsgId`.
    pub message_id: String,
    /// `CreDtTm`.
    pub creation: String,
}

/// All of a report, statement or notification (`Rpt`, `Stmt`, `Ntfctn`) but its entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatementHead {
    /// Place in the file, from 1.
    pub index: u64,
    /// `Id`.
    pub id: String,
    /// `ElctrncSeqNb`.
    pub sequence: Option<u64>,
    /// `LglSeqNb`.
    pub legal_sequence: Option<u64>,
    /// `StmtPgntn`, `RptPgntn`, `NtfctnPgntn`: the page's number, and whether it is the last.
    pub page: Option<Box<(String, bool)>>,
    /// `CreDtTm`.
    pub creation: Option<String>,
    /// `FrToDt`: from and to, ISO dates and times.
    pub period: Option<Box<(String, String)>>,
    /// `CpyDplctInd`: CODU, COPY or DUPL.
    pub copy_duplicate: Option<String>,
    /// `Acct`.
    pub account: Option<AccountId>,
    /// `Acct/Ccy`.
    pub currency: Option<String>,
    /// `Acct/Ownr`.
    pub owner: Option<Box<Party>>,
    /// `Acct/Svcr`.
    pub servicer: Option<Box<Agent>>,
    /// `Bal`, in order.
    pub balances: Vec<StatedBalance>,
    /// `TxsSummry/TtlCdtNtries`: number and sum of credits, as told.
    pub credits: Option<Box<StatedSum>>,
    /// `TxsSummry/TtlDbtNtries`: number and sum of debits, as told.
    pub debits: Option<Box<StatedSum>>,
}

/// A number of entries and their sum, as told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatedSum {
    /// `NbOfNtries`.
    pub count: Option<u64>,
    /// `Sum`, decimal text without a currency.
    pub sum: Option<String>,
}

/// A balance (`Bal`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatedBalance {
    /// ExternalBalanceType1Code (`OPBD`, `CLBD`, `ITBD` …) or a proprietary kind.
    pub kind: String,
    /// Minor units, below zero for a debit balance.
    pub minor: i128,
    /// Their currency.
    pub currency: Currency,
    /// ISO date, or date and time.
    pub date: String,
}

/// An entry (`Ntry`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatedEntry {
    /// Its statement's place in the file, from 1.
    pub statement: u64,
    /// Its place in the statement, from 1.
    pub index: u64,
    /// `NtryRef`.
    pub reference: Option<String>,
    /// Minor units; the side is told apart.
    pub minor: u128,
    /// Their currency.
    pub currency: Currency,
    /// `CdtDbtInd`: whether the account was credited.
    pub is_credit: bool,
    /// `RvslInd`: the entry takes another back; its side is the one that was booked.
    pub is_reversal: bool,
    /// `Sts`: `BOOK`, `PDNG`, `INFO`, …
    pub status: String,
    /// `BookgDt`, ISO date, or date and time.
    pub booked: Option<String>,
    /// `ValDt`, ISO date, or date and time.
    pub value_date: Option<String>,
    /// `AcctSvcrRef`.
    pub servicer_reference: Option<String>,
    /// `BkTxCd`: domain, family and sub-family (`PMNT/RCDT/ESCT`), or else the proprietary code.
    pub code: Option<String>,
    /// `TxDtls`, in order.
    pub transactions: Kept<StatedTransaction>,
    /// `AddtlNtryInf`.
    pub information: Option<String>,
}

impl StatedEntry {
    /// Whether it is on the account, not announced.
    #[must_use]
    pub fn is_booked(&self) -> bool {
        self.status == BOOKED
    }

    /// Minor units with their side: what the entry adds to the account.
    #[must_use]
    pub fn signed(&self) -> i128 {
        let minor = i128::try_from(self.minor).unwrap_or(i128::MAX);
        if self.is_credit { minor } else { -minor }
    }
}

/// A transaction of an entry (`TxDtls`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatedTransaction {
    /// `Refs/MsgId`.
    pub message_id: Option<String>,
    /// `Refs/AcctSvcrRef`.
    pub servicer_reference: Option<String>,
    /// `Refs/InstrId`, `EndToEndId`, `TxId`, `UETR`.
    pub ids: PaymentIds,
    /// `Refs/ClrSysRef`.
    pub clearing_reference: Option<String>,
    /// `Amt`, or else `AmtDtls/TxAmt/Amt`; none where the entry's amount is this one's.
    pub amount: Option<ToldAmount>,
    /// `CdtDbtInd`; none where the entry's side is this one's.
    pub is_credit: Option<bool>,
    /// Who paid.
    pub debtor: Option<Party>,
    /// From which account.
    pub debtor_account: Option<AccountId>,
    /// Who was paid.
    pub creditor: Option<Party>,
    /// To which account.
    pub creditor_account: Option<AccountId>,
    /// The debtor's bank.
    pub debtor_agent: Option<Agent>,
    /// The creditor's bank.
    pub creditor_agent: Option<Agent>,
    /// Unstructured remittance information, line by line.
    pub remittance: Vec<String>,
    /// Creditor references of structured remittance information.
    pub remittance_references: Vec<String>,
    /// `RtrInf`: why a payment came back.
    pub return_reason: Option<StatusReason>,
}

impl StatedTransaction {
    /// The amount in minor units, where it is told in `currency` and in whole minor units.
    #[must_use]
    pub fn minor(&self, currency: Currency) -> Option<u128> {
        let told = self.amount.as_ref().filter(|told| told.currency == currency.iso_code())?;
        minor_units(&told.text, currency)
    }
}

/// A report, statement or notification with its entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountStatement {
    /// All but the entries.
    pub head: Box<StatementHead>,
    /// Entries, in order; each in a box, so that a list that grows moves little.
    pub entries: Vec<Box<StatedEntry>>,
}

impl AccountStatement {
    /// The first balance of that kind (`CLBD`).
    #[must_use]
    pub fn balance(&self, kind: &str) -> Option<&StatedBalance> {
        self.head.balances.iter().find(|balance| balance.kind == kind)
    }

    /// The opening balance: `OPBD`, or else `PRCD`, the closing balance of the statement before.
    #[must_use]
    pub fn opening(&self) -> Option<&StatedBalance> {
        self.balance(OPENING).or(self.balance(PREVIOUSLY_CLOSED))
    }

    /// The closing balance, `CLBD`.
    #[must_use]
    pub fn closing(&self) -> Option<&StatedBalance> {
        self.balance(CLOSING)
    }

    /// The sum of the booked entries in minor units, debits below zero.
    #[must_use]
    pub fn booked_sum(&self) -> i128 {
        let booked = self.entries.iter().filter(|entry| entry.is_booked());
        booked.fold(0_i128, |sum, entry| sum.saturating_add(entry.signed()))
    }

    /// By how much the closing balance differs from the opening balance and the booked entries, in minor units:
    /// zero if the statement agrees with itself. None without both balances, or where currencies mix.
    #[must_use]
    pub fn difference(&self) -> Option<i128> {
        let (opening, closing) = (self.opening()?, self.closing()?);
        let currency = opening.currency;
        let is_one =
            closing.currency == currency && self.entries.iter().all(|entry| entry.currency == currency);
        is_one.then(|| closing.minor.saturating_sub(opening.minor).saturating_sub(self.booked_sum()))
    }
}

/// Reads a whole camt.052, camt.053 or camt.054 of at most [`REPORT_ITEMS_MAX`] statements, entries and
/// transactions; for more, use the [`StatementReader`].
///
/// # Errors
/// [`ReadError`] where it can't be read, is another message, or is larger.
pub fn read_statements(
    input: impl BufRead,
    limits: Limits,
) -> Result<(StatementFile, Vec<AccountStatement>), ReadError> {
    let mut reader = StatementReader::new(input, limits)?;
    let mut statements: Vec<AccountStatement> = Vec::new();
    let mut items = 0;
    while let Some(item) = reader.next_item()? {
        items += match &item {
            StatementItem::Statement(_) => 1,
            StatementItem::Entry(entry) => entry.transactions.len().saturating_add(1),
        };
        let said = reader.position() / STATEMENT_BYTES_MIN;
        if items > REPORT_ITEMS_MAX || reader.statements() > STATEMENTS_FREE.saturating_add(said) {
            let text = format!(
                "more than {REPORT_ITEMS_MAX} entries and transactions, or many statements that say nothing; split the message"
            );
            return Err(reader.fault(ErrorCode::TooMany, text));
        }
        match (item, statements.last_mut()) {
            (StatementItem::Statement(head), _) => {
                push(&mut statements, AccountStatement { head, entries: Vec::new() });
            }
            (StatementItem::Entry(entry), Some(statement)) => push(&mut statement.entries, entry),
            (StatementItem::Entry(_), None) => {}
        }
    }
    Ok((reader.into_file(), statements))
}
