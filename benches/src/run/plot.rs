//! One self-contained page for a run: throughput over time, latency by percentile, disk over time, drawn as SVG by
//! hand. Loads nothing from anywhere.

use std::fmt::Write as _;

use super::report::{LoadReport, grouped};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
/// Room for labels: left, top, right, bottom.
const MARGIN: [f64; 4] = [76.0, 16.0, 16.0, 36.0];

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
         svg{{width:100%;height:auto}}text{{font-size:11px;fill:#555}}line{{stroke:#ddd}}\
         polyline{{fill:none;stroke:#1565c0;stroke-width:1.5}}pre{{overflow:auto;background:#f6f6f6;padding:1em}}\
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

/// A line through points, with ticks; both axes begin at zero.
fn chart(name: &str, (across, up): (&str, &str), points: &[(f64, f64)], label: fn(f64) -> String) -> String {
    let [left, top, right, bottom] = MARGIN;
    let end = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let ends = (end(|point| point.0).max(1e-9), round_up(end(|point| point.1)));
    let x = |at: f64| left + at / ends.0 * (WIDTH - left - right);
    let y = |at: f64| HEIGHT - bottom - at / ends.1 * (HEIGHT - top - bottom);
    let mut svg = format!("<h2>{name}</h2><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for step in 0..=4 {
        let (part, at) = (f64::from(step) / 4.0, y(ends.1 * f64::from(step) / 4.0));
        let _ = write!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            WIDTH - right,
            left - 6.0,
            at + 4.0,
            number(ends.1 * part),
        );
        let at = x(ends.0 * part);
        let _ = write!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - bottom + 14.0,
            label(ends.0 * part)
        );
    }
    let line: Vec<String> = points.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
    let _ = write!(
        svg,
        "<polyline points=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{across}</text>\
         <text x=\"{left}\" y=\"{:.1}\">{up}</text></svg>",
        line.join(" "),
        WIDTH / 2.0,
        HEIGHT - 6.0,
        top - 5.0
    );
    svg
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_up(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 2.5, 5.0].into_iter().map(|step| step * power).find(|end| *end >= most).unwrap_or(10.0 * power)
}

#[expect(clippy::cast_sign_loss, reason = "axes begin at zero")]
fn number(at: f64) -> String {
    if at >= 1_000.0 { grouped(at as u64) } else { format!("{}", (at * 100.0).round() / 100.0) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, end) in
            [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (230.0, 250.0), (2_600_000.0, 5e6)]
        {
            assert!((round_up(most) - end).abs() < 1e-6 * end, "{most}");
        }
        assert_eq!((percentile(1.0), percentile(3.0)), ("90 %".into(), "99.9 %".into()));
    }

    #[test]
    fn a_chart_is_drawn_within_its_frame() {
        let svg = chart("x", ("a", "b"), &[(0.0, 0.0), (1.0, 7.0), (2.0, 3.0)], seconds);
        let points = svg.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a line");
        for point in points.split(' ') {
            let (x, y) = point.split_once(',').expect("a pair");
            let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{point}");
        }
    }
}
