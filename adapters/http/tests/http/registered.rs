//! Webhooks that participants register themselves: under what the operator allows and nowhere else, each its own events and
//! its own webhooks alone, as many as may be, over restarts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feiqian_http::webhooks::desk::DeskOptions;
use feiqian_http::webhooks::prefix::Prefix;
use feiqian_http::webhooks::target::Hosts;
use feiqian_http::webhooks::{Retry, WebhookOptions};
use ring::hmac;
use serde_json::{Value, json};

use crate::house::{ALICE, BOB, House, bic, payment, uetr};
use crate::receiver::{Receiver, Reply, Request};
use crate::webhooks::operator;

const PATIENCE: Duration = Duration::from_secs(60);
/// In which nothing comes, where nothing may come: long against the pauses of these tests.
const QUIET: Duration = Duration::from_millis(400);

fn hosts() -> Hosts {
    Hosts { public: vec!["hooks.bank.example".into()], private: vec!["127.0.0.1".into()] }
}

/// A and B may register two webhooks each at the receiver, under a path of their own; C none.
fn options(data: &Path, receiver: &Receiver) -> WebhookOptions {
    let prefix = |bank: char| {
        let path = bank.to_lowercase();
        let text = format!("http://{}/{path}", receiver.address);
        let public = Prefix::new(bic(bank), "https://hooks.bank.example/", &hosts()).expect("a prefix");
        (bic(bank), vec![Prefix::new(bic(bank), &text, &hosts()).expect("a prefix"), public])
    };
    WebhookOptions {
        targets: Vec::new(),
        desk: DeskOptions { hosts: hosts(), prefixes: BTreeMap::from(['A', 'B'].map(prefix)), each_max: 2 },
        directory: data.join("webhooks"),
        roots: None,
        timeout: Duration::from_secs(30),
        retry: Retry { first: Duration::from_millis(2), most: Duration::from_millis(20) },
    }
}

fn house(receiver: &Receiver) -> House {
    House::telling(|data| options(data, receiver))
}

fn hook(receiver: &Receiver, name: &str, path: &str) -> Value {
    json!({ "name": name, "url": format!("http://{}{path}", receiver.address) })
}

fn pay(house: &House) -> String {
    let id = uetr();
    house.post("a", "/v1/transfers", &payment(&id, ALICE, BOB, "1.00")).with(201);
    id
}

fn listed(house: &House, who: &str) -> Vec<Value> {
    house.get(who, "/v1/webhooks").with(200)["webhooks"].as_array().expect("a list").clone()
}

/// As a library of Standard Webhooks checks it.
fn is_signed(request: &Request, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let signature = request.head("webhook-signature").strip_prefix("v1,").expect("version 1");
    let head = format!("{}.{}.", request.id(), request.head("webhook-timestamp"));
    let content = [head.as_bytes(), &request.body].concat();
    hmac::verify(
        &hmac::Key::new(hmac::HMAC_SHA256, &key),
        &content,
        &STANDARD.decode(signature).expect("base64"),
    )
    .is_ok()
}

#[test]
fn a_participant_is_told_its_own_under_its_secret_and_the_operators_signature_over_restarts() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let mut house = house(&receiver);
    let made =
        house.post("b-approver", "/v1/webhooks", &hook(&receiver, "ledger", "/b/in?key=4711")).with(200);
    assert_eq!(
        (&made["name"], &made["participant"], &made["host"]),
        (&json!("ledger"), &json!("BNKBXXAAXXX"), &json!("127.0.0.1"))
    );
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let paid = pay(&house);
    let request = receiver.next();
    assert_eq!(
        (request.target.as_str(), request.events()[0]["uetr"].as_str()),
        ("/b/in?key=4711", Some(paid.as_str()))
    );
    assert!(is_signed(&request, &secret));
    let mut touched = request.clone();
    touched.body.push(b' ');
    assert!(!is_signed(&touched, &secret));
    assert_eq!(request.sender(&receiver.identities(&operator()), "http").as_deref(), Ok("house"));
    assert!(request.id().starts_with("BNKBXXAAXXX.ledger.1."), "{}", request.id());

    let seen = house.get("b-viewer", "/v1/webhooks");
    let text = String::from_utf8(seen.body.clone()).expect("UTF-8");
    assert!(text.contains("ledger") && !text.contains("4711") && !text.contains("whsec"), "{text}");
    for file in ["list.json", "1.json"] {
        let kept =
            std::fs::read_to_string(house.data().join("webhooks/registered").join(file)).expect("kept");
        assert!(
            !kept.contains(secret.strip_prefix("whsec_").expect("a secret")),
            "{file}: no secret is kept"
        );
    }
    house.restart();
    let paid = pay(&house);
    let request = receiver.next();
    assert_eq!(request.events()[0]["uetr"], paid);
    assert!(is_signed(&request, &secret), "the same secret, which is kept nowhere");
    // One payment of A's to C's clearing account is none of B's.
    house.post("a", "/v1/transfers", &payment(&uetr(), ALICE, "BNKCXXAAXXX/EUR", "1.00")).with(201);
    house.seal();
    assert_eq!(receiver.within(QUIET), None);
}

#[test]
fn nothing_is_registered_that_the_operator_does_not_allow_and_nothing_of_anothers_is_reached() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let house = house(&receiver);
    let refused = |who: &str, body: &Value| house.post(who, "/v1/webhooks", body).problem(422);
    let port = receiver.address.port();
    for (who, url) in [
        ("a", format!("http://127.0.0.1:{port}/b/in")),
        ("a", format!("http://127.0.0.1:{port}/ab")),
        ("a", format!("http://127.0.0.1:{port}/a/../b")),
        ("a", format!("http://127.0.0.1:{port}/a/%2e%2e/b")),
        ("a", format!("http://user@127.0.0.1:{port}/a")),
        ("a", format!("http://127.0.0.1:{}/a", port.wrapping_add(1))),
        ("a", "https://evil.example/a".to_owned()),
        ("a", "https://hooks.bank.example/a".to_owned()),
        ("a", "ftp://127.0.0.1/a".to_owned()),
        ("a", String::new()),
        ("c", format!("http://127.0.0.1:{port}/a")),
    ] {
        let (kind, _, pointer) = refused(who, &json!({ "name": "own", "url": url }));
        assert_eq!((kind.as_str(), pointer), ("invalid_field", json!("/url")), "{who} {url}");
    }
    for name in ["", "A", "../x", "a b", "abcdefghijklmnopqrstuvwxyz-0123456"] {
        assert_eq!(refused("a", &hook(&receiver, name, "/a")).2, json!("/name"), "{name}");
    }
    let mut body = hook(&receiver, "own", "/a");
    body["kinds"] = json!([{ "cleared": null }]);
    assert_eq!(house.post("a", "/v1/webhooks", &body).problem(400).2, json!("/kinds/0"));
    body["kinds"] = json!(["cleared", "cleared", "cleared", "cleared", "cleared", "cleared"]);
    assert_eq!(refused("a", &body).2, json!("/kinds"));

    house.post("a", "/v1/webhooks", &hook(&receiver, "own", "/a")).with(200);
    for who in ["b", "c"] {
        assert_eq!(listed(&house, who), Vec::<Value>::new());
        assert_eq!(house.delete(who, "/v1/webhooks/own").problem(404).0, "not_found");
        let replayed = house.post(who, "/v1/webhooks/own/replay", &json!({ "from": 1 }));
        assert_eq!(replayed.problem(404).0, "not_found");
    }
    assert_eq!(house.delete("a-viewer", "/v1/webhooks/own").status, 403);
    assert_eq!(listed(&house, "auditor").len(), 1, "who sees all sees these");
    assert_eq!(listed(&house, "a-viewer")[0]["state"], "told");
}

#[test]
fn i6_a_participant_has_as_many_as_it_may_and_their_places_come_back() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let house = house(&receiver);
    let register =
        |who: &str, name: &str| house.post(who, "/v1/webhooks", &hook(&receiver, name, &format!("/{who}")));
    register("a", "one").with(200);
    assert_eq!(register("a", "one").problem(409).2, json!("/name"), "a name is taken once");
    register("a", "two").with(200);
    assert_eq!(register("a", "three").problem(409).0, "webhook_taken");
    register("b", "one").with(200);
    assert_eq!(house.delete("a", "/v1/webhooks/one").status, 204);
    assert_eq!(house.delete("a", "/v1/webhooks/one").problem(404).0, "not_found");
    let begun = Instant::now();
    while register("a", "three").status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the place does not come back");
    }
    let names: Vec<_> = listed(&house, "a").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["two", "three"]);
}

#[test]
fn i6_who_removes_what_hangs_over_and_over_holds_no_more_threads_than_it_may() {
    let receiver = Receiver::start(|_| Reply::Silence);
    let house = house(&receiver);
    let register = |at: usize| house.post("b", "/v1/webhooks", &hook(&receiver, &format!("own-{at}"), "/b"));
    let mut refused = 0;
    for at in 0..6 {
        if register(at).status == 503 {
            refused += 1;
            continue;
        }
        pay(&house);
        house.seal();
        // One connection at a time is answered, so that the first alone need be seen.
        if at == 0 {
            receiver.next();
        }
        let place = house.data().join(format!("webhooks/registered/{}.json", at + 1));
        let begun = Instant::now();
        while !std::fs::read_to_string(&place).is_ok_and(|text| !text.contains("\"sending\":null")) {
            assert!(begun.elapsed() < PATIENCE, "it sends nothing");
        }
        assert_eq!(house.delete("b", &format!("/v1/webhooks/own-{at}")).status, 204);
    }
    assert_eq!(refused, 4, "two may hang");
}

#[test]
fn a_replay_tells_again_from_a_sequence_and_sets_going_what_was_gone() {
    let receiver = Receiver::start(|at| if at == 1 { Reply::Status(410) } else { Reply::Status(200) });
    let house = house(&receiver);
    let paid = [pay(&house), pay(&house)];
    // Before there is who is told, so that both are told at once, however long each took.
    house.seal();
    let mut body = hook(&receiver, "ledger", "/b");
    (body["from"], body["kinds"]) = (json!(1.0), json!(["cleared"]));
    let made = house.post("b", "/v1/webhooks", &body).with(200);
    assert_eq!((&made["next"], &made["kinds"]), (&json!(1), &json!(["cleared"])));
    let request = receiver.next();
    let (id, events) = (request.id().to_owned(), request.events());
    assert_eq!(
        events.iter().map(|event| event["uetr"].clone()).collect::<Vec<_>>(),
        paid,
        "from the beginning"
    );
    pay(&house);
    receiver.next();
    let seen = || listed(&house, "b")[0].clone();
    let begun = Instant::now();
    while seen()["state"] != "stopped" {
        assert!(begun.elapsed() < PATIENCE, "{}", seen());
    }
    assert!(seen()["wrong"].as_str().expect("told").contains("410"));
    let ahead = house.post("b", "/v1/webhooks/ledger/replay", &json!({ "from": 99_999 }));
    assert_eq!(ahead.problem(422).2, json!("/from"));
    assert_eq!(
        house.post("b", "/v1/webhooks/ledger/replay", &json!({ "from": 0 })).problem(400).2,
        json!("/from")
    );
    let first = &events[0]["sequence"];
    let again = house.post("b", "/v1/webhooks/ledger/replay", &json!({ "from": first })).with(200);
    assert_eq!((&again["state"], &again["next"]), (&json!("told"), first));
    let told = receiver.events(3);
    assert_eq!(told[..2], events);
    assert_eq!(house.delete("b", "/v1/webhooks/ledger").status, 204);
    assert_eq!(receiver.within(QUIET), None);
    // What has the same name is another, and its requests have other ids.
    let begun = Instant::now();
    while house.post("b", "/v1/webhooks", &body).status != 200 {
        assert!(begun.elapsed() < PATIENCE);
    }
    let other = receiver.next();
    assert_ne!(other.id(), id);
    assert_eq!(other.events()[..2], events);
}

#[test]
fn what_the_operator_allows_no_more_is_told_no_more_and_the_house_starts_nevertheless() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let mut house = house(&receiver);
    house.post("b", "/v1/webhooks", &hook(&receiver, "ledger", "/b")).with(200);
    house.set_hooks(|hooks| drop(hooks.desk.prefixes.remove(&bic('B'))));
    house.restart();
    pay(&house);
    house.seal();
    assert_eq!(receiver.within(QUIET), None);
    assert_eq!(listed(&house, "b")[0]["state"], "barred");
    house.set_hooks(|hooks| {
        let text = format!("http://{}/b", receiver.address);
        let prefix = Prefix::new(bic('B'), &text, &hosts()).expect("a prefix");
        hooks.desk.prefixes.insert(bic('B'), vec![prefix]);
    });
    house.restart();
    assert_eq!(receiver.events(1).len(), 1, "its events have waited");
    assert_eq!(house.delete("b", "/v1/webhooks/ledger").status, 204);
    let left = house.data().join("webhooks/registered/1.json");
    let begun = Instant::now();
    while left.exists() {
        assert!(begun.elapsed() < PATIENCE, "its place stays");
    }
}

#[test]
fn where_nobody_is_told_nothing_can_be_registered() {
    let house = House::new();
    assert_eq!(listed(&house, "a"), Vec::<Value>::new());
    let body = json!({ "name": "own", "url": "https://hooks.bank.example/" });
    assert_eq!(house.post("a", "/v1/webhooks", &body).problem(422).2, json!("/url"));
    assert_eq!(house.delete("a", "/v1/webhooks/own").problem(404).0, "not_found");
}
