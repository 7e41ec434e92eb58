//! The payload of a transfers frame: whose batches it holds, their records, and the payments' details.
//!
//! ```text
//! preamble 128 │ batch entry 128 × batches │ record 128 × count │ details, zero-padded to 128
//! preamble: batches u32 │ details bytes u32 │ zero 120
//! entry:    participant u32 │ count u32 │ batch id 16 │ is signed u32 │ zero 4 │ signature 64 │ zero 32
//! details:  (record's index in the frame u32 │ length u32 │ bytes) …, ascending by index
//! ```
//! Read in place. The core reads entries and records and never looks into details.

use alloc::vec::Vec;

use zerocopy::little_endian::{U32, U128};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::codec::{Decoder, Malformed};
use crate::limits::{
    BATCH_ENTRY_BYTES, BATCH_TRANSFERS_MAX, DETAILS_BYTES_MAX, FRAME_BATCHES_MAX, FRAME_DETAILS_BYTES_MAX,
    FRAME_TRANSFERS_MAX, RECORD_BYTES,
};
use crate::number::{index, number32};
use crate::participant::ParticipantHandle;
use crate::transfer::{Record, flags};

const PREAMBLE_BYTES: usize = 128;

/// One participant's submission within a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BatchEntry {
    /// Who submitted it, as admission authenticated.
    pub participant: U32,
    /// Its records.
    pub count: U32,
    /// The submitter's own number of it.
    pub batch_id: U128,
    /// 1 if `signature` is set.
    pub is_signed: U32,
    /// Zero.
    pub zero: U32,
    /// Ed25519, by the participant; see [`crate::batch_signature`].
    pub signature: [u8; 64],
    /// Zero.
    pub zeros: [u8; 32],
}

const _: () = assert!(size_of::<BatchEntry>() == BATCH_ENTRY_BYTES);

/// Where things stand in the payload of a transfers frame, in units of 128 bytes: for whoever reads some of it alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadLayout {
    batches: usize,
    details_bytes: usize,
}

impl PayloadLayout {
    /// From the payload's first unit.
    ///
    /// # Errors
    /// [`Malformed`] where it says more than a frame can hold.
    pub fn of(preamble: &[u8]) -> Result<Self, Malformed> {
        let mut preamble = Decoder::new(preamble);
        let batches = preamble.count(FRAME_BATCHES_MAX)?;
        Ok(Self { batches, details_bytes: preamble.count(FRAME_DETAILS_BYTES_MAX)? })
    }

    /// The units of the batch entries: from the first to before the other.
    #[must_use]
    pub const fn batch_units(self) -> (usize, usize) {
        (1, self.batches.saturating_add(1))
    }

    /// The unit of the record at an index.
    #[must_use]
    pub const fn record_unit(self, at: usize) -> usize {
        self.batches.saturating_add(1).saturating_add(at)
    }

    /// Bytes of all details, which stand behind the last record.
    #[must_use]
    pub const fn details_bytes(self) -> usize {
        self.details_bytes
    }
}

/// The payload of a transfers frame, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The batches, in order.
    pub batches: &'a [BatchEntry],
    /// All their records, in order.
    pub records: &'a [Record],
    details: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Reads a payload that must hold exactly `count` records.
    ///
    /// # Errors
    /// [`Malformed`] where lengths or counts do not add up; the engine never writes such a frame.
    pub fn parse(bytes: &'a [u8], count: u32) -> Result<Self, Malformed> {
        let (preamble, rest) = bytes.split_at_checked(PREAMBLE_BYTES).ok_or(Malformed)?;
        let PayloadLayout { batches, details_bytes } = PayloadLayout::of(preamble)?;
        let (batches, rest) =
            <[BatchEntry]>::ref_from_prefix_with_elems(rest, batches).map_err(|_| Malformed)?;
        let (records, rest) =
            <[Record]>::ref_from_prefix_with_elems(rest, index(count.into())).map_err(|_| Malformed)?;
        let (details, padding) = rest.split_at_checked(details_bytes).ok_or(Malformed)?;
        let sum: u64 = batches.iter().map(|batch| u64::from(batch.count.get())).sum();
        if sum != u64::from(count) || padding.len() >= RECORD_BYTES {
            return Err(Malformed);
        }
        Ok(Self { batches, records, details })
    }

    /// The batches with their records, in order; the index is that of a batch's first record.
    pub fn by_batch(&self) -> impl Iterator<Item = (usize, &'a BatchEntry, &'a [Record])> {
        let mut rest = self.records;
        let mut first: usize = 0;
        self.batches.iter().map(move |batch| {
            let (records, behind) = rest.split_at(index(batch.count.get().into()).min(rest.len()));
            let at = first;
            first = first.saturating_add(records.len());
            rest = behind;
            (at, batch, records)
        })
    }

    /// The details that came with records: the record's index in the frame, and its adapter's bytes.
    pub fn details(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        details_in(self.details)
    }

    /// The details that came with the record at `wanted`.
    #[must_use]
    pub fn details_of(&self, wanted: usize) -> Option<&'a [u8]> {
        self.details().find(|(at, _)| *at == wanted).map(|(_, bytes)| bytes)
    }
}

/// The details in the bytes of all of a payload's: each its record's index in the frame, and what its adapter wrote.
pub fn details_in(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut from = Decoder::new(bytes);
    core::iter::from_fn(move || {
        if from.rest().is_empty() {
            return None;
        }
        let at = from.u32().ok()?;
        Some((index(at.into()), from.bytes(DETAILS_BYTES_MAX).ok()?))
    })
}

/// Gathers the batches of a frame, says when it is full, and writes the payload: each record is copied once.
#[derive(Debug, Default)]
pub struct PayloadBuilder {
    batches: Vec<BatchEntry>,
    records: Vec<Vec<Record>>,
    count: usize,
    details: Vec<u8>,
}

/// A batch as a participant submits it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Who submits it.
    pub participant: ParticipantHandle,
    /// The submitter's own number of it.
    pub batch_id: u128,
    /// Ed25519, if the participant signs; see [`crate::batch_signature`].
    pub signature: Option<[u8; 64]>,
    /// 1 to [`BATCH_TRANSFERS_MAX`] records.
    pub records: Vec<Record>,
    /// Details of some of the records: index in the batch, ascending, and bytes.
    pub details: Vec<(u32, Vec<u8>)>,
}

impl Batch {
    /// A batch of plain records.
    #[must_use]
    pub fn new(participant: ParticipantHandle, records: Vec<Record>) -> Self {
        Self { participant, batch_id: 0, signature: None, records, details: Vec::new() }
    }

    /// Whether the batch is within the bounds that a frame can hold, and none of its records poses as a
    /// command's.
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        let count = self.records.len();
        let is_ascending = self.details.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
        let all_fit = self
            .details
            .iter()
            .all(|(at, bytes)| index((*at).into()) < count && bytes.len() <= DETAILS_BYTES_MAX);
        (1..=BATCH_TRANSFERS_MAX).contains(&count)
            && !self.records.iter().any(|record| record.flags.get() & flags::COMMAND != 0)
            && is_ascending
            && all_fit
            && self.details_bytes() <= FRAME_DETAILS_BYTES_MAX
    }

    fn details_bytes(&self) -> usize {
        self.details.iter().map(|(_, bytes)| bytes.len().saturating_add(8)).sum()
    }
}

impl PayloadBuilder {
    /// Records so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether one more batch of these bounds fits this frame.
    #[must_use]
    pub fn has_room_for(&self, batch: &Batch) -> bool {
        self.count().saturating_add(batch.records.len()) <= FRAME_TRANSFERS_MAX
            && self.batches.len() < FRAME_BATCHES_MAX
            && self.details.len().saturating_add(batch.details_bytes()) <= FRAME_DETAILS_BYTES_MAX
    }

    /// Appends a batch; the caller has asked [`PayloadBuilder::has_room_for`].
    pub fn push(&mut self, batch: Batch) {
        let first = number32(self.count);
        self.batches.push(BatchEntry {
            participant: batch.participant.into(),
            count: number32(batch.records.len()).into(),
            batch_id: batch.batch_id.into(),
            is_signed: u32::from(batch.signature.is_some()).into(),
            signature: batch.signature.unwrap_or([0; 64]),
            ..BatchEntry::new_zeroed()
        });
        for (at, bytes) in &batch.details {
            self.details.extend_from_slice(&first.saturating_add(*at).to_le_bytes());
            self.details.extend_from_slice(&number32(bytes.len()).to_le_bytes());
            self.details.extend_from_slice(bytes);
        }
        self.count = self.count.saturating_add(batch.records.len());
        self.records.push(batch.records);
    }

    /// The payload's bytes and its number of records.
    #[must_use]
    pub fn finish(self) -> (Vec<u8>, u32) {
        let count = number32(self.count);
        let units = self.batches.len().saturating_add(self.count).saturating_add(2);
        let mut bytes =
            Vec::with_capacity(units.saturating_mul(RECORD_BYTES).saturating_add(self.details.len()));
        bytes.resize(PREAMBLE_BYTES, 0);
        if let Some(to) = bytes.first_chunk_mut::<4>() {
            *to = number32(self.batches.len()).to_le_bytes();
        }
        if let Some(to) = bytes.get_mut(4..8) {
            to.copy_from_slice(&number32(self.details.len()).to_le_bytes());
        }
        bytes.extend_from_slice(self.batches.as_bytes());
        self.records.iter().for_each(|records| bytes.extend_from_slice(records.as_bytes()));
        bytes.extend_from_slice(&self.details);
        bytes.resize(bytes.len().next_multiple_of(RECORD_BYTES), 0);
        (bytes, count)
    }
}

/// The payload of a command frame: the entry's length and bytes, zero-padded to 128.
#[must_use]
pub fn command_payload(entry: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from(number32(entry.len()).to_le_bytes());
    bytes.extend_from_slice(entry);
    bytes.resize(bytes.len().next_multiple_of(RECORD_BYTES), 0);
    bytes
}

/// The entry's bytes in the payload of a command frame.
///
/// # Errors
/// [`Malformed`] if the length is out of bounds.
pub fn command_bytes(payload: &[u8]) -> Result<&[u8], Malformed> {
    Decoder::new(payload).bytes(crate::limits::COMMAND_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn batches_records_and_details_come_back_in_order() {
        let mut builder = PayloadBuilder::default();
        let record = |id| Record::new(id, 1, 2, 3, 978);
        let mut first = Batch::new(7, vec![record(1), record(2)]);
        first.details = vec![(1, vec![9; 300])];
        let mut second = Batch::new(8, vec![record(3)]);
        second.details = vec![(0, vec![1, 2])];
        builder.push(first);
        builder.push(second);
        let (bytes, count) = builder.finish();
        assert_eq!((count, bytes.len() % RECORD_BYTES), (3, 0));
        let payload = Payload::parse(&bytes, count).expect("well formed");
        let heads: Vec<_> = payload.by_batch().map(|(at, b, r)| (at, b.participant.get(), r.len())).collect();
        assert_eq!(heads, [(0, 7, 2), (2, 8, 1)]);
        assert_eq!(payload.details_of(1), Some(&[9; 300][..]));
        assert_eq!(payload.details_of(2), Some(&[1, 2][..]));
        assert_eq!(payload.details_of(0), None);
        assert!(Payload::parse(&bytes, 2).is_err());
        assert!(Payload::parse(&bytes[..bytes.len() - RECORD_BYTES], count).is_err());
    }
}
