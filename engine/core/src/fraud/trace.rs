//! Where reported money went: a pure function over postings.
//!
//! **The rule.** Postings are taken in the order of the journal, up to the last sequence of the trace. The reported
//! transfer brings the disputed amount to its creditor account, at hop one. Whatever an account then pays goes out of
//! what is followed first: of a payment, the part that is still followed on the payer's account, up to the payment's
//! amount, is followed on the payee's account, one hop further. An account that is reached again keeps its smaller hop.
//! A fee's leg is a payment like any other.
//!
//! A later trace of a case goes on where the one in force has ended: what that one has found on an account is still there,
//! and what has been paid since is looked at. From the command that has put it in force until one that releases an account,
//! what was found there and was left is held, so that no payment takes it: the account pays with other money, but for what
//! goes back of the case itself, by an order or by a return of the reported transfer.
//!
//! Not followed further is money that
//!
//! - comes back to the account that paid;
//! - reaches a participant's clearing account: it is on that bank's own books then;
//! - would be more hops away than the case follows, on more accounts or over more transfers than a trace may name, or on
//!   an account with too many postings since.
//!
//! What an account has left of it at the end is what is asked to be held there. So the sum of all is never more than what
//! is in dispute, and whoever has the journal gets the same.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Ask, Case, Traced};
use crate::account::AccountHandle;
use crate::limits::{TRACED_ACCOUNTS_MAX, TRACED_POSTINGS_MAX, TRACED_TRANSFERS_MAX};

/// One payment out of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payment {
    /// Its sequence.
    pub sequence: u64,
    /// The account that it went to.
    pub creditor: AccountHandle,
    /// Minor units.
    pub amount: u64,
    /// The fraud case out of whose held amounts it is paid, or the transfer that it returns; zero for neither.
    pub back: u128,
}

/// Whoever knows what accounts have paid.
pub trait Payments {
    /// Why they can't be told.
    type Fault;

    /// Whether an account is kept here, and not a participant's clearing account.
    fn is_hosted(&mut self, account: AccountHandle) -> bool;

    /// What an account has paid by the entries behind `after` and up to `until`, in any order; none where more than
    /// [`TRACED_POSTINGS_MAX`] postings stand there, whatever stands behind `until`.
    ///
    /// # Errors
    /// [`Payments::Fault`].
    fn payments(
        &mut self,
        account: AccountHandle,
        after: u64,
        until: u64,
    ) -> Result<Option<Vec<Payment>>, Self::Fault>;
}

/// What became of reported money, since the trace in force where there is one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// What is left where, ascending by account.
    pub traced: Vec<Traced>,
    /// What reached clearing accounts, minor units.
    pub exits: BTreeMap<AccountHandle, u64>,
    /// What came back to the account that paid, minor units.
    pub came_back: u64,
    /// What went beyond the bounds, minor units.
    pub beyond: u64,
}

/// Follows the money of a case up to a sequence.
///
/// # Errors
/// That of `payments`.
pub fn trace<P: Payments>(
    (id, case): (u128, &Case),
    as_of: u64,
    payments: &mut P,
) -> Result<Trace, P::Fault> {
    let (places, due, found) = (BTreeMap::new(), BTreeMap::new(), Trace::default());
    let mut walk = Walk { id, case, as_of, places, due, transfers: 0, is_held: false, found };
    if case.held_at == 0 {
        let Case { sequence, creditor, amount, .. } = *case;
        walk.arrive(Payment { sequence, creditor, amount, back: 0 }, 1, payments)?;
    }
    for ask in &case.asked {
        walk.go_on(ask, payments)?;
    }
    while let Some((_, (payer, payment))) = walk.due.pop_first() {
        walk.pay(payer, payment, payments)?;
    }
    Ok(walk.end())
}

/// An account that the money has reached.
#[derive(Default)]
struct Place {
    left: u64,
    hop: u8,
    via: BTreeSet<u64>,
    /// Of what is left, what no payment takes.
    held: u64,
    /// The sequence from which it is held no more; zero for none.
    released_at: u64,
}

impl Place {
    /// Takes the followed part of a payment, which may itself be out of what is held.
    fn take(&mut self, payment: Payment, is_back: bool) -> u64 {
        if self.released_at != 0 && payment.sequence > self.released_at {
            self.held = 0;
        }
        let free = if is_back { self.left } else { self.left.saturating_sub(self.held) };
        let taken = free.min(payment.amount);
        self.left = self.left.saturating_sub(taken);
        self.held = self.held.min(self.left);
        taken
    }
}

struct Walk<'a> {
    id: u128,
    case: &'a Case,
    as_of: u64,
    places: BTreeMap<AccountHandle, Place>,
    /// Payments of these accounts that have not been looked at, by sequence.
    due: BTreeMap<u64, (AccountHandle, Payment)>,
    /// Named as having brought something.
    transfers: usize,
    /// Whether what the trace in force has found is held by now.
    is_held: bool,
    found: Trace,
}

impl Walk<'_> {
    fn pay<P: Payments>(
        &mut self,
        payer: AccountHandle,
        payment: Payment,
        payments: &mut P,
    ) -> Result<(), P::Fault> {
        if !self.is_held && payment.sequence > self.case.held_at {
            self.hold();
        }
        let is_back = payment.back != 0 && [self.id, self.case.transfer].contains(&payment.back);
        let Some(place) = self.places.get_mut(&payer) else { return Ok(()) };
        let followed = place.take(payment, is_back);
        let hop = place.hop.saturating_add(1);
        if followed == 0 {
            return Ok(());
        }
        self.arrive(Payment { amount: followed, ..payment }, hop, payments)
    }

    /// The trace in force is put in force: of what it has found, what is left now.
    fn hold(&mut self) {
        self.is_held = true;
        for ask in &self.case.asked {
            if let Some(place) = self.places.get_mut(&ask.account) {
                (place.held, place.released_at) = (place.left.min(ask.amount), ask.released_at);
            }
        }
    }

    /// What the trace in force has found on an account is there. Where that can't be followed further, it stays.
    fn go_on<P: Payments>(&mut self, ask: &Ask, payments: &mut P) -> Result<(), P::Fault> {
        let place = Place { left: ask.amount, hop: ask.hop, via: [ask.first].into(), ..Place::default() };
        self.places.insert(ask.account, place);
        self.transfers = self.transfers.saturating_add(1);
        if self.due.len() < TRACED_POSTINGS_MAX {
            let paid = payments.payments(ask.account, self.case.as_of, self.as_of)?;
            self.look_at(ask.account, paid.unwrap_or_default());
        }
        Ok(())
    }

    fn look_at(&mut self, account: AccountHandle, paid: Vec<Payment>) {
        self.due.extend(paid.into_iter().map(|payment| (payment.sequence, (account, payment))));
    }

    /// Followed money reaches an account.
    fn arrive<P: Payments>(&mut self, payment: Payment, hop: u8, payments: &mut P) -> Result<(), P::Fault> {
        let Payment { sequence, creditor, amount, .. } = payment;
        let found = &mut self.found;
        if creditor == self.case.debtor {
            found.came_back = found.came_back.saturating_add(amount);
            return Ok(());
        }
        if !payments.is_hosted(creditor) {
            let exit = found.exits.entry(creditor).or_default();
            *exit = exit.saturating_add(amount);
            return Ok(());
        }
        if hop > self.case.hops || !self.reach(creditor, sequence, payments)? {
            self.found.beyond = self.found.beyond.saturating_add(amount);
            return Ok(());
        }
        let place = self.places.entry(creditor).or_insert(Place { hop, ..Place::default() });
        place.left = place.left.saturating_add(amount);
        place.hop = place.hop.min(hop);
        place.via.insert(sequence);
        self.transfers = self.transfers.saturating_add(1);
        Ok(())
    }

    /// Whether an account can be followed; what it pays from now on is due then.
    fn reach<P: Payments>(
        &mut self,
        account: AccountHandle,
        after: u64,
        payments: &mut P,
    ) -> Result<bool, P::Fault> {
        if self.transfers >= TRACED_TRANSFERS_MAX {
            return Ok(false);
        }
        if self.places.contains_key(&account) {
            return Ok(true);
        }
        if self.places.len() >= TRACED_ACCOUNTS_MAX || self.due.len() >= TRACED_POSTINGS_MAX {
            return Ok(false);
        }
        let Some(paid) = payments.payments(account, after, self.as_of)? else { return Ok(false) };
        self.look_at(account, paid);
        Ok(true)
    }

    fn end(self) -> Trace {
        let left = self.places.into_iter().filter(|(_, place)| place.left > 0);
        let traced = left.map(|(account, Place { left, hop, via, .. })| Traced {
            account,
            amount: left,
            hop,
            via: via.into_iter().collect(),
        });
        Trace { traced: traced.collect(), ..self.found }
    }
}

#[cfg(test)]
mod tests;
