//! The replay of a replica's own journal when it is opened: what is compared already must come out the same, and what is
//! not is awaited.

use std::collections::VecDeque;

use feiqian_core::block::Sealer;
use feiqian_core::frame::Head;
use feiqian_core::ids::FullIds;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::state::{Fault, State};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::PublicKey;
use zerocopy::IntoBytes as _;

use crate::book::{BookFault, check_block};
use crate::default_check::{self, Sources};
use crate::execution::view_of;
use crate::fraud_trace::JournaledTrace;
use crate::history::JournalHistory;
use crate::history::ids_of;
use crate::journal::{Durable, Frame, JournalReader};
use crate::machine::{MachineFault, take_stored};
use crate::query::QueryFault;
use crate::restart;
use crate::storage::Storage;
use crate::stores::{BlockStore, GroupStore, IdRuns, OutcomeStore, StoreFault};

/// A step of a default whose numbers are not those that its cycle's transfers give, or a trace of reported money that the
/// postings do not give.
#[derive(Clone, Debug)]
pub(super) struct WrongNumbers {
    /// Of the block that it is in.
    pub(super) height: u64,
    pub(super) sequence: u64,
    /// For people.
    pub(super) what: String,
}

impl WrongNumbers {
    /// In the frame that was executed last, which has sealed no block.
    pub(super) fn of(what: String, state: &State, frame: &Frame) -> Option<Self> {
        Some(Self { height: state.registry().open_block(), sequence: frame.header.first_sequence, what })
    }
}

/// The replay at the opening.
pub(super) struct Replay<S: Storage> {
    pub(super) state: State,
    pub(super) sealer: Sealer,
    pub(super) ids: IdRuns<S>,
    pub(super) blocks: BlockStore<S>,
    pub(super) outcomes: OutcomeStore<S>,
    pub(super) groups: GroupStore<S>,
    pub(super) operator: PublicKey,
    pub(super) awaiting: VecDeque<BlockHeader>,
    pub(super) wrong: Option<WrongNumbers>,
    pub(super) sealed_head: Option<Head>,
}

impl<S: Storage> Replay<S> {
    /// A block that is stored must come out the same; one that is not is awaited.
    pub(super) fn execute(
        &mut self,
        (history, reader): (&JournalHistory<S>, &JournalReader<S>),
        frame: &Durable<Frame>,
    ) -> Result<(), MachineFault> {
        let mut rows = Vec::new();
        let before = default_check::before(&self.state, frame.header.kind);
        let trace = JournaledTrace::of(frame, &self.state);
        let applied = self.state.apply(&view_of(frame), history, &mut rows)?;
        store_ids(&mut self.state, &self.ids, applied.full_ids)?;
        let first = frame.header.first_sequence;
        self.outcomes.write_rows(first, rows.as_bytes()).map_err(BookFault::from)?;
        // Those of blocks that are stored have been looked at before these were.
        let before = before.filter(|_| self.state.registry().open_block() > self.blocks.last());
        if let Some(before) = before {
            let sources =
                Sources { reader, stored: Some((&self.blocks, &self.outcomes)), ids: Some(&self.ids) };
            let wrong = match default_check::wrong_step(&before, &self.state, &sources)? {
                None => wrong_trace(trace, &rows, &self.state, (reader, &self.outcomes))?,
                wrong => wrong,
            };
            self.wrong = self.wrong.take().or_else(|| WrongNumbers::of(wrong?, &self.state, frame));
        }
        let header = self.sealer.absorb(&view_of(frame), &rows, applied.delta.as_ref())?;
        self.sealed_head = header.is_some().then(|| frame.header.head(frame.hash));
        let Some(header) = header else { return Ok(()) };
        self.groups.write(&header, self.sealer.groups()).map_err(BookFault::from)?;
        if header.height > self.blocks.last() {
            self.awaiting.push_back(header);
            return Ok(());
        }
        let stored = self.blocks.read(header.height).map_err(BookFault::from)?;
        check_block(&stored, &header, &self.operator)?;
        Ok(())
    }
}

/// What is wrong with the trace that the last frame holds, if it has been accepted. A replica that was begun behind a
/// snapshot and has no rows of what the trace looks at can't tell.
pub(super) fn wrong_trace<S: Storage>(
    trace: Option<JournaledTrace>,
    rows: &[OutcomeRow],
    state: &State,
    stored: (&JournalReader<S>, &OutcomeStore<S>),
) -> Result<Option<String>, MachineFault> {
    let is_accepted = rows.first().is_some_and(|row| row.outcome() == Some(Outcome::Cleared));
    let Some(trace) = trace.filter(|_| is_accepted) else { return Ok(None) };
    match trace.wrong(state, stored) {
        Ok(wrong) => Ok(wrong),
        Err(QueryFault::Store(StoreFault::Absent(_))) => Ok(None),
        Err(QueryFault::Store(fault)) => Err(BookFault::from(fault).into()),
        Err(_) => {
            let sequence = state.next_sequence().saturating_sub(1);
            Err(MachineFault::Frame(Fault::HistoryMissing { sequence }))
        }
    }
}

/// Takes the ids of a frame that a snapshot holds already.
pub(super) fn restore_ids<S: Storage>(
    state: &mut State,
    runs: &IdRuns<S>,
    history: &JournalHistory<S>,
    frame: &Durable<Frame>,
) -> Result<(), MachineFault> {
    ids_of(frame, |id, sequence| state.restore_id((id, sequence), history))?;
    let full = state.take_full_ids(frame.header.last_sequence() + 1);
    store_ids(state, runs, full)
}

pub(super) fn store_ids<S: Storage>(
    state: &mut State,
    runs: &IdRuns<S>,
    full: Option<FullIds>,
) -> Result<(), MachineFault> {
    let Some(full) = full else { return Ok(()) };
    let stored = restart::store(runs, full, &mut state.ids().growth()).map_err(BookFault::from)?;
    take_stored(state, Some(stored));
    Ok(())
}
