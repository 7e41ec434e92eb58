//! The cells that transfers move: accounts and positions in flat arrays, what changed in them since the last
//! block, and the proof after every frame that nothing was made or lost (I2).
//!
//! A ledger holds the cells of its [`Share`]; what an operation does to other cells is theirs to do.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::{AccountCell, AccountHandle, AccountTerms, SlotHandle};
use crate::changed::Changed;
use crate::claim::{Claim, Kind};
use crate::controls::SlotControls;
use crate::default::Adjustment;
use crate::delta::{Delta, Settlement};
use crate::hold::{Freed, Hold};
use crate::limits::ACCOUNT_HOLDS_MAX;
use crate::liquidity::group::Nets;
use crate::liquidity::resolve::Priority;
use crate::marks::Marks;
use crate::mirror::Mirror;
use crate::money::AMOUNT_MAX;
use crate::number::{index, number};
use crate::outcome::{Outcome, OutcomeRow, RejectReason};
use crate::overlay::Overlay;
use crate::participant::{CycleNumber, ParticipantHandle, ParticipantState, SlotCell, SlotTerms};
use crate::registry::{Asked, Effect, Registry};
use crate::transfer::Record;

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

    /// The account whose cell stands at a place in the flat array.
    #[inline]
    fn handle(&self, local: usize) -> AccountHandle {
        number(local).saturating_mul(self.shards).saturating_add(self.number)
    }

    /// Where an account's cell stands in the flat array, if it is held here.
    #[inline]
    fn local(&self, account: AccountHandle) -> Option<usize> {
        if self.shards == 1 {
            return Some(index(account));
        }
        self.holds(account).then(|| index(account.checked_div(self.shards).unwrap_or(0)))
    }
}

/// What a transfer needs of an account, on one cache line: its cell, and a copy of the terms that the registry keeps.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct AccountLine {
    cell: AccountCell,
    terms: AccountTerms,
}

const _: () = assert!(size_of::<AccountLine>() == 64);

/// The cells of one share.
#[derive(Clone, Debug)]
pub struct Ledger {
    share: Share,
    accounts: Vec<AccountLine>,
    slots: Vec<LedgerSlot>,
    touched: Marks,
    /// Of the block before.
    changed: Changed,
    settlements: Vec<Settlement>,
    adjustments: Vec<Adjustment>,
    /// Height of the block that is being filled.
    block: u64,
}

/// What a share keeps of a position.
#[derive(Clone, Debug)]
struct LedgerSlot {
    /// A copy of the registry's.
    terms: SlotTerms,
    /// Whether its participant may send, and no limit beyond cap and credit line bears what it sends.
    sends_plain: bool,
    /// Whether its participant may receive, and no limit counts what it receives.
    receives_plain: bool,
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
            touched: Marks::default(),
            changed: Changed::default(),
            settlements: Vec::new(),
            adjustments: Vec::new(),
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
        self.accounts.get(self.share.local(handle)?).map(|line| &line.cell)
    }

    /// An account's terms, from beside its cell.
    #[inline(always)]
    pub(crate) fn terms(&self, handle: AccountHandle) -> Option<AccountTerms> {
        self.accounts.get(self.share.local(handle)?).map(|line| line.terms)
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
        let slots = mirror.slots.iter().cloned().zip(registry.slots());
        ledger.slots = slots.map(|(cell, terms)| LedgerSlot::new(*terms, Some(cell))).collect();
        ledger.follow_terms(registry);
        for (cell, terms) in mirror.accounts.iter().zip(registry.accounts()) {
            ledger.accounts.push(AccountLine { cell: *cell, terms: *terms });
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
            let (sends_plain, receives_plain) = (slot.sends_plain, slot.receives_plain);
            LedgerSlot { sends_plain, receives_plain, ..LedgerSlot::new(*terms, cell) }
        });
        part.slots = slots.collect();
        for (line, handle) in self.accounts.iter().zip(0..) {
            if share.holds(handle) {
                part.accounts.push(*line);
                part.add_total(line.terms.slot, line.cell.balance);
            }
        }
        for account in self.touched.ascending().map(|local| self.share.handle(local)) {
            part.touch(account);
        }
        part.settlements = self.settlements.iter().copied().filter(|at| share.holds(at.account)).collect();
        part.adjustments = self.adjustments.iter().copied().filter(|at| share.holds(at.account)).collect();
        part
    }

    /// Whether nothing is on the account and nothing reserved.
    fn is_empty_account(&self, account: AccountHandle) -> bool {
        self.account(account).is_none_or(|cell| cell.balance == 0 && cell.holds == 0)
    }

    /// Answers what remains to be asked for a command; of a cell that is here.
    pub(crate) fn answer(&self, asked: &Asked) -> bool {
        match asked {
            Asked::Empty(account) => self.is_empty_account(*account),
            Asked::Owes { slot, cycle, amount, .. } => {
                let net = self.slot(*slot).map_or(0, |cell| cell.closed_net(*cycle));
                net < 0 && net.unsigned_abs() == *amount
            }
            // Asked of tables.
            Asked::Reported { .. } | Asked::Held { .. } => false,
        }
    }

    #[inline(always)]
    pub(crate) fn check_funds(&self, claim: &Claim, overlay: &Overlay) -> Result<(), RejectReason> {
        let cell = self.account(claim.debtor).ok_or(RejectReason::UnknownDebtor)?;
        let available =
            cell.available(claim.credit_line).saturating_add(overlay.account(claim.debtor).available);
        if available < i128::from(claim.amount) { Err(RejectReason::InsufficientFunds) } else { Ok(()) }
    }

    #[inline(always)]
    pub(crate) fn check_cap(&self, claim: &Claim, overlay: &Overlay) -> Result<(), RejectReason> {
        if !claim.crosses() {
            return Ok(());
        }
        let cell = self.slot(claim.debtor_slot).ok_or(RejectReason::UnknownDebtor)?;
        let headroom = cell.headroom(claim.cap).saturating_add(overlay.slot(claim.debtor_slot).available);
        if headroom < i128::from(claim.amount) { Err(RejectReason::NetDebitCapExceeded) } else { Ok(()) }
    }

    /// Whether what remains of a group's debits and credits fits the cells that are here.
    pub(crate) fn check_group(&self, nets: &Nets) -> Result<(), RejectReason> {
        for (account, (net, credit_line)) in &nets.accounts {
            if let Some(cell) = self.account(*account)
                && *net > 0
                && cell.available(*credit_line) < *net
            {
                return Err(RejectReason::InsufficientFunds);
            }
        }
        for (slot, (net, cap)) in &nets.slots {
            if let Some(cell) = self.slot(*slot)
                && *net > 0
                && cell.headroom(*cap) < *net
            {
                return Err(RejectReason::NetDebitCapExceeded);
            }
        }
        Ok(())
    }

    /// Whether claims (one, on top of what `overlay` says, or a group at once) leave each position that is here what it
    /// keeps for more urgent payments: as if what it gets came first, then it paid the least urgent, then the others.
    pub(crate) fn check_reservations(
        &self,
        claims: &[Claim],
        overlay: &Overlay,
        registry: &Registry,
    ) -> Result<(), RejectReason> {
        if !claims.iter().any(|claim| claim.controls.has(SlotControls::RESERVED)) {
            return Ok(());
        }
        let payers: BTreeMap<SlotHandle, u64> =
            claims.iter().map(|claim| (claim.debtor_slot, claim.cap)).collect();
        for (slot, cap) in payers {
            let Some(cell) = self.slot(slot) else { continue };
            let headroom = cell.headroom(cap).saturating_add(overlay.slot(slot).available);
            let mut paid = received(claims, slot).wrapping_neg();
            for class in [Priority::Normal, Priority::High] {
                let sum = paid_in(claims, slot, class);
                paid = add(paid, sum);
                let withheld = registry.controls().withheld(slot, class);
                if sum > 0 && paid > 0 && headroom.saturating_sub(withheld) < paid {
                    return Err(RejectReason::LiquidityReserved);
                }
            }
        }
        Ok(())
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

    /// Puts an accepted claim in force, but for its links.
    pub(crate) fn commit(&mut self, claim: &Claim, freed: Freed) {
        self.commit_hold(claim, freed);
        if claim.moves() {
            self.transfer(claim, None);
        }
    }

    /// As [`Ledger::commit`], and links it: gives the previous postings of debtor and creditor, zero for none.
    #[inline(always)]
    pub(crate) fn commit_linked(&mut self, claim: &Claim, freed: Freed, sequence: u64) -> [u64; 2] {
        if claim.kind != Kind::Direct {
            self.commit_hold(claim, freed);
        }
        if claim.moves() { self.transfer(claim, Some(sequence)) } else { [0; 2] }
    }

    fn commit_hold(&mut self, claim: &Claim, freed: Freed) {
        match claim.kind {
            Kind::Hold => self.reserve(claim, (i128::from(claim.amount), 1)),
            Kind::Post | Kind::Void => {
                let ended = if freed.is_end { -1 } else { 0 };
                self.reserve(claim, (i128::from(freed.amount).wrapping_neg(), ended));
            }
            Kind::Restitution => self.free_held(claim.debtor, freed),
            _ => {}
        }
    }

    /// Moves the amount, as one pair: what the debtor gives, the creditor gets. With a sequence it links both
    /// postings, and gives the previous ones.
    #[inline(always)]
    fn transfer(&mut self, claim: &Claim, sequence: Option<u64>) -> [u64; 2] {
        let credit = i128::from(claim.amount);
        let debit = credit.wrapping_neg();
        let crosses = claim.crosses();
        let pair = [(claim.debtor, claim.debtor_slot, debit), (claim.creditor, claim.creditor_slot, credit)];
        let mut previous = [0; 2];
        for ((account, slot, change), previous) in pair.into_iter().zip(&mut previous) {
            let is_here = match self.touched_account(account) {
                Some(cell) => {
                    cell.balance = add(cell.balance, change);
                    if let Some(sequence) = sequence {
                        *previous = core::mem::replace(&mut cell.last_posting, sequence);
                    }
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
        previous
    }

    /// Clears a plain transfer, the usual one, if every rule accepts it: the same rules as [`examine`]'s,
    /// [`Ledger::check_funds`] and [`Ledger::check_cap`], asked of what lies at hand. None: nothing has changed, and
    /// those must tell. Only where all cells are here.
    ///
    /// [`examine`]: crate::claim::examine
    #[inline(always)]
    pub(crate) fn clear_plain(
        &mut self,
        record: &Record,
        submitter: ParticipantHandle,
        sequence: u64,
    ) -> Option<OutcomeRow> {
        let handles = [index(record.debtor.get()), index(record.creditor.get())];
        // None for one account on both sides, too.
        let [debtor, creditor] = self.accounts.get_disjoint_mut(handles).ok()?;
        let debtor_slot = self.slots.get(index(debtor.terms.slot.into()))?;
        let creditor_slot = self.slots.get(index(creditor.terms.slot.into()))?;
        let amount = record.amount.get();
        let wide = i128::from(amount);
        let crosses = debtor.terms.slot != creditor.terms.slot;
        let is_accepted = record.is_plain(debtor.terms.currency)
            & (amount.wrapping_sub(1) < AMOUNT_MAX)
            & (debtor.terms.currency == creditor.terms.currency)
            & (debtor_slot.terms.participant == submitter)
            & debtor_slot.sends_plain
            & creditor_slot.receives_plain
            & debtor.terms.state.may_send()
            & creditor.terms.state.may_receive()
            & (debtor.cell.available(debtor.terms.credit_line) >= wide);
        if !is_accepted || (crosses && debtor_slot.headroom()? < wide) {
            return None;
        }
        let mut previous = [0; 2];
        let sides = [(debtor, wide.wrapping_neg(), handles[0]), (creditor, wide, handles[1])];
        for ((line, change, local), previous) in sides.into_iter().zip(&mut previous) {
            if line.cell.touched != self.block {
                if self.changed.wants(line.cell.touched) {
                    self.changed.keep(local, line.cell);
                }
                line.cell.touched = self.block;
                self.touched.set(local);
            }
            line.cell.balance = add(line.cell.balance, change);
            *previous = core::mem::replace(&mut line.cell.last_posting, sequence);
            // Within one participant and currency neither sum changes.
            if crosses && let Some(slot) = self.slots.get_mut(index(line.terms.slot.into())) {
                slot.total = add(slot.total, change);
                if let Some(cell) = &mut slot.cell {
                    cell.position = add(cell.position, change);
                }
            }
        }
        let [debtor_previous, creditor_previous] = previous.map(Into::into);
        Some(OutcomeRow {
            debtor_previous,
            creditor_previous,
            ..OutcomeRow::accepted(Outcome::Cleared, amount)
        })
    }

    /// Takes over what commands have fixed about positions.
    fn follow_terms(&mut self, registry: &Registry) {
        for (slot, terms) in self.slots.iter_mut().zip(registry.slots()) {
            slot.terms = *terms;
            let participant = registry.participants().get(index(terms.participant.into()));
            let state = participant.map_or(ParticipantState::Suspended, |participant| participant.state);
            slot.sends_plain = state.may_send() && terms.controls == SlotControls::NONE;
            slot.receives_plain = state.may_receive() && !terms.controls.has(SlotControls::SENDER);
        }
    }

    /// Reserves for a hold, or gives back what one has reserved (`change` below zero).
    fn reserve(&mut self, claim: &Claim, (change, holds): (i128, i32)) {
        if let Some(cell) = self.touched_account(claim.debtor) {
            cell.reserved = shifted(cell.reserved, change);
            cell.holds = cell.holds.saturating_add_signed(holds);
        }
        if claim.crosses()
            && let Some(cell) = self.slot_mut(claim.debtor_slot)
        {
            cell.reserved = shifted(cell.reserved, change);
        }
    }

    /// What is on an account and not reserved, as far as one more may be held there; credit lines are nobody's money.
    pub(crate) fn left_to_hold(&self, account: AccountHandle) -> u64 {
        let Some(cell) = self.account(account).filter(|cell| cell.holds < ACCOUNT_HOLDS_MAX) else {
            return 0;
        };
        let left = add(cell.balance, i128::from(cell.reserved).wrapping_neg()).max(0);
        u64::try_from(left).unwrap_or(u64::MAX).min(u64::MAX.saturating_sub(cell.reserved))
    }

    /// Reserves on an account alone.
    pub(crate) fn hold_for_case(&mut self, account: AccountHandle, amount: u64) {
        if let Some(cell) = self.touched_account(account) {
            cell.reserved = shifted(cell.reserved, amount.into());
            cell.holds = cell.holds.saturating_add(1);
        }
    }

    /// Gives back of what is reserved on an account alone.
    pub(crate) fn free_held(&mut self, account: AccountHandle, freed: Freed) {
        if let Some(cell) = self.touched_account(account) {
            cell.reserved = shifted(cell.reserved, i128::from(freed.amount).wrapping_neg());
            cell.holds = cell.holds.saturating_sub(u32::from(freed.is_end));
        }
    }

    /// Notes a posting in an account's chain; gives the previous one. In journal order for each account.
    #[inline]
    pub(crate) fn link(&mut self, account: AccountHandle, sequence: u64) -> Option<u64> {
        let local = self.share.local(account)?;
        let line = self.accounts.get_mut(local)?;
        Some(core::mem::replace(&mut line.cell.last_posting, sequence))
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
            Effect::Registered | Effect::Limited(_) => self.follow_terms(registry),
            Effect::Sealed { .. } | Effect::HeldChanged { .. } => {}
            Effect::AccountChanged(account) => {
                self.touched_account(account);
                let local = self.share.local(account);
                if let (Some(line), Some(terms)) =
                    (local.and_then(|local| self.accounts.get_mut(local)), registry.account(account))
                {
                    line.terms = *terms;
                }
            }
            Effect::AccountsOpened { first, slot } => {
                if let Some(terms) = slot.and_then(|slot| registry.slots().get(index(slot.into()))) {
                    let cell = self.share.holds(first).then(SlotCell::default);
                    self.slots.push(LedgerSlot::new(*terms, cell));
                    self.follow_terms(registry);
                }
                let end = number(registry.accounts().len());
                let cell = AccountCell { touched: self.block, ..AccountCell::default() };
                let share = self.share;
                let opened = (first..end).filter(|account| share.holds(*account));
                for account in opened {
                    if let Some(terms) = registry.account(account) {
                        self.accounts.push(AccountLine { cell, terms: *terms });
                        self.touch(account);
                    }
                }
            }
            Effect::Settled(cycle) => self.settle(cycle, registry, sequence),
            Effect::Recast => self.recast(registry, sequence),
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

    /// Changes a closed cycle's net positions by the last step of a default, and books what each loses or gains there
    /// on its clearing account.
    fn recast(&mut self, registry: &Registry, sequence: u64) {
        let Some(step) = registry.defaults().steps().last() else { return };
        let cycle = step.cycle;
        for (slot, terms) in (0..).zip(registry.slots()) {
            let Some(cell) = self.slot_mut(slot) else { continue };
            let now = cell.closed_net(cycle);
            let net = step.net_of(slot, now);
            let change = add(net, now.wrapping_neg());
            if change == 0 {
                continue;
            }
            cell.set_closed(cycle, net);
            self.add_total(slot, change);
            let account = terms.clearing_account;
            if let Some(cell) = self.touched_account(account) {
                cell.balance = add(cell.balance, change);
                let previous = core::mem::replace(&mut cell.last_posting, sequence);
                self.adjustments.push(Adjustment { cycle, sequence, account, change, previous });
            }
        }
    }

    /// Ends the block: what changed in it, but for accounts; positions as they stand; then the closing cycle's positions
    /// are set aside and the next cycle begins at zero. [`Ledger::copy_accounts`] gives the accounts, all of them before
    /// the next block ends.
    pub(crate) fn take_delta(
        &mut self,
        (height, closes): (u64, Option<CycleNumber>),
        registry: &Registry,
    ) -> Delta {
        self.touched = self.changed.begin(height, core::mem::take(&mut self.touched));
        let slots = (0..).zip(&self.slots).filter_map(|(at, slot)| Some((at, slot.cell.clone()?))).collect();
        if let Some(cycle) = closes {
            let deferred = self.slots.iter_mut().filter(|slot| {
                slot.terms.model.is_deferred() && registry.is_counted(cycle, slot.terms.currency)
            });
            deferred.filter_map(|slot| slot.cell.as_mut()).for_each(|cell| cell.close(cycle));
        }
        let settlements = core::mem::take(&mut self.settlements);
        let adjustments = core::mem::take(&mut self.adjustments);
        Delta { height, closes, slots, settlements, adjustments, ..Delta::default() }
    }

    /// Copies a `share`th of the accounts that the last sealed block changed; gives them all, ascending and as that block
    /// left them, once it has the last of them.
    pub(crate) fn copy_accounts(&mut self, share: usize) -> Option<Vec<(AccountHandle, AccountCell)>> {
        let (accounts, cells) = (&self.accounts, self.share);
        self.changed.copy(share, |place| Some((cells.handle(place), accounts.get(place)?.cell)))
    }

    #[inline(always)]
    fn touched_account(&mut self, account: AccountHandle) -> Option<&mut AccountCell> {
        let local = self.share.local(account)?;
        let cell = &mut self.accounts.get_mut(local)?.cell;
        if cell.touched != self.block {
            if self.changed.wants(cell.touched) {
                self.changed.keep(local, *cell);
            }
            cell.touched = self.block;
            self.touched.set(local);
        }
        Some(cell)
    }

    fn touch(&mut self, account: AccountHandle) {
        if let Some(local) = self.share.local(account) {
            self.touched.set(local);
        }
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

impl LedgerSlot {
    fn new(terms: SlotTerms, cell: Option<SlotCell>) -> Self {
        Self { terms, sends_plain: true, receives_plain: true, total: 0, cell }
    }

    #[inline(always)]
    fn headroom(&self) -> Option<i128> {
        self.cell.as_ref().map(|cell| cell.headroom(self.terms.cap))
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

    /// A closed cycle's net position, until it is settled.
    #[must_use]
    pub fn closed_net(&self, cycle: CycleNumber) -> i128 {
        self.closed.iter().find(|(number, _)| *number == cycle).map_or(0, |(_, net)| *net)
    }

    /// Sets a closed cycle's net position; a zero is none.
    pub fn set_closed(&mut self, cycle: CycleNumber, net: i128) {
        self.closed.retain(|(number, _)| *number != cycle);
        if net != 0 {
            let at = self.closed.partition_point(|(number, _)| *number < cycle);
            self.closed.insert(at, (cycle, net));
        }
    }

    /// Ends a closed cycle's claim or debt; gives its net position, if it was not zero.
    pub fn settle(&mut self, cycle: CycleNumber) -> Option<i128> {
        let at = self.closed.iter().position(|(number, _)| *number == cycle)?;
        Some(self.closed.remove(at).1)
    }
}

/// What claims bring a position from others.
fn received(claims: &[Claim], slot: SlotHandle) -> i128 {
    let claims = claims.iter().filter(|claim| claim.creditor_slot == slot && claim.crosses());
    claims.filter(|claim| claim.moves()).fold(0, |sum, claim| add(sum, claim.amount.into()))
}

/// What claims of a class take from a position towards others.
fn paid_in(claims: &[Claim], slot: SlotHandle, class: Priority) -> i128 {
    let claims = claims.iter().filter(|claim| claim.debtor_slot == slot && claim.crosses());
    claims.filter(|claim| claim.class == class).fold(0, |sum, claim| add(sum, claim.amount.into()))
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
