//! Webhooks of a running `serve`: nothing is lost over SIGKILLs and what comes twice has one id, who is not on the list is told
//! nothing, and an operator sees how far a target was told and sets it back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{configure, send};
use crate::house::{House, Serving, wait_for};
use crate::receiver::{Receiver, Reply, Request};
use crate::serving::get;

/// A target of bank B's on this machine.
fn lines(receiver: &Receiver) -> String {
    format!(
        "[webhooks]\nprivate_hosts = [\"127.0.0.1\"]\nrequest_timeout_ms = 500\n[[webhooks.target]]\nname = \"bank-b\"\n\
         participant = \"BNKBXXAAXXX\"\nurl = \"http://{}/told\"\n",
        receiver.address
    )
}

/// Bank A pays bank B, once for each number; the ids.
fn pay(serving: &Serving, numbers: std::ops::Range<u32>) -> Vec<String> {
    let pay = |number| {
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let body = json!({
            "uetr": id,
            "debtor": "BNKAXXAAXXX/EUR",
            "creditor": "BNKBXXAAXXX/EUR",
            "amount": { "amount": "1.00", "currency": "EUR" },
        });
        let (status, answer) = send(serving, 'A', ("POST", "/transfers"), Some(&body));
        assert_eq!(status, 201, "{answer}");
        id
    };
    numbers.map(pay).collect()
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["uetr"].as_str().expect("an id").to_owned()).collect()
}

/// What a bank keeps: each request once, by its id, in the order in which they came.
#[derive(Default)]
struct Kept {
    bodies: BTreeMap<String, Vec<u8>>,
    events: Vec<Value>,
    last: u64,
}

impl Kept {
    fn take(&mut self, request: &Request) {
        let json = request.json();
        if let Some(body) = self.bodies.get(request.id()) {
            assert_eq!(*body, request.body, "one id, one content");
            return;
        }
        assert_eq!(json["after"], self.last, "nothing is left out: {json}");
        self.last = json["last"].as_u64().expect("a sequence");
        self.events.extend(request.events());
        self.bodies.insert(request.id().to_owned(), request.body.clone());
    }
}

#[test]
fn no_sigkill_loses_an_event_and_what_is_told_twice_has_one_id() {
    const ROUNDS: u32 = 8;
    const PAYMENTS: u32 = 12;
    // Every third request is taken and never answered: the house can't know.
    let receiver = Receiver::start(|at| if at % 3 == 0 { Reply::Silence } else { Reply::Status(200) });
    let house = House::founded("hooks-kills");
    configure(&house, &lines(&receiver));
    let (mut paid, mut kept, mut requests) = (Vec::new(), Kept::default(), 0);
    for round in 0..ROUNDS {
        let serving = house.serve();
        paid.extend(pay(&serving, round * PAYMENTS + 1..(round + 1) * PAYMENTS + 1));
        kept.take(&receiver.next());
        requests += 1;
        serving.kill();
    }
    let serving = house.serve();
    while kept.events.len() < paid.len() {
        kept.take(&receiver.next());
        requests += 1;
    }
    assert_eq!(ids(&kept.events), paid);
    assert!(requests > kept.bodies.len(), "none of {requests} came twice: nothing was tried");
    assert_eq!(serving.terminate(), 0);
    house.run(&["audit"]).json();
}

#[test]
fn who_is_not_on_the_list_is_refused_at_start_with_the_way_out() {
    let house = House::founded("hooks-list");
    let target = |url: &str| {
        let target = "[[webhooks.target]]\nname = \"own\"\nparticipant = \"BNKBXXAAXXX\"\n";
        let lists = "[webhooks]\nhosts = [\"hooks.bank.example\"]\nprivate_hosts = [\"127.0.0.1\"]\n";
        format!("{lists}{target}url = \"{url}\"\n")
    };
    let rows: [(String, &[&str]); 5] = [
        (target("https://evil.example/token-4711"), &["own", "evil.example", "private_hosts"]),
        (target("http://hooks.bank.example/"), &["own", "https://"]),
        (target("https://hooks.bank.example/"), &["own", "roots"]),
        (target("http://127.0.0.1:1/").replace("BNKB", "BNKX"), &["own", "BNKXXXAAXXX is no participant"]),
        (target("http://127.0.0.1:1/").replace("own", "../own"), &["../own", "a to z"]),
    ];
    for (lines, words) in rows {
        house.configure(&lines);
        let refused = house.run(&["serve"]);
        refused.fails_with(2, words);
        assert!(!refused.stderr.contains("4711"), "{refused:?}");
    }
}

#[test]
fn a_bank_registers_its_own_where_the_operator_allows_it_and_is_told_over_a_sigkill() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let house = House::founded("hooks-registered");
    let lines = |prefix: &str| {
        format!(
            "[webhooks]\nprivate_hosts = [\"127.0.0.1\"]\nregistered = {{ BNKBXXAAXXX = [\"http://{}{prefix}\"] }}\n",
            receiver.address
        )
    };
    configure(&house, &lines("/b"));
    let serving = house.serve();
    let body = |path: &str| json!({ "name": "own", "url": format!("http://{}{path}", receiver.address) });
    let (status, refused) = send(&serving, 'A', ("POST", "/webhooks"), Some(&body("/b")));
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/url")), "{refused}");
    let (status, made) = send(&serving, 'B', ("POST", "/webhooks"), Some(&body("/b/in")));
    assert_eq!(status, 200, "{made}");
    let mut paid = pay(&serving, 1..4);
    let mut events = receiver.events(3);
    serving.kill();
    let line = || house.run(&["webhooks", "list"]).json()["webhooks"][0].clone();
    assert_eq!((&line()["name"], &line()["host"]), (&json!("BNKBXXAAXXX/own"), &json!("127.0.0.1")));
    let serving = house.serve();
    paid.extend(pay(&serving, 4..6));
    while events.len() < paid.len() {
        // What was taken right before the kill may come again.
        let known: Vec<_> = events.clone();
        events.extend(receiver.next().events().into_iter().filter(|event| !known.contains(event)));
    }
    assert_eq!(ids(&events), paid);
    let metrics = get(&serving.ready["metrics"]);
    assert!(metrics.contains("feiqian_webhook_stopped{target=\"BNKBXXAAXXX/1\"} 0"), "{metrics}");
    let first = events[0]["sequence"].to_string();
    wait_for("a place", || (line()["delivered"] == events[4]["sequence"]).then_some(()));
    house.run(&["webhooks", "replay", "BNKBXXAAXXX/own", "--from", &first]).json();
    assert_eq!(receiver.events(5), events);
    assert_eq!(serving.terminate(), 0);

    configure(&house, &lines("/elsewhere"));
    let serving = house.serve();
    let (_, listed) = send(&serving, 'B', ("GET", "/webhooks"), None);
    assert_eq!(listed["webhooks"][0]["state"], "barred", "{listed}");
    assert_eq!(serving.terminate(), 0);
    configure(&house, &lines("/../b"));
    house.run(&["serve"]).fails_with(2, &["registered", "BNKBXXAAXXX", "path"]);
    configure(&house, &lines("/b").replace("[webhooks]", "[webhooks]\nregistered_max = 17"));
    house.run(&["serve"]).fails_with(2, &["registered_max", "1 to 16"]);
}

#[test]
fn an_operator_sees_how_far_a_target_was_told_and_sets_it_back() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let house = House::founded("hooks-replay");
    configure(&house, &lines(&receiver));
    let line = || house.run(&["webhooks", "list"]).json()["webhooks"][0].clone();
    assert_eq!((&line()["state"], &line()["next"]), (&json!("new"), &Value::Null));
    let serving = house.serve();
    assert_eq!(serving.ready["webhooks"], "bank-b");
    let paid = pay(&serving, 1..6);
    let request = receiver.next();
    let key = std::fs::read_to_string(house.data().join("keys/operator.pub")).expect("a key");
    let identities = receiver.identities(key.trim());
    assert_eq!(request.sender(&identities, "http").as_deref(), Ok("house"), "under the key that banks have");
    let mut events = request.events();
    events.extend(receiver.events(5 - events.len()));
    assert_eq!(ids(&events), paid);
    let (first, last) = (&events[0]["sequence"], &events[4]["sequence"]);
    wait_for("a place", || (line()["delivered"] == *last).then_some(()));
    assert_eq!(line()["state"], "told");
    let metrics = get(&serving.ready["metrics"]);
    for line in ["delivered_events_total{target=\"bank-b\"} 5", "stopped{target=\"bank-b\"} 0"] {
        assert!(metrics.contains(&format!("feiqian_webhook_{line}\n")), "{line}\n{metrics}");
    }

    let from = first.to_string();
    house.run(&["webhooks", "replay", "other", "--from", &from]).fails_with(5, &["no webhook other"]);
    house
        .run(&["webhooks", "replay", "bank-b", "--from", "99999999"])
        .fails_with(2, &["--from", "never be told"]);
    house.run(&["webhooks", "replay", "bank-b", "--from", &from]).json();
    assert_eq!(receiver.events(5), events, "beside a running server");
    wait_for("a place", || (line()["delivered"] == *last).then_some(()));
    assert_eq!(serving.terminate(), 0);
    house.run(&["webhooks", "replay", "bank-b", "--from", &from]).json();
    let serving = house.serve();
    assert_eq!(receiver.events(5), events, "and at the next start");
    assert_eq!(serving.terminate(), 0);
}
