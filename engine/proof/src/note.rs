//! Signed notes: a text and lines of signatures under it. Source: c2sp.org/signed-note.
//!
//! Owns the text form, the verifier keys and which signatures count: those of unknown keys are kept and ignored, one
//! of a known key that doesn't verify spoils the whole note. Reads only what it would write: one note has one text.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use crate::cosignature;
use crate::hex;
use crate::signature::{KeyError, PublicKey, Signature, SigningKey};

/// Bytes of a note at the most.
pub const NOTE_BYTES_MAX: usize = 1_000_000;
/// Signatures under a note at the most; the specification asks for 16 or more.
pub const NOTE_SIGNATURES_MAX: usize = 100;
/// Bytes of a verifier key's text at the most.
pub const KEY_TEXT_BYTES_MAX: usize = 1_024;

const DASH: &str = "\u{2014} ";
const KEY_ID_BYTES: usize = 4;

/// What a key signs, and how. The number is in the key's id and text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum KeyKind {
    /// Ed25519 over the note's text: the log's own signature.
    Note,
    /// Ed25519 over the time and the text: a witness's cosignature (c2sp.org/tlog-cosignature).
    Cosignature,
}

/// A key that notes are verified with. Its text is `name+id+base64(kind ‖ key)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: PublicKey,
}

/// Why a text is no verifier key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerifierKeyError {
    /// Not `name+id+base64`, or too long.
    Form,
    /// Empty, or with a space or a `+` in it.
    Name,
    /// Neither of the two kinds of [`KeyKind`].
    Kind,
    /// Not an Ed25519 key that can be used.
    Key(KeyError),
    /// The id is not the one of name, kind and key.
    Id,
}

/// A line under a note: whose signature it is, and its bytes. Not yet verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub key_id: [u8; KEY_ID_BYTES],
    /// The signature, of at least one byte.
    pub bytes: Vec<u8>,
}

/// A text with its signatures. Not yet verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    /// The lines under it, in their order.
    pub signatures: Vec<NoteSignature>,
}

/// Why bytes are no signed note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoteError {
    /// Over [`NOTE_BYTES_MAX`] bytes or [`NOTE_SIGNATURES_MAX`] signatures.
    Long,
    /// Not UTF-8, or with a control character other than the newline.
    Characters,
    /// No empty line between a text and signatures.
    Unsigned,
    /// The line of this number below the text, from 1, is no signature.
    Line(usize),
}

/// Why a note is not to be trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Untrusted {
    /// No known key signed it.
    Unsigned,
    /// The key of this name is known and did not make the signature that bears its name and id.
    Forged(String),
}

/// Whether a text can be a key's name: not empty, no spaces, no `+`, no control characters.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty()
        && !name.chars().any(|letter| letter.is_whitespace() || letter.is_control() || letter == '+')
}

pub(crate) fn base64_of(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a base64 text with its padding and nothing else: one value has one text.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

impl KeyKind {
    const fn of(number: u8) -> Option<Self> {
        match number {
            0x01 => Some(Self::Note),
            0x04 => Some(Self::Cosignature),
            _ => None,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

impl VerifierKey {
    /// The key of a name and an Ed25519 key.
    ///
    /// # Errors
    /// [`VerifierKeyError::Name`].
    pub fn new(name: &str, kind: KeyKind, public: PublicKey) -> Result<Self, VerifierKeyError> {
        if !is_key_name(name) {
            return Err(VerifierKeyError::Name);
        }
        Ok(Self { name: name.to_string(), kind, public })
    }

    /// Reads `name+id+base64(kind ‖ key)`, the id in 8 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`VerifierKeyError`].
    pub fn parse(text: &str) -> Result<Self, VerifierKeyError> {
        if text.len() > KEY_TEXT_BYTES_MAX {
            return Err(VerifierKeyError::Form);
        }
        // Base64 has a `+` of its own, so the first two are the separators.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError::Form);
        };
        let id = hex::parse::<KEY_ID_BYTES>(id).ok_or(VerifierKeyError::Form)?;
        let material = from_base64(material).ok_or(VerifierKeyError::Form)?;
        let (kind, key) = material.split_first().ok_or(VerifierKeyError::Form)?;
        let kind = KeyKind::of(*kind).ok_or(VerifierKeyError::Kind)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| VerifierKeyError::Form)?;
        let key = Self::new(name, kind, PublicKey::from_bytes(key).map_err(VerifierKeyError::Key)?)?;
        if key.id() == id { Ok(key) } else { Err(VerifierKeyError::Id) }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The Ed25519 key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The id: the first 4 bytes of `SHA-256(name ‖ 0x0A ‖ kind ‖ key)`.
    #[must_use]
    pub fn id(&self) -> [u8; KEY_ID_BYTES] {
        let digest = Sha256::new_with_prefix(self.name.as_bytes())
            .chain_update([b'\n', self.kind.number()])
            .chain_update(self.public.as_bytes())
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = digest.into();
        [a, b, c, d]
    }

    /// Whether a line bears the name and the id of this key.
    #[must_use]
    pub fn is_named_by(&self, signature: &NoteSignature) -> bool {
        self.name == signature.name && self.id() == signature.key_id
    }

    /// Whether this key made the signature over the text.
    #[must_use]
    pub fn verifies(&self, text: &str, signature: &NoteSignature) -> bool {
        if !self.is_named_by(signature) {
            return false;
        }
        match self.kind {
            KeyKind::Note => signature
                .bytes
                .as_slice()
                .try_into()
                .is_ok_and(|bytes| self.public.verifies(text.as_bytes(), &Signature(bytes))),
            KeyKind::Cosignature => cosignature::time_of(self, text, signature).is_some(),
        }
    }

    /// A line of this key's with these bytes.
    pub(crate) fn line(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), key_id: self.id(), bytes }
    }
}

impl Note {
    /// Reads a note: text, empty line, one signature or more.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Long);
        }
        let note = core::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Characters);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Unsigned)? + 1;
        let (text, below) = note.split_at(end);
        let lines = below.strip_prefix('\n').filter(|lines| !lines.is_empty()).ok_or(NoteError::Unsigned)?;
        Ok(Self { text: text.to_string(), signatures: parse_signatures(lines)? })
    }

    /// A note of a text and its signatures.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] for a text that doesn't end in a newline; [`NoteError::Characters`].
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Unsigned);
        }
        if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Characters);
        }
        Ok(Self { text, signatures })
    }

    /// The text, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, if a known key signed it, with those of `keys` that did.
    ///
    /// # Errors
    /// [`Untrusted`]: none signed it, or a line that bears a known key's name and id is not its.
    pub fn open<'a>(&self, keys: &'a [VerifierKey]) -> Result<(&str, Vec<&'a VerifierKey>), Untrusted> {
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.is_named_by(signature)) else { continue };
            if !key.verifies(&self.text, signature) {
                return Err(Untrusted::Forged(key.name.clone()));
            }
            if !signers.contains(&key) {
                signers.push(key);
            }
        }
        if signers.is_empty() { Err(Untrusted::Unsigned) } else { Ok((&self.text, signers)) }
    }
}

/// Reads signature lines, each with its newline; at least one.
///
/// # Errors
/// [`NoteError::Line`] or [`NoteError::Long`].
pub fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Line(1))?;
    let mut signatures = Vec::new();
    for (line, number) in lines.split('\n').zip(1..) {
        if signatures.len() == NOTE_SIGNATURES_MAX {
            return Err(NoteError::Long);
        }
        signatures.push(NoteSignature::parse(line).ok_or(NoteError::Line(number))?);
    }
    Ok(signatures)
}

impl NoteSignature {
    /// Reads a line without its newline.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let decoded = from_base64(encoded)?;
        let (key_id, bytes) = decoded.split_first_chunk::<KEY_ID_BYTES>()?;
        let is_sound = is_key_name(name) && !bytes.is_empty();
        is_sound.then(|| Self { name: name.to_string(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

/// Signs a note's text. Only for texts that can't be one of the engine's other messages: see
/// [`checkpoint`](crate::checkpoint).
pub(crate) fn sign_text(key: &SigningKey, verifier: &VerifierKey, text: &str) -> NoteSignature {
    verifier.line(key.sign(text.as_bytes()).to_bytes().to_vec())
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.kind.number()], self.public.as_bytes().as_slice()].concat();
        write!(f, "{}+", self.name)?;
        hex::write(&self.id(), f)?;
        write!(f, "+{}", base64_of(&material))
    }
}

/// The line without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_slice(), &self.bytes].concat();
        write!(f, "{DASH}{} {}", self.name, base64_of(&bytes))
    }
}

/// The whole note, as [`Note::parse`] reads it.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for VerifierKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("a verifier key is name+id+base64"),
            Self::Name => f.write_str("a key's name is not empty and has no spaces and no +"),
            Self::Kind => f.write_str("a verifier key is of kind 1 (note) or 4 (cosignature)"),
            Self::Key(error) => error.fmt(f),
            Self::Id => f.write_str("the verifier key's id is not that of its name and key"),
        }
    }
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Long => {
                write!(f, "a note has at most {NOTE_BYTES_MAX} bytes and {NOTE_SIGNATURES_MAX} signatures")
            }
            Self::Characters => f.write_str("a note is UTF-8 without control characters"),
            Self::Unsigned => f.write_str("no text, empty line and signatures"),
            Self::Line(line) => write!(f, "line {line} below the text is no signature"),
        }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("no known key signed it"),
            Self::Forged(name) => write!(f, "the signature that names {name} is not its"),
        }
    }
}

impl core::error::Error for VerifierKeyError {}
impl core::error::Error for NoteError {}
impl core::error::Error for Untrusted {}
