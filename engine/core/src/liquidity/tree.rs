//! Finds the first payment of a queue that fits, in logarithmic time: a tree of minima over a flat array.

use alloc::vec;
use alloc::vec::Vec;

/// What a payment needs, minor units: towards another slot and within its own; one of the two is [`CLOSED`].
/// An inner node has the least of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Need {
    /// Of the account and of the slot.
    pub(super) across: u64,
    /// Of the account alone.
    pub(super) within: u64,
}

/// A need that nothing meets.
pub(super) const CLOSED: u64 = u64::MAX;
/// What meets every other need.
pub(super) const PLENTY: u64 = CLOSED.saturating_sub(1);

impl Need {
    /// Met by nothing: released, or not yet its turn.
    pub(super) const NONE: Self = Self { across: CLOSED, within: CLOSED };

    /// Whether `has` meets either.
    #[inline]
    fn is_met(self, has: Self) -> bool {
        self.across <= has.across || self.within <= has.within
    }

    #[inline]
    fn least(self, other: Self) -> Self {
        Self { across: self.across.min(other.across), within: self.within.min(other.within) }
    }
}

/// Needs in an order, all [`Need::NONE`] at first.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The root at 1, the children of `n` at `2n` and `2n + 1`, the leaves from `width` on.
    nodes: Vec<Need>,
    width: usize,
}

impl Tree {
    /// A tree without leaves.
    pub(super) const fn new() -> Self {
        Self { nodes: Vec::new(), width: 0 }
    }

    /// Gives it so many leaves.
    pub(super) fn widen(&mut self, leaves: usize) {
        self.width = leaves.next_power_of_two();
        self.nodes = vec![Need::NONE; self.width.saturating_mul(2)];
    }

    /// The least needs of all.
    #[inline]
    pub(super) fn least(&self) -> Need {
        self.node(1)
    }

    pub(super) fn set(&mut self, leaf: usize, need: Need) {
        let mut at = self.width.saturating_add(leaf);
        let mut need = need;
        while let Some(node) = self.nodes.get_mut(at) {
            if core::mem::replace(node, need) == need || at <= 1 {
                return;
            }
            need = self.node(at).least(self.node(at ^ 1));
            at >>= 1;
        }
    }

    /// The first leaf that `has` meets.
    #[inline]
    pub(super) fn first_met(&self, has: Need) -> Option<usize> {
        if !self.least().is_met(has) {
            return None;
        }
        let mut at = 1_usize;
        while at < self.width {
            at <<= 1;
            if !self.node(at).is_met(has) {
                at |= 1;
            }
        }
        Some(at.saturating_sub(self.width))
    }

    #[inline]
    fn node(&self, at: usize) -> Need {
        self.nodes.get(at).copied().unwrap_or(Need::NONE)
    }
}
