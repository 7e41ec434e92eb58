//! The commands about authority and their bodies: steps of proposals (80 to 83), and who the officers are, how long
//! loosenings wait and which keys participants sign with (84 to 87). Decides nothing.

use alloc::boxed::Box;

use feiqian_proof::hash::Hash;
use feiqian_proof::signature::PublicKey;

use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{Command, OfficerNumber, decode_bic, decode_key};
use crate::limits::PROPOSED_BYTES_MAX;

/// A step of a proposal. All but [`ProposalCommand::Enact`] carry one officer's approval, which says whose step it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProposalCommand {
    /// 80: one officer proposes a command. The entry's id is the proposal's.
    Propose {
        /// At most [`PROPOSED_BYTES_MAX`] bytes; no genesis, seal or step of a proposal.
        command: Box<Command>,
        /// Seconds until it is gone.
        expires_after: u32,
    },
    /// 81: another officer approves it. It is decided and put in force here, or waits if it is a loosening.
    Approve {
        /// Which one.
        proposal: u128,
        /// [`Command::content`] of what is proposed, so that an officer signs what is done and not a number alone.
        content: Hash,
    },
    /// 82: an officer takes a proposal back, its own or another's, approved or not.
    Withdraw {
        /// Which one.
        proposal: u128,
    },
    /// 83: puts an approved loosening in force when its time has come; the engine's own.
    Enact {
        /// Which one.
        proposal: u128,
    },
}

impl ProposalCommand {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        match self {
            Self::Propose { command, expires_after } => {
                to.u8(80);
                to.u32(*expires_after);
                to.bytes(&command.body());
            }
            Self::Approve { proposal, content } => {
                to.u8(81);
                to.u128(*proposal);
                to.raw(&content.0);
            }
            Self::Withdraw { proposal } => {
                to.u8(82);
                to.u128(*proposal);
            }
            Self::Enact { proposal } => {
                to.u8(83);
                to.u128(*proposal);
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            80 => {
                let expires_after = from.u32()?;
                let body = from.bytes(PROPOSED_BYTES_MAX)?;
                // Before it is read: proposals of proposals could be nested deeper than any stack.
                if body.first().is_some_and(|kind| (80..=83).contains(kind)) {
                    return Err(Malformed);
                }
                Self::Propose { command: Box::new(Command::of_body(body)?), expires_after }
            }
            81 => Self::Approve { proposal: from.u128()?, content: Hash(from.array()?) },
            82 => Self::Withdraw { proposal: from.u128()? },
            83 => Self::Enact { proposal: from.u128()? },
            _ => return Err(Malformed),
        })
    }
}

/// Who the officers are, how long loosenings wait, and which keys participants sign with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuthorityCommand {
    /// 84: how long approved loosenings wait from now on; shorter is itself a loosening.
    SetDelay {
        /// None with zero.
        seconds: u32,
    },
    /// 85: a new officer.
    AddOfficer {
        /// No other officer's.
        officer: OfficerNumber,
        /// No other officer's.
        key: PublicKey,
    },
    /// 86: an officer leaves, and what it signed of proposals is withdrawn. Two remain at least.
    RemoveOfficer {
        /// Which one.
        officer: OfficerNumber,
    },
    /// 87: a participant signs with another key from now on.
    SetParticipantKey {
        /// Whose.
        bic: Bic,
        /// Not the one that it has.
        key: PublicKey,
    },
}

impl AuthorityCommand {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        match self {
            Self::SetDelay { seconds } => {
                to.u8(84);
                to.u32(*seconds);
            }
            Self::AddOfficer { officer, key } => {
                to.u8(85);
                to.u16(*officer);
                to.raw(key.as_bytes());
            }
            Self::RemoveOfficer { officer } => {
                to.u8(86);
                to.u16(*officer);
            }
            Self::SetParticipantKey { bic, key } => {
                to.u8(87);
                to.raw(bic.as_bytes());
                to.raw(key.as_bytes());
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            84 => Self::SetDelay { seconds: from.u32()? },
            85 => Self::AddOfficer { officer: from.u16()?, key: decode_key(from)? },
            86 => Self::RemoveOfficer { officer: from.u16()? },
            87 => Self::SetParticipantKey { bic: decode_bic(from)?, key: decode_key(from)? },
            _ => return Err(Malformed),
        })
    }
}
