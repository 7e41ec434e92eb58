//! A clearing day by hand: import, look, prove, close, settle. Every command that prints is read as JSON.

use serde_json::Value;

use crate::house::{House, names};

const FIRST: &str = "c3b4489a-a5d0-4f0a-a25a-8eb87e205f35";

fn minor(text: &Value) -> i128 {
    text.as_str().expect("a text").replace('.', "").parse().expect("a decimal")
}

#[test]
fn a_payment_can_be_followed_from_its_file_to_its_settlement() {
    let house = House::founded("day");
    let report = house.import(&["01-single.xml", "07-initiation-2009.xml", "14-unfunded.xml"]);
    let statuses: Vec<_> = report["files"].as_array().expect("files").iter().map(|f| &f["status"]).collect();
    assert_eq!(statuses, ["ACSP", "ACSP", "RJCT"]);
    assert_eq!(names(&house.files("outbox")).len(), 3);

    let transfer = house.run(&["transfer", FIRST]).json();
    assert_eq!((&transfer["outcome"], &transfer["amount"]), (&"cleared".into(), &"4786.23".into()));
    assert_eq!(transfer["debtor"]["participant"], "BNKAXXAAXXX");
    assert_eq!(transfer["details"]["end_to_end_id"], "E2E-DEMO01-1");
    let height = transfer["block"].as_u64().expect("sealed");
    let block = house.run(&["block", &height.to_string()]).json();
    assert_eq!((&block["height"], &block["is_signed_by_operator"]), (&height.into(), &true.into()));

    let account = house.run(&["account", "BNKBXXAAXXX/EUR"]).json();
    let postings = account["postings"].as_array().expect("postings");
    let own = postings.iter().find(|posting| posting["uetr"] == FIRST).expect("in the history");
    assert_eq!(own["amount"], "4786.23");
    let by_iban = house.run(&["account", "DE68500105170001000011"]).json();
    assert_eq!(by_iban["account"]["aliases"][0], "IBAN:DE68500105170001000011");
    let accounts = house.run(&["accounts", "--participant", "BNKAXXAA", "--limit", "2"]).json();
    assert_eq!(accounts["accounts"].as_array().map(Vec::len), Some(2));

    settle(&house);
}

fn settle(house: &House) {
    let open = house.run(&["positions"]).json();
    assert_eq!((&open["cycle"], &open["state"]), (&1.into(), &"open".into()));
    let sum: i128 =
        open["positions"].as_array().expect("lines").iter().map(|line| minor(&line["position"])).sum();
    assert_eq!(sum, 0, "{open}");
    let key = |number: u32| house.data().join(format!("keys/officer-{number}.key")).display().to_string();
    let refused = house.run(&["cycle", "close", "--officer-key", &key(1)]);
    refused.fails_with(4, &["four_eyes_required", "--officer-key"]);
    let closed = house.run(&["cycle", "close", "--officer-key", &key(1), "--officer-key", &key(2)]).json();
    assert_eq!((&closed["cycle"], &closed["state"]), (&1.into(), &"instructed".into()));
    let written = names(&house.files("settlement"));
    assert!(written.iter().any(|name| name.ends_with("pacs.009.xml")), "{written:?}");
    assert!(written.iter().any(|name| name.ends_with("camt.053.xml")), "{written:?}");
    assert_eq!(house.run(&["positions", "--cycle", "1"]).json()["sums"]["EUR"], "0.00");
    house.run(&["cycle", "fail"]).json();
    house.run(&["cycle", "instruct"]).json();
    assert_eq!(house.run(&["cycle", "settle"]).json()["state"], "settled");
    house.run(&["cycle", "settle"]).fails_with(5, &["cycle list"]);
    let account = house.run(&["account", "BNKBXXAAXXX/EUR"]).json();
    assert_eq!(account["postings"][0]["settles_cycle"], 1);
    let list = house.run(&["cycle", "open"]).json();
    assert!(list["note"].as_str().expect("a note").contains("same instant"), "{list}");
    let states: Vec<_> =
        list["cycles"].as_array().expect("cycles").iter().map(|c| c["state"].clone()).collect();
    assert_eq!(states, ["settled", "open"]);
    house.run(&["audit"]).json();
    assert_eq!(house.run(&["replay", "--shards", "1,3"]).json()["replays"][1]["is_same"], true);
}

#[test]
fn a_receipt_is_verified_offline_and_no_byte_of_it_can_be_changed() {
    let house = House::founded("receipt");
    house.import(&["01-single.xml"]);
    let file = house.path("a.receipt").display().to_string();
    let made = house.run(&["receipt", FIRST, "-o", &file]).json();
    let key = house.data().join("keys/operator.pub").display().to_string();
    let verified = house.run(&["verify", &file, "--key", &key]).json();
    assert_eq!((&verified["is_valid"], &verified["uetr"]), (&true.into(), &FIRST.into()));
    let digits = made["operator_key"].as_str().expect("a key");
    house.run(&["verify", &file, "--key", digits]).json();
    let bytes = std::fs::read(&file).expect("there");
    for at in (0..bytes.len()).step_by(bytes.len() / 24) {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1 << (at % 8);
        std::fs::write(&file, wrong).expect("written");
        house.run(&["verify", &file, "--key", &key]).fails_with(1, &["a.receipt", "not valid"]);
    }
    std::fs::write(&file, &bytes).expect("written");
    let other = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    house.run(&["verify", &file, "--key", other]).fails_with(1, &["not signed"]);
    house.run(&["verify", &file, "--key", "abc"]).fails_with(2, &["64 lower-case"]);
}

#[test]
fn what_is_not_there_is_said_with_the_way_out() {
    let house = House::founded("absent");
    let unknown = "00000000-0000-4000-8000-000000000001";
    house.run(&["transfer", unknown]).fails_with(5, &[unknown, "never journaled"]);
    house.run(&["transfer", "abc"]).fails_with(2, &["abc", "UETR"]);
    house.run(&["receipt", unknown]).fails_with(5, &[unknown]);
    house.run(&["account", "IBAN:XX"]).fails_with(5, &["IBAN:XX", "feiqian accounts"]);
    house.run(&["accounts", "--participant", "NOPEXXAA"]).fails_with(5, &["NOPEXXAAXXX"]);
    house.run(&["block", "99999"]).fails_with(5, &["blocks 1 to"]);
    house.run(&["positions", "--cycle", "9"]).fails_with(5, &["cycle 9"]);
    house.run(&["cycle", "settle"]).fails_with(5, &["instructed"]);
    house.run(&["import", "no-such-file.xml"]).fails_with(6, &["no-such-file.xml"]);
    house.run(&["nonsense"]).fails_with(2, &["nonsense"]);
}
