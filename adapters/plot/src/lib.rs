//! Charts as SVG: numbers in, text out. A chart is one element that loads nothing and stands alone, as a file or within
//! a page. Knows nothing of money: what is drawn are rounded numbers, never amounts that anyone counts on.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
/// Room for labels: left, top, right, bottom.
const MARGIN: [f64; 4] = [76.0, 40.0, 16.0, 36.0];
/// A pair of bars with the space below it.
const PAIR: f64 = 34.0;
/// Room for the name of a pair.
const NAME: f64 = 150.0;
/// First series, second series, and so on from the beginning.
const COLOURS: [&str; 4] = ["#1565c0", "#d84315", "#2e7d32", "#6a1b9a"];
const STYLE: &str = "text{font:11px system-ui,sans-serif;fill:#555}.title{font-size:14px;fill:#222}\
                     line{stroke:#ddd}polyline{fill:none;stroke-width:1.5}";

/// What a chart of lines is called, and what its axes say.
#[derive(Clone, Copy, Debug)]
pub struct Axes<'a> {
    /// The title.
    pub title: &'a str,
    /// What goes across.
    pub across: &'a str,
    /// What goes up.
    pub up: &'a str,
    /// How a number across is written.
    pub label: fn(f64) -> String,
}

/// A line.
#[derive(Clone, PartialEq, Debug)]
pub struct Line<'a> {
    /// In the legend, which a single line has none of.
    pub name: &'a str,
    /// Across and up, neither below zero.
    pub points: Vec<(f64, f64)>,
}

/// Lines through points, with ticks; both axes begin at zero.
#[must_use]
pub fn lines(axes: &Axes<'_>, lines: &[Line<'_>]) -> String {
    let [left, top, right, bottom] = MARGIN;
    let points = || lines.iter().flat_map(|line| &line.points);
    let end = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let ends = (end(|point| point.0).max(1e-9), round_up(end(|point| point.1)));
    let x = |at: f64| left + at / ends.0 * (WIDTH - left - right);
    let y = |at: f64| HEIGHT - bottom - at / ends.1 * (HEIGHT - top - bottom);
    let mut svg = begun(axes.title, HEIGHT);
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        let at = y(ends.1 * part);
        let _ = write!(svg, "<line x1=\"{left}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>", WIDTH - right);
        text(&mut svg, (left - 6.0, at + 4.0), "end", &number(ends.1 * part));
        text(&mut svg, (x(ends.0 * part), HEIGHT - bottom + 14.0), "middle", &(axes.label)(ends.0 * part));
    }
    for (line, colour) in lines.iter().zip(COLOURS.into_iter().cycle()) {
        let points: Vec<String> =
            line.points.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
        let _ = write!(svg, "<polyline stroke=\"{colour}\" points=\"{}\"/>", points.join(" "));
    }
    text(&mut svg, (WIDTH / 2.0, HEIGHT - 6.0), "middle", axes.across);
    text(&mut svg, (left, top - 6.0), "start", axes.up);
    let names: Vec<_> = lines.iter().map(|line| line.name).collect();
    legend(&mut svg, &names);
    svg + "</svg>"
}

/// Pairs of bars, one below the other: what was first, what is second. Values are not below zero.
#[must_use]
pub fn bars(title: &str, names: [&str; 2], pairs: &[(String, [f64; 2])]) -> String {
    let [_, top, right, bottom] = MARGIN;
    #[expect(clippy::cast_precision_loss, reason = "a page has few bars")]
    let height = top + PAIR * pairs.len() as f64 + bottom;
    let most = round_up(pairs.iter().flat_map(|(_, pair)| *pair).fold(0.0, f64::max));
    let length = |value: f64| value / most * (WIDTH - NAME - right);
    let mut svg = begun(title, height);
    for step in 0..=4 {
        let value = most * f64::from(step) / 4.0;
        let at = NAME + length(value);
        let end = height - bottom;
        let _ = write!(svg, "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{end:.1}\"/>");
        text(&mut svg, (at, end + 14.0), "middle", &number(value));
    }
    let mut at = top;
    for (name, pair) in pairs {
        text(&mut svg, (NAME - 6.0, at + 16.0), "end", name);
        for ((value, colour), down) in pair.iter().zip(COLOURS).zip([2.0, 14.0]) {
            let _ = write!(
                svg,
                "<rect x=\"{NAME}\" y=\"{:.1}\" width=\"{:.1}\" height=\"11\" fill=\"{colour}\"/>",
                at + down,
                length(*value)
            );
        }
        at += PAIR;
    }
    legend(&mut svg, &names);
    svg + "</svg>"
}

fn begun(title: &str, height: f64) -> String {
    let title = escaped(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{title}\"><style>{STYLE}</style><rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\
         <text class=\"title\" x=\"8\" y=\"18\">{title}</text>"
    )
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(text));
}

/// On the title's line, from the right; nothing for one name alone.
fn legend(svg: &mut String, names: &[&str]) {
    if names.len() < 2 {
        return;
    }
    let mut right = WIDTH - MARGIN[2];
    let coloured: Vec<_> = names.iter().zip(COLOURS.into_iter().cycle()).collect();
    for (name, colour) in coloured.into_iter().rev() {
        text(svg, (right, 18.0), "end", name);
        // Seven units a letter are more than any of them takes.
        let letters = u32::try_from(name.chars().count()).unwrap_or(0);
        right -= f64::from(letters) * 7.0 + 16.0;
        let _ = write!(svg, "<rect x=\"{right:.1}\" y=\"9\" width=\"10\" height=\"10\" fill=\"{colour}\"/>");
        right -= 14.0;
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_up(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 2.5, 5.0].into_iter().map(|step| step * power).find(|end| *end >= most).unwrap_or(10.0 * power)
}

/// Three digits and a power of a thousand.
fn number(at: f64) -> String {
    let powers = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (power, letter) = powers.into_iter().find(|(power, _)| at >= *power).unwrap_or((1.0, ""));
    format!("{}{letter}", (at / power * 100.0).round() / 100.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes<'a>(svg: &'a str, name: &str) -> Vec<&'a str> {
        let mark = format!(" {name}=\"");
        svg.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, end) in
            [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (230.0, 250.0), (2_600_000.0, 5e6)]
        {
            assert!((round_up(most) - end).abs() < 1e-6 * end, "{most}");
        }
        let rows =
            [(0.0, "0"), (0.25, "0.25"), (750.0, "750"), (1_250.0, "1.25 k"), (5e6, "5 M"), (2e13, "20 T")];
        for (at, text) in rows {
            assert_eq!(number(at), text);
        }
    }

    #[test]
    fn lines_are_drawn_within_their_frame() {
        let axes = Axes { title: "x", across: "a", up: "b", label: |at| at.to_string() };
        let points = vec![(0.0, 0.0), (1.0, 7.0), (2.0, 3.0)];
        let both = [Line { name: "one", points: points.clone() }, Line { name: "two", points }];
        let svg = lines(&axes, &both);
        let drawn = attributes(&svg, "points");
        assert_eq!(drawn.len(), 2);
        for point in drawn.iter().flat_map(|points| points.split(' ')) {
            let (x, y) = point.split_once(',').expect("a pair");
            let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{point}");
        }
        assert_eq!(drawn[0], drawn[1], "one scale for all");
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        let pairs = [("A & B".to_owned(), [100.0, 50.0]), ("C".to_owned(), [0.0, 25.0])];
        let svg = bars("<bars>", ["was", "what if"], &pairs);
        let widths: Vec<f64> = attributes(&svg, "width")[1..]
            .iter()
            .map(|width| width.parse().expect("a number"))
            .filter(|width: &f64| (*width - 10.0).abs() > 0.01)
            .collect();
        let whole = WIDTH - NAME - MARGIN[2];
        assert_eq!(widths, [whole, whole / 2.0, 0.0, whole / 4.0]);
        assert!(svg.contains("A &amp; B") && svg.contains("&lt;bars>"));
    }
}
