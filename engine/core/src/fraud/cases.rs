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
    /// So many hops are followed.
    pub hops: u8,
    /// Frame time from which nothing of it is held, nanoseconds since 1970.
    pub deadline: u64,
    /// The last sequence that its trace has looked at; zero before there is one.
    pub as_of: u64,
    /// What is to be held where, minor units, ascending by account; in sum at most what is in dispute.
    pub asked: Vec<(AccountHandle, u64)>,
    /// Whether a return has been ordered: no other trace takes this one's place then.
    pub is_returning: bool,
}

impl Case {
    /// What is to be held on an account.
    #[must_use]
    pub fn asked_of(&self, account: AccountHandle) -> Option<u64> {
        let at = self.asked.binary_search_by_key(&account, |(account, _)| *account).ok()?;
        self.asked.get(at).map(|(_, amount)| *amount)
    }

    fn encode_head(&self, to: &mut Encoder) {
        to.u32(self.reporter);
        to.u128(self.transfer);
        for value in [self.sequence, self.debtor, self.creditor, self.amount, self.deadline, self.as_of] {
            to.u64(value);
        }
        to.u8(self.hops);
        to.u8(u8::from(self.is_returning));
    }

    fn encode_asked(&self, to: &mut Encoder) {
        to.count(self.asked.len());
        for (account, amount) in &self.asked {
            to.u64(*account);
            to.u64(*amount);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (reporter, transfer) = (from.u32()?, from.u128()?);
        let (sequence, debtor, creditor, amount) = (from.u64()?, from.u64()?, from.u64()?, from.u64()?);
        let (deadline, as_of) = (from.u64()?, from.u64()?);
        let (hops, is_returning) = (from.u8()?, from.flag()?);
        let count = from.count(TRACED_ACCOUNTS_MAX)?;
        let asked =
            (0..count).map(|_| Ok((from.u64()?, from.u64()?))).collect::<Result<Vec<_>, Malformed>>()?;
        if !asked.is_sorted_by(|(before, _), (after, _)| before < after) {
            return Err(Malformed);
        }
        Ok(Self {
            reporter,
            transfer,
            sequence,
            debtor,
            creditor,
            amount,
            hops,
            deadline,
            as_of,
            asked,
            is_returning,
        })
    }
}

/// All that have not been ended or forgotten, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cases(BTreeMap<u128, Case>);

impl Cases {
    /// One of them; its deadline may have passed since.
    #[must_use]
    pub fn get(&self, id: u128) -> Option<&Case> {
        self.0.get(&id)
    }

    /// All of them, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Case)> {
        self.0.iter().map(|(id, case)| (*id, case))
    }

    /// One that runs at a time.
    pub(crate) fn running(&self, id: u128, timestamp: u64) -> Option<&Case> {
        self.get(id).filter(|case| case.deadline > timestamp)
    }

    pub(crate) fn get_mut(&mut self, id: u128) -> Option<&mut Case> {
        self.0.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, id: u128, case: Case) {
        self.0.insert(id, case);
    }

    pub(crate) fn remove(&mut self, id: u128) {
        self.0.remove(&id);
    }

    /// Forgets those that a time has outlived.
    pub(crate) fn expire(&mut self, timestamp: u64) {
        self.0.retain(|_, case| case.deadline > timestamp);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.0.len());
        for (id, case) in &self.0 {
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
            if cases.0.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(Malformed);
            }
            cases.insert(id, Case::decode(from)?);
        }
        Ok(cases)
    }

    /// In the configuration of a block: each case, and the digest of what is to be held where.
    pub(crate) fn config_entries(&self, kind: u8) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(move |(id, case)| {
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
