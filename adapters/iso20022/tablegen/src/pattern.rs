//! Compiles an XSD pattern into a deterministic automaton over UTF-8 bytes: no backtracking at run time.
//!
//! Understood: literals, escapes, classes with ranges, `.`, groups, and the quantifiers `{m}`, `{m,n}`, `?`, `*` and `+`.
//! Classes are ASCII; `.` is any byte but a line end, so it must not be counted (only `.*` and `.+` occur).

use std::collections::{BTreeMap, BTreeSet};

/// A state: whether it accepts, and its transitions by inclusive byte range, ascending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) accepts: bool,
    pub(crate) ranges: Vec<(u8, u8, usize)>,
}

type Bytes = BTreeSet<u8>;

#[derive(Clone)]
enum Part {
    Class(Bytes),
    Group(Vec<Part>),
    Repeat(Box<Part>, usize, Option<usize>),
}

/// Fragment of the non-deterministic automaton: edges by byte class, and empty edges.
#[derive(Default)]
struct Graph {
    edges: Vec<Vec<(Bytes, usize)>>,
    empty: Vec<Vec<usize>>,
}

/// The automaton that accepts what any of `patterns` accepts; its first state is the start.
pub(crate) fn compile(patterns: &[String]) -> Result<Vec<State>, String> {
    let mut graph = Graph::default();
    let (start, end) = (graph.state(), graph.state());
    for pattern in patterns {
        let mut rest = pattern.chars().collect::<Vec<char>>().into_iter().peekable();
        let parts = sequence(&mut rest)?;
        if rest.next().is_some() {
            return Err(format!("pattern {pattern} has an unmatched bracket"));
        }
        let last = graph.chain(&parts, start);
        graph.empty[last].push(end);
    }
    Ok(determinise(&graph, start, end))
}

type Input = std::iter::Peekable<std::vec::IntoIter<char>>;

fn sequence(rest: &mut Input) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    while let Some(next) = rest.peek().copied() {
        if next == ')' {
            break;
        }
        rest.next();
        let part = match next {
            '(' => {
                let group = sequence(rest)?;
                rest.next().filter(|next| *next == ')').ok_or("a group is not closed")?;
                Part::Group(group)
            }
            '[' => Part::Class(class(rest)?),
            '.' => Part::Class((0..=255).filter(|byte| *byte != b'\n' && *byte != b'\r').collect()),
            '\\' => Part::Class([ascii(rest.next())?].into()),
            '|' | '*' | '+' | '?' | '{' => return Err(format!("{next} is not supported here")),
            literal => Part::Class([ascii(Some(literal))?].into()),
        };
        parts.push(quantified(part, rest)?);
    }
    Ok(parts)
}

fn ascii(character: Option<char>) -> Result<u8, String> {
    let byte = character.and_then(|character| u8::try_from(character).ok()).filter(u8::is_ascii);
    byte.ok_or_else(|| format!("{character:?} is not one ASCII character"))
}

fn class(rest: &mut Input) -> Result<Bytes, String> {
    let mut bytes = Bytes::new();
    loop {
        let first = match rest.next() {
            Some(']') => return Ok(bytes),
            Some('\\') => ascii(rest.next())?,
            other => ascii(other)?,
        };
        if first == b'^' && bytes.is_empty() {
            return Err("a negated class is not supported".to_owned());
        }
        let is_range = rest.peek() == Some(&'-') && rest.clone().nth(1) != Some(']');
        if is_range {
            rest.next();
            bytes.extend(first..=ascii(rest.next())?);
        } else {
            bytes.insert(first);
        }
    }
}

fn quantified(part: Part, rest: &mut Input) -> Result<Part, String> {
    let (min, max) = match rest.peek() {
        Some('?') => (0, Some(1)),
        Some('*') => (0, None),
        Some('+') => (1, None),
        Some('{') => {
            rest.next();
            let text: String = rest.by_ref().take_while(|next| *next != '}').collect();
            let (min, max) = text.split_once(',').unwrap_or((&text, &text));
            let number = |text: &str| text.parse::<usize>().map_err(|_| format!("{{{text}}} is no count"));
            return Ok(Part::Repeat(Box::new(part), number(min)?, Some(number(max)?)));
        }
        _ => return Ok(part),
    };
    rest.next();
    Ok(Part::Repeat(Box::new(part), min, max))
}

impl Graph {
    fn state(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.empty.push(Vec::new());
        self.edges.len() - 1
    }

    fn chain(&mut self, parts: &[Part], from: usize) -> usize {
        parts.iter().fold(from, |at, part| self.part(part, at))
    }

    fn part(&mut self, part: &Part, from: usize) -> usize {
        match part {
            Part::Class(bytes) => {
                let to = self.state();
                self.edges[from].push((bytes.clone(), to));
                to
            }
            Part::Group(parts) => self.chain(parts, from),
            Part::Repeat(inner, min, max) => self.repeat(inner, (*min, *max), from),
        }
    }

    fn repeat(&mut self, inner: &Part, (min, max): (usize, Option<usize>), from: usize) -> usize {
        let mut at = (0..min).fold(from, |at, _| self.part(inner, at));
        let end = self.state();
        match max {
            None => {
                let again = self.part(inner, at);
                self.empty[again].push(at);
            }
            Some(max) => {
                for _ in min..max {
                    self.empty[at].push(end);
                    at = self.part(inner, at);
                }
            }
        }
        self.empty[at].push(end);
        end
    }

    fn closure(&self, states: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut todo: Vec<usize> = states.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(state) = todo.pop() {
            if seen.insert(state) {
                todo.extend(&self.empty[state]);
            }
        }
        seen
    }
}

fn determinise(graph: &Graph, start: usize, end: usize) -> Vec<State> {
    let first = graph.closure([start]);
    let mut known = BTreeMap::from([(first.clone(), 0)]);
    let mut sets = vec![first];
    let mut states: Vec<State> = Vec::new();
    while let Some(set) = sets.get(states.len()).cloned() {
        let mut ranges: Vec<(u8, u8, usize)> = Vec::new();
        for byte in 0..=255_u8 {
            let edges = set.iter().flat_map(|state| &graph.edges[*state]);
            let next = graph.closure(edges.filter(|(bytes, _)| bytes.contains(&byte)).map(|(_, to)| *to));
            if next.is_empty() {
                continue;
            }
            let fresh = sets.len();
            let to = *known.entry(next.clone()).or_insert(fresh);
            if to == fresh {
                sets.push(next);
            }
            match ranges.last_mut() {
                Some((_, high, same)) if *same == to && u32::from(*high) + 1 == u32::from(byte) => {
                    *high = byte;
                }
                _ => ranges.push((byte, byte, to)),
            }
        }
        states.push(State { accepts: set.contains(&end), ranges });
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(pattern: &str, text: &str) -> bool {
        let states = compile(&[pattern.to_owned()]).expect("a supported pattern");
        let mut at = 0;
        for byte in text.bytes() {
            let range = states[at].ranges.iter().find(|(low, high, _)| (*low..=*high).contains(&byte));
            match range {
                Some((_, _, to)) => at = *to,
                None => return false,
            }
        }
        states[at].accepts
    }

    #[test]
    fn the_patterns_of_the_schemas_decide_as_written() {
        let bic = "[A-Z]{6,6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3,3}){0,1}";
        let phone = "\\+[0-9]{1,3}-[0-9()+\\-]{1,30}";
        let rows = [
            (bic, "DEUTDEFF", true),
            (bic, "DEUTDEFF500", true),
            (bic, "DEUTDEFF50", false),
            (bic, "DEUTDEF1", true),
            (bic, "DEUTDE1F", false),
            (phone, "+49-(30)12-3", true),
            (phone, "+4-", false),
            (".*Z", "2026-01-01T00:00:00Z", true),
            (".*Z", "ZZé", false),
            ("([0-9A-F][0-9A-F]){2}", "0AFF", true),
            ("([0-9A-F][0-9A-F]){2}", "0AF", false),
            ("[0-9a-fA-F]+", "", false),
            ("[0-9a-fA-F]+", "aF0", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(accepts(pattern, text), expected, "{pattern} {text}");
        }
        for unsupported in ["a|b", "[^a]", "(a", "a)", "é"] {
            assert!(compile(&[unsupported.to_owned()]).is_err(), "{unsupported}");
        }
    }
}
