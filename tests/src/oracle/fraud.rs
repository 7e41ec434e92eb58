//! Fraud cases, told naively: what is held is a list, and whatever is reserved is summed up when asked.

use std::collections::BTreeSet;

use feiqian_core::account::{AccountKind, AccountState};
use feiqian_core::command::{APPROVAL_CONTEXT, Entry};
use feiqian_core::exchange::decide::PARTICIPANT_SIGNER;
use feiqian_core::fraud::{Ask, Case, FraudCommand, Held, Traced};
use feiqian_core::outcome::RejectReason;
use feiqian_core::participant::ParticipantState;
use feiqian_core::postings::Order;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::verify_message;

use super::{Books, Planted, Reasons, note};

const SECOND: u64 = 1_000_000_000;
const DAYS_30: u32 = 2_592_000;

impl Books {
    pub(super) fn refusals_of_fraud(
        &self,
        entry: &Entry,
        command: &FraudCommand,
        (now, sequence): (u64, u64),
    ) -> Reasons {
        use FraudCommand::{Hold, Release, Report, Return};
        let mut reasons = Reasons::new();
        let genesis = self.genesis.as_ref().expect("begun");
        let officers = self.signers(genesis, entry).len();
        let is_word = entry.approvals.iter().any(|approval| approval.officer == PARTICIPANT_SIGNER);
        let needed = match command {
            Report { .. } => 1,
            Hold { case, traced, .. } if self.asks_less(*case, traced, now) => 2,
            Hold { .. } => 1,
            Release { .. } | Return { .. } => 2,
        };
        note(&mut reasons, !is_word && officers < needed, RejectReason::FourEyesRequired);
        let is_signed = self.word_of(command, now).iter().any(|bank| self.has_signed(entry, *bank));
        let is_let =
            is_signed || (matches!(command, Release { .. }) && self.is_planted(Planted::StrangerReleases));
        note(&mut reasons, is_word && !is_let, RejectReason::ParticipantSignature);
        self.note_fraud(&mut reasons, command, (now, sequence), true);
        reasons
    }

    /// Whoever signs it; `is_decided` where it is put in force, so that what is held counts.
    pub(super) fn note_fraud(
        &self,
        reasons: &mut Reasons,
        command: &FraudCommand,
        (now, sequence): (u64, u64),
        is_decided: bool,
    ) {
        use FraudCommand::{Hold, Release, Report, Return};
        match command {
            Report { .. } => self.note_report(reasons, command, now),
            Hold { case: id, as_of, traced } => match self.running(*id, now) {
                None => note(reasons, true, RejectReason::UnknownCase),
                Some(case) => {
                    let is_past = *as_of < sequence || self.is_planted(Planted::TraceOfTomorrow);
                    let late = self.orders.values().any(|at| at.case == *id && at.expires <= now);
                    let is_right = is_past && !late && self.is_trace(case, *as_of, traced);
                    note(reasons, !is_right, RejectReason::BadCase);
                }
            },
            Release { case, account } => match self.running(*case, now) {
                None => note(reasons, true, RejectReason::UnknownCase),
                Some(case) => {
                    let is_asked = account.is_none_or(|account| {
                        case.asked.iter().any(|at| at.account == account && at.released_at == 0)
                    });
                    note(reasons, !is_asked, RejectReason::BadCase);
                }
            },
            Return { case, account, amount } => {
                let of_cases = self.orders.values().filter(|order| order.case != 0).count();
                let parts =
                    self.orders.values().filter(|at| (at.case, at.debtor) == (*case, *account)).count();
                let is_full = self.orders.len() >= 4_096 || of_cases >= 3_072 || parts >= 16;
                note(reasons, is_full, RejectReason::LimitReached);
                let found = self.running(*case, now);
                note(reasons, found.is_none(), RejectReason::UnknownCase);
                let mut asked = found.iter().flat_map(|case| &case.asked);
                let is_asked = asked.any(|at| at.account == *account && at.released_at == 0);
                let is_held = self.held.get(&(*case, *account)).is_some_and(|held| held.amount >= *amount);
                let is_ordered = self.orders_of(*case, now).iter().any(|order| order.debtor == *account);
                let is_second = is_ordered && !self.is_planted(Planted::OrdersAbreast);
                let fits = is_held && !is_second && self.is_within(*case, *amount, now);
                let is_right = is_asked && *amount > 0 && (fits || !is_decided);
                note(reasons, !is_right, RejectReason::BadCase);
            }
        }
    }

    fn running(&self, case: u128, now: u64) -> Option<&Case> {
        self.cases.get(&case).filter(|case| case.deadline > now)
    }

    /// Orders of a case that may still be carried out.
    fn orders_of(&self, case: u128, now: u64) -> Vec<Order> {
        let open = self.orders.iter().filter(|(number, _)| !self.carried.contains_key(number));
        open.filter(|(_, order)| order.case == case && order.expires > now).map(|(_, order)| *order).collect()
    }

    /// What is ordered back of a transfer for the case that runs of it.
    pub(super) fn ordered_back(&self, transfer: u128, now: u64) -> u64 {
        if self.is_planted(Planted::OrderedBackForgotten) {
            return 0;
        }
        let cases = self.cases.iter().filter(|(_, case)| case.transfer == transfer && case.deadline > now);
        cases.flat_map(|(id, _)| self.orders_of(*id, now)).map(|order| order.amount).sum()
    }

    /// Whether so much more may come back of what was paid.
    fn is_within(&self, case: u128, amount: u64, now: u64) -> bool {
        let Some(case) = self.running(case, now) else { return false };
        let paid = &self.paid[&case.transfer];
        paid.returned + self.ordered_back(case.transfer, now) + amount <= paid.amount
    }

    /// Whether a trace asks less of an account than the one in force does.
    fn asks_less(&self, case: u128, traced: &[Traced], now: u64) -> bool {
        let Some(case) = self.running(case, now) else { return false };
        let less = case.asked.iter().filter(|ask| ask.released_at == 0).any(|ask| {
            !traced.iter().any(|at| at.account == ask.account)
                || traced.iter().find(|at| at.account == ask.account).is_some_and(|at| at.amount < ask.amount)
        });
        less && !self.is_planted(Planted::TwoEyesAskLess)
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
        let FraudCommand::Report {
            reporter,
            transfer,
            sequence,
            debtor,
            creditor,
            paid: said,
            amount,
            hops,
            seconds,
        } = command
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
        let own = running.iter().filter(|case| Some(case.reporter) == self.participant(*reporter)).count();
        note(reasons, !is_bounded || running.len() >= 4_096 || own >= 256, RejectReason::LimitReached);
        let is_own = is_there && self.bank_of(*debtor) == self.participant(*reporter);
        let is_paid = self.paid.get(transfer).is_some_and(|paid| {
            paid.sequence == *sequence
                && paid.sides == [*debtor, *creditor]
                && paid.amount == *said
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
            && as_of >= case.changed_at
    }

    pub(super) fn fraud(&mut self, (now, sequence): (u64, u64), id: u128, command: &FraudCommand) {
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
                let case = Case {
                    reporter: self.participant(*reporter).expect("checked"),
                    transfer: *transfer,
                    sequence: *sequence,
                    debtor: *debtor,
                    creditor: *creditor,
                    amount: *amount,
                    paid: *paid,
                    hops: *hops,
                    deadline: now + u64::from(*seconds) * SECOND,
                    as_of: 0,
                    held_at: 0,
                    changed_at: 0,
                    asked: Vec::new(),
                };
                self.cases.insert(id, case);
            }
            FraudCommand::Hold { case: id, as_of, traced } => {
                self.free(|key| key.0 == *id);
                let case = self.cases.get_mut(id).expect("checked");
                case.as_of = *as_of;
                (case.held_at, case.changed_at) = (sequence, sequence);
                let ask = |at: &Traced| Ask {
                    account: at.account,
                    amount: at.amount,
                    hop: at.hop,
                    first: at.via[0],
                    released_at: 0,
                };
                case.asked = traced.iter().map(ask).collect();
                let deadline = case.deadline;
                for at in traced {
                    let gone = self.gone_back((*id, at.account), *as_of);
                    self.hold((*id, at.account), at.amount.saturating_sub(gone), deadline);
                }
            }
            FraudCommand::Release { case, account: Some(account) } => {
                self.free(|key| *key == (*case, *account));
                let case = self.cases.get_mut(case).expect("checked");
                case.changed_at = sequence;
                let own = case.asked.iter_mut().find(|at| at.account == *account);
                own.expect("checked").released_at = sequence;
            }
            FraudCommand::Release { case, account: None } => {
                self.free(|key| key.0 == *case);
                self.cases.remove(case);
            }
            FraudCommand::Return { case: id, account, amount } => {
                let currency = self.positions[self.known(*account).position].currency.numeric();
                let case = &self.cases[id];
                let order = Order {
                    debtor: *account,
                    creditor: case.debtor,
                    amount: *amount,
                    currency,
                    reference: [id.to_le_bytes(), [0; 16]].concat().try_into().expect("32 bytes"),
                    expires: case.deadline.min(now + 86_400 * SECOND),
                    case: *id,
                };
                self.orders.insert(sequence, order);
            }
        }
    }

    /// What orders of a case have taken back from an account behind a sequence.
    fn gone_back(&self, (case, account): (u128, u64), sequence: u64) -> u64 {
        if self.is_planted(Planted::GoneBackIsHeld) {
            return 0;
        }
        let later = self.carried.iter().filter(|(_, by)| by.sequence > sequence);
        let orders = later.filter_map(|(number, _)| self.orders.get(number));
        orders.filter(|order| order.case == case && order.debtor == account).map(|order| order.amount).sum()
    }

    fn hold(&mut self, (case, account): (u128, u64), asked: u64, deadline: u64) {
        let (reserved, _) = self.reserved(account);
        let left = self.known(account).balance - i128::try_from(reserved).expect("64 bits");
        let amount = match self.is_planted(Planted::HeldMoreThanIsLeft) {
            true => asked,
            false => u64::try_from(left.max(0)).unwrap_or(u64::MAX).min(asked),
        };
        if amount > 0 {
            self.held.insert((case, account), Held { amount, deadline });
            self.changed(account);
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
        if !self.is_planted(Planted::CaseReturnsForget) {
            let transfer = self.cases[&case].transfer;
            self.paid.get_mut(&transfer).expect("reported").returned += record.amount.get();
        }
    }
}
