//! Foreign exchange positions: what each participant has bought less sold by trades in each currency's open cycle, and the
//! limit on what it is short of in all currencies together. Every shard has all of them, since a trade's two legs, and
//! the two sides of each, may lie anywhere.

use alloc::collections::BTreeMap;

use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_currency;
use crate::controls::Controls;
use crate::currency::Currency;
use crate::exchange::book::Quote;
use crate::exchange::price::{Rounding, to_quote};
use crate::ledger::add;
use crate::outcome::RejectReason;
use crate::participant::{CycleNumber, ParticipantHandle};
use crate::registry::Registry;

/// Whose position, and in which currency.
pub type FxKey = (ParticipantHandle, Currency);

/// Bought less sold, minor units; what is not here is zero.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FxPositions(BTreeMap<FxKey, i128>);

impl FxPositions {
    /// All that are not zero, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (FxKey, i128)> {
        self.0.iter().map(|(key, net)| (*key, *net))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, key: FxKey) -> i128 {
        self.0.get(&key).copied().unwrap_or(0)
    }

    pub(crate) fn set(&mut self, key: FxKey, net: i128) {
        if net == 0 {
            self.0.remove(&key);
        } else {
            self.0.insert(key, net);
        }
    }

    /// Those of one participant, ascending by currency.
    pub fn of(&self, participant: ParticipantHandle) -> impl Iterator<Item = (Currency, i128)> {
        let own = self.0.iter().filter(move |((at, _), _)| *at == participant);
        own.map(|((_, currency), net)| (*currency, *net))
    }

    /// What a participant is short of in all currencies together, as minor units of `base` at the operator's valuations,
    /// each currency's fraction filled up. None where one of them has no valuation.
    #[must_use]
    pub fn short(&self, participant: ParticipantHandle, base: Currency, controls: &Controls) -> Option<u128> {
        let shorts = self.of(participant).filter(|(_, net)| *net < 0);
        shorts
            .map(|(currency, net)| valued(net.unsigned_abs(), (currency, base), controls))
            .try_fold(0_u128, |sum, value| sum.checked_add(value?))
    }

    /// Whether the limits of both sides bear a trade, behind those that stand before it in its chain. Who has no limit
    /// is not asked; a trade that leaves who is over it with less passes.
    ///
    /// # Errors
    /// [`RejectReason::FxLimitExceeded`].
    pub(crate) fn check<'a>(
        &self,
        quote: &Quote,
        earlier: impl Iterator<Item = &'a Quote>,
        controls: &Controls,
    ) -> Result<(), RejectReason> {
        let sides = [quote.requester, quote.provider];
        let limited = sides.map(|side| controls.fx_limits().get(&side).map(|limit| (side, *limit)));
        if limited == [None, None] {
            return Ok(());
        }
        let own =
            sides.iter().flat_map(|side| self.of(*side).map(|(currency, net)| ((*side, currency), net)));
        let mut before = Self(own.collect());
        earlier.for_each(|quote| before.trade(quote));
        let mut after = before.clone();
        after.trade(quote);
        for (side, (base, limit)) in limited.into_iter().flatten() {
            let short = |positions: &Self| positions.short(side, base, controls).unwrap_or(u128::MAX);
            let now = short(&after);
            if now > limit.into() && now >= short(&before) {
                return Err(RejectReason::FxLimitExceeded);
            }
        }
        Ok(())
    }

    /// Counts a trade, on both sides.
    pub(crate) fn trade(&mut self, quote: &Quote) {
        for (key, change) in changes(quote) {
            self.set(key, add(self.get(key), change));
        }
    }

    /// A cycle ends: positions in the currencies that it counts begin at zero.
    pub(crate) fn close(&mut self, registry: &Registry, cycle: CycleNumber) {
        self.0.retain(|(_, currency), _| !registry.is_counted(cycle, *currency));
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.0.len());
        for ((participant, currency), net) in &self.0 {
            to.u32(*participant);
            to.u16(currency.numeric());
            to.i128(*net);
        }
    }

    /// Not none, and ascending: a state has one byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let mut positions = BTreeMap::new();
        for _ in 0..from.count(count_max)? {
            let (key, net) = ((from.u32()?, decode_currency(from)?), from.i128()?);
            crate::controls::append(&mut positions, key, net, net != 0)?;
        }
        if positions.is_empty() { Err(Malformed) } else { Ok(Self(positions)) }
    }
}

/// What a trade on a quote changes.
pub(crate) fn changes(quote: &Quote) -> [(FxKey, i128); 4] {
    let (source, target) = (i128::from(quote.source_amount), i128::from(quote.target_amount));
    [
        ((quote.requester, quote.source), source.wrapping_neg()),
        ((quote.requester, quote.target), target),
        ((quote.provider, quote.source), source),
        ((quote.provider, quote.target), target.wrapping_neg()),
    ]
}

fn valued(amount: u128, pair: (Currency, Currency), controls: &Controls) -> Option<u128> {
    if pair.0 == pair.1 {
        return Some(amount);
    }
    let price = controls.valuations().get(&pair)?;
    let value = to_quote(u64::try_from(amount).ok()?, *price, pair, Rounding::Up)?;
    Some(value.amount.into())
}
