//! Writes customer credit transfer initiations (pain.001.001.09): consecutive transfers of one debtor in one block.

use std::io::{self, Write};

use crate::payment::{AccountId, Agent, CreditTransfer, MessageHead, Party, TransferDetails};
use crate::write::head::{known, start_message};
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// Writes a pain.001.001.09, whatever version `head` names.
///
/// # Errors
/// Those of `out`; `InvalidInput` for a transfer without a requested execution date, which every block must have.
pub fn pain001(out: impl Write, head: &MessageHead, transfers: &[CreditTransfer]) -> io::Result<()> {
    let message = known("pain.001.001.09")?;
    let mut to = start_message(out, head.business.as_ref(), message, "CstmrCdtTrfInitn")?;
    group_header(&mut to, head, transfers.len())?;
    for block in transfers.chunk_by(|one, next| has_same_block(&one.details, &next.details)) {
        if let Some(first) = block.first() {
            to.start("PmtInf")?;
            to.saying(&first.details.said);
            block_header(&mut to, &first.details)?;
            block.iter().try_for_each(|transfer| transaction(&mut to, transfer))?;
            to.end()?;
        }
    }
    to.finish().map(drop)
}

fn has_same_block(one: &TransferDetails, other: &TransferDetails) -> bool {
    one.payment_information_id == other.payment_information_id
        && one.debtor == other.debtor
        && one.debtor_account == other.debtor_account
        && one.debtor_agent == other.debtor_agent
        && one.requested_execution_date == other.requested_execution_date
        && one.said.only(&OF_BLOCK) == other.said.only(&OF_BLOCK)
}

/// What a block says for all its transactions, of what has no field.
const OF_BLOCK: [&str; 3] = ["Dbtr", "DbtrAgt", "DbtrAgtAcct"];

fn group_header<W: Write>(to: &mut XmlWriter<W>, head: &MessageHead, count: usize) -> io::Result<()> {
    to.start("GrpHdr")?;
    to.text("MsgId", &head.message_id, ID_MAX)?;
    to.value("CreDtTm", &head.creation)?;
    let count = head.number_of_transactions.map_or(count.to_string(), |count| count.to_string());
    to.value("NbOfTxs", &count)?;
    to.optional("CtrlSum", head.control_sum.as_deref(), 19)?;
    parts::party(to, "InitgPty", head.initiating_party.as_ref().unwrap_or(&Party::default()))?;
    to.end()
}

fn block_header<W: Write>(to: &mut XmlWriter<W>, details: &TransferDetails) -> io::Result<()> {
    let Some(date) = &details.requested_execution_date else {
        let text = "a pain.001 needs the requested execution date of every transfer";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    to.text("PmtInfId", details.payment_information_id.as_deref().unwrap_or(""), ID_MAX)?;
    to.value("PmtMtd", "TRF")?;
    to.start("ReqdExctnDt")?;
    to.value(if date.contains('T') { "DtTm" } else { "Dt" }, date)?;
    to.end()?;
    parts::party(to, "Dbtr", &details.debtor)?;
    let unknown = AccountId::Other { id: String::new(), scheme: None };
    parts::account(to, "DbtrAcct", Some(details.debtor_account.as_ref().unwrap_or(&unknown)))?;
    parts::agent(to, "DbtrAgt", details.debtor_agent.as_ref().unwrap_or(&Agent::default()))?;
    to.say("DbtrAgtAcct").map(drop)
}

fn transaction<W: Write>(to: &mut XmlWriter<W>, transfer: &CreditTransfer) -> io::Result<()> {
    let details = &transfer.details;
    to.start("CdtTrfTxInf")?;
    to.saying(&details.said);
    to.start("PmtId")?;
    to.optional("InstrId", details.ids.instruction.as_deref(), ID_MAX)?;
    to.text("EndToEndId", details.ids.end_to_end.as_deref().unwrap_or(""), ID_MAX)?;
    if let Some(uetr) = details.ids.uetr {
        to.value("UETR", &uetr.to_string())?;
    }
    to.end()?;
    parts::payment_type(to, details)?;
    to.start("Amt")?;
    to.amount("InstdAmt", &transfer.amount.to_decimal(transfer.currency), transfer.currency.iso_code())?;
    to.end()?;
    to.optional("ChrgBr", details.charge_bearer.as_deref(), 4)?;
    if let Some(party) = &details.ultimate_debtor {
        parts::party(to, "UltmtDbtr", party)?;
    }
    parts::intermediaries(to, details)?;
    parts::optional_agent(to, "CdtrAgt", details.creditor_agent.as_ref())?;
    to.say("CdtrAgtAcct")?;
    parts::party(to, "Cdtr", &details.creditor)?;
    parts::account(to, "CdtrAcct", details.creditor_account.as_ref())?;
    if let Some(party) = &details.ultimate_creditor {
        parts::party(to, "UltmtCdtr", party)?;
    }
    to.say("InstrForCdtrAgt")?;
    to.code_or_proprietary("Purp", details.purpose.as_deref(), 4)?;
    for name in ["RgltryRptg", "Tax", "RltdRmtInf"] {
        to.say(name)?;
    }
    parts::remittance(to, &details.remittance, &details.remittance_references)?;
    to.end()
}
