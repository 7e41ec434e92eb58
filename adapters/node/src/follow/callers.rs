//! Who may follow: `[follow]` of the configuration, and all whose cosignatures count. The journal holds everybody's
//! transfers and the secret of the salts, so nobody else is answered.

use std::time::{SystemTime, UNIX_EPOCH};

use feiqian_proof::note::VerifierKey;
use feiqian_proof::signature::Signature;
use serde::Deserialize;

use super::request::verifies;

/// Callers at the most.
const CALLERS_MAX: usize = 256;

/// The keys of those who may ask, each under a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "FollowText")]
pub struct Callers(Vec<VerifierKey>);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FollowText {
    validators: Vec<String>,
}

impl TryFrom<FollowText> for Callers {
    type Error = String;

    fn try_from(text: FollowText) -> Result<Self, String> {
        let mut callers = Self::default();
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
        match self.0.iter().find(|known| known.name() == key.name()) {
            Some(known) if known.public() == key.public() => return Ok(()),
            Some(_) => return Err(format!("follow.validators: two keys have the name {}", key.name())),
            None => {}
        }
        if self.0.len() == CALLERS_MAX {
            return Err(format!("follow.validators: over {CALLERS_MAX} keys"));
        }
        self.0.push(key);
        Ok(())
    }

    /// Whether the request that these headers came with is one of a caller's, of now.
    pub(super) fn admit(
        &self,
        (name, time, signature): (&str, &str, &str),
        at: (&str, &str),
        body: &[u8],
    ) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (Some(caller), Ok(time), Some(signature)) = (
            self.0.iter().find(|caller| caller.name() == name),
            time.parse(),
            Signature::from_hex(signature),
        ) else {
            return false;
        };
        verifies(caller.public(), at, (time, now), body, &signature)
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
        assert_eq!(one.0.len(), 1);
        let error = read(format!("validators = [{:?}, {:?}]", key(1), key(2))).expect_err("refused");
        assert!(error.contains("two keys have the name"), "{error}");
        let error = read("validators = [\"x\"]".to_owned()).expect_err("refused");
        assert!(error.contains("follow.validators"), "{error}");
    }
}
