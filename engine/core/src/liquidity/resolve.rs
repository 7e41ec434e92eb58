//! Which queued payments can be released, and which of them only together.
//!
//! A pure function of what is waiting and what there is. It moves no money: the ledger settles the sets that it
//! names, one after the other, and every bank can compute them again.
//!
//! Three steps, again and again until none releases anything:
//!
//! 1. **First in, first out, with bypass**: of all payments whose turn it is and that their account and slot can
//!    bear, the first in queue order is released alone. (Where several accounts share a slot, the first account
//!    that can pay goes first.)
//! 2. **Bilateral offset**: the queues of two slots against each other, settled at once.
//! 3. **Multilateral offset**: all queues against each other, settled at once.
//!
//! An offset starts with all payments. While a net can't be borne (of several the first: accounts, then slots,
//! as the queue mentions them), the last payment of that debtor is removed. If nothing is left, it is tried
//! again with another choice among normal payments, which may bypass each other: the smallest that covers what
//! is missing, or the largest where none does. What one bank keeps, others miss, so that the large payments of
//! a few can else empty the whole set.
//!
//! Step 1 and the order within classes follow the Eurosystem's descriptions of its own system: urgent and high
//! payments of an account strictly first in, first out, normal ones with bypass and after them (ECB, "T2-T2S
//! Consolidation, User Requirements Document for T2 – RTGS component", version 2.0, 2019, section 1.3 "Queue
//! Management"; "Single Shared Platform, General Functional Specifications, Document for users", version 2.1,
//! 2007, for bilateral and multilateral optimisation). Step 3 is the algorithm of M. L. Bech and K. Soramäki,
//! "Gridlock resolution in interbank payment systems", Bank of Finland Discussion Papers 9/2001; step 2 is the
//! same for two. Where all payments of a slot stand in one strict queue, the set that it finds contains every
//! other set that could settle. With bypass, with several accounts under one cap, or cut to a size, it is a
//! good set, not always the largest: to find that one is NP-hard. Payments are never split, and none is
//! released beyond what its debtor has for the sake of a later balance.

use alloc::vec::Vec;

use super::offset::{Offset, Pair, pairs};
use super::queues::{Place, Queues};
use crate::account::{AccountHandle, SlotHandle, numbered};
use crate::codec::Malformed;
use crate::limits::{FRAME_TRANSFERS_MAX, RESOLUTION_ROUNDS_MAX};

/// Priority class of a queued payment: the lower, the more urgent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Priority {
    /// Before all others, strictly in order.
    Urgent = 0,
    /// Before normal ones, strictly in order.
    High = 1,
    /// One may bypass another that is too large.
    Normal = 2,
}

numbered!(Priority: Urgent, High, Normal);

impl Priority {
    /// The name in commands, reports and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::High => "high",
            Self::Normal => "normal",
        }
    }
}

/// A queued payment, as the resolution sees it. It debits the debtor account and, where the slots differ, the
/// debtor slot; it credits the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its transfer's; no two are equal.
    pub id: u128,
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// The debtor's; an account has one slot.
    pub debtor_slot: SlotHandle,
    /// The creditor's.
    pub creditor_slot: SlotHandle,
    /// Minor units, below 2^60 as all amounts.
    pub amount: u64,
    /// Its class.
    pub priority: Priority,
    /// Its place in the owner's order within the class, ascending.
    pub order: u64,
    /// Frame time from which it may be released, nanoseconds since 1970. Before, it does not take part and
    /// holds up nothing.
    pub earliest: u64,
}

/// What cells have, in minor units; [`i128::MAX`] where nothing binds. Below zero (a limit was lowered) a cell
/// is debited only by a set that credits it with as much.
pub trait Liquidity {
    /// What may be debited from an account.
    fn available(&self, account: AccountHandle) -> i128;
    /// What may be debited from a slot's position.
    fn headroom(&self, slot: SlotHandle) -> i128;
}

/// How much one resolution may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Payments in one set, at least one.
    ///
    /// A larger offset is cut: the first payment of each account, then the second of each, and so on, as far as
    /// they go, and from these removed again until the rest settles. Nothing is left where the offset needs
    /// more than that at once; what is left over may follow as another set.
    pub set_max: usize,
    /// Rounds of offsetting. A resolution that is stopped by it leaves payments to the next.
    pub rounds_max: usize,
}

impl Default for Bounds {
    /// A set fits one frame.
    fn default() -> Self {
        Self { set_max: FRAME_TRANSFERS_MAX, rounds_max: RESOLUTION_ROUNDS_MAX }
    }
}

/// Sets of ids to release one after the other. A set settles at once: only its net effect on each account and
/// slot must fit. Within a set ids stand in queue order: by class, the owner's order, debtor account and id.
///
/// The answer does not depend on the order of `waiting`. After it, no payment could be released alone. Costs
/// O(n log n) a round for n payments.
#[must_use]
pub fn resolve(waiting: &[Waiting], now: u64, liquidity: &impl Liquidity, bounds: Bounds) -> Vec<Vec<u128>> {
    let mut resolution = Resolution::new(Queues::new(waiting, now, liquidity), bounds);
    resolution.release_in_turn();
    for _ in 0..bounds.rounds_max {
        if !resolution.offset_pairs() && !resolution.offset_all() {
            break;
        }
        resolution.release_in_turn();
    }
    resolution.released
}

/// A resolution on its way.
struct Resolution {
    queues: Queues,
    pairs: Vec<Pair>,
    offset: Offset,
    released: Vec<Vec<u128>>,
}

impl Resolution {
    fn new(queues: Queues, bounds: Bounds) -> Self {
        let (pairs, offset) = (pairs(&queues), Offset::new(&queues, bounds.set_max));
        Self { queues, pairs, offset, released: Vec::new() }
    }

    /// Step 1, to its end.
    fn release_in_turn(&mut self) {
        while let Some(place) = self.queues.next_ready() {
            self.release(&[place]);
        }
    }

    /// Step 2: tries every pair that has changed since it was last tried. Says whether anything was released.
    fn offset_pairs(&mut self) -> bool {
        let before = self.released.len();
        let mut pairs = core::mem::take(&mut self.pairs);
        for pair in &mut pairs {
            self.offset_pair(pair);
        }
        pairs.retain(|pair| !pair.places.is_empty());
        self.pairs = pairs;
        self.released.len() > before
    }

    fn offset_pair(&mut self, pair: &mut Pair) {
        let Self { queues, offset, .. } = self;
        let (one, other) = pair.slots;
        if pair.tried > 0 && !queues.is_touched(one, pair.tried) && !queues.is_touched(other, pair.tried) {
            return;
        }
        pair.places.retain(|place| !queues.payment(*place).is_released);
        // What it releases itself counts as a change: the rest may go with the next try.
        pair.tried = queues.clock();
        let set = offset.settle(queues, pair.places.clone());
        self.release(&set);
    }

    /// Step 3, once. Says whether anything was released.
    fn offset_all(&mut self) -> bool {
        let Self { queues, offset, .. } = self;
        let waiting = queues.places().filter(|place| !queues.payment(*place).is_released);
        let set = offset.settle(queues, waiting.collect());
        self.release(&set);
        !set.is_empty()
    }

    fn release(&mut self, set: &[Place]) {
        if set.is_empty() {
            return;
        }
        self.queues.release(set);
        self.released.push(set.iter().map(|place| self.queues.payment(*place).id).collect());
    }
}
