//! BER-TLV as EMV Book 3, annex B writes it: tags of one to three bytes, definite lengths of one to three.
//!
//! ```text
//!  61 │ 4F │ 4F 08 A0 00 00 03 33 01 01 01 │ 50 08 …          9F26 │ 08 │ …
//!  tag  length  value, here data objects again                tag of two bytes
//! ```
//!
//! One value has one encoding here: no padding between objects, no length in more bytes than it needs. What was
//! checked once ([`check`]) is walked again without copying by [`Objects`].

use std::fmt;

use crate::error::{Error, ErrorCode, Place};
use crate::limits::{DEPTH_MAX, OBJECTS_MAX, TAG_BYTES_MAX};

/// A tag of one to three bytes, as a number: `4F`, `9F26`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// Payload format indicator.
    pub const PAYLOAD_FORMAT: Self = Self(0x85);
    /// Application template.
    pub const APPLICATION: Self = Self(0x61);
    /// Common data template.
    pub const COMMON: Self = Self(0x62);
    /// Application specific transparent template.
    pub const APPLICATION_TRANSPARENT: Self = Self(0x63);
    /// Common data transparent template.
    pub const COMMON_TRANSPARENT: Self = Self(0x64);
    /// Application definition file name: the application identifier.
    pub const ADF_NAME: Self = Self(0x4F);
    /// Application label.
    pub const LABEL: Self = Self(0x50);
    /// Track 2 equivalent data.
    pub const TRACK2: Self = Self(0x57);
    /// Application PAN: the card number, or the token in its place.
    pub const PAN: Self = Self(0x5A);
    /// Application interchange profile.
    pub const INTERCHANGE_PROFILE: Self = Self(0x82);
    /// Cardholder name.
    pub const CARDHOLDER_NAME: Self = Self(0x5F20);
    /// Application expiration date, YYMMDD.
    pub const EXPIRY: Self = Self(0x5F24);
    /// Language preference.
    pub const LANGUAGE: Self = Self(0x5F2D);
    /// PAN sequence number.
    pub const PAN_SEQUENCE: Self = Self(0x5F34);
    /// Issuer URL.
    pub const ISSUER_URL: Self = Self(0x5F50);
    /// Application version number.
    pub const VERSION: Self = Self(0x9F08);
    /// Issuer application data.
    pub const ISSUER_DATA: Self = Self(0x9F10);
    /// Token requestor ID.
    pub const TOKEN_REQUESTOR: Self = Self(0x9F19);
    /// Payment account reference.
    pub const PAYMENT_ACCOUNT_REFERENCE: Self = Self(0x9F24);
    /// Last four digits of the PAN.
    pub const LAST_DIGITS: Self = Self(0x9F25);
    /// Application cryptogram.
    pub const CRYPTOGRAM: Self = Self(0x9F26);
    /// Cryptogram information data.
    pub const CRYPTOGRAM_INFORMATION: Self = Self(0x9F27);
    /// Application transaction counter.
    pub const TRANSACTION_COUNTER: Self = Self(0x9F36);
    /// Unpredictable number.
    pub const UNPREDICTABLE_NUMBER: Self = Self(0x9F37);
    /// The first primitive tag of the private class (DF01): what an application puts into its transparent template.
    pub const PRIVATE: Self = Self(0xDF01);

    /// The tag of these bytes, if they are one whole tag.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, length) = tag_at(bytes).ok()?;
        (length == bytes.len()).then_some(tag)
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
    }

    /// Whether its value is made of data objects.
    #[must_use]
    pub fn is_template(self) -> bool {
        self.0.to_be_bytes().into_iter().find(|byte| *byte != 0).is_some_and(|byte| byte & 0x20 != 0)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02X}", self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// One data object. Its `Debug` shows the length only: the value may be a card number or a cryptogram.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// Its tag.
    pub tag: Tag,
    /// Its value.
    pub value: &'a [u8],
    /// Where the value begins in the payload, in bytes.
    pub offset: usize,
}

impl<'a> Object<'a> {
    /// The data objects of a template; none of any other object.
    #[must_use]
    pub fn objects(&self) -> Objects<'a> {
        let bytes = if self.tag.is_template() { self.value } else { &[] };
        Objects { bytes, at: 0, offset: self.offset }
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}({} bytes)", self.tag, self.value.len())
    }
}

/// The data objects of a payload or template that was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Objects<'a> {
    bytes: &'a [u8],
    at: usize,
    offset: usize,
}

impl<'a> Objects<'a> {
    /// Those of a payload that [`check`] let pass.
    pub(crate) fn checked(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, offset: 0 }
    }

    /// The first object of a tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<Object<'a>> {
        self.clone().find(|object| object.tag == tag)
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Object<'a>;

    fn next(&mut self) -> Option<Object<'a>> {
        // Checked before: an error can only be the end.
        let (object, next) = object_at(self.bytes, self.at, self.offset, Place::ROOT).ok()?;
        self.at = next;
        Some(object)
    }
}

impl fmt::Debug for Objects<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.clone()).finish()
    }
}

/// Checks that `bytes`, which begin at `offset` of the payload, are data objects down to `depth` templates, each tag
/// once in its template but those that `repeats`; `each` sees every object with its place.
pub(crate) fn check<'a>(
    (bytes, offset): (&'a [u8], usize),
    place: Place,
    repeats: &[Tag],
    each: &mut dyn FnMut(&Object<'a>, Place) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut seen: Vec<Tag> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (object, next) = object_at(bytes, at, offset, place)?;
        let inside = place.tag(object.tag.number());
        let fail = |code| Error::new(code, inside, offset.saturating_add(at));
        if seen.len() >= OBJECTS_MAX {
            return Err(fail(ErrorCode::TooLarge));
        }
        if seen.contains(&object.tag) && !repeats.contains(&object.tag) {
            return Err(fail(ErrorCode::Duplicate));
        }
        seen.push(object.tag);
        each(&object, inside)?;
        if object.tag.is_template() {
            if inside.depth() > DEPTH_MAX {
                return Err(fail(ErrorCode::TooDeep));
            }
            check((object.value, object.offset), inside, &[], each)?;
        }
        at = next;
    }
    Ok(())
}

/// The object at `at`, and where the next one begins.
fn object_at(bytes: &[u8], at: usize, offset: usize, place: Place) -> Result<(Object<'_>, usize), Error> {
    let here = offset.saturating_add(at);
    let rest = bytes.get(at..).unwrap_or_default();
    let (tag, tag_bytes) = tag_at(rest).map_err(|code| Error::new(code, place, here))?;
    let inside = place.tag(tag.number());
    let behind_tag = rest.get(tag_bytes..).unwrap_or_default();
    let length_at = here.saturating_add(tag_bytes);
    let (length, length_bytes) =
        length_at_start(behind_tag).map_err(|code| Error::new(code, inside, length_at))?;
    let header = tag_bytes.saturating_add(length_bytes);
    let end = header.saturating_add(length);
    let value = rest.get(header..end).ok_or(Error::new(ErrorCode::PastEnd, inside, length_at))?;
    Ok((Object { tag, value, offset: here.saturating_add(header) }, at.saturating_add(end)))
}

/// The tag at the start of `bytes`, and its length. EMV gives tags of two bytes numbers that one would hold (9F10),
/// so only leading zeros are refused.
fn tag_at(bytes: &[u8]) -> Result<(Tag, usize), ErrorCode> {
    let first = *bytes.first().ok_or(ErrorCode::Truncated)?;
    if first == 0 {
        return Err(ErrorCode::TagForm);
    }
    let mut tag = u32::from(first);
    if first & 0x1F != 0x1F {
        return Ok((Tag(tag), 1));
    }
    for length in 2..=TAG_BYTES_MAX {
        let byte = *bytes.get(length.saturating_sub(1)).ok_or(ErrorCode::Truncated)?;
        if length == 2 && byte == 0x80 {
            return Err(ErrorCode::TagForm);
        }
        tag = (tag << 8) | u32::from(byte);
        if byte & 0x80 == 0 {
            return Ok((Tag(tag), length));
        }
    }
    Err(ErrorCode::TagForm)
}

fn length_at_start(bytes: &[u8]) -> Result<(usize, usize), ErrorCode> {
    let byte = |at: usize| bytes.get(at).map(|byte| usize::from(*byte)).ok_or(ErrorCode::Truncated);
    match byte(0)? {
        short @ 0..=0x7F => Ok((short, 1)),
        0x80 => Err(ErrorCode::IndefiniteLength),
        0x81 => match byte(1)? {
            0..=0x7F => Err(ErrorCode::LengthForm),
            length => Ok((length, 2)),
        },
        0x82 => match (byte(1)? << 8) | byte(2)? {
            0..=0xFF => Err(ErrorCode::LengthForm),
            length => Ok((length, 3)),
        },
        _ => Err(ErrorCode::LengthForm),
    }
}

/// Appends one data object.
pub(crate) fn write(out: &mut Vec<u8>, tag: Tag, value: &[u8]) -> Result<(), Error> {
    let too_large = |_| Error::new(ErrorCode::TooLarge, Place::ROOT.tag(tag.number()), out.len());
    let length = u16::try_from(value.len()).map_err(too_large)?;
    let [high, low] = length.to_be_bytes();
    out.extend(tag.to_bytes());
    match length {
        0..=0x7F => out.push(low),
        0x80..=0xFF => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    out.extend(value);
    Ok(())
}
