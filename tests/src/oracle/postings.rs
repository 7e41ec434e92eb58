//! Postings by hand, told naively: a list of what was ordered, and one of what has been carried out.

use feiqian_core::account::AccountState;
use feiqian_core::outcome::RejectReason;
use feiqian_core::postings::{CarriedBy, Order, PostingCommand};
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::hash::{Domain, keyed};

use super::queue::ENGINE;
use super::{Books, Planted, Reasons, note};

const DAY: u32 = 86_400;

pub(super) fn is_ordered(record: &Record) -> bool {
    record.flags.get() & flags::ORDERED != 0
}

impl Books {
    /// What speaks against an account as a side of a posting, beside the posting itself.
    pub(super) fn note_usable(&self, reasons: &mut Reasons, account: u64) {
        match self.find(account) {
            None => note(reasons, true, RejectReason::UnknownAccount),
            Some(found) => note(reasons, found.state == AccountState::Closed, RejectReason::AccountState),
        }
    }

    pub(super) fn note_posting(&self, reasons: &mut Reasons, command: &PostingCommand) {
        let (debtor, creditor) = (command.debtor, command.creditor);
        self.note_usable(reasons, debtor);
        self.note_usable(reasons, creditor);
        let is_timed = command.valid_seconds > 0 && command.valid_seconds <= DAY;
        note(reasons, !is_timed || self.orders.len() >= 4_096, RejectReason::LimitReached);
        let currency = |account: u64| self.position_at(account).map(|at| self.positions[at].currency);
        let is_amount = command.amount > 0 && command.amount < 10_u64.pow(18);
        let is_right = debtor != creditor
            && currency(debtor) == currency(creditor)
            && is_amount
            && !command.reason.is_empty();
        note(reasons, !is_right, RejectReason::BadPosting);
    }

    pub(super) fn execute_posting(&mut self, now: u64, sequence: u64, command: &PostingCommand) {
        let position = self.known(command.debtor).position;
        let mut reason = b"posted because".to_vec();
        reason.extend_from_slice(command.reason.as_bytes());
        let order = Order {
            debtor: command.debtor,
            creditor: command.creditor,
            amount: command.amount,
            currency: self.positions[position].currency.numeric(),
            reference: keyed(Domain::Command, &reason).0,
            expires: now + u64::from(command.valid_seconds) * 1_000_000_000,
            case: 0,
        };
        self.orders.insert(sequence, order);
    }

    /// The order that a record names, to be carried out or not.
    fn order_of(&self, record: &Record) -> Option<(u64, Order)> {
        let named = self.orders.iter().find(|(number, _)| u128::from(**number) == record.related.get());
        named.map(|(number, order)| (*number, *order))
    }

    /// Whether the engine may submit a record: it is just what was ordered.
    pub(super) fn is_as_ordered(&self, submitter: u32, record: &Record) -> bool {
        let Some((_, order)) = self.order_of(record) else { return false };
        let is_amount = record.amount.get() == order.amount || self.is_planted(Planted::OrderOfAnyAmount);
        submitter == ENGINE
            && is_amount
            && (record.debtor.get(), record.creditor.get()) == (order.debtor, order.creditor)
            && (record.currency.get(), record.reference) == (order.currency, order.reference)
            && record.purpose == [0; 4]
            && (record.flags.get() & flags::POST != 0) == (order.case != 0)
    }

    pub(super) fn note_ordered(&self, reasons: &mut Reasons, now: u64, record: &Record) {
        let Some((number, order)) = self.order_of(record) else { return };
        let is_carried = self.carried.contains_key(&number) && !self.is_planted(Planted::OrderTwice);
        note(reasons, is_carried || order.expires <= now, RejectReason::OrderSpent);
        if order.case != 0 {
            self.note_restitution(reasons, order.case, record);
        }
        for (account, reason) in
            [(order.debtor, RejectReason::DebtorClosed), (order.creditor, RejectReason::CreditorClosed)]
        {
            note(reasons, self.known(account).state == AccountState::Closed, reason);
        }
    }

    pub(super) fn carry(&mut self, sequence: u64, record: &Record) {
        let (number, order) = self.order_of(record).expect("checked");
        self.carried.insert(number, CarriedBy { sequence, expires: order.expires });
        if order.case != 0 {
            self.restore(order.case, record);
        }
    }
}
