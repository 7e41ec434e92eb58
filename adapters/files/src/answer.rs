//! Writes the answer to a file: one pacs.002 (to a pain.001 a pain.002) on all its transactions, or one admi.002 on its bytes. The file is read
//! once more meanwhile, so that a report on a million transactions is never held.

use std::io;

use feiqian_iso20022::codes::Status;
use feiqian_iso20022::payment::{Agent, BusinessHead, MessageHead, Refusal};
use feiqian_iso20022::status::{
    GroupStatus, PaymentStatus, StatusHead, StatusReason, TransactionStatus, answer_type,
};
use feiqian_iso20022::write::StatusWriter;
use feiqian_iso20022::{Family, ReadError};

use crate::error::FilesError;
use crate::intake::Intake;
use crate::source::Source;
use crate::status::Verdicts;
use crate::timestamp::date_time;

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

impl Intake<'_> {
    /// Answers a message that was read to its end by a pacs.002. `next` reads it once more and gives each transaction's
    /// references.
    pub(crate) fn statuses(
        &self,
        name: &str,
        source: &Source,
        of: (&MessageHead, &[Refusal]),
        verdicts: &Verdicts,
        next: impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
    ) -> Result<(), FilesError> {
        self.statuses_by_payment(name, source, (of.0, of.1, &PaymentSums::default()), verdicts, next)
    }

    /// The same with the statuses of payment informations, in the order of their transactions: a pain.002.
    pub(crate) fn statuses_by_payment(
        &self,
        name: &str,
        source: &Source,
        (head, refusals, payments): (&MessageHead, &[Refusal], &PaymentSums),
        verdicts: &Verdicts,
        mut next: impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
    ) -> Result<(), FilesError> {
        let counts = verdicts.counts();
        let status = group_status(&counts.keys().map(|(status, _)| *status));
        let head = self.status_head(source, (head, refusals), status)?;
        self.answer(name, |out| write(out, (&head, payments), verdicts, &mut next))
    }

    fn status_head(
        &self,
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
                Agent::of_bic(self.options.operator),
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
            instructing_agent: Some(Agent::of_bic(self.options.operator)),
            instructed_agent: sender,
            groups: vec![group].into(),
        })
    }
}

fn write(
    out: impl io::Write,
    (head, payments): (&StatusHead, &PaymentSums),
    verdicts: &Verdicts,
    next: &mut impl FnMut() -> Result<Option<TransactionStatus>, ReadError>,
) -> io::Result<()> {
    let mut writer = StatusWriter::new(out, head)?;
    let (mut place, mut runs, mut last) = (0, payments.runs.iter(), None);
    while let Some(transaction) = next().map_err(io::Error::other)? {
        let id = transaction.payment_information_id.clone().unwrap_or_default();
        if last.as_ref() != Some(&id) {
            if let Some(run) = runs.next() {
                writer.payment(&run.status(&id))?;
            }
            last = Some(id);
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

/// What became of the transactions of each payment information of a pain.001. Those of one id that stand one behind another
/// are one. A file may have as many as transactions: a few bytes of each are kept, and its id is read again with it.
#[derive(Debug, Default)]
pub(crate) struct PaymentSums {
    runs: Vec<Run>,
    /// The id of the last one.
    id: String,
    place: usize,
}

/// Transactions of one payment information.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Of all of them.
    status: Status,
    count: u64,
}

const _: () = assert!(size_of::<Run>() <= 16);

impl Run {
    fn status(&self, id: &str) -> PaymentStatus {
        PaymentStatus {
            id: id.to_owned(),
            original_count: Some(self.count.to_string()),
            status: Some(self.status.as_str().to_owned()),
            reasons: Vec::new(),
        }
    }
}

impl PaymentSums {
    /// Adds the next transaction of the file.
    pub(crate) fn add(&mut self, id: &str, verdicts: &Verdicts) {
        let verdict = verdicts.verdict(self.place);
        let status = verdict.map_or(Status::Pdng, |verdict| verdicts.status(verdict).0);
        self.place += 1;
        match self.runs.last_mut().filter(|_| self.id == id) {
            Some(run) => *run = Run { status: both(run.status, status), count: run.count + 1 },
            None => {
                self.runs.push(Run { status, count: 1 });
                id.clone_into(&mut self.id);
            }
        }
    }
}

/// The status of a group of which a part has the one, and the rest the other.
fn both(one: Status, other: Status) -> Status {
    match one == other {
        true => one,
        false if one == Status::Part || other == Status::Part => Status::Part,
        false => group_status(&[one, other].into_iter()),
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

    #[test]
    fn payment_informations_are_summed_up_one_by_one_and_few_bytes_of_each_are_kept() {
        use Status::{Acsp, Part, Pdng, Rjct};
        let rows: [(&str, &[Status], Status); 6] = [
            ("P1", &[Acsp, Acsp], Acsp),
            ("P2", &[Rjct, Acsp, Acsp], Part),
            ("P1", &[Rjct, Rjct], Rjct),
            ("P3", &[Acsp, Pdng, Rjct, Rjct], Part),
            ("P4", &[Pdng, Acsp], Pdng),
            ("", &[Acsp], Acsp),
        ];
        let (mut verdicts, mut sums) = (Verdicts::default(), PaymentSums::default());
        for (id, statuses, _) in rows {
            for status in statuses {
                let place = verdicts.reserve();
                verdicts.set(place, 1, *status, None);
                sums.add(id, &verdicts);
            }
        }
        let found: Vec<_> = sums.runs.iter().map(|run| (run.status, run.count)).collect();
        assert_eq!(found, rows.map(|(_, statuses, status)| (status, statuses.len() as u64)));
        // A file of payment informations alone.
        let many = 100_000;
        (0..many).for_each(|number| sums.add(&format!("P{number}{}", "x".repeat(30)), &verdicts));
        let held = sums.runs.capacity() * size_of::<Run>() + sums.id.capacity();
        assert!(held <= 2 * 16 * (many + rows.len()) + 64, "{held}");
    }
}
