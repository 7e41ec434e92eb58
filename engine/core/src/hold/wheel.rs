//! Deadlines of pending holds on a hashed timing wheel: a spoke for each 134 ms of frame time, reused every
//! 137 s; what is due in a later turn stays on its spoke. What the time has reached is set aside and sorted, so
//! that holds end in order of deadline and id.
//!
//! Ending a hold early clears a bit. A spoke on which three of four are cleared is written anew, so memory
//! follows what is pending, whatever has ended.

use alloc::vec::Vec;

use crate::number::{index, number, number32};

/// Nanoseconds of a spoke, as a power of two: 134 ms. Shorter than any timeout, so that what has just been
/// pushed is not yet due.
const SPOKE_BITS: u32 = 27;
const SPOKES: usize = 1024;
/// Spokes as short as this are not written anew: nothing to win.
const SHORT: usize = 64;
const WORD: usize = 64;

/// A hold's deadline and id, in the order in which holds end; the id in halves keeps it at 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    deadline: u64,
    id_high: u64,
    id_low: u64,
}

impl Entry {
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "splits 128 bits in two")]
    fn new(deadline: u64, id: u128) -> Self {
        Self { deadline, id_high: (id >> 64) as u64, id_low: id as u64 }
    }

    fn id(&self) -> u128 {
        u128::from(self.id_high) << 64 | u128::from(self.id_low)
    }
}

#[derive(Clone, Debug, Default)]
struct Spoke {
    entries: Vec<Entry>,
    /// A bit for each entry: whether its hold is pending and its time not come.
    waits: Vec<u64>,
    waiting: usize,
}

/// The deadlines of pending holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Wheel {
    /// None until the first deadline, then all.
    spokes: Vec<Spoke>,
    /// The interval that frame time has reached: entries up to it are in `due`, later ones on spokes.
    reached: u64,
    /// Descending once sorted. May name holds that have ended since.
    due: Vec<Entry>,
    is_unsorted: bool,
}

impl Wheel {
    /// Notes a deadline; gives the place to name when the hold ends.
    #[inline]
    pub(super) fn push(&mut self, deadline: u64, id: u128) -> u32 {
        if deadline == u64::MAX {
            return 0;
        }
        if interval(deadline) <= self.reached {
            self.due.push(Entry::new(deadline, id));
            self.is_unsorted = true;
            return 0;
        }
        if self.spokes.is_empty() {
            self.spokes = alloc::vec![Spoke::default(); SPOKES];
        }
        match self.spokes.get_mut(spoke_of(interval(deadline))) {
            Some(spoke) => spoke.push(Entry::new(deadline, id)),
            None => 0,
        }
    }

    /// Forgets the deadline of a hold that ended. Tells `moved` the new places of others, where it moves some.
    #[inline]
    pub(super) fn end(&mut self, deadline: u64, place: u32, moved: impl FnMut(u128, u32)) {
        if deadline == u64::MAX || interval(deadline) <= self.reached {
            return;
        }
        if let Some(spoke) = self.spokes.get_mut(spoke_of(interval(deadline))) {
            spoke.end(place, moved);
        }
    }

    /// Lets frame time pass: sets aside what may be due now. Time that goes back changes nothing.
    #[inline]
    pub(super) fn advance(&mut self, timestamp: u64, moved: impl FnMut(u128, u32)) {
        let now = interval(timestamp);
        if now > self.reached {
            self.advance_to(now, moved);
        }
    }

    fn advance_to(&mut self, now: u64, mut moved: impl FnMut(u128, u32)) {
        let passed = now.saturating_sub(self.reached).min(number(SPOKES));
        self.reached = now;
        for interval in (now.saturating_sub(passed)..now).map(|before| before.saturating_add(1)) {
            let Some(spoke) = self.spokes.get_mut(spoke_of(interval)) else { return };
            if spoke.waiting > 0 {
                self.is_unsorted = true;
                spoke.set_aside(now, &mut self.due);
            }
            spoke.tidy(&mut moved);
        }
    }

    /// The first deadline that `timestamp` has reached, with its hold's id; it is forgotten by that.
    pub(super) fn next_due(&mut self, timestamp: u64) -> Option<(u64, u128)> {
        if self.is_unsorted {
            self.due.sort_unstable_by(|a, b| b.cmp(a));
            self.is_unsorted = false;
        }
        let next = self.due.pop_if(|next| next.deadline <= timestamp)?;
        if self.due.is_empty() {
            self.due = Vec::new();
        }
        Some((next.deadline, next.id()))
    }

    /// Entries that are kept, of pending holds and of ended ones.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.spokes.iter().map(|spoke| spoke.entries.len()).sum::<usize>().saturating_add(self.due.len())
    }
}

impl Spoke {
    #[inline]
    fn push(&mut self, entry: Entry) -> u32 {
        let at = self.entries.len();
        if at.is_multiple_of(WORD) {
            self.waits.push(0);
        }
        if let Some(word) = self.waits.last_mut() {
            *word |= bit(at);
        }
        self.entries.push(entry);
        self.waiting = self.waiting.saturating_add(1);
        number32(at)
    }

    #[inline]
    fn end(&mut self, place: u32, moved: impl FnMut(u128, u32)) {
        let at = index(place.into());
        if let Some(word) = self.waits.get_mut(at / WORD).filter(|word| **word & bit(at) != 0) {
            *word &= !bit(at);
            self.waiting = self.waiting.saturating_sub(1);
            self.tidy(moved);
        }
    }

    /// Moves what is due by the interval `now` to `due`.
    fn set_aside(&mut self, now: u64, due: &mut Vec<Entry>) {
        for (word, entries) in self.waits.iter_mut().zip(self.entries.chunks(WORD)) {
            for (entry, at) in entries.iter().zip(0..) {
                if *word & bit(at) != 0 && interval(entry.deadline) <= now {
                    *word &= !bit(at);
                    self.waiting = self.waiting.saturating_sub(1);
                    due.push(*entry);
                }
            }
        }
    }

    /// Gives memory back where few entries still wait.
    #[inline]
    fn tidy(&mut self, moved: impl FnMut(u128, u32)) {
        if self.waiting == 0 {
            self.entries.clear();
            self.waits.clear();
            if self.entries.capacity() > SHORT {
                *self = Self::default();
            }
        } else if self.entries.len() > SHORT.saturating_add(self.waiting.saturating_mul(4)) {
            self.write_anew(moved);
        }
    }

    #[cold]
    fn write_anew(&mut self, mut moved: impl FnMut(u128, u32)) {
        let old = core::mem::take(self);
        for (word, entries) in old.waits.iter().zip(old.entries.chunks(WORD)) {
            for (entry, _) in entries.iter().zip(0..).filter(|(_, at)| *word & bit(*at) != 0) {
                moved(entry.id(), self.push(*entry));
            }
        }
    }
}

fn interval(deadline: u64) -> u64 {
    deadline >> SPOKE_BITS
}

fn spoke_of(interval: u64) -> usize {
    index(interval) % SPOKES
}

/// The bit of entry `at` in its word.
fn bit(at: usize) -> u64 {
    1_u64.wrapping_shl(number32(at % WORD))
}
