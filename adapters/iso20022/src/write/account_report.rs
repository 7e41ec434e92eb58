//! Writes what happened on an account: reports within a day (camt.052), statements (camt.053) and notifications
//! (camt.054), from version 02 on; in version 08 where none is asked for.
//!
//! The three differ in their names and in the balances: a statement needs one, a notification has none. Sums come
//! in as minor units.

use std::io::{self, Write};

use feiqian_core::currency::Currency;
use feiqian_core::money::{AMOUNT_DIGITS_MAX, decimal};

use crate::payment::{AccountId, Agent, BusinessHead, Party, PaymentIds, ToldAmount};
use crate::schema::{Family, MessageType};
use crate::verbatim::Verbatim;
use crate::write::head::{known, start_versioned, written};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// The first version with the structure that is written.
const FROM: u8 = 2;
/// ExternalEntryStatus1Code: every entry here is booked.
const BOOKED: &str = "BOOK";

/// One account's report for one period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountReport {
    /// Business application header, if the file shall have one.
    pub business: Option<BusinessHead>,
    /// `MsgId`.
    pub message_id: String,
    /// When it is made, an ISO date and time.
    pub creation: String,
    /// `Id` of the report, statement or notification.
    pub id: String,
    /// Electronic sequence number, ascending per account.
    pub sequence: Option<u64>,
    /// From and to, as ISO dates and times.
    pub period: Option<(String, String)>,
    /// The account.
    pub account: AccountId,
    /// Its currency, and that of every amount here.
    pub currency: Currency,
    /// Whose account it is.
    pub owner: Option<Party>,
    /// Who keeps it.
    pub servicer: Option<Agent>,
    /// Balances; a statement needs at least one, a report may have some, a notification has none.
    pub balances: Vec<Balance>,
    /// Counts and sums of all entries of the period, written or not.
    pub summary: Option<EntrySummary>,
    /// Entries.
    pub entries: Vec<ReportEntry>,
}

/// A balance, booked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balance {
    /// ExternalBalanceType1Code: `OPBD` opening, `CLBD` closing, `ITBD` interim.
    pub kind: &'static str,
    /// Minor units, below zero for a debit balance.
    pub minor: i128,
    /// ISO date, or date and time.
    pub date: String,
}

/// Counts and sums in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EntrySummary {
    /// Number of credits.
    pub credits: u64,
    /// Their sum.
    pub credit_sum: u128,
    /// Number of debits.
    pub debits: u64,
    /// Their sum.
    pub debit_sum: u128,
}

/// What kind of booking it is (`BkTxCd`): domain, family, sub-family of ISO's code set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BankTransactionCode(pub &'static str, pub &'static str, pub &'static str);

impl BankTransactionCode {
    /// Payments, received credit transfers, domestic.
    pub const RECEIVED: Self = Self("PMNT", "RCDT", "DMCT");
    /// Payments, issued credit transfers, domestic.
    pub const ISSUED: Self = Self("PMNT", "ICDT", "DMCT");
    /// Payments, miscellaneous credit operations, charges.
    pub const CHARGES_RECEIVED: Self = Self("PMNT", "MCOP", "CHRG");
    /// Payments, miscellaneous debit operations, charges.
    pub const CHARGES_PAID: Self = Self("PMNT", "MDOP", "CHRG");

    /// Whether all of the entry is a charge.
    fn is_charge(self) -> bool {
        self.2 == "CHRG"
    }
}

/// A booked entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportEntry {
    /// `NtryRef`.
    pub reference: Option<String>,
    /// Minor units.
    pub minor: u128,
    /// Credit or debit.
    pub is_credit: bool,
    /// `BookgDt`, ISO date or date and time.
    pub booked: String,
    /// `ValDt`, ISO date.
    pub value_date: Option<String>,
    /// Reference of the account servicer.
    pub servicer_reference: Option<String>,
    /// Kind of booking.
    pub code: BankTransactionCode,
    /// What the entry is made of; empty for one that stands for many.
    pub transactions: Vec<EntryTransaction>,
    /// Free text.
    pub information: Option<String>,
}

/// One transaction of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntryTransaction {
    /// `MsgId` of the message that it came in.
    pub message_id: Option<String>,
    /// References.
    pub ids: PaymentIds,
    /// Minor units; none if the entry's amount is this one's.
    pub minor: Option<u128>,
    /// What was instructed, before charges and exchange; left out where no schema can hold it.
    pub instructed_amount: Option<ToldAmount>,
    /// For whom the debtor paid: of a cover the customer.
    pub ultimate_debtor: Option<Party>,
    /// For whom the creditor was paid: of a cover the customer.
    pub ultimate_creditor: Option<Party>,
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
    /// Remittance information, line by line.
    pub remittance: Vec<String>,
    /// What the payment says beyond these: addresses, structured remittance information, tax.
    pub said: Verbatim,
}

/// Writes a report within a day, camt.052.001.08.
///
/// # Errors
/// Those of [`account_report`].
pub fn camt052(out: impl Write, report: &AccountReport) -> io::Result<()> {
    account_report(out, known("camt.052.001.08")?, report)
}

/// Writes a statement, camt.053.001.08.
///
/// # Errors
/// Those of [`account_report`].
pub fn camt053(out: impl Write, report: &AccountReport) -> io::Result<()> {
    account_report(out, known("camt.053.001.08")?, report)
}

/// Writes a notification, camt.054.001.08; balances are left out.
///
/// # Errors
/// Those of [`account_report`].
pub fn camt054(out: impl Write, report: &AccountReport) -> io::Result<()> {
    account_report(out, known("camt.054.001.08")?, report)
}

/// Writes a report, statement or notification in the version asked for; what the version has no element for (a UETR
/// before 08) is left out.
///
/// # Errors
/// Those of `out`; `InvalidInput` for another message or a version below 02, a statement without a balance, and an
/// amount of more than 18 digits.
pub fn account_report(out: impl Write, message: MessageType, report: &AccountReport) -> io::Result<()> {
    let mut to = start(out, report.business.as_ref(), message)?;
    to.start("GrpHdr")?;
    to.text("MsgId", &report.message_id, ID_MAX)?;
    to.value("CreDtTm", &report.creation)?;
    to.end()?;
    body(&mut to, message, report)?;
    to.finish().map(drop)
}

/// The answer to a request for reports (camt.060), without what it tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportAnswer {
    /// Its type: a camt.052, camt.053 or camt.054.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`, an ISO date and time.
    pub creation: String,
    /// `GrpHdr/OrgnlBizQry`, from version 03 on: message id, type and creation of the request.
    pub query: (String, MessageType, String),
}

/// Writes several reports, statements or notifications as one message; headers and message ids of their own are left out.
///
/// # Errors
/// Those of [`account_report`]; `InvalidInput` for no report at all.
pub fn account_reports(out: impl Write, answer: &ReportAnswer, reports: &[AccountReport]) -> io::Result<()> {
    if reports.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message needs a report"));
    }
    let message = answer.message_type;
    let mut to = start(out, answer.business.as_ref(), message)?;
    to.start("GrpHdr")?;
    to.text("MsgId", &answer.message_id, ID_MAX)?;
    to.value("CreDtTm", &answer.creation)?;
    if to.has("OrgnlBizQry") {
        let (id, query, creation) = &answer.query;
        to.start("OrgnlBizQry")?;
        to.text("MsgId", id, ID_MAX)?;
        to.text("MsgNmId", query.identifier(), ID_MAX)?;
        to.checked("CreDtTm", creation)?;
        to.end()?;
    }
    to.end()?;
    reports.iter().try_for_each(|report| body(&mut to, message, report))?;
    to.finish().map(drop)
}

fn start<W: Write>(
    out: W,
    business: Option<&BusinessHead>,
    message: MessageType,
) -> io::Result<XmlWriter<W>> {
    let family = match message.family() {
        family @ (Family::Camt052 | Family::Camt054) => family,
        _ => Family::Camt053,
    };
    start_versioned(out, business, written(message, family, FROM)?)
}

/// One `Rpt`, `Stmt` or `Ntfctn`.
fn body<W: Write>(to: &mut XmlWriter<W>, message: MessageType, report: &AccountReport) -> io::Result<()> {
    let name = match message.family() {
        Family::Camt052 => "Rpt",
        Family::Camt054 => "Ntfctn",
        _ if report.balances.is_empty() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a statement needs a balance"));
        }
        _ => "Stmt",
    };
    to.start(name)?;
    to.text("Id", &report.id, ID_MAX)?;
    to.optional("ElctrncSeqNb", report.sequence.map(|number| number.to_string()).as_deref(), 18)?;
    to.value("CreDtTm", &report.creation)?;
    if let Some((from, until)) = &report.period {
        to.start("FrToDt")?;
        to.value("FrDtTm", from)?;
        to.value("ToDtTm", until)?;
        to.end()?;
    }
    account(to, report)?;
    if to.has("Bal") {
        report.balances.iter().try_for_each(|one| balance(to, one, report.currency))?;
    }
    if let Some(sums) = &report.summary {
        summary(to, sums, report.currency)?;
    }
    report.entries.iter().try_for_each(|one| entry(to, one, report.currency))?;
    to.end()
}

/// A decimal of at most 18 digits.
fn bounded(minor: u128, currency: Currency) -> io::Result<String> {
    let text = decimal(minor, currency);
    if text.bytes().filter(u8::is_ascii_digit).count() > AMOUNT_DIGITS_MAX {
        let text = format!(
            "{text} {currency} has more than {AMOUNT_DIGITS_MAX} digits: no ISO 20022 amount holds it"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(text)
}

fn side(is_credit: bool) -> &'static str {
    if is_credit { "CRDT" } else { "DBIT" }
}

fn account<W: Write>(to: &mut XmlWriter<W>, report: &AccountReport) -> io::Result<()> {
    to.start("Acct")?;
    parts::account_id(to, &report.account)?;
    to.value("Ccy", report.currency.iso_code())?;
    if let Some(owner) = &report.owner {
        parts::party(to, "Ownr", owner)?;
    }
    parts::optional_agent(to, "Svcr", report.servicer.as_ref())?;
    to.end()
}

fn balance<W: Write>(to: &mut XmlWriter<W>, balance: &Balance, currency: Currency) -> io::Result<()> {
    to.start("Bal")?;
    to.start("Tp")?;
    to.start("CdOrPrtry")?;
    to.value("Cd", balance.kind)?;
    to.end()?;
    to.end()?;
    to.amount("Amt", &bounded(balance.minor.unsigned_abs(), currency)?, currency.iso_code())?;
    to.value("CdtDbtInd", side(balance.minor >= 0))?;
    date(to, "Dt", Some(&balance.date))?;
    to.end()
}

fn summary<W: Write>(to: &mut XmlWriter<W>, sums: &EntrySummary, currency: Currency) -> io::Result<()> {
    to.start("TxsSummry")?;
    let rows =
        [("TtlCdtNtries", sums.credits, sums.credit_sum), ("TtlDbtNtries", sums.debits, sums.debit_sum)];
    for (name, count, sum) in rows {
        to.start(name)?;
        to.value("NbOfNtries", &count.to_string())?;
        to.value("Sum", &bounded(sum, currency)?)?;
        to.end()?;
    }
    to.end()
}

fn entry<W: Write>(to: &mut XmlWriter<W>, entry: &ReportEntry, currency: Currency) -> io::Result<()> {
    to.start("Ntry")?;
    to.optional("NtryRef", entry.reference.as_deref(), ID_MAX)?;
    to.amount("Amt", &bounded(entry.minor, currency)?, currency.iso_code())?;
    to.value("CdtDbtInd", side(entry.is_credit))?;
    if to.is_value("Sts") {
        to.value("Sts", BOOKED)?;
    } else {
        to.start("Sts")?;
        to.value("Cd", BOOKED)?;
        to.end()?;
    }
    date(to, "BookgDt", Some(&entry.booked))?;
    date(to, "ValDt", entry.value_date.as_ref())?;
    to.optional("AcctSvcrRef", entry.servicer_reference.as_deref(), ID_MAX)?;
    bank_transaction_code(to, entry.code)?;
    if entry.code.is_charge() {
        charges(to, entry, currency)?;
    }
    if !entry.transactions.is_empty() {
        to.start("NtryDtls")?;
        entry.transactions.iter().try_for_each(|one| transaction(to, one, entry, currency))?;
        to.end()?;
    }
    to.optional("AddtlNtryInf", entry.information.as_deref(), 500)?;
    to.end()
}

fn date<W: Write>(to: &mut XmlWriter<W>, name: &'static str, date: Option<&String>) -> io::Result<()> {
    let Some(date) = date else { return Ok(()) };
    to.start(name)?;
    to.value(if date.contains('T') { "DtTm" } else { "Dt" }, date)?;
    to.end()
}

fn bank_transaction_code<W: Write>(to: &mut XmlWriter<W>, code: BankTransactionCode) -> io::Result<()> {
    to.start("BkTxCd")?;
    to.start("Domn")?;
    to.value("Cd", code.0)?;
    to.start("Fmly")?;
    to.value("Cd", code.1)?;
    to.value("SubFmlyCd", code.2)?;
    to.end()?;
    to.end()?;
    to.end()
}

/// `Chrgs` of an entry that is one: charges in a payment's own message were taken by others, before it came here.
fn charges<W: Write>(to: &mut XmlWriter<W>, entry: &ReportEntry, currency: Currency) -> io::Result<()> {
    let amount = bounded(entry.minor, currency)?;
    to.start("Chrgs")?;
    // A record of its own from version 03 on.
    let has_record = to.has("Rcrd");
    if has_record {
        to.amount("TtlChrgsAndTaxAmt", &amount, currency.iso_code())?;
        to.start("Rcrd")?;
    }
    to.amount("Amt", &amount, currency.iso_code())?;
    to.value("CdtDbtInd", side(entry.is_credit))?;
    to.if_known("ChrgInclInd", Some("true"), 4)?;
    if has_record {
        to.end()?;
    }
    to.end()
}

fn transaction<W: Write>(
    to: &mut XmlWriter<W>,
    transaction: &EntryTransaction,
    entry: &ReportEntry,
    currency: Currency,
) -> io::Result<()> {
    to.start("TxDtls")?;
    to.saying(&transaction.said);
    references(to, transaction)?;
    let amount = bounded(transaction.minor.unwrap_or(entry.minor), currency)?;
    let is_told_here = to.has("Amt");
    if is_told_here {
        to.amount("Amt", &amount, currency.iso_code())?;
        to.value("CdtDbtInd", side(entry.is_credit))?;
    }
    let told_below = (!is_told_here).then_some(amount.as_str());
    amount_details(to, transaction.instructed_amount.as_ref(), told_below.map(|amount| (amount, currency)))?;
    related_parties(to, transaction)?;
    if transaction.debtor_agent.is_some() || transaction.creditor_agent.is_some() {
        to.start("RltdAgts")?;
        parts::optional_agent(to, "DbtrAgt", transaction.debtor_agent.as_ref())?;
        parts::optional_agent(to, "CdtrAgt", transaction.creditor_agent.as_ref())?;
        to.end()?;
    }
    to.say("RltdRmtInf")?;
    parts::remittance(to, &transaction.remittance, &[])?;
    to.say("Tax")?;
    to.end()
}

fn amount_details<W: Write>(
    to: &mut XmlWriter<W>,
    instructed: Option<&ToldAmount>,
    amount: Option<(&str, Currency)>,
) -> io::Result<()> {
    let is_allowed = |told: &&ToldAmount| parts::is_allowed(to, &["AmtDtls", "InstdAmt"], ("Amt", told));
    let instructed = instructed.filter(is_allowed);
    if instructed.is_none() && amount.is_none() {
        return Ok(());
    }
    to.start("AmtDtls")?;
    if let Some(instructed) = instructed {
        to.start("InstdAmt")?;
        to.amount("Amt", &instructed.text, &instructed.currency)?;
        to.end()?;
    }
    if let Some((text, currency)) = amount {
        to.start("TxAmt")?;
        to.amount("Amt", text, currency.iso_code())?;
        to.end()?;
    }
    to.end()
}

fn references<W: Write>(to: &mut XmlWriter<W>, transaction: &EntryTransaction) -> io::Result<()> {
    let ids = &transaction.ids;
    to.start("Refs")?;
    to.optional("MsgId", transaction.message_id.as_deref(), ID_MAX)?;
    to.optional("InstrId", ids.instruction.as_deref(), ID_MAX)?;
    to.optional("EndToEndId", ids.end_to_end.as_deref(), ID_MAX)?;
    to.if_known("UETR", ids.uetr.map(|uetr| uetr.to_string()).as_deref(), 36)?;
    to.optional("TxId", ids.transaction.as_deref(), ID_MAX)?;
    to.end()
}

fn related_parties<W: Write>(to: &mut XmlWriter<W>, transaction: &EntryTransaction) -> io::Result<()> {
    let EntryTransaction { debtor, debtor_account, creditor, creditor_account, .. } = transaction;
    let EntryTransaction { ultimate_debtor, ultimate_creditor, .. } = transaction;
    let has_account = debtor_account.is_some() || creditor_account.is_some();
    let parties = [debtor, creditor, ultimate_debtor, ultimate_creditor];
    if !has_account && parties.iter().all(|party| party.is_none()) {
        return Ok(());
    }
    to.start("RltdPties")?;
    parts::party_or_agent(to, "Dbtr", debtor.as_ref())?;
    parts::account(to, "DbtrAcct", debtor_account.as_ref())?;
    parts::party_or_agent(to, "UltmtDbtr", ultimate_debtor.as_ref())?;
    parts::party_or_agent(to, "Cdtr", creditor.as_ref())?;
    parts::account(to, "CdtrAcct", creditor_account.as_ref())?;
    parts::party_or_agent(to, "UltmtCdtr", ultimate_creditor.as_ref())?;
    to.end()
}
