//! Makes a session's batches, straight into the buffer that is sent, with what must become of each transfer. The
//! same workload, session and number of batches make the same records, so that a check can make them again.

use std::collections::VecDeque;
use std::sync::Arc;

use feiqian_core::account::AccountHandle;
use feiqian_core::outcome::RejectReason;
use feiqian_core::transfer::{Record, flags};

use super::alias::AliasTable;
use super::layout::{Layout, Range};
use super::model::Expected;
use super::rejections;
use super::{Distribution, Door, UetrOrder, Workload};
use crate::generator::Numbers;

/// Usual amounts are 1 to this, minor units.
const AMOUNT_MASK: u64 = 1_023;
/// Chains have two to this many members.
const CHAIN_MAX: u64 = 4;
/// One chain in so many has a member that fails it, where the load has rejections at all.
const FAILED_CHAIN_EVERY: u64 = 8;
/// Seconds after which a hold that nobody finishes expires.
const HOLD_TIMEOUT: u32 = 1;
/// Of 256 holds, so many are left to expire.
const EXPIRING: u64 = 26;
/// Of 256 finished holds, so many are posted in full; then up to the next, in part; the others are voided.
const POSTED: u64 = 166;
const POSTED_IN_PART: u64 = 205;

/// A batch with its expectations.
#[derive(Clone, Debug, Default)]
pub struct MadeBatch {
    /// What is sent.
    pub records: Vec<Record>,
    /// What must become of each; empty where all must clear.
    pub expected: Vec<Expected>,
}

impl MadeBatch {
    /// What must become of the record at `at`.
    #[must_use]
    pub fn expected(&self, at: usize) -> Expected {
        self.expected.get(at).copied().unwrap_or(Expected::Cleared)
    }

    /// Records with what must become of each.
    pub fn iter(&self) -> impl Iterator<Item = (&Record, Expected)> {
        self.records.iter().enumerate().map(|(at, record)| (record, self.expected(at)))
    }
}

/// What all makers of a load share.
#[derive(Debug)]
pub struct Shape {
    pub(super) layout: Layout,
    workload: Workload,
    table: Option<AliasTable>,
    /// Of 2^16: below the first a transfer is refused, below the second two-phase, below the third begins a chain.
    thresholds: [u64; 3],
    /// Of 2^16.
    cross: u64,
}

impl Shape {
    /// Of a workload on accounts.
    #[must_use]
    pub fn new(workload: Workload, layout: Layout) -> Arc<Self> {
        let count = layout.ranges.first().and_then(|ranges| ranges.first()).map_or(0, |range| range.count);
        let table = match workload.distribution {
            Distribution::Zipf(theta) => Some(AliasTable::zipf(count as usize, theta)),
            _ => None,
        };
        let rejected = part(workload.reject_share);
        let two_phase = rejected + part(workload.two_phase_share);
        // A chain has three members on average; it begins that much more rarely, among what is left.
        let begun = workload.chain_share / (3.0 - 2.0 * workload.chain_share);
        let thresholds = [rejected, two_phase, (two_phase + part(begun)).min(1 << 16)];
        let cross = part(workload.cross_share);
        Arc::new(Self { layout, workload, table, thresholds, cross })
    }

    /// The workload.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The accounts.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

#[expect(clippy::cast_sign_loss, reason = "a share is not below zero")]
fn part(share: f64) -> u64 {
    (share * 65_536.0) as u64
}

/// A hold that may be finished once its batch has been answered.
#[derive(Clone, Copy, Debug)]
struct Pending {
    batch: u64,
    id: u128,
    debtor: AccountHandle,
    creditor: AccountHandle,
    amount: u64,
    currency: u16,
}

/// Makes the batches of one session.
#[derive(Debug)]
pub struct Maker {
    shape: Arc<Shape>,
    /// The participant that submits.
    participant: usize,
    pub(super) numbers: Numbers,
    session: u64,
    made: u64,
    batch: u64,
    /// Batches of the session that may be unanswered when the next is made.
    window: u64,
    pending: VecDeque<Pending>,
}

impl Maker {
    /// Of a session, of which at most `window` batches are unanswered at any time.
    #[must_use]
    pub fn new(shape: &Arc<Shape>, session: u64, window: u64) -> Self {
        let seed = Numbers::new(shape.workload.seed ^ session.wrapping_mul(0xD6E8_FEB8_6659_FD93)).next();
        let participant = (session % shape.layout.ranges.len() as u64) as usize;
        Self {
            shape: Arc::clone(shape),
            participant,
            numbers: Numbers::new(seed),
            session,
            made: 0,
            batch: 0,
            window,
            pending: VecDeque::new(),
        }
    }

    /// The participant that submits.
    #[must_use]
    pub fn participant(&self) -> u32 {
        self.participant as u32
    }

    /// Makes the next batch of `count` transfers.
    pub fn fill(&mut self, count: usize, batch: &mut MadeBatch) {
        batch.records.clear();
        batch.expected.clear();
        batch.records.reserve(count);
        if self.shape.thresholds[2] == 0 {
            for _ in 0..count {
                let record = self.plain();
                batch.records.push(record);
            }
        } else {
            batch.expected.reserve(count);
            while batch.records.len() < count {
                self.any(count - batch.records.len(), batch);
            }
        }
        self.batch += 1;
    }

    fn any(&mut self, room: usize, batch: &mut MadeBatch) {
        let kind = self.numbers.next() & 0xFFFF;
        let [rejected, two_phase, chain] = self.shape.thresholds;
        if kind < rejected {
            rejections::push(self, batch);
        } else if kind < two_phase {
            let (record, expected) = self.two_phase();
            batch.records.push(record);
            batch.expected.push(expected);
        } else if kind < chain && room >= 2 {
            self.chain(room, batch);
        } else {
            let record = self.plain();
            batch.records.push(record);
            batch.expected.push(Expected::Cleared);
        }
    }

    /// The next id.
    #[inline]
    pub(super) fn id(&mut self) -> u128 {
        self.made += 1;
        match self.shape.workload.uetr {
            UetrOrder::Random => self.numbers.id(),
            UetrOrder::Ordered => {
                let run = u128::from(self.shape.workload.seed as u32) << 96;
                run | (u128::from(self.session) << 64) | (7 << 76) | (2 << 62) | u128::from(self.made)
            }
        }
    }

    /// A transfer that must clear.
    #[inline]
    pub(super) fn plain(&mut self) -> Record {
        let dice = self.numbers.next();
        let (debtor, creditor, currency) = self.accounts(dice);
        let id = self.id();
        Record::new(id, debtor, creditor, 1 + (dice & AMOUNT_MASK), currency)
    }

    /// Debtor, creditor and currency. Of `dice`, bits 16 to 31 say whether it crosses, 32 to 39 the currency,
    /// 40 to 47 to whom.
    #[inline]
    fn accounts(&mut self, dice: u64) -> (AccountHandle, AccountHandle, u16) {
        let crosses = ((dice >> 16) & 0xFFFF) < self.shape.cross;
        let own = &self.shape.layout.ranges[self.participant];
        let currency = ((((dice >> 32) & 0xFF) * own.len() as u64) >> 8) as usize;
        let range = own[currency];
        let others = self.shape.layout.ranges.len() as u64 - 1;
        let step = 1 + ((((dice >> 40) & 0xFF) * others) >> 8) as usize;
        let other = &self.shape.layout.ranges[(self.participant + step) % self.shape.layout.ranges.len()];
        let other = if crosses { other[currency] } else { range };
        let (debtor, creditor) = match self.shape.workload.distribution {
            Distribution::ClearingOnly => {
                let to =
                    &self.shape.layout.ranges[(self.participant + step) % self.shape.layout.ranges.len()];
                (range.clearing, to[currency].clearing)
            }
            Distribution::Hot(count) => self.hot(count, currency, (range, other)),
            _ => (self.draw(range), self.draw(other)),
        };
        if debtor != creditor {
            return (debtor, creditor, range.currency);
        }
        let next = if debtor + 1 == range.first + range.count { range.first } else { debtor + 1 };
        (debtor, next, range.currency)
    }

    #[inline]
    fn draw(&mut self, range: Range) -> AccountHandle {
        range.first
            + match &self.shape.table {
                Some(table) => table.draw(&mut self.numbers),
                None => self.numbers.below(range.count),
            }
    }

    /// One of the hot accounts, as debtor or creditor where it is an own one, else as creditor. Hot accounts lie
    /// with all participants in turn.
    fn hot(
        &mut self,
        count: u64,
        currency: usize,
        (own, other): (Range, Range),
    ) -> (AccountHandle, AccountHandle) {
        let bits = self.numbers.next();
        let number = ((bits >> 32) * count) >> 32;
        let participants = self.shape.layout.ranges.len() as u64;
        let owner = (number % participants) as usize;
        let hot = self.shape.layout.ranges[owner][currency].first + number / participants;
        if owner == self.participant && bits & 1 == 0 {
            (hot, self.other_than(other, hot))
        } else {
            (self.other_than(own, hot), hot)
        }
    }

    fn other_than(&mut self, range: Range, hot: AccountHandle) -> AccountHandle {
        let drawn = self.draw(range);
        match drawn == hot {
            false => drawn,
            true if drawn + 1 == range.first + range.count => range.first,
            true => drawn + 1,
        }
    }

    fn two_phase(&mut self) -> (Record, Expected) {
        let is_answered = self.pending.front().is_some_and(|hold| hold.batch + self.window <= self.batch);
        if is_answered && let Some(hold) = self.pending.pop_front() {
            return self.finish(hold);
        }
        let mut record = self.plain();
        record.flags = flags::HOLD.into();
        if self.numbers.next() & 0xFF < EXPIRING {
            record.timeout = HOLD_TIMEOUT.into();
        } else {
            self.pending.push_back(Pending {
                batch: self.batch,
                id: record.uetr.get(),
                debtor: record.debtor.get(),
                creditor: record.creditor.get(),
                amount: record.amount.get(),
                currency: record.currency.get(),
            });
        }
        (record, Expected::Held)
    }

    fn finish(&mut self, hold: Pending) -> (Record, Expected) {
        let dice = self.numbers.next();
        let (amount, flag, expected) = match dice & 0xFF {
            0..POSTED => (hold.amount, flags::POST, Expected::Cleared),
            POSTED..POSTED_IN_PART => (1 + (dice >> 8) % hold.amount, flags::POST, Expected::Cleared),
            _ => (0, flags::VOID, Expected::Voided),
        };
        let mut record = Record::new(self.id(), hold.debtor, hold.creditor, amount, hold.currency);
        record.flags = flag.into();
        record.related = hold.id.into();
        (record, expected)
    }

    fn chain(&mut self, room: usize, batch: &mut MadeBatch) {
        let dice = self.numbers.next();
        let length = (2 + dice % (CHAIN_MAX - 1)).min(room as u64);
        let fails = self.shape.thresholds[0] > 0 && (dice >> 8).is_multiple_of(FAILED_CHAIN_EVERY);
        let bad = if fails { (dice >> 16) % length } else { length };
        for member in 0..length {
            let mut record = self.plain();
            if member + 1 < length {
                record.flags = flags::LINKED.into();
            }
            let expected = match (fails, member == bad) {
                (false, _) => Expected::Cleared,
                (true, false) => Expected::Rejected(RejectReason::ChainFailed),
                (true, true) => {
                    record.creditor = record.debtor;
                    Expected::Rejected(RejectReason::SameAccount)
                }
            };
            batch.records.push(record);
            batch.expected.push(expected);
        }
    }

    pub(super) fn door(&self) -> Door {
        self.shape.workload.door
    }

    /// Own range and another participant's, in the record's currency.
    pub(super) fn ranges_of(&self, record: &Record) -> (Range, Range) {
        let all = &self.shape.layout.ranges;
        let at = all[self.participant].iter().position(|range| range.currency == record.currency.get());
        let at = at.unwrap_or(0);
        (all[self.participant][at], all[(self.participant + 1) % all.len()][at])
    }
}
