//! Signed requests: four headers that say who asks whom, when, and that it is he. Source: this project's own; README.md.
//!
//! Whom: host and port of the source as the caller knows it. Another host that it asks can't pass the request on.
//!
//! A request is good for a minute around its time. Repeated within it, a question gives whoever can read the answers
//! nothing new, and what is handed in is taken once; the connection itself is not encrypted here.

use feiqian_proof::signature::{PublicKey, Signature, SigningKey, sign_message, verify_message};

/// Names the source, as the caller knows it: host and port.
pub(super) const AUDIENCE_HEADER: &str = "feiqian-audience";
/// Names the caller.
pub(super) const NAME_HEADER: &str = "feiqian-name";
/// Seconds since 1970.
pub(super) const TIME_HEADER: &str = "feiqian-time";
/// 128 lower-case hexadecimal digits.
pub(super) const SIGNATURE_HEADER: &str = "feiqian-signature";
/// What callers sign is bound to this purpose.
const CONTEXT: &str = "feiqian follow request v2";
/// Seconds that the clocks of both sides may differ.
pub(super) const CLOCK_SECONDS_MAX: u64 = 60;

/// What is asked, and whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Host and port of the source.
    pub(super) audience: &'a str,
    /// GET or POST.
    pub(super) method: &'a str,
    /// With its query.
    pub(super) path: &'a str,
}

/// Source, method, path with its query, time and body, as they are signed.
fn signed_bytes(asked: Asked<'_>, time: u64, body: &[u8]) -> Vec<u8> {
    let Asked { audience, method, path } = asked;
    [format!("{audience}\n{method}\n{path}\n{time}\n").as_bytes(), body].concat()
}

pub(super) fn sign(key: &SigningKey, asked: Asked<'_>, time: u64, body: &[u8]) -> Signature {
    sign_message(key, CONTEXT, &signed_bytes(asked, time, body))
}

pub(super) fn verifies(
    key: &PublicKey,
    asked: Asked<'_>,
    (time, now): (u64, u64),
    body: &[u8],
    signature: &Signature,
) -> bool {
    time.abs_diff(now) <= CLOCK_SECONDS_MAX
        && verify_message(key, CONTEXT, &signed_bytes(asked, time, body), signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_good_for_its_caller_path_body_and_minute_alone() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::of(&key);
        let at = Asked { audience: "a.example:80", method: "GET", path: "/follow/v1/blocks/1" };
        let signature = sign(&key, at, 1_000, b"body");
        let good = |at, times, body: &[u8], key: &PublicKey| verifies(key, at, times, body, &signature);
        assert!(good(at, (1_000, 1_060), b"body", &public));
        assert!(good(at, (1_000, 940), b"body", &public));
        assert!(!good(at, (1_000, 1_061), b"body", &public));
        assert!(!good(at, (1_001, 1_001), b"body", &public));
        assert!(!good(at, (1_000, 1_000), b"bodY", &public));
        for other in [
            Asked { method: "POST", ..at },
            Asked { path: "/follow/v1/blocks/2", ..at },
            Asked { audience: "b.example:80", ..at },
        ] {
            assert!(!good(other, (1_000, 1_000), b"body", &public));
        }
        let stranger = PublicKey::of(&SigningKey::from_bytes(&[8; 32]));
        assert!(!good(at, (1_000, 1_000), b"body", &stranger));
    }
}
