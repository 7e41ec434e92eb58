//! Opening the journal: reads the chain, decides on its tail, and hands out every durable frame.
//!
//! Owns the table of the module's documentation, as code. It writes nothing before it has decided, and
//! nothing at all where it refuses: a damaged journal stays as it was found.

use std::fmt;
use std::sync::Arc;

use crossbeam::channel::unbounded;
use feiqian_core::frame::{FRAME_HEADER_BYTES, Head};

use super::index::{Entry, Index};
use super::milestone::{Milestone, Place};
use super::reader::JournalReader;
use super::scan::{Flaw, Found, Scan, highest_mark, payload_of, plain_payload, scan};
use super::segment::{number_of, path_of};
use super::writer::{Current, Journal, write_mark};
use super::{BLOCK, Durable, Frame, JOURNAL_DIRECTORY, JournalOptions, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use crate::queue_load::QueueLoad;
use crate::storage::aligned::AlignedBuffer;
use crate::storage::{ASIDE_SUFFIX, Access, BLOCK_BYTES, Storage, StorageFault, StorageFile};

/// How the journal ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tail {
    /// After its last frame there was nothing.
    Clean,
    /// A torn, unacknowledged tail was cut.
    Torn {
        /// Number of the last segment.
        segment: u32,
        /// Where in it the tail began.
        offset: u64,
        /// How many bytes were not zero from there on, and are now.
        bytes: u64,
    },
}

/// What was found and done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// Frames handed out.
    pub frames: u64,
    /// The last frame.
    pub head: Head,
    /// How the journal ended.
    pub tail: Tail,
}

/// Why the journal can't be opened. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A place that holds, or may hold, acknowledged frames can't be read.
    Damaged(Flaw),
    /// The journal ends before a sequence that was acknowledged.
    EndsBefore {
        /// For which blocks or a snapshot vouch.
        acknowledged: u64,
    },
    /// The snapshot's frame isn't in this chain.
    SnapshotElsewhere,
    /// A segment's file is missing.
    SegmentMissing,
    /// A segment's file has a length that none can have.
    SegmentLength(u64),
}

/// A refusal to start, with the place that an operator must look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoveryRefusal {
    /// The segment's file, relative to the data directory.
    pub file: String,
    /// The byte in it.
    pub offset: u64,
    /// The sequence that must have been there.
    pub sequence: u64,
    /// What is wrong.
    pub what: Refusal,
}

impl RecoveryRefusal {
    /// The number of the segment that it names.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.file.rsplit('/').next().and_then(number_of).unwrap_or(1)
    }
}

impl fmt::Display for RecoveryRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}, sequence {}: ", self.file, self.offset, self.sequence)?;
        match self.what {
            Refusal::Damaged(flaw) => write!(f, "acknowledged frames are damaged ({flaw})")?,
            Refusal::EndsBefore { acknowledged } => {
                write!(f, "the journal ends here, but sequence {acknowledged} was acknowledged")?;
            }
            Refusal::SnapshotElsewhere => f.write_str("the snapshot's frame is not in this journal")?,
            Refusal::SegmentMissing => f.write_str("the segment is missing")?,
            Refusal::SegmentLength(length) => write!(f, "a segment can't have {length} bytes")?,
        }
        f.write_str("; nothing was changed: restore the file from a replica or a backup")
    }
}

impl std::error::Error for RecoveryRefusal {}

/// Why a recovery did not end in an open journal. `E` is what the visitor stops with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecoveryFault<E> {
    /// What was found forbids to start.
    Refused(RecoveryRefusal),
    /// The storage failed.
    Storage(StorageFault),
    /// The visitor stopped.
    Stopped(E),
}

impl<E> From<StorageFault> for RecoveryFault<E> {
    fn from(fault: StorageFault) -> Self {
        Self::Storage(fault)
    }
}

impl<E> From<RecoveryRefusal> for RecoveryFault<E> {
    fn from(refusal: RecoveryRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: fmt::Display> fmt::Display for RecoveryFault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Storage(fault) => write!(f, "the journal can't be read: {fault}"),
            Self::Stopped(reason) => reason.fmt(f),
        }
    }
}

impl<E: fmt::Display + fmt::Debug> std::error::Error for RecoveryFault<E> {}

impl<S: Storage> Journal<S> {
    /// Opens the journal, or begins one, and gives every frame behind `from` to `visit`, in order.
    ///
    /// `acknowledged` is the highest sequence for which blocks, snapshots or outcome rows vouch; `from` the
    /// head that a snapshot belongs to. The chain is checked from the start of the segment that holds it.
    ///
    /// # Errors
    /// [`RecoveryFault`]. On a refusal nothing has been changed on disk; frames of earlier segments may have
    /// been visited.
    ///
    /// # Panics
    /// On options that no journal can have (see [`JournalOptions::segment_bytes`]).
    pub fn recover<E>(
        storage: S,
        options: JournalOptions,
        acknowledged: u64,
        from: Option<Head>,
        mut visit: impl FnMut(Durable<Frame>) -> Result<(), E>,
    ) -> Result<(Self, Recovered), RecoveryFault<E>> {
        Self::recover_reading(storage, options, acknowledged, from, |frame, _| visit(frame))
    }

    /// As [`Journal::recover`], with a reader for `visit` of all that has been recovered so far: a repeated id
    /// is compared with what was journaled under it first.
    ///
    /// # Errors
    /// See [`Journal::recover`].
    ///
    /// # Panics
    /// See [`Journal::recover`].
    pub fn recover_reading<E>(
        storage: S,
        options: JournalOptions,
        acknowledged: u64,
        from: Option<Head>,
        visit: impl FnMut(Durable<Frame>, &JournalReader<S>) -> Result<(), E>,
    ) -> Result<(Self, Recovered), RecoveryFault<E>> {
        let is_possible = (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&options.segment_bytes)
            && options.segment_bytes.is_multiple_of(BLOCK);
        assert!(is_possible, "segment_bytes must be a multiple of 4096 in its bounds");
        let from = from.filter(|head| head.sequence > 0);
        let acknowledged = acknowledged.max(from.map_or(0, |head| head.sequence));
        let last = list_segments(&storage)?;
        let index = Index::new(Head::genesis(options.chain_id));
        let mut recovery = Recovery {
            storage: &storage,
            last,
            acknowledged,
            from,
            visit,
            head: Head::genesis(options.chain_id),
            index: index.clone(),
            frames: 0,
            tail: Tail::Clean,
            image: AlignedBuffer::default(),
        };
        let current = recovery.run()?;
        let recovered = Recovered { frames: recovery.frames, head: recovery.head, tail: recovery.tail };
        Ok((Self::new(storage, options, current, index), recovered))
    }

    /// As [`Journal::recover_reading`], with the reading, its checks and the unpacking on a thread beside, so far ahead of
    /// `visit` that this has work while the next segment is read and checked.
    ///
    /// # Errors
    /// See [`Journal::recover`]; a fault of `visit` comes before what the thread has met behind that frame.
    ///
    /// # Panics
    /// See [`Journal::recover`].
    pub fn recover_ahead<E>(
        storage: S,
        options: JournalOptions,
        acknowledged: u64,
        from: Option<Head>,
        mut visit: impl FnMut(Durable<Frame>, &JournalReader<S>) -> Result<(), E>,
    ) -> Result<(Self, Recovered), RecoveryFault<E>> {
        let load = QueueLoad::default();
        std::thread::scope(|scope| {
            let (lane, frames) = unbounded();
            let (load, closing) = (&load, load.closing());
            let reading = scope.spawn(move || {
                Self::recover_reading(storage, options, acknowledged, from, |frame, reader| {
                    load.take(bytes_of(&frame), BYTES_AHEAD);
                    lane.send((frame, reader.clone())).map_err(|_| Unwanted)
                })
            });
            let visited = frames.iter().try_for_each(|(frame, reader)| {
                load.give_back(bytes_of(&frame));
                visit(frame, &reader)
            });
            // The thread ends with its next frame where `visit` wants no more.
            drop((frames, closing));
            let recovered = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            visited.map_err(RecoveryFault::Stopped)?;
            recovered.map_err(|fault| match fault {
                RecoveryFault::Refused(refusal) => RecoveryFault::Refused(refusal),
                RecoveryFault::Storage(fault) => RecoveryFault::Storage(fault),
                RecoveryFault::Stopped(Unwanted) => unreachable!("every frame has been taken"),
            })
        })
    }
}

/// What a frame takes while it waits to be visited.
fn bytes_of(frame: &Frame) -> u64 {
    (FRAME_HEADER_BYTES + frame.payload.len()) as u64
}

/// Frames that are unpacked before they are visited: work for a quarter of a second, in which a segment of the usual length is
/// read and checked.
const BYTES_AHEAD: u64 = 128 << 20;

/// Nobody takes frames any more.
struct Unwanted;

/// Makes the names durable that a killed process may have left unsynced, removes what it left aside, and
/// gives the number of the last segment, 0 if there is none.
fn list_segments<S: Storage, E>(storage: &S) -> Result<u32, RecoveryFault<E>> {
    storage.create_directory(JOURNAL_DIRECTORY)?;
    storage.sync_directory(JOURNAL_DIRECTORY)?;
    let mut last = 0;
    let mut missing = None;
    let names = storage.list(JOURNAL_DIRECTORY)?;
    for number in names.iter().filter_map(|name| number_of(name)) {
        if number != last + 1 {
            missing = missing.or(Some(last + 1));
        }
        last = number;
    }
    if let Some(number) = missing {
        let what = Refusal::SegmentMissing;
        return Err(RecoveryRefusal { file: path_of(number), offset: 0, sequence: 0, what }.into());
    }
    for name in names.iter().filter(|name| name.ends_with(ASIDE_SUFFIX)) {
        storage.remove(&format!("{JOURNAL_DIRECTORY}/{name}"))?;
    }
    Ok(last)
}

struct Recovery<'a, S, V> {
    storage: &'a S,
    last: u32,
    acknowledged: u64,
    from: Option<Head>,
    visit: V,
    head: Head,
    index: Index,
    frames: u64,
    tail: Tail,
    image: AlignedBuffer,
}

impl<S: Storage, E, V: FnMut(Durable<Frame>, &JournalReader<S>) -> Result<(), E>> Recovery<'_, S, V> {
    fn run(&mut self) -> Result<Option<Current<S::File>>, RecoveryFault<E>> {
        let first = self.first_segment()?;
        let mut current = None;
        for number in first..=self.last {
            current = Some(self.segment(number)?);
        }
        if self.last == 0 && self.acknowledged > 0 {
            let what = Refusal::EndsBefore { acknowledged: self.acknowledged };
            return Err(self.refusal(1, 0, what).into());
        }
        Ok(current)
    }

    /// The segment in which the snapshot's frame lies, or that begins right behind it. Of those before only
    /// the opening blocks are read, so that a reader finds its way to every sequence.
    fn first_segment(&mut self) -> Result<u32, RecoveryFault<E>> {
        let Some(from) = self.from else { return Ok(1) };
        let mut first = 1;
        let mut block = AlignedBuffer::zeroed(BLOCK_BYTES);
        for number in 2..=self.last {
            self.storage.open(&path_of(number), Access::Direct)?.read_at(0, &mut block)?;
            let start = Milestone::decode(&block).filter(|start| {
                let is_here = start.place == Place::Start && start.segment == number;
                is_here && start.head.chain_id == self.head.chain_id
            });
            let Some(start) = start else {
                // The last segment may be empty or torn; its own reading decides. Any other is damaged.
                if number == self.last {
                    break;
                }
                return Err(self.refusal(number, 0, Refusal::Damaged(Flaw::Start)).into());
            };
            if start.head.sequence > from.sequence {
                break;
            }
            let (segment, offset) = (first, BLOCK);
            let skipped = Entry { first_sequence: self.head.sequence + 1, segment, offset };
            self.index.extend([skipped], start.head);
            self.head = start.head;
            first = number;
        }
        if self.head.sequence == from.sequence && self.head.hash != from.hash {
            return Err(self.refusal(first, 0, Refusal::SnapshotElsewhere).into());
        }
        Ok(first)
    }

    fn segment(&mut self, number: u32) -> Result<Current<S::File>, RecoveryFault<E>> {
        let file = self.storage.open(&path_of(number), Access::Direct)?;
        // What a killed process left may so far be in the page cache only.
        file.sync_data()?;
        let bytes = self.length_of(&file, number)?;
        self.image.reset(bytes as usize);
        file.read_at(0, &mut self.image)?;
        let scan = scan(&self.image, number, self.head);
        self.judge(&scan, number)?;
        self.check_snapshot(&scan, number)?;
        let end =
            u32::try_from(scan.at.next_multiple_of(BLOCK_BYTES)).expect("a segment's length fits 32 bits");
        let mut current = Current { file: Arc::new(file), number, bytes, end, is_marked: scan.is_marked };
        if number == self.last {
            self.finish(&scan, &mut current)?;
        }
        self.head = scan.head;
        self.deliver(&scan.frames, number)?;
        Ok(current)
    }

    fn length_of(&self, file: &S::File, number: u32) -> Result<u32, RecoveryFault<E>> {
        let length = file.length()?;
        let refused = || self.refusal(number, 0, Refusal::SegmentLength(length));
        let bounds = SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX;
        let bytes = u32::try_from(length).ok().filter(|bytes| bounds.contains(bytes)).ok_or_else(refused)?;
        if bytes.is_multiple_of(BLOCK) { Ok(bytes) } else { Err(refused().into()) }
    }

    /// Refuses unless everything behind the scan's end is surely unacknowledged.
    fn judge(&self, scan: &Scan, number: u32) -> Result<(), RecoveryRefusal> {
        let refuse = |what| {
            let (file, offset) = (path_of(number), scan.at as u64);
            Err(RecoveryRefusal { file, offset, sequence: scan.head.sequence + 1, what })
        };
        if number < self.last {
            // The writer marks and syncs a segment's end before it names the next.
            let is_whole = scan.at > 0 && scan.is_marked && matches!(scan.flaw, None | Some(Flaw::Leftover));
            let flaw = scan.flaw.unwrap_or(if scan.at == 0 { Flaw::Start } else { Flaw::Mark });
            return if is_whole { Ok(()) } else { refuse(Refusal::Damaged(flaw)) };
        }
        match scan.flaw {
            Some(flaw) if self.is_acknowledged(scan, flaw, number) => refuse(Refusal::Damaged(flaw)),
            _ if self.acknowledged > scan.head.sequence => {
                refuse(Refusal::EndsBefore { acknowledged: self.acknowledged })
            }
            _ => Ok(()),
        }
    }

    /// Whether the group of the bad place may have been acknowledged: see the module's documentation.
    fn is_acknowledged(&self, scan: &Scan, flaw: Flaw, number: u32) -> bool {
        let next = scan.head.sequence + 1;
        let marked = highest_mark(&self.image, scan.at, number, &scan.head);
        let is_vouched = |first| self.acknowledged >= first || marked.is_some_and(|mark| mark >= first);
        if flaw == Flaw::StartElsewhere {
            // Well-formed, so not torn: the file is another journal's.
            true
        } else if scan.group_behind > 0 {
            is_vouched(scan.group_durable + 1)
        } else if scan.at.is_multiple_of(BLOCK_BYTES) {
            is_vouched(next)
        } else {
            self.acknowledged >= next || marked.is_some_and(|mark| mark >= scan.head.sequence)
        }
    }

    fn check_snapshot(&self, scan: &Scan, number: u32) -> Result<(), RecoveryRefusal> {
        let Some(from) = self.from else { return Ok(()) };
        let holder = scan.frames.iter().find(|found| {
            (found.header.first_sequence..=found.header.last_sequence()).contains(&from.sequence)
        });
        match holder {
            Some(found) if found.header.last_sequence() != from.sequence || found.hash != from.hash => {
                Err(self.refusal(number, found.offset, Refusal::SnapshotElsewhere))
            }
            _ => Ok(()),
        }
    }

    /// Zeroes a torn tail and marks the end, each durably, before any frame is handed out. The mark must not
    /// overtake the zeros: they go over the block of the last kept frame, which the mark vouches for.
    fn finish(&mut self, scan: &Scan, current: &mut Current<S::File>) -> Result<(), StorageFault> {
        if let Some(flaw) = scan.flaw {
            let bytes = self.zero(scan.at, current)?;
            if flaw != Flaw::Leftover {
                self.tail = Tail::Torn { segment: current.number, offset: scan.at as u64, bytes };
            }
        }
        if current.is_marked || current.end == 0 {
            return Ok(());
        }
        write_mark(current, &scan.head, &mut AlignedBuffer::default())?;
        current.file.sync_data()
    }

    /// Zeroes the segment from `at` on, as far as it isn't zero yet; gives the number of bytes that were not.
    fn zero(&mut self, at: usize, current: &Current<S::File>) -> Result<u64, StorageFault> {
        let tail = &mut self.image[at..];
        let bytes = tail.iter().filter(|byte| **byte != 0).count() as u64;
        let Some(last) = tail.iter().rposition(|byte| *byte != 0) else { return Ok(0) };
        tail[..=last].fill(0);
        let first_block = at - at % BLOCK_BYTES;
        let end = (at + last + 1).next_multiple_of(BLOCK_BYTES);
        current.file.write_at(first_block as u64, &self.image[first_block..end])?;
        current.file.sync_data()?;
        Ok(bytes)
    }

    fn deliver(&mut self, frames: &[Found], segment: u32) -> Result<(), RecoveryFault<E>> {
        let entries = frames.iter().map(|found| Entry {
            first_sequence: found.header.first_sequence,
            segment,
            offset: u32::try_from(found.offset).expect("a segment's length fits 32 bits"),
        });
        self.index.extend(entries, self.head);
        let from = self.from.map_or(0, |head| head.sequence);
        let reader = JournalReader::new(self.storage.clone(), self.index.clone());
        for found in frames.iter().filter(|found| found.header.first_sequence > from) {
            let stored = payload_of(&self.image[found.offset..], &found.header)
                .expect("the scan has read this payload in this image");
            let payload = plain_payload(&found.header, stored).map_err(|error| {
                let what = Refusal::Damaged(Flaw::Frame(error));
                RecoveryFault::Refused(self.refusal(segment, found.offset, what))
            })?;
            let frame = Frame { header: found.header, hash: found.hash, payload };
            (self.visit)(Durable(frame), &reader).map_err(RecoveryFault::Stopped)?;
            self.frames += 1;
        }
        Ok(())
    }

    fn refusal(&self, number: u32, offset: usize, what: Refusal) -> RecoveryRefusal {
        let sequence = self.head.sequence + 1;
        RecoveryRefusal { file: path_of(number), offset: offset as u64, sequence, what }
    }
}
