//! `feiqian cycle recast` and `feiqian cycle waterfall`: the numbers of a default, computed from the cycle's journal,
//! printed, and ordered. The engine checks and books them.

use std::collections::BTreeSet;
use std::fmt;

use feiqian_core::account::SlotHandle;
use feiqian_core::command::Command;
use feiqian_core::default::Booked;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::default::share::cover;
use feiqian_core::money::{decimal, signed_decimal};
use feiqian_core::participant::{CycleNumber, CycleState, SlotTerms};
use feiqian_files::settlement::CycleBook;
use serde::Serialize;

use super::Context;
use super::cycle::choose;
use crate::cli::CycleArgs;
use crate::fault::Fault;
use crate::orders::{bic_named, currency_named};
use crate::output::Table;
use crate::session::Session;

const UNSETTLED: [CycleState; 3] = [CycleState::Closed, CycleState::Instructed, CycleState::Failed];

#[derive(Serialize)]
struct NetLine {
    participant: String,
    currency: &'static str,
    /// Signed decimals.
    before: String,
    after: String,
    booked: String,
}

#[derive(Serialize)]
struct RecastReport {
    cycle: CycleNumber,
    without: String,
    positions: Vec<NetLine>,
}

impl fmt::Display for RecastReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cycle {} is recast without {}", self.cycle, self.without)?;
        let mut table = Table::new(&["participant", "", ">net before", ">after", ">to clearing account"]);
        for line in &self.positions {
            let (participant, currency) = (line.participant.clone(), line.currency.to_owned());
            let numbers = [&line.before, &line.after, &line.booked].map(String::clone);
            table.row([participant, currency].into_iter().chain(numbers).collect());
        }
        writeln!(f, "{table}its files are to be written again: feiqian cycle fail, feiqian cycle instruct")
    }
}

#[derive(Serialize)]
struct ShareLine {
    participant: String,
    /// What it has gained from the failing one in the cycle, decimal.
    exposure: String,
    /// What it carries, decimal.
    share: String,
}

#[derive(Serialize)]
struct WaterfallReport {
    cycle: CycleNumber,
    of: String,
    currency: &'static str,
    /// Decimals.
    owed: String,
    own: String,
    fund: String,
    survivors: Vec<ShareLine>,
}

impl fmt::Display for WaterfallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycle, of, currency, owed, own, fund, .. } = self;
        writeln!(f, "{of} owes {owed} {currency} of cycle {cycle}: covered")?;
        let mut table = Table::new(&["by", ">exposure", ">amount"]);
        table.row(vec!["its collateral".to_owned(), String::new(), own.clone()]);
        table.row(vec!["the default fund".to_owned(), String::new(), fund.clone()]);
        for line in &self.survivors {
            table.row(vec![line.participant.clone(), line.exposure.clone(), line.share.clone()]);
        }
        write!(f, "{table}")
    }
}

/// A cycle's positions as they stand, with its journal.
struct Closed {
    book: CycleBook,
    nets: Vec<i128>,
    slots: Vec<SlotTerms>,
    names: Vec<String>,
}

impl Closed {
    fn of(session: &Session, cycle: CycleNumber) -> Result<Self, Fault> {
        let engine = &session.engine;
        let found = engine.directory().registry(|registry| registry.cycle(cycle).copied());
        let found =
            found.ok_or_else(|| Fault::Absent(format!("no cycle {cycle}: see `feiqian cycle list`")))?;
        let book = CycleBook::read(engine, &found)?;
        let closing = engine.ask(move |sealer| sealer.mirror().closing(cycle).map(|at| at.nets.clone()));
        let closing =
            closing.ok_or_else(|| Fault::Absent(format!("cycle {cycle} is not closed; close it first")))?;
        let (slots, names): (Vec<_>, Vec<_>) = engine.directory().registry(|registry| {
            let participants = registry.participants();
            let name = |terms: &SlotTerms| {
                participants.get(terms.participant as usize).map_or_else(String::new, |at| at.bic.to_string())
            };
            registry.slots().iter().map(|terms| (*terms, name(terms))).unzip()
        });
        let mut nets = vec![0; slots.len()];
        for (slot, net) in closing {
            if let Some(at) = nets.get_mut(slot as usize) {
                *at = net;
            }
        }
        Ok(Self { book, nets, slots, names })
    }

    fn iter(&self) -> impl Iterator<Item = (SlotHandle, &SlotTerms, i128, &String)> {
        let all = (0..).zip(&self.slots).zip(&self.nets).zip(&self.names);
        all.map(|(((slot, terms), net), name)| (slot, terms, *net, name))
    }
}

pub(super) fn recast(context: &Context, without: &str, arguments: &CycleArgs) -> Result<(), Fault> {
    let report = context.with_session(&arguments.officers.keys, |session| {
        let without = bic_named(without)?;
        let cycle = choose(session, arguments.cycle, &UNSETTLED)?;
        let directory = session.engine.directory();
        let failing = directory.registry(|registry| registry.participant_of(without));
        let failing = failing.ok_or_else(|| Fault::Absent(format!("no participant {without}")))?;
        let is_covered = directory.registry(|registry| {
            let steps = registry.defaults().steps().iter();
            steps.filter(|step| step.cycle == cycle).any(|step| matches!(step.booked, Booked::Covered { .. }))
        });
        if is_covered {
            let text = format!("cycle {cycle} has shares of a waterfall in its nets: recasts come before it");
            return Err(Fault::Usage(text));
        }
        // Who has been taken out before is owed nothing any more.
        let mut gone: BTreeSet<u32> = directory.registry(|registry| {
            let steps = registry.defaults().steps().iter().filter(|step| step.cycle == cycle);
            let recasts = steps.filter(|step| matches!(step.booked, Booked::Recast(_)));
            recasts.map(|step| step.without).collect()
        });
        gone.insert(failing);
        let closed = Closed::of(session, cycle)?;
        let (mut nets, mut positions) = (Vec::new(), Vec::new());
        for (slot, terms, before, name) in closed.iter().filter(|(_, terms, ..)| terms.model.is_deferred()) {
            let own = closed
                .iter()
                .find(|(_, other, ..)| other.participant == failing && other.currency == terms.currency);
            let after = match own {
                _ if gone.contains(&terms.participant) => 0,
                Some((own, ..)) => before - closed.book.net_with(slot, own),
                None => before,
            };
            if after != 0 {
                nets.push((slot, after));
            }
            if (before, after) != (0, 0) {
                let text = |sum| signed_decimal(sum, terms.currency);
                positions.push(NetLine {
                    participant: name.clone(),
                    currency: terms.currency.code(),
                    before: text(before),
                    after: text(after),
                    booked: text(after - before),
                });
            }
        }
        session.command(Command::Default(DefaultCommand::Recast { cycle, without, nets }))?;
        Ok(RecastReport { cycle, without: without.to_string(), positions })
    })?;
    context.output.report(&report);
    Ok(())
}

pub(super) fn waterfall(
    context: &Context,
    (of, currency): (&str, &str),
    arguments: &CycleArgs,
) -> Result<(), Fault> {
    let report = context.with_session(&arguments.officers.keys, |session| {
        let (bic, currency) = (bic_named(of)?, currency_named(currency)?);
        let cycle = choose(session, arguments.cycle, &UNSETTLED)?;
        let absent = || Fault::Absent(format!("{bic} has no position in {currency}"));
        let (slot, collateral, pot) = session.engine.directory().registry(|registry| {
            let (participant, slot) = (registry.participant_of(bic), registry.slot_of(bic, currency));
            let (participant, slot) = (participant.ok_or_else(absent)?, slot.ok_or_else(absent)?);
            let defaults = registry.defaults();
            Ok::<_, Fault>((slot, defaults.collateral(participant, currency), defaults.fund(currency)))
        })?;
        let closed = Closed::of(session, cycle)?;
        let net = closed.nets.get(slot as usize).copied().unwrap_or(0);
        if net >= 0 {
            return Err(Fault::Usage(format!("{bic} owes nothing of cycle {cycle} in {currency}")));
        }
        let narrow = |sum: i128| u64::try_from(sum.max(0)).unwrap_or(u64::MAX);
        let owed = narrow(-net);
        let others = closed.iter().filter(|(at, terms, ..)| *at != slot && terms.currency == currency);
        let exposures: Vec<_> = others.map(|(at, ..)| (at, narrow(closed.book.net_with(at, slot)))).collect();
        let covered = cover(owed, (collateral, pot), &exposures);
        let covered = covered.ok_or_else(|| Fault::Usage(format!("nobody is exposed to {bic}")))?;
        let text = |sum: u64| decimal(sum.into(), currency);
        let line = |(at, share): &(SlotHandle, u64)| ShareLine {
            participant: closed.names.get(*at as usize).cloned().unwrap_or_default(),
            exposure: text(narrow(closed.book.net_with(*at, slot))),
            share: text(*share),
        };
        let report = WaterfallReport {
            cycle,
            of: bic.to_string(),
            currency: currency.code(),
            owed: text(owed),
            own: text(covered.own),
            fund: text(covered.fund),
            survivors: covered.survivors.iter().map(line).collect(),
        };
        let (own, fund, survivors) = (covered.own, covered.fund, covered.survivors);
        let command = DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors };
        session.command(Command::Default(command))?;
        Ok(report)
    })?;
    context.output.report(&report);
    Ok(())
}
