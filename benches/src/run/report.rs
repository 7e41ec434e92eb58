//! The report of a run: one JSON object for programs, a few lines for people.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::driver::Plan;
use super::load::Driven;
use super::series::Moment;
use super::usage::Usage;
use super::verify::Findings;
use crate::workload::Workload;
use crate::workload::maker::Shape;

/// A run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LoadReport {
    /// Answered transfers by the time from the first batch to the last answer; rounded down.
    pub transfers_per_second: u64,
    /// Of batches, from when each was due (at full speed: made) to its answer.
    pub latency_ms: Latency,
    /// Bytes that journal, rows and blocks have grown by, for each transfer; none where the disk is not ours.
    pub bytes_per_transfer: Option<f64>,
    /// Whether every check holds.
    pub checked: bool,
    /// The checks.
    pub checks: BTreeMap<&'static str, bool>,
    /// Of a server that runs: transfers that were sent again at the end, all answered as at first; none for an own server,
    /// whose journal is read instead.
    pub sent_again: Option<u64>,
    /// Of a server that runs: accounts whose balances were compared with the model, 100,000 of them at the most; none for an
    /// own server, where all are.
    pub balances_compared: Option<u64>,
    /// Why checks do not hold, and what else went wrong.
    pub faults: Vec<String>,
    /// Answered transfers.
    pub transfers: u64,
    /// From the first batch to the last answer.
    pub elapsed_ms: f64,
    /// Transfers by outcome, for rejected ones by reason.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// How often a batch was not taken at first, and sent again.
    pub busy: u64,
    /// Transfers in a batch.
    pub batch: usize,
    /// Sessions.
    pub sessions: u64,
    /// Unanswered batches of a session at the most.
    pub window: u64,
    /// Transfers in a second that were asked for; none for full speed.
    pub rate: Option<u64>,
    /// The load.
    pub workload: Workload,
    /// What the server's process used; none where it is not ours.
    pub server: Option<Usage>,
    /// How it went over time.
    pub series: Vec<Moment>,
    /// Latency by percentile, for the plot.
    pub percentiles: Vec<(f64, f64)>,
    /// Where report and plot are.
    pub files: Vec<String>,
}

/// Latencies, milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Latency {
    /// The half of all batches stay within this.
    pub p50: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// All.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Latency {
    /// Of a histogram of nanoseconds.
    #[must_use]
    pub fn of(histogram: &hdrhistogram::Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
        Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1e6,
            mean: histogram.mean() / 1e6,
        }
    }
}

impl LoadReport {
    pub(super) fn new(
        (shape, plan): (&Arc<Shape>, Plan),
        driven: Driven,
        (disk_bytes, server): (Option<u64>, Option<Usage>),
        findings: Findings,
    ) -> Self {
        let Driven { measured, elapsed, series } = driven;
        let transfers = series.last().map_or(0, |moment| moment.transfers);
        let is_whole = transfers == plan.transfers && measured.different == 0 && measured.faults.is_empty();
        let mut checks: BTreeMap<_, _> = findings.checks.iter().copied().collect();
        checks.insert("every_transfer_is_answered_as_it_must_be", is_whole);
        let is_asked = findings.recovered.is_none() && disk_bytes.is_none();
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_sign_loss, reason = "neither transfers nor time are below zero")]
        let transfers_per_second = if seconds > 0.0 { (transfers as f64 / seconds) as u64 } else { 0 };
        Self {
            transfers_per_second,
            latency_ms: Latency::of(&measured.latency),
            bytes_per_transfer: disk_bytes.map(|bytes| bytes as f64 / transfers.max(1) as f64),
            checked: is_whole && findings.all_hold(),
            checks,
            sent_again: is_asked.then_some(findings.sent_again),
            balances_compared: is_asked.then_some(findings.balances),
            faults: measured.faults.iter().chain(&findings.faults).take(10).cloned().collect(),
            transfers,
            elapsed_ms: seconds * 1e3,
            outcomes: findings.outcomes,
            busy: measured.busy,
            batch: plan.batch,
            sessions: plan.sessions,
            window: plan.window,
            rate: plan.rate,
            workload: shape.workload().clone(),
            server,
            percentiles: percentiles(&measured.latency),
            series,
            files: Vec::new(),
        }
    }
}

/// Percentiles that get closer to 100 in steps of a tenth of a decade, with their milliseconds.
fn percentiles(histogram: &hdrhistogram::Histogram<u64>) -> Vec<(f64, f64)> {
    let last = (histogram.len().max(1) as f64).log10().min(6.0);
    let steps = (last * 10.0).ceil() as i32;
    let at = |step: i32| 1.0 - 10_f64.powf(-f64::from(step) / 10.0);
    let quantiles = (0..=steps).map(at).chain([1.0]);
    quantiles.map(|quantile| (quantile, histogram.value_at_quantile(quantile) as f64 / 1e6)).collect()
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p99, p999, max, .. } = self.latency_ms;
        writeln!(
            f,
            "{} transfers in {:.2} s: {} a second, {} sessions, batches of {}{}",
            grouped(self.transfers),
            self.elapsed_ms / 1e3,
            grouped(self.transfers_per_second),
            self.sessions,
            grouped(self.batch as u64),
            self.rate.map(|rate| format!(", {} a second asked for", grouped(rate))).unwrap_or_default(),
        )?;
        writeln!(f, "  latency of a batch   p50 {p50:.2} ms, p99 {p99:.2}, p99.9 {p999:.2}, max {max:.2}")?;
        let outcomes = self.outcomes.iter().map(|(name, count)| format!("{name} {}", grouped(*count)));
        writeln!(f, "  outcomes             {}", outcomes.collect::<Vec<_>>().join(", "))?;
        if let Some(bytes) = self.bytes_per_transfer {
            writeln!(f, "  disk                 {bytes:.1} bytes a transfer")?;
        }
        if let Some(usage) = self.server {
            let (memory, cpu) = (usage.memory_peak_bytes >> 20, usage.cpu_ms);
            writeln!(
                f,
                "  server               {} MiB at the most, {} ms of processor",
                grouped(memory),
                grouped(cpu)
            )?;
        }
        if let (Some(transfers), Some(accounts)) = (self.sent_again, self.balances_compared) {
            let (transfers, accounts) = (grouped(transfers), grouped(accounts));
            writeln!(f, "  checked              {transfers} transfers sent again, {accounts} balances")?;
        }
        for (name, holds) in &self.checks {
            writeln!(f, "  {} {}", if *holds { "holds " } else { "FAILED" }, name.replace('_', " "))?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "  fault: {fault}"))?;
        write!(f, "  written to {}", self.files.join(", "))
    }
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
