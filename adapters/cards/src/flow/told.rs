//! What a message says of the one that it takes back: card, amount, currency, and of terminals the kind. Held against the
//! record that was found under the original's name, for names may come again.

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::transfer::Record;
use feiqian_iso8583::Message;

use super::Desk;
use super::card::{Price, Prices};
use super::payment::{CREDIT, purpose_of};
use crate::code::Code;

/// What is said; what is not said is none. Holds the card's accounts, not its number.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// All that it stands for or has stood for: nothing where no such card was ever enrolled.
    card: Option<Vec<AccountHandle>>,
    prices: Prices,
    purpose: Option<[u8; 4]>,
}

impl Desk {
    /// What a reversal says. Terminals have to say all of it, for only their names come again.
    pub(super) fn told(&self, message: &Message<'_>, is_of_terminal: bool) -> Result<Told, Code> {
        let told = Told {
            card: message.pan().map_or(Some(Vec::new()), |pan| pan.map(|pan| self.accounts_of(&pan))),
            prices: Prices::of(message)?,
            purpose: if is_of_terminal { Some(purpose_of(message)?) } else { None },
        };
        let Price { amount, currency } = told.prices.transaction;
        let is_whole = told.card.is_some() && amount.is_some() && currency.is_some();
        if is_of_terminal && !is_whole { Err(Code::FormatError) } else { Ok(told) }
    }
}

impl Told {
    /// Without the kind: a cancellation has one of its own.
    pub(super) fn of_any_kind(self) -> Self {
        Self { purpose: None, ..self }
    }

    /// With what the original was, where the message's own amounts say what is to remain of it.
    pub(super) fn of_original(self, amount: u64) -> Self {
        Self { prices: self.prices.of_original(amount), ..self }
    }

    /// Whether a record is the one that is spoken of.
    pub(super) fn fits(&self, record: &Record) -> bool {
        let is_credit = record.purpose == CREDIT;
        let card = if is_credit { record.creditor.get() } else { record.debtor.get() };
        let has_price = |price: Price| {
            price.amount.is_none_or(|told| told == record.amount.get())
                && price.currency.is_none_or(|told| is_in(told, record))
        };
        self.card.as_ref().is_none_or(|told| told.contains(&card))
            && self.prices.all().any(has_price)
            && self.purpose.is_none_or(|told| told == record.purpose)
    }

    /// Whether it says that the record is in the transaction's currency: what may be told of a part is.
    pub(super) fn is_in_transaction_currency(&self, record: &Record) -> bool {
        self.prices.transaction.currency.is_some_and(|told| is_in(told, record))
    }
}

/// A message says no product.
fn is_in(told: Currency, record: &Record) -> bool {
    Currency::from_numeric(record.currency.get()).is_some_and(|currency| currency.iso() == told)
}
