//! Why a file can't be read at all: a stable code, the element, the byte, and a sentence that says the way out.
//!
//! These are faults of the bytes (not well formed, not valid, over a limit). What a readable file asks for in
//! vain is a [`crate::payment::Refusal`], never an error of this kind.

use std::fmt;

/// What is wrong with the bytes. The numbers are stable: they are logged and answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum ErrorCode {
    /// The input could not be read (disk, network).
    Io = 1,
    /// The input holds nothing.
    Empty = 2,
    /// Not UTF-8, or declared in another encoding.
    NotUtf8 = 3,
    /// Not well-formed XML.
    NotWellFormed = 4,
    /// The input ends inside an element.
    Truncated = 5,
    /// A DOCTYPE: never read, never resolved.
    Doctype = 6,
    /// A reference to an entity other than the five of XML.
    Entity = 7,
    /// A character that XML does not allow, raw or by reference.
    IllegalCharacter = 8,
    /// Elements nest deeper than [`crate::limits::DEPTH_MAX`].
    TooDeep = 9,
    /// A tag, a text, a transaction or the file is over its limit.
    TooLarge = 10,
    /// More transactions, attributes or namespaces than the limit.
    TooMany = 11,
    /// A prefix without a namespace.
    UnboundPrefix = 12,
    /// The namespace names no message, or a message or version that is not supported.
    UnsupportedMessage = 13,
    /// There is no `Document` in the file.
    NoDocument = 14,
    /// A second `Document` or `AppHdr`, or a header behind its document.
    ExtraDocument = 15,
    /// An element that the schema does not have here: unknown, out of order, repeated, or a second choice.
    UnexpectedElement = 16,
    /// A mandatory element is missing.
    MissingElement = 17,
    /// An attribute that the schema does not have here.
    UnexpectedAttribute = 18,
    /// A mandatory attribute is missing.
    MissingAttribute = 19,
    /// Text between elements.
    UnexpectedText = 20,
    /// A value that its type does not allow (length, pattern, code, digits, date).
    InvalidValue = 21,
    /// A readable message, but not of the kind that was asked for.
    WrongMessage = 22,
}

impl ErrorCode {
    /// The number that logs and answers carry.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant is the number")]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// A file that can't be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadError {
    /// What kind of fault.
    pub code: ErrorCode,
    /// The element, such as `/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[3]/IntrBkSttlmAmt`; empty outside a message.
    pub path: String,
    /// Bytes read when the fault was found.
    pub position: u64,
    /// What is wrong and the way out, for a person.
    pub message: String,
    /// The business message identifier, or else the message identifier, where it was read before the fault.
    pub reference: Option<String>,
}

impl ReadError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, path: String::new(), position: 0, message: message.into(), reference: None }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the file" } else { &self.path };
        write!(f, "{path} at byte {}: {}", self.position, self.message)
    }
}

impl std::error::Error for ReadError {}
