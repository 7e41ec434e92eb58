//! `feiqian load` from outside: every kind of workload on a server process of its own, at full speed and at a given
//! rate, with every check; and on a server that runs.

use benches::workload::Door;
use serde_json::Value;

use crate::house::House;
use crate::liar::Liar;

/// Runs a load on its own server and gives its report, which must hold.
fn run(house: &House, arguments: &[&str]) -> Value {
    let out = house.path("loads").display().to_string();
    let usual: &[&str] = if arguments.contains(&"--transfers") { &[] } else { &["--transfers", "20000"] };
    let base = ["load", "--accounts", "1000", "--out", &out];
    let report = house.run_bare(&[&base[..], usual, arguments].concat()).json();
    assert_eq!(report["checked"], true, "{arguments:?}: {} {}", report["checks"], report["faults"]);
    assert!([1_500, 20_000].contains(&report["transfers"].as_u64().expect("a number")));
    for name in ["p50", "p99", "p999", "max"] {
        assert!(report["latency_ms"][name].as_f64().is_some_and(|ms| ms > 0.0), "{}", report["latency_ms"]);
    }
    assert!(report["transfers_per_second"].as_u64().is_some_and(|rate| rate > 0));
    report
}

#[test]
fn every_kind_of_load_is_acknowledged_as_it_must_be_and_found_again() {
    let house = House::empty("loads");
    let kinds: [&[&str]; 8] = [
        &[],
        &["--distribution", "zipf", "--sessions", "3", "--ordered"],
        &["--distribution", "hot", "--batch", "500"],
        &["--distribution", "clearing", "--cross", "1"],
        &["--two-phase", "0.3", "--batch", "200"],
        &["--chains", "0.3", "--rejections", "0.1", "--currencies", "3", "--batch", "999"],
        &["--batch", "20", "--sessions", "100", "--threads", "2"],
        &["--rate", "100000", "--batch", "100", "--sessions", "5", "--two-phase", "0.2"],
    ];
    for kind in kinds {
        let report = run(&house, kind);
        assert!(
            report["bytes_per_transfer"].as_f64().is_some_and(|bytes| (60.0..200.0).contains(&bytes)),
            "{report}"
        );
        let answered: u64 =
            report["outcomes"].as_object().expect("outcomes").values().filter_map(Value::as_u64).sum();
        assert_eq!(answered, 20_000, "{}", report["outcomes"]);
    }
    let two_phase = run(&house, &["--two-phase", "0.3", "--batch", "200"]);
    for outcome in ["cleared", "held", "voided"] {
        assert!(
            two_phase["outcomes"][outcome].as_u64().is_some_and(|count| count > 100),
            "{}",
            two_phase["outcomes"]
        );
    }
}

#[test]
fn a_load_leaves_a_report_and_a_page_with_its_plots_and_removes_its_data() {
    let house = House::empty("load-files");
    let report = run(&house, &["--batch", "100"]);
    let files: Vec<&str> =
        report["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
    let [json, page] = files.as_slice() else { panic!("{files:?}") };
    let written: Value = serde_json::from_str(&std::fs::read_to_string(json).expect("there")).expect("JSON");
    assert_eq!(written["transfers_per_second"], report["transfers_per_second"]);
    let page = std::fs::read_to_string(page).expect("there");
    assert_eq!(page.matches("<svg").count(), 3, "throughput, latency, disk");
    // The name of SVG's elements is an address, and none is asked.
    let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    assert!(!page.contains("http"), "the page loads nothing");
    let folder = std::path::Path::new(json).parent().expect("a folder");
    assert!(!folder.join("data").exists());
}

#[test]
fn a_load_on_a_server_that_runs_is_checked_through_the_protocol() {
    let house = House::empty("load-connect");
    let server = house.load_server(1_000, Door::Wire);
    let address = server.ready["address"].as_str().expect("an address").to_owned();
    for kind in [&["--batch", "250"][..], &["--rejections", "0.2", "--two-phase", "0.2", "--batch", "100"]] {
        let report = run(&house, &[&["--connect", &address], kind].concat());
        assert_eq!(report["bytes_per_transfer"], Value::Null, "the disk is not ours");
        assert_eq!(report["checks"]["every_batch_sent_again_gets_its_first_outcomes"], true);
        assert_eq!(report["sent_again"], report["transfers"]);
        assert!(report["balances_compared"].as_u64().is_some_and(|accounts| accounts >= 1_000));
        assert_eq!(report["checks"]["balances_equal_the_model"], true);
    }
    assert_eq!(server.terminate(), 0);
}

/// A small load over the JSON API, which must hold.
fn run_http(house: &House, arguments: &[&str]) -> Value {
    run(house, &[arguments, &["--transfers", "1500"]].concat())
}

#[test]
fn a_load_over_http_is_acknowledged_as_it_must_be_and_found_again() {
    let house = House::empty("load-http");
    let kinds: [(&[&str], &[&str]); 4] = [
        (&["--batch", "1", "--sessions", "12", "--two-phase", "0.3"], &["cleared", "held", "voided"]),
        (
            &["--batch", "50", "--rejections", "0.2", "--currencies", "3"],
            &["cleared", "duplicate", "id_reused"],
        ),
        (&["--batch", "100", "--distribution", "zipf", "--cross", "1", "--ordered"], &["cleared"]),
        (
            &["--batch", "1", "--sessions", "6", "--rate", "1500", "--rejections", "0.1"],
            &["cleared", "same_account"],
        ),
    ];
    for (kind, outcomes) in kinds {
        let report = run_http(&house, &[&["--http"], kind].concat());
        assert_eq!(report["workload"]["door"], "http");
        assert!(report["bytes_per_transfer"].as_f64().is_some_and(|bytes| bytes > 60.0), "{report}");
        for outcome in outcomes {
            assert!(
                report["outcomes"][outcome].as_u64().is_some_and(|count| count > 5),
                "{}",
                report["outcomes"]
            );
        }
    }
}

#[test]
fn a_load_on_a_server_that_runs_is_checked_through_the_json_api() {
    let house = House::empty("load-http-connect");
    let server = house.load_server(1_000, Door::Http);
    let address = server.ready["address"].as_str().expect("an address").to_owned();
    for kind in [
        &["--batch", "150", "--rejections", "0.2"][..],
        &["--batch", "1", "--sessions", "16", "--two-phase", "0.2", "--rejections", "0.1"],
    ] {
        let report = run_http(&house, &[&["--connect", &address], kind].concat());
        assert_eq!(report["bytes_per_transfer"], Value::Null, "the disk is not ours");
        assert_eq!(report["checks"]["every_batch_sent_again_gets_its_first_outcomes"], true);
        assert_eq!(report["sent_again"], report["transfers"]);
        assert!(report["balances_compared"].as_u64().is_some_and(|accounts| accounts >= 1_000));
    }
    assert_eq!(server.terminate(), 0);
}

#[test]
fn a_transfer_that_was_acknowledged_over_http_and_is_not_there_fails_the_check() {
    let house = House::empty("load-http-liar");
    let server = house.load_server(1_000, Door::Http);
    let liar = Liar::before(server.ready["address"].as_str().expect("an address"));
    let out = house.path("loads").display().to_string();
    let load = |address: &str| {
        house.run_bare(&[
            "load",
            "--json",
            "--connect",
            address,
            "--batch",
            "1",
            "--sessions",
            "1",
            "--transfers",
            "60",
            "--out",
            &out,
        ])
    };
    let answer = load(&liar.address);
    assert!(liar.has_lied());
    answer.fails_with(1, &["every_batch_sent_again_gets_its_first_outcomes"]);
    assert_eq!(load(server.ready["address"].as_str().expect("an address")).json()["checked"], true);
    assert_eq!(server.terminate(), 0);
}

#[test]
fn a_load_on_the_demos_house_speaks_for_its_banks() {
    let house = House::founded("load-demo");
    let server = house.serve();
    let addresses = server.ready["wire"].as_str().expect("addresses").to_owned();
    let address = addresses.split(", ").next().expect("one");
    let report = run(&house, &["--connect", address, "--batch", "100"]);
    assert_eq!(report["workload"]["participants"], 8);
    assert_eq!(server.terminate(), 0);
    house.run(&["audit"]).json();
}

#[test]
fn a_load_that_can_not_be_meant_is_refused_with_the_way_out() {
    let house = House::empty("load-refused");
    for (arguments, words) in [
        (&["load", "--accounts", "3"][..], "accounts"),
        (&["load", "--batch", "8191"], "--batch"),
        (&["load", "--sessions", "1001"], "--sessions"),
        (&["load", "--chains", "0.8", "--rejections", "0.8"], "shares"),
        (&["load", "--distribution", "hot:100000"], "hot"),
        (&["load", "--connect", "nowhere"], "address"),
        (&["load", "--connect", "https://127.0.0.1:1"], "TLS"),
        (&["load", "--http", "--connect", "127.0.0.1:1"], "http://"),
        (&["load", "--http", "--window", "2"], "--window"),
        (&["load", "--http", "--chains", "0.1"], "--chains"),
        (&["load", "--http", "--two-phase", "0.1"], "--batch 1"),
    ] {
        house.run_bare(arguments).fails_with(2, &[words]);
    }
    for address in ["127.0.0.1:1", "http://127.0.0.1:1"] {
        house.run_bare(&["load", "--connect", address]).fails_with(3, &[address]);
    }
}
