//! `feiqian cycle report N`: a closed cycle's settlement report, printable and as JSON.

use std::fmt;

use feiqian_core::participant::CycleNumber;
use feiqian_files::settlement::{CurrencyTotals, CycleReport, FeeSums, Movements, cycle_report};

use super::Context;
use crate::fault::Fault;
use crate::output::{Table, grouped};

#[derive(serde::Serialize)]
#[serde(transparent)]
struct Printed(CycleReport);

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CycleReport { cycle, state, first_block, last_block, opened_at, closed_at, .. } = &self.0;
        writeln!(
            f,
            "cycle {cycle} is {state}: blocks {first_block} to {last_block}, {opened_at} to {closed_at}"
        )?;
        if let Some(sequence) = self.0.settled_by {
            writeln!(f, "settled by the command at sequence {sequence}")?;
        }
        write!(f, "{}", self.positions())?;
        for line in &self.0.totals {
            let CurrencyTotals { currency, movements, liquidity, turnover, .. } = line;
            let times = turnover.as_ref().map_or_else(String::new, |times| format!(", {times} times"));
            let cleared = &movements.debit_sum;
            writeln!(f, "{currency}: {cleared} cleared with {liquidity} of liquidity{times}")?;
        }
        write!(f, "{}", self.counterparties())?;
        self.fees().map_or(Ok(()), |fees| write!(f, "fees among them\n{fees}"))
    }
}

impl Printed {
    fn positions(&self) -> Table {
        let headings = [
            "participant",
            "",
            ">opening",
            ">credits",
            ">sum",
            ">debits",
            ">sum",
            ">net",
            ">closing",
            "state",
        ];
        let mut table = Table::new(&headings);
        for line in &self.0.positions {
            let mut cells = vec![line.participant.clone(), line.currency.to_owned(), line.opening.clone()];
            cells.extend(movements(&line.movements));
            cells.extend([line.closing.clone(), line.state.to_owned()]);
            table.row(cells);
        }
        for line in &self.0.totals {
            let mut cells = vec!["all".to_owned(), line.currency.to_owned(), String::new()];
            cells.extend(movements(&line.movements));
            cells.extend([String::new(), format!("{} to settle", line.to_settle)]);
            table.row(cells);
        }
        table
    }

    /// None where nobody was charged.
    fn fees(&self) -> Option<Table> {
        let headings = ["participant", "", ">charged", ">sum", ">received", ">sum", ">net"];
        let mut table = Table::new(&headings);
        let positions = self.0.positions.iter().map(|line| (&*line.participant, line.currency, &line.fees));
        let totals = self.0.totals.iter().map(|line| ("all", line.currency, &line.fees));
        let mut has_any = false;
        for (who, currency, fees) in positions.chain(totals) {
            let Some(FeeSums { charged, charged_sum, received, received_sum, net }) = fees else { continue };
            has_any = true;
            table.row(vec![
                who.to_owned(),
                currency.to_owned(),
                grouped(*charged),
                charged_sum.clone(),
                grouped(*received),
                received_sum.clone(),
                net.clone(),
            ]);
        }
        has_any.then_some(table)
    }

    fn counterparties(&self) -> Table {
        let mut table =
            Table::new(&["participant", "", "with", ">credits", ">sum", ">debits", ">sum", ">net"]);
        for line in &self.0.positions {
            for other in &line.counterparties {
                let mut cells =
                    vec![line.participant.clone(), line.currency.to_owned(), other.counterparty.clone()];
                cells.extend(movements(&other.movements));
                table.row(cells);
            }
        }
        table
    }
}

fn movements(movements: &Movements) -> [String; 5] {
    let Movements { credits, credit_sum, debits, debit_sum, net } = movements;
    [grouped(*credits), credit_sum.clone(), grouped(*debits), debit_sum.clone(), net.clone()]
}

pub(super) fn report(context: &Context, cycle: CycleNumber) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let operator = session.intake_options(&context.config)?.operator;
        Ok(Printed(cycle_report(&session.engine, operator, cycle)?))
    })?;
    context.output.report(&report);
    Ok(())
}
