//! The machine: admission, sequencer, journal, lanes, shard actors, batcher, recovery.

pub mod storage;

pub mod journal;
