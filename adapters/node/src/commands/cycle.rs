//! `feiqian cycle`: closes cycles, writes what they send, and books their settlement. Each step is a command in
//! the journal, approved by two officers; files are written before the step that says so is journaled.

use std::fmt;

use feiqian_core::command::Command;
use feiqian_core::participant::{Cycle, CycleNumber, CycleState};
use feiqian_core::registry::Registry;
use feiqian_core::secrets::SaltSecret;
use feiqian_files::settlement::{SettlementReport, write_cycle};
use serde::Serialize;

use super::Context;
use crate::cli::{CycleArgs, CycleStep};
use crate::fault::Fault;
use crate::keys::random;
use crate::names::time_text;
use crate::orders::currency_named;
use crate::output::Table;
use crate::session::Session;

const OPEN: &str = "no cycle has to be opened: the first opens with the chain, and the next one in the same \
                    instant in which one closes (`feiqian cycle close`)";

#[derive(Serialize)]
struct CycleLine {
    cycle: u64,
    /// The currency that it counts alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    state: &'static str,
    first_block: u64,
    /// Of the first block that is not in it; none while open.
    end_block: Option<u64>,
    closed_at: Option<String>,
    /// Who is marked as having paid, until it is settled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paid: Vec<String>,
    /// Who is marked as not having paid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unpaid: Vec<String>,
}

impl CycleLine {
    fn of(cycle: &Cycle, registry: &Registry) -> Self {
        let marked = |wanted: bool| {
            let marks =
                registry.paid().iter().filter(|((at, _), has)| *at == cycle.number && **has == wanted);
            let name = |at: u32| registry.participants().get(at as usize).map(|found| found.bic.to_string());
            marks.filter_map(|((_, at), _)| name(*at)).collect()
        };
        let is_over = cycle.state != CycleState::Open;
        Self {
            cycle: cycle.number,
            currency: cycle.scope.map(|scope| scope.code()),
            state: cycle.state.name(),
            first_block: cycle.first_block,
            end_block: is_over.then_some(cycle.end_block),
            closed_at: is_over.then(|| time_text(cycle.closed_at)),
            paid: marked(true),
            unpaid: marked(false),
        }
    }
}

#[derive(Serialize)]
struct CyclesReport {
    cycles: Vec<CycleLine>,
    /// When the calendar closes the open cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cut_off: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl fmt::Display for CyclesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(note) = self.note {
            writeln!(f, "{note}")?;
        }
        let mut table = Table::new(&[">cycle", "", "state", "blocks", "closed"]);
        for line in &self.cycles {
            let end = line.end_block.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
            table.row(vec![
                line.cycle.to_string(),
                line.currency.unwrap_or_default().to_owned(),
                line.state.to_owned(),
                format!("{} to {end}", line.first_block),
                line.closed_at.clone().unwrap_or_default(),
            ]);
        }
        write!(f, "{table}")?;
        for line in &self.cycles {
            for (names, what) in [(&line.paid, "paid"), (&line.unpaid, "not paid")] {
                if !names.is_empty() {
                    writeln!(f, "cycle {}: {what} by {}", line.cycle, names.join(", "))?;
                }
            }
        }
        match &self.next_cut_off {
            Some(time) => writeln!(f, "the open cycle closes by itself at {time}"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct StepReport {
    cycle: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cycle {} is {}", self.cycle, self.state)?;
        if let Some(report) = &self.settlement {
            write!(f, "{}", Settlement(report))?;
        }
        match &self.folder {
            Some(folder) => writeln!(f, "files in {folder}; when all is paid: feiqian cycle settle"),
            None => Ok(()),
        }
    }
}

/// What a cycle sends, as it is printed.
#[derive(Debug)]
pub struct Settlement<'a>(pub &'a SettlementReport);

impl fmt::Display for Settlement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut positions = Table::new(&["participant", "", ">net position"]);
        for line in &self.0.positions {
            positions.row(vec![line.participant.clone(), line.currency.clone(), line.net.clone()]);
        }
        let mut obligations = Table::new(&["pays", "is paid", "", ">amount"]);
        for line in &self.0.obligations {
            let (debtor, creditor) = (line.debtor.clone(), line.creditor.clone());
            obligations.row(vec![debtor, creditor, line.currency.clone(), line.amount.clone()]);
        }
        write!(f, "{positions}{obligations}")
    }
}

#[derive(Serialize)]
struct SplitReport {
    currency: &'static str,
    /// The general cycle in which it is counted for the last time.
    after: u64,
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} has cycles of its own once cycle {} has closed", self.currency, self.after)
    }
}

#[derive(Serialize)]
struct RotationReport {
    /// The first cycle whose blocks have the new salts.
    first_cycle: u64,
}

impl fmt::Display for RotationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "the salts of transfers and positions derive from a new secret from cycle {} on",
            self.first_cycle
        )
    }
}

pub(super) fn step(context: &Context, step: &CycleStep) -> Result<(), Fault> {
    match step {
        CycleStep::List => cycles(context, None),
        CycleStep::Report { cycle } => super::cycle_report::report(context, *cycle),
        CycleStep::Open => cycles(context, Some(OPEN)),
        CycleStep::Split { currency, officers } => {
            let currency = currency_named(currency)?;
            let report = context.with_session(&officers.keys, |session| {
                session.command(Command::SplitStream { currency })?;
                let after = session.engine.directory().registry(|registry| registry.open_cycle());
                Ok(SplitReport { currency: currency.code(), after })
            })?;
            context.output.report(&report);
            Ok(())
        }
        CycleStep::Close(arguments) => run(context, arguments, |session| {
            let open = session.engine.directory().registry(|registry| registry.open_cycle());
            let cycle = arguments.cycle.unwrap_or(open);
            session.command(Command::CloseCycle { cycle })?;
            close_on(context, session, cycle)
        }),
        CycleStep::Instruct(arguments) => run(context, arguments, |session| {
            let states = [CycleState::Closed, CycleState::Failed];
            instruct(context, session, choose(session, arguments.cycle, &states)?)
        }),
        CycleStep::Settle(arguments) => run(context, arguments, |session| {
            let cycle = choose(session, arguments.cycle, &[CycleState::Instructed])?;
            session.command(Command::SettleCycle { cycle })?;
            Ok(StepReport { cycle, state: CycleState::Settled.name(), settlement: None, folder: None })
        }),
        CycleStep::Recast { without, cycle } => super::cycle_default::recast(context, without, cycle),
        CycleStep::Waterfall { of, currency, cycle } => {
            super::cycle_default::waterfall(context, (of, currency), cycle)
        }
        CycleStep::RotateSalts(officers) => {
            let report = context.with_session(&officers.keys, |session| {
                session.command(Command::RotateSalts { secret: SaltSecret(random()?) })?;
                let open = session.engine.directory().registry(|registry| registry.open_cycle());
                Ok(RotationReport { first_cycle: open + 1 })
            })?;
            context.output.report(&report);
            Ok(())
        }
        CycleStep::Fail(arguments) => run(context, arguments, |session| {
            let cycle = choose(session, arguments.cycle, &[CycleState::Instructed])?;
            session.command(Command::FailCycle { cycle })?;
            Ok(StepReport { cycle, state: CycleState::Failed.name(), settlement: None, folder: None })
        }),
    }
}

fn cycles(context: &Context, note: Option<&'static str>) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        Ok(session.engine.directory().registry(|registry| {
            let cycles = registry.cycles().iter().map(|cycle| CycleLine::of(cycle, registry)).collect();
            CyclesReport { cycles, next_cut_off: registry.next_cut_off().map(time_text), note }
        }))
    })?;
    context.output.report(&report);
    Ok(())
}

fn run(
    context: &Context,
    arguments: &CycleArgs,
    work: impl FnOnce(&Session) -> Result<StepReport, Fault>,
) -> Result<(), Fault> {
    let report = context.with_session(&arguments.officers.keys, work)?;
    context.output.report(&report);
    Ok(())
}

fn instruct(context: &Context, session: &Session, cycle: CycleNumber) -> Result<StepReport, Fault> {
    let options = session.intake_options(&context.config)?;
    let settlement = write_cycle(&session.engine, &options.work, options.operator, cycle)?;
    session.command(Command::InstructCycle { cycle })?;
    Ok(StepReport {
        cycle,
        state: CycleState::Instructed.name(),
        settlement: Some(settlement),
        folder: Some(options.work.settlement().display().to_string()),
    })
}

/// Instructs what was closed. Where nobody owes anything there is nothing to wait for: the cycle is settled at once.
/// That takes the same officers and the same commands as any other, so the core needs no rule of its own for it.
fn close_on(context: &Context, session: &Session, cycle: CycleNumber) -> Result<StepReport, Fault> {
    let report = instruct(context, session, cycle)?;
    if report.settlement.as_ref().is_some_and(|settlement| !settlement.obligations.is_empty()) {
        return Ok(report);
    }
    session.command(Command::SettleCycle { cycle })?;
    Ok(StepReport { state: CycleState::Settled.name(), folder: None, ..report })
}

/// The cycle that was named, or the only one in one of the states.
pub(super) fn choose(
    session: &Session,
    named: Option<CycleNumber>,
    states: &[CycleState],
) -> Result<CycleNumber, Fault> {
    if let Some(cycle) = named {
        return Ok(cycle);
    }
    let found: Vec<CycleNumber> = session.engine.directory().registry(|registry| {
        let fitting = registry.cycles().iter().filter(|cycle| states.contains(&cycle.state));
        fitting.map(|cycle| cycle.number).collect()
    });
    let names: Vec<_> = states.iter().map(|state| state.name()).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(Fault::Absent(format!("no cycle is {}: see `feiqian cycle list`", names.join(" or ")))),
        several => {
            let text = format!("cycles {several:?} are {}: name one with --cycle N", names.join(" or "));
            Err(Fault::Usage(text))
        }
    }
}
