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

use crate::api::Call;
use crate::caller::Asker;
use crate::instruct::account_named;
use crate::problem::{Outcome, Problem};
use feiqian_core::outcome::{Outcome as Decision, OutcomeRow};

pub(crate) fn fault(_: QueryFault) -> Problem {
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

/// Whether an account belongs to a participant; of none, every account does.
pub(super) fn is_of(registry: &Registry, account: AccountHandle, owner: Option<ParticipantHandle>) -> bool {
    let found = registry.account(account).and_then(|terms| registry.owner_of(terms));
    owner.is_none() || found.map(|(handle, _)| handle) == owner
}

/// The id of a path.
pub(super) fn path_id(text: &str) -> Outcome<u128> {
    Uetr::parse(text).map(Uetr::bits).map_err(|error| Problem::parameter("uetr", error.to_string()))
}

/// The account of a name, if the caller sees it.
pub(super) fn account_seen(call: &Call, name: &str) -> Outcome<AccountHandle> {
    let directory = call.api.engine.directory();
    account_named(directory, name)
        .filter(|found| sees_account(call.asker, directory, *found))
        .ok_or_else(|| Problem::absent("there is no such account of the caller's"))
}

/// Whether an account is one that the asker sees.
pub(crate) fn sees_account(asker: Asker, directory: &Directory, account: AccountHandle) -> bool {
    directory.account(account).is_some_and(|(owner, ..)| asker.sees(owner))
}

/// Whether a transfer is one that the asker sees: whoever submitted it or is to pay always does, whoever is to be paid once
/// something has come, or is held for them. That another could not pay is not theirs to know.
pub(crate) fn sees_transfer(
    (asker, directory): (Asker, &Directory),
    submitter: ParticipantHandle,
    (record, has_come): (&Record, bool),
) -> bool {
    let sees = |account| sees_account(asker, directory, account);
    asker.sees(submitter) || sees(record.debtor.get()) || has_come && sees(record.creditor.get())
}

/// Whether by its own outcome a transfer has come to whom it pays, or is held for them.
pub(crate) fn has_come(row: &OutcomeRow) -> bool {
    matches!(row.outcome(), Some(Decision::Cleared | Decision::Held))
}

/// A transfer that the asker sees, with its sequence and row.
pub(super) fn find(engine: &Engine, asker: Asker, id: u128) -> Outcome<(u64, JournaledEntry, OutcomeRow)> {
    let absent = || Problem::absent("no such transfer of the caller's was journaled");
    let sequence = engine.find(id).ok_or_else(absent)?;
    let (entry, row) = engine.entry(sequence).map_err(fault)?.ok_or_else(absent)?;
    let submitter = entry.submitter.ok_or_else(absent)?;
    let is_released = || engine.released(id).map_err(fault).map(|found| found.is_some());
    let has_come = has_come(&row) || row.outcome() == Some(Decision::Queued) && is_released()?;
    match sees_transfer((asker, engine.directory()), submitter, (&entry.record, has_come)) {
        true => Ok((sequence, entry, row)),
        false => Err(absent()),
    }
}

/// The amount of an instruction about a transfer that was journaled under this id before: what its repetition says again.
pub(super) fn amount_before(engine: &Engine, id: u128, related: u128) -> Outcome<Option<u64>> {
    let Some(sequence) = engine.find(id) else { return Ok(None) };
    let found = engine.entry(sequence).map_err(fault)?;
    let record = found.map(|(entry, _)| entry.record).filter(|record| record.related.get() == related);
    Ok(record.map(|record| record.amount.get()))
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
