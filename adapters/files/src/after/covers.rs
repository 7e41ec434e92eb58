//! Passing covers on: a pacs.009 COV that has been paid goes to the bank that it has paid, which waits for it to pay its
//! customer by the message that came to it another way. Nothing else between banks is passed on. One that had to wait first
//! goes on once it is paid, as the journal has it: without what details have no place for (payment type, priority).

use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_iso20022::codes::Status;
use feiqian_iso20022::payment::{Agent, CreditTransfer, Entry, MessageHead, TransferDetails};
use feiqian_iso20022::transfers::TransferReader;
use feiqian_iso20022::write::pacs009;
use feiqian_iso20022::{Family, MessageType};

use crate::after::forward::Letter;
use crate::after::original::{Original, bic_of};
use crate::answer::changed;
use crate::details::{AgentText, Underlying};
use crate::error::FilesError;
use crate::intake::Intake;
use crate::source::Source;
use crate::status::Verdicts;

/// Passes the paid covers of a file on; gives the number of messages.
pub(crate) fn pass_on(
    intake: &Intake<'_>,
    source: &Source,
    (family, verdicts): (Family, &Verdicts),
) -> Result<u64, FilesError> {
    if family != Family::Pacs009 {
        return Ok(0);
    }
    let mut reader =
        TransferReader::new(source.reader()?, intake.options.limits).map_err(|_| changed(source))?;
    let (mut place, mut written) = (0, 0);
    while let Some(entry) = reader.next_transfer().map_err(|_| changed(source))? {
        let verdict = verdicts.verdict(place);
        place += 1;
        let paid = verdict.filter(|verdict| verdicts.status(*verdict).0 == Status::Acsp);
        let sequence = paid.and_then(|verdict| verdict.sequence());
        let (Entry::Transfer(transfer), Some(sequence)) = (entry, sequence) else { continue };
        if !transfer.details.is_cover() {
            continue;
        }
        let Some(original) = Original::at(intake.engine, sequence)? else { continue };
        written += u64::from(write(intake, &original, *transfer)?);
    }
    Ok(written)
}

/// Passes a cover on that was paid after it had waited; nothing for another payment.
pub(crate) fn pass_on_paid(intake: &Intake<'_>, original: &Original) -> Result<(), FilesError> {
    let Some(transfer) = transfer_of(original) else { return Ok(()) };
    write(intake, original, transfer).map(drop)
}

/// Whether there is a bank that it goes to.
fn write(intake: &Intake<'_>, original: &Original, mut transfer: CreditTransfer) -> Result<bool, FilesError> {
    let to = original.creditor_bank(intake.engine).and_then(|bank| bic_of(intake.engine, bank));
    let (Some(to), Some(kind)) = (to, MessageType::parse("pacs.009.001.08")) else { return Ok(false) };
    let letter = Letter::of_payment(intake, kind, to, original.id());
    transfer.details.ids.uetr = original.uetr();
    transfer.details.clearing_reference = Some(original.sequence.to_string());
    let (operator, receiver) = (Agent::of_bic(intake.options.operator), Agent::of_bic(to));
    transfer.details.instructing_agent = Some(operator.clone());
    transfer.details.instructed_agent = Some(receiver.clone());
    let head = MessageHead {
        business: Some(letter.business),
        instructing_agent: Some(operator),
        instructed_agent: Some(receiver),
        ..MessageHead::new(kind, &letter.id, &letter.creation)
    };
    intake.post(&letter.name, |out| pacs009(out, &head, std::slice::from_ref(&transfer)))?;
    Ok(true)
}

/// A cover as the journal has it.
fn transfer_of(original: &Original) -> Option<CreditTransfer> {
    let of = &original.details;
    let underlying = of.underlying.as_deref().map(Underlying::details)?;
    let details = TransferDetails {
        ids: of.ids(original.uetr()),
        debtor: of.debtor.party(),
        debtor_account: of.debtor.account_id(),
        debtor_agent: of.debtor.agent.as_ref().map(AgentText::agent),
        creditor_agent: of.creditor.agent.as_ref().map(AgentText::agent),
        creditor: of.creditor.party(),
        creditor_account: of.creditor.account_id(),
        intermediaries: of.intermediaries.iter().map(AgentText::agent).collect(),
        purpose: of.purpose.clone(),
        category_purpose: of.category_purpose.clone(),
        settlement_date: of.date.clone(),
        remittance: of.remittance.iter().collect(),
        underlying: Some(Box::new(underlying)),
        said: of.said.clone().into(),
        ..TransferDetails::default()
    };
    let currency = Currency::from_numeric(original.record.currency.get())?;
    Some(CreditTransfer { index: 1, amount: Amount::new(original.record.amount.get())?, currency, details })
}
