//! Folders of runs: one for each, by time and process, under the target directory. Data is removed when a run has
//! ended well; reports stay, those of the last runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Folders before the new one that are kept.
const KEPT: usize = 20;

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Makes a folder for a run in `all`, and removes the oldest of the others.
///
/// # Errors
/// Where it can't be made.
pub fn folder(all: &Path) -> io::Result<PathBuf> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let path = all.join(format!("{}-{}-{run}", since.as_secs(), std::process::id()));
    std::fs::create_dir_all(&path)?;
    let mut others: Vec<PathBuf> = std::fs::read_dir(all)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|other| *other != path && is_ended_run(other))
        .collect();
    others.sort();
    for old in others.iter().rev().skip(KEPT) {
        // Somebody else may be removing it too.
        let _ = std::fs::remove_dir_all(old);
    }
    Ok(path)
}

/// Whether a folder is an earlier run's, by its name, and that run's process is gone.
fn is_ended_run(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parts: Vec<&str> = name.split('-').collect();
    let is_named = parts.len() == 3 && parts.iter().all(|part| part.parse::<u64>().is_ok());
    is_named && !Path::new("/proc").join(parts[1]).exists()
}
