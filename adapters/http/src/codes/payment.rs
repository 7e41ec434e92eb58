//! The code that is shown by whoever is to be paid.
//!
//! ```text
//!  01 11 many times, the payer says how much │ 12 once
//!  26 00 org.feiqian  01 account to be paid
//!  52 category  53 currency  54 amount  58 country  59 name  60 city  62.05 reference
//!  80 00 org.feiqian  01 number of the code, 32 digits  02 seconds since 1970 when it expires     (where it pays once)
//!  81 00 org.feiqian  01 seal over every other object, 32 digits
//!  63 CRC
//! ```

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_emvqr::mpm::{
    AdditionalField, Builder, Initiation, Label, MerchantCode, Profile, Template, TemplateBuilder,
};

use super::{CodeFault, CodeKey, IDENTIFIER, Kind, Seal};

const ACCOUNT: u8 = 26;
const ONCE: u8 = 80;
const SEAL: u8 = 81;
const CRC: u8 = 63;

/// What stands beside name and amount, as the payer is shown it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) city: String,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: String,
    /// ISO 18245; `0000` where nobody trades.
    pub(crate) category: String,
    pub(crate) reference: Option<String>,
}

/// What a code asks to be paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PaymentCode {
    pub(crate) creditor: AccountHandle,
    pub(crate) currency: Currency,
    pub(crate) shown: Shown,
    /// Of a code that pays once.
    pub(crate) once: Option<Once>,
}

/// What makes a code pay once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Once {
    /// Minor units.
    pub(crate) amount: u64,
    /// Its number: of no other code.
    pub(crate) code: u128,
    /// Seconds since 1970.
    pub(crate) expires_s: u64,
}

impl PaymentCode {
    /// The payload with its seal.
    pub(crate) fn write(&self, key: &CodeKey) -> Result<String, feiqian_emvqr::Error> {
        let unsealed = self.objects();
        // Sealed with anything first: the seal runs over what the builder makes of all others.
        let draft = unsealed.clone().template(SEAL, own().with(1, &"0".repeat(32))).build(Profile::Emvco)?;
        let code = MerchantCode::read(&draft, Profile::Emvco)?;
        let seal = seal(key, &code);
        unsealed.template(SEAL, own().with(1, &seal_text(seal))).build(Profile::Emvco)
    }

    fn objects(&self) -> Builder {
        let shown = &self.shown;
        let initiation = if self.once.is_some() { Initiation::Dynamic } else { Initiation::Static };
        let mut objects = Builder::new()
            .initiation(initiation)
            .template(ACCOUNT, own().with(1, &self.creditor.to_string()))
            .category(&shown.category)
            .currency(self.currency.numeric());
        if let Some(once) = &self.once {
            objects = objects.amount(once.amount, self.currency.exponent());
        }
        objects = objects.country(&shown.country).name(&shown.name).city(&shown.city);
        if let Some(reference) = &shown.reference {
            objects = objects
                .additional(TemplateBuilder::default().field(AdditionalField::ReferenceLabel, reference));
        }
        match &self.once {
            Some(once) => {
                let template =
                    own().with(1, &format!("{:032x}", once.code)).with(2, &once.expires_s.to_string());
                objects.template(ONCE, template)
            }
            None => objects,
        }
    }

    /// Reads a payload that this house has sealed.
    pub(crate) fn read(payload: &str, key: &CodeKey) -> Result<Self, CodeFault> {
        let code = MerchantCode::read(payload, Profile::Emvco).map_err(CodeFault::Unreadable)?;
        let account = code.account_of(IDENTIFIER).ok_or(CodeFault::Foreign)?;
        let sealed = template(&code, SEAL).ok_or(CodeFault::Altered)?;
        let own_seal = sealed.get(1).and_then(hex16).map(Seal).ok_or(CodeFault::Altered)?;
        if seal(key, &code) != own_seal {
            return Err(CodeFault::Altered);
        }
        // What is under the seal was written here: another form is another house's with the same key, that is, none.
        Self::of(&code, &account).ok_or(CodeFault::Altered)
    }

    fn of(code: &MerchantCode<'_>, account: &Template<'_>) -> Option<Self> {
        let currency = Currency::from_numeric(code.currency?)?;
        let reference = code.additional.as_ref().and_then(|data| data.label(AdditionalField::ReferenceLabel));
        let once = match code.amount {
            Some(amount) => {
                let template = template(code, ONCE)?;
                Some(Once {
                    amount: amount.minor_units(currency.exponent()).ok()?,
                    code: template.get(1).and_then(hex16).map(u128::from_be_bytes)?,
                    expires_s: template.get(2)?.parse().ok()?,
                })
            }
            None => None,
        };
        Some(Self {
            creditor: account.get(1)?.parse().ok()?,
            currency,
            shown: Shown {
                name: code.name?.to_owned(),
                city: code.city?.to_owned(),
                country: code.country?.to_owned(),
                category: code.category?.to_owned(),
                reference: match reference {
                    Some(Label::Value(text)) => Some(text.to_owned()),
                    _ => None,
                },
            },
            once,
        })
    }
}

fn own() -> TemplateBuilder {
    TemplateBuilder::of(IDENTIFIER)
}

fn template<'a>(code: &MerchantCode<'a>, id: u8) -> Option<Template<'a>> {
    let element = code.elements().get(id)?;
    let template = Template::read(element).ok()?;
    (template.identifier() == Some(IDENTIFIER)).then_some(template)
}

/// Over every object but the seal and the CRC, in the payload's order.
fn seal(key: &CodeKey, code: &MerchantCode<'_>) -> Seal {
    let mut content = Vec::with_capacity(code.payload().len());
    for element in code.elements().iter().filter(|element| element.id != SEAL && element.id != CRC) {
        content.push(element.id);
        content.extend((element.value.len() as u64).to_le_bytes());
        content.extend(element.value.as_bytes());
    }
    key.seal(Kind::Payment, &content)
}

fn seal_text(seal: Seal) -> String {
    format!("{:032x}", u128::from_be_bytes(seal.0))
}

/// 32 small hexadecimal digits.
fn hex16(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}
