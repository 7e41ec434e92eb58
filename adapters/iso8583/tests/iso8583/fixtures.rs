//! Messages written here, what their fields mean, and the same ones altered a million times.

use feiqian_iso8583::framing::{InterchangeHeader, LengthHeader, split_terminal};
use feiqian_iso8583::response_code::{RESPONSE_CODES, response_code};
use feiqian_iso8583::spec::{GENERIC_1987, GENERIC_1993, UNIONPAY, UNIONPAY_MAB, UNIONPAY_TERMINAL};
use feiqian_iso8583::{Builder, Error, FrameError, Message, Mti, Pan, Spec, SpecError, limits, mac};

use crate::data::{Dice, table, vectors};

fn mti(number: u16) -> Mti {
    Mti::new(number).expect("four digits")
}

/// A purchase of 123.45, by the edition of 1987.
fn purchase(spec: &Spec) -> Builder<'_> {
    Builder::new(spec, mti(200))
        .text(2, "6250947000000014")
        .number(3, 0)
        .number(4, 12_345)
        .number(7, 316_091_500)
        .number(11, 123)
        .text(32, "1050000")
        .text(37, "260316000123")
        .text(41, "T1")
        .text(49, "156")
}

#[test]
fn a_purchase_means_what_was_put_in() {
    for spec in [&*GENERIC_1987, &*UNIONPAY, &*UNIONPAY_TERMINAL] {
        let bytes = purchase(spec).encode().expect("written");
        let message = Message::decode(spec, &bytes).expect("read");
        assert_eq!(message.amount(), Ok(Some(12_345)));
        assert_eq!(message.currency(), Ok(Some(156)));
        assert_eq!(message.stan(), Ok(Some(123)));
        assert_eq!(message.rrn(), Some(*b"260316000123"));
        assert_eq!(message.acquirer(), Ok(Some(1_050_000)));
        let time = message.transmission_time().expect("a time").expect("there");
        assert_eq!((time.month, time.day, time.hour, time.minute), (3, 16, 9, 15));
        assert_eq!(message.field(41).map(|field| field.text()), Some("T1      ".to_owned()));
        let pan = message.pan().expect("a card number").expect("there");
        assert_eq!(pan.to_string(), "625094******0014");
        assert_ne!(pan.token(&[7; 32]), pan.token(&[8; 32]));
    }
}

#[test]
fn reversals_find_their_original_in_both_editions() {
    let spec = &*UNIONPAY;
    let request = purchase(spec).encode().expect("written");
    let key = Message::decode(spec, &request).expect("read").matching_key().expect("numbers");
    let elements = format!("0200{:06}{:010}{:011}{:011}", 123, 316_091_500, 1_050_000, 0);
    let reversal = purchase(spec).text(90, &elements).encode().expect("written");
    assert!(key.is_some());
    assert_eq!(Message::decode(spec, &reversal).expect("read").original_key(), Ok(key));

    let spec = &*GENERIC_1993;
    let request =
        Builder::new(spec, mti(1200)).number(11, 123).number(12, 260_316_091_500).text(32, "1050000");
    let request = request.encode().expect("written");
    let key = Message::decode(spec, &request).expect("read").matching_key().expect("numbers");
    let advice = |elements: &str| Builder::new(spec, mti(1420)).text(56, elements).encode().expect("written");
    let bytes = advice("1200000123260316091500071050000");
    assert!(key.is_some());
    assert_eq!(Message::decode(spec, &bytes).expect("read").original_key(), Ok(key));
    let lying = advice("1200000123260316091500091050000");
    let refused = Message::decode(spec, &lying).expect("read").original_key();
    assert!(matches!(refused, Err(Error::NoSuchValue { field: 56, .. })), "{refused:?}");
}

#[test]
fn requests_have_their_response_and_it_repeats_them() {
    for (request, response) in [(100, 110), (201, 210), (220, 230), (421, 430), (520, 530), (1200, 1210)] {
        assert_eq!(mti(request).response(), Some(mti(response)));
        assert_eq!(mti(response).response(), None);
    }
    let bytes = purchase(&UNIONPAY).encode().expect("written");
    let request = Message::decode(&UNIONPAY, &bytes).expect("read");
    let draft = Builder::response_to(&request).expect("a request").into_draft();
    assert!(!format!("{draft:?}").contains("6250"), "{draft:?}");
    let response = Builder::of_draft(&UNIONPAY, draft).text(39, "51").encode().expect("written");
    let response = Message::decode(&UNIONPAY, &response).expect("read");
    assert_eq!((response.mti(), response.amount()), (mti(210), Ok(Some(12_345))));
    let code = response.response_code().expect("a code");
    assert_eq!(response_code(&code).map(|row| row.name), Some("not sufficient funds"));
    assert!(RESPONSE_CODES.is_sorted_by(|left, right| left.code < right.code));
}

#[test]
fn a_mac_belongs_behind_all_that_is_set() {
    let builder = Builder::new(&UNIONPAY, mti(200)).text(11, "000001");
    assert_eq!(builder.mac_field(), 64);
    assert_eq!(builder.number(70, 301).mac_field(), 128);
}

#[test]
fn a_mac_covers_what_is_before_it() {
    let key = *b"0123456789abcdef";
    let bytes =
        purchase(&UNIONPAY).encode_with_mac(128, |covered| mac::x9_19(&key, covered)).expect("written");
    let check = |bytes: &[u8]| {
        Message::decode(&UNIONPAY, bytes).expect("read").check_mac(|covered| mac::x9_19(&key, covered))
    };
    assert_eq!(check(&bytes), Ok(()));
    let at = bytes.windows(5).position(|run| run == b"12345").expect("the amount");
    let mut altered = bytes.clone();
    altered[at] = b'9';
    assert_eq!(check(&altered), Err(Error::MacDiffers { field: 128 }));
    assert_eq!(check(&purchase(&UNIONPAY).encode().expect("written")), Err(Error::NoMac));
}

/// What codes cover of a message, by a table.
fn covered(spec: &Spec, builder: &Builder<'_>) -> String {
    let mut seen = Vec::new();
    let written = builder.clone().encode_with_mac(builder.mac_field(), |covered| {
        seen = covered.to_vec();
        *b"CODECODE"
    });
    let written = written.expect("written");
    let message = Message::decode(spec, &written).expect("read");
    assert_eq!(message.mac().expect("it has one").covered, seen, "the reader covers what the writer does");
    String::from_utf8(seen).expect("text")
}

#[test]
fn unionpays_block_is_made_of_chosen_fields_with_lengths_single_blanks_and_capitals() {
    let payment = purchase(&UNIONPAY_MAB)
        .text(42, "shop (7), no. 1")
        .text(18, "5411")
        .text(25, "00")
        .text(33, "00010000")
        .text(90, &format!("0100000122{}{}", "0316091400", "0".repeat(22)))
        .text(102, "acc  9-1");
    assert_eq!(payment.mac_field(), 128);
    // Block and code as a program in another language, on another library, has made them.
    let code = payment.clone().encode_with_mac(128, |covered| mac::x9_19(b"0123456789abcdef", covered));
    assert!(code.expect("written").ends_with(b"\x57\x3A\xB1\xC9\x98\x60\x33\x24"));
    assert_eq!(
        covered(&UNIONPAY_MAB, &payment),
        "0200 166250947000000014 000000 000000012345 0316091500 000123 5411 00 071050000 0800010000 T1 \
         SHOP 7, NO. 1 01000001220316091400 08ACC 91"
    );
    let echo =
        Builder::new(&UNIONPAY_MAB, mti(820)).number(7, 316_091_500).number(11, 7).text(33, "00010000");
    let echo = echo.number(70, 301).text(100, "01050000");
    assert_eq!(covered(&UNIONPAY_MAB, &echo), "0820 0316091500 000007 301 0801050000");
}

#[test]
fn a_code_over_chosen_fields_notices_those_and_no_other() {
    let key = *b"0123456789abcdef";
    let sealed = |builder: Builder<'_>| {
        builder.encode_with_mac(128, |covered| mac::x9_19(&key, covered)).expect("written")
    };
    let check = |bytes: &[u8]| {
        Message::decode(&UNIONPAY_MAB, bytes).expect("read").check_mac(|covered| mac::x9_19(&key, covered))
    };
    let bytes = sealed(purchase(&UNIONPAY_MAB));
    assert_eq!(check(&bytes), Ok(()));
    let altered = |run: &[u8], by: u8| {
        let at = bytes.windows(run.len()).position(|at| at == run).expect("there");
        let mut altered = bytes.clone();
        altered[at] = by;
        check(&altered)
    };
    assert_eq!(altered(b"12345", b'9'), Err(Error::MacDiffers { field: 128 }));
    assert_eq!(altered(b"156", b'8'), Ok(()), "the currency is none of them");
}

#[test]
fn a_table_of_a_configuration_says_what_its_codes_cover_and_how_they_are_written() {
    let table = |mac: &str| Spec::from_toml(&format!("name = \"x\"\nbase = \"unionpay\"\n[mac]\n{mac}"));
    let raw = table("fields = [0, 2, 4]\ntext = \"raw\"\ncode = \"hex\"\nfirst = { 4 = 6 }").expect("good");
    assert_eq!(covered(&raw, &purchase(&raw)), "0200166250947000000014000000");
    let code = |_: &[u8]| [0x5A, 0x0F, 0xC3, 0x01, 9, 9, 9, 9];
    let bytes = purchase(&raw).encode_with_mac(64, code).expect("written");
    assert!(bytes.ends_with(b"5A0FC301"));
    assert_eq!(Message::decode(&raw, &bytes).expect("read").check_mac(code), Ok(()));
    for fields in ["[]", "[2, 2]", "[4, 2]", "[1]", "[64]", "[65]", "[128]"] {
        assert_eq!(table(&format!("fields = {fields}\ntext = \"raw\"")), Err(SpecError::MacFields));
        let management = format!("fields = [2]\nmanagement = {fields}\ntext = \"raw\"");
        assert_eq!(table(&management), Err(SpecError::MacFields));
    }
    for rest in ["first = { 4 = 1 }", "first = { x = 1 }", "field = 64"] {
        assert_eq!(table(&format!("fields = [2]\ntext = \"raw\"\n{rest}")), Err(SpecError::MacFields));
    }
    assert!(matches!(table("fields = [2]\ntext = \"other\""), Err(SpecError::Shape(_))));
    assert!(matches!(table("fields = [2]"), Err(SpecError::Shape(_))));
}

#[test]
fn a_mac_stands_in_its_own_field_behind_all_others() {
    let written = |builder: Builder<'_>, field| builder.encode_with_mac(field, |_| *b"\xFFMACMAC\xFF");
    let refused = |field| Err(Error::DoesNotFit { field });
    let first = written(purchase(&UNIONPAY), 64).expect("written");
    assert!(first.ends_with(b"\xFFMACMAC\xFF"));
    let behind = purchase(&UNIONPAY).text(102, "6250947000000014");
    assert_eq!(written(behind.clone(), 64), refused(64));
    assert!(written(behind, 128).is_ok());
    assert_eq!(written(purchase(&UNIONPAY), 52), refused(52));
    assert_eq!(written(purchase(&UNIONPAY), 127), refused(127));
}

#[test]
fn nothing_shown_holds_a_card_number_track_or_pin() {
    let builder = purchase(&UNIONPAY)
        .text(14, "3012")
        .text(35, "6250947000000014=30121010000")
        .text(42, "625094700000001")
        .text(48, "6250947000000014")
        .bytes(52, b"\x01\x02PINPIN")
        .bytes(55, b"6250947000000014")
        .text(102, "6250947000000014");
    let bytes = builder.encode().expect("written");
    let message = Message::decode(&UNIONPAY, &bytes).expect("read");
    for shown in [format!("{message:?}"), format!("{builder:?}"), format!("{:?}", message.pan())] {
        for secret in ["70000000", "3012", "PINPIN", "=30"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    assert!(format!("{message:?}").contains("625094******0014"));
}

#[test]
fn card_numbers_have_bounds_and_a_check_digit() {
    let pan = |digits: &str| Pan::new(digits.bytes());
    assert!(pan("4111111111111111").is_some_and(|pan| pan.has_check_digit()));
    assert!(pan("4111111111111112").is_some_and(|pan| !pan.has_check_digit()));
    assert!(pan("12345678901").is_none() && pan("12345678901234567890").is_none());
    assert!(pan("41111111111A1111").is_none());
    assert_eq!(pan("123456789012").map(|pan| pan.to_string()).as_deref(), Some("********9012"));
}

#[test]
fn every_truncation_is_told_and_every_extension() {
    for spec in [&*GENERIC_1987, &*UNIONPAY, &*UNIONPAY_TERMINAL] {
        let bytes = purchase(spec).encode().expect("written");
        for end in 0..bytes.len() {
            let error = Message::decode(spec, &bytes[..end]).expect_err("cut");
            assert!(matches!(error, Error::Truncated { .. }), "{end}: {error}");
        }
        let longer = [bytes.as_slice(), b"0"].concat();
        let error = Message::decode(spec, &longer).expect_err("longer");
        assert_eq!(error, Error::Trailing { offset: bytes.len(), bytes: 1 });
    }
}

#[test]
fn bitmaps_that_lie_are_refused() {
    let refused = |bytes: &[u8]| Message::decode(&GENERIC_1987, bytes).expect_err("refused");
    assert!(matches!(refused(b"0200G000000000000000"), Error::BitmapNotHex { offset: 4 }));
    let third = b"020080000000000000008000000000000000";
    assert_eq!(refused(third), Error::UnknownField { field: 65, offset: 36 });
    assert!(matches!(refused(&[0xF0; 20]), Error::MtiNotNumeric { offset: 0 }));
    let long = vec![b'0'; limits::MESSAGE_BYTES_MAX + 1];
    assert!(matches!(refused(&long), Error::MessageTooLong { .. }));
    let empty_second = b"020080000000000000000000000000000000";
    let message = Message::decode(&GENERIC_1987, empty_second).expect("announced, and empty");
    assert_eq!(Builder::of(&message).encode().as_deref(), Ok(&empty_second[..]));
}

#[test]
fn values_that_do_not_fit_are_not_written() {
    let of = || Builder::new(&GENERIC_1987, mti(200));
    for builder in [
        of().number(4, 1_000_000_000_000),
        of().text(4, "00000000000A"),
        of().text(2, "12345678901234567890"),
        of().text(41, "LONGER THAN 8"),
        of().text(28, "X00000001"),
        of().bytes(52, b"short"),
    ] {
        assert!(matches!(builder.encode(), Err(Error::DoesNotFit { .. })), "{builder:?}");
    }
    let bytes = of().text(7, "0230000000").encode().expect("digits");
    let time = Message::decode(&GENERIC_1987, &bytes).expect("read").transmission_time();
    assert!(matches!(time, Err(Error::NoSuchValue { field: 7, .. })));
}

#[test]
fn length_headers_have_bounds() {
    for (header, bytes) in [
        (LengthHeader::Binary2, b"\0\x03abcd".as_slice()),
        (LengthHeader::Binary4, b"\0\0\0\x03abcd"),
        (LengthHeader::Ascii4, b"0003abcd"),
    ] {
        let mut written = Vec::new();
        header.write(3, &mut written).expect("fits");
        assert_eq!(written, bytes[..header.bytes()]);
        assert_eq!(header.split(bytes, 3), Ok(Some((b"abc".as_slice(), b"d".as_slice()))));
        assert_eq!(header.split(bytes, 2), Err(FrameError::TooLong { length: 3, max: 2 }));
        for end in 0..header.bytes() + 3 {
            assert_eq!(header.split(&bytes[..end], 3), Ok(None), "{header:?} {end}");
        }
    }
    assert_eq!(LengthHeader::Ascii4.split(b"00x1", 9), Err(FrameError::LengthNotNumeric));
    assert_eq!(split_terminal(&[0x6A; 11]), Err(FrameError::NotDecimal { offset: 5 }));
}

#[test]
fn tables_are_read_or_refused_by_name() {
    for name in ["generic-1987", "generic-1993", "unionpay", "unionpay-terminal"] {
        assert_eq!(Spec::built_in(name).map(|spec| spec.name.as_str()), Some(name));
    }
    for (number, row) in [("1", "n 6"), ("65", "b 8"), ("129", "n 6"), ("3", "n6"), ("3", "n..100")] {
        let text = format!("name = \"x\"\nbase = \"unionpay\"\n[fields]\n{number} = \"{row}\"");
        assert!(matches!(Spec::from_toml(&text), Err(SpecError::Field(..))), "{text}");
    }
    assert_eq!(Spec::from_toml("name = \"x\""), Err(SpecError::Missing("edition")));
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(3) {
        let byte = u8::try_from(dice.below(256)).expect("a byte");
        let at = dice.below(bytes.len() + 1);
        match (dice.below(4), bytes.get_mut(at)) {
            (0, _) => bytes.insert(at, byte),
            (1, _) => bytes.truncate(at),
            (_, Some(slot)) => *slot = byte,
            (_, None) => {}
        }
    }
}

/// What is still read is written to bytes that have the same fields.
fn look(spec: &Spec, bytes: &[u8]) {
    let _ =
        (InterchangeHeader::split(bytes), split_terminal(bytes), LengthHeader::Ascii4.split(bytes, 9_999));
    let Ok(message) = Message::decode(spec, bytes) else { return };
    let _ = (message.pan(), message.amount(), message.currency(), message.transmission_time());
    let _ = (message.matching_key(), message.original_key(), message.rrn(), message.mac());
    assert!(!format!("{message:?}").is_empty());
    let written = Builder::of(&message).encode().expect("what is read can be written");
    assert_eq!(Message::decode(spec, &written).expect("and read").bitmap(), message.bitmap());
}

#[test]
fn a_million_mutations_never_panic() {
    let mut seeds: Vec<(Spec, Vec<u8>)> = [&*GENERIC_1987, &*UNIONPAY, &*UNIONPAY_TERMINAL]
        .map(|spec| (spec.clone(), purchase(spec).encode().expect("written")))
        .into();
    let valid = vectors().into_iter().filter(|vector| vector.json["valid"] == true);
    seeds.extend(valid.map(|vector| (table(vector.dialect()), vector.message())));
    let mut dice = Dice(8_583);
    for (spec, bytes) in seeds.iter().cycle().take(1_000_000) {
        let mut mutant = bytes.clone();
        mutate(&mut dice, &mut mutant);
        look(spec, &mutant);
    }
}
