//! `serve` from outside: takes files in, tells how it is, lets nobody else in, and stops in order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::house::{House, demo_inbox, names, wait_for};

pub(crate) fn get(url: &serde_json::Value) -> String {
    let url = url.as_str().expect("an address").strip_prefix("http://").expect("http");
    let (address, path) = url.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    text
}

#[test]
fn serve_answers_files_tells_how_it_is_and_keeps_others_out() {
    let house = House::founded("serve");
    let serving = house.serve();
    for name in ["01-single.xml", "10-broken.xml", "14-unfunded.xml"] {
        let aside = house.files("inbox").join(format!("{name}.part"));
        std::fs::copy(demo_inbox().join(name), &aside).expect("copied");
        std::fs::rename(&aside, house.files("inbox").join(name)).expect("renamed");
    }
    wait_for("three answers", || (names(&house.files("outbox")).len() == 3).then_some(()));
    wait_for("an empty inbox", || names(&house.files("inbox")).is_empty().then_some(()));
    assert_eq!(names(&house.files("archive")).len(), 2);
    assert!(names(&house.files("rejected")).iter().any(|name| name.ends_with(".reason.txt")));

    let pid = serving.id().to_string();
    house.run(&["accounts"]).fails_with(3, &["in use by process", &pid]);
    house.run(&["audit"]).fails_with(3, &["in use by process", &pid]);
    house.run(&["serve"]).fails_with(3, &["in use by process", &pid]);
    house.run(&["serve", "--listen", "0.0.0.0:0"]).fails_with(2, &["loopback"]);

    let health = get(&serving.ready["health"]);
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"state\":\"serving\""), "{health}");
    let metrics = get(&serving.ready["metrics"]);
    for line in [
        "feiqian_entries_total{outcome=\"rejected\",reason=\"insufficient_funds\"} 1",
        "# TYPE feiqian_journal_sync_seconds histogram",
        "feiqian_position_minor{participant=\"BNKAXXAAXXX\",currency=\"EUR\"}",
        "feiqian_block_height",
        "feiqian_old_ids 0",
        "# TYPE feiqian_old_ids_memory_bytes gauge",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert_eq!(serving.terminate(), 0);
    let recovered = house.serve();
    // A seal that was on its way twice may stand behind the snapshot, and nothing else.
    let frames = recovered.ready["recovered_frames"].as_u64().expect("a number");
    assert!(frames <= 2, "an orderly stop leaves a snapshot of everything: {frames} frames replayed");
    assert_eq!(recovered.terminate(), 0);
    house.run(&["audit"]).json();
}
