//! The structured fields (RFC 9651) that RFC 9421 and 9530 need: dictionaries of inner lists of strings with parameters, and
//! of byte sequences. Strict: what is not of that form is refused with its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SignatureFault;
use crate::limits::{COMPONENTS_MAX, PARAMETERS_MAX, SIGNATURES_MAX};

/// What one signature covers, and its parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input<'a> {
    /// Its name in the two headers.
    pub label: &'a str,
    /// Names of the covered components, in the order in which they are signed.
    pub components: Vec<String>,
    /// In the order in which they are signed.
    pub parameters: Vec<(&'a str, Value)>,
}

/// A parameter's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Up to 15 digits.
    Integer(i64),
    /// Visible ASCII and spaces.
    Text(String),
}

impl Input<'_> {
    /// Whether a parameter is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(own, _)| *own == name)
    }

    /// A parameter that is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find_map(|(own, value)| match value {
            Value::Text(text) if *own == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// A parameter that is an integer.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.parameters.iter().find_map(|(own, value)| match value {
            Value::Integer(number) if *own == name => Some(*number),
            _ => None,
        })
    }
}

/// Reads a `Signature-Input` header.
///
/// # Errors
/// [`SignatureFault::Header`] with the place.
pub fn inputs(text: &str) -> Result<Vec<Input<'_>>, SignatureFault> {
    let mut reader = Reader { header: "signature-input", text, at: 0 };
    let inputs = reader.dictionary(|reader, label| {
        let components = reader.inner_list()?;
        Ok(Input { label, components, parameters: reader.parameters()? })
    })?;
    let mut labels = inputs.iter().map(|input| input.label);
    while let Some(label) = labels.next() {
        if labels.clone().any(|other| other == label) {
            return Err(reader.fault("a name that is there twice"));
        }
    }
    Ok(inputs)
}

/// Reads a `Signature` header: names and signatures of 64 bytes.
pub(super) fn signatures(text: &str) -> Result<Vec<(&str, [u8; 64])>, SignatureFault> {
    let mut reader = Reader { header: "signature", text, at: 0 };
    reader.dictionary(|reader, label| {
        let mut bytes = [0; 66];
        let signature = reader.bytes(&mut bytes)?.try_into();
        signature
            .map(|signature| (label, signature))
            .map_err(|_| reader.fault("an Ed25519 signature has 64 bytes"))
    })
}

/// Reads a `Content-Digest` header: algorithms and digests of up to 64 bytes.
pub(super) fn digests(text: &str) -> Result<Vec<(&str, Vec<u8>)>, SignatureFault> {
    let mut reader = Reader { header: "content-digest", text, at: 0 };
    reader.dictionary(|reader, algorithm| {
        let mut bytes = [0; 66];
        Ok((algorithm, reader.bytes(&mut bytes)?.to_vec()))
    })
}

struct Reader<'a> {
    header: &'static str,
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self, what: &'static str) -> SignatureFault {
        SignatureFault::Header { header: self.header, what, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let begin = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        // Only ASCII is wanted anywhere, so both ends are between characters.
        self.text.get(begin..self.at).unwrap_or_default()
    }

    fn spaces(&mut self) -> bool {
        !self.take_while(|byte| byte == b' ').is_empty()
    }

    /// `name=member`, separated by commas, up to the text's end.
    fn dictionary<M>(
        &mut self,
        member: impl Fn(&mut Self, &'a str) -> Result<M, SignatureFault>,
    ) -> Result<Vec<M>, SignatureFault> {
        let mut members = Vec::new();
        self.spaces();
        loop {
            if members.len() == SIGNATURES_MAX {
                return Err(self.fault("over 4 members"));
            }
            let name = self.key()?;
            if !self.take(b'=') {
                return Err(self.fault("= is expected"));
            }
            members.push(member(self, name)?);
            self.white_space();
            if self.at == self.text.len() {
                return Ok(members);
            }
            if !self.take(b',') {
                return Err(self.fault("a comma or the end is expected"));
            }
            self.white_space();
        }
    }

    fn white_space(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    fn key(&mut self) -> Result<&'a str, SignatureFault> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'*') {
            return Err(self.fault("a name is expected, which begins with a small letter"));
        }
        let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
        Ok(self.take_while(is_key))
    }

    /// `("a" "b" …)`: strings without parameters, each once.
    fn inner_list(&mut self) -> Result<Vec<String>, SignatureFault> {
        if !self.take(b'(') {
            return Err(self.fault("a list in parentheses is expected"));
        }
        let mut items: Vec<String> = Vec::new();
        let mut is_apart = true;
        self.spaces();
        while !self.take(b')') {
            if items.len() == COMPONENTS_MAX {
                return Err(self.fault("over 32 components"));
            }
            if !is_apart {
                return Err(self.fault("a space or ) is expected"));
            }
            let item = self.string()?;
            if items.contains(&item) {
                return Err(self.fault("a component that is there twice"));
            }
            items.push(item);
            if self.peek() == Some(b';') {
                return Err(self.fault("components with parameters are not taken"));
            }
            is_apart = self.spaces();
        }
        Ok(items)
    }

    fn parameters(&mut self) -> Result<Vec<(&'a str, Value)>, SignatureFault> {
        let mut parameters: Vec<(&str, Value)> = Vec::new();
        while self.take(b';') {
            self.spaces();
            let name = self.key()?;
            if !self.take(b'=') {
                return Err(self.fault("a parameter without a value"));
            }
            if parameters.len() == PARAMETERS_MAX || parameters.iter().any(|(other, _)| *other == name) {
                return Err(self.fault("a parameter that is there twice, or over 16"));
            }
            parameters.push((name, self.value()?));
        }
        Ok(parameters)
    }

    fn value(&mut self) -> Result<Value, SignatureFault> {
        if self.peek() == Some(b'"') {
            return self.string().map(Value::Text);
        }
        let begin = self.at;
        self.take(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit()).len();
        let number = self.text.get(begin..self.at).and_then(|number| number.parse().ok());
        // What is signed is the canonical text, which has no leading zeros.
        let number = number
            .filter(|number: &i64| (1..=15).contains(&digits) && number.to_string().len() == self.at - begin);
        number.map(Value::Integer).ok_or_else(|| self.fault("an integer or a string is expected"))
    }

    fn string(&mut self) -> Result<String, SignatureFault> {
        if !self.take(b'"') {
            return Err(self.fault("a string in quotes is expected"));
        }
        let mut text = String::new();
        loop {
            text.push_str(
                self.take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'),
            );
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err(self.fault("a string ends with a quote and holds visible ASCII"));
            }
            let escaped = self.peek().filter(|byte| matches!(byte, b'"' | b'\\'));
            text.push(
                escaped
                    .map(char::from)
                    .ok_or_else(|| self.fault("only quotes and backslashes are escaped"))?,
            );
            self.at += 1;
        }
    }

    /// `:base64:`, of up to 64 bytes.
    fn bytes<'b>(&mut self, to: &'b mut [u8; 66]) -> Result<&'b [u8], SignatureFault> {
        if !self.take(b':') {
            return Err(self.fault("base64 between colons is expected"));
        }
        let text = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let read = STANDARD
            .decode_slice(text, to)
            .map_err(|_| self.fault("base64 of up to 64 bytes is expected"))?;
        if !self.take(b':') {
            return Err(self.fault("base64 between colons is expected"));
        }
        Ok(&to[..read])
    }
}
