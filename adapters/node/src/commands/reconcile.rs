//! `feiqian reconcile FILE --account ID`: holds an account statement that someone else has made (camt.053) against ours,
//! and fails where they differ. Books nothing.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use feiqian_core::currency::Currency;
use feiqian_core::money::{decimal, signed_decimal};
use feiqian_core::participant::CycleNumber;
use feiqian_files::reconcile::{Entry, Pair, Reconciliation, Statement, ours, reconcile as compare, theirs};
use feiqian_files::settlement::statements;
use feiqian_iso20022::limits::REPORT_ITEMS_MAX;
use feiqian_iso20022::statement::{AccountStatement, read_statements};
use serde::Serialize;

use super::Context;
use super::statement::{last_closed, what};
use crate::cli::ReconcileArgs;
use crate::config::Config;
use crate::fault::Fault;
use crate::output::{Table, grouped};
use crate::session::Session;

#[derive(Clone, Serialize)]
struct EntryLine {
    /// The strongest that the entry has.
    reference: Option<String>,
    date: String,
    /// Decimal; debits below zero.
    amount: String,
}

impl EntryLine {
    fn of(entry: &Entry, currency: Currency) -> Self {
        let sign = if entry.is_credit { "" } else { "-" };
        Self {
            reference: entry.references.iter().flatten().next().cloned(),
            date: entry.date.clone(),
            amount: format!("{sign}{}", decimal(entry.minor, currency)),
        }
    }
}

#[derive(Serialize)]
struct PairLine {
    ours: EntryLine,
    theirs: EntryLine,
}

#[derive(Serialize)]
struct BalanceLine {
    kind: String,
    ours: Option<String>,
    theirs: Option<String>,
}

#[derive(Serialize)]
struct ReconciliationReport {
    file: String,
    account: String,
    cycle: CycleNumber,
    currency: &'static str,
    agrees: bool,
    matched: Vec<PairLine>,
    differing: Vec<PairLine>,
    only_ours: Vec<EntryLine>,
    only_theirs: Vec<EntryLine>,
    balances: Vec<BalanceLine>,
}

impl fmt::Display for ReconciliationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [&self.matched, &self.differing].map(|pairs| grouped(pairs.len() as u64));
        let alone = [&self.only_ours, &self.only_theirs].map(|lines| grouped(lines.len() as u64));
        let Self { account, cycle, currency, .. } = self;
        writeln!(
            f,
            "{account} in {currency}, cycle {cycle}: {} entries match, {} differ, {} only in ours, {} only in theirs",
            counts[0], counts[1], alone[0], alone[1]
        )?;
        if self.agrees {
            return writeln!(f, "all agrees, balances too");
        }
        let mut table = Table::new(&["", "reference", "date", ">ours", ">theirs"]);
        let mut row = |what: &str, line: &EntryLine, ours: &str, theirs: &str| {
            let reference = line.reference.clone().unwrap_or_else(|| "-".to_owned());
            table.row(vec![
                what.to_owned(),
                reference,
                line.date.clone(),
                ours.to_owned(),
                theirs.to_owned(),
            ]);
        };
        for PairLine { ours, theirs } in &self.differing {
            row("differs", ours, &ours.amount, &theirs.amount);
        }
        for line in &self.only_ours {
            row("only ours", line, &line.amount, "");
        }
        for line in &self.only_theirs {
            row("only theirs", line, "", &line.amount);
        }
        let side = |balance: &Option<String>| balance.clone().unwrap_or_else(|| "none".to_owned());
        for line in &self.balances {
            let (ours, theirs) = (side(&line.ours), side(&line.theirs));
            table.row(vec!["balance".to_owned(), line.kind.clone(), String::new(), ours, theirs]);
        }
        write!(f, "{table}")
    }
}

pub(super) fn reconcile(context: &Context, arguments: &ReconcileArgs) -> Result<(), Fault> {
    let read = read(&arguments.file, &context.config)?;
    let report = context.with_session(&[], |session| {
        let operator = session.intake_options(&context.config)?.operator;
        let cycle = arguments.cycle.map_or_else(|| last_closed(session), Ok)?;
        held(session, arguments, (&read, operator, cycle))
    })?;
    context.output.report(&report);
    if report.agrees {
        return Ok(());
    }
    Err(Fault::Check(format!("{} differs from our books", arguments.file.display())))
}

fn read(file: &Path, config: &Config) -> Result<Vec<AccountStatement>, Fault> {
    let opened = File::open(file).map_err(|error| Fault::file(file, "read the statement", &error))?;
    let read = read_statements(BufReader::new(opened), config.file_limits());
    read.map(|(_, statements)| statements)
        .map_err(|error| Fault::File(format!("{}: {error}", file.display())))
}

fn held(
    session: &Session,
    arguments: &ReconcileArgs,
    (read, operator, cycle): (&[AccountStatement], feiqian_core::bic::Bic, CycleNumber),
) -> Result<ReconciliationReport, Fault> {
    let of = what(session, &arguments.account)?;
    let reports = statements(&session.engine, operator, (cycle, of), REPORT_ITEMS_MAX)?;
    let fault = |error: &dyn fmt::Display| Fault::File(format!("{}: {error}", arguments.file.display()));
    let mut first_fault = None;
    for report in &reports {
        match theirs(read, report) {
            Ok(their) => {
                let our = ours(report).map_err(|error| fault(&error))?;
                let found = compare(&our, &their);
                return Ok(told(arguments, (cycle, report.currency), (&our, &their), &found));
            }
            Err(error) => {
                first_fault.get_or_insert(error);
            }
        }
    }
    let text =
        first_fault.map_or_else(|| "there is no statement of ours".to_owned(), |error| error.to_string());
    Err(fault(&text))
}

fn told(
    arguments: &ReconcileArgs,
    (cycle, currency): (CycleNumber, Currency),
    (our, their): (&Statement, &Statement),
    found: &Reconciliation,
) -> ReconciliationReport {
    let line = |entries: &[Entry], at: usize| entries.get(at).map(|entry| EntryLine::of(entry, currency));
    let pairs = |pairs: &[Pair]| -> Vec<PairLine> {
        let pair = |(a, b): &Pair| {
            Some(PairLine { ours: line(&our.entries, *a)?, theirs: line(&their.entries, *b)? })
        };
        pairs.iter().filter_map(pair).collect()
    };
    let alone = |entries: &[Entry], places: &[usize]| -> Vec<EntryLine> {
        places.iter().filter_map(|at| line(entries, *at)).collect()
    };
    let text = |minor: Option<i128>| minor.map(|minor| signed_decimal(minor, currency));
    ReconciliationReport {
        file: arguments.file.display().to_string(),
        account: arguments.account.clone(),
        cycle,
        currency: currency.code(),
        agrees: found.agrees(),
        matched: pairs(&found.matched),
        differing: pairs(&found.differing),
        only_ours: alone(&our.entries, &found.only_ours),
        only_theirs: alone(&their.entries, &found.only_theirs),
        balances: found
            .balances
            .iter()
            .map(|line| BalanceLine {
                kind: line.kind.clone(),
                ours: text(line.ours),
                theirs: text(line.theirs),
            })
            .collect(),
    }
}
