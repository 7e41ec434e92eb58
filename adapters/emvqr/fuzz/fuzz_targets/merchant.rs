//! Any bytes, as a payload and as the body of one whose CRC is right: reading never panics, a stricter profile reads no
//! more than a lenient one, and what is written of a code that was read has its bytes.
#![no_main]

use feiqian_emvqr::crc16;
use feiqian_emvqr::mpm::{MerchantCode, Profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let mut whole = bytes.to_vec();
    whole.extend(b"6304");
    let crc = crc16(&whole);
    whole.extend(format!("{crc:04X}").bytes());
    read(&whole);
});

fn read(bytes: &[u8]) {
    let Ok(code) = MerchantCode::read_bytes(bytes, Profile::Lenient) else {
        assert!(MerchantCode::read_bytes(bytes, Profile::Scheme).is_err());
        assert!(MerchantCode::read_bytes(bytes, Profile::Emvco).is_err());
        return;
    };
    let is_emvco = MerchantCode::read_bytes(bytes, Profile::Emvco).is_ok();
    assert_eq!(is_emvco, code.deviations().is_empty());
    let _ = format!("{code:?}");
    match code.to_builder().build(Profile::Scheme) {
        Ok(again) => assert!(again.eq_ignore_ascii_case(code.payload())),
        Err(_) => assert!(!is_emvco),
    }
}
