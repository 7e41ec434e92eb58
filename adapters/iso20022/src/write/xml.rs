//! Writes elements, values and amounts. Escapes, cuts and replaces; always closes what it opened.
//!
//! It knows the tables of the message that it writes: what a version has ([`XmlWriter::has`]) and what an element's
//! type allows ([`XmlWriter::accepts`]) is asked, so that one writer serves every version.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::schema::{self, Content, MessageType};
use crate::verbatim::{Verbatim, lines, path_of};
use crate::write::fitted::{Piece, fit};
use crate::xml::is_allowed;

/// What replaces a character that XML 1.0 can't carry.
const REPLACEMENT: char = '?';

pub(crate) struct XmlWriter<W> {
    out: W,
    open: Vec<&'static str>,
    /// The message being written, and how many elements were open around its root.
    message: Option<(MessageType, usize)>,
    /// Types of its open elements, root first, as far as they were asked for.
    kinds: Vec<u16>,
    said: Option<Said>,
}

/// What a transaction says beyond its fields, while that is being written.
struct Said {
    /// Its parts by their paths.
    parts: BTreeMap<String, Vec<String>>,
    /// How many elements are open around what its paths begin at.
    around: usize,
    /// How many are open around one of several of the same name, and what its path is.
    one: Option<(usize, String)>,
}

impl<W: Write> XmlWriter<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        Ok(Self { out, open: Vec::new(), message: None, kinds: Vec::new(), said: None })
    }

    pub(crate) fn start(&mut self, name: &'static str) -> io::Result<()> {
        self.open.push(name);
        write!(self.out, "<{name}>")
    }

    /// Starts the root of a message in its namespace.
    pub(crate) fn start_root(&mut self, name: &'static str, message: MessageType) -> io::Result<()> {
        self.message = Some((message, self.open.len()));
        self.kinds.clear();
        self.open.push(name);
        write!(self.out, "<{name} xmlns=\"{}\">", message.namespace())
    }

    pub(crate) fn end(&mut self) -> io::Result<()> {
        let Some(name) = self.open.pop() else { return Ok(()) };
        self.said.take_if(|said| said.around > self.open.len());
        if let Some(said) = &mut self.said {
            said.one.take_if(|(around, _)| *around > self.open.len());
        }
        let around = self.message.map_or(0, |(_, around)| around);
        self.kinds.truncate(self.open.len().saturating_sub(around));
        write!(self.out, "</{name}>")
    }

    /// Whether the open element has a child `name` in the version that is written.
    pub(crate) fn has(&mut self, name: &str) -> bool {
        self.child(name).is_some()
    }

    /// Whether the open element has a child `name` that allows `text`.
    pub(crate) fn accepts(&mut self, name: &str, text: &str) -> bool {
        self.accepts_below(&[], name, text)
    }

    /// Whether, in the elements `path` below the open one, a child `name` allows `text`.
    pub(crate) fn accepts_below(&mut self, path: &[&str], name: &str, text: &str) -> bool {
        let mut names = path.iter().copied().chain([name]);
        let first = names.next().and_then(|first| self.child(first));
        let kind = names.try_fold(first, |kind, name| Some(schema::child(kind?, name))).flatten();
        match kind.map(schema::content) {
            Some(Content::Text(simple) | Content::Valued { text: simple, .. }) => {
                schema::check(simple, text).is_ok()
            }
            _ => false,
        }
    }

    /// Whether the child `name` of the open element holds a value, not elements.
    pub(crate) fn is_value(&mut self, name: &str) -> bool {
        matches!(self.child(name).map(schema::content), Some(Content::Text(_) | Content::Valued { .. }))
    }

    /// From here to the end of the open element, what is said beyond its fields. Paths begin in it.
    pub(crate) fn saying(&mut self, said: &Verbatim) {
        let mut parts = BTreeMap::<String, Vec<String>>::new();
        for (path, part) in said.parts() {
            match parts.get_mut(path) {
                Some(all) => all.push(part.to_owned()),
                None => drop(parts.insert(path.to_owned(), vec![part.to_owned()])),
            }
        }
        self.said = (!said.is_empty()).then_some(Said { parts, around: self.open.len(), one: None });
    }

    /// The open element is one of several of its name, and what is said of it has that path.
    pub(crate) fn saying_of(&mut self, path: impl FnOnce() -> String) {
        if let Some(said) = &mut self.said {
            said.one = Some((self.open.len(), path()));
        }
    }

    /// Writes what is said of the child `name` of the open element, as far as the version has it; whether anything is.
    pub(crate) fn say(&mut self, name: &'static str) -> io::Result<bool> {
        let pieces = self.fitted(&[], name);
        self.pieces(&pieces)?;
        Ok(!pieces.is_empty())
    }

    /// What is said of the element `name` in the elements `path` below the open one, as the version has it.
    pub(crate) fn fitted(&mut self, path: &[&'static str], name: &'static str) -> Vec<Piece> {
        if self.said.is_none() {
            return Vec::new();
        }
        let kind = path.iter().try_fold(self.kind(), |kind, name| Some(schema::child(kind?, name)));
        let element = kind.flatten().and_then(|kind| schema::element(kind, name));
        let (Some(element), Some(said)) = (element, &self.said) else { return Vec::new() };
        let (around, one) =
            said.one.as_ref().map_or((said.around, None), |(around, one)| (*around, Some(one.as_str())));
        let open = self.open.iter().skip(around).chain(path).copied().chain([name]);
        let parts = said.parts.get(&path_of(one.into_iter().chain(open)));
        // Of what may stand there once the last: said of a whole block first, and then of the transaction.
        let first =
            parts.filter(|_| !element.is_repeatable()).map_or(0, |parts| parts.len().saturating_sub(1));
        let (mut pieces, mut count) = (Vec::new(), 0);
        for part in parts.into_iter().flatten().skip(first) {
            let is_wanted = element.has_room(count);
            count += u32::from(is_wanted && fit(&mut pieces, (name, element.kind), &lines(part)));
        }
        pieces
    }

    /// Writes them.
    pub(crate) fn pieces(&mut self, pieces: &[Piece]) -> io::Result<()> {
        pieces.iter().try_for_each(|piece| match piece {
            Piece::Open(name) => self.start(name),
            Piece::Value(name, text) => self.value(name, text),
            Piece::Amount(name, text, currency) => self.amount(name, text, currency),
            Piece::Close => self.end(),
        })
    }

    /// The type of the child `name` of the open element.
    fn child(&mut self, name: &str) -> Option<u16> {
        schema::child(self.kind()?, name)
    }

    /// The type of the open element.
    fn kind(&mut self) -> Option<u16> {
        let (message, around) = self.message?;
        if self.kinds.is_empty() {
            self.kinds.push(message.root_type());
        }
        for open in self.open.iter().skip(around.saturating_add(self.kinds.len())) {
            self.kinds.push(schema::child(*self.kinds.last()?, open)?);
        }
        self.kinds.last().copied()
    }

    /// A value that the version being written must allow.
    ///
    /// # Errors
    /// `InvalidInput` where it does not, and those of the output.
    pub(crate) fn checked(&mut self, name: &'static str, text: &str) -> io::Result<()> {
        if self.accepts(name, text) {
            return self.value(name, text);
        }
        let message = self.message.map_or("", |(message, _)| message.identifier());
        let text = format!("{:?} can't be the {name} of a {message}", crate::xml::shortened(text));
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }

    /// The same, left out where there is none or the version has no such element.
    pub(crate) fn checked_if_known(&mut self, name: &'static str, text: Option<&str>) -> io::Result<()> {
        match text.filter(|text| !text.is_empty()) {
            Some(text) if self.has(name) => self.checked(name, text),
            _ => Ok(()),
        }
    }

    /// A value, left out where there is none or the version does not allow it: what was journaled by others is written too,
    /// and must not spoil what stands beside it.
    pub(crate) fn if_accepted(&mut self, name: &'static str, text: Option<&str>) -> io::Result<()> {
        match text {
            Some(text) if self.accepts(name, text) => self.value(name, text),
            _ => Ok(()),
        }
    }

    /// A text of at most `max` characters, left out where there is none or the version has no such element.
    pub(crate) fn if_known(&mut self, name: &'static str, text: Option<&str>, max: usize) -> io::Result<()> {
        match text.filter(|text| !text.is_empty()) {
            Some(text) if self.has(name) => self.text(name, text, max),
            _ => Ok(()),
        }
    }

    /// Closes all that is open and hands the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        while !self.open.is_empty() {
            self.end()?;
        }
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// A value that is right by construction (a code, a number, a checked identifier).
    pub(crate) fn value(&mut self, name: &'static str, text: &str) -> io::Result<()> {
        self.text(name, text, usize::MAX)
    }

    /// A value of at most `max` characters; an empty one is written as `NOTPROVIDED`.
    pub(crate) fn text(&mut self, name: &'static str, text: &str, max: usize) -> io::Result<()> {
        write!(self.out, "<{name}>")?;
        self.escaped(if text.is_empty() { crate::totals::NOT_PROVIDED } else { text }, max)?;
        write!(self.out, "</{name}>")
    }

    /// The same, left out where there is none.
    pub(crate) fn optional(&mut self, name: &'static str, text: Option<&str>, max: usize) -> io::Result<()> {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => self.text(name, text, max),
            None => Ok(()),
        }
    }

    pub(crate) fn amount(&mut self, name: &'static str, text: &str, currency: &str) -> io::Result<()> {
        write!(self.out, "<{name} Ccy=\"{currency}\">")?;
        self.escaped(text, usize::MAX)?;
        write!(self.out, "</{name}>")
    }

    /// A choice of code or proprietary text: as code where it looks like one of at most `code_max` characters.
    pub(crate) fn code_or_proprietary(
        &mut self,
        name: &'static str,
        text: Option<&str>,
        code_max: usize,
    ) -> io::Result<()> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(()) };
        let is_code =
            text.chars().count() <= code_max && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        self.start(name)?;
        self.text(if is_code { "Cd" } else { "Prtry" }, text, 35)?;
        self.end()
    }

    fn escaped(&mut self, text: &str, max: usize) -> io::Result<()> {
        let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
        let text = text.get(..end).unwrap_or(text);
        let mut plain = 0;
        for (at, character) in text.char_indices() {
            let escape = match character {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '\r' => "&#13;",
                other if is_allowed(other) => continue,
                _ => "",
            };
            self.out.write_all(&text.as_bytes()[plain..at])?;
            if escape.is_empty() {
                write!(self.out, "{REPLACEMENT}")?;
            } else {
                self.out.write_all(escape.as_bytes())?;
            }
            plain = at + character.len_utf8();
        }
        self.out.write_all(&text.as_bytes()[plain..])
    }
}

impl<W> std::fmt::Debug for XmlWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XmlWriter").field("open", &self.open).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_cut_and_cleaned() {
        let mut writer = XmlWriter::new(Vec::new()).expect("a vector takes all");
        writer.start("A").expect("a vector takes all");
        writer.text("B", "x<y>&\u{1}\u{FFFE}éé", 8).expect("a vector takes all");
        writer.text("C", "", 12).expect("a vector takes all");
        writer.optional("D", None, 8).expect("a vector takes all");
        let bytes = writer.finish().expect("a vector takes all");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let body = text.lines().nth(1).expect("a second line");
        assert_eq!(body, "<A><B>x&lt;y&gt;&amp;??é</B><C>NOTPROVIDED</C></A>");
    }
}
