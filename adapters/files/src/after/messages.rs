//! Which archived file a bank's message is: so that a whole message can be asked for or recalled by its `MsgId`. One small
//! file for each message in `messages/`, named by a digest of who sent it and its id; the first of an id stands.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use feiqian_core::participant::ParticipantHandle;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes;
use feiqian_iso20022::derive::transfer_id;
use feiqian_iso20022::payment::{CreditTransfer, Entry, MessageHead, Refusal};
use feiqian_iso20022::transfers::TransferReader;

use crate::error::FilesError;
use crate::intake::Intake;
use crate::layout::WorkDir;
use crate::limits::GROUP_PAYMENTS_MAX;
use crate::resolve::refuse;
use crate::store;

const CONTEXT: &str = "feiqian 2026 files message v1";

fn path(work: &WorkDir, sender: ParticipantHandle, message_id: &str) -> PathBuf {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&sender.to_le_bytes()).update(message_id.as_bytes());
    let hex = hasher.finalize().to_hex();
    work.messages().join(hex.get(..32).unwrap_or_default())
}

/// Notes the name under which a bank's message will be archived.
pub(crate) fn note(
    work: &WorkDir,
    sender: ParticipantHandle,
    (message_id, archived): (&str, &str),
) -> Result<(), FilesError> {
    let path = path(work, sender, message_id);
    if path.exists() {
        return Ok(());
    }
    store::write_file(&path, |out| out.write_all(archived.as_bytes()))
}

fn find(work: &WorkDir, sender: ParticipantHandle, message_id: &str) -> Result<Option<PathBuf>, FilesError> {
    let path = path(work, sender, message_id);
    match std::fs::read_to_string(&path) {
        Ok(name) => Ok(Some(work.archive().join(name))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FilesError::io(&path, "read")(error)),
    }
}

/// The payments of a bank's message, each with its id as UETR.
pub(crate) type Payments = (MessageHead, Vec<CreditTransfer>);

/// Reads a bank's message again.
pub(crate) fn payments(
    intake: &Intake<'_>,
    sender: ParticipantHandle,
    message_id: &str,
) -> Result<Result<Payments, Refusal>, FilesError> {
    let Some(path) = find(&intake.options.work, sender, message_id)? else {
        let text = format!("the sender has sent no message {message_id} here; name its payments");
        return Ok(refuse(codes::NOOR, text));
    };
    match File::open(&path) {
        Ok(file) => read(intake, &path, file),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = format!("the message {message_id} is not kept any more; name its payments");
            Ok(refuse(codes::NOOR, text))
        }
        Err(error) => Err(FilesError::io(&path, "open")(error)),
    }
}

fn read(intake: &Intake<'_>, path: &Path, file: File) -> Result<Result<Payments, Refusal>, FilesError> {
    let fault =
        |error: feiqian_iso20022::ReadError| FilesError::io(path, "read")(std::io::Error::other(error));
    let mut reader = TransferReader::new(BufReader::new(file), intake.options.limits).map_err(fault)?;
    let mut transfers = Vec::new();
    while let Some(entry) = reader.next_transfer().map_err(fault)? {
        let Entry::Transfer(mut transfer) = entry else { continue };
        if transfers.len() == GROUP_PAYMENTS_MAX {
            let text = format!("the message has more than {GROUP_PAYMENTS_MAX} payments; name them");
            return Ok(refuse(codes::NARR, text));
        }
        let id: Uetr = transfer_id(reader.head(), &transfer.details, transfer.index);
        transfer.details.ids.uetr = Some(id);
        transfers.push(*transfer);
    }
    Ok(Ok((reader.head().clone(), transfers)))
}
