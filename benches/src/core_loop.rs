//! The plain core loop alone: frames made in turn, as they would come from the network, and only their application
//! measured. Memory that ids need is touched before.

use std::time::{Duration, Instant};

use feiqian_core::ids::IdIndex;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::state::State;

use crate::chain::{ChainMaker, Made, NoRepetition};

/// Transfers in one frame.
pub const FRAME: usize = 8_190;
/// Room for ids, touched before the measurement: those of a run and of a million accounts' funding.
const IDS: usize = 3_100_000;

/// A state with its accounts, and the maker of the load for it.
#[must_use]
pub fn ready(accounts: u32) -> (State, ChainMaker) {
    let (maker, set_up) = ChainMaker::set_up(7, accounts);
    let mut state = State::default();
    let (genesis, rest) = set_up.split_first().expect("a chain begins");
    apply(&mut state, genesis);
    // Genesis keys the index: room is made behind it.
    state.replace_ids(IdIndex::with_capacity(0x5EED, IDS));
    rest.iter().for_each(|frame| drop(apply(&mut state, frame)));
    (state, maker)
}

/// Applies a frame of which all must clear.
///
/// # Panics
/// If one does not.
pub fn apply(state: &mut State, frame: &Made) -> Vec<OutcomeRow> {
    let mut rows = Vec::new();
    state.apply(&frame.view(), &NoRepetition, &mut rows).expect("the frame is the next");
    assert!(rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)), "all of the load clears");
    rows
}

/// The time that a fresh state takes for so many frames.
///
/// # Panics
/// If not all transfers clear.
#[must_use]
pub fn run(accounts: u32, frames: usize) -> Duration {
    let (mut state, mut maker) = ready(accounts);
    let mut rows = Vec::new();
    let mut elapsed = Duration::ZERO;
    for _ in 0..frames {
        let frame = maker.transfers(FRAME);
        rows.clear();
        let begun = Instant::now();
        state.apply(&frame.view(), &NoRepetition, &mut rows).expect("the frame is the next");
        elapsed += begun.elapsed();
        assert!(rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)), "all of the load clears");
    }
    elapsed
}
