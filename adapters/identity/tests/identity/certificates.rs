//! Certificates: whom they name, and what a server over TLS takes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use feiqian_identity::authority::{Authority, End, Issued, Validity};
use feiqian_identity::tls::{Tls, TlsFault, TlsFiles};
use feiqian_identity::{CertificateFault, Identities, Unidentified};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, Stream};

use super::request::{NOW_S, Sent, house};

fn days(days: u16) -> Validity {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Validity { from_s: now.as_secs() - 86_400, days }
}

fn der(issued: &Issued) -> Vec<u8> {
    CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap().to_vec()
}

struct House {
    folder: PathBuf,
    root: Issued,
}

impl House {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("feiqian-tls-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, root: Authority::root("TEST CA, not for real", days(30)).unwrap() }
    }

    fn authority(&self) -> Authority {
        Authority::load(&self.root.certificate_pem, &self.root.key_pem).unwrap()
    }

    fn client(&self, name: &str, validity: Validity) -> Issued {
        self.authority().issue(End::Client, &[name.to_owned()], validity).unwrap()
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What a client connects with.
    fn caller(&self, client: Option<&Issued>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.root.certificate_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        match client {
            Some(client) => {
                let key = PrivateKeyDer::from_pem_slice(client.key_pem.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![der(client).into()], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        }
    }

    fn files(&self, revoked: &[String], list_days: u16) -> TlsFiles {
        let server = self.authority().issue(End::Server, &["localhost".to_owned()], days(30)).unwrap();
        let list = self.authority().revoke(revoked, 1, days(list_days)).unwrap();
        TlsFiles {
            certificate: self.put("server.pem", &server.certificate_pem),
            key: self.put("server.key", &server.key_pem),
            client_roots: Some(self.put("root.pem", &self.root.certificate_pem)),
            revoked: vec![self.put("revoked.pem", &list)],
            needs_client_certificate: true,
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Connects over a real socket; gives what the server says to a client that it has taken.
fn connect(files: &TlsFiles, house: &House, client: Option<&Issued>) -> Result<Vec<u8>, String> {
    let tls = Tls::open(files.clone()).map_err(|fault| fault.to_string())?;
    connect_to(&tls, house, client)
}

fn connect_to(tls: &Arc<Tls>, house: &House, client: Option<&Issued>) -> Result<Vec<u8>, String> {
    let config = tls.config().map_err(|fault| fault.to_string())?;
    meet(&Arc::new(config), &Arc::new(house.caller(client)))
}

/// One connection of ends that may have met before.
fn meet(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Result<Vec<u8>, String> {
    let config = Arc::clone(server);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let told = stream.write_all(b"in").map_err(|error| error.to_string());
        let _ = stream.flush();
        let shown = connection.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.to_vec());
        told.map(|()| shown.unwrap_or_default())
    });
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut greeting = [0; 2];
    let read = Stream::new(&mut connection, &mut socket).read_exact(&mut greeting);
    drop(socket);
    let served = serving.join().unwrap()?;
    read.map(|()| served).map_err(|error| error.to_string())
}

#[test]
fn a_client_of_the_root_is_taken_and_every_other_is_not() {
    let house = House::new("taken");
    let (good, revoked) =
        (house.client("core.bank-a.example", days(30)), house.client("core.bank-b.example", days(30)));
    let files = house.files(std::slice::from_ref(&revoked.serial), 30);
    assert_eq!(connect(&files, &house, Some(&good)).unwrap(), der(&good));
    let stranger = House::new("stranger").client("core.bank-a.example", days(30));
    let expired = house.client("core.bank-a.example", Validity { from_s: NOW_S - 400_000_000, days: 1 });
    let server = house.authority().issue(End::Server, &["core.bank-a.example".to_owned()], days(30)).unwrap();
    let refused = [
        (Some(&revoked), "evoked"),
        (Some(&stranger), "BadSignature"),
        (Some(&expired), "xpired"),
        (Some(&server), ""),
        (None, ""),
    ];
    for (client, why) in refused {
        let fault = connect(&files, &house, client).expect_err("not taken");
        assert!(fault.contains(why), "{fault}, for {why}");
    }
}

#[test]
fn a_list_of_revocations_past_its_next_update_lets_nobody_in() {
    let house = House::new("stale");
    let client = house.client("core.bank-a.example", days(30));
    // From yesterday, for a day: over at midnight.
    let fault = connect(&house.files(&[], 1), &house, Some(&client)).expect_err("not taken");
    assert!(fault.contains("evocation"), "{fault}");
    let without = TlsFiles { revoked: Vec::new(), ..house.files(&[], 30) };
    assert!(matches!(Tls::open(without), Err(TlsFault::NoList)), "no list, no knowledge");
    let stranger = House::new("stale-other");
    let other = stranger.files(&[], 30);
    let of_another = TlsFiles { revoked: other.revoked, ..house.files(&[], 30) };
    assert!(connect(&of_another, &house, Some(&client)).is_err(), "the list of another root says nothing");
}

#[test]
fn who_need_not_show_a_certificate_may_still_not_show_a_wrong_one() {
    let house = House::new("optional");
    let files = TlsFiles { needs_client_certificate: false, ..house.files(&[], 30) };
    assert_eq!(connect(&files, &house, None).unwrap(), Vec::<u8>::new());
    let stranger = House::new("optional-stranger").client("core.bank-a.example", days(30));
    assert!(connect(&files, &house, Some(&stranger)).is_err());
}

#[test]
fn a_server_without_roots_asks_for_no_certificate() {
    let house = House::new("open");
    let files = TlsFiles { client_roots: None, needs_client_certificate: false, ..house.files(&[], 30) };
    assert_eq!(connect(&files, &house, None).unwrap(), Vec::<u8>::new());
    let client = house.client("core.bank-a.example", days(30));
    assert_eq!(connect(&files, &house, Some(&client)).unwrap(), Vec::<u8>::new(), "not asked, not shown");
}

#[test]
fn files_that_are_missing_or_wrong_are_named() {
    let house = House::new("files");
    let files = house.files(&[], 30);
    let missing = TlsFiles { key: house.folder.join("none.key"), ..files.clone() };
    assert!(matches!(Tls::open(missing), Err(TlsFault::File { file, .. }) if file.ends_with("none.key")));
    let wrong = TlsFiles { certificate: house.put("no.pem", "nothing"), ..files.clone() };
    assert!(matches!(Tls::open(wrong), Err(TlsFault::Content { file, .. }) if file.ends_with("no.pem")));
    let open = TlsFiles { client_roots: None, ..files };
    assert!(matches!(Tls::open(open), Err(TlsFault::NoRoots)));
}

#[test]
fn files_read_again_hold_for_the_next_handshake_and_wrong_ones_change_nothing() {
    let house = House::new("again");
    let (good, revoked) =
        (house.client("core.bank-a.example", days(30)), house.client("core.bank-b.example", days(30)));
    let tls = Tls::open(house.files(&[], 30)).unwrap();
    assert_eq!(connect_to(&tls, &house, Some(&revoked)).unwrap(), der(&revoked), "not yet revoked");
    house.files(std::slice::from_ref(&revoked.serial), 30);
    tls.read_again().unwrap();
    assert!(connect_to(&tls, &house, Some(&revoked)).expect_err("revoked").contains("evoked"));
    assert_eq!(connect_to(&tls, &house, Some(&good)).unwrap(), der(&good));
    house.put("revoked.pem", "half a l");
    assert!(matches!(tls.read_again(), Err(TlsFault::NoList)));
    assert!(connect_to(&tls, &house, Some(&revoked)).expect_err("still revoked").contains("evoked"));
    assert_eq!(connect_to(&tls, &house, Some(&good)).unwrap(), der(&good));
}

#[test]
fn a_client_that_would_resume_its_session_is_asked_for_its_certificate_again() {
    let house = House::new("resume");
    let client = house.client("core.bank-a.example", days(30));
    let tls = Tls::open(house.files(&[], 30)).unwrap();
    let (server, caller) = (Arc::new(tls.config().unwrap()), Arc::new(house.caller(Some(&client))));
    for _ in 0..2 {
        assert_eq!(meet(&server, &caller).unwrap(), der(&client));
    }
    house.files(std::slice::from_ref(&client.serial), 30);
    tls.read_again().unwrap();
    assert!(meet(&server, &caller).expect_err("revoked").contains("evoked"));
}

fn showing(certificate: Vec<u8>) -> Sent {
    Sent { certificate: Some(certificate), ..Sent::post() }
}

#[test]
fn a_certificate_names_its_caller_by_whole_name_or_by_key() {
    let authority_folder = House::new("names");
    let name = |name: &str| der(&authority_folder.client(name, days(30)));
    assert_eq!(&*showing(name("core.bank-a.example")).identify(&house()).unwrap().name, "bank-a");
    let unknown = [name("x.core.bank-a.example"), name("bank-a.example"), name("*.bank-a.example")];
    for certificate in unknown {
        let refused = showing(certificate).identify(&house());
        assert_eq!(refused, Err(Unidentified::Certificate(CertificateFault::Unknown)));
    }
    let names = ["core.bank-a.example".to_owned(), "core.bank-b.example".to_owned()];
    let both = authority_folder.authority().issue(End::Client, &names, days(30)).unwrap();
    let refused = showing(der(&both)).identify(&house());
    assert_eq!(refused, Err(Unidentified::Certificate(CertificateFault::Several)));
    assert_eq!(
        showing(vec![1, 2, 3]).identify(&house()),
        Err(Unidentified::Certificate(CertificateFault::Malformed))
    );

    let pinned = authority_folder.client("any.example", days(30));
    let text = format!(
        "[[caller]]\nname = \"c\"\nparticipant = \"AAAADEFFXXX\"\nroles = [\"viewer\"]\n[[caller.certificate]]\nspki_sha256 = \"{}\"\n",
        pinned.spki_sha256
    );
    let pins = Identities::parse(&text, NOW_S).unwrap();
    assert_eq!(&*showing(der(&pinned)).identify(&pins).unwrap().name, "c");
    assert!(showing(name("any.example")).identify(&pins).is_err(), "the same name with another key");
}

#[test]
fn a_key_is_shown_by_nothing_that_prints() {
    let issued = House::new("print").client("core.bank-a.example", days(30));
    assert!(!format!("{issued:?}").contains("PRIVATE"));
}
