//! Attempts to take an original back. They are numbered from zero without a gap, whoever asked for them and for how much,
//! and found by doubling and halving, so their number needs no bound.
//!
//! Of a payment a further one is made only behind one that was refused, so at most the last has taken effect. Of a hold one
//! may also follow a reduction: down to less, or to nothing. What has taken effect is then looked for among the newest.

use std::sync::Arc;

use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::{Record, flags};

use super::{Desk, Found};
use crate::code::Code;

/// Attempts on one hold among which one that took effect is looked for: bounds the files that a message has read.
const HOLD_ATTEMPTS_SEEN: usize = 64;

/// What the next attempt has to know of those before it.
pub(super) struct Attempts {
    pub(super) last: Option<Found>,
    /// The one that has done what is asked for.
    pub(super) same: Option<Found>,
    /// The number of the next.
    pub(super) next: u64,
}

impl Desk {
    /// Looks them up, beside what is asked for now. Reads files.
    pub(super) async fn attempts(
        self: &Arc<Self>,
        original: &Found,
        asked: Record,
    ) -> Result<Attempts, Code> {
        let (desk, original) = (Arc::clone(self), *original);
        let look = move || {
            let next = desk.next_attempt(&original);
            let last = next.checked_sub(1).map(|last| desk.attempt(&original, last)).transpose()?;
            let is_same =
                |found: &Found| found.record.amount == asked.amount && found.record.flags == asked.flags;
            let same = desk.effective(&original, next, is_same)?;
            Ok(Attempts { last, same, next })
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Code::Malfunction)?
    }

    /// Whether an original has been taken back, in whole or in part.
    pub(super) async fn is_taken_back(self: &Arc<Self>, original: &Found) -> Result<bool, Code> {
        let (desk, original) = (Arc::clone(self), *original);
        let look = move || {
            let next = desk.next_attempt(&original);
            Ok(desk.effective(&original, next, |_| true)?.is_some())
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Code::Malfunction)?
    }

    fn attempt_at(&self, original: &Found, attempt: u64) -> Option<u64> {
        self.engine.find(self.vault.reversal_id(original.record.uetr.get(), attempt))
    }

    fn attempt(&self, original: &Found, attempt: u64) -> Result<Found, Code> {
        self.entry(self.attempt_at(original, attempt).ok_or(Code::Malfunction)?)
    }

    fn next_attempt(&self, original: &Found) -> u64 {
        first_free(|attempt| self.attempt_at(original, attempt).is_some())
    }

    /// The newest attempt that took effect and `fits`.
    fn effective(
        &self,
        original: &Found,
        next: u64,
        fits: impl Fn(&Found) -> bool,
    ) -> Result<Option<Found>, Code> {
        let is_hold = original.record.flags.get() & flags::HOLD != 0;
        let seen = if is_hold { HOLD_ATTEMPTS_SEEN } else { 1 };
        for attempt in (0..next).rev().take(seen) {
            let found = self.attempt(original, attempt)?;
            let has_taken_effect = matches!(found.row.outcome(), Some(Outcome::Cleared | Outcome::Voided));
            if has_taken_effect && fits(&found) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The first number that is free, where all below it are taken.
fn first_free(is_taken: impl Fn(u64) -> bool) -> u64 {
    let mut free: u64 = 0;
    while is_taken(free) {
        free = free * 2 + 1;
    }
    // Half of it, or nothing, was the last that was found taken.
    let mut least = free.div_ceil(2);
    while least < free {
        let middle = least + (free - least) / 2;
        if is_taken(middle) { least = middle + 1 } else { free = middle }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_first_free_number_is_found_in_a_few_steps() {
        for taken in (0..70).chain([1_000, 1 << 20, (1 << 40) + 5]) {
            let asked = Cell::new(0);
            let free = first_free(|number| {
                asked.set(asked.get() + 1);
                number < taken
            });
            assert_eq!(free, taken);
            assert!(asked.get() <= 2 * (64 - taken.leading_zeros()) + 2, "{taken}: {}", asked.get());
        }
    }
}
