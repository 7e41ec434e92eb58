//! Appending: one buffer, one write and one sync for a whole group; then the frames are durable.
//!
//! Owns the open segment and its end. After a write or a sync has failed nothing is ever written again.

use std::sync::Arc;

use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameError, FrameHeader, Head};
use feiqian_proof::hash::Hash;

use super::index::{Entry, Index};
use super::milestone::{Milestone, Place};
use super::reader::JournalReader;
use super::segment::{Spare, SparePreparer, SpareSegment, path_of};
use super::{
    BLOCK, Durable, Frame, JOURNAL_DIRECTORY, JournalFault, JournalOptions, PreparedFrame, WRITE_BYTES_MAX,
};
use crate::storage::aligned::AlignedBuffer;
use crate::storage::{BLOCK_BYTES, Storage, StorageFault, StorageFile};

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Current<F> {
    pub(super) file: Arc<F>,
    pub(super) number: u32,
    pub(super) bytes: u32,
    /// Where the next group goes, a multiple of 4096. At 0 the opening block goes with it.
    pub(super) end: u32,
    /// The last thing written is a mark.
    pub(super) is_marked: bool,
}

/// The journal, opened by [`Journal::recover`] and written by one thread.
#[derive(Debug)]
pub struct Journal<S: Storage> {
    storage: S,
    options: JournalOptions,
    head: Head,
    current: Option<Current<S::File>>,
    spare: Option<SpareSegment<S::File>>,
    preparer: SparePreparer<S>,
    index: Index,
    buffer: AlignedBuffer,
    is_poisoned: bool,
}

impl<S: Storage> Journal<S> {
    pub(super) fn new(
        storage: S,
        options: JournalOptions,
        current: Option<Current<S::File>>,
        index: Index,
    ) -> Self {
        let preparer = SparePreparer::new(storage.clone(), options.segment_bytes);
        let (head, buffer) = (index.head(), AlignedBuffer::default());
        Self { storage, options, head, current, spare: None, preparer, index, buffer, is_poisoned: false }
    }

    /// Where the chain stands: the last durable frame.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Reads what is durable, from any thread, while this writes on.
    #[must_use]
    pub fn reader(&self) -> JournalReader<S> {
        JournalReader::new(self.storage.clone(), self.index.clone())
    }

    /// Makes spare segments, from any thread.
    #[must_use]
    pub fn preparer(&self) -> SparePreparer<S> {
        self.preparer.clone()
    }

    /// Whether a spare segment would be taken: none is at hand.
    #[must_use]
    pub const fn wants_spare(&self) -> bool {
        self.spare.is_none()
    }

    /// Takes a spare for the next switch of segments. Without one, the switch makes it itself and takes longer.
    ///
    /// # Errors
    /// Gives it back if there is one already.
    pub fn offer_spare(&mut self, spare: SpareSegment<S::File>) -> Result<(), SpareSegment<S::File>> {
        if self.spare.is_some() {
            return Err(spare);
        }
        self.spare = Some(spare);
        Ok(())
    }

    /// The longest group that [`Journal::append`] takes, in bytes: its frames with a header of 256 bytes each.
    #[must_use]
    pub const fn group_bytes_max(&self) -> u64 {
        // The opening block and room for a mark after the last group.
        self.options.segment_bytes as u64 - 2 * BLOCK_BYTES as u64
    }

    /// Writes `group` behind the head and syncs it once. When this returns, the frames are on disk.
    ///
    /// # Errors
    /// [`JournalFault`]; see [`JournalFault::is_final`]. After a final fault the group's fate is unknown: the
    /// next recovery may or may not find it.
    pub fn append<F: Into<PreparedFrame>>(
        &mut self,
        group: Vec<F>,
    ) -> Result<Vec<Durable<Frame>>, JournalFault> {
        let group: Vec<PreparedFrame> = group.into_iter().map(Into::into).collect();
        if self.is_poisoned {
            return Err(JournalFault::Poisoned);
        }
        if group.is_empty() {
            return Ok(Vec::new());
        }
        self.check_order(&group)?;
        let bytes = self.group_bytes(&group)?;
        self.make_room(bytes)?;
        let headers = self.chain(&group, 0)?;
        self.write_group(group, headers, bytes)
    }

    /// Writes a group of copies into the present segment, if they come to their hashes there. `behind` frames of the
    /// group are missing at its end.
    pub(super) fn append_as(
        &mut self,
        group: Vec<PreparedFrame>,
        behind: u32,
        hashes: &[Hash],
    ) -> Result<Vec<Durable<Frame>>, JournalFault> {
        let bytes = self.group_bytes(&group)?;
        if !self.has_room(bytes) {
            return Err(JournalFault::TooLarge { bytes: bytes.into(), bytes_max: self.room() });
        }
        let headers = self.chain(&group, behind as usize)?;
        if !headers.iter().map(|(_, hash)| hash).eq(hashes) {
            return Err(JournalFault::OtherCopy);
        }
        self.write_group(group, headers, bytes)
    }

    fn write_group(
        &mut self,
        group: Vec<PreparedFrame>,
        headers: Vec<(FrameHeader, Hash)>,
        bytes: u32,
    ) -> Result<Vec<Durable<Frame>>, JournalFault> {
        let offsets = self.fill_buffer(&headers, &group, bytes);
        self.write_buffer().and_then(|()| self.sync()).map_err(|fault| self.poison(fault))?;
        let payloads = group.into_iter().map(|prepared| prepared.frame.payload);
        let frames = headers.into_iter().zip(payloads);
        let frames = frames.map(|((header, hash), payload)| Frame { header, hash, payload }).collect();
        Ok(self.publish(frames, &offsets))
    }

    /// Says on disk that everything appended is durable, so that damage to the last group shows as such. To
    /// be called when the journal falls idle; does nothing where it was said already. It is not synced.
    ///
    /// # Errors
    /// [`JournalFault::Failed`] or [`JournalFault::Poisoned`].
    pub fn mark(&mut self) -> Result<(), JournalFault> {
        if self.is_poisoned {
            return Err(JournalFault::Poisoned);
        }
        let Some(current) = self.current.as_mut() else { return Ok(()) };
        let written = write_mark(current, &self.head, &mut self.buffer);
        written.map_err(|fault| self.poison(fault))
    }

    /// Marks and syncs the end.
    ///
    /// # Errors
    /// [`JournalFault::Failed`] or [`JournalFault::Poisoned`]; what was acknowledged is on disk all the same.
    pub fn close(mut self) -> Result<(), JournalFault> {
        self.mark()?;
        self.sync().map_err(|fault| self.poison(fault))
    }

    /// Checked before room is made, so that a group out of order leaves no trace.
    fn check_order(&self, group: &[PreparedFrame]) -> Result<(), JournalFault> {
        let mut head = self.head;
        for frame in group {
            let header = self.header_of(frame, &head)?;
            header.follows(&head).map_err(JournalFault::NotNext)?;
            header.check().map_err(JournalFault::Malformed)?;
            head = header.head(Hash::default());
        }
        Ok(())
    }

    /// Bytes of the frames, without the padding.
    fn group_bytes(&self, group: &[PreparedFrame]) -> Result<u32, JournalFault> {
        let bytes: u64 = group.iter().map(|prepared| prepared.stored_bytes() as u64).sum();
        let bytes_max = self.group_bytes_max();
        let too_large = JournalFault::TooLarge { bytes, bytes_max };
        u32::try_from(bytes).ok().filter(|_| bytes <= bytes_max).ok_or(too_large)
    }

    fn make_room(&mut self, bytes: u32) -> Result<(), JournalFault> {
        if self.has_room(bytes) { Ok(()) } else { self.next_segment() }
    }

    fn has_room(&self, bytes: u32) -> bool {
        u64::from(bytes).next_multiple_of(BLOCK_BYTES as u64) <= self.room()
    }

    /// Bytes that a group may have in the present segment, its padding with them; a mark must fit behind it.
    fn room(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| {
            let start = if current.end == 0 { BLOCK } else { 0 };
            u64::from(current.bytes.saturating_sub(current.end + start + BLOCK))
        })
    }

    /// Number of the segment that is written, 0 before the first.
    pub(super) fn segment(&self) -> u32 {
        self.current.as_ref().map_or(0, |current| current.number)
    }

    pub(super) const fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    /// Ends the present segment and begins the next.
    pub(super) fn begin_segment(&mut self) -> Result<(), JournalFault> {
        self.next_segment()
    }

    /// Marks the end, durably.
    pub(super) fn mark_durably(&mut self) -> Result<(), JournalFault> {
        self.mark()?;
        self.sync().map_err(|fault| self.poison(fault))
    }

    /// Failing to make a spare touches nothing of the journal and is a refusal; failing to name it is final,
    /// since whether the name is durable can't be known.
    fn next_segment(&mut self) -> Result<(), JournalFault> {
        let spare = match self.spare.take() {
            Some(spare) => spare,
            None => {
                // A group waits, but for the very first one.
                let how = if self.current.is_none() { Spare::Filled } else { Spare::Reserved };
                self.preparer.prepare(how).map_err(JournalFault::NoRoom)?
            }
        };
        self.finish_segment().map_err(|fault| self.poison(fault))?;
        let number = self.current.as_ref().map_or(0, |current| current.number) + 1;
        let path = path_of(number);
        self.storage
            .rename(&spare.path, &path)
            .and_then(|()| self.storage.sync_directory(JOURNAL_DIRECTORY))
            .map_err(|fault| self.poison(fault))?;
        let (file, bytes) = (spare.file, spare.bytes);
        self.current = Some(Current { file, number, bytes, end: 0, is_marked: false });
        Ok(())
    }

    /// A segment ends with a synced mark before the next one gets its name, so that none can lose its last
    /// group unnoticed. One that was never written (too short for the first group) gets its opening block.
    fn finish_segment(&mut self) -> Result<(), StorageFault> {
        let Some(current) = self.current.as_mut() else { return Ok(()) };
        if current.end == 0 {
            write_milestone(current, Place::Start, &self.head, &mut self.buffer)?;
        }
        write_mark(current, &self.head, &mut self.buffer)?;
        // Also where a mark is written already: it need not have been synced.
        current.file.sync_data()
    }

    /// Gives the frames their headers: everything that the journal knows and the sequencer doesn't.
    /// `missing` frames of the group are not among them.
    fn chain(
        &self,
        group: &[PreparedFrame],
        missing: usize,
    ) -> Result<Vec<(FrameHeader, Hash)>, JournalFault> {
        let mut headers = Vec::with_capacity(group.len());
        let (mut head, mut behind) = (self.head, group.len().saturating_add(missing));
        for prepared in group {
            behind -= 1;
            let mut header = self.header_of(prepared, &head)?;
            header.group_behind =
                u32::try_from(behind).expect("a group's bytes fit 32 bits, so its frames do");
            let (_, hash) = header.encode();
            head = header.head(hash);
            headers.push((header, hash));
        }
        Ok(headers)
    }

    fn header_of(&self, prepared: &PreparedFrame, head: &Head) -> Result<FrameHeader, JournalFault> {
        let length = |bytes: usize| {
            u32::try_from(bytes).map_err(|_| JournalFault::Malformed(FrameError::PayloadBytes(u32::MAX)))
        };
        let frame = &prepared.frame;
        Ok(FrameHeader {
            kind: frame.kind,
            chain_id: self.options.chain_id,
            epoch: frame.epoch,
            segment: self.current.as_ref().map_or(0, |current| current.number),
            first_sequence: frame.first_sequence,
            count: frame.count,
            payload_bytes: length(prepared.stored().len())?,
            plain_bytes: length(prepared.plain_bytes())?,
            timestamp: frame.timestamp,
            durable: self.head.sequence,
            group_behind: 0,
            previous: head.hash,
            payload_hash: prepared.payload_hash,
            parts: prepared.parts,
        })
    }

    /// Lays the group out as it goes to disk; gives each frame's offset in the segment.
    fn fill_buffer(
        &mut self,
        headers: &[(FrameHeader, Hash)],
        group: &[PreparedFrame],
        bytes: u32,
    ) -> Vec<u32> {
        let current = self.current.as_ref().expect("room was made in a segment");
        let start_bytes = if current.end == 0 { BLOCK_BYTES } else { 0 };
        self.buffer.stretch(start_bytes + (bytes as usize).next_multiple_of(BLOCK_BYTES));
        self.buffer[..start_bytes].fill(0);
        if current.end == 0 {
            let (segment, segment_bytes) = (current.number, current.bytes);
            let start = Milestone { place: Place::Start, segment, segment_bytes, head: self.head };
            start.encode(&mut self.buffer[..BLOCK_BYTES]);
        }
        let mut at = start_bytes;
        let mut offsets = Vec::with_capacity(headers.len());
        for ((header, _), prepared) in headers.iter().zip(group) {
            offsets.push(current.end + u32::try_from(at).expect("a group fits a segment"));
            let payload_at = at + FRAME_HEADER_BYTES;
            self.buffer[at..payload_at].copy_from_slice(&header.encode().0);
            at = payload_at + prepared.stored().len();
            self.buffer[payload_at..at].copy_from_slice(prepared.stored());
        }
        self.buffer[at..].fill(0);
        offsets
    }

    fn write_buffer(&self) -> Result<(), StorageFault> {
        let current = self.current.as_ref().expect("room was made in a segment");
        let mut at = u64::from(current.end);
        for part in self.buffer.chunks(WRITE_BYTES_MAX) {
            current.file.write_at(at, part)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageFault> {
        self.current.as_ref().map_or(Ok(()), |current| current.file.sync_data())
    }

    fn publish(&mut self, frames: Vec<Frame>, offsets: &[u32]) -> Vec<Durable<Frame>> {
        let current = self.current.as_mut().expect("room was made in a segment");
        current.end += u32::try_from(self.buffer.len()).expect("a group fits a segment");
        current.is_marked = false;
        if let Some(last) = frames.last() {
            self.head = last.header.head(last.hash);
        }
        let segment = current.number;
        let entries = frames.iter().zip(offsets).map(|(frame, offset)| Entry {
            first_sequence: frame.header.first_sequence,
            segment,
            offset: *offset,
        });
        self.index.extend(entries, self.head);
        frames.into_iter().map(Durable).collect()
    }

    /// A failed write or sync is never tried again: the kernel may have dropped the pages that it could not
    /// write and marked them clean, and a second sync that succeeds would acknowledge what is not there.
    fn poison(&mut self, fault: StorageFault) -> JournalFault {
        self.is_poisoned = true;
        JournalFault::Failed(fault)
    }
}

/// Writes a mark at the segment's end, unless there is one or nothing was written at all.
pub(super) fn write_mark<F: StorageFile>(
    current: &mut Current<F>,
    head: &Head,
    buffer: &mut AlignedBuffer,
) -> Result<(), StorageFault> {
    if current.is_marked || current.end == 0 {
        return Ok(());
    }
    write_milestone(current, Place::Mark, head, buffer)
}

/// Writes a milestone where the next group would go. [`Journal::append`] keeps room for one behind each group.
fn write_milestone<F: StorageFile>(
    current: &mut Current<F>,
    place: Place,
    head: &Head,
    buffer: &mut AlignedBuffer,
) -> Result<(), StorageFault> {
    let (segment, segment_bytes) = (current.number, current.bytes);
    buffer.reset(BLOCK_BYTES);
    Milestone { place, segment, segment_bytes, head: *head }.encode(buffer);
    current.file.write_at(u64::from(current.end), buffer)?;
    current.end += BLOCK;
    current.is_marked = place == Place::Mark;
    Ok(())
}
