//! Which account a message is about: of those that its card stands for the one in the currency of the transaction (4, 49),
//! or else in that in which the cardholder is billed (6, 51). What begins anew needs an enrolment in force; what refers to
//! an earlier message may be about one that has ended.

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::participant::ParticipantHandle;
use feiqian_iso8583::Message;

use super::{Desk, currency_of};
use crate::code::Code;
use crate::enrolment::{Enrolment, enrolments};

/// An amount in minor units and its currency, as far as they are told; of a currency no product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    pub(super) amount: Option<u64>,
    pub(super) currency: Option<Currency>,
}

/// That of the transaction, and where another is told that of the cardholder's bill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    pub(super) transaction: Price,
    billing: Option<Price>,
}

impl Prices {
    /// What a message tells.
    pub(super) fn of(message: &Message<'_>) -> Result<Self, Code> {
        let amount = message.amount().map_err(|_| Code::FormatError)?;
        let transaction = Price { amount, currency: currency_of(message, 49)? };
        let billed = message.field(6).and_then(|field| field.number());
        let currency = currency_of(message, 51).ok().flatten();
        let is_other = billed.is_some() && currency.is_some() && currency != transaction.currency;
        let billing = is_other.then_some(Price { amount: billed, currency });
        Ok(Self { transaction, billing })
    }

    /// With another amount of the transaction. What the cardholder was billed then is not told beside it.
    pub(super) fn of_original(self, amount: u64) -> Self {
        let transaction = Price { amount: Some(amount), ..self.transaction };
        let billing = self.billing.map(|price| Price { amount: None, ..price });
        Self { transaction, billing }
    }

    /// In order of precedence.
    pub(super) fn all(&self) -> impl Iterator<Item = Price> {
        [Some(self.transaction), self.billing].into_iter().flatten()
    }
}

/// An account that a message may be about, and what it is to pay or get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) account: AccountHandle,
    pub(super) owner: ParticipantHandle,
    /// With its product, which no message says.
    pub(super) currency: Currency,
    /// Minor units.
    pub(super) amount: u64,
}

/// The account of a message.
pub(super) enum Choice {
    /// This one.
    One(Candidate),
    /// One of several that the card has stood for, the likeliest first: its original says which.
    OfOriginal(Vec<Candidate>),
    /// The first; but where the message has come before, the one that it was booked on.
    OfItself(Vec<Candidate>),
    /// None now, for this reason; but where the message has come before, the one that it was booked on.
    NoneNow(Vec<Candidate>, Code),
}

impl Desk {
    /// The account that a card's message is about.
    pub(super) fn account_of(&self, message: &Message<'_>, is_referring: bool) -> Result<Choice, Code> {
        let prices = Prices::of(message)?;
        let is_whole = prices.transaction.amount.is_some() && prices.transaction.currency.is_some();
        let pan = message.pan().map_err(|_| Code::UnknownCard)?.filter(|_| is_whole);
        let alias = self.vault.alias(&pan.ok_or(Code::FormatError)?);
        let mut all = enrolments(self.engine.directory(), &alias);
        // The usual card has one account; what it had in the same currency before stands in front of it.
        let first = all.next().ok_or(Code::UnknownCard)?;
        if first.is_in_force
            && !is_referring
            && let Some(candidate) = candidate(&first, prices.transaction)
        {
            return Ok(Choice::One(candidate));
        }
        let all: Vec<_> = std::iter::once(first).chain(all).collect();
        if is_referring {
            let all: Vec<_> =
                candidates(&prices, &all, true).chain(candidates(&prices, &all, false)).collect();
            return match all.as_slice() {
                [] => Err(Code::NoAccount),
                [only] => Ok(Choice::One(*only)),
                _ => Ok(Choice::OfOriginal(all)),
            };
        }
        let ended: Vec<_> = candidates(&prices, &all, false).collect();
        match candidates(&prices, &all, true).next() {
            Some(candidate) if ended.is_empty() => Ok(Choice::One(candidate)),
            Some(candidate) => Ok(Choice::OfItself(std::iter::once(candidate).chain(ended).collect())),
            None if ended.is_empty() => Err(Code::NoAccount),
            None => Ok(Choice::NoneNow(ended, Code::Withdrawn)),
        }
    }

    /// All accounts that a card stands for or has stood for.
    pub(super) fn accounts_of(&self, pan: &feiqian_iso8583::Pan) -> Vec<AccountHandle> {
        let alias = self.vault.alias(pan);
        enrolments(self.engine.directory(), &alias).map(|enrolment| enrolment.account).collect()
    }
}

/// The account of an enrolment, if it is in the currency of a price.
fn candidate(enrolment: &Enrolment, price: Price) -> Option<Candidate> {
    let Enrolment { account, owner, currency, .. } = *enrolment;
    let amount = price.amount.filter(|_| price.currency == Some(currency.iso()))?;
    Some(Candidate { account, owner, currency, amount })
}

/// Those in the currencies of the prices, of the first before those of the second, newest first.
fn candidates<'a>(
    prices: &'a Prices,
    all: &'a [Enrolment],
    is_in_force: bool,
) -> impl Iterator<Item = Candidate> + 'a {
    prices.all().flat_map(move |price| {
        let fitting = all.iter().rev().filter(move |enrolment| enrolment.is_in_force == is_in_force);
        fitting.filter_map(move |enrolment| candidate(enrolment, price))
    })
}
