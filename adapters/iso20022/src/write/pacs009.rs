//! Writes credit transfers of the banks themselves (pacs.009.001.08): the instructions that settle a cycle, and covers with
//! the customer's transfer that they are for.

use std::io::{self, Write};

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_core::uetr::Uetr;

use crate::payment::{
    Agent, BusinessHead, CreditTransfer, MessageHead, Party, PaymentIds, ToldAmount, TransferDetails,
};
use crate::write::head::{known, start_message};
use crate::write::pacs008::{agents, group_header, transaction_start};
use crate::write::parts;
use crate::write::xml::XmlWriter;

/// What one participant owes another, or the settlement institution, at a cycle's end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obligation {
    /// `MsgId`, at most 35 characters, unique to the operator.
    pub message_id: String,
    /// When the message is made, an ISO date and time.
    pub creation: String,
    /// When it settles, an ISO date.
    pub settlement_date: String,
    /// Who sends the message: the operator.
    pub operator: Bic,
    /// Who pays.
    pub debtor: Bic,
    /// Who is paid.
    pub creditor: Bic,
    /// How much.
    pub amount: Amount,
    /// In what.
    pub currency: Currency,
    /// What it settles (the cycle's name); becomes the end-to-end id.
    pub reference: String,
    /// The id of the settlement transfer.
    pub uetr: Uetr,
}

impl Obligation {
    /// The pacs.009 that instructs it: the header and its one transaction.
    ///
    /// # Errors
    /// Only if this crate was built without the table of pacs.009.001.08.
    pub fn to_message(&self) -> io::Result<(MessageHead, CreditTransfer)> {
        let (sender, receiver) = (Agent::of_bic(self.operator), Agent::of_bic(self.debtor));
        let message_type = known("pacs.009.001.08")?;
        let mut head = MessageHead::new(message_type, &self.message_id, &self.creation);
        let (from, to) = (sender.clone(), receiver.clone());
        head.business = Some(BusinessHead::new(from, to, &self.message_id, message_type, &self.creation));
        head.number_of_transactions = Some(1);
        let (text, currency) = (self.amount.to_decimal(self.currency), self.currency.iso_code().to_owned());
        head.total = Some(ToldAmount { text, currency });
        head.settlement_date = Some(self.settlement_date.clone());
        head.settlement_method = Some("CLRG".to_owned());
        head.instructing_agent = Some(sender);
        head.instructed_agent = Some(receiver);
        let details = self.details(&head);
        Ok((head, CreditTransfer { index: 1, amount: self.amount, currency: self.currency, details }))
    }

    fn details(&self, head: &MessageHead) -> TransferDetails {
        TransferDetails {
            ids: PaymentIds {
                instruction: Some(self.message_id.clone()),
                end_to_end: Some(self.reference.clone()),
                transaction: Some(self.message_id.clone()),
                uetr: Some(self.uetr),
            },
            debtor: Party { bic: Some(self.debtor), ..Party::default() },
            creditor: Party { bic: Some(self.creditor), ..Party::default() },
            settlement_date: head.settlement_date.clone(),
            instructing_agent: head.instructing_agent.clone(),
            instructed_agent: head.instructed_agent.clone(),
            ..TransferDetails::default()
        }
    }
}

/// Writes a pacs.009.001.08; debtor and creditor are written as institutions.
///
/// # Errors
/// Those of `out`.
pub fn pacs009(out: impl Write, head: &MessageHead, transfers: &[CreditTransfer]) -> io::Result<()> {
    let message = known("pacs.009.001.08")?;
    let mut to = start_message(out, head.business.as_ref(), message, "FICdtTrf")?;
    group_header(&mut to, head, transfers.len())?;
    for transfer in transfers {
        transaction(&mut to, head, transfer)?;
    }
    to.finish().map(drop)
}

fn transaction<W: Write>(
    to: &mut XmlWriter<W>,
    head: &MessageHead,
    transfer: &CreditTransfer,
) -> io::Result<()> {
    let details = &transfer.details;
    to.start("CdtTrfTxInf")?;
    to.saying(&details.said);
    transaction_start(to, head, transfer)?;
    agents(to, head, details)?;
    if let Some(ultimate) = &details.ultimate_debtor {
        parts::institution(to, "UltmtDbtr", ultimate)?;
    }
    parts::institution(to, "Dbtr", &details.debtor)?;
    parts::account(to, "DbtrAcct", details.debtor_account.as_ref())?;
    parts::optional_agent(to, "DbtrAgt", details.debtor_agent.as_ref())?;
    to.say("DbtrAgtAcct")?;
    parts::optional_agent(to, "CdtrAgt", details.creditor_agent.as_ref())?;
    to.say("CdtrAgtAcct")?;
    parts::institution(to, "Cdtr", &details.creditor)?;
    parts::account(to, "CdtrAcct", details.creditor_account.as_ref())?;
    if let Some(ultimate) = &details.ultimate_creditor {
        parts::institution(to, "UltmtCdtr", ultimate)?;
    }
    to.say("InstrForCdtrAgt")?;
    to.code_or_proprietary("Purp", details.purpose.as_deref(), 4)?;
    parts::remittance(to, &details.remittance, &[])?;
    parts::underlying(to, details.underlying.as_deref())?;
    to.end()
}
