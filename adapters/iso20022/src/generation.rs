//! Which versions of the messages belong together: those that ISO 20022 published with the same parties, agents and
//! original transaction references. An answer is given in the generation of what it answers.

use crate::schema::{Family, MessageType};

const FAMILIES: [Family; 7] = [
    Family::Pacs008,
    Family::Pacs002,
    Family::Pacs004,
    Family::Pacs028,
    Family::Camt056,
    Family::Camt029,
    Family::Camt055,
];

/// One row a generation, oldest first: versions in the order of [`FAMILIES`], 0 where there is none yet.
#[rustfmt::skip]
const GENERATIONS: [[u8; 7]; 14] = [
    [2, 3, 2, 0, 1, 3, 1],      // 2009
    [3, 4, 3, 0, 2, 4, 2],      // 2012
    [4, 5, 4, 0, 3, 4, 3],      // 2013
    [5, 6, 5, 0, 4, 5, 4],      // 2014
    [6, 7, 6, 0, 5, 6, 5],      // 2016
    [6, 8, 7, 1, 6, 7, 6],      // 2017
    [7, 9, 8, 2, 7, 8, 7],      // 2018
    [8, 10, 9, 3, 8, 9, 8],     // 2019: UETR and LEI
    [9, 11, 10, 4, 9, 10, 9],   // 2020
    [10, 12, 11, 5, 10, 11, 10], // 2021
    [11, 13, 12, 5, 10, 12, 11], // 2022
    [12, 14, 13, 6, 11, 13, 12], // 2023
    [13, 15, 14, 6, 11, 13, 12], // 2024
    [14, 16, 15, 7, 12, 14, 13], // 2025
];

fn column(family: Family) -> Option<usize> {
    // pacs.009 is numbered as pacs.008, as far as answers go.
    let family = if family == Family::Pacs009 { Family::Pacs008 } else { family };
    FAMILIES.iter().position(|one| *one == family)
}

/// The type of `family` that belongs to the generation of `message`; an earlier one where that version is not
/// supported. `None` for families that are no part of the payment's life (statements, headers, pain.001, admi.002),
/// and where the generation knows no such message (no pacs.028 before 2017).
#[must_use]
pub fn in_generation(message: MessageType, family: Family) -> Option<MessageType> {
    let (from, to) = (column(message.family())?, column(family)?);
    let is_reached = |row: &&[u8; 7]| row.get(from).is_some_and(|version| *version <= message.version());
    let row = GENERATIONS.iter().rfind(is_reached).or(GENERATIONS.first())?;
    let version = *row.get(to)?;
    let id = format!("{family:?}").to_lowercase();
    let (area, number) = id.split_at_checked(4)?;
    (1..=version).rev().find_map(|version| MessageType::parse(&format!("{area}.{number}.001.{version:02}")))
}

/// The type of the answer (camt.029) to a recall (camt.056, camt.055).
///
/// # Panics
/// Never: the tables of camt.029 are part of this crate.
#[must_use]
pub(crate) fn resolution_of(recall: MessageType) -> MessageType {
    in_generation(recall, Family::Camt029)
        .or(MessageType::parse("camt.029.001.09"))
        .expect("its table is committed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_finds_its_companions() {
        let rows = [
            ("pacs.008.001.01", Family::Pacs004, Some("pacs.004.001.02")),
            ("pacs.008.001.02", Family::Pacs028, None),
            ("pacs.008.001.08", Family::Pacs004, Some("pacs.004.001.09")),
            ("pacs.009.001.08", Family::Pacs004, Some("pacs.004.001.09")),
            ("pacs.008.001.07", Family::Pacs004, Some("pacs.004.001.07")),
            ("pacs.008.001.08", Family::Camt056, Some("camt.056.001.08")),
            ("camt.056.001.08", Family::Camt029, Some("camt.029.001.09")),
            ("camt.056.001.01", Family::Camt029, Some("camt.029.001.03")),
            ("camt.056.001.12", Family::Camt029, Some("camt.029.001.14")),
            ("camt.055.001.03", Family::Camt056, Some("camt.056.001.03")),
            ("camt.055.001.08", Family::Camt056, Some("camt.056.001.08")),
            ("camt.055.001.11", Family::Camt029, Some("camt.029.001.12")),
            ("camt.055.001.13", Family::Camt056, Some("camt.056.001.12")),
            ("camt.055.001.13", Family::Camt029, Some("camt.029.001.14")),
            ("pacs.028.001.03", Family::Pacs002, Some("pacs.002.001.10")),
            ("pain.001.001.09", Family::Pacs004, None),
        ];
        for (message, family, expected) in rows {
            let message = MessageType::parse(message).expect("supported");
            assert_eq!(in_generation(message, family).map(MessageType::identifier), expected, "{message}");
        }
    }

    #[test]
    fn the_table_and_the_answers_to_transfers_agree() {
        for message in MessageType::all().filter(|message| message.family() == Family::Pacs008) {
            assert_eq!(
                in_generation(message, Family::Pacs002),
                crate::status::answer_type(message),
                "{message}"
            );
        }
        for message in MessageType::all().filter(|message| message.family() == Family::Camt056) {
            assert_eq!(resolution_of(message).family(), Family::Camt029);
        }
    }
}
