//! Payments that wait, told naively: one map, searched from end to end.

use feiqian_core::liquidity::queue::{Priority, Queued};
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::transfer::{Record, flags};

use super::{Books, Planted, Reasons, note};

/// The submitter of the engine's own entries.
pub(super) const ENGINE: u32 = 0xFFFF_FFFF;

pub(super) fn is_release(record: &Record) -> bool {
    record.flags.get() & flags::RELEASE != 0
}

/// What a record that has to do with waiting wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Nothing of it.
    None,
    Pay,
    PayLater,
    Amend,
    Revoke,
    Release,
}

pub(super) fn wish_of(record: &Record) -> Wish {
    let bits = record.flags.get();
    let names = record.related.get() != 0;
    match (bits & flags::QUEUE != 0, bits & flags::VOID != 0) {
        _ if is_release(record) => Wish::Release,
        (false, _) => Wish::None,
        (true, true) => Wish::Revoke,
        (true, false) if names => Wish::Amend,
        (true, false) if record.delay.get() > 0 => Wish::PayLater,
        (true, false) => Wish::Pay,
    }
}

pub(super) fn class_of(record: &Record) -> Priority {
    match record.flags.get() & (flags::URGENT | flags::HIGH) {
        0 => Priority::Normal,
        flags::HIGH => Priority::High,
        _ => Priority::Urgent,
    }
}

fn seconds(now: u64, seconds: u32, never: u64) -> u64 {
    if seconds == 0 { never } else { now + u64::from(seconds) * 1_000_000_000 }
}

impl Books {
    pub(super) fn expire_waiting(&mut self, now: u64) -> u32 {
        let before = self.queue.len();
        self.queue.retain(|_, queued| queued.latest > now);
        u32::try_from(before - self.queue.len()).expect("tests queue few")
    }

    fn waiting(&self, record: &Record, now: u64) -> Queued {
        let (debtor, creditor, amount) = (record.debtor.get(), record.creditor.get(), record.amount.get());
        let (earliest, latest) =
            (seconds(now, record.delay.get(), 0), seconds(now, record.timeout.get(), u64::MAX));
        let priority = class_of(record);
        let (order, sequence, attempts, purpose) = (0, 0, 0, self.kept_purpose(record));
        Queued { debtor, creditor, amount, priority, order, earliest, latest, sequence, attempts, purpose }
    }

    /// Whether one of the payments that go out in order and whose time has come stays, among those that `is_before` says.
    fn stays_one(&self, now: u64, stays: impl Fn(u128) -> bool, is_before: impl Fn(&Queued) -> bool) -> bool {
        let is_ordered = |queued: &Queued| queued.priority != Priority::Normal && queued.earliest <= now;
        self.queue.iter().any(|(id, queued)| is_ordered(queued) && is_before(queued) && stays(*id))
    }

    /// What the queue says against a record.
    pub(super) fn note_queue(&self, reasons: &mut Reasons, now: u64, record: &Record) {
        let (debtor, wish) = (record.debtor.get(), wish_of(record));
        if wish == Wish::Pay {
            let class = class_of(record);
            let is_before = |queued: &Queued| queued.debtor == debtor && queued.priority <= class;
            let is_behind = self.stays_one(now, |_| true, is_before);
            note(reasons, is_behind && !self.is_planted(Planted::QueueOvertaken), RejectReason::QueuedAhead);
        }
        if !matches!(wish, Wish::Amend | Wish::Revoke | Wish::Release) {
            return;
        }
        let Some(queued) = self.queue.get(&record.related.get()).filter(|queued| queued.debtor == debtor)
        else {
            reasons.insert(RejectReason::NoPendingHold);
            return;
        };
        let leaves = self.position_at(debtor) != self.position_at(record.creditor.get());
        let is_for_other =
            queued.purpose != record.purpose && leaves && self.is_covered(self.position_number(debtor));
        let is_other = wish == Wish::Release
            && (queued.amount != record.amount.get() || class_of(record) < queued.priority || is_for_other);
        note(reasons, queued.creditor != record.creditor.get() || is_other, RejectReason::HoldMismatch);
    }

    /// Whether a release comes in its time and turn, among all that go out with it.
    fn is_in_turn(&self, now: u64, record: &Record, group: &[Record]) -> bool {
        let queued = self.queue[&record.related.get()];
        let goes = |id: u128| group.iter().any(|record| record.related.get() == id);
        let own = (queued.priority, queued.order);
        let is_before =
            |other: &Queued| other.debtor == queued.debtor && (other.priority, other.order) <= own;
        queued.earliest <= now && !self.stays_one(now, |id| !goes(id), is_before)
    }

    /// Waits, where that is all that can be done.
    pub(super) fn wait(&mut self, (now, sequence): (u64, u64), record: &Record) {
        let waiting = self.waiting(record, now);
        self.queue.insert(record.uetr.get(), Queued { order: sequence, sequence, ..waiting });
    }

    /// Changes or ends how a payment waits.
    pub(super) fn rearrange(&mut self, (now, sequence): (u64, u64), record: &Record) -> OutcomeRow {
        let id = record.related.get();
        if wish_of(record) == Wish::Revoke {
            self.queue.remove(&id);
            return OutcomeRow::accepted(Outcome::Voided, 0);
        }
        let old = self.queue[&id];
        let asked = self.waiting(record, now);
        let alike = self.queue.values().filter(|queued| queued.debtor == old.debtor);
        let least = alike.map(|queued| queued.order).min().expect("itself is there");
        let order = match record.flags.get() & (flags::FIRST | flags::LAST) {
            0 => old.order,
            flags::FIRST => least.saturating_sub(1),
            _ => sequence,
        };
        let Queued { priority, earliest, latest, .. } = asked;
        self.queue.insert(id, Queued { priority, order, earliest, latest, ..old });
        OutcomeRow::accepted(Outcome::Queued, 0)
    }

    /// Releases that settle at once.
    pub(super) fn release(
        &mut self,
        (now, first): (u64, u64),
        submitter: u32,
        (group, known): (&[Record], &[Option<OutcomeRow>]),
    ) -> Result<Vec<OutcomeRow>, (usize, RejectReason)> {
        let mut refused = None;
        for (at, record) in group.iter().enumerate() {
            let reasons = match known[at] {
                Some(_) => Reasons::from([RejectReason::ChainFailed]),
                None => self.refusals(now, submitter, (record, group)),
            };
            let terms = reasons
                .iter()
                .copied()
                .find(|reason| ![RejectReason::NoPendingHold, RejectReason::HoldMismatch].contains(reason));
            refused = terms.map(|reason| (at, reason));
            if refused.is_some() {
                break;
            }
        }
        let end = refused.map_or(group.len(), |(at, _)| at);
        for (at, record) in group[..end].iter().enumerate() {
            let mut reasons = Reasons::new();
            self.note_queue(&mut reasons, now, record);
            if let Some(reason) = reasons.first() {
                return Err((at, *reason));
            }
            let is_twice = group[..at].iter().any(|other| other.related == record.related);
            if is_twice || !self.is_in_turn(now, record, group) {
                return Err((at, RejectReason::NoPendingHold));
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let before = self.clone();
        let mut rows = Vec::new();
        for (record, sequence) in group.iter().zip(first..) {
            self.queue.remove(&record.related.get());
            self.account(record.debtor.get()).touched = self.height;
            self.note_debit(now, record, (true, true));
            rows.push(self.post(sequence, record));
            if let Some(reason) =
                self.overdrawn(&before, record).filter(|_| self.is_planted(Planted::GroupOneByOne))
            {
                return Err((group.len() - 1, reason));
            }
        }
        let mut reasons = self.over_limits(&before, now, group);
        reasons.extend(group.iter().filter_map(|record| self.overdrawn(&before, record)));
        match reasons.first() {
            Some(reason) => Err((group.len() - 1, *reason)),
            None => Ok(rows),
        }
    }

    /// Whether the debtor's side has less than before, and less than nothing.
    fn overdrawn(&self, before: &Self, record: &Record) -> Option<RejectReason> {
        let handle = record.debtor.get();
        let (old, new) = (before.available(handle), self.available(handle));
        if new.0 < old.0 && new.0 < 0 {
            return Some(RejectReason::InsufficientFunds);
        }
        (new.1 < old.1 && new.1 < 0).then_some(RejectReason::NetDebitCapExceeded)
    }

    /// What the account and its position have left.
    pub(super) fn available(&self, handle: u64) -> (i128, i128) {
        use feiqian_core::account::UNLIMITED;
        let account = self.known(handle);
        let position = &self.positions[account.position];
        let signed = |sum: u128| i128::try_from(sum).expect("small");
        let funds = match account.credit_line {
            UNLIMITED => i128::MAX,
            line => account.balance - signed(self.reserved(handle).0) + i128::from(line),
        };
        let headroom = match position.cap {
            UNLIMITED => i128::MAX,
            _ => self.headroom(position) - signed(self.position_reserved(account.position)),
        };
        (funds, headroom)
    }

    /// A payment that owes a fee by now, for which its release has failed, waits no longer.
    pub(super) fn give_up(&mut self, now: u64, release: &Record, reason: RejectReason) {
        let Some(queued) = self.queue.get(&release.related.get()) else { return };
        let is_it = queued.debtor == release.debtor.get()
            && queued.creditor == release.creditor.get()
            && queued.amount == release.amount.get()
            && queued.purpose == release.purpose;
        let owes = reason == RejectReason::FeeMissing && is_release(release);
        if is_it && owes && queued.earliest <= now && !self.is_planted(Planted::ChargedLateStays) {
            self.queue.remove(&release.related.get());
        }
    }

    /// Each release that failed counts, so that the next one has another id.
    pub(super) fn count_attempts(&mut self, group: &[Record], known: &[Option<OutcomeRow>]) {
        for (record, known) in group.iter().zip(known) {
            let queued = self.queue.get_mut(&record.related.get());
            let queued = queued.filter(|queued| queued.debtor == record.debtor.get());
            if let Some(queued) = queued.filter(|_| known.is_none() && is_release(record)) {
                queued.attempts += 1;
            }
        }
    }
}
