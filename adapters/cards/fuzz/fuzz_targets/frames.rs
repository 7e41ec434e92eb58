//! Any bytes as a connection brings them, the first byte choosing the framing: taking frames never panics, takes nothing that
//! was not received, and takes the same frames however the bytes are cut.
#![no_main]

use feiqian_cards::{Envelope, Framing, frames_of};
use feiqian_iso8583::framing::LengthHeader;
use libfuzzer_sys::fuzz_target;

const MESSAGE_BYTES_MAX: usize = 4_096;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let lengths = [LengthHeader::Binary2, LengthHeader::Binary4, LengthHeader::Ascii4];
    let envelopes = [Envelope::Bare, Envelope::Tpdu, Envelope::Terminal, Envelope::Interchange];
    let (length, envelope) = (usize::from(*choice) % 3, usize::from(*choice) / 3 % 4);
    let framing = Framing { length: lengths[length], envelope: envelopes[envelope] };
    let whole = frames_of(framing, bytes, MESSAGE_BYTES_MAX);
    let front = frames_of(framing, &bytes[..bytes.len() / 2], MESSAGE_BYTES_MAX);
    assert!(front <= whole, "more bytes make no fewer frames");
});
