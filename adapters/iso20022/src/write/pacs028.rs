//! Writes status requests (pacs.028), every version, as the request's type says.

use std::io::{self, Write};

use crate::schema::Family;
use crate::status_request::{RequestedGroup, RequestedStatus, StatusRequest};
use crate::write::head::{start_versioned, written};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// Writes a pacs.028. A UETR is left out before version 03, which has no element for it.
///
/// # Errors
/// Those of `out`; `InvalidInput` for another message's type and values that no schema allows.
pub fn pacs028(out: impl Write, request: &StatusRequest) -> io::Result<()> {
    let message = written(request.message_type, Family::Pacs028, 1)?;
    let mut to = start_versioned(out, request.business.as_ref(), message)?;
    to.start("GrpHdr")?;
    to.text("MsgId", &request.message_id, ID_MAX)?;
    to.checked("CreDtTm", &request.creation)?;
    parts::optional_agent(&mut to, "InstgAgt", request.instructing_agent.as_ref())?;
    parts::optional_agent(&mut to, "InstdAgt", request.instructed_agent.as_ref())?;
    to.end()?;
    request.groups.iter().try_for_each(|one| group(&mut to, &one))?;
    request.transactions.iter().try_for_each(|one| transaction(&mut to, &one))?;
    to.finish().map(drop)
}

fn group<W: Write>(to: &mut XmlWriter<W>, group: &RequestedGroup) -> io::Result<()> {
    to.start("OrgnlGrpInf")?;
    parts::original_message_body(to, &group.original)?;
    let count = group.number_of_transactions.map(|count| count.to_string());
    to.checked_if_known("OrgnlNbOfTxs", count.as_deref())?;
    to.checked_if_known("OrgnlCtrlSum", group.control_sum.as_deref())?;
    to.end()
}

fn transaction<W: Write>(to: &mut XmlWriter<W>, one: &RequestedStatus) -> io::Result<()> {
    to.start("TxInf")?;
    to.optional("StsReqId", one.id.as_deref(), ID_MAX)?;
    parts::original_message(to, one.original_message.as_ref())?;
    parts::original_ids(to, &one.original)?;
    parts::original_uetr(to, &one.original)?;
    to.checked_if_known("AccptncDtTm", one.acceptance.as_deref())?;
    to.optional("ClrSysRef", one.clearing_reference.as_deref(), ID_MAX)?;
    parts::optional_agent(to, "InstgAgt", one.instructing_agent.as_ref())?;
    parts::optional_agent(to, "InstdAgt", one.instructed_agent.as_ref())?;
    parts::original_reference(to, one.original_reference.as_deref())?;
    to.end()
}
