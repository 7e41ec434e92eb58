//! Who may follow: `[follow]` of the configuration, and all whose cosignatures count. The journal holds everybody's
//! transfers and the secret of the salts, so nobody else is answered.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use feiqian_proof::note::VerifierKey;
use feiqian_proof::signature::Signature;
use serde::Deserialize;

use super::request::{Asked, verifies};

/// Callers at the most.
const CALLERS_MAX: usize = 256;

/// Addresses at the most under which a source is known.
const ADDRESSES_MAX: usize = 64;

/// The keys of those who may ask, each under a name of its own, and the addresses that they know the source by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "FollowText")]
pub struct Callers {
    keys: Vec<VerifierKey>,
    /// Host and port, lower case, beside those that it listens on.
    addresses: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FollowText {
    validators: Vec<String>,
    addresses: Vec<String>,
}

impl TryFrom<FollowText> for Callers {
    type Error = String;

    fn try_from(text: FollowText) -> Result<Self, String> {
        let has_port = |address: &String| {
            address
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if text.addresses.len() > ADDRESSES_MAX || !text.addresses.iter().all(has_port) {
            return Err(format!("follow.addresses: at most {ADDRESSES_MAX}, each HOST:PORT"));
        }
        let addresses = text.addresses.iter().map(|address| address.to_ascii_lowercase()).collect();
        let mut callers = Self { keys: Vec::new(), addresses };
        for key in text.validators {
            let read = VerifierKey::parse(&key);
            callers.add(read.map_err(|error| format!("follow.validators: {key:?}: {error}"))?)?;
        }
        Ok(callers)
    }
}

impl Callers {
    /// Adds a key.
    ///
    /// # Errors
    /// A name that is another key's, or one too many.
    pub fn add(&mut self, key: VerifierKey) -> Result<(), String> {
        match self.keys.iter().find(|known| known.name() == key.name()) {
            Some(known) if known.public() == key.public() => return Ok(()),
            Some(_) => return Err(format!("follow.validators: two keys have the name {}", key.name())),
            None => {}
        }
        if self.keys.len() == CALLERS_MAX {
            return Err(format!("follow.validators: over {CALLERS_MAX} keys"));
        }
        self.keys.push(key);
        Ok(())
    }

    /// Whether requests that are signed for this host and port are meant for the source that has been asked at `local`.
    pub(super) fn is_own(&self, audience: &str, local: SocketAddr) -> bool {
        let loopback = ["127.0.0.1", "localhost", "[::1]"];
        let is_loopback = || loopback.iter().any(|host| audience == format!("{host}:{}", local.port()));
        self.addresses.iter().any(|address| address == audience)
            || audience == local.to_string()
            || (local.ip().is_loopback() && is_loopback())
    }

    /// Whether the request that these headers came with is one of a caller's, of now.
    pub(super) fn admit(
        &self,
        (name, time, signature): (&str, &str, &str),
        asked: Asked<'_>,
        body: &[u8],
    ) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (Some(caller), Ok(time), Some(signature)) = (
            self.keys.iter().find(|caller| caller.name() == name),
            time.parse(),
            Signature::from_hex(signature),
        ) else {
            return false;
        };
        verifies(caller.public(), asked, (time, now), body, &signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_proof::cosignature::witness_key;
    use feiqian_proof::signature::{PublicKey, SigningKey};

    fn key(number: u8) -> String {
        let public = PublicKey::of(&SigningKey::from_bytes(&[number; 32]));
        witness_key("bank.example/v", public).expect("a name").to_string()
    }

    #[test]
    fn validators_are_read_and_a_name_is_one_keys() {
        let read = |text: String| toml::from_str::<Callers>(&text).map_err(|error| error.to_string());
        assert_eq!(read(String::new()), Ok(Callers::default()));
        let one = read(format!("validators = [{:?}, {:?}]", key(1), key(1))).expect("twice the same");
        assert_eq!(one.keys.len(), 1);
        let error = read(format!("validators = [{:?}, {:?}]", key(1), key(2))).expect_err("refused");
        assert!(error.contains("two keys have the name"), "{error}");
        let error = read("validators = [\"x\"]".to_owned()).expect_err("refused");
        assert!(error.contains("follow.validators"), "{error}");
    }

    #[test]
    fn a_request_is_for_who_listens_there_or_is_known_by_that_address() {
        let read = |text: &str| toml::from_str::<Callers>(text).map_err(|error| error.to_string());
        let callers = read("addresses = [\"Clearing.example:443\"]").expect("an address");
        let here = SocketAddr::from(([127, 0, 0, 1], 9_470));
        for own in ["127.0.0.1:9470", "localhost:9470", "[::1]:9470", "clearing.example:443"] {
            assert!(callers.is_own(own, here), "{own}");
        }
        for other in ["127.0.0.1:9471", "evil.example:9470", "clearing.example:80", ""] {
            assert!(!callers.is_own(other, here), "{other}");
        }
        assert!(!callers.is_own("localhost:9470", SocketAddr::from(([192, 0, 2, 1], 9_470))));
        for text in ["addresses = [\"clearing.example\"]", "addresses = [\":80\"]"] {
            assert!(read(text).expect_err("refused").contains("follow.addresses"), "{text}");
        }
    }
}
