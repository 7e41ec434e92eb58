//! Callers of the API through real TLS: each proof of who they are is taken for what it proves, and nothing else is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::SigningKey;
use feiqian_identity::{Presented, hex, signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::house::{House, Serving, wait_for};

const A: &str = "BNKAXXAAXXX";
const B: &str = "BNKBXXAAXXX";

fn run(house: &House, line: &str) -> Value {
    house.run(&line.split(' ').collect::<Vec<_>>()).json()
}

fn text(made: &Value, key: &str) -> String {
    made[key].as_str().unwrap_or_else(|| panic!("{key}: {made}")).to_owned()
}

/// A house that two banks may call, and bank A's API keys: one that is good for looking, one that has expired.
fn house(name: &str) -> (House, [String; 2]) {
    let house = House::founded(name);
    run(&house, "keys ca data/tls");
    run(&house, "keys server localhost --ca data/tls");
    let made =
        ["a", "b", "gone", "stranger"].map(|name| run(&house, &format!("keys client {name} --ca data/tls")));
    run(&house, &format!("keys revoke --ca data/tls {}", text(&made[2], "serial")));
    run(&house, "keys ca other");
    run(&house, "keys client a --ca other");
    let signing = run(&house, "keys signing sign.key --id bank-a-1");
    let (api, expired) = (run(&house, "keys api viewer"), run(&house, "keys api viewer --days 0"));
    let head = |name, bic| {
        format!(
            "[[caller]]\nname = \"{name}\"\nparticipant = \"{bic}\"\nroles = [\"submitter\", \"viewer\"]\n"
        )
    };
    let mut file = "authorities = [\"localhost\", \"127.0.0.1\"]\n".to_owned() + &head("a", A);
    [&made[0], &made[2], &signing, &api, &expired].iter().for_each(|made| file += &text(made, "entry"));
    file += &(head("b", B) + &text(&made[1], "entry"));
    std::fs::write(house.data().join("identities.toml"), file).expect("written");
    house.configure(
        "identities = \"identities.toml\"\ncertificate = \"tls/server.pem\"\n\
         certificate_key = \"tls/server.key\"\nclient_roots = \"tls/ca.pem\"\nrevoked = [\"tls/revoked.pem\"]\n",
    );
    (house, [text(&api, "api_key"), text(&expired, "api_key")])
}

/// One request, with the certificate of this file or none; gives the status and the body, or how the connection failed.
fn send(
    (house, serving): (&House, &Serving),
    certificate: Option<&str>,
    (line, headers, body): (&str, &[(&str, String)], &str),
) -> Result<(u16, String), String> {
    let pem = |name: &str| std::fs::read(house.path(name)).expect("there");
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem("data/tls/ca.pem")).expect("a certificate"))
        .expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_root_certificates(roots);
    let config = match certificate {
        Some(name) => {
            let leaf = CertificateDer::from_pem_slice(&pem(&format!("{name}.pem"))).expect("a certificate");
            let key = PrivateKeyDer::from_pem_slice(&pem(&format!("{name}.key"))).expect("a key");
            builder.with_client_auth_cert(vec![leaf], key).expect("they fit")
        }
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream =
        StreamOwned::new(connection, TcpStream::connect(authority(serving)).expect("it listens"));
    let mut request = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", authority(serving));
    headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    request += &format!("Content-Length: {}\r\nContent-Type: application/json\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| answer.clone())?, answer))
}

fn authority(serving: &Serving) -> String {
    let url = text(&serving.ready, "api");
    url.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/v1")).expect("https").to_owned()
}

/// The headers that sign a payment with bank A's key.
fn signature((house, serving): (&House, &Serving), nonce: &str, body: &str) -> Vec<(&'static str, String)> {
    let file = std::fs::read_to_string(house.path("sign.key")).expect("a key");
    let key = SigningKey::from_bytes(&hex::decode(file.trim()).expect("digits"));
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let shown = Presented {
        method: "POST",
        scheme: "https",
        authority: &authority(serving),
        path: "/v1/transfers",
        query: None,
        headers: &|_| None,
        body: body.as_bytes(),
        certificate: None,
    };
    // As far ahead as a clock may be: what is dated before that is not taken just after a start.
    signed::sign(&shown, &key, ("bank-a-1", nonce, now_s + 5))
}

#[test]
fn each_proof_over_tls_is_taken_for_what_it_proves_and_nothing_else_is() {
    let (house, [key, expired]) = house("callers");
    let serving = house.serve();
    let at = (&house, &serving);
    let get = |certificate, path: &str, headers: &[(&str, String)]| {
        send(at, certificate, (&format!("GET {path}"), headers, ""))
    };
    let bearer = |key: &str| vec![("Authorization", format!("Bearer {key}"))];
    let own = format!("/v1/accounts?participant={A}");
    let status = |answer: Result<(u16, String), String>| answer.map(|(status, _)| status);

    // Certificates: taken, and fenced; revoked and of another root, refused before any request; of nobody, unidentified.
    assert_eq!(status(get(Some("data/tls/a"), &own, &[])), Ok(200));
    assert_eq!(status(get(Some("data/tls/b"), &own, &[])), Ok(404));
    assert!(get(Some("data/tls/gone"), &own, &[]).expect_err("revoked").contains("CertificateRevoked"));
    assert!(get(Some("other/a"), &own, &[]).is_err());
    assert_eq!(status(get(Some("data/tls/stranger"), &own, &[])), Ok(401));
    // API keys: for the roles they have.
    let payment = format!(
        "{{\"debtor\":\"{A}/EUR\",\"creditor\":\"{B}/EUR\",\"amount\":{{\"amount\":\"1.00\",\"currency\":\"EUR\"}}}}"
    );
    assert_eq!(status(get(None, &own, &bearer(&key))), Ok(200));
    assert_eq!(status(send(at, None, ("POST /v1/transfers", &bearer(&key), &payment))), Ok(403));
    assert_eq!(status(get(None, &own, &bearer(&expired))), Ok(401));
    assert_eq!(status(get(None, &own, &[])), Ok(401));
    assert_eq!(status(get(Some("data/tls/b"), &own, &bearer(&key))), Ok(401));
    // Signatures: over this body, once.
    let signed = signature(at, "one", &payment);
    assert_eq!(status(send(at, None, ("POST /v1/transfers", &signed, &payment))), Ok(201));
    let (again, said) = send(at, None, ("POST /v1/transfers", &signed, &payment)).expect("answered");
    assert!(again == 401 && said.contains("nonce"), "{said}");
    let (altered, other) = (payment.replace("1.00", "9.00"), signature(at, "two", &payment));
    assert_eq!(status(send(at, None, ("POST /v1/transfers", &other, &altered))), Ok(401));
    assert_eq!(serving.terminate(), 0);
}

#[test]
fn who_is_revoked_or_taken_out_of_the_file_is_out_without_a_restart() {
    let (house, [key, _]) = house("callers-again");
    let late = text(&run(&house, "keys client late --ca data/tls"), "serial");
    let serving = house.serve();
    let own = format!("GET /v1/accounts?participant={A}");
    let bearer = vec![("Authorization", format!("Bearer {key}"))];
    let status = |certificate, headers: &[(&str, String)]| {
        send((&house, &serving), certificate, (&own, headers, "")).map(|(status, _)| status)
    };
    assert_eq!((status(Some("data/tls/late"), &[]), status(None, &bearer)), (Ok(401), Ok(200)));
    let file = house.data().join("identities.toml");
    let good = std::fs::read_to_string(&file).expect("there");
    std::fs::write(&file, "half a f").expect("written");
    run(&house, &format!("keys revoke --ca data/tls {late}"));
    wait_for("the revocation", || status(Some("data/tls/late"), &[]).is_err().then_some(()));
    assert_eq!(status(None, &bearer), Ok(200), "what can't be read changes nothing");
    let without_b = &good[..good.find("[[caller]]\nname = \"b\"").expect("the second bank")];
    assert_eq!(status(Some("data/tls/b"), &[]), Ok(404), "known, and fenced");
    std::fs::write(&file, without_b).expect("written");
    wait_for("the second bank to go", || (status(Some("data/tls/b"), &[]) == Ok(401)).then_some(()));
    assert_eq!(status(None, &bearer), Ok(200));
    assert_eq!(serving.terminate(), 0);
}

#[test]
fn without_tls_and_callers_the_api_is_on_loopback_alone() {
    let house = House::founded("callers-config");
    let refuses = |lines: &str, words: &[&str]| {
        std::fs::write(house.path("feiqian.toml"), format!("[api]\n{lines}")).expect("written");
        house.run(&["accounts"]).fails_with(2, words);
    };
    refuses("listen = \"0.0.0.0:0\"\n", &["listen", "loopback"]);
    refuses("identities = \"i\"\nlisten = \"0.0.0.0:0\"\n", &["listen", "loopback"]);
    refuses("certificate = \"c\"\n", &["certificate_key"]);
    refuses("certificate = \"c\"\ncertificate_key = \"k\"\nclient_roots = \"r\"\n", &["revoked"]);
    refuses("client_certificate_required = true\n", &["client_certificate_required"]);
    house.configure("identities = \"absent.toml\"\n");
    house.run(&["serve"]).fails_with(2, &["absent.toml"]);
}
