//! `feiqian receipt UETR`: writes the file that proves offline what became of a transfer.

use std::fmt;
use std::path::{Path, PathBuf};

use feiqian_proof::kinds::Proof;
use feiqian_proof::receipt::Receipt;
use serde::Serialize;

use super::{Context, proof_file};
use crate::cli::ProofForm;
use crate::fault::Fault;
use crate::names::{parse_uetr, uetr_text};
use crate::session::Session;

#[derive(Serialize)]
struct ReceiptReport {
    uetr: String,
    file: String,
    bytes: u64,
    block: u64,
    operator_key: String,
}

impl fmt::Display for ReceiptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, block, operator_key, .. } = self;
        writeln!(f, "{file}: {bytes} bytes, block {block}")?;
        writeln!(f, "check it anywhere: feiqian verify {file} --key {operator_key}")
    }
}

pub(super) fn receipt(
    context: &Context,
    (uetr, with_details): (&str, bool),
    form: &ProofForm,
) -> Result<(), Fault> {
    let id = parse_uetr(uetr)?.bits();
    let suffix = if form.text { "json" } else { "receipt" };
    let path = form.output.clone();
    let path = path.unwrap_or_else(|| PathBuf::from(format!("{}.{suffix}", uetr_text(id))));
    let report = context.with_session(&[], |session| {
        let mut receipt = of_transfer(session, id)?;
        if !with_details {
            receipt.details.clear();
        }
        let block = receipt.header.height;
        let bytes = proof_file::encode(session, (Proof::Receipt(receipt), block), form)?;
        write(&path, &bytes)?;
        Ok(ReceiptReport {
            uetr: uetr_text(id),
            file: path.display().to_string(),
            bytes: bytes.len() as u64,
            block,
            operator_key: session.genesis.operator_key.to_string(),
        })
    })?;
    context.output.report(&report);
    Ok(())
}

/// The receipt of a transfer, and its file's bytes.
///
/// # Errors
/// [`Fault::Absent`] if it was never journaled or its block is open.
pub fn make(session: &Session, id: u128) -> Result<(Vec<u8>, Receipt), Fault> {
    let receipt = of_transfer(session, id)?;
    let bytes = receipt.encode().map_err(|error| Fault::Data(format!("{}: {error}", uetr_text(id))))?;
    Ok((bytes, receipt))
}

fn of_transfer(session: &Session, id: u128) -> Result<Receipt, Fault> {
    let absent = || Fault::Absent(format!("{}: never journaled", uetr_text(id)));
    let sequence = session.engine.find(id).ok_or_else(absent)?;
    Ok(session.engine.receipt(sequence)?)
}

/// Writes a receipt's file.
///
/// # Errors
/// [`Fault::File`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(path, bytes).map_err(|error| Fault::file(path, "write the receipt", &error))
}
