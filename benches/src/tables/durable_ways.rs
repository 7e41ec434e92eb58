//! The ways to make a journal's writes durable, side by side: direct writes with `fdatasync` (what the journal does),
//! direct writes to a file opened with O_DSYNC, direct writes and syncs through io_uring, and buffered ones.
//! Each into a file that was written before, 1 MiB at a time, and 4 KiB at a time.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Instant;

use feiqian_runtime::storage::aligned::AlignedBuffer;
use io_uring::{IoUring, opcode, types};

use super::Settings;
use super::results::Results;

/// As Linux numbers them on x86-64 and most others; the table is made on Linux alone.
const O_DIRECT: i32 = 0o40_000;
const O_DSYNC: i32 = 0o10_000;
const LARGE: usize = 1 << 20;
const SMALL: usize = 4 << 10;

#[derive(Clone, Copy)]
enum Way {
    DirectSynced,
    DirectDsync,
    Ring,
    Buffered,
}

const WAYS: [([&str; 2], &str, Way); 4] = [
    (["durable_direct_mb", "durable_direct_ms"], "O_DIRECT and fdatasync", Way::DirectSynced),
    (["durable_dsync_mb", "durable_dsync_ms"], "O_DIRECT with O_DSYNC", Way::DirectDsync),
    (["durable_ring_mb", "durable_ring_ms"], "io_uring: O_DIRECT write linked to a data sync", Way::Ring),
    (["durable_buffered_mb", "durable_buffered_ms"], "buffered, and fdatasync", Way::Buffered),
];

pub(super) fn durable_ways(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let path = settings.folder.join("durable-ways");
    let (large, small) = (settings.count(256, 8) as usize, settings.count(1_000, 20) as usize);
    for ([rate_key, time_key], what, way) in WAYS {
        let seconds = measure(&path, way, LARGE, large).map_err(|fault| format!("{what}: {fault}"))?;
        let rate = (LARGE * large) as f64 / seconds.iter().sum::<f64>() / 1e6;
        results.note(rate_key, &format!("1 MiB, {what}"), "MB/s", rate);
        let mut seconds = measure(&path, way, SMALL, small).map_err(|fault| format!("{what}: {fault}"))?;
        seconds.sort_by(f64::total_cmp);
        let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
        results.note(time_key, &format!("4 KiB, {what}, p50"), "ms", median * 1e3);
    }
    std::fs::remove_file(&path).map_err(|fault| fault.to_string())
}

/// How long each of so many writes took, seconds.
fn measure(path: &Path, way: Way, bytes: usize, writes: usize) -> std::io::Result<Vec<f64>> {
    let mut block = AlignedBuffer::zeroed(bytes);
    block.fill(1);
    let flags = match way {
        Way::DirectSynced | Way::Ring => O_DIRECT,
        Way::DirectDsync => O_DIRECT | O_DSYNC,
        Way::Buffered => 0,
    };
    let written = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    for at in 0..writes {
        written.write_all_at(&block, (at * bytes) as u64)?;
    }
    written.sync_all()?;
    drop(written);
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    let mut ring = IoUring::new(4)?;
    let mut seconds = Vec::with_capacity(writes);
    for at in 0..writes {
        block.fill(at as u8 | 1);
        let (begun, offset) = (Instant::now(), (at * bytes) as u64);
        match way {
            Way::DirectDsync => file.write_all_at(&block, offset)?,
            Way::DirectSynced | Way::Buffered => {
                file.write_all_at(&block, offset)?;
                file.sync_data()?;
            }
            Way::Ring => through(&mut ring, &file, &block, offset)?,
        }
        seconds.push(begun.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

/// A write and a data sync behind it, with one system call.
fn through(ring: &mut IoUring, file: &File, block: &[u8], offset: u64) -> std::io::Result<()> {
    let descriptor = types::Fd(file.as_raw_fd());
    let length = u32::try_from(block.len()).map_err(std::io::Error::other)?;
    let write = opcode::Write::new(descriptor, block.as_ptr(), length).offset(offset).build();
    let write = write.flags(io_uring::squeue::Flags::IO_LINK);
    let sync = opcode::Fsync::new(descriptor).flags(types::FsyncFlags::DATASYNC).build();
    #[expect(unsafe_code, reason = "the ring takes an address; no safe form of it is kept up")]
    // SAFETY: block and file outlive both operations, which have ended when this function returns.
    unsafe {
        ring.submission().push_multiple(&[write, sync]).map_err(std::io::Error::other)?;
    }
    ring.submit_and_wait(2)?;
    for entry in ring.completion() {
        let result = entry.result();
        if result < 0 {
            return Err(std::io::Error::from_raw_os_error(-result));
        }
        if result > 0 && result.unsigned_abs() != length {
            return Err(std::io::Error::other("a short write"));
        }
    }
    Ok(())
}
