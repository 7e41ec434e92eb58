//! The queue: which payments wait, in what order their debtor's participant wants them out, and which of them a frame's
//! time has ended. Decides whose turn it is; knows no balance.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::claim::{Claim, Kind};
use crate::hold::deadline;
use crate::limits::ACCOUNT_QUEUED_MAX;
pub use crate::liquidity::resolve::Priority;
use crate::outcome::RejectReason;
use crate::registry::Registry;
use crate::transfer::{Record, flags};

/// A payment's place in its account's queue, ascending: class, then number.
pub type Place = (Priority, u64);

/// A payment that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queued {
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// Minor units.
    pub amount: u64,
    /// Its class.
    pub priority: Priority,
    /// Its number within the class: its sequence, until its owner puts it elsewhere.
    pub order: u64,
    /// Frame time from which it may be cleared, nanoseconds since 1970.
    pub earliest: u64,
    /// Frame time from which it is given up, nanoseconds since 1970; [`u64::MAX`] for never.
    pub latest: u64,
    /// Sequence of its transfer.
    pub sequence: u64,
    /// Releases of it that did not come to pass.
    pub attempts: u32,
    /// What it is for: an ISO 20022 external purpose code, or zeros; kept where there are tariffs, which may name it.
    pub purpose: [u8; 4],
}

impl Queued {
    /// What an accepted or unfunded claim makes wait.
    #[must_use]
    pub fn of(
        claim: &Claim,
        record: &Record,
        registry: &Registry,
        (sequence, timestamp): (u64, u64),
    ) -> Self {
        Self {
            debtor: claim.debtor,
            creditor: claim.creditor,
            amount: claim.amount,
            priority: priority_of(record),
            order: sequence,
            earliest: earliest(record, timestamp),
            latest: deadline(timestamp, record.timeout.get()),
            sequence,
            attempts: 0,
            purpose: registry.kept_purpose(record),
        }
    }

    /// Its place in its account's queue.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.priority, self.order)
    }
}

/// The class that a record asks for.
#[must_use]
pub fn priority_of(record: &Record) -> Priority {
    let bits = record.flags.get();
    if bits & flags::URGENT != 0 {
        Priority::Urgent
    } else if bits & flags::HIGH != 0 {
        Priority::High
    } else {
        Priority::Normal
    }
}

fn earliest(record: &Record, timestamp: u64) -> u64 {
    match record.delay.get() {
        0 => 0,
        seconds => deadline(timestamp, seconds),
    }
}

/// All payments that wait, and what changed since the last block.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    payments: BTreeMap<u128, Queued>,
    /// Of each debtor account, by place; equal places by id.
    by_place: BTreeMap<AccountHandle, BTreeSet<(Place, u128)>>,
    by_latest: BTreeSet<(u64, u128)>,
    changed: BTreeMap<u128, Option<Queued>>,
}

impl Queue {
    /// That of a mirror; nothing has changed yet.
    #[must_use]
    pub fn restored(payments: &BTreeMap<u128, Queued>) -> Self {
        let mut queue = Self::default();
        payments.iter().for_each(|(id, queued)| queue.put(*id, *queued));
        queue
    }

    /// Those that `concerns` says, with what has changed of them since the last block.
    #[must_use]
    pub(crate) fn part(&self, concerns: impl Fn(AccountHandle) -> bool) -> Self {
        let mut part = Self::default();
        self.payments.iter().filter(|(_, queued)| concerns(queued.debtor)).for_each(|(id, queued)| {
            part.put(*id, *queued);
        });
        // Of one that is no longer there nobody knows the account; its end is the same for all who report it.
        let is_here = |queued: &Option<Queued>| queued.is_none_or(|queued| concerns(queued.debtor));
        part.changed =
            self.changed.iter().filter(|(_, queued)| is_here(queued)).map(|(id, at)| (*id, *at)).collect();
        part
    }

    /// A payment that waits.
    #[must_use]
    pub fn get(&self, id: u128) -> Option<&Queued> {
        self.payments.get(&id)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payments.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payments.is_empty()
    }

    /// All that wait, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Queued)> {
        self.payments.iter().map(|(id, queued)| (*id, queued))
    }

    /// Whether the account has room for one more.
    #[must_use]
    pub(crate) fn has_room(&self, debtor: AccountHandle) -> bool {
        self.by_place.get(&debtor).is_none_or(|places| places.len() < ACCOUNT_QUEUED_MAX)
    }

    /// Whether a new payment of that class must go behind others of its account: behind those that go out in order,
    /// of its own class or a more urgent one, whose time has come.
    #[must_use]
    pub(crate) fn is_behind(&self, debtor: AccountHandle, priority: Priority, timestamp: u64) -> bool {
        let first = self.first_left(debtor, timestamp, |_| false);
        first.is_some_and(|(left, _)| left <= priority)
    }

    /// The place of the first payment of an account that goes out in order, is due, and stays.
    pub(crate) fn first_left(
        &self,
        debtor: AccountHandle,
        timestamp: u64,
        goes: impl Fn(u128) -> bool,
    ) -> Option<Place> {
        let places = self.by_place.get(&debtor)?;
        let ordered = places.iter().take_while(|((priority, _), _)| *priority < Priority::Normal);
        let is_due = |id: &u128| self.payments.get(id).is_some_and(|queued| queued.earliest <= timestamp);
        ordered.filter(|(_, id)| is_due(id)).find(|(_, id)| !goes(*id)).map(|(place, _)| *place)
    }

    /// The payment that a record amends, revokes or releases, if it waits on the debtor account that the record names. A
    /// release may not say that it is more urgent than it is, nor, where a tariff may charge for it, that it is for
    /// something else.
    ///
    /// # Errors
    /// [`RejectReason::NoPendingHold`], [`RejectReason::HoldMismatch`].
    pub(crate) fn named(&self, claim: &Claim, record: &Record) -> Result<&Queued, RejectReason> {
        let queued = self.get(record.related.get()).filter(|queued| queued.debtor == claim.debtor);
        let queued = queued.ok_or(RejectReason::NoPendingHold)?;
        let is_release = claim.kind == Kind::Release;
        let is_for_other = is_release && claim.asks_tariffs() && queued.purpose != record.purpose;
        let is_same = queued.creditor == claim.creditor
            && !is_for_other
            && (!is_release || (queued.amount == claim.amount && queued.priority <= claim.class));
        if is_same { Ok(queued) } else { Err(RejectReason::HoldMismatch) }
    }

    /// Makes a payment wait.
    pub fn insert(&mut self, id: u128, queued: Queued) {
        self.put(id, queued);
        self.changed.insert(id, Some(queued));
    }

    fn put(&mut self, id: u128, queued: Queued) {
        self.drop_places(id);
        self.payments.insert(id, queued);
        self.by_place.entry(queued.debtor).or_default().insert((queued.place(), id));
        if queued.latest != u64::MAX {
            self.by_latest.insert((queued.latest, id));
        }
    }

    fn drop_places(&mut self, id: u128) -> Option<Queued> {
        let queued = self.payments.remove(&id)?;
        if let Some(places) = self.by_place.get_mut(&queued.debtor) {
            places.remove(&(queued.place(), id));
            if places.is_empty() {
                self.by_place.remove(&queued.debtor);
            }
        }
        self.by_latest.remove(&(queued.latest, id));
        Some(queued)
    }

    /// Ends the waiting: released, revoked or given up.
    pub fn remove(&mut self, id: u128) -> Option<Queued> {
        let queued = self.drop_places(id)?;
        self.changed.insert(id, None);
        Some(queued)
    }

    /// Gives a payment another class, place and times, as a record asks.
    pub(crate) fn amend(&mut self, record: &Record, sequence: u64, timestamp: u64) {
        let id = record.related.get();
        let Some(queued) = self.get(id).copied() else { return };
        let bits = record.flags.get();
        let first =
            self.by_place.get(&queued.debtor).into_iter().flatten().map(|((_, order), _)| *order).min();
        let order = if bits & flags::LAST != 0 {
            sequence
        } else if bits & flags::FIRST != 0 {
            first.unwrap_or(sequence).saturating_sub(1)
        } else {
            queued.order
        };
        let amended = Queued {
            priority: priority_of(record),
            order,
            earliest: earliest(record, timestamp),
            latest: deadline(timestamp, record.timeout.get()),
            ..queued
        };
        self.insert(id, amended);
    }

    /// Notes that a release did not come to pass: the next one has another id.
    pub(crate) fn note_attempt(&mut self, record: &Record) {
        let id = record.related.get();
        let named = self.get(id).copied().filter(|queued| queued.debtor == record.debtor.get());
        if let Some(queued) = named {
            self.insert(id, Queued { attempts: queued.attempts.saturating_add(1), ..queued });
        }
    }

    /// Gives up a payment whose release was refused since it owes a fee by now, which it can't bring: whoever wants it paid
    /// submits it again with its fee. Only one that the release names rightly, and whose time has come.
    pub(crate) fn give_up(&mut self, release: &Record, timestamp: u64) {
        let id = release.related.get();
        let is_named = self.get(id).is_some_and(|queued| {
            let said = (release.debtor.get(), release.creditor.get(), release.amount.get(), release.purpose);
            (queued.debtor, queued.creditor, queued.amount, queued.purpose) == said
                && queued.earliest <= timestamp
        });
        if is_named {
            self.remove(id);
        }
    }

    /// Gives up the next payment whose latest time `timestamp` has reached, in order of time and id.
    pub fn expire_next(&mut self, timestamp: u64) -> Option<Queued> {
        let (latest, id) = *self.by_latest.first()?;
        if latest > timestamp { None } else { self.remove(id) }
    }

    /// What has changed since the last call, ascending by id: as it waits now, or none for one that does not.
    pub fn take_changed(&mut self) -> Vec<(u128, Option<Queued>)> {
        core::mem::take(&mut self.changed).into_iter().collect()
    }
}
