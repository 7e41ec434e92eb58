//! Well-formed XML 1.0 in UTF-8, token by token: what quick-xml reads, plus the checks that it leaves out.
//!
//! Owns namespaces, attributes, characters and the bounds on tokens. It refuses DOCTYPE and entities, and
//! never holds more than one token. What elements mean is none of its business (see `events.rs`).

use std::io::{self, BufRead, Read};

use quick_xml::errors::{Error as QuickError, IllFormedError, SyntaxError};
use quick_xml::events::{BytesDecl, BytesStart, Event};

use crate::error::{ErrorCode, ReadError};
use crate::limits::{ATTRIBUTES_MAX, DEPTH_MAX, Limits, NAME_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::namespace::{NO_NAMESPACE, Namespaces};

type Result<T> = std::result::Result<T, ReadError>;

/// What was read; its parts are asked of [`Xml`] until the next token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Start,
    End,
    /// A piece of text: an element's text may come in several.
    Text,
    Eof,
}

/// An attribute that is no namespace declaration.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) namespace: u16,
    pub(crate) local: String,
    pub(crate) value: String,
}

/// A token reader over one file.
pub(crate) struct Xml<R> {
    reader: quick_xml::Reader<Bounded<R>>,
    buffer: Vec<u8>,
    depth: usize,
    has_root: bool,
    namespaces: Namespaces,
    local: Vec<u8>,
    namespace: u16,
    attributes: Vec<Attribute>,
    text: String,
}

impl<R: BufRead> Xml<R> {
    pub(crate) fn new(input: R, limits: &Limits) -> Self {
        let bounded = Bounded { input, file: limits.file_bytes_max, token: TOKEN_BYTES_MAX, over: false };
        let mut reader = quick_xml::Reader::from_reader(bounded);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Self {
            reader,
            buffer: Vec::new(),
            depth: 0,
            has_root: false,
            namespaces: Namespaces::new(),
            local: Vec::new(),
            namespace: NO_NAMESPACE,
            attributes: Vec::new(),
            text: String::new(),
        }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.reader.buffer_position()
    }

    /// Open elements.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Local name of the element that just started.
    pub(crate) fn local(&self) -> &[u8] {
        &self.local
    }

    /// Namespace number of the element that just started.
    pub(crate) fn namespace(&self) -> u16 {
        self.namespace
    }

    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The piece of text just read.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn next(&mut self) -> Result<Token> {
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let token = self.step(&mut buffer);
            self.buffer = buffer;
            match token {
                Ok(None) => {}
                Ok(Some(token)) => return Ok(token),
                Err(mut error) => {
                    error.position = self.position();
                    return Err(error);
                }
            }
        }
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Token>> {
        let start = self.position();
        self.reader.get_mut().token = TOKEN_BYTES_MAX;
        let event = self.reader.read_event_into(buffer);
        match event.map_err(|error| fault(&error, self.reader.get_ref().over, self.depth))? {
            Event::Start(tag) => self.start(&tag).map(|()| Some(Token::Start)),
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                self.namespaces.leave(self.depth);
                Ok(Some(Token::End))
            }
            Event::Text(text) => self.characters(&text),
            Event::CData(text) => {
                let text = utf8(&text)?;
                check_characters(text)?;
                self.text.clear();
                push_lines(&mut self.text, text);
                self.inside()
            }
            Event::GeneralRef(name) => {
                self.text.clear();
                self.text.push(reference(utf8(&name)?)?);
                self.inside()
            }
            Event::Comment(text) => utf8(&text).and_then(check_characters).map(|()| None),
            Event::PI(instruction) => {
                check_characters(utf8(&instruction)?)?;
                let target = instruction.target();
                if !is_name(target) || target.eq_ignore_ascii_case(b"xml") {
                    return ill("a processing instruction has no proper name; remove it");
                }
                Ok(None)
            }
            Event::Decl(declaration) if start == 0 => check_declaration(&declaration).map(|()| None),
            Event::Decl(_) => ill("the XML declaration must be the first thing in the file"),
            Event::DocType(_) => Err(ReadError::new(
                ErrorCode::Doctype,
                "a DOCTYPE is refused, whatever it declares; send the message without it",
            )),
            Event::Eof => self.end_of_file(),
            Event::Empty(_) => ill("an empty element was not expanded"),
        }
    }

    fn end_of_file(&self) -> Result<Option<Token>> {
        if self.depth > 0 {
            return Err(truncated());
        }
        if !self.has_root {
            return Err(ReadError::new(ErrorCode::Empty, "there is no XML element; send the whole message"));
        }
        Ok(Some(Token::Eof))
    }

    fn inside(&self) -> Result<Option<Token>> {
        if self.depth == 0 {
            return ill("text stands outside the root element; send one XML document a file");
        }
        Ok(Some(Token::Text))
    }

    fn characters(&mut self, bytes: &[u8]) -> Result<Option<Token>> {
        let text = utf8(bytes)?;
        check_characters(text)?;
        if text.contains("]]>") {
            return ill("\"]]>\" stands in text; write it as \"]]&gt;\"");
        }
        if self.depth == 0 {
            return if is_blank(text) { Ok(None) } else { self.inside() };
        }
        self.text.clear();
        push_lines(&mut self.text, text);
        Ok(Some(Token::Text))
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<()> {
        if self.depth == 0 && self.has_root {
            return ill("a second root element follows; send one XML document a file");
        }
        self.has_root = true;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let text = format!("elements nest deeper than {DEPTH_MAX}; no ISO 20022 message needs that");
            return Err(ReadError::new(ErrorCode::TooDeep, text));
        }
        self.attributes.clear();
        if !tag.attributes_raw().is_empty() {
            self.read_attributes(utf8(tag.attributes_raw())?)?;
        }
        let name = tag.name();
        let (prefix, local) = split_name(utf8(name.as_ref())?)?;
        self.namespace = self.namespaces.resolve(prefix)?;
        self.local.clear();
        self.local.extend_from_slice(local.as_bytes());
        Ok(())
    }

    fn read_attributes(&mut self, raw: &str) -> Result<()> {
        check_characters(raw)?;
        let mut found: Vec<(&str, &str)> = Vec::new();
        let mut rest = raw;
        while let Some((name, value, behind)) = next_attribute(rest)? {
            rest = behind;
            if found.len() == ATTRIBUTES_MAX {
                let text = format!("an element has more than {ATTRIBUTES_MAX} attributes; remove them");
                return Err(ReadError::new(ErrorCode::TooMany, text));
            }
            if found.iter().any(|(other, _)| *other == name) {
                return ill(&format!("the attribute {name} stands twice; keep one"));
            }
            found.push((name, value));
        }
        for (name, value) in &found {
            if let Some(prefix) = declared_prefix(name) {
                self.namespaces.declare(prefix, &attribute_text(value)?, self.depth)?;
            }
        }
        for (name, value) in found.iter().filter(|(name, _)| declared_prefix(name).is_none()) {
            let (prefix, local) = split_name(name)?;
            let namespace = if prefix.is_empty() { NO_NAMESPACE } else { self.namespaces.resolve(prefix)? };
            if self.attributes.iter().any(|other| other.namespace == namespace && other.local == local) {
                return ill(&format!("the attribute {local} stands twice; keep one"));
            }
            let value = attribute_text(value)?;
            self.attributes.push(Attribute { namespace, local: local.to_owned(), value });
        }
        Ok(())
    }
}

/// The prefix that an attribute declares; empty for the default namespace.
fn declared_prefix(name: &str) -> Option<&str> {
    if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") }
}

/// Name, raw value, and what follows.
fn next_attribute(raw: &str) -> Result<Option<(&str, &str, &str)>> {
    let rest = raw.trim_start_matches(is_space);
    if rest.is_empty() {
        return Ok(None);
    }
    if rest.len() == raw.len() {
        return ill("attributes are not separated by white space");
    }
    let Some((name, rest)) = rest.split_once('=') else {
        return ill("an attribute has no value; write name=\"value\"");
    };
    let name = name.trim_end_matches(is_space);
    let rest = rest.trim_start_matches(is_space);
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    let value = quote.and_then(|quote| rest.get(1..)?.split_once(quote));
    let Some((value, behind)) = value.filter(|_| is_name(name.as_bytes())) else {
        return ill("an attribute is not written as name=\"value\"");
    };
    if value.contains('<') {
        return ill("\"<\" stands in an attribute; write it as \"&lt;\"");
    }
    Ok(Some((name, value, behind)))
}

/// An attribute's value with its references resolved and its white space normalised.
fn attribute_text(raw: &str) -> Result<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, behind)) = rest.split_once('&') {
        text.extend(plain.chars().map(|character| if is_space(character) { ' ' } else { character }));
        let Some((name, behind)) = behind.split_once(';') else {
            return ill("\"&\" stands alone; write it as \"&amp;\"");
        };
        text.push(reference(name)?);
        rest = behind;
    }
    text.extend(rest.chars().map(|character| if is_space(character) { ' ' } else { character }));
    Ok(text)
}

/// The character that `&name;` stands for.
fn reference(name: &str) -> Result<char> {
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix('x') {
            Some(hex) => number(hex, 16),
            None => number(digits, 10),
        },
        None => {
            return match name {
                "amp" => Ok('&'),
                "lt" => Ok('<'),
                "gt" => Ok('>'),
                "quot" => Ok('"'),
                "apos" => Ok('\''),
                _ => Err(ReadError::new(
                    ErrorCode::Entity,
                    format!("the entity &{}; is refused; write the character itself", shortened(name)),
                )),
            };
        }
    };
    number.and_then(char::from_u32).filter(|character| is_allowed(*character)).ok_or_else(|| {
        let text = format!("&{}; is no character that XML allows; remove it", shortened(name));
        ReadError::new(ErrorCode::IllegalCharacter, text)
    })
}

/// At most eight digits, no sign: `from_str_radix` alone would take a plus.
fn number(digits: &str, radix: u32) -> Option<u32> {
    let is_number = digits.len() <= 8 && digits.chars().all(|digit| digit.is_digit(radix));
    if is_number { u32::from_str_radix(digits, radix).ok() } else { None }
}

/// The first 40 characters, for a message that quotes the input.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(40).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<()> {
    let version = declaration.version().map_err(|error| fault(&error, false, 0))?;
    if version.as_ref() != b"1.0" {
        return ill("only XML 1.0 is read; declare version=\"1.0\"");
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case(b"UTF-8") || name.eq_ignore_ascii_case(b"US-ASCII") => {
            Ok(())
        }
        Some(Ok(name)) => Err(not_utf8(&format!("encoding {}", shortened(&String::from_utf8_lossy(&name))))),
        Some(Err(_)) => ill("the XML declaration is damaged"),
    }
}

fn not_utf8(what: &str) -> ReadError {
    ReadError::new(ErrorCode::NotUtf8, format!("{what} is not read; send the file in UTF-8"))
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| not_utf8("a byte sequence that is not UTF-8"))
}

fn ill<T>(text: &str) -> Result<T> {
    Err(ReadError::new(ErrorCode::NotWellFormed, text))
}

fn truncated() -> ReadError {
    ReadError::new(ErrorCode::Truncated, "the file ends inside an element; send the whole message")
}

/// Whether XML 1.0 allows the character (production 2, `Char`).
pub(crate) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn check_characters(text: &str) -> Result<()> {
    let is_plain = |byte: u8| byte >= 0x20 && byte != 0xEF;
    if text.bytes().all(is_plain) || text.chars().all(is_allowed) {
        return Ok(());
    }
    Err(ReadError::new(ErrorCode::IllegalCharacter, "a control character stands in the text; remove it"))
}

/// XML white space.
pub(crate) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// Appends `text` with its line ends as XML wants them: a line feed alone.
fn push_lines(to: &mut String, text: &str) {
    if !text.contains('\r') {
        return to.push_str(text);
    }
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                to.push('\n');
            }
            other => to.push(other),
        }
    }
}

/// Prefix (empty without one) and local name.
fn split_name(name: &str) -> Result<(&str, &str)> {
    if name.len() > NAME_BYTES_MAX {
        let text = format!("a name has more than {NAME_BYTES_MAX} bytes; no message has such names");
        return Err(ReadError::new(ErrorCode::TooLarge, text));
    }
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (prefix, local),
        None => ("", name),
    };
    let is_whole = is_name(local.as_bytes()) && !local.contains(':');
    let has_prefix = prefix.len() < name.len().saturating_sub(local.len());
    if !is_whole || (has_prefix && !is_name(prefix.as_bytes())) {
        return ill(&format!("{:?} is no element or attribute name", shortened(name)));
    }
    Ok((prefix, local))
}

/// ASCII by the rules of XML; what lies beyond ASCII is taken as a letter, since no schema here has such names.
fn is_name(bytes: &[u8]) -> bool {
    let is_start = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte == b':' || *byte >= 0x80;
    let is_inner = |byte: &u8| is_start(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    bytes.first().is_some_and(is_start) && bytes.iter().all(is_inner)
}

fn fault(error: &QuickError, over: bool, depth: usize) -> ReadError {
    match error {
        QuickError::Io(_) if over => ReadError::new(
            ErrorCode::TooLarge,
            "a tag, a text or the whole file is larger than allowed; split the file",
        ),
        QuickError::Io(error) => ReadError::new(ErrorCode::Io, format!("reading failed: {error}")),
        QuickError::Encoding(_) => not_utf8("a byte sequence that is not UTF-8"),
        QuickError::Syntax(SyntaxError::UnclosedDoctype) => {
            ReadError::new(ErrorCode::Doctype, "a DOCTYPE is refused; send the message without it")
        }
        QuickError::Syntax(SyntaxError::InvalidBangMarkup) => {
            ReadError::new(ErrorCode::NotWellFormed, "\"<!\" opens nothing that XML knows")
        }
        QuickError::Syntax(_) if depth > 0 => truncated(),
        QuickError::IllFormed(IllFormedError::MissingDoctypeName) => {
            ReadError::new(ErrorCode::Doctype, "a DOCTYPE is refused; send the message without it")
        }
        QuickError::IllFormed(IllFormedError::UnclosedReference) => {
            ReadError::new(ErrorCode::NotWellFormed, "\"&\" stands alone; write it as \"&amp;\"")
        }
        other => ReadError::new(ErrorCode::NotWellFormed, format!("not well-formed XML: {other}")),
    }
}

/// Stops a token or a file that is larger than its bound, before it is in memory.
struct Bounded<R> {
    input: R,
    /// Bytes that the file may still have.
    file: u64,
    /// Bytes that the token may still have.
    token: usize,
    /// A bound was hit: tells the error from the input's own.
    over: bool,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let available = self.input.fill_buf()?;
        let room = self.token.min(usize::try_from(self.file).unwrap_or(usize::MAX));
        if room == 0 && !available.is_empty() {
            self.over = true;
            return Err(io::Error::other("over the limit"));
        }
        Ok(&available[..available.len().min(room)])
    }

    fn consume(&mut self, count: usize) {
        self.token = self.token.saturating_sub(count);
        self.file = self.file.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        self.input.consume(count);
    }
}
