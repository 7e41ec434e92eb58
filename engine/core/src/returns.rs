//! Returns: money that goes back the way it came, in full or in part, and never more of it than was paid.
//!
//! What was paid, the journal says; that it was, one bit for each sequence says, which is set where a transfer credits an
//! account; how much of it has come back, a table by the original's id. A return is decided where its debtor account is:
//! the account that the original credited.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::claim::Claim;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::marks::Marks;
use crate::number::index;
use crate::outcome::RejectReason;
use crate::transfer::{Record, flags};

/// What the journal says of the transfer that a return names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Original {
    /// Its sequence.
    pub sequence: u64,
    /// The account that paid.
    pub debtor: AccountHandle,
    /// The account that was paid.
    pub creditor: AccountHandle,
    /// As submitted, minor units.
    pub amount: u64,
    /// Whether it is a return itself.
    pub is_return: bool,
}

impl Original {
    /// What a record says.
    #[must_use]
    pub fn of(record: &Record, sequence: u64) -> Self {
        Self {
            sequence,
            debtor: record.debtor.get(),
            creditor: record.creditor.get(),
            amount: record.amount.get(),
            is_return: record.flags.get() & flags::RETURN != 0,
        }
    }
}

/// Which transfers have credited an account, and how much of each has come back.
#[derive(Clone, Debug, Default)]
pub struct Returns {
    /// By sequence.
    credited: Marks,
    sums: BTreeMap<u128, u64>,
    /// Sums that are others than at the last block.
    changed: BTreeMap<u128, u64>,
}

impl Returns {
    /// What has come back of a transfer, minor units.
    #[must_use]
    pub fn returned(&self, id: u128) -> u64 {
        self.sums.get(&id).copied().unwrap_or(0)
    }

    /// All transfers of which something has come back, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u64)> {
        self.sums.iter().map(|(id, sum)| (*id, *sum))
    }

    /// Whether the transfer at a sequence has credited an account of this share.
    #[must_use]
    pub fn is_credited(&self, sequence: u64) -> bool {
        self.credited.has(index(sequence))
    }

    /// The sequences of all that have, ascending.
    pub fn credited(&self) -> impl Iterator<Item = usize> {
        self.credited.ascending()
    }

    /// A shard's: all that is so far, since each asks only of its own. What has changed, one of them reports.
    pub(crate) fn part(&self, reports: bool) -> Self {
        let changed = if reports { self.changed.clone() } else { BTreeMap::new() };
        Self { changed, ..self.clone() }
    }

    /// A transfer credits an account of this share.
    #[inline(always)]
    pub(crate) fn credit(&mut self, sequence: u64) {
        self.credited.set(index(sequence));
    }

    /// As [`Returns::credit`] for up to 64 transfers: bit n stands for `first + n`.
    #[inline]
    pub(crate) fn credit_run(&mut self, first: u64, bits: u64) {
        self.credited.set_run(index(first), bits);
    }

    /// Whether a return may come to pass, as far as its original is asked; `ordered` of it is coming back already.
    ///
    /// # Errors
    /// [`RejectReason::NotReturnable`], [`RejectReason::ExceedsOriginal`].
    pub(crate) fn check(
        &self,
        claim: &Claim,
        record: &Record,
        original: Option<&Original>,
        ordered: u64,
    ) -> Result<(), RejectReason> {
        let is_way_back = |original: &&Original| {
            (original.debtor, original.creditor) == (claim.creditor, claim.debtor)
                && !original.is_return
                && self.is_credited(original.sequence)
        };
        let original = original.filter(is_way_back).ok_or(RejectReason::NotReturnable)?;
        let returned = self.returned(record.related.get()).saturating_add(ordered);
        let left = original.amount.saturating_sub(returned);
        if claim.amount > left { Err(RejectReason::ExceedsOriginal) } else { Ok(()) }
    }

    /// Puts an accepted return in force.
    pub(crate) fn add(&mut self, claim: &Claim, record: &Record) {
        self.add_to(record.related.get(), claim.amount);
    }

    /// So much of a transfer has come back.
    pub(crate) fn add_to(&mut self, id: u128, amount: u64) {
        let sum = self.returned(id).saturating_add(amount);
        self.sums.insert(id, sum);
        self.changed.insert(id, sum);
    }

    /// The sums that have changed since the last call, ascending by id.
    pub(crate) fn take_changed(&mut self) -> Vec<(u128, u64)> {
        core::mem::take(&mut self.changed).into_iter().collect()
    }

    /// Takes over sums of a block.
    pub(crate) fn absorb(&mut self, changed: &[(u128, u64)]) {
        self.sums.extend(changed.iter().copied());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.credited.is_empty() && self.sums.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        let words = self.credited.words();
        to.count(words.len());
        words.iter().for_each(|word| to.u64(*word));
        to.count(self.sums.len());
        for (id, sum) in &self.sums {
            to.u128(*id);
            to.u64(*sum);
        }
    }

    /// Not none: that has no byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let count = from.count(count_max)?;
        let mut words = Vec::with_capacity(count.min(from.rest().len()));
        for _ in 0..count {
            words.push(from.u64()?);
        }
        let mut returns = Self { credited: Marks::of_words(words).ok_or(Malformed)?, ..Self::default() };
        for _ in 0..from.count(count_max)? {
            let id = from.u128()?;
            if returns.sums.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(Malformed);
            }
            returns.sums.insert(id, from.u64()?);
        }
        if returns.is_empty() { Err(Malformed) } else { Ok(returns) }
    }
}

impl PartialEq for Returns {
    /// What has changed since a block is no part of what is so.
    fn eq(&self, other: &Self) -> bool {
        (self.credited.words(), &self.sums) == (other.credited.words(), &other.sums)
    }
}

impl Eq for Returns {}
