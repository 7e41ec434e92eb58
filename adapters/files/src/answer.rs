//! Writes the answer to a file: one pacs.002 (to a pain.001 a pain.002) on all its transactions, or one admi.002 on its bytes. The file is read
//! once more meanwhile, so that a report on a million transactions is never held.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use feiqian_core::bic::Bic;
use feiqian_iso20022::codes::Status;
use feiqian_iso20022::payment::{Agent, BusinessHead, MessageHead, Refusal};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::{
    GroupStatus, PaymentStatus, StatusHead, StatusReason, TransactionStatus, answer_type,
};
use feiqian_iso20022::write::{StatusWriter, admi002};
use feiqian_iso20022::{Family, ReadError};

use crate::error::FilesError;
use crate::source::Source;
use crate::status::Verdicts;
use crate::store;
use crate::timestamp::date_time;

/// Who answers, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answerer {
    pub(crate) operator: Bic,
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
    /// Writes the pacs.002 on a file that was read to its end. `next` reads it once more and gives each transaction's
    /// references.
    pub(crate) fn statuses(
        self,
        path: &Path,
        source: &Source,
        of: (&MessageHead, &[Refusal]),
        verdicts: &Verdicts,
        next: impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
    ) -> Result<(), FilesError> {
        self.statuses_by_payment(path, source, (of.0, of.1, &[]), verdicts, next)
    }

    /// The same with the statuses of payment informations, in the order of their transactions: a pain.002.
    pub(crate) fn statuses_by_payment(
        self,
        path: &Path,
        source: &Source,
        (head, refusals, payments): (&MessageHead, &[Refusal], &[PaymentStatus]),
        verdicts: &Verdicts,
        mut next: impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
    ) -> Result<(), FilesError> {
        let counts = verdicts.counts();
        let status = group_status(&counts.keys().map(|(status, _)| *status));
        let head = self.status_head(source, (head, refusals), status)?;
        store::write_file(path, |out| write(out, (&head, payments), verdicts, &mut next))
    }

    /// The same as text.
    pub(crate) fn statuses_text(
        self,
        source: &Source,
        (head, refusals, payments): (&MessageHead, &[Refusal], &[PaymentStatus]),
        verdicts: &Verdicts,
        mut next: impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
    ) -> Result<Vec<u8>, FilesError> {
        let counts = verdicts.counts();
        let status = group_status(&counts.keys().map(|(status, _)| *status));
        let head = self.status_head(source, (head, refusals), status)?;
        let mut text = Vec::new();
        let written = write(&mut text, (&head, payments), verdicts, &mut next);
        written.map_err(FilesError::io(source.path(), "write"))?;
        Ok(text)
    }

    /// Writes the admi.002 on a file that can't be read.
    pub(crate) fn reject(self, path: &Path, error: &ReadError) -> Result<(), FilesError> {
        let reject = MessageReject::of(error, &date_time(self.now));
        store::write_file(path, |out| admi002(out, &reject))
    }

    fn status_head(
        self,
        source: &Source,
        (of, refusals): (&MessageHead, &[Refusal]),
        status: Status,
    ) -> Result<StatusHead, FilesError> {
        let original = of.message_type;
        // A confirmation is answered in its own version.
        let own = (original.family() == Family::Pacs002).then_some(original);
        let message_type = answer_type(original)
            .or(own)
            .ok_or_else(|| FilesError::Unknown(format!("{original} is not answered by a status report")))?;
        let message_id = format!("FQS{}", source.tag(24));
        let creation = date_time(self.now);
        let mut group = GroupStatus::of(of, status);
        group.reasons = refusals.iter().map(StatusReason::from).collect();
        let sender = of.sender().cloned();
        let business = of.business.as_ref().map(|received| BusinessHead {
            business_service: received.business_service.clone(),
            ..BusinessHead::new(
                Agent::of_bic(self.operator),
                received.from.clone(),
                &message_id,
                message_type,
                &creation,
            )
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

fn write(
    out: impl io::Write,
    (head, payments): (&StatusHead, &[PaymentStatus]),
    verdicts: &Verdicts,
    next: &mut impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
) -> io::Result<()> {
    let mut writer = StatusWriter::new(out, head)?;
    let (mut place, mut payments) = (0, payments.iter().peekable());
    while let Some(transaction) = next().map_err(io::Error::other)? {
        let id = transaction.payment_information_id.as_deref().unwrap_or("");
        if let Some(payment) = payments.next_if(|payment| payment.id == id) {
            writer.payment(payment)?;
        }
        writer.transaction(&decided(transaction, verdicts, place))?;
        place += 1;
    }
    writer.finish().map(drop)
}

fn decided(transaction: TransactionStatus, verdicts: &Verdicts, place: usize) -> TransactionStatus {
    let verdict = verdicts.verdict(place);
    let (status, refusal) = verdict.map_or((Status::Pdng, None), |verdict| verdicts.status(verdict));
    TransactionStatus {
        status: Some(status.as_str().to_owned()),
        reasons: refusal.iter().map(StatusReason::from).collect(),
        clearing_reference: verdict.and_then(|verdict| verdict.sequence()).map(|number| number.to_string()),
        ..transaction
    }
}

/// Sums the transactions of each payment information of a pain.001 up, while it is read once more. Those of one id that
/// stand one behind another are one.
#[derive(Debug, Default)]
pub(crate) struct PaymentSums {
    sums: Vec<(String, BTreeSet<Status>, u64)>,
    place: usize,
}

impl PaymentSums {
    pub(crate) fn add(&mut self, id: &str, verdicts: &Verdicts) {
        if self.sums.last().is_none_or(|sum| sum.0 != id) {
            self.sums.push((id.to_owned(), BTreeSet::new(), 0));
        }
        let verdict = verdicts.verdict(self.place);
        let status = verdict.map_or(Status::Pdng, |verdict| verdicts.status(verdict).0);
        self.place += 1;
        if let Some((_, statuses, count)) = self.sums.last_mut() {
            statuses.insert(status);
            *count += 1;
        }
    }

    pub(crate) fn statuses(self) -> Vec<PaymentStatus> {
        let status = |(id, statuses, count): (String, BTreeSet<Status>, u64)| PaymentStatus {
            id,
            original_count: Some(count.to_string()),
            status: Some(group_status(&statuses.iter().copied()).as_str().to_owned()),
            reasons: Vec::new(),
        };
        self.sums.into_iter().map(status).collect()
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
