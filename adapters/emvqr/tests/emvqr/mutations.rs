//! A million damaged payloads: each is answered, and what is read has just these bytes.

use feiqian_emvqr::cpm::ConsumerCode;
use feiqian_emvqr::crc16;
use feiqian_emvqr::mpm::{MerchantCode, Profile};

use crate::data::{self, Random};
use crate::fixtures::{consumer, full_payload, least_payload};

/// As many mutations as `FEIQIAN_MUTATIONS` says, or a million over both kinds.
fn count() -> usize {
    let count = std::env::var("FEIQIAN_MUTATIONS").ok().and_then(|text| text.parse().ok());
    count.unwrap_or(1_000_000) / 2
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random, signs: &[u8]) {
    let at = random.below(bytes.len());
    let until = (at + random.below(12)).min(bytes.len());
    match random.below(6) {
        0 if !bytes.is_empty() => bytes[at] = random.byte(),
        1 => drop(bytes.drain(at..until)),
        2 => {
            let copy = bytes[at..until].to_vec();
            let to = random.below(bytes.len());
            drop(bytes.splice(to..to, copy));
        }
        3 => bytes[at..until].reverse(),
        4 => bytes.truncate(at),
        _ => bytes.insert(at, signs[random.below(signs.len())]),
    }
}

/// Puts a right CRC where one belongs, or nearly all mutations would end there.
fn mend(bytes: &mut [u8]) {
    let Some(body) = bytes.len().checked_sub(4) else { return };
    let crc = format!("{:04X}", crc16(&bytes[..body]));
    bytes[body..].copy_from_slice(crc.as_bytes());
}

#[test]
fn damaged_merchants_codes_are_answered_and_what_is_read_is_written_again() {
    let mut originals = vec![full_payload(), least_payload()];
    originals.extend(data::vectors("mpm").iter().map(|vector| vector.payload().to_owned()));
    let (mut random, mut accepted) = (Random(1), 0_usize);
    for round in 0..count() {
        let mut bytes = originals[round % originals.len()].clone().into_bytes();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random, b"0123456789.ABZ\x00\xE6");
        }
        if random.below(4) > 0 {
            mend(&mut bytes);
        }
        let Ok(code) = MerchantCode::read_bytes(&bytes, Profile::Lenient) else { continue };
        accepted += 1;
        assert_eq!(code.payload().as_bytes(), bytes);
        for account in code.accounts() {
            let _ = (account.template(), account.union_pay());
        }
        if let Ok(again) = code.to_builder().build(Profile::Scheme) {
            assert!(again.eq_ignore_ascii_case(code.payload()), "{again} of {}", code.payload());
        }
    }
    assert!(accepted > count() / 100, "only {accepted} of {} were read: the test shows little", count());
}

#[test]
fn damaged_consumers_codes_are_answered_and_what_is_read_is_written_again() {
    let mut originals = vec![consumer().build().expect("a code").as_bytes().to_vec()];
    for vector in data::vectors("cpm") {
        originals.extend(ConsumerCode::read(vector.payload()).map(|code| code.as_bytes().to_vec()));
    }
    let (mut random, mut accepted) = (Random(2), 0_usize);
    for round in 0..count() {
        let mut bytes = originals[round % originals.len()].clone();
        for _ in 0..=random.below(3) {
            mutate(
                &mut bytes,
                &mut random,
                &[0x61, 0x62, 0x4F, 0x9F, 0x26, 0x80, 0x81, 0x82, 0x00, 0x05, 0x7F],
            );
        }
        let Ok(code) = ConsumerCode::from_bytes(bytes.clone()) else { continue };
        accepted += 1;
        let _ = format!("{code:?}");
        let again = code.to_objects().build().expect("what is read can be written");
        assert_eq!(again.as_bytes(), bytes);
        assert_eq!(ConsumerCode::read(&again.to_base64()), Ok(again));
    }
    assert!(accepted > count() / 100, "only {accepted} of {} were read: the test shows little", count());
}

#[test]
fn texts_of_any_kind_are_answered() {
    let mut random = Random(3);
    for _ in 0..50_000 {
        let length = random.below(200);
        let bytes = random.bytes(length);
        let _ = MerchantCode::read_bytes(&bytes, Profile::Lenient);
        assert!(ConsumerCode::from_bytes(bytes).is_err(), "eight random bytes that are a format indicator?");
        let text = random.text("0123456789ABab+/=", 200);
        let _ = MerchantCode::read(&text, Profile::Lenient);
        let _ = ConsumerCode::read(&text);
    }
}
