//! Bytes that a data directory's files hold. Segments are filled with zeros ahead of use, so a file counts up to
//! its last block that is not zero.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const FOLDERS: [&str; 5] = ["journal", "outcomes", "groups", "blocks", "ids"];
const BLOCK: usize = 4_096;
/// Read at a time, from the end.
const CHUNK: usize = 256 * BLOCK;

/// Bytes in journal, outcome rows, groups, blocks and runs of ids.
///
/// # Errors
/// Where a file can't be read.
pub fn written_bytes(data: &Path) -> io::Result<u64> {
    sum(data, file_bytes)
}

/// The same by looking at a few places of each file, for a look while it is written: content is taken to be
/// without a block of zeros, room behind it to be nothing else.
///
/// # Errors
/// Where a file can't be read.
pub fn estimated_bytes(data: &Path) -> io::Result<u64> {
    sum(data, bisected_bytes)
}

fn sum(data: &Path, measure: fn(&File) -> io::Result<u64>) -> io::Result<u64> {
    let mut sum = 0;
    for folder in FOLDERS {
        for entry in std::fs::read_dir(data.join(folder))? {
            let path = entry?.path();
            if path.is_file() {
                sum += measure(&File::open(&path)?)?;
            }
        }
    }
    Ok(sum)
}

fn file_bytes(file: &File) -> io::Result<u64> {
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

fn bisected_bytes(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let (mut used, mut end) = (0, length.div_ceil(BLOCK as u64));
    let mut block = [0; BLOCK];
    while used < end {
        let middle = used + (end - used) / 2;
        let read = file.read_at(&mut block, middle * BLOCK as u64)?;
        match block.iter().take(read).any(|byte| *byte != 0) {
            true => used = middle + 1,
            false => end = middle,
        }
    }
    Ok((used * BLOCK as u64).min(length))
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
            let file = File::open(&path).expect("there");
            assert_eq!(file_bytes(&file).expect("read"), expected as u64);
            assert_eq!(bisected_bytes(&file).expect("read"), expected as u64);
        }
        std::fs::remove_file(path).expect("removed");
    }
}
