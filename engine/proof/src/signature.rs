//! Ed25519 signatures over block headers and over commands. Source: RFC 8032.
//!
//! What is signed always begins with its purpose, so a signature for one never serves for another. Weak and
//! non-canonical keys are refused when read; verification is the strict one, which leaves one valid
//! signature form. Keys are made elsewhere: there is no randomness here.

use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::{Signer as _, VerifyingKey};

use crate::hash::Hash;
use crate::hex;

/// A secret key; its `from_bytes` takes 32 secret bytes. Wiped from memory when dropped.
pub use ed25519_dalek::SigningKey;

const HEADER_PURPOSE: &[u8] = b"feiqian block header v1\n";
const MESSAGE_PURPOSE: &[u8] = b"feiqian message v1\n";

/// A public key that passed the checks of [`PublicKey::from_bytes`]. Its text is 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// A signature, not yet verified. Its text is 128 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

/// Why bytes or a text are no usable public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// Not 64 lower-case hexadecimal digits.
    NotHex,
    /// No point of the curve, or not the one encoding of it.
    NotCanonical,
    /// A point of small order, for which anyone can sign.
    Weak,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHex => "a public key has 64 lower-case hexadecimal digits",
            Self::NotCanonical => "the public key is not the canonical form of a point on Ed25519",
            Self::Weak => "the public key has a small order: anyone could sign for it",
        })
    }
}

impl core::error::Error for KeyError {}

impl PublicKey {
    /// The public key of a secret one.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key().to_bytes())
    }

    /// Checks that 32 bytes are a key that only its owner can sign for.
    ///
    /// # Errors
    /// [`KeyError::NotCanonical`] or [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotCanonical)?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self(*bytes)) }
    }

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`KeyError`] for another text, or a key that [`Self::from_bytes`] refuses.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&hex::parse(text).ok_or(KeyError::NotHex)?)
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Signature {
    /// Reads 128 lower-case hexadecimal digits; none for any other text.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::parse(text).map(Self)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Signs the header with the digest `hash`.
#[must_use]
pub fn sign_header(key: &SigningKey, hash: &Hash) -> Signature {
    Signature(key.sign(&header_message(hash)).to_bytes())
}

/// Whether `key` signed the header with the digest `hash`.
#[must_use]
pub fn verify_header(key: &PublicKey, hash: &Hash, signature: &Signature) -> bool {
    key.verifies(&header_message(hash), signature)
}

/// Signs `bytes` for the purpose `context`, such as the approval of a command.
#[must_use]
pub fn sign_message(key: &SigningKey, context: &str, bytes: &[u8]) -> Signature {
    Signature(key.sign(&message(context, bytes)).to_bytes())
}

/// Whether `key` signed `bytes` for the purpose `context`.
#[must_use]
pub fn verify_message(key: &PublicKey, context: &str, bytes: &[u8], signature: &Signature) -> bool {
    key.verifies(&message(context, bytes), signature)
}

fn header_message(hash: &Hash) -> [u8; 56] {
    let mut message = [0; 56];
    let (purpose, digest) = message.split_at_mut(HEADER_PURPOSE.len());
    purpose.copy_from_slice(HEADER_PURPOSE);
    digest.copy_from_slice(&hash.0);
    message
}

/// What is signed of `bytes` for the purpose `context`: for those who sign elsewhere.
///
/// The context's length stands before it, so that no context runs on into the bytes.
#[must_use]
pub fn message(context: &str, bytes: &[u8]) -> Vec<u8> {
    let length = (context.len() as u64).to_le_bytes();
    [MESSAGE_PURPOSE, &length, context.as_bytes(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{Domain, keyed};
    use std::string::ToString;

    #[test]
    fn a_signature_serves_its_key_hash_and_purpose_alone() {
        let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let (public, hash) = (PublicKey::of(&key), keyed(Domain::Header, b"a"));
        let signature = sign_header(&key, &hash);
        assert!(verify_header(&public, &hash, &signature));
        assert!(!verify_header(&PublicKey::of(&other), &hash, &signature));
        assert!(!verify_header(&public, &keyed(Domain::Header, b"b"), &signature));
        assert!(!verify_message(&public, "feiqian block header v1\n", &hash.0, &signature));
        for bit in 0..512 {
            let mut bad = signature;
            bad.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify_header(&public, &hash, &bad), "bit {bit}");
        }
    }

    #[test]
    fn a_context_does_not_run_on_into_the_bytes() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let signature = sign_message(&key, "limit", b"s: 5");
        let public = PublicKey::of(&key);
        assert!(verify_message(&public, "limit", b"s: 5", &signature));
        assert!(!verify_message(&public, "limits", b": 5", &signature));
        assert!(!verify_message(&public, "limi", b"ts: 5", &signature));
        assert!(!verify_message(&public, "", b"limits: 5", &signature));
    }

    #[test]
    fn a_signature_with_the_group_order_added_is_refused() {
        // s + L is the same scalar: the classical way to a second valid signature.
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let key = SigningKey::from_bytes(&[3; 32]);
        let hash = keyed(Domain::Header, b"a");
        let mut signature = sign_header(&key, &hash);
        let mut carry = 0;
        for (byte, order) in signature.0[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert!(!verify_header(&PublicKey::of(&key), &hash, &signature));
    }

    /// The owner of key [1; 32] made it with R = the identity: lenient verifiers accept it, others don't.
    #[test]
    fn a_signature_that_verifiers_could_disagree_on_is_refused() {
        let text = concat!(
            "0100000000000000000000000000000000000000000000000000000000000000",
            "2893308a36871b3fdc9d35176f2b397f1021546eb8a82c78ea9ad7ecbdbd4905"
        );
        let signature = Signature::from_hex(text).expect("a signature");
        let (key, hash) = (SigningKey::from_bytes(&[1; 32]).verifying_key(), keyed(Domain::Header, b"a"));
        let lenient = ed25519_dalek::Signature::from_bytes(&signature.0);
        assert!(ed25519_dalek::Verifier::verify(&key, &header_message(&hash), &lenient).is_ok());
        assert!(!verify_header(&PublicKey(key.to_bytes()), &hash, &signature));
    }

    #[test]
    fn weak_and_non_canonical_keys_are_refused() {
        let hex = |text: &str| hex::parse::<32>(text).expect("hex");
        // The small-order points of Ed25519 and encodings of y at or above 2^255 - 19.
        let rows = [
            ("0100000000000000000000000000000000000000000000000000000000000000", KeyError::Weak),
            ("0000000000000000000000000000000000000000000000000000000000000000", KeyError::Weak),
            ("0000000000000000000000000000000000000000000000000000000000000080", KeyError::Weak),
            ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", KeyError::Weak),
            ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", KeyError::Weak),
            ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", KeyError::Weak),
            ("0100000000000000000000000000000000000000000000000000000000000080", KeyError::NotCanonical),
            ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", KeyError::NotCanonical),
            ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", KeyError::NotCanonical),
            ("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", KeyError::NotCanonical),
            ("0200000000000000000000000000000000000000000000000000000000000000", KeyError::NotCanonical),
        ];
        for (text, error) in rows {
            assert_eq!(PublicKey::from_bytes(&hex(text)), Err(error), "{text}");
        }
    }

    #[test]
    fn the_text_of_a_key_round_trips() {
        let public = PublicKey::of(&SigningKey::from_bytes(&[4; 32]));
        let text = public.to_string();
        assert_eq!(PublicKey::parse(&text), Ok(public));
        assert_eq!(PublicKey::parse(&text[1..]), Err(KeyError::NotHex));
        assert_eq!(PublicKey::parse(&text.to_uppercase()), Err(KeyError::NotHex));
    }
}
