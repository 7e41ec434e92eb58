//! Writes payment status reports (pacs.002, pain.002 from version 03 on, pain.014), statuses one by one, so that a report on a
//! million transactions is never held.

use std::io::{self, Write};

use crate::payment::{Agent, Party};
use crate::schema::{Family, MessageType};
use crate::status::{
    ConditionStatus, GroupStatus, PaymentStatus, StatusHead, StatusReport, TransactionStatus,
};
use crate::write::head::start_versioned;
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// The first version with a group's information in a transaction, and with UETR and LEI.
const GROUP_IN_TRANSACTION_FROM: u8 = 6;
const UETR_FROM: u8 = 10;

/// Writes a whole report. In a pain.002 the transactions of one payment information stand one behind another.
///
/// # Errors
/// Those of `out`, and a version below 03 of pacs.002 or pain.002.
pub fn pacs002(out: impl Write, report: &StatusReport) -> io::Result<()> {
    let mut writer = StatusWriter::new(out, &report.head)?;
    let mut payments = report.payments.iter().peekable();
    for transaction in &report.transactions {
        let id = transaction.payment_information_id.as_deref().unwrap_or("");
        if let Some(payment) = payments.next_if(|payment| payment.id == id) {
            writer.payment(&payment)?;
        }
        writer.transaction(&transaction)?;
    }
    writer.finish().map(drop)
}

/// A report being written: its head, then its transactions, then [`StatusWriter::finish`].
#[derive(Debug)]
pub struct StatusWriter<W> {
    to: XmlWriter<W>,
    version: MessageType,
    /// An `OrgnlPmtInfAndSts` is open.
    is_in_payment: bool,
}

impl<W: Write> StatusWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// Those of `out`; `InvalidInput` for a version below 03 of pacs.002 or pain.002, or another message's type.
    pub fn new(out: W, head: &StatusHead) -> io::Result<Self> {
        let version = head.message_type;
        let is_written = match version.family() {
            Family::Pacs002 | Family::Pain002 => version.version() >= 3,
            family => family == Family::Pain014,
        };
        if !is_written {
            let text = format!("{version} is not written; use version 03 or later of pacs.002 or pain.002");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let to = start_versioned(out, head.business.as_ref(), version)?;
        let mut writer = Self { to, version, is_in_payment: false };
        writer.to.start("GrpHdr")?;
        writer.to.text("MsgId", &head.message_id, ID_MAX)?;
        writer.to.value("CreDtTm", &head.creation)?;
        if writer.is_customers() {
            writer.initiator(head.instructing_agent.as_ref())?;
        } else {
            writer.agents(head.instructing_agent.as_ref(), head.instructed_agent.as_ref())?;
        }
        writer.to.end()?;
        for group in &head.groups {
            writer.group(&group)?;
        }
        Ok(writer)
    }

    /// Writes the status of one payment information; the transactions that follow are its own.
    ///
    /// # Errors
    /// Those of the output; `InvalidInput` in a pacs.002, which has none.
    pub fn payment(&mut self, payment: &PaymentStatus) -> io::Result<()> {
        if !self.is_customers() {
            let text = format!("{} has no OrgnlPmtInfAndSts", self.version);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.end_payment()?;
        self.to.start("OrgnlPmtInfAndSts")?;
        self.is_in_payment = true;
        self.to.text("OrgnlPmtInfId", &payment.id, ID_MAX)?;
        self.to.optional("OrgnlNbOfTxs", payment.original_count.as_deref(), 15)?;
        self.to.optional("PmtInfSts", payment.status.as_deref(), 4)?;
        parts::reasons(&mut self.to, "StsRsnInf", &payment.reasons)
    }

    /// Writes the status of one transaction; in a pain.002 without a payment before, in one of its own.
    ///
    /// # Errors
    /// Those of the output.
    pub fn transaction(&mut self, status: &TransactionStatus) -> io::Result<()> {
        if self.is_customers() {
            return self.customers_transaction(status);
        }
        let version = self.version.version();
        self.to.start("TxInfAndSts")?;
        self.to.optional("StsId", status.id.as_deref(), ID_MAX)?;
        if let Some((id, kind)) =
            status.original_message.as_ref().filter(|_| version >= GROUP_IN_TRANSACTION_FROM)
        {
            self.to.start("OrgnlGrpInf")?;
            self.to.text("OrgnlMsgId", id, ID_MAX)?;
            self.to.text("OrgnlMsgNmId", kind, ID_MAX)?;
            self.to.end()?;
        }
        self.to.optional("OrgnlInstrId", status.original.instruction.as_deref(), ID_MAX)?;
        self.to.optional("OrgnlEndToEndId", status.original.end_to_end.as_deref(), ID_MAX)?;
        self.to.optional("OrgnlTxId", status.original.transaction.as_deref(), ID_MAX)?;
        if let Some(uetr) = status.original.uetr.filter(|_| version >= UETR_FROM) {
            self.to.value("OrgnlUETR", &uetr.to_string())?;
        }
        self.to.optional("TxSts", status.status.as_deref(), 4)?;
        parts::reasons(&mut self.to, "StsRsnInf", &status.reasons)?;
        self.to.optional("AccptncDtTm", status.acceptance.as_deref(), ID_MAX)?;
        if let Some(date) = status.effective_settlement_date.as_ref().filter(|_| version >= UETR_FROM) {
            self.to.start("FctvIntrBkSttlmDt")?;
            self.to.value(if date.contains('T') { "DtTm" } else { "Dt" }, date)?;
            self.to.end()?;
        }
        self.to.optional("ClrSysRef", status.clearing_reference.as_deref(), ID_MAX)?;
        self.agents(status.instructing_agent.as_ref(), status.instructed_agent.as_ref())?;
        self.to.end()
    }

    fn is_customers(&self) -> bool {
        self.version.family() != Family::Pacs002
    }

    fn end_payment(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_in_payment) { self.to.end() } else { Ok(()) }
    }

    /// What a pain.002 says of a transaction: no `OrgnlTxId`, agents or settlement date, which are the banks' own.
    fn customers_transaction(&mut self, status: &TransactionStatus) -> io::Result<()> {
        if !self.is_in_payment {
            let id = status.payment_information_id.clone().unwrap_or_default();
            self.payment(&PaymentStatus { id, ..PaymentStatus::default() })?;
        }
        self.to.start("TxInfAndSts")?;
        self.to.optional("StsId", status.id.as_deref(), ID_MAX)?;
        self.to.optional("OrgnlInstrId", status.original.instruction.as_deref(), ID_MAX)?;
        self.to.optional("OrgnlEndToEndId", status.original.end_to_end.as_deref(), ID_MAX)?;
        parts::original_uetr(&mut self.to, &status.original)?;
        self.to.checked_if_known("TxSts", status.status.as_deref())?;
        parts::reasons(&mut self.to, "StsRsnInf", &status.reasons)?;
        self.condition(status.condition.as_ref())?;
        self.to.checked_if_known("DbtrDcsnDtTm", status.debtor_decision.as_deref())?;
        self.to.optional("AccptncDtTm", status.acceptance.as_deref(), ID_MAX)?;
        self.to.optional("ClrSysRef", status.clearing_reference.as_deref(), ID_MAX)?;
        self.to.end()
    }

    fn condition(&mut self, condition: Option<&ConditionStatus>) -> io::Result<()> {
        let Some(condition) = condition.filter(|_| self.to.has("PmtCondSts")) else { return Ok(()) };
        self.to.start("PmtCondSts")?;
        parts::told(&mut self.to, "AccptdAmt", condition.accepted_amount.as_ref())?;
        self.to.checked_if_known("GrntedPmt", condition.is_guaranteed.as_deref())?;
        self.to.checked_if_known("EarlyPmt", condition.is_early.as_deref())?;
        self.to.end()
    }

    /// `InitgPty`: who makes the report, by its BIC.
    fn initiator(&mut self, agent: Option<&Agent>) -> io::Result<()> {
        let bic = agent.and_then(|agent| agent.bic);
        if bic.is_none() && self.version.family() == Family::Pain002 {
            return Ok(());
        }
        parts::party(&mut self.to, "InitgPty", &Party { bic, ..Party::default() })
    }

    /// Closes the report and hands the output back, flushed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(self) -> io::Result<W> {
        self.to.finish()
    }

    fn agents(&mut self, instructing: Option<&Agent>, instructed: Option<&Agent>) -> io::Result<()> {
        parts::optional_agent(&mut self.to, "InstgAgt", instructing)?;
        parts::optional_agent(&mut self.to, "InstdAgt", instructed)
    }

    fn group(&mut self, group: &GroupStatus) -> io::Result<()> {
        self.to.start("OrgnlGrpInfAndSts")?;
        self.to.text("OrgnlMsgId", &group.original_message_id, ID_MAX)?;
        self.to.text("OrgnlMsgNmId", &group.original_message_type, ID_MAX)?;
        self.to.optional("OrgnlCreDtTm", group.original_creation.as_deref(), ID_MAX)?;
        self.to.optional("OrgnlNbOfTxs", group.original_count.as_deref(), 15)?;
        self.to.optional("GrpSts", group.status.as_deref(), 4)?;
        parts::reasons(&mut self.to, "StsRsnInf", &group.reasons)?;
        self.to.end()
    }
}
