//! A day replayed with other limits or one bank less: nothing asked changes nothing, what is asked shows, and the data
//! directory stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::house::{House, names};

/// A day with a cycle of its own: single payments, one of 500, one over its cap; closed, settled, and a bit of the next.
fn day(name: &str) -> House {
    let house = House::founded(name);
    house.import(&[
        "01-single.xml",
        "07-initiation-2009.xml",
        "09-bulk-500.xml",
        "15-over-net-debit-cap.xml",
    ]);
    house.run(&["cycle", "close"]).json();
    house.run(&["cycle", "settle"]).json();
    house.import(&["08-initiation-salaries.xml"]);
    house
}

/// Every file of the data directory with its bytes. LOCK holds the number of the process that has it.
fn bytes_of(folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("read").path();
        if path.is_dir() {
            bytes_of(&path, into);
        } else if path.file_name().is_some_and(|name| name != "LOCK") {
            into.insert(path.display().to_string(), std::fs::read(&path).expect("read"));
        }
    }
}

fn line<'a>(report: &'a Value, bic: &str, currency: &str) -> &'a Value {
    let lines = report["positions"].as_array().expect("positions");
    let found = lines.iter().find(|line| line["participant"] == bic && line["currency"] == currency);
    found.unwrap_or_else(|| panic!("{bic} {currency} is missing: {report}"))
}

fn counts(by_name: &Value) -> BTreeMap<String, u64> {
    let object = by_name.as_object().expect("an object");
    object.iter().map(|(name, counted)| (name.clone(), counted["count"].as_u64().expect("a count"))).collect()
}

fn nets(report: &Value, side: &str) -> Vec<(String, String)> {
    let cycle = &report["cycles"][0];
    let lines = cycle["nets"].as_array().expect("nets").iter();
    let named = lines.map(|line| {
        let name = format!("{} {}", line["participant"].as_str().expect("a BIC"), line["currency"]);
        (name, line["net"][side].as_str().expect("a decimal").to_owned())
    });
    named.filter(|(_, net)| net.bytes().any(|byte| matches!(byte, b'1'..=b'9'))).collect()
}

#[test]
fn a_question_that_asks_nothing_gives_the_real_day() {
    let house = day("whatif-nothing");
    let plots = house.path("plots");
    let report = house.run(&["whatif", "--liquidity", "+0%", "--plots", &plots.display().to_string()]).json();
    for line in report["positions"].as_array().expect("positions") {
        for field in ["net_debit_cap", "sent", "received", "rejected", "peak_use"] {
            assert_eq!(line[field]["real"], line[field]["what_if"], "{field}: {line}");
        }
    }
    assert_eq!(report["elsewhere"]["real"], report["elsewhere"]["what_if"]);
    assert_eq!((&report["left_out"], &report["commands"]), (&0.into(), &Value::Array(Vec::new())));
    let real = nets(&report, "real");
    assert_eq!(real, nets(&report, "what_if"));
    let told = house.run(&["positions", "--cycle", "1"]).json();
    let told: BTreeMap<String, String> = told["positions"]
        .as_array()
        .expect("positions")
        .iter()
        .map(|line| {
            let name = format!("{} {}", line["participant"].as_str().expect("a BIC"), line["currency"]);
            (name, line["position"].as_str().expect("a decimal").to_owned())
        })
        .collect();
    assert!(!real.is_empty());
    for (name, net) in real {
        assert_eq!(told.get(&name), Some(&net), "{name}");
    }
    let files = names(&plots);
    let drawn = ["EUR-cleared.svg", "EUR-liquidity.svg", "EUR-peak.svg", "EUR-rejected.svg", "EUR-sent.svg"];
    assert!(drawn.iter().all(|file| files.contains(&(*file).to_owned())), "{files:?}");
    let svg = std::fs::read_to_string(plots.join("EUR-cleared.svg")).expect("there");
    assert!(svg.starts_with("<svg xmlns=") && svg.matches("<polyline").count() == 2, "{svg}");
    assert_eq!((svg.matches("http").count(), svg.matches("href").count()), (1, 0), "it loads nothing: {svg}");
}

#[test]
fn a_question_leaves_every_file_of_the_day_as_it_is() {
    let house = day("whatif-files");
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    bytes_of(&house.data(), &mut before);
    for question in [["--liquidity", "-90%"], ["--without", "BNKAXXAA"]] {
        house.run(&["whatif", question[0], question[1]]).json();
    }
    bytes_of(&house.data(), &mut after);
    assert!(before == after, "a question has changed the data directory");
}

#[test]
fn without_liquidity_nothing_moves_between_banks() {
    let house = day("whatif-dry");
    let report = house.run(&["whatif", "--liquidity", "-100"]).json();
    let mut refused = 0;
    for line in report["positions"].as_array().expect("positions") {
        let (real, dry) = (counts(&line["sent"]["real"]), counts(&line["sent"]["what_if"]));
        assert_eq!(real.values().sum::<u64>(), dry.values().sum::<u64>(), "each is decided: {line}");
        assert_eq!(dry.get("cleared"), None, "{line}");
        assert_eq!(line["received"]["what_if"]["count"], 0);
        let most = line["peak_use"]["what_if"].as_str().expect("a decimal");
        assert!(most.bytes().all(|byte| matches!(byte, b'0' | b'.')), "{line}");
        refused += dry.get("rejected").copied().unwrap_or(0);
    }
    assert!(refused > 500, "{report}");
    let reason = &report["reasons"]["net_debit_cap_exceeded"];
    assert!(reason["what_if"].as_u64() > reason["real"].as_u64(), "{reason}");
    assert!(nets(&report, "what_if").is_empty());
}

#[test]
fn other_caps_bind_only_those_that_they_name_and_only_from_when_they_are_asked() {
    let house = day("whatif-caps");
    let file = house.path("caps.csv");
    std::fs::write(&file, "BIC,CURRENCY,CAP\nBNKAXXAA,EUR,1000.00\n").expect("written");
    let file = file.display().to_string();
    let report = house.run(&["whatif", "--caps", &file]).json();
    let own = line(&report, "BNKAXXAAXXX", "EUR");
    assert_eq!(own["net_debit_cap"]["what_if"], "1000.00");
    let peak: f64 =
        own["peak_use"]["what_if"].as_str().and_then(|text| text.parse().ok()).expect("a decimal");
    assert!(peak <= 1_000.0 && peak > 0.0, "{own}");
    assert!(counts(&own["rejected"]["what_if"]).contains_key("net_debit_cap_exceeded"), "{own}");
    let other = line(&report, "BNKHXXAAXXX", "USD");
    assert_eq!(other["net_debit_cap"]["real"], other["net_debit_cap"]["what_if"]);
    assert_eq!(other["rejected"]["real"], other["rejected"]["what_if"]);
    // From cycle 2 on only the salaries are left to be decided.
    let later = house.run(&["whatif", "--caps", &file, "--from-cycle", "2"]).json();
    assert!(later["entries"].as_u64() < report["entries"].as_u64());
    assert_eq!(later["cycles"], Value::Array(Vec::new()));
    let absent = house.path("absent.csv");
    std::fs::write(&absent, "NOPEXXAA,EUR,1.00\n").expect("written");
    house.run(&["whatif", "--caps", &absent.display().to_string()]).fails_with(5, &["NOPEXXAAXXX", "EUR"]);
    std::fs::write(&absent, "BNKAXXAA;EUR;1.00\n").expect("written");
    house.run(&["whatif", "--caps", &absent.display().to_string()]).fails_with(2, &["absent.csv", "line 1"]);
    house.run(&["whatif", "--caps", &file, "--from-cycle", "9"]).fails_with(5, &["cycle 9"]);
    house.run(&["whatif", "--liquidity", "more"]).fails_with(2, &["more", "per cent"]);
    house.run(&["whatif"]).fails_with(2, &["--caps"]);
}

#[test]
fn a_bank_that_is_left_out_leaves_the_others_among_themselves() {
    let house = day("whatif-without");
    let report = house.run(&["whatif", "--without", "BNKBXXAA"]).json();
    let gone = line(&report, "BNKBXXAAXXX", "EUR");
    assert_eq!(gone["received"]["what_if"]["count"], 0);
    let kinds: Vec<_> = counts(&gone["sent"]["what_if"]).into_keys().collect();
    assert!(kinds.iter().all(|kind| kind == "left_out"), "{kinds:?}");
    assert!(report["left_out"].as_u64() > Some(1), "{report}");
    let sum: u64 = report["positions"]
        .as_array()
        .expect("positions")
        .iter()
        .filter_map(|line| counts(&line["sent"]["what_if"]).get("left_out").copied())
        .sum();
    let within = report["elsewhere"]["what_if"]["left_out"].as_u64().unwrap_or(0);
    assert_eq!(report["left_out"].as_u64(), Some(sum + within));
    assert!(nets(&report, "real").iter().any(|(name, _)| name.starts_with("BNKBXXAAXXX")));
    assert!(nets(&report, "what_if").iter().all(|(name, _)| !name.starts_with("BNKBXXAAXXX")));
    house.run(&["whatif", "--without", "NOPEXXAA"]).fails_with(5, &["NOPEXXAAXXX", "take part"]);
}

#[test]
fn a_payment_that_would_have_waited_is_released_when_money_comes_in() {
    let house = House::founded("whatif-queue");
    let pay = |from: &str, to: &str, amount: &str| {
        house.run(&["pay", from, to, amount, "--queue"]).json();
    };
    let [a, b] = ["BNKAXXAAXXX/EUR", "BNKBXXAAXXX/EUR"];
    pay(a, b, "400.00");
    pay(a, b, "1000.00");
    pay(b, a, "950.00");
    pay(a, b, "5000.00");
    house.run(&["cycle", "close"]).json();
    let file = house.path("caps.toml");
    let text = "[[cap]]\nbic = \"BNKAXXAA\"\ncurrency = \"EUR\"\nnet_debit_cap = \"500.00\"\n";
    std::fs::write(&file, text).expect("written");
    let report = house.run(&["whatif", "--caps", &file.display().to_string()]).json();
    let own = line(&report, "BNKAXXAAXXX", "EUR");
    let (real, asked) = (counts(&own["sent"]["real"]), counts(&own["sent"]["what_if"]));
    assert_eq!((real.get("cleared"), real.get("queued")), (Some(&3), None), "{own}");
    assert_eq!((asked.get("cleared"), asked.get("queued")), (Some(&2), Some(&2)), "{own}");
    let waited = &own["waited"]["what_if"];
    assert_eq!((&waited["released"], &own["waited"]["real"]["released"]), (&1.into(), &0.into()), "{own}");
    assert!(waited["longest_ms"].as_u64() > Some(0), "{own}");
    assert_eq!(report["still_waiting"], serde_json::json!({ "real": 0, "what_if": 1 }));
    assert_eq!(own["peak_use"]["what_if"], "450.00");
    let net = nets(&report, "what_if");
    assert!(net.contains(&("BNKAXXAAXXX \"EUR\"".to_owned(), "-450.00".to_owned())), "{net:?}");
}
