//! What the second version keeps beyond the first: charges and the amount before them, the banks between, and the customer's
//! transfer that a payment between banks covers. All that the codec reads of these, and back without loss.

use feiqian_core::bic::Bic;
use feiqian_iso20022::payment::{Charge, ClearingMember, Party, ToldAmount, TransferDetails};
use serde::{Deserialize, Serialize};

use super::Listed;
use super::parts::{AccountText, AgentText, agents};

/// An amount as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountText {
    /// Decimal text.
    pub amount: String,
    /// Currency code.
    pub currency: String,
}

/// Charges that a bank has taken, or is to get (`ChrgsInf`).
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeText {
    /// How much.
    pub amount: AmountText,
    /// Which bank.
    pub agent: AgentText,
}

/// A customer, each identification by itself.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartyText {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// BIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
    /// Clearing system and number in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<(Option<String>, String)>,
    /// LEI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
    /// Another identification of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// An identification of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Country of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Town of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
}

/// The customer's transfer below a cover (`UndrlygCstmrCdtTrf`).
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Underlying {
    /// Who pays.
    pub debtor: PartyText,
    /// From which account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor_account: Option<AccountText>,
    /// The debtor's bank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor_agent: Option<AgentText>,
    /// For whom the debtor pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ultimate_debtor: Option<PartyText>,
    /// Who initiated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiating_party: Option<PartyText>,
    /// Banks that it has passed.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "agents")]
    pub previous_agents: Vec<AgentText>,
    /// Banks between.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "agents")]
    pub intermediaries: Vec<AgentText>,
    /// The creditor's bank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creditor_agent: Option<AgentText>,
    /// Who is paid.
    pub creditor: PartyText,
    /// To which account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creditor_account: Option<AccountText>,
    /// For whom the creditor is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ultimate_creditor: Option<PartyText>,
    /// Remittance information, line by line.
    #[serde(skip_serializing_if = "Listed::is_empty")]
    pub remittance: Listed<String>,
    /// Creditor references.
    #[serde(skip_serializing_if = "Listed::is_empty")]
    pub references: Listed<String>,
    /// What the debtor has instructed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructed_amount: Option<AmountText>,
}

impl AmountText {
    /// What a message says.
    #[must_use]
    pub fn of(told: &ToldAmount) -> Self {
        Self { amount: told.text.clone(), currency: told.currency.clone() }
    }

    /// As in a message.
    #[must_use]
    pub fn told(&self) -> ToldAmount {
        ToldAmount { text: self.amount.clone(), currency: self.currency.clone() }
    }
}

impl ChargeText {
    /// What a message says.
    #[must_use]
    pub fn of(charge: &Charge) -> Self {
        Self { amount: AmountText::of(&charge.amount), agent: AgentText::of(&charge.agent()) }
    }
}

impl PartyText {
    /// What a message says.
    #[must_use]
    pub fn of(party: &Party) -> Self {
        let party = party.clone();
        Self {
            name: party.name,
            bic: party.bic.map(|bic| bic.as_str().to_owned()),
            member: party.member.map(|member| (member.system, member.id)),
            lei: party.lei,
            organisation: party.organisation_id,
            person: party.private_id,
            country: party.country,
            town: party.town,
        }
    }

    /// As in a message.
    #[must_use]
    pub fn party(&self) -> Party {
        let of = self.clone();
        Party {
            name: of.name,
            bic: of.bic.as_deref().and_then(|bic| Bic::parse(bic).ok()),
            member: of.member.map(|(system, id)| ClearingMember { system, id }),
            lei: of.lei,
            organisation_id: of.organisation,
            private_id: of.person,
            country: of.country,
            town: of.town,
        }
    }
}

impl Underlying {
    /// What a message says.
    #[must_use]
    pub fn of(details: &TransferDetails) -> Self {
        let party = |party: &Option<Party>| party.as_ref().map(PartyText::of);
        Self {
            debtor: PartyText::of(&details.debtor),
            debtor_account: details.debtor_account.as_ref().map(AccountText::of),
            debtor_agent: details.debtor_agent.as_ref().map(AgentText::of),
            ultimate_debtor: party(&details.ultimate_debtor),
            initiating_party: party(&details.initiating_party),
            previous_agents: details.previous_agents.iter().map(AgentText::of).collect(),
            intermediaries: details.intermediaries.iter().map(AgentText::of).collect(),
            creditor_agent: details.creditor_agent.as_ref().map(AgentText::of),
            creditor: PartyText::of(&details.creditor),
            creditor_account: details.creditor_account.as_ref().map(AccountText::of),
            ultimate_creditor: party(&details.ultimate_creditor),
            remittance: details.remittance.iter().cloned().collect(),
            references: details.remittance_references.iter().cloned().collect(),
            instructed_amount: details.instructed_amount.as_ref().map(AmountText::of),
        }
    }

    /// As in a message.
    #[must_use]
    pub fn details(&self) -> TransferDetails {
        let party = |party: &Option<PartyText>| party.as_ref().map(PartyText::party);
        TransferDetails {
            debtor: self.debtor.party(),
            debtor_account: self.debtor_account.as_ref().map(AccountText::account_id),
            debtor_agent: self.debtor_agent.as_ref().map(AgentText::agent),
            ultimate_debtor: party(&self.ultimate_debtor),
            initiating_party: party(&self.initiating_party),
            previous_agents: self.previous_agents.iter().map(AgentText::agent).collect(),
            intermediaries: self.intermediaries.iter().map(AgentText::agent).collect(),
            creditor_agent: self.creditor_agent.as_ref().map(AgentText::agent),
            creditor: self.creditor.party(),
            creditor_account: self.creditor_account.as_ref().map(AccountText::account_id),
            ultimate_creditor: party(&self.ultimate_creditor),
            remittance: self.remittance.iter().collect(),
            remittance_references: self.references.iter().collect(),
            instructed_amount: self.instructed_amount.as_ref().map(AmountText::told),
            ..TransferDetails::default()
        }
    }
}
