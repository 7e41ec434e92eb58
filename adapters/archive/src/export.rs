//! Exports what is sealed and not yet in an archive: block after block into a part, part after part into the directory.
//! A part ends with a day, with enough entries, or with the newest block; a block is always in one part as a whole.

use feiqian_core::calendar::Date;
use feiqian_proof::hash::Hash;
use feiqian_runtime::book::SealedBlock;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::QueryFault;
use feiqian_runtime::storage::Storage;
use serde::Serialize;

use crate::directory::Directory;
use crate::error::ArchiveError;
use crate::limits::{PART_ENTRIES, ROWS_BUFFERED};
use crate::part::Part;
use crate::reading::Reader;

/// How blocks are exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportOptions {
    /// The block that a new archive begins with; an archive that is there must begin with it.
    pub first_block: Option<u64>,
    /// Entries after which a part ends.
    pub part_entries: u64,
    /// Rows that wait in memory at the most.
    pub rows_buffered: usize,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { first_block: None, part_entries: PART_ENTRIES, rows_buffered: ROWS_BUFFERED }
    }
}

/// What was exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Exported {
    /// The last block that is in the archive.
    pub last_block: u64,
    /// Blocks that were added.
    pub blocks: u64,
    /// Parts that they became.
    pub parts: u64,
    /// Files of those.
    pub files: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Rows in `transfers`, and as many in `outcomes`.
    pub transfers: u64,
    /// Rows in `positions`.
    pub positions: u64,
}

/// Adds all blocks that are sealed by now to the archive in `storage`. Reads stored files alone: the engine goes on
/// meanwhile. Call it from a plain thread.
///
/// # Errors
/// [`ArchiveError`]. What was exported before stays; the next call goes on there.
pub fn export<S: Storage>(
    engine: &Engine,
    storage: S,
    options: &ExportOptions,
) -> Result<Exported, ArchiveError> {
    export_until(engine, storage, options, &|| false)
}

/// As [`export`], but ends early where `should_stop` says so. It is asked behind each block: what has been read by then
/// becomes a part, and the next call goes on behind it.
///
/// # Errors
/// As there.
pub fn export_until<S: Storage>(
    engine: &Engine,
    storage: S,
    options: &ExportOptions,
    should_stop: &dyn Fn() -> bool,
) -> Result<Exported, ArchiveError> {
    let chain = engine.archive().genesis()?.chain_id;
    let mut directory = Directory::open(storage, &chain, options.first_block)?;
    check_end(engine, &directory)?;
    // The batcher writes rows and blocks: what is sealed by now is written after this.
    engine.ask(|_| ());
    let newest = engine.archive().blocks.last();
    let mut exported = Exported::default();
    while directory.last() < newest && !should_stop() {
        part(engine, &mut directory, (newest, options, should_stop), &mut exported)?;
    }
    exported.last_block = directory.last();
    Ok(exported)
}

/// The archive must be one of this engine's blocks.
fn check_end<S: Storage>(engine: &Engine, directory: &Directory<S>) -> Result<(), ArchiveError> {
    if directory.is_empty() {
        return Ok(());
    }
    let last = directory.last();
    match engine.archive().block(last)? {
        Some(block) if directory.ends_with(&block.header.hash()) => Ok(()),
        _ => Err(ArchiveError::OtherBlock(last)),
    }
}

fn part<S: Storage>(
    engine: &Engine,
    directory: &mut Directory<S>,
    (newest, options, should_stop): (u64, &ExportOptions, &dyn Fn() -> bool),
    exported: &mut Exported,
) -> Result<(), ArchiveError> {
    let first = directory.last() + 1;
    let mut block = block_at(engine, first)?;
    let mut reader = Reader::new(engine, block.header.first_sequence);
    let day = day_of(block.header.timestamp);
    let mut part = Part::new(directory.storage().clone(), (day, first), options.rows_buffered);
    let mut entries = 0;
    let (last, hash): (u64, Hash) = loop {
        reader.block(&block, &mut part)?;
        entries += block.header.count;
        let at = (block.header.height, block.header.hash());
        if at.0 == newest || entries >= options.part_entries || should_stop() {
            break at;
        }
        block = block_at(engine, at.0 + 1)?;
        if day_of(block.header.timestamp) != part.day() {
            break at;
        }
    };
    let finished = part.finish(last)?;
    directory.commit(&finished, (last, &hash))?;
    exported.blocks += last - first + 1;
    exported.parts += 1;
    exported.files += finished.files.len() as u64;
    exported.bytes += finished.bytes;
    exported.transfers += reader.counted.transfers;
    exported.positions += reader.counted.positions;
    Ok(())
}

fn block_at(engine: &Engine, height: u64) -> Result<SealedBlock, ArchiveError> {
    let block = engine.archive().block(height)?;
    // Every height up to the last is stored.
    block.ok_or(ArchiveError::Engine(QueryFault::Unreadable(0)))
}

/// The day on which a block was sealed, in UTC.
fn day_of(nanoseconds: u64) -> String {
    let days = i32::try_from(nanoseconds / 86_400_000_000_000).ok().and_then(Date::of_days);
    // 2^64 nanoseconds end in 2554.
    let Date { year, month, day } = days.unwrap_or(Date { year: 1970, month: 1, day: 1 });
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_belongs_to_the_day_on_which_it_was_sealed() {
        assert_eq!(day_of(0), "1970-01-01");
        assert_eq!(day_of(1_773_649_800_000_000_000), "2026-03-16");
        assert_eq!(day_of(1_709_251_199_999_999_999), "2024-02-29");
        assert_eq!(day_of(u64::MAX), "2554-07-21");
    }
}
