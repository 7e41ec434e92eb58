//! Any bytes, as base64 and as what it holds: reading never panics, and what is written of a code that was read has its
//! bytes.
#![no_main]

use feiqian_emvqr::cpm::ConsumerCode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(code) = str::from_utf8(bytes).ok().and_then(|text| ConsumerCode::read(text).ok()) {
        assert_eq!(code.to_base64().as_bytes(), bytes);
    }
    let Ok(code) = ConsumerCode::from_bytes(bytes.to_vec()) else { return };
    let _ = format!("{code:?}");
    let again = code.to_objects().build().expect("what is read can be written");
    assert_eq!(again.as_bytes(), bytes);
    assert_eq!(ConsumerCode::read(&again.to_base64()), Ok(again));
});
