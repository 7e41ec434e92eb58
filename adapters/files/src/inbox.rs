//! Which files of an inbox are to be read: complete XML and CSV files in name order, bounded. Reads none of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::csv::is_csv;
use crate::error::FilesError;
use crate::limits::{DEPTH_MAX, FILES_MAX};

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxFile {
    /// Its path below the inbox, with `/`; files are taken in the order of these names.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes when it was listed.
    pub bytes: u64,
}

/// What an inbox holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The first [`FILES_MAX`] XML and CSV files by name.
    pub files: Vec<InboxFile>,
    /// Other files: neither `.xml` nor `.csv`, no regular file, or too deep. They stay where they are.
    pub skipped: u64,
    /// Such files beyond the bound.
    pub left: u64,
}

/// Lists an inbox and its folders. Names that begin with a dot or end in `.part` are not there yet, so they are
/// not counted; symbolic links are never followed.
///
/// # Errors
/// [`FilesError::Io`] naming the folder that can't be read.
pub fn list(inbox: &Path) -> Result<Listing, FilesError> {
    let mut walk = Walk::default();
    walk.folder(inbox, "", 0)?;
    let files = walk.files.into_values().collect();
    Ok(Listing { files, skipped: walk.skipped, left: walk.left })
}

#[derive(Default)]
struct Walk {
    files: BTreeMap<String, InboxFile>,
    skipped: u64,
    left: u64,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), FilesError> {
        let entries = fs::read_dir(folder).map_err(FilesError::io(folder, "list"))?;
        for entry in entries {
            let entry = entry.map_err(FilesError::io(folder, "list"))?;
            let own = entry.file_name().to_string_lossy().into_owned();
            if own.starts_with('.') || own.ends_with(".part") {
                continue;
            }
            let name = format!("{prefix}{own}");
            // A file that was moved away since is no fault.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth < DEPTH_MAX {
                self.folder(&entry.path(), &format!("{name}/"), depth + 1)?;
            } else if metadata.is_file() && (is_csv(&own) || own.to_ascii_lowercase().ends_with(".xml")) {
                self.add(InboxFile { name, path: entry.path(), bytes: metadata.len() });
            } else {
                self.skipped += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, file: InboxFile) {
        self.files.insert(file.name.clone(), file);
        if self.files.len() > FILES_MAX {
            self.files.pop_last();
            self.left += 1;
        }
    }
}
