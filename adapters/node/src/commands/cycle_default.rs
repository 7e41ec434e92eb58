//! `feiqian cycle recast` and `feiqian cycle waterfall`: the numbers of a default, computed from the cycle's journal,
//! printed, and ordered. The engine checks and books them.

use std::fmt;

use feiqian_core::account::SlotHandle;
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::default::Step;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::default::plan::{PairNets, Plan};
use feiqian_core::default::share::Cover;
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

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShareLine {
    participant: String,
    /// What it has gained from the failing one in the cycle, decimal.
    exposure: String,
    /// What it carries, decimal.
    pub(crate) share: String,
}

/// Who covers a debt; amounts are decimals of the currency.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WaterfallReport {
    cycle: CycleNumber,
    pub(crate) of: String,
    pub(crate) currency: &'static str,
    pub(crate) owed: String,
    pub(crate) own: String,
    pub(crate) fund: String,
    pub(crate) survivors: Vec<ShareLine>,
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

/// A cycle as it stands: who has paid whom, by its journal, and what has been done about it.
struct Unsettled {
    cycle: CycleNumber,
    pairs: PairNets,
    steps: Vec<Step>,
    slots: Vec<SlotTerms>,
    names: Vec<String>,
}

impl Unsettled {
    fn of(session: &Session, cycle: CycleNumber) -> Result<Self, Fault> {
        let engine = &session.engine;
        let found = engine.directory().registry(|registry| registry.cycle(cycle).copied());
        let found =
            found.ok_or_else(|| Fault::Absent(format!("no cycle {cycle}: see `feiqian cycle list`")))?;
        if found.state == CycleState::Open {
            return Err(Fault::Absent(format!("cycle {cycle} is not closed; close it first")));
        }
        let pairs = CycleBook::read(engine, &found)?.pairs().collect();
        Ok(engine.directory().registry(|registry| {
            let participants = registry.participants();
            let name = |terms: &SlotTerms| {
                participants.get(terms.participant as usize).map_or_else(String::new, |at| at.bic.to_string())
            };
            let steps = registry.defaults().steps().iter().filter(|step| step.cycle == cycle).cloned();
            let (slots, names) = registry.slots().iter().map(|terms| (*terms, name(terms))).unzip();
            Self { cycle, pairs, steps: steps.collect(), slots, names }
        }))
    }

    fn plan(&self) -> Plan<'_> {
        Plan::new(&self.slots, self.steps.iter().collect(), &self.pairs)
    }

    fn lines(&self, after: &[(SlotHandle, i128)]) -> Vec<NetLine> {
        let plan = self.plan();
        let all = (0..).zip(&self.slots).zip(&self.names).filter(|((_, terms), _)| terms.model.is_deferred());
        let line = |((slot, terms), name): ((SlotHandle, &SlotTerms), &String)| {
            let (before, found) = (plan.net(slot), after.iter().find(|(at, _)| *at == slot));
            let after = found.map_or(0, |(_, net)| *net);
            let text = |sum| signed_decimal(sum, terms.currency);
            ((before, after) != (0, 0)).then(|| NetLine {
                participant: name.clone(),
                currency: terms.currency.code(),
                before: text(before),
                after: text(after),
                booked: text(after - before),
            })
        };
        all.filter_map(line).collect()
    }
}

pub(super) fn recast(context: &Context, without: &str, arguments: &CycleArgs) -> Result<(), Fault> {
    let report = context.with_session(&arguments.officers.keys, |session| {
        let without = bic_named(without)?;
        let cycle = choose(session, arguments.cycle, &UNSETTLED)?;
        let failing = session.engine.directory().registry(|registry| registry.participant_of(without));
        let failing = failing.ok_or_else(|| Fault::Absent(format!("no participant {without}")))?;
        let unsettled = Unsettled::of(session, cycle)?;
        let nets = unsettled.plan().recast(failing).ok_or_else(|| {
            let text = format!("cycle {cycle} has shares of a waterfall in its nets: recasts come before it");
            Fault::Usage(text)
        })?;
        let positions = unsettled.lines(&nets);
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
        cover_debt(session, cycle, (bic, currency))
    })?;
    context.output.report(&report);
    Ok(())
}

/// Orders the waterfall that covers what a participant owes of a closed cycle in a currency.
///
/// # Errors
/// [`Fault::Absent`] and [`Fault::Usage`] where there is no such debt, or nobody to carry it; [`Fault::Refused`].
pub(crate) fn cover_debt(
    session: &Session,
    cycle: CycleNumber,
    (bic, currency): (Bic, Currency),
) -> Result<WaterfallReport, Fault> {
    let absent = || Fault::Absent(format!("{bic} has no position in {currency}"));
    let (slot, against) = session.engine.directory().registry(|registry| {
        let (participant, slot) = (registry.participant_of(bic), registry.slot_of(bic, currency));
        let (participant, slot) = (participant.ok_or_else(absent)?, slot.ok_or_else(absent)?);
        let defaults = registry.defaults();
        Ok::<_, Fault>((slot, (defaults.collateral(participant, currency), defaults.fund(currency))))
    })?;
    let unsettled = Unsettled::of(session, cycle)?;
    let owed = u64::try_from(-unsettled.plan().net(slot)).unwrap_or(0);
    if owed == 0 {
        return Err(Fault::Usage(format!("{bic} owes nothing of cycle {cycle} in {currency}")));
    }
    let covered = unsettled.plan().waterfall(slot, against);
    let covered = covered.ok_or_else(|| Fault::Usage(format!("nobody is exposed to {bic}")))?;
    let report = unsettled.report(&covered, (slot, bic, owed));
    let Cover { own, fund, survivors } = covered;
    let command = DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors };
    session.command(Command::Default(command))?;
    Ok(report)
}

impl Unsettled {
    fn report(&self, cover: &Cover, (slot, bic, owed): (SlotHandle, Bic, u64)) -> WaterfallReport {
        let currency = self.slots[slot as usize].currency;
        let text = |sum: u64| decimal(sum.into(), currency);
        let plan = self.plan();
        let line = |(at, share): &(SlotHandle, u64)| ShareLine {
            participant: self.names.get(*at as usize).cloned().unwrap_or_default(),
            exposure: text(plan.exposure(*at, slot)),
            share: text(*share),
        };
        WaterfallReport {
            cycle: self.cycle,
            of: bic.to_string(),
            currency: currency.code(),
            owed: text(owed),
            own: text(cover.own),
            fund: text(cover.fund),
            survivors: cover.survivors.iter().map(line).collect(),
        }
    }
}
