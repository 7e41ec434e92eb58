//! Any bytes: reading them never panics, what is read has just these bytes and one text, and nothing verifies under
//! a key that signed nothing.
#![no_main]

use feiqian_proof::json::{from_json, to_json};
use feiqian_proof::kinds::Proof;
use feiqian_proof::signature::{PublicKey, SigningKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let proof = match str::from_utf8(bytes).ok().and_then(|text| from_json(text).ok()) {
        Some(proof) => proof,
        None => {
            let Ok(proof) = Proof::decode(bytes) else { return };
            assert_eq!(proof.encode().as_deref(), Ok(bytes));
            proof
        }
    };
    let text = to_json(&proof).expect("what is read can be written");
    assert_eq!(from_json(&text), Ok(proof.clone()));
    let stranger = PublicKey::of(&SigningKey::from_bytes(&[0x55; 32]));
    assert!(proof.verify(&stranger, None).is_err());
});
