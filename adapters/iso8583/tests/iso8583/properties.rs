//! Random messages by all tables: what is written is read to the same characters, and written again to the byte.

use feiqian_iso8583::spec::{Extent, FieldSpec, Format};
use feiqian_iso8583::{Builder, Message, Mti, Spec};

use crate::data::{Dice, table};

const DIALECTS: [&str; 7] = [
    "ascii-hexbitmap",
    "ascii-binbitmap",
    "basei-demo",
    "mc-ebcdic",
    "jcb-bcd-ebcdic",
    "cups-nohdr",
    "pos-bcd-nohdr",
];

fn value(dice: &mut Dice, row: FieldSpec) -> Vec<u8> {
    // One byte of length, where a table has that, ends at 255.
    let max = usize::from(row.length);
    let length = if row.extent == Extent::Fixed { max } else { dice.below(max.min(255) + 1) };
    let of = |dice: &mut Dice, from: &[u8]| from[dice.below(from.len())];
    (0..length)
        .map(|place| match row.format {
            Format::Xn if place == 0 => of(dice, b"CD"),
            Format::N | Format::Nl | Format::Xn => of(dice, b"0123456789"),
            Format::Z => of(dice, b"0123456789D"),
            Format::B => u8::try_from(dice.below(256)).expect("a byte"),
            Format::An | Format::Ans => of(dice, b"ABCxyz 0189-"),
        })
        .collect()
}

fn round_trip(dice: &mut Dice, spec: &Spec) {
    let mti = Mti::new(u16::try_from(dice.below(10_000)).expect("small")).expect("four digits");
    let mut builder = Builder::new(spec, mti);
    let mut expected: Vec<(u8, Vec<u8>)> = Vec::new();
    for number in 2..=128_u8 {
        if let Some(row) = spec.field(number).filter(|_| dice.below(6) == 0) {
            let characters = value(dice, row);
            builder = builder.bytes(number, &characters);
            expected.push((number, characters));
        }
    }
    let bytes = builder.encode().expect("written");
    let message = Message::decode(spec, &bytes).expect("read");
    let read: Vec<(u8, Vec<u8>)> =
        message.fields().map(|field| (field.number, field.characters().collect())).collect();
    assert_eq!((message.mti(), read), (mti, expected));
    assert_eq!(Builder::of(&message).encode().as_ref(), Ok(&bytes));
}

#[test]
fn what_is_written_is_read() {
    for (seed, dialect) in (1_u64..).zip(DIALECTS) {
        let (mut dice, spec) = (Dice(seed), table(dialect));
        for _ in 0..1_000 {
            round_trip(&mut dice, &spec);
        }
    }
}
