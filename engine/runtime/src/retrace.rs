//! The way back to a sealed block: its state and its transfers again, from the nearest snapshot before it or from the
//! journal's beginning, frame by frame. The block must come out as it is stored. Reads only, beside a running engine too.

use feiqian_core::account::SlotHandle;
use feiqian_core::batch::Payload;
use feiqian_core::block::{Sealer, decided_record};
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::registry::Registry;
use feiqian_core::state::{Fault, FrameView};
use feiqian_core::transfer::Record;
use feiqian_proof::header::BlockHeader;

use crate::execution::view_of;
use crate::history::{JournalHistory, ids_of};
use crate::machine::{Beginning, restore};
use crate::prover::ProverFault;
use crate::query::{Archive, QueryFault};
use crate::storage::Storage;
use crate::stores::{IdRuns, SnapshotStore};

/// A transfer as its leaf has it, and whose lists it is in.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) record: Record,
    /// The positions of debtor and creditor as of its frame, as the sealer saw them: none for an account that was opened
    /// later, even in the same block.
    pub(crate) slots: [Option<SlotHandle>; 2],
}

/// A block, made again.
#[derive(Debug)]
pub(crate) struct Retraced {
    /// At its end.
    pub(crate) sealer: Sealer,
    /// Commands left out.
    pub(crate) transfers: Vec<Decided>,
    /// The block of the snapshot that it was made from.
    pub(crate) snapshot: Option<u64>,
}

/// Makes the block of a stored header again.
///
/// # Errors
/// [`ProverFault`], among them that another block comes out.
pub(crate) fn retrace<S: Storage>(
    archive: &Archive<S>,
    stored: &BlockHeader,
) -> Result<Retraced, ProverFault> {
    let snapshots = SnapshotStore::reading(archive.journal.storage().clone());
    let heights = snapshots.heights().map_err(QueryFault::from)?;
    // Newest first: the nearest, which may be gone by the time that it is read.
    for height in heights.into_iter().filter(|height| *height < stored.height) {
        let Ok(snapshot) = snapshots.read(height) else { continue };
        let Ok(beginning) = restore(&snapshot, &archive.blocks) else { continue };
        match replay(archive, beginning, stored) {
            // Roots do not vouch for all of a snapshot, but the blocks behind it show what was falsified.
            Err(ProverFault::Differs(_) | ProverFault::Frame(_)) => {}
            Ok(retraced) => return Ok(Retraced { snapshot: Some(height), ..retraced }),
            Err(fault) => return Err(fault),
        }
    }
    replay(archive, Beginning::default(), stored)
}

fn replay<S: Storage>(
    archive: &Archive<S>,
    Beginning { mut state, mut sealer, ids, until }: Beginning,
    stored: &BlockHeader,
) -> Result<Retraced, ProverFault> {
    let storage = archive.journal.storage().clone();
    let runs = IdRuns::reading(storage, stored.chain_id, until).map_err(QueryFault::from)?;
    if runs.end() > 1 {
        // Those up to the block are taken, too, and nothing makes the filter larger meanwhile.
        let room = usize::try_from(stored.first_sequence + stored.count).unwrap_or(usize::MAX);
        let (end, filter) = runs.filter(room).map_err(QueryFault::from)?;
        state.replace_ids(ids.behind(end, filter));
    } else {
        state.replace_ids(ids);
    }
    let end = runs.end();
    let history = JournalHistory::with_ids(archive.journal.clone(), runs);
    let (mut transfers, mut rows) = (Vec::new(), Vec::new());
    for frame in archive.journal.frames_from(end) {
        let frame = frame?;
        if frame.header.last_sequence() <= until {
            // The snapshot holds what it did, but no ids.
            ids_of(&frame, |id, sequence| state.restore_id((id, sequence), &history))?;
            continue;
        }
        let view = view_of(&frame);
        rows.clear();
        let applied = state.apply(&view, &history, &mut rows)?;
        let header = sealer.absorb(&view, &rows, applied.delta.as_ref())?;
        if view.kind == FrameKind::Transfers {
            transfers.extend(decided(&view, &rows, &sealer.mirror().registry)?);
        }
        match header {
            Some(header) if header.height == stored.height => {
                return match header == *stored {
                    true => Ok(Retraced { sealer, transfers, snapshot: None }),
                    false => Err(ProverFault::Differs(header.height)),
                };
            }
            Some(_) => transfers.clear(),
            None => {}
        }
    }
    Err(ProverFault::NoBlock(stored.height))
}

/// The transfers of an executed frame, under the terms in force at it.
fn decided(view: &FrameView<'_>, rows: &[OutcomeRow], registry: &Registry) -> Result<Vec<Decided>, Fault> {
    let malformed = Fault::Malformed { sequence: view.first_sequence };
    let payload = Payload::parse(view.payload, view.count).map_err(|_| malformed)?;
    let slot_of = |handle| registry.account(handle).map(|terms| terms.slot);
    let entries = payload.records.iter().zip(rows).zip(view.first_sequence..);
    let decided = entries.map(|((record, row), sequence)| Decided {
        record: decided_record(record, row, sequence, view.timestamp),
        slots: [slot_of(record.debtor.get()), slot_of(record.creditor.get())],
    });
    Ok(decided.collect())
}
