//! What making 4 KiB durable costs here, the way the journal does it: direct writes at ascending places of a file
//! that was filled with zeros before, each followed by `fdatasync`.

use std::path::Path;
use std::time::{Duration, Instant};

use feiqian_runtime::storage::aligned::AlignedBuffer;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::storage::{Access, BLOCK_BYTES, Storage as _, StorageFile as _};

/// The median of so many writes in a folder, which is removed.
pub(super) fn median(folder: &Path, writes: usize) -> Result<Duration, String> {
    let storage = FileStorage::open(folder).map_err(|fault| fault.to_string())?;
    let times = measure(&storage, writes).map_err(|fault| fault.to_string());
    drop(storage);
    std::fs::remove_dir_all(folder).map_err(|fault| fault.to_string())?;
    let mut times = times?;
    times.sort_unstable();
    times.get(times.len() / 2).copied().ok_or_else(|| "no write was measured".to_owned())
}

fn measure(
    storage: &FileStorage,
    writes: usize,
) -> Result<Vec<Duration>, feiqian_runtime::storage::StorageFault> {
    let file = storage.create("blocks", Access::Direct)?;
    let mut block = AlignedBuffer::zeroed(BLOCK_BYTES);
    for at in 0..writes {
        file.write_at((at * BLOCK_BYTES) as u64, &block)?;
    }
    file.sync_data()?;
    let mut times = Vec::with_capacity(writes);
    for at in 0..writes {
        block.fill(at as u8 | 1);
        let begun = Instant::now();
        file.write_at((at * BLOCK_BYTES) as u64, &block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
