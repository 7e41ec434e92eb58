//! Any bytes as the headers that show who is asking, and as its certificate: never a panic, and nobody is found: neither where
//! nobody is known, nor where one is who has signed nothing, though its key is named.
#![no_main]

use std::sync::LazyLock;

use feiqian_identity::{Identities, Presented};
use libfuzzer_sys::fuzz_target;

/// The time of the request, seconds since 1970.
const NOW: u64 = 1_800_000_000;

static ONE: LazyLock<Identities> = LazyLock::new(|| {
    let text = "authorities = [\"house.example\"]\n[[caller]]\nname = \"a\"\nroles = [\"viewer\"]\n\
                participant = \"BNKAXXAAXXX\"\n[[caller.signing_key]]\nid = \"a\"\npublic_key = \
                \"438a720eb8e9e8ae7d37a7d8bf18f1bb4ff733e543769a5d3f05e2a3f095f11c\"\n";
    Identities::parse(text, NOW - 1_000).expect("a file of identities")
});

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    let names = ["signature-input", "signature", "content-digest", "authorization", "date"];
    let headers: Vec<_> = names.iter().zip(&mut parts).collect();
    let header = |name: &str| headers.iter().find(|(own, _)| **own == name).map(|(_, value)| *value);
    let rest = parts.next();
    for certificate in [None, rest] {
        let shown = Presented {
            method: "POST",
            scheme: "https",
            authority: "house.example",
            path: "/v1/transfers",
            query: Some("a=b&c=%20"),
            headers: &header,
            body: rest.unwrap_or_default(),
            certificate,
        };
        assert!(Identities::nobody().identify(&shown, NOW).is_err());
        assert!(ONE.identify(&shown, NOW).is_err());
    }
});
