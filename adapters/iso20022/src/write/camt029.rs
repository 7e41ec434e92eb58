//! Writes answers to recalls (camt.029) from version 03 on, as the answer's type says.

use std::io::{self, Write};

use crate::resolution::{Resolution, ResolvedGroup, ResolvedPayment};
use crate::schema::Family;
use crate::write::camt056::{assignment, case};
use crate::write::head::{start_versioned, written};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// The first version with the structure that is written.
const FROM: u8 = 3;

/// Writes a camt.029: each group in cancellation details of its own, then the payments in one. A UETR is left out
/// before version 09; a reason that the version does not list is written as a proprietary one.
///
/// # Errors
/// Those of `out`; `InvalidInput` for a version below 03, another message's type, no confirmation, and values that no
/// schema allows.
pub fn camt029(out: impl Write, resolution: &Resolution) -> io::Result<()> {
    let message = written(resolution.message_type, Family::Camt029, FROM)?;
    let mut to = start_versioned(out, resolution.business.as_ref(), message)?;
    assignment(&mut to, &resolution.assignment)?;
    case(&mut to, "RslvdCase", resolution.case.as_ref())?;
    to.start("Sts")?;
    to.checked("Conf", resolution.confirmation.as_deref().unwrap_or(""))?;
    to.end()?;
    for one in &resolution.groups {
        to.start("CxlDtls")?;
        group(&mut to, &one)?;
        to.end()?;
    }
    if !resolution.transactions.is_empty() {
        to.start("CxlDtls")?;
        resolution.transactions.iter().try_for_each(|one| transaction(&mut to, &one))?;
        to.end()?;
    }
    to.finish().map(drop)
}

fn group<W: Write>(to: &mut XmlWriter<W>, group: &ResolvedGroup) -> io::Result<()> {
    if let Some(id) = &group.payment_information_id {
        return payment_information(to, group, id);
    }
    to.start("OrgnlGrpInfAndSts")?;
    to.optional("OrgnlGrpCxlId", group.recall_id.as_deref(), ID_MAX)?;
    case(to, "RslvdCase", group.case.as_ref())?;
    parts::original_message_body(to, &group.original)?;
    to.checked_if_known("GrpCxlSts", group.status.as_deref())?;
    parts::reasons(to, "CxlStsRsnInf", &group.reasons)?;
    to.end()
}

fn payment_information<W: Write>(to: &mut XmlWriter<W>, group: &ResolvedGroup, id: &str) -> io::Result<()> {
    to.start("OrgnlPmtInfAndSts")?;
    to.optional("OrgnlPmtInfCxlId", group.recall_id.as_deref(), ID_MAX)?;
    case(to, "RslvdCase", group.case.as_ref())?;
    to.text("OrgnlPmtInfId", id, ID_MAX)?;
    let message = Some(&group.original).filter(|message| !message.message_id.is_empty());
    parts::original_message(to, message)?;
    to.checked_if_known("PmtInfCxlSts", group.status.as_deref())?;
    parts::reasons(to, "CxlStsRsnInf", &group.reasons)?;
    to.end()
}

fn transaction<W: Write>(to: &mut XmlWriter<W>, one: &ResolvedPayment) -> io::Result<()> {
    to.start("TxInfAndSts")?;
    to.optional("CxlStsId", one.id.as_deref(), ID_MAX)?;
    case(to, "RslvdCase", one.case.as_ref())?;
    parts::original_message(to, one.original_message.as_ref())?;
    parts::original_ids(to, &one.original)?;
    to.optional("OrgnlClrSysRef", one.original_clearing_reference.as_deref(), ID_MAX)?;
    parts::original_uetr(to, &one.original)?;
    to.checked_if_known("TxCxlSts", one.status.as_deref())?;
    parts::reasons(to, "CxlStsRsnInf", &one.reasons)?;
    parts::told(to, "OrgnlIntrBkSttlmAmt", one.original_amount.as_ref())?;
    to.checked_if_known("OrgnlIntrBkSttlmDt", one.original_settlement_date.as_deref())?;
    parts::original_reference(to, one.original_reference.as_deref())?;
    to.end()
}
