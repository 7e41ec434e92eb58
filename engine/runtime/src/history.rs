//! The journal as the core's memory of earlier entries: asked when an id comes again, and by questions. Of one entry only
//! its part of the frame is read.

use feiqian_core::batch::{BatchEntry, Payload, PayloadLayout, command_bytes, details_in};
use feiqian_core::command::Entry;
use feiqian_core::frame::FrameKind;
use feiqian_core::ids::SequenceRange;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::state::History;
use feiqian_core::transfer::Record;
use feiqian_proof::Hash;
use parking_lot::Mutex;
use zerocopy::FromBytes as _;

use crate::journal::{Frame, JournalReader, PartedFrame, ReadFault};
use crate::storage::Storage;
use crate::stores::IdRuns;

/// Reads entries out of the journal, and asks the stored runs of ids. Keeps the last frame that it has read: a file that is sent again asks for
/// its payments one after the other.
#[derive(Debug)]
pub struct JournalHistory<S: Storage> {
    reader: JournalReader<S>,
    ids: Option<IdRuns<S>>,
    last: Mutex<Option<PartedFrame<S>>>,
}

impl<S: Storage> JournalHistory<S> {
    /// A memory of what a reader reads. Without stored ids: for an execution that keeps all of them in memory.
    #[must_use]
    pub fn new(reader: JournalReader<S>) -> Self {
        Self { reader, ids: None, last: Mutex::new(None) }
    }

    /// A memory of what a reader reads and runs hold.
    #[must_use]
    pub fn with_ids(reader: JournalReader<S>, ids: IdRuns<S>) -> Self {
        Self { reader, ids: Some(ids), last: Mutex::new(None) }
    }
}

/// An entry as journaled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournaledEntry {
    /// As submitted; for a command, what stands for it.
    pub record: Record,
    /// Frame time, nanoseconds since 1970.
    pub timestamp: u64,
    /// Who submitted it; none for a command.
    pub submitter: Option<ParticipantHandle>,
    /// The payment's details, as its adapter wrote them.
    pub details: Option<Vec<u8>>,
    /// The command, if it is one that can be read.
    pub command: Option<Entry>,
    /// Hash of its frame.
    pub frame: Hash,
}

impl<S: Storage> History for JournalHistory<S> {
    fn record(&self, sequence: u64) -> Option<Record> {
        let mut last = self.last.lock();
        let frame = frame_holding(&self.reader, &mut last, sequence).ok()?;
        record_in(frame, sequence).ok()?
    }

    fn stored_ids(&self, hash: u64, range: SequenceRange) -> Option<Vec<u64>> {
        self.ids.as_ref()?.sequences_of(hash, range).ok()
    }

    #[inline]
    fn prefetch(&self, at: *const u8) {
        prefetch(at);
    }
}

/// Hints that the memory at `at` will be used soon; on other processors than x86-64 nothing.
#[inline]
pub fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the core must not, and no safe form of the instruction exists")]
    // SAFETY: a prefetch reads and writes nothing, and never faults, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The frame that holds `sequence`: the one held, or another in its place.
///
/// # Errors
/// As for [`JournalReader::parted_at`].
pub fn frame_holding<'a, S: Storage>(
    reader: &JournalReader<S>,
    held: &'a mut Option<PartedFrame<S>>,
    sequence: u64,
) -> Result<&'a mut PartedFrame<S>, ReadFault> {
    let frame = match held.take().filter(|frame| frame.holds(sequence)) {
        Some(frame) => frame,
        None => reader.parted_at(sequence)?,
    };
    Ok(held.insert(frame))
}

/// The record at `sequence` of a frame that holds it, a command's what stands for it: of transfers only the preamble and
/// the part with the record are read. None where they can't be what the engine writes.
///
/// # Errors
/// Where a part is damaged or can't be read.
pub fn record_in<S: Storage>(frame: &mut PartedFrame<S>, sequence: u64) -> Result<Option<Record>, ReadFault> {
    if frame.header.kind == FrameKind::Command {
        return Ok(command_in(frame, sequence)?.map(|entry| entry.record));
    }
    let Some((layout, at)) = layout_in(frame, sequence)? else { return Ok(None) };
    let unit = frame.unit(layout.record_unit(at))?;
    Ok(unit.and_then(|unit| Record::read_from_bytes(&unit).ok()))
}

/// The entry at `sequence` of a frame that holds it, as [`entry_of`] gives it; only what it needs is read.
///
/// # Errors
/// As for [`record_in`].
pub fn entry_in<S: Storage>(
    frame: &mut PartedFrame<S>,
    sequence: u64,
) -> Result<Option<JournaledEntry>, ReadFault> {
    if frame.header.kind == FrameKind::Command {
        return command_in(frame, sequence);
    }
    let Some((layout, at)) = layout_in(frame, sequence)? else { return Ok(None) };
    let Some(record) = record_in(frame, sequence)? else { return Ok(None) };
    let (from, to) = layout.batch_units();
    let batches = frame.units_between(from, to)?;
    let Ok(batches) = <[BatchEntry]>::ref_from_bytes(&batches) else { return Ok(None) };
    let mut end = 0_u64;
    let batch = batches.iter().find(|batch| {
        end += u64::from(batch.count.get());
        (at as u64) < end
    });
    let Some(batch) = batch else { return Ok(None) };
    let details = match layout.details_bytes() {
        0 => None,
        bytes => {
            let first = layout.record_unit(frame.header.count as usize);
            let all = frame.units_between(first, usize::MAX)?;
            details_in(all.get(..bytes).unwrap_or_default())
                .find(|(of, _)| *of == at)
                .map(|(_, bytes)| bytes.to_vec())
        }
    };
    Ok(Some(JournaledEntry {
        record,
        timestamp: frame.header.timestamp,
        submitter: Some(batch.participant.get()),
        details,
        command: None,
        frame: frame.hash,
    }))
}

/// Where things stand in a frame of transfers, and the index of a record in it.
fn layout_in<S: Storage>(
    frame: &mut PartedFrame<S>,
    sequence: u64,
) -> Result<Option<(PayloadLayout, usize)>, ReadFault> {
    let at = sequence.checked_sub(frame.header.first_sequence).filter(|_| frame.holds(sequence));
    let Some(at) = at.and_then(|at| usize::try_from(at).ok()) else { return Ok(None) };
    let layout = frame.unit(0)?.and_then(|preamble| PayloadLayout::of(&preamble).ok());
    Ok(layout.map(|layout| (layout, at)))
}

/// The entry of a command frame.
fn command_in<S: Storage>(
    frame: &mut PartedFrame<S>,
    sequence: u64,
) -> Result<Option<JournaledEntry>, ReadFault> {
    if !frame.holds(sequence) {
        return Ok(None);
    }
    let payload = frame.units_between(0, usize::MAX)?;
    Ok(command_bytes(&payload).ok().map(|bytes| command_entry(bytes, frame.header.timestamp, frame.hash)))
}

fn command_entry(bytes: &[u8], timestamp: u64, frame: Hash) -> JournaledEntry {
    let command = Entry::decode(bytes).ok();
    JournaledEntry {
        record: Entry::record(command.as_ref().map_or(0, |entry| entry.id), bytes),
        timestamp,
        submitter: None,
        details: None,
        command,
        frame,
    }
}

/// The entry at `sequence` of a frame that holds it.
#[must_use]
pub fn entry_of(frame: &Frame, sequence: u64) -> Option<JournaledEntry> {
    let header = &frame.header;
    let at = usize::try_from(sequence.checked_sub(header.first_sequence)?).ok()?;
    match header.kind {
        FrameKind::Transfers => {
            let payload = Payload::parse(&frame.payload, header.count).ok()?;
            let batch = payload.by_batch().filter(|(first, ..)| *first <= at).last()?;
            Some(JournaledEntry {
                record: *payload.records.get(at)?,
                timestamp: header.timestamp,
                submitter: Some(batch.1.participant.get()),
                details: payload.details_of(at).map(<[u8]>::to_vec),
                command: None,
                frame: frame.hash,
            })
        }
        FrameKind::Command => {
            let bytes = command_bytes(&frame.payload).ok()?;
            Some(command_entry(bytes, header.timestamp, frame.hash))
        }
    }
}

/// The ids of a frame's entries with their sequences: what the id index is made from at start.
///
/// # Errors
/// The first that `take` gives.
pub fn ids_of<E>(frame: &Frame, mut take: impl FnMut(u128, u64) -> Result<(), E>) -> Result<(), E> {
    let header = &frame.header;
    match header.kind {
        FrameKind::Transfers => {
            let Ok(payload) = Payload::parse(&frame.payload, header.count) else { return Ok(()) };
            let mut ids = payload.records.iter().map(|record| record.uetr.get()).zip(header.first_sequence..);
            ids.try_for_each(|(id, sequence)| take(id, sequence))
        }
        FrameKind::Command => match command_bytes(&frame.payload).and_then(Entry::decode) {
            Ok(entry) => take(entry.id, header.first_sequence),
            Err(_) => Ok(()),
        },
    }
}

/// The records of a frame; a command's as what stands for it. None if the frame can't be read.
#[must_use]
pub fn records_of(frame: &Frame) -> Option<Vec<Record>> {
    match frame.header.kind {
        FrameKind::Transfers => {
            Payload::parse(&frame.payload, frame.header.count).ok().map(|payload| payload.records.to_vec())
        }
        FrameKind::Command => entry_of(frame, frame.header.first_sequence).map(|entry| vec![entry.record]),
    }
}
