//! The schemas of the supported messages as tables, and the checks of single values against them.
//!
//! The four files below are generated; this one is the only reader of their layout. Every number is a place
//! in another table, `u32::MAX` is "no such facet", 255 occurrences are "unbounded":
//!
//! ```text
//! MESSAGES  (message, root element's name, type)
//! TYPES     [0, first element, elements, _]  elements   [1, simple, _, _]  text
//!           [2, simple, attribute's simple, attribute's name]  text with an attribute
//!           [3, 1 if from the signature namespace, _, _]  any one element
//! ELEMENTS  [name, type, min << 8 | max, group]  elements of one choice share a group
//! SIMPLE    [base, minLength, maxLength, totalDigits, fractionDigits, minInclusive, pattern, list]
//! LISTS     [first member, members] → MEMBERS → VALUES, ascending
//! PATTERNS  first state → STATES [first range, ranges, accepts] → RANGES (low, high, next state)
//! ```

pub(crate) mod names;
mod patterns;
mod types;
mod values;

use std::fmt;

use patterns::{PATTERNS, RANGES, STATES};
use types::{ELEMENTS, MESSAGES, TYPES};
use values::{LISTS, MEMBERS, SIMPLE, VALUES};

use crate::lexical;

const NONE: u32 = u32::MAX;
const UNBOUNDED: u16 = 255;

/// The text of a name's number.
#[must_use]
pub(crate) fn name_text(name: u16) -> &'static str {
    names::NAMES.get(usize::from(name)).copied().unwrap_or("")
}

/// A message definition with its version, such as `pacs.008.001.08`, that this crate has a schema of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(u16);

macro_rules! families {
    ($($family:ident $identifier:literal $meaning:literal),+ $(,)?) => {
        /// The kinds of message, whatever their version.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Family {
            $(#[doc = concat!("`", $identifier, "`, ", $meaning, ".")] $family),+
        }

        /// Every family with what its messages' identifiers begin with, ascending.
        const FAMILIES: &[(&str, Family)] = &[$(($identifier, Family::$family)),+];
    };
}

families! {
    Acmt023 "acmt.023" "identification verification request",
    Acmt024 "acmt.024" "identification verification report",
    Admi002 "admi.002" "message reject",
    Admi004 "admi.004" "system event notification",
    Admi007 "admi.007" "receipt acknowledgement",
    Admi011 "admi.011" "system event acknowledgement",
    Camt003 "camt.003" "get account: a query",
    Camt004 "camt.004" "return account: the answer to the query",
    Camt026 "camt.026" "unable to apply: an investigation",
    Camt028 "camt.028" "additional payment information: an investigation",
    Camt029 "camt.029" "resolution of investigation: the answer to a recall",
    Camt052 "camt.052" "bank to customer account report",
    Camt053 "camt.053" "bank to customer statement",
    Camt054 "camt.054" "bank to customer debit and credit notification",
    Camt055 "camt.055" "payment cancellation request of a customer",
    Camt056 "camt.056" "payment cancellation request between banks: a recall",
    Camt060 "camt.060" "account reporting request",
    Head001 "head.001" "business application header",
    Pacs002 "pacs.002" "payment status report",
    Pacs004 "pacs.004" "payment return",
    Pacs008 "pacs.008" "customer credit transfer between banks",
    Pacs009 "pacs.009" "credit transfer of the banks themselves",
    Pacs010 "pacs.010" "direct debit of the banks themselves",
    Pacs028 "pacs.028" "payment status request between banks",
    Pain001 "pain.001" "customer credit transfer initiation",
    Pain002 "pain.002" "customer payment status report",
    Pain013 "pain.013" "creditor payment activation request: a request to pay",
    Pain014 "pain.014" "creditor payment activation request status report",
}

impl Family {
    /// What its messages' identifiers begin with: `pacs.008`.
    #[must_use]
    pub fn identifier(self) -> &'static str {
        FAMILIES.get(self as usize).map_or("", |row| row.0)
    }

    /// The newest version that is supported, or the one asked for where it is one.
    ///
    /// # Panics
    /// Never: every family has a table.
    #[must_use]
    pub fn version(self, version: u8) -> MessageType {
        let of_family = || MessageType::all().filter(|message| message.family() == self);
        let exact = of_family().find(|message| message.version() == version);
        exact.or(of_family().last()).expect("every family has a table")
    }
}

impl MessageType {
    /// The supported message type of that identifier.
    #[must_use]
    pub fn parse(identifier: &str) -> Option<Self> {
        let place = MESSAGES.binary_search_by(|row| row.0.cmp(identifier)).ok()?;
        u16::try_from(place).ok().map(Self)
    }

    /// Every supported message type, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).take(MESSAGES.len()).map(Self)
    }

    /// The identifier: `pacs.008.001.08`.
    #[must_use]
    pub fn identifier(self) -> &'static str {
        self.row().0
    }

    /// The namespace: `urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08`.
    #[must_use]
    pub fn namespace(self) -> String {
        format!("{}{}", crate::namespace::ISO_PREFIX, self.identifier())
    }

    /// The kind of message.
    #[must_use]
    pub fn family(self) -> Family {
        // The committed tables hold no other families, which a test of this file checks.
        let id = self.identifier().get(..8).unwrap_or_default();
        let place = FAMILIES.binary_search_by(|row| row.0.cmp(id));
        place.map_or(Family::Admi002, |place| FAMILIES[place].1)
    }

    /// The version: 8 for `pacs.008.001.08`.
    #[must_use]
    pub fn version(self) -> u8 {
        self.identifier().get(13..).and_then(|version| version.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn root(self) -> u16 {
        self.row().1
    }

    pub(crate) fn root_type(self) -> u16 {
        self.row().2
    }

    fn row(self) -> (&'static str, u16, u16) {
        MESSAGES.get(usize::from(self.0)).copied().unwrap_or(("", 0, 0))
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.identifier())
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.identifier())
    }
}

/// What an element may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    Elements(&'static [[u16; 4]]),
    Text(u16),
    Valued { text: u16, attribute: u16, attribute_type: u16 },
    Any { signature: bool },
}

pub(crate) fn content(kind: u16) -> Content {
    let [what, first, second, third] = TYPES.get(usize::from(kind)).copied().unwrap_or_default();
    match what {
        0 => {
            let (first, count) = (usize::from(first), usize::from(second));
            Content::Elements(ELEMENTS.get(first..first + count).unwrap_or_default())
        }
        1 => Content::Text(first),
        2 => Content::Valued { text: first, attribute: third, attribute_type: second },
        _ => Content::Any { signature: first == 1 },
    }
}

/// One row of an element table, unpacked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    pub(crate) name: u16,
    pub(crate) kind: u16,
    pub(crate) min: u16,
    pub(crate) max: u16,
}

impl Element {
    pub(crate) fn of(row: &[u16; 4]) -> Self {
        let [name, kind, occurs, _] = *row;
        Self { name, kind, min: occurs >> 8, max: occurs & 0xFF }
    }

    pub(crate) fn has_room(&self, count: u32) -> bool {
        self.max == UNBOUNDED || count < u32::from(self.max)
    }

    pub(crate) fn is_repeatable(&self) -> bool {
        self.max > 1
    }
}

/// The type of the element `name` in an element of type `kind`; none where it has no such element.
pub(crate) fn child(kind: u16, name: &str) -> Option<u16> {
    element(kind, name).map(|element| element.kind)
}

/// The element `name` in an element of type `kind`.
pub(crate) fn element(kind: u16, name: &str) -> Option<Element> {
    let Content::Elements(rows) = content(kind) else { return None };
    rows.iter().find(|row| name_text(row[0]) == name).map(Element::of)
}

/// As much of a text as its type has room for.
pub(crate) fn cut(simple: u16, text: &str) -> &str {
    let most = SIMPLE.get(usize::from(simple)).map_or(NONE, |row| row[2]);
    let end = usize::try_from(most).ok().and_then(|most| text.char_indices().nth(most));
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// The name of the first element in an element of type `kind`.
pub(crate) fn first_child(kind: u16) -> Option<&'static str> {
    let Content::Elements(rows) = content(kind) else { return None };
    rows.first().map(|row| name_text(row[0]))
}

/// Whether white space around the value is meaningless (every type but `xs:string`).
pub(crate) fn collapses(simple: u16) -> bool {
    SIMPLE.get(usize::from(simple)).is_some_and(|row| row[0] != 0)
}

/// Checks a value (already collapsed where its type collapses) against its type.
///
/// # Errors
/// A sentence fragment that says what the value breaks.
pub(crate) fn check(simple: u16, text: &str) -> Result<(), String> {
    let Some([base, min_length, max_length, total, fraction, least, pattern, list]) =
        SIMPLE.get(usize::from(simple)).copied()
    else {
        return Err("has no type".to_owned());
    };
    let is_lexical = match base {
        1 => return check_decimal(text, total, fraction, least),
        2 => lexical::is_boolean(text),
        3 => lexical::is_date(text),
        4 => lexical::is_date_time(text),
        5 => lexical::is_time(text),
        6 => lexical::is_year(text),
        7 => lexical::is_year_month(text),
        8 => lexical::base64_bytes(text).is_some(),
        _ => true,
    };
    if !is_lexical {
        return Err(format!("is no {}", base_text(base)));
    }
    if min_length > 0 || max_length != NONE {
        check_length(base, text, min_length, max_length)?;
    }
    if pattern != NONE && !matches(pattern, text) {
        return Err("does not have the form that its type asks for".to_owned());
    }
    if list != NONE && !is_listed(list, text) {
        return Err("is not one of the codes of its type".to_owned());
    }
    Ok(())
}

/// What a value of a built-in type is, for a person.
fn base_text(base: u32) -> &'static str {
    match base {
        2 => "boolean (true or false)",
        3 => "date (YYYY-MM-DD)",
        4 => "date and time (YYYY-MM-DDThh:mm:ss)",
        5 => "time (hh:mm:ss)",
        6 => "year",
        7 => "year and month",
        _ => "base64 text",
    }
}

fn check_length(base: u32, text: &str, least: u32, most: u32) -> Result<(), String> {
    let length = if base == 8 { lexical::base64_bytes(text).unwrap_or(0) } else { text.chars().count() };
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if length < least {
        return Err(format!("has {length} characters, at least {least} are needed"));
    }
    if length > most {
        return Err(format!("has {length} characters, at most {most} are allowed"));
    }
    Ok(())
}

fn check_decimal(text: &str, total: u32, fraction: u32, least: u32) -> Result<(), String> {
    let Some((digits, behind)) = lexical::decimal_digits(text) else {
        return Err("is no decimal number (digits with a point)".to_owned());
    };
    let is_over =
        |count: usize, bound: u32| bound != NONE && u32::try_from(count).is_ok_and(|count| count > bound);
    if is_over(digits, total) {
        return Err(format!("has {digits} digits, at most {total} are allowed"));
    }
    if is_over(behind, fraction) {
        return Err(format!("has {behind} decimals, at most {fraction} are allowed"));
    }
    if least != NONE && lexical::is_below(text, least) {
        return Err(format!("is below {least}"));
    }
    Ok(())
}

fn matches(pattern: u32, text: &str) -> bool {
    let start = usize::try_from(pattern).ok().and_then(|place| PATTERNS.get(place)).copied();
    let mut state = start.map_or([0, 0, 0], state_row);
    for byte in text.bytes() {
        let (first, count) = (usize::from(state[0]), usize::from(state[1]));
        let ranges = RANGES.get(first..first + count).unwrap_or_default();
        match ranges.iter().find(|(low, high, _)| (*low..=*high).contains(&byte)) {
            Some((_, _, next)) => state = state_row(*next),
            None => return false,
        }
    }
    state[2] == 1
}

fn state_row(state: u16) -> [u16; 3] {
    STATES.get(usize::from(state)).copied().unwrap_or_default()
}

fn is_listed(list: u32, text: &str) -> bool {
    let span = usize::try_from(list).ok().and_then(|place| LISTS.get(place)).copied().unwrap_or_default();
    let (first, count) = (usize::from(span[0]), usize::from(span[1]));
    let members = MEMBERS.get(first..first + count).unwrap_or_default();
    let value = |member: &u16| VALUES.get(usize::from(*member)).copied().unwrap_or("");
    members.binary_search_by(|member| value(member).cmp(text)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_found_by_its_identifier_and_has_a_root() {
        let mut count = 0;
        for message in MessageType::all() {
            assert_eq!(MessageType::parse(message.identifier()), Some(message));
            let root = if message.family() == Family::Head001 { "AppHdr" } else { "Document" };
            assert_eq!(name_text(message.root()), root, "{message}");
            assert!(message.version() > 0, "{message}");
            assert!(message.identifier().starts_with(message.family().identifier()), "{message}");
            assert_eq!(message.family().version(message.version()), message);
            count += 1;
        }
        assert_eq!(count, MESSAGES.len());
        assert_eq!(MessageType::parse("pacs.008.001.99"), None);
    }

    #[test]
    fn every_reference_between_the_tables_leads_somewhere() {
        for row in &ELEMENTS {
            assert!(usize::from(row[0]) < names::NAMES.len() && usize::from(row[1]) < TYPES.len());
        }
        for row in &TYPES {
            let is_right = match row[0] {
                0 => usize::from(row[1]) + usize::from(row[2]) <= ELEMENTS.len(),
                1 => usize::from(row[1]) < SIMPLE.len(),
                2 => usize::from(row[1]) < SIMPLE.len() && usize::from(row[2]) < SIMPLE.len(),
                other => other == 3,
            };
            assert!(is_right, "{row:?}");
        }
        assert!(RANGES.iter().all(|(low, high, state)| low <= high && usize::from(*state) < STATES.len()));
    }
}
