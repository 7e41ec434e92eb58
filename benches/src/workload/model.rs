//! What the load generator expects: the outcome of each transfer, and from those the balance of every account.
//! Shares no code with the engine's ledger.

use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;

/// What must become of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// The amount moves.
    Cleared,
    /// It is reserved.
    Held,
    /// A hold is given back.
    Voided,
    /// Refused, for this reason.
    Rejected(RejectReason),
    /// Repeats the transfer so many places earlier in its batch.
    Duplicate(u16),
}

impl Expected {
    /// Whether an answer is the one expected. `detail` is the row's amount: what moved, or the original's sequence.
    #[must_use]
    pub fn is_met(self, sequence: u64, record: &Record, answer: (u8, u8, u64)) -> bool {
        let accepted = |outcome: Outcome, amount| (outcome.number(), 0, amount);
        answer
            == match self {
                Self::Cleared => accepted(Outcome::Cleared, record.amount.get()),
                Self::Held => accepted(Outcome::Held, record.amount.get()),
                Self::Voided => accepted(Outcome::Voided, 0),
                Self::Rejected(reason) => (Outcome::Rejected.number(), reason.number(), 0),
                Self::Duplicate(back) => accepted(Outcome::Duplicate, sequence - u64::from(back)),
            }
    }

    /// Name in reports: the outcome, for a rejected transfer the reason.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cleared => Outcome::Cleared.name(),
            Self::Held => Outcome::Held.name(),
            Self::Voided => Outcome::Voided.name(),
            Self::Rejected(reason) => reason.name(),
            Self::Duplicate(_) => Outcome::Duplicate.name(),
        }
    }
}

/// Balances by account handle, minor units.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balances(Vec<i128>);

impl Balances {
    /// All zero.
    #[must_use]
    pub fn new(accounts: u64) -> Self {
        Self(vec![0; accounts as usize])
    }

    /// Moves what a cleared transfer moves.
    ///
    /// # Panics
    /// If an account is beyond the end.
    pub fn apply(&mut self, record: &Record, expected: Expected) {
        if expected == Expected::Cleared {
            let amount = i128::from(record.amount.get());
            self.0[record.debtor.get() as usize] -= amount;
            self.0[record.creditor.get() as usize] += amount;
        }
    }

    /// An account's.
    #[must_use]
    pub fn of(&self, account: u64) -> Option<i128> {
        self.0.get(account as usize).copied()
    }

    /// All, by handle.
    #[must_use]
    pub fn all(&self) -> &[i128] {
        &self.0
    }

    /// For planted faults: changes one.
    pub fn alter(&mut self, account: u64, by: i128) {
        self.0[account as usize] += by;
    }
}
