//! What a transaction says beyond the fields of [`TransferDetails`](crate::payment::TransferDetails), kept as it was said:
//! postal addresses, agents' accounts, structured remittance information, tax and the like, to be passed on element by element.
//!
//! A text, so that it can be journaled and shown as it is: an element a line, below another one space further to the right.
//! The first line of each part has its path; `+` is the path of the part before. It takes little more than its XML.
//!
//! ```text
//! Dbtr/PstlAdr
//!  StrtNm=Hauptstraße
//!  AdrLine=a line with
//! |a break in it
//! RmtInf/Strd
//!  RfrdDocAmt
//!   DuePyblAmt EUR=12.50
//! +
//!  CdtrRefInf
//!   Ref=RF18539007547034
//! ```
//!
//! Keeps and takes apart; knows neither what an element means nor what a version allows (that is `write::fitted`'s). A text of
//! someone else's making may hold anything: what can't be read as above says nothing.

use std::borrow::Cow;
use std::fmt;

use crate::schema::name_text;
use crate::schema::names::*;

/// Elements, each with its path from the transaction; those that only wrap a party or agent (`Pty`, `Agt`, `FinInstnId`) are
/// no part of it.
#[derive(Clone, Default)]
pub struct Verbatim {
    text: String,
    /// Where the last path begins that the text names, with its length.
    last: (usize, usize),
}

/// Elements that are kept with all that stands below them.
const ROOTS: [u16; 19] = [
    PSTL_ADR,
    BRNCH_ID,
    CTRY_OF_RES,
    CTCT_DTLS,
    DBTR_AGT_ACCT,
    CDTR_AGT_ACCT,
    INTRMY_AGT1_ACCT,
    INTRMY_AGT2_ACCT,
    INTRMY_AGT3_ACCT,
    PRVS_INSTG_AGT_ACCT,
    PRVS_INSTG_AGT1_ACCT,
    PRVS_INSTG_AGT2_ACCT,
    PRVS_INSTG_AGT3_ACCT,
    INSTR_FOR_CDTR_AGT,
    RGLTRY_RPTG,
    RLTD_RMT_INF,
    RTR_CHAIN,
    STRD,
    TAX,
];

/// Whether the name with a number is one of them: asked for each element of a transaction.
static IS_ROOT: [bool; NAMES.len()] = {
    let mut table = [false; NAMES.len()];
    let mut at = 0;
    while at < ROOTS.len() {
        table[ROOTS[at] as usize] = true;
        at += 1;
    }
    table
};

/// Where in a path what is kept begins. Who instructs and is instructed is known by a field, and changes with each hop.
pub(crate) fn root_at(path: &[u16]) -> Option<usize> {
    let at = path.iter().position(|name| IS_ROOT.get(usize::from(*name)).copied().unwrap_or(false))?;
    (!matches!(path, [INSTG_AGT | INSTD_AGT, ..])).then_some(at)
}

/// Whether a name only wraps a party or agent.
fn is_wrapper(name: &str) -> bool {
    matches!(name, "Pty" | "Agt" | "FinInstnId" | "CmbndId" | "NmAndAdr" | "RltdPties" | "RltdAgts")
}

/// The path of a part: the names of its elements, without those that only wrap.
pub(crate) fn path_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut path = String::new();
    for name in names.filter(|name| !is_wrapper(name)) {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(match name {
            "PrvsInstgAgt" => "PrvsInstgAgt1",
            "PrvsInstgAgtAcct" => "PrvsInstgAgt1Acct",
            name => name,
        });
    }
    path
}

/// A line: an element, its value if it has one, and how deep it stands in its part.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) depth: usize,
    pub(crate) name: &'a str,
    pub(crate) currency: Option<&'a str>,
    pub(crate) text: Option<Cow<'a, str>>,
}

impl Verbatim {
    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// An element begins, at `at` of whose path a part begins; `nth` is which charge it stands in, from 1.
    pub(crate) fn open(&mut self, path: &[u16], at: usize, nth: usize) {
        self.begin(path, at, nth);
        self.push("\n");
    }

    /// A value, in the same way.
    pub(crate) fn value(&mut self, path: &[u16], (at, nth): (usize, usize), (text, currency): (&str, &str)) {
        self.begin(path, at, nth);
        if !currency.is_empty() {
            self.push(" ");
            self.push(currency);
        }
        self.push("=");
        for (number, line) in text.split('\n').enumerate() {
            self.push(if number == 0 { "" } else { "\n|" });
            self.push(line);
        }
        self.push("\n");
    }

    fn begin(&mut self, path: &[u16], at: usize, nth: usize) {
        let depth = path.len().saturating_sub(at + 1);
        if depth == 0 {
            let mut root = path_of(path.iter().map(|name| name_text(*name)));
            if let Some(rest) = root.strip_prefix("ChrgsInf/") {
                root = format!("ChrgsInf[{nth}]/{rest}");
            }
            return self.push_root(&root);
        }
        for _ in 0..depth {
            self.push(" ");
        }
        self.push(path.last().map_or("", |name| name_text(*name)));
    }

    fn push_root(&mut self, path: &str) {
        let (start, length) = self.last;
        if length > 0 && self.text.get(start..start.saturating_add(length)) == Some(path) {
            return self.push("+");
        }
        self.last = (self.text.len(), path.len());
        self.push(path);
    }

    /// Grows by eighths: old and new together are never much more than what is kept, twice.
    fn push(&mut self, text: &str) {
        if self.text.capacity() - self.text.len() < text.len() {
            self.text.reserve_exact(text.len().max(64).max(self.text.len() / 8));
        }
        self.text.push_str(text);
    }

    /// The parts in order, each with its path and its text.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        let (mut rest, mut path) = (self.text.as_str(), "");
        std::iter::from_fn(move || {
            let inner = |at: usize| rest.get(at + 1..).is_some_and(|next| next.starts_with([' ', '|']));
            let end = rest.match_indices('\n').map(|(at, _)| at).find(|at| !inner(*at));
            let (part, behind) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            rest = behind;
            if part.is_empty() {
                return None;
            }
            let root = root_of(part.split('\n').next().unwrap_or_default());
            path = if root == "+" { path } else { root };
            Some((path, part))
        })
    }

    /// How many parts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts().count()
    }

    /// Leaves out what is behind the first so many parts.
    pub fn truncate(&mut self, count: usize) {
        let kept = self.parts().take(count).map(|(_, part)| part.len()).sum();
        self.text.truncate(kept);
        self.last = (0, 0);
    }

    /// The parts for whose path `path` has one, below that.
    #[must_use]
    pub fn moved(&self, path: impl Fn(&str) -> Option<String>) -> Self {
        let mut moved = Self::default();
        for (from, part) in self.parts() {
            let Some(to) = path(from) else { continue };
            let head = part.find(['\n', '=', ' ']).unwrap_or(part.len());
            moved.push_root(&to);
            moved.push(part.get(head..).unwrap_or_default());
        }
        moved
    }

    /// The parts whose path begins with one of these names.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let is_one = |path: &str| path.split('/').next().is_some_and(|first| names.contains(&first));
        self.moved(|path| is_one(path).then(|| path.to_owned()))
    }
}

/// The path in the first line of a part.
fn root_of(line: &str) -> &str {
    line.find(['=', ' ']).and_then(|end| line.get(..end)).unwrap_or(line)
}

/// The lines of a part.
pub(crate) fn lines(part: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for line in part.strip_suffix('\n').unwrap_or(part).split('\n') {
        if let Some(more) = line.strip_prefix('|') {
            if let Some(text) = lines.last_mut().and_then(|last| last.text.as_mut()) {
                let text = text.to_mut();
                text.push('\n');
                text.push_str(more);
            }
            continue;
        }
        let rest = line.trim_start_matches(' ');
        let depth = line.len() - rest.len();
        let (head, text) =
            rest.split_once('=').map_or((rest, None), |(head, text)| (head, Some(Cow::Borrowed(text))));
        let (name, currency) =
            head.split_once(' ').map_or((head, None), |(name, currency)| (name, Some(currency)));
        lines.push(Line { depth, name, currency, text });
    }
    lines
}

impl PartialEq for Verbatim {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Verbatim {}

impl From<String> for Verbatim {
    fn from(text: String) -> Self {
        Self { text, last: (0, 0) }
    }
}

impl From<Verbatim> for String {
    fn from(of: Verbatim) -> Self {
        of.text
    }
}

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Verbatim {
        let mut said = Verbatim::default();
        said.open(&[DBTR, PTY, PSTL_ADR], 2, 0);
        said.value(&[DBTR, PTY, PSTL_ADR, ADR_LINE], (2, 0), ("a line with\na break = |", ""));
        said.value(&[DBTR, PTY, CTRY_OF_RES], (2, 0), ("DE", ""));
        said.open(&[CHRGS_INF, AGT, FIN_INSTN_ID, PSTL_ADR], 3, 2);
        for reference in ["1", "2"] {
            said.open(&[RMT_INF, STRD], 1, 0);
            said.open(&[RMT_INF, STRD, CDTR_REF_INF], 1, 0);
            said.value(&[RMT_INF, STRD, CDTR_REF_INF, REF], (1, 0), (reference, "EUR"));
        }
        said
    }

    #[test]
    fn a_text_has_a_line_for_each_element_and_each_part_its_path() {
        let text = "Dbtr/PstlAdr\n AdrLine=a line with\n|a break = |\nDbtr/CtryOfRes=DE\nChrgsInf[2]/PstlAdr\n\
                    RmtInf/Strd\n CdtrRefInf\n  Ref EUR=1\n+\n CdtrRefInf\n  Ref EUR=2\n";
        assert_eq!(said().as_str(), text);
        let said = said();
        let paths: Vec<&str> = said.parts().map(|(path, _)| path).collect();
        let expected =
            ["Dbtr/PstlAdr", "Dbtr/CtryOfRes", "ChrgsInf[2]/PstlAdr", "RmtInf/Strd", "RmtInf/Strd"];
        assert_eq!((paths.as_slice(), said.len()), (expected.as_slice(), 5));
        assert_eq!(said.parts().map(|(_, part)| part).collect::<String>(), text);
        let first = lines(said.parts().next().expect("a part").1);
        assert_eq!(first[1].text.as_deref(), Some("a line with\na break = |"));
        let last = lines(said.parts().last().expect("a part").1);
        assert_eq!((last[2].depth, last[2].name, last[2].currency), (2, "Ref", Some("EUR")));
    }

    #[test]
    fn parts_are_left_out_from_the_end_and_moved_by_their_paths() {
        let mut some = said();
        some.truncate(2);
        assert_eq!(some, said().only(&["Dbtr"]));
        let moved = said().moved(|path| path.strip_prefix("RmtInf/").map(str::to_owned));
        assert_eq!(moved.as_str(), "Strd\n CdtrRefInf\n  Ref EUR=1\n+\n CdtrRefInf\n  Ref EUR=2\n");
        some.truncate(0);
        assert!(some.is_empty() && some.parts().next().is_none());
    }

    #[test]
    fn any_text_can_be_taken_apart() {
        for text in ["", "\n", "|", "+\n+", "a", " a\n\n  =\n|b", "=\n=", "a b c=d\n e =f", "\u{e9}\n|\u{e9}"]
        {
            let said = Verbatim::from(text.to_owned());
            assert_eq!(said.parts().map(|(_, part)| part).collect::<String>(), text);
            said.parts().for_each(|(_, part)| drop(lines(part)));
            let _ = said.moved(|path| Some(path.to_owned()));
        }
    }
}
