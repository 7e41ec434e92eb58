//! `[witnesses]` of the configuration, and the same text in a file of its own: whose cosignatures make a block
//! WITNESSED. Read once; a policy that can't be met or counts a key twice is refused with the reason.

use std::collections::BTreeMap;
use std::path::Path;

use feiqian_proof::note::VerifierKey;
use feiqian_proof::policy::{WitnessGroups, WitnessPolicy};
use serde::Deserialize;

use crate::fault::Fault;

/// The policy with its keys; none: no block is ever WITNESSED.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WitnessText")]
pub struct WitnessConfig(pub Option<WitnessPolicy>);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WitnessText {
    policy: String,
    groups: BTreeMap<String, Vec<String>>,
}

impl TryFrom<WitnessText> for WitnessConfig {
    type Error = String;

    fn try_from(text: WitnessText) -> Result<Self, String> {
        let mut groups = WitnessGroups::new();
        for (group, keys) in text.groups {
            let read =
                |key: &String| VerifierKey::parse(key).map_err(|error| format!("{group}: {key:?}: {error}"));
            let keys = keys.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            groups.insert(group, keys);
        }
        if text.policy.is_empty() && groups.is_empty() {
            return Ok(Self(None));
        }
        let policy = WitnessPolicy::parse(&text.policy, &groups);
        policy.map(|policy| Self(Some(policy))).map_err(|error| format!("witnesses.policy: {error}"))
    }
}

/// Reads a file that holds what `[witnesses]` does, without that heading.
///
/// # Errors
/// [`Fault::Usage`] for another content, or none of a policy; [`Fault::File`].
pub fn read_policy(path: &Path) -> Result<WitnessPolicy, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| Fault::file(path, "read the policy", &error))?;
    let usage = |what: &dyn std::fmt::Display| Fault::Usage(format!("{}: {what}", path.display()));
    let config: WitnessConfig =
        toml::from_str(&text).map_err(|error| usage(&error.to_string().trim_end()))?;
    config.0.ok_or_else(|| usage(&"names no policy: `policy = \"banks 2 of 3\"` and `[groups]`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_proof::cosignature::witness_key;
    use feiqian_proof::signature::{PublicKey, SigningKey};

    fn key(number: u8) -> String {
        let public = PublicKey::of(&SigningKey::from_bytes(&[number; 32]));
        witness_key("bank.example/w", public).expect("a name").to_string()
    }

    #[test]
    fn a_policy_is_read_with_its_keys_and_a_wrong_one_says_what_is_wrong() {
        let read = |text: &str| toml::from_str::<WitnessConfig>(text).map_err(|error| error.to_string());
        assert_eq!(read(""), Ok(WitnessConfig(None)));
        let good = format!("policy = \"banks 1 of 1\"\n[groups]\nbanks = [{:?}]\n", key(1));
        let policy = read(&good).expect("read").0.expect("a policy");
        assert_eq!(policy.to_string(), "banks 1 of 1");
        let rows = [
            (good.replace("1 of 1", "2 of 1"), "part 1 of the policy"),
            (good.replace("1 of 1", "1 of 2"), "banks has 1 keys"),
            (good.replace("banks 1", "cards 1"), "no keys are given for the group cards"),
            (good.replace("+", "-"), "name+id+base64"),
            ("policy = \"\"\nkeys = 1".to_owned(), "unknown field"),
            (good.replace("policy", "# policy"), "part 1 of the policy"),
        ];
        for (text, what) in rows {
            let error = read(&text).expect_err("refused");
            assert!(error.contains(what), "{error}");
        }
    }
}
