//! Every shared vector is read to the expected values and written again to the byte, or refused for the right reason.

use feiqian_iso8583::framing::{InterchangeHeader, split_terminal};
use feiqian_iso8583::spec::GENERIC_1987;
use feiqian_iso8583::{Builder, Error, FrameError, Message, mac};

use crate::data::{Vector, hex, macs, table, unhex, vectors};

#[test]
fn every_valid_vector_is_read_to_its_values_and_written_to_the_byte() {
    for vector in vectors().iter().filter(|vector| vector.json["valid"] == true) {
        let (spec, bytes) = (table(vector.dialect()), vector.message());
        let message =
            Message::decode(&spec, &bytes).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        compare(vector, &message);
        assert_eq!(hex(&Builder::of(&message).encode().expect("written")), hex(&bytes), "{}", vector.name);
    }
}

fn compare(vector: &Vector, message: &Message<'_>) {
    let name = &vector.name;
    assert_eq!(Some(message.mti().to_string().as_str()), vector.json["mti"].as_str(), "{name}");
    let expected = vector.json["fields"].as_object().expect("fields");
    assert_eq!(message.fields().count(), expected.len(), "{name}");
    for field in message.fields() {
        let known = &expected[&field.number.to_string()];
        assert_eq!(Some(hex(field.raw()).as_str()), known["raw"].as_str(), "{name} {}", field.number);
        let value = known["value"].as_str().expect("a value");
        if let Some(bytes) = value.strip_prefix("hex:") {
            assert_eq!(hex(field.bytes()), bytes, "{name} {}", field.number);
        } else if value.is_ascii() {
            assert_eq!(field.text(), value, "{name} {}", field.number);
        }
    }
}

#[test]
fn a_track_of_letters_is_refused_where_the_table_says_track() {
    let Some(vector) = vectors().into_iter().find(|vector| vector.name.ends_with("message_with_track"))
    else {
        return;
    };
    let bytes = vector.message();
    let refused = Message::decode(&GENERIC_1987, &bytes).map(|message| message.mti());
    assert_eq!(refused, Err(Error::NotTrack { field: 35, offset: 68 }));
}

#[test]
fn headers_of_vectors_are_written_to_the_byte() {
    for vector in vectors().iter().filter(|vector| vector.json["valid"] == true) {
        let frame = vector.frame();
        if vector.dialect() == "cups" {
            let (header, rest) = InterchangeHeader::split(&frame).expect("a header");
            assert_eq!(header.to_bytes(), frame[..46], "{}", vector.name);
            assert_eq!(header.check_length(frame.len()), Ok(()), "{}", vector.name);
            assert_eq!(header.reply(rest.len()).expect("fits").source, header.destination);
        } else if vector.dialect() == "pos-bcd" {
            let (tpdu, behind, _) = split_terminal(&frame).expect("a header");
            assert_eq!(tpdu.reply().reply().to_bytes(), frame[..5]);
            assert_eq!(behind, frame[5..11]);
        }
    }
}

#[derive(Debug)]
enum Refusal {
    Frame(FrameError),
    Message(Error),
}

fn refusal(vector: &Vector) -> Option<Refusal> {
    let frame = vector.frame();
    let rest = match vector.dialect() {
        "cups" => InterchangeHeader::split(&frame).map(|(_, rest)| rest),
        "pos-bcd" => split_terminal(&frame).map(|(_, _, rest)| rest),
        _ => Ok(frame.as_slice()),
    };
    match rest {
        Err(error) => Some(Refusal::Frame(error)),
        Ok(rest) => Message::decode(&table(vector.dialect()), rest).err().map(Refusal::Message),
    }
}

fn is_right(name: &str, refused: &Refusal) -> bool {
    let error = match refused {
        Refusal::Frame(FrameError::Truncated { .. }) => return name == "synth_bad_empty",
        Refusal::Frame(FrameError::HeaderLength(0x2D)) => return name == "synth_bad_header_length_wrong",
        Refusal::Frame(_) => return false,
        Refusal::Message(error) => error,
    };
    match name {
        "moov_error_message" | "synth_bad_truncated" => matches!(error, Error::Truncated { .. }),
        "synth_bad_amount_letters" => matches!(error, Error::NotNumeric { field: 4, .. }),
        "synth_bad_bcd_nibble" => matches!(error, Error::NotNumeric { field: 3, .. }),
        "synth_bad_llvar_not_numeric" | "synth_bad_pos_bcd_length_hex" => {
            matches!(error, Error::LengthNotNumeric { field: 2, .. })
        }
        "synth_bad_llvar_over_max" => matches!(error, Error::TooLong { field: 2, length: 25, max: 19, .. }),
        "synth_bad_mti_letters" => matches!(error, Error::MtiNotNumeric { .. }),
        "synth_bad_second_bitmap_missing" => matches!(error, Error::Truncated { field: 1, have: 0, .. }),
        "synth_bad_trailing_bytes" => matches!(error, Error::Trailing { bytes: 2, .. }),
        _ => false,
    }
}

#[test]
fn every_invalid_vector_is_refused_for_its_reason() {
    for vector in vectors().iter().filter(|vector| vector.json["valid"] == false) {
        let refused = refusal(vector).unwrap_or_else(|| panic!("{} was read", vector.name));
        assert!(is_right(&vector.name, &refused), "{}: {refused:?}", vector.name);
    }
}

#[test]
fn macs_are_those_of_the_vectors() {
    let Some(file) = macs() else { return };
    for row in file.json["mac"].as_array().expect("rows") {
        let text = |key: &str| row[key].as_str().expect("text");
        let (key, data) = (unhex(text("key")), unhex(text("data")));
        let double: [u8; 16] = key.clone().try_into().expect("16 bytes");
        let single: [u8; 8] = key[..8].try_into().expect("8 bytes");
        assert_eq!(hex(&mac::x9_9(&single, &data)), text("ansi_x9_9"));
        assert_eq!(hex(&mac::x9_19(&double, &data)), text("ansi_x9_19"));
        assert_eq!(mac::unionpay_ecb(&double, &data), text("unionpay_ecb_3des").as_bytes());
    }
}
