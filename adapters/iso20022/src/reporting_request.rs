//! Account reporting requests (camt.060): which report, statement or notification an account's owner wants, and for when.
//!
//! Values and reading only. Whose account it is, and what is told of it, is for others to say; the answer is a camt.052,
//! camt.053 or camt.054, which `write::account_reports` writes.

use std::io::BufRead;

use crate::case::CaseParty;
use crate::error::ReadError;
use crate::fields;
use crate::kept::{Element, Kept, push};
use crate::limits::Limits;
use crate::payment::{AccountId, BusinessHead};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// A request, `camt.060.001.05`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportingRequest {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub creation: String,
    /// `GrpHdr/MsgSndr`: who asks.
    pub sender: Option<CaseParty>,
    /// What is asked for (`RptgReq`), in order.
    pub reports: Kept<RequestedReport>,
}

/// One report that is asked for (`RptgReq`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedReport {
    /// `Id`.
    pub id: Option<String>,
    /// `ReqdMsgNmId`: `camt.053`, or with a version, `camt.053.001.08`.
    pub message_name: String,
    /// `Acct/Id`, or its `Prxy`.
    pub account: Option<AccountId>,
    /// `Acct/Ccy`.
    pub currency: Option<String>,
    /// `AcctOwnr`.
    pub owner: CaseParty,
    /// `RptgPrd`.
    pub period: Option<RequestedPeriod>,
    /// `RptgSeq`: any of these; none for all.
    pub sequences: Vec<SequenceRange>,
    /// `RptgSeq/NEQSeq`: none of these.
    pub excluded: Vec<String>,
    /// `ReqdTxTp`: of which kind the entries are to be.
    pub entries: Option<RequestedEntries>,
    /// `ReqdBalTp/CdOrPrtry`.
    pub balances: Vec<String>,
    /// The first element that asks for what [`RequestedReport`] has no field for: `ReqdTxTp/FlrLmt`.
    pub other: Option<&'static str>,
}

/// `RptgPrd`: dates and times as they stand there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedPeriod {
    /// `FrToDt/FrDt` and `FrToTm/FrTm`.
    pub from: (String, Option<String>),
    /// `FrToDt/ToDt` and `FrToTm/ToTm`.
    pub until: (Option<String>, Option<String>),
    /// `Tp`: `ALLL`, `CHNG` or `MODF`.
    pub kind: String,
}

/// `ReqdTxTp`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedEntries {
    /// `Sts`, or its `Cd` or `Prtry`: `BOOK`.
    pub status: String,
    /// `CdtDbtInd`: `CRDT` or `DBIT`.
    pub side: String,
}

/// Sequence numbers from and to, both included; none: without end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SequenceRange {
    /// `FrSeq`.
    pub from: Option<String>,
    /// `ToSeq`.
    pub to: Option<String>,
}

impl ReportingRequest {
    /// Reads a camt.060 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut message: Self = whole::read(input, limits)?;
        message.reports.end(());
        Ok(message)
    }
}

impl Whole for ReportingRequest {
    const FAMILY: Family = Family::Camt060;
    const WHAT: &'static str = "account reporting request";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            message_type,
            business,
            message_id: String::new(),
            creation: String::new(),
            sender: None,
            reports: Kept::default(),
        }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        match path {
            [RPTG_REQ] => self.reports.begin(0),
            [RPTG_REQ, rest @ ..] => self.reports.open(rest),
            _ => {}
        }
        matches!(path, [RPTG_REQ])
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [GRP_HDR, MSG_ID] => text.clone_into(&mut self.message_id),
            [GRP_HDR, CRE_DT_TM] => text.clone_into(&mut self.creation),
            [GRP_HDR, MSG_SNDR, rest @ ..] => self.sender.get_or_insert_default().value(rest, text),
            [RPTG_REQ, rest @ ..] => self.reports.value(rest, text, currency),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), &self.message_id)
    }
}

impl Element for RequestedReport {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn open(&mut self, path: &[u16]) {
        match path {
            [RPTG_SEQ, FR_TO_SEQ] => push(&mut self.sequences, SequenceRange::default()),
            [REQD_TX_TP, FLR_LMT] => self.other("ReqdTxTp/FlrLmt"),
            _ => {}
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [ID] => self.id = Some(text.to_owned()),
            [REQD_MSG_NM_ID] => text.clone_into(&mut self.message_name),
            [ACCT, CCY] => self.currency = Some(text.to_owned()),
            [ACCT, rest @ ..] => fields::account(&mut self.account, rest, text),
            [ACCT_OWNR, rest @ ..] => self.owner.value(rest, text),
            [RPTG_PRD, rest @ ..] => self.period.get_or_insert_default().value(rest, text),
            [RPTG_SEQ, rest @ ..] => self.sequence(rest, text),
            [REQD_TX_TP, STS, ..] => text.clone_into(&mut self.entries.get_or_insert_default().status),
            [REQD_TX_TP, CDT_DBT_IND] => text.clone_into(&mut self.entries.get_or_insert_default().side),
            [REQD_BAL_TP, CD_OR_PRTRY, ..] => push(&mut self.balances, text.to_owned()),
            _ => {}
        }
    }
}

impl RequestedReport {
    fn sequence(&mut self, path: &[u16], text: &str) {
        let number = Some(text.to_owned());
        match (path, self.sequences.last_mut()) {
            ([FR_SEQ], _) => push(&mut self.sequences, SequenceRange { from: number, to: None }),
            ([TO_SEQ], _) => push(&mut self.sequences, SequenceRange { from: None, to: number }),
            ([EQSEQ], _) => {
                push(&mut self.sequences, SequenceRange { from: number.clone(), to: number });
            }
            ([FR_TO_SEQ, FR_SEQ], Some(range)) => range.from = number,
            ([FR_TO_SEQ, TO_SEQ], Some(range)) => range.to = number,
            ([NEQSEQ], _) => push(&mut self.excluded, text.to_owned()),
            _ => {}
        }
    }

    fn other(&mut self, element: &'static str) {
        self.other.get_or_insert(element);
    }
}

impl RequestedPeriod {
    fn value(&mut self, path: &[u16], text: &str) {
        match path {
            [FR_TO_DT, FR_DT] => text.clone_into(&mut self.from.0),
            [FR_TO_DT, TO_DT] => self.until.0 = Some(text.to_owned()),
            [FR_TO_TM, FR_TM] => self.from.1 = Some(text.to_owned()),
            [FR_TO_TM, TO_TM] => self.until.1 = Some(text.to_owned()),
            [TP] => text.clone_into(&mut self.kind),
            _ => {}
        }
    }
}
