//! Sides, accounts and banks as details say them: texts of what a message said, and back. What the first version says of them
//! never changes: it is part of what makes a repetition a repetition.

use feiqian_core::bic::Bic;
use feiqian_iso20022::payment::{AccountId, Agent, ClearingMember, Party};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

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
    /// Another identification beside its LEI; of the second version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
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
        self.account.as_ref().map(AccountText::account_id)
    }
}

impl AccountText {
    /// What a message says.
    #[must_use]
    pub fn of(account: &AccountId) -> Self {
        match account {
            AccountId::Iban(iban) => Self::Iban(iban.clone()),
            AccountId::Other { id, scheme } => Self::Other(id.clone(), scheme.clone()),
            AccountId::Proxy { id, kind } => Self::Proxy(id.clone(), kind.clone()),
        }
    }

    /// As in a message.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        match self.clone() {
            Self::Iban(iban) => AccountId::Iban(iban),
            Self::Other(id, scheme) => AccountId::Other { id, scheme },
            Self::Proxy(id, kind) => AccountId::Proxy { id, kind },
        }
    }
}

impl AgentText {
    /// All that a message says of a bank, each by itself.
    #[must_use]
    pub fn of(agent: &Agent) -> Self {
        Self { id: agent.lei.clone(), other: agent.other.clone(), ..agent_text(agent) }
    }

    /// As an agent of a message.
    #[must_use]
    pub fn agent(&self) -> Agent {
        let (lei, other) = match &self.id {
            Some(id) if is_lei(id) => (Some(id.clone()), None),
            id => (None, id.clone()),
        };
        Agent {
            bic: self.bic.as_deref().and_then(|bic| Bic::parse(bic).ok()),
            member: self.member.clone().map(|(system, id)| ClearingMember { system, id }),
            lei,
            name: self.name.clone(),
            other: self.other.clone().or(other),
        }
    }
}

/// Banks in a row that a message can name: three intermediaries, three that it has passed.
const AGENTS_MAX: usize = 3;

/// Banks in a row, no more than a message can name: an empty one says nothing, and would be kept in a hundred times its size.
pub(super) fn agents<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AgentText>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<AgentText>;

        fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(to, "at most {AGENTS_MAX} banks")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut few = Vec::new();
            while let Some(one) = all.next_element()? {
                if few.len() == AGENTS_MAX {
                    return Err(A::Error::custom(format!("more than {AGENTS_MAX} banks")));
                }
                few.push(one);
            }
            Ok(few)
        }
    }
    from.deserialize_seq(Few)
}

/// Whether a text has the form of a legal entity identifier (ISO 17442): 18 letters or digits and two digits.
fn is_lei(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    text.len() == 20 && text.bytes().all(is_plain) && text.bytes().skip(18).all(|byte| byte.is_ascii_digit())
}

/// A side as the first version says it: of several identifications the first.
pub(super) fn side(party: &Party, account: Option<&AccountId>, agent: Option<&Agent>) -> Side {
    let id = party.lei.clone().or_else(|| party.organisation_id.clone()).or_else(|| party.private_id.clone());
    Side {
        name: party.name.clone(),
        bic: party.bic.map(|bic| bic.as_str().to_owned()),
        id: id.or_else(|| party.member.as_ref().map(|member| member.id.clone())),
        account: account.map(AccountText::of),
        agent: agent.map(agent_text),
        ultimate: None,
    }
}

/// A bank as the first version says it: by its LEI or its other identification.
pub(super) fn agent_text(agent: &Agent) -> AgentText {
    AgentText {
        bic: agent.bic.map(|bic| bic.as_str().to_owned()),
        member: agent.member.clone().map(|member| (member.system, member.id)),
        name: agent.name.clone(),
        id: agent.lei.clone().or_else(|| agent.other.clone()),
        other: None,
    }
}
