//! From the journal's frames and outcome rows to rows of tables, block by block and frame by frame: never more than a frame
//! is held, and the registry is read for one frame at a time. Names are the participants' BICs.

use std::collections::BTreeMap;

use feiqian_core::account::{AccountHandle, SlotHandle};
use feiqian_core::batch::{BatchEntry, Payload};
use feiqian_core::currency::Currency;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::{Outcome, OutcomeRow, ROW_BYTES};
use feiqian_core::participant::{CycleNumber, ParticipantHandle, SlotTerms};
use feiqian_core::registry::Registry;
use feiqian_core::transfer::{Record, flags};
use feiqian_runtime::book::SealedBlock;
use feiqian_runtime::journal::{Frame, Frames};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::QueryFault;
use feiqian_runtime::storage::Storage;
use feiqian_runtime::storage::files::FileStorage;
use parquet::data_type::ByteArray;
use zerocopy::FromBytes as _;

use crate::error::ArchiveError;
use crate::part::Part;
use crate::schema::NO_CURRENCY;
use crate::tables::{Outcomes, Transfers, micros};

/// Rows that were read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) transfers: u64,
    pub(crate) positions: u64,
}

/// What a position moved by in a block.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    debits: u64,
    debit_sum: i128,
    credits: u64,
    credit_sum: i128,
}

/// Reads blocks, one behind the other.
pub(crate) struct Reader<'a> {
    engine: &'a Engine,
    frames: Frames<FileStorage>,
    names: Vec<ByteArray>,
    pub(crate) counted: Counted,
}

/// The block that is being read.
struct Open {
    height: u64,
    /// The cycle that counts each currency, as asked so far.
    cycles: BTreeMap<Currency, Option<CycleNumber>>,
    moved: BTreeMap<SlotHandle, Moved>,
}

/// One entry with what it stands in.
struct Placed<'a> {
    sequence: u64,
    timestamp: u64,
    submitter: ParticipantHandle,
    record: &'a Record,
    row: OutcomeRow,
    currency: Option<Currency>,
    cycle: Option<CycleNumber>,
    block: u64,
}

impl<'a> Reader<'a> {
    /// From the block with that first sequence on.
    pub(crate) fn new(engine: &'a Engine, first_sequence: u64) -> Self {
        let frames = engine.archive().journal.frames_from(first_sequence);
        Self { engine, frames, names: Vec::new(), counted: Counted::default() }
    }

    /// Puts the next block into a part.
    pub(crate) fn block<S: Storage>(
        &mut self,
        block: &SealedBlock,
        part: &mut Part<S>,
    ) -> Result<(), ArchiveError> {
        let header = &block.header;
        let mut open = Open { height: header.height, cycles: BTreeMap::new(), moved: BTreeMap::new() };
        let (mut next, end) = (header.first_sequence, header.first_sequence + header.count);
        while next < end {
            let frame = self.frames.next().ok_or(QueryFault::Unreadable(next))?.map_err(QueryFault::from)?;
            if frame.header.first_sequence != next {
                return Err(QueryFault::Unreadable(next).into());
            }
            next = frame.header.last_sequence() + 1;
            if frame.header.kind == FrameKind::Transfers {
                self.frame(&frame, &mut open, part)?;
                part.make_room()?;
            }
        }
        let engine = self.engine;
        engine.directory().registry(|registry| self.positions(&mut open, registry, part));
        part.block(block)
    }

    fn frame<S: Storage>(
        &mut self,
        frame: &Frame,
        open: &mut Open,
        part: &mut Part<S>,
    ) -> Result<(), ArchiveError> {
        let first = frame.header.first_sequence;
        let unreadable = || QueryFault::Unreadable(first);
        let payload = Payload::parse(&frame.payload, frame.header.count).map_err(|_| unreadable())?;
        let engine = self.engine;
        let rows = engine.archive().outcomes.read(first, payload.records.len()).map_err(QueryFault::from)?;
        let mut rows = rows.chunks_exact(ROW_BYTES).map(OutcomeRow::read_from_bytes);
        let mut rows = std::iter::from_fn(|| rows.next()?.ok());
        let whole = engine.directory().registry(|registry| {
            payload.by_batch().all(|(at, batch, records)| {
                let begin = (first + at as u64, frame.header.timestamp);
                self.batch(begin, (batch, records), &mut rows, (open, registry, part))
            })
        });
        if whole { Ok(()) } else { Err(unreadable().into()) }
    }

    /// Puts the records of a batch with their rows; false where a row is missing.
    fn batch<S: Storage>(
        &mut self,
        (first, timestamp): (u64, u64),
        (batch, records): (&BatchEntry, &[Record]),
        rows: &mut impl Iterator<Item = OutcomeRow>,
        (open, registry, part): (&mut Open, &Registry, &mut Part<S>),
    ) -> bool {
        for (record, sequence) in records.iter().zip(first..) {
            let Some(row) = rows.next() else { return false };
            let currency = Currency::from_numeric(record.currency.get());
            let cycle = currency.and_then(|currency| open.cycle(registry, currency));
            let submitter = batch.participant.get();
            let block = open.height;
            let placed = Placed { sequence, timestamp, submitter, record, row, currency, cycle, block };
            self.entry(&placed, registry, part);
            open.moves(&placed, registry);
        }
        true
    }

    fn entry<S: Storage>(&mut self, placed: &Placed<'_>, registry: &Registry, part: &mut Part<S>) {
        let rows = part.rows(placed.currency.map_or(NO_CURRENCY, Currency::code));
        self.transfer(placed, registry, &mut rows.transfers);
        outcome(placed, &mut rows.outcomes);
        self.counted.transfers += 1;
    }

    fn transfer(&mut self, placed: &Placed<'_>, registry: &Registry, to: &mut Transfers) {
        let record = placed.record;
        to.sequence.number(placed.sequence);
        to.block.number(placed.block);
        to.cycle.number(placed.cycle);
        to.journaled_at.number(micros(placed.timestamp));
        to.uetr.bytes(&record.uetr.get().to_be_bytes());
        to.submitter.push(self.name(registry, Some(placed.submitter)));
        to.debtor_account.number(record.debtor.get());
        to.debtor_participant.push(self.name(registry, owner(registry, record.debtor.get())));
        to.creditor_account.number(record.creditor.get());
        to.creditor_participant.push(self.name(registry, owner(registry, record.creditor.get())));
        to.amount_minor.number(record.amount.get());
        to.exponent.push(placed.currency.map(|currency| currency.exponent().into()));
        to.currency_numeric.push(record.currency.get().into());
        to.kind.text(kind(record));
        to.flags.push(record.flags.get().into());
        to.timeout_s.number(record.timeout.get().into());
        to.delay_s.number(record.delay.get().into());
        to.purpose.push(purpose(record));
        to.related.bytes(related(record).map(u128::to_be_bytes).as_ref().map(<[u8; 16]>::as_slice));
    }

    /// Every position that the block has moved.
    fn positions<S: Storage>(&mut self, open: &mut Open, registry: &Registry, part: &mut Part<S>) {
        for (slot, moved) in std::mem::take(&mut open.moved) {
            let Some(terms) = registry.slots().get(slot as usize) else { continue };
            let cycle = open.cycle(registry, terms.currency);
            let name = self.name(registry, Some(terms.participant)).unwrap_or_default();
            let to = &mut part.rows(terms.currency.code()).positions;
            to.block.number(open.height);
            to.cycle.number(cycle);
            to.participant.push(name);
            to.exponent.push(terms.currency.exponent().into());
            to.debits.number(moved.debits);
            to.debit_sum_minor.wide(moved.debit_sum);
            to.credits.number(moved.credits);
            to.credit_sum_minor.wide(moved.credit_sum);
            to.net_minor.wide(moved.credit_sum - moved.debit_sum);
            self.counted.positions += 1;
        }
    }

    /// A participant's BIC; kept, so that each is one piece of memory for all rows.
    fn name(&mut self, registry: &Registry, participant: Option<ParticipantHandle>) -> Option<ByteArray> {
        let at = participant? as usize;
        let known = registry.participants().get(self.names.len()..).unwrap_or_default();
        self.names.extend(known.iter().map(|participant| ByteArray::from(participant.bic.as_str())));
        self.names.get(at).cloned()
    }
}

impl Open {
    fn cycle(&mut self, registry: &Registry, currency: Currency) -> Option<CycleNumber> {
        let height = self.height;
        *self.cycles.entry(currency).or_insert_with(|| cycle_of(registry, height, currency))
    }

    /// Money that goes from one position to another. What stays within one moves none.
    fn moves(&mut self, placed: &Placed<'_>, registry: &Registry) {
        if placed.row.outcome() != Some(Outcome::Cleared) {
            return;
        }
        let slot = |account: AccountHandle| registry.account(account).map(|terms| terms.slot);
        let (debtor, creditor) = (slot(placed.record.debtor.get()), slot(placed.record.creditor.get()));
        let (Some(debtor), Some(creditor)) = (debtor, creditor) else { return };
        if debtor == creditor {
            return;
        }
        let amount = i128::from(placed.row.amount.get());
        let paying = self.moved.entry(debtor).or_default();
        (paying.debits, paying.debit_sum) = (paying.debits + 1, paying.debit_sum + amount);
        let paid = self.moved.entry(creditor).or_default();
        (paid.credits, paid.credit_sum) = (paid.credits + 1, paid.credit_sum + amount);
    }
}

fn outcome(placed: &Placed<'_>, to: &mut Outcomes) {
    let row = &placed.row;
    let is_amount =
        matches!(row.outcome(), Some(Outcome::Cleared | Outcome::Held | Outcome::Queued | Outcome::Voided));
    to.sequence.number(placed.sequence);
    to.block.number(placed.block);
    to.cycle.number(placed.cycle);
    to.uetr.bytes(&placed.record.uetr.get().to_be_bytes());
    to.outcome.text(row.outcome().map_or("unknown", Outcome::name));
    to.reason.text(row.reason().map(feiqian_core::outcome::RejectReason::name));
    to.reason_number.push((row.reason != 0).then_some(row.reason.into()));
    to.amount_minor.number(is_amount.then(|| row.amount.get()));
    to.exponent.push(placed.currency.map(|currency| currency.exponent().into()));
    to.duplicate_of.number(row.original());
    to.debtor_previous.number(Some(row.debtor_previous.get()).filter(|sequence| *sequence > 0));
    to.creditor_previous.number(Some(row.creditor_previous.get()).filter(|sequence| *sequence > 0));
}

/// The cycle that a block belongs to in a currency. A block's header names the general one.
fn cycle_of(registry: &Registry, height: u64, currency: Currency) -> Option<CycleNumber> {
    let holds = |end: u64| end == 0 || height < end;
    let cycles = registry.cycles().iter().rev();
    let mut within = cycles.filter(|cycle| cycle.first_block <= height && holds(cycle.end_block));
    within.find(|cycle| registry.streams().is_counted(cycle, currency)).map(|cycle| cycle.number)
}

fn owner(registry: &Registry, account: AccountHandle) -> Option<ParticipantHandle> {
    let terms: &SlotTerms = registry.slots().get(registry.account(account)?.slot as usize)?;
    Some(terms.participant)
}

/// The id of the entry that a record refers to. What a command has ordered refers to that by its sequence, which is no id.
fn related(record: &Record) -> Option<u128> {
    let is_ordered = record.flags.get() & flags::ORDERED != 0;
    Some(record.related.get()).filter(|related| *related != 0 && !is_ordered)
}

/// What kind of entry a record is, in the words of the glossary.
fn kind(record: &Record) -> &'static str {
    let has = |flag: u16| record.flags.get() & flag != 0;
    let is_related = record.related.get() != 0;
    match () {
        // Before all else: a restitution is a posting out of what is held, and moves what no hold of a participant has.
        () if has(flags::ORDERED) && has(flags::POST) => "restitution",
        () if has(flags::ORDERED) => "posting",
        () if has(flags::FEE) => "fee",
        () if has(flags::RELEASE) => "release",
        () if has(flags::RETURN) => "return",
        () if has(flags::QUOTE) => "trade",
        () if has(flags::POST) => "post",
        () if has(flags::QUEUE) && has(flags::VOID) => "revoke",
        () if has(flags::VOID) => "void",
        () if has(flags::HOLD) => "hold",
        () if has(flags::QUEUE) && is_related => "amend",
        () if has(flags::QUEUE) => "queue",
        () => "transfer",
    }
}

/// An external purpose code; none where there is none, or where it is no text.
fn purpose(record: &Record) -> Option<ByteArray> {
    let length = record.purpose.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let code = record.purpose.get(..length).filter(|code| !code.is_empty())?;
    Some(ByteArray::from(code.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_has_the_kind_that_the_engine_takes_it_for() {
        let rows = [
            (0, 0, "transfer"),
            (flags::LINKED, 0, "transfer"),
            (flags::HOLD, 0, "hold"),
            (flags::POST | flags::KEEP, 9, "post"),
            (flags::VOID, 9, "void"),
            (flags::VOID | flags::KEEP, 9, "void"),
            (flags::QUEUE | flags::HIGH, 0, "queue"),
            (flags::QUEUE | flags::FIRST, 9, "amend"),
            (flags::QUEUE | flags::VOID, 9, "revoke"),
            (flags::RELEASE | flags::URGENT | flags::LINKED, 9, "release"),
            (flags::RETURN, 9, "return"),
            (flags::FEE | flags::LINKED, 9, "fee"),
            (flags::QUOTE | flags::LINKED, 9, "trade"),
            (flags::ORDERED, 9, "posting"),
            (flags::ORDERED | flags::POST, 9, "restitution"),
        ];
        for (bits, names, expected) in rows {
            let record = Record { flags: bits.into(), related: names.into(), ..Record::new(1, 2, 3, 4, 978) };
            assert_eq!(kind(&record), expected, "{bits:#b}");
            let is_id = names != 0 && bits & flags::ORDERED == 0;
            assert_eq!(related(&record), is_id.then_some(9), "{expected}");
        }
    }
}
