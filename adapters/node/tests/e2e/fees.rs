//! Fees through the program: a tariff set by two officers, quoted, charged with payments by hand and in files, and told
//! by the cycle's report.

use serde_json::Value;

use crate::house::House;

const TARIFF: [&str; 8] =
    ["fee", "tariff", "1", "EUR", "--tier", "0:0.10:1.5:0:5.00", "--to", "BNKCXXAAXXX/EUR"];
const PAY: [&str; 4] = ["pay", "BNKAXXAAXXX/EUR", "BNKBXXAAXXX/EUR", "100.00"];

fn amounts(report: &Value) -> Vec<&str> {
    let fees = report["fees"].as_array().map_or(&[][..], Vec::as_slice);
    fees.iter().map(|leg| leg["amount"].as_str().expect("a decimal")).collect()
}

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

#[test]
fn a_tariff_is_set_by_two_quoted_and_charged_with_payments() {
    let house = House::founded("fees");
    assert_eq!(house.run(&["fee", "list"]).json()["tariffs"], Value::Array(vec![]));
    let officer = house.data().join("keys/officer-1.key").display().to_string();
    let alone = house.run(&with(&TARIFF, &["--officer-key", &officer]));
    alone.fails_with(4, &["four_eyes_required"]);
    house
        .run(&["fee", "tariff", "1", "EUR", "--tier", "1:0:0", "--to", "BNKCXXAAXXX/EUR"])
        .fails_with(4, &["put tariff 1 in force", "bad_tariff"]);
    let list = house.run(&TARIFF).json();
    assert_eq!(list["tariffs"][0]["charges"], "0.10 and 1.5 per mille, at most 5.00", "{list}");
    assert_eq!(list["tariffs"][0]["to"], "BNKCXXAAXXX/EUR");
    let quote = |amount: &str| {
        let report = house.run(&["fee", "quote", "BNKAXXAAXXX/EUR", "BNKBXXAAXXX/EUR", amount]).json();
        amounts(&report).join(" ")
    };
    assert_eq!([quote("100.00"), quote("0.01"), quote("9999.00")], ["0.25", "0.10", "5.00"]);
    let paid = house.run(&PAY).json();
    assert_eq!((amounts(&paid), &paid["outcome"]), (vec!["0.25"], &"cleared".into()), "{paid}");
    house.run(&with(&PAY, &["--queue"])).fails_with(2, &["can bear no fee", "tariff 1"]);
    let held = house.run(&with(&PAY, &["--hold"])).json();
    assert!(amounts(&held).is_empty(), "{held}");
    let posted = house.run(&["post", held["uetr"].as_str().expect("an id"), "40.00"]).json();
    assert_eq!((amounts(&posted), &posted["amount"]), (vec!["0.16"], &"40.00".into()));

    house.run(&["cycle", "close"]).json();
    let report = house.run(&["cycle", "report", "1"]).json();
    let of = |bank: &str| {
        let lines = report["positions"].as_array().expect("positions");
        let found = lines.iter().find(|line| line["participant"] == bank && line["currency"] == "EUR");
        found.expect("moved").clone()
    };
    assert_eq!(
        (of("BNKAXXAAXXX")["net"].as_str(), of("BNKBXXAAXXX")["net"].as_str()),
        (Some("-140.41"), Some("140.00"))
    );
    assert_eq!(of("BNKCXXAAXXX")["fees"]["received_sum"], "0.41", "{report}");
    assert_eq!(report["totals"][0]["fees"]["net"], "0.00", "{report}");
    house.run(&["cycle", "settle"]).json();
    house.run(&["audit"]).json();
    house.run(&["replay", "--shards", "1,3"]).json();
}

#[test]
fn interchange_is_proposed_by_one_officer_and_approved_by_another_and_ends() {
    let house = House::founded("interchange");
    let proposed = house.run(&[
        "propose",
        "--officer",
        "1",
        "tariff",
        "7",
        "EUR",
        "--bearer",
        "creditor",
        "--purpose",
        "CBTV",
        "--tier",
        "0:0:15",
        "--to",
        "debtor=3",
        "--to",
        "BNKCXXAAXXX/EUR=1",
    ]);
    let proposed = proposed.json();
    let id = proposed["proposal"].as_str().unwrap_or_else(|| panic!("{proposed}")).to_owned();
    let told = house.run(&["proposals"]).json().to_string();
    assert!(told.contains("the creditor's bank bears 15 per mille, to the debtor's bank 3"), "{told}");
    house.run(&["approve", &id, "--officer", "2"]).json();
    assert!(amounts(&house.run(&PAY).json()).is_empty(), "another purpose");
    let paid = house.run(&with(&PAY, &["--purpose", "CBTV"])).json();
    assert_eq!(amounts(&paid), ["1.13", "0.37"], "{paid}");
    house.run(&["fee", "end", "7"]).json();
    house.run(&["fee", "end", "7"]).fails_with(4, &["unknown_tariff"]);
    assert!(amounts(&house.run(&with(&PAY, &["--purpose", "CBTV"])).json()).is_empty());
}

#[test]
fn a_tariff_is_announced_a_minute_ahead_or_more_and_charges_nothing_before() {
    let house = House::founded("announced");
    let soon = |time: &str| house.run(&with(&TARIFF, &["--from", time]));
    soon("2026-03-01T00:00Z").fails_with(4, &["announce that of tariff 1", "bad_tariff"]);
    soon("tomorrow").fails_with(2, &["not a time such as"]);
    let list = soon("2199-12-31T23:30:15Z").json();
    assert_eq!(list["tariffs"], Value::Array(vec![]));
    assert_eq!(list["announced"][0]["from"], "2199-12-31T23:30:15.000Z", "{list}");
    let told = list["announced"][0]["what"].as_str().expect("words");
    assert!(told.contains("tariff 1: of EUR payments of everybody the debtor's bank bears 0.10"), "{told}");
    assert!(amounts(&house.run(&PAY).json()).is_empty());
    let list = house.run(&["fee", "end", "1"]).json();
    assert_eq!(list["announced"], Value::Array(vec![]), "withdrawn");
    house.run(&["fee", "end", "1", "--from", "2199-12-31T23:30Z"]).fails_with(4, &["unknown_tariff"]);
    house.run(&["audit"]).json();
}
