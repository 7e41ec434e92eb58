//! The thread that asks for payments that wait to be released: after a block it resolves the queue as the block left it,
//! and submits what can go out as the engine's own batches. So no resolution keeps a frame or a block waiting.
//!
//! Proposes only; the core decides each release again. A release that comes to nothing is not asked for again at once:
//! what keeps it may be a limit that a resolution does not see.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, bounded};
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::liquidity::plan::Plan;
use feiqian_core::liquidity::queue::Queued;
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::transfer::Record;
use parking_lot::Mutex;

use crate::admission::{Admission, Busy, Ticket};
use crate::meter::Meter;

/// Plans that wait: the next block's is as good.
const PLANS: usize = 1;
/// A release that came to nothing is asked for again after two blocks, then four, up to this power of two.
const BACKOFF_MAX: u32 = 8;

/// Until which block each payment whose releases came to nothing is left alone.
pub(crate) type Resting = Arc<Mutex<BTreeMap<u128, u64>>>;

/// A queue to be resolved, as the block at a height left it.
#[derive(Debug)]
pub(crate) struct LiquidityOrder {
    plan: Plan,
    height: u64,
}

/// The batcher's end.
#[derive(Debug)]
pub(crate) struct LiquidityDesk {
    /// None once nothing more is to be released.
    orders: Option<Sender<LiquidityOrder>>,
    resting: Resting,
}

impl LiquidityDesk {
    /// The desk, and what [`run`] reads.
    pub(crate) fn new() -> (Self, Receiver<LiquidityOrder>, Resting) {
        let (orders, orders_in) = bounded(PLANS);
        let resting = Resting::default();
        (Self { orders: Some(orders), resting: Arc::clone(&resting) }, orders_in, resting)
    }

    /// Orders nothing more: whoever closes the engine seals what is left.
    pub(crate) fn close(&mut self) {
        self.orders = None;
    }

    /// Orders a resolution of what waits and is due, unless one is on its way.
    pub(crate) fn order(&self, mirror: &Mirror, (height, now): (u64, u64)) {
        let Some(orders) =
            self.orders.as_ref().filter(|orders| orders.is_empty() && !mirror.queue.is_empty())
        else {
            return;
        };
        let resting = self.resting.lock();
        let rests = |id: u128, _: &Queued| resting.get(&id).is_some_and(|until| *until > height);
        if let Some(plan) = Plan::of(mirror, now, rests) {
            // Full: the next block orders again.
            drop(orders.try_send(LiquidityOrder { plan, height }));
        }
    }
}

/// Runs until the batcher is gone.
pub(crate) fn run(
    orders: &Receiver<LiquidityOrder>,
    resting: &Resting,
    admission: &Weak<Admission>,
    meter: &Arc<Meter>,
) {
    for LiquidityOrder { plan, height } in orders {
        let begun = Instant::now();
        let sets = plan.releases();
        meter.record_resolution(begun.elapsed());
        let mut released = 0;
        let Some(decided) = release(sets, admission) else { return };
        for (record, _, row) in decided {
            match row.outcome() {
                Some(Outcome::Cleared) => released += record.amount.get(),
                _ => rest(resting, record.related.get(), height),
            }
        }
        meter.record_released(released);
        resting.lock().retain(|id, until| *until > height || plan.waiting().any(|payment| payment.id == *id));
    }
}

/// Submits sets of releases, one after the other; gives each record with its sequence and row. None where the engine is
/// closing.
pub(crate) fn release(
    sets: Vec<Vec<Record>>,
    admission: &Weak<Admission>,
) -> Option<Vec<(Record, u64, OutcomeRow)>> {
    let mut decided = Vec::new();
    for records in batches(sets) {
        let ticket = submit(&*admission.upgrade()?, &records)?;
        let outcome = ticket.wait()?;
        let rows = outcome.rows.iter().zip(outcome.first_sequence..);
        decided
            .extend(records.into_iter().zip(rows).map(|(record, (row, sequence))| (record, sequence, *row)));
    }
    Some(decided)
}

/// Waits while the engine is full; none where it is closing.
fn submit(admission: &Admission, records: &[Record]) -> Option<Ticket> {
    loop {
        match admission.submit(Batch::new(ENGINE, records.to_vec())) {
            Ok(ticket) => return Some(ticket),
            Err(Busy::Closing | Busy::Batch) => return None,
            Err(Busy::Participant | Busy::Engine) => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
}

fn rest(resting: &Resting, id: u128, height: u64) {
    let mut resting = resting.lock();
    let until = resting.entry(id).or_insert(height);
    let rested = height.saturating_sub(*until).max(1);
    *until = height + (rested * 2).min(1 << BACKOFF_MAX);
}

/// Sets one after the other, as many as fit a batch; a set is never divided.
fn batches(sets: Vec<Vec<Record>>) -> Vec<Vec<Record>> {
    let mut batches: Vec<Vec<Record>> = Vec::new();
    for set in sets {
        match batches.last_mut().filter(|batch| batch.len() + set.len() <= BATCH_TRANSFERS_MAX) {
            Some(batch) => batch.extend(set),
            None => batches.push(set),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_comes_to_nothing_rests_twice_as_long_each_time() {
        let resting = Resting::default();
        rest(&resting, 1, 10);
        assert_eq!(resting.lock()[&1], 12);
        let mut last = 12;
        for _ in 0..20 {
            let height = last + 1;
            rest(&resting, 1, height);
            let until = resting.lock()[&1];
            assert!(until > height && until <= height + (1 << BACKOFF_MAX), "{height} {until}");
            last = until;
        }
    }

    #[test]
    fn no_set_is_divided_between_batches() {
        let set = |length: usize| vec![Record::new_zeroed(); length];
        let sizes: Vec<_> =
            batches(vec![set(8_000), set(190), set(1), set(8_190)]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [8_190, 1, 8_190]);
    }
}
