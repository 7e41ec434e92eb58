//! The cells that transfers move: accounts and positions in flat arrays, what changed in them since the last
//! block, and the proof after every frame that nothing was made or lost (I2).

use alloc::vec::Vec;

use crate::account::{AccountCell, AccountHandle, SlotHandle};
use crate::claim::{Claim, Kind};
use crate::hold::Hold;
use crate::limits::ACCOUNT_HOLDS_MAX;
use crate::number::{index, number};
use crate::outcome::{OutcomeRow, RejectReason};
use crate::overlay::{Overlay, shifts};
use crate::participant::{CycleNumber, SlotCell};
use crate::registry::{Effect, Registry};

/// All cells of a serial engine.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: Vec<AccountCell>,
    slots: Vec<SlotCell>,
    /// Per slot, the sum of its accounts' balances. Follows accounts, not positions, so that the two check
    /// each other.
    totals: Vec<i128>,
    touched: Vec<AccountHandle>,
    /// Height of the block that is being filled.
    block: u64,
}

/// What changed in the cells during one block, as the batcher needs it to hash and to mirror them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delta {
    /// The block.
    pub height: u64,
    /// The cycle that ends with it.
    pub closes: Option<CycleNumber>,
    /// Cells that changed, each once.
    pub accounts: Vec<(AccountHandle, AccountCell)>,
    /// All positions; where a cycle ends, as they stood at its end.
    pub slots: Vec<(SlotHandle, SlotCell)>,
    /// Holds that began to be pending (or are again as they were), and those that ended.
    pub holds: Vec<(u128, Option<Hold>)>,
}

impl Ledger {
    /// Reads an account's cell ahead of its use.
    #[inline]
    pub(crate) fn touch(&self, account: AccountHandle) -> u64 {
        self.accounts.get(index(account)).map_or(0, |cell| cell.last_posting)
    }

    pub(crate) fn account(&self, handle: AccountHandle) -> Option<&AccountCell> {
        self.accounts.get(index(handle))
    }

    pub(crate) fn slot(&self, slot: SlotHandle) -> Option<&SlotCell> {
        self.slots.get(index(slot.into()))
    }

    pub(crate) fn restored(accounts: Vec<AccountCell>, slots: Vec<SlotCell>, registry: &Registry) -> Self {
        let mut totals = alloc::vec![0; slots.len()];
        for (cell, terms) in accounts.iter().zip(registry.accounts()) {
            if let Some(total) = totals.get_mut(index(terms.slot.into())) {
                *total = add(*total, cell.balance);
            }
        }
        Self { accounts, slots, totals, touched: Vec::new(), block: registry.open_block() }
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

    pub(crate) fn check_reserve(&self, claim: &Claim, overlay: &Overlay) -> Result<(), RejectReason> {
        let cell = self.account(claim.debtor).ok_or(RejectReason::UnknownDebtor)?;
        check_reserved(cell.reserved, overlay.account(claim.debtor).reserved, claim.amount)?;
        if cell.holds >= ACCOUNT_HOLDS_MAX {
            return Err(RejectReason::TooManyHolds);
        }
        if !claim.crosses() {
            return Ok(());
        }
        let slot = self.slot(claim.debtor_slot).ok_or(RejectReason::UnknownDebtor)?;
        check_reserved(slot.reserved, overlay.slot(claim.debtor_slot).reserved, claim.amount)
    }

    /// Applies an accepted claim as one pair: what the debtor gives, the creditor gets.
    #[inline]
    pub(crate) fn commit(&mut self, claim: &Claim, held: u64, sequence: u64) -> OutcomeRow {
        let (debtor, creditor) = shifts(claim, held);
        let mut row = OutcomeRow::accepted(claim.kind.outcome(), claim.amount);
        let moves = matches!(claim.kind, Kind::Direct | Kind::Post);
        let given = add(debtor.available, debtor.reserved);
        let holds = match claim.kind {
            Kind::Direct => 0,
            Kind::Hold => 1,
            Kind::Post | Kind::Void => -1,
        };
        if let Some(cell) = self.touched_account(claim.debtor) {
            cell.balance = add(cell.balance, given);
            cell.reserved = shifted(cell.reserved, debtor.reserved);
            cell.holds = cell.holds.saturating_add_signed(holds);
            if moves {
                row.debtor_previous = core::mem::replace(&mut cell.last_posting, sequence).into();
            }
        }
        if moves && let Some(cell) = self.touched_account(claim.creditor) {
            cell.balance = add(cell.balance, creditor.available);
            row.creditor_previous = core::mem::replace(&mut cell.last_posting, sequence).into();
        }
        self.add_total(claim.debtor_slot, given);
        self.add_total(claim.creditor_slot, creditor.available);
        if claim.crosses() {
            if let Some(cell) = self.slots.get_mut(index(claim.debtor_slot.into())) {
                cell.position = add(cell.position, given);
                cell.reserved = shifted(cell.reserved, debtor.reserved);
            }
            if let Some(cell) = self.slots.get_mut(index(claim.creditor_slot.into())) {
                cell.position = add(cell.position, creditor.available);
            }
        }
        row
    }

    /// Gives back what an expired hold reserved.
    pub(crate) fn release(&mut self, hold: &Hold, registry: &Registry) {
        let back = -i128::from(hold.amount);
        if let Some(cell) = self.touched_account(hold.debtor) {
            cell.reserved = shifted(cell.reserved, back);
            cell.holds = cell.holds.saturating_sub(1);
        }
        let slot_of = |account| registry.account(account).map(|terms| terms.slot);
        let (debtor, creditor) = (slot_of(hold.debtor), slot_of(hold.creditor));
        if debtor != creditor
            && let Some(cell) = debtor.and_then(|slot| self.slots.get_mut(index(slot.into())))
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
                    self.slots.push(SlotCell::default());
                    self.totals.push(0);
                }
                let end = registry.accounts().len();
                let cell = AccountCell { touched: self.block, ..AccountCell::default() };
                self.accounts.resize(end, cell);
                self.touched.extend(first..number(end));
            }
            Effect::Settled(cycle) => self.settle(cycle, registry, sequence),
        }
        self.block = registry.open_block();
    }

    /// Books a cycle's net positions: who owed has paid in, who had a claim is paid out.
    fn settle(&mut self, cycle: CycleNumber, registry: &Registry, sequence: u64) {
        for (slot, terms) in registry.slots().iter().enumerate() {
            let Some(cell) = self.slots.get_mut(slot) else { continue };
            let Some(net) = cell.settle(cycle) else { continue };
            if let Some(total) = self.totals.get_mut(slot) {
                *total = add(*total, -net);
            }
            if let Some(account) = self.touched_account(terms.clearing_account) {
                account.balance = add(account.balance, -net);
                account.last_posting = sequence;
            }
        }
    }

    /// Ends the block: what changed in it, positions as they stand; then the closing cycle's positions are
    /// set aside and the next cycle begins at zero.
    pub(crate) fn take_delta(&mut self, height: u64, closes: Option<CycleNumber>) -> Delta {
        let touched = core::mem::take(&mut self.touched);
        let accounts =
            touched.into_iter().filter_map(|at| self.account(at).map(|cell| (at, *cell))).collect();
        let slots = self.slots.iter().cloned().zip(0..).map(|(cell, slot)| (slot, cell)).collect();
        if let Some(cycle) = closes {
            self.slots.iter_mut().for_each(|cell| cell.close(cycle));
        }
        Delta { height, closes, accounts, slots, holds: Vec::new() }
    }

    #[inline]
    fn touched_account(&mut self, account: AccountHandle) -> Option<&mut AccountCell> {
        let cell = self.accounts.get_mut(index(account))?;
        if cell.touched != self.block {
            cell.touched = self.block;
            self.touched.push(account);
        }
        Some(cell)
    }

    #[inline]
    fn add_total(&mut self, slot: SlotHandle, change: i128) {
        if let Some(total) = self.totals.get_mut(index(slot.into())) {
            *total = add(*total, change);
        }
    }

    /// I2, after every frame, in production too: per currency the accounts sum to zero; per participant and
    /// currency they sum to what positions say.
    ///
    /// # Panics
    /// If they do not: the process stops before anyone is told an outcome.
    pub(crate) fn assert_conserved(&self, registry: &Registry) {
        let mut sums: Vec<(u16, i128)> = Vec::new();
        for ((cell, total), terms) in self.slots.iter().zip(&self.totals).zip(registry.slots()) {
            assert_eq!(
                *total,
                add(cell.position, cell.unsettled()),
                "I2: accounts and position of slot {terms:?} differ"
            );
            let currency = terms.currency.numeric();
            match sums.iter_mut().find(|(at, _)| *at == currency) {
                Some((_, sum)) => *sum = add(*sum, *total),
                None => sums.push((currency, *total)),
            }
        }
        for (currency, sum) in sums {
            assert_eq!(sum, 0, "I2: debits and credits differ in currency {currency}");
        }
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
