//! Requests to pay that were passed on, and what was answered to them: one file for each message of a creditor's bank in
//! `requests/`, as no money moves by a request and so nothing of it is in the journal. Written before anything is passed on,
//! and changed only forward: what was accepted, refused or has expired stays so.

use std::path::PathBuf;

use feiqian_core::bic::Bic;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::payment::PaymentIds;
use feiqian_iso20022::status::StatusReason;
use serde::{Deserialize, Serialize};

use crate::error::FilesError;
use crate::layout::WorkDir;
use crate::store;

const CONTEXT: &str = "feiqian 2026 files request v1";
const PREFIX: &str = "FQP";
const DIGITS: usize = 24;

/// How a request to pay stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Passed on; the debtor may still answer.
    Open,
    /// The debtor agreed; the payment is the debtor's bank's to send.
    Accepted,
    /// The debtor, or the debtor's bank, declined.
    Rejected,
    /// Nobody answered in time, and the sender was told.
    Expired,
    /// Not passed on: refused here.
    Refused,
}

/// A message of requests to pay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestCase {
    /// `MsgId` under which its requests were passed on, to each debtor's bank its own.
    pub id: String,
    /// BIC of the creditor's bank, which asks.
    pub requester: String,
    /// Its `MsgId`.
    pub message_id: String,
    /// `pain.013.001.07`.
    pub message_type: String,
    /// Its `CreDtTm`.
    pub creation: String,
    /// Digest of the message, in hexadecimal.
    pub content: String,
    /// Nanoseconds since 1970.
    pub asked_at: u64,
    /// The requests, in the message's order.
    pub requests: Vec<RequestOfCase>,
}

/// One request to pay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestOfCase {
    /// The UETR by which the payment can name it.
    pub uetr: String,
    /// Whether the creditor gave that; else it is of the clearing house.
    pub has_own_uetr: bool,
    /// `PmtInfId`.
    pub payment_information_id: Option<String>,
    /// `InstrId`.
    pub instruction: Option<String>,
    /// `EndToEndId`.
    pub end_to_end: Option<String>,
    /// BIC of the debtor's bank, which is asked; empty where it takes no part here.
    pub receiver: String,
    /// `1234.50`, as told.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// Until when it may be accepted, nanoseconds since 1970.
    pub expires_at: Option<u64>,
    /// How it stands.
    pub state: RequestState,
    /// Why it was refused or rejected, codes.
    pub reasons: Vec<String>,
    /// Why it was refused here, for people.
    pub text: String,
}

impl RequestOfCase {
    pub(crate) fn ids(&self) -> PaymentIds {
        PaymentIds {
            instruction: self.instruction.clone(),
            end_to_end: self.end_to_end.clone(),
            transaction: None,
            uetr: Uetr::parse(&self.uetr).ok().filter(|_| self.has_own_uetr),
        }
    }

    /// Whether it has expired without an answer.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.state == RequestState::Open && self.expires_at.is_some_and(|at| at <= now)
    }

    /// Why it stands so, as reasons of a report.
    pub(crate) fn told_reasons(&self) -> Vec<StatusReason> {
        let reason = |code: &String| StatusReason {
            code: Some(code.clone()),
            additional: Some(self.text.clone()).filter(|text| !text.is_empty()).into_iter().collect(),
            ..StatusReason::default()
        };
        self.reasons.iter().map(reason).collect()
    }
}

impl RequestCase {
    /// The id of a bank's message.
    pub(crate) fn id_of(requester: Bic, message_id: &str) -> String {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(requester.as_str().as_bytes()).update(message_id.as_bytes());
        let hex = hasher.finalize().to_hex();
        format!("{PREFIX}{}", hex.get(..DIGITS).unwrap_or_default())
    }

    /// The UETR of a request that has none of its own.
    pub(crate) fn uetr_of(id: &str, place: usize) -> Uetr {
        let mut digest = [0; 16];
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(id.as_bytes()).update(&(place as u64).to_le_bytes());
        hasher.finalize_xof().fill(&mut digest);
        Uetr::from_digest(digest)
    }

    /// The message that was passed on under an id.
    pub(crate) fn find(work: &WorkDir, id: &str) -> Result<Option<Self>, FilesError> {
        let digits = id.strip_prefix(PREFIX).filter(|digits| digits.len() == DIGITS);
        // What a bank writes must not become a path of its choice.
        match digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            true => store::read_json(&path(work, id)),
            false => Ok(None),
        }
    }

    pub(crate) fn write(&self, work: &WorkDir) -> Result<(), FilesError> {
        store::write_json(&path(work, &self.id), self)
    }
}

fn path(work: &WorkDir, id: &str) -> PathBuf {
    work.requests().join(format!("{id}.json"))
}

/// All messages of requests, by their ids.
///
/// # Errors
/// [`FilesError::Io`].
pub fn all(work: &WorkDir) -> Result<Vec<RequestCase>, FilesError> {
    store::all_json(&work.requests())
}
