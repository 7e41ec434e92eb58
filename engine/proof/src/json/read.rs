//! From a JSON text to the proof, through its bytes.

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use crate::hex;
use crate::json::text::{SyntaxError, Value, parse};
use crate::kinds::{Proof, ProofKind, Refusal};
use crate::layout::{Field, Item, fields_of};

/// Why a text is no proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonError {
    /// Not JSON of objects, lists and plain strings; the number of bytes before the fault.
    Syntax(usize),
    /// No `kind`, or one that this code doesn't know.
    Kind,
    /// An object has a member twice.
    Repeated(&'static str),
    /// An object has a member that no such object has.
    Unknown,
    /// An object lacks this member.
    Missing(&'static str),
    /// The member's value is not of its type, or not in its one form.
    Value(&'static str),
    /// The fields are no proof.
    Refused(Refusal),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(at) => write!(f, "not JSON of objects, lists and plain strings at byte {at}"),
            Self::Kind => f.write_str("the proof has no kind that this version knows"),
            Self::Repeated(name) => write!(f, "an object has {name} twice"),
            Self::Unknown => f.write_str("an object has a member that does not belong there"),
            Self::Missing(name) => write!(f, "an object lacks {name}"),
            Self::Value(name) => write!(f, "the value of {name} is not in its one form"),
            Self::Refused(refusal) => fmt::Display::fmt(refusal, f),
        }
    }
}

impl core::error::Error for JsonError {}

/// Reads a proof's JSON text, all of it; nothing is verified yet.
///
/// # Errors
/// [`JsonError`] says where the text leaves the format.
pub fn from_json(text: &str) -> Result<Proof, JsonError> {
    let value = parse(text).map_err(|SyntaxError { at }| JsonError::Syntax(at))?;
    let mut bytes = Vec::new();
    read_proof(&value, &mut bytes)?;
    Proof::decode(&bytes).map_err(JsonError::Refused)
}

/// Reads a file in either form: what begins with the magic of a proof is binary, all else is taken for a text.
///
/// # Errors
/// [`JsonError`], [`Refused`](JsonError::Refused) with [`Refusal::Magic`] for what is neither; nothing is verified yet.
pub fn from_file(bytes: &[u8]) -> Result<Proof, JsonError> {
    let is_text = bytes.trim_ascii_start().first() == Some(&b'{');
    match core::str::from_utf8(bytes) {
        Ok(text) if is_text => from_json(text),
        _ => Proof::decode(bytes).map_err(JsonError::Refused),
    }
}

/// Appends the bytes of the file that an object with a kind stands for.
fn read_proof(value: &Value<'_>, to: &mut Vec<u8>) -> Result<(), JsonError> {
    let Value::Object(members) = value else { return Err(JsonError::Kind) };
    let mut kinds = members.iter().filter(|(name, _)| *name == "kind");
    let (Some((_, Value::Text(name))), None) = (kinds.next(), kinds.next()) else {
        return Err(JsonError::Kind);
    };
    let kind = ProofKind::ALL.into_iter().find(|kind| kind.name() == *name).ok_or(JsonError::Kind)?;
    to.extend_from_slice(kind.magic());
    read_members(fields_of(kind), members, true, to)
}

/// Appends the bytes of an object's fields, in the order of the layout.
fn read_members(
    fields: &[Field],
    members: &[(&str, Value<'_>)],
    has_kind: bool,
    to: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let is_known = |member: &str| {
        let mut known = fields.iter().filter(|(_, item)| !matches!(item, Item::Fixed(_)));
        known.any(|(name, _)| *name == member) || (has_kind && member == "kind")
    };
    if members.iter().any(|(name, _)| !is_known(name)) {
        return Err(JsonError::Unknown);
    }
    for (name, item) in fields {
        if let Item::Fixed(bytes) = item {
            to.extend_from_slice(bytes);
            continue;
        }
        let mut of_name = members.iter().filter(|(member, _)| member == name);
        let (_, value) = of_name.next().ok_or(JsonError::Missing(name))?;
        if of_name.next().is_some() {
            return Err(JsonError::Repeated(name));
        }
        read_item(name, *item, value, to)?;
    }
    Ok(())
}

fn read_item(name: &'static str, item: Item, value: &Value<'_>, to: &mut Vec<u8>) -> Result<(), JsonError> {
    let wrong = JsonError::Value(name);
    match (item, value) {
        (Item::Fixed(_), _) => Ok(()),
        (Item::One(fields), Value::Object(members)) => read_members(fields, members, false, to),
        (Item::Many(fields), Value::List(values)) => {
            write_count(values.len(), to).ok_or(wrong)?;
            values.iter().try_for_each(|value| match value {
                Value::Object(members) => read_members(fields, members, false, to),
                _ => Err(wrong),
            })
        }
        (Item::Whole, value) => {
            let mut file = Vec::new();
            read_proof(value, &mut file)?;
            write_count(file.len(), to).ok_or(wrong)?;
            to.extend_from_slice(&file);
            Ok(())
        }
        (Item::HexList(width), Value::List(values)) => {
            write_count(values.len(), to).ok_or(wrong)?;
            values.iter().try_for_each(|value| read_hex(value, width, to)).ok_or(wrong)
        }
        (Item::Path, Value::List(values)) => {
            to.push(u8::try_from(values.len()).map_err(|_| wrong)?);
            values.iter().try_for_each(|value| read_hex(value, 32, to)).ok_or(wrong)
        }
        (Item::Hex(width), value) => read_hex(value, width, to).ok_or(wrong),
        (Item::Bytes, Value::Text(text)) => {
            write_count(text.len() / 2, to).ok_or(wrong)?;
            read_hex(value, text.len() / 2, to).ok_or(wrong)
        }
        (Item::Text(width), Value::Text(text)) if text.len() == width && text.is_ascii() => {
            to.extend_from_slice(text.as_bytes());
            Ok(())
        }
        (Item::Unsigned(width), Value::Text(text)) => read_unsigned(text, width, to).ok_or(wrong),
        (Item::Signed, Value::Text(text)) => {
            let number = text.parse::<i128>().ok().filter(|number| number.to_string() == *text);
            to.extend_from_slice(&number.ok_or(wrong)?.to_le_bytes());
            Ok(())
        }
        _ => Err(wrong),
    }
}

fn write_count(count: usize, to: &mut Vec<u8>) -> Option<()> {
    to.extend_from_slice(&u32::try_from(count).ok()?.to_le_bytes());
    Some(())
}

fn read_hex(value: &Value<'_>, width: usize, to: &mut Vec<u8>) -> Option<()> {
    let Value::Text(text) = value else { return None };
    if text.len() != 2 * width {
        return None;
    }
    for pair in text.as_bytes().as_chunks::<2>().0 {
        to.push(hex::byte(*pair)?);
    }
    Some(())
}

/// Appends a number of `width` bytes whose digits are the only ones it has.
fn read_unsigned(text: &str, width: usize, to: &mut Vec<u8>) -> Option<()> {
    let number = text.parse::<u128>().ok().filter(|number| number.to_string() == text)?;
    let bytes = number.to_le_bytes();
    let (low, high) = bytes.split_at_checked(width)?;
    to.extend_from_slice(low);
    high.iter().all(|byte| *byte == 0).then_some(())
}
