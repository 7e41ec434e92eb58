//! Statements on demand, camt.053, and what they are within a day, camt.052, and without balances, camt.054: of a
//! participant's positions, as a cycle's close writes them, and of any account over a cycle, from its chain of postings.
//! Opening, entries and closing agree: the closing is the engine's balance less what came later, and the opening what the
//! entries leave of it.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use feiqian_core::account::{AccountHandle, SlotHandle};
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::signed_decimal;
use feiqian_core::participant::{CycleNumber, CycleState};
use feiqian_iso20022::payment::AccountId;
use feiqian_iso20022::write::{self, AccountReport, ReportEntry};
use feiqian_proof::header::BlockHeader;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::{HistoryStart, Posting};
use serde::Serialize;

use super::book::{CycleBook, Item, Sums};
use super::choice::{Choice, Side};
use super::statement::{code, items, report, told, total};
use super::{Context, check_nets};
use crate::error::FilesError;
use crate::limits::{BUSY_PAUSE, REPORT_ENTRIES_MAX, STORED_ATTEMPTS};
use crate::store;
use crate::timestamp::{date, date_time};

/// Postings read at a time.
const PAGE: usize = 1_024;

/// What a statement is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatementOf {
    /// A participant's positions, in all currencies.
    Participant(Bic),
    /// An account: its balance, with transfers within its own bank and with settlements.
    Account(AccountHandle),
}

/// As which message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StatementMessage {
    /// camt.052, a report; of the open cycle too, up to the last block.
    Report,
    /// camt.053, a statement of a closed cycle.
    #[default]
    Statement,
    /// camt.054, a notification of debits and credits, without balances; of the open cycle too.
    Notification,
}

impl StatementMessage {
    fn write(self, out: impl io::Write, report: &AccountReport) -> io::Result<()> {
        match self {
            Self::Report => write::camt052(out, report),
            Self::Statement => write::camt053(out, report),
            Self::Notification => write::camt054(out, report),
        }
    }

    /// The message's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "camt.052",
            Self::Statement => "camt.053",
            Self::Notification => "camt.054",
        }
    }

    /// What tells its ids from the statement's, and from those of the same message at another block.
    fn mark(self, end_block: u64) -> String {
        match self {
            Self::Report => format!("R{end_block}"),
            Self::Statement => String::new(),
            Self::Notification => format!("N{end_block}"),
        }
    }
}

/// A statement that was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StatementLine {
    /// Its file.
    pub file: PathBuf,
    /// The cycle that it covers.
    pub cycle: CycleNumber,
    /// Currency code.
    pub currency: &'static str,
    /// Signed decimal.
    pub opening: String,
    /// Signed decimal.
    pub closing: String,
    /// Credits and debits, counted whether they stand one by one or summed up.
    pub transfers: u64,
}

/// Writes the statements of a cycle into `folder`, and gives them by their files' names.
///
/// # Errors
/// [`FilesError::Unknown`] for a cycle that is not closed where the message needs that, an account or position that there
/// is not, or a history of which parts are no longer at hand; [`FilesError::Journal`] and [`FilesError::Io`] for the disk.
pub fn write_statements(
    engine: &Engine,
    (folder, operator): (&Path, Bic),
    cycle: CycleNumber,
    (of, message): (StatementOf, StatementMessage),
) -> Result<Vec<StatementLine>, FilesError> {
    let mut lines = Vec::new();
    for (stem, report) in marked(engine, operator, cycle, (of, message, Choice::default()))? {
        let file = folder.join(format!("{stem}.{}.xml", message.name()));
        store::write_file(&file, |out| message.write(out, &report))?;
        lines.push(line(cycle, file, &report));
    }
    Ok(lines)
}

/// One statement as text: of an account, or of a participant's position in a currency. The same bytes as in its file.
///
/// # Errors
/// [`FilesError::Unknown`] where there is none; [`FilesError::Journal`] for the disk.
pub fn statement_text(
    engine: &Engine,
    operator: Bic,
    cycle: CycleNumber,
    (of, currency, message): (StatementOf, Option<Currency>, StatementMessage),
) -> Result<Vec<u8>, FilesError> {
    let of = (of, message, Choice::default());
    let mut all = reports_of(engine, operator, cycle, of)?.into_iter();
    let found = all.find(|report| currency.is_none_or(|currency| report.currency == currency));
    let missing = || FilesError::Unknown(format!("there is no such statement of cycle {cycle}"));
    let report = found.ok_or_else(missing)?;
    let mut text = Vec::new();
    message.write(&mut text, &report).map_err(FilesError::io(Path::new("-"), "write"))?;
    Ok(text)
}

/// The statements of a closed cycle. Entries stand one by one up to `entries_max`; more are summed up, so that the
/// balances agree in any case.
///
/// # Errors
/// As [`write_statements`], but for what writes files.
pub fn statements(
    engine: &Engine,
    operator: Bic,
    (cycle, of): (CycleNumber, StatementOf),
    entries_max: usize,
) -> Result<Vec<AccountReport>, FilesError> {
    let context = context_of(engine, operator, (cycle, StatementMessage::Statement))?;
    let all = reports(&context, engine, (of, entries_max))?;
    Ok(all.into_iter().map(|(_, report)| report).collect())
}

/// The reports of a cycle, or of what of it is chosen; of the whole as they stand in their files.
pub(crate) fn reports_of(
    engine: &Engine,
    operator: Bic,
    cycle: CycleNumber,
    (of, message, choice): (StatementOf, StatementMessage, Choice),
) -> Result<Vec<AccountReport>, FilesError> {
    let all = marked(engine, operator, cycle, (of, message, choice))?;
    Ok(all.into_iter().map(|(_, report)| report).collect())
}

/// How many entries of the journal a cycle has.
pub(crate) fn entries_of(
    engine: &Engine,
    operator: Bic,
    cycle: (CycleNumber, StatementMessage),
) -> Result<u64, FilesError> {
    let (first, end) = sequences(&context_of(engine, operator, cycle)?, engine)?;
    Ok(end.saturating_sub(first))
}

/// The reports of a cycle with their messages' own ids, by the beginnings of their files' names.
fn marked(
    engine: &Engine,
    operator: Bic,
    cycle: CycleNumber,
    (of, message, choice): (StatementOf, StatementMessage, Choice),
) -> Result<Vec<(String, AccountReport)>, FilesError> {
    let context = Context { choice, ..context_of(engine, operator, (cycle, message))? };
    let end_block = context.cycle.end_block;
    let mark = choice.mark(end_block).unwrap_or_else(|| message.mark(end_block));
    let mut all = reports(&context, engine, (of, REPORT_ENTRIES_MAX))?;
    for (_, report) in &mut all {
        report.message_id.push_str(&mark);
        report.id.push_str(&mark);
    }
    Ok(all)
}

/// A closed cycle as it is; the open one as if it ended with the last block.
fn context_of(
    engine: &Engine,
    operator: Bic,
    (cycle, message): (CycleNumber, StatementMessage),
) -> Result<Context, FilesError> {
    let mut context = Context::new(engine, operator, cycle)?;
    if context.cycle.state != CycleState::Open {
        return Ok(context);
    }
    if message == StatementMessage::Statement {
        return Err(FilesError::Unknown(format!("cycle {cycle} is not closed; close it first")));
    }
    let open_block = engine.ask(|sealer| sealer.mirror().registry.open_block());
    context.cycle.end_block = open_block;
    context.cycle.closed_at = last_block(engine, open_block.saturating_sub(1))?.timestamp;
    Ok(context)
}

/// The newest block, which may be sealed and on its way to the disk.
fn last_block(engine: &Engine, height: u64) -> Result<BlockHeader, FilesError> {
    for _ in 0..STORED_ATTEMPTS {
        let read = block(engine, height);
        if read.is_ok() || height == 0 {
            return read;
        }
        thread::sleep(BUSY_PAUSE);
    }
    block(engine, height)
}

/// By the beginnings of their files' names.
fn reports(
    context: &Context,
    engine: &Engine,
    (of, entries_max): (StatementOf, usize),
) -> Result<Vec<(String, AccountReport)>, FilesError> {
    match of {
        StatementOf::Participant(bic) => positions(context, engine, (bic, entries_max)),
        StatementOf::Account(account) => {
            Ok(vec![account_statement(context, engine, (account, entries_max))?])
        }
    }
}

fn line(cycle: CycleNumber, file: PathBuf, report: &AccountReport) -> StatementLine {
    let text = |minor| signed_decimal(minor, report.currency);
    StatementLine {
        file,
        cycle,
        currency: report.currency.code(),
        opening: text(report.balances.first().map_or(0, |balance| balance.minor)),
        closing: text(report.balances.last().map_or(0, |balance| balance.minor)),
        transfers: report.summary.map_or(0, |sums| sums.credits + sums.debits),
    }
}

fn positions(
    context: &Context,
    engine: &Engine,
    (bic, entries_max): (Bic, usize),
) -> Result<Vec<(String, AccountReport)>, FilesError> {
    let book = CycleBook::read_keeping(engine, &context.cycle, (entries_max, context.choice))?;
    check_nets(engine, &book, context.cycle.number)?;
    let mut reports = Vec::new();
    for ((slot, terms), is_counted) in (0..).zip(&context.slots).zip(&context.counted) {
        if *is_counted && context.bic(terms.participant)? == bic {
            let file = format!("cycle-{}.{bic}.{}", context.cycle.number, terms.currency);
            reports.push((file, report(context, engine, &book, slot)?));
        }
    }
    if reports.is_empty() {
        return Err(FilesError::Unknown(format!(
            "{bic} has no position that cycle {} counts",
            context.cycle.number
        )));
    }
    Ok(reports)
}

/// An account over the cycle, or a part of it: its postings, and what they do.
#[derive(Debug, Default)]
struct Period {
    sums: Sums,
    /// Of all, those that are told.
    told: Sums,
    /// Newest first; not all of them if there are more than stand one by one.
    postings: Vec<Posting>,
    /// Posted after the period: to be taken off today's balance.
    later: i128,
    /// Whether the walk came to the account's first posting.
    is_from_first: bool,
}

fn account_statement(
    context: &Context,
    engine: &Engine,
    (account, entries_max): (AccountHandle, usize),
) -> Result<(String, AccountReport), FilesError> {
    let unknown = |what: &str| FilesError::Unknown(format!("account {account}: {what}"));
    let asked = engine.ask(move |sealer| {
        let mirror = sealer.mirror();
        Some((HistoryStart::of(mirror, account)?, mirror.account(account)?.balance))
    });
    let (start, balance) = asked.ok_or_else(|| unknown("there is none in a sealed block"))?;
    let period = walk(context, engine, (start, entries_max))?;
    let closing = balance - period.later;
    let opening = closing - period.sums.net();
    if period.is_from_first && opening != 0 {
        return Err(unknown("settlements of the cycle or before it are no longer at hand"));
    }
    let number = context.cycle.number;
    let entries = entries(context, engine, &period)?;
    let (slot, iban) = engine.directory().registry(|registry| {
        let slot = registry.account(account).map(|terms| terms.slot);
        let ibans = registry.aliases().range("IBAN:".to_owned().."IBAN;".to_owned());
        let iban = ibans.filter(|(_, named)| **named == account).map(|(alias, _)| alias.clone()).next();
        (slot, iban)
    });
    let terms =
        slot.and_then(|slot| context.slots.get(slot as usize)).ok_or_else(|| unknown("no position"))?;
    let participant =
        context.participants.get(terms.participant as usize).ok_or_else(|| unknown("no participant"))?;
    let id = match iban.as_deref().and_then(|alias| alias.strip_prefix("IBAN:")) {
        Some(iban) => AccountId::Iban(iban.to_owned()),
        None => AccountId::Other { id: account.to_string(), scheme: None },
    };
    let message_id = context.message_id('A', account);
    let sums = ([opening, closing], period.told, entries);
    let statement = told(context, (terms, participant), (message_id, id), sums);
    Ok((format!("cycle-{number}.account-{account}"), statement))
}

/// Walks the account's postings back to where the cycle, or its part, begins: times never fall as sequences rise.
fn walk(
    context: &Context,
    engine: &Engine,
    (mut start, entries_max): (HistoryStart, usize),
) -> Result<Period, FilesError> {
    let (first, end) = sequences(context, engine)?;
    let mut period = Period::default();
    let mut seen: usize = 0;
    loop {
        let read = engine.archive().history(&start, PAGE + seen);
        let page = read.map_err(|error| FilesError::Journal {
            sequence: start.last_posting,
            reason: error.to_string(),
        })?;
        let is_last = page.len() < PAGE + seen;
        let newest_left = page.last().map_or(0, |posting| posting.sequence);
        for posting in page.into_iter().skip(seen) {
            let side = context.choice.side(posting.timestamp);
            if posting.sequence < first || side == Side::Before {
                return Ok(period);
            }
            let amount = i128::try_from(posting.amount).unwrap_or(i128::MAX);
            if posting.sequence >= end || side == Side::Behind {
                period.later += if posting.is_debit { -amount } else { amount };
                continue;
            }
            period.sums.add(posting.amount, !posting.is_debit);
            if !context.choice.tells(!posting.is_debit) {
                continue;
            }
            period.told.add(posting.amount, !posting.is_debit);
            if period.postings.len() < entries_max {
                period.postings.push(posting);
            }
        }
        if is_last {
            period.is_from_first = true;
            return Ok(period);
        }
        // The last posting of a page begins the next one, and is passed over there.
        start.last_posting = newest_left;
        seen = 1;
    }
}

/// The cycle's entries: the first one's sequence, and that of the first one behind it.
fn sequences(context: &Context, engine: &Engine) -> Result<(u64, u64), FilesError> {
    let last = block(engine, context.cycle.end_block.saturating_sub(1))?;
    let end = last.first_sequence + last.count;
    if context.cycle.first_block >= context.cycle.end_block {
        return Ok((end, end));
    }
    Ok((block(engine, context.cycle.first_block)?.first_sequence, end))
}

fn block(engine: &Engine, height: u64) -> Result<BlockHeader, FilesError> {
    let read = engine.archive().block(height);
    let block = read.map_err(|error| FilesError::Unknown(format!("block {height}: {error}")))?;
    let missing = || FilesError::Unknown(format!("block {height} is not stored yet: try again in a moment"));
    block.map(|block| block.header).ok_or_else(missing)
}

fn entries(context: &Context, engine: &Engine, period: &Period) -> Result<Vec<ReportEntry>, FilesError> {
    if period.postings.len() as u64 != period.told.credits + period.told.debits {
        return Ok(summed_up(context, period.told));
    }
    let oldest_first = || period.postings.iter().rev();
    let transfer = |posting: &Posting| {
        let amount = u64::try_from(posting.amount).ok().filter(|_| posting.settles.is_none())?;
        let (sequence, timestamp, is_credit) = (posting.sequence, posting.timestamp, !posting.is_debit);
        Some(Item { sequence, timestamp, amount, is_credit, counterparty: SlotHandle::MAX })
    };
    let transfers: Vec<_> = oldest_first().filter_map(transfer).collect();
    let mut told = items(context, engine, &transfers)?.into_iter();
    let entry = |posting: &Posting| match transfer(posting) {
        Some(_) => told.next(),
        None => Some(settlement(posting)),
    };
    Ok(oldest_first().filter_map(entry).collect())
}

fn settlement(posting: &Posting) -> ReportEntry {
    ReportEntry {
        reference: Some(posting.sequence.to_string()),
        minor: posting.amount,
        is_credit: !posting.is_debit,
        booked: date_time(posting.timestamp),
        value_date: Some(date(posting.timestamp)),
        servicer_reference: Some(posting.sequence.to_string()),
        code: code(!posting.is_debit),
        transactions: Vec::new(),
        information: posting.settles.map(|cycle| format!("settlement of cycle {cycle}")),
    }
}

/// One entry for all credits and one for all debits.
fn summed_up(context: &Context, sums: Sums) -> Vec<ReportEntry> {
    let sides = [(sums.credits, sums.credit_sum, true), (sums.debits, sums.debit_sum, false)];
    let entry = |(count, sum, is_credit): (u64, u128, bool)| {
        let kind = if is_credit { "credits" } else { "debits" };
        total(context, (sum, is_credit), format!("{count} {kind}"))
    };
    sides.into_iter().filter(|(count, ..)| *count > 0).map(entry).collect()
}
