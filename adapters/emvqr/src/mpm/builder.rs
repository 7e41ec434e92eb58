//! Writing merchant-presented codes: only those that the reader accepts leave this module.

use super::Profile;
use super::account::UnionPayAccount;
use super::additional::AdditionalField;
use super::check;
use super::code::{Initiation, MerchantCode, Percentage};
use super::elements::{self, Elements};
use crate::crc::crc16;
use crate::decimal::decimal_text;
use crate::error::{Error, Place};
use crate::mask::Masked;

/// The data objects of a template, in the order in which they are put in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TemplateBuilder {
    objects: Vec<(u8, String)>,
}

impl TemplateBuilder {
    /// A template without data objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A template that names a globally unique identifier (00): for 26–51 and 80–99.
    #[must_use]
    pub fn of(identifier: &str) -> Self {
        Self::new().with(0, identifier)
    }

    /// One more data object.
    #[must_use]
    pub fn with(mut self, id: u8, value: &str) -> Self {
        self.objects.push((id, value.to_owned()));
        self
    }

    /// One more field of the additional data (62); [`super::PROMPT`] has the consumer asked for it.
    #[must_use]
    pub fn field(self, field: AdditionalField, value: &str) -> Self {
        self.with(field.id(), value)
    }

    fn text(&self, place: Place) -> Result<String, Error> {
        let mut out = String::new();
        for (id, value) in &self.objects {
            elements::write(&mut out, *id, value, place)?;
        }
        Ok(out)
    }

    fn copy(elements: &Elements<'_>) -> Self {
        let objects = elements.iter().map(|element| (element.id, element.value.to_owned()));
        Self { objects: objects.collect() }
    }
}

impl std::fmt::Debug for TemplateBuilder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_map().entries(self.objects.iter().map(|(id, value)| (id, Masked(value)))).finish()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(MaskedText),
    Template(TemplateBuilder),
}

/// A text whose `Debug` hides card numbers.
#[derive(Clone, PartialEq, Eq)]
struct MaskedText(String);

impl std::fmt::Debug for MaskedText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&Masked(&self.0), out)
    }
}

/// Gathers the data objects of a code; they are written in the order in which they were put in, between the payload
/// format indicator and the CRC.
///
/// Nothing is checked before [`Builder::build`], and everything there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builder {
    objects: Vec<(u8, Value)>,
}

impl Builder {
    /// A code without data objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn of(code: &MerchantCode<'_>) -> Self {
        let objects = code.elements().iter().filter(|element| !matches!(element.id, 0 | 63)).map(|element| {
            let inside = check::is_template(element.id)
                .then(|| Elements::read(element.value, element.offset, Place::ROOT).ok())
                .flatten();
            let value = match inside {
                Some(elements) => Value::Template(TemplateBuilder::copy(&elements)),
                None => Value::Text(MaskedText(element.value.to_owned())),
            };
            (element.id, value)
        });
        Self { objects: objects.collect() }
    }

    /// A data object by its id; the others are shorter to say.
    #[must_use]
    pub fn with(mut self, id: u8, value: &str) -> Self {
        self.objects.push((id, Value::Text(MaskedText(value.to_owned()))));
        self
    }

    /// A template by its id: 26–51, 62, 64, 80–99.
    #[must_use]
    pub fn template(mut self, id: u8, template: TemplateBuilder) -> Self {
        self.objects.push((id, Value::Template(template)));
        self
    }

    /// Takes a data object out again, to put another in.
    #[must_use]
    pub fn without(mut self, id: u8) -> Self {
        self.objects.retain(|(other, _)| *other != id);
        self
    }

    /// Point of initiation method (01).
    #[must_use]
    pub fn initiation(self, initiation: Initiation) -> Self {
        self.with(1, if initiation == Initiation::Static { "11" } else { "12" })
    }

    /// The merchant's UnionPay account, under id 15 or 16.
    #[must_use]
    pub fn union_pay(self, id: u8, account: UnionPayAccount<'_>) -> Self {
        let UnionPayAccount { acquirer, forwarder, merchant } = account;
        self.with(id, &format!("{acquirer}{forwarder}{merchant}"))
    }

    /// Merchant category code (52).
    #[must_use]
    pub fn category(self, code: &str) -> Self {
        self.with(52, code)
    }

    /// Transaction currency (53), ISO 4217 numeric.
    #[must_use]
    pub fn currency(self, numeric: u16) -> Self {
        self.with(53, &format!("{numeric:03}"))
    }

    /// Transaction amount (54) in minor units of a currency with `exponent` decimals.
    #[must_use]
    pub fn amount(self, minor_units: u64, exponent: u8) -> Self {
        self.with(54, &decimal_text(minor_units, exponent))
    }

    /// Has the consumer asked for a tip (55).
    #[must_use]
    pub fn tip_prompt(self) -> Self {
        self.with(55, "01")
    }

    /// A fixed convenience fee (55, 56) in minor units of a currency with `exponent` decimals.
    #[must_use]
    pub fn tip_fixed(self, minor_units: u64, exponent: u8) -> Self {
        self.with(55, "02").with(56, &decimal_text(minor_units, exponent))
    }

    /// A convenience fee in percent of the amount (55, 57).
    #[must_use]
    pub fn tip_percentage(self, fee: Percentage) -> Self {
        self.with(55, "03").with(57, &decimal_text(u64::from(fee.hundredths()), 2))
    }

    /// Country code (58), ISO 3166-1 alpha-2.
    #[must_use]
    pub fn country(self, code: &str) -> Self {
        self.with(58, code)
    }

    /// Merchant name (59), up to 25 characters.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.with(59, name)
    }

    /// Merchant city (60), up to 15 characters.
    #[must_use]
    pub fn city(self, city: &str) -> Self {
        self.with(60, city)
    }

    /// Postal code (61), up to 10 characters.
    #[must_use]
    pub fn postal_code(self, code: &str) -> Self {
        self.with(61, code)
    }

    /// Additional data (62).
    #[must_use]
    pub fn additional(self, fields: TemplateBuilder) -> Self {
        self.template(62, fields)
    }

    /// Name, and city if given, in another language (64).
    #[must_use]
    pub fn local_name(self, language: &str, name: &str, city: Option<&str>) -> Self {
        let template = TemplateBuilder::new().with(0, language).with(1, name);
        self.template(64, city.into_iter().fold(template, |template, city| template.with(2, city)))
    }

    /// Writes the payload, and reads it under `profile` before it is handed out.
    ///
    /// # Errors
    /// What [`MerchantCode::read`] says of it; a value is empty or longer than 99 characters.
    pub fn build(&self, profile: Profile) -> Result<String, Error> {
        let mut out = String::from("000201");
        for (id, value) in &self.objects {
            match value {
                Value::Text(text) => elements::write(&mut out, *id, &text.0, Place::ROOT)?,
                Value::Template(template) => {
                    let text = template.text(Place::ROOT.id(*id))?;
                    elements::write(&mut out, *id, &text, Place::ROOT)?;
                }
            }
        }
        out.push_str("6304");
        let crc = crc16(out.as_bytes());
        out.push_str(&format!("{crc:04X}"));
        let profile = if profile == Profile::Lenient { Profile::Scheme } else { profile };
        MerchantCode::read(&out, profile)?;
        Ok(out)
    }
}
