//! What the batcher asks for of orders that stand: each is to be carried out by an entry of the engine's own. Proposes
//! only; the core decides each again, and lets an order be carried out once.

use std::collections::BTreeMap;
use std::time::Duration;

use feiqian_core::mirror::Mirror;
use feiqian_core::postings::{Order, OrderNumber};
use feiqian_core::transfer::Record;

/// One that came to nothing is asked for again after a second, then two, four, up to about a minute.
const FIRST_REST: Duration = Duration::from_secs(1);
const DOUBLINGS_MAX: u32 = 6;

/// How often each order that stands has been asked for, and when next, nanoseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct OrderDesk {
    asked: BTreeMap<OrderNumber, (u32, u64)>,
}

impl OrderDesk {
    /// The entries to ask for now. What has been carried out is known as of the last block: an order that is asked for
    /// once too often is refused by the core.
    pub(crate) fn due(
        &mut self,
        mirror: &Mirror,
        now: u64,
        id_of: impl Fn(OrderNumber) -> u128,
    ) -> Vec<Record> {
        let orders = mirror.registry.orders();
        self.asked.retain(|number, _| orders.get(*number).is_some());
        let stands =
            |number: &OrderNumber, order: &Order| order.expires > now && !mirror.carried.contains_key(number);
        let standing = orders.iter().filter(|(number, order)| stands(number, order));
        let mut records = Vec::new();
        for (number, order) in standing {
            let (times, next) = self.asked.entry(number).or_insert((0, 0));
            if *next <= now {
                *next = now.saturating_add(rest_after(*times));
                *times = times.saturating_add(1);
                records.push(order.record(number, id_of(number)));
            }
        }
        records
    }
}

/// Nanoseconds.
fn rest_after(times: u32) -> u64 {
    let rest = FIRST_REST.saturating_mul(1 << times.min(DOUBLINGS_MAX));
    u64::try_from(rest.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_comes_to_nothing_is_asked_for_less_and_less_often() {
        let seconds: Vec<_> = (0..9).map(|times| rest_after(times) / 1_000_000_000).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }
}
