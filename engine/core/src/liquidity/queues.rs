//! The queues while they are resolved: numbered densely, with what each cell has left, and for every slot the
//! next payment that fits. A release costs logarithmic time, however many payments wait.
//!
//! Numbers are given in queue order: places to payments, then accounts and slots as payments mention them, so
//! nothing here depends on the order of the input.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::resolve::{Liquidity, Priority, Waiting};
use super::tree::{CLOSED, Need, PLENTY, Tree};

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

/// What has money or room: the cell of an account has the account's number, that of a slot follows.
pub(super) type Cell = usize;

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
    /// The cells of the slots, where they differ.
    slot_cells: Option<(Cell, Cell)>,
}

impl Payment {
    /// The cells that it debits.
    #[inline]
    pub(super) fn debits(&self) -> impl Iterator<Item = Cell> + use<> {
        [Some(self.debtor), self.slot_cells.map(|(debtor, _)| debtor)].into_iter().flatten()
    }

    /// The cells that it credits.
    #[inline]
    pub(super) fn credits(&self) -> impl Iterator<Item = Cell> + use<> {
        [Some(self.creditor), self.slot_cells.map(|(_, creditor)| creditor)].into_iter().flatten()
    }

    fn need(&self) -> Need {
        // What an account pays to itself needs nothing.
        let amount = if self.debtor == self.creditor { 0 } else { self.amount };
        match self.slot_cells {
            Some(_) => Need { across: amount, within: CLOSED },
            None => Need { across: CLOSED, within: amount },
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
    has: Flat<i128>,
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

impl Queues {
    /// The queues of what is waiting and may be released at `now`.
    pub(super) fn new(waiting: &[Waiting], now: u64, liquidity: &impl Liquidity) -> Self {
        let mut waiting: Vec<_> = waiting.iter().filter(|waiting| waiting.earliest <= now).collect();
        waiting.sort_unstable_by_key(|waiting| (waiting.priority, waiting.order, waiting.debtor, waiting.id));
        let (mut account_numbers, mut slot_numbers) = (Numbers::default(), Numbers::default());
        let mut accounts: Vec<Account> = Vec::new();
        let mut payments = Vec::with_capacity(waiting.len());
        for (place, waiting) in waiting.iter().enumerate() {
            let sides = [(waiting.debtor, waiting.debtor_slot), (waiting.creditor, waiting.creditor_slot)];
            let [debtor, creditor] = sides.map(|(account, slot)| {
                let (account, slot) = (account_numbers.of(account), slot_numbers.of(slot));
                if account == accounts.len() {
                    accounts.push(Account::new(slot));
                }
                account
            });
            let is_strict = waiting.priority < Priority::Normal;
            let rank = accounts.get_mut(debtor).map_or(0, |account| account.append(place, is_strict));
            let slot_of = |account: usize| accounts.get(account).map_or(0, |account| account.slot);
            let slots = (slot_of(debtor), slot_of(creditor));
            payments.push(Payment {
                id: waiting.id,
                amount: waiting.amount,
                is_strict,
                is_released: false,
                debtor,
                creditor,
                rank,
                slots,
                slot_cells: None,
            });
        }
        let cell_of = |slot: usize| accounts.len().saturating_add(slot);
        for payment in payments.iter_mut().filter(|payment| payment.slots.0 != payment.slots.1) {
            payment.slot_cells = Some((cell_of(payment.slots.0), cell_of(payment.slots.1)));
        }
        let account_handles = account_numbers.handles().into_iter();
        let funds = account_handles.map(|handle| liquidity.available(handle));
        let slot_handles = slot_numbers.handles();
        let room = slot_handles.iter().map(|handle| liquidity.headroom(*handle));
        let mut queues = Self {
            payments: Flat::new(payments),
            has: Flat::new(funds.chain(room)),
            slots: Flat::new(seated(&mut accounts, slot_handles.len())),
            accounts: Flat::new(accounts),
            ready: BTreeSet::new(),
            clock: 1,
        };
        (0..queues.accounts.len()).for_each(|account| queues.open_turns(account));
        (0..queues.accounts.len()).for_each(|account| queues.refresh(account));
        queues
    }

    #[inline]
    pub(super) fn payment(&self, place: Place) -> &Payment {
        self.payments.at(place)
    }

    pub(super) const fn places(&self) -> core::ops::Range<Place> {
        0..self.payments.len()
    }

    pub(super) const fn cells(&self) -> core::ops::Range<Cell> {
        0..self.has.len()
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
        let funds = self.bound(account);
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
        let room = self.bound(self.accounts.len().saturating_add(slot));
        let Slot { accounts, payable, .. } = self.slots.at(slot);
        let account = *accounts.get(payable.first_met(Need { across: room, within: PLENTY })?)?;
        let funds = self.bound(account);
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
