//! `feiqian queue`: the payments that wait, and what their owner or the operator does about them.

use std::fmt;

use feiqian_core::liquidity::queue::Queued;
use feiqian_core::mirror::Mirror;
use feiqian_core::money::decimal;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::{Record, flags};
use serde::Serialize;

use super::Context;
use super::pay::{Submitted, class_flag, new_id, owner_of, submit};
use crate::cli::{AmendArgs, QueueStep};
use crate::fault::Fault;
use crate::names::{AccountName, Aliases, currency_of, parse_uetr, time_text, uetr_text};
use crate::output::Table;
use crate::session::Session;

#[derive(Serialize)]
struct QueuedLine {
    uetr: String,
    debtor: AccountName,
    creditor: AccountName,
    amount: String,
    currency: &'static str,
    priority: &'static str,
    /// Not before; none where it may go at once.
    earliest: Option<String>,
    /// Given up then; none for never.
    latest: Option<String>,
    /// Releases that came to nothing.
    attempts: u32,
}

#[derive(Serialize)]
struct QueueReport {
    queued: Vec<QueuedLine>,
}

impl fmt::Display for QueueReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(&["uetr", "from", "to", ">amount", "", "priority", "not before", "given up"]);
        for line in &self.queued {
            table.row(vec![
                line.uetr.clone(),
                line.debtor.to_string(),
                line.creditor.to_string(),
                line.amount.clone(),
                line.currency.to_owned(),
                line.priority.to_owned(),
                line.earliest.clone().unwrap_or_else(|| "-".to_owned()),
                line.latest.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        if self.queued.is_empty() { write!(f, "no payment waits") } else { write!(f, "{table}") }
    }
}

#[derive(Serialize)]
struct ResolvedReport {
    /// Payments that a release cleared.
    released: Vec<Released>,
    /// Releases that came to nothing.
    failed: usize,
    /// Payments that still wait.
    waiting: usize,
}

#[derive(Serialize)]
struct Released {
    uetr: String,
    sequence: u64,
    amount: String,
    /// Whether it settled at once with the next one.
    is_linked: bool,
}

impl fmt::Display for ResolvedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for released in &self.released {
            let with = if released.is_linked { "  at once with the next" } else { "" };
            writeln!(
                f,
                "{}  released  {}  sequence {}{with}",
                released.uetr, released.amount, released.sequence
            )?;
        }
        write!(f, "{} released, {} refused, {} still wait", self.released.len(), self.failed, self.waiting)
    }
}

pub(super) fn step(context: &Context, step: &QueueStep) -> Result<(), Fault> {
    match step {
        QueueStep::List => {
            let queue = context
                .with_session(&[], |session| Ok(session.engine.ask(|sealer| report_of(sealer.mirror()))))?;
            context.output.report(&queue);
        }
        QueueStep::Resolve => {
            let resolved = context.with_session(&[], resolve)?;
            context.output.report(&resolved);
        }
        QueueStep::Revoke { uetr } => {
            let revoked = context.with_session(&[], |session| {
                change(session, parse_uetr(uetr)?.bits(), |record| {
                    record.flags = (flags::QUEUE | flags::VOID).into();
                })
            })?;
            context.output.report(&revoked);
        }
        QueueStep::Amend(arguments) => {
            let amended = context.with_session(&[], |session| amend(session, arguments))?;
            context.output.report(&amended);
        }
    }
    Ok(())
}

fn report_of(mirror: &Mirror) -> QueueReport {
    let aliases = Aliases::of(&mirror.registry);
    let mut waiting: Vec<_> = mirror.queue.iter().collect();
    waiting.sort_unstable_by_key(|(id, queued)| (queued.debtor, queued.place(), **id));
    QueueReport {
        queued: waiting.iter().filter_map(|(id, queued)| line_of(mirror, &aliases, **id, queued)).collect(),
    }
}

fn line_of(mirror: &Mirror, aliases: &Aliases, id: u128, queued: &Queued) -> Option<QueuedLine> {
    let currency = currency_of(mirror.registry.account(queued.debtor)?)?;
    Some(QueuedLine {
        uetr: uetr_text(id),
        debtor: aliases.name(&mirror.registry, queued.debtor)?,
        creditor: aliases.name(&mirror.registry, queued.creditor)?,
        amount: decimal(queued.amount.into(), currency),
        currency: currency.code(),
        priority: queued.priority.name(),
        earliest: (queued.earliest > 0).then(|| time_text(queued.earliest)),
        latest: (queued.latest != u64::MAX).then(|| time_text(queued.latest)),
        attempts: queued.attempts,
    })
}

/// A record by the owner of a payment that waits, which names it.
fn change(session: &Session, id: u128, how: impl FnOnce(&mut Record)) -> Result<Submitted, Fault> {
    let queued = session.engine.ask(move |sealer| sealer.mirror().queue.get(&id).copied());
    let queued = queued.ok_or_else(|| Fault::Absent(format!("{}: no such payment waits", uetr_text(id))))?;
    let (owner, currency) = owner_of(session, queued.debtor)?;
    let own = new_id(None)?.bits();
    let mut record = Record::new(own, queued.debtor, queued.creditor, 0, currency.numeric());
    record.related = id.into();
    how(&mut record);
    submit(session, owner, (record, currency))
}

fn amend(session: &Session, arguments: &AmendArgs) -> Result<Submitted, Fault> {
    let id = parse_uetr(&arguments.uetr)?.bits();
    let place = match (arguments.first, arguments.last) {
        (true, _) => flags::FIRST,
        (false, true) => flags::LAST,
        (false, false) => 0,
    };
    change(session, id, |record| {
        record.flags = (flags::QUEUE | class_flag(arguments.priority) | place).into();
        record.delay = arguments.after.unwrap_or(0).into();
        record.timeout = arguments.until.unwrap_or(0).into();
    })
}

fn resolve(session: &Session) -> Result<ResolvedReport, Fault> {
    let decided = session.engine.resolve()?;
    session.engine.seal()?;
    let waiting = session.engine.ask(|sealer| sealer.mirror().queue.len());
    let mut report = ResolvedReport { released: Vec::new(), failed: 0, waiting };
    for (record, sequence, row) in decided {
        if row.outcome() != Some(Outcome::Cleared) {
            report.failed += 1;
            continue;
        }
        let currency = owner_of(session, record.debtor.get())?.1;
        report.released.push(Released {
            uetr: uetr_text(record.related.get()),
            sequence,
            amount: format!("{} {}", decimal(record.amount.get().into(), currency), currency.code()),
            is_linked: record.is_linked(),
        });
    }
    Ok(report)
}
