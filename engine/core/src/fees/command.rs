//! Commands about tariffs, and their byte form: kinds 90 and 91. Decides nothing.

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
    /// 91: a tariff is in force no longer.
    EndTariff {
        /// Which one.
        number: TariffNumber,
    },
}

impl FeeCommand {
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
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let number = from.u32()?;
        match kind {
            90 => Ok(Self::SetTariff { number, tariff: Tariff::decode(from)? }),
            91 => Ok(Self::EndTariff { number }),
            _ => Err(Malformed),
        }
    }
}
