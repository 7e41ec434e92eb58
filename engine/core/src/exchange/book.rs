//! The book of rates and quotes, as commands have made it; a part of the registry, equal in every shard. Decides who may
//! lock what; moves nothing.

use alloc::collections::BTreeMap;

use crate::account::AccountHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_currency;
use crate::currency::Currency;
use crate::exchange::command::Fixed;
use crate::exchange::price::{Price, Rounding, to_base, to_quote};
use crate::hold::deadline;
use crate::limits::QUOTES_MAX;
use crate::money::AMOUNT_MAX;
use crate::outcome::RejectReason;
use crate::participant::ParticipantHandle;

/// Provider, base and quote currency.
pub type RateKey = (ParticipantHandle, Currency, Currency);

/// A firm two-way rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// The provider buys the base currency for so much.
    pub bid: Price,
    /// It sells it for so much.
    pub ask: Price,
    /// Base minor units that may still be locked.
    pub left: u64,
    /// Frame time from which it holds no longer, nanoseconds since 1970.
    pub expires: u64,
}

/// A locked rate: what the requester pays and what it gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// Who may trade on it.
    pub requester: ParticipantHandle,
    /// Who stands by it.
    pub provider: ParticipantHandle,
    /// The currency that the requester pays.
    pub source: Currency,
    /// Minor units.
    pub source_amount: u64,
    /// The account that it pays to: the provider's clearing account.
    pub source_account: AccountHandle,
    /// The currency that the requester gets.
    pub target: Currency,
    /// Minor units.
    pub target_amount: u64,
    /// The account that pays it: the provider's clearing account.
    pub target_account: AccountHandle,
    /// Frame time from which it holds no longer, nanoseconds since 1970.
    pub expires: u64,
}

/// Rates and quotes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExchangeBook {
    rates: BTreeMap<RateKey, Rate>,
    quotes: BTreeMap<u128, Quote>,
}

/// What locking a rate would make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
    /// The rate.
    pub key: RateKey,
    /// Base minor units that it takes of the rate's size.
    pub base_amount: u64,
    /// What the requester pays, minor units.
    pub source_amount: u64,
    /// What it gets, minor units.
    pub target_amount: u64,
}

impl ExchangeBook {
    /// All rates, by provider and pair.
    #[must_use]
    pub fn rates(&self) -> &BTreeMap<RateKey, Rate> {
        &self.rates
    }

    /// All quotes that have not been forgotten, by id.
    #[must_use]
    pub fn quotes(&self) -> &BTreeMap<u128, Quote> {
        &self.quotes
    }

    /// What locking would make, of the rate of the pair in either direction.
    ///
    /// # Errors
    /// [`RejectReason::UnknownRate`], [`RejectReason::RateExhausted`], [`RejectReason::LimitReached`].
    pub(crate) fn lock(
        &self,
        provider: ParticipantHandle,
        (source, target): (Currency, Currency),
        fixed: Fixed,
        now: u64,
    ) -> Result<Lock, RejectReason> {
        let is_full =
            self.quotes.len() >= QUOTES_MAX && self.quotes.values().all(|quote| quote.expires > now);
        if is_full {
            return Err(RejectReason::LimitReached);
        }
        // The requester sells the base currency where it pays it, and the provider buys at its bid.
        let sells = (provider, source, target);
        let buys = (provider, target, source);
        let in_force = |key: &RateKey| self.rates.get(key).copied().filter(|rate| rate.expires > now);
        let (key, rate, is_selling) = match (in_force(&sells), in_force(&buys)) {
            (Some(rate), _) => (sells, rate, true),
            (None, Some(rate)) => (buys, rate, false),
            (None, None) => return Err(RejectReason::UnknownRate),
        };
        let pair = (key.1, key.2);
        let made = match (is_selling, fixed) {
            (true, Fixed::Source(base)) => {
                to_quote(base, rate.bid, pair, Rounding::Down).map(|quote| (base, base, quote.amount))
            }
            (true, Fixed::Target(quote)) => {
                to_base(quote, rate.bid, pair, Rounding::Up).map(|base| (base.amount, base.amount, quote))
            }
            (false, Fixed::Source(quote)) => {
                to_base(quote, rate.ask, pair, Rounding::Down).map(|base| (base.amount, quote, base.amount))
            }
            (false, Fixed::Target(base)) => {
                to_quote(base, rate.ask, pair, Rounding::Up).map(|quote| (base, quote.amount, base))
            }
        };
        let are_amounts = |(base, source, target): &(u64, u64, u64)| {
            [base, source, target].into_iter().all(|amount| (1..=AMOUNT_MAX).contains(amount))
        };
        let made = made.filter(are_amounts).ok_or(RejectReason::LimitReached)?;
        let (base_amount, source_amount, target_amount) = made;
        if base_amount > rate.left {
            return Err(RejectReason::RateExhausted);
        }
        Ok(Lock { key, base_amount, source_amount, target_amount })
    }

    pub(crate) fn publish(
        &mut self,
        key: RateKey,
        (bid, ask): (Price, Price),
        size: u64,
        (now, seconds): (u64, u32),
    ) {
        self.rates.insert(key, Rate { bid, ask, left: size, expires: deadline(now, seconds) });
    }

    pub(crate) fn withdraw(&mut self, key: &RateKey) {
        self.rates.remove(key);
    }

    /// Takes what is locked of the rate's size, and forgets quotes that hold no longer.
    pub(crate) fn take(&mut self, id: u128, lock: &Lock, quote: Quote, (now, seconds): (u64, u32)) {
        if self.quotes.len() >= QUOTES_MAX {
            self.quotes.retain(|_, quote| quote.expires > now);
        }
        if let Some(rate) = self.rates.get_mut(&lock.key) {
            rate.left = rate.left.saturating_sub(lock.base_amount);
            let expires = rate.expires.min(deadline(now, seconds));
            self.quotes.insert(id, Quote { expires, ..quote });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.quotes.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.rates.len());
        for ((provider, base, quote), rate) in &self.rates {
            to.u32(*provider);
            to.u16(base.numeric());
            to.u16(quote.numeric());
            for value in [rate.bid.scaled(), rate.ask.scaled(), rate.left, rate.expires] {
                to.u64(value);
            }
        }
        to.count(self.quotes.len());
        for (id, quote) in &self.quotes {
            to.u128(*id);
            to.u32(quote.requester);
            to.u32(quote.provider);
            to.u16(quote.source.numeric());
            to.u16(quote.target.numeric());
            for value in [
                quote.source_amount,
                quote.source_account,
                quote.target_amount,
                quote.target_account,
                quote.expires,
            ] {
                to.u64(value);
            }
        }
    }

    /// Keys ascend, so that a book has one byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let mut book = Self::default();
        let price = |from: &mut Decoder<'_>| Price::new(from.u64()?).ok_or(Malformed);
        for _ in 0..from.count(count_max)? {
            let key = (from.u32()?, decode_currency(from)?, decode_currency(from)?);
            let rate = Rate { bid: price(from)?, ask: price(from)?, left: from.u64()?, expires: from.u64()? };
            if book.rates.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(Malformed);
            }
            book.rates.insert(key, rate);
        }
        for _ in 0..from.count(count_max)? {
            let id = from.u128()?;
            let (requester, provider) = (from.u32()?, from.u32()?);
            let (source, target) = (decode_currency(from)?, decode_currency(from)?);
            let (source_amount, source_account) = (from.u64()?, from.u64()?);
            let (target_amount, target_account) = (from.u64()?, from.u64()?);
            let expires = from.u64()?;
            let quote = Quote {
                requester,
                provider,
                source,
                source_amount,
                source_account,
                target,
                target_amount,
                target_account,
                expires,
            };
            if book.quotes.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(Malformed);
            }
            book.quotes.insert(id, quote);
        }
        Ok(book)
    }
}
