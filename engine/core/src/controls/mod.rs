//! Limits beyond cap and credit line: cover behind a cap, what a participant pays another at the most, how much and how
//! often is paid in a period, headroom that is kept for urgent payments, and when somebody is told of a cap's use.
//!
//! [`Controls`] is what commands have fixed, the same in every shard; [`usage`] counts what transfers use of it, at the
//! owner of each cell. Whoever has none of these limits pays nothing for them: a position's [`SlotControls`] say so in one
//! byte.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::{AccountHandle, SlotHandle, UNLIMITED};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_currency;
use crate::currency::Currency;
use crate::exchange::price::Price;
use crate::liquidity::resolve::Priority;
use crate::participant::ParticipantHandle;

pub mod command;
mod rules;
pub mod threshold;
pub mod usage;

#[cfg(test)]
mod tests;

pub use command::{LimitCommand, Payer, Velocity};
pub use threshold::{DEFAULT_LEVELS, Levels};

/// Lists that only [`crate::limits::LIMITS_MAX`] and the number of positions bound.
const COUNT_MAX: usize = 0xFFFF_FFFF;

/// Which limits a position has, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlotControls(u8);

impl SlotControls {
    /// None.
    pub const NONE: Self = Self(0);
    /// A bilateral or multilateral limit: its nets with others are counted.
    pub const SENDER: Self = Self(1);
    /// A velocity limit of the position.
    pub const VELOCITY: Self = Self(1 << 1);
    /// A velocity limit of one of its accounts.
    pub const ACCOUNT: Self = Self(1 << 2);
    /// Headroom kept for a class.
    pub const RESERVED: Self = Self(1 << 3);
    /// Of a claim: the creditor's position counts its nets with others.
    pub const CREDITOR: Self = Self(1 << 4);
    /// A tariff covers what it pays to others.
    pub const FEES: Self = Self(1 << 7);

    /// Whether one of `others` is among these.
    #[inline]
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// These and the others.
    #[inline]
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without the others.
    #[inline]
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    #[inline]
    #[must_use]
    pub(crate) const fn only_if(self, is_so: bool) -> Self {
        if is_so { self } else { Self::NONE }
    }
}

/// Whose debits are counted, as a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Spender {
    /// All of an account.
    Account(AccountHandle),
    /// Those of a position towards other participants.
    Position(SlotHandle),
}

impl Spender {
    pub(crate) fn encode(self, to: &mut Encoder) {
        match self {
            Self::Account(account) => {
                to.u8(1);
                to.u64(account);
            }
            Self::Position(slot) => {
                to.u8(2);
                to.u64(slot.into());
            }
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match (from.u8()?, from.u64()?) {
            (1, account) => Ok(Self::Account(account)),
            (2, slot) => u32::try_from(slot).map(Self::Position).map_err(|_| Malformed),
            _ => Err(Malformed),
        }
    }
}

/// What a net debit cap is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CapRule {
    /// Minor units; [`UNLIMITED`] for no cap at all.
    pub fixed: u64,
    /// The share of cover, hundredths of a per cent.
    pub basis_points: u32,
    /// Value of the collateral, minor units.
    pub cover: u64,
}

impl CapRule {
    /// The cap: the fixed part and the share of cover, without the fraction. None where it leaves 64 bits.
    #[must_use]
    pub fn cap(&self) -> Option<u64> {
        if self.fixed == UNLIMITED {
            return Some(UNLIMITED);
        }
        let share = u128::from(self.cover).checked_mul(self.basis_points.into())?.checked_div(10_000)?;
        let cap = u128::from(self.fixed).checked_add(share)?;
        u64::try_from(cap).ok().filter(|cap| *cap != UNLIMITED)
    }

    const fn is_plain(&self) -> bool {
        self.basis_points == 0 && self.cover == 0
    }
}

/// Headroom that is kept for payments of a class and of more urgent ones, minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reservation {
    /// For urgent ones.
    pub urgent: u64,
    /// For urgent and high ones, beside that.
    pub high: u64,
}

impl Reservation {
    /// What a payment of that class may not use.
    #[must_use]
    pub fn withheld(&self, class: Priority) -> i128 {
        let (urgent, high) = (i128::from(self.urgent), i128::from(self.high));
        match class {
            Priority::Urgent => 0,
            Priority::High => urgent,
            Priority::Normal => urgent.saturating_add(high),
        }
    }
}

/// Limits as commands have made them. What is not set is not here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Controls {
    cap_rules: BTreeMap<SlotHandle, CapRule>,
    /// Who pays, who is paid.
    bilateral: BTreeMap<(SlotHandle, SlotHandle), u64>,
    multilateral: BTreeMap<SlotHandle, u64>,
    velocity: BTreeMap<Spender, Velocity>,
    reservations: BTreeMap<SlotHandle, Reservation>,
    thresholds: BTreeMap<SlotHandle, Levels>,
    /// The currency that it is in, and minor units of that.
    fx_limits: BTreeMap<ParticipantHandle, (Currency, u64)>,
    /// What is valued, and in what.
    valuations: BTreeMap<(Currency, Currency), Price>,
    /// How many accounts of a position have a velocity limit; follows from the others.
    limited_accounts: BTreeMap<SlotHandle, u32>,
}

/// Questions; none of them changes anything.
impl Controls {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cap_rules.is_empty()
            && self.bilateral.is_empty()
            && self.multilateral.is_empty()
            && self.velocity.is_empty()
            && self.reservations.is_empty()
            && self.thresholds.is_empty()
            && self.fx_limits.is_empty()
            && self.valuations.is_empty()
    }

    /// What caps are made of, where that is more than a fixed part.
    #[must_use]
    pub fn cap_rules(&self) -> &BTreeMap<SlotHandle, CapRule> {
        &self.cap_rules
    }

    /// Limits of who pays (first) towards who is paid, minor units.
    #[must_use]
    pub fn bilateral(&self) -> &BTreeMap<(SlotHandle, SlotHandle), u64> {
        &self.bilateral
    }

    /// Limits towards all others together, minor units.
    #[must_use]
    pub fn multilateral(&self) -> &BTreeMap<SlotHandle, u64> {
        &self.multilateral
    }

    /// Velocity limits.
    #[must_use]
    pub fn velocity(&self) -> &BTreeMap<Spender, Velocity> {
        &self.velocity
    }

    /// Headroom kept for classes.
    #[must_use]
    pub fn reservations(&self) -> &BTreeMap<SlotHandle, Reservation> {
        &self.reservations
    }

    /// Thresholds that are not [`DEFAULT_LEVELS`].
    #[must_use]
    pub fn thresholds(&self) -> &BTreeMap<SlotHandle, Levels> {
        &self.thresholds
    }

    /// Limits on what participants are short of by trades: the currency that each is in, and minor units of that.
    #[must_use]
    pub fn fx_limits(&self) -> &BTreeMap<ParticipantHandle, (Currency, u64)> {
        &self.fx_limits
    }

    /// What currencies (first) count as in another one where shorts are valued.
    #[must_use]
    pub fn valuations(&self) -> &BTreeMap<(Currency, Currency), Price> {
        &self.valuations
    }

    /// The thresholds of a position.
    #[must_use]
    pub fn levels_of(&self, slot: SlotHandle) -> Levels {
        self.thresholds.get(&slot).copied().unwrap_or(DEFAULT_LEVELS)
    }

    /// What a payment of that class may not use of a position's headroom, minor units.
    #[must_use]
    pub fn withheld(&self, slot: SlotHandle, class: Priority) -> i128 {
        self.reservations.get(&slot).map_or(0, |reserved| reserved.withheld(class))
    }

    pub(crate) fn limits_account(&self, account: AccountHandle) -> bool {
        self.velocity.contains_key(&Spender::Account(account))
    }

    fn is_sender(&self, slot: SlotHandle) -> bool {
        self.multilateral.contains_key(&slot)
            || self.bilateral.range((slot, 0)..=(slot, SlotHandle::MAX)).next().is_some()
    }

    /// Which limits a position has.
    fn of_slot(&self, slot: SlotHandle) -> SlotControls {
        SlotControls::SENDER
            .only_if(self.is_sender(slot))
            .with(SlotControls::VELOCITY.only_if(self.velocity.contains_key(&Spender::Position(slot))))
            .with(SlotControls::ACCOUNT.only_if(self.limited_accounts.contains_key(&slot)))
            .with(SlotControls::RESERVED.only_if(self.reservations.contains_key(&slot)))
    }
}

/// The byte form: one entry for each limit, ascending by kind and key. Kinds are for ever.
impl Controls {
    /// Each limit by itself: for the configuration that a block proves.
    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        let mut entry = |kind: u8, fill: &dyn Fn(&mut Encoder)| {
            let mut to = Encoder::default();
            to.u8(kind);
            fill(&mut to);
            entries.push(to.0);
        };
        for (slot, rule) in &self.cap_rules {
            entry(1, &|to| {
                to.u32(*slot);
                to.u64(rule.fixed);
                to.u32(rule.basis_points);
                to.u64(rule.cover);
            });
        }
        for ((slot, towards), limit) in &self.bilateral {
            entry(2, &|to| {
                to.u32(*slot);
                to.u32(*towards);
                to.u64(*limit);
            });
        }
        for (slot, limit) in &self.multilateral {
            entry(3, &|to| {
                to.u32(*slot);
                to.u64(*limit);
            });
        }
        for (spender, velocity) in &self.velocity {
            entry(4, &|to| {
                spender.encode(to);
                to.u64(velocity.amount);
                to.u32(velocity.count);
                to.u32(velocity.period_seconds);
            });
        }
        for (slot, reserved) in &self.reservations {
            entry(5, &|to| {
                to.u32(*slot);
                to.u64(reserved.urgent);
                to.u64(reserved.high);
            });
        }
        for (slot, levels) in &self.thresholds {
            entry(6, &|to| {
                to.u32(*slot);
                levels.iter().for_each(|level| to.u16(*level));
            });
        }
        for (participant, (base, limit)) in &self.fx_limits {
            entry(7, &|to| {
                to.u32(*participant);
                to.u16(base.numeric());
                to.u64(*limit);
            });
        }
        for ((currency, base), price) in &self.valuations {
            entry(8, &|to| {
                to.u16(currency.numeric());
                to.u16(base.numeric());
                to.u64(price.scaled());
            });
        }
        entries
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        let entries = self.entries();
        to.count(entries.len());
        entries.iter().for_each(|entry| to.raw(entry));
    }

    /// Not none: those have no byte form. `slot_of` gives the position of an account.
    pub(crate) fn decode(
        from: &mut Decoder<'_>,
        slot_of: impl Fn(AccountHandle) -> Option<SlotHandle>,
    ) -> Result<Self, Malformed> {
        let mut controls = Self::default();
        let count = from.count(COUNT_MAX)?;
        let mut last = 0;
        for _ in 0..count {
            let kind = from.u8()?;
            if kind < last {
                return Err(Malformed);
            }
            last = kind;
            controls.decode_entry(kind, from)?;
        }
        for spender in controls.velocity.keys() {
            if let Spender::Account(account) = spender {
                let limited = controls.limited_accounts.entry(slot_of(*account).ok_or(Malformed)?);
                let limited = limited.or_default();
                *limited = limited.saturating_add(1);
            }
        }
        if controls.is_empty() { Err(Malformed) } else { Ok(controls) }
    }

    fn decode_entry(&mut self, kind: u8, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        match kind {
            1 => {
                let (slot, fixed) = (from.u32()?, from.u64()?);
                let rule = CapRule { fixed, basis_points: from.u32()?, cover: from.u64()? };
                append(&mut self.cap_rules, slot, rule, !rule.is_plain())
            }
            2 => {
                let (pair, limit) = ((from.u32()?, from.u32()?), from.u64()?);
                append(&mut self.bilateral, pair, limit, limit != UNLIMITED)
            }
            3 => {
                let (slot, limit) = (from.u32()?, from.u64()?);
                append(&mut self.multilateral, slot, limit, limit != UNLIMITED)
            }
            4 => {
                let spender = Spender::decode(from)?;
                let (amount, count, period_seconds) = (from.u64()?, from.u32()?, from.u32()?);
                let velocity = Velocity { amount, count, period_seconds };
                append(&mut self.velocity, spender, velocity, velocity.binds() && period_seconds > 0)
            }
            5 => {
                let slot = from.u32()?;
                let reserved = Reservation { urgent: from.u64()?, high: from.u64()? };
                append(&mut self.reservations, slot, reserved, reserved != Reservation::default())
            }
            6 => {
                let (slot, levels) = (from.u32()?, [from.u16()?, from.u16()?]);
                append(&mut self.thresholds, slot, levels, levels != DEFAULT_LEVELS)
            }
            7 => {
                let (participant, base, limit) = (from.u32()?, decode_currency(from)?, from.u64()?);
                append(&mut self.fx_limits, participant, (base, limit), limit != UNLIMITED)
            }
            8 => {
                let pair = (decode_currency(from)?, decode_currency(from)?);
                let price = Price::new(from.u64()?).ok_or(Malformed)?;
                append(&mut self.valuations, pair, price, pair.0 != pair.1)
            }
            _ => Err(Malformed),
        }
    }
}

/// Adds what comes behind all others of its map, so that a state has one byte form.
pub(crate) fn append<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    is_set: bool,
) -> Result<(), Malformed> {
    if !is_set || map.last_key_value().is_some_and(|(last, _)| *last >= key) {
        return Err(Malformed);
    }
    map.insert(key, value);
    Ok(())
}
