//! Writes recalls (camt.056), every version, as the recall's type says; and the parts that it shares with the
//! answer.

use std::io::{self, Write};

use crate::case::{Assignment, Case, CaseParty};
use crate::recall::{Recall, RecalledGroup, RecalledPayment};
use crate::schema::Family;
use crate::write::head::{start_versioned, written};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// Writes a camt.056: each group in an underlying set of its own, then the recalled payments in one. A UETR is left
/// out before version 08; a reason that the version does not list is written as a proprietary one.
///
/// # Errors
/// Those of `out`; `InvalidInput` for another message's type and values that no schema allows.
pub fn camt056(out: impl Write, recall: &Recall) -> io::Result<()> {
    let message = written(recall.message_type, Family::Camt056, 1)?;
    let mut to = start_versioned(out, recall.business.as_ref(), message)?;
    assignment(&mut to, &recall.assignment)?;
    case(&mut to, "Case", recall.case.as_ref())?;
    if recall.number_of_transactions.is_some() || recall.control_sum.is_some() {
        to.start("CtrlData")?;
        let count = recall.number_of_transactions;
        let count = count.unwrap_or(u64::try_from(recall.transactions.len()).unwrap_or(u64::MAX));
        to.checked("NbOfTxs", &count.to_string())?;
        to.checked_if_known("CtrlSum", recall.control_sum.as_deref())?;
        to.end()?;
    }
    for one in &recall.groups {
        to.start("Undrlyg")?;
        group(&mut to, &one)?;
        to.end()?;
    }
    if recall.groups.is_empty() || !recall.transactions.is_empty() {
        to.start("Undrlyg")?;
        recall.transactions.iter().try_for_each(|one| transaction(&mut to, &one))?;
        to.end()?;
    }
    to.finish().map(drop)
}

pub(crate) fn assignment<W: Write>(to: &mut XmlWriter<W>, assignment: &Assignment) -> io::Result<()> {
    to.start("Assgnmt")?;
    to.text("Id", &assignment.id, ID_MAX)?;
    case_party(to, "Assgnr", &assignment.assigner)?;
    case_party(to, "Assgne", &assignment.assignee)?;
    to.checked("CreDtTm", &assignment.creation)?;
    to.end()
}

pub(crate) fn case<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    case: Option<&Case>,
) -> io::Result<()> {
    let Some(case) = case else { return Ok(()) };
    to.start(name)?;
    to.text("Id", &case.id, ID_MAX)?;
    case_party(to, "Cretr", &case.creator)?;
    if let Some(is_reopened) = case.is_reopened {
        to.value("ReopCaseIndctn", if is_reopened { "true" } else { "false" })?;
    }
    to.end()
}

fn case_party<W: Write>(to: &mut XmlWriter<W>, name: &'static str, party: &CaseParty) -> io::Result<()> {
    to.start(name)?;
    match party {
        CaseParty::Agent(agent) => parts::agent(to, "Agt", agent)?,
        CaseParty::Party(party) => parts::party(to, "Pty", party)?,
    }
    to.end()
}

fn group<W: Write>(to: &mut XmlWriter<W>, group: &RecalledGroup) -> io::Result<()> {
    to.start("OrgnlGrpInfAndCxl")?;
    to.optional("GrpCxlId", group.id.as_deref(), ID_MAX)?;
    case(to, "Case", group.case.as_ref())?;
    parts::original_message_body(to, &group.original)?;
    to.checked_if_known("NbOfTxs", group.number_of_transactions.map(|count| count.to_string()).as_deref())?;
    to.checked_if_known("CtrlSum", group.control_sum.as_deref())?;
    if group.is_whole {
        to.value("GrpCxl", "true")?;
    }
    parts::reasons(to, "CxlRsnInf", &group.reasons)?;
    to.end()
}

fn transaction<W: Write>(to: &mut XmlWriter<W>, one: &RecalledPayment) -> io::Result<()> {
    to.start("TxInf")?;
    to.optional("CxlId", one.id.as_deref(), ID_MAX)?;
    case(to, "Case", one.case.as_ref())?;
    parts::original_message(to, one.original_message.as_ref())?;
    parts::original_ids(to, &one.original)?;
    parts::original_uetr(to, &one.original)?;
    to.optional("OrgnlClrSysRef", one.original_clearing_reference.as_deref(), ID_MAX)?;
    parts::told(to, "OrgnlIntrBkSttlmAmt", one.original_amount.as_ref())?;
    to.checked_if_known("OrgnlIntrBkSttlmDt", one.original_settlement_date.as_deref())?;
    parts::reasons(to, "CxlRsnInf", &one.reasons)?;
    parts::original_reference(to, one.original_reference.as_deref())?;
    to.end()
}
