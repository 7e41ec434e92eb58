//! Damaged messages: whatever happens to the bytes, the reader answers, and a part of a file is never a whole one.

use feiqian_iso20022::Limits;
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::statement::read_statements;
use feiqian_iso20022::status::StatusReport;
use feiqian_iso20022::transfers::check;
use feiqian_iso20022::write;

use crate::confirmations::{codes_of, texts};
use crate::data;
use crate::facts;

const FIXTURES: [&str; 3] = ["pacs.008.xml", "pain.001.xml", "pacs.009.enveloped.xml"];
const MUTATIONS: u32 = 20_000;

/// A linear congruential generator: the same mutations on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bound = u64::try_from(bound.max(1)).expect("fits");
        usize::try_from((self.0 >> 33) % bound).expect("fits")
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for name in FIXTURES {
        let bytes = data::read(&data::fixtures().join(name));
        let end = bytes.iter().rposition(|byte| *byte == b'>').expect("it ends with a tag");
        for length in 0..=end {
            assert!(check(&bytes[..length], Limits::default()).is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn damaged_files_are_answered_without_a_panic() {
    for name in FIXTURES {
        let original = data::read(&data::fixtures().join(name));
        let mut random = Random(7);
        for _ in 0..MUTATIONS / 3 {
            let mut bytes = original.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut bytes, &mut random);
            }
            let _ = check(bytes.as_slice(), Limits::default());
            if random.below(20) == 0 {
                let _ = facts::of(&bytes);
                let _ = StatusReport::read(bytes.as_slice(), Limits::default());
                let _ = MessageReject::read(bytes.as_slice(), Limits::default());
            }
        }
    }
}

#[test]
fn damaged_messages_after_a_payment_are_answered_without_a_panic() {
    let report = crate::round_trip::account_report();
    let statement = write::to_text(|out| write::camt053(out, &report)).expect("written");
    let messages = texts().into_iter().chain([statement]);
    for original in messages {
        let mut random = Random(11);
        let (mut faults, rounds) = (0, MUTATIONS / 10);
        for _ in 0..rounds {
            let mut bytes = original.clone().into_bytes();
            for _ in 0..=random.below(3) {
                mutate(&mut bytes, &mut random);
            }
            let is_read = codes_of(&bytes).iter().any(Option::is_none)
                || read_statements(bytes.as_slice(), Limits::default()).is_ok();
            faults += u32::from(!is_read);
        }
        assert!(faults > rounds / 2, "most damage is seen: {faults} of {rounds}");
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let until = (at + random.below(40)).min(bytes.len());
    match random.below(5) {
        0 => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
        1 => drop(bytes.drain(at..until)),
        2 => {
            let copy = bytes[at..until].to_vec();
            let to = random.below(bytes.len());
            drop(bytes.splice(to..to, copy));
        }
        3 => bytes[at..until].reverse(),
        _ => {
            let signs = b"<>&;\"'=/!?[]- \x00\xff:";
            bytes.insert(at, signs[random.below(signs.len())]);
        }
    }
    if bytes.is_empty() {
        bytes.push(b'<');
    }
}
