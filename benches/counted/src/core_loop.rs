//! The plain core loop alone: frames made in turn, as they would come from the network, and only their application
//! measured. Ids beyond a run's length leave its memory, as in an engine, whose id thread is not measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feiqian_core::ids::{FullIds, IdIndex, RUN_ENTRIES};
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::state::{History, State};

use crate::chain::{ChainMaker, Made};

/// Transfers in one frame.
pub const FRAME: usize = 8_190;

/// Ids that come without the filter's growing.
const ROOM: usize = 4_000_000;

/// A state, and where it looks for what it does not hold itself.
#[derive(Debug)]
pub struct CoreLoop<H> {
    state: State,
    history: H,
    rows: Vec<OutcomeRow>,
}

impl<H: History> CoreLoop<H> {
    /// A state with so many funded accounts, and the maker of the load for it.
    #[must_use]
    pub fn ready(accounts: u32, history: H) -> (Self, ChainMaker) {
        let (maker, set_up) = ChainMaker::set_up(7, accounts);
        let mut state = State::default();
        // Of an engine's id thread nothing is measured: the filter need not grow.
        state.replace_ids(IdIndex::new(0).with_runs_of(RUN_ENTRIES).with_room_for(ROOM));
        let mut ready = Self { state, history, rows: Vec::new() };
        for frame in &set_up {
            ready.apply(frame);
        }
        (ready, maker)
    }

    /// Applies the next frame, of which all must clear; gives the time that it took.
    ///
    /// # Panics
    /// If one does not clear.
    pub fn apply(&mut self, frame: &Made) -> Duration {
        self.rows.clear();
        let begun = Instant::now();
        let applied = self.state.apply(&frame.view(), &self.history, &mut self.rows);
        let elapsed = begun.elapsed();
        let applied = applied.expect("the frame is the next");
        let all_clear = self.rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared));
        assert!(all_clear, "all of the load clears");
        if let Some(full) = applied.full_ids {
            self.store(full);
        }
        elapsed
    }

    /// What an engine's id thread does, but for the file.
    fn store(&mut self, full: FullIds) {
        let end = full.range.1;
        drop(full);
        let tables = self.state.ids_stored(end);
        for table in tables.into_iter().filter_map(Arc::into_inner) {
            self.state.offer_spare_ids(table.emptied());
        }
    }
}

/// The time that a fresh state takes for so many frames.
#[must_use]
pub fn run(accounts: u32, frames: usize, history: impl History) -> Duration {
    let (mut state, mut maker) = CoreLoop::ready(accounts, history);
    (0..frames).map(|_| state.apply(&maker.transfers(FRAME))).sum()
}
