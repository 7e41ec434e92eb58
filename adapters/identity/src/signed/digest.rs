//! `Content-Digest` (RFC 9530): what binds a body to the headers that are signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use super::SignatureFault;
use super::fields::digests;

/// Holds a body against the header's digests: all that are known must be its, and one must be known.
///
/// # Errors
/// [`SignatureFault::Digest`], or [`SignatureFault::Header`].
pub fn check_digest(header: &str, body: &[u8]) -> Result<(), SignatureFault> {
    let mut is_known = false;
    for (algorithm, digest) in digests(header)? {
        let computed = match algorithm {
            "sha-256" => Sha256::digest(body).to_vec(),
            "sha-512" => Sha512::digest(body).to_vec(),
            _ => continue,
        };
        if computed != digest {
            return Err(SignatureFault::Digest);
        }
        is_known = true;
    }
    if is_known { Ok(()) } else { Err(SignatureFault::Digest) }
}

/// The header's value for a body.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", base64(&Sha256::digest(body)))
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
