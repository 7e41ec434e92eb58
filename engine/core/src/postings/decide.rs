//! Whether a posting may be ordered, what an order does to the registry, and what carrying it out asks of tables.

use crate::account::{AccountHandle, AccountState, AccountTerms};
use crate::claim::Claim;
use crate::fraud::{Case, HeldKey, Helds};
use crate::hold::{Freed, deadline};
use crate::limits::ORDER_SECONDS_MAX;
use crate::money::AMOUNT_MAX;
use crate::outcome::RejectReason;
use crate::postings::book::{Order, OrderNumber, Orders};
use crate::postings::carried::{Carried, CarriedBy};
use crate::postings::command::PostingCommand;
use crate::registry::{Decision, Effect, Registry, refuse};
use crate::transfer::Record;

impl Registry {
    /// The orders that stand.
    #[must_use]
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Order is precedence.
    pub(crate) fn check_posting(&self, command: &PostingCommand) -> Decision<()> {
        let PostingCommand { debtor, creditor, amount, reason, valid_seconds } = command;
        let (from, to) = (self.usable(*debtor), self.usable(*creditor));
        // Both are there before one is blamed for its state.
        [&from, &to].into_iter().filter_map(|side| side.err()).min().map_or(Ok(()), Err)?;
        let is_timed = (1..=ORDER_SECONDS_MAX).contains(valid_seconds);
        refuse(!is_timed || self.orders.is_full(), RejectReason::LimitReached)?;
        let is_one_currency = from?.currency == to?.currency;
        let is_right =
            is_one_currency && debtor != creditor && (1..=AMOUNT_MAX).contains(amount) && !reason.is_empty();
        refuse(!is_right, RejectReason::BadPosting)
    }

    /// An account that is there and not closed.
    pub(crate) fn usable(&self, account: AccountHandle) -> Decision<&AccountTerms> {
        let terms = self.account(account).ok_or(RejectReason::UnknownAccount)?;
        refuse(terms.state == AccountState::Closed, RejectReason::AccountState).map(|()| terms)
    }

    pub(crate) fn commit_posting(
        &mut self,
        command: &PostingCommand,
        timestamp: u64,
        sequence: OrderNumber,
    ) -> Effect {
        let Some(currency) = self.account(command.debtor).map(|terms| terms.currency) else {
            return Effect::Registered;
        };
        self.orders.insert(
            sequence,
            Order {
                debtor: command.debtor,
                creditor: command.creditor,
                amount: command.amount,
                currency,
                reference: command.reference().0,
                expires: deadline(timestamp, command.valid_seconds),
                case: 0,
            },
        );
        Effect::Registered
    }
}

/// Whether the order that a claim carries out still stands; its record has been held to the order.
pub(crate) fn check_ordered(
    carried: &Carried,
    orders: &Orders,
    record: &Record,
    timestamp: u64,
) -> Result<(), RejectReason> {
    let number = u64::try_from(record.related.get()).map_err(|_| RejectReason::OrderSpent)?;
    let order = orders.get(number).ok_or(RejectReason::OrderSpent)?;
    carried.check(number, order, timestamp)
}

/// What returning out of a held amount frees.
pub(crate) fn check_held(
    held: &Helds,
    orders: &Orders,
    (claim, record): (&Claim, &Record),
) -> Result<Freed, RejectReason> {
    let key = key_of(orders, (claim, record)).ok_or(RejectReason::NotHeld)?;
    held.freed(key, claim.amount)
}

/// Takes what is returned from the held amount.
pub(crate) fn commit_held(held: &mut Helds, orders: &Orders, (claim, record): (&Claim, &Record)) {
    if let Some(key) = key_of(orders, (claim, record)) {
        held.take(key, claim.amount);
    }
}

fn key_of(orders: &Orders, (claim, record): (&Claim, &Record)) -> Option<HeldKey> {
    let number = u64::try_from(record.related.get()).ok()?;
    orders.get(number).map(|order| (order.case, claim.debtor))
}

/// The fraud case out of whose held amounts a record is paid.
pub(crate) fn case_of<'a>(registry: &'a Registry, record: &Record) -> Option<&'a Case> {
    let number = u64::try_from(record.related.get()).ok()?;
    registry.cases.get(registry.orders.get(number)?.case)
}

/// Notes that an order has been carried out, with the claim's entry; `reports` where the block is told of it from here.
pub(crate) fn commit_ordered(
    carried: &mut Carried,
    orders: &Orders,
    (claim, record): (&Claim, &Record),
    (sequence, reports): (u64, bool),
) {
    let number = u64::try_from(record.related.get()).unwrap_or(0);
    let Some(order) = orders.get(number).filter(|order| order.debtor == claim.debtor) else { return };
    let by = CarriedBy { sequence, expires: order.expires };
    if reports { carried.add(number, by) } else { carried.note(number, by) }
}
