//! The cells that transfers move: accounts and positions in flat arrays, what changed in them since the last
//! block, and the proof after every frame that nothing was made or lost (I2).
//!
//! A ledger holds the cells of its [`Share`]; what an operation does to other cells is theirs to do.

use alloc::vec::Vec;

use crate::account::{AccountCell, AccountHandle, SlotHandle};
use crate::claim::{Claim, Kind};
use crate::delta::{Delta, Settlement};
use crate::hold::Hold;
use crate::limits::ACCOUNT_HOLDS_MAX;
use crate::mirror::Mirror;
use crate::number::{index, number};
use crate::outcome::RejectReason;
use crate::overlay::Overlay;
use crate::participant::{CycleNumber, SlotCell};
use crate::registry::{Effect, Registry};

/// Which cells are held here: the accounts `h % shards == number`, and the positions whose clearing account
/// is among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// This shard, below `shards`.
    pub number: u64,
    /// How many there are.
    pub shards: u64,
}

impl Share {
    /// All cells.
    pub const WHOLE: Self = Self { number: 0, shards: 1 };

    /// The shard that owns an account.
    #[inline]
    #[must_use]
    pub fn owner(&self, account: AccountHandle) -> u64 {
        if self.shards == 1 { 0 } else { account.checked_rem(self.shards).unwrap_or(0) }
    }

    /// Whether an account's cell is held here.
    #[inline]
    #[must_use]
    pub fn holds(&self, account: AccountHandle) -> bool {
        self.owner(account) == self.number
    }

    /// Where an account's cell stands in the flat array, if it is held here.
    #[inline]
    fn local(&self, account: AccountHandle) -> Option<usize> {
        if self.shards == 1 {
            return Some(index(account));
        }
        self.holds(account).then(|| index(account.checked_div(self.shards).unwrap_or(0)))
    }

    /// How many of the accounts below `end` are held here.
    fn count_below(&self, end: u64) -> usize {
        index(end.saturating_sub(self.number).div_ceil(self.shards))
    }
}

/// The cells of one share.
#[derive(Clone, Debug)]
pub struct Ledger {
    share: Share,
    accounts: Vec<AccountCell>,
    slots: Vec<LedgerSlot>,
    touched: Vec<AccountHandle>,
    settlements: Vec<Settlement>,
    /// Height of the block that is being filled.
    block: u64,
}

/// What a share keeps of a position.
#[derive(Clone, Debug, Default)]
struct LedgerSlot {
    /// Sum of the balances of its accounts here. Follows accounts, not positions, so that the two check each
    /// other.
    total: i128,
    /// None where another share holds it.
    cell: Option<SlotCell>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(Share::WHOLE)
    }
}

impl Ledger {
    /// No cells yet.
    pub(crate) fn new(share: Share) -> Self {
        Self {
            share,
            accounts: Vec::new(),
            slots: Vec::new(),
            touched: Vec::new(),
            settlements: Vec::new(),
            block: 0,
        }
    }

    /// Where an account's cell lies in memory.
    #[inline]
    pub(crate) fn address(&self, account: AccountHandle) -> *const u8 {
        self.account(account).map_or(core::ptr::null(), |cell| core::ptr::from_ref(cell).cast())
    }

    #[inline]
    pub(crate) fn account(&self, handle: AccountHandle) -> Option<&AccountCell> {
        self.accounts.get(self.share.local(handle)?)
    }

    #[inline]
    pub(crate) fn slot(&self, slot: SlotHandle) -> Option<&SlotCell> {
        self.slots.get(index(slot.into()))?.cell.as_ref()
    }

    #[inline]
    fn slot_mut(&mut self, slot: SlotHandle) -> Option<&mut SlotCell> {
        self.slots.get_mut(index(slot.into()))?.cell.as_mut()
    }

    /// All cells, as a mirror has them at the end of a block.
    pub(crate) fn restored(mirror: &Mirror) -> Self {
        let mut ledger = Self::new(Share::WHOLE);
        let registry = &mirror.registry;
        ledger.block = registry.open_block();
        let slots = mirror.slots.iter().cloned();
        ledger.slots = slots.map(|cell| LedgerSlot { total: 0, cell: Some(cell) }).collect();
        ledger.accounts.clone_from(&mirror.accounts);
        for (cell, terms) in mirror.accounts.iter().zip(registry.accounts()) {
            ledger.add_total(terms.slot, cell.balance);
        }
        ledger
    }

    /// The cells of one share out of a whole ledger, in the midst of a block too.
    pub(crate) fn part(&self, share: Share, registry: &Registry) -> Self {
        let mut part = Self::new(share);
        part.block = self.block;
        let slots = self.slots.iter().zip(registry.slots()).map(|(slot, terms)| {
            let cell = slot.cell.clone().filter(|_| share.holds(terms.clearing_account));
            LedgerSlot { total: 0, cell }
        });
        part.slots = slots.collect();
        for ((cell, terms), handle) in self.accounts.iter().zip(registry.accounts()).zip(0..) {
            if share.holds(handle) {
                part.accounts.push(*cell);
                part.add_total(terms.slot, cell.balance);
            }
        }
        part.touched = self.touched.iter().copied().filter(|account| share.holds(*account)).collect();
        part.settlements = self.settlements.iter().copied().filter(|at| share.holds(at.account)).collect();
        part
    }

    /// Whether nothing is on the account and nothing reserved.
    pub(crate) fn is_empty_account(&self, account: AccountHandle) -> bool {
        self.account(account).is_none_or(|cell| cell.balance == 0 && cell.holds == 0)
    }

    #[inline]
    pub(crate) fn check_funds(&self, claim: &Claim, overlay: &Overlay) -> Result<(), RejectReason> {
        let cell = self.account(claim.debtor).ok_or(RejectReason::UnknownDebtor)?;
        let available =
            cell.available(claim.credit_line).saturating_add(overlay.account(claim.debtor).available);
        if available < i128::from(claim.amount) { Err(RejectReason::InsufficientFunds) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn check_cap(&self, claim: &Claim, overlay: &Overlay) -> Result<(), RejectReason> {
        if !claim.crosses() {
            return Ok(());
        }
        let cell = self.slot(claim.debtor_slot).ok_or(RejectReason::UnknownDebtor)?;
        let headroom = cell.headroom(claim.cap).saturating_add(overlay.slot(claim.debtor_slot).available);
        if headroom < i128::from(claim.amount) { Err(RejectReason::NetDebitCapExceeded) } else { Ok(()) }
    }

    /// Whether a hold's amount fits what the cells that are here have reserved.
    pub(crate) fn check_reserve(&self, claim: &Claim, overlay: &Overlay) -> Result<(), RejectReason> {
        if let Some(cell) = self.account(claim.debtor) {
            check_reserved(cell.reserved, overlay.account(claim.debtor).reserved, claim.amount)?;
            if cell.holds >= ACCOUNT_HOLDS_MAX {
                return Err(RejectReason::TooManyHolds);
            }
        }
        match self.slot(claim.debtor_slot).filter(|_| claim.crosses()) {
            Some(slot) => {
                check_reserved(slot.reserved, overlay.slot(claim.debtor_slot).reserved, claim.amount)
            }
            None => Ok(()),
        }
    }

    /// Puts an accepted claim in force. `held` is the amount of the hold that it finishes.
    #[inline]
    pub(crate) fn commit(&mut self, claim: &Claim, held: u64) {
        match claim.kind {
            Kind::Direct => self.transfer(claim),
            Kind::Hold => self.reserve(claim, i128::from(claim.amount)),
            Kind::Post => {
                self.reserve(claim, i128::from(held).wrapping_neg());
                self.transfer(claim);
            }
            Kind::Void => self.reserve(claim, i128::from(held).wrapping_neg()),
        }
    }

    /// Moves the amount, as one pair: what the debtor gives, the creditor gets.
    #[inline(always)]
    fn transfer(&mut self, claim: &Claim) {
        let credit = i128::from(claim.amount);
        let debit = credit.wrapping_neg();
        let crosses = claim.crosses();
        let pair = [(claim.debtor, claim.debtor_slot, debit), (claim.creditor, claim.creditor_slot, credit)];
        for (account, slot, change) in pair {
            let is_here = match self.touched_account(account) {
                Some(cell) => {
                    cell.balance = add(cell.balance, change);
                    true
                }
                None => false,
            };
            if let Some(slot) = self.slots.get_mut(index(slot.into())) {
                if is_here {
                    slot.total = add(slot.total, change);
                }
                if crosses && let Some(cell) = &mut slot.cell {
                    cell.position = add(cell.position, change);
                }
            }
        }
    }

    /// Reserves for a hold, or gives back what one has reserved (`change` below zero).
    fn reserve(&mut self, claim: &Claim, change: i128) {
        if let Some(cell) = self.touched_account(claim.debtor) {
            cell.reserved = shifted(cell.reserved, change);
            cell.holds = cell.holds.saturating_add_signed(if change > 0 { 1 } else { -1 });
        }
        if claim.crosses()
            && let Some(cell) = self.slot_mut(claim.debtor_slot)
        {
            cell.reserved = shifted(cell.reserved, change);
        }
    }

    /// Notes a posting in an account's chain; gives the previous one. In journal order for each account.
    #[inline]
    pub(crate) fn link(&mut self, account: AccountHandle, sequence: u64) -> Option<u64> {
        let local = self.share.local(account)?;
        let cell = self.accounts.get_mut(local)?;
        Some(core::mem::replace(&mut cell.last_posting, sequence))
    }

    /// Gives back what an expired hold reserved.
    pub(crate) fn release(&mut self, hold: &Hold, registry: &Registry) {
        let back = i128::from(hold.amount).wrapping_neg();
        if let Some(cell) = self.touched_account(hold.debtor) {
            cell.reserved = shifted(cell.reserved, back);
            cell.holds = cell.holds.saturating_sub(1);
        }
        let slot_of = |account| registry.account(account).map(|terms| terms.slot);
        let (debtor, creditor) = (slot_of(hold.debtor), slot_of(hold.creditor));
        if debtor != creditor
            && let Some(cell) = debtor.and_then(|slot| self.slot_mut(slot))
        {
            cell.reserved = shifted(cell.reserved, back);
        }
    }

    /// What an accepted command does to cells.
    pub(crate) fn take_effect(&mut self, effect: Effect, registry: &Registry, sequence: u64) {
        match effect {
            Effect::Registered | Effect::Sealed { .. } => {}
            Effect::AccountChanged(account) => {
                self.touched_account(account);
            }
            Effect::AccountsOpened { first, slot } => {
                if slot.is_some() {
                    let cell = self.share.holds(first).then(SlotCell::default);
                    self.slots.push(LedgerSlot { total: 0, cell });
                }
                let end = number(registry.accounts().len());
                let cell = AccountCell { touched: self.block, ..AccountCell::default() };
                self.accounts.resize(self.share.count_below(end), cell);
                let share = self.share;
                self.touched.extend((first..end).filter(|account| share.holds(*account)));
            }
            Effect::Settled(cycle) => self.settle(cycle, registry, sequence),
        }
        self.block = registry.open_block();
    }

    /// Books a cycle's net positions: who owed has paid in, who had a claim is paid out. A position and its
    /// clearing account are in one share.
    fn settle(&mut self, cycle: CycleNumber, registry: &Registry, sequence: u64) {
        for (slot, terms) in (0..).zip(registry.slots()) {
            let Some(net) = self.slot_mut(slot).and_then(|cell| cell.settle(cycle)) else { continue };
            let (account, paid) = (terms.clearing_account, net.wrapping_neg());
            self.add_total(slot, paid);
            if let Some(cell) = self.touched_account(account) {
                cell.balance = add(cell.balance, paid);
                let previous = core::mem::replace(&mut cell.last_posting, sequence);
                self.settlements.push(Settlement { cycle, account, net, previous });
            }
        }
    }

    /// Ends the block: what changed in it, positions as they stand; then the closing cycle's positions are
    /// set aside and the next cycle begins at zero.
    pub(crate) fn take_delta(&mut self, height: u64, closes: Option<CycleNumber>) -> Delta {
        let touched = core::mem::take(&mut self.touched);
        let accounts =
            touched.into_iter().filter_map(|at| self.account(at).map(|cell| (at, *cell))).collect();
        let slots = (0..).zip(&self.slots).filter_map(|(at, slot)| Some((at, slot.cell.clone()?))).collect();
        if let Some(cycle) = closes {
            self.slots.iter_mut().filter_map(|slot| slot.cell.as_mut()).for_each(|cell| cell.close(cycle));
        }
        let settlements = core::mem::take(&mut self.settlements);
        Delta { height, closes, accounts, slots, holds: Vec::new(), settlements }
    }

    #[inline]
    fn touched_account(&mut self, account: AccountHandle) -> Option<&mut AccountCell> {
        let local = self.share.local(account)?;
        let cell = self.accounts.get_mut(local)?;
        if cell.touched != self.block {
            cell.touched = self.block;
            self.touched.push(account);
        }
        Some(cell)
    }

    #[inline]
    fn add_total(&mut self, slot: SlotHandle, change: i128) {
        if let Some(slot) = self.slots.get_mut(index(slot.into())) {
            slot.total = add(slot.total, change);
        }
    }

    /// I2, after every frame, in production too: per participant and currency the accounts sum to what
    /// positions say, and per currency to zero.
    ///
    /// # Panics
    /// If they do not: the process stops before anyone is told an outcome.
    pub(crate) fn assert_conserved(&self, registry: &Registry) {
        for (slot, terms) in self.slots.iter().zip(registry.slots()) {
            let said = slot.cell.as_ref().map_or(0, |cell| add(cell.position, cell.unsettled()));
            assert_eq!(slot.total, said, "I2: accounts and position differ: {terms:?}");
        }
        assert_zero(&self.sums(registry));
    }

    /// Per currency, the sum of all balances held here.
    pub(crate) fn sums(&self, registry: &Registry) -> Vec<(u16, i128)> {
        let mut sums: Vec<(u16, i128)> = Vec::new();
        for (slot, terms) in self.slots.iter().zip(registry.slots()) {
            let currency = terms.currency.numeric();
            match sums.iter_mut().find(|(at, _)| *at == currency) {
                Some((_, sum)) => *sum = add(*sum, slot.total),
                None => sums.push((currency, slot.total)),
            }
        }
        sums
    }
}

/// I2 across shares: the sums per currency are all zero. Every share lists the same currencies in the same
/// order, since all know the same positions.
///
/// # Panics
/// If they are not.
pub fn assert_zero(sums: &[(u16, i128)]) {
    for (currency, sum) in sums {
        assert_eq!(*sum, 0, "I2: debits and credits differ in currency {currency}");
    }
}

impl SlotCell {
    /// Sets the position aside as that of a closed cycle and begins the next at zero.
    pub fn close(&mut self, cycle: CycleNumber) {
        let net = core::mem::take(&mut self.position);
        if net != 0 {
            self.closed.push((cycle, net));
        }
    }

    /// Ends a closed cycle's claim or debt; gives its net position, if it was not zero.
    pub fn settle(&mut self, cycle: CycleNumber) -> Option<i128> {
        let at = self.closed.iter().position(|(number, _)| *number == cycle)?;
        Some(self.closed.remove(at).1)
    }
}

#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "sums of 2^64 amounts below 2^60 stay below 2^125")]
pub(crate) fn add(sum: i128, change: i128) -> i128 {
    sum + change
}

/// Applies a change to a reserved sum.
///
/// # Panics
/// If it leaves 64 bits: holds are checked against that before they are accepted.
#[inline]
pub(crate) fn shifted(reserved: u64, change: i128) -> u64 {
    if change == 0 {
        return reserved;
    }
    u64::try_from(add(i128::from(reserved), change)).expect("I2: reserved sums stay within their holds")
}

pub(crate) fn check_reserved(reserved: u64, shift: i128, amount: u64) -> Result<(), RejectReason> {
    let sum = add(add(i128::from(reserved), shift), i128::from(amount));
    u64::try_from(sum).map(drop).map_err(|_| RejectReason::TooManyHolds)
}
