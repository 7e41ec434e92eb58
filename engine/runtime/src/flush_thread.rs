//! The thread that makes what follows from the journal durable: rows and runs of ids some at a time, so that they never
//! pile up for one long sync, snapshots, whose state the batcher has copied, and the log of blocks with its signed
//! checkpoint. So none of them keeps a frame waiting.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::book::PendingSnapshot;
use crate::fatal;
use crate::meter::Meter;
use crate::storage::Storage;
use crate::stores::{IdRuns, LogStore, OutcomeStore};

/// Orders that wait: more would only hold more copies of the state.
const ORDERS: usize = 1;

/// What the batcher asks for. An order that finds no room is made again after a later block.
#[derive(Debug)]
pub(crate) enum FlushOrder<S: Storage> {
    /// Make rows and runs of ids durable.
    Rows(OutcomeStore<S>, IdRuns<S>),
    /// Write a snapshot.
    Snapshot(PendingSnapshot<S>),
}

/// The way to the thread.
pub(crate) fn flush_orders<S: Storage>() -> (Sender<FlushOrder<S>>, Receiver<FlushOrder<S>>) {
    bounded(ORDERS)
}

/// Runs until the batcher is gone. An order that found no room leaves no block out of the log: the one that took its
/// room is still to be done, and takes all blocks that there are by then.
pub(crate) fn run<S: Storage>(orders: &Receiver<FlushOrder<S>>, log: &LogStore<S>, meter: &Arc<Meter>) {
    follow(log, meter);
    for order in orders {
        match order {
            FlushOrder::Rows(rows, ids) => {
                if let Err(fault) = rows.sync().and_then(|()| ids.sync()) {
                    fatal::stop("outcome rows or ids can't be made durable", &fault);
                }
            }
            FlushOrder::Snapshot(snapshot) => match snapshot.write() {
                Ok(_) => meter.record_snapshot(),
                Err(fault) => fatal::stop("a snapshot can't be written", &fault),
            },
        }
        follow(log, meter);
    }
    follow(log, meter);
}

fn follow<S: Storage>(log: &LogStore<S>, meter: &Arc<Meter>) {
    match log.follow() {
        Ok(size) => meter.record_log(size, log.witnessed()),
        Err(fault) => fatal::stop("the log of blocks can't be written", &fault),
    }
}
