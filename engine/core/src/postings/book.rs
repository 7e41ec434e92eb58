//! The orders that stand: a part of the registry, equal in every shard. Says which transfer each stands for; whether it
//! has been carried out, the debtor account's owner knows.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::limits::{CASE_ORDERS_MAX, ORDERS_MAX, RETURN_PARTS_MAX};
use crate::transfer::{Record, flags};

/// Names an order: the sequence of the command that put it in force.
pub type OrderNumber = u64;

/// One transfer that a command has ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217 numeric code, of both accounts.
    pub currency: u16,
    /// Digest of the reason; of a return out of what is held for a fraud case that case, and 16 zeros.
    pub reference: [u8; 32],
    /// Frame time from which it stands no longer, nanoseconds since 1970.
    pub expires: u64,
    /// The fraud case out of whose held amounts it is paid; zero for none.
    pub case: u128,
}

impl Order {
    /// The transfer that carries it out, under an id.
    #[must_use]
    pub fn record(&self, number: OrderNumber, uetr: u128) -> Record {
        let mut record = Record::new(uetr, self.debtor, self.creditor, self.amount, self.currency);
        let is_held = self.case != 0;
        record.flags = if is_held { flags::ORDERED | flags::POST } else { flags::ORDERED }.into();
        record.related = u128::from(number).into();
        record.reference = self.reference;
        record
    }

    /// Without its case: that stands apart, since most have none.
    fn encode(&self, to: &mut Encoder) {
        for value in [self.debtor, self.creditor, self.amount, self.expires] {
            to.u64(value);
        }
        to.u16(self.currency);
        to.raw(&self.reference);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (debtor, creditor, amount, expires) = (from.u64()?, from.u64()?, from.u64()?, from.u64()?);
        let (currency, reference) = (from.u16()?, from.array()?);
        Ok(Self { debtor, creditor, amount, currency, reference, expires, case: 0 })
    }
}

/// What a return out of what is held for a fraud case has for a reference.
pub(crate) fn case_reference(case: u128) -> [u8; 32] {
    let mut reference = [0; 32];
    if let Some(first) = reference.first_chunk_mut() {
        *first = case.to_le_bytes();
    }
    reference
}

/// What an accepted transfer brings back: the transfer that it returns, or the fraud case out of whose held amounts it is
/// ordered; zero for neither.
#[must_use]
pub fn brought_back_by(record: &Record) -> u128 {
    let bits = record.flags.get();
    if bits & flags::RETURN != 0 {
        return record.related.get();
    }
    let is_of_case = bits & flags::ORDERED != 0 && bits & flags::POST != 0;
    let case = record.reference.first_chunk().filter(|_| is_of_case);
    case.map_or(0, |case| u128::from_le_bytes(*case))
}

/// All that have not been forgotten, by number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Orders(BTreeMap<OrderNumber, Order>);

impl Orders {
    /// One of them; it may have expired since, or been carried out.
    #[must_use]
    pub fn get(&self, number: OrderNumber) -> Option<&Order> {
        self.0.get(&number)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (OrderNumber, &Order)> {
        self.0.iter().map(|(number, order)| (*number, order))
    }

    /// The order that a record names and carries out to the byte, its own id apart.
    pub(crate) fn of_record(&self, record: &Record) -> Option<&Order> {
        let number = u64::try_from(record.related.get()).ok()?;
        self.get(number).filter(|order| order.record(number, record.uetr.get()) == *record)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= ORDERS_MAX
    }

    /// Whether no other return out of what is held for a case on an account may be ordered.
    pub(crate) fn is_full_of(&self, case: u128, account: AccountHandle) -> bool {
        let of_cases = || self.0.values().filter(|order| order.case != 0);
        let parts = of_cases().filter(|order| (order.case, order.debtor) == (case, account)).count();
        self.is_full() || of_cases().count() >= CASE_ORDERS_MAX || parts >= RETURN_PARTS_MAX
    }

    /// Whether an order of a case has expired and is not forgotten yet.
    pub(crate) fn has_expired_of(&self, case: u128, timestamp: u64) -> bool {
        self.0.values().any(|order| order.case == case && order.expires <= timestamp)
    }

    pub(crate) fn insert(&mut self, number: OrderNumber, order: Order) {
        self.0.insert(number, order);
    }

    /// Forgets those that a time has outlived; gives the cases of those that have one.
    pub(crate) fn expire(&mut self, timestamp: u64) -> Vec<u128> {
        let mut cases = Vec::new();
        self.0.retain(|_, order| {
            let stands = order.expires > timestamp;
            if !stands && order.case != 0 {
                cases.push(order.case);
            }
            stands
        });
        cases
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.0.len());
        for (number, order) in &self.0 {
            to.u64(*number);
            order.encode(to);
        }
    }

    /// Ascending, so that a state has one byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut orders = Self::default();
        for _ in 0..from.count(ORDERS_MAX)? {
            let number = from.u64()?;
            if orders.0.last_key_value().is_some_and(|(last, _)| *last >= number) {
                return Err(Malformed);
            }
            orders.insert(number, Order::decode(from)?);
        }
        Ok(orders)
    }

    /// Whether any is paid out of what is held for a fraud case.
    pub(crate) fn has_cases(&self) -> bool {
        self.0.values().any(|order| order.case != 0)
    }

    /// The numbers of those that are, each with its case.
    pub(crate) fn encode_cases(&self, to: &mut Encoder) {
        let of_cases: Vec<_> = self.0.iter().filter(|(_, order)| order.case != 0).collect();
        to.count(of_cases.len());
        for (number, order) in of_cases {
            to.u64(*number);
            to.u128(order.case);
        }
    }

    /// Gives decoded orders their cases: ascending, none twice, none that is not there.
    pub(crate) fn decode_cases(&mut self, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        let mut last = None;
        for _ in 0..from.count(ORDERS_MAX)? {
            let (number, case) = (from.u64()?, from.u128()?);
            if case == 0 || last >= Some(number) {
                return Err(Malformed);
            }
            self.0.get_mut(&number).ok_or(Malformed)?.case = case;
            last = Some(number);
        }
        Ok(())
    }

    /// In the configuration of a block: each order with its number, and its case if it has one.
    pub(crate) fn config_entries(&self, kind: u8) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(move |(number, order)| {
            let mut to = Encoder::default();
            to.u8(kind);
            to.u8(1);
            to.u64(*number);
            order.encode(&mut to);
            if order.case != 0 {
                to.u128(order.case);
            }
            to.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_for_fraud_cases_leave_room_for_postings_by_hand() {
        let mut orders = Orders::default();
        let mut add = |number: usize, (case, debtor): (u128, AccountHandle)| {
            let (amount, expires, currency) = (1, 9, 978);
            let order = Order { debtor, creditor: 1, amount, currency, reference: [0; 32], expires, case };
            orders.insert(crate::number::number(number), order);
            (orders.is_full(), orders.is_full_of(1, 2), orders.is_full_of(1, 3))
        };
        for number in 1..RETURN_PARTS_MAX {
            assert_eq!(add(number, (1, 2)), (false, false, false));
        }
        assert_eq!(add(RETURN_PARTS_MAX, (1, 2)), (false, true, false), "of that account");
        for number in RETURN_PARTS_MAX + 1..CASE_ORDERS_MAX {
            assert_eq!(add(number, (7, 7)), (false, true, false));
        }
        assert_eq!(add(CASE_ORDERS_MAX, (7, 7)), (false, true, true), "of all cases");
        for number in CASE_ORDERS_MAX + 1..ORDERS_MAX {
            assert!(!add(number, (0, 2)).0);
        }
        assert!(add(ORDERS_MAX, (0, 2)).0);
    }
}
