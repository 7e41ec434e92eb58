//! Whether a command of a fraud case may pass, who must have signed it, and what it does to the registry.

use alloc::vec::Vec;

use feiqian_proof::signature::verify_message;

use super::{Ask, Case, Cases, FraudCommand, Traced};
use crate::account::{AccountHandle, AccountKind, AccountState};
use crate::command::{APPROVAL_CONTEXT, Entry};
use crate::exchange::decide::PARTICIPANT_SIGNER;
use crate::hold::deadline;
use crate::limits::{
    CASE_SECONDS_MAX, CASES_MAX, FRAUD_HOPS_MAX, ORDER_SECONDS_MAX, REPORTER_CASES_MAX, TRACED_ACCOUNTS_MAX,
    TRACED_TRANSFERS_MAX,
};
use crate::money::AMOUNT_MAX;
use crate::number::index;
use crate::outcome::RejectReason;
use crate::participant::{ParticipantHandle, ParticipantState};
use crate::postings::Order;
use crate::postings::book::case_reference;
use crate::registry::{Asked, Decision, Effect, Registry, refuse};

impl Registry {
    /// The fraud cases that run.
    #[must_use]
    pub fn cases(&self) -> &Cases {
        &self.cases
    }

    /// Checks a command at the time and sequence of its frame; changes nothing. Order is precedence.
    pub(crate) fn check_fraud(
        &self,
        entry: &Entry,
        command: &FraudCommand,
        (timestamp, number): (u64, u64),
    ) -> Decision<()> {
        let by_participant = entry.approvals.iter().any(|approval| approval.officer == PARTICIPANT_SIGNER);
        if !by_participant {
            let needed = self.officers_needed(command, timestamp);
            refuse(self.officers_of(entry).len() < needed, RejectReason::FourEyesRequired)?;
        }
        self.check_bounds(command, timestamp)?;
        if by_participant {
            let allowed = self.word_of(command, timestamp);
            let is_signed = allowed.iter().any(|participant| self.has_signed(entry, *participant));
            refuse(!is_signed, RejectReason::ParticipantSignature)?;
        }
        self.check_right(command, (timestamp, number))
    }

    /// The same of what one officer proposes and another approves, whoever they are.
    pub(crate) fn check_proposed_fraud(&self, command: &FraudCommand, at: (u64, u64)) -> Decision<()> {
        self.check_bounds(command, at.0)?;
        self.check_right(command, at)
    }

    fn check_right(&self, command: &FraudCommand, (timestamp, number): (u64, u64)) -> Decision<()> {
        let is_right = match command {
            FraudCommand::Report { reporter, debtor, creditor, amount, .. } => {
                let owner = self.owner(*debtor);
                owner.is_some()
                    && owner == self.participant_of(*reporter)
                    && debtor != creditor
                    && (1..=AMOUNT_MAX).contains(amount)
            }
            FraudCommand::Hold { case: id, as_of, traced } => {
                let case = self.running(*id, timestamp)?;
                *as_of < number
                    && !self.orders.has_expired_of(*id, timestamp)
                    && self.is_trace(case, *as_of, traced)
            }
            FraudCommand::Release { case, account } => {
                let case = self.running(*case, timestamp)?;
                account.is_none_or(|account| case.asked_of(account).is_some())
            }
            FraudCommand::Return { case, account, amount } => {
                let case = self.running(*case, timestamp)?;
                *amount > 0 && case.asked_of(*account).is_some()
            }
        };
        refuse(!is_right, RejectReason::BadCase)
    }

    /// What only stops takes one. A trace that asks for less somewhere frees what it leaves out, as a release does.
    fn officers_needed(&self, command: &FraudCommand, timestamp: u64) -> usize {
        match command {
            FraudCommand::Report { .. } => 1,
            FraudCommand::Hold { case, traced, .. } => {
                let asks = |account| traced.iter().find(|at| at.account == account).map_or(0, |at| at.amount);
                let case = self.cases.running(*case, timestamp);
                let is_less = case.is_some_and(|case| case.to_hold().any(|(at, asked)| asks(at) < asked));
                if is_less { 2 } else { 1 }
            }
            FraudCommand::Release { .. } | FraudCommand::Return { .. } => 2,
        }
    }

    fn check_bounds(&self, command: &FraudCommand, timestamp: u64) -> Decision<()> {
        match command {
            FraudCommand::Report { reporter, transfer, debtor, creditor, hops, seconds, .. } => {
                self.participant(*reporter)?;
                let running = || self.cases.iter().filter(|(_, case)| case.deadline > timestamp);
                let own = self.participant_of(*reporter);
                let of_reporter = running().filter(|(_, case)| Some(case.reporter) == own).count();
                let is_full = running().count() >= CASES_MAX || of_reporter >= REPORTER_CASES_MAX;
                let is_known = self.cases.of_transfer(*transfer, timestamp).is_some();
                refuse(is_known, RejectReason::AlreadyRegistered)?;
                let is_there = self.account(*debtor).is_some() && self.account(*creditor).is_some();
                refuse(!is_there, RejectReason::UnknownAccount)?;
                let is_bounded =
                    (1..=FRAUD_HOPS_MAX).contains(hops) && (1..=CASE_SECONDS_MAX).contains(seconds);
                refuse(!is_bounded || is_full, RejectReason::LimitReached)
            }
            FraudCommand::Return { case, account, .. } => {
                refuse(self.orders.is_full_of(*case, *account), RejectReason::LimitReached)
            }
            FraudCommand::Hold { .. } | FraudCommand::Release { .. } => Ok(()),
        }
    }

    fn running(&self, case: u128, timestamp: u64) -> Decision<&Case> {
        self.cases.running(case, timestamp).ok_or(RejectReason::UnknownCase)
    }

    fn owner(&self, account: AccountHandle) -> Option<ParticipantHandle> {
        self.account(account).and_then(|terms| self.owner_of(terms)).map(|(owner, _)| owner)
    }

    /// The participants whose own word a command may be.
    fn word_of(&self, command: &FraudCommand, timestamp: u64) -> Vec<ParticipantHandle> {
        let reporter = |case: &u128| self.cases.running(*case, timestamp).map(|case| case.reporter);
        match command {
            FraudCommand::Report { reporter, .. } => self.participant_of(*reporter).into_iter().collect(),
            FraudCommand::Hold { .. } => Vec::new(),
            FraudCommand::Release { case, account } => {
                let owner = account.and_then(|account| self.owner(account));
                reporter(case).into_iter().chain(owner).collect()
            }
            FraudCommand::Return { account, .. } => self.owner(*account).into_iter().collect(),
        }
    }

    /// Whether an active participant has signed an entry, alone.
    fn has_signed(&self, entry: &Entry, participant: ParticipantHandle) -> bool {
        let found = self.participants().get(index(participant.into()));
        let key = found.filter(|at| at.state == ParticipantState::Active).and_then(|at| at.key);
        let (Some(genesis), Some(key), [approval]) = (self.genesis(), key, entry.approvals.as_slice()) else {
            return false;
        };
        let bytes = entry.signed_bytes(&genesis.chain_id);
        verify_message(&key, APPROVAL_CONTEXT, &bytes, &approval.signature)
    }

    /// Whether what is traced may be: each account once, kept here, in the currency of the reported transfer, each with
    /// an amount and with transfers that brought it, in sum not more than is in dispute.
    fn is_trace(&self, case: &Case, as_of: u64, traced: &[Traced]) -> bool {
        let currency = self.account(case.creditor).map(|terms| terms.currency);
        let is_each = traced.iter().all(|at| {
            let is_usable = self.account(at.account).is_some_and(|terms| {
                terms.kind == AccountKind::Hosted
                    && terms.state != AccountState::Closed
                    && Some(terms.currency) == currency
            });
            is_usable
                && at.account != case.debtor
                && at.amount > 0
                && (1..=case.hops).contains(&at.hop)
                && !at.via.is_empty()
                && at.via.is_sorted_by(|before, after| before < after)
                && at.via.iter().all(|sequence| (case.sequence..=as_of).contains(sequence))
        });
        let sum = traced.iter().fold(0_u128, |sum, at| sum.saturating_add(at.amount.into()));
        let transfers = traced.iter().fold(0_usize, |sum, at| sum.saturating_add(at.via.len()));
        is_each
            && (1..=TRACED_ACCOUNTS_MAX).contains(&traced.len())
            && transfers <= TRACED_TRANSFERS_MAX
            && traced.is_sorted_by(|before, after| before.account < after.account)
            && sum <= case.amount.into()
            && as_of > case.as_of
            && as_of >= case.changed_at
    }

    /// What remains to be asked of the owners of accounts.
    pub(crate) fn asks_of_fraud(&self, command: &FraudCommand) -> Option<Asked> {
        match command {
            FraudCommand::Report { transfer, sequence, debtor, creditor, paid, amount, .. } => {
                Some(Asked::Reported {
                    account: *creditor,
                    debtor: *debtor,
                    transfer: *transfer,
                    sequence: *sequence,
                    paid: *paid,
                    amount: *amount,
                })
            }
            FraudCommand::Return { case, account, amount } => {
                let found = self.cases.get(*case)?;
                Some(Asked::Held {
                    account: *account,
                    case: *case,
                    amount: *amount,
                    creditor: found.creditor,
                    transfer: found.transfer,
                    paid: found.paid,
                })
            }
            FraudCommand::Hold { .. } | FraudCommand::Release { .. } => None,
        }
    }

    /// Puts an accepted command in force.
    pub(crate) fn commit_fraud(
        &mut self,
        id: u128,
        command: &FraudCommand,
        (timestamp, number): (u64, u64),
    ) -> Effect {
        match command {
            FraudCommand::Report {
                reporter,
                transfer,
                sequence,
                debtor,
                creditor,
                paid,
                amount,
                hops,
                seconds,
            } => {
                let Some(reporter) = self.participant_of(*reporter) else { return Effect::Registered };
                let case = Case {
                    reporter,
                    transfer: *transfer,
                    sequence: *sequence,
                    debtor: *debtor,
                    creditor: *creditor,
                    amount: *amount,
                    paid: *paid,
                    hops: *hops,
                    deadline: deadline(timestamp, *seconds),
                    as_of: 0,
                    held_at: 0,
                    changed_at: 0,
                    asked: Vec::new(),
                };
                self.cases.insert(id, case);
                Effect::Registered
            }
            FraudCommand::Hold { case, as_of, traced } => {
                if let Some(found) = self.cases.get_mut(*case) {
                    (found.as_of, found.held_at, found.changed_at) = (*as_of, number, number);
                    found.asked = traced.iter().map(Traced::ask).collect();
                }
                Effect::HeldChanged { case: *case, account: None }
            }
            FraudCommand::Release { case, account } => {
                match (account, self.cases.get_mut(*case)) {
                    (Some(account), Some(found)) => {
                        found.changed_at = number;
                        let own = found.asked.iter_mut().filter(|ask| ask.account == *account);
                        own.for_each(|ask| ask.released_at = number);
                    }
                    _ => self.cases.remove(*case),
                }
                Effect::HeldChanged { case: *case, account: *account }
            }
            FraudCommand::Return { case, account, amount } => {
                self.order_return((*case, *account), *amount, (timestamp, number));
                Effect::Registered
            }
        }
    }

    fn order_return(
        &mut self,
        (id, account): (u128, AccountHandle),
        amount: u64,
        (timestamp, number): (u64, u64),
    ) {
        let currency = self.account(account).map_or(0, |terms| terms.currency);
        let Some(case) = self.cases.get(id) else { return };
        let order = Order {
            debtor: account,
            creditor: case.debtor,
            amount,
            currency,
            reference: case_reference(id),
            expires: case.deadline.min(deadline(timestamp, ORDER_SECONDS_MAX)),
            case: id,
        };
        self.orders.insert(number, order);
    }
}

impl Traced {
    /// As the trace in force.
    fn ask(&self) -> Ask {
        let first = self.via.first().copied().unwrap_or(0);
        Ask { account: self.account, amount: self.amount, hop: self.hop, first, released_at: 0 }
    }
}
