//! A consumer-presented code that was read: what it says, by the standard's names.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ber::{self, Object, Objects, Tag};
use super::builder::DataObjects;
use super::card::{Pan, Track2};
use crate::error::{Error, ErrorCode, Place};
use crate::limits::{APPLICATIONS_MAX, PAYLOAD_BYTES_MAX};

const FORMAT: &[u8] = b"CPV01";

/// A consumer-presented code: one or more applications, and what they have in common.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsumerCode {
    bytes: Vec<u8>,
}

impl ConsumerCode {
    /// Reads a payload: base64 (RFC 4648, section 4, with padding) of BER-TLV.
    ///
    /// # Errors
    /// The first fault: of the base64, of structure, of a data object, then whatever mandatory object is missing.
    pub fn read(payload: &str) -> Result<Self, Error> {
        if payload.is_empty() {
            return Err(Error::new(ErrorCode::Empty, Place::ROOT, 0));
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::new(ErrorCode::TooLarge, Place::ROOT, PAYLOAD_BYTES_MAX));
        }
        let bytes = STANDARD.decode(payload).map_err(|error| {
            let offset = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => payload.len(),
            };
            Error::new(ErrorCode::NotBase64, Place::ROOT, offset)
        })?;
        Self::from_bytes(bytes)
    }

    /// Reads the data objects themselves.
    ///
    /// # Errors
    /// As [`ConsumerCode::read`], from structure on.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::new(ErrorCode::TooLarge, Place::ROOT, PAYLOAD_BYTES_MAX));
        }
        check_format(&bytes)?;
        let mut applications = 0_usize;
        ber::check((&bytes, 0), Place::ROOT, &[Tag::APPLICATION], &mut |object, place| {
            if object.tag == Tag::APPLICATION && place.depth() == 1 {
                applications = applications.saturating_add(1);
                if applications > APPLICATIONS_MAX {
                    return Err(Error::new(ErrorCode::TooLarge, place, object.offset));
                }
            }
            check_value(object, place)
        })?;
        let code = Self { bytes };
        code.check_applications()?;
        Ok(code)
    }

    /// Each application template has to say whose it is.
    fn check_applications(&self) -> Result<(), Error> {
        if self.applications().next().is_none() {
            return Err(Error::new(ErrorCode::NoApplication, Place::ROOT, self.bytes.len()));
        }
        let place = Place::ROOT.tag(Tag::APPLICATION.number()).tag(Tag::ADF_NAME.number());
        match self.applications().find(|template| template.objects().get(Tag::ADF_NAME).is_none()) {
            None => Ok(()),
            Some(template) => Err(Error::new(ErrorCode::Missing, place, template.object.offset)),
        }
    }

    /// The payload as text.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// The payload before base64.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The data objects of the payload, in their order.
    #[must_use]
    pub fn objects(&self) -> Objects<'_> {
        Objects::checked(&self.bytes)
    }

    /// The application templates (61), in the order of the consumer's preference.
    pub fn applications(&self) -> impl Iterator<Item = CardTemplate<'_>> {
        self.objects().filter(|object| object.tag == Tag::APPLICATION).map(|object| CardTemplate { object })
    }

    /// The common data template (62).
    #[must_use]
    pub fn common(&self) -> Option<CardTemplate<'_>> {
        self.objects().get(Tag::COMMON).map(|object| CardTemplate { object })
    }

    /// The card number that an application is paid with: of its own, or of the common data.
    #[must_use]
    pub fn pan_of(&self, application: &CardTemplate<'_>) -> Option<Pan> {
        application.card_number().or_else(|| self.common()?.card_number())
    }

    /// All data objects, to write them again or changed.
    #[must_use]
    pub fn to_objects(&self) -> DataObjects {
        DataObjects::copy(self.objects())
    }
}

impl fmt::Debug for ConsumerCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ConsumerCode")
            .field("applications", &self.applications().collect::<Vec<_>>())
            .field("common", &self.common())
            .finish()
    }
}

/// An application template (61) or the common data template (62).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CardTemplate<'a> {
    object: Object<'a>,
}

impl<'a> CardTemplate<'a> {
    /// All its data objects, in their order.
    #[must_use]
    pub fn objects(&self) -> Objects<'a> {
        self.object.objects()
    }

    /// The value of a data object of the template, or of its transparent template (63, 64).
    #[must_use]
    pub fn value(&self, tag: Tag) -> Option<&'a [u8]> {
        let own = self.objects().get(tag);
        own.or_else(|| self.transparent()?.get(tag)).map(|object| object.value)
    }

    /// The data objects of the transparent template (63 of an application, 64 of the common data).
    #[must_use]
    pub fn transparent(&self) -> Option<Objects<'a>> {
        let tags = [Tag::APPLICATION_TRANSPARENT, Tag::COMMON_TRANSPARENT];
        self.objects().find(|object| tags.contains(&object.tag)).map(|object| object.objects())
    }

    /// Application identifier (4F), 5 to 16 bytes.
    #[must_use]
    pub fn adf_name(&self) -> Option<&'a [u8]> {
        self.value(Tag::ADF_NAME)
    }

    /// Application label (50).
    #[must_use]
    pub fn label(&self) -> Option<&'a str> {
        self.text(Tag::LABEL)
    }

    /// Cardholder name (5F20).
    #[must_use]
    pub fn cardholder_name(&self) -> Option<&'a str> {
        self.text(Tag::CARDHOLDER_NAME)
    }

    /// Languages (5F2D), two letters of ISO 639 each, the preferred one first.
    #[must_use]
    pub fn languages(&self) -> Option<&'a str> {
        self.text(Tag::LANGUAGE)
    }

    /// Application PAN (5A).
    #[must_use]
    pub fn pan(&self) -> Option<Pan> {
        Pan::from_compressed(self.value(Tag::PAN)?).ok()
    }

    /// Track 2 equivalent data (57).
    #[must_use]
    pub fn track2(&self) -> Option<Track2> {
        Track2::parse(self.value(Tag::TRACK2)?).ok()
    }

    fn card_number(&self) -> Option<Pan> {
        self.pan().or_else(|| Some(self.track2()?.pan))
    }

    fn text(&self, tag: Tag) -> Option<&'a str> {
        str::from_utf8(self.value(tag)?).ok()
    }
}

impl fmt::Debug for CardTemplate<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CardTemplate")
            .field("tag", &self.object.tag)
            .field("pan", &self.card_number())
            .field("objects", &self.objects())
            .finish()
    }
}

/// The payload format indicator has to be first, and the one that is known.
fn check_format(bytes: &[u8]) -> Result<(), Error> {
    let place = Place::ROOT.tag(Tag::PAYLOAD_FORMAT.number());
    if bytes.is_empty() {
        return Err(Error::new(ErrorCode::Empty, Place::ROOT, 0));
    }
    match Objects::checked(bytes).next() {
        Some(first) if first.tag != Tag::PAYLOAD_FORMAT => {
            Err(Error::new(ErrorCode::FormatNotFirst, place, 0))
        }
        Some(first) if first.value != FORMAT => {
            Err(Error::new(ErrorCode::UnknownFormat, place, first.offset))
        }
        // A first object that can't be read gets its own error when all are checked.
        _ => Ok(()),
    }
}

/// The formats of the objects that EMV QRCPS CPM names, from the data dictionary of EMV Book 3; any other tag may hold
/// anything.
fn check_value(object: &Object<'_>, place: Place) -> Result<(), Error> {
    let Object { tag, value, offset } = *object;
    let is_text = || value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let is_number = || value.iter().all(|byte| byte & 0xF <= 9 && byte >> 4 <= 9);
    let is_valid = match tag {
        Tag::PAN => {
            return Pan::from_compressed(value).map(|_| ()).map_err(|code| Error::new(code, place, offset));
        }
        Tag::TRACK2 => {
            return Track2::parse(value).map(|_| ()).map_err(|code| Error::new(code, place, offset));
        }
        Tag::ADF_NAME => (5..=16).contains(&value.len()),
        Tag::LABEL => (1..=16).contains(&value.len()) && is_text(),
        Tag::CARDHOLDER_NAME => (2..=26).contains(&value.len()) && is_text(),
        Tag::LANGUAGE => matches!(value.len(), 2 | 4 | 6 | 8) && value.iter().all(u8::is_ascii_alphabetic),
        Tag::ISSUER_URL => !value.is_empty() && is_text(),
        Tag::EXPIRY => value.len() == 3 && is_number(),
        Tag::PAN_SEQUENCE => value.len() == 1 && is_number(),
        Tag::VERSION | Tag::TRANSACTION_COUNTER | Tag::INTERCHANGE_PROFILE => value.len() == 2,
        Tag::TOKEN_REQUESTOR => value.len() == 6 && is_number(),
        Tag::PAYMENT_ACCOUNT_REFERENCE => value.len() == 29 && value.iter().all(u8::is_ascii_alphanumeric),
        Tag::LAST_DIGITS => value.len() == 2 && is_number(),
        Tag::ISSUER_DATA => (1..=32).contains(&value.len()),
        Tag::CRYPTOGRAM => value.len() == 8,
        Tag::CRYPTOGRAM_INFORMATION => value.len() == 1,
        Tag::UNPREDICTABLE_NUMBER => value.len() == 4,
        _ => true,
    };
    if is_valid { Ok(()) } else { Err(Error::new(ErrorCode::InvalidValue, place, offset)) }
}

/// The payload format indicator's value, for the builder.
pub(super) fn format() -> &'static [u8] {
    FORMAT
}
