//! The numbers of a default held against the journal. The rules check form, sum and order of a recast or a waterfall, for
//! they keep no nets of pairs; whoever has the journal knows who paid whom in the cycle, and so what the numbers must be.
//!
//! Looks only when a step has passed: then it reads the cycle's transfers back, with their outcomes as they are stored, or
//! where those are not, by another replay. Holds one number for each two positions that paid each other. Decides nothing.

use feiqian_core::account::SlotHandle;
use feiqian_core::default::plan::{PairNets, Plan};
use feiqian_core::default::{Booked, Defaults, Step};
use feiqian_core::frame::FrameKind;
use feiqian_core::ids::{IdIndex, SequenceRange};
use feiqian_core::outcome::{Outcome, OutcomeRow, ROW_BYTES};
use feiqian_core::participant::{Cycle, CycleState};
use feiqian_core::registry::Registry;
use feiqian_core::state::{Fault, History, State};
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::header::BlockHeader;
use zerocopy::FromBytes as _;

use crate::execution::view_of_copy;
use crate::history::{JournalHistory, records_of};
use crate::journal::{Frame, JournalReader};
use crate::machine::take_tables_back;
use crate::storage::Storage;
use crate::stores::{BlockStore, IdRuns, OutcomeStore};

/// Where a cycle's transfers are read back from.
pub(crate) struct Sources<'a, S: Storage> {
    pub(crate) reader: &'a JournalReader<S>,
    /// Which blocks begin where, and what became of transfers; none: everything is replayed.
    pub(crate) stored: Option<(&'a BlockStore<S>, &'a OutcomeStore<S>)>,
    /// Stored runs of ids, which spare a replay their memory.
    pub(crate) ids: Option<&'a IdRuns<S>>,
}

/// What there was against defaults before a frame, where the frame may change it.
pub(crate) fn before(state: &State, kind: FrameKind) -> Option<Defaults> {
    (kind == FrameKind::Command).then(|| state.registry().defaults().clone())
}

/// What is wrong with the step of a default that the last frame has taken, if it has taken one.
///
/// # Errors
/// [`Fault::HistoryMissing`] where the journal of its cycle can't be read; faults of its replay.
pub(crate) fn wrong_step<S: Storage>(
    before: &Defaults,
    state: &State,
    sources: &Sources<'_, S>,
) -> Result<Option<String>, Fault> {
    let registry = state.registry();
    let (steps, after) = (before.steps(), registry.defaults());
    let Some(step) = after.steps().get(steps.len()) else { return Ok(None) };
    let Some(cycle) = registry.cycle(step.cycle).filter(|cycle| cycle.state != CycleState::Open) else {
        return Ok(None);
    };
    let stored = sources.stored.and_then(|stored| by_rows(cycle, registry, (sources.reader, stored)));
    let pairs = match stored {
        Some(pairs) => pairs,
        None => by_replay(cycle, state, sources)?,
    };
    let so_far = steps.iter().filter(|step| step.cycle == cycle.number).collect();
    let plan = Plan::new(registry.slots(), so_far, &pairs);
    let is_right = plan.is_right(step, (before, after));
    Ok((!is_right).then(|| tell(step, &plan, (before, registry))))
}

/// In words: the first number that differs.
fn tell(step: &Step, plan: &Plan<'_>, (before, registry): (&Defaults, &Registry)) -> String {
    let name = |participant: u32| {
        let found = registry.participants().get(participant as usize);
        found.map_or_else(|| participant.to_string(), |found| found.bic.to_string())
    };
    let terms = |slot: SlotHandle| registry.slots().get(slot as usize);
    let own = name(step.without);
    let (what, ordered, right): (_, Vec<(SlotHandle, i128)>, _) = match &step.booked {
        Booked::Recast(nets) => {
            let what = format!("the recast of cycle {} without {own}", step.cycle);
            (what, nets.clone(), plan.recast(step.without))
        }
        Booked::Covered { slot, survivors } => {
            let what = format!("the waterfall of {own} in cycle {}", step.cycle);
            let against = terms(*slot).map_or((0, 0), |terms| {
                (before.collateral(step.without, terms.currency), before.fund(terms.currency))
            });
            let wide = |shares: &[(SlotHandle, u64)]| {
                shares.iter().map(|(slot, share)| (*slot, i128::from(*share))).collect()
            };
            let right = plan.waterfall(*slot, against).map(|cover| wide(&cover.survivors));
            (what, wide(survivors), right)
        }
    };
    let Some(right) = right else { return format!("{what} is none that the rules know") };
    let of = |list: &[(SlotHandle, i128)], slot| {
        list.iter().find(|(at, _)| *at == slot).map_or(0, |(_, number)| *number)
    };
    let slots = ordered.iter().chain(&right).map(|(slot, _)| *slot);
    let first = slots.filter(|slot| of(&ordered, *slot) != of(&right, *slot)).min();
    let Some(slot) = first else { return format!("{what} takes another part of collateral and fund") };
    let whose = terms(slot)
        .map_or_else(String::new, |at| format!("{} in {}", name(at.participant), at.currency.code()));
    let (found, wanted) = (of(&ordered, slot), of(&right, slot));
    format!("{what} has {found} minor units for {whose}, where the cycle's transfers give {wanted}")
}

/// The cycle's pairs by the outcomes that are stored. None where anything that it takes is not there.
fn by_rows<S: Storage>(
    cycle: &Cycle,
    registry: &Registry,
    (reader, (blocks, outcomes)): (&JournalReader<S>, (&BlockStore<S>, &OutcomeStore<S>)),
) -> Option<PairNets> {
    let header = |height: u64| BlockHeader::decode(&blocks.read(height).ok()?.header).ok();
    let last = header(cycle.end_block.checked_sub(1)?)?;
    let end = last.first_sequence + last.count;
    let mut pairs = PairNets::default();
    for frame in reader.frames_from(header(cycle.first_block)?.first_sequence) {
        let frame = frame.ok()?;
        let (first, count) = (frame.header.first_sequence, frame.header.count as usize);
        if first >= end {
            break;
        }
        if frame.header.kind == FrameKind::Transfers {
            let stored = outcomes.read(first, count).ok()?;
            let rows = stored.chunks_exact(ROW_BYTES).map(|row| OutcomeRow::read_from_bytes(row).ok());
            let rows: Option<Vec<OutcomeRow>> = rows.collect();
            // A row that was never written says nothing.
            let rows = rows.filter(|rows| rows.iter().all(|row| row.outcome().is_some()))?;
            absorb(&mut pairs, &frame, &rows, (cycle, registry));
        }
    }
    Some(pairs)
}

/// The cycle's pairs by a replay from nothing; `now` is the state that has come of it.
fn by_replay<S: Storage>(cycle: &Cycle, now: &State, sources: &Sources<'_, S>) -> Result<PairNets, Fault> {
    let (reader, registry) = (sources.reader, now.registry());
    let history = Past(match sources.ids {
        Some(ids) => JournalHistory::with_ids(reader.clone(), ids.clone()),
        None => JournalHistory::new(reader.clone()),
    });
    let (mut state, mut pairs) = (State::default(), PairNets::default());
    if let Some(runs) = sources.ids {
        let ids = IdIndex::new(0).with_runs_of(now.ids().run_entries());
        // Nothing makes its filter larger: the runs know what comes later, too.
        state.replace_ids(ids.with_room_for(runs.ids()));
    }
    for frame in reader.frames_from(1) {
        let sequence = state.next_sequence();
        let frame = frame.map_err(|_| Fault::HistoryMissing { sequence })?;
        let height = state.registry().open_block();
        if height >= cycle.end_block {
            break;
        }
        let mut rows = Vec::new();
        state.apply(&view_of_copy(&frame), &history, &mut rows)?;
        take_tables_back(&mut state, sources.ids.map(IdRuns::end));
        if height >= cycle.first_block && frame.header.kind == FrameKind::Transfers {
            absorb(&mut pairs, &frame, &rows, (cycle, registry));
        }
    }
    Ok(pairs)
}

/// The history of a replay over runs that know what comes later, too: it is told no sequence beyond those that it asks for.
struct Past<S: Storage>(JournalHistory<S>);

impl<S: Storage> History for Past<S> {
    fn record(&self, sequence: u64) -> Option<Record> {
        self.0.record(sequence)
    }

    fn stored_ids(&self, hash: u64, range: SequenceRange) -> Option<Vec<u64>> {
        let mut found = self.0.stored_ids(hash, range)?;
        found.retain(|sequence| (range.0..range.1).contains(sequence));
        Some(found)
    }
}

fn absorb(pairs: &mut PairNets, frame: &Frame, rows: &[OutcomeRow], (cycle, registry): (&Cycle, &Registry)) {
    let slot_of = |handle: u64| registry.account(handle).map(|terms| terms.slot);
    for (record, row) in records_of(frame).unwrap_or_default().iter().zip(rows) {
        let is_moved = row.outcome() == Some(Outcome::Cleared) && record.flags.get() & flags::COMMAND == 0;
        let (debtor, creditor) = (slot_of(record.debtor.get()), slot_of(record.creditor.get()));
        let (Some(debtor), Some(creditor), true) = (debtor, creditor, is_moved) else { continue };
        let terms = registry.slots().get(debtor as usize);
        if terms.is_some_and(|terms| registry.is_counted(cycle.number, terms.currency)) {
            pairs.add(debtor, creditor, row.amount.get());
        }
    }
}
