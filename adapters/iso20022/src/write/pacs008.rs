//! Writes customer credit transfers between banks (pacs.008.001.08).

use std::io::{self, Write};

use crate::payment::{CreditTransfer, MessageHead, TransferDetails};
use crate::write::head::{known, start_message};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// Who bears the charges where nothing is said: as the service level says.
const CHARGE_BEARER: &str = "SLEV";

/// Writes a pacs.008.001.08, whatever version `head` names. What the group header says for all transactions
/// is not repeated in each.
///
/// # Errors
/// Those of `out`.
pub fn pacs008(out: impl Write, head: &MessageHead, transfers: &[CreditTransfer]) -> io::Result<()> {
    let message = known("pacs.008.001.08")?;
    let mut to = start_message(out, head.business.as_ref(), message, "FIToFICstmrCdtTrf")?;
    group_header(&mut to, head, transfers.len())?;
    for transfer in transfers {
        transaction(&mut to, head, transfer)?;
    }
    to.finish().map(drop)
}

/// `GrpHdr` of an interbank message.
pub(crate) fn group_header<W: Write>(
    to: &mut XmlWriter<W>,
    head: &MessageHead,
    count: usize,
) -> io::Result<()> {
    to.start("GrpHdr")?;
    to.text("MsgId", &head.message_id, ID_MAX)?;
    to.value("CreDtTm", &head.creation)?;
    let count = head.number_of_transactions.map_or(count.to_string(), |count| count.to_string());
    to.value("NbOfTxs", &count)?;
    to.optional("CtrlSum", head.control_sum.as_deref(), 19)?;
    if let Some(total) = &head.total {
        let is_return = to.has("TtlRtrdIntrBkSttlmAmt");
        let name = if is_return { "TtlRtrdIntrBkSttlmAmt" } else { "TtlIntrBkSttlmAmt" };
        to.amount(name, &total.text, &total.currency)?;
    }
    to.optional("IntrBkSttlmDt", head.settlement_date.as_deref(), 16)?;
    to.start("SttlmInf")?;
    to.value("SttlmMtd", head.settlement_method.as_deref().unwrap_or("CLRG"))?;
    to.code_or_proprietary("ClrSys", head.clearing_system.as_deref(), 3)?;
    to.end()?;
    parts::optional_agent(to, "InstgAgt", head.instructing_agent.as_ref())?;
    parts::optional_agent(to, "InstdAgt", head.instructed_agent.as_ref())?;
    to.end()
}

/// What a transaction says before its parties, in pacs.008 and pacs.009 alike.
pub(crate) fn transaction_start<W: Write>(
    to: &mut XmlWriter<W>,
    head: &MessageHead,
    transfer: &CreditTransfer,
) -> io::Result<()> {
    let details = &transfer.details;
    parts::payment_ids(to, details)?;
    parts::payment_type(to, details)?;
    let amount = transfer.amount.to_decimal(transfer.currency);
    to.amount("IntrBkSttlmAmt", &amount, transfer.currency.iso_code())?;
    let date = details.settlement_date.as_ref().filter(|date| head.settlement_date.as_ref() != Some(*date));
    to.optional("IntrBkSttlmDt", date.map(String::as_str), 16)?;
    to.optional("SttlmPrty", details.priority.as_deref().filter(|priority| *priority == "URGT"), 4)
}

/// The agents before, those of a transaction that differ from those of the group, then the intermediaries.
pub(crate) fn agents<W: Write>(
    to: &mut XmlWriter<W>,
    head: &MessageHead,
    details: &TransferDetails,
) -> io::Result<()> {
    let instructing = details.instructing_agent.as_ref();
    let instructed = details.instructed_agent.as_ref();
    parts::previous_agents(to, details)?;
    parts::optional_agent(
        to,
        "InstgAgt",
        instructing.filter(|agent| head.instructing_agent.as_ref() != Some(*agent)),
    )?;
    parts::optional_agent(
        to,
        "InstdAgt",
        instructed.filter(|agent| head.instructed_agent.as_ref() != Some(*agent)),
    )?;
    parts::intermediaries(to, details)
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
    if let Some(amount) = &details.instructed_amount {
        to.amount("InstdAmt", &amount.text, &amount.currency)?;
    }
    to.optional("XchgRate", details.exchange_rate.as_deref(), 19)?;
    to.value("ChrgBr", details.charge_bearer.as_deref().unwrap_or(CHARGE_BEARER))?;
    for (at, charge) in details.charges.iter().enumerate() {
        to.start("ChrgsInf")?;
        to.saying_of(|| format!("ChrgsInf[{}]", at + 1));
        to.amount("Amt", &charge.amount.text, &charge.amount.currency)?;
        parts::agent(to, "Agt", &charge.agent())?;
        to.end()?;
    }
    agents(to, head, details)?;
    parties(to, details)?;
    to.say("InstrForCdtrAgt")?;
    to.code_or_proprietary("Purp", details.purpose.as_deref(), 4)?;
    for name in ["RgltryRptg", "Tax", "RltdRmtInf"] {
        to.say(name)?;
    }
    parts::remittance(to, &details.remittance, &details.remittance_references)?;
    to.end()
}

fn parties<W: Write>(to: &mut XmlWriter<W>, details: &TransferDetails) -> io::Result<()> {
    parts::optional_party(to, "UltmtDbtr", details.ultimate_debtor.as_ref())?;
    parts::optional_party(to, "InitgPty", details.initiating_party.as_ref())?;
    parts::party(to, "Dbtr", &details.debtor)?;
    parts::account(to, "DbtrAcct", details.debtor_account.as_ref())?;
    parts::needed_agent(to, "DbtrAgt", details.debtor_agent.as_ref())?;
    to.say("DbtrAgtAcct")?;
    parts::needed_agent(to, "CdtrAgt", details.creditor_agent.as_ref())?;
    to.say("CdtrAgtAcct")?;
    parts::party(to, "Cdtr", &details.creditor)?;
    parts::account(to, "CdtrAcct", details.creditor_account.as_ref())?;
    parts::optional_party(to, "UltmtCdtr", details.ultimate_creditor.as_ref())
}
