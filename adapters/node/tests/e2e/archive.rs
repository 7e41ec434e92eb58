//! `export` and what DuckDB reads from it: the settlement's numbers from SQL equal the engine's own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::house::{House, names, repository, wait_for};

/// A Python that has the packages of `tests/archive/requirements.txt`, if there is one.
fn python() -> Option<PathBuf> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let named = std::env::var_os("FEIQIAN_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| target.join("venv/bin/python"));
    let has_packages = Command::new(&python).args(["-c", "import duckdb"]).output();
    has_packages.is_ok_and(|tried| tried.status.success()).then_some(python)
}

/// What the SQL of `tests/archive/settlement.py` says of a cycle; none, and a line that says so, without DuckDB.
fn settlement(archive: &std::path::Path, cycle: u64) -> Option<Value> {
    let Some(python) = python() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no Python with duckdb (in target/venv, or named by FEIQIAN_PYTHON)"
        );
        return None;
    };
    let script = repository().join("tests/archive/settlement.py");
    let run =
        Command::new(python).arg(script).arg(archive).arg(cycle.to_string()).output().expect("Python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(serde_json::from_slice(&run.stdout).expect("JSON"))
}

/// Participant and currency to minor units, as the report of the cycle says it.
fn reported(house: &House, cycle: u64) -> serde_json::Map<String, Value> {
    let report = house.run(&["cycle", "report", &cycle.to_string()]).json();
    let lines = report["positions"].as_array().expect("positions");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    lines
        .iter()
        .map(|line| {
            let minor: i128 = text(&line["net"]).replace('.', "").parse().expect("a decimal");
            let key = format!("{} {}", text(&line["participant"]), text(&line["currency"]));
            (key, Value::String(minor.to_string()))
        })
        .collect()
}

#[test]
fn the_settlements_numbers_come_from_sql() {
    let house = House::founded("archive");
    let archive = house.path("archive");
    let to = archive.display().to_string();
    house.import(&["01-single.xml", "07-initiation-2009.xml"]);
    let first = house.run(&["export", "--to", &to]).json();
    assert!(first["transfers"].as_u64() > Some(1), "{first}");
    house.run(&["cycle", "close"]).json();
    house.import(&["14-unfunded.xml", "09-bulk-500.xml"]);
    let second = house.run(&["export", "--to", &to]).json();
    assert!(second["last_block"].as_u64() > first["last_block"].as_u64(), "{first} {second}");
    assert_eq!(house.run(&["export", "--to", &to]).json()["transfers"], 0);
    house.run(&["cycle", "close"]).json();
    house.run(&["export", "--to", &to]).json();
    house.run(&["export", "--to", &to, "--from-block", "2"]).fails_with(2, &["begins with block 1"]);
    assert_eq!(names(&archive.join("staging")), Vec::<String>::new());
    for cycle in [1, 2] {
        let engine = Value::Object(reported(&house, cycle));
        assert!(engine.as_object().is_some_and(|nets| nets.len() > 2), "{engine}");
        let Some(sql) = settlement(&archive, cycle) else { return };
        assert_eq!(sql["transfers"], engine, "cycle {cycle}, from transfers and outcomes");
        assert_eq!(sql["positions"], engine, "cycle {cycle}, from positions");
        assert_eq!((&sql["incomplete_blocks"], &sql["rows"]), (&0.into(), &sql["sequences"]));
        let types = &sql["types"];
        assert_eq!((&types["uetr"], &types["amount_minor"]), (&"UUID".into(), &"UBIGINT".into()), "{types}");
        assert_eq!((&types["day"], &types["currency"]), (&"DATE".into(), &"VARCHAR".into()), "{types}");
    }
}

#[test]
fn serve_keeps_up_with_its_archive_and_a_kill_leaves_it_sound() {
    let house = House::founded("archive-serve");
    house.configure("[archive]\ndirectory = \"archive\"\ninterval_s = 1\n");
    let serving = house.serve();
    let archive = house.data().join("archive");
    house.run(&["export", "--to", &archive.display().to_string()]).fails_with(6, &["in use by process"]);
    wait_for("an archive", || archive.join("archive.json").exists().then_some(()));
    serving.kill();
    house.import(&["01-single.xml"]);
    assert_eq!(house.serve().terminate(), 0);
    let state: Value =
        serde_json::from_slice(&std::fs::read(archive.join("archive.json")).expect("there")).expect("JSON");
    house.run(&["block", &state["last_block"].to_string()]).json();
    let Some(sql) = settlement(&archive, 1) else { return };
    assert_eq!((&sql["incomplete_blocks"], &sql["blocks"]), (&0.into(), &state["last_block"]));
}
