//! A fraud case from the command line: reported by the bank that lost the money, followed over two hops and two banks, held,
//! returned and released, and audited by tracing again.

use serde_json::Value;

use crate::house::House;

const ANNA: &str = "DE68500105170001000011";
const KARL: &str = "DE67500105170001000029";
/// A hosted account of the other bank: the first of those for loads.
const OTHER: &str = "BNKBXXAAXXX";

fn account(house: &House, id: &str) -> Value {
    house.run(&["account", id]).json()["account"].clone()
}

/// A hosted account of a bank without a name.
fn hosted(house: &House, bank: &str) -> String {
    let report = house.run(&["accounts", "--participant", bank]).json();
    let lines = report["accounts"].as_array().expect("accounts").clone();
    let fits = |line: &&Value| {
        line["kind"] == "hosted"
            && line["currency"] == "EUR"
            && line["aliases"].as_array().is_some_and(Vec::is_empty)
    };
    lines.iter().find(fits).expect("it has some")["handle"].to_string()
}

fn pay(house: &House, from: &str, to: &str, amount: &str) -> String {
    let paid = house.run(&["pay", from, to, amount]).json();
    assert_eq!(paid["outcome"], "cleared", "{paid}");
    paid["uetr"].as_str().expect("an id").to_owned()
}

/// What is proposed in words, and what comes of its approval.
fn by_proposal(house: &House, step: &[&str]) -> (String, Value) {
    let proposed = house.run(&[&["propose", "--officer", "1", "fraud"], step].concat()).json();
    let id = proposed["proposal"].as_str().expect("an id").to_owned();
    house.run(&["approve", &id, "--officer", "1"]).fails_with(4, &["four_eyes_required"]);
    let approved = house.run(&["approve", &id, "--officer", "2"]).json();
    (proposed["what"].as_str().expect("words").to_owned(), approved)
}

#[test]
fn stolen_money_is_followed_held_and_sent_back_in_part_or_freed() {
    let house = House::founded("fraud");
    let mule = hosted(&house, OTHER);
    let before = account(&house, &mule)["balance"].as_str().expect("a sum").to_owned();
    // Anna is robbed by way of Karl; his account passes it on.
    let stolen = pay(&house, ANNA, KARL, "900.00");
    pay(&house, KARL, &mule, "600.00");
    pay(&house, KARL, "BNKAXXAAXXX/EUR", "100.00");

    house
        .run(&["fraud", "report", &stolen, "--as", OTHER, "--test-key"])
        .fails_with(4, &["participant_signature"]);
    house.run(&["fraud", "report", &stolen, "--amount", "900.01"]).fails_with(4, &["bad_case"]);
    let bank = ["--as", "BNKAXXAAXXX", "--test-key"];
    let case = house.run(&[&["fraud", "report", &stolen][..], &bank].concat()).json();
    let id = case["case"].as_str().expect("an id").to_owned();
    assert_eq!((&case["amount"], &case["places"]), (&"900.00".into(), &Value::Array(vec![])));

    let trace = house.run(&["fraud", "trace", &id]).json();
    let places = trace["places"].as_array().expect("places");
    let seen: Vec<_> = places.iter().map(|place| (place["hop"].as_u64(), place["amount"].as_str())).collect();
    assert_eq!(seen, [(Some(1), Some("200.00")), (Some(2), Some("600.00"))]);
    assert_eq!((&trace["exits"][0]["amount"], &trace["beyond"]), (&"100.00".into(), &"0.00".into()));
    let held = house.run(&["fraud", "hold", &id[..8]]).json();
    let amounts: Vec<_> =
        held["places"].as_array().expect("places").iter().map(|at| at["held"].clone()).collect();
    assert_eq!(amounts.len(), 2);
    assert_eq!(account(&house, KARL)["available"], "0.00");
    house.run(&["pay", KARL, ANNA, "0.01"]).fails_with(4, &["insufficient_funds"]);

    // The bank that has the account sends it back, in parts; not another one, and not more.
    house
        .run(&[&["fraud", "return", &id, &mule][..], &bank].concat())
        .fails_with(4, &["participant_signature"]);
    let owner = ["--as", OTHER, "--test-key"];
    let part = |amount: &'static str| [&["fraud", "return", &id, &mule, amount][..], &owner].concat();
    house.run(&part("600.01")).fails_with(4, &["bad_case"]);
    let returned = house.run(&part("250.00")).json();
    assert_eq!((&returned["outcome"], &returned["amount"]), (&"cleared".into(), &"250.00".into()));
    assert_eq!(account(&house, ANNA)["balance"], "1850.00");
    assert_eq!(account(&house, &mule)["reserved"], "350.00");
    let by_two = house.run(&["fraud", "return", &id, KARL]).json();
    assert_eq!(by_two["amount"], "200.00");
    // Traced again, it is the rest that is held: what has gone back is not, though the mule has other money.
    let again = house.run(&["fraud", "hold", &id]).json();
    let left: Vec<_> = again["places"].as_array().expect("places").iter().map(|at| &at["held"]).collect();
    assert_eq!(left, ["350.00"]);
    // One officer proposes, another approves: a return, and a trace that asks less.
    let (proposed, approved) = by_proposal(&house, &["return", &id, &mule, "50.00"]);
    assert!(proposed.contains("return 50.00 EUR from") && proposed.contains(&id), "{proposed}");
    assert_eq!(approved["posting"]["amount"], "50.00");
    by_proposal(&house, &["hold", &id[..8]]);
    assert_eq!(account(&house, &mule)["reserved"], "300.00");
    let listed = house.run(&["fraud", "list"]).json();
    assert_eq!(listed["cases"].as_array().expect("cases").len(), 1);

    // What is left of it is freed, and the books agree.
    house.run(&[&["fraud", "release", &id][..], &bank].concat()).json();
    assert_eq!(account(&house, &mule)["reserved"], "0.00");
    let whole = |text: &str| text.replace('.', "").parse::<u64>().expect("a sum");
    let after = account(&house, &mule)["balance"].as_str().expect("a sum").to_owned();
    assert_eq!(whole(&after), whole(&before) + 30_000);
    house.run(&["fraud", "trace", &id]).fails_with(5, &["fraud list"]);
    let audited = house.run(&["audit"]).json();
    assert_eq!((&audited["traces"], &audited["traces_unchecked"]), (&3.into(), &0.into()));
    house.run(&["replay", "--shards", "3"]).json();
}

#[test]
fn what_is_held_is_free_again_by_the_clock_with_nobody_there() {
    let house = House::founded("fraud-clock");
    let stolen = pay(&house, ANNA, KARL, "50.00");
    let case = house.run(&["fraud", "report", &stolen, "--seconds", "4"]).json();
    let id = case["case"].as_str().expect("an id").to_owned();
    house.run(&["fraud", "hold", &id]).json();
    assert_eq!(account(&house, KARL)["reserved"], "50.00");
    std::thread::sleep(std::time::Duration::from_secs(5));
    pay(&house, KARL, ANNA, "50.00");
    assert_eq!(account(&house, KARL)["reserved"], "0.00");
    assert_eq!(house.run(&["fraud", "list"]).json()["cases"], Value::Array(vec![]));
    house.run(&["audit"]).json();
}
