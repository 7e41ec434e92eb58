//! The machine: admission, sequencer, journal, lanes, shard actors, batcher, recovery. It moves values from
//! stage to stage and holds no rule of clearing. Read [`pipeline`] first: the machine on one screen.

pub mod pipeline;
pub mod options;
pub mod admission;
mod sequencer;
pub mod memory;
pub mod storage;
pub mod journal;
mod journal_thread;
mod liquidity_thread;
mod order_desk;
mod threshold_watch;
mod lane;
mod board;
mod execution;
mod id_thread;
mod shard_actor;
pub mod book;
mod flush_thread;
mod background;
mod batcher_actor;
pub mod stores;
pub mod identity;
pub mod machine;
mod restart;
mod stage;
pub mod history;
pub mod directory;
pub mod settlement;
pub mod query;
pub mod prover;
mod retrace;
pub mod replay;
pub mod audit;
pub mod follow;
pub mod meter;
mod fatal;
