//! What a run over an inbox did, for people and for `--json`. Counts only; the answers say the rest.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// Its payments were cleared or rejected, and answered by a pacs.002.
    Answered,
    /// It can't be read; answered by an admi.002.
    Rejected,
    /// A message that nothing is to be done about, such as a status report.
    Noted,
    /// A fault stopped the work on it; it stays for the next run.
    Left,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FileReport {
    /// Its path below the inbox.
    pub name: String,
    /// What became of it.
    pub disposition: Disposition,
    /// `pacs.008.001.08`.
    pub message_type: Option<String>,
    /// `MsgId`.
    pub message_id: Option<String>,
    /// Its group status, `ACSP`, `PART`, `RJCT` or `PDNG`.
    pub status: Option<String>,
    /// Transactions in it.
    pub transactions: u64,
    /// Cleared ones.
    pub accepted: u64,
    /// Held ones.
    pub pending: u64,
    /// Ones that were journaled before and got their first status again; counted by that status too.
    pub duplicates: u64,
    /// Rejected ones by reason code.
    pub rejected: BTreeMap<String, u64>,
    /// Name of the answer in the outbox.
    pub answer: Option<String>,
    /// Messages to other banks that were written because of it.
    pub forwarded: u64,
    /// The id of its first cleared payment.
    pub first_cleared: Option<String>,
    /// Why it was rejected as a whole, or left.
    pub reason: Option<String>,
}

impl FileReport {
    pub(crate) fn new(name: &str, disposition: Disposition) -> Self {
        Self {
            name: name.to_owned(),
            disposition,
            message_type: None,
            message_id: None,
            status: None,
            transactions: 0,
            accepted: 0,
            pending: 0,
            duplicates: 0,
            rejected: BTreeMap::new(),
            answer: None,
            forwarded: 0,
            first_cleared: None,
            reason: None,
        }
    }
}

/// A run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct IntakeReport {
    /// The files in the order that they were taken in.
    pub files: Vec<FileReport>,
    /// Other files in the inbox.
    pub skipped: u64,
    /// XML files beyond the bound of one run.
    pub left: u64,
    /// Payments that had waited, and were answered for good.
    pub decided: u64,
    /// Recalls whose answer became overdue.
    pub overdue: u64,
    /// Requests to pay that expired without an answer.
    pub expired: u64,
}

impl IntakeReport {
    /// Sum of a count over all files.
    #[must_use]
    pub fn sum(&self, count: impl Fn(&FileReport) -> u64) -> u64 {
        self.files.iter().map(count).sum()
    }

    /// Rejected transactions by reason code, over all files.
    #[must_use]
    pub fn rejected(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (code, count) in self.files.iter().flat_map(|file| &file.rejected) {
            *all.entry(code.clone()).or_insert(0) += count;
        }
        all
    }

    /// Files with that disposition.
    #[must_use]
    pub fn count(&self, disposition: Disposition) -> usize {
        self.files.iter().filter(|file| file.disposition == disposition).count()
    }

    /// The id of the first payment that was cleared.
    #[must_use]
    pub fn first_cleared(&self) -> Option<&str> {
        self.files.iter().find_map(|file| file.first_cleared.as_deref())
    }
}
