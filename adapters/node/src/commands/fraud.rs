//! `feiqian fraud`: cases of reported transfers, where their money is, and what is held, freed and returned. Builds
//! commands and shows what the registry and the tables hold; decides nothing.

use std::collections::BTreeMap;
use std::fmt;

use feiqian_core::account::AccountHandle;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::fraud::trace::Trace;
use feiqian_core::fraud::{Case, FraudCommand, HeldKey, Traced};
use feiqian_core::limits::ORDER_SECONDS_MAX;
use feiqian_core::mirror::Mirror;
use feiqian_core::money::decimal;
use serde::Serialize;

use super::pay::{Submitted, amount_of, owner_of};
use super::{Context, fx, posting};
use crate::cli::{FraudOrder, FraudStep, WordArgs};
use crate::fault::Fault;
use crate::names::{AccountName, Aliases, currency_of, find_account, parse_uetr, time_text, uetr_text};
use crate::output::Table;
use crate::session::Session;

/// Of one account: what a trace says, or what is held.
#[derive(Serialize)]
struct PlaceLine {
    account: AccountName,
    #[serde(skip_serializing_if = "Option::is_none")]
    hop: Option<u8>,
    /// Left of the money that is followed, or asked to be held.
    amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    /// Sequences of the transfers that brought it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    via: Vec<u64>,
}

#[derive(Serialize)]
struct CaseReport {
    case: String,
    transfer: String,
    sequence: u64,
    reporter: Option<String>,
    victim: Option<AccountName>,
    amount: String,
    currency: &'static str,
    hops: u8,
    deadline: String,
    /// The last sequence that its trace has looked at.
    as_of: u64,
    places: Vec<PlaceLine>,
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &Option<AccountName>| name.as_ref().map(ToString::to_string).unwrap_or_default();
        let Self { case, transfer, amount, currency, hops, deadline, .. } = self;
        writeln!(f, "case {case}, until {deadline}")?;
        writeln!(
            f,
            "  transfer {transfer} of {}, {amount} {currency} in dispute, {hops} hops",
            name(&self.victim)
        )?;
        let mut table = Table::new(&["account", ">asked", ">held", ""]);
        for line in &self.places {
            table.row(vec![
                line.account.to_string(),
                line.amount.clone(),
                line.held.clone().unwrap_or_else(|| "-".to_owned()),
                (*currency).to_owned(),
            ]);
        }
        if self.places.is_empty() { writeln!(f, "  nothing is held") } else { write!(f, "{table}") }
    }
}

#[derive(Serialize)]
struct CasesReport {
    cases: Vec<CaseReport>,
}

impl fmt::Display for CasesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cases.is_empty() {
            return write!(f, "no fraud case runs");
        }
        self.cases.iter().try_for_each(|case| write!(f, "{case}"))
    }
}

#[derive(Serialize)]
struct TraceReport {
    case: String,
    as_of: u64,
    currency: &'static str,
    places: Vec<PlaceLine>,
    /// On the books of these accounts' banks.
    exits: Vec<PlaceLine>,
    came_back: String,
    /// Further away than the trace goes.
    beyond: String,
}

impl fmt::Display for TraceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {}, up to sequence {}", self.case, self.as_of)?;
        let mut table = Table::new(&[">hop", "account", ">left", "", "brought by"]);
        for line in &self.places {
            let via: Vec<_> = line.via.iter().map(u64::to_string).collect();
            table.row(vec![
                line.hop.unwrap_or(0).to_string(),
                line.account.to_string(),
                line.amount.clone(),
                self.currency.to_owned(),
                via.join(" "),
            ]);
        }
        write!(f, "{table}")?;
        for exit in &self.exits {
            writeln!(f, "  {} {} went to the books of {}", exit.amount, self.currency, exit.account)?;
        }
        let Self { came_back, beyond, currency, .. } = self;
        writeln!(f, "  {came_back} {currency} came back, {beyond} {currency} went further than is followed")
    }
}

/// A step that names a case alone.
#[derive(Serialize)]
struct StepReport {
    case: String,
    state: &'static str,
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: case {}", self.state, self.case)
    }
}

pub(super) fn step(context: &Context, step: &FraudStep) -> Result<(), Fault> {
    let output = &context.output;
    match step {
        FraudStep::Report { uetr, amount, hops, seconds, word } => {
            let report = context.with_session(&word.officer_keys, |session| {
                let command = report(session, (uetr, amount.as_deref()), (*hops, *seconds))?;
                let id = say(session, command, word)?.0;
                shown(session, id)
            })?;
            output.report(&report);
        }
        FraudStep::Trace { case } => {
            let report = context.with_session(&[], |session| traced(session, find(session, case)?))?;
            output.report(&report);
        }
        FraudStep::Hold { case, officer_keys } => {
            let report = context.with_session(officer_keys, |session| hold(session, find(session, case)?))?;
            output.report(&report);
        }
        FraudStep::Release { case, account, word } => {
            let report = context.with_session(&word.officer_keys, |session| {
                let account = account.as_deref();
                let account = account.map(|id| find_account(session.engine.directory(), id)).transpose()?;
                let id = find(session, case)?;
                say(session, FraudCommand::Release { case: id, account }, word)?;
                Ok(StepReport { case: uetr_text(id), state: "released" })
            })?;
            output.report(&report);
        }
        FraudStep::Return { case, account, amount, word } => {
            let report = context.with_session(&word.officer_keys, |session| {
                give_back(session, (find(session, case)?, account, amount.as_deref()), word)
            })?;
            output.report(&report);
        }
        FraudStep::List => {
            let report = context.with_session(&[], |session| {
                Ok(session.engine.ask(|sealer| CasesReport { cases: cases_of(sealer.mirror()) }))
            })?;
            output.report(&report);
        }
    }
    Ok(())
}

/// Runs a command as a bank's word or the officers'; gives the entry's id and sequence.
fn say(session: &Session, command: FraudCommand, word: &WordArgs) -> Result<(u128, u64), Fault> {
    let command = Command::Fraud(command);
    match &word.bic {
        Some(bic) => {
            session.say(command, Some(&fx::participant_key(bic, word.key.as_deref(), word.test_key)?))
        }
        None => session.say(command, None),
    }
}

/// The one case whose id begins so.
fn find(session: &Session, named: &str) -> Result<u128, Fault> {
    let ids: Vec<u128> = session.engine.directory().registry(|registry| {
        let cases = registry.cases().iter().map(|(id, _)| id);
        cases.filter(|id| uetr_text(*id).starts_with(named)).collect()
    });
    match ids.as_slice() {
        [only] => Ok(*only),
        [] => Err(Fault::Absent("no such case runs: see `feiqian fraud list`".to_owned())),
        _ => Err(Fault::Usage("several cases begin so: give more of the id".to_owned())),
    }
}

/// What reports a transfer, or its release where it had waited.
fn report(
    session: &Session,
    (uetr, amount): (&str, Option<&str>),
    (hops, seconds): (u8, u32),
) -> Result<FraudCommand, Fault> {
    let named = parse_uetr(uetr)?.bits();
    let absent = || Fault::Absent(format!("{uetr}: never journaled"));
    let engine = &session.engine;
    let sequence = match engine.released(named)? {
        Some(released) => released,
        None => engine.find(named).ok_or_else(absent)?,
    };
    let record = engine.entry(sequence)?.ok_or_else(absent)?.0.record;
    let (debtor, creditor, transfer) = (record.debtor.get(), record.creditor.get(), record.uetr.get());
    let paid = record.amount.get();
    let (owner, currency) = owner_of(session, debtor)?;
    let returned = engine.ask(move |sealer| sealer.mirror().returns.returned(transfer));
    let left = paid.saturating_sub(returned);
    let amount = amount.map_or(Ok(left), |text| amount_of(text, currency))?;
    let reporter = engine
        .directory()
        .registry(|registry| registry.participants().get(owner as usize).map(|participant| participant.bic))
        .ok_or_else(absent)?;
    Ok(FraudCommand::Report { reporter, transfer, sequence, debtor, creditor, paid, amount, hops, seconds })
}

/// What officers order or propose, with the trace and the sums of now.
///
/// # Errors
/// [`Fault::Absent`] for a case or an account that is not there, or where nothing is held.
pub(crate) fn ordered(session: &Session, step: &FraudOrder) -> Result<FraudCommand, Fault> {
    match step {
        FraudOrder::Hold { case } => holding(session, find(session, case)?),
        FraudOrder::Release { case, account } => {
            let account = account.as_deref();
            let account = account.map(|id| find_account(session.engine.directory(), id)).transpose()?;
            Ok(FraudCommand::Release { case: find(session, case)?, account })
        }
        FraudOrder::Return { case, account, amount } => {
            returning(session, (find(session, case)?, account, amount.as_deref()))
        }
    }
}

fn holding(session: &Session, id: u128) -> Result<FraudCommand, Fault> {
    let (_, as_of, found) = trace_of(session, id)?;
    if found.traced.is_empty() {
        return Err(Fault::Refused("nothing of it is left on accounts that are kept here".to_owned()));
    }
    Ok(FraudCommand::Hold { case: id, as_of, traced: found.traced })
}

fn hold(session: &Session, id: u128) -> Result<CaseReport, Fault> {
    session.say(Command::Fraud(holding(session, id)?), None)?;
    shown(session, id)
}

fn returning(
    session: &Session,
    (case, account, amount): (u128, &str, Option<&str>),
) -> Result<FraudCommand, Fault> {
    let account = find_account(session.engine.directory(), account)?;
    let currency = owner_of(session, account)?.1;
    let held = session.engine.ask(move |sealer| sealer.mirror().held.get(&(case, account)).copied());
    let held = held.ok_or_else(|| Fault::Absent("nothing is held there for the case".to_owned()))?;
    let amount = amount.map_or(Ok(held.amount), |text| amount_of(text, currency))?;
    Ok(FraudCommand::Return { case, account, amount })
}

fn give_back(
    session: &Session,
    named: (u128, &str, Option<&str>),
    word: &WordArgs,
) -> Result<Submitted, Fault> {
    let (_, order) = say(session, returning(session, named)?, word)?;
    posting::await_entry(session, order, ORDER_SECONDS_MAX)
}

fn trace_of(session: &Session, id: u128) -> Result<(Case, u64, Trace), Fault> {
    session.engine.seal()?;
    let found = session.engine.trace(id)?;
    found.ok_or_else(|| Fault::Absent("no such case runs: see `feiqian fraud list`".to_owned()))
}

fn traced(session: &Session, id: u128) -> Result<TraceReport, Fault> {
    let (case, as_of, found) = trace_of(session, id)?;
    let currency = owner_of(session, case.creditor)?.1;
    Ok(session.engine.directory().registry(|registry| {
        let aliases = Aliases::of(registry);
        let text = |minor: u64| decimal(minor.into(), currency);
        let line = |(account, amount, hop, via): (AccountHandle, u64, Option<u8>, &[u64])| {
            let (account, amount) = (aliases.name(registry, account)?, text(amount));
            Some(PlaceLine { account, hop, amount, held: None, via: via.to_vec() })
        };
        let place = |at: &Traced| line((at.account, at.amount, Some(at.hop), &at.via));
        let mut places: Vec<_> = found.traced.iter().filter_map(place).collect();
        places.sort_by_key(|place| place.hop);
        TraceReport {
            case: uetr_text(id),
            as_of,
            currency: currency.code(),
            places,
            exits: found.exits.iter().filter_map(|(at, sum)| line((*at, *sum, None, &[]))).collect(),
            came_back: text(found.came_back),
            beyond: text(found.beyond),
        }
    }))
}

/// A case as it stands behind what has just been said.
fn shown(session: &Session, id: u128) -> Result<CaseReport, Fault> {
    session.engine.seal()?;
    let report = session.engine.ask(move |sealer| {
        let mirror = sealer.mirror();
        let case = mirror.registry.cases().get(id)?;
        case_report(mirror, &Aliases::of(&mirror.registry), (id, case))
    });
    report.ok_or_else(|| Fault::Absent("no such case runs: see `feiqian fraud list`".to_owned()))
}

fn cases_of(mirror: &Mirror) -> Vec<CaseReport> {
    let aliases = Aliases::of(&mirror.registry);
    let cases = mirror.registry.cases().iter();
    cases.filter_map(|(id, case)| case_report(mirror, &aliases, (id, case))).collect()
}

fn case_report(mirror: &Mirror, aliases: &Aliases, (id, case): (u128, &Case)) -> Option<CaseReport> {
    let registry = &mirror.registry;
    let currency = registry.account(case.creditor).and_then(currency_of)?;
    let reporter = registry.participants().get(case.reporter as usize);
    Some(CaseReport {
        case: uetr_text(id),
        transfer: uetr_text(case.transfer),
        sequence: case.sequence,
        reporter: reporter.map(|participant| participant.bic.as_str().to_owned()),
        victim: aliases.name(registry, case.debtor),
        amount: decimal(case.amount.into(), currency),
        currency: currency.code(),
        hops: case.hops,
        deadline: time_text(case.deadline),
        as_of: case.as_of,
        places: places_of(mirror, aliases, (id, case), currency),
    })
}

fn places_of(
    mirror: &Mirror,
    aliases: &Aliases,
    (id, case): (u128, &Case),
    currency: Currency,
) -> Vec<PlaceLine> {
    let range = (id, AccountHandle::MIN)..=(id, AccountHandle::MAX);
    let held: BTreeMap<HeldKey, u64> =
        mirror.held.range(range).map(|(key, held)| (*key, held.amount)).collect();
    let line = |(account, asked): (AccountHandle, u64)| {
        let held = held.get(&(id, account)).copied().unwrap_or(0);
        Some(PlaceLine {
            account: aliases.name(&mirror.registry, account)?,
            hop: None,
            amount: decimal(asked.into(), currency),
            held: Some(decimal(held.into(), currency)),
            via: Vec::new(),
        })
    };
    case.to_hold().filter_map(line).collect()
}
