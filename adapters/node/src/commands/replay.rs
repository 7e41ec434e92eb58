//! `feiqian replay --shards N`: executes the journal from nothing at other shard counts, and compares the blocks
//! that come of it with those that were signed. Changes nothing.

use std::fmt;
use std::path::Path;

use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;
use feiqian_runtime::identity::Identity;
use feiqian_runtime::journal::{Journal, JournalOptions, JournalReader, RecoveryFault};
use feiqian_runtime::replay::{ReplayReport, replay as execute};
use feiqian_runtime::storage::Storage;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::storage::frozen::Frozen;
use feiqian_runtime::stores::BlockStore;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::{Table, grouped};
use crate::session::check_is_there;

/// One replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayLine {
    /// Shards.
    pub shards: u64,
    /// Entries executed.
    pub entries: u64,
    /// Blocks that came of it.
    pub blocks: u64,
    /// Hash of the last block's header.
    pub last_block: Option<String>,
    /// Whether every stored block came out the same.
    pub is_same: bool,
    /// How long it took, milliseconds.
    pub elapsed_ms: u64,
}

impl ReplayLine {
    /// Replays at `shards` shards and compares with the stored blocks.
    ///
    /// # Errors
    /// [`Fault::Check`] at the first frame that can't be read or executed.
    pub fn run<S: Storage>(reader: &JournalReader<S>, stored: &[Hash], shards: u64) -> Result<Self, Fault> {
        let count = usize::try_from(shards).unwrap_or(usize::MAX);
        let ReplayReport { blocks, entries, elapsed, .. } = execute(reader, count)
            .map_err(|fault| Fault::Check(format!("replay at {shards} shards stopped: {fault}")))?;
        Ok(Self {
            shards,
            entries,
            blocks: blocks.len() as u64,
            last_block: blocks.last().map(Hash::to_string),
            // A crash may keep the last blocks from being stored; the next start writes them.
            is_same: blocks.starts_with(stored),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

#[derive(Serialize)]
struct Replays {
    stored_blocks: u64,
    replays: Vec<ReplayLine>,
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} stored blocks", grouped(self.stored_blocks))?;
        write!(f, "{}", table(&self.replays))
    }
}

/// Replays as a table.
#[must_use]
pub fn table(replays: &[ReplayLine]) -> Table {
    let mut table = Table::new(&[">shards", ">entries", ">blocks", "last block", "", ">ms"]);
    for line in replays {
        table.row(vec![
            line.shards.to_string(),
            grouped(line.entries),
            grouped(line.blocks),
            line.last_block.as_deref().and_then(|hash| hash.get(..16)).unwrap_or("-").to_owned(),
            if line.is_same { "same" } else { "DIFFERENT" }.to_owned(),
            grouped(line.elapsed_ms),
        ]);
    }
    table
}

pub(super) fn replay(context: &Context, shards: &[u64]) -> Result<(), Fault> {
    let (reader, stored) = open(&context.data)?;
    let replays: Result<Vec<_>, _> =
        shards.iter().map(|count| ReplayLine::run(&reader, &stored, *count)).collect();
    let replays = Replays { stored_blocks: stored.len() as u64, replays: replays? };
    context.output.report(&replays);
    match replays.replays.iter().find(|line| !line.is_same) {
        Some(line) => {
            let text = format!("the blocks differ at {} shards: run `feiqian audit`", line.shards);
            Err(Fault::Check(text))
        }
        None => Ok(()),
    }
}

/// What replays need of a data directory, which stays as it is: a reader of its journal, and the hashes of its blocks.
///
/// # Errors
/// [`Fault::Data`] if it is none, is in use, or is damaged.
pub(super) fn open(data: &Path) -> Result<(JournalReader<Frozen<FileStorage>>, Vec<Hash>), Fault> {
    check_is_there(data)?;
    let storage = FileStorage::open(data).map_err(|error| Fault::Data(error.to_string()))?;
    let storage = Frozen(storage);
    let (blocks, _) = BlockStore::open(storage.clone()).map_err(|error| Fault::Data(error.to_string()))?;
    let stored = stored_blocks(&blocks)?;
    Ok((reader(storage, &blocks)?, stored))
}

/// The hash of every stored block's header, by height from 1.
///
/// # Errors
/// [`Fault::Data`] where one can't be read.
pub fn stored_blocks<S: Storage>(blocks: &BlockStore<S>) -> Result<Vec<Hash>, Fault> {
    let hash = |height| header(blocks, height).map(|header| header.hash());
    (1..=blocks.last()).map(hash).collect()
}

fn header<S: Storage>(blocks: &BlockStore<S>, height: u64) -> Result<BlockHeader, Fault> {
    let stored = blocks.read(height).map_err(|error| Fault::Data(error.to_string()))?;
    BlockHeader::decode(&stored.header).map_err(|error| Fault::Data(format!("block {height}: {error}")))
}

/// A reader over all that is durable, found as a start finds it, with nothing changed.
fn reader<S: Storage>(
    storage: Frozen<S>,
    blocks: &BlockStore<Frozen<S>>,
) -> Result<JournalReader<Frozen<S>>, Fault> {
    let identity = Identity::read(&storage).map_err(|error| Fault::Data(error.to_string()))?;
    let acknowledged = match blocks.last() {
        0 => 0,
        last => header(blocks, last).map(|header| header.first_sequence + header.count - 1)?,
    };
    let options = JournalOptions::new(identity.chain_id);
    let recovered =
        Journal::recover(storage, options, acknowledged, None, |_| Ok::<(), RecoveryFault<String>>(()));
    let (journal, _) = recovered.map_err(|fault| Fault::Data(fault.to_string()))?;
    Ok(journal.reader())
}
