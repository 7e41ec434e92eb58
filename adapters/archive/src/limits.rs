//! Every bound of the archive, with its reason.

use std::time::Duration;

/// Rows of all tables that wait in memory to be written: some 40 MiB. A block has at most so many entries.
pub const ROWS_BUFFERED: usize = 262_144;
/// Entries after which a part ends, at the end of a block: files of a few hundred MiB, small enough to be made again after
/// a crash.
pub const PART_ENTRIES: u64 = 4_194_304;
/// Bytes that are written to a file at a time.
pub const WRITE_BYTES: usize = 1 << 18;
/// Length of the state of an archive's directory: it names the files of one part, four tables for each currency.
pub const STATE_BYTES_MAX: u64 = 1 << 20;
/// How long a follower that is stopped goes on with what is sealed: well below the time that a supervisor gives a process to
/// end. The rest is exported by the next start.
pub const STOP_WAIT: Duration = Duration::from_secs(5);

const _: () = assert!(ROWS_BUFFERED as u64 <= PART_ENTRIES);
