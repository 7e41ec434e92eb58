//! A pacs.002 that comes in from a creditor's bank: its decision on a payment that waits for the receiver's
//! confirmation (SCT Inst, TIPS), made of statuses of transactions and of whole messages.
//!
//! Values only. Whether the payment waits, for this bank, and still in time, is the engine's to say.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::codes::{self, Status, Verdict};
use crate::original::OriginalMessage;
use crate::payment::{Agent, PaymentIds, Refusal, header_refusals};
use crate::status::{GroupStatus, StatusReason, StatusReport, TransactionStatus, inherited};

/// What a bank decides on one payment, or on all payments of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmation {
    /// The message that the payment came in, where told.
    pub original_message: Option<OriginalMessage>,
    /// The payment's references; empty if the whole message is meant.
    pub original: PaymentIds,
    /// `ClrSysRef`.
    pub clearing_reference: Option<String>,
    /// `TxSts`, or else `GrpSts`.
    pub status: Status,
    /// What the status decides.
    pub verdict: Verdict,
    /// Why; a rejection has at least one code.
    pub reasons: Vec<StatusReason>,
    /// `AccptncDtTm`.
    pub acceptance: Option<String>,
    /// Who decided: `InstgAgt`, or else the header's sender.
    pub sender: Option<Agent>,
}

impl Confirmation {
    /// Whether all payments of the original message are meant.
    #[must_use]
    pub fn is_of_message(&self) -> bool {
        self.original.is_empty() && self.clearing_reference.is_none()
    }
}

impl StatusReport {
    /// What speaks against the report as a whole: header against document (FF01) or instructing agent (AGNT).
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        let head = &self.head;
        header_refusals(
            head.business.as_ref(),
            head.message_type,
            ("InstgAgt", head.instructing_agent.as_ref()),
        )
    }

    /// The decisions of the report: one a transaction, or one a message where it names no transaction.
    ///
    /// A transaction without a status or reason of its own has that of its group. An `Err` is a status that can't
    /// be followed: no status (CH21) or an unknown one (CH16), no payment named (CH21), a rejection without a
    /// reason (CH21).
    #[must_use]
    pub fn confirmations(&self) -> Vec<Result<Confirmation, Refusal>> {
        if self.transactions.is_empty() {
            return self.head.groups.iter().map(|group| self.of_group(&group)).collect();
        }
        let groups: BTreeMap<String, Cow<'_, GroupStatus>> =
            self.head.groups.iter().map(|group| (group.original_message_id.clone(), group)).collect();
        let only = self.head.groups.only();
        let group = |transaction: &TransactionStatus| match &transaction.original_message {
            Some((id, _)) => groups.get(id).map(Cow::as_ref),
            None => only.as_deref(),
        };
        self.transactions.iter().map(|one| self.of_transaction(&one, group(&one))).collect()
    }

    fn of_group(&self, group: &GroupStatus) -> Result<Confirmation, Refusal> {
        let status = known(group.status.as_deref())?;
        Ok(Confirmation {
            original_message: Some(original(group)),
            original: PaymentIds::default(),
            clearing_reference: None,
            status,
            verdict: status.verdict(),
            reasons: reasoned(status, group.reasons.clone())?,
            acceptance: None,
            sender: self.sender(None),
        })
    }

    /// `group` is the one that the transaction names, or the only one.
    fn of_transaction(
        &self,
        transaction: &TransactionStatus,
        group: Option<&GroupStatus>,
    ) -> Result<Confirmation, Refusal> {
        let status = transaction.status.as_deref().or(group.and_then(|group| group.status.as_deref()));
        let status = known(status)?;
        if transaction.original.is_empty() && transaction.clearing_reference.is_none() {
            return missing("the status names no payment; give its UETR or another reference");
        }
        let reasons = if transaction.reasons.is_empty() {
            group.map(|group| inherited(&group.reasons)).unwrap_or_default()
        } else {
            transaction.reasons.clone()
        };
        let told = transaction.original_message.as_ref().map(|(id, kind)| OriginalMessage {
            message_id: id.clone(),
            message_type: kind.clone(),
            creation: None,
        });
        Ok(Confirmation {
            original_message: told.or_else(|| group.map(original)),
            original: transaction.original.clone(),
            clearing_reference: transaction.clearing_reference.clone(),
            status,
            verdict: status.verdict(),
            reasons: reasoned(status, reasons)?,
            acceptance: transaction.acceptance.clone(),
            sender: self.sender(transaction.instructing_agent.as_ref()),
        })
    }

    fn sender(&self, own: Option<&Agent>) -> Option<Agent> {
        let header = self.head.business.as_ref().map(|business| &business.from);
        own.or(self.head.instructing_agent.as_ref()).or(header).cloned()
    }
}

fn original(group: &GroupStatus) -> OriginalMessage {
    OriginalMessage {
        message_id: group.original_message_id.clone(),
        message_type: group.original_message_type.clone(),
        creation: group.original_creation.clone(),
    }
}

fn missing<T>(text: &str) -> Result<T, Refusal> {
    Err(Refusal { code: codes::CH21, text: text.to_owned() })
}

fn known(status: Option<&str>) -> Result<Status, Refusal> {
    let Some(status) = status else {
        return missing("there is no status; give TxSts or GrpSts");
    };
    Status::parse(status).ok_or_else(|| {
        let text = format!("the status {status} is not known here; give one such as ACCP or RJCT");
        Refusal { code: codes::CH16, text }
    })
}

fn reasoned(status: Status, reasons: Vec<StatusReason>) -> Result<Vec<StatusReason>, Refusal> {
    let has_code = reasons.iter().any(|reason| reason.code.is_some() || reason.proprietary.is_some());
    if status.verdict() == Verdict::Rejected && !has_code {
        return missing("a rejection needs a reason; give StsRsnInf with a code such as AC04");
    }
    Ok(reasons)
}
