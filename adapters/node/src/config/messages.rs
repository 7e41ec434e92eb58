//! `[messages]`: the usage profiles that ISO 20022 messages are held to.

use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_files::usage::Usage;
use feiqian_iso20022::profile::{PROFILES, Profile};
use serde::Deserialize;

use super::Rule;

/// How it is written that there is no profile.
const NONE: &str = "none";

/// `[messages]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MessagesConfig {
    /// The house's profile, or `none`.
    pub profile: String,
    /// Profiles of single participants, by BIC.
    pub participants: BTreeMap<String, String>,
    /// The most that one payment may be, by profile: a decimal in the profile's currency.
    pub amount_max: BTreeMap<String, String>,
}

impl Default for MessagesConfig {
    fn default() -> Self {
        Self { profile: NONE.to_owned(), participants: BTreeMap::new(), amount_max: BTreeMap::new() }
    }
}

impl MessagesConfig {
    pub(super) fn rules(&self) -> Vec<Rule> {
        let is_participants = self
            .participants
            .iter()
            .all(|(bic, name)| Bic::parse(bic).is_ok() && self.profile(name).is_some());
        let is_amounts = self.amount_max.iter().all(|(name, text)| amount(name, text).is_some());
        let names = PROFILES.map(|profile| profile.name).join(", ");
        let participants = format!("a table of BICs, each with one of {NONE}, {names}");
        let amounts =
            "a table of profiles with one currency, each with a decimal above zero in it".to_owned();
        vec![
            ("messages", "profile", self.profile(&self.profile).is_some(), format!("one of {NONE}, {names}")),
            ("messages", "participants", is_participants, participants),
            ("messages", "amount_max", is_amounts, amounts),
        ]
    }

    /// The profiles as messages are held to them; what the rules refuse is left out.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let participants = self.participants.iter();
        let participants =
            participants.filter_map(|(bic, name)| Some((Bic::parse(bic).ok()?, self.profile(name)?)));
        Usage { house: self.profile(&self.profile).flatten(), participants: participants.collect() }
    }

    /// The profile of a name, with its own most of a payment; `Some(None)` for none.
    fn profile(&self, name: &str) -> Option<Option<Profile>> {
        if name == NONE {
            return Some(None);
        }
        let mut profile = Profile::named(name)?;
        if let Some(max) = self.amount_max.get(name).and_then(|text| amount(name, text)) {
            profile.amount_max = Some(max);
        }
        Some(Some(profile))
    }
}

fn amount(profile: &str, text: &str) -> Option<Amount> {
    let currency = Currency::from_code(Profile::named(profile)?.currency?)?;
    Amount::from_decimal(text, currency).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Usage, String> {
        let config = Config::parse(Path::new("some.toml"), text).map_err(|fault| fault.to_string())?;
        Ok(config.messages.usage())
    }

    #[test]
    fn profiles_are_the_houses_or_a_participants_own() {
        let text = "[messages]\nprofile = \"sct-inst\"\nparticipants = { BNKAXXAA = \"cbpr+\", BNKBXXAAXXX = \"none\" }\n\
                    amount_max = { sct-inst = \"100000.00\" }\n";
        let usage = parse(text).expect("good");
        let bic = |text| Bic::parse(text).expect("a BIC");
        let max = usage.house.map(|profile| (profile.name, profile.amount_max));
        assert_eq!(max, Some(("sct-inst", Amount::new(10_000_000))));
        assert_eq!(usage.participants.get(&bic("BNKAXXAAXXX")), Some(&Profile::named("cbpr+")));
        assert_eq!(usage.participants.get(&bic("BNKBXXAAXXX")), Some(&None));
        assert_eq!(parse("").expect("good"), Usage::default());
    }

    #[test]
    fn what_is_no_profile_is_refused_with_its_line() {
        let rows = [
            ("profile = \"sepa\"", "some.toml:2: profile in [messages] must be one of none, cbpr+"),
            ("participants = { BNKA = \"none\" }", "some.toml:2: participants"),
            ("participants = { BNKAXXAA = \"swift\" }", "some.toml:2: participants"),
            ("amount_max = { fednow = \"1.005\" }", "some.toml:2: amount_max"),
            ("amount_max = { \"cbpr+\" = \"1.00\" }", "some.toml:2: amount_max"),
            ("amount_max = { fednow = \"0\" }", "some.toml:2: amount_max"),
        ];
        for (line, expected) in rows {
            let refusal = parse(&format!("[messages]\n{line}\n")).expect_err("refused");
            assert!(refusal.starts_with(expected), "{refusal}");
        }
    }
}
