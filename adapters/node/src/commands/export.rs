//! `feiqian export --to DIR`: sealed blocks as Parquet files, added to what is there.

use std::fmt;
use std::path::Path;

use feiqian_archive::{ExportOptions, Exported, export as add};
use feiqian_runtime::storage::files::FileStorage;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::grouped;

/// An archive after an export.
#[derive(Serialize)]
pub(super) struct ExportReport {
    archive: String,
    #[serde(flatten)]
    exported: Exported,
}

impl ExportReport {
    pub(super) fn of(archive: &Path, exported: Exported) -> Self {
        Self { archive: archive.display().to_string(), exported }
    }
}

impl fmt::Display for ExportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exported { last_block, blocks, files, bytes, transfers, .. } = self.exported;
        writeln!(
            f,
            "{}: {} blocks with {} transfers added in {} files of {} bytes; it goes to block {last_block}",
            self.archive,
            grouped(blocks),
            grouped(transfers),
            grouped(files),
            grouped(bytes)
        )
    }
}

pub(super) fn export(context: &Context, to: &Path, first_block: Option<u64>) -> Result<(), Fault> {
    let storage = FileStorage::open(to).map_err(|fault| Fault::File(format!("--to: {fault}")))?;
    let options = ExportOptions { first_block, ..ExportOptions::default() };
    let exported = context.with_session(&[], |session| Ok(add(&session.engine, storage, &options)?))?;
    context.output.report(&ExportReport::of(to, exported));
    Ok(())
}
