//! Writes payment status reports (pacs.002) from version 03 on, statuses one by one, so that a report on a million
//! transactions is never held.

use std::io::{self, Write};

use crate::payment::Agent;
use crate::schema::MessageType;
use crate::status::{GroupStatus, StatusHead, StatusReport, TransactionStatus};
use crate::write::head::start_message;
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// The first version with a group's information in a transaction, and with UETR and LEI.
const GROUP_IN_TRANSACTION_FROM: u8 = 6;
const UETR_FROM: u8 = 10;

/// Writes a whole report.
///
/// # Errors
/// Those of `out`, and a version below 03.
pub fn pacs002(out: impl Write, report: &StatusReport) -> io::Result<()> {
    let mut writer = StatusWriter::new(out, &report.head)?;
    for transaction in &report.transactions {
        writer.transaction(transaction)?;
    }
    writer.finish().map(drop)
}

/// A report being written: its head, then its transactions, then [`StatusWriter::finish`].
#[derive(Debug)]
pub struct StatusWriter<W> {
    to: XmlWriter<W>,
    version: MessageType,
}

impl<W: Write> StatusWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// Those of `out`; `InvalidInput` for a version below 03 or another message's type.
    pub fn new(out: W, head: &StatusHead) -> io::Result<Self> {
        let version = head.message_type;
        if version.family() != crate::schema::Family::Pacs002 || version.version() < 3 {
            let text = format!("{version} is not written; use pacs.002.001.03 or later");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let to = start_message(out, head.business.as_ref(), version, "FIToFIPmtStsRpt")?;
        let mut writer = Self { to, version };
        writer.to.start("GrpHdr")?;
        writer.to.text("MsgId", &head.message_id, ID_MAX)?;
        writer.to.value("CreDtTm", &head.creation)?;
        writer.agents(head.instructing_agent.as_ref(), head.instructed_agent.as_ref())?;
        writer.to.end()?;
        for group in &head.groups {
            writer.group(group)?;
        }
        Ok(writer)
    }

    /// Writes the status of one transaction.
    ///
    /// # Errors
    /// Those of the output.
    pub fn transaction(&mut self, status: &TransactionStatus) -> io::Result<()> {
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
