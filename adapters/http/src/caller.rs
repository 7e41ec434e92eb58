//! Who is asking: what the front asks of whoever knows, and what of it handlers see. Finds out nothing by itself.

use std::fmt;

use feiqian_core::participant::ParticipantHandle;
use feiqian_identity::{Caller, Identities, IdentityFile, Presented, Role, Roles, Unidentified};
use feiqian_runtime::directory::Directory;

/// Whoever tells who has sent a request.
pub trait Identify: Send + Sync + fmt::Debug + 'static {
    /// Who has sent it, proven; `now_s` is seconds since 1970.
    ///
    /// # Errors
    /// [`Unidentified`], and nothing of the request is looked at.
    fn identify(&self, presented: &Presented<'_>, now_s: u64) -> Result<Caller, Unidentified>;
}

impl Identify for Identities {
    fn identify(&self, presented: &Presented<'_>, now_s: u64) -> Result<Caller, Unidentified> {
        Self::identify(self, presented, now_s)
    }
}

impl Identify for IdentityFile {
    fn identify(&self, presented: &Presented<'_>, now_s: u64) -> Result<Caller, Unidentified> {
        Self::identify(self, presented, now_s)
    }
}

/// A caller that the directory knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asker {
    /// For whom it acts; none for those who belong to no participant.
    pub(crate) participant: Option<ParticipantHandle>,
    pub(crate) roles: Roles,
}

impl Asker {
    /// None where the caller acts for somebody who does not take part.
    pub(crate) fn of(caller: &Caller, directory: &Directory) -> Option<Self> {
        let participant = match caller.participant {
            Some(bic) => Some(directory.participant(bic)?),
            None => None,
        };
        Some(Self { participant, roles: caller.roles })
    }

    pub(crate) fn has_any(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.has(*role))
    }

    /// Whether everybody's accounts, positions and reports are shown: to auditors and the operator, for nobody in particular.
    pub(crate) fn sees_all(self) -> bool {
        self.participant.is_none() && self.has_any(&[Role::Auditor, Role::Operator, Role::Validator])
    }

    /// Whether what belongs to a participant is shown.
    pub(crate) fn sees(self, owner: ParticipantHandle) -> bool {
        self.participant == Some(owner) || self.sees_all()
    }
}
