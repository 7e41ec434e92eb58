//! Any bytes as the body and as the query of every route, the first byte choosing the route: reading never panics, and
//! refuses with a status of its own fault (4xx) alone.
#![no_main]

use feiqian_http::routes::{read_body, read_query, served};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let count = served().count();
    let route = served().nth(usize::from(*choice) % count).expect("below the count");
    if let Err(status) = read_body(route, rest) {
        assert!(status == 400 || status == 422, "{route:?}: {status}");
    }
    let Ok(text) = str::from_utf8(rest) else { return };
    if let Err(status) = read_query(route, text) {
        assert!(status == 400 || status == 422, "{route:?}: {status}");
    }
});
