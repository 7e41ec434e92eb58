//! A closed cycle's books through the program: its report, statements of banks and accounts, and someone else's
//! statement held against ours.

use std::path::PathBuf;

use serde_json::Value;

use crate::house::House;

fn day(name: &str) -> House {
    let house = House::founded(name);
    house.import(&["01-single.xml", "07-initiation-2009.xml", "09-bulk-500.xml"]);
    house.run(&["cycle", "close"]).json();
    house
}

fn minor(text: &Value) -> i128 {
    text.as_str().expect("a text").replace('.', "").parse().expect("a decimal")
}

#[test]
fn a_cycles_report_balances_and_says_what_settled_it() {
    let house = day("report");
    house.run(&["cycle", "report", "2"]).fails_with(5, &["cycle 2", "close it first"]);
    house.run(&["cycle", "report", "9"]).fails_with(5, &["cycle 9"]);
    let report = house.run(&["cycle", "report", "1"]).json();
    assert_eq!((&report["state"], &report["settled_by"]), (&"instructed".into(), &Value::Null));
    house.run(&["cycle", "settle"]).json();
    let settled = house.run(&["cycle", "report", "1"]).json();
    assert_eq!(settled["state"], "settled");
    assert!(settled["settled_by"].as_u64() > Some(1));
    assert_eq!(settled["totals"], report["totals"]);
    let told = house.run(&["positions", "--cycle", "1"]).json();
    let lines = report["positions"].as_array().expect("positions");
    for line in told["positions"].as_array().expect("positions") {
        let is_own =
            |one: &&Value| one["participant"] == line["participant"] && one["currency"] == line["currency"];
        let own = lines.iter().find(is_own).unwrap_or_else(|| panic!("{line} is missing"));
        assert_eq!((&own["closing"], &own["net"]), (&line["position"], &line["position"]));
        let others = own["counterparties"].as_array().expect("counterparties");
        assert_eq!(others.iter().map(|other| minor(&other["net"])).sum::<i128>(), minor(&own["net"]));
    }
    for total in report["totals"].as_array().expect("totals") {
        assert_eq!((&total["credit_sum"], minor(&total["net"])), (&total["debit_sum"], 0), "{total}");
    }
}

/// Writes the statement of `id` and gives its file.
fn statement(house: &House, id: &str) -> PathBuf {
    let folder = house.path("statements");
    let report = house.run(&["statement", id, "-o", &folder.display().to_string()]).json();
    let lines = report["statements"].as_array().expect("statements");
    PathBuf::from(lines[0]["file"].as_str().expect("a path"))
}

#[test]
fn a_statement_that_was_changed_anywhere_no_longer_agrees_with_the_books() {
    let house = day("reconcile");
    for id in ["BNKBXXAA", "BNKBXXAAXXX/EUR", "DE68500105170001000011"] {
        let file = statement(&house, id);
        let path = file.display().to_string();
        let hold = || house.run(&["reconcile", &path, "--account", id]);
        let report = hold().json();
        let matched = report["matched"].as_array().expect("matched").len();
        assert_eq!(report["agrees"], true, "{report}");
        let xml = std::fs::read_to_string(&file).expect("there");
        assert!(matched > 0 && matched == xml.matches("<Ntry>").count(), "{id}: {report}");

        let (before, rest) = xml.split_once("<Ntry>").expect("an entry");
        let (entry, behind) = rest.split_once("</Ntry>").expect("its end");
        let changes = [
            (format!("{before}{behind}"), "only_ours"),
            (format!("{before}<Ntry>{entry}</Ntry><Ntry>{entry}</Ntry>{behind}"), "only_theirs"),
            (format!("{before}<Ntry>{}</Ntry>{behind}", raised(entry)), "differing"),
            (xml.replacen("<Amt Ccy=\"EUR\">", "<Amt Ccy=\"EUR\">7", 1), "balances"),
        ];
        for (changed, list) in changes {
            std::fs::write(&file, changed).expect("written");
            let answer = hold();
            answer.fails_with(1, &["differs from our books"]);
            let report: Value = serde_json::from_str(&answer.stdout).expect("JSON");
            for name in ["differing", "only_ours", "only_theirs", "balances"] {
                let count = report[name].as_array().expect("a list").len();
                assert_eq!(count, usize::from(name == list), "{id}, {list}: {name}: {report}");
            }
        }
    }
    let file = statement(&house, "BNKBXXAA").display().to_string();
    house.run(&["reconcile", &file, "--account", "BNKGXXAAXXX/JPY"]).fails_with(6, &["JPY"]);
    house.run(&["reconcile", &file, "--account", "NOPE"]).fails_with(5, &["NOPE"]);
    house
        .run(&["reconcile", &file, "--account", "BNKBXXAA", "--cycle", "2"])
        .fails_with(5, &["close it first"]);
    std::fs::write(&file, "<Document/>").expect("written");
    house.run(&["reconcile", &file, "--account", "BNKBXXAA"]).fails_with(6, &["camt.053.xml"]);
}

/// The entry with a digit more in front of each of its amounts.
fn raised(entry: &str) -> String {
    entry.replace("<Amt Ccy=\"EUR\">", "<Amt Ccy=\"EUR\">7")
}
