//! Ids, keys and owners as answers show them, and who may see them.

use feiqian_core::account::AccountHandle;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::registry::Registry;
use feiqian_core::transfer::Record;
use feiqian_core::uetr::Uetr;
use feiqian_runtime::directory::Directory;
use feiqian_runtime::history::JournaledEntry;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::QueryFault;

use crate::caller::Asker;
use crate::problem::{Outcome, Problem};
use feiqian_core::outcome::OutcomeRow;

pub(super) fn fault(_: QueryFault) -> Problem {
    Problem::fault()
}

/// A participant's BIC; empty for a handle that does not exist.
pub(super) fn bic(registry: &Registry, participant: ParticipantHandle) -> String {
    let found = registry.participants().get(participant as usize);
    found.map(|found| found.bic.as_str().to_owned()).unwrap_or_default()
}

/// The BIC of an account's participant.
pub(super) fn agent(registry: &Registry, account: AccountHandle) -> Option<String> {
    let terms = registry.account(account)?;
    registry.owner_of(terms).map(|(_, owner)| owner.bic.as_str().to_owned())
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The id of a path.
pub(super) fn path_id(text: &str) -> Outcome<u128> {
    Uetr::parse(text).map(Uetr::bits).map_err(|error| Problem::field("uetr", error.to_string()))
}

/// Whether an account is one that the asker sees.
pub(super) fn sees_account(asker: Asker, directory: &Directory, account: AccountHandle) -> bool {
    directory.account(account).is_some_and(|(owner, ..)| asker.sees(owner))
}

/// Whether a transfer is one that the asker sees: of the two whose accounts it moves between, or submitted by it.
pub(super) fn sees_transfer(asker: Asker, directory: &Directory, entry: &JournaledEntry) -> bool {
    let Some(submitter) = entry.submitter else { return false };
    let accounts = [entry.record.debtor.get(), entry.record.creditor.get()];
    asker.sees(submitter) || accounts.into_iter().any(|account| sees_account(asker, directory, account))
}

/// A transfer that the asker sees, with its sequence and row.
pub(super) fn find(engine: &Engine, asker: Asker, id: u128) -> Outcome<(u64, JournaledEntry, OutcomeRow)> {
    let absent = || Problem::absent("no such transfer of the caller's was journaled");
    let sequence = engine.find(id).ok_or_else(absent)?;
    let (entry, row) = engine.entry(sequence).map_err(fault)?.ok_or_else(absent)?;
    match sees_transfer(asker, engine.directory(), &entry) {
        true => Ok((sequence, entry, row)),
        false => Err(absent()),
    }
}

/// The record of a transfer whose debtor account is the participant's: what it may finish or change.
pub(super) fn find_debit(engine: &Engine, own: ParticipantHandle, id: u128) -> Outcome<Record> {
    let absent = || Problem::absent("no such transfer of the caller's was journaled");
    let sequence = engine.find(id).ok_or_else(absent)?;
    let (entry, _) = engine.entry(sequence).map_err(fault)?.ok_or_else(absent)?;
    let owner = engine.directory().account(entry.record.debtor.get()).map(|(owner, ..)| owner);
    match entry.submitter.is_some() && owner == Some(own) {
        true => Ok(entry.record),
        false => Err(absent()),
    }
}
