//! A cycle's settlement report: for each position its opening, debits and credits by counterparty, and its net, with
//! totals that balance. Read back from the journal and held against the engine's positions; decides and books nothing.

use std::collections::BTreeMap;

use feiqian_core::account::SlotHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::{decimal, signed_decimal};
use feiqian_core::participant::{CycleNumber, CycleState};
use feiqian_runtime::pipeline::Engine;
use serde::Serialize;

use super::book::{CycleBook, Sums};
use super::{Context, check_nets};
use crate::error::FilesError;
use crate::timestamp::date_time;

/// Debits, credits and what is left of them; amounts are decimals in the currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Movements {
    /// Number of credits.
    pub credits: u64,
    /// Their sum.
    pub credit_sum: String,
    /// Number of debits.
    pub debits: u64,
    /// Their sum.
    pub debit_sum: String,
    /// Credits less debits, signed.
    pub net: String,
}

impl Movements {
    fn of(sums: Sums, currency: Currency) -> Self {
        Self {
            credits: sums.credits,
            credit_sum: decimal(sums.credit_sum, currency),
            debits: sums.debits,
            debit_sum: decimal(sums.debit_sum, currency),
            net: signed_decimal(sums.net(), currency),
        }
    }
}

/// Fees among a position's movements, between participants; amounts are decimals in the currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FeeSums {
    /// Number of those that it has borne.
    pub charged: u64,
    /// Their sum.
    pub charged_sum: String,
    /// Number of those that it has got.
    pub received: u64,
    /// Their sum.
    pub received_sum: String,
    /// Received less charged, signed.
    pub net: String,
}

impl FeeSums {
    /// None where there was no fee.
    fn of(sums: Sums, currency: Currency) -> Option<Self> {
        (sums != Sums::default()).then(|| Self {
            charged: sums.debits,
            charged_sum: decimal(sums.debit_sum, currency),
            received: sums.credits,
            received_sum: decimal(sums.credit_sum, currency),
            net: signed_decimal(sums.net(), currency),
        })
    }
}

/// What a position did with one other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CounterpartyLine {
    /// The other's BIC.
    pub counterparty: String,
    /// Credits from it, debits to it.
    #[serde(flatten)]
    pub movements: Movements,
}

/// A participant in a currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PositionReport {
    /// Its BIC.
    pub participant: String,
    /// Currency code.
    pub currency: &'static str,
    /// At the cycle's begin, signed decimal: each cycle begins at zero.
    pub opening: String,
    /// Opening, credits and debits make it.
    pub closing: String,
    /// All of them.
    #[serde(flatten)]
    pub movements: Movements,
    /// Fees among them, if there were any: collected with the cycle's settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<FeeSums>,
    /// Where its settlement stands.
    pub state: &'static str,
    /// By counterparty, those with which there was anything.
    pub counterparties: Vec<CounterpartyLine>,
}

/// All positions of a currency: debits are credits, and nets sum to zero.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CurrencyTotals {
    /// Currency code.
    pub currency: &'static str,
    /// All of them.
    #[serde(flatten)]
    pub movements: Movements,
    /// Fees among them: what is charged is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<FeeSums>,
    /// Sum of the nets of those that are owed: what settles it.
    pub to_settle: String,
    /// What the positions had to have for it: the sum of how far each was below zero at the most, from zero at the begin.
    pub liquidity: String,
    /// Cleared value for each unit of that liquidity, two digits behind the point, the rest cut off; none where nobody was
    /// below zero.
    pub turnover: Option<String>,
}

/// A closed cycle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CycleReport {
    /// Its number.
    pub cycle: CycleNumber,
    /// Where it stands.
    pub state: &'static str,
    /// Height of its first block.
    pub first_block: u64,
    /// Height of its last block.
    pub last_block: u64,
    /// When it opened.
    pub opened_at: String,
    /// When it closed.
    pub closed_at: String,
    /// Sequence of the command that settled it.
    pub settled_by: Option<u64>,
    /// Positions with any movement, by slot.
    pub positions: Vec<PositionReport>,
    /// By currency code.
    pub totals: Vec<CurrencyTotals>,
}

/// Reports a closed cycle. Reads its journal once.
///
/// # Errors
/// [`FilesError::Unknown`] for a cycle that is open or unknown, or whose transfers do not add up to its positions;
/// [`FilesError::Journal`] where a file can't be read.
pub fn cycle_report(engine: &Engine, operator: Bic, cycle: CycleNumber) -> Result<CycleReport, FilesError> {
    let context = Context::new(engine, operator, cycle)?;
    let found = context.cycle;
    if found.state == CycleState::Open {
        return Err(FilesError::Unknown(format!("cycle {cycle} is not closed; close it first")));
    }
    let book = CycleBook::read(engine, &found)?;
    check_nets(engine, &book, cycle)?;
    let slots = 0..u32::try_from(context.slots.len()).unwrap_or(u32::MAX);
    let positions: Result<Vec<_>, _> =
        slots.filter_map(|slot| position(&context, &book, slot).transpose()).collect();
    Ok(CycleReport {
        cycle,
        state: found.state.name(),
        first_block: found.first_block,
        last_block: found.end_block.saturating_sub(1),
        opened_at: date_time(context.opened_at),
        closed_at: date_time(found.closed_at),
        settled_by: Some(found.settled_by).filter(|sequence| *sequence > 0),
        positions: positions?,
        totals: totals(&context, &book)?,
    })
}

fn position(
    context: &Context,
    book: &CycleBook,
    slot: SlotHandle,
) -> Result<Option<PositionReport>, FilesError> {
    let (Some(own), Some(terms)) = (book.slot(slot), context.slots.get(slot as usize)) else {
        return Ok(None);
    };
    let currency = terms.currency;
    let line = |(other, sums): (&SlotHandle, &Sums)| {
        let other = context.slots.get(*other as usize).map_or(u32::MAX, |terms| terms.participant);
        let counterparty = context.bic(other)?.as_str().to_owned();
        Ok(CounterpartyLine { counterparty, movements: Movements::of(*sums, currency) })
    };
    let counterparties: Result<Vec<_>, FilesError> = own.by_counterparty.iter().map(line).collect();
    Ok(Some(PositionReport {
        participant: context.bic(terms.participant)?.as_str().to_owned(),
        currency: currency.code(),
        opening: signed_decimal(0, currency),
        closing: signed_decimal(own.total.net(), currency),
        movements: Movements::of(own.total, currency),
        fees: FeeSums::of(own.fees, currency),
        state: context.cycle.state.name(),
        counterparties: counterparties?,
    }))
}

fn totals(context: &Context, book: &CycleBook) -> Result<Vec<CurrencyTotals>, FilesError> {
    type Found = (Currency, [Sums; 2], [u128; 2]);
    let mut sums: BTreeMap<&'static str, Found> = BTreeMap::new();
    for (slot, terms) in (0..).zip(&context.slots) {
        let Some(own) = book.slot(slot) else { continue };
        let (_, [all, fees], [owed, liquidity]) =
            sums.entry(terms.currency.code()).or_insert((terms.currency, Default::default(), [0; 2]));
        all.include(own.total);
        fees.include(own.fees);
        *owed += u128::try_from(own.total.net()).unwrap_or(0);
        *liquidity += own.deepest;
    }
    let total = |(code, (currency, [all, fees], [owed, liquidity])): (&'static str, Found)| {
        if [all, fees].iter().any(|sums| sums.net() != 0 || sums.credits != sums.debits) {
            let text = format!("cycle {}: debits and credits in {code} differ", context.cycle.number);
            return Err(FilesError::Unknown(format!("{text}; run `feiqian audit`")));
        }
        let movements = Movements::of(all, currency);
        let hundredths = (all.debit_sum * 100).checked_div(liquidity);
        Ok(CurrencyTotals {
            currency: code,
            movements,
            fees: FeeSums::of(fees, currency),
            to_settle: decimal(owed, currency),
            liquidity: decimal(liquidity, currency),
            turnover: hundredths.map(|times| format!("{}.{:02}", times / 100, times % 100)),
        })
    };
    sums.into_iter().map(total).collect()
}
