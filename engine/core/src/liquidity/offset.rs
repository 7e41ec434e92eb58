//! Offsetting: a part of some payments that settles at once, found by removal as Bech and Soramäki describe it:
//! while a cell can't bear its net, a payment of its debtor is taken out.
//!
//! A payment is removed once at most, and a net is kept up to date instead of being summed anew, so that a
//! removal costs the logarithm of the number of cells.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::queues::{Cell, Flat, PerCell, Place, Queues};

/// Which payment of a debtor is removed. Urgent and high ones leave a set from the end of their queue in any
/// case, and after all normal ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Removal {
    /// The last one.
    Last,
    /// Of the normal ones, which may bypass each other, the smallest that covers what is missing, or the
    /// largest where none does; of equals the last. Removes less, and so takes less from others.
    BySize,
}

/// A cell in a set that is being reduced.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Credits less debits of the set.
    net: i128,
    /// Those that debit the cell, in queue order; some of the last may be removed already.
    debits: Vec<Place>,
    /// The normal ones of these by amount, where they are removed by size.
    by_size: BTreeSet<(u64, Reverse<Place>)>,
}

/// Reduces sets until they settle. Keeps its memory between them.
#[derive(Clone, Debug)]
pub(super) struct Offset {
    sides: PerCell<Side>,
    is_member: Flat<bool>,
    /// Cells that can't bear their net.
    short: BTreeSet<Cell>,
    /// For each account the number of payments that were counted.
    counts: Flat<usize>,
    set_max: usize,
}

impl Offset {
    pub(super) fn new(queues: &Queues, set_max: usize) -> Self {
        Self {
            sides: queues.per_cell(),
            is_member: Flat::new(queues.places().map(|_| false)),
            short: BTreeSet::new(),
            counts: Flat::new(queues.accounts().map(|_| 0)),
            set_max: set_max.max(1),
        }
    }

    /// A part of `places`, which are waiting and in queue order, that settles at once, in queue order. Empty if
    /// none is found.
    pub(super) fn settle(&mut self, queues: &Queues, mut places: Vec<Place>) -> Vec<Place> {
        self.keep_in_turn(queues, &mut places);
        let set = self.reduced(queues, places.clone(), Removal::Last);
        if set.is_empty() { self.reduced(queues, places, Removal::BySize) } else { set }
    }

    fn reduced(&mut self, queues: &Queues, mut places: Vec<Place>, removal: Removal) -> Vec<Place> {
        self.reduce(queues, &mut places, removal);
        if places.len() > self.set_max {
            self.cut(queues, &mut places);
            self.reduce(queues, &mut places, removal);
        }
        places
    }

    /// Drops the payments that others, which are not among `places`, have to leave before.
    fn keep_in_turn(&mut self, queues: &Queues, places: &mut Vec<Place>) {
        for place in places.iter() {
            let debtor = queues.payment(*place).debtor;
            *self.counts.at_mut(debtor) = queues.strict(debtor).0;
        }
        places.retain(|place| {
            let payment = queues.payment(*place);
            let out = self.counts.at_mut(payment.debtor);
            if !payment.is_strict {
                return *out == queues.strict(payment.debtor).1;
            }
            let is_next = payment.rank == *out;
            *out = out.saturating_add(usize::from(is_next));
            is_next
        });
    }

    /// Cuts a set to the allowed size: the first of each account's payments, then the second of each, and so
    /// on; it has to be reduced again.
    fn cut(&mut self, queues: &Queues, places: &mut Vec<Place>) {
        for place in places.iter() {
            *self.counts.at_mut(queues.payment(*place).debtor) = 0;
        }
        let mut ranked: Vec<_> = places
            .iter()
            .map(|place| {
                let count = self.counts.at_mut(queues.payment(*place).debtor);
                *count = count.saturating_add(1);
                (*count, *place)
            })
            .collect();
        ranked.sort_unstable();
        ranked.truncate(self.set_max);
        places.clear();
        places.extend(ranked.into_iter().map(|(_, place)| place));
        places.sort_unstable();
    }

    /// Removes payments until every cell bears its net.
    fn reduce(&mut self, queues: &Queues, places: &mut Vec<Place>, removal: Removal) {
        self.enter(queues, places, removal);
        while let Some(cell) = self.short.pop_first() {
            while let missing @ 1.. = queues.shortfall(cell, self.sides.at(cell).net) {
                match self.covering(cell, missing) {
                    Some(place) => self.remove(queues, place),
                    None => self.remove_last(queues, cell),
                }
            }
        }
        places.retain(|place| *self.is_member.at(*place));
    }

    /// The payment to remove by size.
    fn covering(&self, cell: Cell, missing: i128) -> Option<Place> {
        let by_size = &self.sides.at(cell).by_size;
        let (largest, _) = by_size.last()?;
        let amount = u64::try_from(missing).map_or(*largest, |missing| missing.min(*largest));
        by_size.range((amount, Reverse(Place::MAX))..).next().map(|(_, Reverse(place))| *place)
    }

    fn enter(&mut self, queues: &Queues, places: &[Place], removal: Removal) {
        for place in places {
            let payment = queues.payment(*place);
            for cell in payment.debits().chain(payment.credits()) {
                let side = self.sides.at_mut(cell);
                side.net = 0;
                side.debits.clear();
                side.by_size.clear();
            }
        }
        for place in places {
            let payment = queues.payment(*place);
            let amount = i128::from(payment.amount);
            *self.is_member.at_mut(*place) = true;
            for cell in payment.debits() {
                let side = self.sides.at_mut(cell);
                side.net = side.net.saturating_sub(amount);
                side.debits.push(*place);
                if removal == Removal::BySize && !payment.is_strict {
                    side.by_size.insert((payment.amount, Reverse(*place)));
                }
            }
            for cell in payment.credits() {
                let side = self.sides.at_mut(cell);
                side.net = side.net.saturating_add(amount);
            }
        }
        for cell in places.iter().flat_map(|place| queues.payment(*place).debits()) {
            if queues.shortfall(cell, self.sides.at(cell).net) > 0 {
                self.short.insert(cell);
            }
        }
    }

    /// Removes the last payment that debits a cell; where it stands in strict order, with all that its account
    /// sends after it.
    fn remove_last(&mut self, queues: &Queues, cell: Cell) {
        let last = self.sides.at_mut(cell).debits.pop().expect("a net below zero has debits");
        if !*self.is_member.at(last) {
            return;
        }
        let payment = queues.payment(last);
        if payment.is_strict {
            while let Some(later) =
                self.sides.at_mut(Cell::Account(payment.debtor)).debits.pop_if(|later| *later > last)
            {
                self.remove(queues, later);
            }
        }
        self.remove(queues, last);
    }

    fn remove(&mut self, queues: &Queues, place: Place) {
        if !core::mem::replace(self.is_member.at_mut(place), false) {
            return;
        }
        let payment = queues.payment(place);
        let amount = i128::from(payment.amount);
        for cell in payment.debits() {
            let side = self.sides.at_mut(cell);
            side.net = side.net.saturating_add(amount);
            side.by_size.remove(&(payment.amount, Reverse(place)));
        }
        for cell in payment.credits() {
            let side = self.sides.at_mut(cell);
            side.net = side.net.saturating_sub(amount);
            if queues.shortfall(cell, side.net) > 0 {
                self.short.insert(cell);
            }
        }
    }
}

/// Two slots that have payments for each other.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// The slots.
    pub(super) slots: (usize, usize),
    /// Both queues against each other, in queue order.
    pub(super) places: Vec<Place>,
    /// The clock when they were last tried.
    pub(super) tried: usize,
}

/// All pairs of slots with payments both ways, in the order of their numbers.
pub(super) fn pairs(queues: &Queues) -> Vec<Pair> {
    let mut between: BTreeMap<(usize, usize), ([bool; 2], Vec<Place>)> = BTreeMap::new();
    for place in queues.places() {
        let (debtor, creditor) = queues.payment(place).slots;
        if debtor != creditor {
            let (ways, places) = between.entry((debtor.min(creditor), debtor.max(creditor))).or_default();
            let [forth, back] = ways;
            *(if debtor < creditor { forth } else { back }) = true;
            places.push(place);
        }
    }
    let both = between.into_iter().filter(|(_, (ways, _))| *ways == [true, true]);
    both.map(|(slots, (_, places))| Pair { slots, places, tried: 0 }).collect()
}
