//! `feiqian repair --from URL`: puts journal segments from a validator in the place of those that a start refuses.
//! Each is checked by the chain of hashes first; the damaged file is kept aside.

use std::fmt;
use std::path::Path;

use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::origin_of;
use feiqian_runtime::identity::Identity;
use feiqian_runtime::journal::{
    JOURNAL_DIRECTORY, JournalOptions, Repaired, SEGMENT_BYTES_MAX, repair as replace,
};
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::storage::frozen::Frozen;
use feiqian_runtime::storage::{Access, Storage as _, StorageFault, StorageFile as _};
use feiqian_runtime::stores::BlockStore;
use serde::Serialize;

use super::Context;
use super::validate::SEGMENT_SLACK_BYTES;
use crate::fault::Fault;
use crate::follow::Client;
use crate::keys::{operator_key_path, read_secret};
use crate::session::check_is_there;

#[derive(Serialize)]
struct RepairReport {
    segments: Vec<RepairedSegment>,
}

#[derive(Serialize)]
struct RepairedSegment {
    segment: u32,
    was: String,
    frames: u64,
    left_out: u64,
    kept: Option<String>,
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return writeln!(f, "nothing to repair: the journal opens as it is");
        }
        for RepairedSegment { segment, was, frames, left_out, kept } in &self.segments {
            writeln!(f, "segment {segment} replaced, {frames} frames; it was: {was}")?;
            if *left_out > 0 {
                let why = "nothing that was written here vouches for them";
                writeln!(f, "  {left_out} more frames of the copy were not taken: {why}")?;
            }
            if let Some(kept) = kept {
                writeln!(f, "  the damaged file is {kept}")?;
            }
        }
        writeln!(f, "now run `feiqian audit`")
    }
}

pub(super) fn repair(
    context: &Context,
    from: &str,
    (name, key): (Option<&str>, Option<&Path>),
) -> Result<(), Fault> {
    let data = &context.data;
    check_is_there(data)?;
    let fault = |error: &dyn fmt::Display| Fault::Data(format!("{}: {error}", data.display()));
    let storage = FileStorage::open(data).map_err(|error| Fault::Data(error.to_string()))?;
    let identity = Identity::read(&storage).map_err(|error| fault(&error))?;
    let own = operator_key_path(data);
    let key = read_secret(key.unwrap_or(&own))?;
    let origin = origin_of(&identity.chain_id);
    let mut client = Client::new(from, name.unwrap_or(&origin), key)?;
    let acknowledged = last_sealed(&storage).map_err(|error| fault(&error))?;
    let options = JournalOptions {
        chain_id: identity.chain_id,
        segment_bytes: context.config.engine_options(data).segment_bytes,
    };
    let bytes_max = segment_bytes_max(&storage, options.segment_bytes).map_err(|error| fault(&error))?;
    let repaired = replace(&storage, options, acknowledged, |number| client.segment(number, bytes_max));
    let segments = repaired.map_err(|error| fault(&error))?.into_iter().map(line).collect();
    context.output.report(&RepairReport { segments });
    Ok(())
}

fn line(repaired: Repaired) -> RepairedSegment {
    let Repaired { segment, was, frames, left_out, kept } = repaired;
    RepairedSegment { segment, was: was.to_string(), frames, left_out, kept }
}

/// A copy's segment is at most this long, bytes: as the longest one here, with room for its own marks.
fn segment_bytes_max(storage: &FileStorage, configured: u32) -> Result<u64, StorageFault> {
    let mut longest = u64::from(configured);
    for name in storage.list(JOURNAL_DIRECTORY)? {
        let file = storage.open(&format!("{JOURNAL_DIRECTORY}/{name}"), Access::Buffered)?;
        longest = longest.max(file.length()?);
    }
    Ok(longest.saturating_add(SEGMENT_SLACK_BYTES).next_multiple_of(4_096).min(u64::from(SEGMENT_BYTES_MAX)))
}

/// The last sequence that a block vouches for.
fn last_sealed(storage: &FileStorage) -> Result<u64, feiqian_runtime::stores::StoreFault> {
    let (blocks, _) = BlockStore::open(Frozen(storage.clone()))?;
    if blocks.last() == 0 {
        return Ok(0);
    }
    let header = BlockHeader::decode(&blocks.read(blocks.last())?.header);
    Ok(header.map_or(0, |header| header.first_sequence + header.count - 1))
}
