//! Faults of the file transport: disk, engine, or a file that changes under the reader. What is wrong with a
//! message is never a fault; it is answered.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file, or a whole run, could not be worked on. The file stays where it is; the next run takes it up.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The disk.
    #[error("{}: {operation}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The file was written to while it was read.
    #[error("{}: changed while it was read; move files into the inbox when they are complete", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// The engine did not admit a batch in time.
    #[error("the engine stayed busy; the file waits for the next run")]
    Busy,
    /// The engine is shutting down: what it has journaled will be answered by the next run.
    #[error("the engine is shutting down")]
    Closing,
    /// The journal can't be read.
    #[error("entry {sequence} of the journal can't be read: {reason}")]
    Journal {
        /// Which entry.
        sequence: u64,
        /// Why not.
        reason: String,
    },
    /// The directory does not know what the journal names.
    #[error("{0}")]
    Unknown(String),
}

impl FilesError {
    pub(crate) fn io(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, operation, source }
    }
}
