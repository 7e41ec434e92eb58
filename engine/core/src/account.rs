//! Accounts: what commands fix about one ([`AccountTerms`]) and what transfers move ([`AccountCell`]).

use crate::codec::Malformed;

/// Dense number of an account; balances live in flat arrays by it. A shard owns the handles `h % shards`.
pub type AccountHandle = u64;

/// Dense number of a position: one participant in one currency.
pub type SlotHandle = u32;

/// A credit line or cap that never binds.
pub const UNLIMITED: u64 = u64::MAX;

/// What an account may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum AccountState {
    /// Sends and receives.
    Open = 1,
    /// Neither sends nor receives.
    Frozen = 2,
    /// Only pays out.
    SendOnly = 3,
    /// Only receives.
    ReceiveOnly = 4,
    /// Empty, and for ever out of use.
    Closed = 5,
}

/// Whose money the account stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum AccountKind {
    /// A participant's clearing account: all customers that it keeps on its own books.
    Clearing = 1,
    /// A wallet that is kept here.
    Hosted = 2,
}

macro_rules! numbered {
    ($name:ident: $($variant:ident),*) => {
        impl $name {
            /// The stored number.
            #[must_use]
            #[expect(clippy::as_conversions, reason = "a fieldless enum with u8 representation")]
            pub const fn number(self) -> u8 { self as u8 }

            /// The value of a stored number.
            ///
            /// # Errors
            /// [`Malformed`] for a number without meaning.
            pub fn from_number(number: u8) -> Result<Self, Malformed> {
                [$(Self::$variant),*].into_iter().find(|value| value.number() == number).ok_or(Malformed)
            }
        }
    };
}
pub(crate) use numbered;

numbered!(AccountState: Open, Frozen, SendOnly, ReceiveOnly, Closed);
numbered!(AccountKind: Clearing, Hosted);

impl AccountState {
    /// Whether it may be debited.
    #[inline]
    #[must_use]
    pub const fn may_send(self) -> bool {
        matches!(self, Self::Open | Self::SendOnly)
    }

    /// Whether it may be credited.
    #[inline]
    #[must_use]
    pub const fn may_receive(self) -> bool {
        matches!(self, Self::Open | Self::ReceiveOnly)
    }

    /// The name in commands, reports and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::SendOnly => "send-only",
            Self::ReceiveOnly => "receive-only",
            Self::Closed => "closed",
        }
    }
}

impl AccountKind {
    /// The name in commands, reports and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clearing => "clearing",
            Self::Hosted => "hosted",
        }
    }
}

/// What commands fix about an account; transfers only read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountTerms {
    /// The participant and currency that it counts for.
    pub slot: SlotHandle,
    /// ISO 4217 numeric code, the slot's.
    pub currency: u16,
    /// What it may do.
    pub state: AccountState,
    /// Whose money it stands for.
    pub kind: AccountKind,
    /// How far below zero its available balance may go, in minor units; [`UNLIMITED`] for no bound of its
    /// own, as for clearing accounts, which the participant's cap bounds.
    pub credit_line: u64,
}

/// What transfers move. Balances can't overflow: 2^64 amounts below 2^60 stay below 2^124.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AccountCell {
    /// Credits less debits, in minor units.
    pub balance: i128,
    /// Reserved by pending holds.
    pub reserved: u64,
    /// Number of pending holds.
    pub holds: u32,
    /// Sequence of the last posting; zero for none.
    pub last_posting: u64,
    /// Height of the last block that changed it.
    pub touched: u64,
}

impl AccountCell {
    /// What may still be debited; [`i128::MAX`] where no credit line binds.
    #[inline]
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "see the type: sums stay below 2^125")]
    pub fn available(&self, credit_line: u64) -> i128 {
        if credit_line == UNLIMITED {
            return i128::MAX;
        }
        self.balance - i128::from(self.reserved) + i128::from(credit_line)
    }
}
