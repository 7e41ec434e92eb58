//! One message of payments that a participant hands in by itself, over a connection on which it has proven who it is: taken
//! in as a file of the inbox is, and answered at once. Keeps nothing but what the engine journals.

use std::io::Write as _;
use std::path::Path;

use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::payment::{Entry, Refusal};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::TransactionStatus;
use feiqian_iso20022::transfers::{TransferReader, check};
use feiqian_iso20022::write::admi002;
use feiqian_iso20022::{Family, Limits, ReadError};
use feiqian_runtime::pipeline::Engine;

use crate::answer::{Answerer, PaymentSums, changed};
use crate::clearing::Clearing;
use crate::error::FilesError;
use crate::intake::{payment_sums, reject_all};
use crate::resolve::{Resolved, resolve};
use crate::source::Source;
use crate::status::Verdicts;
use crate::timestamp::date_time;
use crate::usage::{Usage, UsageOfFile};

/// What a message is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answered {
    /// A pacs.002 on all its transactions; on a customer's initiation a pain.002.
    Statuses(Vec<u8>),
    /// An admi.002: it can't be read, or holds no payments.
    Rejected(Vec<u8>),
}

/// Takes in one message with payments (pacs.008, pacs.009, pain.001) of `own` and of nobody else, held to the profile that `usage` says. Blocks until all is decided:
/// call it from a plain thread. `now` dates the answer, nanoseconds since 1970.
///
/// # Errors
/// [`FilesError`] of the engine and the journal; whatever is wrong with the message is answered.
pub fn take_document(
    engine: &Engine,
    (operator, own): (Bic, ParticipantHandle),
    (bytes, usage): (Vec<u8>, &Usage),
    (limits, now): (Limits, u64),
) -> Result<Answered, FilesError> {
    let source = Source::of_bytes(bytes);
    let summary = match check(source.reader()?, limits) {
        Ok(summary) => summary,
        Err(error) => return rejected(&error, now),
    };
    let verdicts = match summary.refusals.is_empty() {
        true => clear(engine, (own, &usage.of_file(engine, summary.transactions)), &source, limits)?,
        false => reject_all(&summary),
    };
    let mut reader = TransferReader::new(source.reader()?, limits).map_err(|_| changed(&source))?;
    let answerer = Answerer { operator, now };
    let payments = match summary.head.message_type.family() {
        Family::Pain001 => payment_sums(&source, limits, &verdicts)?,
        _ => PaymentSums::default(),
    };
    let of = (&summary.head, summary.refusals.as_slice(), &payments);
    let text = answerer.statuses_text(&source, of, &verdicts, || {
        Ok(reader.next_transfer()?.map(|entry| match &entry {
            Entry::Transfer(transfer) => TransactionStatus::of(&transfer.details, Status::Pdng),
            Entry::Refused(refused) => TransactionStatus::of(&refused.details, Status::Pdng),
        }))
    })?;
    Ok(Answered::Statuses(text))
}

fn rejected(error: &ReadError, now: u64) -> Result<Answered, FilesError> {
    let mut text = Vec::new();
    let reject = MessageReject::of(error, &date_time(now));
    let written = admi002(&mut text, &reject).and_then(|()| text.flush());
    written.map_err(FilesError::io(Path::new("-"), "write"))?;
    Ok(Answered::Rejected(text))
}

fn clear(
    engine: &Engine,
    (own, usage): (ParticipantHandle, &UsageOfFile),
    source: &Source,
    limits: Limits,
) -> Result<Verdicts, FilesError> {
    let mut clearing = Clearing::new(engine);
    let mut reader = TransferReader::new(source.reader()?, limits).map_err(|_| changed(source))?;
    while let Some(entry) = reader.next_transfer().map_err(|_| changed(source))? {
        let place = clearing.verdicts().reserve();
        let resolved = match &entry {
            Entry::Refused(refused) => Err(refused.refusal.clone()),
            Entry::Transfer(transfer) => resolve(reader.head(), transfer, engine.directory())
                .and_then(|resolved| of_own(own, resolved))
                .and_then(|resolved| usage.hold(engine, (reader.head(), transfer), resolved)),
        };
        match resolved {
            Ok(resolved) => clearing.push(place, resolved)?,
            Err(refusal) => clearing.verdicts().reject(place, refusal),
        }
    }
    clearing.finish()
}

/// I7: whoever hands a message in may send for itself alone, whatever the message says.
fn of_own(own: ParticipantHandle, resolved: Resolved) -> Result<Resolved, Refusal> {
    let text = "the payment's sender is not who has handed it in; hand it in as its sender".to_owned();
    if resolved.participant == own { Ok(resolved) } else { Err(Refusal { code: codes::AGNT, text }) }
}
