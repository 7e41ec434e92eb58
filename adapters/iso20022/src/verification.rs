//! Account identification verification: the request (acmt.023) read, and its answer (acmt.024) as a value.
//!
//! Values and reading only; `write::acmt024` writes the answer. Whether an account is known, and who may ask, is for the
//! directory's owner to say.

use std::io::BufRead;

use crate::case::CaseParty;
use crate::error::ReadError;
use crate::fields;
use crate::kept::{Element, Kept};
use crate::limits::Limits;
use crate::payment::{AccountId, Agent, BusinessHead};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// A request, `acmt.023.001.03`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerificationRequest {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `Assgnmt/MsgId`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`.
    pub creation: String,
    /// `Assgnmt/Assgnr`: who asks.
    pub assigner: CaseParty,
    /// `Assgnmt/Assgne`: who is asked.
    pub assignee: CaseParty,
    /// What is asked (`Vrfctn`), in order.
    pub accounts: Kept<AccountToVerify>,
}

/// One account to verify (`Vrfctn`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountToVerify {
    /// `Id`.
    pub id: String,
    /// `PtyAndAcctId/Acct`.
    pub account: Option<AccountId>,
    /// `PtyAndAcctId/Agt`: the bank that is said to keep it.
    pub agent: Option<Agent>,
    /// `PtyAndAcctId/Pty` is there: someone is said to own it.
    pub names_party: bool,
}

/// An answer, `acmt.024.001.03`: in the version of the request, to who asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerificationReport {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `Assgnmt/MsgId`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`, an ISO date and time.
    pub creation: String,
    /// `Assgnmt/Assgnr`: who answers.
    pub assigner: Agent,
    /// `Assgnmt/Assgne`: who asked.
    pub assignee: Agent,
    /// `OrgnlAssgnmt/MsgId` and `CreDtTm`.
    pub original: (String, String),
    /// What was found, in the order of the request.
    pub results: Vec<VerificationResult>,
}

/// The answer on one account (`Rpt`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VerificationResult {
    /// `OrgnlId`.
    pub id: String,
    /// `Vrfctn`.
    pub is_verified: bool,
    /// `Rsn/Cd`, ExternalVerificationReason1Code.
    pub code: Option<&'static str>,
    /// `Rsn/Prtry`, where there is no code.
    pub proprietary: Option<&'static str>,
}

impl VerificationRequest {
    /// Reads an acmt.023 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut message: Self = whole::read(input, limits)?;
        message.accounts.end(());
        Ok(message)
    }
}

impl Whole for VerificationRequest {
    const FAMILY: Family = Family::Acmt023;
    const WHAT: &'static str = "verification request";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            message_type,
            business,
            message_id: String::new(),
            creation: String::new(),
            assigner: CaseParty::default(),
            assignee: CaseParty::default(),
            accounts: Kept::default(),
        }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        match path {
            [VRFCTN] => self.accounts.begin(0),
            [VRFCTN, rest @ ..] => self.accounts.open(rest),
            _ => {}
        }
        matches!(path, [VRFCTN])
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [ASSGNMT, MSG_ID] => text.clone_into(&mut self.message_id),
            [ASSGNMT, CRE_DT_TM] => text.clone_into(&mut self.creation),
            [ASSGNMT, ASSGNR, rest @ ..] => self.assigner.value(rest, text),
            [ASSGNMT, ASSGNE, rest @ ..] => self.assignee.value(rest, text),
            [VRFCTN, rest @ ..] => self.accounts.value(rest, text, currency),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), &self.message_id)
    }
}

impl Element for AccountToVerify {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn open(&mut self, path: &[u16]) {
        if let [PTY_AND_ACCT_ID, PTY] = path {
            self.names_party = true;
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [ID] => text.clone_into(&mut self.id),
            // Version 02 has the number without an `Id` around it.
            [PTY_AND_ACCT_ID, ACCT, IBAN] => fields::account(&mut self.account, &[ID, IBAN], text),
            [PTY_AND_ACCT_ID, ACCT, OTHR, ID] => fields::account(&mut self.account, &[ID, OTHR, ID], text),
            [PTY_AND_ACCT_ID, ACCT, rest @ ..] => fields::account(&mut self.account, rest, text),
            [PTY_AND_ACCT_ID, AGT, rest @ ..] => {
                fields::agent(self.agent.get_or_insert_default(), rest, text);
            }
            _ => {}
        }
    }
}
