//! HTTP message signatures (RFC 9421) with Ed25519 over requests: what must be covered, for how long one is good, and that
//! each is taken once.
//!
//! ```text
//!  Signature-Input: sig1=("@method" "@target-uri" "content-digest");created=…;keyid="…";nonce="…"
//!  Signature:       sig1=:base64:
//!  Content-Digest:  sha-256=:base64:                                    (RFC 9530, for a request with a body)
//! ```
//!
//! Not taken: components with parameters (`;sf`, `;bs`, `;req` …), trailers, other algorithms.

mod base;
mod digest;
mod fields;
mod nonces;

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};

pub use base::base;
pub use digest::{check_digest, content_digest};
pub use fields::{Input, inputs};
pub(crate) use nonces::Nonces;

use crate::caller::Presented;
use crate::limits::{CLOCK_AHEAD_S_MAX, SIGNATURE_AGE_S_MAX, SIGNATURE_HEADER_BYTES_MAX};

/// Why a signature does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureFault {
    /// A header of RFC 9421 or 9530 is not of their form, or over a bound.
    #[error("{header}: {what}, at byte {at}")]
    Header {
        /// Which, in lower case.
        header: &'static str,
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// One of the two headers stands without the other, or they name other signatures.
    #[error("Signature and Signature-Input do not name the same signatures")]
    Unpaired,
    /// A covered component is not in the request, or none that can be covered here.
    #[error("the signature covers {0:?}, which the request has not, or which is not taken here")]
    Component(String),
    /// Something that must be covered is not.
    #[error("the signature does not cover {0}")]
    NotCovered(&'static str),
    /// A parameter is missing, or has another value than is taken.
    #[error("the signature's parameter {0}")]
    Parameter(&'static str),
    /// The body is another.
    #[error("Content-Digest is not the body's")]
    Digest,
    /// Nobody has a key of this name.
    #[error("no signature is of a key that is known")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature is not that of its key over this request")]
    Wrong,
    /// It was made for another house.
    #[error("the signature is for a host that is none of this house's")]
    Authority,
    /// It was made too long ago, in the future, or before what is remembered began.
    #[error(
        "the signature was made too long ago, or in the future: sign again, by a clock that is right; after a start of the server a few seconds later"
    )]
    Window,
    /// It was seen before.
    #[error("the signature's nonce was used before")]
    Replayed,
    /// So many were seen that no more can be remembered.
    #[error("too many signed requests in a minute")]
    Full,
}

/// The signatures of a request, in the order of their header.
#[derive(Debug)]
pub(crate) struct Signed<'a>(Vec<One<'a>>);

/// One of them.
#[derive(Debug)]
pub(crate) struct One<'a> {
    input: Input<'a>,
    signature: [u8; 64],
}

impl<'a> Signed<'a> {
    /// What the request shows; none where it has neither header.
    pub(crate) fn shown(shown: &Presented<'a>) -> Result<Option<Self>, SignatureFault> {
        let header = |name| text(name, shown.header(name));
        let (inputs_text, signatures_text) = match (header("signature-input")?, header("signature")?) {
            (None, None) => return Ok(None),
            (Some(inputs), Some(signatures)) => (inputs, signatures),
            _ => return Err(SignatureFault::Unpaired),
        };
        let signatures = fields::signatures(signatures_text)?;
        let pair = |input: Input<'a>| {
            let found = signatures.iter().find(|(label, _)| *label == input.label);
            found.map(|(_, signature)| One { input, signature: *signature }).ok_or(SignatureFault::Unpaired)
        };
        inputs(inputs_text)?.into_iter().map(pair).collect::<Result<_, _>>().map(|all| Some(Self(all)))
    }

    /// The first whose key is known.
    pub(crate) fn of_known_key<K>(&self, known: impl Fn(&str) -> Option<K>) -> Option<(&One<'a>, K)> {
        self.0.iter().find_map(|one| known(one.key_id()).map(|key| (one, key)))
    }
}

impl One<'_> {
    pub(crate) fn key_id(&self) -> &str {
        self.input.text("keyid").unwrap_or_default()
    }

    pub(crate) fn nonce(&self) -> &str {
        self.input.text("nonce").unwrap_or_default()
    }

    pub(crate) fn created(&self) -> u64 {
        self.input.integer("created").and_then(|created| u64::try_from(created).ok()).unwrap_or(0)
    }

    /// Whether it is the key's, over all that matters of this request, and made just now. Not whether it was seen before.
    pub(crate) fn check(
        &self,
        shown: &Presented<'_>,
        key: &VerifyingKey,
        now_s: u64,
    ) -> Result<(), SignatureFault> {
        self.check_parameters(now_s)?;
        self.check_coverage(shown)?;
        let base = base(&self.input, shown)?;
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(base.as_bytes(), &signature).map_err(|_| SignatureFault::Wrong)?;
        match text("content-digest", shown.header("content-digest"))? {
            Some(digests) => check_digest(digests, shown.body),
            None => Ok(()),
        }
    }

    fn check_parameters(&self, now_s: u64) -> Result<(), SignatureFault> {
        if self.input.has("alg") && self.input.text("alg") != Some("ed25519") {
            return Err(SignatureFault::Parameter("alg is ed25519 or not there"));
        }
        if self.nonce().is_empty() {
            return Err(SignatureFault::Parameter("nonce is missing"));
        }
        if self.created() == 0 {
            return Err(SignatureFault::Parameter("created is missing"));
        }
        let expires = self.input.integer("expires");
        if self.input.has("expires") && expires.and_then(|at| u64::try_from(at).ok()).is_none() {
            return Err(SignatureFault::Parameter("expires is a time"));
        }
        let is_over = expires.is_some_and(|at| u64::try_from(at).is_ok_and(|at| now_s > at));
        let age_is_right = self.created() <= now_s.saturating_add(CLOCK_AHEAD_S_MAX)
            && now_s <= self.created().saturating_add(SIGNATURE_AGE_S_MAX);
        if is_over || !age_is_right { Err(SignatureFault::Window) } else { Ok(()) }
    }

    fn check_coverage(&self, shown: &Presented<'_>) -> Result<(), SignatureFault> {
        let covers = |name: &str| self.input.components.iter().any(|component| component == name);
        if !covers("@method") {
            return Err(SignatureFault::NotCovered("@method"));
        }
        let by_parts = covers("@authority") && covers("@path") && (shown.query.is_none() || covers("@query"));
        if !covers("@target-uri") && !by_parts {
            return Err(SignatureFault::NotCovered("@target-uri, or @authority with @path and @query"));
        }
        if !shown.body.is_empty() && !covers("content-digest") {
            return Err(SignatureFault::NotCovered("content-digest"));
        }
        Ok(())
    }
}

/// A header as text, within its bound.
fn text<'a>(header: &'static str, value: Option<&'a [u8]>) -> Result<Option<&'a str>, SignatureFault> {
    let Some(value) = value else { return Ok(None) };
    if value.len() > SIGNATURE_HEADER_BYTES_MAX {
        return Err(SignatureFault::Header {
            header,
            what: "over 4,096 bytes",
            at: SIGNATURE_HEADER_BYTES_MAX,
        });
    }
    let at = |error: std::str::Utf8Error| error.valid_up_to();
    std::str::from_utf8(value).map(Some).map_err(|error| SignatureFault::Header {
        header,
        what: "no text",
        at: at(error),
    })
}

/// The headers that sign a request: `Content-Digest` where it has a body, `Signature-Input`, `Signature`.
#[must_use]
pub fn sign(shown: &Presented<'_>, key: &SigningKey, of: (&str, &str, u64)) -> Vec<(&'static str, String)> {
    sign_covering(shown, &[], key, of)
}

/// As [`sign`], and other headers of the request are covered too, which must be there: names in lower case.
#[must_use]
pub fn sign_covering(
    shown: &Presented<'_>,
    others: &[&str],
    key: &SigningKey,
    (key_id, nonce, created_s): (&str, &str, u64),
) -> Vec<(&'static str, String)> {
    use ed25519_dalek::Signer as _;
    let digest = (!shown.body.is_empty()).then(|| content_digest(shown.body));
    let mut covered = vec!["@method", "@target-uri"];
    covered.extend(digest.is_some().then_some("content-digest"));
    covered.extend(others);
    let covered: Vec<_> = covered.iter().map(|name| format!("\"{name}\"")).collect();
    let parameters = format!(
        r#"({});created={created_s};keyid="{key_id}";nonce="{nonce}";alg="ed25519""#,
        covered.join(" ")
    );
    let input_text = format!("sig1={parameters}");
    let mut headers: Vec<(&'static str, String)> =
        digest.map(|text| ("content-digest", text)).into_iter().collect();
    let own = |name: &str| match headers.iter().find(|(own, _)| *own == name) {
        Some((_, value)) => Some(value.as_bytes()),
        None => shown.header(name),
    };
    let signed = Presented { headers: &own, ..*shown };
    // The text above is of the form, and covers what is there.
    let base =
        inputs(&input_text).ok().and_then(|inputs| base(inputs.first()?, &signed).ok()).unwrap_or_default();
    let signature = digest::base64(&key.sign(base.as_bytes()).to_bytes());
    headers.push(("signature-input", input_text));
    headers.push(("signature", format!("sig1=:{signature}:")));
    headers
}
