//! Which orders have been carried out: asked and noted where the debtor account is, so that an order serves once
//! whatever runs beside it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::limits::ORDERS_MAX;
use crate::outcome::RejectReason;
use crate::postings::book::{Order, OrderNumber, Orders};

/// The entry that carried an order out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CarriedBy {
    /// Its sequence.
    pub sequence: u64,
    /// When the order would have expired, nanoseconds since 1970.
    pub expires: u64,
}

/// Orders that have been carried out and not expired since.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Carried {
    orders: BTreeMap<OrderNumber, CarriedBy>,
    changed: BTreeMap<OrderNumber, CarriedBy>,
}

impl Carried {
    /// Those of a mirror; nothing has changed yet.
    #[must_use]
    pub fn restored(orders: &BTreeMap<OrderNumber, CarriedBy>) -> Self {
        Self { orders: orders.clone(), changed: BTreeMap::new() }
    }

    /// A shard's: all that are so far; what has changed, one of them reports.
    pub(crate) fn part(&self, reports: bool) -> Self {
        let changed = if reports { self.changed.clone() } else { BTreeMap::new() };
        Self { changed, orders: self.orders.clone() }
    }

    /// All that have not been forgotten, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (OrderNumber, CarriedBy)> {
        self.orders.iter().map(|(number, by)| (*number, *by))
    }

    /// Whether an order may be carried out at a frame's time.
    ///
    /// # Errors
    /// [`RejectReason::OrderSpent`].
    pub(crate) fn check(
        &self,
        number: OrderNumber,
        order: &Order,
        timestamp: u64,
    ) -> Result<(), RejectReason> {
        let is_over = order.expires <= timestamp || self.orders.contains_key(&number);
        if is_over { Err(RejectReason::OrderSpent) } else { Ok(()) }
    }

    /// The orders of a fraud case that may still be carried out at a frame's time.
    pub(crate) fn standing<'a>(
        &'a self,
        orders: &'a Orders,
        case: u128,
        timestamp: u64,
    ) -> impl Iterator<Item = &'a Order> {
        let of_case = orders.iter().filter(move |(_, order)| order.case == case && order.expires > timestamp);
        of_case.filter(|(number, _)| !self.orders.contains_key(number)).map(|(_, order)| order)
    }

    /// What orders of a fraud case have returned from an account behind a sequence, minor units.
    pub(crate) fn returned_since(
        &self,
        orders: &Orders,
        (case, account): (u128, AccountHandle),
        sequence: u64,
    ) -> u64 {
        let own = self.orders.iter().filter(|(_, by)| by.sequence > sequence);
        let own = own.filter_map(|(number, _)| orders.get(*number));
        let own = own.filter(|order| (order.case, order.debtor) == (case, account));
        own.fold(0, |sum, order| sum.saturating_add(order.amount))
    }

    pub(crate) fn add(&mut self, number: OrderNumber, by: CarriedBy) {
        self.note(number, by);
        self.changed.insert(number, by);
    }

    /// As [`Carried::add`], where another shard tells the block of it.
    pub(crate) fn note(&mut self, number: OrderNumber, by: CarriedBy) {
        self.orders.insert(number, by);
    }

    /// Forgets those that a block's time has outlived: their orders have expired.
    pub(crate) fn forget(&mut self, timestamp: u64) {
        self.orders.retain(|_, by| by.expires > timestamp);
    }

    /// What has changed since the last call, oldest first.
    pub(crate) fn take_changed(&mut self) -> Vec<(OrderNumber, CarriedBy)> {
        core::mem::take(&mut self.changed).into_iter().collect()
    }
}

pub(crate) fn encode_carried(carried: &BTreeMap<OrderNumber, CarriedBy>, to: &mut Encoder) {
    to.count(carried.len());
    for (number, by) in carried {
        [*number, by.sequence, by.expires].into_iter().for_each(|value| to.u64(value));
    }
}

pub(crate) fn decode_carried(from: &mut Decoder<'_>) -> Result<BTreeMap<OrderNumber, CarriedBy>, Malformed> {
    let mut carried = BTreeMap::new();
    for _ in 0..from.count(ORDERS_MAX)? {
        let (number, sequence, expires) = (from.u64()?, from.u64()?, from.u64()?);
        if carried.last_key_value().is_some_and(|(last, _)| *last >= number) {
            return Err(Malformed);
        }
        carried.insert(number, CarriedBy { sequence, expires });
    }
    Ok(carried)
}
