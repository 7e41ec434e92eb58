//! File actions (0302, 0322): an issuer lets a card stand for an account of its own, or no more, while all else runs on. The
//! command line does the same for the operator. Only where the link takes them, which takes codes over all bytes.

use std::sync::Arc;

use feiqian_core::account::AccountHandle;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_iso8583::spec::Edition;
use feiqian_iso8583::{Message, Pan};
use feiqian_runtime::instructions::account_named;

use super::{Begun, Desk, Due, Heard, Speaker, currency_of};
use crate::code::Code;
use crate::enrolment::{Enrolment, end_name, enrolments, further_name};
use crate::reply::Answer;

/// What is to become of a card's enrolments.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// It stands for this account too.
    Enrol(AccountHandle),
    /// It stands for none, or for none in this currency.
    Withdraw(Option<Currency>),
}

/// What an issuer asks for of a card. Holds its alias, not its number.
#[derive(Debug)]
pub(crate) struct FileAction {
    issuer: ParticipantHandle,
    alias: String,
    asked: Asked,
}

/// Whether field 91 (1987) or function code 24 (1993) asks to add a record, and not to delete it.
fn is_addition(message: &Message<'_>) -> Result<bool, Code> {
    let is_1993 = message.spec().edition == Edition::E1993;
    let field = message.field(if is_1993 { 24 } else { 91 }).ok_or(Code::FormatError)?;
    match (is_1993, field.number()) {
        (false, Some(1)) | (true, Some(301)) => Ok(true),
        (false, Some(3)) | (true, Some(303)) => Ok(false),
        _ => Err(Code::NotSupported),
    }
}

impl Desk {
    /// Begins a file action.
    pub(super) fn act_on_file(&self, heard: Heard<'_>, speaker: Speaker) -> Result<Begun, Code> {
        if !heard.link.takes_file_actions {
            return Err(Code::NotSupported);
        }
        let message = heard.message;
        let asked = match is_addition(message)? {
            true => Asked::Enrol(self.own_account(message, speaker.participant)?),
            false => Asked::Withdraw(currency_of(message, 49)?),
        };
        let pan = message.pan().map_err(|_| Code::FormatError)?.filter(Pan::has_check_digit);
        let alias = self.vault.alias(&pan.ok_or(Code::FormatError)?);
        Ok(Begun::Due(Due::FileAction(FileAction { issuer: speaker.participant, alias, asked })))
    }

    /// Field 102, account identification 1: a handle, an IBAN or another name, or BIC/CURRENCY.
    fn own_account(&self, message: &Message<'_>, owner: ParticipantHandle) -> Result<AccountHandle, Code> {
        let name = message.field(102).ok_or(Code::FormatError)?.text();
        let directory = self.engine.directory();
        let found = account_named(directory, name.trim());
        let is_own = |account: &AccountHandle| directory.account(*account).is_some_and(|at| at.0 == owner);
        found.filter(is_own).ok_or(Code::NoRecord)
    }
}

impl FileAction {
    /// The answer; none where the engine has ended.
    pub(super) async fn finish(self, desk: &Arc<Desk>) -> Option<Answer> {
        let names = match self.names(desk) {
            Ok(names) => names,
            Err(code) => return Some(code.into()),
        };
        for (alias, account) in names {
            let id = desk.vault.enrolment_id(&alias);
            let Ok(ticket) = desk.engine.command(&Entry::new(id, Command::RegisterAlias { alias, account }))
            else {
                return Some(Code::Unavailable.into());
            };
            let row = ticket.outcome().await?.row;
            let code = match (row.outcome(), row.reason()) {
                (Some(Outcome::Cleared | Outcome::Duplicate), _) => continue,
                // Somebody else has changed what the card stands for in this moment.
                (_, Some(RejectReason::IdReused | RejectReason::AlreadyRegistered)) => Code::Unavailable,
                _ => Code::Malfunction,
            };
            return Some(code.into());
        }
        Some(Code::FileChanged.into())
    }

    /// The names that do it; none where it has been done.
    fn names(&self, desk: &Desk) -> Result<Vec<(String, AccountHandle)>, Code> {
        let directory = desk.engine.directory();
        match self.asked {
            Asked::Enrol(account) => {
                let name = further_name(directory, &self.alias, account).map_err(|_| Code::FileUnchanged)?;
                Ok(name.map(|name| (name, account)).into_iter().collect())
            }
            Asked::Withdraw(currency) => {
                let is_meant = |at: &Enrolment| {
                    at.owner == self.issuer && currency.is_none_or(|currency| currency == at.currency.iso())
                };
                let own: Vec<_> = enrolments(directory, &self.alias).filter(is_meant).collect();
                if own.is_empty() {
                    return Err(Code::NoRecord);
                }
                let ending = own.iter().filter(|at| at.is_in_force);
                Ok(ending.map(|at| (end_name(&self.alias, at.number), at.account)).collect())
            }
        }
    }
}
