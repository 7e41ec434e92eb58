//! Foreign exchange through the process: rates, quotes and trades, and what limits say about them.

use crate::house::House;

#[test]
fn a_trade_that_leaves_a_bank_too_short_in_all_currencies_is_refused() {
    let house = House::founded("exchange");
    let of_bank = |bank: &str, rest: &[&str]| {
        let arguments = [&["fx"], rest, &["--as", bank, "--test-key"]].concat();
        house.run(&arguments).json()
    };
    house.run(&["limit", "fx", "BNKEXXAA/EUR", "300.00"]).json();
    let rate = ["publish", "EUR/USD", "1.08", "1.10", "--size", "1000000.00", "--valid", "600"];
    of_bank("BNKBXXAA", &rate);
    let quote = |pair: &str, way: [&str; 2]| {
        let told =
            of_bank("BNKEXXAA", &["quote", pair, "--provider", "BNKBXXAA", way[0], way[1], "--valid", "300"]);
        told["quote"].as_str().expect("an id").to_owned()
    };
    let trade =
        |quote: &str, from: &str, to: &str| house.run(&["fx", "trade", quote, "--from", from, "--to", to]);
    let [euros, dollars] = ["BNKEXXAA/EUR", "BNKEXXAA/USD"];
    trade(&quote("EUR/USD", ["--pay", "250.00"]), euros, dollars).json();
    trade(&quote("EUR/USD", ["--pay", "60.00"]), euros, dollars).fails_with(4, &["fx_limit_exceeded"]);
    trade(&quote("USD/EUR", ["--get", "100.00"]), dollars, euros).json();
    trade(&quote("EUR/USD", ["--pay", "60.00"]), euros, dollars).json();
    let limits = house.run(&["limit", "list"]).json();
    let line = &limits["limits"][0];
    assert_eq!((&line["limit"], &line["used"]), (&"300.00".into(), &"210.00".into()), "{line}");

    // Short of dollars, it passes with a valuation alone.
    let short = quote("USD/EUR", ["--pay", "300.00"]);
    trade(&short, dollars, euros).fails_with(4, &["fx_limit_exceeded"]);
    house.run(&["limit", "valuation", "USD/EUR", "0.95"]).json();
    trade(&short, dollars, euros).json();
    house.run(&["audit"]).json();
}
