//! Attempts to take an original back. They are numbered from zero without a gap, and a further one is made only behind one
//! that was refused: at most the last has taken effect, whoever asked for it and for how much, and to know what became of an
//! original the last is enough. It is found by doubling and halving, so their number needs no bound.

use std::sync::Arc;

use feiqian_core::outcome::Outcome;

use super::{Desk, Found};
use crate::code::Code;

/// The last attempt, if there is one, and the number of the next.
pub(super) struct Attempts {
    pub(super) last: Option<Found>,
    pub(super) next: u64,
}

impl Desk {
    /// Looks them up. Reads files.
    pub(super) async fn attempts(self: &Arc<Self>, original: u128) -> Result<Attempts, Code> {
        let desk = Arc::clone(self);
        let look = move || {
            let at = |attempt| desk.engine.find(desk.vault.reversal_id(original, attempt));
            let next = first_free(|attempt| at(attempt).is_some());
            let last = next.checked_sub(1).and_then(at);
            let last = last.map(|sequence| desk.entry(sequence)).transpose()?;
            Ok(Attempts { last, next })
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Code::Malfunction)?
    }

    /// Whether an original has been taken back, in whole or in part.
    pub(super) async fn is_taken_back(self: &Arc<Self>, original: u128) -> Result<bool, Code> {
        let last = self.attempts(original).await?.last;
        Ok(last.is_some_and(|at| matches!(at.row.outcome(), Some(Outcome::Cleared | Outcome::Voided))))
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
