//! Bounds, hostile bodies, and who is let in at all.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::house::{ALICE, BOB, House, payment, uetr};

const JSON: (&str, &str) = ("content-type", "application/json");
const A_SAYS: (&str, &str) = ("authorization", "Bearer a");

#[test]
fn i6_a_body_is_bounded_in_size_depth_and_type() {
    let house = House::new();
    let large = vec![b' '; 20_000];
    assert_eq!(house.send("POST", "/v1/transfers", &[A_SAYS, JSON], &large).problem(413).0, "too_large");
    let deep = format!("{{\"debtor\":{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let answer = house.send("POST", "/v1/transfers", &[A_SAYS, JSON], deep.as_bytes());
    assert_eq!(answer.problem(400).0, "malformed_body");
    let kind = ("content-type", "text/plain");
    assert_eq!(house.send("POST", "/v1/transfers", &[A_SAYS, kind], b"{}").problem(415).0, "media_type");
    for body in [b"".as_slice(), b"{", b"[]", b"null", b"\xff\xfe", b"{\"debtor\":\"a\",\"debtor\":\"b\"}"] {
        let answer = house.send("POST", "/v1/transfers", &[A_SAYS, JSON], body);
        assert_eq!(answer.problem(400).0, "malformed_body", "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn what_has_fields_is_an_object_and_a_word_is_a_string() {
    let house = House::new();
    let hold = uetr();
    house.post("a", "/v1/holds", &payment(&hold, ALICE, BOB, "1.00")).with(201);
    let answer = house.post("a", &format!("/v1/holds/{hold}/post"), &json!([null, null]));
    assert_eq!(
        answer.problem(400).0,
        "malformed_body",
        "an array of the fields in their order moves nothing"
    );
    let mut listed = payment(&uetr(), ALICE, BOB, "1.00");
    listed["amount"] = json!(["1.00", "EUR"]);
    let problem = house.post("a", "/v1/transfers", &listed).problem(400);
    assert_eq!((problem.0.as_str(), problem.2), ("malformed_body", json!("/amount")));
    let wrapped = json!({ "mode": { "stop": null }, "transfers": [payment(&uetr(), ALICE, BOB, "1.00")] });
    let problem = house.post("a", "/v1/transfers/bulk", &wrapped).problem(400);
    assert_eq!((problem.0.as_str(), problem.2), ("malformed_body", json!("/mode")));
}

#[test]
fn names_and_cursors_are_no_longer_than_described() {
    let house = House::new();
    let long = "0".repeat(65);
    assert_eq!(house.get("a", &format!("/v1/accounts/{long}")).problem(404).0, "not_found");
    let problem = house.get("a", &format!("/v1/accounts?cursor={long}")).problem(422);
    assert_eq!((problem.0.as_str(), problem.2), ("invalid_field", json!("parameter cursor")));
}

#[test]
fn nobody_is_answered_who_is_not_known_and_nothing_that_is_not_there() {
    let house = House::new();
    let body = payment(&uetr(), ALICE, BOB, "1.00");
    let unknown = house.send("GET", "/v1/accounts", &[], b"");
    assert_eq!(
        (unknown.problem(401).0.as_str(), unknown.head("www-authenticate").is_some()),
        ("unidentified", true)
    );
    assert_eq!(house.post("nobody", "/v1/transfers", &body).problem(401).0, "unidentified");
    assert_eq!(
        house.post("z", "/v1/transfers", &body).problem(401).0,
        "unidentified",
        "it does not take part"
    );
    assert_eq!(house.get("a", "/v1/nothing").problem(404).0, "not_found");
    assert_eq!(house.get("a", "/v2/accounts").problem(404).0, "not_found");
    for (path, allowed) in [
        ("/v1/accounts", "GET, HEAD"),
        ("/v1/transfers", "POST"),
        ("/v1/holds", "POST, GET, HEAD"),
        ("/v1/webhooks/own", "DELETE"),
        ("/v1/openapi.json", "GET, HEAD"),
        ("/v1/docs", "GET, HEAD"),
    ] {
        for method in ["PUT", "OPTIONS"] {
            let answer = house.send(method, path, &[A_SAYS], b"");
            assert_eq!(
                (answer.problem(405).0.as_str(), answer.head("allow")),
                ("method", Some(allowed)),
                "{path}"
            );
        }
    }
}

#[test]
fn head_is_answered_as_get_without_its_body() {
    let house = House::new();
    let id = uetr();
    house.post("a", "/v1/transfers", &payment(&id, ALICE, BOB, "1.00")).with(201);
    house.seal();
    for path in [
        "/v1/openapi.json",
        "/v1/docs",
        "/v1/accounts",
        "/v1/accounts/3",
        "/v1/accounts/nobodys",
        "/v1/cycles/+1",
        "/v1/blocks/1",
        "/v1/webhooks",
        &format!("/v1/transfers/{id}/receipt"),
    ] {
        let [got, head] = ["GET", "HEAD"].map(|method| house.send(method, path, &[A_SAYS], b""));
        assert_eq!((head.status, head.body.len()), (got.status, 0), "{path}");
        for name in ["content-type", "content-length"] {
            assert!(head.head(name).is_some(), "{path}: {name}");
            assert_eq!(head.head(name), got.head(name), "{path}: {name}");
        }
    }
    let unknown = house.send("HEAD", "/v1/accounts", &[], b"");
    assert_eq!((unknown.status, unknown.body.len()), (401, 0));
    // A stream without end is not begun.
    let stream = house.send("HEAD", "/v1/events", &[A_SAYS], b"");
    assert_eq!(
        (stream.status, stream.head("content-type"), stream.body.len()),
        (200, Some("text/event-stream"), 0)
    );
}

#[test]
fn a_number_has_one_writing_wherever_it_stands() {
    let house = House::new();
    house.seal();
    for (path, field) in [
        ("/v1/cycles/+1", "cycle"),
        ("/v1/cycles/01", "cycle"),
        ("/v1/cycles/one", "cycle"),
        ("/v1/blocks/+1", "height"),
        ("/v1/blocks/00", "height"),
        ("/v1/accounts?limit=%2B5", "limit"),
        ("/v1/accounts?limit=05", "limit"),
        ("/v1/accounts?cursor=%2B5", "cursor"),
        ("/v1/positions?cycle=%2B1", "cycle"),
        ("/v1/positions?cycle=", "cycle"),
        ("/v1/statements?currency=EUR&cycle=01", "cycle"),
        ("/v1/proofs/position?currency=EUR&block=%2B1", "block"),
        ("/v1/proofs/balance?account=3&block=01", "block"),
        ("/v1/proofs/consistency?old=01", "old"),
        ("/v1/proofs/consistency?old=1&new=%2B2", "new"),
        ("/v1/events?after=%2B1", "after"),
        ("/v1/events?after=18446744073709551616", "after"),
    ] {
        let (kind, _, place) = house.get("a", path).problem(422);
        assert_eq!((kind.as_str(), place), ("invalid_field", json!(format!("parameter {field}"))), "{path}");
    }
    house.get("a", "/v1/accounts/3").with(200);
    for path in ["/v1/accounts/03", "/v1/accounts/+3"] {
        assert_eq!(house.get("a", path).problem(404).0, "not_found", "{path}");
    }
    let (_, _, pointer) = house.post("a", "/v1/transfers", &payment(&uetr(), "+3", BOB, "1.00")).problem(422);
    assert_eq!(pointer, json!("/debtor"));
    let resumed = [A_SAYS, ("last-event-id", "+1")];
    assert_eq!(house.send("GET", "/v1/events", &resumed, b"").problem(422).2, json!("header Last-Event-ID"));
}

#[test]
fn i6_a_request_that_does_not_come_in_time_holds_no_place() {
    let house = House::with(|options| options.read_timeout = Duration::from_millis(200));
    let mut stream = TcpStream::connect(house.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    stream.write_all(b"POST /v1/transfers HTTP/1.1\r\nhost: x\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("closed");
    assert!(answer.is_empty() || answer.contains(" 408 "), "{answer}");
    let mut stream = TcpStream::connect(house.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let head = "POST /v1/transfers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).expect("answered");
    assert!(String::from_utf8_lossy(&answer[..read]).contains(" 408 "));
}

#[test]
fn an_engine_that_closes_says_when_to_come_back() {
    let house = House::new();
    house.engine().shutdown();
    let answer = house.post("a", "/v1/transfers", &payment(&uetr(), ALICE, BOB, "1.00"));
    assert_eq!((answer.problem(503).0.as_str(), answer.head("retry-after")), ("closing", Some("10")));
}

#[test]
fn many_connections_at_once_are_answered_exactly_once_each() {
    let house = House::new();
    let ids: Vec<Vec<String>> = (0..16).map(|_| (0..8).map(|_| uetr()).collect()).collect();
    std::thread::scope(|scope| {
        for own in &ids {
            let house = &house;
            scope.spawn(move || {
                for id in own {
                    house.post("a", "/v1/transfers", &payment(id, ALICE, BOB, "0.01")).with(201);
                }
            });
        }
    });
    house.seal();
    let account = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    assert_eq!(account["balance"], json!({ "amount": "9998.72", "currency": "EUR" }));
}
