//! Commands of foreign exchange: published by a provider under its own key, and quotes asked for by a participant under
//! its own.

use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{decode_bic, decode_currency};
use crate::currency::Currency;
use crate::exchange::price::Price;

/// Which amount of a quote the requester fixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fixed {
    /// What it pays, minor units.
    Source(u64),
    /// What it gets, minor units.
    Target(u64),
}

/// What is asked for. Numbers of the byte form are for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExchangeCommand {
    /// 40: a firm two-way rate, in the place of the provider's last one for the pair.
    PublishRate {
        /// Who stands by it, and signs this.
        provider: Bic,
        /// The currency whose price it is.
        base: Currency,
        /// The currency that the price is in.
        quote: Currency,
        /// For so much the provider buys the base currency.
        bid: Price,
        /// For so much it sells it; not below the bid.
        ask: Price,
        /// Base minor units that may be locked in all.
        size: u64,
        /// Seconds of frame time for which it holds.
        valid_seconds: u32,
    },
    /// 41: the provider's rate for the pair holds no longer; quotes that are locked stay.
    WithdrawRate {
        /// Whose, and who signs this.
        provider: Bic,
        /// The pair.
        base: Currency,
        /// The pair.
        quote: Currency,
    },
    /// 42: locks a rate: two amounts, fixed to the minor unit, until the quote expires. Its id is this entry's.
    LockQuote {
        /// Who asks, and signs this.
        requester: Bic,
        /// Whose rate.
        provider: Bic,
        /// The currency that the requester pays.
        source: Currency,
        /// The currency that it gets.
        target: Currency,
        /// One amount; the other follows.
        fixed: Fixed,
        /// Seconds of frame time for which it is locked, at most what is left of the rate's.
        valid_seconds: u32,
    },
}

impl ExchangeCommand {
    /// Who signs it with a key of its own: nobody else's word binds the participant.
    #[must_use]
    pub fn signer(&self) -> Bic {
        match self {
            Self::PublishRate { provider, .. } | Self::WithdrawRate { provider, .. } => *provider,
            Self::LockQuote { requester, .. } => *requester,
        }
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        let pair = |to: &mut Encoder, bic: &Bic, first: &Currency, second: &Currency| {
            to.raw(bic.as_bytes());
            to.u16(first.numeric());
            to.u16(second.numeric());
        };
        match self {
            Self::PublishRate { provider, base, quote, bid, ask, size, valid_seconds } => {
                to.u8(40);
                pair(to, provider, base, quote);
                [bid.scaled(), ask.scaled(), *size].into_iter().for_each(|value| to.u64(value));
                to.u32(*valid_seconds);
            }
            Self::WithdrawRate { provider, base, quote } => {
                to.u8(41);
                pair(to, provider, base, quote);
            }
            Self::LockQuote { requester, provider, source, target, fixed, valid_seconds } => {
                to.u8(42);
                pair(to, requester, source, target);
                to.raw(provider.as_bytes());
                let (kind, amount) = match fixed {
                    Fixed::Source(amount) => (0, amount),
                    Fixed::Target(amount) => (1, amount),
                };
                to.u8(kind);
                to.u64(*amount);
                to.u32(*valid_seconds);
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (bic, first, second) = (decode_bic(from)?, decode_currency(from)?, decode_currency(from)?);
        let price = |from: &mut Decoder<'_>| Price::new(from.u64()?).ok_or(Malformed);
        Ok(match kind {
            40 => Self::PublishRate {
                provider: bic,
                base: first,
                quote: second,
                bid: price(from)?,
                ask: price(from)?,
                size: from.u64()?,
                valid_seconds: from.u32()?,
            },
            41 => Self::WithdrawRate { provider: bic, base: first, quote: second },
            42 => {
                let provider = decode_bic(from)?;
                let is_target = from.flag()?;
                let amount = from.u64()?;
                let fixed = if is_target { Fixed::Target(amount) } else { Fixed::Source(amount) };
                let valid_seconds = from.u32()?;
                Self::LockQuote {
                    requester: bic,
                    provider,
                    source: first,
                    target: second,
                    fixed,
                    valid_seconds,
                }
            }
            _ => return Err(Malformed),
        })
    }
}
