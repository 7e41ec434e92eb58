//! `feiqian audit`: replays a data directory and compares all that is stored with it. Changes nothing.

use std::fmt;

use feiqian_runtime::audit::{AuditReport, audit as compare};
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::storage::frozen::Frozen;
use feiqian_runtime::stores::BlockStore;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::grouped;
use crate::session::check_is_there;

#[derive(Serialize)]
struct Audited {
    is_good: bool,
    frames: u64,
    entries: u64,
    blocks: u64,
    rows: u64,
    rows_missing: u64,
    snapshots: u64,
    log_blocks: u64,
    torn_bytes: u64,
    /// Unreadable entries at the end of the blocks, which the next start makes again.
    torn_blocks: u64,
}

impl fmt::Display for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, blocks) = (grouped(self.entries), grouped(self.blocks));
        writeln!(f, "no difference: {entries} entries in {} frames replayed;", grouped(self.frames))?;
        writeln!(f, "  {blocks} blocks (roots, chain, signatures), {} rows,", grouped(self.rows))?;
        writeln!(
            f,
            "  {} snapshots and the log of {} blocks are what the journal makes",
            self.snapshots,
            grouped(self.log_blocks)
        )?;
        if self.rows_missing + self.torn_bytes + self.torn_blocks > 0 {
            let Self { rows_missing: rows, torn_bytes: bytes, torn_blocks: blocks, .. } = self;
            writeln!(
                f,
                "  ends as a crash leaves it: the next start makes {rows} rows and {blocks} blocks again"
            )?;
            writeln!(
                f,
                "  and cuts {bytes} bytes that were never acknowledged; after an orderly stop that is damage"
            )?;
        }
        Ok(())
    }
}

pub(super) fn audit(context: &Context) -> Result<(), Fault> {
    let data = &context.data;
    check_is_there(data)?;
    let storage = FileStorage::open(data).map_err(|error| Fault::Data(error.to_string()))?;
    let blocks = BlockStore::open(Frozen(storage.clone()));
    let torn_blocks = blocks.as_ref().map_or(0, |(_, found)| found.dropped);
    let compared = compare(storage);
    let report = compared.map_err(|fault| {
        let way = "nothing was changed; restore the file from a replica or a backup";
        Fault::Check(format!("{}: first difference: {fault} ({way})", data.display()))
    })?;
    let AuditReport {
        entries, frames, blocks, rows, rows_missing, snapshots, log_blocks, torn_bytes, ..
    } = report;
    context.output.report(&Audited {
        is_good: true,
        frames,
        entries,
        blocks,
        rows,
        rows_missing,
        snapshots,
        log_blocks,
        torn_bytes,
        torn_blocks,
    });
    Ok(())
}
