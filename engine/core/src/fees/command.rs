//! Commands about tariffs, and their byte form: kinds 90 to 92. Decides nothing.

use super::change::Change;
use super::tariff::{Tariff, TariffNumber};
use crate::codec::{Decoder, Encoder, Malformed};

/// What is asked for about tariffs. Numbers of the byte form are for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FeeCommand {
    /// 90: this tariff is in force from the next entry on, in the place of the one of the same number.
    SetTariff {
        /// Not zero.
        number: TariffNumber,
        /// What it says.
        tariff: Tariff,
    },
    /// 91: a tariff is in force no longer from the next entry on.
    EndTariff {
        /// Which one.
        number: TariffNumber,
    },
    /// 92: a tariff is in force, or no longer, from a time on: in the place of what was announced for it before. For a
    /// while, what was right before passes too.
    Announce(Change),
}

impl FeeCommand {
    /// Which tariff it is about.
    #[must_use]
    pub fn number(&self) -> TariffNumber {
        match self {
            Self::SetTariff { number, .. } | Self::EndTariff { number } => *number,
            Self::Announce(change) => change.number,
        }
    }

    /// What it says; none where it ends.
    #[must_use]
    pub fn tariff(&self) -> Option<&Tariff> {
        match self {
            Self::SetTariff { tariff, .. } => Some(tariff),
            Self::EndTariff { .. } => None,
            Self::Announce(change) => change.after.as_ref(),
        }
    }

    /// Frame time from which, nanoseconds since 1970; none: at once.
    #[must_use]
    pub fn from(&self) -> Option<u64> {
        match self {
            Self::Announce(change) => Some(change.from),
            Self::SetTariff { .. } | Self::EndTariff { .. } => None,
        }
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        match self {
            Self::SetTariff { number, tariff } => {
                to.u8(90);
                to.u32(*number);
                tariff.encode(to);
            }
            Self::EndTariff { number } => {
                to.u8(91);
                to.u32(*number);
            }
            Self::Announce(change) => {
                to.u8(92);
                change.encode(to);
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match kind {
            90 => Ok(Self::SetTariff { number: from.u32()?, tariff: Tariff::decode(from)? }),
            91 => Ok(Self::EndTariff { number: from.u32()? }),
            92 => Ok(Self::Announce(Change::decode(from)?)),
            _ => Err(Malformed),
        }
    }
}
