//! Writes elements, values and amounts. Escapes, cuts and replaces; always closes what it opened.
//!
//! It knows the tables of the message that it writes: what a version has ([`XmlWriter::has`]) and what an element's
//! type allows ([`XmlWriter::accepts`]) is asked, so that one writer serves every version.

use std::io::{self, Write};

use crate::schema::{self, Content, MessageType};
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
}

impl<W: Write> XmlWriter<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        Ok(Self { out, open: Vec::new(), message: None, kinds: Vec::new() })
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

    /// The type of the child `name` of the open element.
    fn child(&mut self, name: &str) -> Option<u16> {
        let (message, around) = self.message?;
        if self.kinds.is_empty() {
            self.kinds.push(message.root_type());
        }
        for open in self.open.iter().skip(around.saturating_add(self.kinds.len())) {
            self.kinds.push(schema::child(*self.kinds.last()?, open)?);
        }
        schema::child(*self.kinds.last()?, name)
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
