//! The thread that stores ids: takes the tables that shards have filled, writes each range as one sorted run, and tells
//! the shards, which then let go of the tables. Empties tables beside the hot path, for the next range. Makes the parts of the
//! shards' filters anew that have become too short, a few at a time.
//!
//! Decides nothing: a shard that has not heard yet finds the same ids in its tables, and with an old part it asks the disk more
//! often.

use std::sync::Arc;

use actix::prelude::{Addr, Message};
use crossbeam::channel::{Receiver, Sender, bounded};
use feiqian_core::ids::{FilterPart, FullIds, Growth, IdTable};

use crate::fatal;
use crate::meter::Meter;
use crate::shard_actor::ShardActor;
use crate::storage::Storage;
use crate::stores::IdRuns;

/// Orders of one shard that wait: a table to store, one to empty, and one more of each while the disk is slow; and parts of
/// a filter. A shard that fills tables faster waits here.
const ORDERS_A_SHARD: usize = 5;

/// A shard's number, and the way to it.
pub(crate) type ShardAt = (usize, Addr<ShardActor>);

/// What a shard asks for.
#[derive(Debug)]
pub(crate) enum IdOrder {
    /// Store these.
    Store(ShardAt, FullIds),
    /// Empty this table and give it back.
    Empty(Addr<ShardActor>, IdTable),
    /// New parts of the filter have come in the place of these: let them go, and make the next.
    Replaced(ShardAt, Vec<FilterPart>),
}

/// To a shard: the ids of all entries below this sequence are stored.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct IdsStored(pub(crate) u64);

/// To a shard: an empty table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct SpareTable(pub(crate) IdTable);

/// To a shard: parts of its filter, made anew.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct NewParts(pub(crate) Vec<FilterPart>);

/// The way to the thread.
pub(crate) fn id_orders(shards: usize) -> (Sender<IdOrder>, Receiver<IdOrder>) {
    bounded(shards * ORDERS_A_SHARD)
}

/// What the thread owns.
#[derive(Debug)]
pub(crate) struct IdThread<S: Storage> {
    pub(crate) runs: IdRuns<S>,
    pub(crate) shards: usize,
    /// Of each shard's filter: they are alike.
    pub(crate) growth: Option<Growth>,
    pub(crate) meter: Arc<Meter>,
    /// Parts of ranges.
    pub(crate) waiting: Vec<(ShardAt, FullIds)>,
    /// Those that have the parts which were made last.
    pub(crate) grown: Vec<ShardAt>,
}

impl<S: Storage> IdThread<S> {
    /// Runs until the last shard is gone.
    pub(crate) fn run(mut self, orders: &Receiver<IdOrder>) {
        self.record();
        for order in orders {
            match order {
                // Few and far between, so past the bound of a mailbox: it can't pile up.
                IdOrder::Empty(shard, table) => shard.do_send(SpareTable(table.emptied())),
                IdOrder::Store(shard, full) => {
                    self.waiting.push((shard, full));
                    self.store_whole_ranges();
                }
                IdOrder::Replaced(shard, parts) => {
                    drop(parts);
                    self.grown.retain(|(number, _)| *number != shard.0);
                    self.grown.push(shard);
                    if self.grown.len() == self.shards {
                        let shards = std::mem::take(&mut self.grown);
                        self.grow(shards);
                    }
                }
            }
        }
    }

    /// Stores the oldest range once every shard has given its part of it; a fast shard may be a range ahead.
    fn store_whole_ranges(&mut self) {
        while let Some(first) = self.waiting.iter().map(|(_, full)| full.range).min()
            && self.waiting.iter().filter(|(_, full)| full.range == first).count() == self.shards
        {
            let whole = self.waiting.extract_if(.., |(_, full)| full.range == first);
            let (shards, parts): (Vec<_>, Vec<_>) = whole.unzip();
            match self.runs.store(parts) {
                Ok(end) => shards.iter().for_each(|(_, shard)| shard.do_send(IdsStored(end))),
                Err(fault) => fatal::stop("a run of ids can't be stored", &fault),
            }
            if let Err(fault) = self.runs.merge() {
                fatal::stop("runs of ids can't be merged", &fault);
            }
            // Should a shard have found no room to say that it has the last parts, it goes on here.
            self.grown.clear();
            self.grow(shards);
        }
    }

    /// Makes the next parts of all shards' filters, if some are due. What comes next waits until all shards have these: so
    /// no more than these is there twice, and a shard has its mailbox for others meanwhile.
    fn grow(&mut self, mut shards: Vec<ShardAt>) {
        let ids = self.runs.ids().div_ceil(self.shards);
        if let Some(due) = self.growth.as_mut().and_then(|growth| growth.take_due(ids)) {
            let parts = match self.runs.parts(&due, self.shards as u64) {
                Ok(parts) => parts,
                Err(fault) => fatal::stop("a run of ids can't be read", &fault),
            };
            shards.sort_by_key(|(number, _)| *number);
            for ((_, shard), parts) in shards.iter().zip(parts) {
                shard.do_send(NewParts(parts));
            }
        }
        self.record();
    }

    fn record(&self) {
        let filters = self.growth.map_or(0, |growth| growth.bytes()) * self.shards;
        self.meter.record_old_ids(self.runs.ids(), filters + self.runs.memory_bytes());
    }
}
