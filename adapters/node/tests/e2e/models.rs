//! Settlement models through the process: what a cycle pays bilaterally, and that nothing is left of a gross one.

use serde_json::Value;

use crate::house::House;

const BANKS: [&str; 3] = ["BNKAXXAAXXX", "BNKBXXAAXXX", "BNKCXXAAXXX"];

fn participants(house: &House, currencies: &[&str]) -> String {
    let mut text = String::from("[operator]\nbic = \"CLRHXXAAXXX\"\nname = \"Clearing House\"\n");
    for bank in BANKS {
        text += &format!("[[participant]]\nbic = \"{bank}\"\nname = \"{bank}\"\n");
        for currency in currencies {
            text += &format!(
                "[[participant.position]]\ncurrency = \"{currency}\"\nnet_debit_cap = \"1000.00\"\n"
            );
        }
    }
    let file = house.path("participants.toml");
    std::fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn disputes_are_cleared_and_settled_apart_from_payments_in_the_same_currency() {
    let house = House::empty("products");
    house.run(&["init", "--participants", &participants(&house, &["EUR", "EUR.1"])]).json();
    house.run(&["cycle", "split", "EUR.1"]).json();
    house.run(&["cycle", "close"]).json();
    let [a, b, _] = BANKS;
    let account = |bank: &str, code: &str| format!("{bank}/{code}");
    house.run(&["pay", &account(a, "EUR"), &account(b, "EUR"), "100.00"]).json();
    house.run(&["pay", &account(b, "EUR.1"), &account(a, "EUR.1"), "30.00"]).json();
    house
        .run(&["pay", &account(b, "EUR.1"), &account(a, "EUR"), "1.00"])
        .fails_with(4, &["currency_mismatch"]);
    let cycles = house.run(&["cycle", "list"]).json();
    let open = cycles["cycles"].as_array().expect("cycles").iter().find(|cycle| cycle["currency"] == "EUR.1");
    let number = open.expect("one of its own")["cycle"].to_string();
    let closed = house.run(&["cycle", "close", "--cycle", &number]).json();
    let lines = closed["settlement"]["obligations"].as_array().expect("obligations").clone();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(
        [&line["debtor"], &line["creditor"], &line["currency"], &line["amount"]],
        [b, a, "EUR.1", "30.00"]
    );
    // Money of a product is money of the currency to everybody outside.
    let file = house.files("settlement").join(line["file"].as_str().expect("a file"));
    let file = std::fs::read_to_string(file).expect("a pacs.009");
    assert!(file.contains("<IntrBkSttlmAmt Ccy=\"EUR\">30.00</IntrBkSttlmAmt>"), "{file}");
    house.run(&["cycle", "settle", "--cycle", &number]).json();
    let positions = house.run(&["positions"]).json();
    let of = |code: &str| {
        let lines = positions["positions"].as_array().expect("positions");
        lines.iter().find(|line| line["participant"] == a && line["currency"] == code).expect("there")["position"].clone()
    };
    assert_eq!(
        (of("EUR"), of("EUR.1")),
        ("-100.00".into(), "0.00".into()),
        "payments go on in their own cycle"
    );
    house.run(&["audit"]).json();
}

#[test]
fn a_bilateral_currency_is_paid_pair_by_pair_and_a_gross_one_carries_over() {
    let house = House::empty("models");
    house.run(&["init", "--participants", &participants(&house, &["EUR"])]).json();
    house.run(&["order", "model", "CHF", "bilateral"]).json();
    house.run(&["order", "model", "USD", "gross"]).json();
    house.run(&["order", "model", "EUR", "gross"]).fails_with(4, &["model_fixed"]);
    house.run(&["init", "--resume", "--participants", &participants(&house, &["EUR", "CHF", "USD"])]).json();
    let pay = |from: &str, to: &str, code: &str, amount: &str| {
        house.run(&["pay", &format!("{from}/{code}"), &format!("{to}/{code}"), amount]).json();
    };
    let [a, b, c] = BANKS;
    // A ring, whose multilateral nets are zero.
    pay(a, b, "CHF", "100.00");
    pay(b, c, "CHF", "100.00");
    pay(c, a, "CHF", "100.00");
    pay(b, a, "CHF", "30.00");
    pay(a, c, "USD", "5.00");
    let closed = house.run(&["cycle", "close"]).json();
    let lines = closed["settlement"]["obligations"].as_array().expect("obligations").clone();
    let text = |line: &Value, key: &str| line[key].as_str().expect("text").to_owned();
    let paid: Vec<_> = lines
        .iter()
        .map(|line| ["debtor", "creditor", "currency", "amount"].map(|key| text(line, key)))
        .collect();
    let expected = [[a, b, "CHF", "70.00"], [c, a, "CHF", "100.00"], [b, c, "CHF", "100.00"]];
    assert_eq!(paid, expected.map(|row| row.map(str::to_owned)));
    house.run(&["cycle", "settle"]).json();
    let positions = house.run(&["positions"]).json();
    let usd = positions["positions"]
        .as_array()
        .expect("positions")
        .iter()
        .find(|line| line["participant"] == a && line["currency"] == "USD");
    assert_eq!(usd.expect("there")["position"], "-5.00", "final at once, and carried over");
    house.run(&["audit"]).json();
}
