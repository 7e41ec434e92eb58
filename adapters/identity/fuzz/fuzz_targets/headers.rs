//! Any bytes as the headers that show who is asking: never a panic, and nobody is found, since nobody is known.
#![no_main]

use feiqian_identity::{Identities, Presented};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    let names = ["signature-input", "signature", "content-digest", "authorization", "date"];
    let headers: Vec<_> = names.iter().zip(&mut parts).collect();
    let header = |name: &str| headers.iter().find(|(own, _)| **own == name).map(|(_, value)| *value);
    let shown = Presented {
        method: "POST",
        scheme: "https",
        authority: "house.example",
        path: "/v1/transfers",
        query: None,
        headers: &header,
        body: bytes,
        certificate: None,
    };
    assert!(Identities::nobody().identify(&shown, 1_800_000_000).is_err());
});
