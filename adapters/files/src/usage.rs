//! Which usage profile the messages of a participant are held to: the house's, or one of its own. Configuration only; what a
//! profile asks is the codec's to say.

use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::{CreditTransfer, MessageHead, Refusal};
use feiqian_iso20022::profile::{Form, Profile, Stray};
use feiqian_runtime::pipeline::Engine;

use crate::resolve::Resolved;

/// Profiles as the operator has set them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Of everyone who has none of their own.
    pub house: Option<Profile>,
    /// Of single participants; none for one whose messages are held to no profile.
    pub participants: BTreeMap<Bic, Option<Profile>>,
}

/// The same for one file: participants by their handles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UsageOfFile {
    house: Option<Profile>,
    participants: BTreeMap<ParticipantHandle, Option<Profile>>,
    /// Transactions of the file.
    transactions: u64,
}

impl Usage {
    /// The profile that what a participant submits is held to.
    #[must_use]
    pub fn of(&self, participant: Bic) -> Option<Profile> {
        self.participants.get(&participant).copied().unwrap_or(self.house)
    }

    /// Whether nobody is held to anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.house.is_none() && self.participants.values().all(Option::is_none)
    }

    /// For a file with so many transactions. Participants that are not registered yet have no handle, and send nothing.
    pub(crate) fn of_file(&self, engine: &Engine, transactions: u64) -> UsageOfFile {
        let names = engine.directory();
        let participants = self.participants.iter();
        let participants =
            participants.filter_map(|(bic, profile)| Some((names.participant(*bic)?, *profile)));
        UsageOfFile { house: self.house, participants: participants.collect(), transactions }
    }
}

impl UsageOfFile {
    /// Holds a payment to the profile of who submits it, and what is held to the profile's time.
    ///
    /// A payment that is in the journal already is answered by what became of it, whatever profile is in force by now.
    ///
    /// # Errors
    /// The profile's [`Refusal`]; AG03 for what another message settles.
    pub(crate) fn hold(
        &self,
        engine: &Engine,
        (head, transfer): (&MessageHead, &CreditTransfer),
        mut resolved: Resolved,
    ) -> Result<Resolved, Refusal> {
        unless_journaled(engine, &resolved.record, settled_here(head))?;
        let Some(profile) = self.of(&resolved) else { return Ok(resolved) };
        unless_journaled(engine, &resolved.record, profile.check(head, transfer, self.transactions))?;
        shorten(&mut resolved.record, profile.confirmation_s);
        Ok(resolved)
    }

    /// The same of a line of a table.
    ///
    /// # Errors
    /// The profile's [`Refusal`].
    pub(crate) fn hold_line(
        &self,
        engine: &Engine,
        transfer: &CreditTransfer,
        resolved: Resolved,
    ) -> Result<Resolved, Refusal> {
        let Some(profile) = self.of(&resolved) else { return Ok(resolved) };
        let held = hold_form(engine, (profile, Form::TABLE), (transfer, &resolved.record));
        held.map(|()| resolved).map_err(|stray| stray.refusal)
    }

    fn of(&self, resolved: &Resolved) -> Option<Profile> {
        self.participants.get(&resolved.participant).copied().unwrap_or(self.house)
    }
}

/// Holds a payment that came in another form than a message to a profile; one that is in the journal is held to none.
///
/// # Errors
/// The profile's [`Stray`].
pub fn hold_form(
    engine: &Engine,
    (profile, form): (Profile, Form),
    (transfer, record): (&CreditTransfer, &Record),
) -> Result<(), Stray> {
    unless_journaled(engine, record, profile.check_form(form, transfer))
}

/// A message with `COVE` is settled by its cover, which comes by itself: whoever paid both would pay twice.
fn settled_here(head: &MessageHead) -> Result<(), Refusal> {
    if head.settlement_method.as_deref() != Some("COVE") {
        return Ok(());
    }
    let text = "SttlmMtd is COVE: a cover settles it; send that, a pacs.009 COV, here and this to the creditor's bank";
    Err(Refusal { code: codes::AG03, text: text.to_owned() })
}

fn unless_journaled<E>(engine: &Engine, record: &Record, checked: Result<(), E>) -> Result<(), E> {
    checked.or_else(|wrong| if engine.find(record.uetr.get()).is_some() { Ok(()) } else { Err(wrong) })
}

/// A scheme's time to confirm goes before a longer one of the house.
fn shorten(record: &mut Record, confirmation_s: Option<u32>) {
    let Some(seconds) = confirmation_s else { return };
    if record.flags.get() & flags::HOLD != 0 && record.timeout.get() > seconds {
        record.timeout = seconds.into();
    }
}
