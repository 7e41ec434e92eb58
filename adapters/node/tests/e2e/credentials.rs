//! Keys and certificates of callers, made by the program: files for their owner alone, entries that a file of identities
//! takes, and a list of revocations that a server obeys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use feiqian_identity::api_key::ApiKey;
use feiqian_identity::tls::{Tls, TlsFiles};
use feiqian_identity::{Identities, Presented};

use crate::house::House;

const NOW_S: u64 = 1_800_000_000;

#[test]
fn what_is_made_is_what_a_server_reads() {
    let house = House::empty("credentials");
    let ca = house.path("ca");
    let folder = ca.display().to_string();
    let run = |arguments: &[&str]| house.run(arguments).json();
    run(&["keys", "ca", &folder]);
    run(&["keys", "server", "localhost", "127.0.0.1", "--ca", &folder]);
    let client = run(&["keys", "client", "core.bank-a.example", "--ca", &folder]);
    let signing = house.path("bank-a.key").display().to_string();
    let signer = run(&["keys", "signing", &signing, "--id", "bank-a-2026"]);
    let api = run(&["keys", "api", "viewer"]);
    let entry = |report: &serde_json::Value| report["entry"].as_str().expect("an entry").to_owned();
    let head = "authorities = [\"localhost\"]\n[[caller]]\nname = \"bank-a\"\nparticipant = \"AAAADEFFXXX\"\nroles = [\"viewer\"]\n";
    let text = [head.to_owned(), entry(&client), entry(&signer), entry(&api)].concat();
    let identities = Identities::parse(&text, NOW_S).expect("a file of identities");
    let key = ApiKey::parse(api["api_key"].as_str().expect("shown")).expect("a key");
    let bearer = format!("Bearer {}", key.reveal());
    let header = |name: &str| (name == "authorization").then_some(bearer.as_bytes());
    let shown = Presented {
        method: "GET",
        scheme: "https",
        authority: "localhost",
        path: "/v1/accounts",
        query: None,
        headers: &header,
        body: b"",
        certificate: None,
    };
    assert_eq!(&*identities.identify(&shown, NOW_S).expect("known").name, "bank-a");

    for secret in
        [ca.join("ca.key"), ca.join("server.key"), ca.join("core.bank-a.example.key"), signing.into()]
    {
        let mode = fs::metadata(&secret).expect("written").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", secret.display());
    }
    let files = TlsFiles {
        certificate: ca.join("server.pem"),
        key: ca.join("server.key"),
        client_roots: Some(ca.join("ca.pem")),
        revoked: vec![ca.join("revoked.pem")],
        needs_client_certificate: true,
    };
    Tls::open(files.clone()).expect("they fit");
    let before = fs::read(ca.join("revoked.pem")).expect("a list");
    let serial = client["serial"].as_str().expect("a serial number");
    run(&["keys", "revoke", "--ca", &folder, serial]);
    run(&["keys", "revoke", "--ca", &folder, serial]);
    assert_eq!(fs::read_to_string(ca.join("revoked.txt")).expect("kept"), format!("{serial}\n"));
    assert_ne!(fs::read(ca.join("revoked.pem")).expect("a list"), before);
    Tls::open(files).expect("they still fit");
}

#[test]
fn nothing_that_is_there_is_overwritten_and_wrong_orders_are_named() {
    let house = House::empty("credentials-twice");
    let folder = house.path("ca").display().to_string();
    house.run(&["keys", "ca", &folder]).json();
    house.run(&["keys", "ca", &folder]).fails_with(6, &["ca.key"]);
    house.run(&["keys", "api", "owner"]).fails_with(2, &["owner", "submitter"]);
    house.run(&["keys", "revoke", "--ca", &folder, "xyz"]).fails_with(2, &["hexadecimal"]);
    house.run(&["keys", "client", "../x", "--ca", &folder]).fails_with(2, &["../x"]);
    let nowhere = house.path("nowhere").display().to_string();
    house.run(&["keys", "server", "localhost", "--ca", &nowhere]).fails_with(6, &["ca.pem"]);
}
