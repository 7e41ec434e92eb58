//! Everything that is written: schema-valid XML in UTF-8, into any `io::Write`, one message each.
//!
//! Amounts are written from minor units with the currency's decimals. Texts that are too long are cut on a character
//! boundary and characters that XML forbids are replaced, so that no input can make an invalid message. The only
//! errors are the writer's own, and a sum of more than 18 digits, which no schema allows.

mod account_report;
mod acmt024;
mod admi011;
mod camt004;
mod camt029;
mod camt056;
mod fitted;
mod head;
mod pacs002;
mod pacs004;
mod pacs008;
mod pacs009;
mod pacs028;
mod pain001;
mod parts;
mod passed;
mod reject;
mod xml;

use std::io;

pub use account_report::{
    AccountReport, Balance, BankTransactionCode, EntrySummary, EntryTransaction, ReportAnswer, ReportEntry,
    account_report, account_reports, camt052, camt053, camt054,
};
pub use acmt024::acmt024;
pub use admi011::admi011;
pub use camt004::camt004;
pub use camt029::camt029;
pub use camt056::camt056;
pub use pacs002::{StatusWriter, pacs002};
pub use pacs004::pacs004;
pub use pacs008::pacs008;
pub use pacs009::{Obligation, pacs009};
pub use pacs028::pacs028;
pub use pain001::pain001;
pub use passed::{PassedRequest, passed_investigation, passed_request};
pub use reject::admi002;

/// The root of a file that carries a header and a document; of no namespace, as a transport's wrapper.
pub const ENVELOPE: &str = "BizMsgEnvlp";

/// What `write` writes, as text: for messages small enough to be held.
///
/// # Errors
/// Those of `write`.
pub fn to_text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<String> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
