//! Copying a journal frame by frame: what a follower reads from an operator's journal, and how it writes that down.
//!
//! A frame's hash covers the number of its segment, the marks of its group and its payload as stored, so a copy keeps
//! all of them: the same groups in segments of the same numbers, each made durable before the next is written, just as
//! the operator did. Only the lengths of segments and their marks may differ. It never executes a frame.

use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameError, FrameHeader, Head};
use feiqian_proof::Hash;

use super::milestone::Milestone;
use super::scan::{Flaw, Found, Scan, decode_header, highest_mark, is_zero, payload_of, plain_payload, scan};
use super::segment::{number_of, path_of};
use super::{
    Durable, Frame, JOURNAL_DIRECTORY, JournalFault, PreparedFrame, SEGMENT_BYTES_MAX, SequencedFrame,
};
use crate::storage::aligned::AlignedBuffer;
use crate::storage::{Access, BLOCK_BYTES, Storage, StorageFault, StorageFile};

use super::writer::Journal;

/// Segments that a copy may have to begin without finding a frame for them: a restart leaves one at the most.
const EMPTY_SEGMENTS_MAX: u32 = 8;

/// A frame in the form that is stored, whose own checks have passed. Where it belongs, the chain says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredFrame {
    /// Everything besides the payload.
    pub header: FrameHeader,
    /// The frame's hash.
    pub hash: Hash,
    /// The payload as stored, packed or not.
    stored: Vec<u8>,
    /// The payload before it was packed.
    payload: Vec<u8>,
}

/// Why bytes are not frames, at which byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadFrame {
    /// Where the frame begins.
    pub offset: usize,
    /// What is wrong with it; none where the bytes end within it.
    pub error: Option<FrameError>,
}

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.error {
            Some(error) => write!(f, "at byte {}: {error}", self.offset),
            None => write!(f, "at byte {}: the bytes end within a frame", self.offset),
        }
    }
}

impl std::error::Error for BadFrame {}

impl StoredFrame {
    /// The frame at the beginning of `bytes`, and how many it takes.
    ///
    /// # Errors
    /// The frame's flaw; none where the bytes end within it.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Option<FrameError>> {
        if bytes.len() < FRAME_HEADER_BYTES {
            return Err(None);
        }
        let (header, hash) = decode_header(bytes).map_err(Some)?;
        let stored = payload_of(bytes, &header).ok_or(None)?;
        header.check_payload(stored).map_err(Some)?;
        let payload = plain_payload(&header, stored).map_err(Some)?;
        let frame = Self { header, hash, stored: stored.to_vec(), payload };
        Ok((frame, FRAME_HEADER_BYTES + stored.len()))
    }

    /// All frames in `bytes`, which hold nothing else.
    ///
    /// # Errors
    /// [`BadFrame`], the first.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, BadFrame> {
        let (mut frames, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let (frame, length) = Self::read(&bytes[at..]).map_err(|error| BadFrame { offset: at, error })?;
            frames.push(frame);
            at += length;
        }
        Ok(frames)
    }

    /// The bytes as they stand in a segment.
    pub fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.header.encode().0);
        to.extend_from_slice(&self.stored);
    }

    /// As the rules read it. It is no [`Durable`]: whoever has it can't execute it in a machine.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame { header: self.header, hash: self.hash, payload: self.payload.clone() }
    }

    /// Whether `self` stands directly behind `before` in one group.
    #[must_use]
    pub fn is_in_group_of(&self, before: &Self) -> bool {
        before.header.group_behind == self.header.group_behind.wrapping_add(1)
            && before.header.durable == self.header.durable
            && before.header.segment == self.header.segment
    }

    fn into_prepared(self) -> PreparedFrame {
        let Self { header, stored, payload, .. } = self;
        let frame = SequencedFrame {
            kind: header.kind,
            epoch: header.epoch,
            first_sequence: header.first_sequence,
            count: header.count,
            timestamp: header.timestamp,
            payload,
        };
        let packed = (header.plain_bytes > 0).then_some(stored);
        // Checked when it was read.
        PreparedFrame { frame, packed, payload_hash: header.payload_hash, parts: header.parts }
    }
}

impl<S: Storage> Journal<S> {
    /// Writes a group of another journal's frames behind the head and syncs it once, to the same hashes. The group
    /// is a whole one, or the beginning of one that was cut there by a recovery: then a synced mark follows.
    ///
    /// # Errors
    /// [`JournalFault::NotNext`] for frames that don't continue the head; [`JournalFault::OtherCopy`] where this
    /// journal can't hold them with their hashes; [`JournalFault::TooLarge`] where its segment is too short. Nothing
    /// was written then. Others as for [`Journal::append`].
    pub fn append_copies(&mut self, group: Vec<StoredFrame>) -> Result<Vec<Durable<Frame>>, JournalFault> {
        let Some((segment, behind)) =
            group.last().map(|last| (last.header.segment, last.header.group_behind))
        else {
            return Ok(Vec::new());
        };
        if self.is_poisoned() {
            return Err(JournalFault::Poisoned);
        }
        let mut head = *self.head();
        for frame in &group {
            frame.header.follows(&head).map_err(JournalFault::NotNext)?;
            head = frame.header.head(frame.hash);
        }
        self.reach_segment(segment)?;
        let hashes: Vec<Hash> = group.iter().map(|frame| frame.hash).collect();
        let frames =
            self.append_as(group.into_iter().map(StoredFrame::into_prepared).collect(), behind, &hashes)?;
        if behind > 0 {
            self.mark_durably()?;
        }
        Ok(frames)
    }

    /// Begins segments up to the one of this number.
    fn reach_segment(&mut self, segment: u32) -> Result<(), JournalFault> {
        let current = self.segment();
        if segment < current || segment - current > EMPTY_SEGMENTS_MAX {
            return Err(JournalFault::OtherCopy);
        }
        (current..segment).try_for_each(|_| self.begin_segment())
    }
}

/// Removes the last group where a crash has torn it, so that it can be copied anew as a whole: nothing has vouched for
/// it. Everything else that a recovery decides is left to it. Gives whether a group was removed.
///
/// # Errors
/// The storage's faults.
pub fn forget_torn_group<S: Storage>(storage: &S, acknowledged: u64) -> Result<bool, StorageFault> {
    let names = storage.list(JOURNAL_DIRECTORY)?;
    let Some(number) = names.iter().filter_map(|name| number_of(name)).max() else { return Ok(false) };
    let file = storage.open(&path_of(number), Access::Direct)?;
    let length = usize::try_from(file.length()?).unwrap_or(usize::MAX);
    if length > SEGMENT_BYTES_MAX as usize || length < BLOCK_BYTES {
        return Ok(false);
    }
    let mut image = AlignedBuffer::default();
    image.reset(length);
    file.read_at(0, &mut image)?;
    let Some(start) = image.get(..BLOCK_BYTES).and_then(Milestone::decode) else { return Ok(false) };
    let found = scan(&image, number, start.head);
    let Some(from) = torn_group(&found, &image, number, acknowledged) else { return Ok(false) };
    let end = image.iter().rposition(|byte| *byte != 0).map_or(from, |last| last + 1);
    let end = end.next_multiple_of(BLOCK_BYTES).min(length);
    image[from..end].fill(0);
    file.write_at(from as u64, &image[from..end])?;
    file.sync_data()?;
    Ok(true)
}

/// Where the group begins that a crash has cut, if nothing vouches for it.
fn torn_group(found: &Scan, image: &[u8], number: u32, acknowledged: u64) -> Option<usize> {
    if found.group_behind == 0
        || !matches!(found.flaw, Some(Flaw::GroupCut | Flaw::Frame(_) | Flaw::Overlong))
    {
        return None;
    }
    let first = found.group_durable + 1;
    let is_vouched = acknowledged >= first
        || highest_mark(image, found.at, number, &found.head).is_some_and(|mark| mark >= first);
    let group = found.frames.iter().find(|frame| frame.header.first_sequence == first)?;
    (!is_vouched && group.offset.is_multiple_of(BLOCK_BYTES)).then_some(group.offset)
}

/// Whether the bytes are a whole segment `number` that continues `head`; gives the head at its end and its frames.
/// What another journal wrote behind it shows as the flaw.
///
/// # Errors
/// The place of the first flaw and what it is.
pub(super) fn check_segment(
    image: &[u8],
    number: u32,
    head: Head,
) -> Result<(Head, Vec<Found>), (usize, Flaw)> {
    if is_zero(image) {
        return Err((0, Flaw::Start));
    }
    let found = scan(image, number, head);
    match found.flaw {
        Some(flaw) => Err((found.at, flaw)),
        None => Ok((found.head, found.frames)),
    }
}
