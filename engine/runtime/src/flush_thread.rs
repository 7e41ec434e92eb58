//! The thread that makes what the batcher writes durable: rows after each block, so that they never pile up for one long
//! sync, and snapshots, whose state the batcher has copied. So neither keeps a frame waiting.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::book::PendingSnapshot;
use crate::fatal;
use crate::meter::Meter;
use crate::storage::Storage;
use crate::stores::OutcomeStore;

/// Orders that wait: more would only hold more copies of the state.
const ORDERS: usize = 1;

/// What the batcher asks for. An order that finds no room is made again after a later block.
#[derive(Debug)]
pub(crate) enum FlushOrder<S: Storage> {
    /// Make rows durable.
    Rows(OutcomeStore<S>),
    /// Write a snapshot.
    Snapshot(PendingSnapshot<S>),
}

/// The way to the thread.
pub(crate) fn flush_orders<S: Storage>() -> (Sender<FlushOrder<S>>, Receiver<FlushOrder<S>>) {
    bounded(ORDERS)
}

/// Runs until the batcher is gone.
pub(crate) fn run<S: Storage>(orders: &Receiver<FlushOrder<S>>, meter: &Arc<Meter>) {
    for order in orders {
        match order {
            FlushOrder::Rows(rows) => {
                if let Err(fault) = rows.sync() {
                    fatal::stop("outcome rows can't be made durable", &fault);
                }
            }
            FlushOrder::Snapshot(snapshot) => match snapshot.write() {
                Ok(_) => meter.record_snapshot(),
                Err(fault) => fatal::stop("a snapshot can't be written", &fault),
            },
        }
    }
}
