//! Postings by hand from the command line: ordered by two, carried out by the engine, seen in the account's history and
//! statement, and proved by a receipt.

use serde_json::Value;

use crate::house::House;

const ANNA: &str = "DE68500105170001000011";
const KARL: &str = "DE67500105170001000029";
const BRUME: &str = "BNKBXXAAXXX/EUR";

fn posting<'a>(debtor: &'a str, creditor: &'a str, amount: &'a str) -> Vec<&'a str> {
    let reason = ["--reason", "fee booked twice, case 4711"];
    let sides = ["posting", "--debtor", debtor, "--creditor", creditor, "--amount", amount];
    [&sides[..], &reason].concat()
}

fn balance(house: &House, account: &str) -> String {
    house.run(&["account", account]).json()["account"]["balance"].as_str().expect("a sum").to_owned()
}

fn posted(report: &Value) -> (String, u64) {
    let posting = &report["posting"];
    assert_eq!(posting["outcome"], "cleared", "{report}");
    let uetr = posting["uetr"].as_str().expect("an id").to_owned();
    (uetr, posting["sequence"].as_u64().expect("a number"))
}

#[test]
fn a_posting_by_hand_takes_two_officers_and_is_an_entry_like_any_other() {
    let house = House::founded("posting");
    let order = |debtor, creditor, amount| [vec!["order"], posting(debtor, creditor, amount)].concat();
    let done = house.run(&order(ANNA, KARL, "12.50")).json();
    assert_eq!(done["state"], "done");
    let (uetr, sequence) = posted(&done);
    assert_eq!((balance(&house, ANNA).as_str(), balance(&house, KARL).as_str()), ("2487.50", "12.50"));

    // One alone can't, and what makes no sense or is not there is refused with a word.
    let alone = house.data().join("keys/officer-2.key").display().to_string();
    let one = [vec!["order", "--officer-key", &alone], posting(ANNA, KARL, "1.00")].concat();
    house.run(&one).fails_with(4, &["four_eyes_required"]);
    house.run(&order(KARL, KARL, "1.00")).fails_with(4, &["bad_posting"]);
    house.run(&order(KARL, ANNA, "12.51")).fails_with(4, &["not carried out", "insufficient_funds"]);

    // A proposal and an approval, and across two banks.
    let propose = [vec!["propose", "--officer", "1"], posting(KARL, BRUME, "2.50")].concat();
    let proposed = house.run(&propose).json();
    assert!(proposed["what"].as_str().is_some_and(|what| what.contains("case 4711")), "{proposed}");
    let id = proposed["proposal"].as_str().expect("an id").to_owned();
    assert_eq!(balance(&house, KARL), "12.50");
    let approved = house.run(&["approve", &id, "--officer", "2"]).json();
    assert!(posted(&approved).1 > sequence);
    assert_eq!(balance(&house, KARL), "10.00");

    // Its history, its statement and its receipt know it.
    let history = house.run(&["account", KARL]).json();
    let amounts: Vec<_> =
        history["postings"].as_array().expect("postings").iter().map(|at| &at["amount"]).collect();
    assert_eq!(amounts, ["-2.50", "12.50"]);
    house.run(&["cycle", "close"]).json();
    let folder = house.path("statements").display().to_string();
    let written = house.run(&["statement", KARL, "-o", &folder]).json();
    let file = written["statements"][0]["file"].as_str().expect("a path");
    let text = std::fs::read_to_string(file).expect("written");
    assert!(text.contains(&uetr) && text.contains("12.50"), "{text}");
    let receipt = house.path("posting.receipt").display().to_string();
    house.run(&["receipt", &uetr, "-o", &receipt]).json();
    let key = house.data().join("keys/operator.pub").display().to_string();
    house.run(&["verify", &receipt, "--key", &key]).json();
    house.run(&["audit"]).json();
    house.run(&["replay", "--shards", "3"]).json();
}
