//! Direct debits of the banks themselves (pacs.010): refused, each by its pacs.002 `RJCT` with `AG03`. A bank moves only its
//! own money here (I7), and nothing in the journal says that a bank lets another one debit it.

use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::direct_debit::DirectDebits;
use feiqian_iso20022::payment::Refusal;
use feiqian_iso20022::status::TransactionStatus;

use crate::after::AfterFault;
use crate::inbox::InboxFile;
use crate::intake::{Intake, count};
use crate::report::{Disposition, FileReport};
use crate::source::Source;
use crate::status::Verdicts;

const WHY: &str = "a bank moves only its own money here; let the debtor bank pay by a pacs.009";

/// Refuses a message of direct debits.
pub(crate) fn refuse_all(
    intake: &Intake<'_>,
    file: &InboxFile,
    source: &Source,
) -> Result<FileReport, AfterFault> {
    let DirectDebits { head, debits } = DirectDebits::read(source.reader()?, intake.options.limits)?;
    let mut verdicts = Verdicts::default();
    for _ in &debits {
        let place = verdicts.reserve();
        verdicts.reject(place, Refusal { code: codes::AG03, text: WHY.to_owned() });
    }
    let name = format!("{}.pacs.002.xml", source.stem());
    let mut all = debits.iter();
    intake.statuses(&name, source, (&head, &[]), &verdicts, || {
        Ok(all.next().map(|debit| TransactionStatus::of(&debit, Status::Rjct)))
    })?;
    intake.dispose(source, &intake.options.work.archive())?;
    let mut report = FileReport::new(&file.name, Disposition::Answered);
    count(&mut report, &verdicts);
    report.message_type = Some(head.message_type.identifier().to_owned());
    report.message_id = Some(head.message_id);
    report.answer = Some(name);
    Ok(report)
}
