//! What is held on accounts for fraud cases: kept where the account is, beside the reserved sum of its cell, and ended by
//! a frame's time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::hold::Freed;
use crate::ledger::Ledger;
use crate::outcome::RejectReason;
use crate::postings::Carried;
use crate::registry::Registry;

/// A case and an account.
pub type HeldKey = (u128, AccountHandle);

/// An amount that is held on an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Minor units, never zero.
    pub amount: u64,
    /// Frame time from which it is free again, nanoseconds since 1970.
    pub deadline: u64,
}

/// All that is held on the accounts of a share, and what has changed since the last block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Helds {
    held: BTreeMap<HeldKey, Held>,
    by_deadline: BTreeSet<(u64, HeldKey)>,
    changed: BTreeMap<HeldKey, Option<Held>>,
}

impl Helds {
    /// Those of a mirror; nothing has changed yet.
    #[must_use]
    pub fn restored(held: &BTreeMap<HeldKey, Held>) -> Self {
        let by_deadline = held.iter().map(|(key, held)| (held.deadline, *key)).collect();
        Self { held: held.clone(), by_deadline, changed: BTreeMap::new() }
    }

    /// Those on accounts that `is_here` says.
    pub(crate) fn part(&self, is_here: impl Fn(AccountHandle) -> bool) -> Self {
        let of_here = |key: &HeldKey| is_here(key.1);
        let held = self.held.iter().filter(|(key, _)| of_here(key)).map(|(key, held)| (*key, *held));
        let changed = self.changed.iter().filter(|(key, _)| of_here(key)).map(|(key, held)| (*key, *held));
        Self { changed: changed.collect(), ..Self::restored(&held.collect()) }
    }

    /// What is held, ascending by case and account.
    pub fn iter(&self) -> impl Iterator<Item = (HeldKey, Held)> {
        self.held.iter().map(|(key, held)| (*key, *held))
    }

    /// Whether at least so much is held.
    #[must_use]
    pub fn covers(&self, key: HeldKey, amount: u64) -> bool {
        self.held.get(&key).is_some_and(|held| held.amount >= amount)
    }

    /// What returning an amount frees.
    ///
    /// # Errors
    /// [`RejectReason::NotHeld`].
    pub(crate) fn freed(&self, key: HeldKey, amount: u64) -> Result<Freed, RejectReason> {
        let held = self.held.get(&key).filter(|held| held.amount >= amount);
        let held = held.ok_or(RejectReason::NotHeld)?;
        Ok(Freed { amount, is_end: held.amount == amount })
    }

    /// Takes from what is held.
    pub(crate) fn take(&mut self, key: HeldKey, amount: u64) {
        let Some(held) = self.remove(key) else { return };
        let left = held.amount.saturating_sub(amount);
        if left > 0 {
            self.put(key, Held { amount: left, ..held });
        }
    }

    fn put(&mut self, key: HeldKey, held: Held) {
        self.held.insert(key, held);
        self.by_deadline.insert((held.deadline, key));
        self.changed.insert(key, Some(held));
    }

    fn remove(&mut self, key: HeldKey) -> Option<Held> {
        let held = self.held.remove(&key)?;
        self.by_deadline.remove(&(held.deadline, key));
        self.changed.insert(key, None);
        Some(held)
    }

    /// Frees the next that a time has outlived, in order of deadline, case and account.
    pub(crate) fn expire_next(&mut self, timestamp: u64, ledger: &mut Ledger) -> bool {
        let Some((deadline, key)) = self.by_deadline.first().copied() else { return false };
        if deadline > timestamp {
            return false;
        }
        self.free(key, ledger);
        true
    }

    fn free(&mut self, key: HeldKey, ledger: &mut Ledger) {
        if let Some(held) = self.remove(key) {
            ledger.free_held(key.1, Freed { amount: held.amount, is_end: true });
        }
    }

    /// Brings what is held for a case, on one account or all, in line with what the registry asks: the old is freed, then
    /// what is asked is held, less what has gone back since the trace, or what is left where that is less.
    pub(crate) fn follow(
        &mut self,
        (id, account): (u128, Option<AccountHandle>),
        (registry, carried): (&Registry, &Carried),
        ledger: &mut Ledger,
    ) {
        let is_meant = |at: AccountHandle| account.is_none_or(|account| account == at);
        let all = (id, AccountHandle::MIN)..=(id, AccountHandle::MAX);
        let old: Vec<_> = self.held.range(all).map(|(key, _)| *key).filter(|key| is_meant(key.1)).collect();
        old.into_iter().for_each(|key| self.free(key, ledger));
        let Some(case) = registry.cases.get(id) else { return };
        for (account, asked) in case.to_hold().filter(|(account, _)| is_meant(*account)) {
            let key = (id, account);
            let returned = carried.returned_since(&registry.orders, key, case.as_of);
            self.hold(key, (asked.saturating_sub(returned), case.deadline), ledger);
        }
    }

    fn hold(&mut self, key: HeldKey, (asked, deadline): (u64, u64), ledger: &mut Ledger) {
        let amount = asked.min(ledger.left_to_hold(key.1));
        if amount > 0 {
            ledger.hold_for_case(key.1, amount);
            self.put(key, Held { amount, deadline });
        }
    }

    /// What has changed since the last call, ascending by case and account.
    pub(crate) fn take_changed(&mut self) -> Vec<(HeldKey, Option<Held>)> {
        core::mem::take(&mut self.changed).into_iter().collect()
    }
}

pub(crate) fn encode_held(held: &BTreeMap<HeldKey, Held>, to: &mut Encoder) {
    to.count(held.len());
    for ((case, account), held) in held {
        to.u128(*case);
        [*account, held.amount, held.deadline].into_iter().for_each(|value| to.u64(value));
    }
}

pub(crate) fn decode_held(
    from: &mut Decoder<'_>,
    count_max: usize,
) -> Result<BTreeMap<HeldKey, Held>, Malformed> {
    let mut all = BTreeMap::new();
    for _ in 0..from.count(count_max)? {
        let key = (from.u128()?, from.u64()?);
        let held = Held { amount: from.u64()?, deadline: from.u64()? };
        if held.amount == 0 || all.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(Malformed);
        }
        all.insert(key, held);
    }
    Ok(all)
}
