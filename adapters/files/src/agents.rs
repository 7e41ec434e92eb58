//! Which banks and currencies the payments of an inbox name: for trying foreign samples, whose banks would all be
//! unknown. For samples only: a clearing house registers banks by contract, not because a file names them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_iso20022::Limits;
use feiqian_iso20022::payment::{Agent, ClearingMember, CreditTransfer, Entry, Party};
use feiqian_iso20022::transfers::TransferReader;
use serde::Serialize;

use crate::error::FilesError;
use crate::inbox::list;
use crate::limits::AGENTS_MAX;
use crate::resolve::member_alias;
use crate::source::Source;

/// A bank to register, with a position in each of its currencies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentToRegister {
    /// Its BIC, or one made up from its routing number.
    pub bic: Bic,
    /// Its name where a payment gives it, else its BIC.
    pub name: String,
    /// Currencies of payments that it sends or receives, ascending.
    pub currencies: BTreeSet<Currency>,
    /// Names (`USABA:021040078`) to register for its clearing account in its first currency.
    pub aliases: BTreeSet<String>,
}

/// An [`AgentToRegister`] as a report shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AgentLine {
    /// BIC.
    pub bic: String,
    /// Name.
    pub name: String,
    /// Currency codes.
    pub currencies: Vec<&'static str>,
}

impl AgentToRegister {
    /// For a report.
    #[must_use]
    pub fn line(&self) -> AgentLine {
        let currencies = self.currencies.iter().map(|currency| currency.code()).collect();
        AgentLine { bic: self.bic.as_str().to_owned(), name: self.name.clone(), currencies }
    }
}

/// The first [`AGENTS_MAX`] banks that an inbox's payments name, by BIC. Files that can't be read to their end give
/// what was read.
///
/// # Errors
/// [`FilesError::Io`] if the inbox or a file in it can't be read from the disk.
pub fn agents_of(inbox: &Path, limits: Limits) -> Result<Vec<AgentToRegister>, FilesError> {
    let mut agents = Agents::default();
    for file in list(inbox)?.files {
        let source = Source::open(&file, limits.file_bytes_max)?;
        let Ok(mut reader) = TransferReader::new(source.reader()?, limits) else { continue };
        while let Ok(Some(entry)) = reader.next_transfer() {
            if let Entry::Transfer(transfer) = entry {
                agents.add(&transfer);
            }
        }
    }
    Ok(agents.by_bic.into_values().collect())
}

#[derive(Default)]
struct Agents {
    by_bic: BTreeMap<Bic, AgentToRegister>,
    /// A number names one bank: the first that comes with it.
    aliases: BTreeSet<String>,
}

impl Agents {
    fn add(&mut self, transfer: &CreditTransfer) {
        let details = &transfer.details;
        let agents = [
            &details.instructing_agent,
            &details.debtor_agent,
            &details.creditor_agent,
            &details.instructed_agent,
        ];
        for agent in agents.into_iter().flatten() {
            self.agent(agent, transfer.currency);
        }
        for party in [&details.debtor, &details.creditor] {
            // Only in a pacs.009 is a party named like a bank, and without an agent it is one here.
            if details.debtor_agent.is_none() || details.creditor_agent.is_none() {
                self.agent(&as_agent(party), transfer.currency);
            }
        }
    }

    fn agent(&mut self, agent: &Agent, currency: Currency) {
        let Some(bic) = agent.bic.or_else(|| synthetic_bic(agent.member.as_ref()?)) else { return };
        if !self.by_bic.contains_key(&bic) && self.by_bic.len() >= AGENTS_MAX {
            return;
        }
        let known = self.by_bic.entry(bic).or_insert_with(|| AgentToRegister {
            bic,
            name: agent.name.clone().unwrap_or_else(|| bic.as_str().to_owned()),
            currencies: BTreeSet::new(),
            aliases: BTreeSet::new(),
        });
        known.currencies.insert(currency);
        if let Some(alias) = agent.member.as_ref().and_then(member_alias)
            && self.aliases.insert(alias.clone())
        {
            known.aliases.insert(alias);
        }
    }
}

fn as_agent(party: &Party) -> Agent {
    Agent { bic: party.bic, member: party.member.clone(), name: party.name.clone(), ..Agent::default() }
}

/// A made-up BIC for a bank that is known by a routing number of at most nine characters: its first four, the
/// country that the clearing system's code begins with, the next two and the next three, padded with X.
/// `USABA 021040078` becomes `0210US40078`. No real BIC begins with digits in all four places.
#[must_use]
pub fn synthetic_bic(member: &ClearingMember) -> Option<Bic> {
    let country = member.system.as_ref()?.get(..2)?;
    let id = member.id.as_str();
    let is_plain = id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !(4..=9).contains(&id.len()) || !is_plain {
        return None;
    }
    let padded = format!("{id:X<9}");
    Bic::parse(&format!("{}{country}{}", padded.get(..4)?, padded.get(4..)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_routing_number_makes_a_test_bic() {
        let bic = |system: &str, id: &str| {
            let member = ClearingMember { system: Some(system.to_owned()), id: id.to_owned() };
            synthetic_bic(&member).map(|bic| bic.as_str().to_owned())
        };
        assert_eq!(bic("USABA", "021040078").as_deref(), Some("0210US40078"));
        assert_eq!(bic("GBDSC", "400001").as_deref(), Some("4000GB01XXX"));
        assert_eq!(bic("CNAPS", "102100099996"), None, "too long to stay unique");
        assert_eq!(bic("usaba", "021040078"), None);
        assert_eq!(bic("USABA", "é21040078"), None);
    }
}
