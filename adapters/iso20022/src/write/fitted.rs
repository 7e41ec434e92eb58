//! Elements that were kept as they were said, made to fit the version that is written: in its order and under its names,
//! without what it has no element for or does not allow, and without an element that lacks what it must have.
//!
//! Knows the tables alone; what it gives can't make a message invalid, whatever the text that it was kept as.

use crate::events::{is_group_required, next_group};
use crate::schema::{self, Content, Element, name_text};
use crate::verbatim::Line;

/// What is to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Piece {
    Open(&'static str),
    Value(&'static str, String),
    Amount(&'static str, String, String),
    Close,
}

/// What other versions call the same element, and what this one may call it.
const ALIASES: [(&str, &str); 6] = [
    ("BIC", "BICFI"),
    ("BEI", "AnyBIC"),
    ("BICOrBEI", "AnyBIC"),
    ("AdmstnZn", "AdmstnZone"),
    ("CdtrRef", "Ref"),
    ("RfrdDocNb", "Nb"),
];

/// What stands in an element of one version for the bare value of another (`AdrTp`: a code, or `Cd` with it).
const VALUES: [&str; 2] = ["Cd", "Dt"];

/// Adds the element of the first line and what stands below it, as one of type `kind`; whether it fits.
pub(crate) fn fit(to: &mut Vec<Piece>, (name, kind): (&'static str, u16), lines: &[Line<'_>]) -> bool {
    let Some((first, below)) = lines.split_first() else { return false };
    match schema::content(kind) {
        Content::Text(simple) => {
            let Some(text) = value(first, below) else { return false };
            let text = schema::cut(simple, text);
            let is_allowed = schema::check(simple, text).is_ok();
            to.extend(is_allowed.then(|| Piece::Value(name, text.to_owned())));
            is_allowed
        }
        Content::Valued { text: simple, attribute_type, .. } => {
            let (Some(text), Some(currency)) = (first.text.as_deref(), first.currency) else { return false };
            let is_allowed =
                schema::check(simple, text).is_ok() && schema::check(attribute_type, currency).is_ok();
            to.extend(is_allowed.then(|| Piece::Amount(name, text.to_owned(), currency.to_owned())));
            is_allowed
        }
        Content::Elements(rows) => {
            let start = to.len();
            to.push(Piece::Open(name));
            let is_whole = match &first.text {
                Some(_) => VALUES.iter().any(|value| fit_below(to, rows, &[wrapped(first, value)])),
                None => fit_below(to, rows, below),
            };
            // What came with something and is left with nothing says no more.
            let is_told = below.is_empty() && first.text.is_none() || to.len() > start + 1;
            if !(is_whole && is_told) {
                to.truncate(start);
                return false;
            }
            to.push(Piece::Close);
            true
        }
        Content::Any { .. } => false,
    }
}

/// The value of an element, or what stands for it below.
fn value<'a>(first: &'a Line<'_>, below: &'a [Line<'_>]) -> Option<&'a str> {
    let wrapped = || below.iter().find(|line| VALUES.contains(&line.name));
    first.text.as_deref().or_else(|| wrapped()?.text.as_deref())
}

fn wrapped<'a>(line: &Line<'a>, name: &'static str) -> Line<'a> {
    Line { depth: line.depth + 1, name, ..line.clone() }
}

/// Adds what fits of an element's own elements, in the order of `rows`; whether none is missing.
fn fit_below(to: &mut Vec<Piece>, rows: &'static [[u16; 4]], lines: &[Line<'_>]) -> bool {
    let mut said: Vec<(usize, &[Line<'_>])> =
        children(lines).into_iter().filter_map(|child| Some((row_of(rows, child)?, child))).collect();
    said.sort_by_key(|(row, _)| *row);
    let (mut from, mut rest) = (0, said.as_slice());
    while from < rows.len() {
        let end = next_group(rows, from);
        let (group, behind) = rest.split_at(rest.partition_point(|(row, _)| *row < end));
        if !fit_group(to, rows, group) && is_group_required(rows, from) {
            return false;
        }
        (from, rest) = (end, behind);
    }
    true
}

/// Adds what is said of one group of elements: all of one element, as many as may stand there; of a choice the first that
/// fits. Whether there are enough.
fn fit_group(to: &mut Vec<Piece>, rows: &'static [[u16; 4]], said: &[(usize, &[Line<'_>])]) -> bool {
    said.chunk_by(|(one, _), (next, _)| one == next).any(|same| {
        let Some(element) = same.first().and_then(|(row, _)| rows.get(*row)).map(Element::of) else {
            return false;
        };
        let (start, mut count) = (to.len(), 0_u32);
        for (_, lines) in same {
            let is_wanted = element.has_room(count);
            count += u32::from(is_wanted && fit(to, (name_text(element.name), element.kind), lines));
        }
        if count < u32::from(element.min).max(1) {
            to.truncate(start);
            return false;
        }
        true
    })
}

/// The elements right below another, each with all its lines.
fn children<'a, 'b>(lines: &'a [Line<'b>]) -> Vec<&'a [Line<'b>]> {
    let Some(depth) = lines.iter().map(|line| line.depth).min() else { return Vec::new() };
    let mut children = Vec::new();
    let mut rest = lines.get(lines.iter().position(|line| line.depth == depth).unwrap_or(0)..).unwrap_or(&[]);
    while !rest.is_empty() {
        let behind = rest.iter().skip(1).position(|line| line.depth <= depth).map_or(rest.len(), |at| at + 1);
        let (child, others) = rest.split_at(behind);
        children.push(child);
        rest = others;
    }
    children
}

/// The place of the element in a type, by its own name or by what this version calls it.
fn row_of(rows: &[[u16; 4]], lines: &[Line<'_>]) -> Option<usize> {
    let said = lines.first()?.name;
    let place = |name: &str| rows.iter().position(|row| name_text(row[0]) == name);
    let alias = || ALIASES.iter().find(|(other, _)| *other == said).map(|(_, own)| *own);
    place(said).or_else(|| place(alias()?))
}
