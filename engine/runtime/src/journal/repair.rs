//! Putting a segment from another copy of the journal into the place of a damaged one.
//!
//! Owns the rule what may stand there: a whole segment that continues the head before it, holds every frame that can
//! still be read of the damaged one, and ends where the next segment begins. Hashes chain with keys that everybody has, so
//! whoever gives the copy could have written frames of its own behind the last true one: of the last segment nothing is
//! taken behind the last frame that something written here vouches for. The damaged file is kept aside. It decides nothing
//! about what is damaged: the recovery does.

use feiqian_core::frame::{FRAME_HEADER_BYTES, Head};
use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;

use super::copy::check_segment;
use super::milestone::{Milestone, Place};
use super::recovery::{RecoveryFault, RecoveryRefusal, Refusal};
use super::scan::{Flaw, Found, highest_sequence, named_heads, scan};
use super::segment::{number_of, path_of};
use super::writer::Journal;
use super::{JOURNAL_DIRECTORY, JournalOptions, SEGMENT_BYTES_MAX};
use crate::machine::FIRST_EPOCH;
use crate::storage::frozen::Frozen;
use crate::storage::{Access, BLOCK_BYTES, Storage, StorageFault, StorageFile, read_whole};
use crate::stores::{BlockStore, OutcomeStore, StoreFault};

/// Where damaged segments are kept, in the data directory.
pub const DAMAGED_DIRECTORY: &str = "damaged";

/// A segment that was replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// Its number.
    pub segment: u32,
    /// What the recovery said of the damaged one.
    pub was: RecoveryRefusal,
    /// Frames in what stands there now.
    pub frames: u64,
    /// Frames of the copy behind those, which were not taken: nothing that was written here vouches for them.
    pub left_out: u64,
    /// Where the damaged file lies now; none if there was none.
    pub kept: Option<String>,
}

/// Why a segment can't be replaced.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RepairFault<E> {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageFault),
    /// The other copy can't be asked.
    #[error("{0}")]
    Source(E),
    /// What the other copy has is damaged too, or another journal's.
    #[error("segment {segment} of the other copy is no replacement: at offset {offset}, {flaw}")]
    Flawed {
        /// The segment.
        segment: u32,
        /// Where.
        offset: usize,
        /// What.
        flaw: Flaw,
    },
    /// It holds other frames than those that can still be read here, or ends elsewhere.
    #[error("segment {0} of the other copy holds other frames than this journal")]
    Other(u32),
    /// It ends before a sequence that was written here: what lies between would be lost.
    #[error(
        "segment {segment} of the other copy ends at sequence {has}, and sequence {needs} was written here: ask a copy \
         that went further"
    )]
    Shorter {
        /// The segment.
        segment: u32,
        /// The copy's last sequence.
        has: u64,
        /// The last one that can be told here.
        needs: u64,
    },
    /// What was executed here goes further than what anything that was written here vouches for.
    #[error(
        "segment {segment} of the other copy: sequence {needs} was executed here, and nothing that was written here \
         vouches for the copy's frames behind sequence {vouched}: restore the file from a backup"
    )]
    Unvouched {
        /// The segment.
        segment: u32,
        /// The last sequence that is vouched for.
        vouched: u64,
        /// The last one that was executed here, or that the copy has where more segments follow.
        needs: u64,
    },
    /// It goes on in a later epoch: another leads this chain now.
    #[error(
        "the other copy goes on in epoch {0}: another leads this chain now, so this directory must not lead any more"
    )]
    LaterEpoch(u32),
    /// The recovery refuses the same segment again: the other copy does not go as far.
    #[error("the other copy's segment does not help: {0}")]
    StillRefused(RecoveryRefusal),
}

/// Replaces every segment that a recovery refuses by what `fetch` gives for its number, each checked by the chain of
/// hashes before anything is changed. `acknowledged` as for the recovery.
///
/// # Errors
/// [`RepairFault`]; segments that were replaced before it stay so.
pub fn repair<S: Storage, E>(
    storage: &S,
    options: JournalOptions,
    acknowledged: u64,
    mut fetch: impl FnMut(u32) -> Result<Vec<u8>, E>,
) -> Result<Vec<Repaired>, RepairFault<E>> {
    let mut repaired: Vec<Repaired> = Vec::new();
    loop {
        let Tried::Refused { refusal, damaged } = try_recovery(storage, options, acknowledged)? else {
            return Ok(repaired);
        };
        let segment = refusal.segment();
        if repaired.iter().any(|done| done.segment == segment) {
            return Err(RepairFault::StillRefused(refusal));
        }
        let mut image = fetch(segment).map_err(RepairFault::Source)?;
        let (frames, left_out) = check(storage, &damaged, acknowledged, (&mut image, &mut fetch))?;
        let kept = replace(storage, segment, &image)?;
        repaired.push(Repaired { segment, was: refusal, frames, left_out, kept });
    }
}

enum Tried {
    Good,
    Refused { refusal: RecoveryRefusal, damaged: Damaged },
}

/// What can still be told of a damaged segment.
struct Damaged {
    segment: u32,
    /// The head at its beginning.
    before: Head,
    /// The hashes of its frames up to the damage.
    known: Vec<Hash>,
    /// The last sequence that was written in it.
    sequence: u64,
    /// The last epoch before the damage.
    epoch: u32,
    /// Heads that the file still names, behind the damage too.
    named: Vec<(u64, Hash)>,
}

fn try_recovery<S: Storage, E>(
    storage: &S,
    options: JournalOptions,
    acknowledged: u64,
) -> Result<Tried, RepairFault<E>> {
    let mut before = Head::genesis(options.chain_id);
    let mut heads = vec![(0, before)];
    let visit = |frame: super::Durable<super::Frame>| {
        let head = frame.header.head(frame.hash);
        match heads.last_mut() {
            Some((segment, last)) if *segment == frame.header.segment => *last = head,
            _ => heads.push((frame.header.segment, head)),
        }
        Ok::<(), std::convert::Infallible>(())
    };
    let refusal = match Journal::recover(Frozen(storage.clone()), options, acknowledged, None, visit) {
        Ok(_) => return Ok(Tried::Good),
        Err(RecoveryFault::Refused(refusal)) => refusal,
        Err(RecoveryFault::Storage(fault)) => return Err(fault.into()),
        Err(RecoveryFault::Stopped(never)) => match never {},
    };
    let segment = refusal.segment();
    if let Some((_, head)) = heads.iter().rev().find(|(number, _)| *number < segment) {
        before = *head;
    }
    if refusal.what == Refusal::SegmentMissing {
        before = head_before(storage, options, segment)?;
    }
    let readable = read_whole(storage, &path_of(segment), u64::from(SEGMENT_BYTES_MAX)).unwrap_or_default();
    let found = scan(&readable, segment, before);
    let damaged = Damaged {
        segment,
        before,
        known: found.frames.iter().map(|frame| frame.hash).collect(),
        sequence: highest_sequence(&readable, found.at, segment, &found.head),
        epoch: found.head.epoch.max(before.epoch),
        named: named_heads(&readable, segment, &before, 0..readable.len()),
    };
    Ok(Tried::Refused { refusal, damaged })
}

/// Of a missing segment, before which nothing was read: the end of the one before.
fn head_before<S: Storage>(storage: &S, options: JournalOptions, segment: u32) -> Result<Head, StorageFault> {
    let mut head = Head::genesis(options.chain_id);
    for number in 1..segment {
        let image = read_whole(storage, &path_of(number), u64::from(SEGMENT_BYTES_MAX))?;
        head = scan(&image, number, head).head;
    }
    Ok(head)
}

/// Checks the other copy's image, and cuts it where nothing vouches for what it goes on with. Gives the frames that stay
/// and how many were cut.
fn check<S: Storage, E>(
    storage: &S,
    damaged: &Damaged,
    acknowledged: u64,
    (image, fetch): (&mut Vec<u8>, &mut impl FnMut(u32) -> Result<Vec<u8>, E>),
) -> Result<(u64, u64), RepairFault<E>> {
    let segment = damaged.segment;
    let checked = check_segment(image, segment, damaged.before);
    let (head, frames) = checked.map_err(|(offset, flaw)| RepairFault::Flawed { segment, offset, flaw })?;
    let hashes: Vec<Hash> = frames.iter().map(|frame| frame.hash).collect();
    let next = start_of(storage, segment + 1);
    if !hashes.starts_with(&damaged.known) || next.is_some_and(|next| next != head) {
        return Err(RepairFault::Other(segment));
    }
    let named = own_heads(&damaged.named, image, (segment, &head), &frames);
    let is_there = |head: &(u64, Hash)| {
        *head == (damaged.before.sequence, damaged.before.hash)
            || frames.iter().any(|frame| (frame.header.last_sequence(), frame.hash) == *head)
    };
    if head.sequence < damaged.sequence {
        return Err(RepairFault::Shorter { segment, has: head.sequence, needs: damaged.sequence });
    }
    let is_own = |frame: &Found| frame.header.last_sequence() <= acknowledged.max(damaged.sequence);
    let is_later = |frame: &&Found| frame.header.epoch > damaged.epoch.max(FIRST_EPOCH) && !is_own(frame);
    if let Some(frame) = frames.iter().find(is_later) {
        return Err(RepairFault::LaterEpoch(frame.header.epoch));
    }
    if !named.iter().all(is_there) {
        return Err(RepairFault::Other(segment));
    }
    let taken = frames.len() as u64;
    if next.is_some() {
        return Ok((taken, 0));
    }
    if is_followed(storage, segment)? {
        check_next(storage, (segment, head), fetch)?;
        return Ok((taken, 0));
    }
    let kept = vouched_frames(storage, (damaged, named), (&head, &frames))?;
    if kept < frames.len() {
        cut(image, segment, (damaged.before, &frames[..kept]));
        check_segment(image, segment, damaged.before).map_err(|(offset, flaw)| RepairFault::Flawed {
            segment,
            offset,
            flaw,
        })?;
    }
    Ok((kept as u64, (frames.len() - kept) as u64))
}

/// The head that a segment's file says it continues; none if that can't be read.
fn start_of<S: Storage>(storage: &S, segment: u32) -> Option<Head> {
    let mut block = vec![0; BLOCK_BYTES];
    let file = storage.open(&path_of(segment), Access::Buffered).ok()?;
    file.read_at(0, &mut block).ok()?;
    Milestone::decode(&block).filter(|start| start.place == Place::Start).map(|start| start.head)
}

fn is_followed<S: Storage>(storage: &S, segment: u32) -> Result<bool, StorageFault> {
    let names = storage.list(JOURNAL_DIRECTORY)?;
    Ok(names.iter().filter_map(|name| number_of(name)).any(|number| number > segment))
}

/// The beginning of the segment behind is damaged too: what else can be read of it must be in the copy's, which continues
/// this one.
fn check_next<S: Storage, E>(
    storage: &S,
    (segment, head): (u32, Head),
    fetch: &mut impl FnMut(u32) -> Result<Vec<u8>, E>,
) -> Result<(), RepairFault<E>> {
    let next = segment + 1;
    let image = fetch(next).map_err(RepairFault::Source)?;
    let checked = check_segment(&image, next, head);
    let (_, frames) =
        checked.map_err(|(offset, flaw)| RepairFault::Flawed { segment: next, offset, flaw })?;
    let readable = read_whole(storage, &path_of(next), u64::from(SEGMENT_BYTES_MAX)).unwrap_or_default();
    let named = named_heads(&readable, next, &head, 0..readable.len());
    let mut named = own_heads(&named, &image, (next, &head), &frames);
    named.extend(sealed_head(storage)?);
    if named.contains(&(head.sequence, head.hash)) || frames.iter().any(|frame| is_named(frame, &named)) {
        return Ok(());
    }
    Err(RepairFault::Unvouched { segment, vouched: 0, needs: head.sequence })
}

/// The heads that the damaged file names itself, without those that stand in the payload of a frame: what a submitter has
/// put there vouches for nothing.
fn own_heads(
    named: &[(u64, Hash)],
    image: &[u8],
    (segment, head): (u32, &Head),
    frames: &[Found],
) -> Vec<(u64, Hash)> {
    let payloads = frames.iter().flat_map(|frame| {
        let begin = frame.offset + FRAME_HEADER_BYTES;
        begin..begin.saturating_add(usize::try_from(frame.header.payload_bytes).unwrap_or(usize::MAX))
    });
    let submitted = named_heads(image, segment, head, payloads);
    named.iter().filter(|head| !submitted.contains(head)).copied().collect()
}

fn is_named(frame: &Found, named: &[(u64, Hash)]) -> bool {
    named.contains(&(frame.header.last_sequence(), frame.hash))
}

/// How many frames of the journal's last segment something vouches for that was written here: what can still be read of
/// the file, or the newest block, which the operator has signed.
fn vouched_frames<S: Storage, E>(
    storage: &S,
    (damaged, mut named): (&Damaged, Vec<(u64, Hash)>),
    (head, frames): (&Head, &[Found]),
) -> Result<usize, RepairFault<E>> {
    named.extend(sealed_head(storage)?);
    let kept = frames.iter().rposition(|frame| is_named(frame, &named)).map_or(0, |last| last + 1);
    let vouched = match kept {
        0 => damaged.before.sequence,
        kept => frames[kept - 1].header.last_sequence(),
    };
    let needs = last_row(storage, (vouched, head.sequence))?.max(damaged.sequence);
    if kept < frames.len() && needs > vouched {
        return Err(RepairFault::Unvouched { segment: damaged.segment, vouched, needs });
    }
    Ok(kept)
}

/// The journal's head at the end of the newest block that is stored here.
fn sealed_head<S: Storage>(storage: &S) -> Result<Option<(u64, Hash)>, StorageFault> {
    let newest = || {
        let (blocks, _) = BlockStore::open(Frozen(storage.clone()))?;
        if blocks.last() == 0 { Ok(None) } else { blocks.read(blocks.last()).map(Some) }
    };
    let newest = match newest() {
        Err(StoreFault::Storage(fault)) => return Err(fault),
        // What is damaged vouches for nothing.
        newest => newest.ok().flatten(),
    };
    let header = newest.and_then(|block| BlockHeader::decode(&block.header).ok());
    Ok(header.map(|header| (header.first_sequence + header.count - 1, header.journal_head)))
}

/// The last sequence behind `first`, up to `last`, that has an outcome row here: it was executed, so somebody may have been
/// answered.
fn last_row<S: Storage>(storage: &S, (first, last): (u64, u64)) -> Result<u64, StorageFault> {
    let rows = match OutcomeStore::open(Frozen(storage.clone())) {
        Ok(rows) => rows,
        Err(StoreFault::Storage(fault)) if !fault.is_absent() => return Err(fault),
        Err(_) => return Ok(first),
    };
    let is_written =
        |sequence: &u64| rows.read_row(*sequence).is_ok_and(|row| row.iter().any(|byte| *byte != 0));
    Ok((first + 1..=last).rev().find(is_written).unwrap_or(first))
}

/// Keeps a segment's first frames alone, with a mark behind them, as a recovery leaves it.
fn cut(image: &mut [u8], segment: u32, (before, kept): (Head, &[Found])) {
    let end = kept.last().map_or(BLOCK_BYTES, |frame| {
        let payload = usize::try_from(frame.header.payload_bytes).unwrap_or(usize::MAX);
        frame.offset.saturating_add(FRAME_HEADER_BYTES).saturating_add(payload)
    });
    image[end..].fill(0);
    let head = kept.last().map_or(before, |frame| frame.header.head(frame.hash));
    let at = end.next_multiple_of(BLOCK_BYTES);
    let (length, room) = (u32::try_from(image.len()), image.get_mut(at..at + BLOCK_BYTES));
    if let (Ok(segment_bytes), Some(block), false) = (length, room, kept.is_empty()) {
        Milestone { place: Place::Mark, segment, segment_bytes, head }.encode(block);
    }
}

/// The new file is whole and synced before the damaged one loses its name.
fn replace<S: Storage>(storage: &S, segment: u32, image: &[u8]) -> Result<Option<String>, StorageFault> {
    let path = path_of(segment);
    let aside = format!("{DAMAGED_DIRECTORY}/{segment:010}.new");
    storage.create_directory(DAMAGED_DIRECTORY)?;
    let file = storage.create(&aside, Access::Buffered)?;
    file.write_at(0, image)?;
    file.sync_data()?;
    let is_there = storage.list(JOURNAL_DIRECTORY)?.iter().any(|name| number_of(name) == Some(segment));
    let taken = storage.list(DAMAGED_DIRECTORY)?;
    let mut names = (1..).map(|number: u32| format!("{segment:010}-{number}.fqj"));
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    let kept = format!("{DAMAGED_DIRECTORY}/{name}");
    if is_there {
        storage.rename(&path, &kept)?;
    }
    storage.rename(&aside, &path)?;
    storage.sync_directory(DAMAGED_DIRECTORY)?;
    storage.sync_directory(JOURNAL_DIRECTORY)?;
    Ok(is_there.then_some(kept))
}
