//! Settlement models, one per currency: when the money between participants is final, and what a cycle pays.

use alloc::collections::BTreeMap;

use crate::account::numbered;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_currency;
use crate::currency::Currency;

/// How a currency settles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Model {
    /// Deferred, net of all others: a cycle's net positions are paid after it has closed.
    #[default]
    Multilateral = 1,
    /// Deferred, net of each other participant.
    Bilateral = 2,
    /// Each transfer is final at once: positions carry over, so that a cycle leaves nothing to pay. What a position may
    /// spend is its cap and what others have paid in. Nothing waits.
    Gross = 3,
    /// As gross, and payments may wait for liquidity and be offset.
    Hybrid = 4,
}

numbered!(Model: Multilateral, Bilateral, Gross, Hybrid);

impl Model {
    /// The name in commands, reports and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Multilateral => "multilateral",
            Self::Bilateral => "bilateral",
            Self::Gross => "gross",
            Self::Hybrid => "hybrid",
        }
    }

    /// Whether a closing cycle sets positions aside to be paid.
    #[must_use]
    pub const fn is_deferred(self) -> bool {
        matches!(self, Self::Multilateral | Self::Bilateral)
    }
}

/// The models of currencies, as commands have fixed them; all others are multilateral.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Models(BTreeMap<Currency, Model>);

impl Models {
    /// A currency's.
    #[must_use]
    pub fn of(&self, currency: Currency) -> Model {
        self.0.get(&currency).copied().unwrap_or_default()
    }

    /// Whether payments in a currency may wait.
    #[must_use]
    pub(crate) fn may_queue(&self, numeric: u16) -> bool {
        // Most chains have none.
        self.0.is_empty()
            || Currency::from_numeric(numeric).is_none_or(|currency| self.of(currency) != Model::Gross)
    }

    /// All that are fixed, by currency.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, Model)> {
        self.0.iter().map(|(currency, model)| (*currency, *model))
    }

    pub(crate) fn set(&mut self, currency: Currency, model: Model) {
        self.0.insert(currency, model);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.0.len());
        for (currency, model) in &self.0 {
            to.u16(currency.numeric());
            to.u8(model.number());
        }
    }

    /// None has a byte form only where streams follow.
    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let mut models = Self::default();
        for _ in 0..from.count(count_max)? {
            let (currency, model) = (decode_currency(from)?, Model::from_number(from.u8()?)?);
            if models.0.last_key_value().is_some_and(|(last, _)| *last >= currency) {
                return Err(Malformed);
            }
            models.set(currency, model);
        }
        Ok(models)
    }
}
