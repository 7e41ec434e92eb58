//! Merchant account information (ids 02–51): whom to pay, once for each network that the merchant accepts.

use std::fmt;

use super::elements::{Element, Elements};
use crate::error::{Error, Place};
use crate::mask::Masked;

/// Whom an id of the merchant account information is reserved for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// 02 and 03.
    Visa,
    /// 04 and 05.
    Mastercard,
    /// 06–08 and 17–25, reserved by EMVCo.
    EmvCo,
    /// 09 and 10.
    Discover,
    /// 11 and 12.
    Amex,
    /// 13 and 14.
    Jcb,
    /// 15 and 16.
    UnionPay,
    /// 26–51: a template whose globally unique identifier names the network.
    Template,
}

impl Network {
    /// The network of an id, if it is one of 02 to 51.
    #[must_use]
    pub fn of(id: u8) -> Option<Self> {
        Some(match id {
            2 | 3 => Self::Visa,
            4 | 5 => Self::Mastercard,
            6..=8 | 17..=25 => Self::EmvCo,
            9 | 10 => Self::Discover,
            11 | 12 => Self::Amex,
            13 | 14 => Self::Jcb,
            15 | 16 => Self::UnionPay,
            26..=51 => Self::Template,
            _ => return None,
        })
    }
}

/// The merchant's account at one network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account<'a> {
    /// Whose.
    pub network: Network,
    /// The data object as a whole.
    pub element: Element<'a>,
}

impl<'a> Account<'a> {
    /// The account in a data object of the payload, if its id is one of 02 to 51.
    #[must_use]
    pub fn of(element: Element<'a>) -> Option<Self> {
        Network::of(element.id).map(|network| Self { network, element })
    }

    /// The parts of a UnionPay account: id 15 or 16, and 31 characters of the form that it prescribes.
    #[must_use]
    pub fn union_pay(&self) -> Option<UnionPayAccount<'a>> {
        (self.network == Network::UnionPay).then(|| UnionPayAccount::parse(self.element.value)).flatten()
    }

    /// The parts of a template of 26–51.
    ///
    /// # Errors
    /// Of the structure ([`Template::read`]); never of a code that was read without deviations.
    pub fn template(&self) -> Result<Template<'a>, Error> {
        Template::read(self.element)
    }
}

/// A UnionPay merchant: 8 digits of the acquirer's and 8 of the forwarder's institution, 15 characters of the merchant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnionPayAccount<'a> {
    /// Acquirer IIN, as in ISO 8583 field 32.
    pub acquirer: &'a str,
    /// Forwarder IIN, as in ISO 8583 field 33.
    pub forwarder: &'a str,
    /// Merchant id, as in ISO 8583 field 42.
    pub merchant: &'a str,
}

impl<'a> UnionPayAccount<'a> {
    /// The parts of the value of id 15 or 16; none if it has another form.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (acquirer, rest) = value.split_at_checked(8)?;
        let (forwarder, merchant) = rest.split_at_checked(8)?;
        let is_merchant = merchant.len() == 15 && merchant.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_number(acquirer) && is_number(forwarder) && is_merchant).then_some(Self {
            acquirer,
            forwarder,
            merchant,
        })
    }
}

impl fmt::Debug for UnionPayAccount<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}", self.acquirer, self.forwarder, Masked(self.merchant))
    }
}

/// A template of 26–51, 80–99 or 62.50–62.99: what it is (00), then data objects of whoever defined it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template<'a> {
    elements: Elements<'a>,
}

impl<'a> Template<'a> {
    /// The data objects in the value of `element`, which stands in the payload itself.
    ///
    /// # Errors
    /// If they are no data objects.
    pub fn read(element: Element<'a>) -> Result<Self, Error> {
        Self::read_at(element, Place::ROOT)
    }

    pub(crate) fn read_at(element: Element<'a>, place: Place) -> Result<Self, Error> {
        let elements = Elements::read(element.value, element.offset, place.id(element.id))?;
        Ok(Self { elements })
    }

    /// The globally unique identifier (00): an application identifier, a UUID without hyphens, or a reversed domain.
    #[must_use]
    pub fn identifier(&self) -> Option<&'a str> {
        self.get(0)
    }

    /// The value of a data object.
    #[must_use]
    pub fn get(&self, id: u8) -> Option<&'a str> {
        self.elements.get(id).map(|element| element.value)
    }

    /// All data objects, in their order.
    #[must_use]
    pub fn elements(&self) -> &Elements<'a> {
        &self.elements
    }
}
