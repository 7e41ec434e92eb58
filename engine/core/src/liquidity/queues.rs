//! The queues while they are resolved: numbered densely, with what each cell has left, and for every slot the
//! next payment that fits. A release costs logarithmic time, however many payments wait.
//!
//! Numbers are given in queue order: places to payments, then accounts and slots as payments mention them, so
//! nothing here depends on the order of the input.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::resolve::{Liquidity, Priority, Waiting};
use super::tree::{CLOSED, Need, PLENTY, Tree};
use crate::account::{AccountHandle, SlotHandle};

/// A payment's place in queue order.
pub(super) type Place = usize;

/// An array that is read at numbers which were given out for it.
#[derive(Clone, Debug)]
pub(super) struct Flat<T>(Vec<T>);

impl<T> Flat<T> {
    pub(super) fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().collect())
    }

    #[inline]
    pub(super) fn at(&self, number: usize) -> &T {
        self.0.get(number).expect("numbered by the queues")
    }

    #[inline]
    pub(super) fn at_mut(&mut self, number: usize) -> &mut T {
        self.0.get_mut(number).expect("numbered by the queues")
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// What has money or room, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cell {
    Account(usize),
    Slot(usize),
}

/// Something of every cell.
#[derive(Clone, Debug)]
pub(super) struct PerCell<T> {
    accounts: Flat<T>,
    slots: Flat<T>,
}

impl<T> PerCell<T> {
    #[inline]
    pub(super) fn at(&self, cell: Cell) -> &T {
        match cell {
            Cell::Account(account) => self.accounts.at(account),
            Cell::Slot(slot) => self.slots.at(slot),
        }
    }

    #[inline]
    pub(super) fn at_mut(&mut self, cell: Cell) -> &mut T {
        match cell {
            Cell::Account(account) => self.accounts.at_mut(account),
            Cell::Slot(slot) => self.slots.at_mut(slot),
        }
    }
}

/// A payment that may be released.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) id: u128,
    pub(super) amount: u64,
    /// Urgent or high: strictly in order.
    pub(super) is_strict: bool,
    pub(super) is_released: bool,
    pub(super) debtor: usize,
    pub(super) creditor: usize,
    /// Its number in the debtor account's queue.
    pub(super) rank: usize,
    /// Debtor and creditor slot.
    pub(super) slots: (usize, usize),
}

impl Payment {
    /// The cells that it debits.
    #[inline]
    pub(super) fn debits(&self) -> impl Iterator<Item = Cell> + use<> {
        let slot = self.is_across().then_some(Cell::Slot(self.slots.0));
        core::iter::once(Cell::Account(self.debtor)).chain(slot)
    }

    /// The cells that it credits.
    #[inline]
    pub(super) fn credits(&self) -> impl Iterator<Item = Cell> + use<> {
        let slot = self.is_across().then_some(Cell::Slot(self.slots.1));
        core::iter::once(Cell::Account(self.creditor)).chain(slot)
    }

    /// Whether it leaves its slot.
    #[inline]
    const fn is_across(&self) -> bool {
        self.slots.0 != self.slots.1
    }

    fn need(&self) -> Need {
        // What an account pays to itself needs nothing.
        let amount = if self.debtor == self.creditor { 0 } else { self.amount };
        if self.is_across() {
            Need { across: amount, within: CLOSED }
        } else {
            Need { across: CLOSED, within: amount }
        }
    }
}

#[derive(Clone, Debug)]
struct Account {
    slot: usize,
    /// Its leaf in the slot's tree.
    seat: usize,
    queue: Vec<Place>,
    /// How many at the queue's head are strictly in order; the rest may bypass each other.
    strict: usize,
    /// How many of these are released.
    strict_released: usize,
    /// Needs of the payments whose turn it is.
    turns: Tree,
}

#[derive(Clone, Debug)]
struct Slot {
    accounts: Vec<usize>,
    /// For each account the least that it could pay.
    payable: Tree,
    /// The payment that would be released next, also in `ready`.
    candidate: Option<Place>,
    /// The clock when it was last debited or credited.
    touched: usize,
}

/// All queues.
#[derive(Clone, Debug)]
pub(super) struct Queues {
    payments: Flat<Payment>,
    accounts: Flat<Account>,
    slots: Flat<Slot>,
    /// What each cell has.
    has: PerCell<i128>,
    /// The candidates of all slots.
    ready: BTreeSet<Place>,
    /// Counts releases.
    clock: usize,
}

/// Dense numbers of handles, in order of their mention.
#[derive(Default)]
struct Numbers<H>(BTreeMap<H, usize>);

impl<H: Ord> Numbers<H> {
    fn of(&mut self, handle: H) -> usize {
        let next = self.0.len();
        *self.0.entry(handle).or_insert(next)
    }

    /// The handles by their numbers.
    fn handles(self) -> Vec<H> {
        let mut numbered: Vec<_> = self.0.into_iter().collect();
        numbered.sort_unstable_by_key(|(_, number)| *number);
        numbered.into_iter().map(|(handle, _)| handle).collect()
    }
}

/// Numbers accounts and slots, and queues the payments of each account.
#[derive(Default)]
struct Cells {
    accounts: Numbers<AccountHandle>,
    slots: Numbers<SlotHandle>,
    queues: Vec<Account>,
}

impl Cells {
    fn queue(&mut self, place: Place, waiting: &Waiting) -> Payment {
        let (debtor, debtor_slot) = self.account(waiting.debtor, waiting.debtor_slot);
        let (creditor, creditor_slot) = self.account(waiting.creditor, waiting.creditor_slot);
        let is_strict = waiting.priority < Priority::Normal;
        Payment {
            id: waiting.id,
            amount: waiting.amount,
            is_strict,
            is_released: false,
            debtor,
            creditor,
            rank: self.queues.get_mut(debtor).map_or(0, |account| account.append(place, is_strict)),
            slots: (debtor_slot, creditor_slot),
        }
    }

    /// An account's number and its slot's: an account has one slot, the one that is mentioned first.
    fn account(&mut self, account: AccountHandle, slot: SlotHandle) -> (usize, usize) {
        let account = self.accounts.of(account);
        if account == self.queues.len() {
            self.queues.push(Account::new(self.slots.of(slot)));
        }
        (account, self.queues.get(account).map_or(0, |account| account.slot))
    }
}

impl Queues {
    /// The queues of what is waiting and may be released at `now`.
    pub(super) fn new(waiting: &[Waiting], now: u64, liquidity: &impl Liquidity) -> Self {
        let mut waiting: Vec<_> = waiting.iter().filter(|waiting| waiting.earliest <= now).collect();
        waiting.sort_unstable_by_key(|waiting| (waiting.priority, waiting.order, waiting.debtor, waiting.id));
        let mut cells = Cells::default();
        let payments: Vec<_> = waiting.iter().enumerate().map(|(place, it)| cells.queue(place, it)).collect();
        let Cells { accounts: account_numbers, slots: slot_numbers, mut queues } = cells;
        let (accounts, slots) = (account_numbers.handles(), slot_numbers.handles());
        let funds = accounts.iter().map(|account| liquidity.available(*account));
        let room = slots.iter().map(|slot| liquidity.headroom(*slot));
        let mut queues = Self {
            payments: Flat::new(payments),
            has: PerCell { accounts: Flat::new(funds), slots: Flat::new(room) },
            slots: Flat::new(seated(&mut queues, slots.len())),
            accounts: Flat::new(queues),
            ready: BTreeSet::new(),
            clock: 1,
        };
        (0..accounts.len()).for_each(|account| queues.open_turns(account));
        (0..accounts.len()).for_each(|account| queues.refresh(account));
        queues
    }

    #[inline]
    pub(super) fn payment(&self, place: Place) -> &Payment {
        self.payments.at(place)
    }

    pub(super) const fn places(&self) -> core::ops::Range<Place> {
        0..self.payments.len()
    }

    pub(super) const fn accounts(&self) -> core::ops::Range<usize> {
        0..self.accounts.len()
    }

    /// Nothing yet of every cell.
    pub(super) fn per_cell<T: Default>(&self) -> PerCell<T> {
        let of = |count: usize| Flat::new((0..count).map(|_| T::default()));
        PerCell { accounts: of(self.accounts.len()), slots: of(self.slots.len()) }
    }

    /// How much a cell lacks to bear a net change, zero if it does. A cell that is below zero already, because
    /// a limit was lowered, bears what does not make it lower.
    #[inline]
    pub(super) fn shortfall(&self, cell: Cell, net: i128) -> i128 {
        match *self.has.at(cell) {
            i128::MAX => 0,
            has => net.saturating_add(has.max(0)).min(0).saturating_neg(),
        }
    }

    /// The first payment in queue order, of each slot's first account that can pay, that fits.
    pub(super) fn next_ready(&self) -> Option<Place> {
        self.ready.first().copied()
    }

    /// Whether a slot was debited or credited since the clock showed `since`.
    pub(super) fn is_touched(&self, slot: usize, since: usize) -> bool {
        self.slots.at(slot).touched > since
    }

    /// The number of releases so far.
    pub(super) const fn clock(&self) -> usize {
        self.clock
    }

    /// How many of an account's payments in strict order are released, and how many there are.
    pub(super) fn strict(&self, account: usize) -> (usize, usize) {
        let account = self.accounts.at(account);
        (account.strict_released, account.strict)
    }

    /// Releases payments in queue order, all at once.
    pub(super) fn release(&mut self, set: &[Place]) {
        self.clock = self.clock.saturating_add(1);
        set.iter().for_each(|place| self.take_out(*place));
        for place in set {
            let (debtor, creditor) = (self.payment(*place).debtor, self.payment(*place).creditor);
            self.refresh(debtor);
            self.refresh(creditor);
        }
    }

    fn take_out(&mut self, place: Place) {
        let payment = self.payments.at_mut(place);
        payment.is_released = true;
        let (amount, rank, debtor) = (i128::from(payment.amount), payment.rank, payment.debtor);
        let (debits, credits, slots) = (payment.debits(), payment.credits(), payment.slots);
        debits.for_each(|cell| self.shift(cell, amount.saturating_neg()));
        credits.for_each(|cell| self.shift(cell, amount));
        self.slots.at_mut(slots.0).touched = self.clock;
        self.slots.at_mut(slots.1).touched = self.clock;
        let account = self.accounts.at_mut(debtor);
        account.turns.set(rank, Need::NONE);
        if rank < account.strict {
            assert_eq!(rank, account.strict_released, "urgent and high payments leave in their order");
            account.strict_released = rank.saturating_add(1);
            self.open_turns(debtor);
        }
    }

    fn shift(&mut self, cell: Cell, change: i128) {
        let has = self.has.at_mut(cell);
        if *has != i128::MAX {
            *has = has.saturating_add(change);
        }
    }

    /// Lets the next payment in strict order have its turn, or all others where there is none.
    fn open_turns(&mut self, account: usize) {
        let account = self.accounts.at_mut(account);
        let (next, strict) = (account.strict_released, account.strict);
        let end = if next < strict { next.saturating_add(1) } else { account.queue.len() };
        for (rank, place) in account.queue.iter().enumerate().take(end).skip(next) {
            account.turns.set(rank, self.payments.at(*place).need());
        }
    }

    /// Notes what an account can pay now, and so the next payment of its slot.
    fn refresh(&mut self, account: usize) {
        let funds = self.bound(Cell::Account(account));
        let Account { slot, seat, turns, .. } = self.accounts.at(account);
        let (least, slot) = (turns.least(), *slot);
        // The slot has to bear what goes across; what stays within it, the account's funds alone decide.
        let payable = Need {
            across: if least.across <= funds { least.across } else { CLOSED },
            within: if least.within <= funds { 0 } else { CLOSED },
        };
        self.slots.at_mut(slot).payable.set(*seat, payable);
        let candidate = self.candidate(slot);
        let former = core::mem::replace(&mut self.slots.at_mut(slot).candidate, candidate);
        if former != candidate {
            former.map(|place| self.ready.remove(&place));
            candidate.map(|place| self.ready.insert(place));
        }
    }

    fn candidate(&self, slot: usize) -> Option<Place> {
        let room = self.bound(Cell::Slot(slot));
        let Slot { accounts, payable, .. } = self.slots.at(slot);
        let account = *accounts.get(payable.first_met(Need { across: room, within: PLENTY })?)?;
        let funds = self.bound(Cell::Account(account));
        let Account { queue, turns, .. } = self.accounts.at(account);
        queue.get(turns.first_met(Need { across: funds.min(room), within: funds })?).copied()
    }

    /// The largest amount that a cell bears.
    fn bound(&self, cell: Cell) -> u64 {
        u64::try_from((*self.has.at(cell)).max(0)).unwrap_or(PLENTY).min(PLENTY)
    }
}

impl Account {
    const fn new(slot: usize) -> Self {
        Self { slot, seat: 0, queue: Vec::new(), strict: 0, strict_released: 0, turns: Tree::new() }
    }

    /// Takes a payment at the queue's end; gives its rank.
    fn append(&mut self, place: Place, is_strict: bool) -> usize {
        let rank = self.queue.len();
        self.queue.push(place);
        if is_strict {
            self.strict = self.queue.len();
        }
        rank
    }
}

/// The slots, with a seat for each of their accounts.
fn seated(accounts: &mut [Account], slots: usize) -> Vec<Slot> {
    let empty = Slot { accounts: Vec::new(), payable: Tree::new(), candidate: None, touched: 0 };
    let mut slots = alloc::vec![empty; slots];
    for (number, account) in accounts.iter_mut().enumerate() {
        account.turns.widen(account.queue.len());
        if let Some(slot) = slots.get_mut(account.slot) {
            account.seat = slot.accounts.len();
            slot.accounts.push(number);
        }
    }
    slots.iter_mut().for_each(|slot| slot.payable.widen(slot.accounts.len()));
    slots
}
