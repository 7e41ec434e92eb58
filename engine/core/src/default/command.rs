//! Commands of a default and their byte form.

use alloc::vec::Vec;

use crate::account::SlotHandle;
use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{decode_bic, decode_currency};
use crate::currency::Currency;
use crate::limits::RECAST_POSITIONS_MAX;
use crate::participant::CycleNumber;

/// What is asked for. Numbers of the byte form are for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DefaultCommand {
    /// 70: a closed cycle's net positions are these, as if the failing participant had not taken part.
    Recast {
        /// Closed, instructed or failed.
        cycle: CycleNumber,
        /// Who failed; all its nets become zero.
        without: Bic,
        /// Every net that is not zero, ascending by slot; minor units, per currency in sum zero.
        nets: Vec<(SlotHandle, i128)>,
    },
    /// 71: what a participant has put up against its own default.
    SetCollateral {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Minor units.
        amount: u64,
    },
    /// 72: what is in the default fund.
    SetDefaultFund {
        /// In which currency.
        currency: Currency,
        /// Minor units.
        amount: u64,
    },
    /// 73: what a participant owes of a cycle is covered: by its collateral, then the fund, then the survivors.
    Waterfall {
        /// Closed, instructed or failed.
        cycle: CycleNumber,
        /// Who failed.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Out of its collateral, minor units.
        own: u64,
        /// Out of the fund, minor units; only when the collateral is used up.
        fund: u64,
        /// What others carry, minor units, ascending by slot, none of them zero; only when the fund is used up.
        survivors: Vec<(SlotHandle, u64)>,
    },
}

impl DefaultCommand {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        match self {
            Self::Recast { cycle, without, nets } => {
                to.u8(70);
                to.u64(*cycle);
                to.raw(without.as_bytes());
                encode_nets(nets, to);
            }
            Self::SetCollateral { bic, currency, amount } => {
                to.u8(71);
                to.raw(bic.as_bytes());
                to.u16(currency.numeric());
                to.u64(*amount);
            }
            Self::SetDefaultFund { currency, amount } => {
                to.u8(72);
                to.u16(currency.numeric());
                to.u64(*amount);
            }
            Self::Waterfall { cycle, bic, currency, own, fund, survivors } => {
                to.u8(73);
                to.u64(*cycle);
                to.raw(bic.as_bytes());
                to.u16(currency.numeric());
                to.u64(*own);
                to.u64(*fund);
                encode_shares(survivors, to);
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            70 => Self::Recast { cycle: from.u64()?, without: decode_bic(from)?, nets: decode_nets(from)? },
            71 => Self::SetCollateral {
                bic: decode_bic(from)?,
                currency: decode_currency(from)?,
                amount: from.u64()?,
            },
            72 => Self::SetDefaultFund { currency: decode_currency(from)?, amount: from.u64()? },
            73 => Self::Waterfall {
                cycle: from.u64()?,
                bic: decode_bic(from)?,
                currency: decode_currency(from)?,
                own: from.u64()?,
                fund: from.u64()?,
                survivors: decode_shares(from)?,
            },
            _ => return Err(Malformed),
        })
    }
}

pub(super) fn encode_nets(nets: &[(SlotHandle, i128)], to: &mut Encoder) {
    to.count(nets.len());
    for (slot, net) in nets {
        to.u32(*slot);
        to.i128(*net);
    }
}

pub(super) fn decode_nets(from: &mut Decoder<'_>) -> Result<Vec<(SlotHandle, i128)>, Malformed> {
    (0..from.count(RECAST_POSITIONS_MAX)?).map(|_| Ok((from.u32()?, from.i128()?))).collect()
}

pub(super) fn encode_shares(shares: &[(SlotHandle, u64)], to: &mut Encoder) {
    to.count(shares.len());
    for (slot, share) in shares {
        to.u32(*slot);
        to.u64(*share);
    }
}

pub(super) fn decode_shares(from: &mut Decoder<'_>) -> Result<Vec<(SlotHandle, u64)>, Malformed> {
    (0..from.count(RECAST_POSITIONS_MAX)?).map(|_| Ok((from.u32()?, from.u64()?))).collect()
}
