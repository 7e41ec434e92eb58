//! The log of blocks from outside: its files are served, a copy of them is checked offline, and witnesses' lines make
//! blocks WITNESSED.

use std::path::Path;

use feiqian_proof::checkpoint::Checkpoint;
use feiqian_proof::cosignature::{cosign, witness_key};
use feiqian_proof::note::Note;
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_proof::tiles::{Stack, TileId};
use serde_json::{Value, json};

use crate::house::{House, wait_for};
use crate::serving::get;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("read").path()) {
        let aim = to.join(entry.file_name().expect("a name"));
        match entry.is_dir() {
            true => copy(&entry, &aim),
            false => drop(std::fs::copy(&entry, aim).expect("copied")),
        }
    }
}

/// A folder of its own with the log as it is now, as a bank would fetch it.
fn copied(house: &House, name: &str) -> String {
    let folder = house.path(name);
    copy(&house.data().join("log"), &folder);
    folder.display().to_string()
}

fn witness(number: u8) -> (SigningKey, String) {
    (SigningKey::from_bytes(&[number; 32]), format!("bank{number}.example/witness"))
}

/// `[witnesses]`, or a file of it.
fn policy() -> String {
    let keys = [1, 2, 3].map(|number| {
        let (secret, name) = witness(number);
        format!("\"{}\"", witness_key(&name, PublicKey::of(&secret)).expect("a name"))
    });
    format!("policy = \"banks 2 of 3\"\ngroups = {{ banks = [{}] }}\n", keys.join(", "))
}

/// Adds the lines of witnesses to a checkpoint's file.
fn cosigned(checkpoint: &Path, witnesses: &[u8]) -> String {
    let mut note = Note::parse(&std::fs::read(checkpoint).expect("there")).expect("a note");
    for number in witnesses {
        let (secret, name) = witness(*number);
        note.signatures.push(cosign(&secret, &name, 1_780_000_000, note.text()).expect("a name"));
    }
    note.to_string()
}

#[test]
fn a_copy_of_the_log_is_checked_offline_with_the_operators_key_alone() {
    let house = House::founded("log-copy");
    house.import(&["01-single.xml"]);
    let old = copied(&house, "old");
    house.import(&["09-bulk-500.xml"]);
    let new = copied(&house, "new");
    let key = std::fs::read_to_string(house.data().join("keys/operator.pub")).expect("there");
    let key = key.trim();
    let check =
        |more: &[&str]| house.run_bare(&[&["checkpoint", "--log", &new, "--key", key], more].concat());
    let report = check(&["--block", "1", "--extends", &format!("{old}/checkpoint")]).json();
    let blocks = report["size"].as_u64().expect("a number");
    assert_eq!((&report["block"]["height"], report["is_witnessed"].as_bool()), (&json!(1), Some(false)));
    assert!(report["extends"].as_u64().is_some_and(|size| size < blocks), "{report}");
    let block = house.run(&["block", "1"]).json();
    assert_eq!((&block["hash"], &block["state"]), (&report["block"]["hash"], &json!("SEALED")));
    for height in 1..=blocks {
        assert_eq!(check(&["--block", &height.to_string()]).json()["block"]["height"], height);
    }
    check(&["--block", &(blocks + 1).to_string()]).fails_with(5, &["blocks 1 to"]);
    let verifier_key = std::fs::read_to_string(format!("{new}/key")).expect("there");
    house.run_bare(&["checkpoint", "--log", &new, "--key", verifier_key.trim()]).json();
    let other = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    house.run_bare(&["checkpoint", "--log", &new, "--key", other]).fails_with(1, &["no known key signed it"]);
    // An older log does not extend a newer one.
    house
        .run_bare(&["checkpoint", "--log", &old, "--key", key, "--extends", &format!("{new}/checkpoint")])
        .fails_with(1, &["does not extend"]);
    is_tamper_found(&new, blocks, &check);
    assert_eq!(house.run(&["audit"]).json()["log_blocks"], blocks);
    let tile = house.data().join("log").join(tile_of(Stack::Level(0), blocks));
    let mut bytes = std::fs::read(&tile).expect("there");
    bytes[3] ^= 1;
    std::fs::write(&tile, bytes).expect("written");
    house.run(&["audit"]).fails_with(1, &["first difference: log/tile/0/"]);
}

fn tile_of(stack: Stack, size: u64) -> String {
    TileId::in_log(stack, 0, size).expect("a block").to_string()
}

/// Another bit in the checkpoint, in a hash, in a header: each is found.
fn is_tamper_found(folder: &str, blocks: u64, check: &impl Fn(&[&str]) -> crate::house::Answer) {
    let files = ["checkpoint".to_owned(), tile_of(Stack::Level(0), blocks), tile_of(Stack::Entries, blocks)];
    for file in files {
        let path = Path::new(folder).join(file);
        let bytes = std::fs::read(&path).expect("there");
        for at in (0..bytes.len()).step_by(bytes.len() / 16) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1 << (at % 7);
            std::fs::write(&path, &wrong).expect("written");
            // One block's proof reads all hashes of its tile, but only its own entry of the bundle.
            let codes = (1..=blocks).map(|height| check(&["--block", &height.to_string()]).code);
            assert!(codes.into_iter().any(|code| code != 0), "byte {at} of {}", path.display());
        }
        std::fs::write(&path, &bytes).expect("written");
    }
    check(&["--block", "1"]).json();
}

#[test]
fn enough_witnesses_make_blocks_witnessed() {
    let house = House::founded("log-witnesses");
    house.import(&["01-single.xml"]);
    let log = house.data().join("log");
    let file = house.path("policy.toml").display().to_string();
    std::fs::write(&file, policy()).expect("written");
    let checkpoint = house.path("cosigned");
    let arguments = ["checkpoint", "--policy", &file, "--file", checkpoint.to_str().expect("UTF-8")];
    for (witnesses, is_met) in [(&[1][..], false), (&[1, 1], false), (&[9, 1], false), (&[1, 3], true)] {
        std::fs::write(&checkpoint, cosigned(&log.join("checkpoint"), witnesses)).expect("written");
        let answer = house.run(&arguments);
        assert_eq!(answer.code, i32::from(!is_met), "{witnesses:?}: {answer:?}");
    }
    let report = house.run(&arguments).json();
    assert_eq!(report["witnesses"].as_array().map(Vec::len), Some(2));

    let config = house.path("feiqian.toml");
    let text = std::fs::read_to_string(&config).expect("there");
    std::fs::write(&config, format!("{text}[witnesses]\n{}", policy())).expect("written");
    let state = |height: u64| house.run(&["block", &height.to_string()]).json()["state"].clone();
    assert_eq!(state(1), "SEALED");
    std::fs::copy(&checkpoint, log.join("witnessed")).expect("copied");
    let witnessed = report["size"].as_u64().expect("a number");
    assert_eq!((state(1), state(witnessed)), (json!("WITNESSED"), json!("WITNESSED")));
    house.import(&["02-enveloped.xml"]);
    assert_eq!(state(witnessed + 1), "SEALED");
    std::fs::write(&config, format!("{text}[witnesses]\n{}", policy().replace("2 of 3", "4 of 3")))
        .expect("written");
    house.run(&["block", "1"]).fails_with(2, &["feiqian.toml", "part 1 of the policy"]);
}

#[test]
fn the_log_is_served_as_files_and_nothing_else_is() {
    let house = House::founded("log-served");
    let serving = house.serve();
    let url = serving.ready["log"].as_str().expect("an address").to_owned();
    let base = url.strip_suffix("checkpoint").expect("its name");
    let fetch = |name: &str| get(&Value::from(format!("{base}{name}")));
    let text = wait_for("a checkpoint", || {
        Some(fetch("checkpoint")).filter(|text| text.starts_with("HTTP/1.1 200"))
    });
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
    let note = Note::parse(body.as_bytes()).expect("a note");
    let size = Checkpoint::parse(note.text()).expect("a checkpoint").head.size;
    let path = house.data().join("log").join(tile_of(Stack::Level(0), size));
    assert_eq!(std::fs::metadata(path).expect("there").len(), 32 * size);
    let found = fetch("key");
    assert!(found.contains("feiqian/"), "{found}");
    let refused = [
        "",
        "tile",
        "tile/0",
        "tile/0/999",
        "../IDENTITY",
        "%2e%2e/IDENTITY",
        "..%2fkeys%2foperator.key",
        "tile/0/../../../keys/operator.key",
        "tile/0/000.p/%2e%2e/%2e%2e",
        "checkpoint.new",
        "key/",
        "/etc/passwd",
    ];
    for name in refused {
        let text = fetch(name);
        assert!(text.starts_with("HTTP/1.1 404"), "{name}: {text}");
    }
    assert_eq!(serving.terminate(), 0);
}

#[test]
fn a_receipt_shows_offline_that_its_block_is_witnessed_and_leaves_out_what_need_not_be_shown() {
    let house = House::founded("log-receipts");
    let config = house.path("feiqian.toml");
    let text = std::fs::read_to_string(&config).expect("there");
    std::fs::write(&config, format!("{text}[witnesses]\n{}", policy())).expect("written");
    let file = house.path("policy.toml").display().to_string();
    std::fs::write(&file, policy()).expect("written");
    house.import(&["01-single.xml"]);
    let key = house.data().join("keys/operator.pub").display().to_string();
    let uetr = "c3b4489a-a5d0-4f0a-a25a-8eb87e205f35";
    let receipt = |name: &str, more: &[&str]| {
        let file = house.path(name).display().to_string();
        let made = house.run(&[&["receipt", uetr, "-o", &file], more].concat()).json();
        (file, made["bytes"].as_u64().expect("a length"))
    };
    let verify =
        |file: &str, more: &[&str]| house.run_bare(&[&["verify", file, "--key", &key], more].concat());
    let (whole, long) = receipt("whole", &[]);
    let (bare, short) = receipt("bare", &["--without-details"]);
    assert!(short < long && short <= 3_500, "{short} bytes, {long} with the details");
    assert!(verify(&whole, &[]).json()["details"].is_object());
    let said = verify(&bare, &[]).json();
    assert!(said["details"].is_null() && said["uetr"] == uetr, "{said}");
    verify(&whole, &["--policy", &file]).fails_with(1, &["no checkpoint", "banks 2 of 3"]);

    let (lone, _) = receipt("lone", &["--checkpoint", "--without-details"]);
    assert_eq!(verify(&lone, &[]).json()["logged"]["cosignatures"], 0);
    verify(&lone, &["--policy", &file]).fails_with(1, &["do not meet"]);
    let log = house.data().join("log");
    std::fs::write(log.join("witnessed"), cosigned(&log.join("checkpoint"), &[1, 3])).expect("written");
    for form in [&[][..], &["--text"]] {
        let (witnessed, bytes) =
            receipt("witnessed", &[form, &["--checkpoint", "--without-details"]].concat());
        assert!(bytes <= 3_500 || !form.is_empty(), "{bytes} bytes");
        let said = verify(&witnessed, &["--policy", &file]).json();
        let logged = &said["logged"];
        assert_eq!((&said["uetr"], &logged["is_witnessed"]), (&json!(uetr), &json!(true)), "{said}");
        assert_eq!(logged["cosigners"], json!(["bank1.example/witness", "bank3.example/witness"]));
        let others = house.path("others.toml").display().to_string();
        std::fs::write(&others, policy().replace("2 of 3", "3 of 3")).expect("written");
        verify(&witnessed, &["--policy", &others]).fails_with(1, &["do not meet `banks 3 of 3`"]);
    }
    let position = house.path("p").display().to_string();
    let prove = ["prove", "position", "BNKAXXAAXXX", "EUR", "--block", "1", "--checkpoint", "-o", &position];
    house.run(&prove).json();
    assert_eq!(verify(&position, &["--policy", &file]).json()["kind"], "position");
}

#[test]
fn the_log_at_two_heights_is_proven_consistent_by_its_operator_and_from_a_copy() {
    let house = House::founded("log-consistent");
    house.import(&["01-single.xml"]);
    let old = copied(&house, "old");
    house.import(&["09-bulk-500.xml"]);
    let new = copied(&house, "new");
    let key = house.data().join("keys/operator.pub").display().to_string();
    let file = house.path("log.proof").display().to_string();
    let checkpoint = format!("{old}/checkpoint");
    let arguments = ["checkpoint", "--log", &new, "--key", &key, "--extends", &checkpoint, "-o", &file];
    let size = house.run_bare(&arguments).json()["extends"].as_u64().expect("a size");
    let said = house.run_bare(&["verify", &file, "--key", &key]).json();
    assert_eq!(said["kind"], "log_consistency");
    assert!(said["states"]["begins with"].as_str().expect("a text").starts_with(&format!("{size} blocks")));
    let from_files = std::fs::read(&file).expect("there");
    let last = house.run_bare(&["checkpoint", "--log", &new]).json()["size"].as_u64().expect("a size");
    let (old, last) = (size.to_string(), last.to_string());
    house.run(&["prove", "consistency", &old, "--log", "--block", &last, "-o", &file]).json();
    assert_eq!(std::fs::read(&file).expect("there"), from_files, "one proof, whoever makes it");
    house.run(&["prove", "consistency", "99", "--log", "-o", &file]).fails_with(5, &["no blocks 1 to 99"]);
}

#[test]
fn a_block_is_shown_from_a_copy_of_the_log_and_what_needs_a_journal_says_so() {
    let house = House::founded("log-block");
    house.import(&["01-single.xml"]);
    let copy = copied(&house, "copy");
    let key = house.data().join("keys/operator.pub").display().to_string();
    let shown = |height: &str| house.run_bare(&["block", height, "--log", &copy, "--key", &key]);
    let (logged, own) = (shown("1").json(), house.run(&["block", "1"]).json());
    for field in
        ["height", "hash", "previous", "first_sequence", "count", "time", "cycle", "totals", "transfers"]
    {
        assert_eq!(logged[field], own[field], "{field}");
    }
    assert_eq!((&logged["is_signed_by_operator"], &logged["signature"]), (&true.into(), &Value::Null));
    assert!(logged["checkpoint"].as_u64() >= Some(1), "{logged}");
    shown("999").fails_with(5, &["blocks 1 to"]);

    let id = "00000000-0000-4000-8000-000000000001";
    let address = ["--data", "http://127.0.0.1:1/log"];
    let commands: [&[&str]; 5] =
        [&["receipt", id], &["transfer", id], &["prove", "balance", "1"], &["block", "1"], &["audit"]];
    for command in commands {
        house
            .run_on("copy", command)
            .fails_with(3, &["served log", "checkpoint --log", "block HEIGHT --log", "API"]);
        house.run_bare(&[&address[..], command].concat()).fails_with(3, &["an address", "validate --from"]);
    }

    // Another bit in the header that is shown.
    let bundle = tile_of(Stack::Entries, logged["checkpoint"].as_u64().expect("a size"));
    let path = Path::new(&copy).join(bundle);
    let mut bytes = std::fs::read(&path).expect("there");
    bytes[40] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    shown("1").fails_with(1, &["block 1 is not the signed one"]);
}
