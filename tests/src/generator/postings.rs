//! Postings by hand in random stories: ordered rightly and wrongly, and carried out in time, twice, too late and not as
//! they were ordered.

use feiqian_core::command::Command;
use feiqian_core::postings::PostingCommand;
use feiqian_core::transfer::{Record, flags};

use super::Teller;

impl Teller {
    /// An order, mostly of what can be posted.
    pub(super) fn some_posting(&mut self) -> Command {
        let debtor = self.some_account();
        let currency = self.currency_of(debtor);
        let alike: Vec<_> = self.accounts_of(|_| true);
        let alike: Vec<_> = alike.into_iter().filter(|at| self.currency_of(*at) == currency).collect();
        let creditor = if self.is_faulty() { self.some_account() } else { self.account_of(&alike) };
        let amount = if self.is_faulty() { 0 } else { self.amount(debtor) };
        let reason = self.pick(&["booked twice", "wrong account", ""]).unwrap_or_default();
        let reason = if self.dice.once_in(4) { reason } else { "correction" };
        let valid_seconds = u32::try_from(self.dice.below(6)).unwrap_or(0);
        Command::Posting(PostingCommand { debtor, creditor, amount, reason: reason.into(), valid_seconds })
    }

    /// The engine's entries for what has been ordered.
    pub(super) fn ordered(&mut self) -> Option<Vec<Record>> {
        let orders = self.picture.orders.clone();
        let mut records = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let (number, order) = self.pick(&orders)?;
            let mut record = order.record(number, self.world.new_id());
            match self.dice.below(24) {
                0 => record.amount = (record.amount.get() + 1).into(),
                1 => record.reference[3] ^= 1,
                2 => record.purpose = *b"CORT",
                3 => record.flags = (record.flags.get() | flags::LINKED).into(),
                4 => self.stray(&mut record),
                5 => record.related = u128::from(self.dice.below(40)).into(),
                6 => self.spoil(&mut record),
                _ => {}
            }
            records.push(record);
        }
        Some(records)
    }
}
