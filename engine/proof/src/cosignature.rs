//! Cosignatures: a witness's word that a checkpoint is the largest of its log that it saw, and consistent with all
//! before. Source: c2sp.org/tlog-cosignature, the Ed25519 form.
//!
//! Whoever cosigns has checked first: see [`witness`](crate::witness). The time is the caller's.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::Signer as _;

use crate::note::{KeyKind, NoteSignature, VerifierKey, VerifierKeyError};
use crate::signature::{PublicKey, Signature, SigningKey};

/// The latest time that a cosignature can bear, seconds since 1970-01-01 UTC.
pub const TIME_MAX: u64 = i64::MAX as u64;

/// The key that a witness of this name cosigns with.
///
/// # Errors
/// [`VerifierKeyError::Name`].
pub fn witness_key(name: &str, witness: PublicKey) -> Result<VerifierKey, VerifierKeyError> {
    VerifierKey::new(name, KeyKind::Cosignature, witness)
}

/// Cosigns a checkpoint's text at a time, seconds since 1970-01-01 UTC; later ones than [`TIME_MAX`] count as that.
///
/// # Errors
/// [`VerifierKeyError::Name`] for a name that can't be a key's.
pub fn cosign(
    key: &SigningKey,
    name: &str,
    time: u64,
    checkpoint: &str,
) -> Result<NoteSignature, VerifierKeyError> {
    let verifier = witness_key(name, PublicKey::of(key))?;
    let time = time.min(TIME_MAX);
    let signature = key.sign(message(time, checkpoint).as_bytes()).to_bytes();
    Ok(verifier.line([time.to_be_bytes().as_slice(), &signature].concat()))
}

/// The time that stands in a line which bears this key's name and id, if the key made it over this text.
#[must_use]
pub fn time_of(key: &VerifierKey, checkpoint: &str, line: &NoteSignature) -> Option<u64> {
    let (time, signature) = line.bytes.split_first_chunk::<8>()?;
    let (time, signature) = (u64::from_be_bytes(*time), Signature(signature.try_into().ok()?));
    let is_its = key.kind() == KeyKind::Cosignature && key.is_named_by(line);
    (is_its && signed_by(key.public(), time, checkpoint, &signature)).then_some(time)
}

/// Whether a key cosigned the checkpoint's text at a time that a cosignature can bear.
pub(crate) fn signed_by(key: &PublicKey, time: u64, checkpoint: &str, signature: &Signature) -> bool {
    time <= TIME_MAX && key.verifies(message(time, checkpoint).as_bytes(), signature)
}

/// What is signed.
fn message(time: u64, checkpoint: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{checkpoint}")
}

/// The lines as they stand under a checkpoint, or in a witness's answer.
#[must_use]
pub fn lines_of(signatures: &[NoteSignature]) -> String {
    signatures.iter().map(|signature| format!("{signature}\n")).collect::<Vec<_>>().concat()
}
