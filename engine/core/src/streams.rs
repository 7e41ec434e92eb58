//! Streams of cycles: the general one, and one for each currency that commands have split off from it. Says which cycle
//! a position is counted in; moves no money.
//!
//! A currency is split off when the general cycle closes: until then its positions are counted in that cycle, from then
//! on in cycles of their own, so that every cycle stays a half-open range of blocks.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_currency;
use crate::currency::Currency;
use crate::participant::{Cycle, CycleNumber};

/// The cycles of a currency that is split off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Its first cycle; in the general cycles before it, the currency is counted.
    pub first: CycleNumber,
    /// Its open cycle.
    pub open: CycleNumber,
}

/// All streams.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Streams {
    /// The open cycle of all currencies that are not split off; zero before genesis.
    pub(crate) general: CycleNumber,
    pub(crate) split: BTreeMap<Currency, Stream>,
    /// Will be split off when the general cycle closes.
    pub(crate) waiting: BTreeSet<Currency>,
}

impl Streams {
    /// The currencies that are split off, each with its cycles.
    pub fn split(&self) -> impl Iterator<Item = (Currency, Stream)> {
        self.split.iter().map(|(currency, stream)| (*currency, *stream))
    }

    /// The currencies that will be split off when the general cycle closes.
    pub fn waiting(&self) -> impl Iterator<Item = Currency> {
        self.waiting.iter().copied()
    }

    /// The open cycle that a currency is counted in.
    #[must_use]
    pub fn open_cycle_of(&self, currency: Currency) -> CycleNumber {
        self.split.get(&currency).map_or(self.general, |stream| stream.open)
    }

    /// Whether a currency is counted in a cycle, be it open or over.
    #[must_use]
    pub fn is_counted(&self, cycle: &Cycle, currency: Currency) -> bool {
        match cycle.scope {
            Some(scope) => scope == currency,
            None => self.split.get(&currency).is_none_or(|stream| cycle.number < stream.first),
        }
    }

    pub(crate) fn has(&self, currency: Currency) -> bool {
        self.split.contains_key(&currency) || self.waiting.contains(&currency)
    }

    /// A cycle has begun.
    pub(crate) fn begin(&mut self, cycle: CycleNumber, scope: Option<Currency>) {
        match scope {
            None => self.general = cycle,
            Some(currency) => {
                self.split.entry(currency).or_insert(Stream { first: cycle, open: cycle }).open = cycle;
            }
        }
    }

    /// Whether there is but the general stream.
    pub(crate) fn is_general(&self) -> bool {
        self.split.is_empty() && self.waiting.is_empty()
    }

    /// What waits, and which cycles are those of one currency.
    pub(crate) fn encode(&self, cycles: &[Cycle], to: &mut Encoder) {
        to.count(self.waiting.len());
        self.waiting.iter().for_each(|currency| to.u16(currency.numeric()));
        to.count(cycles.iter().filter(|cycle| cycle.scope.is_some()).count());
        for cycle in cycles {
            if let Some(scope) = cycle.scope {
                to.u64(cycle.number);
                to.u16(scope.numeric());
            }
        }
    }

    /// Gives the cycles their scopes. Not the general stream alone: that has no byte form.
    pub(crate) fn decode(
        from: &mut Decoder<'_>,
        count_max: usize,
        cycles: &mut [Cycle],
    ) -> Result<Self, Malformed> {
        let mut waiting = BTreeSet::new();
        for _ in 0..from.count(count_max)? {
            let currency = decode_currency(from)?;
            if waiting.last().is_some_and(|last| *last >= currency) {
                return Err(Malformed);
            }
            waiting.insert(currency);
        }
        let mut unscoped = cycles.iter_mut();
        for _ in 0..from.count(count_max)? {
            let (number, scope) = (from.u64()?, decode_currency(from)?);
            // Ascending: what has been passed is not found again.
            let cycle = unscoped.find(|cycle| cycle.number == number).ok_or(Malformed)?;
            cycle.scope = Some(scope);
        }
        let mut streams = Self::of(cycles);
        streams.waiting = waiting;
        let is_apart = streams.waiting.iter().all(|currency| !streams.split.contains_key(currency));
        if streams.is_general() || !is_apart { Err(Malformed) } else { Ok(streams) }
    }

    /// As the cycles have made them.
    pub(crate) fn of(cycles: &[Cycle]) -> Self {
        let mut streams = Self::default();
        cycles.iter().for_each(|cycle| streams.begin(cycle.number, cycle.scope));
        streams
    }
}
