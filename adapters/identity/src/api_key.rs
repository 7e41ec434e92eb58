//! API keys: 256 random bits that whoever holds them may show. What is stored is a hash, from which none can be made.
//!
//! ```text
//!  fq_0123456789abcdef_64 hexadecimal digits
//!     └ names the key    └ the secret
//! ```

use std::fmt;

use crate::hex;

/// Domain of the hashes.
const CONTEXT: &str = "feiqian 2026-11-27 API key";
const PREFIX: &str = "fq_";

/// Why a key is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApiKeyFault {
    /// Another scheme than `Bearer`, or a text of another form.
    #[error("Authorization: takes Bearer and a key of this house")]
    Malformed,
    /// Nobody has it.
    #[error("the API key is not known")]
    Unknown,
    /// It was somebody's.
    #[error("the API key has expired")]
    Expired,
}

/// A key as its holder has it. Shows its name and never its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: [u8; 8],
    secret: [u8; 32],
}

impl ApiKey {
    /// A new key of these random bytes.
    #[must_use]
    pub const fn new(id: [u8; 8], secret: [u8; 32]) -> Self {
        Self { id, secret }
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`ApiKeyFault::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ApiKeyFault> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let read = |(id, secret)| Some(Self { id: hex::decode(id)?, secret: hex::decode(secret)? });
        parts.and_then(read).ok_or(ApiKeyFault::Malformed)
    }

    /// Reads the key of an `Authorization` header.
    ///
    /// # Errors
    /// [`ApiKeyFault::Malformed`].
    pub(crate) fn of_header(value: &[u8]) -> Result<Self, ApiKeyFault> {
        let text = std::str::from_utf8(value).map_err(|_| ApiKeyFault::Malformed)?;
        let (scheme, key) = text.split_once(' ').ok_or(ApiKeyFault::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiKeyFault::Malformed);
        }
        Self::parse(key.trim())
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> ApiKeyId {
        ApiKeyId(self.id)
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> ApiKeyHash {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&self.id).update(&self.secret);
        ApiKeyHash(hasher.finalize())
    }

    /// The whole key, to be handed to its holder once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}", hex::encode(&self.id), hex::encode(&self.secret))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id())
    }
}

/// The name of a key: no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ApiKeyId([u8; 8]);

impl ApiKeyId {
    /// Reads 16 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// What is stored of a key. Two are compared in constant time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApiKeyHash(blake3::Hash);

impl ApiKeyHash {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(|bytes| Self(blake3::Hash::from_bytes(bytes)))
    }
}

impl fmt::Display for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}
