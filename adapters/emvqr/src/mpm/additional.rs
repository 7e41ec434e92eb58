//! Additional data (id 62) and the merchant's name in another language (id 64).

use std::fmt;

use super::account::Template;
use super::elements::{Element, Elements};
use crate::error::{Error, Place};
use crate::mask::Masked;

/// The fields of the additional data field template; the number is the id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum AdditionalField {
    /// Invoice or bill.
    BillNumber = 1,
    /// Of the consumer, for a top-up for instance.
    MobileNumber = 2,
    /// The store.
    StoreLabel = 3,
    /// The consumer's loyalty card.
    LoyaltyNumber = 4,
    /// Of the merchant, for the transaction.
    ReferenceLabel = 5,
    /// The consumer, as the merchant knows them.
    CustomerLabel = 6,
    /// The terminal.
    TerminalLabel = 7,
    /// What is paid for.
    PurposeOfTransaction = 8,
    /// What the consumer's application shall add: letters of `A` (address), `M` (mobile number), `E` (e-mail).
    ConsumerDataRequest = 9,
    /// The merchant's tax id.
    MerchantTaxId = 10,
    /// Medium, place and presence, a character each.
    MerchantChannel = 11,
}

impl AdditionalField {
    /// All of them, by id.
    pub const ALL: [Self; 11] = [
        Self::BillNumber,
        Self::MobileNumber,
        Self::StoreLabel,
        Self::LoyaltyNumber,
        Self::ReferenceLabel,
        Self::CustomerLabel,
        Self::TerminalLabel,
        Self::PurposeOfTransaction,
        Self::ConsumerDataRequest,
        Self::MerchantTaxId,
        Self::MerchantChannel,
    ];

    /// The id inside the template.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant of a repr(u8)")]
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The field of an id.
    #[must_use]
    pub fn of(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.id() == id)
    }

    /// Whether the consumer may be asked for it: the fields 01 to 08.
    #[must_use]
    pub fn may_prompt(self) -> bool {
        self <= Self::PurposeOfTransaction
    }

    /// The most characters of a value.
    pub(crate) fn chars_max(self) -> usize {
        match self {
            Self::ConsumerDataRequest | Self::MerchantChannel => 3,
            Self::MerchantTaxId => 20,
            _ => 25,
        }
    }
}

/// What a code says of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Label<'a> {
    /// The value.
    Value(&'a str),
    /// `***`: the consumer's application asks the consumer for it.
    Prompt,
}

impl fmt::Debug for Label<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(text) => write!(out, "Value({:?})", Masked(text)),
            Self::Prompt => out.write_str("Prompt"),
        }
    }
}

/// The value of a field that the consumer is asked for.
pub const PROMPT: &str = "***";

/// The additional data template (62).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdditionalData<'a> {
    elements: Elements<'a>,
}

impl<'a> AdditionalData<'a> {
    pub(crate) fn read(element: Element<'a>) -> Result<Self, Error> {
        let elements = Elements::read(element.value, element.offset, Place::ROOT.id(element.id))?;
        Ok(Self { elements })
    }

    /// What is said of a field.
    #[must_use]
    pub fn label(&self, field: AdditionalField) -> Option<Label<'a>> {
        let value = self.elements.get(field.id())?.value;
        let is_prompt = value == PROMPT && field.may_prompt();
        Some(if is_prompt { Label::Prompt } else { Label::Value(value) })
    }

    /// A template of a payment system (50–99).
    #[must_use]
    pub fn template(&self, id: u8) -> Option<Template<'a>> {
        let element = self.elements.get(id).filter(|element| element.id >= 50)?;
        Template::read_at(element, Place::ROOT.id(62)).ok()
    }

    /// All data objects, in their order.
    #[must_use]
    pub fn elements(&self) -> &Elements<'a> {
        &self.elements
    }
}

/// The merchant information – language template (64).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalName<'a> {
    /// ISO 639, two letters.
    pub language: &'a str,
    /// The merchant's name in that language, up to 25 characters.
    pub name: &'a str,
    /// The merchant's city in that language, up to 15 characters.
    pub city: Option<&'a str>,
}
