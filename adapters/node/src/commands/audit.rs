//! `feiqian audit`: replays a data directory and compares all that is stored with it. Changes nothing.

use std::fmt;
use std::time::Instant;

use feiqian_runtime::audit::{AuditReport, audit as compare};
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::storage::frozen::Frozen;
use feiqian_runtime::stores::BlockStore;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::grouped;
use crate::session::check_is_there;

pub(super) mod files;
mod held;
mod own;

#[derive(Serialize)]
struct Audited {
    is_good: bool,
    frames: u64,
    entries: u64,
    blocks: u64,
    rows: u64,
    rows_missing: u64,
    /// Never here: the directory was begun behind a snapshot.
    rows_before: u64,
    snapshots: u64,
    log_blocks: u64,
    /// Traces of reported money, traced again.
    traces: u64,
    /// Those that need rows which are not here.
    traces_unchecked: u64,
    torn_bytes: u64,
    /// Unreadable entries at the end of the blocks, which the next start makes again.
    torn_blocks: u64,
    journal_bytes: u64,
    /// Of all files that were read, but for those of the log.
    file_bytes: u64,
    seconds: f64,
    /// Of `file_bytes`.
    megabytes_a_second: f64,
}

#[expect(clippy::cast_precision_loss, reason = "for people; nothing is decided by it")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
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
        writeln!(
            f,
            "  {:.1} MB of files in {:.2} s: {:.0} MB/s, the journal's frames {:.1} MB of them",
            megabytes(self.file_bytes),
            self.seconds,
            self.megabytes_a_second,
            megabytes(self.journal_bytes)
        )?;
        if self.traces + self.traces_unchecked > 0 {
            let (right, open) = (self.traces, self.traces_unchecked);
            writeln!(f, "  {right} traces of reported money are right; {open} need rows that are not here")?;
        }
        if self.rows_before > 0 {
            let rows = grouped(self.rows_before);
            writeln!(f, "  begun behind a snapshot: {rows} rows of earlier entries were never here")?;
        }
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
    let begun = Instant::now();
    let compared = compare(storage);
    let seconds = begun.elapsed().as_secs_f64();
    let report = compared.map_err(|fault| {
        let way = "nothing was changed; restore the file from a replica or a backup";
        Fault::Check(format!("{}: first difference: {fault} ({way})", data.display()))
    })?;
    let AuditReport {
        entries,
        frames,
        blocks,
        rows,
        rows_missing,
        rows_before,
        snapshots,
        log_blocks,
        traces,
        traces_unchecked,
        torn_bytes,
        journal_bytes,
        file_bytes,
        ..
    } = report;
    context.output.report(&Audited {
        is_good: true,
        frames,
        entries,
        blocks,
        rows,
        rows_missing,
        rows_before,
        snapshots,
        log_blocks,
        traces,
        traces_unchecked,
        torn_bytes,
        torn_blocks,
        journal_bytes,
        file_bytes,
        seconds,
        megabytes_a_second: megabytes(file_bytes) / seconds.max(1e-9),
    });
    Ok(())
}
