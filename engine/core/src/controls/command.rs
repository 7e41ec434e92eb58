//! Commands about limits, and their byte form: kinds 30 to 38. Decides nothing.

use crate::account::{AccountHandle, UNLIMITED};
use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{decode_bic, decode_currency};
use crate::currency::Currency;
use crate::exchange::price::Price;
use crate::liquidity::resolve::Priority;

/// A participant and a currency.
pub type Owner = (Bic, Currency);

/// Whose debits a velocity limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payer {
    /// All of an account.
    Account(AccountHandle),
    /// Those of a participant in a currency towards other participants.
    Position(Bic, Currency),
}

/// What is asked for about a limit. Numbers of the byte form are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitCommand {
    /// 30: the value of a participant's collateral for a position, after haircuts.
    SetCover {
        /// Whose.
        bic: Bic,
        /// For which position.
        currency: Currency,
        /// Minor units.
        amount: u64,
    },
    /// 31: the net debit cap is a fixed part and a share of cover.
    SetCapRule {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// The fixed part, minor units; [`UNLIMITED`] for no cap at all.
        fixed: u64,
        /// The share of cover, hundredths of a per cent.
        basis_points: u32,
    },
    /// 32: how much a participant pays another, less what it gets from it, in the open cycle.
    SetBilateralLimit {
        /// Who pays.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Who is paid.
        towards: Bic,
        /// Minor units; [`UNLIMITED`] takes the limit away.
        limit: u64,
    },
    /// 33: the same towards all participants together that have no bilateral limit.
    SetMultilateralLimit {
        /// Who pays.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Minor units; [`UNLIMITED`] takes the limit away.
        limit: u64,
    },
    /// 34: how much, and how often, is paid in one period.
    SetVelocityLimit {
        /// By whom.
        payer: Payer,
        /// Minor units; [`UNLIMITED`] for any sum.
        amount: u64,
        /// Payments; [`u32::MAX`] for any number. Without either the limit is taken away.
        count: u32,
        /// Length of a period: they follow each other without a gap, from 1970 on.
        period_seconds: u32,
    },
    /// 35: headroom that only payments of this class, or of a more urgent one, may use.
    SetReservation {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Urgent or high.
        class: Priority,
        /// Minor units; zero takes the reservation away.
        amount: u64,
    },
    /// 36: how much of the cap may be in use before somebody is told.
    SetThresholds {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Hundredths of a per cent of the cap, ascending; zero for none.
        levels: [u16; 2],
    },
    /// 37: how much a participant may be short of by trades of foreign exchange, in all currencies together.
    SetFxLimit {
        /// Whose.
        bic: Bic,
        /// The currency that the limit is in, and that shorts are valued in.
        base: Currency,
        /// Minor units; [`UNLIMITED`] takes the limit away.
        limit: u64,
    },
    /// 38: what a currency counts as in another where shorts are valued.
    SetValuation {
        /// The currency that is valued.
        currency: Currency,
        /// The one that it is valued in.
        base: Currency,
        /// Units of that for one of the other; none takes the valuation away.
        price: Option<Price>,
    },
}

impl LimitCommand {
    /// Whether it is the participant's own: a limit that it sets itself, within what the operator allows it.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(
            self,
            Self::SetBilateralLimit { .. } | Self::SetMultilateralLimit { .. } | Self::SetReservation { .. }
        )
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        match *self {
            Self::SetCover { bic, currency, amount } => encode_owned(30, (bic, currency), amount, to),
            Self::SetCapRule { bic, currency, fixed, basis_points } => {
                encode_owned(31, (bic, currency), fixed, to);
                to.u32(basis_points);
            }
            Self::SetBilateralLimit { bic, currency, towards, limit } => {
                encode_owned(32, (bic, currency), limit, to);
                to.raw(towards.as_bytes());
            }
            Self::SetMultilateralLimit { bic, currency, limit } => {
                encode_owned(33, (bic, currency), limit, to);
            }
            Self::SetVelocityLimit { payer, amount, count, period_seconds } => {
                to.u8(34);
                match payer {
                    Payer::Account(account) => {
                        to.u8(1);
                        to.u64(account);
                    }
                    Payer::Position(bic, currency) => {
                        to.u8(2);
                        to.raw(bic.as_bytes());
                        to.u16(currency.numeric());
                    }
                }
                to.u64(amount);
                to.u32(count);
                to.u32(period_seconds);
            }
            Self::SetReservation { bic, currency, class, amount } => {
                encode_owned(35, (bic, currency), amount, to);
                to.u8(class.number());
            }
            Self::SetThresholds { bic, currency, levels } => {
                to.u8(36);
                to.raw(bic.as_bytes());
                to.u16(currency.numeric());
                levels.into_iter().for_each(|level| to.u16(level));
            }
            Self::SetFxLimit { bic, base, limit } => encode_owned(37, (bic, base), limit, to),
            Self::SetValuation { currency, base, price } => {
                to.u8(38);
                to.u16(currency.numeric());
                to.u16(base.numeric());
                to.u64(price.map_or(0, Price::scaled));
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if kind == 34 {
            let payer = match from.u8()? {
                1 => Payer::Account(from.u64()?),
                2 => Payer::Position(decode_bic(from)?, decode_currency(from)?),
                _ => return Err(Malformed),
            };
            let (amount, count, period_seconds) = (from.u64()?, from.u32()?, from.u32()?);
            return Ok(Self::SetVelocityLimit { payer, amount, count, period_seconds });
        }
        if kind == 38 {
            let (currency, base) = (decode_currency(from)?, decode_currency(from)?);
            let price = match from.u64()? {
                0 => None,
                scaled => Some(Price::new(scaled).ok_or(Malformed)?),
            };
            return Ok(Self::SetValuation { currency, base, price });
        }
        let (bic, currency) = (decode_bic(from)?, decode_currency(from)?);
        Ok(match kind {
            37 => Self::SetFxLimit { bic, base: currency, limit: from.u64()? },
            30 => Self::SetCover { bic, currency, amount: from.u64()? },
            31 => Self::SetCapRule { bic, currency, fixed: from.u64()?, basis_points: from.u32()? },
            32 => Self::SetBilateralLimit { bic, currency, limit: from.u64()?, towards: decode_bic(from)? },
            33 => Self::SetMultilateralLimit { bic, currency, limit: from.u64()? },
            35 => {
                let (amount, class) = (from.u64()?, Priority::from_number(from.u8()?)?);
                Self::SetReservation { bic, currency, class, amount }
            }
            36 => Self::SetThresholds { bic, currency, levels: [from.u16()?, from.u16()?] },
            _ => return Err(Malformed),
        })
    }
}

fn encode_owned(kind: u8, (bic, currency): Owner, amount: u64, to: &mut Encoder) {
    to.u8(kind);
    to.raw(bic.as_bytes());
    to.u16(currency.numeric());
    to.u64(amount);
}

/// How much, and how often, may be paid in one period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Velocity {
    /// Minor units; [`UNLIMITED`] for any sum.
    pub amount: u64,
    /// Payments; [`u32::MAX`] for any number.
    pub count: u32,
    /// Length of a period, not zero.
    pub period_seconds: u32,
}

impl Velocity {
    /// Whether it bounds anything.
    #[must_use]
    pub const fn binds(&self) -> bool {
        self.amount != UNLIMITED || self.count != u32::MAX
    }

    /// The number of the period that a frame's time is in, counted from 1970.
    #[must_use]
    pub fn period_of(&self, timestamp: u64) -> u64 {
        let nanoseconds = u64::from(self.period_seconds).saturating_mul(1_000_000_000);
        timestamp.checked_div(nanoseconds).unwrap_or(0)
    }
}
