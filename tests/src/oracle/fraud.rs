//! Fraud cases, told naively: what is held is a list, and whatever is reserved is summed up when asked.

use std::collections::BTreeSet;

use feiqian_core::account::{AccountKind, AccountState};
use feiqian_core::command::{APPROVAL_CONTEXT, Entry};
use feiqian_core::exchange::decide::PARTICIPANT_SIGNER;
use feiqian_core::fraud::{Case, FraudCommand, Held, Traced};
use feiqian_core::outcome::RejectReason;
use feiqian_core::participant::ParticipantState;
use feiqian_core::postings::Order;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::verify_message;

use super::{Books, Planted, Reasons, note};

const SECOND: u64 = 1_000_000_000;
const DAYS_30: u32 = 2_592_000;

impl Books {
    pub(super) fn refusals_of_fraud(&self, entry: &Entry, command: &FraudCommand, now: u64) -> Reasons {
        use FraudCommand::{Hold, Release, Report, Return};
        let mut reasons = Reasons::new();
        let genesis = self.genesis.as_ref().expect("begun");
        let officers = self.signers(genesis, entry).len();
        let is_word = entry.approvals.iter().any(|approval| approval.officer == PARTICIPANT_SIGNER);
        let needed = if matches!(command, Report { .. } | Hold { .. }) { 1 } else { 2 };
        note(&mut reasons, !is_word && officers < needed, RejectReason::FourEyesRequired);
        let is_signed = self.word_of(command, now).iter().any(|bank| self.has_signed(entry, *bank));
        let is_let =
            is_signed || (matches!(command, Release { .. }) && self.is_planted(Planted::StrangerReleases));
        note(&mut reasons, is_word && !is_let, RejectReason::ParticipantSignature);
        match command {
            Report { .. } => self.note_report(&mut reasons, command, now),
            Hold { case, as_of, traced } => match self.running(*case, now) {
                None => note(&mut reasons, true, RejectReason::UnknownCase),
                Some(case) => {
                    note(&mut reasons, !self.is_trace(case, *as_of, traced), RejectReason::BadCase);
                }
            },
            Release { case, account } => match self.running(*case, now) {
                None => note(&mut reasons, true, RejectReason::UnknownCase),
                Some(case) => {
                    let is_asked = account.is_none_or(|account| case.asked.iter().any(|at| at.0 == account));
                    note(&mut reasons, !is_asked, RejectReason::BadCase);
                }
            },
            Return { case, account, amount } => {
                note(&mut reasons, self.orders.len() >= 4_096, RejectReason::LimitReached);
                note(&mut reasons, self.running(*case, now).is_none(), RejectReason::UnknownCase);
                let is_held = self.held.get(&(*case, *account)).is_some_and(|held| held.amount >= *amount);
                note(&mut reasons, !is_held || *amount == 0, RejectReason::BadCase);
            }
        }
        reasons
    }

    fn running(&self, case: u128, now: u64) -> Option<&Case> {
        self.cases.get(&case).filter(|case| case.deadline > now)
    }

    fn bank_of(&self, account: u64) -> Option<u32> {
        self.position_at(account).map(|at| self.positions[at].participant)
    }

    /// Who may say it alone.
    fn word_of(&self, command: &FraudCommand, now: u64) -> BTreeSet<u32> {
        let said = match command {
            FraudCommand::Report { reporter, .. } => [self.participant(*reporter), None],
            FraudCommand::Hold { .. } => [None, None],
            FraudCommand::Release { case, account } => [
                self.running(*case, now).map(|case| case.reporter),
                account.and_then(|account| self.bank_of(account)),
            ],
            FraudCommand::Return { account, .. } => [self.bank_of(*account), None],
        };
        said.into_iter().flatten().collect()
    }

    fn has_signed(&self, entry: &Entry, bank: u32) -> bool {
        let bank = &self.participants[bank as usize];
        let bytes = entry.signed_bytes(&self.genesis.as_ref().expect("begun").chain_id);
        bank.state == ParticipantState::Active
            && entry.approvals.len() == 1
            && bank.key.is_some_and(|key| {
                verify_message(&key, APPROVAL_CONTEXT, &bytes, &entry.approvals[0].signature)
            })
    }

    fn note_report(&self, reasons: &mut Reasons, command: &FraudCommand, now: u64) {
        let FraudCommand::Report { reporter, transfer, sequence, debtor, creditor, amount, hops, seconds } =
            command
        else {
            unreachable!()
        };
        self.note_participant(reasons, *reporter);
        let running: Vec<_> = self.cases.values().filter(|case| case.deadline > now).collect();
        let is_known = running.iter().any(|case| case.transfer == *transfer);
        note(reasons, is_known, RejectReason::AlreadyRegistered);
        let is_there = self.find(*debtor).is_some() && self.find(*creditor).is_some();
        note(reasons, !is_there, RejectReason::UnknownAccount);
        let is_bounded = (1..=5).contains(hops) && (1..=DAYS_30).contains(seconds);
        note(reasons, !is_bounded || running.len() >= 4_096, RejectReason::LimitReached);
        let is_own = is_there && self.bank_of(*debtor) == self.participant(*reporter);
        let is_paid = self.paid.get(transfer).is_some_and(|paid| {
            paid.sequence == *sequence
                && paid.sides == [*debtor, *creditor]
                && *amount <= paid.amount - paid.returned
        });
        note(reasons, !is_own || !is_paid || *amount == 0, RejectReason::BadCase);
    }

    fn is_trace(&self, case: &Case, as_of: u64, traced: &[Traced]) -> bool {
        let currency = |account: u64| self.position_at(account).map(|at| self.positions[at].currency);
        let is_kept = |account: u64| {
            self.find(account)
                .is_some_and(|found| found.kind == AccountKind::Hosted && found.state != AccountState::Closed)
        };
        let transfers: Vec<u64> = traced.iter().flat_map(|at| at.via.iter().copied()).collect();
        let ascends = |list: &[u64]| list.windows(2).all(|pair| pair[0] < pair[1]);
        let accounts: Vec<u64> = traced.iter().map(|at| at.account).collect();
        let is_each = traced.iter().all(|at| {
            is_kept(at.account)
                && currency(at.account) == currency(case.creditor)
                && at.account != case.debtor
                && at.amount > 0
                && at.hop > 0
                && at.hop <= case.hops
                && !at.via.is_empty()
                && ascends(&at.via)
        });
        is_each
            && !traced.is_empty()
            && traced.len() <= 128
            && transfers.len() <= 2_048
            && transfers.iter().all(|sequence| *sequence >= case.sequence && *sequence <= as_of)
            && ascends(&accounts)
            && traced.iter().map(|at| u128::from(at.amount)).sum::<u128>() <= u128::from(case.amount)
            && as_of > case.as_of
            && !case.is_returning
    }

    pub(super) fn fraud(&mut self, (now, sequence): (u64, u64), id: u128, command: &FraudCommand) {
        match command {
            FraudCommand::Report {
                reporter,
                transfer,
                sequence,
                debtor,
                creditor,
                amount,
                hops,
                seconds,
            } => {
                let case = Case {
                    reporter: self.participant(*reporter).expect("checked"),
                    transfer: *transfer,
                    sequence: *sequence,
                    debtor: *debtor,
                    creditor: *creditor,
                    amount: *amount,
                    hops: *hops,
                    deadline: now + u64::from(*seconds) * SECOND,
                    as_of: 0,
                    asked: Vec::new(),
                    is_returning: false,
                };
                self.cases.insert(id, case);
            }
            FraudCommand::Hold { case: id, as_of, traced } => {
                self.free(|key| key.0 == *id);
                let case = self.cases.get_mut(id).expect("checked");
                case.as_of = *as_of;
                case.asked = traced.iter().map(|at| (at.account, at.amount)).collect();
                let deadline = case.deadline;
                traced.iter().for_each(|at| self.hold(*id, at, deadline));
            }
            FraudCommand::Release { case, account: Some(account) } => {
                self.free(|key| *key == (*case, *account));
                self.cases.get_mut(case).expect("checked").asked.retain(|at| at.0 != *account);
            }
            FraudCommand::Release { case, account: None } => {
                self.free(|key| key.0 == *case);
                self.cases.remove(case);
            }
            FraudCommand::Return { case: id, account, amount } => {
                let currency = self.positions[self.known(*account).position].currency.numeric();
                let case = self.cases.get_mut(id).expect("checked");
                case.is_returning = true;
                let order = Order {
                    debtor: *account,
                    creditor: case.debtor,
                    amount: *amount,
                    currency,
                    reference: [0; 32],
                    expires: case.deadline.min(now + 86_400 * SECOND),
                    case: *id,
                };
                self.orders.insert(sequence, order);
            }
        }
    }

    fn hold(&mut self, case: u128, asked: &Traced, deadline: u64) {
        let (reserved, _) = self.reserved(asked.account);
        let left = self.known(asked.account).balance - i128::try_from(reserved).expect("64 bits");
        let amount = match self.is_planted(Planted::HeldMoreThanIsLeft) {
            true => asked.amount,
            false => u64::try_from(left.max(0)).unwrap_or(u64::MAX).min(asked.amount),
        };
        if amount > 0 {
            self.held.insert((case, asked.account), Held { amount, deadline });
            self.changed(asked.account);
        }
    }

    fn free(&mut self, is_meant: impl Fn(&(u128, u64)) -> bool) {
        let keys: Vec<_> = self.held.keys().filter(|key| is_meant(key)).copied().collect();
        for key in keys {
            self.held.remove(&key);
            self.changed(key.1);
        }
    }

    /// What a frame's time frees.
    pub(super) fn expire_held(&mut self, now: u64) -> u32 {
        let late = u64::from(self.is_planted(Planted::HeldTooLong));
        let before = self.held.len();
        let over: BTreeSet<_> =
            self.held.iter().filter(|(_, held)| held.deadline + late <= now).map(|(key, _)| *key).collect();
        self.free(|key| over.contains(key));
        u32::try_from(before - self.held.len()).expect("tests hold few")
    }

    /// What is held on an account, and for how many cases.
    pub(super) fn held_on(&self, account: u64) -> (u128, u32) {
        let own = self.held.iter().filter(|(key, _)| key.1 == account);
        own.fold((0, 0), |(sum, count), (_, held)| (sum + u128::from(held.amount), count + 1))
    }

    pub(super) fn note_restitution(&self, reasons: &mut Reasons, case: u128, record: &Record) {
        let held = self.held.get(&(case, record.debtor.get()));
        let is_held = held.is_some_and(|held| held.amount >= record.amount.get());
        note(reasons, !is_held, RejectReason::NotHeld);
    }

    pub(super) fn restore(&mut self, case: u128, record: &Record) {
        let key = (case, record.debtor.get());
        let held = self.held.get_mut(&key).expect("checked");
        if !self.planted.is_some_and(|planted| planted == Planted::ReturnedStaysHeld) {
            held.amount -= record.amount.get();
        }
        if held.amount == 0 {
            self.held.remove(&key);
        }
    }
}
