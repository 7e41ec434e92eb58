//! The machine: admission, sequencer, journal, lanes, shard actors, batcher, recovery.
