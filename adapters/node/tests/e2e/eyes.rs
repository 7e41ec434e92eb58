//! Four eyes from the command line: one officer proposes, another approves, what loosens waits, what stops does not.

use std::time::Duration;

use crate::house::House;

/// How many proposals stand.
fn standing(house: &House) -> usize {
    house.run(&["proposals"]).json()["proposals"].as_array().expect("a list").len()
}

fn cap(house: &House) -> String {
    let report = house.run(&["positions"]).json();
    let lines = report["positions"].as_array().expect("a list").iter();
    let mut found = lines.filter(|line| line["participant"] == "BNKAXXAAXXX" && line["currency"] == "EUR");
    found.next().expect("it has one")["net_debit_cap"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn two_officers_raise_a_cap_in_two_entries_and_one_lowers_it_alone() {
    let house = House::founded("eyes");
    let raise = ["cap", "BNKAXXAAXXX", "EUR", "7000000000.00"];
    let propose = |officer: &'static str| [&["propose", "--officer", officer], &raise[..]].concat();
    house.run(&["propose", "cap", "BNKAXXAAXXX", "EUR", "1.00"]).fails_with(2, &["--officer"]);
    let proposed = house.run(&propose("1")).json();
    let id = proposed["proposal"].as_str().expect("an id").to_owned();
    house.run(&["approve", &id, "--officer", "1"]).fails_with(4, &["four_eyes_required", "own proposal"]);
    let before = cap(&house);
    assert_eq!(house.run(&["approve", &id[..8], "--officer", "2"]).json()["state"], "done");
    assert_eq!(cap(&house), "7000000000.00");
    assert_ne!(before, cap(&house));
    house.run(&["approve", &id, "--officer", "2"]).fails_with(5, &["feiqian proposals"]);

    // From now on, what loosens waits.
    house.run(&["order", "delay", "1"]).json();
    house.run(&["order", "cap", "BNKAXXAAXXX", "EUR", "none"]).fails_with(4, &["proposal_required"]);
    let alone = house.data().join("keys/officer-2.key").display().to_string();
    house.run(&["order", "--officer-key", &alone, "cap", "BNKAXXAAXXX", "EUR", "5.00"]).json();
    assert_eq!(cap(&house), "5.00");
    let id = house.run(&propose("2")).json()["proposal"].as_str().expect("an id").to_owned();
    let approved = house.run(&["approve", &id, "--officer", "1"]).json();
    assert_eq!(approved["state"], "approved, waits");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(standing(&house), 0, "its time has come");
    assert_eq!(cap(&house), "7000000000.00");

    let id = house.run(&propose("2")).json()["proposal"].as_str().expect("an id").to_owned();
    assert_eq!(standing(&house), 1);
    house.run(&["withdraw", &id, "--officer", "1"]).json();
    assert_eq!(standing(&house), 0);
    house.run(&["audit"]).json();
}
