//! Putting a segment from another copy of the journal into the place of a damaged one.
//!
//! Owns the rule what may stand there: a whole segment that continues the head before it, holds every frame that can
//! still be read of the damaged one, and ends where the next segment begins. The damaged file is kept aside. It decides
//! nothing about what is damaged: the recovery does.

use feiqian_core::frame::Head;
use feiqian_proof::Hash;

use super::copy::check_segment;
use super::milestone::{Milestone, Place};
use super::recovery::{RecoveryFault, RecoveryRefusal, Refusal};
use super::scan::{Flaw, Found, highest_sequence, scan};
use super::segment::{number_of, path_of};
use super::writer::Journal;
use super::{JOURNAL_DIRECTORY, JournalOptions, SEGMENT_BYTES_MAX};
use crate::machine::FIRST_EPOCH;
use crate::storage::frozen::Frozen;
use crate::storage::{Access, BLOCK_BYTES, Storage, StorageFault, StorageFile, read_whole};

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
        let image = fetch(segment).map_err(RepairFault::Source)?;
        let frames = check(storage, &damaged, acknowledged, &image)?;
        let kept = replace(storage, segment, &image)?;
        repaired.push(Repaired { segment, was: refusal, frames, kept });
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

fn check<S: Storage, E>(
    storage: &S,
    damaged: &Damaged,
    acknowledged: u64,
    image: &[u8],
) -> Result<u64, RepairFault<E>> {
    let segment = damaged.segment;
    let checked = check_segment(image, segment, damaged.before);
    let (head, frames) = checked.map_err(|(offset, flaw)| RepairFault::Flawed { segment, offset, flaw })?;
    let mut block = vec![0; BLOCK_BYTES];
    let next = storage.open(&path_of(segment + 1), Access::Buffered);
    let next =
        next.and_then(|file| file.read_at(0, &mut block)).ok().and_then(|()| Milestone::decode(&block));
    let is_joined = next.is_none_or(|next| next.place != Place::Start || next.head == head);
    let hashes: Vec<Hash> = frames.iter().map(|frame| frame.hash).collect();
    if !hashes.starts_with(&damaged.known) || !is_joined {
        return Err(RepairFault::Other(segment));
    }
    if head.sequence < damaged.sequence {
        return Err(RepairFault::Shorter { segment, has: head.sequence, needs: damaged.sequence });
    }
    let is_own = |frame: &Found| frame.header.last_sequence() <= acknowledged.max(damaged.sequence);
    match frames.iter().find(|frame| frame.header.epoch > damaged.epoch.max(FIRST_EPOCH) && !is_own(frame)) {
        Some(frame) => Err(RepairFault::LaterEpoch(frame.header.epoch)),
        None => Ok(hashes.len() as u64),
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
