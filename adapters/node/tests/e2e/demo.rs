//! The main job from outside: all checks hold, on a fresh directory and on one that is gone on with.

use std::io::Write as _;

use crate::house::House;

#[test]
fn the_demo_holds_every_check_and_can_be_run_again_on_its_directory() {
    let house = House::empty("demo");
    let inbox = crate::house::demo_inbox().display().to_string();
    let participants = crate::house::repository().join("config/demo/participants.toml").display().to_string();
    let arguments = ["demo", "--inbox", &inbox, "--participants", &participants, "--transfers", "20000"];
    let first = house.run(&arguments).json();
    assert_eq!(first["is_good"], true, "{}", first["checks"]);
    let checks = first["checks"].as_object().expect("an object");
    assert!(checks.len() >= 27 && checks.values().all(|holds| holds == true), "{checks:?}");
    let waterfall = &first["unpaid"]["waterfall"];
    assert_eq!(waterfall["currency"], "EUR");
    assert!(!waterfall["survivors"].as_array().expect("a list").is_empty(), "{waterfall}");
    assert_eq!(first["load"]["transfers"], 20_000);
    assert_eq!(first["intake"]["files"].as_array().expect("files").len(), 22);
    let replays = first["replays"].as_array().expect("replays");
    let shards: Vec<_> = replays.iter().map(|line| line["shards"].as_u64().expect("a number")).collect();
    assert_eq!(shards, [1, 2, 3, 8]);
    assert!(replays.iter().all(|line| line["last_block"] == replays[0]["last_block"]));

    let again = house.run(&arguments).json();
    assert_eq!(again["is_good"], true, "{}", again["checks"]);
    assert_eq!(again["founded"]["participants"], 0, "everything is there already");
    assert_eq!(again["founded"]["funded"], 0, "nobody is funded twice");
    let statuses = |run: &serde_json::Value| -> Vec<_> {
        let files = run["intake"]["files"].as_array().expect("files").iter();
        files.map(|file| (file["name"].clone(), file["status"].clone(), file["rejected"].clone())).collect()
    };
    assert_eq!(statuses(&first), statuses(&again), "I3: a repeated payment keeps its first status");
}

#[test]
fn a_load_without_accounts_is_refused_with_the_way_out() {
    let house = House::empty("demo-bare");
    let file = house.path("participants.toml");
    std::fs::write(&file, "[operator]\nbic = \"CLRHXXAA\"\n").expect("written");
    let inbox = crate::house::demo_inbox().display().to_string();
    let answer = house.run(&["demo", "--inbox", &inbox, "--participants", &file.display().to_string()]);
    answer.fails_with(2, &["hosted_accounts"]);
}

#[test]
fn foreign_samples_are_cleared_once_their_banks_are_registered() {
    let samples = crate::house::repository().join("../shared/data/iso20022/samples");
    let samples = std::env::var_os("FEIQIAN_DATA")
        .map_or(samples, |data| std::path::Path::new(&data).join("iso20022/samples"));
    if !samples.is_dir() {
        let mut out = std::io::stdout().lock();
        writeln!(out, "skipped: no samples at {}", samples.display()).expect("printed");
        return;
    }
    let house = House::empty("foreign");
    let inbox = samples.display().to_string();
    let participants = crate::house::repository().join("config/demo/participants.toml").display().to_string();
    let arguments = ["demo", "--inbox", &inbox, "--register-agents", "--participants", &participants];
    let run = house.run(&[&arguments[..], &["--transfers", "10000"]].concat()).json();
    assert_eq!(run["is_good"], true, "{}", run["checks"]);
    assert!(run["agents"].as_array().expect("agents").len() > 20, "{}", run["agents"]);
    let files = run["intake"]["files"].as_array().expect("files");
    let cleared: u64 = files.iter().filter_map(|file| file["accepted"].as_u64()).sum();
    assert!(cleared > 100, "{cleared}");
}
