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

/// Payments that waited and went out, by frame time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waits {
    /// How many.
    pub released: u64,
    /// Of all of them together, nanoseconds.
    pub total: u128,
    /// Of the longest, nanoseconds.
    pub longest: u64,
}

impl Waits {
    fn add(&mut self, nanoseconds: u64) {
        self.released += 1;
        self.total += u128::from(nanoseconds);
        self.longest = self.longest.max(nanoseconds);
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
    /// How long payments waited that were released.
    pub waits: Waits,
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
    /// Since when payments wait, by id.
    waiting: BTreeMap<u128, u64>,
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
            for (record, row) in decided.records.iter().zip(decided.rows) {
                self.wait(state, (record, row), timestamp);
                self.count(state, record, row);
            }
        }
        self.measure(state, decided);
        self.draw(state, timestamp);
        if let Some((delta, cycle)) = delta.and_then(|delta| Some((delta, delta.closes?))) {
            let registry = state.registry();
            let is_counted = |slot: u32| {
                let terms = registry.slots().get(slot as usize);
                terms.is_some_and(|terms| registry.is_counted(cycle, terms.currency))
            };
            let nets = delta.slots.iter().filter(|(slot, cell)| cell.position != 0 && is_counted(*slot));
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

    /// Follows payments from where they begin to wait to their release.
    fn wait(&mut self, state: &State, (record, row): (&Record, &OutcomeRow), timestamp: u64) {
        let (id, related) = (record.uetr.get(), record.related.get());
        match row.outcome() {
            Some(Outcome::Queued) if related == 0 => drop(self.waiting.insert(id, timestamp)),
            Some(Outcome::Voided) => drop(self.waiting.remove(&related)),
            Some(Outcome::Cleared) if is_release(record) => {
                let since = self.waiting.remove(&related);
                let debtor = slots_of(state, record).0.and_then(|slot| self.slots.get_mut(slot as usize));
                if let (Some(since), Some(tally)) = (since, debtor) {
                    tally.waits.add(timestamp.saturating_sub(since));
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, state: &State, record: &Record, row: &OutcomeRow) {
        let sides = slots_of(state, record);
        let outcome = row.outcome();
        let is_cleared = outcome == Some(Outcome::Cleared);
        let is_amended = outcome == Some(Outcome::Queued) && record.related.get() != 0;
        // What the engine has tried, or a bank has said about a payment, is no payment.
        if is_amended || (is_release(record) && !is_cleared) {
            return;
        }
        // Beside a payment that waits stands for what.
        let reason = row.reason().filter(|_| outcome == Some(Outcome::Rejected));
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
        for step in steps(state, decided).into_iter().rev() {
            for (slot, _) in &step {
                if let (Some(tally), Some(used)) =
                    (self.slots.get_mut(*slot as usize), uses.get(*slot as usize))
                {
                    tally.peak_use = tally.peak_use.max(*used);
                }
            }
            for (slot, change) in step {
                if let Some(used) = uses.get_mut(slot as usize) {
                    *used -= change;
                }
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

fn is_release(record: &Record) -> bool {
    record.flags.get() & flags::RELEASE != 0
}

/// What a step has added to the use of positions.
type Step = Vec<(SlotHandle, i128)>;

/// What the records of a frame have added, step by step: each record is one, but for releases that settle at once, of
/// which no position stands in between.
fn steps(state: &State, decided: Decided<'_>) -> Vec<Step> {
    let mut left: BTreeMap<u128, u64> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut is_joined = false;
    for ((at, record), row) in decided.records.iter().enumerate().zip(decided.rows) {
        if ends_hold(record)
            && let Some(amount) = decided.held.get(&at)
        {
            left.entry(record.related.get()).or_insert(*amount);
        }
        let step = step(state, (record, row), &mut left);
        match steps.last_mut().filter(|_| is_joined) {
            Some(last) => last.extend(step),
            None => steps.push(step),
        }
        is_joined = is_release(record) && record.is_linked();
    }
    steps
}

/// `left` is what is left of holds that were pending before the frame and named since, or have begun in it.
fn step(state: &State, (record, row): (&Record, &OutcomeRow), left: &mut BTreeMap<u128, u64>) -> Step {
    let (Some(debtor), Some(creditor)) = slots_of(state, record) else { return Step::new() };
    let amount = row.amount.get();
    let wide = i128::from(amount);
    let (bits, related) = (record.flags.get(), record.related.get());
    let step = match row.outcome() {
        Some(Outcome::Cleared) => {
            let freed = match (bits & flags::POST != 0, bits & flags::KEEP != 0) {
                (true, true) => {
                    left.entry(related).and_modify(|left| *left = left.saturating_sub(amount));
                    amount
                }
                (true, false) => left.remove(&related).unwrap_or(0),
                (false, _) => 0,
            };
            vec![(creditor, -wide), (debtor, wide - i128::from(freed))]
        }
        Some(Outcome::Held) => {
            left.insert(record.uetr.get(), amount);
            vec![(debtor, wide)]
        }
        Some(Outcome::Voided) if bits & flags::KEEP != 0 => {
            let freed = left.insert(related, amount).unwrap_or(amount).saturating_sub(amount);
            vec![(debtor, -i128::from(freed))]
        }
        Some(Outcome::Voided) => vec![(debtor, -i128::from(left.remove(&related).unwrap_or(0)))],
        // Nothing has moved, and nothing is reserved.
        _ => Step::new(),
    };
    if debtor == creditor { Step::new() } else { step }
}

fn ends_hold(record: &Record) -> bool {
    record.flags.get() & (flags::POST | flags::VOID) != 0
}

/// Amounts of the pending holds that the posts and voids among `records` name, by record; before they are applied.
#[must_use]
pub fn held_before(state: &State, records: &[Record]) -> BTreeMap<usize, u64> {
    let named = records.iter().enumerate().filter(|(_, record)| ends_hold(record));
    named.filter_map(|(at, record)| Some((at, state.holds().get(record.related.get())?.amount))).collect()
}

#[cfg(test)]
mod tests;
