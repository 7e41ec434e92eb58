//! One self-contained page for a run: throughput over time, latency by percentile, disk over time. Loads nothing from
//! anywhere.

use std::fmt::Write as _;

use feiqian_plot::{Axes, Line, lines};

use super::report::{LoadReport, grouped};

/// The page.
#[must_use]
pub(super) fn page(report: &LoadReport) -> String {
    let rate = throughput(report);
    let latency: Vec<_> = report.percentiles.iter().map(|(quantile, ms)| (nines(*quantile), *ms)).collect();
    let mut body = String::new();
    let title =
        format!("{} transfers, {} a second", grouped(report.transfers), grouped(report.transfers_per_second));
    let _ = write!(body, "<h1>{title}</h1><pre>{}</pre>", escaped(&report.to_string()));
    body += &chart("Throughput", ("seconds", "transfers a second"), &rate, seconds);
    body += &chart("Latency of a batch", ("percentile", "milliseconds"), &latency, percentile);
    let disk: Vec<_> = report
        .series
        .iter()
        .filter_map(|moment| {
            Some((moment.elapsed_ms as f64 / 1e3, moment.disk_bytes? as f64 / f64::from(1 << 20)))
        })
        .collect();
    if !disk.is_empty() {
        body += &chart("Disk", ("seconds", "MiB written"), &disk, seconds);
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>\
         body{{font:14px system-ui,sans-serif;max-width:800px;margin:2em auto;color:#222;background:#fff}}\
         svg{{width:100%;height:auto;margin:1em 0}}pre{{overflow:auto;background:#f6f6f6;padding:1em}}\
         </style>{body}</html>\n"
    )
}

/// Transfers a second between moments.
fn throughput(report: &LoadReport) -> Vec<(f64, f64)> {
    let pairs = report.series.windows(2);
    let rate = |pair: &[super::series::Moment]| {
        let [before, after] = pair else { return None };
        let seconds = (after.elapsed_ms - before.elapsed_ms) as f64 / 1e3;
        let transfers = after.transfers.saturating_sub(before.transfers) as f64;
        (seconds > 0.0).then(|| (after.elapsed_ms as f64 / 1e3, transfers / seconds))
    };
    pairs.filter_map(rate).collect()
}

/// How many nines a quantile has: 0.9 one, 0.99 two; 1 as many as there are drawn.
fn nines(quantile: f64) -> f64 {
    if quantile >= 1.0 { 6.0 } else { -(1.0 - quantile).log10() }
}

fn percentile(nines: f64) -> String {
    #[expect(clippy::cast_sign_loss, reason = "it is not below zero")]
    let decimals = (nines - 2.0).max(0.0) as usize;
    format!("{:.decimals$} %", 100.0 * (1.0 - 10_f64.powf(-nines)))
}

fn seconds(at: f64) -> String {
    format!("{at:.1}")
}

fn chart(title: &str, (across, up): (&str, &str), points: &[(f64, f64)], label: fn(f64) -> String) -> String {
    lines(&Axes { title, across, up, label }, &[Line { name: title, points: points.to_vec() }])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_as_many_nines_as_they_count() {
        assert_eq!((percentile(1.0), percentile(3.0)), ("90 %".into(), "99.9 %".into()));
    }
}
