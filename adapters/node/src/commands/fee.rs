//! `feiqian fee`: shows, sets and ends tariffs, as commands of two officers, and says what a payment would owe. Asks the
//! core for what it says; decides nothing.

use std::fmt;

use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::fees::{Change, FeeCommand, Leg, Tariff, TariffNumber};
use feiqian_core::money::decimal;
use feiqian_core::registry::Registry;
use feiqian_core::transfer::Record;
use serde::Serialize;

use super::Context;
use super::pay::{amount_of, owner_of};
use crate::cli::{FeeStep, OfficerArgs};
use crate::fault::Fault;
use crate::names::{Aliases, find_account, time_text};
use crate::output::Table;
use crate::session::{Session, now};
use crate::tariffs::{
    beneficiary_words, command_of, fee_command, purpose_named, scope_words, tariff_words, tier_words,
};

#[derive(Serialize)]
struct TariffLine {
    number: TariffNumber,
    currency: &'static str,
    bearer: &'static str,
    /// Whose payments, to whom and for what.
    covers: String,
    /// By tier.
    charges: String,
    /// Who gets it, with shares.
    to: String,
}

/// What is announced and has not come.
#[derive(Serialize)]
struct ChangeLine {
    from: String,
    number: TariffNumber,
    what: String,
}

#[derive(Serialize)]
struct TariffsReport {
    tariffs: Vec<TariffLine>,
    announced: Vec<ChangeLine>,
}

impl TariffsReport {
    fn of(registry: &Registry) -> Self {
        let aliases = Aliases::of(registry);
        let (now, name) = (now(), |account| account_text(registry, &aliases, account));
        let line = |(number, tariff): (TariffNumber, &Tariff)| TariffLine {
            number,
            currency: tariff.scope.currency.code(),
            bearer: tariff.scope.bearer.name(),
            covers: scope_words(&tariff.scope),
            charges: tier_words(tariff),
            to: beneficiary_words(tariff, name),
        };
        let announced = |change: &Change| ChangeLine {
            from: time_text(change.from),
            number: change.number,
            what: tariff_words(change.number, change.after.as_ref(), name),
        };
        let changes = registry.fees().changes().iter().filter(|change| change.from > now);
        Self {
            tariffs: registry.fees().in_force(now).into_iter().map(line).collect(),
            announced: changes.map(announced).collect(),
        }
    }
}

impl fmt::Display for TariffsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tariffs.is_empty() {
            write!(f, "no tariff is in force: payments owe no fees")?;
            return self.announced.iter().try_for_each(|line| write!(f, "\n{line}"));
        }
        let mut table = Table::new(&[">tariff", "", "payments", "borne by", "fee", "to"]);
        for line in &self.tariffs {
            table.row(vec![
                line.number.to_string(),
                line.currency.to_owned(),
                line.covers.clone(),
                line.bearer.to_owned(),
                line.charges.clone(),
                line.to.clone(),
            ]);
        }
        write!(f, "{table}")?;
        self.announced.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} on, {}", self.from, self.what)
    }
}

/// A part of a fee.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct LegLine {
    tariff: TariffNumber,
    bearer: &'static str,
    from: String,
    to: String,
    amount: String,
}

impl LegLine {
    /// The legs of a payment, as they are owed at a time.
    pub(crate) fn of(registry: &Registry, (payment, time): (&Record, u64), currency: Currency) -> Vec<Self> {
        let legs = registry.fee_legs(payment, time);
        if legs.is_empty() {
            return Vec::new();
        }
        let aliases = Aliases::of(registry);
        let line = |leg: &Leg| Self {
            tariff: leg.tariff,
            bearer: leg.bearer.name(),
            from: account_text(registry, &aliases, leg.debtor),
            to: account_text(registry, &aliases, leg.creditor),
            amount: decimal(leg.amount.into(), currency),
        };
        legs.iter().map(line).collect()
    }
}

impl fmt::Display for LegLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tariff, from, to, amount, .. } = self;
        write!(f, "fee {amount} from {from} to {to} by tariff {tariff}")
    }
}

#[derive(Serialize)]
struct QuoteReport {
    amount: String,
    currency: &'static str,
    fees: Vec<LegLine>,
}

impl fmt::Display for QuoteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fees.is_empty() {
            return write!(f, "{} {} owe no fee", self.amount, self.currency);
        }
        writeln!(f, "{} {} owe", self.amount, self.currency)?;
        let mut table = Table::new(&[">tariff", "borne by", "from", "to", ">fee"]);
        for leg in &self.fees {
            table.row(vec![
                leg.tariff.to_string(),
                leg.bearer.to_owned(),
                leg.from.clone(),
                leg.to.clone(),
                leg.amount.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}

fn account_text(registry: &Registry, aliases: &Aliases, account: u64) -> String {
    aliases.name(registry, account).map_or_else(|| format!("account {account}"), |name| name.to_string())
}

pub(super) fn step(context: &Context, step: &FeeStep) -> Result<(), Fault> {
    match step {
        FeeStep::List => {
            let report = context
                .with_session(&[], |session| Ok(session.engine.directory().registry(TariffsReport::of)))?;
            context.output.report(&report);
            Ok(())
        }
        FeeStep::Quote { from, to, amount, purpose } => {
            let report = context
                .with_session(&[], |session| quote(session, (from, to), (amount, purpose.as_deref())))?;
            context.output.report(&report);
            Ok(())
        }
        FeeStep::Tariff { tariff, officers } => {
            order(context, officers, |session| command_of(tariff, session.engine.directory()))
        }
        FeeStep::End { number, from, officers } => {
            order(context, officers, |_| Ok(fee_command(*number, None, *from)))
        }
    }
}

/// Runs the command, and shows all tariffs as they are then.
fn order(
    context: &Context,
    officers: &OfficerArgs,
    command: impl FnOnce(&Session) -> Result<FeeCommand, Fault>,
) -> Result<(), Fault> {
    let report = context.with_session(&officers.keys, |session| {
        session.command(Command::Fee(command(session)?))?;
        Ok(session.engine.directory().registry(TariffsReport::of))
    })?;
    context.output.report(&report);
    Ok(())
}

fn quote(
    session: &Session,
    (from, to): (&str, &str),
    (amount, purpose): (&str, Option<&str>),
) -> Result<QuoteReport, Fault> {
    let directory = session.engine.directory();
    let (debtor, creditor) = (find_account(directory, from)?, find_account(directory, to)?);
    let (_, currency) = owner_of(session, debtor)?;
    let minor = amount_of(amount, currency)?;
    let purpose = purpose.map_or(Ok([0; 4]), purpose_named)?;
    let payment = Record { purpose, ..Record::new(1, debtor, creditor, minor, currency.numeric()) };
    let fees = directory.registry(|registry| LegLine::of(registry, (&payment, now()), currency));
    Ok(QuoteReport { amount: decimal(minor.into(), currency), currency: currency.code(), fees })
}
