//! What an engine is run with. Every key stands with its unit and reason in `config/feiqian.toml`.

use std::path::PathBuf;
use std::time::Duration;

use feiqian_core::limits::{BATCH_TRANSFERS_MAX, SHARDS_MAX};
use feiqian_proof::policy::WitnessPolicy;

use crate::machine::MachineOptions;

/// Options of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The data directory.
    pub data: PathBuf,
    /// Shard actors, 1 to 64. One runs the plain loop without any atomics; more pay when they have cores of
    /// their own.
    pub shards: usize,
    /// A block is sealed this long after the last one, if anything is in it.
    pub seal_interval: Duration,
    /// A block is sealed once it holds this many entries, whatever the time.
    pub seal_entries_max: u64,
    /// Transfers admitted and not yet answered, of all participants.
    pub in_flight_transfers_max: usize,
    /// The same of one participant.
    pub participant_in_flight_transfers_max: usize,
    /// Length of a journal segment, bytes; at least 8 MiB, so that the longest frame and a group fit.
    pub segment_bytes: u32,
    /// Length of a run of ids, in entries of the journal: the ids of the newest ones are in memory, 24 bytes each,
    /// those of older ones in files, 2 to 4 bytes of memory each.
    pub id_run_entries: u64,
    /// A snapshot is taken every so many blocks, and at shutdown.
    pub snapshot_blocks: u64,
    /// Whether leaves are hashed and blocks sealed. False to measure what they cost, and for nothing else: the next start
    /// makes them all.
    pub is_sealing: bool,
    /// Whose cosignatures make a block WITNESSED; none: nobody's.
    pub witnesses: Option<WitnessPolicy>,
}

impl EngineOptions {
    /// What a machine on its own takes of them.
    #[must_use]
    pub const fn of_machine(&self) -> MachineOptions {
        MachineOptions { id_run_entries: self.id_run_entries, ..MachineOptions::new(self.segment_bytes) }
    }

    /// The defaults, in a data directory.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            data,
            // Journal, sequencer, batcher and clients need cores too: on two, one shard is the fastest.
            shards: (cores / 2).clamp(1, SHARDS_MAX),
            seal_interval: Duration::from_millis(250),
            seal_entries_max: 1 << 20,
            in_flight_transfers_max: 32 * BATCH_TRANSFERS_MAX,
            participant_in_flight_transfers_max: 8 * BATCH_TRANSFERS_MAX,
            segment_bytes: crate::journal::SEGMENT_BYTES_DEFAULT,
            id_run_entries: feiqian_core::ids::RUN_ENTRIES,
            snapshot_blocks: 1_000,
            is_sealing: true,
            witnesses: None,
        }
    }
}
