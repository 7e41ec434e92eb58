//! A participant that can't pay at settlement: its cycle is recast without it, or what it owes is covered by a waterfall
//! of its own collateral, the default fund and the survivors. Each step is a command with its numbers, checked here and
//! booked to the clearing accounts by the ledger; collateral and fund lie outside, here is written how much there is.
//!
//! **Recast.** What the failing participant and each other owed each other in the cycle is taken out of the cycle's net
//! positions and stands on the clearing accounts from then on. The payments themselves are not undone: customers keep
//! what they were paid and have paid what they paid; the others bear as a claim on the failing one's estate, outside of
//! the cycle, what they have credited for it. To give money back to customers takes returns, each a transfer of its own.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use feiqian_proof::hash::{Domain, keyed};

use crate::account::SlotHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_currency;
use crate::currency::Currency;
use crate::limits::RECAST_POSITIONS_MAX;
use crate::number::index;
use crate::participant::{CycleNumber, ParticipantHandle};

pub mod command;
pub mod decide;
pub mod plan;
pub mod share;

/// What a step of a default changes in a cycle's net positions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Booked {
    /// These are all nets that are not zero, ascending by slot.
    Recast(Vec<(SlotHandle, i128)>),
    /// The debt in this slot is carried in part by the survivors, each with its share, ascending by slot; the rest
    /// comes out of collateral and fund and stays to be paid in.
    Covered {
        /// The failing participant's.
        slot: SlotHandle,
        /// Slots and minor units.
        survivors: Vec<(SlotHandle, u64)>,
    },
}

/// A recast or a waterfall of a cycle that is not settled yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Of which cycle.
    pub cycle: CycleNumber,
    /// Who failed.
    pub without: ParticipantHandle,
    /// What it changed.
    pub booked: Booked,
}

impl Step {
    /// The net of a slot after the step, where it was `now`.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "nets stay below 2^126, shares below 2^64")]
    pub(crate) fn net_of(&self, slot: SlotHandle, now: i128) -> i128 {
        let find = |at: Result<usize, usize>| at.ok();
        match &self.booked {
            Booked::Recast(nets) => {
                let at = find(nets.binary_search_by_key(&slot, |(slot, _)| *slot));
                at.and_then(|at| nets.get(at)).map_or(0, |(_, net)| *net)
            }
            Booked::Covered { slot: own, survivors } if *own == slot => {
                now + survivors.iter().map(|(_, share)| i128::from(*share)).sum::<i128>()
            }
            Booked::Covered { survivors, .. } => {
                let at = find(survivors.binary_search_by_key(&slot, |(slot, _)| *slot));
                now - at.and_then(|at| survivors.get(at)).map_or(0, |(_, share)| i128::from(*share))
            }
        }
    }

    fn encode(&self, to: &mut Encoder) {
        to.u64(self.cycle);
        to.u32(self.without);
        match &self.booked {
            Booked::Recast(nets) => {
                to.u8(1);
                command::encode_nets(nets, to);
            }
            Booked::Covered { slot, survivors } => {
                to.u8(2);
                to.u32(*slot);
                command::encode_shares(survivors, to);
            }
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (cycle, without) = (from.u64()?, from.u32()?);
        let booked = match from.u8()? {
            1 => Booked::Recast(command::decode_nets(from)?),
            2 => Booked::Covered { slot: from.u32()?, survivors: command::decode_shares(from)? },
            _ => return Err(Malformed),
        };
        Ok(Self { cycle, without, booked })
    }
}

/// What a recast or a waterfall booked on one clearing account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adjustment {
    /// The cycle whose net it changed.
    pub cycle: CycleNumber,
    /// Sequence of the command.
    pub sequence: u64,
    /// The clearing account.
    pub account: u64,
    /// Minor units that the net and the account's balance rose by.
    pub change: i128,
    /// The account's previous posting: its history goes on there.
    pub previous: u64,
}

impl Adjustment {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        [self.cycle, self.sequence, self.account, self.previous].into_iter().for_each(|value| to.u64(value));
        to.i128(self.change);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (cycle, sequence, account, previous) = (from.u64()?, from.u64()?, from.u64()?, from.u64()?);
        Ok(Self { cycle, sequence, account, previous, change: from.i128()? })
    }
}

/// What there is against a default, and what has been done in cycles that are not settled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Defaults {
    pub(crate) collateral: BTreeMap<(ParticipantHandle, Currency), u64>,
    pub(crate) fund: BTreeMap<Currency, u64>,
    pub(crate) steps: Vec<Step>,
}

impl Defaults {
    /// What a participant has put up, minor units.
    #[must_use]
    pub fn collateral(&self, participant: ParticipantHandle, currency: Currency) -> u64 {
        self.collateral.get(&(participant, currency)).copied().unwrap_or(0)
    }

    /// All collateral that is not zero.
    #[must_use]
    pub fn collaterals(&self) -> &BTreeMap<(ParticipantHandle, Currency), u64> {
        &self.collateral
    }

    /// What is in the default fund, minor units.
    #[must_use]
    pub fn fund(&self, currency: Currency) -> u64 {
        self.fund.get(&currency).copied().unwrap_or(0)
    }

    /// All funds that are not zero.
    #[must_use]
    pub fn funds(&self) -> &BTreeMap<Currency, u64> {
        &self.fund
    }

    /// Steps of cycles that are not settled, oldest first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn set_collateral(&mut self, key: (ParticipantHandle, Currency), amount: u64) {
        match amount {
            0 => self.collateral.remove(&key),
            _ => self.collateral.insert(key, amount),
        };
    }

    pub(crate) fn set_fund(&mut self, currency: Currency, amount: u64) {
        match amount {
            0 => self.fund.remove(&currency),
            _ => self.fund.insert(currency, amount),
        };
    }

    /// A settled cycle's steps are history.
    pub(crate) fn forget(&mut self, cycle: CycleNumber) {
        self.steps.retain(|step| step.cycle != cycle);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.collateral.is_empty() && self.fund.is_empty() && self.steps.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.collateral.len());
        for ((participant, currency), amount) in &self.collateral {
            to.u32(*participant);
            to.u16(currency.numeric());
            to.u64(*amount);
        }
        to.count(self.fund.len());
        for (currency, amount) in &self.fund {
            to.u16(currency.numeric());
            to.u64(*amount);
        }
        to.count(self.steps.len());
        self.steps.iter().for_each(|step| step.encode(to));
    }

    /// Ascending and without zeros, so that a state has one byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let mut defaults = Self::default();
        for _ in 0..from.count(count_max)? {
            let (key, amount) = ((from.u32()?, decode_currency(from)?), from.u64()?);
            let is_behind = defaults.collateral.last_key_value().is_none_or(|(last, _)| *last < key);
            check(is_behind && amount > 0)?;
            defaults.collateral.insert(key, amount);
        }
        for _ in 0..from.count(count_max)? {
            let (currency, amount) = (decode_currency(from)?, from.u64()?);
            let is_behind = defaults.fund.last_key_value().is_none_or(|(last, _)| *last < currency);
            check(is_behind && amount > 0)?;
            defaults.fund.insert(currency, amount);
        }
        for _ in 0..from.count(count_max)? {
            defaults.steps.push(Step::decode(from)?);
        }
        Ok(defaults)
    }

    /// In the configuration of a block: 1 collateral, 2 fund, 3 a step with the digest of its numbers.
    pub(crate) fn config_entries(&self, kind: u8) -> Vec<Vec<u8>> {
        let begun = |tag| {
            let mut to = Encoder::default();
            to.u8(kind);
            to.u8(tag);
            to
        };
        let collateral = self.collateral.iter().map(|((participant, currency), amount)| {
            let mut to = begun(1);
            to.u32(*participant);
            to.u16(currency.numeric());
            to.u64(*amount);
            to.0
        });
        let fund = self.fund.iter().map(|(currency, amount)| {
            let mut to = begun(2);
            to.u16(currency.numeric());
            to.u64(*amount);
            to.0
        });
        let steps = self.steps.iter().map(|step| {
            let (mut to, mut bytes) = (begun(3), Encoder::default());
            step.encode(&mut bytes);
            to.u64(step.cycle);
            to.u32(step.without);
            to.raw(&keyed(Domain::Command, &bytes.0).0);
            to.0
        });
        collateral.chain(fund).chain(steps).collect()
    }
}

fn check(condition: bool) -> Result<(), Malformed> {
    if condition { Ok(()) } else { Err(Malformed) }
}

const _: () = assert!(RECAST_POSITIONS_MAX < 0xFFFF);

/// A cell's place in a list of slots.
pub(crate) fn at_slot<T>(list: &[T], slot: SlotHandle) -> Option<&T> {
    list.get(index(slot.into()))
}
