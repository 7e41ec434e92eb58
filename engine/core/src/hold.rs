//! Pending holds, and which of them a frame's time has ended. Finished holds leave no trace here.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::account::AccountHandle;

/// Nanoseconds in a second: timeouts come in seconds, frame times in nanoseconds.
const NANOSECONDS: u64 = 1_000_000_000;

/// A pending hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// Reserved, minor units.
    pub amount: u64,
    /// Sequence of its transfer.
    pub sequence: u64,
    /// Frame time from which it is expired, nanoseconds since 1970; [`u64::MAX`] for never.
    pub deadline: u64,
}

/// The frame time from which a hold of `timeout` seconds is expired.
#[must_use]
pub fn deadline(timestamp: u64, timeout: u32) -> u64 {
    match timeout {
        0 => u64::MAX,
        seconds => timestamp.saturating_add(u64::from(seconds).saturating_mul(NANOSECONDS)),
    }
}

/// All pending holds by id and by deadline, and which ids changed since the last block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holds {
    by_id: BTreeMap<u128, Hold>,
    by_deadline: BTreeSet<(u64, u128)>,
    changed: BTreeSet<u128>,
}

impl Holds {
    /// A pending hold.
    #[must_use]
    pub fn get(&self, id: u128) -> Option<&Hold> {
        self.by_id.get(&id)
    }

    /// Number of pending holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All pending holds, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Hold)> {
        self.by_id.iter().map(|(id, hold)| (*id, hold))
    }

    /// Makes a hold pending.
    pub fn insert(&mut self, id: u128, hold: Hold) {
        self.by_id.insert(id, hold);
        self.by_deadline.insert((hold.deadline, id));
        self.changed.insert(id);
    }

    /// Ends a hold: posted, voided or expired.
    pub fn remove(&mut self, id: u128) -> Option<Hold> {
        let hold = self.by_id.remove(&id)?;
        self.by_deadline.remove(&(hold.deadline, id));
        self.changed.insert(id);
        Some(hold)
    }

    /// Ends the next hold whose deadline `timestamp` has reached, in order of deadline and id.
    pub fn expire_next(&mut self, timestamp: u64) -> Option<Hold> {
        let (deadline, id) = *self.by_deadline.first()?;
        if deadline > timestamp || deadline == u64::MAX {
            return None;
        }
        self.remove(id)
    }

    /// Those that `concerns` says, with all that has changed since the last block: more than one shard may
    /// report the end of a hold.
    #[must_use]
    pub(crate) fn part(&self, concerns: impl Fn(&Hold) -> bool) -> Self {
        let mut part = Self::default();
        self.iter().filter(|(_, hold)| concerns(hold)).for_each(|(id, hold)| part.insert(id, *hold));
        let is_here = |id: &u128| !self.by_id.contains_key(id) || part.by_id.contains_key(id);
        part.changed = self.changed.iter().copied().filter(is_here).collect();
        part
    }

    /// What has changed since the last call: the pending hold, or none where it ended.
    pub fn take_changed(&mut self) -> Vec<(u128, Option<Hold>)> {
        core::mem::take(&mut self.changed).into_iter().map(|id| (id, self.by_id.get(&id).copied())).collect()
    }
}
