//! Participants, their positions per currency, and the cycles that positions are counted in.

use alloc::string::String;
use alloc::vec::Vec;

use feiqian_proof::signature::PublicKey;

use crate::account::{AccountHandle, UNLIMITED, numbered};
use crate::bic::Bic;
use crate::codec::Malformed;
use crate::controls::SlotControls;
use crate::currency::Currency;
use crate::model::Model;

/// Dense number of a participant.
pub type ParticipantHandle = u32;
/// A cycle's number; the first is 1.
pub type CycleNumber = u64;

/// What a participant may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ParticipantState {
    /// Takes part.
    Active = 1,
    /// Neither sends nor receives.
    Suspended = 2,
    /// Only pays out.
    SendOnly = 3,
    /// Only receives.
    ReceiveOnly = 4,
}

numbered!(ParticipantState: Active, Suspended, SendOnly, ReceiveOnly);

impl ParticipantState {
    /// Whether its accounts may be debited.
    #[inline]
    #[must_use]
    pub const fn may_send(self) -> bool {
        matches!(self, Self::Active | Self::SendOnly)
    }

    /// Whether its accounts may be credited.
    #[inline]
    #[must_use]
    pub const fn may_receive(self) -> bool {
        matches!(self, Self::Active | Self::ReceiveOnly)
    }

    /// The name in commands, reports and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::SendOnly => "send-only",
            Self::ReceiveOnly => "receive-only",
        }
    }
}

/// A bank, card network or payment service provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participant {
    /// Its name on the wire.
    pub bic: Bic,
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub state: ParticipantState,
    /// Signs its batches; none until it registers one.
    pub key: Option<PublicKey>,
}

/// One participant in one currency: what commands fix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotTerms {
    /// Whose position.
    pub participant: ParticipantHandle,
    /// In which currency.
    pub currency: Currency,
    /// How far below zero the position may go, in minor units; [`UNLIMITED`] for no cap.
    pub cap: u64,
    /// Settles here; also decides which shard owns the slot, so that most transfers ask one shard only.
    pub clearing_account: AccountHandle,
    /// How its currency settles.
    pub model: Model,
    /// Which other limits it has.
    pub controls: SlotControls,
}

/// One participant in one currency: what transfers move.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlotCell {
    /// Credits less debits against other participants in the open cycle, in minor units.
    pub position: i128,
    /// Reserved by pending holds towards other participants.
    pub reserved: u64,
    /// Net positions of cycles that are closed and not settled, oldest first.
    pub closed: Vec<(CycleNumber, i128)>,
}

impl SlotCell {
    /// Net of all closed, unsettled cycles.
    #[must_use]
    pub fn unsettled(&self) -> i128 {
        self.closed.iter().map(|(_, net)| *net).sum()
    }

    /// What may still be debited; [`i128::MAX`] without a cap. Unsettled debts use the cap, unsettled claims
    /// do not extend it: they may not be paid.
    #[inline]
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "sums of 2^64 amounts below 2^60 stay below 2^125")]
    pub fn headroom(&self, cap: u64) -> i128 {
        if cap == UNLIMITED {
            return i128::MAX;
        }
        let owed: i128 = self.closed.iter().map(|(_, net)| (*net).min(0)).sum();
        i128::from(cap) + self.position + owed - i128::from(self.reserved)
    }
}

/// Where a settlement cycle stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CycleState {
    /// Counts transfers.
    Open = 1,
    /// Its positions are final.
    Closed = 2,
    /// Its obligations are sent to be paid.
    Instructed = 3,
    /// Its obligations are paid.
    Settled = 4,
    /// An obligation was not paid; may be settled later.
    Failed = 5,
}

numbered!(CycleState: Open, Closed, Instructed, Settled, Failed);

impl CycleState {
    /// The name in commands and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Instructed => "instructed",
            Self::Settled => "settled",
            Self::Failed => "failed",
        }
    }
}

/// A settlement cycle: a half-open range of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cycle {
    /// 1, 2, 3 …
    pub number: CycleNumber,
    /// Where it stands.
    pub state: CycleState,
    /// Height of its first block.
    pub first_block: u64,
    /// Height of the first block that is not in it; zero while open.
    pub end_block: u64,
    /// When it closed, nanoseconds since 1970; zero while open.
    pub closed_at: u64,
    /// Sequence of the command that settled it; zero before.
    pub settled_by: u64,
    /// The currency that it counts alone; none: all that are not split off.
    pub scope: Option<Currency>,
}
