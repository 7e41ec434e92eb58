//! The worst payloads that fit into the limits: none takes more than 10 ms.

use std::time::{Duration, Instant};

use feiqian_emvqr::cpm::ConsumerCode;
use feiqian_emvqr::limits::PAYLOAD_BYTES_MAX;
use feiqian_emvqr::mpm::{MerchantCode, Profile};

use crate::fixtures::with_crc;

const COST_MAX: Duration = Duration::from_millis(10);

/// The best of five: what else runs on the machine is not the parser's cost.
fn cost(read: impl Fn()) -> Duration {
    let once = |_| {
        let start = Instant::now();
        read();
        start.elapsed()
    };
    (0..5).map(once).min().unwrap_or_default()
}

fn merchants() -> Vec<String> {
    let every_id: String = (1..=99).filter(|id| *id != 63).map(|id| format!("{id:02}01x")).collect();
    let templates: String =
        (26..=51).chain(80..=99).map(|id| format!("{id}50{}", "0001x0101x".repeat(5))).collect();
    let wide: String = (65..=74).map(|id| format!("{id}60{}", "😀".repeat(60))).collect();
    [every_id, templates, wide].iter().map(|body| with_crc(&format!("000201{body}"))).collect()
}

fn consumers() -> Vec<Vec<u8>> {
    let head = b"\x85\x05CPV01".to_vec();
    // Objects of two bytes; templates inside templates; one tag again and again.
    let bodies =
        [[0x61, 0x00].repeat(1_400), [0x7F, 0x01, 0x82, 0x0B, 0x00].repeat(500), [0x4F, 0x00].repeat(1_400)];
    bodies.into_iter().map(|body| [head.clone(), body].concat()).collect()
}

#[test]
fn no_payload_within_the_limits_costs_more_than_ten_milliseconds() {
    for payload in merchants() {
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "{}", payload.len());
        let spent = cost(|| drop(MerchantCode::read(&payload, Profile::Lenient)));
        assert!(spent < COST_MAX, "{spent:?} for {payload}");
    }
    for bytes in consumers() {
        assert!(bytes.len() <= PAYLOAD_BYTES_MAX);
        let spent = cost(|| drop(ConsumerCode::from_bytes(bytes.clone())));
        assert!(spent < COST_MAX, "{spent:?}");
    }
}
