//! The 128-byte transfer record: what a participant submits, the journal keeps and a block proves.
//!
//! ```text
//!   0  uetr 16 | debtor 8 | creditor 8          32  amount 8 | currency 2 | flags 2 | timeout 4
//!  48  purpose 4 | delay 4 | related 16          72  reference digest 32
//! 104  sequence 8 | timestamp 8 | outcome 1 | reason 1 | zero 6       (the engine's; zero on submission)
//! ```
//! Little endian. Records are read in place, never parsed field by field.

use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::limits::RECORD_BYTES;
use crate::outcome::OutcomeRow;

/// What kind of transfer a record is, and whether the next one belongs to its chain.
pub mod flags {
    /// First half of a two-phase transfer: reserves the amount until posted, voided or expired.
    pub const HOLD: u16 = 1;
    /// Posts a pending hold (`related`), in full or in part; what is left of it is released.
    pub const POST: u16 = 1 << 1;
    /// Voids a pending hold (`related`).
    pub const VOID: u16 = 1 << 2;
    /// The next record belongs to the same chain: all succeed or all fail.
    pub const LINKED: u16 = 1 << 3;
    /// A payment that may wait where it can't be cleared at once. With `related`, changes class, place and times of one
    /// that waits; with [`VOID`] too, revokes it.
    pub const QUEUE: u16 = 1 << 4;
    /// With [`QUEUE`]: goes out in order, before all others of its account.
    pub const URGENT: u16 = 1 << 5;
    /// With [`QUEUE`]: goes out in order, before the normal ones of its account.
    pub const HIGH: u16 = 1 << 6;
    /// The engine's own: clears a payment that waits (`related`). A chain of them settles at once.
    pub const RELEASE: u16 = 1 << 7;
    /// With [`POST`]: what is not posted stays held. With [`VOID`]: the amount stays held, and what is above it is released.
    pub const KEEP: u16 = 1 << 8;
    /// Sends back what a cleared transfer (`related`) brought, in full or in part: from the account that it credited to
    /// the one that it debited.
    pub const RETURN: u16 = 1 << 9;
    /// A part of the fee on the payment `related`, which stands before it in the same chain: what a tariff says, whoever
    /// bears it.
    pub const FEE: u16 = 1 << 10;
    /// A leg of a trade on the quote `related`; both legs stand in one chain.
    pub const QUOTE: u16 = 1 << 11;
    /// With [`QUEUE`] and `related`: before all others of its class.
    pub const FIRST: u16 = 1 << 12;
    /// With [`QUEUE`] and `related`: behind all others of its class.
    pub const LAST: u16 = 1 << 13;
    /// The engine's own: carries out the posting that the command at the sequence `related` has ordered. With [`POST`], out
    /// of what is held on the debtor account for a fraud case.
    pub const ORDERED: u16 = 1 << 14;
    /// Set by the engine alone, in the record that stands for a command in a block.
    pub const COMMAND: u16 = 1 << 15;

    pub(crate) const TWO_PHASE: u16 = HOLD | POST | VOID;
    pub(crate) const SUBMITTABLE: u16 = TWO_PHASE
        | LINKED
        | QUEUE
        | URGENT
        | HIGH
        | RELEASE
        | KEEP
        | RETURN
        | FEE
        | QUOTE
        | FIRST
        | LAST
        | ORDERED;
}

/// A transfer as submitted, journaled and proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Record {
    /// The transfer's id, most significant byte last.
    pub uetr: U128,
    /// Handle of the account that pays.
    pub debtor: U64,
    /// Handle of the account that is paid.
    pub creditor: U64,
    /// Minor units; zero only for a void that keeps nothing held.
    pub amount: U64,
    /// ISO 4217 numeric code; must be the currency of both accounts.
    pub currency: U16,
    /// See [`flags`].
    pub flags: U16,
    /// Seconds of the frame's time after which a hold expires, or a payment that waits is given up; zero for never.
    pub timeout: U32,
    /// ISO 20022 external purpose code, or zeros.
    pub purpose: [u8; 4],
    /// Seconds of the frame's time before which a payment that may wait must not be cleared; else zero.
    pub delay: U32,
    /// The hold, waiting payment, cleared transfer, quote, charged payment or order that this one refers to, else zero.
    pub related: U128,
    /// Digest of the payment's details, or zeros.
    pub reference: [u8; 32],
    /// Set by the engine.
    pub sequence: U64,
    /// Set by the engine: nanoseconds since 1970, of the frame.
    pub timestamp: U64,
    /// Set by the engine: [`crate::outcome::Outcome`].
    pub outcome: u8,
    /// Set by the engine: [`crate::outcome::RejectReason`].
    pub reason: u8,
    /// Zero.
    pub zeros: [u8; 6],
}

const _: () = assert!(size_of::<Record>() == RECORD_BYTES);

impl Record {
    /// A plain transfer; two-phase fields and digest are set by the caller where needed.
    #[must_use]
    pub fn new(uetr: u128, debtor: u64, creditor: u64, amount: u64, currency: u16) -> Self {
        Self {
            uetr: uetr.into(),
            debtor: debtor.into(),
            creditor: creditor.into(),
            amount: amount.into(),
            currency: currency.into(),
            ..Self::new_zeroed()
        }
    }

    /// All bytes zero.
    #[must_use]
    pub fn new_zeroed() -> Self {
        zerocopy::FromZeros::new_zeroed()
    }

    /// Whether the next record belongs to the same chain.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.flags.get() & flags::LINKED != 0
    }

    /// Whether reserved and engine-owned fields are zero and no unknown flag is set.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.sequence.get() == 0
            && self.timestamp.get() == 0
            && self.outcome == 0
            && self.reason == 0
            && self.zeros == [0; 6]
            && self.flags.get() & !flags::SUBMITTABLE == 0
    }

    /// Whether this is a plain transfer in that currency: unlinked, of one phase, every field that it has no use for
    /// zero. What [`Record::is_clean`] and the flags say, in whole words.
    #[inline(always)]
    #[must_use]
    pub fn is_plain(&self, currency: u16) -> bool {
        let words = self.bytes().as_chunks::<8>().0;
        let word = |at: usize| words.get(at).map_or(u64::MAX, |word| u64::from_le_bytes(*word));
        // Currency, flags, timeout │ purpose, delay │ related │ sequence │ timestamp │ outcome, reason, zeros.
        let unused = word(6).wrapping_shr(32) | word(7) | word(8) | word(13) | word(14) | word(15);
        unused == 0 && word(5) == u64::from(currency)
    }

    /// Sets the engine's fields.
    #[inline]
    pub(crate) fn decide(&mut self, row: &OutcomeRow, sequence: u64, timestamp: u64) {
        self.sequence = sequence.into();
        self.timestamp = timestamp.into();
        self.outcome = row.outcome;
        self.reason = row.reason;
    }

    /// The record in its bytes, to be changed where it lies.
    #[inline]
    pub(crate) fn of_bytes(bytes: &mut [u8; RECORD_BYTES]) -> &mut Self {
        zerocopy::transmute_mut!(bytes)
    }

    /// The 128 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; RECORD_BYTES] {
        zerocopy::transmute_ref!(self)
    }
}
