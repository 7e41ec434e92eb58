//! Starting a replica behind the first blocks: from a snapshot that a trusted block or checkpoint vouches for.
//!
//! What is saved is executing, not copying: the journal is copied from its first frame on, since an id that was ever
//! taken decides the outcome of the same id today, and only the chain of hashes vouches for those. Each thing that is
//! taken over is checked against the one trusted value before it is kept. Of a snapshot, roots vouch for accounts and
//! configuration; positions, holds, which orders have been carried out, what is held for which fraud case (the reserved sum of
//! the account is vouched for) and secrets of salts that were falsified show in the first block that they decide.

use feiqian_core::frame::Head;
use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::{LogHead, leaf_hash};
use feiqian_proof::signature::{Signature, verify_header};
use feiqian_proof::tiles::Edge;

use super::witness::VALIDATOR_DIRECTORY;
use super::{Source, SourceFault};
use crate::identity::{Identity, IdentityFault};
use crate::journal::{Journal, JournalFault, JournalOptions, RecoveryFault, StoredFrame, forget_torn_group};
use crate::machine::restore;
use crate::storage::{Storage, StorageFault, read_whole};
use crate::stores::{BlockStore, SnapshotStore, StoreFault, decode_snapshot};

/// Behind which sequence a replica was begun: it has no outcome rows up to there.
const BEGUN_FILE: &str = "validator/begun";

/// What the caller trusts, from elsewhere than the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// A block by its height and its header's hash.
    Block(u64, Hash),
    /// The log at a size: of a checkpoint that enough witnesses have cosigned.
    Log(LogHead),
}

impl Trust {
    const fn height(&self) -> u64 {
        match self {
            Self::Block(height, _) => *height,
            Self::Log(head) => head.size,
        }
    }
}

/// Why a replica can't be started there.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The source: to be asked again later.
    #[error(transparent)]
    Source(#[from] SourceFault),
    /// The directory is another's.
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    /// Own stores.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// Own storage.
    #[error(transparent)]
    Storage(#[from] StorageFault),
    /// Own journal.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// The directory can't be opened.
    #[error("{0}")]
    Directory(String),
    /// What is served is not what is trusted.
    #[error("{0}: not what is trusted, nothing was kept of it")]
    NotTrusted(String),
}

/// Makes an empty directory, or one that this was cut off in, a replica that stands behind the snapshot's block.
/// `snapshot` is the file as the source has it, of a block that is not above the trusted one.
///
/// # Errors
/// [`StartFault`]; after [`StartFault::Source`] it may be called again.
pub fn start_from_snapshot<S: Storage>(
    storage: S,
    (identity, segment_bytes): (Identity, u32),
    source: &mut impl Source,
    (trust, snapshot): (Trust, Vec<u8>),
) -> Result<u64, StartFault> {
    match identity.write(&storage) {
        Err(IdentityFault::Exists) if Identity::read(&storage)? == identity => {}
        written => written?,
    }
    let snapshot = decode_snapshot(snapshot)
        .ok_or_else(|| StartFault::NotTrusted("the snapshot is damaged".to_owned()))?;
    let height = snapshot.of.height;
    if height > trust.height() {
        let why = format!("the snapshot is of block {height}, above the trusted {}", trust.height());
        return Err(StartFault::NotTrusted(why));
    }
    let (blocks, _) = BlockStore::open(storage.clone())?;
    let trusted = fetch_blocks(&identity, source, trust)?;
    let Some(last) = trusted.get(usize::try_from(height - 1).unwrap_or(usize::MAX)) else {
        return Err(StartFault::NotTrusted(format!("there is no block {height}")));
    };
    let header = BlockHeader::decode(&last.header)
        .map_err(|error| StartFault::NotTrusted(format!("block {height}: {error}")))?;
    let end = header.first_sequence + header.count - 1;
    copy_journal(&storage, (identity, segment_bytes), source, (end, header.journal_head))?;
    for (block, height) in trusted.iter().zip(1..=height).skip(usize::try_from(blocks.last()).unwrap_or(0)) {
        blocks.append(height, block)?;
    }
    blocks.sync()?;
    restore(&snapshot, &blocks).map_err(StartFault::NotTrusted)?;
    storage.create_directory(VALIDATOR_DIRECTORY)?;
    storage.write_atomically(BEGUN_FILE, format!("behind sequence {end}\n").as_bytes())?;
    SnapshotStore::open(storage)?.write(&snapshot.of, &snapshot.state)?;
    Ok(height)
}

/// The last sequence before which a directory has no rows, because it was begun behind a snapshot; 0 for any other.
///
/// # Errors
/// The storage's faults.
pub fn begun_behind(storage: &impl Storage) -> Result<u64, StorageFault> {
    let bytes = match read_whole(storage, BEGUN_FILE, 4_096) {
        Err(fault) if fault.is_absent() => return Ok(0),
        bytes => bytes?,
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let sequence = text.strip_prefix("behind sequence ").and_then(|text| text.strip_suffix('\n'));
    Ok(sequence.and_then(|sequence| sequence.parse().ok()).unwrap_or(0))
}

/// Says that the rows from before its beginning are there, durably.
///
/// # Errors
/// The storage's faults.
pub fn forget_beginning(storage: &impl Storage) -> Result<(), StorageFault> {
    storage.remove(BEGUN_FILE)?;
    storage.sync_directory(VALIDATOR_DIRECTORY)
}

/// All blocks up to the trusted height: each signed, each naming the one before, the last one or all together trusted.
fn fetch_blocks(
    identity: &Identity,
    source: &mut impl Source,
    trust: Trust,
) -> Result<Vec<crate::stores::StoredBlock>, StartFault> {
    let (mut blocks, mut previous, mut log) = (Vec::new(), Hash::default(), Edge::default());
    while (blocks.len() as u64) < trust.height() {
        let served = source.blocks(blocks.len() as u64 + 1)?;
        if served.is_empty() {
            let why = format!("it has {} blocks, and {} are trusted", blocks.len(), trust.height());
            return Err(SourceFault::Unreachable(why).into());
        }
        for block in
            served.into_iter().take(usize::try_from(trust.height()).unwrap_or(usize::MAX) - blocks.len())
        {
            let height = blocks.len() as u64 + 1;
            let header = BlockHeader::decode(&block.header).ok().filter(|header| {
                header.height == height
                    && header.chain_id == identity.chain_id
                    && header.previous == previous
                    && verify_header(&identity.operator, &header.hash(), &Signature(block.signature))
            });
            let why = || StartFault::NotTrusted(format!("block {height} is not the operator's next"));
            previous = header.ok_or_else(why)?.hash();
            drop(log.push(leaf_hash(&block.header)));
            blocks.push(block);
        }
    }
    let is_trusted = match trust {
        Trust::Block(_, hash) => previous == hash,
        Trust::Log(head) => log.root() == head.root,
    };
    if is_trusted {
        Ok(blocks)
    } else {
        Err(StartFault::NotTrusted(format!("the chain of {} blocks", trust.height())))
    }
}

/// Copies the journal, without executing it, until it holds the frame with this hash that ends at this sequence.
///
/// # Errors
/// [`StartFault::NotTrusted`] where the frame that ends there has another hash.
pub fn copy_journal<S: Storage>(
    storage: &S,
    (identity, segment_bytes): (Identity, u32),
    source: &mut impl Source,
    (end, hash): (u64, Hash),
) -> Result<Head, StartFault> {
    forget_torn_group(storage, 0)?;
    let options = JournalOptions { chain_id: identity.chain_id, segment_bytes };
    let (mut at_end, mut head) = (None, Head::genesis(identity.chain_id));
    let see = |head: Head, at_end: &mut Option<Hash>| {
        if head.sequence == end {
            *at_end = Some(head.hash);
        }
    };
    let recovered = Journal::recover(storage.clone(), options, 0, None, |frame| {
        see(frame.header.head(frame.hash), &mut at_end);
        Ok::<(), std::convert::Infallible>(())
    });
    let (mut journal, _) = recovered.map_err(|fault| match fault {
        RecoveryFault::Storage(fault) => StartFault::Storage(fault),
        other => StartFault::Directory(other.to_string()),
    })?;
    let mut partial: Vec<StoredFrame> = Vec::new();
    while journal.head().sequence < end {
        let next = partial.last().map_or(journal.head().sequence, |frame| frame.header.last_sequence()) + 1;
        let bytes = source.frames(next)?.bytes;
        if bytes.is_empty() {
            return Err(SourceFault::EndsBefore(end).into());
        }
        let frames = StoredFrame::read_all(&bytes);
        for frame in frames.map_err(|bad| SourceFault::Malformed(bad.to_string()))? {
            see(frame.header.head(frame.hash), &mut at_end);
            if partial.last().is_some_and(|last| !frame.is_in_group_of(last)) {
                journal.append_copies(std::mem::take(&mut partial))?;
            }
            let is_last = frame.header.group_behind == 0;
            partial.push(frame);
            if is_last {
                journal.append_copies(std::mem::take(&mut partial))?;
            }
        }
        head = *journal.head();
    }
    journal.close()?;
    if at_end == Some(hash) {
        return Ok(head);
    }
    Err(StartFault::NotTrusted(format!("the journal up to sequence {end}")))
}
