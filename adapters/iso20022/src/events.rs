//! The validating reader: a message as a stream of elements and values that its schema allows, in order.
//!
//! Pulled one event at a time; order, occurrences, choices, values, attributes and namespaces are checked while
//! they pass, and what an event delivers has been checked. Finds `AppHdr` and `Document` by namespace inside
//! any wrapper. Keeps a stack of open elements and one value, never a tree; knows no business rule.

use std::fmt::Write as _;
use std::io::BufRead;

use crate::error::{ErrorCode, ReadError};
use crate::limits::{Limits, TOKEN_BYTES_MAX};
use crate::schema::{self, Content, Element, Family, MessageType};
use crate::xml::{Token, Xml, is_blank, is_space, shortened};

type Result<T> = std::result::Result<T, ReadError>;

/// What has just been read. Names, path and value are asked of [`Events`] until the next event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A header (`AppHdr`) or a message (`Document`) begins.
    Root(MessageType),
    /// An element that holds elements begins.
    Open,
    /// An element that holds text is complete.
    Value,
    /// An element that holds elements is complete.
    Close,
    /// The header or message is complete and valid.
    RootEnd(MessageType),
    /// The file is complete and well formed.
    End,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    content: Content,
    name: u16,
    /// Which of its repetitions, from 1; 0 where it may stand once only.
    nth: u32,
    /// The child element last matched, by its place in the type, and how often.
    at: usize,
    count: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Around or between the roots.
    Wrapper,
    /// Inside a root.
    Message(MessageType),
    /// Inside an element of any kind (signature, supplementary data) that began at this depth.
    Skipped(MessageType, usize),
}

/// A validating reader over one file.
pub struct Events<R> {
    xml: Xml<R>,
    place: Place,
    namespace: u16,
    frames: Vec<Frame>,
    path: Vec<u16>,
    text: String,
    attribute: Option<(u16, String)>,
    /// The last event closed the innermost element: it leaves the path with the next call.
    pop: bool,
    has_header: bool,
    has_document: bool,
    failed: Option<ReadError>,
}

impl<R: BufRead> Events<R> {
    /// A reader of `input`; nothing is read yet.
    pub fn new(input: R, limits: &Limits) -> Self {
        Self {
            xml: Xml::new(input, limits),
            place: Place::Wrapper,
            namespace: 0,
            frames: Vec::new(),
            path: Vec::new(),
            text: String::new(),
            attribute: None,
            pop: false,
            has_header: false,
            has_document: false,
            failed: None,
        }
    }

    /// Name of the element of this event; empty at the end.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.last().map_or("", |name| schema::name_text(*name))
    }

    /// Names of the open elements, from the root (`Document`) to the element of this event.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.path.iter().map(|name| schema::name_text(*name))
    }

    /// Numbers of the open elements' names (see `schema::names`).
    pub(crate) fn path(&self) -> &[u16] {
        &self.path
    }

    /// The value, with white space collapsed where its type says so.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Name and value of the element's attribute (`Ccy` of an amount).
    #[must_use]
    pub fn attribute(&self) -> Option<(&'static str, &str)> {
        self.attribute.as_ref().map(|(name, value)| (schema::name_text(*name), value.as_str()))
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.xml.position()
    }

    /// Whether a `Document` was found.
    #[must_use]
    pub fn has_document(&self) -> bool {
        self.has_document
    }

    /// The next event.
    ///
    /// # Errors
    /// [`ReadError`] where the file is not well formed or not valid; it is then repeated for ever, so that a caller
    /// that asks on can't read past a fault.
    pub fn next_event(&mut self) -> Result<Event> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if std::mem::take(&mut self.pop) {
            self.frames.pop();
            self.path.pop();
        }
        let event = self.advance().map_err(|error| self.located(error));
        self.failed = event.as_ref().err().cloned();
        event
    }

    /// Whether the element of this event may stand more than once at its place.
    pub(crate) fn is_repeated(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.nth > 0)
    }

    /// Ends the reading with an error of the caller's, which is then repeated like one of the reader's own.
    pub(crate) fn stop(&mut self, error: ReadError) -> ReadError {
        let error = self.located(error);
        self.failed = Some(error.clone());
        error
    }

    /// The error with the path and position of this place.
    pub(crate) fn located(&self, mut error: ReadError) -> ReadError {
        if error.path.is_empty() {
            for frame in &self.frames {
                let _ = write!(error.path, "/{}", schema::name_text(frame.name));
                if frame.nth > 0 {
                    let _ = write!(error.path, "[{}]", frame.nth);
                }
            }
        }
        if error.position == 0 {
            error.position = self.xml.position();
        }
        error
    }

    fn advance(&mut self) -> Result<Event> {
        loop {
            let token = self.xml.next()?;
            let event = match (self.place, token) {
                (_, Token::Eof) => return Ok(Event::End),
                (Place::Wrapper, Token::Start) => self.enter()?,
                (Place::Wrapper, _) => None,
                (Place::Message(_), Token::Start) => self.open()?,
                (Place::Message(_), Token::Text) => self.take_text()?,
                (Place::Message(message), Token::End) => Some(self.close(message)?),
                (Place::Skipped(message, depth), Token::End) if self.xml.depth() < depth => {
                    self.place = Place::Message(message);
                    None
                }
                (Place::Skipped(..), _) => None,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// An element outside of header and document: a wrapper, or one of the two.
    fn enter(&mut self) -> Result<Option<Event>> {
        let local = self.xml.local();
        let is_root_name = matches!(local, b"Document" | b"AppHdr");
        let namespace = self.xml.namespaces().text(self.xml.namespace());
        let Some(message) = self.xml.namespaces().message(self.xml.namespace()) else {
            if is_root_name && (local == b"Document" || namespace.starts_with(crate::namespace::ISO_PREFIX)) {
                return fail(ErrorCode::UnsupportedMessage, unsupported(namespace));
            }
            return Ok(None);
        };
        if schema::name_text(message.root()).as_bytes() != local {
            let text = format!(
                "an element of {message} stands outside of <{}>; wrap it in that element",
                schema::name_text(message.root())
            );
            return fail(ErrorCode::NoDocument, text);
        }
        let is_header = message.family() == Family::Head001;
        if self.has_document || (is_header && self.has_header) {
            let text = "a second message or header follows; send one message a file, its header first";
            return fail(ErrorCode::ExtraDocument, text);
        }
        self.has_header |= is_header;
        self.has_document |= !is_header;
        self.place = Place::Message(message);
        self.namespace = self.xml.namespace();
        self.push(message.root(), message.root_type(), 0)?;
        Ok(Some(Event::Root(message)))
    }

    /// An element inside a message: must be the next that the schema allows.
    fn open(&mut self) -> Result<Option<Event>> {
        let Some(parent) = self.frames.last().copied() else {
            return fail(ErrorCode::UnexpectedElement, "no element is open");
        };
        match parent.content {
            Content::Elements(rows) => {
                if self.xml.namespace() != self.namespace {
                    return fail(ErrorCode::UnexpectedElement, self.foreign());
                }
                let (at, count) = self.find(rows, &parent)?;
                let element = Element::of(&rows[at]);
                if let Some(frame) = self.frames.last_mut() {
                    (frame.at, frame.count) = (at, count);
                }
                let nth = if element.is_repeatable() { count } else { 0 };
                self.push(element.name, element.kind, nth)?;
                let is_value = matches!(
                    self.frames.last().map(|frame| frame.content),
                    Some(Content::Text(_) | Content::Valued { .. })
                );
                Ok(if is_value { None } else { Some(Event::Open) })
            }
            Content::Any { signature } => self.skip(&parent, signature).map(|()| None),
            Content::Text(_) | Content::Valued { .. } => {
                let text = format!("<{}> holds a value, no elements; remove <{}>", self.name(), self.local());
                fail(ErrorCode::UnexpectedElement, text)
            }
        }
    }

    fn skip(&mut self, parent: &Frame, signature: bool) -> Result<()> {
        if parent.count > 0 {
            let text = format!("<{}> holds one element; remove <{}>", self.name(), self.local());
            return fail(ErrorCode::UnexpectedElement, text);
        }
        if signature && !self.xml.namespaces().is_signature(self.xml.namespace()) {
            let text = format!("<{}> must hold an XML signature, not <{}>", self.name(), self.local());
            return fail(ErrorCode::UnexpectedElement, text);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.count = 1;
        }
        if let Place::Message(message) = self.place {
            self.place = Place::Skipped(message, self.xml.depth());
        }
        Ok(())
    }

    /// The place of the started element among its parent's, and how often it has now occurred.
    fn find(&self, rows: &[[u16; 4]], parent: &Frame) -> Result<(usize, u32)> {
        let local = self.xml.local();
        let is_it = |row: &[u16; 4]| schema::name_text(row[0]).as_bytes() == local;
        let mut from = 0;
        if parent.count > 0 {
            let current = Element::of(&rows[parent.at]);
            if is_it(&rows[parent.at]) {
                if current.has_room(parent.count) {
                    return Ok((parent.at, parent.count.saturating_add(1)));
                }
                let text =
                    format!("<{}> may occur {} time(s) here; remove the rest", self.local(), current.max);
                return fail(ErrorCode::UnexpectedElement, text);
            }
            self.check_enough(&current, parent.count)?;
            from = next_group(rows, parent.at);
        }
        let mut required = None;
        for (at, row) in rows.iter().enumerate().skip(from) {
            if is_it(row) {
                return match required {
                    Some(missing) if !same_group(rows, missing, at) => self.missing(rows, missing),
                    _ => Ok((at, 1)),
                };
            }
            if required.is_none() && is_group_required(rows, at) {
                required = Some(at);
            }
        }
        fail(ErrorCode::UnexpectedElement, self.unexpected(rows, from))
    }

    fn check_enough(&self, element: &Element, count: u32) -> Result<()> {
        if count < u32::from(element.min) {
            let name = schema::name_text(element.name);
            let text = format!("<{name}> must occur at least {} times; add it", element.min);
            return fail(ErrorCode::MissingElement, text);
        }
        Ok(())
    }

    fn missing<T>(&self, rows: &[[u16; 4]], at: usize) -> Result<T> {
        let group: Vec<&str> =
            rows.iter().filter(|row| row[3] == rows[at][3]).map(|row| schema::name_text(row[0])).collect();
        let text = match group.as_slice() {
            [one] => format!("<{one}> is missing in <{}>; add it", self.name()),
            many => format!("one of <{}> is missing in <{}>; add it", many.join(">, <"), self.name()),
        };
        fail(ErrorCode::MissingElement, text)
    }

    fn unexpected(&self, rows: &[[u16; 4]], from: usize) -> String {
        let expected: Vec<&str> =
            rows.iter().skip(from).take(6).map(|row| schema::name_text(row[0])).collect();
        let hint = if expected.is_empty() {
            "nothing more may follow".to_owned()
        } else {
            format!("next may come <{}>", expected.join(">, <"))
        };
        format!("<{}> may not stand here in <{}>; {hint}", self.local(), self.name())
    }

    fn foreign(&self) -> String {
        let found = shortened(self.xml.namespaces().text(self.xml.namespace()));
        let wanted = self.xml.namespaces().text(self.namespace);
        format!("<{}> is of the namespace \"{found}\"; it must be of {wanted}", self.local())
    }

    fn local(&self) -> String {
        shortened(&String::from_utf8_lossy(self.xml.local()))
    }

    fn push(&mut self, name: u16, kind: u16, nth: u32) -> Result<()> {
        let content = schema::content(kind);
        self.frames.push(Frame { content, name, nth, at: 0, count: 0 });
        self.path.push(name);
        self.text.clear();
        self.attribute = None;
        self.check_attributes(content)
    }

    fn check_attributes(&mut self, content: Content) -> Result<()> {
        let wanted = match content {
            Content::Valued { attribute, attribute_type, .. } => Some((attribute, attribute_type)),
            _ => None,
        };
        for attribute in self.xml.attributes() {
            let is_hint = self.xml.namespaces().is_schema_instance(attribute.namespace)
                && matches!(attribute.local.as_str(), "schemaLocation" | "noNamespaceSchemaLocation");
            if is_hint {
                continue;
            }
            let found = wanted
                .filter(|(name, _)| attribute.namespace == 0 && schema::name_text(*name) == attribute.local);
            let Some((name, simple)) = found else {
                let text =
                    format!("the attribute {} may not stand here; remove it", shortened(&attribute.local));
                return fail(ErrorCode::UnexpectedAttribute, text);
            };
            schema::check(simple, &attribute.value).map_err(|why| {
                let text =
                    format!("{}=\"{}\" {why}; correct it", attribute.local, shortened(&attribute.value));
                ReadError::new(ErrorCode::InvalidValue, text)
            })?;
            self.attribute = Some((name, attribute.value.clone()));
        }
        match wanted {
            Some((name, _)) if self.attribute.is_none() => {
                let text = format!("the attribute {} is missing; add it", schema::name_text(name));
                fail(ErrorCode::MissingAttribute, text)
            }
            _ => Ok(()),
        }
    }

    fn take_text(&mut self) -> Result<Option<Event>> {
        let piece = self.xml.text();
        match self.frames.last().map(|frame| frame.content) {
            Some(Content::Text(_) | Content::Valued { .. }) => {
                if self.text.len().saturating_add(piece.len()) > TOKEN_BYTES_MAX {
                    return fail(ErrorCode::TooLarge, "the text is larger than allowed; shorten it");
                }
                self.text.push_str(piece);
                Ok(None)
            }
            _ if is_blank(piece) => Ok(None),
            _ => {
                let text = format!("text stands between the elements of <{}>; remove it", self.name());
                fail(ErrorCode::UnexpectedText, text)
            }
        }
    }

    fn close(&mut self, message: MessageType) -> Result<Event> {
        let Some(frame) = self.frames.last().copied() else {
            return fail(ErrorCode::UnexpectedElement, "no element is open");
        };
        self.pop = true;
        match frame.content {
            Content::Text(simple) | Content::Valued { text: simple, .. } => {
                self.check_value(simple)?;
                return Ok(Event::Value);
            }
            Content::Any { .. } if frame.count == 0 => {
                let text = format!("<{}> is empty; it must hold one element", self.name());
                return fail(ErrorCode::MissingElement, text);
            }
            Content::Any { .. } => {}
            Content::Elements(rows) => self.check_complete(rows, &frame)?,
        }
        if self.frames.len() == 1 {
            self.place = Place::Wrapper;
            return Ok(Event::RootEnd(message));
        }
        Ok(Event::Close)
    }

    fn check_complete(&self, rows: &[[u16; 4]], frame: &Frame) -> Result<()> {
        let mut from = 0;
        if frame.count > 0 {
            self.check_enough(&Element::of(&rows[frame.at]), frame.count)?;
            from = next_group(rows, frame.at);
        }
        match (from..rows.len()).find(|at| is_group_required(rows, *at)) {
            Some(at) => self.missing(rows, at),
            None => Ok(()),
        }
    }

    fn check_value(&mut self, simple: u16) -> Result<()> {
        if schema::collapses(simple) {
            let end = self.text.trim_end_matches(is_space).len();
            self.text.truncate(end);
            let start = self.text.len() - self.text.trim_start_matches(is_space).len();
            self.text.drain(..start);
        }
        schema::check(simple, &self.text).map_err(|why| {
            let text = format!("\"{}\" {why}; correct it", shortened(&self.text));
            ReadError::new(ErrorCode::InvalidValue, text)
        })
    }
}

impl<R> std::fmt::Debug for Events<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("place", &self.place).field("path", &self.path).finish_non_exhaustive()
    }
}

fn fail<T>(code: ErrorCode, text: impl Into<String>) -> Result<T> {
    Err(ReadError::new(code, text))
}

fn unsupported(namespace: &str) -> String {
    if namespace.is_empty() {
        return "the message has no namespace, so its version is unknown; declare it".to_owned();
    }
    format!(
        "the namespace \"{}\" names no message that is read here; see the README's list",
        shortened(namespace)
    )
}

/// The first place behind the group of `at`.
pub(crate) fn next_group(rows: &[[u16; 4]], at: usize) -> usize {
    let behind = rows.iter().enumerate().skip(at).find(|(_, row)| row[3] != rows[at][3]);
    behind.map_or(rows.len(), |(next, _)| next)
}

fn same_group(rows: &[[u16; 4]], one: usize, other: usize) -> bool {
    rows[one][3] == rows[other][3]
}

/// Whether none of the group of `at` may be left out: a choice with one optional branch may be empty.
pub(crate) fn is_group_required(rows: &[[u16; 4]], at: usize) -> bool {
    let group = rows[at][3];
    Element::of(&rows[at]).min > 0
        && rows.iter().filter(|row| row[3] == group).all(|row| Element::of(row).min > 0)
}
