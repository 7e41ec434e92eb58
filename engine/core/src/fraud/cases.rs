//! The cases that run: a part of the registry, equal in every shard. Says what may be held where; what is held, the
//! owner of the account knows.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use feiqian_proof::hash::{Domain, keyed};

use crate::account::AccountHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::limits::{CASES_MAX, TRACED_ACCOUNTS_MAX};
use crate::participant::ParticipantHandle;

/// A reported transfer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// The bank whose customer paid.
    pub reporter: ParticipantHandle,
    /// The transfer's id.
    pub transfer: u128,
    /// The sequence at which it cleared.
    pub sequence: u64,
    /// The account that paid: what is returned goes there.
    pub debtor: AccountHandle,
    /// The account that was paid: where the trace begins.
    pub creditor: AccountHandle,
    /// In dispute, minor units.
    pub amount: u64,
    /// What was paid, minor units: no more of it comes back, whichever way.
    pub paid: u64,
    /// So many hops are followed.
    pub hops: u8,
    /// Frame time from which nothing of it is held, nanoseconds since 1970.
    pub deadline: u64,
    /// The last sequence that its trace has looked at; zero before there is one.
    pub as_of: u64,
    /// The sequence of the command that has put that trace in force; zero before there is one.
    pub held_at: u64,
    /// The sequence of the last command that has changed what is asked, or has forgotten an order of the case: another
    /// trace has looked at least so far.
    pub changed_at: u64,
    /// What its trace has found, ascending by account; in sum at most what is in dispute.
    pub asked: Vec<Ask>,
}

/// What the trace in force has found on one account: to be held there, unless it is released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Which account.
    pub account: AccountHandle,
    /// What was left on it of the money that is followed, minor units.
    pub amount: u64,
    /// How far it is from the reported transfer.
    pub hop: u8,
    /// The sequence of the first transfer that has brought it.
    pub first: u64,
    /// The sequence of the command that has released it; zero while it is to be held.
    pub released_at: u64,
}

impl Ask {
    fn encode(&self, to: &mut Encoder) {
        to.u64(self.account);
        to.u64(self.amount);
        to.u8(self.hop);
        to.u64(self.first);
        to.u64(self.released_at);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (account, amount, hop) = (from.u64()?, from.u64()?, from.u8()?);
        Ok(Self { account, amount, hop, first: from.u64()?, released_at: from.u64()? })
    }
}

impl Case {
    /// What is to be held on an account, minor units.
    #[must_use]
    pub fn asked_of(&self, account: AccountHandle) -> Option<u64> {
        let at = self.asked.binary_search_by_key(&account, |ask| ask.account).ok()?;
        self.asked.get(at).filter(|ask| ask.released_at == 0).map(|ask| ask.amount)
    }

    /// What is to be held where, ascending by account.
    pub fn to_hold(&self) -> impl Iterator<Item = (AccountHandle, u64)> {
        self.asked.iter().filter(|ask| ask.released_at == 0).map(|ask| (ask.account, ask.amount))
    }

    fn encode_head(&self, to: &mut Encoder) {
        to.u32(self.reporter);
        to.u128(self.transfer);
        let Self { sequence, debtor, creditor, amount, paid, deadline, as_of, held_at, changed_at, .. } =
            self;
        for value in [sequence, debtor, creditor, amount, paid, deadline, as_of, held_at, changed_at] {
            to.u64(*value);
        }
        to.u8(self.hops);
    }

    fn encode_asked(&self, to: &mut Encoder) {
        to.count(self.asked.len());
        self.asked.iter().for_each(|ask| ask.encode(to));
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (reporter, transfer) = (from.u32()?, from.u128()?);
        let (sequence, debtor, creditor) = (from.u64()?, from.u64()?, from.u64()?);
        let (amount, paid, deadline) = (from.u64()?, from.u64()?, from.u64()?);
        let (as_of, held_at, changed_at, hops) = (from.u64()?, from.u64()?, from.u64()?, from.u8()?);
        let count = from.count(TRACED_ACCOUNTS_MAX)?;
        let asked = (0..count).map(|_| Ask::decode(from)).collect::<Result<Vec<_>, Malformed>>()?;
        if !asked.is_sorted_by(|before, after| before.account < after.account) {
            return Err(Malformed);
        }
        Ok(Self {
            reporter,
            transfer,
            sequence,
            debtor,
            creditor,
            amount,
            paid,
            hops,
            deadline,
            as_of,
            held_at,
            changed_at,
            asked,
        })
    }
}

/// All that have not been ended or forgotten, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cases {
    by_id: BTreeMap<u128, Case>,
    /// The newest case of each reported transfer: an earlier one runs no more.
    by_transfer: BTreeMap<u128, u128>,
}

impl Cases {
    /// One of them; its deadline may have passed since.
    #[must_use]
    pub fn get(&self, id: u128) -> Option<&Case> {
        self.by_id.get(&id)
    }

    /// All of them, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Case)> {
        self.by_id.iter().map(|(id, case)| (*id, case))
    }

    /// The one of a transfer that runs at a time.
    pub(crate) fn of_transfer(&self, transfer: u128, timestamp: u64) -> Option<(u128, &Case)> {
        let id = *self.by_transfer.get(&transfer)?;
        self.running(id, timestamp).map(|case| (id, case))
    }

    /// One that runs at a time.
    pub(crate) fn running(&self, id: u128, timestamp: u64) -> Option<&Case> {
        self.get(id).filter(|case| case.deadline > timestamp)
    }

    pub(crate) fn get_mut(&mut self, id: u128) -> Option<&mut Case> {
        self.by_id.get_mut(&id)
    }

    /// What a trace of a case must know has changed.
    pub(crate) fn note_change(&mut self, id: u128, sequence: u64) {
        if let Some(case) = self.by_id.get_mut(&id) {
            case.changed_at = sequence;
        }
    }

    pub(crate) fn insert(&mut self, id: u128, case: Case) {
        self.by_transfer.insert(case.transfer, id);
        self.by_id.insert(id, case);
    }

    pub(crate) fn remove(&mut self, id: u128) {
        let Some(case) = self.by_id.remove(&id) else { return };
        if self.by_transfer.get(&case.transfer) == Some(&id) {
            self.by_transfer.remove(&case.transfer);
        }
    }

    /// Forgets those that a time has outlived.
    pub(crate) fn expire(&mut self, timestamp: u64) {
        let over = self.by_id.iter().filter(|(_, case)| case.deadline <= timestamp).map(|(id, _)| *id);
        over.collect::<Vec<_>>().into_iter().for_each(|id| self.remove(id));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.by_id.len());
        for (id, case) in &self.by_id {
            to.u128(*id);
            case.encode_head(to);
            case.encode_asked(to);
        }
    }

    /// Ascending, so that a state has one byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut cases = Self::default();
        for _ in 0..from.count(CASES_MAX)? {
            let id = from.u128()?;
            if cases.by_id.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(Malformed);
            }
            cases.insert(id, Case::decode(from)?);
        }
        Ok(cases)
    }

    /// In the configuration of a block: each case, and the digest of what is to be held where.
    pub(crate) fn config_entries(&self, kind: u8) -> impl Iterator<Item = Vec<u8>> {
        self.by_id.iter().map(move |(id, case)| {
            let (mut to, mut asked) = (Encoder::default(), Encoder::default());
            to.u8(kind);
            to.u8(2);
            to.u128(*id);
            case.encode_head(&mut to);
            case.encode_asked(&mut asked);
            to.raw(&keyed(Domain::Command, &asked.0).0);
            to.0
        })
    }
}
