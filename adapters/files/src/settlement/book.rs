//! A closed cycle read back from the journal: per position its debits and credits, by counterparty, and one by one
//! where they are few. Reads what was decided; decides nothing, and refuses to differ from the engine's positions.

use std::collections::BTreeMap;

use feiqian_core::account::SlotHandle;
use feiqian_core::batch::Payload;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::{Outcome, OutcomeRow, ROW_BYTES};
use feiqian_core::participant::{Cycle, CycleNumber};
use feiqian_core::registry::Registry;
use feiqian_core::transfer::{Record, flags};
use feiqian_runtime::journal::Frame;
use feiqian_runtime::pipeline::Engine;
use zerocopy::FromBytes as _;

use super::choice::{Choice, Side};
use crate::error::FilesError;
use crate::limits::REPORT_ENTRIES_MAX;

/// Counts and sums in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Number of credits.
    pub credits: u64,
    /// Their sum.
    pub credit_sum: u128,
    /// Number of debits.
    pub debits: u64,
    /// Their sum.
    pub debit_sum: u128,
}

impl Sums {
    /// Credits less debits.
    #[must_use]
    pub fn net(&self) -> i128 {
        let side = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
        side(self.credit_sum) - side(self.debit_sum)
    }

    pub(super) fn add(&mut self, amount: u128, is_credit: bool) {
        let (count, sum) = if is_credit {
            (&mut self.credits, &mut self.credit_sum)
        } else {
            (&mut self.debits, &mut self.debit_sum)
        };
        *count += 1;
        *sum += amount;
    }

    pub(super) fn include(&mut self, other: Self) {
        self.credits += other.credits;
        self.credit_sum += other.credit_sum;
        self.debits += other.debits;
        self.debit_sum += other.debit_sum;
    }
}

/// One transfer, seen from one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub(super) sequence: u64,
    /// Frame time, nanoseconds since 1970.
    pub(super) timestamp: u64,
    pub(super) amount: u64,
    pub(super) is_credit: bool,
    pub(super) counterparty: SlotHandle,
}

/// One position in the cycle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct SlotBook {
    /// What lies before the part that is told; nothing where that is the whole cycle.
    before: Sums,
    /// Of the part.
    pub(super) total: Sums,
    /// What lies behind the part.
    behind: Sums,
    /// Of the part's, those that are told one by one or by counterparty.
    told: Sums,
    /// Of all, those that are fees.
    pub(super) fees: Sums,
    /// How far its net was below zero at the most: what it had to have to pay so, minor units.
    pub(super) deepest: u128,
    pub(super) by_counterparty: BTreeMap<SlotHandle, Sums>,
    /// The first transfers; all of them unless there are more than are kept.
    pub(super) items: Vec<Item>,
}

impl SlotBook {
    /// Whether every transfer is among the items.
    pub(super) fn is_itemised(&self) -> bool {
        self.told.credits + self.told.debits == self.items.len() as u64
    }
}

/// All positions that a cycle counts, with their movements. Transfers within one bank move no position and are not here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CycleBook {
    cycle: CycleNumber,
    slots: BTreeMap<SlotHandle, SlotBook>,
    /// Transfers of a position that are kept one by one.
    items_max: usize,
    /// What of the cycle is told.
    choice: Choice,
}

impl CycleBook {
    /// Reads a closed cycle's frames; keeps as many transfers of a position one by one as a statement has.
    ///
    /// # Errors
    /// [`FilesError::Journal`] where a file can't be read.
    pub fn read(engine: &Engine, cycle: &Cycle) -> Result<Self, FilesError> {
        Self::read_keeping(engine, cycle, (REPORT_ENTRIES_MAX, Choice::default()))
    }

    /// As [`CycleBook::read`], keeping `items_max` transfers of a position, of what is chosen. All of the cycle is read in any
    /// case, so that what is told can be held against the engine's positions.
    pub(super) fn read_keeping(
        engine: &Engine,
        cycle: &Cycle,
        (items_max, choice): (usize, Choice),
    ) -> Result<Self, FilesError> {
        // The batcher writes the rows: whatever has been answered is written after this.
        engine.ask(|_| ());
        let archive = engine.archive();
        let fault = |sequence: u64, reason: &dyn std::fmt::Display| FilesError::Journal {
            sequence,
            reason: reason.to_string(),
        };
        let first_of = |height: u64| match archive.block(height) {
            Ok(block) => Ok(block.map(|block| (block.header.first_sequence, block.header.count))),
            Err(error) => Err(FilesError::Unknown(format!("block {height} can't be read: {error}"))),
        };
        let mut book = Self { cycle: cycle.number, items_max, choice, ..Self::default() };
        let Some((first, _)) = first_of(cycle.first_block)? else { return Ok(book) };
        let Some((last, count)) = first_of(cycle.end_block.saturating_sub(1))? else { return Ok(book) };
        for frame in archive.journal.frames_from(first) {
            let frame = frame.map_err(|error| fault(first, &error))?;
            let sequence = frame.header.first_sequence;
            if sequence >= last + count {
                break;
            }
            if frame.header.kind == FrameKind::Transfers {
                let rows = archive.outcomes.read(sequence, frame.header.count as usize);
                let rows = rows.map_err(|error| fault(sequence, &error))?;
                // Locked for one frame at a time: commands go on in between.
                let absorbed = engine.directory().registry(|registry| book.absorb(&frame, &rows, registry));
                absorbed.map_err(|reason| fault(sequence, &reason))?;
            }
        }
        Ok(book)
    }

    /// Debits and credits of a position.
    #[must_use]
    pub fn sums(&self, slot: SlotHandle) -> Sums {
        self.slots.get(&slot).map_or_else(Sums::default, |book| book.total)
    }

    /// What lies before the part that is told.
    pub(super) fn before(&self, slot: SlotHandle) -> Sums {
        self.slots.get(&slot).map_or_else(Sums::default, |book| book.before)
    }

    /// Of a position's debits and credits in the part, those that are told.
    pub(super) fn told(&self, slot: SlotHandle) -> Sums {
        self.slots.get(&slot).map_or_else(Sums::default, |book| book.told)
    }

    /// Credits less debits of the whole cycle.
    fn net(&self, slot: SlotHandle) -> i128 {
        let all = |book: &SlotBook| book.before.net() + book.total.net() + book.behind.net();
        self.slots.get(&slot).map_or(0, all)
    }

    /// I8: what is told to the banks adds up to what the engine says they owe.
    ///
    /// # Errors
    /// [`FilesError::Unknown`] naming the first position that differs.
    pub fn check(&self, nets: &[(SlotHandle, i128)], registry: &Registry) -> Result<(), FilesError> {
        let mut expected: BTreeMap<SlotHandle, i128> = nets.iter().copied().collect();
        for slot in self.slots.keys() {
            expected.entry(*slot).or_insert(0);
        }
        // What is final at once is not set aside.
        let is_deferred = |slot: &SlotHandle| {
            registry.slots().get(*slot as usize).is_none_or(|terms| terms.model.is_deferred())
        };
        for (slot, net) in expected.into_iter().filter(|(slot, _)| is_deferred(slot)) {
            let own = self.net(slot);
            if own != net {
                let text = format!("position {slot}: its transfers sum to {own}, the cycle says {net}");
                return Err(FilesError::Unknown(format!("{text}; run `feiqian audit`")));
            }
        }
        Ok(())
    }

    /// Of each two positions, what the first has got from the second less what it has paid it; the first has the lower
    /// number.
    pub fn pairs(&self) -> impl Iterator<Item = (SlotHandle, SlotHandle, i128)> {
        self.slots.iter().flat_map(|(slot, book)| {
            let others = book.by_counterparty.range(slot + 1..);
            others.map(|(other, sums)| (*slot, *other, sums.net()))
        })
    }

    pub(super) fn slot(&self, slot: SlotHandle) -> Option<&SlotBook> {
        self.slots.get(&slot)
    }

    fn absorb(&mut self, frame: &Frame, rows: &[u8], registry: &Registry) -> Result<(), &'static str> {
        let payload =
            Payload::parse(&frame.payload, frame.header.count).map_err(|_| "the payload is malformed")?;
        let rows = rows.chunks_exact(ROW_BYTES).map(OutcomeRow::read_from_bytes);
        for ((record, row), sequence) in payload.records.iter().zip(rows).zip(frame.header.first_sequence..) {
            let row = row.map_err(|_| "a row is malformed")?;
            let is_moved =
                row.outcome() == Some(Outcome::Cleared) && record.flags.get() & flags::COMMAND == 0;
            if is_moved {
                self.add(record, row.amount.get(), (sequence, frame.header.timestamp), registry);
            }
        }
        Ok(())
    }

    fn add(&mut self, record: &Record, amount: u64, (sequence, timestamp): (u64, u64), registry: &Registry) {
        let slot_of = |handle: u64| registry.account(handle).map(|terms| terms.slot);
        let (Some(debtor), Some(creditor)) = (slot_of(record.debtor.get()), slot_of(record.creditor.get()))
        else {
            return;
        };
        let terms = registry.slots().get(debtor as usize);
        let is_counted = terms.is_some_and(|terms| registry.is_counted(self.cycle, terms.currency));
        if debtor == creditor || !is_counted {
            return;
        }
        for (slot, counterparty, is_credit) in [(debtor, creditor, false), (creditor, debtor, true)] {
            let book = self.slots.entry(slot).or_default();
            match self.choice.side(timestamp) {
                Side::Before => book.before.add(amount.into(), is_credit),
                Side::Behind => book.behind.add(amount.into(), is_credit),
                Side::Within => {}
            }
            if self.choice.side(timestamp) != Side::Within {
                continue;
            }
            book.total.add(amount.into(), is_credit);
            if record.flags.get() & flags::FEE != 0 {
                book.fees.add(amount.into(), is_credit);
            }
            let owed = book.total.debit_sum.saturating_sub(book.total.credit_sum);
            book.deepest = book.deepest.max(owed);
            if !self.choice.tells(is_credit) {
                continue;
            }
            book.told.add(amount.into(), is_credit);
            book.by_counterparty.entry(counterparty).or_default().add(amount.into(), is_credit);
            if book.items.len() < self.items_max {
                book.items.push(Item { sequence, timestamp, amount, is_credit, counterparty });
            }
        }
    }
}
