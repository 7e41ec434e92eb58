//! Four eyes in random stories: commands that are proposed, approved by this officer or that, withdrawn, put in force
//! too early and in time; and officers, keys and the delay that change.

use std::time::Duration;

use feiqian_core::authority::{AuthorityCommand, Proposal, ProposalCommand};
use feiqian_core::command::{Command, OfficerNumber};
use feiqian_proof::hash::Hash;
use feiqian_proof::signature::PublicKey;

use super::Teller;
use crate::world::{Eyes, officer_key};

const OFFICERS: [OfficerNumber; 6] = [1, 2, 3, 1, 2, 4];

impl Teller {
    /// In some stories loosenings wait from the beginning.
    pub(super) fn delay(&mut self) {
        if self.dice.once_in(4) {
            let seconds = 1 + u32::try_from(self.dice.below(2)).unwrap_or(0);
            self.command(Command::Authority(AuthorityCommand::SetDelay { seconds }), Eyes::Four);
        }
    }

    /// Some steps of proposals, or commands about authority.
    pub(super) fn propose(&mut self) {
        for _ in 0..=self.dice.below(4) {
            self.one_step();
        }
    }

    fn one_step(&mut self) {
        let standing: Vec<usize> = (0..self.picture.proposals.len()).collect();
        let some = self.pick(&standing).map(|at| self.picture.proposals[at].clone());
        match (self.dice.below(12), some) {
            (0, _) => {
                let command = self.authority();
                self.command(command, Eyes::Four);
            }
            (1, Some(proposal)) => self.step(ProposalCommand::Withdraw { proposal: proposal.id }, None),
            (2..=10, Some(proposal)) => self.go_on(&proposal),
            (11, Some(_)) => {
                let proposal = u128::from(self.dice.below(3));
                self.step(ProposalCommand::Enact { proposal }, None);
            }
            _ => self.begin(),
        }
    }

    fn begin(&mut self) {
        let command = match self.dice.below(11) {
            0..=2 => Some(self.authority()),
            9 | 10 => self.fraud_step().map(|(command, _)| Command::Fraud(command)),
            3 => Some(Command::Seal { height: self.picture.open_block }),
            _ => self.ordinary(),
        };
        let Some(command) = command else { return };
        let expires_after = match self.dice.below(12) {
            0 => 0,
            1 => 1 << 30,
            other => u32::try_from(other).unwrap_or(1) / 2,
        };
        self.step(ProposalCommand::Propose { command: Box::new(command), expires_after }, None);
    }

    /// Approves what can be approved, by another than its proposer or just by that one; enacts what waits, in time
    /// or not.
    fn go_on(&mut self, found: &Proposal) {
        let proposal = found.id;
        if found.approved.is_some() {
            if self.dice.once_in(2) {
                self.world.wait(Duration::from_millis(1_500));
            }
            return self.command(Command::Proposal(ProposalCommand::Enact { proposal }), Eyes::None);
        }
        let content = if self.is_faulty() { Hash([7; 32]) } else { found.command.content() };
        let officer = if self.dice.once_in(6) { found.proposer.0 } else { found.proposer.0 % 3 + 1 };
        if self.dice.once_in(8) {
            self.world.wait(Duration::from_secs(4));
        }
        self.step(ProposalCommand::Approve { proposal, content }, Some(officer));
        let waits = self.picture.proposals.iter().any(|at| at.id == proposal && at.approved.is_some());
        if waits && self.dice.once_in(2) {
            self.command(Command::Proposal(ProposalCommand::Enact { proposal }), Eyes::None);
        }
    }

    fn step(&mut self, step: ProposalCommand, officer: Option<OfficerNumber>) {
        let officer = officer.or_else(|| self.pick(&OFFICERS)).unwrap_or(1);
        let eyes = if self.is_faulty() { Eyes::Four } else { Eyes::Of(officer) };
        self.command(Command::Proposal(step), eyes);
    }

    fn authority(&mut self) -> Command {
        let number = |dice: u64| OfficerNumber::try_from(dice).unwrap_or(1);
        Command::Authority(match self.dice.below(9) {
            0..=3 => AuthorityCommand::SetDelay {
                seconds: match self.dice.below(8) {
                    0 => u32::MAX,
                    other => u32::try_from(other).unwrap_or(0) / 3,
                },
            },
            4 | 5 => {
                let (officer, key) = (number(3 + self.dice.below(3)), number(3 + self.dice.below(3)));
                AuthorityCommand::AddOfficer { officer, key: PublicKey::of(&officer_key(key)) }
            }
            6 => AuthorityCommand::RemoveOfficer { officer: number(2 + self.dice.below(4)) },
            _ => {
                let key = number(20 + self.dice.below(3));
                AuthorityCommand::SetParticipantKey {
                    bic: self.some_bic(),
                    key: PublicKey::of(&officer_key(key)),
                }
            }
        })
    }
}
