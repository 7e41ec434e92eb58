//! Validators as processes: they follow a serving operator, make its blocks WITNESSED by the policy, come back after a
//! SIGKILL, find a falsified block, give a lost segment back, and take over where the operator is lost.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use benches::run::server::ServerProgram;
use benches::tables::{Settings, make};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::json::to_json;
use feiqian_proof::kinds::Proof;
use feiqian_proof::signature::{SigningKey, sign_header};
use serde_json::Value;

use crate::house::{House, Serving, demo_inbox, names, wait_for};
use crate::serving::get;

const NAMES: [&str; 3] = ["bank-a.example/v", "bank-b.example/v", "network.example/v"];

/// An operator with the demo's banks whose policy counts three validators, `v0` to `v2`, with their keys.
fn founded(name: &str) -> House {
    let house = House::founded(name);
    let keys: Vec<String> = NAMES
        .iter()
        .zip(0..)
        .map(|(name, number)| {
            let file = house.path(&format!("v{number}.key")).display().to_string();
            let made = house.run_bare(&["validator-key", "--key", &file, "--name", name]).json();
            made["verifier_key"].as_str().expect("a key").to_owned()
        })
        .collect();
    let [a, b, network] = &keys[..] else { panic!("three") };
    house.configure(&format!(
        "[witnesses]\npolicy = \"banks 2 of 2 and network 1 of 1\"\n[witnesses.groups]\n\
         banks = [{a:?}, {b:?}]\nnetwork = [{network:?}]\n"
    ));
    house
}

fn address(serving: &Serving) -> String {
    let url = serving.ready["metrics"].as_str().expect("an address");
    url.strip_suffix("/metrics").expect("an address").to_owned()
}

fn operator_key(house: &House) -> String {
    house.data().join("keys/operator.pub").display().to_string()
}

fn validator(house: &House, number: usize, from: &str) -> Serving {
    validator_of(house, number, from, &[])
}

fn validator_of(house: &House, number: usize, from: &str, more: &[&str]) -> Serving {
    let arguments = validate(house, number, from);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    house.start_on(&format!("v{number}"), &arguments)
}

fn validate(house: &House, number: usize, from: &str) -> Vec<String> {
    let key = house.path(&format!("v{number}.key")).display().to_string();
    let operator = operator_key(house);
    let listen = "127.0.0.1:0";
    let arguments = [
        ["validate", "--from", from, "--key", &key],
        ["--name", NAMES[number], "--operator", &operator, "--listen"],
    ];
    arguments.concat().into_iter().chain([listen]).map(str::to_owned).collect()
}

fn health(serving: &Serving) -> Value {
    let text = get(&serving.ready["health"]);
    serde_json::from_str(text.rsplit("\r\n\r\n").next().expect("a body")).expect("JSON")
}

fn size_of(checkpoint: &str) -> u64 {
    let body = checkpoint.split("\r\n\r\n").nth(1).expect("a body");
    body.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
}

fn submit(house: &House, data: &str, file: &str) {
    let inbox = house.path(data).join("files/inbox");
    let aside = inbox.join(format!("{file}.part"));
    std::fs::copy(demo_inbox().join(file), &aside).expect("copied");
    std::fs::rename(&aside, inbox.join(file)).expect("renamed");
    let outbox = house.path(data).join("files/outbox");
    let before = std::fs::read_dir(&outbox).expect("a folder").count();
    wait_for("an answer", || (std::fs::read_dir(&outbox).expect("a folder").count() > before).then_some(()));
}

fn log_text(serving: &Serving, name: &str) -> String {
    get(&Value::String(format!("{}/log/{name}", address(serving))))
}

/// Waits until the operator's newest checkpoint is WITNESSED, and gives its size.
fn wait_until_witnessed(serving: &Serving, at_least: u64) -> u64 {
    wait_for("a WITNESSED block", || {
        let (newest, witnessed) = (log_text(serving, "checkpoint"), log_text(serving, "witnessed"));
        let (newest, witnessed) = (size_of(&newest), size_of(&witnessed));
        (witnessed == newest && witnessed >= at_least).then_some(witnessed)
    })
}

#[test]
fn three_validators_make_blocks_witnessed_and_one_of_them_takes_over() {
    let house = founded("validators");
    let serving = house.start_on("data", &["serve"]);
    let from = address(&serving);
    let unsigned = get(&Value::String(format!("{from}/follow/v1/frames/1")));
    assert!(unsigned.starts_with("HTTP/1.1 401"), "{unsigned}");
    let validators: Vec<_> = (0..3).map(|number| validator(&house, number, &from)).collect();
    submit(&house, "data", "01-single.xml");
    let first = wait_until_witnessed(&serving, 1);
    let lines = log_text(&serving, "witnessed");
    for name in NAMES {
        assert!(lines.contains(&format!("— {name} ")), "{lines}");
    }

    // One is killed, the others go on, and it comes back to the same roots.
    let mut validators = validators.into_iter();
    let (killed, second, third) =
        (validators.next().expect("one"), validators.next().expect("two"), validators.next().expect("three"));
    killed.kill();
    submit(&house, "data", "14-unfunded.xml");
    let killed = validator(&house, 0, &from);
    let last = wait_until_witnessed(&serving, first + 1);
    let told = wait_for("the others' heights", || {
        let all = [health(&killed), health(&second), health(&third)];
        all.iter().all(|report| report["height"].as_u64() >= Some(last)).then_some(all)
    });
    for report in told {
        assert_eq!((&report["state"], &report["lag_blocks"]), (&"following".into(), &0.into()), "{report}");
    }
    let metrics = get(&killed.ready["metrics"]);
    assert!(metrics.contains("feiqian_validator_alarm 0"), "{metrics}");

    // The operator is lost; the first validator's directory is promoted, and the others follow that.
    serving.kill();
    assert_eq!(killed.terminate(), 0);
    let key = house.data().join("keys/operator.key").display().to_string();
    house.run_on("v0", &["audit"]).json();
    house.run_on("v0", &["serve"]).fails_with(3, &["validator's copy", "feiqian takeover"]);
    house.run_on("v0", &["takeover", "--operator-key", &key]).fails_with(2, &["--operator BIC"]);
    let taken = ["takeover", "--operator-key", &key, "--operator", "FEIQXXAA"];
    assert_eq!(house.run_on("v0", &taken).json()["epoch"], 2);
    let serving = house.start_on("v0", &["serve"]);
    let own = house.path("v1.key").display().to_string();
    let (at, public) = (address(&serving), operator_key(&house));
    let itself = ["validate", "--from", &at, "--key", &own, "--name", NAMES[1], "--operator", &public];
    house.run(&itself).fails_with(3, &["operator's directory"]);
    assert_eq!(second.terminate(), 0);
    let from = address(&serving);
    let second = validator(&house, 1, &from);
    submit(&house, "v0", "13-unknown-agent.xml");
    let height = wait_for("the successor's blocks", || {
        let height = health(&second)["height"].as_u64()?;
        (height > last).then_some(height)
    });
    assert!(height > last);
    assert_eq!(second.terminate(), 0);
    assert_eq!(third.terminate(), 0);
    assert_eq!(serving.terminate(), 0);
    house.run_on("v0", &["audit"]).json();
    house.run_on("v1", &["audit"]).json();
    // The lost operator's directory is of the old epoch: who follows the new one refuses it.
    let old = house.start_on("data", &["serve"]);
    let third = validator(&house, 1, &address(&old));
    wait_for("the alarm", || (health(&third)["state"] == "alarm").then_some(()));
    assert_eq!(third.terminate(), 1);
}

#[test]
fn a_bank_audits_its_own_files_with_the_key_alone() {
    let house = House::founded("own-files");
    house.import(&["01-single.xml", "05-jpy-no-decimals.xml"]);
    let files = house.path("bank");
    std::fs::create_dir_all(&files).expect("a folder");
    let uetr = "c3b4489a-a5d0-4f0a-a25a-8eb87e205f35";
    let receipt = files.join("a.receipt").display().to_string();
    house.run(&["receipt", uetr, "-o", &receipt]).json();
    std::fs::copy(house.data().join("log/checkpoint"), files.join("checkpoint")).expect("copied");
    std::fs::write(files.join("notes.txt"), "mine").expect("written");
    let (folder, key) = (files.display().to_string(), operator_key(&house));
    let audit =
        |bic: &str| house.run_bare(&["audit", "--participant", bic, "--files", &folder, "--key", &key]);
    let report = audit("BNKAXXAA").json();
    let seen =
        ["receipts", "receipts_that_name_it", "blocks", "checkpoints"].map(|field| report[field].as_u64());
    assert_eq!(seen, [Some(1); 4], "{report}");
    assert_eq!(
        (&report["cleared"]["EUR"], &report["other_files"][0]),
        (&"4786.23".into(), &"notes.txt".into())
    );
    assert_eq!(audit("BNKCXXAA").json()["receipts_that_name_it"], 0);
    // The operator signs another block of that height, and a receipt in it.
    let bytes = std::fs::read(&receipt).expect("read");
    let secret = operator_secret(&house);
    let mut forged = feiqian_proof::receipt::Receipt::decode(&bytes).expect("a receipt");
    forged.header.timestamp += 1;
    forged.signature = sign_header(&secret, &forged.header.hash());
    std::fs::write(files.join("b.receipt"), forged.encode().expect("encoded")).expect("written");
    audit("BNKAXXAA").fails_with(1, &["two headers of height", "fork-"]);
    let name = names(&files).into_iter().find(|name| name.ends_with(".fqe")).expect("evidence");
    let evidence = files.join(name).display().to_string();
    assert_eq!(house.run_bare(&["verify-evidence", &evidence, "--key", &key]).json()["convicts"], true);
}

#[test]
fn a_bank_audits_proofs_of_every_kind_and_one_that_is_not_valid_fails_it() {
    let house = House::empty("own-proofs");
    let path = crate::house::repository().join("engine/proof/tests/vectors.json");
    let vectors: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(path).expect("read")).expect("JSON");
    let files = house.path("bank");
    std::fs::create_dir_all(&files).expect("a folder");
    let bytes_of = |vector: &Value| -> Option<Vec<u8>> {
        let text = vector["file"].as_str()?;
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
    };
    let mut good = 0;
    for vector in vectors.iter().filter(|vector| vector["valid"] == "yes") {
        let Some(bytes) = bytes_of(vector) else { continue };
        good += 1;
        // Each second one as JSON.
        let json = |bytes| to_json(&Proof::decode(bytes).expect("a right one")).expect("within bounds");
        let bytes = if good % 2 == 0 { json(&bytes).into_bytes() } else { bytes };
        std::fs::write(files.join(format!("{good}.proof")), bytes).expect("written");
        // The last kind about the first block; those of the next one are of a chain of its own.
        if vector["name"] == "signed_batch" {
            break;
        }
    }
    let key = vectors[0]["key"].as_str().expect("a key");
    let folder = files.display().to_string();
    let audit = || house.run_bare(&["audit", "--participant", "BNKAXXAA", "--files", &folder, "--key", key]);
    let report = audit().json();
    let kinds = report["proofs"].as_object().expect("kinds");
    assert_eq!(kinds.len(), 8, "{report}");
    assert_eq!(kinds.values().filter_map(Value::as_u64).sum::<u64>(), good, "{report}");
    let wrong = vectors.iter().find(|vector| vector["name"] == "transfers swapped").expect("there");
    std::fs::write(files.join("wrong.proof"), bytes_of(wrong).expect("bytes")).expect("written");
    audit().fails_with(1, &["wrong.proof", "not valid"]);
    std::fs::remove_file(files.join("wrong.proof")).expect("removed");
    let text = std::fs::read_to_string(files.join("2.proof")).expect("JSON");
    let at = text.rfind("\"index\":\"").map_or(0, |at| at + 9);
    let other = if text.as_bytes()[at] == b'9' { "8" } else { "9" };
    let text = [&text[..at], other, &text[at + 1..]].concat();
    std::fs::write(files.join("2.proof"), text).expect("written");
    audit().fails_with(1, &["2.proof", "not valid"]);
}

fn operator_secret(house: &House) -> SigningKey {
    let text = std::fs::read_to_string(house.data().join("keys/operator.key")).expect("a key");
    let digit = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("digits");
    SigningKey::from_bytes(&std::array::from_fn(digit))
}

fn flip(path: &Path, offset: u64) {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).expect("there");
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut byte)).expect("read");
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(&[byte[0] ^ 1])).expect("written");
}

#[test]
fn a_validator_gives_a_damaged_segment_back_and_begins_behind_a_trusted_snapshot() {
    let house = founded("repairs");
    let serving = house.start_on("data", &["serve"]);
    let first = validator(&house, 0, &address(&serving));
    submit(&house, "data", "01-single.xml");
    assert_eq!(serving.terminate(), 0);
    let blocks = house.run(&["audit"]).json()["blocks"].as_u64().expect("a number");
    let serving = house.start_on("data", &["serve"]);
    // A validator that begins behind the snapshot of the orderly stop.
    let trust = format!("{blocks}:{}", stored_header(&house.data(), blocks).hash());
    let key = house.path("v1.key").display().to_string();
    let (from, operator) = (address(&serving), operator_key(&house));
    let arguments = [
        "validate",
        "--from",
        &from,
        "--key",
        &key,
        "--name",
        NAMES[1],
        "--operator",
        &operator,
        "--listen",
        "127.0.0.1:0",
        "--trust",
    ];
    let wrong = format!("{blocks}:{}", "0".repeat(64));
    house.run_on("v1", &[&arguments[..], &[&wrong]].concat()).fails_with(1, &["not what is trusted"]);
    // Nothing is there but its identity: nobody can lead on from that.
    let secret = house.data().join("keys/operator.key").display().to_string();
    let taken = ["takeover", "--operator-key", &secret, "--operator", "FEIQXXAA"];
    house.run_on("v1", &taken).fails_with(3, &["no block here"]);
    std::fs::remove_dir_all(house.path("v1")).expect("removed");
    let begun = house.start_on("v1", &[&arguments[..], &[&trust]].concat());
    assert!(begun.ready["snapshot"].as_u64() >= Some(1), "{}", begun.ready);
    assert_eq!(begun.terminate(), 0);
    assert!(house.run_on("v1", &["audit"]).json()["rows_before"].as_u64() >= Some(1));
    assert_eq!(serving.terminate(), 0);

    assert_eq!(first.terminate(), 0);
    let serving = house.start_on("data", &["serve"]);
    let first = validator(&house, 0, &address(&serving));
    // Nothing is open, and all of it is followed: then the operator is killed, since an orderly stop may seal once more.
    wait_for("the same height", || {
        let (own, operator) = (health(&first), health(&serving));
        let is_same = own["height"] == operator["block_height"] && own["height"].as_u64() >= Some(blocks);
        (is_same && operator["open_entries"] == 0).then_some(())
    });
    serving.kill();
    let segment = house.data().join("journal/0000000001.fqj");
    flip(&segment, 4_096 + 300);
    house.run(&["audit"]).fails_with(1, &["journal/0000000001.fqj"]);
    let other = house.path("v2.key").display().to_string();
    let from = address(&first);
    let stranger = ["repair", "--from", &from, "--name", "x.example/v", "--key", &other];
    house.run(&stranger).fails_with(3, &["401"]);
    let report = house.run(&["repair", "--from", &from]).json();
    assert_eq!(report["segments"][0]["segment"], 1, "{report}");
    assert_eq!(first.terminate(), 0);
    house.run(&["audit"]).json();
    assert_eq!(house.run(&["repair", "--from", &from]).json()["segments"], Value::Array(Vec::new()));
}

/// A host that is asked can't pass the questions on and keep the answers.
#[test]
fn a_request_is_for_the_source_that_its_caller_named_and_no_other() {
    let house = founded("passed-on");
    let serving = house.start_on("data", &["serve"]);
    let (listener, operator) = (TcpListener::bind("127.0.0.1:0").expect("a port"), address(&serving));
    let between = format!("http://{}", listener.local_addr().expect("bound"));
    let to = operator.strip_prefix("http://").expect("an address").to_owned();
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let (mut caller, mut source) =
                (caller.expect("a call"), TcpStream::connect(&to).expect("it listens"));
            let (mut back, mut asked) =
                (source.try_clone().expect("a socket"), caller.try_clone().expect("one"));
            std::thread::spawn(move || std::io::copy(&mut asked, &mut source));
            std::thread::spawn(move || std::io::copy(&mut back, &mut caller));
        }
    });
    let arguments = validate(&house, 0, &between);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    house.run_on("v0", &arguments).fails_with(4, &["421", "follow.addresses"]);
    let direct = validator(&house, 0, &operator);
    assert_eq!(direct.terminate(), 0);
    assert_eq!(serving.terminate(), 0);
}

fn stored_header(data: &Path, height: u64) -> BlockHeader {
    let bytes = std::fs::read(data.join("blocks/0000000001.fqb")).expect("blocks");
    let at = usize::try_from(height - 1).expect("small") * 512;
    BlockHeader::decode(&bytes[at..at + 320]).expect("a header")
}

#[test]
fn a_block_that_was_falsified_alarms_and_its_evidence_convicts() {
    let house = founded("falsified");
    let serving = house.start_on("data", &["serve"]);
    submit(&house, "data", "01-single.xml");
    assert_eq!(serving.terminate(), 0);
    // The operator signs another balance, and serves that. An engine would refuse such a directory, so the
    // falsified operator is the copy of a validator, whose files are served as they are.
    let serving = house.start_on("data", &["serve"]);
    let first = validator(&house, 0, &address(&serving));
    wait_for("some blocks", || (health(&first)["height"].as_u64() >= Some(2)).then_some(()));
    falsify(&house, 2);
    assert_eq!(serving.terminate(), 0);
    let from = address(&first);
    let second = validator_of(&house, 1, &from, &["--relayed"]);
    wait_for("the alarm", || (health(&second)["state"] == "alarm").then_some(()));
    let metrics = get(&second.ready["metrics"]);
    assert!(metrics.contains("feiqian_validator_alarm 1"), "{metrics}");
    assert_eq!(second.terminate(), 1);
    // However often it is started: until somebody has looked.
    let arguments = validate(&house, 1, &from);
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--relayed");
    let second = house.start_alarmed_on("v1", &arguments);
    assert_eq!(health(&second)["state"], "alarm");
    let metrics = get(&second.ready["metrics"]);
    assert!(metrics.contains("feiqian_validator_alarm 1"), "{metrics}");
    assert_eq!(second.terminate(), 1);
    let secret = house.data().join("keys/operator.key").display().to_string();
    let taken = ["takeover", "--operator-key", &secret, "--operator", "FEIQXXAA"];
    house.run_on("v1", &taken).fails_with(3, &["an alarm stands here"]);
    arguments.push("--alarm-seen");
    let second = house.start_on("v1", &arguments);
    wait_for("the alarm again", || (health(&second)["state"] == "alarm").then_some(()));
    assert_eq!(second.terminate(), 1);
    assert!(names(&house.path("v1/validator")).contains(&"alarm-1.seen".to_owned()));
    assert_eq!(first.terminate(), 0);
    let evidence = house.path("v1/evidence-2.fqe").display().to_string();
    let key = operator_key(&house);
    house
        .run_bare(&["verify-evidence", &evidence, "--key", &key])
        .fails_with(1, &["undecided", "--data DIR"]);
    let judged = house.run_on("data", &["verify-evidence", &evidence, "--key", &key]).json();
    assert_eq!(judged["convicts"], true);
    assert!(judged["what"].as_str().expect("text").contains("accounts root"), "{judged}");
}

/// Signs block `height` of the first validator's copy anew with another accounts root, with the operator's own key.
fn falsify(house: &House, height: u64) {
    let key = operator_secret(house);
    let mut header = stored_header(&house.data(), height);
    header.accounts.hash.0[0] ^= 1;
    let signature = sign_header(&key, &header.hash()).0;
    let path = house.path("v0/blocks/0000000001.fqb");
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).expect("there");
    let at = (height - 1) * 512;
    let mut entry = [0; 512];
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut entry)).expect("read");
    entry[..320].copy_from_slice(&header.encode());
    entry[320..384].copy_from_slice(&signature);
    let sum = [&height.to_le_bytes()[..], &entry[..384], &entry[416..424]].concat();
    let sum = feiqian_proof::hash::keyed(feiqian_proof::hash::Domain::Payload, &sum);
    entry[384..416].copy_from_slice(&sum.0);
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&entry)).expect("written");
}

#[test]
fn the_benchmark_of_validators_finds_equal_roots_and_all_cosignatures() {
    let house = House::empty("validators-bench");
    let program =
        ServerProgram { file: env!("CARGO_BIN_EXE_feiqian").into(), arguments: vec!["load-server".into()] };
    let settings = Settings {
        is_quick: true,
        only: vec!["validators".to_owned()],
        runs: 1,
        folder: house.path("benches"),
        feiqian: program.file.clone(),
        history: 1,
        program,
    };
    let tables = make(&settings, &mut |_| {}).expect("every check holds");
    let cosigned = tables.json()["figures"]["validators_cosigned"]["median"].as_f64();
    assert_eq!(cosigned, Some(4.0), "{}", tables.json());
}
