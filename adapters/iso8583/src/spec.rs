//! Field tables: which encoding, and of each field its format and length. Data, built in or read from a TOML text of the
//! same shape; a table may name a built-in one as its base and say what differs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::limits::{FIELDS, SPEC_BYTES_MAX};
use crate::mac_block::MacBlock;

/// How digits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digits {
    /// One ASCII character each.
    Ascii,
    /// Two in a byte.
    Bcd,
    /// One EBCDIC character each.
    Ebcdic,
}

/// How lengths in front of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lengths {
    /// Two or three ASCII digits.
    Ascii,
    /// One or two bytes of two digits.
    Bcd,
    /// Two or three EBCDIC digits.
    Ebcdic,
    /// One byte for `..`, and for `...` too (255 at most).
    Binary,
}

/// How bitmaps are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bitmap {
    /// Eight bytes; eight more where bit 1 says so.
    Binary,
    /// 16 hexadecimal characters; 16 more where bit 1 says so.
    Hex,
    /// Always 32 hexadecimal characters, whatever bit 1 says.
    Hex16,
}

/// How text is written. What is not EBCDIC (ASCII, ISO 8859-1, GBK) is kept as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Text {
    /// ASCII, or an extension of it.
    Ascii,
    /// EBCDIC code page 037.
    Ebcdic,
}

/// What a field holds, in the standard's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `n`: digits; an odd count in BCD has its empty half byte in front.
    N,
    /// `nl`: digits; an odd count in BCD has its empty half byte behind.
    Nl,
    /// `an`: letters and digits. Networks put more in, so what is in them is not checked.
    An,
    /// `ans`: any text.
    Ans,
    /// `b`: bytes.
    B,
    /// `z`: track characters: digits and the separator, `=` or `D`.
    Z,
    /// `x+n`: a sign, C or D, and digits; the length counts both.
    Xn,
}

/// Whether a length stands in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// None: the field always has its length.
    Fixed,
    /// LLVAR: two digits.
    Ll,
    /// LLLVAR: three digits.
    Lll,
}

/// A row of a field table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    pub format: Format,
    pub extent: Extent,
    /// Digits, characters or (for `b`) bytes: exactly, or at most where a length stands in front.
    pub length: u16,
}

/// Which edition's meaning the fields have: where the original data elements and the local time stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// ISO 8583:1987: original data elements in field 90.
    E1987,
    /// ISO 8583:1993: original data elements in field 56.
    E1993,
}

/// A field table with its encodings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub name: String,
    pub edition: Edition,
    pub mti: Digits,
    pub bitmap: Bitmap,
    pub digits: Digits,
    pub lengths: Lengths,
    pub text: Text,
    /// What codes cover, where it is not all before them.
    pub mac: Option<MacBlock>,
    fields: [Option<FieldSpec>; FIELDS + 1],
}

/// Why a text is no field table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Not TOML, or not of the shape.
    #[error("{0}")]
    Shape(String),
    /// No built-in table of this name.
    #[error("no built-in table is named {0:?}")]
    Base(String),
    /// A key is missing and there is no base.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Neither 1987 nor 1993.
    #[error("edition {0} is not known")]
    Edition(u16),
    /// Not 2 to 64 or 66 to 128, or no format like `n 6`, `ans..25`, `z...104`.
    #[error("field {0}: {1:?} is no field")]
    Field(String, String),
    /// Not ascending, none, or fields that no code can cover.
    #[error(
        "mac: fields are numbers from 0 (the MTI) to 127 without 1, 64 and 65, ascending; first names some of them; field \
         can be 128"
    )]
    MacFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    base: Option<String>,
    edition: Option<u16>,
    mti: Option<Digits>,
    bitmap: Option<Bitmap>,
    digits: Option<Digits>,
    lengths: Option<Lengths>,
    text: Option<Text>,
    mac: Option<MacBlock>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl FieldSpec {
    /// Reads the standard's notation: `n 6`, `n..19`, `z...104`, `x+n 9`, `b 8` (bytes).
    #[must_use]
    pub fn parse(text: &str) -> Option<FieldSpec> {
        let (format, extent, length) = if let Some((format, length)) = text.split_once("...") {
            (format, Extent::Lll, length)
        } else if let Some((format, length)) = text.split_once("..") {
            (format, Extent::Ll, length)
        } else {
            let (format, length) = text.split_once(' ')?;
            (format, Extent::Fixed, length)
        };
        let format = match format {
            "n" => Format::N,
            "nl" => Format::Nl,
            "an" => Format::An,
            "ans" => Format::Ans,
            "b" => Format::B,
            "z" => Format::Z,
            "x+n" => Format::Xn,
            _ => return None,
        };
        let length: u16 = length.parse().ok()?;
        let max = if extent == Extent::Ll { 99 } else { 999 };
        (1..=max).contains(&length).then_some(FieldSpec { format, extent, length })
    }
}

impl Spec {
    /// The row of a field, none where the table hasn't it.
    #[must_use]
    pub fn field(&self, number: u8) -> Option<FieldSpec> {
        self.fields.get(usize::from(number)).copied().flatten()
    }

    /// Reads a table; a configuration gives its own in this shape.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn from_toml(text: &str) -> Result<Spec, SpecError> {
        if text.len() > SPEC_BYTES_MAX {
            return Err(SpecError::Shape("the table is too long".to_owned()));
        }
        let written: Written =
            toml::from_str(text).map_err(|error| SpecError::Shape(error.message().to_owned()))?;
        let base = match &written.base {
            None => None,
            Some(name) => Some(Spec::built_in(name).ok_or_else(|| SpecError::Base(name.clone()))?),
        };
        let edition = match (written.edition, base) {
            (Some(1987), _) => Edition::E1987,
            (Some(1993), _) => Edition::E1993,
            (Some(other), _) => return Err(SpecError::Edition(other)),
            (None, Some(base)) => base.edition,
            (None, None) => return Err(SpecError::Missing("edition")),
        };
        let mut fields = base.map_or([None; FIELDS + 1], |base| base.fields);
        for (number, text) in &written.fields {
            let refused = || SpecError::Field(number.clone(), text.clone());
            let at: usize = number.parse().map_err(|_| refused())?;
            let slot = fields.get_mut(at).filter(|_| at > 1 && at != 65).ok_or_else(refused)?;
            *slot = Some(FieldSpec::parse(text).ok_or_else(refused)?);
        }
        let mac = written.mac.or_else(|| base.and_then(|base| base.mac.clone()));
        mac.as_ref().map_or(Ok(()), MacBlock::check)?;
        Ok(Spec {
            name: written.name,
            edition,
            mti: written.mti.or(base.map(|base| base.mti)).ok_or(SpecError::Missing("mti"))?,
            bitmap: written.bitmap.or(base.map(|base| base.bitmap)).ok_or(SpecError::Missing("bitmap"))?,
            digits: written.digits.or(base.map(|base| base.digits)).ok_or(SpecError::Missing("digits"))?,
            lengths: written
                .lengths
                .or(base.map(|base| base.lengths))
                .ok_or(SpecError::Missing("lengths"))?,
            text: written.text.or(base.map(|base| base.text)).ok_or(SpecError::Missing("text"))?,
            mac,
            fields,
        })
    }

    /// A built-in table by its name, as a configuration's `base` gives it.
    #[must_use]
    pub fn built_in(name: &str) -> Option<&'static Spec> {
        match name {
            "generic-1987" => Some(&GENERIC_1987),
            "generic-1993" => Some(&GENERIC_1993),
            "unionpay" => Some(&UNIONPAY),
            "unionpay-mab" => Some(&UNIONPAY_MAB),
            "unionpay-terminal" => Some(&UNIONPAY_TERMINAL),
            _ => None,
        }
    }
}

/// ISO 8583:1987, all ASCII.
pub static GENERIC_1987: LazyLock<Spec> = LazyLock::new(|| own(include_str!("../specs/generic-1987.toml")));
/// ISO 8583:1993, all ASCII.
pub static GENERIC_1993: LazyLock<Spec> = LazyLock::new(|| own(include_str!("../specs/generic-1993.toml")));
/// China UnionPay's interchange.
pub static UNIONPAY: LazyLock<Spec> = LazyLock::new(|| own(include_str!("../specs/unionpay.toml")));
/// China UnionPay's interchange with its code over chosen fields.
pub static UNIONPAY_MAB: LazyLock<Spec> = LazyLock::new(|| own(include_str!("../specs/unionpay-mab.toml")));
/// China UnionPay's terminals.
pub static UNIONPAY_TERMINAL: LazyLock<Spec> =
    LazyLock::new(|| own(include_str!("../specs/unionpay-terminal.toml")));

fn own(text: &str) -> Spec {
    Spec::from_toml(text).expect("the built-in tables are read by a test")
}
