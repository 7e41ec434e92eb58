//! Namespace declarations in force, and which of them is an ISO 20022 message. Bounded; numbers stand for names.
//!
//! A namespace is compared as its exact text, as XML demands: no case folding, no resolving of references.

use crate::error::{ErrorCode, ReadError};
use crate::limits::{BINDINGS_MAX, NAME_BYTES_MAX, NAMESPACES_MAX};
use crate::schema::MessageType;

/// The number of "no namespace".
pub(crate) const NO_NAMESPACE: u16 = 0;
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// What every message's namespace starts with.
pub(crate) const ISO_PREFIX: &str = "urn:iso:std:iso:20022:tech:xsd:";

#[derive(Debug)]
struct Name {
    text: String,
    message: Option<MessageType>,
}

#[derive(Debug)]
struct Binding {
    prefix: String,
    namespace: u16,
    depth: usize,
}

#[derive(Debug)]
pub(crate) struct Namespaces {
    names: Vec<Name>,
    bindings: Vec<Binding>,
}

impl Namespaces {
    pub(crate) fn new() -> Self {
        let names = vec![Name { text: String::new(), message: None }];
        Self { names, bindings: Vec::new() }
    }

    pub(crate) fn text(&self, namespace: u16) -> &str {
        self.names.get(usize::from(namespace)).map_or("", |name| name.text.as_str())
    }

    /// The supported message of that namespace.
    pub(crate) fn message(&self, namespace: u16) -> Option<MessageType> {
        self.names.get(usize::from(namespace)).and_then(|name| name.message)
    }

    pub(crate) fn is_schema_instance(&self, namespace: u16) -> bool {
        self.text(namespace) == XSI
    }

    pub(crate) fn is_signature(&self, namespace: u16) -> bool {
        self.text(namespace) == SIGNATURE
    }

    pub(crate) fn resolve(&mut self, prefix: &str) -> Result<u16, ReadError> {
        // Nearly every prefix is empty, and comparing empty texts by a library call was a fifth of the reading time.
        let is_it = |binding: &&Binding| match (binding.prefix.as_str(), prefix) {
            ("", "") => true,
            ("", _) | (_, "") => false,
            (one, other) => one == other,
        };
        match self.bindings.iter().rev().find(is_it) {
            Some(binding) => Ok(binding.namespace),
            None if prefix.is_empty() => Ok(NO_NAMESPACE),
            None if prefix == "xml" => self.number(XML),
            None => Err(ReadError::new(
                ErrorCode::UnboundPrefix,
                format!("the prefix {prefix} has no namespace; declare it with xmlns:{prefix}"),
            )),
        }
    }

    pub(crate) fn declare(&mut self, prefix: &str, text: &str, depth: usize) -> Result<(), ReadError> {
        let is_reserved = prefix == "xmlns" || (prefix == "xml") != (text == XML);
        if is_reserved || (text.is_empty() && !prefix.is_empty()) {
            let text = format!("the prefix {prefix} can't be declared so; choose another");
            return Err(ReadError::new(ErrorCode::NotWellFormed, text));
        }
        if prefix.len().max(text.len()) > NAME_BYTES_MAX {
            let text = format!("a namespace has more than {NAME_BYTES_MAX} bytes; no message has such names");
            return Err(ReadError::new(ErrorCode::TooLarge, text));
        }
        if self.bindings.len() == BINDINGS_MAX {
            return Err(too_many());
        }
        let namespace = self.number(text)?;
        self.bindings.push(Binding { prefix: prefix.to_owned(), namespace, depth });
        Ok(())
    }

    /// Forgets what was declared deeper than `depth`.
    pub(crate) fn leave(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|binding| binding.depth > depth) {
            self.bindings.pop();
        }
    }

    fn number(&mut self, text: &str) -> Result<u16, ReadError> {
        let known = self.names.iter().position(|name| name.text == text);
        if known.is_none() && self.names.len() == NAMESPACES_MAX {
            return Err(too_many());
        }
        let place = known.unwrap_or(self.names.len());
        if known.is_none() {
            let message = text.strip_prefix(ISO_PREFIX).and_then(MessageType::parse);
            self.names.push(Name { text: text.to_owned(), message });
        }
        u16::try_from(place).map_err(|_| too_many())
    }
}

fn too_many() -> ReadError {
    let text = format!("more than {NAMESPACES_MAX} namespaces are declared; declare each once");
    ReadError::new(ErrorCode::TooMany, text)
}
