//! Which usage profile the messages of a participant are held to: the house's, or one of its own. Configuration only; what a
//! profile asks is the codec's to say.

use std::collections::BTreeMap;

use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_iso20022::payment::{CreditTransfer, MessageHead, Refusal};
use feiqian_iso20022::profile::Profile;
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
    /// The profile's [`Refusal`].
    pub(crate) fn hold(
        &self,
        engine: &Engine,
        (head, transfer): (&MessageHead, &CreditTransfer),
        mut resolved: Resolved,
    ) -> Result<Resolved, Refusal> {
        let own = self.participants.get(&resolved.participant).copied();
        let Some(profile) = own.unwrap_or(self.house) else { return Ok(resolved) };
        match profile.check(head, transfer, self.transactions) {
            Err(refusal) if engine.find(resolved.record.uetr.get()).is_none() => return Err(refusal),
            _ => {}
        }
        shorten(&mut resolved.record, profile.confirmation_s);
        Ok(resolved)
    }
}

/// A scheme's time to confirm goes before a longer one of the house.
fn shorten(record: &mut Record, confirmation_s: Option<u32>) {
    let Some(seconds) = confirmation_s else { return };
    if record.flags.get() & flags::HOLD != 0 && record.timeout.get() > seconds {
        record.timeout = seconds.into();
    }
}
