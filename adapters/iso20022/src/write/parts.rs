//! Parts that several messages share: agents, parties, accounts, references, in the layout of the 2019 generation.

use std::io::{self, Write};

use crate::payment::{AccountId, Agent, ClearingMember, Party, PaymentIds, TransferDetails};
use crate::write::xml::XmlWriter;

/// Longest `Max35Text`, the identifier of most things.
pub(crate) const ID_MAX: usize = 35;
/// Longest `Max140Text`, names and remittance lines.
pub(crate) const NAME_MAX: usize = 140;
const ACCOUNT_MAX: usize = 34;
const PROXY_MAX: usize = 2048;

/// How a generation lays an agent out: `BIC` in 2009, `BICFI` from 2012 on, and an LEI from 2019 on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Generation {
    Of2009,
    Of2012,
    Of2019,
}

pub(crate) fn agent<W: Write>(to: &mut XmlWriter<W>, name: &'static str, agent: &Agent) -> io::Result<()> {
    agent_as(to, name, agent, Generation::Of2019)
}

pub(crate) fn optional_agent<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    of: Option<&Agent>,
) -> io::Result<()> {
    of.map_or(Ok(()), |of| agent(to, name, of))
}

pub(crate) fn agent_as<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    agent: &Agent,
    generation: Generation,
) -> io::Result<()> {
    to.start(name)?;
    to.start("FinInstnId")?;
    let element = if generation == Generation::Of2009 { "BIC" } else { "BICFI" };
    to.optional(element, agent.bic.as_ref().map(feiqian_core::bic::Bic::as_str), 11)?;
    member(to, agent.member.as_ref())?;
    if generation == Generation::Of2019 {
        to.optional("LEI", agent.lei.as_deref(), 20)?;
    }
    to.optional("Nm", agent.name.as_deref(), NAME_MAX)?;
    other(to, agent.other.as_deref())?;
    to.end()?;
    to.end()
}

fn other<W: Write>(to: &mut XmlWriter<W>, id: Option<&str>) -> io::Result<()> {
    if id.is_some() {
        to.start("Othr")?;
        to.optional("Id", id, ID_MAX)?;
        to.end()?;
    }
    Ok(())
}

fn member<W: Write>(to: &mut XmlWriter<W>, member: Option<&ClearingMember>) -> io::Result<()> {
    let Some(member) = member else { return Ok(()) };
    to.start("ClrSysMmbId")?;
    to.code_or_proprietary("ClrSysId", member.system.as_deref(), 5)?;
    to.text("MmbId", &member.id, ID_MAX)?;
    to.end()
}

/// A customer.
pub(crate) fn party<W: Write>(to: &mut XmlWriter<W>, name: &'static str, party: &Party) -> io::Result<()> {
    to.start(name)?;
    party_body(to, party)?;
    to.end()
}

pub(crate) fn party_body<W: Write>(to: &mut XmlWriter<W>, party: &Party) -> io::Result<()> {
    to.optional("Nm", party.name.as_deref(), NAME_MAX)?;
    address(to, party)?;
    let is_organisation = party.bic.is_some() || party.lei.is_some() || party.organisation_id.is_some();
    if is_organisation {
        to.start("Id")?;
        to.start("OrgId")?;
        to.optional("AnyBIC", party.bic.as_ref().map(feiqian_core::bic::Bic::as_str), 11)?;
        to.optional("LEI", party.lei.as_deref(), 20)?;
        other(to, party.organisation_id.as_deref())?;
        to.end()?;
        to.end()?;
    } else if party.private_id.is_some() {
        to.start("Id")?;
        to.start("PrvtId")?;
        other(to, party.private_id.as_deref())?;
        to.end()?;
        to.end()?;
    }
    Ok(())
}

fn address<W: Write>(to: &mut XmlWriter<W>, party: &Party) -> io::Result<()> {
    if party.town.is_some() || party.country.is_some() {
        to.start("PstlAdr")?;
        to.optional("TwnNm", party.town.as_deref(), ID_MAX)?;
        to.optional("Ctry", party.country.as_deref(), 2)?;
        to.end()?;
    }
    Ok(())
}

/// An institution in the customer's place (pacs.009).
pub(crate) fn institution<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    party: &Party,
) -> io::Result<()> {
    to.start(name)?;
    to.start("FinInstnId")?;
    to.optional("BICFI", party.bic.as_ref().map(feiqian_core::bic::Bic::as_str), 11)?;
    member(to, party.member.as_ref())?;
    to.optional("LEI", party.lei.as_deref(), 20)?;
    to.optional("Nm", party.name.as_deref(), NAME_MAX)?;
    address(to, party)?;
    to.end()?;
    to.end()
}

pub(crate) fn account<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    account: Option<&AccountId>,
) -> io::Result<()> {
    let Some(account) = account else { return Ok(()) };
    to.start(name)?;
    account_id(to, account)?;
    if let AccountId::Proxy { id, kind } = account {
        to.start("Prxy")?;
        to.code_or_proprietary("Tp", kind.as_deref(), 4)?;
        to.text("Id", id, PROXY_MAX)?;
        to.end()?;
    }
    to.end()
}

/// `Id` of an account; of an alias, the alias once more, since this generation demands an `Id`.
pub(crate) fn account_id<W: Write>(to: &mut XmlWriter<W>, account: &AccountId) -> io::Result<()> {
    to.start("Id")?;
    match account {
        AccountId::Iban(iban) => to.value("IBAN", iban)?,
        AccountId::Other { id, scheme } => {
            to.start("Othr")?;
            to.text("Id", id, ACCOUNT_MAX)?;
            to.code_or_proprietary("SchmeNm", scheme.as_deref(), 4)?;
            to.end()?;
        }
        AccountId::Proxy { id, .. } => {
            to.start("Othr")?;
            to.text("Id", id, ACCOUNT_MAX)?;
            to.end()?;
        }
    }
    to.end()
}

/// `PmtId` of an interbank message.
pub(crate) fn payment_ids<W: Write>(to: &mut XmlWriter<W>, details: &TransferDetails) -> io::Result<()> {
    let PaymentIds { instruction, end_to_end, transaction, uetr } = &details.ids;
    to.start("PmtId")?;
    to.optional("InstrId", instruction.as_deref(), ID_MAX)?;
    to.text("EndToEndId", end_to_end.as_deref().unwrap_or(""), ID_MAX)?;
    to.optional("TxId", transaction.as_deref(), ID_MAX)?;
    if let Some(uetr) = uetr {
        to.value("UETR", &uetr.to_string())?;
    }
    to.optional("ClrSysRef", details.clearing_reference.as_deref(), ID_MAX)?;
    to.end()
}

/// `PmtTpInf`; priority HIGH and NORM belong here, URGT to the settlement priority.
pub(crate) fn payment_type<W: Write>(to: &mut XmlWriter<W>, details: &TransferDetails) -> io::Result<()> {
    let priority = details.priority.as_deref().filter(|priority| matches!(*priority, "HIGH" | "NORM"));
    let parts = [&details.service_level, &details.local_instrument, &details.category_purpose];
    if priority.is_none() && parts.iter().all(|part| part.is_none()) {
        return Ok(());
    }
    to.start("PmtTpInf")?;
    to.optional("InstrPrty", priority, 4)?;
    to.code_or_proprietary("SvcLvl", details.service_level.as_deref(), 4)?;
    to.code_or_proprietary("LclInstrm", details.local_instrument.as_deref(), ID_MAX)?;
    to.code_or_proprietary("CtgyPurp", details.category_purpose.as_deref(), 4)?;
    to.end()
}

pub(crate) fn intermediaries<W: Write>(to: &mut XmlWriter<W>, details: &TransferDetails) -> io::Result<()> {
    let names = ["IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3"];
    for (name, intermediary) in names.into_iter().zip(&details.intermediaries) {
        agent(to, name, intermediary)?;
    }
    Ok(())
}

/// `RmtInf` with lines and creditor references.
pub(crate) fn remittance<W: Write>(
    to: &mut XmlWriter<W>,
    lines: &[String],
    references: &[String],
) -> io::Result<()> {
    if lines.is_empty() && references.is_empty() {
        return Ok(());
    }
    to.start("RmtInf")?;
    for line in lines {
        to.text("Ustrd", line, NAME_MAX)?;
    }
    for reference in references {
        to.start("Strd")?;
        to.start("CdtrRefInf")?;
        to.text("Ref", reference, ID_MAX)?;
        to.end()?;
        to.end()?;
    }
    to.end()
}
