//! From a text to a [`MerchantCode`]: structure, CRC, then each data object against its format.
//!
//! A fault that [`Profile::Lenient`] or [`Profile::Scheme`] tolerates goes through [`Check::deviate`]; all others end
//! the reading. No rule of the standard stands anywhere else: the builder reads what it wrote.

use super::Profile;
use super::account::{Account, Network, Template};
use super::additional::{AdditionalData, AdditionalField, LocalName};
use super::code::{Initiation, MerchantCode, Percentage, Tip};
use super::elements::{Element, Elements};
use crate::crc::crc16;
use crate::decimal::Decimal;
use crate::error::{Error, ErrorCode, Place};
use crate::limits::{DEVIATIONS_MAX, PAYLOAD_BYTES_MAX, PAYLOAD_CHARS_MAX};

/// Mandatory ids of EMV QRCPS MPM, but those of structure (00, 63) and the accounts.
const MANDATORY: [u8; 5] = [52, 53, 58, 59, 60];
const IDENTIFIER_CHARS_MAX: usize = 32;

pub(super) fn read(payload: &str, profile: Profile) -> Result<MerchantCode<'_>, Error> {
    let elements = frame(payload)?;
    let mut check = Check { profile, deviations: Vec::new() };
    check.crc_case(&elements)?;
    if payload.chars().count() > PAYLOAD_CHARS_MAX {
        check.deviate(Error::new(ErrorCode::TooLarge, Place::ROOT, 0))?;
    }
    for element in elements.iter() {
        check.element(element)?;
    }
    for id in MANDATORY {
        if elements.get(id).is_none() {
            check.deviate(Error::new(ErrorCode::Missing, Place::ROOT.id(id), payload.len()))?;
        }
    }
    if elements.iter().all(|element| Account::of(element).is_none()) {
        check.deviate(Error::new(ErrorCode::NoAccount, Place::ROOT, payload.len()))?;
    }
    let text = |id| elements.get(id).map(|element: Element<'_>| element.value);
    Ok(MerchantCode {
        payload,
        initiation: elements.get(1).and_then(initiation),
        category: text(52),
        currency: text(53).and_then(|digits| digits.parse().ok()),
        amount: elements.get(54).map(decimal).transpose()?,
        tip: tip(&elements)?,
        country: text(58),
        name: text(59),
        city: text(60),
        postal_code: text(61),
        additional: elements.get(62).and_then(|element| AdditionalData::read(element).ok()),
        local_name: elements.get(64).and_then(|element| local_name(element).ok()),
        deviations: check.deviations,
        elements,
    })
}

/// The data objects of the payload: 00 first, 63 last, and a CRC that is right.
fn frame(payload: &str) -> Result<Elements<'_>, Error> {
    let fail = |code, id, offset| Err(Error::new(code, Place::ROOT.id(id), offset));
    if payload.is_empty() {
        return Err(Error::new(ErrorCode::Empty, Place::ROOT, 0));
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Error::new(ErrorCode::TooLarge, Place::ROOT, PAYLOAD_BYTES_MAX));
    }
    let elements = Elements::read(payload, 0, Place::ROOT)?;
    match elements.iter().next() {
        Some(Element { id: 0, value: "01", .. }) => {}
        Some(Element { id: 0, offset, .. }) => return fail(ErrorCode::UnknownFormat, 0, offset),
        _ => return fail(ErrorCode::FormatNotFirst, 0, 0),
    }
    let Some(crc) = elements.get(63) else { return fail(ErrorCode::CrcMissing, 63, payload.len()) };
    if elements.iter().next_back() != Some(crc) {
        return fail(ErrorCode::CrcNotLast, 63, crc.offset);
    }
    if crc.value.len() != 4 || !crc.value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return fail(ErrorCode::CrcForm, 63, crc.offset);
    }
    let computed = crc16(payload.as_bytes().get(..crc.offset).unwrap_or_default());
    if u16::from_str_radix(crc.value, 16) != Ok(computed) {
        return fail(ErrorCode::CrcWrong, 63, crc.offset);
    }
    Ok(elements)
}

struct Check {
    profile: Profile,
    deviations: Vec<Error>,
}

impl Check {
    /// Notes a fault that some profile tolerates, or refuses.
    fn deviate(&mut self, error: Error) -> Result<(), Error> {
        let is_omission = error.code == ErrorCode::Missing && error.place.depth() == 1;
        match self.profile {
            Profile::Emvco => return Err(error),
            Profile::Scheme if !is_omission => return Err(error),
            Profile::Scheme | Profile::Lenient => {}
        }
        if self.deviations.len() < DEVIATIONS_MAX {
            self.deviations.push(error);
        }
        Ok(())
    }

    fn crc_case(&mut self, elements: &Elements<'_>) -> Result<(), Error> {
        let Some(crc) = elements.get(63) else { return Ok(()) };
        if crc.value.bytes().any(|byte| byte.is_ascii_lowercase()) {
            self.deviate(Error::new(ErrorCode::CrcForm, Place::ROOT.id(63), crc.offset))?;
        }
        Ok(())
    }

    fn element(&mut self, element: Element<'_>) -> Result<(), Error> {
        let Element { id, value, offset } = element;
        let place = Place::ROOT.id(id);
        if let Some((at, _)) = value.char_indices().find(|(_, sign)| sign.is_control()) {
            return Err(Error::new(ErrorCode::ControlCharacter, place, offset.saturating_add(at)));
        }
        match id {
            1 if initiation(element).is_none() => {
                self.deviate(Error::new(ErrorCode::InvalidValue, place, offset))
            }
            2..=25 => self.text(element, Place::ROOT, 99),
            52 => digits(element, 4),
            53 => digits(element, 3),
            54 | 56 if decimal(element)?.is_zero() => {
                self.deviate(Error::new(ErrorCode::ZeroAmount, place, offset))
            }
            58 => country(element),
            59 => self.text(element, Place::ROOT, 25),
            60 => self.text(element, Place::ROOT, 15),
            61 => self.text(element, Place::ROOT, 10),
            62 => self.additional(element),
            64 => local_name(element).map(|_| ()).or_else(|error| self.deviate(error)),
            26..=51 | 80..=99 => self.template(element, Place::ROOT),
            _ => Ok(()),
        }
    }

    /// Printable ASCII ("alphanumeric special") of up to `chars_max` characters.
    fn text(&mut self, element: Element<'_>, place: Place, chars_max: usize) -> Result<(), Error> {
        let Element { id, value, offset } = element;
        if value.chars().count() > chars_max {
            self.deviate(Error::new(ErrorCode::TooLarge, place.id(id), offset))?;
        }
        if let Some((at, _)) = value.char_indices().find(|(_, sign)| !matches!(sign, ' '..='~')) {
            self.deviate(Error::new(ErrorCode::InvalidValue, place.id(id), offset.saturating_add(at)))?;
        }
        Ok(())
    }

    fn template(&mut self, element: Element<'_>, place: Place) -> Result<(), Error> {
        let inside = place.id(element.id);
        let template = match Template::read_at(element, place) {
            Ok(template) => template,
            Err(error) => return self.deviate(error),
        };
        match template.elements().get(0) {
            None => self.deviate(Error::new(ErrorCode::Missing, inside.id(0), element.offset)),
            Some(identifier) => self.text(identifier, inside, IDENTIFIER_CHARS_MAX),
        }
    }

    fn additional(&mut self, element: Element<'_>) -> Result<(), Error> {
        let place = Place::ROOT.id(62);
        let data = match AdditionalData::read(element) {
            Ok(data) => data,
            Err(error) => return self.deviate(error),
        };
        for element in data.elements().iter() {
            if let Some(field) = AdditionalField::of(element.id) {
                self.text(element, place, field.chars_max())?;
                if field == AdditionalField::ConsumerDataRequest && !is_request(element.value) {
                    self.deviate(Error::new(ErrorCode::InvalidValue, place.id(element.id), element.offset))?;
                }
            } else if element.id >= 50 {
                self.template(element, place)?;
            }
        }
        Ok(())
    }
}

fn initiation(element: Element<'_>) -> Option<Initiation> {
    match element.value {
        "11" => Some(Initiation::Static),
        "12" => Some(Initiation::Dynamic),
        _ => None,
    }
}

fn digits(element: Element<'_>, length: usize) -> Result<(), Error> {
    if element.value.len() == length && element.value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidValue, Place::ROOT.id(element.id), element.offset))
}

fn country(element: Element<'_>) -> Result<(), Error> {
    if element.value.len() == 2 && element.value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidValue, Place::ROOT.id(element.id), element.offset))
}

fn decimal(element: Element<'_>) -> Result<Decimal<'_>, Error> {
    Decimal::parse(element.value).map_err(|code| Error::new(code, Place::ROOT.id(element.id), element.offset))
}

/// Letters of A, M and E, each once.
fn is_request(value: &str) -> bool {
    let is_once = |letter: char| value.matches(letter).count() == 1;
    value.chars().all(|letter| matches!(letter, 'A' | 'M' | 'E') && is_once(letter))
}

/// The fee that 55 announces has to be there, and no other: a code that contradicts itself about money is refused.
fn tip<'a>(elements: &Elements<'a>) -> Result<Option<Tip<'a>>, Error> {
    let (fixed, percentage) = (elements.get(56), elements.get(57));
    let conflict = |element: Element<'a>| {
        Err(Error::new(ErrorCode::TipConflict, Place::ROOT.id(element.id), element.offset))
    };
    let Some(indicator) = elements.get(55) else {
        return fixed.or(percentage).map_or(Ok(None), conflict);
    };
    match (indicator.value, fixed, percentage) {
        ("01", None, None) => Ok(Some(Tip::Prompt)),
        ("02", Some(fee), None) => Ok(Some(Tip::Fixed(decimal(fee)?))),
        ("03", None, Some(fee)) => Ok(Some(Tip::Percentage(percentage_of(fee)?))),
        ("01" | "02" | "03", ..) => conflict(indicator),
        _ => Err(Error::new(ErrorCode::InvalidValue, Place::ROOT.id(55), indicator.offset)),
    }
}

fn percentage_of(element: Element<'_>) -> Result<Percentage, Error> {
    let invalid = Error::new(ErrorCode::InvalidAmount, Place::ROOT.id(element.id), element.offset);
    if element.value.len() > 5 {
        return Err(invalid);
    }
    let hundredths = decimal(element)?.minor_units(2).map_err(|_| invalid)?;
    u16::try_from(hundredths).ok().and_then(Percentage::from_hundredths).ok_or(invalid)
}

fn local_name(element: Element<'_>) -> Result<LocalName<'_>, Error> {
    let place = Place::ROOT.id(64);
    let elements = Elements::read(element.value, element.offset, place)?;
    let mandatory = |id| elements.get(id).ok_or(Error::new(ErrorCode::Missing, place.id(id), element.offset));
    let (language, name) = (mandatory(0)?, mandatory(1)?);
    let city = elements.get(2);
    let is_language =
        language.value.len() == 2 && language.value.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_language {
        return Err(Error::new(ErrorCode::InvalidValue, place.id(0), language.offset));
    }
    for (part, chars_max) in [(Some(name), 25), (city, 15)] {
        if let Some(part) = part.filter(|part| part.value.chars().count() > chars_max) {
            return Err(Error::new(ErrorCode::TooLarge, place.id(part.id), part.offset));
        }
    }
    Ok(LocalName { language: language.value, name: name.value, city: city.map(|city| city.value) })
}

/// Whether an id holds data objects of its own.
pub(super) fn is_template(id: u8) -> bool {
    Network::of(id) == Some(Network::Template) || matches!(id, 62 | 64 | 80..)
}
