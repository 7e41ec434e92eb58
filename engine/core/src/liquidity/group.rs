//! Releases that settle at once: of each account and position only what remains of all their debits and credits must
//! fit, so that payments which no order could clear one by one go out together.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::account::{AccountHandle, SlotHandle};
use crate::claim::Claim;
use crate::ledger::add;
use crate::liquidity::queue::{Place, Queue};
use crate::outcome::RejectReason;
use crate::transfer::Record;

/// What the members of a group take from each cell, less what they bring, minor units.
#[derive(Debug, Default)]
pub(crate) struct Nets {
    /// Of accounts.
    pub(crate) accounts: BTreeMap<AccountHandle, (i128, u64)>,
    /// Of positions, with their caps.
    pub(crate) slots: BTreeMap<SlotHandle, (i128, u64)>,
}

impl Nets {
    /// Of all members.
    pub(crate) fn of(claims: &[Claim]) -> Self {
        let mut nets = Self::default();
        for claim in claims {
            let amount = i128::from(claim.amount);
            let mut shift = |account, line: Option<u64>, change| {
                let (net, limit) = nets.accounts.entry(account).or_default();
                *net = add(*net, change);
                *limit = line.unwrap_or(*limit);
            };
            shift(claim.debtor, Some(claim.credit_line), amount);
            shift(claim.creditor, None, amount.wrapping_neg());
            if claim.crosses() {
                let mut shift = |slot, cap: Option<u64>, change| {
                    let (net, limit) = nets.slots.entry(slot).or_default();
                    *net = add(*net, change);
                    *limit = cap.unwrap_or(*limit);
                };
                shift(claim.debtor_slot, Some(claim.cap), amount);
                shift(claim.creditor_slot, None, amount.wrapping_neg());
            }
        }
        nets
    }
}

/// Checks that each member waits, is due, and that nothing which goes out in order stays behind before it. `is_here`
/// says whose queue this is. Gives the first member that fails.
///
/// # Errors
/// Its place in the group, with [`RejectReason::NoPendingHold`] or [`RejectReason::HoldMismatch`].
pub(crate) fn check_turns(
    queue: &Queue,
    (claims, records): (&[Claim], &[Record]),
    timestamp: u64,
    is_here: impl Fn(AccountHandle) -> bool,
) -> Result<(), (usize, RejectReason)> {
    let ids: BTreeSet<u128> = records.iter().map(|record| record.related.get()).collect();
    let mut left: BTreeMap<AccountHandle, Option<Place>> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for (at, (claim, record)) in
        claims.iter().zip(records).enumerate().filter(|(_, (claim, _))| is_here(claim.debtor))
    {
        let queued = queue.named(claim, record).map_err(|reason| (at, reason))?;
        let first_left = *left
            .entry(claim.debtor)
            .or_insert_with(|| queue.first_left(claim.debtor, timestamp, |id| ids.contains(&id)));
        let is_in_turn = first_left.is_none_or(|left| queued.place() < left);
        if queued.earliest > timestamp || !is_in_turn || !named.insert(record.related.get()) {
            return Err((at, RejectReason::NoPendingHold));
        }
    }
    Ok(())
}
