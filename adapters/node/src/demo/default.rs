//! A participant that can't pay at settlement: who owes most is marked, the cycle fails, and a waterfall covers the debt
//! out of its collateral, the default fund and what the survivors carry. Computes nothing of it: the rules do, and the
//! checks hold their numbers against each other.

use std::fmt;

use feiqian_core::account::SlotHandle;
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::money::decimal;
use feiqian_core::paid::PaidCommand;
use feiqian_core::participant::CycleNumber;
use feiqian_files::settlement::SettlementReport;
use serde::Serialize;

use super::checks::Checks;
use crate::commands::cycle_default::{WaterfallReport, cover_debt};
use crate::fault::Fault;
use crate::session::Session;

/// What became of the debt.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Unpaid {
    waterfall: WaterfallReport,
    /// What the others carry together, decimal.
    survivors: String,
}

/// Who owes, and how much of what: minor units.
#[derive(Clone, Copy, Debug)]
struct Debt {
    bic: Bic,
    currency: Currency,
    owed: u64,
}

impl Unpaid {
    /// Lets the participant with the largest debt of an instructed cycle fail; none if nobody owes enough for that.
    pub(super) fn run(
        session: &Session,
        cycle: CycleNumber,
        checks: &mut Checks,
    ) -> Result<Option<Self>, Fault> {
        let Some(debt) = Debt::largest(session, cycle) else { return Ok(None) };
        let Debt { bic, currency, owed } = debt;
        // A half is covered by the one and a quarter by the other, so that something is left to be carried.
        let endowments = [
            DefaultCommand::SetCollateral { bic, currency, amount: owed / 2 },
            DefaultCommand::SetDefaultFund { currency, amount: owed / 4 },
        ];
        for endowment in endowments {
            session.command(Command::Default(endowment))?;
        }
        session.command(Command::Paid(PaidCommand::Failed { cycle, bic }))?;
        let settled = session.command(Command::SettleCycle { cycle });
        checks.add("a_cycle_with_a_debt_unpaid_does_not_settle", matches!(settled, Err(Fault::Refused(_))));
        session.command(Command::FailCycle { cycle })?;
        let waterfall = cover_debt(session, cycle, (bic, currency))?;
        session.engine.seal()?;
        let again = cover_debt(session, cycle, (bic, currency));
        checks.add("a_debt_is_covered_once", matches!(again, Err(Fault::Refused(_) | Fault::Usage(_))));
        let rest = owed - owed / 2 - owed / 4;
        let unpaid = Self { waterfall, survivors: decimal(rest.into(), currency) };
        checks.add("the_waterfall_covers_the_debt_in_its_order", unpaid.covers(&debt));
        Ok(Some(unpaid))
    }

    /// Collateral and fund are used up, and what the survivors carry is the rest to the cent.
    fn covers(&self, Debt { currency, owed, .. }: &Debt) -> bool {
        let text = |sum: u64| decimal(sum.into(), *currency);
        let WaterfallReport { own, fund, .. } = &self.waterfall;
        let is_used = (own, fund) == (&text(owed / 2), &text(owed / 4));
        let carried: i128 = self.waterfall.survivors.iter().map(|line| minor(&line.share)).sum();
        is_used && carried == minor(&self.survivors)
    }

    /// After it the failing participant owes what collateral and fund pay, and all nets still sum to zero.
    pub(super) fn check_nets(&self, report: &SettlementReport, checks: &mut Checks) {
        let WaterfallReport { of, currency, own, fund, .. } = &self.waterfall;
        let own_line =
            report.positions.iter().find(|line| line.participant == *of && line.currency == *currency);
        let of_currency = report.positions.iter().filter(|line| line.currency == *currency);
        let sum: i128 = of_currency.map(|line| minor(&line.net)).sum();
        let left = own_line.map_or(0, |line| minor(&line.net));
        checks.add("nets_after_a_default_are_conserved", sum == 0 && left == -minor(own) - minor(fund));
    }

    /// In a line.
    pub(super) fn summary(&self) -> String {
        let WaterfallReport { of, currency, owed, own, fund, .. } = &self.waterfall;
        let others = &self.survivors;
        format!("{of} {owed} {currency}: collateral {own}, default fund {fund}, survivors {others}")
    }
}

impl fmt::Display for Unpaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.waterfall)
    }
}

impl Debt {
    /// Of the currency in which most owe or are owed.
    fn largest(session: &Session, cycle: CycleNumber) -> Option<Self> {
        let closing = session.engine.ask(move |sealer| sealer.mirror().closing(cycle).cloned())?;
        session.engine.directory().registry(|registry| {
            let terms = |slot: SlotHandle| registry.slots().get(slot as usize);
            let users = |currency: Currency| {
                let of =
                    |(slot, _): &&(SlotHandle, i128)| terms(*slot).is_some_and(|at| at.currency == currency);
                closing.nets.iter().filter(of).count()
            };
            let debtors = closing.nets.iter().filter(|(_, net)| *net < 0);
            let named = debtors.filter_map(|(slot, net)| Some((terms(*slot)?, *net)));
            let (terms, net) =
                named.max_by_key(|(terms, net)| (users(terms.currency), net.unsigned_abs()))?;
            let bic = registry.participants().get(terms.participant as usize)?.bic;
            // Less can't be split in three.
            let owed = u64::try_from(-net).ok().filter(|owed| *owed >= 4)?;
            Some(Self { bic, currency: terms.currency, owed })
        })
    }
}

/// A decimal's minor units: an amount of a currency always has all of its decimals.
fn minor(text: &str) -> i128 {
    text.replace('.', "").parse().unwrap_or(i128::MIN / 4)
}
