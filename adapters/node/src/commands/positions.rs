//! `feiqian positions`: what each participant stands to pay or get, and what is left of its cap.

use std::collections::BTreeMap;
use std::fmt;

use feiqian_core::account::UNLIMITED;
use feiqian_core::mirror::Mirror;
use feiqian_core::money::{decimal, signed_decimal};
use feiqian_core::participant::{CycleState, SlotTerms};
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::Table;

#[derive(Serialize)]
struct PositionLine {
    participant: String,
    currency: &'static str,
    /// Signed decimal.
    position: String,
    /// Net of closed cycles that are not settled; none for a closed cycle's own list.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsettled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<String>,
    /// None for no cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    net_debit_cap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headroom: Option<String>,
}

/// Positions of a cycle, with the sum of each currency, which is zero.
#[derive(Serialize)]
struct PositionsReport {
    cycle: u64,
    state: &'static str,
    positions: Vec<PositionLine>,
    sums: BTreeMap<&'static str, String>,
}

impl fmt::Display for PositionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cycle {} ({}), as of the last block", self.cycle, self.state)?;
        let mut table = Table::new(&["participant", "", ">position", ">unsettled", ">cap", ">headroom"]);
        let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        for line in &self.positions {
            table.row(vec![
                line.participant.clone(),
                line.currency.to_owned(),
                line.position.clone(),
                cell(&line.unsettled),
                cell(&line.net_debit_cap),
                cell(&line.headroom),
            ]);
        }
        write!(f, "{table}")?;
        let sums: Vec<_> = self.sums.iter().map(|(currency, sum)| format!("{currency} {sum}")).collect();
        writeln!(f, "  sums: {}", sums.join(", "))
    }
}

pub(super) fn positions(context: &Context, cycle: Option<u64>) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let report = session.engine.ask(move |sealer| report_of(sealer.mirror(), cycle));
        report.ok_or_else(|| {
            let number = cycle.unwrap_or_default();
            Fault::Absent(format!(
                "cycle {number}: not closed, or no longer at hand; see `feiqian cycle list`"
            ))
        })
    })?;
    context.output.report(&report);
    Ok(())
}

fn report_of(mirror: &Mirror, cycle: Option<u64>) -> Option<PositionsReport> {
    let registry = &mirror.registry;
    let number = cycle.unwrap_or_else(|| registry.open_cycle());
    let state = registry.cycle(number)?.state.name();
    let mut sums: BTreeMap<feiqian_core::currency::Currency, i128> = BTreeMap::new();
    let mut positions = Vec::new();
    let is_open = registry.cycle(number)?.state == CycleState::Open;
    let shows = |terms: &SlotTerms| match cycle {
        Some(cycle) => registry.is_counted(cycle, terms.currency),
        None => true,
    };
    let nets: BTreeMap<u32, i128> = match is_open {
        true => {
            let slots = (0..).zip(&mirror.slots).zip(registry.slots()).filter(|(_, terms)| shows(terms));
            slots.map(|((slot, cell), _)| (slot, cell.position)).collect()
        }
        false => mirror.closing(number)?.nets.iter().copied().collect(),
    };
    for (slot, net) in nets {
        let terms = registry.slots().get(slot as usize)?;
        let cell = mirror.slots.get(slot as usize)?;
        let currency = terms.currency;
        *sums.entry(currency).or_default() += net;
        let bound = (is_open && terms.cap != UNLIMITED).then_some(terms.cap);
        positions.push(PositionLine {
            participant: registry.participants().get(terms.participant as usize)?.bic.as_str().to_owned(),
            currency: currency.code(),
            position: signed_decimal(net, currency),
            unsettled: is_open.then(|| signed_decimal(cell.unsettled(), currency)),
            reserved: is_open.then(|| decimal(cell.reserved.into(), currency)),
            net_debit_cap: bound.map(|cap| decimal(cap.into(), currency)),
            headroom: bound.map(|cap| signed_decimal(cell.headroom(cap), currency)),
        });
    }
    let sums = sums.into_iter().map(|(currency, sum)| (currency.code(), signed_decimal(sum, currency)));
    Some(PositionsReport { cycle: number, state, positions, sums: sums.collect() })
}
