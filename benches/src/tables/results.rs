//! Figures of several rounds: medians and spreads, as Markdown and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Settings;
use super::machine::Machine;
use crate::run::report::grouped;

/// A figure: its table, its row, its unit; and the value of each round.
#[derive(Clone, PartialEq, Debug)]
struct Figure {
    key: &'static str,
    what: String,
    unit: &'static str,
    values: Vec<f64>,
}

/// Figures, in the order in which they first came.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Results(Vec<Figure>);

impl Results {
    /// Notes one round's value. `key` names it in JSON, `what` in the table.
    pub(super) fn note(&mut self, key: &'static str, what: &str, unit: &'static str, value: f64) {
        match self.0.iter_mut().find(|figure| figure.key == key) {
            Some(figure) => figure.values.push(value),
            None => self.0.push(Figure { key, what: what.to_owned(), unit, values: vec![value] }),
        }
    }

    /// The value of the round that is running; none if the case that notes it was not asked for.
    #[must_use]
    pub(super) fn last(&self, key: &str) -> Option<f64> {
        self.0.iter().find(|figure| figure.key == key)?.values.last().copied()
    }
}

/// Results with where and how they were made.
#[derive(Clone, PartialEq, Debug)]
pub struct Tables {
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    pub(super) results: Results,
}

impl Tables {
    /// The page's text, ready to be put into RESULTS.md.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Machine { date, commit, processor, cores, memory_gib, kernel, file_system } = &self.machine;
        let rounds = self.settings.runs;
        let mut text = format!(
            "`cargo run --release -p benches`, {date}, commit {commit}; {rounds} rounds, median (lowest to \
             highest).\n\n**Machine**: {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}, {file_system}.\n\n\
             **Conditions**: end to end over loopback TCP, server and load generator on the same cores; every answer \
             after `fdatasync` and execution; making and checking the load included, founding and the read-back of \
             the journal at the end excluded; every acknowledged transfer and every balance checked.\n\n"
        );
        if self.settings.is_quick {
            text += "**A quick run: these figures mean nothing.**\n\n";
        }
        text += "| what | unit | median (lowest to highest) |\n|---|---|---|\n";
        for figure in &self.results.0 {
            let (low, middle, high) = spread(&figure.values);
            let _ = writeln!(
                text,
                "| {} | {} | {} ({} to {}) |",
                figure.what,
                figure.unit,
                number(middle),
                number(low),
                number(high)
            );
        }
        text
    }

    /// All figures for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let figure = |figure: &Figure| {
            let (low, median, high) = spread(&figure.values);
            let value = json!({
                "what": figure.what, "unit": figure.unit, "values": figure.values,
                "median": median, "low": low, "high": high,
            });
            (figure.key, value)
        };
        let figures: BTreeMap<_, _> = self.results.0.iter().map(figure).collect();
        let mut all = json!({
            "machine": self.machine, "runs": self.settings.runs, "is_quick": self.settings.is_quick,
            "checked": true, "figures": figures,
        });
        if let Some(rate) = self.results.0.iter().find(|figure| figure.key == "core_loop_per_second") {
            all["core_loop_per_second"] = json!(spread(&rate.values).1);
        }
        all
    }

    /// Writes tables and figures beside the reports.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn write(&self) -> Result<(), String> {
        let folder = &self.settings.folder;
        let text = serde_json::to_string_pretty(&self.json()).unwrap_or_default();
        std::fs::write(folder.join("results.json"), text)
            .and_then(|()| std::fs::write(folder.join("results.md"), self.markdown()))
            .map_err(|fault| format!("{}: {fault}", folder.display()))
    }
}

/// Lowest, median, highest.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    let (last, half) = (sorted.len().saturating_sub(1), sorted.len() / 2);
    let median =
        if sorted.len().is_multiple_of(2) && half > 0 { (at(half - 1) + at(half)) / 2.0 } else { at(half) };
    (at(0), median, at(last))
}

/// Three digits that count, thousands grouped.
#[expect(clippy::cast_sign_loss, reason = "figures are not below zero")]
fn number(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => grouped(value.round() as u64),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_between_the_lowest_and_the_highest() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
        assert_eq!(spread(&[4.0, 1.0]), (1.0, 2.5, 4.0));
        assert_eq!(spread(&[7.0]), (7.0, 7.0, 7.0));
    }

    #[test]
    fn a_figure_is_noted_once_for_each_round_and_the_last_one_is_at_hand() {
        let mut results = Results::default();
        results.note("a", "A", "ms", 1.0);
        results.note("b", "B", "ms", 5.0);
        results.note("a", "A", "ms", 2.0);
        assert_eq!((results.last("a"), results.last("b"), results.last("c")), (Some(2.0), Some(5.0), None));
    }
}
