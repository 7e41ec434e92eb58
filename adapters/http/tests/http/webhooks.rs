//! Webhooks: what a stream would show, told to a receiver that is slow, wrong, down or gone, in order and at least once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Channel, channel};
use std::time::{Duration, Instant};

use feiqian_http::webhooks::desk::DeskOptions;
use feiqian_http::webhooks::place::{ask_replay, read_place};
use feiqian_http::webhooks::target::{EventKind, Hosts, Target};
use feiqian_http::webhooks::{Retry, Told, WebhookFault, WebhookOptions, Webhooks, What};
use feiqian_identity::Unidentified;
use feiqian_identity::authority::{Authority, End, Validity};
use feiqian_identity::hex;
use feiqian_identity::signed::SignatureFault;
use feiqian_identity::tls::{Tls, TlsFiles};
use feiqian_proof::signature::PublicKey;
use feiqian_tests::world::operator_key;
use serde_json::Value;

use crate::house::{ALICE, BOB, House, bic, payment, uetr};
use crate::receiver::{Receiver, Reply, Request};

const PATIENCE: Duration = Duration::from_secs(60);
/// In which nothing comes, where nothing may come: long against the pauses of these tests.
const QUIET: Duration = Duration::from_millis(400);

pub(crate) fn operator() -> String {
    hex::encode(PublicKey::of(&operator_key()).as_bytes())
}

fn target(name: &str, bank: char, url: &str, kinds: &[EventKind]) -> Target {
    let hosts =
        Hosts { public: vec!["2130706433".into()], private: vec!["127.0.0.1".into(), "localhost".into()] };
    Target::new((name, bic(bank)), (url, &hosts), kinds.to_vec()).expect("a target")
}

fn plain(name: &str, bank: char, receiver: &Receiver) -> Target {
    target(name, bank, &format!("http://{}/told?by=house", receiver.address), &[])
}

fn directory(house: &House) -> PathBuf {
    house.data().join("webhooks")
}

fn options(house: &House, targets: Vec<Target>) -> WebhookOptions {
    WebhookOptions {
        targets,
        desk: DeskOptions::default(),
        directory: directory(house),
        roots: None,
        timeout: Duration::from_secs(30),
        retry: Retry { first: Duration::from_millis(2), most: Duration::from_millis(20) },
    }
}

fn start(house: &House, options: &WebhookOptions) -> (Webhooks, Channel<Told>) {
    let (tell, told) = channel();
    // A test that has heard enough lets go of it.
    let tell: feiqian_http::webhooks::Tell = Arc::new(move |news: &Told| drop(tell.send(news.clone())));
    let webhooks = Webhooks::start(house.engine(), &operator_key(), options, &tell);
    (webhooks.expect("they start"), told)
}

/// Payments from one bank to another, one event for each of both.
fn pay(house: &House, count: usize) -> Vec<String> {
    let pay = |_| {
        let id = uetr();
        house.post("a", "/v1/transfers", &payment(&id, ALICE, BOB, "1.00")).with(201);
        id
    };
    (0..count).map(pay).collect()
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["uetr"].as_str().expect("an id").to_owned()).collect()
}

fn heard(told: &Channel<Told>) -> What {
    told.recv_timeout(PATIENCE).expect("told in time").what
}

#[test]
fn a_webhook_tells_in_order_what_a_stream_would_show_and_its_sender_is_proven() {
    let house = House::new();
    let receiver = Receiver::start(|_| Reply::Status(204));
    let (webhooks, _told) = start(&house, &options(&house, vec![plain("bank-b", 'B', &receiver)]));
    let mut stream = house.events("b", None);
    let paid = pay(&house, 5);
    let (mut events, mut last) = (Vec::new(), 0);
    let identities = receiver.identities(&operator());
    while events.len() < paid.len() {
        let request = receiver.next();
        assert_eq!(request.sender(&identities, "http").as_deref(), Ok("house"));
        let json = request.json();
        let bounds = request.events();
        let bounds = [&bounds[0]["sequence"], &bounds[bounds.len() - 1]["sequence"]];
        assert_eq!([&json["after"], &json["first"], &json["last"]], [&last.into(), bounds[0], bounds[1]]);
        assert_eq!(request.id(), format!("BNKBXXAAXXX.bank-b.{}-{}", bounds[0], bounds[1]));
        assert_eq!((&json["id"], &json["participant"]), (&request.id().into(), &"BNKBXXAAXXX".into()));
        last = json["last"].as_u64().expect("a sequence");
        events.extend(request.events());
    }
    let streamed: Vec<_> = paid.iter().map(|_| stream.next().1).collect();
    assert_eq!((ids(&events), &events), (paid, &streamed));
    webhooks.stop();
}

#[test]
fn a_request_that_was_touched_is_nobodys() {
    let house = House::new();
    let receiver = Receiver::start(|_| Reply::Status(200));
    let (webhooks, _told) = start(&house, &options(&house, vec![plain("bank-b", 'B', &receiver)]));
    pay(&house, 1);
    let request = receiver.next();
    let sender = |request: &Request| request.sender(&receiver.identities(&operator()), "http");
    let changed = |name: &str, value: &str| {
        let mut changed = request.clone();
        changed.heads.retain(|(own, _)| own != name);
        changed.heads.push((name.to_owned(), value.to_owned()));
        changed
    };
    let wrong = Err(Unidentified::Signature(SignatureFault::Wrong));
    assert_eq!(sender(&changed("webhook-id", "BNKBXXAAXXX.bank-b.1-2")), wrong);
    assert_eq!(sender(&changed("host", "localhost")), wrong);
    let mut elsewhere = request.clone();
    elsewhere.target = "/other?by=house".to_owned();
    assert_eq!(sender(&elsewhere), wrong);
    let mut other = request.clone();
    other.body.push(b' ');
    assert_eq!(sender(&other), Err(Unidentified::Signature(SignatureFault::Digest)));
    assert_eq!(sender(&request).as_deref(), Ok("house"), "untouched");
    webhooks.stop();
}

#[test]
fn what_is_not_taken_is_sent_again_as_it_was_and_no_redirect_is_followed() {
    let house = House::new();
    let elsewhere = Receiver::start(|_| Reply::Status(200));
    let port = elsewhere.address.port();
    let receiver = Receiver::start(move |at| match at {
        0 => Reply::Status(500),
        1 => Reply::Redirect(port),
        2 => Reply::Silence,
        3 => Reply::Status(404),
        _ => Reply::Status(200),
    });
    let options = WebhookOptions {
        timeout: Duration::from_millis(300),
        ..options(&house, vec![plain("bank-b", 'B', &receiver)])
    };
    let (webhooks, told) = start(&house, &options);
    let mut paid = pay(&house, 1);
    let sent: Vec<_> = (0..5).map(|_| receiver.next()).collect();
    paid.extend(pay(&house, 1));
    for again in &sent[1..] {
        assert_eq!((again.id(), &again.body), (sent[0].id(), &sent[0].body));
        assert_ne!(again.head("signature"), sent[0].head("signature"), "signed anew");
        assert_eq!(again.sender(&receiver.identities(&operator()), "http").as_deref(), Ok("house"));
    }
    assert_eq!(ids(&[sent[4].events(), receiver.next().events()].concat()), paid, "in order behind it");
    assert_eq!(elsewhere.within(QUIET), None, "nobody else is told");
    let news: Vec<String> = (0..5).map(|_| heard(&told).to_string()).collect();
    for (news, words) in news.iter().zip(["answers 500", "redirects", "in time", "answers 404", "again"]) {
        assert!(news.contains(words) && !news.contains("by=house"), "{news}");
    }
    webhooks.stop();
}

#[test]
fn requests_are_bounded_and_each_begins_behind_the_one_before() {
    let house = House::new();
    let receiver = Receiver::start(|at| if at == 0 { Reply::Status(503) } else { Reply::Status(200) });
    let payments: Vec<_> = (0..250).map(|_| payment(&uetr(), ALICE, BOB, "0.01")).collect();
    let paid = ids(&payments);
    let (webhooks, _told) = start(&house, &options(&house, vec![plain("bank-b", 'B', &receiver)]));
    house
        .post("a", "/v1/transfers/bulk", &serde_json::json!({ "mode": "continue", "transfers": payments }))
        .with(200);
    let refused = receiver.next();
    let (mut events, mut after, mut requests) = (Vec::new(), 0, 0);
    while events.len() < paid.len() {
        let request = receiver.next();
        if requests == 0 {
            assert_eq!(request.body, refused.body);
        }
        requests += 1;
        let json = request.json();
        assert!(request.events().len() <= 100 && request.body.len() <= 260 * 1024);
        assert_eq!(json["after"], after);
        after = json["last"].as_u64().expect("a sequence");
        events.extend(request.events());
    }
    assert_eq!((requests >= 3, ids(&events)), (true, paid));
    webhooks.stop();
}

#[test]
fn a_receiver_that_hangs_holds_up_neither_the_house_nor_another() {
    let house = House::new();
    let quick = || Receiver::start(|_| Reply::Status(200));
    let (hanging, payee, payer) = (Receiver::start(|_| Reply::Silence), quick(), quick());
    let targets =
        vec![plain("slow", 'B', &hanging), plain("payee", 'B', &payee), plain("payer", 'A', &payer)];
    let (webhooks, _told) = start(&house, &options(&house, targets));
    pay(&house, 1);
    hanging.next();
    // The hanging request has its thirty seconds; all of this is over before.
    let begun = Instant::now();
    pay(&house, 20);
    assert_eq!((payee.events(21).len(), payer.events(21).len()), (21, 21));
    webhooks.stop();
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let place = read_place(&directory(&house), "slow").expect("read").expect("there");
    assert_eq!((place.delivered, place.sending.is_some()), (0, true), "what hung is sent again");
}

#[test]
fn a_receiver_that_is_gone_is_left_alone_until_a_replay() {
    let mut house = House::new();
    let receiver = Receiver::start(|at| if at == 1 { Reply::Status(410) } else { Reply::Status(200) });
    let options = options(&house, vec![plain("bank-b", 'B', &receiver)]);
    let (webhooks, told) = start(&house, &options);
    let mut paid = pay(&house, 1);
    let first = receiver.next().json()["first"].as_u64().expect("a sequence");
    paid.extend(pay(&house, 1));
    receiver.next();
    assert_eq!(heard(&told), What::Gone);
    paid.extend(pay(&house, 1));
    house.seal();
    assert_eq!(receiver.within(QUIET), None);
    webhooks.stop();
    house.restart();
    let (webhooks, told) = start(&house, &options);
    assert_eq!(receiver.within(QUIET), None, "a restart is no reason to ask again");
    ask_replay(&directory(&house), "bank-b", first).expect("asked");
    assert_eq!(heard(&told), What::Replay(first));
    assert_eq!(ids(&receiver.events(3)), paid);
    webhooks.stop();
}

#[test]
fn a_replay_tells_everything_again_and_kinds_may_be_chosen() {
    let house = House::new();
    let receiver = Receiver::start(|_| Reply::Status(200));
    let url = format!("http://{}/", receiver.address);
    let options = options(&house, vec![target("refused", 'A', &url, &[EventKind::Rejected])]);
    let (webhooks, told) = start(&house, &options);
    let refused: Vec<_> = (0..3).map(|_| uetr()).collect();
    for id in &refused {
        pay(&house, 2);
        house.post("a", "/v1/transfers", &payment(id, ALICE, BOB, "99999999.00")).problem(422);
    }
    let events = receiver.events(3);
    assert_eq!(ids(&events), refused, "of nine transfers those three");
    assert!(
        events.iter().all(|event| event["outcome"] == "REJECTED" && event["reason"] == "AM04"),
        "{events:?}"
    );
    let second = events[1]["sequence"].as_u64().expect("a sequence");
    let place = || read_place(&directory(&house), "refused").expect("read").expect("there");
    while place().delivered < events[2]["sequence"].as_u64().expect("a sequence") {
        std::thread::yield_now();
    }
    ask_replay(&directory(&house), "refused", second).expect("asked");
    assert_eq!(heard(&told), What::Replay(second));
    assert_eq!(receiver.events(2), events[1..], "as they were told before");
    ask_replay(&directory(&house), "refused", 1).expect("asked");
    assert_eq!(heard(&told), What::Replay(1));
    assert_eq!(receiver.events(3), events, "from the beginning of the journal");
    assert_eq!(receiver.within(QUIET), None, "once");
    webhooks.stop();
}

#[test]
fn a_receiver_is_believed_under_its_root_alone_and_a_name_may_not_lead_inside() {
    let house = House::new();
    let now_s =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let validity = Validity { from_s: now_s - 86_400, days: 10 };
    let files = |name: &str| {
        let root = Authority::root("TEST root", validity).expect("a root");
        let authority = Authority::load(&root.certificate_pem, &root.key_pem).expect("loads");
        let own = authority.issue(End::Server, &["localhost".to_owned()], validity).expect("issued");
        let write = |part: &str, text: &str| {
            let path = house.data().join(format!("{name}-{part}.pem"));
            std::fs::write(&path, text).expect("written");
            path
        };
        let (root, certificate) = (write("root", &root.certificate_pem), write("own", &own.certificate_pem));
        let key = write("key", &own.key_pem);
        let tls = TlsFiles {
            certificate,
            key,
            client_roots: None,
            revoked: Vec::new(),
            needs_client_certificate: false,
        };
        (root, Tls::open(tls).expect("TLS").config().expect("TLS"))
    };
    let ((root, tls), (other_root, _)) = (files("one"), files("other"));
    let receiver = Receiver::start_tls(|_| Reply::Status(200), tls);
    let url = |host: &str| format!("https://{host}:{}/token-4711", receiver.address.port());
    let own = |name: &str, host: &str| target(name, 'B', &url(host), &[]);
    let without = options(&house, vec![own("none", "localhost")]);
    let tell: feiqian_http::webhooks::Tell = Arc::new(|_: &Told| {});
    let refused = Webhooks::start(house.engine(), &operator_key(), &without, &tell);
    assert!(matches!(refused, Err(WebhookFault::NoRoots(_))));

    let (wrong, told) = start(&house, &WebhookOptions { roots: Some(other_root), ..without });
    let paid = pay(&house, 1);
    let news = heard(&told).to_string();
    assert!(news.contains("certificate is not believed") && !news.contains("4711"), "{news}");
    wrong.stop();
    // The number is 127.0.0.1 to whoever resolves it, and stands among public names.
    let inside =
        WebhookOptions { roots: Some(root.clone()), ..options(&house, vec![own("inside", "2130706433")]) };
    let (inside, told) = start(&house, &inside);
    pay(&house, 1);
    let news = heard(&told).to_string();
    assert!(news.contains("does not allow") && !news.contains("4711"), "{news}");
    inside.stop();
    assert_eq!(receiver.within(Duration::from_millis(1)), None);

    let right = WebhookOptions { roots: Some(root), ..options(&house, vec![own("none", "localhost")]) };
    let (right, _told) = start(&house, &right);
    let request = receiver.next();
    assert_eq!(request.sender(&receiver.identities(&operator()), "https").as_deref(), Ok("house"));
    assert_eq!(ids(&request.events())[0], paid[0], "it has waited");
    right.stop();
}
