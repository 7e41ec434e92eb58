//! Writes answers to account queries (camt.004), as the answer's type says.

use std::io::{self, Write};

use feiqian_core::currency::Currency;
use feiqian_core::money::decimal;

use crate::account_query::{AccountAnswer, AccountTold, BalanceTold};
use crate::payment::Refusal;
use crate::schema::Family;
use crate::write::head::{start_versioned, written};
use crate::write::parts::{self, ID_MAX, NAME_MAX};
use crate::write::xml::XmlWriter;

/// The first version that is written: older ones have no table.
const FROM: u8 = 8;

/// Writes a camt.004. An amount has no currency of its own there: it is in the account's (`Ccy`).
///
/// # Errors
/// Those of `out`; `InvalidInput` for another message's type, an account's number or an amount that no schema allows.
pub fn camt004(out: impl Write, answer: &AccountAnswer) -> io::Result<()> {
    let message = written(answer.message_type, Family::Camt004, FROM)?;
    let mut to = start_versioned(out, answer.business.as_ref(), message)?;
    let (id, query, creation) = &answer.query;
    to.start("MsgHdr")?;
    to.text("MsgId", &answer.message_id, ID_MAX)?;
    to.value("CreDtTm", &answer.creation)?;
    to.start("OrgnlBizQry")?;
    to.text("MsgId", id, ID_MAX)?;
    to.text("MsgNmId", query.identifier(), ID_MAX)?;
    to.checked_if_known("CreDtTm", creation.as_deref())?;
    to.end()?;
    to.end()?;
    to.start("RptOrErr")?;
    match &answer.accounts {
        Ok(accounts) => accounts.iter().try_for_each(|account| told(&mut to, account))?,
        Err(refusal) => refused(&mut to, refusal)?,
    }
    to.finish().map(drop)
}

fn refused<W: Write>(to: &mut XmlWriter<W>, refusal: &Refusal) -> io::Result<()> {
    to.start("OprlErr")?;
    error(to, refusal.code.as_str())?;
    to.optional("Desc", Some(&refusal.text), NAME_MAX)?;
    to.end()
}

fn error<W: Write>(to: &mut XmlWriter<W>, text: &str) -> io::Result<()> {
    to.start("Err")?;
    to.text("Prtry", text, ID_MAX)?;
    to.end()
}

fn told<W: Write>(to: &mut XmlWriter<W>, account: &AccountTold) -> io::Result<()> {
    to.start("AcctRpt")?;
    parts::account_id_as(to, "AcctId", &account.id)?;
    to.start("AcctOrErr")?;
    match &account.told {
        Ok((currency, balances)) => {
            to.start("Acct")?;
            to.checked("Ccy", currency.iso_code())?;
            balances.iter().try_for_each(|one| balance(to, *currency, one))?;
        }
        Err(text) => {
            to.start("BizErr")?;
            error(to, text)?;
        }
    }
    to.end()?;
    to.end()?;
    to.end()
}

fn balance<W: Write>(to: &mut XmlWriter<W>, currency: Currency, balance: &BalanceTold) -> io::Result<()> {
    to.start("MulBal")?;
    to.checked("Amt", &decimal(balance.minor.unsigned_abs(), currency))?;
    to.value("CdtDbtInd", if balance.minor < 0 { "DBIT" } else { "CRDT" })?;
    to.start("Tp")?;
    to.checked("Cd", balance.kind)?;
    to.end()?;
    to.end()
}
