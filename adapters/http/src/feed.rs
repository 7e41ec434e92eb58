//! What happened to the transfers that somebody sees, in journal order, once their block is sealed: read from the journal
//! and its outcomes, as far as a bound, each time anew. Streams of events and webhooks send what it gives; it sends nothing,
//! remembers nothing, and waits for nobody.

use std::ops::{ControlFlow, RangeInclusive};

use feiqian_core::batch::Payload;
use feiqian_core::currency::Currency;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::transfer::Record;
use feiqian_runtime::journal::Frame;
use feiqian_runtime::pipeline::Engine;
use zerocopy::FromBytes as _;

use crate::caller::Asker;
use crate::handlers::shown::{fault, has_come, sees_transfer};
use crate::limits::EVENTS_SCANNED;
use crate::model::{EventView, State};
use crate::outcome::{Decided, view};
use crate::problem::{Outcome, Problem};

/// Takes an event with its sequence; breaks behind the last that it has room for.
pub(crate) type Take<'a> = dyn FnMut(u64, &EventView) -> Outcome<ControlFlow<()>> + 'a;

/// The sequence of the last sealed entry.
pub(crate) fn sealed(engine: &Engine) -> Outcome<u64> {
    let last = engine.archive().block(engine.archive().blocks.last()).map_err(fault)?;
    Ok(last.map_or(0, |block| block.header.first_sequence + block.header.count.saturating_sub(1)))
}

/// How far a reading came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Read {
    /// All events up to this sequence were given.
    pub(crate) reached: u64,
    /// The last sealed sequence.
    pub(crate) sealed: u64,
}

/// Gives the sealed events behind a sequence, of [`EVENTS_SCANNED`] entries at the most.
pub(crate) fn read(engine: &Engine, asker: Asker, after: u64, take: &mut Take<'_>) -> Outcome<Read> {
    let sealed = sealed(engine)?;
    let mut reached = after;
    if sealed <= after {
        return Ok(Read { reached, sealed });
    }
    let end = sealed.min(after.saturating_add(EVENTS_SCANNED));
    for frame in engine.archive().journal.frames_from(after + 1) {
        let frame = frame.map_err(|_| Problem::fault())?;
        let upto = frame.header.last_sequence().min(end);
        if frame.header.kind == FrameKind::Transfers {
            let range = (after + 1)..=upto;
            if let ControlFlow::Break(sequence) = events_of((engine, asker), &frame, &range, take)? {
                return Ok(Read { reached: sequence, sealed });
            }
        }
        reached = upto;
        if reached >= end {
            break;
        }
    }
    Ok(Read { reached, sealed })
}

/// The events of one frame within a range; breaks with the last that was taken.
fn events_of(
    (engine, asker): (&Engine, Asker),
    frame: &Frame,
    range: &RangeInclusive<u64>,
    take: &mut Take<'_>,
) -> Outcome<ControlFlow<u64>> {
    let (first, count) = (frame.header.first_sequence, frame.header.count);
    let payload = Payload::parse(&frame.payload, count).map_err(|_| Problem::fault())?;
    let rows = engine.archive().outcomes.read(first, payload.records.len()).map_err(|_| Problem::fault())?;
    let rows = <[OutcomeRow]>::ref_from_bytes(&rows).map_err(|_| Problem::fault())?;
    let directory = engine.directory();
    for (at, batch, records) in payload.by_batch() {
        let submitter = batch.participant.get();
        for ((record, row), sequence) in records.iter().zip(&rows[at..]).zip(first + at as u64..) {
            let is_own = sees_transfer((asker, directory), submitter, (record, has_come(row)));
            // Of a repetition there is none: nothing has happened.
            if !range.contains(&sequence) || !is_own || row.original().is_some() {
                continue;
            }
            let event = event(engine, (sequence, frame.header.timestamp), (record, row))?;
            if take(sequence, &event)?.is_break() {
                return Ok(ControlFlow::Break(sequence));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn event(
    engine: &Engine,
    (sequence, timestamp): (u64, u64),
    (record, row): (&Record, &OutcomeRow),
) -> Outcome<EventView> {
    let block = engine.archive().block_of(sequence).map_err(fault)?.map_or(0, |block| block.header.height);
    let decided = Decided { sequence, timestamp, row: *row, is_repeated: false };
    let currency = Currency::from_numeric(record.currency.get());
    let mut transfer = view(record.uetr.get(), &decided, currency);
    transfer.state = State::Sealed;
    Ok(EventView { transfer, debtor: record.debtor.get(), creditor: record.creditor.get(), block })
}
