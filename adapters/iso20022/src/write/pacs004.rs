//! Writes payment returns (pacs.004) from version 02 on, in the version that the head names.

use std::io::{self, Write};

use crate::payment::{MessageHead, ToldAmount};
use crate::returns::PaymentReturn;
use crate::schema::Family;
use crate::write::head::{start_versioned, written};
use crate::write::pacs008::group_header;
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// The first version with the structure that is written.
const FROM: u8 = 2;

/// Writes a pacs.004. What the group header says for all returns is not repeated in each; what the version has no
/// element for (a UETR before 09) is left out.
///
/// # Errors
/// Those of `out`; `InvalidInput` for a version below 02, another message's type, and values that no schema allows.
pub fn pacs004(out: impl Write, head: &MessageHead, returns: &[PaymentReturn]) -> io::Result<()> {
    let message = written(head.message_type, Family::Pacs004, FROM)?;
    let mut to = start_versioned(out, head.business.as_ref(), message)?;
    group_header(&mut to, head, returns.len())?;
    for one in returns {
        payment_return(&mut to, head, one)?;
    }
    to.finish().map(drop)
}

fn payment_return<W: Write>(
    to: &mut XmlWriter<W>,
    head: &MessageHead,
    one: &PaymentReturn,
) -> io::Result<()> {
    let details = &one.details;
    to.start("TxInf")?;
    to.saying(&details.said);
    to.optional("RtrId", details.id.as_deref(), ID_MAX)?;
    parts::original_message(to, details.original_message.as_ref())?;
    parts::original_ids(to, &details.original)?;
    parts::original_uetr(to, &details.original)?;
    to.optional("OrgnlClrSysRef", details.original_clearing_reference.as_deref(), ID_MAX)?;
    parts::told(to, "OrgnlIntrBkSttlmAmt", details.original_amount.as_ref())?;
    to.checked_if_known("OrgnlIntrBkSttlmDt", details.original_settlement_date.as_deref())?;
    parts::told(to, "RtrdIntrBkSttlmAmt", Some(&ToldAmount::of(one.amount, one.currency)))?;
    let date = details.settlement_date.as_ref().filter(|date| head.settlement_date.as_ref() != Some(*date));
    to.checked_if_known("IntrBkSttlmDt", date.map(String::as_str))?;
    parts::told(to, "RtrdInstdAmt", details.returned_instructed_amount.as_ref())?;
    to.checked_if_known("XchgRate", details.exchange_rate.as_deref())?;
    parts::told(to, "CompstnAmt", details.compensation.as_ref())?;
    to.checked_if_known("ChrgBr", details.charge_bearer.as_deref())?;
    charges(to, one)?;
    to.if_known("ClrSysRef", details.clearing_reference.as_deref(), ID_MAX)?;
    let agents = [
        ("InstgAgt", &details.instructing_agent, &head.instructing_agent),
        ("InstdAgt", &details.instructed_agent, &head.instructed_agent),
    ];
    for (name, own, of_group) in agents {
        parts::optional_agent(to, name, own.as_ref().filter(|_| own != of_group))?;
    }
    to.say("RtrChain")?;
    parts::reasons(to, "RtrRsnInf", &details.reasons)?;
    parts::original_reference(to, details.original_reference.as_deref())?;
    to.end()
}

fn charges<W: Write>(to: &mut XmlWriter<W>, one: &PaymentReturn) -> io::Result<()> {
    for (at, charge) in one.details.charges.iter().enumerate() {
        to.start("ChrgsInf")?;
        to.saying_of(|| format!("ChrgsInf[{}]", at + 1));
        parts::told(to, "Amt", Some(&charge.amount))?;
        let name = if to.has("Agt") { "Agt" } else { "Pty" };
        parts::agent(to, name, &charge.agent())?;
        to.end()?;
    }
    Ok(())
}
