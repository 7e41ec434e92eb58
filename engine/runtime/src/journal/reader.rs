//! Reading the journal while it is written: one frame by its sequence, as a whole or by its parts, or all frames from one
//! on.
//!
//! Sees only what is durable. Every frame is checked against its hashes as it is read, and in a walk against
//! its predecessor; what can't be read is a fault with its place, never skipped.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use feiqian_core::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, Head};
use feiqian_proof::Hash;
use parking_lot::Mutex;

use super::index::Index;
use super::milestone::Milestone;
use super::parted::{PartedFrame, Place};
use super::scan::{Flaw, decode_header, payload_of, plain_payload};
use super::segment::{number_of, path_of};
use super::{Durable, Frame, JOURNAL_DIRECTORY};
use crate::storage::aligned::AlignedBuffer;
use crate::storage::{Access, BLOCK_BYTES, Storage, StorageFault, StorageFile};

/// Bytes read at a time: one for each entry of the index, and as many again.
const WINDOW_BYTES: usize = 128 << 10;
/// Bytes read at first where one header is looked for: it, and what stands behind it of a small frame.
const GLANCE_BYTES: usize = 2 * BLOCK_BYTES;
/// Segments that stay open for questions: 4 GiB of journal at the usual length.
const OPEN_SEGMENTS_MAX: usize = 64;

/// Reads durable frames. Clones share the index with the writer.
#[derive(Debug)]
pub struct JournalReader<S: Storage> {
    storage: S,
    index: Index,
    open: Arc<Mutex<OpenSegments<S::File>>>,
}

/// Segments that are open for reading through the page cache, with their lengths, by number.
type OpenSegments<F> = BTreeMap<u32, (Arc<F>, u64)>;

impl<S: Storage> Clone for JournalReader<S> {
    fn clone(&self) -> Self {
        Self { storage: self.storage.clone(), index: self.index.clone(), open: self.open.clone() }
    }
}

/// Why a frame can't be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadFault {
    /// The sequence is 0 or not taken yet.
    NotThere(u64),
    /// The journal has been damaged since it was recovered, or before the snapshot from which it was.
    Damaged {
        /// The segment's file, relative to the data directory.
        file: String,
        /// The byte in it.
        offset: u64,
        /// The sequence looked for.
        sequence: u64,
        /// What is wrong there.
        flaw: Flaw,
    },
    /// The storage failed.
    Storage(StorageFault),
}

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(sequence) => write!(f, "sequence {sequence} is not in the journal"),
            Self::Damaged { file, offset, sequence, flaw } => {
                write!(f, "{file} is damaged at offset {offset}, sequence {sequence}: {flaw}")
            }
            Self::Storage(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for ReadFault {}

impl<S: Storage> JournalReader<S> {
    pub(super) fn new(storage: S, index: Index) -> Self {
        Self { storage, index, open: Arc::default() }
    }

    /// The storage that the journal is in.
    #[must_use]
    pub const fn storage(&self) -> &S {
        &self.storage
    }

    /// The highest durable sequence, 0 if there is none.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.index.head().sequence
    }

    /// The frame that took `sequence`.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn frame_at(&self, sequence: u64) -> Result<Durable<Frame>, ReadFault> {
        self.frames_from(sequence).next().unwrap_or(Err(ReadFault::NotThere(sequence)))
    }

    /// The frame that took `sequence`, of which so far only the header is read.
    ///
    /// # Errors
    /// [`ReadFault`].
    pub fn parted_at(&self, sequence: u64) -> Result<PartedFrame<S>, ReadFault> {
        match self.find(sequence, Access::Buffered) {
            // The page cache may lag behind the disk: see the module's documentation of parts.
            Err(ReadFault::Damaged { .. }) => self.find(sequence, Access::Direct),
            found => found,
        }
    }

    fn find(&self, sequence: u64, access: Access) -> Result<PartedFrame<S>, ReadFault> {
        let durable = self.durable();
        if sequence == 0 || sequence > durable {
            return Err(ReadFault::NotThere(sequence));
        }
        let mut cursor = Cursor::at(self, sequence, (access, GLANCE_BYTES))?;
        cursor.refresh(durable);
        loop {
            let (header, hash) = cursor.next_header(self, sequence)?;
            if header.first_sequence > sequence {
                return Err(cursor.damaged(sequence, Flaw::Misplaced));
            }
            if header.last_sequence() >= sequence {
                return Ok(PartedFrame::new((header, hash), cursor.into_place(), self.clone()));
            }
            cursor.at += (FRAME_HEADER_BYTES + header.payload_bytes as usize) as u64;
        }
    }

    /// A segment for reading through the page cache, and its length; it stays open.
    fn segment_file(&self, number: u32) -> Result<(Arc<S::File>, u64), StorageFault> {
        if let Some(open) = self.open.lock().get(&number) {
            return Ok(open.clone());
        }
        let file = self.storage.open(&path_of(number), Access::Buffered)?;
        let length = file.length()?;
        let mut open = self.open.lock();
        if open.len() >= OPEN_SEGMENTS_MAX {
            // Old entries are asked for least.
            open.pop_first();
        }
        Ok(open.entry(number).or_insert((Arc::new(file), length)).clone())
    }

    /// Durable frames from the one that begins at `sequence` on, as they are stored, one behind the other: as many as
    /// fit `bytes_max`, but at least one. None if `sequence` is the next to be taken.
    ///
    /// # Errors
    /// [`ReadFault`]; [`ReadFault::NotThere`] where no frame begins at `sequence`.
    pub fn stored_from(&self, sequence: u64, bytes_max: usize) -> Result<Vec<u8>, ReadFault> {
        self.stored_with_head(sequence, bytes_max).map(|(frames, _)| frames)
    }

    /// As [`JournalReader::stored_from`], with the head behind the last of them.
    ///
    /// # Errors
    /// As there.
    pub fn stored_with_head(
        &self,
        sequence: u64,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, Option<Head>), ReadFault> {
        let durable = self.durable();
        let (mut frames, mut head) = (Vec::new(), None);
        if sequence == durable.saturating_add(1) {
            return Ok((frames, head));
        }
        if sequence == 0 || sequence > durable {
            return Err(ReadFault::NotThere(sequence));
        }
        let mut cursor = Cursor::at(self, sequence, WALK)?;
        cursor.refresh(durable);
        let mut wanted = sequence;
        while wanted <= durable {
            let (header, hash) = cursor.next_header(self, wanted)?;
            let length = FRAME_HEADER_BYTES + header.payload_bytes as usize;
            if header.last_sequence() >= wanted {
                if header.first_sequence != wanted {
                    return Err(ReadFault::NotThere(sequence));
                }
                let is_over = frames.len() + length > bytes_max && !frames.is_empty();
                if is_over {
                    break;
                }
                frames.extend_from_slice(cursor.stored(&header, wanted)?);
                wanted = header.last_sequence() + 1;
                head = Some(header.head(hash));
            }
            cursor.at += length as u64;
        }
        Ok((frames, head))
    }

    /// Numbers of the segments from 1 on with their lengths in bytes, the one that is being written with them.
    ///
    /// # Errors
    /// [`ReadFault::Storage`].
    pub fn segments(&self) -> Result<Vec<(u32, u64)>, ReadFault> {
        let names = self.storage.list(JOURNAL_DIRECTORY).map_err(ReadFault::Storage)?;
        let numbers = names.iter().filter_map(|name| number_of(name));
        let length = |number| {
            let file = self.storage.open(&path_of(number), Access::Buffered)?;
            Ok((number, file.length()?))
        };
        numbers.map(length).collect::<Result<_, _>>().map_err(ReadFault::Storage)
    }

    /// Bytes of a segment's file from `offset` on, at most `bytes_max`, and how long the file is.
    ///
    /// # Errors
    /// [`ReadFault::Storage`].
    pub fn segment_bytes(
        &self,
        number: u32,
        offset: u64,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, u64), ReadFault> {
        let read = || {
            let file = self.storage.open(&path_of(number), Access::Buffered)?;
            let length = file.length()?;
            let left = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; left.min(bytes_max)];
            file.read_at(offset, &mut bytes)?;
            Ok((bytes, length))
        };
        read().map_err(ReadFault::Storage)
    }

    /// All durable frames from the one that took `sequence` on, up to the head at the time of each step.
    #[must_use]
    pub fn frames_from(&self, sequence: u64) -> Frames<S> {
        Frames {
            reader: self.clone(),
            wanted: sequence,
            cursor: None,
            previous: None,
            is_over: sequence == 0,
        }
    }
}

/// A walk along the chain. It ends at the head, or with the first fault.
#[derive(Debug)]
pub struct Frames<S: Storage> {
    reader: JournalReader<S>,
    wanted: u64,
    cursor: Option<Cursor<S>>,
    previous: Option<Hash>,
    is_over: bool,
}

impl<S: Storage> Iterator for Frames<S> {
    type Item = Result<Durable<Frame>, ReadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        // The head first: all of what is read below up to it was durable before it was read.
        let durable = self.reader.durable();
        if self.is_over || self.wanted > durable {
            return None;
        }
        let read = self.read(durable);
        match &read {
            Ok(frame) => {
                self.wanted = frame.header.last_sequence() + 1;
                self.previous = Some(frame.hash);
            }
            Err(_) => self.is_over = true,
        }
        Some(read)
    }
}

impl<S: Storage> Frames<S> {
    fn read(&mut self, durable: u64) -> Result<Durable<Frame>, ReadFault> {
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => Cursor::at(&self.reader, self.wanted, WALK)?,
        };
        cursor.refresh(durable);
        loop {
            let (header, hash) = cursor.next_header(&self.reader, self.wanted)?;
            if header.last_sequence() < self.wanted {
                cursor.at += (FRAME_HEADER_BYTES + header.payload_bytes as usize) as u64;
                continue;
            }
            let is_next = header.first_sequence == self.wanted || self.previous.is_none();
            let is_chained = self.previous.is_none_or(|previous| previous == header.previous);
            if !is_next || !is_chained || header.first_sequence > self.wanted {
                return Err(cursor.damaged(self.wanted, Flaw::Misplaced));
            }
            let payload = cursor.payload(&header, self.wanted)?;
            cursor.at += (FRAME_HEADER_BYTES + header.payload_bytes as usize) as u64;
            self.cursor = Some(cursor);
            return Ok(Durable(Frame { header, hash, payload }));
        }
    }
}

/// How a walk reads: past the page cache, much at a time.
const WALK: (Access, usize) = (Access::Direct, WINDOW_BYTES);

/// A place in a segment, and the bytes around it.
#[derive(Debug)]
struct Cursor<S: Storage> {
    file: Arc<S::File>,
    access: Access,
    segment: u32,
    length: u64,
    at: u64,
    window: AlignedBuffer,
    window_at: u64,
    /// Bytes that are read next, at least.
    window_bytes: usize,
    /// The head when the window was read: what lay behind it may since have been written.
    window_durable: u64,
}

impl<S: Storage> Cursor<S> {
    /// At the last place before `sequence` that the index knows; how files are read, and how much of them at first.
    fn at(reader: &JournalReader<S>, sequence: u64, how: (Access, usize)) -> Result<Self, ReadFault> {
        let entry = reader.index.before(sequence).ok_or(ReadFault::NotThere(sequence))?;
        let mut cursor = Self::open(reader, entry.segment, how)?;
        cursor.at = u64::from(entry.offset);
        Ok(cursor)
    }

    fn open(
        reader: &JournalReader<S>,
        segment: u32,
        (access, window_bytes): (Access, usize),
    ) -> Result<Self, ReadFault> {
        let open = || match access {
            Access::Buffered => reader.segment_file(segment),
            Access::Direct => {
                let file = reader.storage.open(&path_of(segment), access)?;
                let length = file.length()?;
                Ok((Arc::new(file), length))
            }
        };
        let (file, length) = open().map_err(ReadFault::Storage)?;
        Ok(Self {
            file,
            access,
            segment,
            length,
            at: BLOCK_BYTES as u64,
            window: AlignedBuffer::default(),
            window_at: 0,
            window_bytes,
            window_durable: 0,
        })
    }

    /// The place of the frame whose header has just been read, with what of it is in the window.
    fn into_place(self) -> Place<S::File> {
        let behind = self.at + FRAME_HEADER_BYTES as u64 - self.window_at;
        let behind = self.window.get(usize::try_from(behind).unwrap_or(usize::MAX)..).unwrap_or_default();
        Place { file: self.file, segment: self.segment, offset: self.at, behind: behind.to_vec() }
    }

    fn refresh(&mut self, durable: u64) {
        if self.window_durable != durable {
            self.window.reset(0);
            self.window_durable = durable;
        }
    }

    /// The header of the next frame at or behind the cursor, in this segment or the next. Only frames that
    /// are durable are looked for, so there must be one.
    fn next_header(
        &mut self,
        reader: &JournalReader<S>,
        wanted: u64,
    ) -> Result<(FrameHeader, Hash), ReadFault> {
        loop {
            let here = self.bytes(FRAME_HEADER_BYTES)?;
            if here.starts_with(&FRAME_MAGIC) {
                let (header, hash) = match decode_header(here) {
                    Ok(found) => found,
                    Err(error) => return Err(self.damaged(wanted, Flaw::Frame(error))),
                };
                if header.segment != self.segment {
                    return Err(self.damaged(wanted, Flaw::Misplaced));
                }
                return Ok((header, hash));
            }
            if !self.at.is_multiple_of(BLOCK_BYTES as u64) {
                self.at = self.at.next_multiple_of(BLOCK_BYTES as u64);
            } else if Milestone::decode(self.bytes(BLOCK_BYTES)?).is_some() {
                self.at += BLOCK_BYTES as u64;
            } else {
                self.next_segment(reader, wanted)?;
            }
        }
    }

    fn next_segment(&mut self, reader: &JournalReader<S>, wanted: u64) -> Result<(), ReadFault> {
        let durable = self.window_durable;
        match Self::open(reader, self.segment + 1, (self.access, self.window_bytes)) {
            Ok(next) => *self = Self { window_durable: durable, ..next },
            // A durable frame must follow, so what should have been here is gone.
            Err(ReadFault::Storage(fault)) if fault.is_absent() => {
                return Err(self.damaged(wanted, Flaw::Rubbish));
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn payload(&mut self, header: &FrameHeader, wanted: u64) -> Result<Vec<u8>, ReadFault> {
        let frame_bytes = FRAME_HEADER_BYTES + header.payload_bytes as usize;
        let Some(stored) = payload_of(self.bytes(frame_bytes)?, header) else {
            return Err(self.damaged(wanted, Flaw::Overlong));
        };
        let checked = header.check_payload(stored).and_then(|()| plain_payload(header, stored));
        checked.map_err(|error| self.damaged(wanted, Flaw::Frame(error)))
    }

    /// The whole frame as it is stored, checked.
    fn stored(&mut self, header: &FrameHeader, wanted: u64) -> Result<&[u8], ReadFault> {
        self.payload(header, wanted)?;
        self.bytes(FRAME_HEADER_BYTES + header.payload_bytes as usize)
    }

    /// Up to `count` bytes at the cursor; fewer where the segment ends.
    fn bytes(&mut self, count: usize) -> Result<&[u8], ReadFault> {
        let end = self.at.saturating_add(count as u64).min(self.length);
        let is_inside = self.at >= self.window_at && end <= self.window_at + self.window.len() as u64;
        if !is_inside {
            self.load(end)?;
        }
        let from = usize::try_from(self.at.min(end) - self.window_at).unwrap_or(self.window.len());
        let to = usize::try_from(end - self.window_at).unwrap_or(self.window.len());
        Ok(&self.window[from..to])
    }

    fn load(&mut self, end: u64) -> Result<(), ReadFault> {
        self.window_at = self.at.min(end) / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
        let wanted = end.next_multiple_of(BLOCK_BYTES as u64).max(self.window_at + self.window_bytes as u64);
        self.window_bytes = WINDOW_BYTES;
        let bytes = wanted.min(self.length).saturating_sub(self.window_at);
        self.window.reset(usize::try_from(bytes).unwrap_or(0));
        self.file.read_at(self.window_at, &mut self.window).map_err(ReadFault::Storage)
    }

    fn damaged(&self, sequence: u64, flaw: Flaw) -> ReadFault {
        ReadFault::Damaged { file: path_of(self.segment), offset: self.at, sequence, flaw }
    }
}
