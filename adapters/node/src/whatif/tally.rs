//! What a run of the engine did, counted as it goes: outcomes and values by position, the liquidity that each used at
//! the most, and the net of each cycle. Reads rows and cells; decides nothing.

use std::collections::BTreeMap;

use feiqian_core::account::SlotHandle;
use feiqian_core::currency::Currency;
use feiqian_core::delta::Delta;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::participant::CycleNumber;
use feiqian_core::state::State;
use feiqian_core::transfer::{Record, flags};
use serde::Serialize;

/// Moments of a curve at the most: twice what a plot can show. When there are more, every other one goes.
const MOMENTS_MAX: usize = 2_048;

/// How the outcome of records that were not submitted is called.
pub const LEFT_OUT: &str = "left_out";

/// A count, and a sum in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// How many.
    pub count: u64,
    /// Minor units.
    pub value: u128,
}

impl Sums {
    /// One more.
    pub fn add(&mut self, amount: u64) {
        self.count += 1;
        self.value += u128::from(amount);
    }
}

/// One position: what its participant's transfers to others became.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlotTally {
    /// By the outcome's name. Only `cleared` has moved money; `held` has reserved it.
    pub outcomes: BTreeMap<&'static str, Sums>,
    /// Rejections by the reason's name.
    pub reasons: BTreeMap<&'static str, Sums>,
    /// Cleared, from others.
    pub received: Sums,
    /// The most that was to be covered at once, minor units: debits less credits of the open cycle, what is owed of
    /// closed ones, and what holds reserve.
    pub peak_use: i128,
}

/// A moment of a currency's curves, after a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Moment {
    /// Frame time, nanoseconds since 1970.
    pub timestamp: u64,
    /// Cleared so far, minor units.
    pub cleared: u128,
    /// Liquidity in use over all positions, minor units.
    pub in_use: i128,
}

/// A currency over time, in at most [`MOMENTS_MAX`] moments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Curve {
    moments: Vec<Moment>,
    last: Option<Moment>,
    cleared: u128,
    /// Frames between two moments, and those since the last one.
    stride: u64,
    since: u64,
}

impl Curve {
    /// In the order of time, the last one included.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        let last = self.last.filter(|last| self.moments.last() != Some(last));
        self.moments.iter().copied().chain(last).collect()
    }

    fn note(&mut self, timestamp: u64, in_use: i128) {
        let moment = Moment { timestamp, cleared: self.cleared, in_use };
        self.last = Some(moment);
        self.since += 1;
        if self.since < self.stride {
            return;
        }
        self.since = 0;
        self.moments.push(moment);
        if self.moments.len() >= MOMENTS_MAX {
            let mut is_kept = false;
            self.moments.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.stride = self.stride.max(1) * 2;
        }
    }
}

/// All that is counted of one run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// By slot.
    pub slots: Vec<SlotTally>,
    /// Transfers within one participant and currency, which use no liquidity, and those of unknown accounts.
    pub elsewhere: BTreeMap<&'static str, Sums>,
    /// Net positions of closed cycles; those that are not zero.
    pub nets: BTreeMap<(CycleNumber, SlotHandle), i128>,
    /// By currency.
    pub curves: BTreeMap<Currency, Curve>,
    /// What each position uses after the last frame.
    uses: Vec<i128>,
}

/// A frame of transfers with what the engine said to it.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// Its records.
    pub records: &'a [Record],
    /// Their rows.
    pub rows: &'a [OutcomeRow],
    /// Amounts of the holds that posts and voids name and that were pending before the frame, by record.
    pub held: &'a BTreeMap<usize, u64>,
}

impl Tally {
    /// Counts a frame that `state` has applied.
    pub fn take(
        &mut self,
        state: &State,
        timestamp: u64,
        decided: Option<Decided<'_>>,
        delta: Option<&Delta>,
    ) {
        self.slots.resize_with(state.registry().slots().len(), SlotTally::default);
        if let Some(decided) = decided {
            decided.records.iter().zip(decided.rows).for_each(|(record, row)| self.count(state, record, row));
        }
        self.measure(state, decided);
        self.draw(state, timestamp);
        if let Some((delta, cycle)) = delta.and_then(|delta| Some((delta, delta.closes?))) {
            let nets = delta.slots.iter().filter(|(_, cell)| cell.position != 0);
            self.nets.extend(nets.map(|(slot, cell)| ((cycle, *slot), cell.position)));
        }
    }

    /// Counts a record that was not submitted.
    pub fn leave_out(&mut self, state: &State, record: &Record) {
        self.slots.resize_with(state.registry().slots().len(), SlotTally::default);
        let amount = record.amount.get();
        self.outcomes_of(slots_of(state, record)).entry(LEFT_OUT).or_default().add(amount);
    }

    /// Goes on from a state that has run already.
    #[must_use]
    pub fn beginning_at(state: &State) -> Self {
        let mut tally = Self::default();
        tally.take(state, 0, None, None);
        tally.curves.clear();
        tally
    }

    fn outcomes_of(&mut self, (debtor, creditor): Sides) -> &mut BTreeMap<&'static str, Sums> {
        match debtor.and_then(|debtor| self.slots.get_mut(debtor as usize)) {
            Some(tally) if debtor != creditor => &mut tally.outcomes,
            _ => &mut self.elsewhere,
        }
    }

    fn count(&mut self, state: &State, record: &Record, row: &OutcomeRow) {
        let sides = slots_of(state, record);
        let (outcome, reason) = (row.outcome(), row.reason());
        let is_cleared = outcome == Some(Outcome::Cleared);
        let amount = if is_cleared { row.amount.get() } else { record.amount.get() };
        let name = outcome.map_or("unknown", Outcome::name);
        self.outcomes_of(sides).entry(name).or_default().add(amount);
        let (Some(debtor), creditor) = sides else { return };
        if Some(debtor) == creditor {
            return;
        }
        if let (Some(tally), Some(reason)) = (self.slots.get_mut(debtor as usize), reason) {
            tally.reasons.entry(reason.name()).or_default().add(amount);
        }
        if is_cleared && let Some(tally) = creditor.and_then(|slot| self.slots.get_mut(slot as usize)) {
            tally.received.add(amount);
        }
        if is_cleared && let Some(terms) = state.registry().slots().get(debtor as usize) {
            self.curves.entry(terms.currency).or_default().cleared += u128::from(amount);
        }
    }

    /// Walks back from what the cells say after the frame to what each position used behind each of its entries: what
    /// the frame's time has ended before the first of them is then right by itself.
    fn measure(&mut self, state: &State, decided: Option<Decided<'_>>) {
        let slots = 0..state.registry().slots().len();
        let used = |slot: usize| {
            let cell = u32::try_from(slot).ok().and_then(|slot| state.slot(slot));
            cell.map_or(0, |cell| -cell.headroom(0))
        };
        self.uses = slots.map(used).collect();
        for (tally, used) in self.slots.iter_mut().zip(&self.uses) {
            tally.peak_use = tally.peak_use.max(*used);
        }
        let Some(decided) = decided else { return };
        let mut uses = self.uses.clone();
        for (slot, change) in changes(state, decided).into_iter().rev() {
            if let (Some(tally), Some(used)) =
                (self.slots.get_mut(slot as usize), uses.get_mut(slot as usize))
            {
                tally.peak_use = tally.peak_use.max(*used);
                *used -= change;
            }
        }
    }

    fn draw(&mut self, state: &State, timestamp: u64) {
        let mut in_use: BTreeMap<Currency, i128> = BTreeMap::new();
        for (terms, used) in state.registry().slots().iter().zip(&self.uses) {
            *in_use.entry(terms.currency).or_default() += (*used).max(0);
        }
        for (currency, in_use) in in_use {
            self.curves.entry(currency).or_default().note(timestamp, in_use);
        }
    }
}

/// Positions of debtor and creditor, where there are such accounts.
type Sides = (Option<SlotHandle>, Option<SlotHandle>);

fn slots_of(state: &State, record: &Record) -> Sides {
    let slot = |account: u64| state.registry().account(account).map(|terms| terms.slot);
    (slot(record.debtor.get()), slot(record.creditor.get()))
}

/// What each record of a frame has added to the use of positions, in order.
fn changes(state: &State, decided: Decided<'_>) -> Vec<(SlotHandle, i128)> {
    let mut begun: BTreeMap<u128, u64> = BTreeMap::new();
    let mut changes = Vec::new();
    for ((at, record), row) in decided.records.iter().enumerate().zip(decided.rows) {
        let (Some(debtor), Some(creditor)) = slots_of(state, record) else { continue };
        let Some(outcome) = row.outcome().filter(|_| debtor != creditor) else { continue };
        let amount = i128::from(row.amount.get());
        let ended = || {
            let related = begun.get(&record.related.get()).or_else(|| decided.held.get(&at));
            i128::from(related.copied().unwrap_or(0))
        };
        let is_post = record.flags.get() & flags::POST != 0;
        match outcome {
            // The credit first: walking back, the debtor is looked at when both are done.
            Outcome::Cleared => {
                changes.push((creditor, -amount));
                changes.push((debtor, if is_post { amount - ended() } else { amount }));
            }
            Outcome::Held => {
                begun.insert(record.uetr.get(), row.amount.get());
                changes.push((debtor, amount));
            }
            Outcome::Voided => changes.push((debtor, -ended())),
            // Nothing has moved, and nothing is reserved.
            _ => {}
        }
    }
    changes
}

/// Amounts of the pending holds that the posts and voids among `records` name, by record; before they are applied.
#[must_use]
pub fn held_before(state: &State, records: &[Record]) -> BTreeMap<usize, u64> {
    let ends = |record: &Record| record.flags.get() & (flags::POST | flags::VOID) != 0;
    let named = records.iter().enumerate().filter(|(_, record)| ends(record));
    named.filter_map(|(at, record)| Some((at, state.holds().get(record.related.get())?.amount))).collect()
}

#[cfg(test)]
mod tests;
