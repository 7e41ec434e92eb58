//! Reading one segment that is wholly in memory: which frames it holds, where it ends, and the first place
//! that is bad. What a bad place means is decided in `recovery`, from what [`highest_mark`] finds behind it.
//!
//! Pure: bytes in, findings out. It never skips what it can't read.

use std::fmt;

use feiqian_core::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameError, FrameHeader, Head, NotNext};
use feiqian_core::limits::RECORD_BYTES;
use feiqian_proof::Hash;

use super::milestone::{Milestone, Place};
use super::packing::unpack;
use crate::storage::BLOCK_BYTES;

/// Why a place in a segment can't be read as what must be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// The segment's opening block is torn, damaged, another segment's, or its length is not the file's.
    Start,
    /// The segment is well-formed but continues another head, or belongs to another chain.
    StartElsewhere,
    /// A frame header or its payload is torn or damaged.
    Frame(FrameError),
    /// The payload would end past the segment.
    Overlong,
    /// A well-formed frame that doesn't continue the chain.
    NotNext(NotNext),
    /// A well-formed frame of another segment or another group.
    Misplaced,
    /// A frame of the same group must follow and there is none.
    GroupCut,
    /// Other bytes than zeros between a group and the next block.
    Padding,
    /// A mark that is torn or damaged, or that names another head.
    Mark,
    /// Other bytes than zeros where the segment ends.
    Rubbish,
    /// What a recycled segment held before: a valid frame of a lower segment number.
    Leftover,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the segment's opening block can't be read"),
            Self::StartElsewhere => f.write_str("the segment continues another chain or another frame"),
            Self::Frame(error) => error.fmt(f),
            Self::Overlong => f.write_str("the frame would end past the segment"),
            Self::NotNext(reason) => reason.fmt(f),
            Self::Misplaced => f.write_str("the frame belongs to another segment or group"),
            Self::GroupCut => f.write_str("the rest of the group is missing"),
            Self::Padding => f.write_str("the padding after the group is not zero"),
            Self::Mark => f.write_str("the mark can't be read"),
            Self::Rubbish => f.write_str("there are bytes where nothing was written"),
            Self::Leftover => f.write_str("an older segment's frames begin"),
        }
    }
}

/// A frame in the segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) offset: usize,
    pub(super) header: FrameHeader,
    pub(super) hash: Hash,
}

/// What a segment holds up to its end or its first bad place.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) frames: Vec<Found>,
    /// The head after the last good frame.
    pub(super) head: Head,
    /// Where reading stopped: the bad place, or where the next group goes.
    pub(super) at: usize,
    /// What is wrong there.
    pub(super) flaw: Option<Flaw>,
    /// Frames of the last good frame's group that must still come.
    pub(super) group_behind: u32,
    /// The durable mark of the last good frame's group.
    pub(super) group_durable: u64,
    /// The last thing read is a mark.
    pub(super) is_marked: bool,
}

/// Reads the segment `number` in `image`, which must continue `head`.
pub(super) fn scan(image: &[u8], number: u32, head: Head) -> Scan {
    let mut scan = Scan {
        frames: Vec::new(),
        head,
        at: 0,
        flaw: None,
        group_behind: 0,
        group_durable: head.sequence,
        is_marked: false,
    };
    if is_zero(image) {
        return scan;
    }
    scan.flaw = scan.read(image, number).err();
    scan
}

impl Scan {
    fn read(&mut self, image: &[u8], number: u32) -> Result<(), Flaw> {
        self.start(image, number)?;
        while self.at < image.len() {
            let here = &image[self.at..];
            if here.starts_with(&FRAME_MAGIC) {
                self.frame(here, number)?;
            } else if !self.at.is_multiple_of(BLOCK_BYTES) {
                self.padding(here)?;
            } else if let Some(milestone) = here.get(..BLOCK_BYTES).and_then(Milestone::decode) {
                self.mark(&milestone, number)?;
            } else {
                return self.end(here);
            }
        }
        if self.group_behind > 0 { Err(Flaw::GroupCut) } else { Ok(()) }
    }

    fn start(&mut self, image: &[u8], number: u32) -> Result<(), Flaw> {
        let start = image.get(..BLOCK_BYTES).and_then(Milestone::decode).ok_or(Flaw::Start)?;
        if start.segment < number {
            return Err(Flaw::Leftover);
        }
        let is_here = start.place == Place::Start
            && start.segment == number
            && u32::try_from(image.len()) == Ok(start.segment_bytes);
        if !is_here {
            return Err(Flaw::Start);
        }
        if start.head != self.head {
            return Err(Flaw::StartElsewhere);
        }
        self.at = BLOCK_BYTES;
        Ok(())
    }

    fn frame(&mut self, here: &[u8], number: u32) -> Result<(), Flaw> {
        let (header, hash) = decode_header(here).map_err(Flaw::Frame)?;
        let is_group_start = self.group_behind == 0 && self.at.is_multiple_of(BLOCK_BYTES);
        if is_group_start && header.segment < number && header.chain_id == self.head.chain_id {
            return Err(Flaw::Leftover);
        }
        header.follows(&self.head).map_err(Flaw::NotNext)?;
        let is_in_place = if self.group_behind > 0 {
            header.durable == self.group_durable && header.group_behind == self.group_behind - 1
        } else {
            is_group_start && header.durable == self.head.sequence
        };
        if header.segment != number || !is_in_place {
            return Err(Flaw::Misplaced);
        }
        let payload = payload_of(here, &header).ok_or(Flaw::Overlong)?;
        header.check_payload(payload).map_err(Flaw::Frame)?;
        self.frames.push(Found { offset: self.at, header, hash });
        self.head = header.head(hash);
        self.group_behind = header.group_behind;
        self.group_durable = header.durable;
        self.is_marked = false;
        self.at += FRAME_HEADER_BYTES + payload.len();
        Ok(())
    }

    /// Zeros to the next block. Where frames of the group must still come that is a cut group, unless a mark
    /// follows: then a recovery has kept the group's beginning.
    fn padding(&mut self, here: &[u8]) -> Result<(), Flaw> {
        let padding = self.at.next_multiple_of(BLOCK_BYTES) - self.at;
        if !here.get(..padding).is_some_and(is_zero) {
            return Err(if self.group_behind > 0 { Flaw::GroupCut } else { Flaw::Padding });
        }
        let is_marked = here.get(padding..padding + BLOCK_BYTES).and_then(Milestone::decode).is_some();
        if self.group_behind > 0 && !is_marked {
            return Err(Flaw::GroupCut);
        }
        self.at += padding;
        Ok(())
    }

    fn mark(&mut self, mark: &Milestone, number: u32) -> Result<(), Flaw> {
        if mark.segment < number {
            return if self.group_behind == 0 { Err(Flaw::Leftover) } else { Err(Flaw::GroupCut) };
        }
        if mark.place != Place::Mark || mark.segment != number || mark.head != self.head || self.is_marked {
            return Err(Flaw::Mark);
        }
        self.group_behind = 0;
        self.is_marked = true;
        self.at += BLOCK_BYTES;
        Ok(())
    }

    fn end(&self, here: &[u8]) -> Result<(), Flaw> {
        match (self.group_behind, is_zero(here)) {
            (0, true) => Ok(()),
            (0, false) => Err(Flaw::Rubbish),
            _ => Err(Flaw::GroupCut),
        }
    }
}

/// The highest sequence that anything valid from `from` on says to have been durable before it was written.
pub(super) fn highest_mark(image: &[u8], from: usize, number: u32, head: &Head) -> Option<u64> {
    let mark_at = |at: usize| {
        let here = &image[at..];
        if here.starts_with(&FRAME_MAGIC) {
            let (header, _) = decode_header(here).ok()?;
            return (header.segment == number && header.chain_id == head.chain_id).then_some(header.durable);
        }
        let block = here.get(..BLOCK_BYTES).filter(|_| at.is_multiple_of(BLOCK_BYTES))?;
        let milestone = Milestone::decode(block)?;
        let is_ours = milestone.segment == number && milestone.head.chain_id == head.chain_id;
        is_ours.then_some(milestone.head.sequence)
    };
    (from.next_multiple_of(RECORD_BYTES)..image.len()).step_by(RECORD_BYTES).filter_map(mark_at).max()
}

/// The highest sequence that any valid frame header from `from` on takes, or any mark names: what was written here, as
/// far as it can still be told.
pub(super) fn highest_sequence(image: &[u8], from: usize, number: u32, head: &Head) -> u64 {
    let frame_at = |at: usize| {
        let (header, _) = decode_header(&image[at..]).ok()?;
        let is_ours = header.segment == number && header.chain_id == head.chain_id;
        is_ours.then(|| header.last_sequence())
    };
    let frames =
        (from.next_multiple_of(RECORD_BYTES)..image.len()).step_by(RECORD_BYTES).filter_map(frame_at);
    frames.chain(highest_mark(image, from, number, head)).max().unwrap_or(head.sequence)
}

/// Every head, as sequence and hash, that a valid frame header or milestone at one of the places names: its own frame's and
/// the one before. Places are multiples of 128.
pub(super) fn named_heads(
    image: &[u8],
    number: u32,
    head: &Head,
    places: impl Iterator<Item = usize>,
) -> Vec<(u64, Hash)> {
    let mut named = Vec::new();
    for at in places.filter(|at| at.is_multiple_of(RECORD_BYTES) && *at < image.len()) {
        let here = &image[at..];
        if let Ok((header, hash)) = decode_header(here) {
            if header.segment == number && header.chain_id == head.chain_id {
                named.push((header.first_sequence.saturating_sub(1), header.previous));
                named.push((header.last_sequence(), hash));
            }
        } else if let Some(milestone) = here.get(..BLOCK_BYTES).and_then(Milestone::decode)
            && milestone.segment == number
            && milestone.head.chain_id == head.chain_id
        {
            named.push((milestone.head.sequence, milestone.head.hash));
        }
    }
    named
}

/// The header at the beginning of `here`.
pub(super) fn decode_header(here: &[u8]) -> Result<(FrameHeader, Hash), FrameError> {
    here.first_chunk().ok_or(FrameError::Checksum).and_then(FrameHeader::decode)
}

/// The payload behind the header at the beginning of `here`, if it ends there.
pub(super) fn payload_of<'a>(here: &'a [u8], header: &FrameHeader) -> Option<&'a [u8]> {
    let bytes = usize::try_from(header.payload_bytes).ok()?;
    here.get(FRAME_HEADER_BYTES..FRAME_HEADER_BYTES.checked_add(bytes)?)
}

/// The payload of a frame from the form that it is stored in, whose hash has been checked.
pub(super) fn plain_payload(header: &FrameHeader, stored: &[u8]) -> Result<Vec<u8>, FrameError> {
    let division = header.division();
    let ends = header.parts.as_ref().map_or(&[][..], |parts| parts.ends(division));
    let plain = match usize::try_from(header.plain_bytes) {
        Ok(0) => {
            let is_end = |(part, end): (usize, &u32)| {
                division.count() == 1 || *end as usize == division.units_of(part).end * RECORD_BYTES
            };
            ends.iter().enumerate().all(is_end).then(|| stored.to_vec())
        }
        bytes => bytes.ok().and_then(|bytes| unpack(stored, bytes, division, ends)),
    };
    plain.ok_or(FrameError::Payload)
}

/// Whether all bytes are zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<64>();
    chunks.iter().all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
        && rest.iter().all(|byte| *byte == 0)
}
