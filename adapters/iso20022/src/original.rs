//! What a message says of an original payment: the message that it came in (`OrgnlGrpInf`), and the parties of its
//! transaction (`OrgnlTxRef`).

use crate::payment::{MessageHead, Party, TransferDetails};

/// The message that an original payment came in (`OrgnlGrpInf`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OriginalMessage {
    /// Its `MsgId`.
    pub message_id: String,
    /// Its type (`pacs.008.001.08`), as the sender writes it.
    pub message_type: String,
    /// Its `CreDtTm`.
    pub creation: Option<String>,
}

impl OriginalMessage {
    /// The message with that head.
    #[must_use]
    pub fn of(head: &MessageHead) -> Self {
        Self {
            message_id: head.message_id.clone(),
            message_type: head.message_type.identifier().to_owned(),
            creation: Some(head.creation.clone()),
        }
    }
}

impl TransferDetails {
    /// What of the details an `OrgnlTxRef` can carry: parties, accounts, agents, payment type, remittance
    /// information, purpose, settlement date and the customer's transfer that a cover is for.
    #[must_use]
    pub fn to_reference(&self) -> Self {
        let of = self.clone();
        Self {
            debtor: of.debtor,
            debtor_account: of.debtor_account,
            debtor_agent: of.debtor_agent,
            creditor_agent: of.creditor_agent,
            creditor: of.creditor,
            creditor_account: of.creditor_account,
            ultimate_debtor: of.ultimate_debtor,
            ultimate_creditor: of.ultimate_creditor,
            purpose: of.purpose,
            category_purpose: of.category_purpose,
            service_level: of.service_level,
            local_instrument: of.local_instrument,
            priority: of.priority.filter(|priority| matches!(priority.as_str(), "HIGH" | "NORM")),
            remittance: of.remittance,
            remittance_references: of.remittance_references,
            settlement_date: of.settlement_date,
            underlying: of.underlying,
            said: of.said.only(&REFERENCED),
            ..Self::default()
        }
    }
}

/// What an `OrgnlTxRef` can say of what has no field.
const REFERENCED: [&str; 10] = [
    "RmtInf",
    "UltmtDbtr",
    "Dbtr",
    "DbtrAgt",
    "DbtrAgtAcct",
    "CdtrAgt",
    "CdtrAgtAcct",
    "Cdtr",
    "UltmtCdtr",
    "UndrlygCstmrCdtTrf",
];

/// Whether a party says anything.
pub(crate) fn is_told(party: &Party) -> bool {
    *party != Party::default()
}
