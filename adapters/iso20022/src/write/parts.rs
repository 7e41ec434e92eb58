//! Parts that several messages share: agents, parties, accounts, references and reasons, as the version that is
//! written has them.

use std::io::{self, Write};

use crate::original::OriginalMessage;
use crate::original::is_told;
use crate::payment::{AccountId, Agent, ClearingMember, Party, PaymentIds, ToldAmount, TransferDetails};
use crate::status::{ADDITIONAL_CHARS_MAX, StatusReason};
use crate::write::xml::XmlWriter;
use crate::xml::shortened;

/// Longest `Max35Text`, the identifier of most things.
pub(crate) const ID_MAX: usize = 35;
/// Longest `Max140Text`, names and remittance lines.
pub(crate) const NAME_MAX: usize = 140;
const ACCOUNT_MAX: usize = 34;
const PROXY_MAX: usize = 2048;

/// An agent: `BIC` in 2009, `BICFI` from 2012 on, and an LEI from 2019 on.
pub(crate) fn agent<W: Write>(to: &mut XmlWriter<W>, name: &'static str, agent: &Agent) -> io::Result<()> {
    to.start(name)?;
    agent_body(to, agent)?;
    to.end()
}

pub(crate) fn agent_body<W: Write>(to: &mut XmlWriter<W>, agent: &Agent) -> io::Result<()> {
    to.start("FinInstnId")?;
    let bic = agent.bic.as_ref().map(feiqian_core::bic::Bic::as_str);
    for name in ["BIC", "BICFI"] {
        to.if_known(name, bic, 11)?;
    }
    member(to, agent.member.as_ref())?;
    to.if_accepted("LEI", agent.lei.as_deref())?;
    to.optional("Nm", agent.name.as_deref(), NAME_MAX)?;
    to.say("PstlAdr")?;
    other(to, agent.other.as_deref())?;
    to.end()?;
    to.say("BrnchId").map(drop)
}

pub(crate) fn optional_agent<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    of: Option<&Agent>,
) -> io::Result<()> {
    of.map_or(Ok(()), |of| agent(to, name, of))
}

fn other<W: Write>(to: &mut XmlWriter<W>, id: Option<&str>) -> io::Result<()> {
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(()) };
    to.start("Othr")?;
    to.text("Id", id, ID_MAX)?;
    to.end()
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
        let bic = party.bic.as_ref().map(feiqian_core::bic::Bic::as_str);
        for name in ["BICOrBEI", "AnyBIC"] {
            to.if_known(name, bic, 11)?;
        }
        to.if_accepted("LEI", party.lei.as_deref())?;
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
    to.say("CtryOfRes")?;
    to.say("CtctDtls").map(drop)
}

/// The address as it was said, or what is known of it by fields.
fn address<W: Write>(to: &mut XmlWriter<W>, party: &Party) -> io::Result<()> {
    if to.say("PstlAdr")? {
        return Ok(());
    }
    if party.town.is_some() || party.country.is_some() {
        to.start("PstlAdr")?;
        to.optional("TwnNm", party.town.as_deref(), ID_MAX)?;
        to.if_accepted("Ctry", party.country.as_deref())?;
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
    to.if_accepted("LEI", party.lei.as_deref())?;
    to.optional("Nm", party.name.as_deref(), NAME_MAX)?;
    address(to, party)?;
    to.end()?;
    to.say("BrnchId")?;
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
    if let AccountId::Proxy { id, kind } = account
        && to.has("Prxy")
    {
        to.start("Prxy")?;
        to.code_or_proprietary("Tp", kind.as_deref(), 4)?;
        to.text("Id", id, PROXY_MAX)?;
        to.end()?;
    }
    to.end()
}

/// `Id` of an account; of an alias, the alias once more, since this generation demands an `Id`.
pub(crate) fn account_id<W: Write>(to: &mut XmlWriter<W>, account: &AccountId) -> io::Result<()> {
    account_id_as(to, "Id", account)
}

/// The same in an element `name`.
pub(crate) fn account_id_as<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    account: &AccountId,
) -> io::Result<()> {
    to.start(name)?;
    match account {
        AccountId::Iban(iban) if to.accepts("IBAN", iban) => to.value("IBAN", iban)?,
        AccountId::Iban(id) => {
            to.start("Othr")?;
            to.text("Id", id, ACCOUNT_MAX)?;
            to.end()?;
        }
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

/// Reasons, each in an element `name`: a code that the version has not is written as a proprietary one.
pub(crate) fn reasons<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    reasons: &[StatusReason],
) -> io::Result<()> {
    for reason in reasons {
        to.start(name)?;
        if let Some(originator) = &reason.originator {
            party(to, "Orgtr", originator)?;
        }
        if let Some(text) = reason.code.as_deref().or(reason.proprietary.as_deref()) {
            to.start("Rsn")?;
            let is_code = reason.code.is_some() && to.accepts("Cd", text);
            to.text(if is_code { "Cd" } else { "Prtry" }, text, ID_MAX)?;
            to.end()?;
        }
        for piece in &reason.additional {
            to.text("AddtlInf", piece, ADDITIONAL_CHARS_MAX)?;
        }
        to.end()?;
    }
    Ok(())
}

/// `OrgnlGrpInf`: the message that a payment came in.
pub(crate) fn original_message<W: Write>(
    to: &mut XmlWriter<W>,
    message: Option<&OriginalMessage>,
) -> io::Result<()> {
    let Some(message) = message.filter(|_| to.has("OrgnlGrpInf")) else { return Ok(()) };
    to.start("OrgnlGrpInf")?;
    original_message_body(to, message)?;
    to.end()
}

pub(crate) fn original_message_body<W: Write>(
    to: &mut XmlWriter<W>,
    message: &OriginalMessage,
) -> io::Result<()> {
    to.text("OrgnlMsgId", &message.message_id, ID_MAX)?;
    to.text("OrgnlMsgNmId", &message.message_type, ID_MAX)?;
    to.checked_if_known("OrgnlCreDtTm", message.creation.as_deref())
}

/// The references of an original transaction, as far as the version has them.
pub(crate) fn original_ids<W: Write>(to: &mut XmlWriter<W>, ids: &PaymentIds) -> io::Result<()> {
    to.optional("OrgnlInstrId", ids.instruction.as_deref(), ID_MAX)?;
    to.optional("OrgnlEndToEndId", ids.end_to_end.as_deref(), ID_MAX)?;
    to.optional("OrgnlTxId", ids.transaction.as_deref(), ID_MAX)
}

/// The UETR of an original transaction, from 2019 on.
pub(crate) fn original_uetr<W: Write>(to: &mut XmlWriter<W>, ids: &PaymentIds) -> io::Result<()> {
    to.if_known("OrgnlUETR", ids.uetr.map(|uetr| uetr.to_string()).as_deref(), 36)
}

/// `OrgnlTxRef`: the parties of an original transaction, each as customer or institution where the version asks
/// which.
pub(crate) fn original_reference<W: Write>(
    to: &mut XmlWriter<W>,
    details: Option<&TransferDetails>,
) -> io::Result<()> {
    let Some(details) = details else { return Ok(()) };
    to.start("OrgnlTxRef")?;
    to.saying(&details.said);
    to.checked_if_known("IntrBkSttlmDt", details.settlement_date.as_deref())?;
    payment_type(to, details)?;
    remittance(to, &details.remittance, &details.remittance_references)?;
    party_or_agent(to, "UltmtDbtr", details.ultimate_debtor.as_ref())?;
    party_or_agent(to, "Dbtr", Some(&details.debtor).filter(|party| is_told(party)))?;
    account(to, "DbtrAcct", details.debtor_account.as_ref())?;
    optional_agent(to, "DbtrAgt", details.debtor_agent.as_ref())?;
    to.say("DbtrAgtAcct")?;
    optional_agent(to, "CdtrAgt", details.creditor_agent.as_ref())?;
    to.say("CdtrAgtAcct")?;
    party_or_agent(to, "Cdtr", Some(&details.creditor).filter(|party| is_told(party)))?;
    account(to, "CdtrAcct", details.creditor_account.as_ref())?;
    party_or_agent(to, "UltmtCdtr", details.ultimate_creditor.as_ref())?;
    if to.has("Purp") {
        to.code_or_proprietary("Purp", details.purpose.as_deref(), 4)?;
    }
    underlying(to, details.underlying.as_deref())?;
    to.end()
}

/// A party; below `Agt` where it is an institution and the version has that.
pub(crate) fn party_or_agent<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    of: Option<&Party>,
) -> io::Result<()> {
    let Some(of) = of else { return Ok(()) };
    to.start(name)?;
    if of.member.is_some() && to.has("Agt") {
        institution(to, "Agt", of)?;
    } else if to.has("Pty") {
        party(to, "Pty", of)?;
    } else {
        party_body(to, of)?;
    }
    to.end()
}

/// An amount as told, which its type must allow.
pub(crate) fn told<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    amount: Option<&ToldAmount>,
) -> io::Result<()> {
    let Some(amount) = amount.filter(|_| to.has(name)) else { return Ok(()) };
    let ToldAmount { text, currency } = amount;
    if is_allowed(to, &[], (name, amount)) {
        return to.amount(name, text, currency);
    }
    let text = format!("{:?} {:?} is no {name}", shortened(text), shortened(currency));
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Whether the element `name` in the elements `path` can hold an amount.
pub(crate) fn is_allowed<W: Write>(
    to: &mut XmlWriter<W>,
    path: &[&str],
    (name, amount): (&str, &ToldAmount),
) -> bool {
    let currency = &amount.currency;
    let is_currency = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    is_currency && to.accepts_below(path, name, &amount.text)
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
    let names = [
        ("IntrmyAgt1", "IntrmyAgt1Acct"),
        ("IntrmyAgt2", "IntrmyAgt2Acct"),
        ("IntrmyAgt3", "IntrmyAgt3Acct"),
    ];
    agents(to, names, &details.intermediaries)
}

pub(crate) fn previous_agents<W: Write>(to: &mut XmlWriter<W>, details: &TransferDetails) -> io::Result<()> {
    let names = [
        ("PrvsInstgAgt1", "PrvsInstgAgt1Acct"),
        ("PrvsInstgAgt2", "PrvsInstgAgt2Acct"),
        ("PrvsInstgAgt3", "PrvsInstgAgt3Acct"),
    ];
    agents(to, names, &details.previous_agents)
}

/// Agents in a row, each with the account that is said of it.
fn agents<W: Write>(
    to: &mut XmlWriter<W>,
    names: [(&'static str, &'static str); 3],
    all: &[Agent],
) -> io::Result<()> {
    for (at, (name, account)) in names.into_iter().enumerate() {
        optional_agent(to, name, all.get(at))?;
        to.say(account)?;
    }
    Ok(())
}

/// An agent that must be there; one that nobody has named is there and names nobody.
pub(crate) fn needed_agent<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    of: Option<&Agent>,
) -> io::Result<()> {
    agent(to, name, of.unwrap_or(&Agent::default()))
}

pub(crate) fn optional_party<W: Write>(
    to: &mut XmlWriter<W>,
    name: &'static str,
    of: Option<&Party>,
) -> io::Result<()> {
    of.map_or(Ok(()), |of| party(to, name, of))
}

/// `UndrlygCstmrCdtTrf`, where the version has it.
pub(crate) fn underlying<W: Write>(to: &mut XmlWriter<W>, of: Option<&TransferDetails>) -> io::Result<()> {
    let Some(of) = of.filter(|_| to.has("UndrlygCstmrCdtTrf")) else { return Ok(()) };
    to.start("UndrlygCstmrCdtTrf")?;
    optional_party(to, "UltmtDbtr", of.ultimate_debtor.as_ref())?;
    optional_party(to, "InitgPty", of.initiating_party.as_ref())?;
    party(to, "Dbtr", &of.debtor)?;
    account(to, "DbtrAcct", of.debtor_account.as_ref())?;
    needed_agent(to, "DbtrAgt", of.debtor_agent.as_ref())?;
    to.say("DbtrAgtAcct")?;
    previous_agents(to, of)?;
    intermediaries(to, of)?;
    needed_agent(to, "CdtrAgt", of.creditor_agent.as_ref())?;
    to.say("CdtrAgtAcct")?;
    party(to, "Cdtr", &of.creditor)?;
    account(to, "CdtrAcct", of.creditor_account.as_ref())?;
    optional_party(to, "UltmtCdtr", of.ultimate_creditor.as_ref())?;
    to.say("InstrForCdtrAgt")?;
    to.say("Tax")?;
    remittance(to, &of.remittance, &of.remittance_references)?;
    let instructed = of.instructed_amount.as_ref();
    let instructed = instructed.filter(|amount| is_allowed(to, &[], ("InstdAmt", amount)));
    told(to, "InstdAmt", instructed)?;
    to.end()
}

/// `RmtInf` with lines and what is said of structured information, or creditor references alone where that is not known.
pub(crate) fn remittance<W: Write>(
    to: &mut XmlWriter<W>,
    lines: &[String],
    references: &[String],
) -> io::Result<()> {
    let structured = to.fitted(&["RmtInf"], "Strd");
    if lines.is_empty() && references.is_empty() && structured.is_empty() {
        return Ok(());
    }
    to.start("RmtInf")?;
    for line in lines {
        to.text("Ustrd", line, NAME_MAX)?;
    }
    to.pieces(&structured)?;
    for reference in references.iter().filter(|_| structured.is_empty()) {
        to.start("Strd")?;
        to.start("CdtrRefInf")?;
        to.text("Ref", reference, ID_MAX)?;
        to.end()?;
        to.end()?;
    }
    to.end()
}
