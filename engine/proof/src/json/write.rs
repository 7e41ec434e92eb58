//! From a proof's bytes to its JSON text.

use alloc::format;
use alloc::string::{String, ToString as _};

use crate::bytes::Reader;
use crate::kinds::{Proof, ProofKind, Refusal};
use crate::layout::{Field, Item, fields_of};

/// The JSON text of a proof, without white space.
///
/// # Errors
/// [`Refusal`] for a proof that has no binary form either.
pub fn to_json(proof: &Proof) -> Result<String, Refusal> {
    let mut text = String::new();
    write_proof(&proof.encode()?, &mut text).ok_or(Refusal::Truncated)?;
    Ok(text)
}

/// The object of a file's bytes, its kind first.
fn write_proof(bytes: &[u8], to: &mut String) -> Option<()> {
    let kind = ProofKind::of(bytes)?;
    let mut from = Reader::new(bytes);
    from.slice(kind.magic().len())?;
    to.push_str(&format!("{{\"kind\":\"{}\"", kind.name()));
    write_members(fields_of(kind), true, &mut from, to)?;
    to.push('}');
    Some(())
}

/// The members of an object; `goes_on` says that there is one before them.
fn write_members(fields: &[Field], mut goes_on: bool, from: &mut Reader<'_>, to: &mut String) -> Option<()> {
    for (name, item) in fields {
        if let Item::Fixed(bytes) = item {
            from.slice(bytes.len())?;
            continue;
        }
        if goes_on {
            to.push(',');
        }
        goes_on = true;
        to.push_str(&format!("\"{name}\":"));
        write_item(*item, from, to)?;
    }
    Some(())
}

fn write_item(item: Item, from: &mut Reader<'_>, to: &mut String) -> Option<()> {
    match item {
        Item::Fixed(_) => {}
        Item::Hex(count) => write_hex(from.slice(count)?, to),
        Item::Text(count) => write_string(core::str::from_utf8(from.slice(count)?).ok()?, to),
        Item::Unsigned(width) => write_string(&unsigned(from.slice(width)?).to_string(), to),
        Item::Signed => write_string(&i128::from_le_bytes(from.array()?).to_string(), to),
        Item::Bytes => {
            let length = count_of(from)?;
            write_hex(from.slice(length)?, to);
        }
        Item::Path => {
            let [nodes] = from.array()?;
            write_list(usize::from(nodes), to, |to| {
                write_hex(from.slice(32)?, to);
                Some(())
            })?;
        }
        Item::HexList(width) => {
            let count = count_of(from)?;
            write_list(count, to, |to| {
                write_hex(from.slice(width)?, to);
                Some(())
            })?;
        }
        Item::One(fields) => write_object(fields, from, to)?,
        Item::Many(fields) => {
            let count = count_of(from)?;
            write_list(count, to, |to| write_object(fields, from, to))?;
        }
        Item::Whole => {
            let length = count_of(from)?;
            write_proof(from.slice(length)?, to)?;
        }
    }
    Some(())
}

fn write_object(fields: &[Field], from: &mut Reader<'_>, to: &mut String) -> Option<()> {
    to.push('{');
    write_members(fields, false, from, to)?;
    to.push('}');
    Some(())
}

fn write_list(count: usize, to: &mut String, mut item: impl FnMut(&mut String) -> Option<()>) -> Option<()> {
    to.push('[');
    for at in 0..count {
        if at > 0 {
            to.push(',');
        }
        item(to)?;
    }
    to.push(']');
    Some(())
}

fn write_string(text: &str, to: &mut String) {
    to.push('"');
    to.push_str(text);
    to.push('"');
}

fn write_hex(bytes: &[u8], to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    to.push('"');
    for byte in bytes {
        to.push(char::from(DIGITS[usize::from(byte >> 4)]));
        to.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    to.push('"');
}

fn count_of(from: &mut Reader<'_>) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(from.array()?)).ok()
}

/// The value of at most 16 little-endian bytes.
fn unsigned(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte))
}
