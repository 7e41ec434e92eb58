//! What the operator signs about frames that it serves: the last one of an answer, by its sequence and hash, and so, by the
//! chain of hashes, all before it. Without that, nobody could show afterwards what was served.

use feiqian_core::frame::Head;
use feiqian_proof::Hash;
use feiqian_proof::signature::{Signature, SigningKey, sign_message, verify_message};

use crate::identity::Identity;

/// What is signed is bound to this purpose.
const CONTEXT: &str = "feiqian served frames v1";

/// The last frame of an answer, signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Its last sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
    /// The operator's.
    pub signature: Signature,
}

/// Signs the head behind an answer's last frame.
#[must_use]
pub fn sign_served(key: &SigningKey, head: &Head) -> Signature {
    sign_message(key, CONTEXT, &signed_bytes(&head.chain_id, head.sequence, &head.hash))
}

impl Statement {
    /// Whether the operator has signed it for its chain.
    #[must_use]
    pub fn verifies(&self, identity: &Identity) -> bool {
        let bytes = signed_bytes(&identity.chain_id, self.sequence, &self.hash);
        verify_message(&identity.operator, CONTEXT, &bytes, &self.signature)
    }
}

fn signed_bytes(chain_id: &[u8; 16], sequence: u64, hash: &Hash) -> Vec<u8> {
    [&chain_id[..], &sequence.to_le_bytes(), &hash.0].concat()
}
