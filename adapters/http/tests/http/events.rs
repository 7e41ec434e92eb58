//! The stream of events: each bank's own, in order, resumed by sequence.

use std::io::BufRead as _;

use crate::house::{ALICE, BOB, C, House, payment, uetr};

#[test]
fn events_come_in_order_and_go_on_behind_the_last_one_seen_over_a_restart_too() {
    let mut house = House::new();
    let ids: Vec<_> = (0..6).map(|_| uetr()).collect();
    let mut events = house.events("b", None);
    for id in &ids[..3] {
        house.post("a", "/v1/transfers", &payment(id, ALICE, BOB, "1.00")).with(201);
    }
    let seen: Vec<_> = (0..3).map(|_| events.next()).collect();
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for ((sequence, event), id) in seen.iter().zip(&ids) {
        assert_eq!(
            (&event["uetr"], &event["sequence"]),
            (&serde_json::json!(id), &serde_json::json!(sequence))
        );
        assert_eq!((&event["state"], &event["outcome"]), (&"SEALED".into(), &"CLEARED".into()));
    }
    drop(events);
    house.post("a", "/v1/transfers", &payment(&uetr(), ALICE, C, "1.00")).with(201);
    for id in &ids[3..] {
        house.post("a", "/v1/transfers", &payment(id, ALICE, BOB, "1.00")).with(201);
    }
    house.restart();
    let mut events = house.events("b", Some(seen[1].0));
    let rest: Vec<_> = (0..4).map(|_| events.next().1["uetr"].clone()).collect();
    assert_eq!(rest, ids[2..], "from the one behind the last seen, without what is another's");
}

#[test]
fn i6_streams_are_bounded_and_a_place_comes_back() {
    let house = House::with(|options| options.streams_max = 1);
    let events = house.events("a", None);
    let refused = house.get("b", "/v1/events");
    assert_eq!((refused.problem(503).0.as_str(), refused.head("retry-after")), ("busy", Some("1")));
    drop(events);
    house.post("a", "/v1/transfers", &payment(&uetr(), ALICE, BOB, "1.00")).with(201);
    house.seal();
    let begun = std::time::Instant::now();
    let opened = || {
        let heads = [("authorization", "Bearer b")];
        let mut line = String::new();
        let stream = house.open("GET", "/v1/events", &heads, None);
        std::io::BufReader::new(stream).read_line(&mut line).expect("a status");
        line.contains(" 200 ")
    };
    while !opened() {
        assert!(begun.elapsed().as_secs() < 30, "no place has come back");
    }
    assert_eq!(house.get("b", "/v1/events?after=x").problem(422).2, "parameter after");
    assert_eq!(house.get("a", "/v1/events?cursor=1").status, 400);
}
