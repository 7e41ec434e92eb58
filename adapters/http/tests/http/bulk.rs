//! Many transfers at once, in each mode.

use serde_json::{Value, json};

use crate::house::{A, ALICE, BOB, House, payment, uetr};

fn bulk(mode: &str, amounts: &[&str]) -> Value {
    let transfers: Vec<_> = amounts.iter().map(|amount| payment(&uetr(), ALICE, BOB, amount)).collect();
    json!({ "mode": mode, "transfers": transfers })
}

fn states(report: &Value) -> Vec<&str> {
    let items = report["transfers"].as_array().expect("a list");
    items.iter().map(|item| item["state"].as_str().expect("a state")).collect()
}

#[test]
fn an_atomic_bulk_moves_all_or_nothing() {
    let house = House::new();
    let good = bulk("atomic", &["1.00", "2.00", "3.00"]);
    let report = house.post("a", "/v1/transfers/bulk", &good).with(200);
    assert_eq!((&report["status"], states(&report)), (&json!("ACCEPTED"), vec!["CLEARED"; 3]));
    let again = house.post("a", "/v1/transfers/bulk", &good).with(200);
    assert_eq!(again, report, "sent again it is answered as before");
    let bad = bulk("atomic", &["1.00", "99999999.00", "3.00"]);
    let report = house.post("a", "/v1/transfers/bulk", &bad).with(200);
    assert_eq!((&report["status"], states(&report)), (&json!("REJECTED"), vec!["REJECTED"; 3]));
    assert_eq!(report["transfers"][1]["reason"], "AM04");
    let unreadable = bulk("atomic", &["1.00", "x"]);
    let found = house.post("a", "/v1/transfers/bulk", &unreadable).problem(422);
    assert_eq!(found.2, "/transfers/1/amount/amount");
    house.seal();
    let account = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    assert_eq!(account["balance"]["amount"], "9994.00", "6.00 of the first and nothing else");
}

#[test]
fn a_bulk_goes_on_or_stops_as_it_was_asked() {
    let house = House::new();
    let amounts = ["1.00", "99999999.00", "x", "2.00"];
    let report = house.post("a", "/v1/transfers/bulk", &bulk("continue", &amounts)).with(200);
    assert_eq!(report["status"], "PARTIALLY_ACCEPTED");
    assert_eq!(states(&report), ["CLEARED", "REJECTED", "REJECTED", "CLEARED"]);
    assert_eq!(report["transfers"][2]["pointer"], "/transfers/2/amount/amount");
    let report = house.post("a", "/v1/transfers/bulk", &bulk("stop", &amounts)).with(200);
    assert_eq!(states(&report), ["CLEARED", "REJECTED", "NOT_SENT", "NOT_SENT"]);
    house.seal();
    let account = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    assert_eq!(account["balance"]["amount"], "9996.00");
}

#[test]
fn i6_a_bulk_is_bounded_in_each_mode() {
    let house = House::with(|options| options.bulk_transfers_max = 100);
    for (mode, count) in [("atomic", 65), ("continue", 101), ("stop", 101), ("continue", 0)] {
        let transfers = vec![payment(&uetr(), ALICE, BOB, "1.00"); count];
        let body = json!({ "mode": mode, "transfers": transfers });
        assert_eq!(
            house.post("a", "/v1/transfers/bulk", &body).problem(422).2,
            "/transfers",
            "{mode} {count}"
        );
    }
    let many: Vec<_> = (0..100).map(|_| payment(&uetr(), A, BOB, "1.00")).collect();
    let report = house.post("a", "/v1/transfers/bulk", &json!({ "mode": "continue", "transfers": many }));
    assert_eq!(report.with(200)["status"], "ACCEPTED");
}
