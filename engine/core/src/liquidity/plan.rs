//! What the engine asks to be released after a block: the queue and the cells of the mirror, resolved, as records.
//!
//! Proposes only: each release is decided again when its frame is executed, on the cells as they are then, and one that
//! no longer fits stays in the queue.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use feiqian_proof::hash::{Domain, Hash, keyed};

use crate::account::{AccountCell, AccountHandle, SlotHandle};
use crate::codec::Encoder;
use crate::controls::usage::Meters;
use crate::limits::RESOLUTION_PAYMENTS_MAX;
use crate::liquidity::admit::{Fate, Room};
use crate::liquidity::queue::Queued;
use crate::liquidity::resolve::{Bounds, Liquidity, Priority, Waiting, resolve};
use crate::mirror::Mirror;
use crate::number::index;
use crate::participant::SlotCell;
use crate::registry::Registry;
use crate::state::State;
use crate::transfer::{Record, flags};
use crate::uetr::Uetr;

/// The payments that wait after a block and what their cells have: a copy, to be resolved beside the batcher.
#[derive(Clone, Debug)]
pub struct Plan {
    waiting: Vec<Waiting>,
    /// Those that other limits do not bear unless something comes in with them.
    beyond: Vec<Waiting>,
    /// Of each of them, its currency, how often it was tried and what it is for.
    terms: BTreeMap<u128, (u16, u32, [u8; 4])>,
    cells: Cells,
    /// Of each position, the most urgent class in which it pays.
    classes: BTreeMap<SlotHandle, Priority>,
    now: u64,
    id_key: u128,
}

/// What a plan is made of: a mirror as a block left it, or a state.
pub trait Standing {
    /// Terms.
    fn registry(&self) -> &Registry;
    /// Payments that wait, ascending by id.
    fn queued(&self) -> impl Iterator<Item = (u128, &Queued)>;
    /// An account's cell.
    fn account(&self, account: AccountHandle) -> Option<&AccountCell>;
    /// A position's cell.
    fn slot(&self, slot: SlotHandle) -> Option<&SlotCell>;
    /// What is counted for limits.
    fn usage(&self) -> &Meters;
}

impl Standing for Mirror {
    fn registry(&self) -> &Registry {
        &self.registry
    }
    fn queued(&self) -> impl Iterator<Item = (u128, &Queued)> {
        self.queue.iter().map(|(id, queued)| (*id, queued))
    }
    fn account(&self, account: AccountHandle) -> Option<&AccountCell> {
        self.account(account)
    }
    fn slot(&self, slot: SlotHandle) -> Option<&SlotCell> {
        self.slots.get(index(slot.into()))
    }
    fn usage(&self) -> &Meters {
        &self.usage
    }
}

impl Standing for State {
    fn registry(&self) -> &Registry {
        self.registry()
    }
    fn queued(&self) -> impl Iterator<Item = (u128, &Queued)> {
        self.queue().iter()
    }
    fn account(&self, account: AccountHandle) -> Option<&AccountCell> {
        self.account(account)
    }
    fn slot(&self, slot: SlotHandle) -> Option<&SlotCell> {
        self.slot(slot)
    }
    fn usage(&self) -> &Meters {
        self.usage()
    }
}

#[derive(Clone, Debug, Default)]
struct Cells {
    accounts: BTreeMap<AccountHandle, i128>,
    slots: BTreeMap<SlotHandle, i128>,
}

impl Liquidity for Cells {
    fn available(&self, account: AccountHandle) -> i128 {
        self.accounts.get(&account).copied().unwrap_or(0)
    }

    fn headroom(&self, slot: SlotHandle) -> i128 {
        self.slots.get(&slot).copied().unwrap_or(0)
    }
}

impl Plan {
    /// Of the payments that wait and are due at `now`, frame time, the first in order of class and number, as many as
    /// one resolution takes; `skips` says which not. None where nothing remains.
    #[must_use]
    pub fn of(standing: &impl Standing, now: u64, skips: impl Fn(u128, &Queued) -> bool) -> Option<Self> {
        let due = standing.queued().filter(|(id, queued)| queued.earliest <= now && !skips(*id, queued));
        let mut due: Vec<_> = due.collect();
        if due.len() > RESOLUTION_PAYMENTS_MAX {
            due.sort_unstable_by_key(|(id, queued)| (queued.place(), *id));
            due.truncate(RESOLUTION_PAYMENTS_MAX);
        }
        let id_key = standing.registry().genesis()?.id_key;
        let mut plan = Self {
            waiting: Vec::new(),
            beyond: Vec::new(),
            terms: BTreeMap::new(),
            cells: Cells::default(),
            classes: BTreeMap::new(),
            now,
            id_key,
        };
        due.into_iter().for_each(|(id, queued)| plan.add(standing, id, queued));
        plan.withhold(standing.registry());
        plan.divide(standing);
        (!plan.waiting.is_empty() || !plan.beyond.is_empty()).then_some(plan)
    }

    fn add(&mut self, standing: &impl Standing, id: u128, queued: &Queued) {
        let registry = standing.registry();
        let (Some(debtor), Some(creditor)) =
            (registry.account(queued.debtor), registry.account(queued.creditor))
        else {
            return;
        };
        for (handle, terms) in [(queued.debtor, debtor), (queued.creditor, creditor)] {
            let cell = standing.account(handle).copied().unwrap_or_default();
            self.cells.accounts.insert(handle, cell.available(terms.credit_line));
            let slot = standing.slot(terms.slot).zip(registry.slots().get(index(terms.slot.into())));
            let headroom = slot.map_or(0, |(cell, terms)| cell.headroom(terms.cap));
            self.cells.slots.insert(terms.slot, headroom);
        }
        if debtor.slot != creditor.slot {
            let class = self.classes.entry(debtor.slot).or_insert(queued.priority);
            *class = queued.priority.min(*class);
        }
        self.terms.insert(id, (debtor.currency, queued.attempts, queued.purpose));
        self.waiting.push(Waiting {
            id,
            debtor: queued.debtor,
            creditor: queued.creditor,
            debtor_slot: debtor.slot,
            creditor_slot: creditor.slot,
            amount: queued.amount,
            priority: queued.priority,
            order: queued.order,
            earliest: queued.earliest,
        });
    }

    /// Takes from each position's headroom what it keeps for more urgent payments than any that waits. A less urgent one
    /// that is then proposed in vain stays in the queue.
    fn withhold(&mut self, registry: &Registry) {
        let controls = registry.controls();
        for (slot, class) in &self.classes {
            if let Some(headroom) = self.cells.slots.get_mut(slot) {
                *headroom = headroom.saturating_sub(controls.withheld(*slot, *class));
            }
        }
    }

    /// Sets aside what limits beyond cap and credit line would refuse.
    fn divide(&mut self, standing: &impl Standing) {
        if standing.registry().controls().is_empty() {
            return;
        }
        let mut room = Room::of(standing, self.now);
        self.waiting.sort_unstable_by_key(|payment| (payment.priority, payment.order, payment.id));
        for payment in core::mem::take(&mut self.waiting) {
            match room.admit(&payment) {
                Fate::Admitted => self.waiting.push(payment),
                Fate::Beyond => self.beyond.push(payment),
                Fate::Barred => {}
            }
        }
    }

    /// The payments that it looks at.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().chain(&self.beyond)
    }

    /// The releases, one set after the other; the members of a set are a chain, and settle at once.
    #[must_use]
    pub fn releases(&self) -> Vec<Vec<Record>> {
        let all = [self.waiting.as_slice(), self.beyond.as_slice()].concat();
        let payments: BTreeMap<u128, &Waiting> = all.iter().map(|payment| (payment.id, payment)).collect();
        let mut sets = resolve(&self.waiting, self.now, &self.cells, Bounds::default());
        // Only where nothing else goes: a set with one that its limit does not bear fails as a whole.
        if sets.is_empty() && !self.beyond.is_empty() {
            sets = resolve(&all, self.now, &self.cells, Bounds::default());
        }
        sets.iter()
            .map(|set| {
                let mut records: Vec<_> = set
                    .iter()
                    .filter_map(|id| payments.get(id))
                    .map(|payment| self.release(payment))
                    .collect();
                let linked = records.len().saturating_sub(1);
                for record in records.iter_mut().take(linked) {
                    record.flags = (record.flags.get() | flags::LINKED).into();
                }
                records
            })
            .collect()
    }

    fn release(&self, payment: &Waiting) -> Record {
        let (currency, attempts, purpose) = self.terms.get(&payment.id).copied().unwrap_or_default();
        let id = release_id(self.id_key, payment.id, attempts);
        let mut record = Record::new(id, payment.debtor, payment.creditor, payment.amount, currency);
        record.flags = (flags::RELEASE | class_flag(payment.priority)).into();
        record.related = payment.id.into();
        record.purpose = purpose;
        record
    }
}

/// The flag of a class.
const fn class_flag(class: Priority) -> u16 {
    match class {
        Priority::Urgent => flags::URGENT,
        Priority::High => flags::HIGH,
        Priority::Normal => 0,
    }
}

/// The id of a release of a payment that waits, after so many that did not come to pass. Keyed with what submitters do
/// not know, so that none of them takes it first.
#[must_use]
pub fn release_id(id_key: u128, id: u128, attempts: u32) -> u128 {
    let mut to = Encoder::default();
    to.raw(b"release");
    to.u128(id_key);
    to.u128(id);
    to.u32(attempts);
    let Hash(digest) = keyed(Domain::Command, &to.0);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, byte)| *to = byte);
    Uetr::from_digest(bytes).bits()
}
