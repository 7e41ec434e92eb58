//! The thread that stores ids: takes the tables that shards have filled, writes each range as one sorted run, and tells
//! the shards, which then let go of the tables. Empties tables beside the hot path, for the next range.
//!
//! Decides nothing: a shard that has not heard yet finds the same ids in its tables.

use actix::prelude::{Addr, Message};
use crossbeam::channel::{Receiver, Sender, bounded};
use feiqian_core::ids::{FullIds, IdTable};

use crate::fatal;
use crate::shard_actor::ShardActor;
use crate::storage::Storage;
use crate::stores::IdRuns;

/// Orders of one shard that wait: a table to store, one to empty, and one more of each while the disk is slow. A shard
/// that fills tables faster waits here.
const ORDERS_A_SHARD: usize = 4;

/// What a shard asks for.
#[derive(Debug)]
pub(crate) enum IdOrder {
    /// Store these.
    Store(Addr<ShardActor>, FullIds),
    /// Empty this table and give it back.
    Empty(Addr<ShardActor>, IdTable),
}

/// To a shard: the ids of all entries below this sequence are stored.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct IdsStored(pub(crate) u64);

/// To a shard: an empty table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct SpareTable(pub(crate) IdTable);

/// The way to the thread.
pub(crate) fn id_orders(shards: usize) -> (Sender<IdOrder>, Receiver<IdOrder>) {
    bounded(shards * ORDERS_A_SHARD)
}

/// Runs until the last shard is gone.
pub(crate) fn run<S: Storage>(runs: &IdRuns<S>, shards: usize, orders: &Receiver<IdOrder>) {
    let mut waiting: Vec<(Addr<ShardActor>, FullIds)> = Vec::new();
    for order in orders {
        match order {
            // Few and far between, so past the bound of a mailbox: it can't pile up.
            IdOrder::Empty(shard, table) => shard.do_send(SpareTable(table.emptied())),
            IdOrder::Store(shard, full) => {
                waiting.push((shard, full));
                store_whole_ranges(runs, shards, &mut waiting);
            }
        }
    }
}

/// Stores the oldest range once every shard has given its part of it; a fast shard may be a range ahead.
fn store_whole_ranges<S: Storage>(
    runs: &IdRuns<S>,
    shards: usize,
    waiting: &mut Vec<(Addr<ShardActor>, FullIds)>,
) {
    while let Some(first) = waiting.iter().map(|(_, full)| full.range).min()
        && waiting.iter().filter(|(_, full)| full.range == first).count() == shards
    {
        let whole = waiting.extract_if(.., |(_, full)| full.range == first);
        let (addresses, parts): (Vec<_>, Vec<_>) = whole.unzip();
        match runs.store(parts) {
            Ok(end) => addresses.iter().for_each(|shard| shard.do_send(IdsStored(end))),
            Err(fault) => fatal::stop("a run of ids can't be stored", &fault),
        }
        if let Err(fault) = runs.merge() {
            fatal::stop("runs of ids can't be merged", &fault);
        }
    }
}
