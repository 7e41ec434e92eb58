//! What a payment says beside its record: the JSON that is journaled with it and whose digest the record carries.
//!
//! The same payment gives the same bytes whenever and wherever it is read, for its digest is part of what makes a
//! repetition a repetition (I3). Hence nothing of the transport (file, header, time) stands here.

use feiqian_core::bic::Bic;
use feiqian_core::limits::DETAILS_BYTES_MAX;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::payment::{
    AccountId, Agent, ClearingMember, CreditTransfer, MessageHead, Party, PaymentIds,
};
use feiqian_iso20022::returns::ReturnDetails;
use feiqian_iso20022::status::StatusReason;
use serde::{Deserialize, Serialize};

/// Version of the form.
const VERSION: u8 = 1;

/// Details of one payment.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// 1.
    pub version: u8,
    /// `pacs.008.001.08`.
    pub message_type: String,
    /// `MsgId`.
    pub message_id: String,
    /// `PmtInfId` of a pain.001.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_information_id: Option<String>,
    /// `InstrId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_id: Option<String>,
    /// `EndToEndId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_to_end_id: Option<String>,
    /// `TxId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// Who pays.
    pub debtor: Side,
    /// Who is paid.
    pub creditor: Side,
    /// Who instructs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructing_agent: Option<AgentText>,
    /// Who is instructed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructed_agent: Option<AgentText>,
    /// Purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Category purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_purpose: Option<String>,
    /// Who bears the charges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_bearer: Option<String>,
    /// Settlement date, or for a pain.001 the requested execution date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Remittance information, line by line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remittance: Vec<String>,
    /// Creditor references.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// BLAKE3 of all remittance information and references, hexadecimal, where not all of it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remittance_digest: Option<String>,
    /// UETR of the payment that is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// Why it is returned, or was not accepted: codes, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// One side of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Side {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// BIC of the organisation or institution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
    /// LEI or another identification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountText>,
    /// Its bank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentText>,
    /// For whom it acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ultimate: Option<String>,
}

/// How an account is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountText {
    /// An IBAN.
    Iban(String),
    /// Another number, and its scheme.
    Other(String, Option<String>),
    /// An alias, and its kind.
    Proxy(String, Option<String>),
}

/// A bank.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentText {
    /// BIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
    /// Clearing system and number in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<(Option<String>, String)>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// LEI or another identification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Details {
    /// The details of a payment.
    #[must_use]
    pub fn of(head: &MessageHead, transfer: &CreditTransfer) -> Self {
        let from = &transfer.details;
        let ultimate = |party: &Option<Party>| party.as_ref().and_then(|party| party.name.clone());
        Self {
            version: VERSION,
            message_type: head.message_type.identifier().to_owned(),
            message_id: head.message_id.clone(),
            payment_information_id: from.payment_information_id.clone(),
            instruction_id: from.ids.instruction.clone(),
            end_to_end_id: from.ids.end_to_end.clone(),
            transaction_id: from.ids.transaction.clone(),
            debtor: Side {
                ultimate: ultimate(&from.ultimate_debtor),
                ..side(&from.debtor, from.debtor_account.as_ref(), from.debtor_agent.as_ref())
            },
            creditor: Side {
                ultimate: ultimate(&from.ultimate_creditor),
                ..side(&from.creditor, from.creditor_account.as_ref(), from.creditor_agent.as_ref())
            },
            instructing_agent: from.instructing_agent.as_ref().map(agent_text),
            instructed_agent: from.instructed_agent.as_ref().map(agent_text),
            purpose: from.purpose.clone(),
            category_purpose: from.category_purpose.clone(),
            charge_bearer: from.charge_bearer.clone(),
            date: from.settlement_date.clone().or_else(|| from.requested_execution_date.clone()),
            remittance: from.remittance.clone(),
            references: from.remittance_references.clone(),
            ..Self::default()
        }
    }

    /// The details of the return of a payment with the details `of`: its sides swapped.
    #[must_use]
    pub fn of_return(head: &MessageHead, details: &ReturnDetails, (id, of): (Uetr, &Self)) -> Self {
        Self {
            version: VERSION,
            message_type: head.message_type.identifier().to_owned(),
            message_id: head.message_id.clone(),
            instruction_id: details.id.clone(),
            end_to_end_id: of.end_to_end_id.clone(),
            transaction_id: of.transaction_id.clone(),
            debtor: of.creditor.clone(),
            creditor: of.debtor.clone(),
            instructing_agent: details.instructing_agent.as_ref().map(agent_text),
            instructed_agent: details.instructed_agent.as_ref().map(agent_text),
            date: details.settlement_date.clone(),
            returns: Some(id.to_string()),
            reasons: codes_of(&details.reasons),
            ..Self::default()
        }
    }

    /// The details of a creditor's bank's refusal of a payment.
    #[must_use]
    pub fn of_rejection(reasons: &[StatusReason]) -> Self {
        Self { version: VERSION, reasons: codes_of(reasons), ..Self::default() }
    }

    /// The journaled bytes, at most [`DETAILS_BYTES_MAX`]: remittance information that does not fit is left out from
    /// its end, and its digest says that it was there.
    #[must_use]
    pub fn encode(mut self) -> Vec<u8> {
        let bytes = self.json();
        if bytes.len() <= DETAILS_BYTES_MAX {
            return bytes;
        }
        let mut hasher = blake3::Hasher::new();
        for line in self.remittance.iter().chain(&self.references) {
            hasher.update(&(line.len() as u64).to_le_bytes()).update(line.as_bytes());
        }
        self.remittance_digest = Some(hasher.finalize().to_hex().to_string());
        loop {
            let bytes = self.json();
            if bytes.len() <= DETAILS_BYTES_MAX {
                return bytes;
            }
            // Halving ends after a few rounds, whatever the number of lines.
            self.remittance.truncate(self.remittance.len() / 2);
            self.references.truncate(self.references.len() / 2);
        }
    }

    /// Reads what [`Details::encode`] wrote; none for bytes of another adapter or version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|details: &Self| details.version == VERSION)
    }

    /// The payment's references.
    #[must_use]
    pub fn ids(&self, uetr: Option<Uetr>) -> PaymentIds {
        PaymentIds {
            instruction: self.instruction_id.clone(),
            end_to_end: self.end_to_end_id.clone(),
            transaction: self.transaction_id.clone(),
            uetr,
        }
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and lists always have a JSON form")
    }
}

impl Side {
    /// As a party of a message.
    #[must_use]
    pub fn party(&self) -> Party {
        Party {
            name: self.name.clone(),
            bic: self.bic.as_deref().and_then(|bic| Bic::parse(bic).ok()),
            ..Party::default()
        }
    }

    /// Its account, as in a message.
    #[must_use]
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| match account {
            AccountText::Iban(iban) => AccountId::Iban(iban.clone()),
            AccountText::Other(id, scheme) => AccountId::Other { id: id.clone(), scheme: scheme.clone() },
            AccountText::Proxy(id, kind) => AccountId::Proxy { id: id.clone(), kind: kind.clone() },
        })
    }
}

impl AgentText {
    /// As an agent of a message.
    #[must_use]
    pub fn agent(&self) -> Agent {
        let member = self.member.clone().map(|(system, id)| ClearingMember { system, id });
        let bic = self.bic.as_deref().and_then(|bic| Bic::parse(bic).ok());
        Agent { bic, member, name: self.name.clone(), ..Agent::default() }
    }
}

/// The codes of reasons, else what stands in their place; not their texts, which no bound of a record holds.
fn codes_of(reasons: &[StatusReason]) -> Vec<String> {
    let code = |reason: &StatusReason| reason.code.clone().or_else(|| reason.proprietary.clone());
    reasons.iter().filter_map(code).collect()
}

fn side(party: &Party, account: Option<&AccountId>, agent: Option<&Agent>) -> Side {
    let id = party.lei.clone().or_else(|| party.organisation_id.clone()).or_else(|| party.private_id.clone());
    Side {
        name: party.name.clone(),
        bic: party.bic.map(|bic| bic.as_str().to_owned()),
        id: id.or_else(|| party.member.as_ref().map(|member| member.id.clone())),
        account: account.map(|account| match account {
            AccountId::Iban(iban) => AccountText::Iban(iban.clone()),
            AccountId::Other { id, scheme } => AccountText::Other(id.clone(), scheme.clone()),
            AccountId::Proxy { id, kind } => AccountText::Proxy(id.clone(), kind.clone()),
        }),
        agent: agent.map(agent_text),
        ultimate: None,
    }
}

fn agent_text(agent: &Agent) -> AgentText {
    AgentText {
        bic: agent.bic.map(|bic| bic.as_str().to_owned()),
        member: agent.member.clone().map(|member| (member.system, member.id)),
        name: agent.name.clone(),
        id: agent.lei.clone().or_else(|| agent.other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_remittance_is_cut_but_never_forgotten() {
        let long = |last: &str| {
            let mut remittance = vec!["x".repeat(140); 1_000];
            remittance.push(last.to_owned());
            Details { version: VERSION, remittance, ..Details::default() }.encode()
        };
        let (one, other) = (long("one"), long("other"));
        assert!(one.len() <= DETAILS_BYTES_MAX);
        assert_ne!(one, other, "what was cut off still tells payments apart");
        let details = Details::decode(&one).expect("readable");
        assert!(details.remittance_digest.is_some() && details.remittance.len() > 100);
        assert_eq!(Details::decode(b"{\"version\":2}"), None);
        assert_eq!(Details::decode(b"\0"), None);
    }
}
