//! How heavy a command is: how many officers it takes, and whether it loosens something. A function of the command and
//! the registry alone, so that every shard weighs alike. What only stops is one person's; what opens may have to wait.

use crate::account::AccountState;
use crate::authority::{AuthorityCommand, ProposalCommand};
use crate::command::Command;
use crate::number::index;
use crate::registry::Registry;
use crate::schedule::ScheduleCommand;

/// Four eyes.
const TWO_OFFICERS: usize = 2;

impl Command {
    /// Whether it takes an officer's approval at all, whatever the registry holds.
    #[must_use]
    pub fn is_risky(&self) -> bool {
        match self {
            Self::Genesis(_) | Self::Seal { .. } | Self::RegisterAlias { .. } => false,
            Self::OpenAccounts { credit_line, .. } => *credit_line > 0,
            // The word of a participant, which signs it itself; or, of a fraud case, of officers in its place.
            Self::Exchange(_) | Self::Fraud(_) => false,
            // The engine's own: a matter of time alone.
            Self::Schedule(ScheduleCommand::CloseScheduled { .. }) => false,
            Self::Proposal(ProposalCommand::Enact { .. }) => false,
            _ => true,
        }
    }

    /// How many officers must approve it: none, one for what only stops and for a step of a proposal, else two.
    #[must_use]
    pub fn officers_needed(&self, registry: &Registry) -> usize {
        match self {
            command if !command.is_risky() => 0,
            // A participant tightens a limit of its own alone.
            Self::Limit(limit) if limit.is_own() && !limit.loosens(registry) => 0,
            Self::Proposal(_) => 1,
            command if command.is_tightening(registry) => 1,
            _ => TWO_OFFICERS,
        }
    }

    /// Whether somebody may do more when it is in force: send, receive, owe, take part, sign or approve. What names
    /// nothing that exists loosens nothing.
    #[must_use]
    pub fn is_loosening(&self, registry: &Registry) -> bool {
        match self {
            Self::RegisterParticipant { .. } | Self::OpenPosition { .. } => true,
            Self::OpenAccounts { credit_line, .. } => *credit_line > 0,
            Self::SetParticipantState { bic, state } => {
                let found = registry.participant_of(*bic).and_then(|at| registry.participant_at(at));
                found.is_some_and(|found| {
                    (state.may_send() && !found.state.may_send())
                        || (state.may_receive() && !found.state.may_receive())
                })
            }
            Self::SetNetDebitCap { bic, currency, cap } => registry
                .slot_of(*bic, *currency)
                .and_then(|slot| registry.slots().get(index(slot.into())))
                .is_some_and(|terms| *cap > terms.cap),
            Self::SetAccountState { account, state } => {
                registry.account(*account).is_some_and(|terms| widens(terms.state, *state))
            }
            Self::SetCreditLine { account, credit_line } => {
                registry.account(*account).is_some_and(|terms| *credit_line > terms.credit_line)
            }
            Self::Limit(limit) => limit.lets_pay_more(registry),
            Self::Authority(command) => match command {
                AuthorityCommand::SetDelay { seconds } => *seconds < registry.authority().delay(),
                AuthorityCommand::AddOfficer { .. } | AuthorityCommand::SetParticipantKey { .. } => true,
                AuthorityCommand::RemoveOfficer { .. } => false,
            },
            Self::Genesis(_)
            | Self::RegisterAlias { .. }
            | Self::Seal { .. }
            | Self::CloseCycle { .. }
            | Self::InstructCycle { .. }
            | Self::SettleCycle { .. }
            | Self::FailCycle { .. }
            | Self::RotateSalts { .. }
            | Self::SetModel { .. }
            | Self::SplitStream { .. }
            | Self::Default(_)
            // It moves what is there, once, and lets nobody do more.
            | Self::Posting(_)
            // It frees no more than what a case of its own has held.
            | Self::Fraud(_)
            | Self::Paid(_)
            | Self::Schedule(_)
            | Self::Exchange(_)
            | Self::Fee(_)
            | Self::Proposal(_) => false,
        }
    }

    /// Whether it only stops or lowers what exists, so that one officer may order it at once. Closing an account is
    /// for ever, and so no mere stop.
    fn is_tightening(&self, registry: &Registry) -> bool {
        let exists = match self {
            Self::SetParticipantState { bic, .. } => registry.participant_of(*bic).is_some(),
            Self::SetNetDebitCap { bic, currency, .. } => registry.slot_of(*bic, *currency).is_some(),
            Self::SetAccountState { account, state } => {
                *state != AccountState::Closed && registry.account(*account).is_some()
            }
            Self::SetCreditLine { account, .. } => registry.account(*account).is_some(),
            _ => false,
        };
        exists && !self.is_loosening(registry)
    }
}

fn widens(from: AccountState, to: AccountState) -> bool {
    (to.may_send() && !from.may_send()) || (to.may_receive() && !from.may_receive())
}
