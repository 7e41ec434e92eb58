//! What a message says of the one that it takes back: card, amount, currency, and of terminals the kind. Held against the
//! record that was found under the original's name, for names may come again.

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::transfer::Record;
use feiqian_iso8583::Message;

use super::payment::{CREDIT, purpose_of};
use super::{Desk, currency_of};
use crate::code::Code;

/// What is said; what is not said is none. Holds the card's account, not its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// None inside where no such card is enrolled.
    card: Option<Option<AccountHandle>>,
    /// Minor units.
    amount: Option<u64>,
    currency: Option<Currency>,
    purpose: Option<[u8; 4]>,
}

impl Desk {
    /// What a reversal says. Terminals have to say all of it, for only their names come again.
    pub(super) fn told(&self, message: &Message<'_>, is_of_terminal: bool) -> Result<Told, Code> {
        let account = |pan| self.engine.directory().alias(&self.vault.alias(&pan));
        let told = Told {
            card: message.pan().map_or(Some(None), |pan| pan.map(account)),
            amount: message.amount().map_err(|_| Code::FormatError)?,
            currency: currency_of(message, 49)?,
            purpose: if is_of_terminal { Some(purpose_of(message)?) } else { None },
        };
        let is_whole = told.card.is_some() && told.amount.is_some() && told.currency.is_some();
        if is_of_terminal && !is_whole { Err(Code::FormatError) } else { Ok(told) }
    }
}

impl Told {
    /// Without the kind: a cancellation has one of its own.
    pub(super) const fn of_any_kind(self) -> Self {
        Self { purpose: None, ..self }
    }

    /// Whether a record is the one that is spoken of.
    pub(super) fn fits(&self, record: &Record) -> bool {
        let is_credit = record.purpose == CREDIT;
        let card = if is_credit { record.creditor.get() } else { record.debtor.get() };
        self.card.is_none_or(|told| told == Some(card))
            && self.amount.is_none_or(|told| told == record.amount.get())
            && self.currency.is_none_or(|told| is_in(told, record))
            && self.purpose.is_none_or(|told| told == record.purpose)
    }
}

/// A message says no product.
fn is_in(told: Currency, record: &Record) -> bool {
    Currency::from_numeric(record.currency.get()).is_some_and(|currency| currency.iso() == told)
}
