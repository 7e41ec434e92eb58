//! Bytes that a data directory's files hold. Segments are filled with zeros ahead of use, so a file counts up to
//! its last block that is not zero.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::fault::Fault;

const FOLDERS: [&str; 3] = ["journal", "outcomes", "blocks"];
const BLOCK: usize = 4_096;
/// Read at a time, from the end.
const CHUNK: usize = 256 * BLOCK;

/// Bytes written to journal, outcome rows and blocks.
pub(super) fn written_bytes(data: &Path) -> Result<u64, Fault> {
    let mut sum = 0;
    for folder in FOLDERS {
        let path = data.join(folder);
        sum += folder_bytes(&path).map_err(|error| Fault::file(&path, "measure", &error))?;
    }
    Ok(sum)
}

fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            sum += file_bytes(&path)?;
        }
    }
    Ok(sum)
}

fn file_bytes(path: &Path) -> io::Result<u64> {
    let file = std::fs::File::open(path)?;
    let mut end = file.metadata()?.len();
    let mut buffer = vec![0; CHUNK];
    while end > 0 {
        let length = usize::try_from(end).unwrap_or(usize::MAX).min(CHUNK);
        let begin = end - length as u64;
        let chunk = buffer.get_mut(..length).unwrap_or_default();
        file.read_exact_at(chunk, begin)?;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            let used = begin + (last as u64 + 1).next_multiple_of(BLOCK as u64);
            return Ok(used.min(file.metadata()?.len()));
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_behind_the_last_block_do_not_count() {
        let path = std::env::temp_dir().join(format!("feiqian-disk-{}", std::process::id()));
        for (used, expected) in [(0, 0), (1, 4_096), (4_096, 4_096), (4_097, 8_192), (3 * CHUNK, 3 * CHUNK)] {
            let mut bytes = vec![1; used];
            bytes.resize(5 * CHUNK, 0);
            std::fs::write(&path, bytes).expect("written");
            assert_eq!(file_bytes(&path).expect("read"), expected as u64);
        }
        std::fs::remove_file(path).expect("removed");
    }
}
