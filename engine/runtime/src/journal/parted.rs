//! A durable frame of which only what is asked for is read: its header, and the parts that hold the units wanted.
//!
//! Each part is checked alone, by what the header says of it; a frame from before there were parts is read and checked as
//! a whole. It is for questions about single entries: whoever executes, copies or audits reads whole frames.
//!
//! Reads go through the page cache, where one record after the other is asked for. The writer goes past it, so the cache
//! may keep what was there before a write that a read ran into; hence what fails its check is read once more past the
//! cache before it is called damaged.

use std::sync::Arc;

use feiqian_core::frame::parts::{Division, PARTS_MAX};
use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameError, FrameHeader};
use feiqian_core::limits::RECORD_BYTES;
use feiqian_proof::Hash;

use super::packing::{unit_of_part, unpack_part};
use super::reader::{JournalReader, ReadFault};
use super::scan::{Flaw, plain_payload};
use super::segment::path_of;
use crate::storage::{Access, Storage, StorageFile};

/// Where a frame stands, with some of its bytes.
#[derive(Debug)]
pub(super) struct Place<F> {
    pub(super) file: Arc<F>,
    pub(super) segment: u32,
    /// Of its header in the segment.
    pub(super) offset: u64,
    /// What was read behind the header along with it.
    pub(super) behind: Vec<u8>,
}

/// A frame that is durable, as far as it has been asked for.
#[derive(Debug)]
pub struct PartedFrame<S: Storage> {
    /// Everything besides the payload.
    pub header: FrameHeader,
    /// The frame's hash.
    pub hash: Hash,
    place: Place<S::File>,
    reader: JournalReader<S>,
    division: Division,
    /// The parts that have been read.
    parts: [Option<Part>; PARTS_MAX],
}

/// A part that is what the header says.
#[derive(Debug)]
enum Part {
    /// As it is stored, packed: one unit of it is found faster than all are unpacked.
    Stored(Vec<u8>),
    /// Its units.
    Units(Vec<u8>),
}

impl<S: Storage> PartedFrame<S> {
    pub(super) fn new(
        (header, hash): (FrameHeader, Hash),
        place: Place<S::File>,
        reader: JournalReader<S>,
    ) -> Self {
        let division = header.division();
        Self { header, hash, place, reader, division, parts: [const { None }; PARTS_MAX] }
    }

    /// Whether the frame has taken a sequence.
    #[must_use]
    pub fn holds(&self, sequence: u64) -> bool {
        (self.header.first_sequence..=self.header.last_sequence()).contains(&sequence)
    }

    /// Units of 128 bytes that the payload has.
    #[must_use]
    pub fn units(&self) -> usize {
        let bytes =
            if self.header.plain_bytes == 0 { self.header.payload_bytes } else { self.header.plain_bytes };
        bytes as usize / RECORD_BYTES
    }

    /// A unit of the payload; none behind its last one.
    ///
    /// # Errors
    /// [`ReadFault::Damaged`] where its part is not what the header says; [`ReadFault::Storage`].
    pub fn unit(&mut self, unit: usize) -> Result<Option<[u8; RECORD_BYTES]>, ReadFault> {
        let Some(part) = self.division.part_of(unit) else { return Ok(None) };
        let at = unit - self.division.units_of(part).start;
        let found = match self.read(part)? {
            Part::Units(units) => return Ok(units.as_chunks().0.get(at).copied()),
            Part::Stored(stored) => unit_of_part(stored, at),
        };
        found.map(Some).ok_or_else(|| self.damaged(part, FrameError::Payload))
    }

    /// The payload's bytes from one unit to before another, or to its end.
    ///
    /// # Errors
    /// As for [`PartedFrame::unit`].
    pub fn units_between(&mut self, from: usize, to: usize) -> Result<Vec<u8>, ReadFault> {
        let to = to.min(self.units());
        let mut bytes = Vec::with_capacity(to.saturating_sub(from) * RECORD_BYTES);
        let mut next = from;
        while let Some(part) = self.division.part_of(next).filter(|_| next < to) {
            let of_part = self.division.units_of(part);
            let until = of_part.end.min(to);
            let place = |unit: usize| (unit - of_part.start) * RECORD_BYTES;
            bytes.extend_from_slice(&self.units_of(part)?[place(next)..place(until)]);
            next = until;
        }
        Ok(bytes)
    }

    /// The units of a part, read if they have not been.
    fn units_of(&mut self, part: usize) -> Result<&[u8], ReadFault> {
        self.read(part)?;
        let units = match self.parts[part].take() {
            Some(Part::Units(units)) => units,
            Some(Part::Stored(stored)) => {
                self.unpacked(part, &stored).ok_or_else(|| self.damaged(part, FrameError::Payload))?
            }
            None => Vec::new(),
        };
        match self.parts[part].insert(Part::Units(units)) {
            Part::Units(bytes) | Part::Stored(bytes) => Ok(bytes),
        }
    }

    /// A part, read and checked if it has not been.
    fn read(&mut self, part: usize) -> Result<&Part, ReadFault> {
        let read = match self.parts[part].take() {
            Some(read) => read,
            None => self.read_part(part)?,
        };
        Ok(self.parts[part].insert(read))
    }

    fn read_part(&self, part: usize) -> Result<Part, ReadFault> {
        let bytes = self.header.part_bytes(part);
        let stored = match self.place.behind.get(bytes.start as usize..bytes.end as usize) {
            Some(stored) => stored.to_vec(),
            None => self.stored(&self.place.file, part)?,
        };
        if let Ok(part) = self.checked(part, stored) {
            return Ok(part);
        }
        let past_cache = self.reader.storage().open(&path_of(self.place.segment), Access::Direct);
        let stored = self.stored(&past_cache.map_err(ReadFault::Storage)?, part)?;
        self.checked(part, stored).map_err(|error| self.damaged(part, error))
    }

    fn stored(&self, file: &S::File, part: usize) -> Result<Vec<u8>, ReadFault> {
        let bytes = self.header.part_bytes(part);
        let mut stored = vec![0; bytes.len()];
        let offset = self.place.offset + FRAME_HEADER_BYTES as u64 + u64::from(bytes.start);
        file.read_at(offset, &mut stored).map_err(ReadFault::Storage)?;
        Ok(stored)
    }

    /// A part from the form that it is stored in, if its hash is the header's.
    fn checked(&self, part: usize, stored: Vec<u8>) -> Result<Part, FrameError> {
        self.header.check_part(part, &stored)?;
        if self.division.count() == 1 {
            return plain_payload(&self.header, &stored).map(Part::Units);
        }
        match self.header.plain_bytes {
            0 if stored.len() == self.division.units_of(part).len() * RECORD_BYTES => Ok(Part::Units(stored)),
            0 => Err(FrameError::Payload),
            _ => Ok(Part::Stored(stored)),
        }
    }

    /// All units of one of several packed parts.
    fn unpacked(&self, part: usize, stored: &[u8]) -> Option<Vec<u8>> {
        let is_last = part + 1 == self.division.count();
        unpack_part(stored, self.division.units_of(part).len(), is_last)
    }

    fn damaged(&self, part: usize, error: FrameError) -> ReadFault {
        let begin = self.header.part_bytes(part).start;
        ReadFault::Damaged {
            file: path_of(self.place.segment),
            offset: self.place.offset + FRAME_HEADER_BYTES as u64 + u64::from(begin),
            sequence: self.header.first_sequence,
            flaw: Flaw::Frame(error),
        }
    }
}
