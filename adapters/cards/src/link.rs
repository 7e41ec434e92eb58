//! A link: a port on which a card network or an acquirer speaks, how its messages look, and for whom it may speak.

use std::net::SocketAddr;
use std::sync::Arc;

use feiqian_core::bic::Bic;
use feiqian_iso8583::Spec;

use crate::envelope::{Envelope, Framing};
use crate::security::MacKeys;

/// An acquiring institution of a link and the participant that it is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Institution {
    /// Field 32, as a number.
    pub code: u64,
    /// Whose clearing account is credited.
    pub participant: Bic,
}

/// One port with all that is agreed about it.
#[derive(Clone, Debug)]
pub struct Link {
    /// For reports and errors.
    pub name: String,
    /// Where it listens: loopback, for nothing here encrypts.
    pub listen: SocketAddr,
    /// How frames look.
    pub framing: Framing,
    /// The field table.
    pub spec: Arc<Spec>,
    /// For whom messages on this link may speak: at least one. A message without field 32 is the only one's.
    pub institutions: Vec<Institution>,
    /// Keys of field 64 or 128, where messages are authenticated.
    pub mac: Option<MacKeys>,
    /// Whether payments are refused before a sign-on (0800, field 70 = 001).
    pub needs_sign_on: bool,
    /// Whether its institutions may enrol and withdraw cards of their own (0302): only with `mac`, over all bytes.
    pub takes_file_actions: bool,
}

impl Link {
    /// Who speaks, by field 32; none for an institution that this link is not for.
    #[must_use]
    pub fn institution(&self, acquirer: Option<u64>) -> Option<Institution> {
        match (acquirer, self.institutions.as_slice()) {
            (None, [only]) => Some(*only),
            (None, _) => None,
            (Some(code), all) => all.iter().find(|institution| institution.code == code).copied(),
        }
    }

    /// Terminals name themselves by fields 41 and 42 and their batch; switches by time and institution.
    pub(crate) fn is_of_terminals(&self) -> bool {
        self.framing.envelope == Envelope::Terminal
    }
}
