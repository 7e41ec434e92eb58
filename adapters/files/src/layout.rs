//! Where files lie under a work directory.
//!
//! ```text
//! inbox/       what banks send, moved in when complete
//! outbox/      answers: pacs.002 and admi.002, one for each file that is answered
//! archive/     files that were answered or noted
//! rejected/    files that can't be read, each with a .reason.txt
//! settlement/  pacs.009 for each obligation of a cycle, camt.053 and camt.054 for each participant
//! receipts/    proofs for banks
//! waiting/     which payments were answered PDNG and are to be answered again; the transport's own
//! recalls/     recalls that were passed on and what was answered; the transport's own
//! requests/    requests to pay that were passed on and what was answered; the transport's own
//! messages/    which archived file a message is; the transport's own
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::error::FilesError;
use crate::store;

/// A work directory, with all its folders there.
#[derive(Clone, Debug)]
pub struct WorkDir {
    root: PathBuf,
    shared: Arc<Shared>,
}

/// What all share who work on a directory: the watch of its inbox, and connections that hand messages in.
#[derive(Debug, Default)]
struct Shared {
    /// Held while a case is read and written again.
    cases: Mutex<()>,
    /// When the last letter was put into the outbox; none before the first of this process.
    posted: Mutex<Option<u64>>,
}

const FOLDERS: [&str; 10] = [
    "inbox",
    "outbox",
    "archive",
    "rejected",
    "settlement",
    "receipts",
    "waiting",
    "recalls",
    "requests",
    "messages",
];

impl WorkDir {
    /// Makes what is missing.
    ///
    /// # Errors
    /// [`FilesError::Io`] naming the folder that can't be made.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, FilesError> {
        let root = root.into();
        for folder in FOLDERS {
            let path = root.join(folder);
            std::fs::create_dir_all(&path).map_err(FilesError::io(&path, "create the folder"))?;
        }
        store::sync_folder(&root)?;
        Ok(Self { root, shared: Arc::default() })
    }

    /// The turn to read a case and write it again: who decides on one, decides on what it finds.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.shared.cases.lock()
    }

    /// When the last letter was put into the outbox, microseconds since 1970.
    pub(crate) fn posted(&self) -> &Mutex<Option<u64>> {
        &self.shared.posted
    }

    /// The directory that holds the folders.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// What banks send.
    #[must_use]
    pub fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }
    /// Answers.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }
    /// Files that were answered or noted.
    #[must_use]
    pub fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }
    /// Files that can't be read.
    #[must_use]
    pub fn rejected(&self) -> PathBuf {
        self.root.join("rejected")
    }
    /// What a closed cycle sends.
    #[must_use]
    pub fn settlement(&self) -> PathBuf {
        self.root.join("settlement")
    }
    /// Proofs for banks.
    #[must_use]
    pub fn receipts(&self) -> PathBuf {
        self.root.join("receipts")
    }
    /// Which payments are to be answered again.
    #[must_use]
    pub fn waiting(&self) -> PathBuf {
        self.root.join("waiting")
    }
    /// Recalls and their answers.
    #[must_use]
    pub fn recalls(&self) -> PathBuf {
        self.root.join("recalls")
    }
    /// Requests to pay and their answers.
    #[must_use]
    pub fn requests(&self) -> PathBuf {
        self.root.join("requests")
    }
    /// Which archived file a message is.
    #[must_use]
    pub fn messages(&self) -> PathBuf {
        self.root.join("messages")
    }
}
