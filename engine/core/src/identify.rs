//! How an entry takes its id, or is known by it (I3): the index proposes earlier entries of equal hash, and the frame at
//! hand or the journal behind it confirms. The same for the plain loop, for every shard and for recovery.

use alloc::vec::Vec;

use crate::command::{Command, Entry};
use crate::fraud::FraudCommand;
use crate::ids::{Earlier, IdIndex, SequenceRange};
use crate::number::index;
use crate::outcome::{OutcomeRow, RejectReason};
use crate::returns::Original;
use crate::state::{Fault, FrameView, History};
use crate::transfer::Record;

/// Where an entry stands: its frame, the records before it in the frame, and the journal behind.
pub(crate) struct Context<'a, H> {
    pub(crate) frame: &'a FrameView<'a>,
    pub(crate) earlier: &'a [Record],
    pub(crate) history: &'a H,
}

/// Takes the record's id (its hash under the index's key, its sequence), or answers what stands for it already (I3).
#[cold]
pub(crate) fn take_id(
    ids: &mut IdIndex,
    record: &Record,
    (hash, sequence): (u64, u64),
    context: &Context<'_, impl History>,
) -> Result<Option<OutcomeRow>, Fault> {
    let id = record.uetr.get();
    if id == 0 {
        return Ok(Some(OutcomeRow::rejected(RejectReason::MissingId)));
    }
    let mut journaled = Journaled {
        id,
        first_in_frame: context.frame.first_sequence,
        frame: context.earlier,
        history: context.history,
        found: None,
    };
    let original = ids.take(hash, sequence, &mut journaled)?;
    Ok(original.map(|original| match journaled.found {
        Some(first) if first == *record => OutcomeRow::duplicate(original),
        _ => OutcomeRow::rejected(RejectReason::IdReused),
    }))
}

/// Gives the index an id that an entry has taken, unless an earlier one has: how recovery fills it. The id zero is
/// never taken.
///
/// # Errors
/// [`Fault`] where the journal or a stored run can't be read.
pub fn restore_id(
    ids: &mut IdIndex,
    (id, sequence): (u128, u64),
    history: &impl History,
) -> Result<(), Fault> {
    let mut earlier = Journaled { id, first_in_frame: u64::MAX, frame: &[], history, found: None };
    if id != 0 {
        ids.take(ids.hash(id), sequence, &mut earlier)?;
    }
    Ok(())
}

/// The sequence that has taken an id.
pub(crate) fn find_id(ids: &IdIndex, id: u128, history: &impl History) -> Result<Option<u64>, Fault> {
    ids.find(id, &mut Journaled { id, first_in_frame: u64::MAX, frame: &[], history, found: None })
}

/// The earlier entry that a record names, if there is one: in its frame or in the journal.
#[cold]
pub(crate) fn original_of(
    ids: &IdIndex,
    record: &Record,
    context: &Context<'_, impl History>,
) -> Result<Option<Original>, Fault> {
    let mut journaled = Journaled {
        id: record.related.get(),
        first_in_frame: context.frame.first_sequence,
        frame: context.earlier,
        history: context.history,
        found: None,
    };
    let sequence = ids.find(record.related.get(), &mut journaled)?;
    Ok(sequence.zip(journaled.found).map(|(sequence, record)| Original::of(&record, sequence)))
}

/// The entry that a fraud report names, if it is the one of that id.
pub(crate) fn reported_by(
    entry: &Entry,
    context: &Context<'_, impl History>,
) -> Result<Option<Original>, Fault> {
    let Command::Fraud(FraudCommand::Report { transfer, sequence, .. }) = &entry.command else {
        return Ok(None);
    };
    if !(1..context.frame.first_sequence).contains(sequence) {
        return Ok(None);
    }
    let record = context.history.record(*sequence);
    let record = record.ok_or(Fault::HistoryMissing { sequence: *sequence })?;
    Ok((record.uetr.get() == *transfer).then(|| Original::of(&record, *sequence)))
}

/// An id as the journal can confirm it, the frame at hand included.
struct Journaled<'a, H> {
    id: u128,
    first_in_frame: u64,
    frame: &'a [Record],
    history: &'a H,
    /// The record that has the id.
    found: Option<Record>,
}

impl<H: History> Earlier for Journaled<'_, H> {
    type Fault = Fault;

    #[cold]
    fn is_same(&mut self, sequence: u64) -> Result<bool, Fault> {
        let record = match sequence.checked_sub(self.first_in_frame) {
            Some(at) => self.frame.get(index(at)).copied(),
            None => self.history.record(sequence),
        };
        let record = record.ok_or(Fault::HistoryMissing { sequence })?;
        let is_same = record.uetr.get() == self.id;
        if is_same {
            self.found = Some(record);
        }
        Ok(is_same)
    }

    fn stored(&mut self, hash: u64, range: SequenceRange) -> Result<Vec<u64>, Fault> {
        self.history.stored_ids(hash, range).ok_or(Fault::IdsUnreadable)
    }
}
