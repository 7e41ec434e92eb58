//! What a registered webhook's requests are authenticated by beside the operator's signature: HMAC-SHA256 as Standard Webhooks
//! has it (standardwebhooks.com, "v1"), for which receivers' languages have libraries. The secret follows from the operator's
//! key and the webhook's own salt, so it is kept nowhere; it is told once, to whoever registers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feiqian_proof::signature::SigningKey;
use ring::hmac;

/// Domain of the secrets.
const CONTEXT: &str = "feiqian 2026-11-28 secret of a registered webhook";
/// What begins a secret as text.
const PREFIX: &str = "whsec_";
/// Bytes of a webhook's salt.
pub(super) const SALT_BYTES: usize = 16;

/// A webhook's secret. Never shown but by [`Secret::text`].
#[derive(Clone)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// Of the webhook with this salt.
    pub(super) fn of(key: &SigningKey, salt: &[u8; SALT_BYTES]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&key.to_bytes()).update(salt);
        Self(*hasher.finalize().as_bytes())
    }

    /// As receivers' libraries take it.
    pub(super) fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }

    /// The value of `webhook-signature`, over id, seconds since 1970, and body.
    pub(super) fn sign(&self, (id, now_s): (&str, u64), body: &[u8]) -> String {
        authenticate(&self.0, &format!("{id}.{now_s}."), body)
    }
}

fn authenticate(secret: &[u8], head: &str, body: &[u8]) -> String {
    let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    signing.update(head.as_bytes());
    signing.update(body);
    format!("v1,{}", STANDARD.encode(signing.sign()))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let head = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.";
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(authenticate(&bytes, head, b"{\"test\": 2432232314}"), expected);
    }

    #[test]
    fn a_secret_is_of_one_webhook_and_not_shown() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let (one, other) = (Secret::of(&key, &[1; SALT_BYTES]), Secret::of(&key, &[2; SALT_BYTES]));
        assert_ne!(one.text(), other.text());
        assert!(one.text().starts_with("whsec_") && one.text().len() == 50);
        assert_eq!(format!("{one:?}"), "Secret");
        let signature = one.sign(("a.b.1-2", 1_700_000_000), b"{}");
        assert!(signature.starts_with("v1,") && signature != other.sign(("a.b.1-2", 1_700_000_000), b"{}"));
    }
}
