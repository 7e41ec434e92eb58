//! Which bytes a message authentication code covers: all from the MTI to the field before it, or a block made of chosen
//! fields, as UnionPay's interchange has it (MAC block, MAB). Data of a field table; makes bytes, knows no key.
//!
//! ```text
//!  0200 166250947000000014 000000 000000012345 0316091500 … 0801050000 …
//!  MTI  2 with its length  3      4            7              32
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::message::{Field, Message};
use crate::mti::Class;
use crate::spec::{Extent, Format, SpecError};

/// How chosen fields become the bytes of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockText {
    /// Each field's characters, its length in front where it has one; small letters become capitals; what is no letter, digit,
    /// blank, comma or full stop is left out; blanks at its ends too, and of several blanks all but one; a blank
    /// between two fields.
    Unionpay,
    /// Each field's bytes as they stand in the message, lengths included; nothing between.
    Raw,
}

/// What stands in field 64 or 128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeText {
    /// The eight bytes that the algorithm gives.
    #[default]
    Bytes,
    /// The first four of them as eight hexadecimal characters.
    Hex,
}

/// The `[mac]` part of a field table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MacBlock {
    /// Field numbers, ascending; 0 is the MTI. A field that a message has not is passed over.
    fields: Vec<u8>,
    /// The same for network management messages; those of `fields` where it is left out.
    management: Option<Vec<u8>>,
    /// Of these fields so many characters in front, no more.
    #[serde(default)]
    first: BTreeMap<String, u16>,
    text: BlockText,
    #[serde(default)]
    code: CodeText,
    /// 128 where the code stands there whether or not fields of the second bitmap do.
    field: Option<u8>,
}

impl MacBlock {
    /// Checks what the shape can't say.
    ///
    /// # Errors
    /// [`SpecError::MacFields`] for numbers that are not ascending, are no field, or are the code's own; for another place of the
    /// code than 128.
    pub(crate) fn check(&self) -> Result<(), SpecError> {
        let lists = [Some(&self.fields), self.management.as_ref()];
        for list in lists.into_iter().flatten() {
            let is_ascending = list.windows(2).all(|pair| matches!(pair, [low, high] if low < high));
            let is_field = |number: &u8| !matches!(*number, 1 | 64 | 65 | 128..);
            if list.is_empty() || !is_ascending || !list.iter().all(is_field) {
                return Err(SpecError::MacFields);
            }
        }
        let is_chosen = |number: &String| number.parse().is_ok_and(|number| self.fields.contains(&number));
        let is_placed = matches!(self.field, None | Some(128));
        if is_placed && self.first.keys().all(is_chosen) { Ok(()) } else { Err(SpecError::MacFields) }
    }

    /// Whether the code stands in field 128 always.
    #[must_use]
    pub fn is_in_128(&self) -> bool {
        self.field.is_some()
    }

    /// The block of a message.
    #[must_use]
    pub fn of(&self, message: &Message<'_>) -> Vec<u8> {
        let is_management = message.mti().class() == Class::NetworkManagement;
        let management = self.management.as_ref().filter(|_| is_management);
        let mut block = Vec::with_capacity(256);
        for number in management.unwrap_or(&self.fields) {
            let part = match (number, message.field(*number)) {
                (0, _) => self.mti(message),
                (_, Some(field)) => self.part(&field),
                (_, None) => continue,
            };
            if self.text == BlockText::Unionpay && !block.is_empty() && !part.is_empty() {
                block.push(b' ');
            }
            block.extend(part);
        }
        block
    }

    /// The code as it stands in its field, of what the algorithm gives.
    #[must_use]
    pub fn written(&self, computed: [u8; 8]) -> [u8; 8] {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        if self.code == CodeText::Bytes {
            return computed;
        }
        let digits = computed.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
        let mut written = [0; 8];
        for (to, digit) in written.iter_mut().zip(digits) {
            *to = DIGITS.get(usize::from(digit)).copied().unwrap_or(0);
        }
        written
    }

    fn mti(&self, message: &Message<'_>) -> Vec<u8> {
        match self.text {
            BlockText::Unionpay => message.mti().digits().map(|digit| b'0' + digit).to_vec(),
            BlockText::Raw => message.bytes().iter().take(message.mti_bytes()).copied().collect(),
        }
    }

    fn part(&self, field: &Field<'_>) -> Vec<u8> {
        let first = self.first.get(&field.number.to_string()).copied().map_or(usize::MAX, usize::from);
        match self.text {
            BlockText::Raw => field.raw().iter().take(first).copied().collect(),
            BlockText::Unionpay => normalised(length_of(field).into_iter().chain(text_of(field)))
                .into_iter()
                .take(first)
                .collect(),
        }
    }
}

/// The digits of the length that stands in front, if one does.
fn length_of(field: &Field<'_>) -> Vec<u8> {
    let length = field.length();
    match field.spec.extent {
        Extent::Fixed => Vec::new(),
        Extent::Ll => format!("{length:02}").into_bytes(),
        Extent::Lll => format!("{length:03}").into_bytes(),
    }
}

fn text_of(field: &Field<'_>) -> Vec<u8> {
    match field.spec.format {
        Format::B => field.text().into_bytes(),
        _ => field.characters().collect(),
    }
}

fn normalised(characters: impl Iterator<Item = u8>) -> Vec<u8> {
    let kept = characters.map(|at| at.to_ascii_uppercase());
    let kept = kept.filter(|at| at.is_ascii_uppercase() || at.is_ascii_digit() || b" ,.".contains(at));
    let mut text: Vec<u8> = Vec::new();
    for character in kept {
        let is_blank = |at: Option<&u8>| at.is_none_or(|at| *at == b' ');
        if character != b' ' || !is_blank(text.last()) {
            text.push(character);
        }
    }
    if text.last() == Some(&b' ') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn a_field_keeps_capitals_digits_commas_full_stops_and_single_blanks() {
        let rows: [(&[u8], &[u8]); 7] = [
            (b"0316091500", b"0316091500"),
            (b"  shop  no. 7,  a ", b"SHOP NO. 7, A"),
            (b"a - b", b"A B"),
            (b"-- 7 --", b"7"),
            (b"      ", b""),
            (b"", b""),
            (&[0xB1, 0xB1, b'X', 0xBE, 0xA9], b"X"),
        ];
        for (characters, text) in rows {
            assert_eq!(normalised(characters.iter().copied()), text);
        }
    }
}
