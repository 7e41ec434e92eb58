//! Writes answers to account verifications (acmt.024), as the answer's type says. Nothing of the account is said again,
//! nor anything that the request did not hold.

use std::io::{self, Write};

use crate::payment::Agent;
use crate::schema::Family;
use crate::verification::VerificationReport;
use crate::write::head::{start_versioned, written};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// Writes an acmt.024.
///
/// # Errors
/// Those of `out`; `InvalidInput` for another message's type, and for a reason that no schema allows.
pub fn acmt024(out: impl Write, report: &VerificationReport) -> io::Result<()> {
    let message = written(report.message_type, Family::Acmt024, 1)?;
    let mut to = start_versioned(out, report.business.as_ref(), message)?;
    to.start("Assgnmt")?;
    to.text("MsgId", &report.message_id, ID_MAX)?;
    to.value("CreDtTm", &report.creation)?;
    side(&mut to, "Assgnr", &report.assigner)?;
    side(&mut to, "Assgne", &report.assignee)?;
    to.end()?;
    to.start("OrgnlAssgnmt")?;
    to.text("MsgId", &report.original.0, ID_MAX)?;
    to.value("CreDtTm", &report.original.1)?;
    to.end()?;
    for result in &report.results {
        to.start("Rpt")?;
        to.text("OrgnlId", &result.id, ID_MAX)?;
        to.value("Vrfctn", if result.is_verified { "true" } else { "false" })?;
        if let Some(text) = result.code.or(result.proprietary) {
            to.start("Rsn")?;
            to.checked(if result.code.is_some() { "Cd" } else { "Prtry" }, text)?;
            to.end()?;
        }
        to.end()?;
    }
    to.finish().map(drop)
}

fn side<W: Write>(to: &mut XmlWriter<W>, name: &'static str, agent: &Agent) -> io::Result<()> {
    to.start(name)?;
    parts::agent(to, "Agt", agent)?;
    to.end()
}
