//! A merchant-presented code that was read: what it says, by the standard's names.

use std::fmt;

use super::Profile;
use super::account::{Account, Template};
use super::additional::{AdditionalData, LocalName};
use super::builder::Builder;
use super::check;
use super::elements::{Element, Elements};
use crate::decimal::Decimal;
use crate::error::{Error, ErrorCode, Place};
use crate::mask::Masked;

/// Point of initiation method (01).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiation {
    /// `11`: the same code for many transactions.
    Static,
    /// `12`: a code of its own for each transaction.
    Dynamic,
}

/// A convenience fee in hundredths of a percent, 1 to 9,999.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percentage(u16);

impl Percentage {
    /// From hundredths of a percent: 250 is 2.5 %. None if it is not between 0.01 % and 99.99 %.
    #[must_use]
    pub fn from_hundredths(hundredths: u16) -> Option<Self> {
        (1..=9_999).contains(&hundredths).then_some(Self(hundredths))
    }

    /// In hundredths of a percent.
    #[must_use]
    pub fn hundredths(self) -> u16 {
        self.0
    }
}

/// Tip or convenience indicator (55) with the fee that it announces (56, 57).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tip<'a> {
    /// `01`: the consumer is asked for a tip.
    Prompt,
    /// `02`: a fixed fee, in the transaction's currency.
    Fixed(Decimal<'a>),
    /// `03`: a percentage of the amount.
    Percentage(Percentage),
}

/// A merchant-presented code. Mandatory values are optional here, since [`Profile::Scheme`] lets them be missing.
#[derive(Clone, PartialEq, Eq)]
pub struct MerchantCode<'a> {
    pub(super) payload: &'a str,
    pub(super) elements: Elements<'a>,
    pub(super) deviations: Vec<Error>,
    /// Point of initiation method (01); none if the code does not say.
    pub initiation: Option<Initiation>,
    /// Merchant category code (52), ISO 18245: four digits.
    pub category: Option<&'a str>,
    /// Transaction currency (53), ISO 4217 numeric.
    pub currency: Option<u16>,
    /// Transaction amount (54); none if the consumer enters it.
    pub amount: Option<Decimal<'a>>,
    /// Tip or convenience indicator (55–57).
    pub tip: Option<Tip<'a>>,
    /// Country code (58), ISO 3166-1 alpha-2.
    pub country: Option<&'a str>,
    /// Merchant name (59).
    pub name: Option<&'a str>,
    /// Merchant city (60).
    pub city: Option<&'a str>,
    /// Postal code (61).
    pub postal_code: Option<&'a str>,
    /// Additional data (62).
    pub additional: Option<AdditionalData<'a>>,
    /// Name and city in another language (64).
    pub local_name: Option<LocalName<'a>>,
}

impl<'a> MerchantCode<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first fault: of structure, of the CRC, then of the data objects.
    pub fn read(payload: &'a str, profile: Profile) -> Result<Self, Error> {
        check::read(payload, profile)
    }

    /// Reads a payload as a scanner hands it out.
    ///
    /// # Errors
    /// [`ErrorCode::NotUtf8`], and those of [`MerchantCode::read`].
    pub fn read_bytes(payload: &'a [u8], profile: Profile) -> Result<Self, Error> {
        let not_text =
            |error: std::str::Utf8Error| Error::new(ErrorCode::NotUtf8, Place::ROOT, error.valid_up_to());
        Self::read(str::from_utf8(payload).map_err(not_text)?, profile)
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &'a str {
        self.payload
    }

    /// The data objects of the payload, in their order.
    #[must_use]
    pub fn elements(&self) -> &Elements<'a> {
        &self.elements
    }

    /// Where the code leaves the standard in a way that its profile tolerates; up to
    /// [`crate::limits::DEVIATIONS_MAX`].
    #[must_use]
    pub fn deviations(&self) -> &[Error] {
        &self.deviations
    }

    /// Merchant account information (02–51), in the payload's order.
    pub fn accounts(&self) -> impl Iterator<Item = Account<'a>> + '_ {
        self.elements.iter().filter_map(Account::of)
    }

    /// The account whose template names this globally unique identifier, in upper or lower case.
    #[must_use]
    pub fn account_of(&self, identifier: &str) -> Option<Template<'a>> {
        let mut templates = self.accounts().filter(|account| account.element.id >= 26);
        templates.find_map(|account| {
            let template = account.template().ok()?;
            template.identifier()?.eq_ignore_ascii_case(identifier).then_some(template)
        })
    }

    /// Unreserved templates (80–99), in the payload's order.
    pub fn unreserved(&self) -> impl Iterator<Item = Element<'a>> + '_ {
        self.elements.iter().filter(|element| element.id >= 80)
    }

    /// A builder with all that this code says, to write it again or changed.
    #[must_use]
    pub fn to_builder(&self) -> Builder {
        Builder::of(self)
    }
}

impl fmt::Debug for MerchantCode<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MerchantCode")
            .field("payload", &Masked(self.payload))
            .field("deviations", &self.deviations)
            .finish()
    }
}
