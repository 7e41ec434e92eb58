//! What a login signs: the chain, the connection's challenge and the BIC. A signature serves one connection.

use feiqian_core::bic::Bic;
use feiqian_proof::signature::{PublicKey, Signature, SigningKey, sign_message, verify_message};

use crate::layout::{HelloBody, LoginBody};

/// What logins sign is bound to this purpose.
pub const LOGIN_CONTEXT: &str = "feiqian wire login v1";

/// `chain id 16 ‖ challenge 32 ‖ BIC 11`.
fn signed_bytes(hello: &HelloBody, bic: Bic) -> [u8; 59] {
    let mut bytes = [0; 59];
    bytes[..16].copy_from_slice(&hello.chain_id);
    bytes[16..48].copy_from_slice(&hello.challenge);
    bytes[48..].copy_from_slice(bic.as_bytes());
    bytes
}

/// The answer to a server's challenge.
#[must_use]
pub fn answer(hello: &HelloBody, bic: Bic, key: &SigningKey) -> LoginBody {
    let Signature(signature) = sign_message(key, LOGIN_CONTEXT, &signed_bytes(hello, bic));
    LoginBody { bic: *bic.as_bytes(), zeros: [0; 5], signature }
}

/// Whether `login` answers the challenge in `hello` with the key of the participant `bic`.
#[must_use]
pub fn verify(hello: &HelloBody, bic: Bic, key: &PublicKey, login: &LoginBody) -> bool {
    verify_message(key, LOGIN_CONTEXT, &signed_bytes(hello, bic), &Signature(login.signature))
}
