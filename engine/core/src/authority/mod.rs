//! Who may order what: the officers, what they have proposed and not yet decided, and how long a loosening waits.
//!
//! A command is ordered by two officers at once, or one proposes it and another approves it, each in an entry of its
//! own. A loosening that is approved while a delay is in force waits, so that who watches can withdraw it; the entry
//! that then puts it in force is the engine's own and decides nothing. Nothing happens by a clock: what has expired
//! counts as gone by the time of the frame that asks, and is forgotten by the next command that is accepted.

use alloc::vec::Vec;

use feiqian_proof::signature::{PublicKey, verify_message};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{APPROVAL_CONTEXT, Command, Entry, Genesis, OFFICERS_MAX, OfficerNumber, decode_key};
use crate::fraud::FraudCommand;
use crate::limits::{
    DELAY_SECONDS_MAX, OFFICERS_MIN, PROPOSAL_SECONDS_MAX, PROPOSALS_MAX, PROPOSED_BYTES_MAX,
};
use crate::number::number32;
use crate::outcome::RejectReason;
use crate::registry::{Decision, Effect, Registry, refuse};
use crate::schedule::ScheduleCommand;

mod command;
mod weight;

pub use command::{AuthorityCommand, ProposalCommand};

const SECOND: u64 = 1_000_000_000;

/// An officer's yes to a proposal that waits for its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approved {
    /// Who; never the proposer.
    pub officer: OfficerNumber,
    /// From when on it may be put in force, nanoseconds since 1970.
    pub due: u64,
}

/// A command that one officer has proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The id of the entry that proposed it.
    pub id: u128,
    /// What is proposed.
    pub command: Command,
    /// Who proposed it, and the key that signed.
    pub proposer: (OfficerNumber, PublicKey),
    /// When, nanoseconds since 1970.
    pub proposed_at: u64,
    /// From when on it is gone, nanoseconds since 1970.
    pub expires: u64,
    /// None as long as it can be approved.
    pub approved: Option<Approved>,
}

impl Proposal {
    fn is_of(&self, officer: OfficerNumber) -> bool {
        self.proposer.0 == officer || self.approved.is_some_and(|approved| approved.officer == officer)
    }
}

/// Officers, proposals and the delay of loosenings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Authority {
    officers: Vec<(OfficerNumber, PublicKey)>,
    /// Seconds.
    delay: u32,
    /// In the order in which they were proposed.
    proposals: Vec<Proposal>,
}

/// Questions; none of them changes anything.
impl Authority {
    /// Those in office, in the order in which they came.
    #[must_use]
    pub fn officers(&self) -> &[(OfficerNumber, PublicKey)] {
        &self.officers
    }

    /// How long an approved loosening waits, seconds.
    #[must_use]
    pub fn delay(&self) -> u32 {
        self.delay
    }

    /// All proposals that no accepted command has ended, oldest first; some may have expired since.
    #[must_use]
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    fn key_of(&self, officer: OfficerNumber) -> Option<&PublicKey> {
        self.officers.iter().find(|(number, _)| *number == officer).map(|(_, key)| key)
    }

    /// A proposal that has not expired.
    fn find(&self, id: u128, timestamp: u64) -> Decision<&Proposal> {
        let found = self.proposals.iter().find(|proposal| proposal.id == id && proposal.expires > timestamp);
        found.ok_or(RejectReason::UnknownProposal)
    }

    fn is_full(&self, timestamp: u64) -> bool {
        self.proposals.iter().filter(|proposal| proposal.expires > timestamp).count() >= PROPOSALS_MAX
    }
}

/// Changes.
impl Authority {
    /// The officers that a chain begins with.
    pub(crate) fn of(genesis: &Genesis) -> Self {
        Self { officers: genesis.officers.clone(), ..Self::default() }
    }

    fn expire(&mut self, timestamp: u64) {
        self.proposals.retain(|proposal| proposal.expires > timestamp);
    }

    fn remove(&mut self, id: u128) {
        self.proposals.retain(|proposal| proposal.id != id);
    }

    /// What an officer signed goes with it.
    fn remove_officer(&mut self, officer: OfficerNumber) {
        self.officers.retain(|(number, _)| *number != officer);
        self.proposals.retain(|proposal| !proposal.is_of(officer));
    }

    fn approve(&mut self, id: u128, approved: Approved) {
        if let Some(proposal) = self.proposals.iter_mut().find(|proposal| proposal.id == id) {
            let life = proposal.expires.saturating_sub(proposal.proposed_at);
            proposal.expires = approved.due.saturating_add(life);
            proposal.approved = Some(approved);
        }
    }
}

/// The rules of approval.
impl Registry {
    /// Officers, proposals and the delay of loosenings.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Proposals that wait for nothing but the entry that puts them in force, and that it would be accepted for.
    pub fn due_proposals(&self, timestamp: u64) -> impl Iterator<Item = &Proposal> {
        self.authority.proposals.iter().filter(move |proposal| {
            let enact = ProposalCommand::Enact { proposal: proposal.id };
            self.check_proposal(&enact, 0, (timestamp, u64::MAX)).is_ok()
        })
    }

    /// What an accepted command puts in force: itself, what it approves or enacts, or nothing yet.
    #[must_use]
    pub fn puts_in_force<'a>(&'a self, command: &'a Command) -> Option<&'a Command> {
        let of = |id: &u128| self.authority.proposals.iter().find(|proposal| proposal.id == *id);
        match command {
            Command::Proposal(ProposalCommand::Propose { .. } | ProposalCommand::Withdraw { .. }) => None,
            Command::Proposal(ProposalCommand::Approve { proposal, .. }) => {
                of(proposal).map(|found| &found.command).filter(|command| !self.is_delayed(command))
            }
            Command::Proposal(ProposalCommand::Enact { proposal }) => {
                of(proposal).map(|found| &found.command)
            }
            command => Some(command),
        }
    }

    fn is_delayed(&self, command: &Command) -> bool {
        self.authority.delay > 0 && command.is_loosening(self)
    }

    pub(crate) fn check_approvals(&self, entry: &Entry) -> Decision<()> {
        let needed = entry.command.officers_needed(self);
        if needed == 0 {
            return Ok(());
        }
        // Of a proposal and its approval one must know whose they are.
        let is_ambiguous = matches!(entry.command, Command::Proposal(_)) && entry.approvals.len() > 1;
        let is_short = self.genesis.is_some() && self.officers_of(entry).len() < needed;
        refuse(is_short || (self.genesis.is_some() && is_ambiguous), RejectReason::FourEyesRequired)
    }

    /// The officers who have signed an entry, each once.
    pub(crate) fn officers_of(&self, entry: &Entry) -> Vec<OfficerNumber> {
        let Some(genesis) = self.genesis.as_ref() else { return Vec::new() };
        let bytes = entry.signed_bytes(&genesis.chain_id);
        let mut officers: Vec<OfficerNumber> = Vec::new();
        for approval in &entry.approvals {
            let key = self.authority.key_of(approval.officer);
            let is_valid =
                key.is_some_and(|key| verify_message(key, APPROVAL_CONTEXT, &bytes, &approval.signature));
            // Two numbers with one key would be one pair of eyes: no two officers have equal keys.
            if is_valid && !officers.contains(&approval.officer) {
                officers.push(approval.officer);
            }
        }
        officers
    }

    /// A command that officers order without a proposal.
    pub(crate) fn check_direct(&self, command: &Command, timestamp: u64) -> Decision<()> {
        self.check_command(command, timestamp)?;
        refuse(self.is_delayed(command), RejectReason::ProposalRequired)
    }

    /// A step of a proposal, signed by `signer`, at the time and sequence of its frame.
    pub(crate) fn check_proposal(
        &self,
        step: &ProposalCommand,
        signer: OfficerNumber,
        (timestamp, number): (u64, u64),
    ) -> Decision<()> {
        let authority = &self.authority;
        let check = |command: &Command| match command {
            Command::Fraud(command) => self.check_proposed_fraud(command, (timestamp, number)),
            command => self.check_command(command, timestamp),
        };
        match step {
            ProposalCommand::Propose { command, expires_after } => {
                let is_over =
                    !(1..=PROPOSAL_SECONDS_MAX).contains(expires_after) || authority.is_full(timestamp);
                let limit = refuse(is_over, RejectReason::LimitReached);
                let reasons = check(command).err().into_iter().chain(limit.err());
                reasons.min().map_or(Ok(()), Err)
            }
            ProposalCommand::Approve { proposal, content } => {
                let found = authority.find(*proposal, timestamp)?;
                refuse(found.approved.is_some(), RejectReason::UnknownProposal)?;
                let (proposer, key) = &found.proposer;
                let is_same = *proposer == signer || authority.key_of(signer) == Some(key);
                refuse(is_same, RejectReason::FourEyesRequired)?;
                refuse(found.command.content() != *content, RejectReason::UnknownProposal)?;
                check(&found.command)
            }
            ProposalCommand::Withdraw { proposal } => authority.find(*proposal, timestamp).map(drop),
            ProposalCommand::Enact { proposal } => {
                let found = authority.find(*proposal, timestamp)?;
                let approved = found.approved.ok_or(RejectReason::UnknownProposal)?;
                refuse(approved.due > timestamp, RejectReason::ProposalEarly)?;
                check(&found.command)
            }
        }
    }

    pub(crate) fn check_authority(&self, command: &AuthorityCommand) -> Decision<()> {
        let officers = &self.authority.officers;
        match command {
            AuthorityCommand::SetDelay { seconds } => {
                refuse(*seconds > DELAY_SECONDS_MAX, RejectReason::LimitReached)
            }
            AuthorityCommand::AddOfficer { officer, key } => {
                let is_known = officers.iter().any(|(number, other)| number == officer || other == key);
                refuse(is_known, RejectReason::AlreadyRegistered)?;
                refuse(officers.len() >= OFFICERS_MAX, RejectReason::LimitReached)
            }
            AuthorityCommand::RemoveOfficer { officer } => {
                refuse(officers.len() <= OFFICERS_MIN, RejectReason::LimitReached)?;
                self.authority.key_of(*officer).map(drop).ok_or(RejectReason::UnknownOfficer)
            }
            AuthorityCommand::SetParticipantKey { bic, key } => {
                let participant = self.participant(*bic)?;
                let has_it = self.participant_at(participant).is_some_and(|found| found.key == Some(*key));
                refuse(has_it, RejectReason::AlreadyRegistered)
            }
        }
    }

    /// Puts a step of a proposal in force, and what it approves or enacts.
    pub(crate) fn commit_proposal(
        &mut self,
        entry: &Entry,
        step: &ProposalCommand,
        (timestamp, sequence): (u64, u64),
    ) -> Effect {
        let in_force = self.puts_in_force(&entry.command).cloned();
        let signer = entry.approvals.first().map_or(0, |approval| approval.officer);
        match step {
            ProposalCommand::Propose { command, expires_after } => {
                let Some(key) = self.authority.key_of(signer).copied() else { return Effect::Registered };
                let life = u64::from(*expires_after).saturating_mul(SECOND);
                self.authority.proposals.push(Proposal {
                    id: entry.id,
                    command: Command::clone(command),
                    proposer: (signer, key),
                    proposed_at: timestamp,
                    expires: timestamp.saturating_add(life),
                    approved: None,
                });
            }
            ProposalCommand::Approve { proposal, .. } if in_force.is_none() => {
                let delay = u64::from(self.authority.delay).saturating_mul(SECOND);
                let due = timestamp.saturating_add(delay);
                self.authority.approve(*proposal, Approved { officer: signer, due });
            }
            ProposalCommand::Approve { proposal, .. }
            | ProposalCommand::Withdraw { proposal }
            | ProposalCommand::Enact { proposal } => self.authority.remove(*proposal),
        }
        match in_force {
            Some(command) => self.put_in_force(&command, timestamp, sequence),
            None => Effect::Registered,
        }
    }

    pub(crate) fn commit_authority(&mut self, command: &AuthorityCommand) -> Effect {
        match command {
            AuthorityCommand::SetDelay { seconds } => self.authority.delay = *seconds,
            AuthorityCommand::AddOfficer { officer, key } => self.authority.officers.push((*officer, *key)),
            AuthorityCommand::RemoveOfficer { officer } => self.authority.remove_officer(*officer),
            AuthorityCommand::SetParticipantKey { bic, key } => {
                if let Some(participant) = self.participant_mut(*bic) {
                    participant.key = Some(*key);
                }
            }
        }
        Effect::Registered
    }

    /// Forgets proposals that have expired.
    pub(crate) fn expire_proposals(&mut self, timestamp: u64) {
        self.authority.expire(timestamp);
    }
}

/// What can't be proposed: what begins the journal, the engine's own, a step of a proposal, and what a participant reports.
pub(crate) fn check_proposable(command: &Command) -> Decision<()> {
    let is_not = matches!(
        command,
        Command::Genesis(_)
            | Command::Seal { .. }
            | Command::Proposal(_)
            | Command::Exchange(_)
            | Command::Fraud(FraudCommand::Report { .. })
            | Command::Schedule(ScheduleCommand::CloseScheduled { .. })
    );
    refuse(is_not, RejectReason::MalformedCommand)
}

/// Byte forms.
impl Authority {
    /// In a snapshot.
    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.officers.len());
        for (number, key) in &self.officers {
            to.u16(*number);
            to.raw(key.as_bytes());
        }
        to.u32(self.delay);
        to.count(self.proposals.len());
        for proposal in &self.proposals {
            to.u128(proposal.id);
            to.bytes(&proposal.command.body());
            to.u16(proposal.proposer.0);
            to.raw(proposal.proposer.1.as_bytes());
            to.u64(proposal.proposed_at);
            to.u64(proposal.expires);
            to.u8(u8::from(proposal.approved.is_some()));
            if let Some(approved) = proposal.approved {
                to.u16(approved.officer);
                to.u64(approved.due);
            }
        }
    }

    /// Not as the chain began: that has no byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>, genesis: Option<&Genesis>) -> Result<Self, Malformed> {
        let mut authority = Self::default();
        for _ in 0..from.count(OFFICERS_MAX)? {
            authority.officers.push((from.u16()?, decode_key(from)?));
        }
        authority.delay = from.u32()?;
        for _ in 0..from.count(PROPOSALS_MAX)? {
            authority.proposals.push(Proposal {
                id: from.u128()?,
                command: Command::of_body(from.bytes(PROPOSED_BYTES_MAX)?)?,
                proposer: (from.u16()?, decode_key(from)?),
                proposed_at: from.u64()?,
                expires: from.u64()?,
                approved: match from.flag()? {
                    true => Some(Approved { officer: from.u16()?, due: from.u64()? }),
                    false => None,
                },
            });
        }
        if authority.is_as_begun(genesis) { Err(Malformed) } else { Ok(authority) }
    }

    /// Whether nothing has changed since the chain began.
    pub(crate) fn is_as_begun(&self, genesis: Option<&Genesis>) -> bool {
        *self == genesis.map(Self::of).unwrap_or_default()
    }

    /// In the configuration of a block, if there is a delay or a proposal: which proposals stand and until when, and
    /// of what they propose the digest alone, since it may be a secret.
    pub(crate) fn config_entry(&self, kind: u8) -> Option<Vec<u8>> {
        if self.delay == 0 && self.proposals.is_empty() {
            return None;
        }
        let mut to = Encoder::default();
        to.u8(kind);
        to.u32(self.delay);
        to.u32(number32(self.proposals.len()));
        for proposal in &self.proposals {
            to.u128(proposal.id);
            to.raw(&proposal.command.content().0);
            to.u16(proposal.proposer.0);
            to.u64(proposal.expires);
            to.u8(u8::from(proposal.approved.is_some()));
            let approved = proposal.approved.unwrap_or(Approved { officer: 0, due: 0 });
            to.u16(approved.officer);
            to.u64(approved.due);
        }
        Some(to.0)
    }
}
