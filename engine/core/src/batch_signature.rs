//! What a participant signs when it signs a batch: the chain, its own number of the batch, and a digest of the
//! records. Whoever holds the journal can verify it, for all of that stands in the frame.
//!
//! The digest is BLAKE3's, so that a full batch of 1 MiB is hashed in SIMD lanes; Ed25519 then signs 64 bytes.

use feiqian_proof::hash::{Domain, keyed};
use feiqian_proof::signature::{PublicKey, Signature, SigningKey, sign_message, verify_message};
use zerocopy::IntoBytes as _;

use crate::transfer::Record;

/// What participants sign is bound to this purpose.
pub use feiqian_proof::kinds::BATCH_CONTEXT;

/// `chain id 16 ‖ batch id 16 ‖ digest of the records' bytes 32`.
#[must_use]
pub fn signed_bytes(chain_id: &[u8; 16], batch_id: u128, records: &[Record]) -> [u8; 64] {
    let mut bytes = [0; 64];
    let (chain, rest) = bytes.split_at_mut(16);
    let (id, digest) = rest.split_at_mut(16);
    chain.copy_from_slice(chain_id);
    id.copy_from_slice(&batch_id.to_le_bytes());
    digest.copy_from_slice(&keyed(Domain::Batch, records.as_bytes()).0);
    bytes
}

/// Signs a batch.
#[must_use]
pub fn sign_batch(key: &SigningKey, chain_id: &[u8; 16], batch_id: u128, records: &[Record]) -> Signature {
    sign_message(key, BATCH_CONTEXT, &signed_bytes(chain_id, batch_id, records))
}

/// Whether `key` signed this batch for this chain under this number.
#[must_use]
pub fn verify_batch(
    key: &PublicKey,
    (chain_id, batch_id): (&[u8; 16], u128),
    records: &[Record],
    signature: &Signature,
) -> bool {
    verify_message(key, BATCH_CONTEXT, &signed_bytes(chain_id, batch_id, records), signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_serves_its_chain_number_and_records_alone() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let (public, records) = (PublicKey::of(&key), [Record::new(1, 2, 3, 4, 978), Record::new_zeroed()]);
        let signature = sign_batch(&key, &[1; 16], 7, &records);
        assert!(verify_batch(&public, (&[1; 16], 7), &records, &signature));
        assert!(!verify_batch(&public, (&[2; 16], 7), &records, &signature));
        assert!(!verify_batch(&public, (&[1; 16], 8), &records, &signature));
        assert!(!verify_batch(&public, (&[1; 16], 7), &records[..1], &signature));
        let other = PublicKey::of(&SigningKey::from_bytes(&[4; 32]));
        assert!(!verify_batch(&other, (&[1; 16], 7), &records, &signature));
    }
}
