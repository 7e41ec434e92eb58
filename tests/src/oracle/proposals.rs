//! The oracle's four eyes: how many officers a command takes, what loosens, and the steps of proposals. What a command
//! loosens is told by doing it to a copy of the books and looking at who may do more then.

use std::collections::BTreeSet;

use feiqian_core::account::AccountState;
use feiqian_core::authority::{Approved, AuthorityCommand, Proposal, ProposalCommand};
use feiqian_core::command::{Command, Entry, OfficerNumber};
use feiqian_core::fraud::FraudCommand;
use feiqian_core::outcome::RejectReason;
use feiqian_core::participant::ParticipantState;
use feiqian_core::schedule::ScheduleCommand;

use super::{Account, Books, Planted, Reasons, note};

const DAYS_30: u32 = 2_592_000;
const SECOND: u64 = 1_000_000_000;

fn rights(state: AccountState) -> BTreeSet<&'static str> {
    match state {
        AccountState::Open => BTreeSet::from(["send", "receive"]),
        AccountState::SendOnly => BTreeSet::from(["send"]),
        AccountState::ReceiveOnly => BTreeSet::from(["receive"]),
        AccountState::Frozen | AccountState::Closed => BTreeSet::new(),
    }
}

/// Weights.
impl Books {
    pub(super) fn eyes(&self, command: &Command) -> usize {
        let tightens = match command {
            Command::Limit(limit) => return if self.is_limit_risky(limit) { 2 } else { 0 },
            Command::Genesis(_) | Command::Seal { .. } | Command::RegisterAlias { .. } => return 0,
            Command::OpenAccounts { credit_line: 0, .. } => return 0,
            Command::SetParticipantState { bic, .. } => {
                self.participant(*bic).is_some() && !self.loosens(command)
            }
            Command::SetNetDebitCap { bic, currency, cap } => {
                self.position(*bic, *currency).is_some_and(|at| *cap <= self.positions[at].cap)
            }
            Command::SetCreditLine { account, credit_line } => {
                self.find(*account).is_some_and(|found| *credit_line <= found.credit_line)
            }
            Command::SetAccountState { state: AccountState::Closed, .. } => false,
            Command::SetAccountState { account, state } => {
                self.find(*account).is_some_and(|found| rights(*state).is_subset(&rights(found.state)))
            }
            _ => false,
        };
        if tightens { 1 } else { 2 }
    }

    /// Of a command that nothing speaks against.
    pub(super) fn loosens(&self, command: &Command) -> bool {
        if matches!(
            command,
            Command::Genesis(_)
                | Command::Seal { .. }
                | Command::Proposal(_)
                | Command::Exchange(_)
                | Command::Fraud(_)
                | Command::Schedule(_)
        ) {
            return false;
        }
        if let Command::Limit(limit) = command
            && let Some(loosens) = self.loosens_limit(limit)
        {
            return loosens;
        }
        let mut after = self.clone();
        after.execute(0, 0, command);
        let is_wider = |before: &Account, after: &Account| {
            after.credit_line > before.credit_line || !rights(after.state).is_subset(&rights(before.state))
        };
        let new_accounts = &after.accounts[self.accounts.len()..];
        let freedom = |books: &Self, at: usize| match books.participants[at].state {
            ParticipantState::Active => (true, true),
            ParticipantState::Suspended => (false, false),
            ParticipantState::SendOnly => (true, false),
            ParticipantState::ReceiveOnly => (false, true),
        };
        let is_freer =
            |before: (bool, bool), after: (bool, bool)| (after.0 && !before.0) || (after.1 && !before.1);
        after.participants.len() > self.participants.len()
            || after.positions.len() > self.positions.len()
            || new_accounts.iter().any(|account| account.credit_line > 0)
            || self.accounts.iter().zip(&after.accounts).any(|(before, after)| is_wider(before, after))
            || self.positions.iter().zip(&after.positions).any(|(before, after)| after.cap > before.cap)
            || (0..self.participants.len()).any(|at| {
                is_freer(freedom(self, at), freedom(&after, at))
                    || after.participants[at].key != self.participants[at].key
            })
            || after.delay < self.delay
            || after.officers.iter().any(|officer| !self.officers.contains(officer))
    }
}

/// Officers, delay and keys.
impl Books {
    pub(super) fn note_authority(&self, reasons: &mut Reasons, command: &AuthorityCommand) {
        use RejectReason::{AlreadyRegistered, LimitReached, UnknownOfficer};
        match command {
            AuthorityCommand::SetDelay { seconds } => note(reasons, *seconds > DAYS_30, LimitReached),
            AuthorityCommand::AddOfficer { officer, key } => {
                let is_known = self.officers.iter().any(|at| at.0 == *officer || at.1 == *key);
                note(reasons, is_known, AlreadyRegistered);
                note(reasons, self.officers.len() >= 64, LimitReached);
            }
            AuthorityCommand::RemoveOfficer { officer } => {
                note(reasons, self.officers.len() < 3, LimitReached);
                note(reasons, !self.officers.iter().any(|at| at.0 == *officer), UnknownOfficer);
            }
            AuthorityCommand::SetParticipantKey { bic, key } => {
                self.note_participant(reasons, *bic);
                let has_it = self.participants.iter().any(|at| at.bic == *bic && at.key == Some(*key));
                note(reasons, has_it, AlreadyRegistered);
            }
        }
    }

    pub(super) fn execute_authority(&mut self, command: &AuthorityCommand) {
        match command {
            AuthorityCommand::SetDelay { seconds } => self.delay = *seconds,
            AuthorityCommand::AddOfficer { officer, key } => self.officers.push((*officer, *key)),
            AuthorityCommand::RemoveOfficer { officer } => {
                self.officers.retain(|at| at.0 != *officer);
                self.proposals.retain(|at| {
                    at.proposer.0 != *officer
                        && at.approved.is_none_or(|approved| approved.officer != *officer)
                });
            }
            AuthorityCommand::SetParticipantKey { bic, key } => {
                let at = self.participant(*bic).expect("checked");
                self.participants[at as usize].key = Some(*key);
            }
        }
    }
}

/// Steps of proposals.
impl Books {
    fn standing(&self, id: u128, now: u64) -> Option<&Proposal> {
        let is_late = self.is_planted(Planted::ExpiredApproval);
        self.proposals.iter().find(|at| at.id == id && (at.expires > now || is_late))
    }

    pub(super) fn refusals_of_step(
        &self,
        signers: &BTreeSet<OfficerNumber>,
        signatures: usize,
        step: &ProposalCommand,
        (now, sequence): (u64, u64),
    ) -> Reasons {
        let mut reasons = Reasons::new();
        if let ProposalCommand::Propose { command, .. } = step {
            let is_not = matches!(
                **command,
                Command::Genesis(_)
                    | Command::Seal { .. }
                    | Command::Proposal(_)
                    | Command::Exchange(_)
                    | Command::Fraud(FraudCommand::Report { .. })
                    | Command::Schedule(ScheduleCommand::CloseScheduled { .. })
            );
            note(&mut reasons, is_not, RejectReason::MalformedCommand);
        }
        let is_engines = matches!(step, ProposalCommand::Enact { .. });
        let is_signed = signers.len() == 1 && signatures == 1;
        note(&mut reasons, !is_engines && !is_signed, RejectReason::FourEyesRequired);
        let signer = signers.first().copied();
        match step {
            ProposalCommand::Propose { command, expires_after } => {
                self.note_proposed(&mut reasons, command, (now, sequence), false);
                // Whether it is empty is asked when it is closed, what is owed when it is covered.
                reasons.remove(&RejectReason::AccountNotEmpty);
                reasons.remove(&RejectReason::ShortfallMismatch);
                let standing = self.proposals.iter().filter(|at| at.expires > now).count();
                let is_over = *expires_after == 0 || *expires_after > DAYS_30 || standing >= 1_024;
                note(&mut reasons, is_over, RejectReason::LimitReached);
            }
            ProposalCommand::Approve { proposal, content } => {
                let found = self.standing(*proposal, now).filter(|at| at.approved.is_none());
                let is_right = found.is_some_and(|at| at.command.content() == *content);
                note(&mut reasons, !is_right, RejectReason::UnknownProposal);
                let keys = self.officers.iter().filter(|at| Some(at.0) == signer).map(|at| at.1);
                let keys: Vec<_> = keys.collect();
                let is_own =
                    found.is_some_and(|at| Some(at.proposer.0) == signer || keys.contains(&at.proposer.1));
                let is_refused = is_own && !self.is_planted(Planted::SelfApproval);
                note(&mut reasons, is_refused, RejectReason::FourEyesRequired);
                self.note_inner(&mut reasons, found, (now, sequence));
            }
            ProposalCommand::Withdraw { proposal } => {
                note(&mut reasons, self.standing(*proposal, now).is_none(), RejectReason::UnknownProposal);
            }
            ProposalCommand::Enact { proposal } => {
                let found = self.standing(*proposal, now).filter(|at| at.approved.is_some());
                note(&mut reasons, found.is_none(), RejectReason::UnknownProposal);
                let is_early = found.and_then(|at| at.approved).is_some_and(|approved| approved.due > now);
                let is_refused = is_early && !self.is_planted(Planted::LooseningEarly);
                note(&mut reasons, is_refused, RejectReason::ProposalEarly);
                self.note_inner(&mut reasons, found, (now, sequence));
            }
        }
        reasons
    }

    /// What is proposed is decided only where the step itself may pass.
    fn note_inner(&self, reasons: &mut Reasons, found: Option<&Proposal>, at: (u64, u64)) {
        if let Some(found) = found.filter(|_| reasons.is_empty()) {
            self.note_proposed(reasons, &found.command, at, true);
        }
    }

    fn note_proposed(&self, reasons: &mut Reasons, command: &Command, at: (u64, u64), is_decided: bool) {
        match command {
            Command::Fraud(command) => self.note_fraud(reasons, command, at, is_decided),
            command => self.note_command(reasons, command),
        }
    }

    pub(super) fn execute_entry(&mut self, now: u64, sequence: u64, entry: &Entry) {
        let before = self.proposals.clone();
        self.proposals.retain(|at| at.expires > now);
        let over: Vec<u64> =
            self.orders.iter().filter(|(_, order)| order.expires <= now).map(|(number, _)| *number).collect();
        for number in over {
            let case = self.orders.remove(&number).expect("just seen").case;
            self.cases.entry(case).and_modify(|case| case.changed_at = sequence);
        }
        self.cases.retain(|_, case| case.deadline > now);
        self.settle_tariffs();
        let Command::Proposal(step) = &entry.command else {
            return self.execute(now, sequence, &entry.command);
        };
        let found = |id: &u128| before.iter().find(|at| at.id == *id).expect("checked").clone();
        let signer = entry.approvals.first().map_or(0, |approval| approval.officer);
        match step {
            ProposalCommand::Propose { command, expires_after } => {
                let proposer = self.officers.iter().find(|at| at.0 == signer).expect("checked");
                self.proposals.push(Proposal {
                    id: entry.id,
                    command: (**command).clone(),
                    proposer: *proposer,
                    proposed_at: now,
                    expires: now + u64::from(*expires_after) * SECOND,
                    approved: None,
                });
            }
            ProposalCommand::Approve { proposal, .. } => {
                let found = found(proposal);
                if self.delay > 0 && self.loosens(&found.command) {
                    let due = now + u64::from(self.delay) * SECOND;
                    let expires = due + (found.expires - found.proposed_at);
                    let approved = Some(Approved { officer: signer, due });
                    for at in self.proposals.iter_mut().filter(|at| at.id == *proposal) {
                        (at.expires, at.approved) = (expires, approved);
                    }
                } else {
                    self.proposals.retain(|at| at.id != *proposal);
                    self.execute(now, sequence, &found.command);
                }
            }
            ProposalCommand::Withdraw { proposal } => self.proposals.retain(|at| at.id != *proposal),
            ProposalCommand::Enact { proposal } => {
                let found = found(proposal);
                self.proposals.retain(|at| at.id != *proposal);
                self.execute(now, sequence, &found.command);
            }
        }
    }
}
