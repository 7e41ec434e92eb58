//! `feiqian transfer UETR`: what was asked for, what became of it, and which block proves it.

use std::fmt;

use feiqian_core::currency::Currency;
use feiqian_core::money::decimal;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::registry::Registry;
use feiqian_runtime::history::JournaledEntry;
use serde::Serialize;

use super::Context;
use super::block::state_name;
use crate::fault::Fault;
use crate::names::{AccountName, Aliases, parse_uetr, time_text};
use crate::session::Session;

#[derive(Serialize)]
struct TransferReport {
    uetr: String,
    sequence: u64,
    time: String,
    /// BIC of who submitted it; none for a command.
    submitter: Option<String>,
    debtor: Option<AccountName>,
    creditor: Option<AccountName>,
    /// As submitted.
    amount: String,
    currency: String,
    outcome: &'static str,
    reason: Option<&'static str>,
    /// What moved or was reserved, where it differs from the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
    /// Of one that waited: the sequence of its release.
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<u64>,
    /// Height of its block.
    block: Option<u64>,
    /// `SEALED` or `WITNESSED`, as its block is.
    block_state: Option<&'static str>,
    /// What its adapter journaled beside it.
    details: Option<serde_json::Value>,
}

impl fmt::Display for TransferReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |account: &Option<AccountName>| {
            account.as_ref().map_or_else(|| "an unknown account".to_owned(), ToString::to_string)
        };
        let reason = self.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        writeln!(f, "{}  {} {}", self.uetr, self.amount, self.currency)?;
        writeln!(f, "  from      {}", name(&self.debtor))?;
        writeln!(f, "  to        {}", name(&self.creditor))?;
        writeln!(f, "  outcome   {}{reason}", self.outcome)?;
        if let Some(moved) = &self.moved {
            writeln!(f, "  moved     {moved} {}", self.currency)?;
        }
        if let Some(sequence) = self.released {
            writeln!(f, "  released  sequence {sequence}")?;
        }
        writeln!(f, "  journal   sequence {}, {}", self.sequence, self.time)?;
        match (self.block, self.block_state) {
            (Some(height), state) => writeln!(f, "  block     {height}, {}", state.unwrap_or("SEALED")),
            (None, _) => writeln!(f, "  block     not sealed yet"),
        }
    }
}

/// One transfer is an object, several are an array.
#[derive(Serialize)]
#[serde(untagged)]
enum Reports {
    One(Box<TransferReport>),
    Many(Vec<TransferReport>),
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(report) => report.fmt(f),
            Self::Many(reports) => reports.iter().try_for_each(|report| report.fmt(f)),
        }
    }
}

pub(super) fn show(context: &Context, uetrs: &[String]) -> Result<(), Fault> {
    let ids: Result<Vec<_>, _> = uetrs.iter().map(|text| parse_uetr(text)).collect();
    let ids = ids?;
    let mut reports = context.with_session(&[], |session| {
        ids.iter().map(|id| report(session, id.bits())).collect::<Result<Vec<_>, _>>()
    })?;
    let reports = match (reports.len(), reports.pop()) {
        (1, Some(only)) => Reports::One(Box::new(only)),
        (_, last) => Reports::Many(reports.into_iter().chain(last).collect()),
    };
    context.output.report(&reports);
    Ok(())
}

fn report(session: &Session, id: u128) -> Result<TransferReport, Fault> {
    let absent = || Fault::Absent(format!("{}: never journaled", crate::names::uetr_text(id)));
    let sequence = session.engine.find(id).ok_or_else(absent)?;
    let (entry, row) = session.engine.entry(sequence)?.ok_or_else(absent)?;
    let block = session.engine.archive().block_of(sequence)?.map(|block| block.header.height);
    let report = |registry: &Registry| describe(registry, id, (sequence, block), (&entry, &row));
    let report = session.engine.directory().registry(report);
    let witnessed = session.engine.log().witnessed();
    let released = match row.outcome() {
        Some(Outcome::Queued) => session.engine.released(id)?,
        _ => None,
    };
    Ok(TransferReport { released, block_state: block.map(|height| state_name(height, witnessed)), ..report })
}

fn describe(
    registry: &Registry,
    id: u128,
    (sequence, block): (u64, Option<u64>),
    (entry, row): (&JournaledEntry, &OutcomeRow),
) -> TransferReport {
    let record = &entry.record;
    let aliases = Aliases::of(registry);
    let currency = Currency::from_numeric(record.currency.get());
    let text = |minor: u64| currency.map_or_else(|| minor.to_string(), |known| decimal(minor.into(), known));
    let is_accepted = matches!(row.outcome(), Some(Outcome::Cleared | Outcome::Held | Outcome::Voided));
    let submitter = entry.submitter.and_then(|handle| registry.participants().get(handle as usize));
    let is_command = entry.submitter.is_none();
    let account = |handle: u64| aliases.name(registry, handle).filter(|_| !is_command);
    TransferReport {
        uetr: crate::names::uetr_text(id),
        sequence,
        time: time_text(entry.timestamp),
        submitter: submitter.map(|participant| participant.bic.as_str().to_owned()),
        debtor: account(record.debtor.get()),
        creditor: account(record.creditor.get()),
        amount: text(record.amount.get()),
        currency: currency.map_or_else(|| record.currency.to_string(), |known| known.code().to_owned()),
        outcome: row.outcome().map_or("unknown", Outcome::name),
        reason: row.reason().map(|reason| reason.name()),
        moved: (is_accepted && row.amount != record.amount).then(|| text(row.amount.get())),
        released: None,
        block,
        block_state: None,
        details: entry.details.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok()),
    }
}
