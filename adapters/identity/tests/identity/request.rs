//! A request to show, and a house that knows some callers.

use ed25519_dalek::SigningKey;
use feiqian_identity::api_key::ApiKey;
use feiqian_identity::{Caller, Identities, Presented, Unidentified};

/// The clock of these tests.
pub(crate) const NOW_S: u64 = 1_800_000_000;

/// TEST KEY. Never for money.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(b"TEST KEY: bank A signs requests.")
}

/// TEST KEY. Never for money.
pub(crate) fn api_key() -> ApiKey {
    ApiKey::new(*b"TEST KEY", *b"TEST KEY: bank A, API, not real.")
}

pub(crate) fn register() -> String {
    let public: String =
        signing_key().verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let (id, hash) = (api_key().id(), api_key().hash());
    format!(
        r#"
        authorities = ["house.example"]
        [[caller]]
        name = "bank-a"
        participant = "AAAADEFFXXX"
        roles = ["submitter", "viewer"]
        [[caller.signing_key]]
        id = "bank-a-1"
        public_key = "{public}"
        [[caller.certificate]]
        san = "core.bank-a.example"
        [[caller.api_key]]
        id = "{id}"
        hash = "{hash}"
        roles = ["viewer"]
        expires = 2027-06-30T00:00:00Z
        [[caller]]
        name = "bank-b"
        participant = "BBBBFRPPXXX"
        roles = ["submitter", "viewer"]
        [[caller.certificate]]
        san = "core.bank-b.example"
        "#
    )
}

pub(crate) fn house() -> Identities {
    Identities::parse(&register(), NOW_S - 1_000).unwrap()
}

/// A request whose parts a test may change.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Sent {
    pub(crate) fn post() -> Self {
        Self {
            method: "POST".to_owned(),
            authority: "house.example:8443".to_owned(),
            path: "/v1/transfers".to_owned(),
            query: None,
            headers: Vec::new(),
            body: br#"{"amount":"1.00"}"#.to_vec(),
            certificate: None,
        }
    }

    pub(crate) fn with<T>(&self, run: impl FnOnce(&Presented<'_>) -> T) -> T {
        let header = |name: &str| {
            let found = self.headers.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_bytes())
        };
        run(&Presented {
            method: &self.method,
            scheme: "https",
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &header,
            body: &self.body,
            certificate: self.certificate.as_deref(),
        })
    }

    pub(crate) fn identify(&self, house: &Identities) -> Result<Caller, Unidentified> {
        self.with(|shown| house.identify(shown, NOW_S))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signed by bank A.
    pub(crate) fn signed(mut self, nonce: &str, created_s: u64) -> Self {
        let headers = self.with(|shown| {
            feiqian_identity::signed::sign(shown, &signing_key(), ("bank-a-1", nonce, created_s))
        });
        self.headers.extend(headers.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }
}
