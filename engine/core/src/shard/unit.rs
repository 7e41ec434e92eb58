//! Units of decision (a chain, or a transfer alone), and what undecided ones may still do to cells.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::{AccountHandle, SlotHandle};
use crate::claim::{Claim, Kind};
use crate::fees::Dues;
use crate::hold::Freed;
use crate::outcome::{OutcomeRow, RejectReason};
use crate::overlay::{Shift, shifts, slot_shift};
use crate::participant::ParticipantHandle;
use crate::transfer::Record;

/// What a unit's members free of holds, and the first objection to one.
pub(super) type Word = (Vec<Freed>, Option<(usize, RejectReason)>);

/// Why a unit fails: at one member, or (none) as a whole.
pub(super) type Failure = (Option<usize>, RejectReason);

/// The claims of a unit's members; one needs no memory of its own.
#[derive(Clone, Debug)]
pub(super) enum Claims {
    None,
    One(Claim),
    Many(Vec<Claim>),
}

impl Claims {
    pub(super) fn as_slice(&self) -> &[Claim] {
        match self {
            Self::None => &[],
            Self::One(claim) => core::slice::from_ref(claim),
            Self::Many(claims) => claims,
        }
    }

    pub(super) fn push(&mut self, claim: Claim) {
        match self {
            Self::None => *self = Self::One(claim),
            Self::One(first) => *self = Self::Many(alloc::vec![*first, claim]),
            Self::Many(claims) => claims.push(claim),
        }
    }
}

/// A unit as every shard sees it alike: its members up to the first that terms refuse, and who votes.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    /// Index of its first entry in the frame.
    pub(super) first: usize,
    pub(super) submitter: ParticipantHandle,
    pub(super) records: &'a [Record],
    /// Rows of members that repeat earlier ids; empty where none does.
    pub(super) known: Vec<Option<OutcomeRow>>,
    pub(super) claims: Claims,
    pub(super) refused: Option<Failure>,
    /// One bit for each shard.
    pub(super) voters: u64,
    /// What its payments owe of fees.
    pub(super) dues: Dues,
}

impl Unit<'_> {
    /// Whether it waits where it can't be cleared.
    pub(super) fn may_wait(&self) -> bool {
        matches!(self.claims.as_slice(), [claim] if claim.kind == Kind::Queueable)
    }

    /// Whether a member asks or changes a table: of holds, of waiting payments, of what is counted for limits.
    pub(super) fn asks_tables(&self) -> bool {
        let is_plain = |kind| matches!(kind, Kind::Direct | Kind::Fee);
        self.claims.as_slice().iter().any(|claim| !is_plain(claim.kind) || claim.is_controlled())
    }
}

/// A unit that waits for votes.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) first: usize,
    pub(super) submitter: ParticipantHandle,
    pub(super) length: usize,
    pub(super) voters: u64,
    /// Members that were voted on.
    pub(super) voted: usize,
    pub(super) refused: Option<Failure>,
    /// Whether its claims are among what is undecided.
    pub(super) is_shifted: bool,
    /// Its claims with what they free of holds; none where this shard knows that it fails for good.
    pub(super) claims: Option<(Claims, Vec<Freed>)>,
}

/// What undecided units may take from, and add to, what cells have available.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    accounts: BTreeMap<AccountHandle, Bounds>,
    slots: BTreeMap<SlotHandle, Bounds>,
}

/// Sums of undecided debits and credits of one cell, minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Bounds {
    pub(super) debits: i128,
    pub(super) credits: i128,
}

impl Undecided {
    pub(super) fn account(&self, handle: AccountHandle) -> Bounds {
        if self.accounts.is_empty() {
            Bounds::default()
        } else {
            self.accounts.get(&handle).copied().unwrap_or_default()
        }
    }

    pub(super) fn slot(&self, slot: SlotHandle) -> Bounds {
        if self.slots.is_empty() {
            Bounds::default()
        } else {
            self.slots.get(&slot).copied().unwrap_or_default()
        }
    }

    /// Adds a claim that waits (`sign` 1), or takes it back once it is decided (`sign` -1).
    pub(super) fn shift(&mut self, claim: &Claim, freed: Freed, sign: i128) {
        let (debtor, creditor) = shifts(claim, freed);
        shift_cell(&mut self.accounts, claim.debtor, debtor, sign);
        shift_cell(&mut self.accounts, claim.creditor, creditor, sign);
        if claim.crosses() {
            shift_cell(&mut self.slots, claim.debtor_slot, slot_shift(claim, debtor), sign);
            shift_cell(&mut self.slots, claim.creditor_slot, creditor, sign);
        }
    }
}

fn shift_cell<K: Ord>(cells: &mut BTreeMap<K, Bounds>, key: K, shift: Shift, sign: i128) {
    if shift.available == 0 {
        return;
    }
    match cells.entry(key) {
        alloc::collections::btree_map::Entry::Vacant(free) => {
            free.insert(moved(Bounds::default(), shift.available, sign));
        }
        alloc::collections::btree_map::Entry::Occupied(mut taken) => {
            let bounds = moved(*taken.get(), shift.available, sign);
            if bounds == Bounds::default() {
                taken.remove();
            } else {
                *taken.get_mut() = bounds;
            }
        }
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "at most a frame's amounts below 2^60")]
fn moved(bounds: Bounds, available: i128, sign: i128) -> Bounds {
    if available < 0 {
        Bounds { debits: bounds.debits - available * sign, ..bounds }
    } else {
        Bounds { credits: bounds.credits + available * sign, ..bounds }
    }
}
