//! The part of JSON (RFC 8259) that proofs use: objects, lists and strings without escapes.

use alloc::vec::Vec;

/// Objects and lists within each other.
const DEPTH_MAX: usize = 8;
/// Members of one object: more than any proof's object has.
const MEMBERS_MAX: usize = 32;

/// A value, its strings as they lie in the text.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    List(Vec<Value<'a>>),
    Object(Vec<(&'a str, Value<'a>)>),
}

/// Where the text is no JSON of this part.
pub(crate) struct SyntaxError {
    /// Bytes before the fault.
    pub(crate) at: usize,
}

/// The one value that the whole text is.
pub(crate) fn parse(text: &str) -> Result<Value<'_>, SyntaxError> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0);
    parser.skip_space();
    match value {
        Some(value) if parser.at == text.len() => Ok(value),
        _ => Err(SyntaxError { at: parser.at }),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over white space and one `byte`, if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        self.skip_space();
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'[' if depth < DEPTH_MAX => self.list(depth + 1),
            b'{' if depth < DEPTH_MAX => self.object(depth + 1),
            _ => None,
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' | 0..=0x1F => return None,
                _ => self.at += 1,
            }
        }
        let text = self.text.get(start..self.at)?;
        self.at += 1;
        Some(text)
    }

    fn list(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut items = Vec::new();
        self.take(b'[');
        if self.take(b']') {
            return Some(Value::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Some(Value::List(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut members = Vec::new();
        self.take(b'{');
        if self.take(b'}') {
            return Some(Value::Object(members));
        }
        while members.len() < MEMBERS_MAX {
            let name = self.string()?;
            if !self.take(b':') {
                return None;
            }
            members.push((name, self.value(depth)?));
            if self.take(b'}') {
                return Some(Value::Object(members));
            }
            if !self.take(b',') {
                return None;
            }
        }
        None
    }
}
