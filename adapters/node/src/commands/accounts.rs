//! `feiqian accounts` and `feiqian account ID`: balances and history as of the last block.

use std::fmt;

use feiqian_core::account::{AccountHandle, UNLIMITED};
use feiqian_core::bic::Bic;
use feiqian_core::mirror::Mirror;
use feiqian_core::money::{decimal, signed_decimal};
use feiqian_runtime::query::Posting;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::names::{AccountName, Aliases, currency_of, find_account, time_text, uetr_text};
use crate::output::{Table, grouped};
use crate::session::Session;

#[derive(Clone, Serialize)]
struct AccountLine {
    #[serde(flatten)]
    name: AccountName,
    state: &'static str,
    balance: String,
    reserved: String,
    /// None where nothing of its own bounds the account.
    credit_line: Option<String>,
    available: Option<String>,
}

impl AccountLine {
    fn of(mirror: &Mirror, aliases: &Aliases, handle: AccountHandle) -> Option<Self> {
        let (cell, terms) = (mirror.account(handle)?, mirror.registry.account(handle)?);
        let currency = currency_of(terms)?;
        let is_bound = terms.credit_line != UNLIMITED;
        let credit_line = is_bound.then(|| decimal(terms.credit_line.into(), currency));
        let available = is_bound.then(|| signed_decimal(cell.available(terms.credit_line), currency));
        Some(Self {
            name: aliases.name(&mirror.registry, handle)?,
            state: terms.state.name(),
            balance: signed_decimal(cell.balance, currency),
            reserved: decimal(cell.reserved.into(), currency),
            credit_line,
            available,
        })
    }
}

#[derive(Serialize)]
struct AccountsReport {
    /// Accounts that were asked for, listed or not.
    count: u64,
    accounts: Vec<AccountLine>,
}

impl fmt::Display for AccountsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(&[">handle", "participant", "kind", "state", ">balance", ">available", "", "aliases"]);
        for line in &self.accounts {
            table.row(vec![
                line.name.handle.to_string(),
                line.name.participant.clone(),
                line.name.kind.to_owned(),
                line.state.to_owned(),
                line.balance.clone(),
                line.available.clone().unwrap_or_else(|| "-".to_owned()),
                line.name.currency.to_owned(),
                line.name.aliases.join(" "),
            ]);
        }
        write!(f, "{table}")?;
        let rest = self.count - self.accounts.len() as u64;
        if rest > 0 {
            writeln!(f, "  … and {} more: see --limit and --participant", grouped(rest))?;
        }
        Ok(())
    }
}

pub(super) fn list(context: &Context, participant: Option<&str>, limit: usize) -> Result<(), Fault> {
    let wanted = participant.map(Bic::parse).transpose().map_err(|error| {
        Fault::Usage(format!("--participant {}: {error}", participant.unwrap_or_default()))
    })?;
    let report = context.with_session(&[], |session| {
        if let Some(bic) = wanted.filter(|bic| session.engine.directory().participant(*bic).is_none()) {
            return Err(Fault::Absent(format!("{bic} does not take part")));
        }
        Ok(session.engine.ask(move |sealer| report_of(sealer.mirror(), wanted, limit)))
    })?;
    context.output.report(&report);
    Ok(())
}

fn report_of(mirror: &Mirror, wanted: Option<Bic>, limit: usize) -> AccountsReport {
    let registry = &mirror.registry;
    let aliases = Aliases::of(registry);
    let mut report = AccountsReport { count: 0, accounts: Vec::new() };
    for (handle, terms) in (0..).zip(registry.accounts()) {
        let owner = registry.owner_of(terms).map(|(_, participant)| participant.bic);
        if wanted.is_some() && owner != wanted {
            continue;
        }
        report.count += 1;
        if report.accounts.len() < limit {
            report.accounts.extend(AccountLine::of(mirror, &aliases, handle));
        }
    }
    report
}

#[derive(Serialize)]
struct PostingLine {
    sequence: u64,
    time: String,
    uetr: String,
    /// Signed: what the account gained.
    amount: String,
    counterparty: Option<AccountName>,
    /// The cycle, where this paid its net position.
    settles_cycle: Option<u64>,
}

#[derive(Serialize)]
struct AccountReport {
    account: AccountLine,
    postings: Vec<PostingLine>,
}

impl fmt::Display for AccountReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AccountLine { name, state, balance, reserved, credit_line, available } = &self.account;
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none of its own".to_owned());
        writeln!(f, "{name} (handle {}, {}, {state})", name.handle, name.kind)?;
        writeln!(f, "balance {balance} {}, reserved {reserved}", name.currency)?;
        writeln!(f, "credit line {}, available {}", or_none(credit_line), or_none(available))?;
        let mut table = Table::new(&[">sequence", "time", ">amount", "counterparty", "transfer"]);
        for line in &self.postings {
            let other = line.counterparty.as_ref().map(ToString::to_string);
            let settlement = || format!("settlement of cycle {}", line.settles_cycle.unwrap_or_default());
            table.row(vec![
                line.sequence.to_string(),
                line.time.clone(),
                line.amount.clone(),
                other.unwrap_or_else(settlement),
                line.uetr.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}

pub(super) fn show(context: &Context, id: &str, limit: usize) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| account_report(session, id, limit))?;
    context.output.report(&report);
    Ok(())
}

fn account_report(session: &Session, id: &str, limit: usize) -> Result<AccountReport, Fault> {
    let engine = &session.engine;
    let handle = find_account(engine.directory(), id)?;
    let absent = || Fault::Absent(format!("{id}: not in a sealed block yet: try again in a moment"));
    let postings = engine.history(handle, limit)?.ok_or_else(absent)?;
    let report = engine.ask(move |sealer| {
        let mirror = sealer.mirror();
        let aliases = Aliases::of(&mirror.registry);
        let account = AccountLine::of(mirror, &aliases, handle)?;
        let currency = mirror.registry.account(handle).and_then(currency_of)?;
        let line = |posting: &Posting| PostingLine {
            sequence: posting.sequence,
            time: time_text(posting.timestamp),
            uetr: uetr_text(posting.uetr),
            amount: format!(
                "{}{}",
                if posting.is_debit { "-" } else { "" },
                decimal(posting.amount, currency)
            ),
            counterparty: posting.counterparty.and_then(|other| aliases.name(&mirror.registry, other)),
            settles_cycle: posting.settles,
        };
        Some(AccountReport { postings: postings.iter().map(line).collect(), account })
    });
    report.ok_or_else(absent)
}
