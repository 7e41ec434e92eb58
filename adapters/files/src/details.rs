//! What a payment says beside its record: the JSON that is journaled with it and whose digest the record carries.
//!
//! The same payment gives the same bytes whenever and wherever it is read, for its digest is part of what makes a
//! repetition a repetition (I3). Hence nothing of the transport (file, header, time) stands here, and what fits a version
//! is written in it for ever. Each later one is for what those before have no place for; a payment that was taken in when
//! there was only an earlier one is known again by [`Details::in_version_before`].

mod added;
mod listed;
mod parts;
mod told;

use feiqian_core::limits::DETAILS_BYTES_MAX;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::Verbatim;
use feiqian_iso20022::payment::{CreditTransfer, MessageHead, Party, PaymentIds};
use feiqian_iso20022::returns::ReturnDetails;
use feiqian_iso20022::status::StatusReason;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use added::{AmountText, ChargeText, PartyText, Underlying};
pub use listed::Listed;
pub use parts::{AccountText, AgentText, Side};

use parts::{agent_text, agents, side};

/// The first version of the form, that with what was added, and that with what has no field.
const FIRST: u8 = 1;
const SECOND: u8 = 2;
const THIRD: u8 = 3;

/// Details of one payment.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// 1, or 2 or 3 where any field says so.
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
    #[serde(skip_serializing_if = "Listed::is_empty")]
    pub remittance: Listed<String>,
    /// Creditor references.
    #[serde(skip_serializing_if = "Listed::is_empty")]
    pub references: Listed<String>,
    /// BLAKE3 of all remittance information and references, and of all that the second version adds, hexadecimal, where
    /// not all of it fits; of all the details in the third version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remittance_digest: Option<String>,
    /// UETR of the payment that is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// Why it is returned, or was not accepted: codes, in order.
    #[serde(skip_serializing_if = "Listed::is_empty")]
    pub reasons: Listed<String>,
    /// What was instructed, before charges and exchange; version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructed_amount: Option<AmountText>,
    /// At which rate it was exchanged; version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<String>,
    /// Charges, in order; version 2.
    #[serde(skip_serializing_if = "Listed::is_empty")]
    pub charges: Listed<ChargeText>,
    /// Banks between the two agents, in order; version 2.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "agents")]
    pub intermediaries: Vec<AgentText>,
    /// The customer's transfer that it covers; version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying: Option<Box<Underlying>>,
    /// What the message says beyond these fields (addresses, agents' accounts, structured remittance information, tax), as it
    /// said it ([`Verbatim`]); version 3.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub said: String,
}

impl Details {
    /// The details of a payment.
    #[must_use]
    pub fn of(head: &MessageHead, transfer: &CreditTransfer) -> Self {
        let from = &transfer.details;
        let ultimate = |party: &Option<Party>| party.as_ref().and_then(|party| party.name.clone());
        Self {
            version: FIRST,
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
            remittance: from.remittance.iter().cloned().collect(),
            references: from.remittance_references.iter().cloned().collect(),
            instructed_amount: from.instructed_amount.as_ref().map(AmountText::of),
            exchange_rate: from.exchange_rate.clone(),
            charges: from.charges.iter().map(ChargeText::of).collect(),
            intermediaries: from.intermediaries.iter().map(AgentText::of).collect(),
            underlying: from.underlying.as_deref().map(|of| Box::new(Underlying::of(of))),
            said: from.said.as_str().to_owned(),
            ..Self::default()
        }
        .versioned()
    }

    /// The details of the return of a payment with the details `of`: its sides swapped.
    #[must_use]
    pub fn of_return(head: &MessageHead, details: &ReturnDetails, (id, of): (Uetr, &Self)) -> Self {
        Self {
            version: FIRST,
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
            instructed_amount: details.returned_instructed_amount.as_ref().map(AmountText::of),
            exchange_rate: details.exchange_rate.clone(),
            charges: details.charges.iter().map(ChargeText::of).collect(),
            ..Self::default()
        }
        .versioned()
    }

    /// The details of a creditor's bank's refusal of a payment.
    #[must_use]
    pub fn of_rejection(reasons: &[StatusReason]) -> Self {
        Self { version: FIRST, reasons: codes_of(reasons), ..Self::default() }
    }

    /// In the version that is needed.
    fn versioned(self) -> Self {
        let version = match (self.said.is_empty(), self.has_added()) {
            (false, _) => THIRD,
            (true, true) => SECOND,
            (true, false) => FIRST,
        };
        Self { version, ..self }
    }

    fn has_added(&self) -> bool {
        self.instructed_amount.is_some()
            || self.exchange_rate.is_some()
            || !self.charges.is_empty()
            || !self.intermediaries.is_empty()
            || self.underlying.is_some()
    }

    /// As the version before said it; none where it is in the first.
    #[must_use]
    pub fn in_version_before(&self) -> Option<Self> {
        if self.version == THIRD {
            return Some(Self { said: String::new(), ..self.clone() }.versioned());
        }
        (self.version > FIRST).then(|| Self {
            version: FIRST,
            instructed_amount: None,
            exchange_rate: None,
            charges: Listed::default(),
            intermediaries: Vec::new(),
            underlying: None,
            ..self.clone()
        })
    }

    /// The journaled bytes, at most [`DETAILS_BYTES_MAX`]: remittance information, charges and what has no field are left out
    /// from their end where they do not fit, and their digest says that they were there; at the last the customer's transfer
    /// too.
    #[must_use]
    pub fn encode(mut self) -> Vec<u8> {
        let bytes = self.json();
        if bytes.len() <= DETAILS_BYTES_MAX {
            return bytes;
        }
        self.remittance_digest = Some(self.digest());
        loop {
            let bytes = self.json();
            if bytes.len() <= DETAILS_BYTES_MAX {
                return bytes;
            }
            self.shorten();
        }
    }

    /// Over all that may be left out; of the first version over remittance information and references alone, of the third
    /// over all.
    fn digest(&self) -> String {
        if !self.said.is_empty() {
            let whole = Self { remittance_digest: None, ..self.clone() };
            return blake3::hash(&whole.json()).to_hex().to_string();
        }
        let mut hasher = blake3::Hasher::new();
        for line in self.remittance.iter().chain(self.references.iter()) {
            hasher.update(&(line.len() as u64).to_le_bytes()).update(line.as_bytes());
        }
        if self.has_added() {
            let added = (&self.charges, &self.underlying);
            hasher.update(&serde_json::to_vec(&added).expect("texts and lists always have a JSON form"));
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Leaves half of each list out. Ends after a few rounds, whatever the number of lines: without lists a payment fits but
    /// for its customer's transfer, whose aliases and names may be long.
    fn shorten(&mut self) {
        fn halve<T: Serialize + DeserializeOwned>(list: &mut Listed<T>) -> bool {
            list.truncate(list.len() / 2);
            !list.is_empty()
        }
        let mut is_left = halve(&mut self.remittance);
        is_left |= halve(&mut self.references);
        is_left |= halve(&mut self.charges);
        if let Some(of) = &mut self.underlying {
            is_left |= halve(&mut of.remittance);
            is_left |= halve(&mut of.references);
        }
        let mut said = Verbatim::from(std::mem::take(&mut self.said));
        said.truncate(said.len() / 2);
        is_left |= !said.is_empty();
        self.said = said.into();
        if !is_left && self.json().len() > DETAILS_BYTES_MAX {
            self.underlying = None;
        }
    }

    /// Reads what [`Details::encode`] wrote; none for bytes of another adapter or version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let details: Self = serde_json::from_slice(bytes).ok()?;
        let is_known = match details.version {
            FIRST => !details.has_added() && details.said.is_empty(),
            SECOND => details.said.is_empty(),
            version => version == THIRD,
        };
        is_known.then_some(details)
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

/// The codes of reasons, else what stands in their place; not their texts, which no bound of a record holds.
fn codes_of(reasons: &[StatusReason]) -> Listed<String> {
    let code = |reason: &StatusReason| reason.code.clone().or_else(|| reason.proprietary.clone());
    reasons.iter().filter_map(code).collect()
}

#[cfg(test)]
mod tests;
