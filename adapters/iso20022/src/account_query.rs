//! Account queries: the query (camt.003) read, and its answer (camt.004) as a value.
//!
//! Values and reading only; `write::camt004` writes the answer. Whose account it is, and what is on it, is for others to say.

use std::io::BufRead;

use feiqian_core::currency::Currency;

use crate::error::ReadError;
use crate::kept::push;
use crate::limits::Limits;
use crate::payment::{AccountId, BusinessHead, Refusal};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// A query, `camt.003.001.08`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountQuery {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any: the message itself names no sender.
    pub business: Option<BusinessHead>,
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `MsgHdr/CreDtTm`.
    pub creation: Option<String>,
    /// `SchCrit`, in order; none for all accounts.
    pub criteria: Vec<AccountCriteria>,
    /// The first element that asks for what is not told here: a query by its name, only what has changed, or another criterion
    /// than `AcctId/EQ` and `Ccy`.
    pub other: Option<&'static str>,
}

/// Which accounts (`SchCrit`): those named, in one of the currencies named.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountCriteria {
    /// `AcctId/EQ`; none for all.
    pub accounts: Vec<AccountId>,
    /// `Ccy`; none for all.
    pub currencies: Vec<String>,
}

/// An answer, `camt.004.001.10`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountAnswer {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `MsgHdr/CreDtTm`, an ISO date and time.
    pub creation: String,
    /// `MsgHdr/OrgnlBizQry`: message id, type and creation of the query.
    pub query: (String, MessageType, Option<String>),
    /// `AcctRpt`, or why nothing is told at all (`OprlErr`).
    pub accounts: Result<Vec<AccountTold>, Refusal>,
}

/// One account (`AcctRpt`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountTold {
    /// `AcctId`, as it was asked for.
    pub id: AccountId,
    /// Its currency and balances, or what is told instead (`BizErr`, at most 35 characters).
    pub told: Result<(Currency, Vec<BalanceTold>), &'static str>,
}

/// A balance (`MulBal`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BalanceTold {
    /// `Tp/Cd`, ExternalSystemBalanceType1Code: `BOOK`, `AVLB`.
    pub kind: &'static str,
    /// Signed minor units.
    pub minor: i128,
}

impl AccountQuery {
    /// Reads a camt.003 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        whole::read(input, limits)
    }

    /// The type of the answer: the two versions of the query came with these of the answer.
    #[must_use]
    pub fn answer_type(&self) -> MessageType {
        Family::Camt004.version(if self.message_type.version() <= 7 { 8 } else { 10 })
    }

    /// A value below `AcctQryDef`.
    fn definition(&mut self, path: &[u16], text: &str) {
        match path {
            [QRY_TP] if text != "ALLL" => self.other("QryTp"),
            [ACCT_CRIT, QRY_NM] => self.other("QryNm"),
            [ACCT_CRIT, NEW_CRIT, SCH_CRIT, rest @ ..] => self.criterion(rest, text),
            _ => {}
        }
    }

    fn criterion(&mut self, path: &[u16], text: &str) {
        let Some(last) = self.criteria.last_mut() else { return };
        match path {
            [ACCT_ID, EQ, IBAN] => push(&mut last.accounts, AccountId::Iban(text.to_owned())),
            [ACCT_ID, EQ, OTHR, ID] => {
                push(&mut last.accounts, AccountId::Other { id: text.to_owned(), scheme: None });
            }
            [ACCT_ID, EQ, OTHR, SCHME_NM, ..] => {
                if let Some(AccountId::Other { scheme, .. }) = last.accounts.last_mut() {
                    *scheme = Some(text.to_owned());
                }
            }
            [ACCT_ID, EQ, ..] => {}
            [CCY] => push(&mut last.currencies, text.to_owned()),
            _ => self.other("SchCrit"),
        }
    }

    fn other(&mut self, element: &'static str) {
        self.other.get_or_insert(element);
    }
}

impl Whole for AccountQuery {
    const FAMILY: Family = Family::Camt003;
    const WHAT: &'static str = "account query";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            message_type,
            business,
            message_id: String::new(),
            creation: None,
            criteria: Vec::new(),
            other: None,
        }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        if let [ACCT_QRY_DEF, ACCT_CRIT, NEW_CRIT, SCH_CRIT] = path {
            push(&mut self.criteria, AccountCriteria::default());
        }
        false
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [MSG_HDR, MSG_ID] => text.clone_into(&mut self.message_id),
            [MSG_HDR, CRE_DT_TM] => self.creation = Some(text.to_owned()),
            [ACCT_QRY_DEF, rest @ ..] => self.definition(rest, text),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), &self.message_id)
    }
}
