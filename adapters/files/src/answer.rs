//! Writes the answer to a file: one pacs.002 on all its transactions, or one admi.002 on its bytes. The file is read
//! once more meanwhile, so that a report on a million transactions is never held.

use std::io;
use std::path::Path;

use feiqian_core::bic::Bic;
use feiqian_iso20022::codes::Status;
use feiqian_iso20022::payment::{Agent, BusinessHead, Entry, FileSummary, TransferDetails};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::{GroupStatus, StatusHead, StatusReason, TransactionStatus, answer_type};
use feiqian_iso20022::transfers::TransferReader;
use feiqian_iso20022::write::{StatusWriter, admi002};
use feiqian_iso20022::{Limits, MessageType, ReadError};

use crate::error::FilesError;
use crate::source::Source;
use crate::status::Verdicts;
use crate::store;
use crate::timestamp::date_time;

/// Who answers, when, and within which limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answerer {
    pub(crate) operator: Bic,
    pub(crate) limits: Limits,
    /// Nanoseconds since 1970.
    pub(crate) now: u64,
}

/// The group's status of those of its transactions.
pub(crate) fn group_status(statuses: &(impl Iterator<Item = Status> + Clone)) -> Status {
    let has = |wanted: Status| statuses.clone().any(|status| status == wanted);
    let all_rejected = statuses.clone().all(|status| status == Status::Rjct);
    match (all_rejected, has(Status::Rjct), has(Status::Pdng)) {
        (true, ..) => Status::Rjct,
        (false, true, _) => Status::Part,
        (false, false, true) => Status::Pdng,
        (false, false, false) => Status::Acsp,
    }
}

impl Answerer {
    /// Writes the pacs.002 on a file that was read to its end.
    pub(crate) fn statuses(
        self,
        path: &Path,
        source: &Source,
        summary: &FileSummary,
        verdicts: &Verdicts,
    ) -> Result<(), FilesError> {
        let counts = verdicts.counts();
        let status = group_status(&counts.keys().map(|(status, _)| *status));
        let head = self.status_head(source, summary, status)?;
        let mut reader = TransferReader::new(source.reader()?, self.limits).map_err(|_| changed(source))?;
        store::write_file(path, |out| {
            let mut writer = StatusWriter::new(out, &head)?;
            let mut place = 0;
            while let Some(entry) = reader.next_transfer().map_err(io::Error::other)? {
                let details = match &entry {
                    Entry::Transfer(transfer) => &transfer.details,
                    Entry::Refused(refused) => &refused.details,
                };
                writer.transaction(&transaction(details, verdicts, place))?;
                place += 1;
            }
            writer.finish().map(drop)
        })
    }

    /// Writes the admi.002 on a file that can't be read.
    pub(crate) fn reject(self, path: &Path, error: &ReadError) -> Result<(), FilesError> {
        let reject = MessageReject::of(error, &date_time(self.now));
        store::write_file(path, |out| admi002(out, &reject))
    }

    fn status_head(
        self,
        source: &Source,
        summary: &FileSummary,
        status: Status,
    ) -> Result<StatusHead, FilesError> {
        let original = summary.head.message_type;
        let message_type = answer_type(original)
            .ok_or_else(|| FilesError::Unknown(format!("{original} is not answered by a status report")))?;
        let message_id = format!("FQS{}", source.tag(24));
        let creation = date_time(self.now);
        let mut group = GroupStatus::of(&summary.head, status);
        group.reasons = summary.refusals.iter().map(StatusReason::from).collect();
        let sender = summary.head.sender().cloned();
        let business = summary.head.business.as_ref().and_then(|received| {
            Some(BusinessHead {
                message_type: MessageType::parse("head.001.001.02")?,
                from: Agent::of_bic(self.operator),
                to: received.from.clone(),
                business_message_id: message_id.clone(),
                message_definition: message_type.identifier().to_owned(),
                business_service: received.business_service.clone(),
                creation: creation.clone(),
                copy_duplicate: None,
                possible_duplicate: false,
                priority: None,
                has_signature: false,
            })
        });
        Ok(StatusHead {
            message_type,
            business,
            message_id,
            creation,
            instructing_agent: Some(Agent::of_bic(self.operator)),
            instructed_agent: sender,
            groups: vec![group],
        })
    }
}

fn transaction(details: &TransferDetails, verdicts: &Verdicts, place: usize) -> TransactionStatus {
    let verdict = verdicts.verdict(place);
    let (status, refusal) = verdict.map_or((Status::Pdng, None), |verdict| verdicts.status(verdict));
    TransactionStatus {
        reasons: refusal.iter().map(StatusReason::from).collect(),
        clearing_reference: verdict.and_then(|verdict| verdict.sequence()).map(|number| number.to_string()),
        ..TransactionStatus::of(details, status)
    }
}

/// A file that could be read before and can't now.
pub(crate) fn changed(source: &Source) -> FilesError {
    FilesError::Changed { path: source.path().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_what_its_transactions_are() {
        use Status::{Acsp, Part, Pdng, Rjct};
        let rows: [(&[Status], Status); 5] = [
            (&[Acsp, Acsp], Acsp),
            (&[Rjct, Rjct], Rjct),
            (&[Acsp, Rjct], Part),
            (&[Acsp, Pdng], Pdng),
            (&[Pdng, Rjct], Part),
        ];
        for (statuses, group) in rows {
            assert_eq!(group_status(&statuses.iter().copied()), group);
        }
    }
}
