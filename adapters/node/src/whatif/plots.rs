//! The comparison drawn: per currency what has cleared and how much liquidity was in use over time, and per participant
//! what cleared, what was rejected and what was used at the most. One SVG file each.

use feiqian_core::currency::Currency;
use feiqian_plot::{Axes, Line, bars, lines};

use super::day::Day;
use super::report::{Comparison, PositionLine};
use super::tally::{Curve, Moment};
use crate::names::time_text;

/// Participants in a plot of bars; the busiest.
const PAIRS_MAX: usize = 32;
const NAMES: [&str; 2] = ["was", "what if"];

/// Names of files, and what is in them.
#[must_use]
pub fn of(day: &Day, comparison: &Comparison) -> Vec<(String, String)> {
    let mut plots = Vec::new();
    for total in &comparison.totals {
        let code = total.currency;
        let Some(currency) = Currency::from_code(code) else { continue };
        let curve =
            |tally: &super::tally::Tally| tally.curves.get(&currency).map_or_else(Vec::new, Curve::moments);
        let curves = [curve(&day.real.tally), curve(&day.supposed.tally)];
        let cleared = |moment: &Moment| units(&moment.cleared.to_string(), currency);
        let in_use = |moment: &Moment| units(&moment.in_use.to_string(), currency);
        plots.push((format!("{code}-cleared.svg"), over_time("Cleared", code, &curves, cleared)));
        plots.push((format!("{code}-liquidity.svg"), over_time("Liquidity in use", code, &curves, in_use)));
        let own: Vec<_> = comparison.positions.iter().filter(|line| line.currency == code).collect();
        let value = |text: &str| text.parse().unwrap_or(0.0);
        let peak = |line: &PositionLine| [value(&line.peak_use.real), value(&line.peak_use.what_if)];
        plots.push((
            format!("{code}-peak.svg"),
            by_participant(&format!("Peak use of liquidity, {code}"), &own, peak),
        ));
        let sent = |line: &PositionLine| {
            [&line.sent.real, &line.sent.what_if]
                .map(|sent| sent.get("cleared").map_or(0.0, |all| value(&all.value)))
        };
        plots.push((format!("{code}-sent.svg"), by_participant(&format!("Cleared, {code}"), &own, sent)));
        let rejected = |line: &PositionLine| {
            [&line.rejected.real, &line.rejected.what_if]
                .map(|all| all.values().fold(0.0, |sum, one| sum + value(&one.count.to_string())))
        };
        plots.push((
            format!("{code}-rejected.svg"),
            by_participant(&format!("Transfers rejected, {code}"), &own, rejected),
        ));
    }
    plots
}

/// Minor units in whole ones: for the eye alone.
fn units(minor: &str, currency: Currency) -> f64 {
    minor.parse::<f64>().unwrap_or(0.0) / 10_f64.powi(currency.exponent().into())
}

fn over_time(what: &str, code: &str, curves: &[Vec<Moment>; 2], value: impl Fn(&Moment) -> f64) -> String {
    let moments = || curves.iter().flatten().map(|moment| moment.timestamp).filter(|at| *at > 0);
    let begin = moments().min().unwrap_or(0);
    let seconds = |at: u64| std::time::Duration::from_nanos(at.saturating_sub(begin)).as_secs_f64();
    let line = |(name, curve): (&'static str, &Vec<Moment>)| Line {
        name,
        points: curve.iter().map(|moment| (seconds(moment.timestamp), value(moment))).collect(),
    };
    let drawn: Vec<_> = NAMES.into_iter().zip(curves).map(line).collect();
    let across = format!("seconds from {}", time_text(begin));
    let title = format!("{what}, {code}");
    lines(&Axes { title: &title, across: &across, up: code, label: |at| format!("{at:.1}") }, &drawn)
}

fn by_participant(title: &str, own: &[&PositionLine], value: impl Fn(&PositionLine) -> [f64; 2]) -> String {
    let mut pairs: Vec<_> = own.iter().map(|line| (line.participant.clone(), value(line))).collect();
    if pairs.len() > PAIRS_MAX {
        pairs.sort_by(|(_, a), (_, b)| b[0].max(b[1]).total_cmp(&a[0].max(a[1])));
        pairs.truncate(PAIRS_MAX);
    }
    bars(title, NAMES, &pairs)
}
