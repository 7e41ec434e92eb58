//! Proofs of every kind, made from a data directory and verified from their bytes and the public key alone.

use feiqian_proof::hash::{Domain, Hasher};
use feiqian_proof::leaf::{SaltKind, SaltSeed, salt};
use feiqian_proof::receipt::Receipt;
use serde_json::Value;

use crate::house::House;

const PAID: &str = "c3b4489a-a5d0-4f0a-a25a-8eb87e205f35";

fn make(house: &House, name: &str, arguments: &[&str]) -> (String, Value) {
    let file = house.path(name).display().to_string();
    let made = house.run(&[&["prove"], arguments, &["-o", &file]].concat()).json();
    (file, made)
}

#[test]
fn every_kind_of_proof_is_made_and_verified_and_a_changed_one_refused() {
    let house = House::founded("proofs");
    house.import(&["01-single.xml", "09-bulk-500.xml"]);
    let key = house.data().join("keys/operator.pub").display().to_string();
    let officer = |number: u32| house.data().join(format!("keys/officer-{number}.key")).display().to_string();
    let paid_in = house.run(&["transfer", PAID]).json()["block"].as_u64().expect("sealed").to_string();
    house.run(&["cycle", "close", "--officer-key", &officer(1), "--officer-key", &officer(2)]).json();
    let positions = house.run(&["positions", "--cycle", "1"]).json();
    let of = |bic: &str| {
        let lines = positions["positions"].as_array().expect("lines");
        let line = lines.iter().find(|line| line["participant"] == bic && line["currency"] == "EUR");
        line.expect("a position")["position"].as_str().expect("a text").to_owned()
    };
    // Whatever seals behind the closing, so that the next cycle has a block.
    house.import(&["03-sepa-2009.xml"]);

    let (file, _) = make(&house, "a.position", &["position", "BNKAXXAAXXX", "EUR", "--block", &paid_in]);
    let said = house.run(&["verify", &file, "--key", &key]).json();
    assert_eq!((&said["kind"], &said["states"]["is final of cycle"]), (&"position".into(), &"no".into()));

    let (file, _) = make(&house, "a.all", &["completeness", "BNKBXXAAXXX", "EUR", "--block", &paid_in]);
    let said = house.run(&["verify", &file, "--key", &key]).json();
    assert!(said["states"]["transfers"].as_str().expect("a text").contains(PAID), "{said}");
    assert_eq!(said["states"]["all transfers"], said["states"]["transfers counted"]);

    let account = house.run(&["account", "BNKBXXAAXXX/EUR"]).json();
    let (file, _) = make(&house, "a.balance", &["balance", "BNKBXXAAXXX/EUR"]);
    let said = house.run(&["verify", &file, "--key", &key]).json();
    let balance = said["states"]["balance"].as_str().expect("a text");
    assert_eq!(balance.trim_end_matches(" EUR"), account["account"]["balance"].as_str().expect("a text"));

    let (file, _) = make(&house, "a.chain", &["consistency", "1"]);
    let said = house.run(&["verify", &file, "--key", &key]).json();
    assert!(said["states"]["ancestor"].as_str().expect("a text").starts_with("block 1,"), "{said}");

    let debtor =
        ["BNKAXXAAXXX", "BNKBXXAAXXX", "BNKCXXAAXXX"].into_iter().find(|bic| of(bic).starts_with('-'));
    let debtor = debtor.expect("someone owes");
    let creditors =
        ["BNKAXXAAXXX", "BNKBXXAAXXX", "BNKCXXAAXXX", "BNKDXXAAXXX", "BNKEXXAAXXX", "BNKFXXAAXXX"];
    let creditor = creditors.into_iter().find(|bic| {
        let answer = house.run(&[
            "prove",
            "settlement",
            "EUR",
            debtor,
            bic,
            "-o",
            &house.path("a.settlement").display().to_string(),
        ]);
        answer.code == 0
    });
    let creditor = creditor.expect("someone is paid by the first debtor");
    let file = house.path("a.settlement").display().to_string();
    let said = house.run(&["verify", &file, "--key", &key]).json();
    let states = &said["states"];
    assert_eq!(
        (&states["debtor"], &states["creditor"], &states["cycle"]),
        (&debtor.into(), &creditor.into(), &"1".into())
    );

    let (text, _) = make(&house, "a.json", &["position", "BNKAXXAAXXX", "EUR", "--text"]);
    let said = house.run(&["verify", &text, "--key", &key]).json();
    assert_eq!(said["kind"], "position");
    house.run(&["prove", "batch", PAID]).fails_with(5, &["was not signed"]);
    house.run(&["prove", "position", "BNKAXXAAXXX", "EUR", "--block", "99999"]).fails_with(5, &["99999"]);

    let bytes = std::fs::read(&file).expect("there");
    for at in (0..bytes.len()).step_by(bytes.len() / 16) {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1 << (at % 8);
        std::fs::write(&file, wrong).expect("written");
        house.run(&["verify", &file, "--key", &key]).fails_with(1, &["a.settlement", "not valid"]);
    }
}

#[test]
fn nothing_happened_is_provable_and_so_is_a_final_position_and_json_says_what_binary_says() {
    let house = House::founded("edges");
    house.import(&["01-single.xml"]);
    let key = house.data().join("keys/operator.pub").display().to_string();
    let officer = |number: u32| house.data().join(format!("keys/officer-{number}.key")).display().to_string();
    house.run(&["cycle", "close", "--officer-key", &officer(1), "--officer-key", &officer(2)]).json();
    house.import(&["03-sepa-2009.xml"]);
    let verify = |file: &str| house.run(&["verify", file, "--key", &key]).json();

    let (_, made) = make(&house, "s.proof", &["settlement", "EUR", "BNKAXXAAXXX", "BNKBXXAAXXX"]);
    let closing = made["block"].as_u64().expect("a height").to_string();
    let (file, _) = make(&house, "p.proof", &["position", "BNKBXXAAXXX", "EUR", "--block", &closing]);
    let said = verify(&file);
    assert_eq!(
        (&said["states"]["is final of cycle"], &said["states"]["cycle"]),
        (&"yes".into(), &"1".into())
    );
    let positions = house.run(&["positions", "--cycle", "1"]).json();
    let lines = positions["positions"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["participant"] == "BNKBXXAAXXX" && line["currency"] == "EUR");
    let position = said["states"]["position"].as_str().expect("a text").trim_end_matches(" EUR");
    assert_eq!(position, line.expect("a position")["position"].as_str().expect("a text"));

    let paid_in = house.run(&["transfer", PAID]).json()["block"].as_u64().expect("sealed").to_string();
    for form in [&[][..], &["--text"]] {
        let arguments = [&["completeness", "BNKFXXAAXXX", "EUR", "--block", &paid_in], form].concat();
        let (file, _) = make(&house, "c.proof", &arguments);
        let states = &verify(&file)["states"];
        assert_eq!((&states["all transfers"], &states["transfers"]), (&"0".into(), &"".into()), "{form:?}");
        assert_eq!(states["participant"], "BNKFXXAAXXX");
    }

    let (binary, text) = (house.path("r.receipt"), house.path("r.json"));
    let (binary, text) = (binary.display().to_string(), text.display().to_string());
    house.run(&["receipt", PAID, "-o", &binary]).json();
    house.run(&["receipt", PAID, "--text", "-o", &text]).json();
    assert!(std::fs::read_to_string(&text).expect("there").starts_with("{\"kind\":\"receipt\""));
    let said = verify(&text);
    assert_eq!(said, verify(&binary));
    assert_eq!(
        (&said["uetr"], &said["outcome"], &said["is_valid"]),
        (&PAID.into(), &"cleared".into(), &true.into())
    );
    assert!(said["debtor"].is_u64() && said["creditor"].is_u64() && said["details"].is_object(), "{said}");

    let chain = said["chain_id"].as_str().expect("a text").to_owned();
    let other = chain.chars().rev().collect::<String>();
    assert_ne!(chain, other);
    for file in [&binary, &text, &file] {
        house.run(&["verify", file, "--key", &key, "--chain", &chain]).json();
        house.run(&["verify", file, "--key", &key, "--chain", &other]).fails_with(1, &["another chain"]);
        house.run(&["verify", file, "--key", &key, "--chain", &chain[1..]]).fails_with(2, &["32 lower-case"]);
    }
}

#[test]
fn a_proof_that_does_not_verify_is_not_written() {
    let house = House::founded("unsigned");
    house.import(&["01-single.xml"]);
    let block = house.run(&["transfer", PAID]).json()["block"].as_u64().expect("sealed");
    forge_signature(&house, block);
    let file = house.path("forged.proof").display().to_string();
    let height = block.to_string();
    let named = ["position of block", &height, "not signed by this key"];
    let arguments = ["prove", "position", "BNKAXXAAXXX", "EUR", "--block", &height, "-o", &file];
    house.run(&arguments).fails_with(3, &named);
    house.run(&["receipt", PAID, "-o", &file]).fails_with(3, &["receipt of block", &height]);
    assert!(!std::path::Path::new(&file).exists());
    let before = (block - 1).to_string();
    let (file, _) = make(&house, "good.proof", &["position", "BNKAXXAAXXX", "EUR", "--block", &before]);
    assert!(std::path::Path::new(&file).exists());
}

/// Turns a bit of a stored block's signature, and makes its checksum right again (engine/runtime/FORMAT.md).
fn forge_signature(house: &House, height: u64) {
    let path = house.data().join("blocks/0000000001.fqb");
    let mut bytes = std::fs::read(&path).expect("there");
    let at = usize::try_from(height - 1).expect("few") * 512;
    let entry = &mut bytes[at..at + 512];
    entry[320] ^= 1;
    let mut hasher = Hasher::new(Domain::Payload);
    hasher.update(&height.to_le_bytes()).update(&entry[..384]).update(&entry[416..424]);
    let checksum = hasher.finish().0;
    entry[384..416].copy_from_slice(&checksum);
    std::fs::write(&path, bytes).expect("written");
}

#[test]
fn an_auditor_of_one_block_gets_its_seed_and_a_rotation_changes_those_of_the_next_cycle() {
    let house = House::founded("seeds");
    house.import(&["01-single.xml"]);
    let officer = |number: u32| house.data().join(format!("keys/officer-{number}.key")).display().to_string();
    let officers = ["--officer-key", &officer(1), "--officer-key", &officer(2)];
    let block = house.run(&["transfer", PAID]).json()["block"].as_u64().expect("sealed");
    let seed_of = |height: u64| {
        let said = house.run(&["block", &height.to_string(), "--seed"]).json();
        let seed = hex(said["salt_seed"].as_str().expect("a seed"));
        SaltSeed(seed.try_into().expect("32 bytes"))
    };
    assert!(
        house.run(&["block", &block.to_string()]).json()["salt_seed"].is_null(),
        "only where it is asked for"
    );
    // Some of the salts of its receipts.
    let opens = |uetr: &str, seed: &SaltSeed| {
        let file = house.path("seed.receipt").display().to_string();
        house.run(&["receipt", uetr, "-o", &file]).json();
        let receipt = Receipt::decode(&std::fs::read(&file).expect("there")).expect("a receipt");
        receipt.salt == salt(seed, SaltKind::Transfer, receipt.header.first_sequence + receipt.index)
    };
    let first = seed_of(block);
    assert!(opens(PAID, &first) && !opens(PAID, &seed_of(block - 1)));

    house.run(&["cycle", "rotate-salts", "--officer-key", &officer(1)]).fails_with(4, &[]);
    let said = house.run(&[&["cycle", "rotate-salts"], &officers[..]].concat()).json();
    assert_eq!(said["first_cycle"], 2);
    house.run(&[&["cycle", "close"], &officers[..]].concat()).json();
    house.import(&["03-sepa-2009.xml"]);
    assert_eq!(seed_of(block), first, "a sealed block keeps its seed");
    assert!(opens(PAID, &first));
    house.run(&["audit"]).json();
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(byte).collect()
}
