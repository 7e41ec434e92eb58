//! What the members of a chain that are decided so far would do, on top of cells that have not changed yet.
//! A chain is decided on this and committed only as a whole, so a refusal can't leave a trace.

use alloc::vec::Vec;

use crate::account::{AccountHandle, SlotHandle};
use crate::claim::{Claim, Kind};
use crate::controls::SlotControls;
use crate::hold::{Freed, Hold};

/// A change to what one account or position has available, and to what it has reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shift {
    /// Change of balance less reserved (or of position less reserved), minor units.
    pub available: i128,
    /// Change of the reserved sum, minor units.
    pub reserved: i128,
}

/// The changes of the earlier members of one chain. Bounded by the chain, searched in a line.
#[derive(Debug, Default)]
pub struct Overlay {
    accounts: Vec<(AccountHandle, Shift)>,
    slots: Vec<(SlotHandle, Shift)>,
    holds: Vec<(u128, Option<Hold>)>,
    /// Those that other limits bear or count.
    watched: Vec<(Claim, Freed)>,
}

/// No earlier members.
pub static NO_EARLIER: Overlay =
    Overlay { accounts: Vec::new(), slots: Vec::new(), holds: Vec::new(), watched: Vec::new() };

impl Overlay {
    /// What earlier members do to an account.
    #[inline]
    #[must_use]
    pub fn account(&self, handle: AccountHandle) -> Shift {
        sum(self.accounts.iter().filter(|(at, _)| *at == handle).map(|(_, shift)| *shift))
    }

    /// What earlier members do to a position.
    #[inline]
    #[must_use]
    pub fn slot(&self, slot: SlotHandle) -> Shift {
        sum(self.slots.iter().filter(|(at, _)| *at == slot).map(|(_, shift)| *shift))
    }

    /// What earlier members make of a hold: pending, ended, or (none) not theirs.
    #[must_use]
    pub fn hold(&self, id: u128) -> Option<Option<Hold>> {
        self.holds.iter().rev().find(|(at, _)| *at == id).map(|(_, hold)| *hold)
    }

    /// Earlier members that limits beyond cap and credit line bear or count, with what they free of holds.
    #[must_use]
    pub fn watched(&self) -> &[(Claim, Freed)] {
        &self.watched
    }

    /// Adds an accepted member, with what it frees of a hold.
    pub fn add(&mut self, claim: &Claim, freed: Freed) {
        if claim.controls != SlotControls::NONE {
            self.watched.push((*claim, freed));
        }
        let (debtor, creditor) = shifts(claim, freed);
        self.accounts.push((claim.debtor, debtor));
        self.accounts.push((claim.creditor, creditor));
        if claim.crosses() {
            self.slots.push((claim.debtor_slot, slot_shift(claim, debtor)));
            self.slots.push((claim.creditor_slot, creditor));
        }
    }

    /// Notes that a member makes a hold pending, or ends it.
    pub fn set_hold(&mut self, id: u128, hold: Option<Hold>) {
        self.holds.push((id, hold));
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "at most 64 members of amounts below 2^64")]
fn sum(shifts: impl Iterator<Item = Shift>) -> Shift {
    shifts.fold(Shift::default(), |sum, shift| Shift {
        available: sum.available + shift.available,
        reserved: sum.reserved + shift.reserved,
    })
}

/// What a claim, once accepted, changes on the debtor's and on the creditor's side.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "differences of two 64-bit numbers in 128 bits")]
pub fn shifts(claim: &Claim, freed: Freed) -> (Shift, Shift) {
    let (amount, held) = (i128::from(claim.amount), i128::from(freed.amount));
    let credit = Shift { available: amount, reserved: 0 };
    match claim.kind {
        Kind::Direct
        | Kind::Queueable
        | Kind::Release
        | Kind::Return
        | Kind::Trade
        | Kind::Ordered
        | Kind::Fee => (Shift { available: -amount, reserved: 0 }, credit),
        Kind::Hold => (Shift { available: -amount, reserved: amount }, Shift::default()),
        Kind::Post | Kind::Restitution => (Shift { available: held - amount, reserved: -held }, credit),
        Kind::Void => (Shift { available: held, reserved: -held }, Shift::default()),
        Kind::Scheduled | Kind::Amend | Kind::Revoke => (Shift::default(), Shift::default()),
    }
}

/// What a claim changes on the debtor's position, where it changes that on the debtor's account: what is held for a fraud
/// case bounds the account alone.
#[must_use]
pub fn slot_shift(claim: &Claim, debtor: Shift) -> Shift {
    match claim.kind {
        Kind::Restitution => Shift { available: i128::from(claim.amount).wrapping_neg(), reserved: 0 },
        _ => debtor,
    }
}
