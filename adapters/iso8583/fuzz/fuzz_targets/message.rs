//! Any bytes by every built-in table, the first byte choosing: reading them never panics, and what is read can be
//! written to bytes that are read to the same fields.
#![no_main]

use feiqian_iso8583::spec::{GENERIC_1987, GENERIC_1993, UNIONPAY, UNIONPAY_MAB, UNIONPAY_TERMINAL};
use feiqian_iso8583::{Builder, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((table, bytes)) = bytes.split_first() else { return };
    let tables = [&*GENERIC_1987, &*GENERIC_1993, &*UNIONPAY, &*UNIONPAY_TERMINAL, &*UNIONPAY_MAB];
    let spec = tables[usize::from(*table) % tables.len()];
    let Ok(message) = Message::decode(spec, bytes) else { return };
    let _ = (message.pan(), message.currency(), message.transmission_time(), message.original_key(), message.mac());
    let _ = format!("{message:?}");
    let written = Builder::of(&message).encode().expect("what is read can be written");
    let again = Message::decode(spec, &written).expect("what is written can be read");
    assert!(message.fields().map(|field| field.text()).eq(again.fields().map(|field| field.text())));
});
